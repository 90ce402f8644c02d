"""Link, source and battery against closed forms and an independent ODE solver."""

import importlib.util
import math
from math import exp, inf, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from hil import jit
from hil.jit import part
from hil.plant.emt import storage as s
from hil.plant.storage import Storage, array

STEP = 20e-6


def connected(storage=None, step=STEP, soc=0.5):
    """Return an array whose link rests at the EMF."""
    x = array(storage or Storage(), step, soc)
    x[s.CLOSED] = 1.0
    s.control(x, 0.0)
    x[s.V_DC] = x[s.E]
    return x


@part
def run(x, steps, power):
    for n in range(steps):
        if n % 5 == 0:
            s.control(x, 5.0 * x[s.STEP])
        s.step(x, power)


@part
def cycle(x, steps, peak, turn, sums):
    """Follow a sine of power and add up energies: from the source, lost in R0, in R1, drawn [J]."""
    for n in range(steps):
        if n % 5 == 0:
            s.control(x, 5.0 * x[s.STEP])
        e, rc, link = x[s.E], x[s.V_RC], x[s.V_DC]
        power = peak * math.sin(turn * n)
        s.step(x, power)
        i, h = x[s.I_DC], x[s.STEP]
        sums[0] += h * e * i
        sums[1] += h * x[s.R0] * i * i
        sums[2] += h * x[s.G1] * rc * rc
        drawn = power * x[s.PER_ETA] if power > 0.0 else power * x[s.ETA]
        sums[3] += h * drawn * 0.5 * (link + x[s.V_DC]) / link


@part
def cruise(x, steps, power, dt):
    delivered = 0.0
    for _ in range(steps):
        delivered += dt * s.slow(x, power, dt)
    return delivered


def test_a_plain_source_holds_its_setpoint_behind_r0():
    x = connected(Storage(battery_resistance=0.0))
    run(x, 2000, 100e3)
    # 1 pu of power over the bridge's efficiency: v (1 - v) / 0.01 = 1 / 0.985
    v = 0.5 * (1.0 + sqrt(1.0 - 4 * 0.01 / 0.985))
    assert x[s.V_DC] / 850.0 == pytest.approx(v, abs=1e-9)
    assert x[s.V_DC] * x[s.I_DC] == pytest.approx(100e3 / 0.985, rel=1e-9)
    assert x[s.LIMIT] == s.FREE


@pytest.mark.parametrize("power", [80e3, -80e3])
def test_link_transient_against_an_ode_solver(power):
    q = Storage()
    drawn = power / 0.985 if power > 0 else power * 0.985

    def slopes(_, y):
        v, rc = y
        i = (850.0 - rc - v) / (0.01 * q.dc_impedance)
        return [(i - drawn / v) / q.link_capacitance, (0.005 * q.dc_impedance * i - rc) / 20.0]

    solved = solve_ivp(slopes, (0, 2e-4), (850.0, 0.0), method="Radau", rtol=1e-10, atol=1e-10)
    errors = []
    for step in (2e-5, 1e-5, 5e-6):
        x = connected(step=step)
        run(x, round(2e-4 / step), power)
        errors.append(abs(x[s.V_DC] - solved.y[0, -1]))
    # implicit Euler: the error halves with the step; the whole transient is 7 V
    assert errors[0] < 1.0
    assert errors[0] / errors[1] == pytest.approx(2.0, abs=0.25)
    assert errors[1] / errors[2] == pytest.approx(2.0, abs=0.15)


def test_rc_branch_relaxes_exponentially():
    x = connected(Storage(battery_time=0.1))
    x[s.V_RC], x[s.CLOSED] = 5.0, 0.0
    run(x, 10_000, 0.0)
    assert x[s.V_RC] == pytest.approx(5.0 * exp(-0.2 / 0.1), rel=1e-9)
    x = connected(step=1e-3)
    x[s.V_RC] = 5.0
    cruise(x, 10, 0.0, 3.0)
    assert x[s.V_RC] == pytest.approx(5.0 * exp(-30.0 / 20.0), rel=1e-12)
    # no current: the last step's mean voltage is the EMF less the branch's mean over 27 to 30 s
    mean = 5.0 * 20.0 / 3.0 * (exp(-27.0 / 20.0) - exp(-30.0 / 20.0))
    assert x[s.V_DC] == pytest.approx(850.0 - mean, rel=1e-12)


def test_rc_branch_charges_to_r1_i():
    x = connected(Storage(battery_time=0.02))
    run(x, 10_000, 50e3)
    assert x[s.V_RC] == pytest.approx(x[s.R1] * x[s.I_DC], rel=1e-4)


def test_off_the_link_bleeds_in_a_second_and_nothing_flows():
    x = connected()
    x[s.CLOSED] = 0.0
    run(x, 50_000, 0.0)
    assert x[s.V_DC] == pytest.approx(850.0 / math.e, rel=1e-4)  # implicit Euler: half a step of 1 s off
    assert x[s.I_DC] == 0.0
    assert x[s.LIMIT] == s.OPEN


def test_energy_adds_up_over_cycles():
    q = Storage(chemistry="lfp", battery_time=0.5)
    x = connected(q)
    c1 = q.battery_time * x[s.G1]
    start = 0.5 * q.link_capacitance * x[s.V_DC] ** 2
    sums = np.zeros(4)
    cycle(x, 100_000, 80e3, 2 * math.pi * STEP, sums)
    given_, r0, r1, drawn = sums
    stored = 0.5 * q.link_capacitance * x[s.V_DC] ** 2 + 0.5 * c1 * x[s.V_RC] ** 2 - start
    throughput = 4 * 80e3 / math.pi  # J over two cycles of 1 s
    assert r0 > 1e-3 * throughput
    assert abs(given_ - r0 - r1 - drawn - stored) < 1e-6 * throughput
    # the bridge's losses: drawn is p / eta one half of the time, p eta the other
    assert drawn == pytest.approx(0.5 * throughput * (1 / 0.985 - 0.985), rel=1e-3)


@pytest.mark.parametrize("chemistry", ["lfp", "nmc"])
def test_constant_power_discharge_against_an_ode_solver(chemistry):
    q = Storage(chemistry=chemistry)
    x = connected(q, soc=0.8)
    grid = np.linspace(0.0, 1.0, s.INTERVALS + 1)
    ratio = np.array(x[s.OCV :])
    r0, r1 = 0.01 * q.dc_impedance, 0.005 * q.dc_impedance
    drawn = 100e3 / 0.985

    def current(y):
        e = 850.0 * np.interp(y[0], grid, ratio) - y[1]
        return (e - sqrt(e * e - 4 * r0 * drawn)) / (2 * r0)

    def slopes(_, y):
        i = current(y)
        return [-i / q.charge, (r1 * i - y[1]) / 20.0]

    # 200 kWh at 100 kW from 80 %: half an hour stays clear of the knees
    solved = solve_ivp(slopes, (0, 1800), (0.8, 0.0), rtol=1e-11, atol=1e-11, max_step=5.0)
    errors = []
    for dt in (2.0, 1.0):
        x = connected(q, soc=0.8)
        delivered = cruise(x, round(1800 / dt), 100e3, dt)
        assert delivered == pytest.approx(100e3 * 1800, rel=1e-12)
        errors.append(abs(x[s.SOC] - solved.y[0, -1]))
        assert x[s.V_RC] == pytest.approx(solved.y[1, -1], rel=1e-4)
    assert errors[1] < 1e-5
    assert errors[0] / errors[1] == pytest.approx(2.0, abs=0.1)  # the EMF is that of the step's begin


def test_slow_mode_agrees_with_the_link_model():
    q = Storage(chemistry="nmc", battery_time=0.5, battery_capacity=2e3, discharge_rate=100.0)
    fast, slow = connected(q), connected(q)
    run(fast, 50_000, 90e3)
    cruise(slow, 100, 90e3, 0.01)
    assert slow[s.SOC] < 0.49
    assert slow[s.SOC] == pytest.approx(fast[s.SOC], abs=1e-5)
    assert slow[s.V_DC] == pytest.approx(fast[s.V_DC], rel=1e-4)
    assert slow[s.T_PCS] == pytest.approx(fast[s.T_PCS], abs=1e-3)


def test_charge_is_counted_and_part_of_it_lost_while_charging():
    q = Storage(coulombic_efficiency=0.99, efficiency=1.0, dc_resistance=1e-6, battery_resistance=0.0)
    x = connected(q)
    cruise(x, 3600, 50e3, 1.0)
    # 50 kWh out of 200 kWh; the drop over R0 is 1e-6
    assert x[s.SOC] == pytest.approx(0.25, abs=1e-6)
    cruise(x, 3600, -50e3, 1.0)
    assert x[s.SOC] == pytest.approx(0.5 - 0.01 * 0.25, abs=1e-6)


def test_battery_voltage_follows_its_table():
    x = connected(Storage(chemistry="lfp"), soc=0.5)
    assert x[s.E] == pytest.approx(850.0)
    for soc, cell in ((0.0, 2.8), (0.025, 2.95), (0.1, 3.2), (1.0, 3.45)):
        x[s.SOC] = soc
        s.control(x, 0.0)
        assert x[s.E] == pytest.approx(850.0 * cell / 3.3), soc
    x[s.EMF] = 800.0  # a DC source that emulates it scales the table with its set-point
    x[s.SOC] = 0.5
    s.control(x, 0.0)
    assert x[s.E] == pytest.approx(800.0)


def test_battery_current_fades_towards_empty_and_full():
    x = connected(Storage(chemistry="lfp", discharge_rate=2.0, charge_rate=0.5, taper=0.1))
    amps = 200e3 / 850.0
    for soc, high, low in ((0.5, 2, 0.5), (0.05, 1, 0.5), (0.0, 0, 0.5), (0.98, 2, 0.1), (1.0, 2, 0.0)):
        x[s.SOC] = soc
        s.control(x, 0.0)
        assert x[s.HIGH] == pytest.approx(high * amps), soc
        assert x[s.LOW] == pytest.approx(-low * amps), soc


def test_an_empty_battery_gives_nothing_and_charges():
    x = connected(Storage(chemistry="lfp"), soc=0.001)
    cruise(x, 7200, 50e3, 1.0)
    assert 0.0 < x[s.SOC] < 1e-4
    assert x[s.LIMIT] == s.DISCHARGING
    assert s.slow(x, 50e3, 1.0) < 100.0
    assert s.slow(x, -50e3, 1.0) == -50e3
    assert x[s.LIMIT] == s.FREE


def test_without_a_battery_nothing_fades():
    x = connected(soc=0.0)
    assert (x[s.HIGH], x[s.LOW]) == (inf, -inf)


@given(
    powers=st.lists(st.floats(-150e3, 150e3), min_size=1, max_size=12),
    amps=st.floats(1.0, 150.0),
    watts=st.floats(1e3, 150e3),
)
@settings(max_examples=50, deadline=None)
def test_limits_of_current_and_power_hold(powers, amps, watts):
    x, y = connected(), connected()
    for z in (x, y):
        z[s.SOURCE_A], z[s.SINK_A], z[s.SOURCE_W], z[s.SINK_W] = amps, 0.5 * amps, watts, 0.5 * watts
    for power in powers:
        got = s.slow(y, power, 1.0)
        assert -0.5 * amps - 1e-9 <= y[s.I_DC] <= amps + 1e-9
        assert got == power if y[s.LIMIT] == s.FREE else abs(got) < abs(power)
        drawn = got / 0.985 if got > 0.0 else got * 0.985
        assert drawn == pytest.approx(y[s.V_DC] * y[s.I_DC], abs=1e-6)
        # a control period later than the voltage, which moves by 1 % or, at the limit of power, never up
        assert -0.51 * watts <= y[s.V_DC] * y[s.I_DC] <= 1.01 * watts
        for _ in range(5):
            run(x, 5, power)
            assert -0.5 * amps - 1e-9 <= x[s.I_DC] <= amps + 1e-9
            assert x[s.V_DC] >= 0.0


def test_beyond_a_current_limit_the_link_collapses():
    x = connected(Storage(efficiency=1.0))
    x[s.SOURCE_A] = 50.0
    run(x, 25, 100e3)
    # C v dv/dt = v i - 100 kW over 0.5 ms, with i = (850 - v) / R0 up to 50 A
    c, r0 = 0.01 / 7.225, 0.01 * 7.225
    solved = solve_ivp(
        lambda _, v: (np.minimum(50.0, (850.0 - v) / r0) - 100e3 / v) / c,
        (0, 5e-4),
        [850.0],
        rtol=1e-10,
        max_step=1e-6,
    )
    assert 820.0 < x[s.V_DC] < 835.0
    assert x[s.V_DC] == pytest.approx(solved.y[0, -1], abs=0.5)
    assert x[s.LIMIT] == s.DISCHARGING
    assert x[s.I_DC] == 50.0


def test_slow_mode_limits_power_beyond_the_most_there_is():
    x = connected(Storage(battery_resistance=0.0, dc_resistance=0.1))
    most = 850.0**2 / (4 * 0.1 * 7.225) * 0.985
    assert s.slow(x, 1.01 * most, 1.0) == pytest.approx(most, rel=1e-12)
    assert x[s.LIMIT] == s.COLLAPSE
    assert x[s.V_DC] == pytest.approx(425.0)
    assert s.slow(x, 0.99 * most, 1.0) == 0.99 * most
    assert x[s.LIMIT] == s.FREE


def test_slow_mode_with_an_open_contactor_gives_nothing():
    x = connected()
    x[s.CLOSED], x[s.V_RC] = 0.0, 2.0
    assert s.slow(x, 50e3, 20.0) == 0.0
    assert x[s.LIMIT] == s.OPEN
    assert x[s.V_DC] == x[s.I_DC] == 0.0
    assert x[s.V_RC] == pytest.approx(2.0 / math.e)
    assert x[s.SOC] == 0.5


def test_temperatures_rise_with_the_losses():
    x = connected(Storage(efficiency=0.98, battery_time=1.0))
    cruise(x, 300, 100e3, 1.0)
    lost = 100e3 / 0.98 - 100e3
    assert x[s.HEAT] == pytest.approx(lost)
    # 40 K at 2 %, 300 s; the implicit step is half a second late, and the first takes the heat of before
    assert x[s.T_PCS] == pytest.approx(25.0 + 40.0 * lost / 2e3 * (1 - exp(-1.0)), abs=0.15)
    i = x[s.I_DC]
    heat = 0.015 * 7.225 * i * i
    cruise(x, 100_000, 100e3, 1.0)
    x[s.SOC] = 0.5
    assert x[s.T_BATTERY] == pytest.approx(25.0 + 10.0 * heat / 2e3, abs=1e-3)


def test_plain_python_gives_the_same_bits(monkeypatch):
    monkeypatch.setattr(jit, "part", lambda function: function)
    spec = importlib.util.spec_from_file_location("hil.plant.emt.plain_storage", s.__file__)
    plain = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(plain)
    x = connected(Storage(chemistry="nmc"), soc=0.07)
    y = x.tolist()
    for n in range(200):
        power = 3e5 * math.sin(0.1 * n)
        for model, z in ((s, x), (plain, y)):
            model.control(z, 1e-4)
            model.step(z, power)
            model.slow(z, 0.5 * power, 2.0)
    assert x[s.SOC] != 0.07
    assert x.tolist() == y
