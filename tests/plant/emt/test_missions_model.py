"""The plant-level missions against closed forms, and what must hold whatever happens."""

import importlib.util
from math import exp

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hil import jit
from hil.plant.emt import missions as m
from hil.plant.missions import NAMES, VOLT_VAR, VOLT_WATT, Mission, Missions, array, demand_response

ALL = tuple(Mission(name, reserve=0.05 if name != "maintenance" else 0.0) for name in NAMES)


def control(*names, **values):
    """Return the array of a control with these missions on, each by name or as it is."""
    missions = tuple(name if isinstance(name, Mission) else Mission(name) for name in names)
    return array(Missions(missions=missions, **values))


def run(x, seconds, dt=0.01, *, f=1.0, v=1.0, soc=0.5, p_load=0.0, p_set=0.0, q_set=0.0):
    """Hold the inputs for a time; return P_REF of each call."""
    powers = []
    for _ in range(round(seconds / dt)):
        m.control(x, dt, f, v, soc, p_load, p_set, q_set)
        powers.append(float(x[m.P_REF]))
    return np.array(powers)


def test_setpoint_follows_its_ramps():
    x = control("dispatch", ramp_up=0.1, ramp_down=0.4)
    up = run(x, 10.0, p_set=0.8)
    assert up[399] == pytest.approx(0.4)  # 4 s at 0.1 pu/s
    assert up[799] == pytest.approx(0.8)
    assert up[-1] == 0.8
    down = run(x, 4.0, p_set=-0.4)
    assert down[99] == pytest.approx(0.4)
    assert down[299] == pytest.approx(-0.4)


def test_reactive_setpoint_passes_within_its_limit():
    x = control("dispatch", reactive_limit=0.5)
    run(x, 0.01, q_set=0.3)
    assert x[m.Q_REF] == 0.3
    run(x, 0.01, q_set=-0.9)
    assert x[m.Q_REF] == -0.5


@pytest.mark.parametrize(
    ("hertz", "power"),
    [
        (61.2, -0.388),  # (1.2 - 0.036) / (60 * 0.05)
        (58.8, 0.388),
        (60.036, 0.0),
        (59.97, 0.0),
        (60.5, -(0.5 - 0.036) / 3.0),
        (56.0, 1.0),  # 1.32 pu, limited
    ],
)
def test_frequency_watt_of_ieee_1547(hertz, power):
    x = control("frequency")
    at_response_time = run(x, 5.0, f=hertz / 60.0)[-1]
    steady = run(x, 60.0, f=hertz / 60.0)[-1]
    assert steady == pytest.approx(power, abs=1e-9)
    if abs(power) < 1.0:
        assert at_response_time == pytest.approx(0.9 * power, abs=1e-9)


@pytest.mark.parametrize(
    ("volts", "var"), [(0.9, 0.44), (0.92, 0.44), (0.95, 0.22), (1.0, 0.0), (1.06, -0.88 / 3), (1.1, -0.44)]
)
def test_volt_var_of_ieee_1547_category_b(volts, var):
    x = control("dispatch", volt_var=VOLT_VAR, volt_var_response=5.0)
    run(x, 5.0, v=volts)
    assert x[m.Q_REF] == pytest.approx(0.9 * var)
    run(x, 60.0, v=volts)
    assert x[m.Q_REF] == pytest.approx(var)
    run(x, 0.01, v=volts, q_set=0.1)  # a set-point comes on top, at once
    assert x[m.Q_REF] == pytest.approx(var + 0.1)
    for beyond in (0.5, 1.2):  # in a fault it holds what it had
        run(x, 10.0, v=beyond)
        assert x[m.Q_REF] == pytest.approx(var)


def test_volt_watt_lowers_the_limit_of_power():
    x = control("dispatch", volt_watt=VOLT_WATT)
    assert run(x, 30.0, v=1.06, p_set=0.9)[-1] == 0.9
    assert run(x, 10.0, v=1.09, p_set=0.9)[-1] == pytest.approx(0.25 + 0.75 * 0.1)  # 90 % of the way in 10 s
    assert x[m.LIMIT + m.DISPATCH] == m.BY_POWER
    assert run(x, 100.0, v=1.09, p_set=0.9)[-1] == pytest.approx(0.25)
    assert run(x, 100.0, v=1.2, p_set=0.9)[-1] == pytest.approx(0.0, abs=1e-9)
    assert run(x, 1.0, v=1.2, p_set=-0.9)[-1] == pytest.approx(-0.9)  # absorbing helps


def test_demand_response_has_start_duration_and_return():
    x = control("dispatch", ramp_up=1.0, ramp_down=1.0)
    run(x, 1.0, p_set=0.1)
    # 50 kW of 100 kW, there in 2 s, 60 s, back in 10 s
    demand_response(x, Missions(), 50e3, 60.0, 25e3, 5e3)
    powers = run(x, 80.0, p_set=0.1)
    time = 0.01 * np.arange(1, 8001)
    expected = 0.1 + 0.5 * np.clip(np.minimum(time / 2.0, (70.0 - time) / 10.0), 0.0, 1.0)
    assert powers == pytest.approx(expected, abs=0.011 * 0.25)  # a call late, at most
    assert powers[-1] == pytest.approx(0.1)


def test_buffering_ramps_the_grid_and_gives_the_rest():
    x = control("buffering", load_power=80e3, grid_ramp_up=0.1, grid_ramp_down=0.2)
    run(x, 1.0, p_load=0.2)
    assert x[m.P_REF] == 0.0
    dt = 0.01
    powers = run(x, 10.0, dt, p_load=0.8)
    # a rise by 0.6 pu, the grid following at 0.1 * 80 kW / 100 kW per second: 7.5 s, 0.6 * 7.5 / 2 pu s
    assert powers[0] == pytest.approx(0.6 - 0.08 * dt)
    assert powers[749] == pytest.approx(0.0, abs=1e-9)
    assert powers.sum() * dt == pytest.approx(0.6**2 / (2 * 0.08), rel=2e-3)
    powers = run(x, 10.0, dt, p_load=0.2)
    assert powers.sum() * dt == pytest.approx(-(0.6**2) / (2 * 0.16), rel=4e-3)


def test_low_pass_takes_the_step_times_its_time_constant():
    x = control("buffering", low_pass=4.0, grid_ramp_up=1e6, grid_ramp_down=1e6)
    run(x, 1.0, p_load=0.2)
    dt = 0.001
    powers = run(x, 60.0, dt, p_load=0.7)
    assert powers[3999] == pytest.approx(0.5 * exp(-1.0))
    assert powers.sum() * dt == pytest.approx(0.5 * 4.0, rel=1e-3)


loads = st.lists(st.tuples(st.floats(0.0, 1.0), st.integers(1, 30)), min_size=1, max_size=12)


@given(
    profile=loads,
    up=st.floats(0.01, 0.5),
    down=st.floats(0.01, 0.5),
    low_pass=st.sampled_from([0.0, 2.0]),
    soc=st.floats(0.3, 0.7),
    dt=st.sampled_from([1e-4, 0.01, 0.3]),
    maintenance=st.booleans(),
)
@settings(max_examples=100, deadline=None)
def test_the_grid_never_ramps_faster(profile, up, down, low_pass, soc, dt, maintenance):
    names = ("buffering", "maintenance") if maintenance else ("buffering",)
    # twice the load, so that bias and load together stay within it
    x = control(
        *(Mission(name, share=2.0) for name in names),
        grid_ramp_up=up,
        grid_ramp_down=down,
        low_pass=low_pass,
        discharge_limit=2.0,
        charge_limit=2.0,
    )
    grid = None
    for p_load, calls in profile:
        for _ in range(calls):
            m.control(x, dt, 1.0, 1.0, soc, p_load, 0.0, 0.0)
            now = p_load - x[m.P_REF]
            if grid is not None:
                assert -down * dt - 1e-12 <= now - grid <= up * dt + 1e-12
            grid = now
            soc -= x[m.P_REF] * dt / 3600.0


@given(
    calls=st.lists(
        st.tuples(
            st.floats(0.93, 1.07),
            st.floats(0.0, 1.3),
            st.floats(0.0, 1.0),
            st.floats(0.0, 2.0),
            st.floats(-2.0, 2.0),
            st.floats(-2.0, 2.0),
        ),
        min_size=1,
        max_size=20,
    ),
    order=st.permutations(ALL[1:4]),
    dt=st.sampled_from([1e-4, 1.0]),
)
@settings(max_examples=200, deadline=None)
def test_no_limit_of_power_is_ever_exceeded(calls, order, dt):
    shares = {"ride-through": 0.9, "buffering": 0.8, "frequency": 0.3, "dispatch": 0.6, "maintenance": 0.1}
    missions = tuple(Mission(n.name, shares[n.name], n.reserve) for n in (ALL[0], *order, ALL[4]))
    x = control(*missions, discharge_limit=0.9, charge_limit=0.7, volt_watt=VOLT_WATT, volt_var=VOLT_VAR)
    for call in calls:
        m.control(x, dt, *call)
        assert -0.7 - 1e-12 <= x[m.P_REF] <= min(0.9, x[m.UPPER]) + 1e-12
        assert abs(x[m.Q_REF]) <= 1.0
        got = [x[m.GOT + n] for n in range(m.MISSIONS)]
        assert sum(got) == pytest.approx(x[m.P_REF], abs=1e-12)
        for n, name in enumerate(NAMES):
            assert abs(got[n]) <= shares[name]
            assert (got[n] == x[m.WANT + n]) == (x[m.LIMIT + n] == m.FREE)


# the window is 20 to 80 %, ride-through's reserve 10 %, buffering's 5 %
RESERVED = (
    Mission("ride-through", reserve=0.1),
    Mission("buffering", reserve=0.05),
    Mission("dispatch"),
)


@given(
    sets=st.lists(st.floats(-1.0, 1.0), min_size=5, max_size=20),
    socs=st.floats(0.3, 0.8),
    hours=st.sampled_from([0.02, 1.0]),
)
@settings(max_examples=50, deadline=None)
def test_no_other_mission_eats_the_reserve_of_ride_through(sets, socs, hours):
    x = control(*RESERVED, grid_ramp_up=1e-3, grid_ramp_down=1e-3)
    soc = socs
    for p_set in sets:
        for _ in range(100):
            m.control(x, 1.0, 1.0, 1.0, soc, 0.5 + 0.5 * p_set, p_set, 0.0)
            soc -= x[m.P_REF] / (3600.0 * hours)
            assert 0.3 - 1e-9 <= soc <= 0.8 + 1e-9


def test_reserve_serves_ride_through_down_to_the_window():
    x = control(*RESERVED)
    soc, hours = 0.5, 0.05
    for _ in range(600):
        m.control(x, 1.0, 1.0, 1.0, soc, 0.6, 1.0, 0.0)
        soc -= x[m.P_REF] / (3600.0 * hours)
    # dispatch stops above what buffering keeps, 35 %; the last two per cent it fades into
    assert soc == pytest.approx(0.35, abs=1e-3)
    for _ in range(600):
        m.control(x, 1.0, 1.0, 0.5, soc, 0.6, 1.0, 0.0)
        soc -= x[m.P_REF] / (3600.0 * hours)
    assert soc == pytest.approx(0.2, abs=1e-3)
    assert soc > 0.2
    assert x[m.LIMIT + m.RIDE_THROUGH] == m.BY_ENERGY


def test_the_last_mission_is_curtailed_first():
    names = ("buffering", "frequency", "dispatch")
    x = control(
        *(Mission(name, reserve=0.1) for name in names), window=(0.1, 0.9), target=0.5, droop_response=0.0
    )
    got = {}
    for soc in (0.5, 0.31, 0.29, 0.21, 0.19, 0.11, 0.09):
        m.control(x, 1e-4, 1.0, 1.0, 0.5, 0.0, 0.0, 0.0)  # the grid carries no load
        m.control(x, 1e-4, 0.9894, 1.0, soc, 0.5, 0.2, 0.0)
        got[soc] = [round(float(x[m.GOT + n]), 3) for n in (m.BUFFERING, m.FREQUENCY, m.DISPATCH)]
        x[m.GRID] = 0.0
    # droop 5 % beyond 0.6 mpu: 0.2 pu; ramp of dispatch 50 pu/s: 0.005 pu a call; buffering all but 20 upu
    assert [n[0] for n in got.values()] == [0.5] * 6 + [0.0]
    assert [n[1] for n in got.values()] == [0.2] * 4 + [0.0] * 3
    assert [n[2] > 0.0 for n in got.values()] == [True, True, False, False, False, False, False]


def test_first_missions_take_their_power_first():
    for order, got in ((("frequency", "dispatch"), (0.4, 0.6)), (("dispatch", "frequency"), (0.1, 0.9))):
        x = control(*order, droop_response=0.0)
        run(x, 0.1, f=1.0 - 0.0006 - 0.02, p_set=0.9)
        assert x[m.GOT + m.FREQUENCY] == pytest.approx(got[0])
        assert x[m.GOT + m.DISPATCH] == pytest.approx(got[1])
        last = order[1] == "dispatch"
        assert x[m.LIMIT + m.DISPATCH] == (m.BY_POWER if last else m.FREE)
        assert x[m.LIMIT + m.FREQUENCY] == (m.FREE if last else m.BY_POWER)


def test_a_mission_takes_no_more_than_its_share():
    x = control(Mission("dispatch", share=0.3))
    assert run(x, 1.0, p_set=0.9)[-1] == 0.3
    assert x[m.LIMIT + m.DISPATCH] == m.BY_SHARE


def test_ride_through_carries_the_load_and_hands_over_to_buffering():
    x = control("ride-through", "buffering", "frequency", "dispatch", ramp_up=0.5)
    run(x, 2.0, p_load=0.8, p_set=-0.2, f=1.001)
    powers = run(x, 0.5, v=0.6, p_load=0.8, p_set=-0.2, f=1.001)
    assert set(powers) == {0.8}
    assert x[m.GRID] == pytest.approx(0.0, abs=1e-12)
    run(x, 0.1, v=0.89, p_load=0.8)  # not yet above the hysteresis
    assert x[m.RIDING] == 1.0
    m.control(x, 0.01, 1.0, 0.91, 0.5, 0.8, 0.0, 0.0)
    assert x[m.RIDING] == 0.0
    # the grid takes the load back at 0.15 pu/s, so there is no step
    assert x[m.P_REF] == pytest.approx(0.8 - 0.0015)
    assert run(x, 5.33, p_load=0.8)[-1] == pytest.approx(0.0, abs=1e-9)


def test_buffering_switched_on_or_off_makes_no_step():
    x = control("buffering", "maintenance")
    x[m.ON + m.BUFFERING] = 0.0
    alone = run(x, 1.0, p_load=0.7, soc=0.45)[-1]
    assert alone == pytest.approx(-0.05)
    x[m.ON + m.BUFFERING] = 1.0
    assert run(x, 0.01, p_load=0.7, soc=0.45)[-1] == pytest.approx(alone, abs=1e-9)
    before = run(x, 0.01, p_load=0.2)[-1]
    assert before == pytest.approx(-0.55, abs=0.01)
    x[m.ON + m.BUFFERING] = 0.0
    after = run(x, 0.01, p_load=0.2)[-1]
    assert abs(after - before) <= 0.15 * 0.01 + 1e-12


def test_a_new_start_begins_with_the_grid_carrying_the_load():
    x = control("buffering", "dispatch", volt_watt=VOLT_WATT, ramp_up=0.1)
    run(x, 5.0, p_load=0.9, p_set=0.2, v=1.1)
    x[m.STARTED] = 0.0
    assert run(x, 0.01, p_load=0.3, p_set=0.2)[0] == pytest.approx(0.001)
    assert run(x, 0.01, p_load=0.5, p_set=0.2)[0] == pytest.approx(0.2 - 0.0015 + 0.002)


def test_a_new_start_does_not_remember_a_sag():
    x = control("ride-through")
    assert run(x, 0.01, v=0.87, p_load=0.3)[0] == 0.3
    assert run(x, 0.01, v=0.89, p_load=0.3)[0] == 0.3
    x[m.STARTED] = 0.0
    assert run(x, 0.01, v=0.89, p_load=0.3)[0] == 0.0


def test_a_mission_that_is_off_gets_and_reserves_nothing():
    x = control(Mission("frequency", reserve=0.2), "dispatch", droop_response=0.0)
    run(x, 1.0, f=0.99, soc=0.3, p_set=0.4)
    assert x[m.GOT + m.FREQUENCY] > 0.1
    assert x[m.GOT + m.DISPATCH] == 0.0
    x[m.ON + m.FREQUENCY] = 0.0
    assert run(x, 1.0, f=0.99, soc=0.3, p_set=0.4)[-1] == pytest.approx(0.4)
    assert x[m.GOT + m.FREQUENCY] == 0.0


@pytest.mark.parametrize("names", [("maintenance",), ("buffering", "maintenance")])
def test_maintenance_returns_the_charge_to_its_target(names):
    x = control(*names, bias=0.05, bias_band=0.05)
    soc, hours, socs = 0.65, 0.2, []
    for n in range(8 * 3600):
        m.control(x, 1.0, 1.0, 1.0, soc, 0.5 + 0.3 * (n % 10 < 5), 0.0, 0.0)
        if n == 100:
            assert x[m.BIAS] == -0.05
        soc -= x[m.P_REF] / (3600.0 * hours)
        socs.append(soc)
    # full bias down to 55 %: 0.1 * 0.2 h / 0.05 = 0.4 h; from there a lag of 0.2 h
    assert socs[round(0.4 * 3600)] == pytest.approx(0.55, abs=3e-3)
    assert socs[round(0.8 * 3600)] == pytest.approx(0.5 + 0.05 * exp(-2.0), abs=3e-3)
    assert np.mean(socs[-10:]) == pytest.approx(0.5, abs=2e-3)


def test_maintenance_does_not_wait_for_a_dispatch_without_energy():
    x = control("dispatch", "maintenance")
    run(x, 10.0, soc=0.2, p_set=0.3)
    assert x[m.LIMIT + m.DISPATCH] == m.BY_ENERGY
    assert x[m.P_REF] == pytest.approx(-0.05)
    assert x[m.GOT + m.MAINTENANCE] == pytest.approx(-0.05)
    # 3 of 20 thousandths above the floor give 0.15 pu, half of what is asked
    run(x, 10.0, soc=0.203, p_set=0.3)
    assert x[m.GOT + m.DISPATCH] == pytest.approx(0.15)
    assert x[m.GOT + m.MAINTENANCE] == pytest.approx(-0.025)
    x[m.STARTED] = 0.0
    assert abs(run(x, 0.01, soc=0.2)[-1]) <= 0.2 * 0.01


def test_maintenance_rests_during_a_dispatch():
    x = control("dispatch", "maintenance")
    run(x, 10.0, soc=0.4)
    assert x[m.GOT + m.MAINTENANCE] == pytest.approx(-0.05)
    assert run(x, 10.0, soc=0.4, p_set=0.3)[-1] == pytest.approx(0.3)
    assert x[m.GOT + m.MAINTENANCE] == pytest.approx(0.0, abs=1e-12)


def scene(module, x, dt, battery_hours=0.1):
    """Return P_REF and SOC once per second of a busy ten minutes, inputs held for a second each."""
    rng = np.random.default_rng(7)
    soc, rows = 0.55, []
    for second in range(600):
        f, v = 1.0 + 0.003 * rng.standard_normal(), 1.0 + 0.02 * rng.standard_normal()
        v = 0.5 if second in (100, 101, 300) else v
        p_load, p_set = float(rng.uniform(0.2, 0.9)), 0.3 if 200 <= second < 260 else 0.0
        for _ in range(round(1.0 / dt)):
            module.control(x, dt, f, v, soc, p_load, p_set, 0.1)
            soc -= float(x[m.P_REF]) * dt / (3600.0 * battery_hours)
        rows.append((float(x[m.P_REF]), soc))
    return np.array(rows)


def busy():
    return array(
        Missions(
            missions=ALL, volt_var=VOLT_VAR, volt_watt=VOLT_WATT, low_pass=3.0, ramp_up=0.1, ramp_down=0.1
        )
    )


def test_the_length_of_the_step_does_not_matter():
    coarse, fine = scene(m, busy(), 0.1), scene(m, busy(), 0.01)
    assert np.ptp(fine[:, 0]) > 1.0
    # per step the grid's ramp and the set-point's move by 0.03 pu
    assert np.abs(coarse[:, 0] - fine[:, 0]).max() < 0.03
    assert np.abs(coarse[:, 1] - fine[:, 1]).max() < 3e-3


def test_plain_python_gives_the_same_bits(monkeypatch):
    monkeypatch.setattr(jit, "part", lambda function: function)
    spec = importlib.util.spec_from_file_location("hil.plant.emt.plain_missions", m.__file__)
    plain = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(plain)
    x = busy()
    y = x.tolist()
    assert np.array_equal(scene(m, x, 0.1), scene(plain, y, 0.1))
    assert x.tolist() == y
