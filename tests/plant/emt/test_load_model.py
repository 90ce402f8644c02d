"""The load, against exact solutions of the same circuit and against its own set-points."""

import importlib
import math
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import expm

import hil.jit
import hil.plant.emt
from hil.plant.emt import bus, grid, load
from hil.plant.loads import Bank, ElectronicLoad, command_bank, load_array, play
from hil.profiles.profile import Profile

HERTZ = 50.0
OMEGA = 2 * np.pi * HERTZ
VOLTS = 480.0 / np.sqrt(3)
PEAK = np.sqrt(2) * VOLTS
TAP = bus.I_LOAD
BASE = 480.0**2 / 100e3
NOTHING = np.zeros(2)


# Less than 1 % of the load's impedance; L over the load's resistance lasts a step, or the trapezoidal rule
# would ring.
STIFF = {"ohm": 1e-3, "henry": 50e-6, "stray": 2e-6}


@pytest.fixture
def rig(rig_of):
    """Build a rig of the load."""

    def build(bank=None, electronic=None, profile=NOTHING, step=20e-6, period=100e-6, **options):
        x = load_array(bank or Bank(), electronic or ElectronicLoad(ups=False), step, period)
        x[load.CLOSED] = 0.0 if bank is None else 1.0
        return rig_of(load, x, lambda w, t: load.control(w, t, profile), step=step, **options)

    return build


class Exact:
    """One phase: source behind R and L, strays, and the bank; stepped by the matrix exponential."""

    def __init__(self, ohm, henry, stray, shift, bank, k):
        self.ohm, self.henry, self.stray, self.bank, self.k = ohm, henry, stray, bank, k
        # states: source, reactor current, stray and bank capacitor voltage, source voltage and its quadrature
        self.z = np.array([0.0, 0.0, 0.0, 0.0, PEAK * np.cos(shift), PEAK * np.sin(shift)])

    def node(self):
        """Return the row that gives the bus voltage from the states."""
        g = 1 / self.bank.resistance[self.k]
        farad = self.bank.capacitance[self.k]
        r = self.bank.damping_time / farad
        return np.array([1.0, -1.0, 1 / 10.0, 1 / r, 0.0, 0.0]) / (1 / 10.0 + g + 1 / r)

    def run(self, seconds, step):
        v, farad = self.node(), self.bank.capacitance[self.k]
        a = np.zeros((6, 6))
        a[0] = -v / self.henry
        a[0, 0] -= self.ohm / self.henry
        a[0, 4] += 1 / self.henry
        a[1] = v / self.bank.inductance[self.k]
        a[1, 1] -= 1 / self.bank.reactor_time
        a[2] = v / (10.0 * self.stray)
        a[2, 2] -= 1 / (10.0 * self.stray)
        a[3] = v / self.bank.damping_time
        a[3, 3] -= 1 / self.bank.damping_time
        a[4, 5], a[5, 4] = -OMEGA, OMEGA
        turn, out = expm(a * step), []
        for _ in range(round(seconds / step)):
            self.z = turn @ self.z
            out.append(v @ self.z)
        assert farad > 0.0
        return np.array(out)

    def change(self, bank):
        """Take another bank: reactor current and the sum of charges go on."""
        self.z[3] *= self.bank.capacitance[self.k] / bank.capacitance[self.k]
        self.bank = bank


# Each phase its own; the source's impedance 5 % of the load's.
SMALL = Bank((3.0, 2.5, 4.0), (20e-3, 15e-3, 30e-3), (200e-6, 300e-6, 150e-6))
LARGE = Bank((2.0, 2.5, 4.0), (20e-3, 7e-3, 12e-3), (200e-6, 450e-6, 400e-6))
OHM, HENRY, STRAY = 0.02, 0.3e-3, 2e-6


def deviation(rig, step, before, after, *skip):
    """Return the largest error of the bus voltage [V], before and after a change of the bank."""
    bench = rig(before, step=step, period=200e-6, ohm=OHM, henry=HENRY, stray=STRAY)
    every, errors = round(200e-6 / step), []
    first = bench.run(0.02, every)[0]
    command_bank(bench.w, after)
    second = bench.run(0.02, every)[0]
    for k in range(3):
        exact = Exact(OHM, HENRY, STRAY, -2 * np.pi * k / 3, before, k)
        errors.append(np.abs(first[:, k] - exact.run(0.02, step)).max())
        exact.change(after)
        late = round(skip[0] / step)
        errors.append(np.abs(second[:, k] - exact.run(0.02, step))[late:].max())
    return max(errors[::2]), max(errors[1::2])


def test_unbalanced_bank_follows_the_exact_solution_to_second_order(rig):
    coarse, fine = deviation(rig, 20e-6, SMALL, SMALL, 0)[0], deviation(rig, 10e-6, SMALL, SMALL, 0)[0]
    assert fine < 1e-3 * PEAK
    assert 3.7 < coarse / fine < 4.3


def test_what_is_added_shares_the_charge_and_keeps_the_reactor_current(rig):
    # The equalising current within the added capacitor's leads lasts microseconds: compare 1 ms later.
    coarse, fine = deviation(rig, 20e-6, SMALL, LARGE, 1e-3)[1], deviation(rig, 10e-6, SMALL, LARGE, 1e-3)[1]
    assert fine < 3e-3 * PEAK
    assert coarse / fine > 1.9


def test_added_capacitor_takes_its_share_of_the_charge(rig):
    bench = rig(SMALL, ohm=OHM, henry=HENRY, stray=STRAY)
    bench.run(0.0183)
    x = bench.w

    def charges():  # U is the capacitor's voltage and what half a step of its current adds to it
        farad, amps = x[load.CAP : load.CAP + 3], x[load.I_C : load.I_C + 3]
        return farad * x[load.U : load.U + 3] - 10e-6 * amps

    before = charges()
    for k in range(3):
        x[load.WANT_CAP + k] = 2.5 * x[load.CAP + k]
        load.recharge(x, k, 1 / 2.5)
    assert np.abs(before).min() > 1e-3
    assert charges() == pytest.approx(before, rel=1e-12)


def test_added_reactor_starts_without_current(rig):
    bank = Bank(inductance=(20e-3,) * 3)
    bench = rig(bank, **STIFF)
    bench.run(0.0225)
    before = bench.w[load.I_L]
    command_bank(bench.w, Bank(inductance=(5e-3,) * 3))
    volts, _, after, _ = bench.run(20e-6)
    assert abs(before) > 30.0
    assert after[0, 0] - before == pytest.approx(volts[0, 0] / 5e-3 * 20e-6, rel=0.02)  # di = v / L dt


@pytest.mark.parametrize(
    ("all_of_it", "part", "slot", "mean"),
    [
        (Bank(inductance=(5e-3,) * 3), Bank(inductance=(20e-3,) * 3), load.INV_L, 1 / 20e-3),
        (Bank(capacitance=(2e-3,) * 3), Bank(capacitance=(5e-4,) * 3), load.CAP, 5e-4),
        (Bank(resistance=(2.0,) * 3), Bank(resistance=(8.0,) * 3), load.G, 1 / 8.0),
        (Bank(inductance=(5e-3,) * 3), Bank(), load.INV_L, 0.0),
        (Bank(resistance=(2.0,) * 3), Bank(), load.G, 0.0),
        (Bank(capacitance=(2e-3,) * 3), Bank(), load.CAP, 0.0),
    ],
)
def test_what_is_removed_leaves_at_its_current_zero(rig, all_of_it, part, slot, mean):
    bench = rig(all_of_it, ohm=0.05, henry=20e-6, stray=2e-6)
    amps = bench.run(0.4)[2]
    largest = np.abs(np.diff(amps[-1000:], axis=0)).max()  # slope of the sine, per step
    bench.run(0.0031)
    command_bank(bench.w, part)
    last = bench.w[TAP : TAP + 3].copy()
    amps = np.vstack((last, bench.run(0.02)[2]))
    assert np.abs(np.diff(amps, axis=0)).max() < 1.1 * largest
    assert list(bench.w[slot : slot + 3]) == pytest.approx([mean] * 3, rel=1e-12, abs=0.0)
    if mean == 0.0:
        assert np.all(bench.run(0.02)[2] == 0.0)


def test_poles_open_each_at_its_current_zero(rig):
    bench = rig(SMALL, ohm=OHM, henry=HENRY, stray=STRAY)
    amps = bench.run(0.1)[2]
    slope = np.abs(np.diff(amps[-1000:], axis=0)).max()
    bench.w[load.CLOSED] = 0.0
    amps = bench.run(0.012)[2]
    gone = [int(np.flatnonzero(amps[:, k]).max()) for k in range(3)]
    assert len(set(gone)) == 3  # not together
    assert max(gone) < 501  # within half a cycle
    for k in range(3):
        assert abs(amps[gone[k], k]) < slope
        assert np.ptp(amps[: gone[k] + 1, k]) > 10 * slope
    assert np.all(bench.w[load.U : load.U + 3] == 0.0)


def test_island_rings_down_on_its_resonance(rig):
    quality, ohm = 5.0, 480.0**2 / 100e3
    bank = Bank.resonant(100e3, quality, 480.0, HERTZ)
    bench = rig(bank, **STIFF)
    bench.run(0.2)
    bench.w[grid.POLE : grid.POLE + 3] = 0.0
    bench.w[grid.BREAKER] = 0.0
    bench.w[grid.I : grid.I + 3] = 0.0
    bench.w[bus.CHANGED] = 1.0
    v = bench.run(0.1)[0][:, 0]
    ups = np.flatnonzero((v[:-1] < 0.0) & (v[1:] >= 0.0))
    period = (ups[-1] - ups[0]) / (len(ups) - 1) * 20e-6
    farad, damping = bank.capacitance[0], 0.5 / (ohm * bank.capacitance[0])
    damping += 0.5 / bank.reactor_time + 0.5 * OMEGA**2 * bank.damping_time  # series R of L and of C
    assert farad == pytest.approx(quality / (OMEGA * ohm))
    assert period == pytest.approx(1 / HERTZ / np.sqrt(1 - (damping / OMEGA) ** 2), rel=2e-3)
    first, last = v[1000:2000].max(), v[4000:5000].max()
    assert np.log(first / last) / (3 * period) == pytest.approx(damping, rel=0.01)


def powers(phasor, v, amps):
    """Return mean P and Q (instantaneous, positive where the current lags) and the phases' own Q."""
    other = np.roll(v, -1, axis=1) - np.roll(v, -2, axis=1)
    p, q = (v * amps).sum(axis=1), (other * amps).sum(axis=1) / np.sqrt(3)
    return p[-4000:].mean(), q[-4000:].mean(), (phasor(v) * phasor(amps).conj()).imag.sum()


@pytest.mark.parametrize("parts", [(1.0, 1.0, 1.0), (1.0, 0.88, 1.05), (0.9, 1.05, 1.0)])
@pytest.mark.parametrize(("watts", "var"), [(80e3, 30e3), (60e3, -50e3), (0.0, 40e3)])
def test_electronic_load_draws_its_set_points(rig, phasor, parts, watts, var):
    bench = rig(ohm=0.02, henry=0.2e-3, stray=1e-6)
    bench.source(*parts)
    bench.w[load.ON], bench.w[load.P], bench.w[load.Q] = 1.0, watts, var
    v, source, amps, _ = bench.run(0.5)
    p, q, by_phase = powers(phasor, v, amps)
    assert p == pytest.approx(watts, abs=1e-4 * 100e3)
    assert q == pytest.approx(var, abs=1e-4 * 100e3)
    assert np.abs(amps.sum(axis=1)).max() < 1e-9 * np.abs(amps).max()  # no neutral
    if parts == (1.0, 1.0, 1.0):
        assert by_phase == pytest.approx(var, abs=1e-4 * 100e3)
    # The unbalance of its currents is that of the voltages: a constant conductance, hardly modulated at 2f.
    third = np.exp(2j * np.pi * np.arange(3) / 3)
    assert abs(phasor(amps) @ third.conj() / (phasor(amps) @ third)) == pytest.approx(
        abs(phasor(v) @ third.conj() / (phasor(v) @ third)), abs=0.02
    )
    assert source[-1] == pytest.approx(amps[-1], abs=1.0)  # the strays take the rest


def test_power_follows_its_set_point_with_the_input_lag(rig):
    bench = rig(**STIFF)
    bench.w[load.ON], bench.w[load.P] = 1.0, 20e3
    bench.run(0.3)
    bench.w[load.P] = 80e3
    v, _, amps, _ = bench.run(0.005)
    p = (v * amps).sum(axis=1)[4::5]
    expected = 80e3 - 60e3 * np.exp(-np.arange(1, 51) * 100e-6 / 1e-3)
    assert p[2:] == pytest.approx(expected[2:], rel=2e-3)  # the source's inductance takes the first steps


def test_current_is_limited_and_the_load_one_of_constant_current_below(rig, phasor):
    for part, limited in ((0.9, False), (0.6, True), (0.4, True)):
        bench = rig(**STIFF)
        bench.w[load.ON], bench.w[load.P] = 1.0, 100e3
        bench.run(0.3)
        bench.source(part, part, part)
        v, _, i, _ = bench.run(0.3)
        if limited:
            assert abs(phasor(i)[0]) == pytest.approx(1.2 * 100e3 / (3 * VOLTS), rel=1e-4)
            assert powers(phasor, v, i)[0] == pytest.approx(1.2 * 100e3 * part, rel=0.01)
        else:
            assert powers(phasor, v, i)[0] == pytest.approx(100e3, rel=1e-4)
        bench.source(1.0, 1.0, 1.0)
        i = bench.run(0.02)[2][12:]  # from the control period on that sees the voltage return
        assert np.abs(i).max() < 1.2 * np.sqrt(2) * 100e3 / (3 * VOLTS) * 1.02


def test_dead_bus_takes_nothing_and_the_load_comes_back(phasor, rig):
    bench = rig(**STIFF)
    bench.w[load.ON], bench.w[load.P] = 1.0, 50e3
    bench.run(0.1)
    bench.source(0.2, 0.2, 0.2)
    v, _, i, _ = bench.run(0.3)
    assert abs(powers(phasor, v, i)[0]) < 1e-3
    bench.source(1.0, 1.0, 1.0)
    v, _, i, _ = bench.run(0.2)
    assert powers(phasor, v, i)[0] == pytest.approx(50e3, rel=1e-4)


def test_steady_load_makes_no_matrices(rig):
    bench = rig(Bank(resistance=(10.0,) * 3), **STIFF)
    bench.w[load.ON], bench.w[load.P], bench.w[load.Q] = 1.0, 50e3, 10e3
    assert bench.run(0.5)[3] > 100
    assert bench.run(0.1)[3] == 0


def fed(bench, seconds):
    v, _, i, _ = bench.run(seconds)
    return (v * i).sum(axis=1) / 100e3


UPS = ElectronicLoad(return_delay=0.2, return_ramp=5.0)


def sagged(rig, electronic, seconds, *parts):
    """Return power [pu] during a sag and for half a second after it."""
    bench = rig(electronic=electronic, **STIFF)
    bench.run(0.1)
    bench.w[load.ON], bench.w[load.P] = 1.0, 100e3
    bench.run(0.2)
    bench.source(*parts)
    during = fed(bench, seconds)
    bench.source(1.0, 1.0, 1.0)
    return during, fed(bench, 0.6)


@pytest.mark.parametrize("parts", [(0.5, 0.5, 0.5), (0.0, 0.0, 0.0), (0.2, 1.0, 1.0)])
def test_ups_takes_the_load_in_a_sag_and_walks_it_back(rig, parts):
    during, after = sagged(rig, UPS, 0.1, *parts)
    if any(parts):
        assert during[: round(0.012 / 20e-6)].min() > 0.15  # not at once
    assert np.abs(during[-round(0.05 / 20e-6) :]).max() < 1e-3
    assert np.abs(after[: round(0.2 / 20e-6)]).max() < 1e-3
    halfway = np.flatnonzero(after > 0.5)[0] * 20e-6
    # Voltage seen again after 10 to 30 ms, the delay, half of the ramp of 0.2 s.
    assert 0.2 + 0.1 + 0.005 < halfway < 0.2 + 0.1 + 0.03
    assert after[-1] == pytest.approx(1.0, rel=1e-4)


def test_ups_waits_for_its_transfer_time(rig):
    gone = []
    for seconds in (0.01, 0.05):
        during = sagged(rig, replace(UPS, transfer_time=seconds), 0.15, 0.5, 0.5, 0.5)[0]
        gone.append(np.flatnonzero(during > 0.1)[-1] * 20e-6)
    assert gone[1] - gone[0] == pytest.approx(0.04, abs=2e-4)


def test_short_and_shallow_sags_and_a_load_without_ups_ride_through(rig):
    for electronic, seconds, part in (
        (UPS, 0.008, 0.5),
        (UPS, 0.5, 0.75),
        (ElectronicLoad(ups=False), 0.5, 0.5),
    ):
        during, after = sagged(rig, electronic, seconds, part, part, part)
        assert during.min() > 0.24
        assert after[-1] == pytest.approx(1.0, rel=1e-3)


def test_profile_is_held_or_joined_repeated_or_ended():
    x = load_array(Bank(), ElectronicLoad(), 20e-6, 100e-6)
    # an hour of the trace before its first point is not played; its points are not equally far apart
    lines = Profile(np.array([3600.0, 3600.5, 3601.5, 3602.0]), np.array([1.0, 3.0, 2.0, 4.0]))
    steps = replace(lines, held=True)
    points = play(x, lines, 0.0)
    assert list(points) == [0.0, 1.0, 0.5, 3.0, 1.5, 2.0, 2.0, 4.0]
    at = [0.0, 0.125, 0.5, 1.0, 1.5, 1.75, 2.0, 2.125, 7.0]

    def values():
        return [load.power(x, points, since) for since in at]

    assert values() == [1.0, 1.5, 3.0, 2.5, 2.0, 3.0, 4.0, 4.0, 4.0]
    play(x, lines, 0.0, repeated=True)
    assert values() == [1.0, 1.5, 3.0, 2.5, 2.0, 3.0, 1.0, 1.5, 2.5]
    play(x, steps, 0.0, repeated=True)
    assert values() == [1.0, 1.0, 3.0, 3.0, 2.0, 2.0, 1.0, 1.0, 3.0]
    # instants that rounding has put a little early
    assert [load.power(x, points, since - 1e-12) for since in (0.0, 0.5, 2.0)] == [1.0, 3.0, 1.0]
    play(x, steps, 0.0)
    assert values() == [1.0, 1.0, 3.0, 3.0, 2.0, 2.0, 4.0, 4.0, 4.0]


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(st.floats(1e-3, 2.0), st.floats(0.0, 1e5)), min_size=2, max_size=40),
    st.lists(st.floats(0.0, 100.0), min_size=1, max_size=20),
    st.booleans(),
)
def test_profile_is_played_as_it_is_defined(trace, instants, held):
    """Between the points of any trace nothing is invented: `Profile.at` finds them by numpy's own search."""
    time, watts = np.cumsum([seconds for seconds, _ in trace]), np.array([power for _, power in trace])
    profile = Profile(time - time[0], watts, held=held)
    x = load_array(Bank(), ElectronicLoad(), 20e-6, 100e-6)
    points = play(x, profile, 0.0)
    played = [load.power(x, points, since) for since in instants]
    expected = profile.at(np.array(instants) + (load.EARLY if held else 0.0))
    assert played == pytest.approx(expected.tolist(), rel=1e-9, abs=1e-6)


def test_profile_draws_reactive_power_by_its_tangent(rig):
    bench = rig(**STIFF)
    points = play(bench.w, Profile(np.array([0.0, 1.0]), np.array([40e3, 40e3])), 0.0, tangent=0.5)
    bench.control = lambda w, t: load.control(w, t, points)
    bench.w[load.ON], bench.w[load.SCALE] = 1.0, 1.5
    assert fed(bench, 0.4)[-1] * 100e3 == pytest.approx(60e3, rel=1e-4)
    assert bench.w[load.Q_NOW] == pytest.approx(30e3, rel=1e-4)


def test_profile_begins_at_its_start_and_scales(rig):
    bench = rig(**STIFF)
    points = play(bench.w, Profile(np.array([0.0, 0.1]), np.array([40e3, 20e3]), held=True), 0.4)
    bench.control = lambda w, t: load.control(w, t, points)
    bench.w[load.ON], bench.w[load.P], bench.w[load.SCALE] = 1.0, 10e3, 2.0
    for watts in (10e3, 80e3, 40e3):
        end = {10e3: 0.4, 80e3: 0.1, 40e3: 0.1}[watts]
        assert fed(bench, end)[-1] * 100e3 == pytest.approx(watts, rel=1e-4)


def test_currents_of_the_bus_add_up(rig):
    bench = rig(SMALL, ohm=OHM, henry=HENRY, stray=STRAY)
    bench.w[load.ON], bench.w[load.P], bench.w[load.Q] = 1.0, 50e3, -20e3
    for _ in range(400):
        strays = bench.w[bus.VC : bus.VC + 3].copy()
        v, source, amps, _ = bench.run(20e-6)
        taken = amps[0] + bench.w[bus.GC] * (v[0] - strays)
        assert v[0] @ (source[0] - taken) == pytest.approx(0.0, abs=1e-9 * 100e3)


def test_plain_python_on_lists_does_the_same_bit_for_bit(rig, monkeypatch):
    names = ("bus", "grid", "load")
    for decorator in ("part", "inlined"):
        monkeypatch.setattr(hil.jit, decorator, lambda function: function)
    for name in names:  # both are put back as they were
        monkeypatch.delitem(sys.modules, f"hil.plant.emt.{name}")
        monkeypatch.setattr(hil.plant.emt, name, None)
    for name in names:
        delattr(hil.plant.emt, name)
    plain = [importlib.import_module(f"hil.plant.emt.{name}") for name in names]
    assert plain[2].bus is plain[0]
    results = []
    for modules, kind in (((bus, grid, load), np.array), (plain, list)):
        bench = rig(SMALL, UPS, ohm=OHM, henry=HENRY, stray=STRAY)
        trace = Profile(np.array([0.0, 1e-3, 2e-3]), np.array([40e3, 20e3, 40e3]))
        points = kind(play(bench.w, trace, 1e-3, repeated=True, tangent=0.3))
        bench.w[load.ON] = 1.0
        results.append(few_steps(*modules, kind(bench.w.tolist()), points))
    assert results[0] == results[1]
    assert not any(math.isnan(value) for value in results[0])


def few_steps(bus, grid, load, w, points):
    for n in range(600):
        if n % 5 == 0:
            if n == 300:
                w[load.WANT_CAP], w[load.WANT_INV_L], w[load.CLOSED] = 300e-6, 0.0, 0.0
            load.control(w, n * 20e-6, points)
        if w[bus.CHANGED] > 0.0:
            bus.clear(w)
            grid.admit(w)
            load.admit(w)
            bus.invert(w)
        grid.advance(w)
        bus.history(w)
        grid.history(w)
        load.history(w)
        bus.solve(w)
        grid.update(w)
        load.update(w)
    return [float(value) for value in w]
