"""Faults, against E / (Z + Rf) and the sequence components of each type."""

import numpy as np
import pytest

from hil.errors import ConfigError
from hil.plant.emt import bus, fault, grid
from hil.plant.loads import BOLTED, fault_array

HERTZ = 50.0
OMEGA = 2 * np.pi * HERTZ
VOLTS = 480.0 / np.sqrt(3)
PEAK = np.sqrt(2) * VOLTS
TAP = bus.I_FAULT
OHM, HENRY = 0.01, 0.3e-3
Z = OHM + 1j * OMEGA * HENRY
A = np.exp(2j * np.pi / 3)
E = VOLTS * np.array([1.0, A**2, A])


class Rig:
    """A stiff or weak source, the bus and one component, stepped in the plant's order."""

    def __init__(self, part, x, control, *, ohm=0.0, henry=0.0, step=20e-6, angle=0.0, stray=1e-9):
        self.part, self.w, self.control, self.step = part, x, control, step
        self.n = 0
        w = self.w
        w[bus.GC], w[bus.KC], w[bus.CHANGED] = 1.0 / (10.0 + step / (2 * stray)), step / stray, 1.0
        w[grid.G] = 1.0 / (2 * henry / step + ohm)
        w[grid.DECAY] = (2 * henry / step - ohm) * w[grid.G]
        w[grid.COS], w[grid.SIN] = np.cos(angle), np.sin(angle)
        w[grid.TURN_COS], w[grid.TURN_SIN] = np.cos(OMEGA * step), np.sin(OMEGA * step)
        w[grid.RELAY] = w[grid.BREAKER] = w[grid.POLE] = w[grid.POLE + 1] = w[grid.POLE + 2] = 1.0
        w[grid.SLEW] = 1e9
        for k in range(3):
            shift = -2 * np.pi * k / 3
            w[grid.SHIFT_COS + k], w[grid.SHIFT_SIN + k] = np.cos(shift), np.sin(shift)
            w[grid.E + k] = PEAK * np.cos(angle + shift)
        self.source(1.0, 1.0, 1.0)
        w[grid.PEAK : grid.PEAK + 3] = w[grid.GOAL : grid.GOAL + 3]

    def source(self, *parts):
        """Set the source's amplitudes, as parts of nominal."""
        for k, part in enumerate(parts):
            self.w[grid.GOAL + k] = PEAK * part

    def run(self, seconds, every=5):
        """Return voltages, source currents and component currents after each step, and matrices made."""
        count = round(seconds / self.step)
        v, source, into, made = np.zeros((count, 3)), np.zeros((count, 3)), np.zeros((count, 3)), 0
        w, part = self.w, self.part
        for n in range(count):
            if self.n % every == 0:
                self.control(w, self.n * self.step)
            if w[bus.CHANGED] > 0.0:
                made += 1
                bus.clear(w)
                grid.admit(w)
                part.admit(w)
                bus.invert(w)
            grid.advance(w)
            bus.history(w)
            grid.history(w)
            if hasattr(part, "history"):
                part.history(w)
            bus.solve(w)
            grid.update(w)
            part.update(w)
            self.n += 1
            v[n], source[n], into[n] = w[bus.V : bus.V + 3], w[grid.I : grid.I + 3], w[TAP : TAP + 3]
        return v, source, into, made


def phasor(signal, step=20e-6):
    """Return the RMS phasor of the fundamental over the last whole cycle."""
    n = round(1 / (HERTZ * step))
    return np.sqrt(2) / n * signal[-n:].T @ np.exp(-1j * OMEGA * step * np.arange(n))


def rig(kind, ohm, stray=1e-9):
    control = lambda w, t: fault.control(w)  # noqa: E731 - it is a value here
    return Rig(fault, fault_array(kind, ohm), control, ohm=OHM, henry=HENRY, stray=stray)


def faulted(kind, ohm, stray=1e-9):
    """Return bench and phasors of the fault current [A], steady: the offset decays with L / R = 30 ms."""
    bench = rig(kind, ohm, stray)
    bench.run(0.02)
    bench.w[fault.COMMAND] = 1.0
    amps = phasor(bench.run(0.5)[2])
    reference = phasor(np.cos(OMEGA * 20e-6 * np.arange(1, 1001))[:, None])[0] * np.sqrt(2)
    return bench, amps / reference


def sequences(amps):
    """Return zero, positive and negative sequence of phase a."""
    a, b, c = amps
    return np.array([a + b + c, a + A * b + A**2 * c, a + A**2 * b + A * c]) / 3


@pytest.mark.parametrize("ohm", [1e-3, 0.05, 0.5])
@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("a", lambda r: [E[0] / (Z + r), 0, 0]),
        ("bg", lambda r: [0, E[1] / (Z + r), 0]),
        ("ab", lambda r: (E[0] - E[1]) / (2 * Z + r) * np.array([1, -1, 0])),
        ("bc", lambda r: (E[1] - E[2]) / (2 * Z + r) * np.array([0, 1, -1])),
        ("ca", lambda r: (E[2] - E[0]) / (2 * Z + r) * np.array([-1, 0, 1])),
        ("abg", lambda r: [E[0] / (Z + r), E[1] / (Z + r), 0]),  # no mutual impedance: phases by themselves
        ("abc", lambda r: E / (Z + r)),
        ("abcg", lambda r: E / (Z + r)),
    ],
)
def test_fault_current_is_that_of_its_circuit(kind, expected, ohm):
    assert faulted(kind, ohm)[1] == pytest.approx(np.array(expected(ohm)), rel=1e-4, abs=0.1)


def test_sequence_components_are_those_of_the_textbook():
    e = VOLTS
    zero, positive, negative = sequences(faulted("a", 0.1)[1])  # in series: I0 = I1 = I2 = E / (3 Z + 3 Rf)
    assert [zero, positive, negative] == pytest.approx([e / (3 * Z + 0.3)] * 3, rel=1e-4)
    zero, positive, negative = sequences(
        faulted("bc", 0.1)[1]
    )  # I2 = -I1 = -E / (2 Z + Rf), no zero sequence
    assert abs(zero) < 1e-6 * e
    assert positive == pytest.approx(e / (2 * Z + 0.1), rel=1e-4)
    assert negative == pytest.approx(-positive, rel=1e-6)
    zero, positive, negative = sequences(faulted("abc", 0.1)[1])
    assert positive == pytest.approx(e / (Z + 0.1), rel=1e-4)
    assert abs(zero) + abs(negative) < 1e-4 * abs(positive)


@pytest.mark.parametrize(("kind", "legs"), [("abcg", [0, 1, 2]), ("abc", [3, 4, 5]), ("bc", [4]), ("c", [2])])
def test_legs_clear_each_at_its_own_zero(kind, legs):
    bench = faulted(kind, 0.05, stray=2e-6)[0]
    assert [n for n in range(6) if bench.w[fault.CLOSED + n]] == legs
    slope = np.abs(np.diff(bench.run(0.02)[2], axis=0)).max()
    bench.run(0.0013)
    bench.w[fault.COMMAND] = 0.0
    cleared, before = {}, bench.w[fault.CURRENT : fault.CURRENT + 6].copy()
    for n in range(600):
        bench.run(20e-6)
        for leg in legs:
            if leg not in cleared and not bench.w[fault.CLOSED + leg]:
                cleared[leg] = n
                assert abs(before[leg]) <= slope
        before = bench.w[fault.CURRENT : fault.CURRENT + 6].copy()
    assert sorted(cleared) == legs
    assert max(cleared.values()) < 505  # half a cycle
    if kind == "abcg":
        assert len(set(cleared.values())) == 3
    volts, _, amps, _ = bench.run(0.02)
    assert not amps.any()
    assert abs(phasor(volts)) == pytest.approx([VOLTS] * 3, rel=1e-3)


def test_fault_waits_for_its_command_and_comes_back():
    bench = rig("ab", 0.05)
    assert not bench.run(0.02)[2].any()
    for _ in range(2):
        bench.w[fault.COMMAND] = 1.0
        assert np.abs(bench.run(0.02)[2]).max() > 1000.0
        bench.w[fault.COMMAND] = 0.0
        bench.run(0.02)
        assert not bench.run(0.02)[2].any()


def test_currents_of_the_bus_add_up_on_a_bolted_fault():
    bench = rig("abc", BOLTED)
    bench.w[fault.COMMAND] = 1.0
    for _ in range(200):
        strays = bench.w[bus.VC : bus.VC + 3].copy()
        volts, source, amps, _ = bench.run(20e-6)
        taken = amps[0] + bench.w[bus.GC] * (volts[0] - strays)
        assert source[0] == pytest.approx(taken, abs=1e-9 * 5e3)


@pytest.mark.parametrize("kind", ["", "g", "d", "abd", "aa", "abca"])
def test_unknown_type_is_refused(kind):
    with pytest.raises(ConfigError, match="phases a, b, c"):
        fault_array(kind, 0.1)


@pytest.mark.parametrize("ohm", [0.0, -1.0, 1e-5, float("nan"), float("inf")])
def test_impossible_resistance_is_refused(ohm):
    with pytest.raises(ConfigError, match="bolted"):
        fault_array("ab", ohm)
