"""The simulated PCS: what it delivers, what it limits, when it trips, and how its flaws show."""

import numpy as np
import pytest

from hil.plant.emt import unit

CYCLE = 1 / 60


def phasor(x, t, hertz=60.0):
    """Return the RMS phasor of whole cycles."""
    return np.sqrt(2) * np.mean(x * np.exp(-2j * np.pi * hertz * t))


def sequence(w, kind, which=1):
    """Return the positive (1) or negative (-1) sequence phasor of voltages or currents."""
    turn = np.exp(2j * np.pi / 3 * which)
    a, b, c = (phasor(w[f"{kind}_{x}"], w["t"]) for x in "abc")
    return (a + turn * b + turn * turn * c) / 3


def tail(w, seconds=6 * CYCLE):
    n = round(seconds / 20e-6)
    return {name: values[-n:] for name, values in w.items()}


def test_starts_without_inrush_and_stops(setting):
    s = setting()
    s.plant.advance(0.05)
    assert (s.pcs.mode, s.pcs.connected) == ("starting", False)
    w = s.record(0.15)
    assert (s.pcs.mode, s.pcs.connected) == ("running", True)
    assert np.abs(w["i_a"]).max() < 0.1 * s.amps
    s.pcs.enable = False
    s.plant.advance(0.1)
    assert (s.pcs.mode, s.pcs.connected) == ("off", False)


@pytest.mark.parametrize(("what", "volts"), [("grid", 0.8), ("dc", 0.7)])
def test_does_not_start_on_a_sick_source(setting, what, volts):
    s = setting()
    if what == "grid":
        s.sag(volts)
    else:
        s.dc.volts *= volts
    s.plant.advance(1.0)
    assert (s.pcs.mode, s.pcs.connected) == ("starting", False)


@pytest.mark.parametrize("scr", [2.0, 5.0, 20.0, 1000.0])
@pytest.mark.parametrize(("power", "reactive"), [(0.8, 0.2), (-0.5, 0.3), (0.5, 0.0), (0.0, -0.1)])
def test_delivers_what_it_is_told(running, scr, power, reactive):
    s = running(power=power, reactive=reactive, scr=scr)
    s.plant.advance(0.5)
    assert s.pcs.measured_watts == pytest.approx(power * 100e3, abs=1e3)
    assert s.pcs.measured_var == pytest.approx(reactive * 100e3, abs=1e3)
    assert s.pcs.measured_hertz == pytest.approx(60.0, abs=0.01)


def test_works_on_a_european_grid(running):
    s = running(power=-0.9, voltage=400.0, frequency=50.0, rated_power=50e3, filter_capacitance=0.06)
    assert s.pcs.measured_watts == pytest.approx(-45e3, rel=0.01)
    assert s.pcs.measured_hertz == pytest.approx(50.0, abs=0.01)


def test_grid_impedance_divides_the_voltage(running):
    s = running(power=0.8, reactive=0.3, scr=5.0)
    w = s.record(6 * CYCLE)
    q = s.plant.parameters
    z = (q.grid_resistance + 1j * q.grid_inductance) * q.impedance
    source = sequence(w, "v") + z * sequence(w, "i_grid")  # Kirchhoff: G = V_pcc + Z I
    assert source == pytest.approx(sequence(w, "v_source"), rel=1e-5)
    assert abs(source) == pytest.approx(s.volts, rel=1e-5)
    strays = sequence(w, "v") / (q.stray_resistance + 1 / (1j * q.stray_capacitance)) / q.impedance
    strays += sequence(w, "v") * q.leakage / q.impedance
    assert sequence(w, "i") + sequence(w, "i_grid") == pytest.approx(strays, rel=1e-3)
    assert abs(sequence(w, "v", -1)) < 1e-4 * s.volts


def test_power_balances_from_battery_to_source(running):
    s = running(power=0.9, reactive=0.2)
    s.plant.advance(0.2)
    w, q = s.record(6 * CYCLE), s.plant.parameters
    i2, v = sequence(w, "i"), sequence(w, "v")
    r, x2 = q.filter_resistance * q.impedance, q.grid_side_inductance * q.impedance
    node = v + (r + 1j * x2) * i2
    shunt = node / (q.damping_resistance * q.impedance + q.impedance / (1j * q.filter_capacitance))
    losses = 3 * r * (abs(i2) ** 2 + abs(i2 + shunt) ** 2)
    losses += 3 * q.damping_resistance * q.impedance * abs(shunt) ** 2
    ac, dc = w["p"].mean(), (w["v_dc"] * w["i_dc"]).mean()
    assert dc == pytest.approx((ac + losses) / q.efficiency, rel=2e-4)
    assert 0.97 < ac / dc < 0.985
    line = 3 * abs(i2) ** 2 * q.grid_resistance * q.impedance
    assert -sum(s.grid.measured_watts) == pytest.approx(ac - line, rel=1e-3)
    assert s.pcs.measured_watts == pytest.approx(ac, rel=1e-4)
    assert (s.dc.measured_volts, s.dc.measured_amps) == (s.pcs.dc_volts, s.pcs.dc_amps)
    assert s.dc.measured_watts == pytest.approx(dc, rel=2e-3)


def test_state_of_charge_counts_the_charge(running):
    s = running(power=1.0, battery_capacity=10e3)
    before, w = s.pcs.state_of_charge, s.record(2.0)
    coulombs = w["i_dc"].sum() * 20e-6
    assert before - s.pcs.state_of_charge == pytest.approx(coulombs * 850 / (10e3 * 3600), rel=1e-6)


def test_empty_battery_gives_nothing(running):
    s = running(power=1.0, battery_capacity=20.0)
    s.plant.advance(1.0)
    # the power ramps down for 20 ms: 1 kJ of the battery's 72 kJ
    assert s.pcs.state_of_charge == pytest.approx(-1 / 72, abs=0.002)
    assert s.pcs.measured_watts == pytest.approx(0.0, abs=500)


def test_step_is_as_quick_as_a_published_control(running):
    # motulator 0.7.3, grid-following, LCL, same per-unit filter and bandwidth: P 0 -> 0.5 pu takes
    # 1.2 ms to 90 % and overshoots by 18 %
    s = running(scr=1000.0, power_ramp=1e6)
    s.command(50e3)
    w = s.record(0.05)
    reached = w["t"][np.argmax(w["p"] > 45e3)]
    assert 0.5e-3 < reached < 2.4e-3
    assert w["p"].max() < 1.2 * 50e3


@pytest.mark.parametrize("residual", [(0.25,), (0.5,), (0.25, 1.0, 1.0), (0.25, 0.25, 1.0), (0.0, 1.0, 1.0)])
@pytest.mark.parametrize("scr", [2.0, 20.0])
def test_rides_through_and_respects_its_limit(running, residual, scr):
    s = running(power=0.95, reactive=0.15, scr=scr)
    s.sag(*residual)
    w = s.record(0.32)
    settled = tail(w, 3 * CYCLE)
    for phase in "abc":
        assert np.sqrt(np.mean(settled[f"i_{phase}"] ** 2)) < 1.2 * 1.01 * s.amps
    assert max(np.abs(w[f"i_{x}"]).max() for x in "abc") < 2.0 * np.sqrt(2) * s.amps
    # overexcited by more than before: it supports
    assert 3 * (sequence(settled, "v") * np.conj(sequence(settled, "i"))).imag > 18e3
    s.sag(1.0)
    s.plant.advance(1.0)
    assert s.pcs.mode == "running"
    assert s.pcs.measured_watts == pytest.approx(95e3, rel=0.01)


def test_support_is_k_times_the_deviation(running):
    s = running(power=0.5, scr=1000.0)
    s.sag(0.7)
    w = tail(s.record(0.3))
    power = 3 * sequence(w, "v") * np.conj(sequence(w, "i"))
    # VDE-AR-N 4110 rule: dI_q = K (1 - V - deadband) = 2 (1 - 0.7 - 0.1) = 0.4 pu
    assert power.imag / (3 * abs(sequence(w, "v"))) == pytest.approx(0.4 * s.amps, rel=0.02)
    s.sag(1.15)
    w = tail(s.record(0.3))
    power = 3 * sequence(w, "v") * np.conj(sequence(w, "i"))
    assert power.imag / (3 * abs(sequence(w, "v"))) == pytest.approx(-0.1 * s.amps, rel=0.05)


def test_deep_sag_takes_all_the_current_for_support(running):
    s = running(power=1.0, scr=1000.0)
    s.sag(0.25)
    w = tail(s.record(0.3))
    assert abs(sequence(w, "i")) == pytest.approx(1.2 * s.amps, rel=0.01)
    assert np.angle(sequence(w, "v") / sequence(w, "i"), deg=True) == pytest.approx(90.0, abs=2.0)
    assert abs(sequence(w, "i", -1)) < 0.01 * s.amps


@pytest.mark.parametrize(
    ("residual", "seconds"),
    # IEEE 2800-2022, ride-through of plants without auxiliary limits
    [(0.24, 0.32), (0.49, 1.2), (0.69, 3.0), (0.89, 6.0), (1.19, 1.0), (1.05, 10.0)],
)
def test_stays_connected_as_ieee_2800_asks(running, residual, seconds):
    s = running(power=0.5, scr=1000.0)
    s.sag(residual)
    s.plant.advance(seconds)
    assert s.pcs.mode == "running"


def test_overvoltage_counts_to_the_star_point(running):
    s = running(power=0.5, scr=1000.0)
    s.sag(1.0, 1.0, 1.3)  # 1.3 - 0.3 / 3 = 1.2 pu: within 1.22
    s.plant.advance(0.5)
    assert s.pcs.mode == "running"


@pytest.mark.parametrize("hertz", [57.0, 61.8])
def test_stays_connected_off_frequency(running, hertz):
    s = running(power=0.8)
    s.grid.hertz = hertz
    s.plant.advance(2.0)
    assert s.pcs.mode == "running"
    assert s.pcs.measured_hertz == pytest.approx(hertz, abs=0.01)
    assert s.pcs.measured_watts == pytest.approx(80e3, rel=0.01)


@pytest.mark.parametrize(
    ("change", "alarm", "mode"),
    [
        (lambda s: s.sag(0.1), "undervoltage", "tripped"),
        # to the star point of the three phases 1.4 - 0.4 / 3 = 1.27 pu, beyond the 1.22 of its protection
        (lambda s: s.sag(1.0, 1.0, 1.4), "overvoltage", "tripped"),
        (lambda s: setattr(s.grid, "hertz", 55.0), "underfrequency", "tripped"),
        (lambda s: setattr(s.grid, "hertz", 63.0), "overfrequency", "tripped"),
        (lambda s: setattr(s.dc, "source_amps", 10.0), "dc_voltage", "fault"),
        (lambda s: setattr(s.dc, "output", False), "dc_voltage", "fault"),
        # 0.9 pu into nothing but the bus's capacitance: the voltage rises as far as the link lets it
        (lambda s: setattr(s.grid, "relay", False), "overvoltage", "tripped"),
    ],
)
def test_trips_latch_until_enable_is_withdrawn(running, change, alarm, mode):
    s = running(power=0.9)
    change(s)
    s.plant.advance(1.0)
    assert (s.pcs.mode, s.pcs.alarms, s.pcs.connected) == (mode, {alarm}, False)
    s.grid.relay, s.grid.hertz, s.dc.output, s.dc.source_amps = True, 60.0, True, 300.0
    s.sag(1.0)
    s.plant.advance(1.0)
    assert (s.pcs.mode, s.pcs.alarms) == (mode, {alarm})
    s.pcs.enable = False
    s.plant.advance(0.01)
    assert (s.pcs.mode, s.pcs.alarms) == ("off", set())
    s.pcs.enable = True
    s.plant.advance(0.5)
    assert s.pcs.mode == "running"


def test_overcurrent_blocks_the_bridge(running):
    s = running(power=1.0, overcurrent=1.3)
    s.sag(0.0)
    s.plant.advance(0.02)
    assert (s.pcs.mode, s.pcs.alarms, s.pcs.connected) == ("fault", {"overcurrent"}, False)


@pytest.mark.parametrize("which", ["source", "PCS"])
def test_poles_open_at_their_current_zeros(running, which):
    s = running(power=1.0)
    if which == "source":
        s.grid.relay = False
    else:
        s.plant.world[unit.OVERCURRENT] = 0.5  # blocks the bridge and lets the contactor go at once
    w = s.record(0.03)
    opened = []
    for phase in "abc":
        current = w[f"i_grid_{phase}" if which == "source" else f"i_{phase}"]
        assert current[0] != 0.0
        last = np.flatnonzero(current)[-1]
        opened.append(last)
        # one step of 20 us before its zero, a sine of 1 pu is at w h = 0.75 % of its peak; the other
        # poles' opening and the collapsing voltages make it steeper
        assert abs(current[last]) < 0.2 * s.amps
    assert max(opened) * 20e-6 < CYCLE
    if which == "source":  # the diodes of a blocked bridge end all three currents within a step
        assert len(set(opened)) >= 2
    total = w["i_a"] + w["i_b"] + w["i_c"]
    assert np.abs(total).max() < 1e-9 * s.amps  # three wires


def test_dead_and_discharged_after_all_is_off(running):
    s = running(power=0.0)
    s.pcs.enable = s.dc.output = s.grid.relay = False
    s.plant.advance(3.0)
    assert s.grid.measured_volts == s.grid.measured_amps == [0.0, 0.0, 0.0]
    assert s.pcs.measured_volts == [0.0, 0.0, 0.0]
    assert s.dc.measured_amps == 0.0
    # bleeder with a time constant of 1 s: 850 V e^-3 = 42 V, below the 60 V of safe DC
    assert s.dc.measured_volts == pytest.approx(850 * np.exp(-3), rel=0.05)
    assert (s.pcs.mode, s.pcs.measured_hertz) == ("off", 0.0)


def test_dead_after_everything_is_cut_at_full_power(running):
    s = running(power=1.0)
    s.pcs.enable = s.dc.output = s.grid.relay = False
    s.plant.advance(3.0)
    assert s.dc.measured_volts < 60.0
    assert s.pcs.measured_volts == s.grid.measured_volts == s.pcs.measured_amps == [0.0, 0.0, 0.0]


def test_dc_source_stays_within_its_limits(setting):
    s = setting()
    s.pcs.enable = False
    s.dc.source_amps = 2.0
    w = s.record(0.4)
    # dead time aside a constant current charges the link linearly: C = 10 ms S / V^2
    slope = 2.0 / (0.01 * 100e3 / 850**2)
    assert w["i_dc"].max() <= 2.0
    assert w["v_dc"][10_000] == pytest.approx(slope * 0.2, rel=1e-3)
    s.dc.source_amps, s.dc.source_watts = 300.0, 500.0
    w = s.record(0.4)
    # limits are renewed once per control period of five steps
    assert (w["i_dc"] * w["v_dc"])[6:].max() < 500.0 * 1.02


def test_current_limit_has_a_priority(running):
    for priority, watts in (("P", 100e3), ("Q", 100e3 * np.sqrt(1.2**2 - 1.0))):
        s = running(power=1.0, reactive=1.0, scr=1000.0, priority=priority)
        assert s.pcs.measured_watts == pytest.approx(watts, rel=0.01)
        assert np.mean(s.pcs.measured_amps) == pytest.approx(1.2 * s.amps, rel=0.01)


def test_its_priority_is_a_command(running):
    s = running(power=1.0, reactive=1.0, scr=1000.0, priority="P")
    for given, watts in (("Q", np.sqrt(1.2**2 - 1.0)), ("mixed", 1.2 / np.sqrt(2))):
        s.pcs.priority = given
        s.plant.advance(0.5)
        assert s.pcs.measured_watts == pytest.approx(watts * 100e3, rel=0.01)
    s.pcs.priority = None  # as built
    s.plant.advance(0.5)
    assert s.pcs.measured_watts == pytest.approx(100e3, rel=0.01)
    s = running("wrong-priority", power=1.0, reactive=1.0, scr=1000.0)
    s.pcs.priority = "P"
    s.plant.advance(0.5)
    assert s.pcs.measured_var == pytest.approx(100e3, rel=0.01)


def recovery(s):
    """Sag to 0.25 for 0.3 s and return how long 90 % of the power took to come back [s]."""
    s.sag(0.25)
    s.plant.advance(0.3)
    s.sag(1.0)
    w = s.record(5.0)
    mean = np.convolve(w["p"], np.full(417, 1 / 417), "same")  # half a cycle
    return w["t"][np.flatnonzero(mean[:-500] < 0.9 * 80e3)[-1]]


def test_power_recovers_at_its_ramp(running):
    # 5 pu/s to 0.9 x 0.8 pu: 0.144 s
    assert recovery(running(power=0.8)) == pytest.approx(0.144, abs=0.03)
    assert recovery(running("slow-recovery", power=0.8)) == pytest.approx(0.144 * 20, rel=0.1)


def test_flaw_trips_early(running):
    for flawed, mode in (((), "running"), (("trips-early",), "tripped")):
        s = running(*flawed, power=0.8)
        s.sag(0.2)
        s.plant.advance(0.32)
        assert s.pcs.mode == mode
    late = running("trips-late", power=0.8)
    late.sag(0.2)
    late.plant.advance(1.0)
    assert late.pcs.mode == "running"


def test_flaw_gives_no_support(running):
    s = running("no-support", power=0.5, scr=1000.0)
    s.sag(0.6)
    s.plant.advance(0.3)
    assert s.pcs.measured_var == pytest.approx(0.0, abs=1e3)


def test_flaw_follows_slowly_exceeds_its_limit_or_misreports(running):
    slow = running("slow-power")
    slow.command(80e3)
    slow.plant.advance(0.2)  # 0.5 pu/s
    assert slow.pcs.measured_watts < 12e3
    slow.plant.advance(2.0)
    assert slow.pcs.measured_watts == pytest.approx(80e3, rel=0.01)
    slow.pcs.enable = False
    slow.plant.advance(0.12)
    assert slow.pcs.mode == "off"  # it stops as fast as any
    over = running("over-limit", power=1.0, reactive=1.4, scr=1000.0)
    assert np.mean(over.pcs.measured_amps) == pytest.approx(1.3 * 1.2 * over.amps, rel=0.01)
    liar = running("misreports", power=0.5)
    assert liar.pcs.measured_watts == pytest.approx(55e3, rel=0.01)
    assert -sum(liar.grid.measured_watts) == pytest.approx(50e3, rel=0.01)
