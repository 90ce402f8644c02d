"""The plant in phasors, against closed forms, balances and other methods."""

import math

import numpy as np
import pytest

from hil.plant.forming import Forming, Synchro
from hil.plant.missions import Mission, Missions
from hil.plant.parameters import Parameters
from hil.plant.phasor import FLAGS, Diverged, NoSolution, Profile, Scenario, simulate


def forming(scr=20.0, x_over_r=10.0, simple=False, **options):
    """Return a forming PCS; a simple one has reactances alone, 0.073 pu of filter, and no voltage control."""
    if simple:
        options = {"virtual_resistance": 0.0, "voltage_integral": 0.0, "reactive_droop": 0.0, **options}
        return Parameters(
            control="forming", forming=Forming(**options), scr=scr, x_over_r=1e6,
            filter_resistance=0.0, filter_capacitance=0.0, grid_side_inductance=0.0,
        )  # fmt: skip
    return Parameters(control="forming", forming=Forming(**options), scr=scr, x_over_r=x_over_r)


@pytest.mark.parametrize("scr", [1.5, 5.0, 20.0])
@pytest.mark.parametrize(("watts", "var"), [(0.0, 0.0), (80e3, 0.0), (-60e3, 40e3), (30e3, -30e3)])
def test_voltage_solves_thevenin_with_constant_power(scr, watts, var):
    # E = 1 behind Z: V = E + Z conj(S / V); where this misses is how far V is from a solution
    q = Parameters(scr=scr, deadband=0.5)
    r = simulate(
        Scenario(plant=q, power=watts, reactive=var, load_power=20e3, load_reactive=5e3), 1.0, 0.01, 0.5
    )
    s = complex(watts - 20e3, var - 5e3) / q.rated_power
    z = complex(q.grid_resistance, q.grid_inductance)
    v = 1.0 + 0j
    for _ in range(500):  # fixed point: another method than the kernel's root of a quadratic
        v = 1.0 + z * (s / v).conjugate()
    assert r["voltage"][-1] == pytest.approx(abs(v) * q.voltage, rel=1e-9)
    assert r["pcs_power"][-1] == pytest.approx(watts, abs=1e-6)
    assert r["grid_reactive"][-1] == pytest.approx(5e3 - var, abs=1e-6)


def test_most_that_a_weak_grid_carries():
    # |V|^2 has a root up to P = E^2 / 2 (|Z| + R): with SCR 2 and X/R 10 0.9095 pu; K = 0: no support
    q = Parameters(scr=2.0, k_support=0.0)
    most = q.rated_power / (2 * (1 / 2.0 + q.grid_resistance))
    ramp = Profile(10.0, (0.0, 1.1 * most))
    with pytest.raises(NoSolution, match=r"collapses at t = (\S+) s") as caught:
        simulate(Scenario(plant=q, load_power=ramp), 10.0, 0.001, 0.5)
    time = float(str(caught.value).split("t = ")[1].split(" s")[0])
    assert time == pytest.approx(10.0 / 1.1, abs=0.0015)


def test_power_balances_in_every_step():
    load = Profile(0.05, tuple(1e5 * np.random.default_rng(4).uniform(0.0, 1.0, 40)))
    dip = Profile(0.5, (1.0, 0.8, 1.0, 1.15), held=True)
    for q in (Parameters(scr=3.0), forming(scr=3.0), forming(scr=3.0, inertia=2.0)):
        r = simulate(
            Scenario(plant=q, load_power=load, impedance_power=2e4, impedance_reactive=1e4,
                     grid_voltage=dip, power=3e4, reactive=1e4), 2.0, 0.001, 0.001,
        )  # fmt: skip
        for power in ("power", "reactive"):
            rest = r[f"grid_{power}"] + r[f"pcs_{power}"] - r[f"load_{power}"]
            assert np.abs(rest).max() < 1e-9 * 1e5
        constant = np.interp((np.arange(2000) + 0.5) * 1e-3, 0.05 * np.arange(40), load.values)
        np.testing.assert_allclose(r["load_power"], constant + 2e4 * (r["voltage"] / 480.0) ** 2, rtol=1e-9)


def test_current_limit_and_its_flag():
    # P first: at 1.2 pu and v near 1 the PCS gives 1.2 v, and no reactive power is left
    wide = Missions(discharge_limit=2.0, missions=(Mission("dispatch", share=2.0),))
    for missions in (None, wide):
        q = Parameters(scr=10.0, missions=missions)
        r = simulate(Scenario(plant=q, power=150e3, reactive=50e3), 1.0, 0.01, 0.5)
        assert r["pcs_power"][-1] == pytest.approx(1.2e5 * r["voltage"][-1] / 480.0, rel=1e-9)
        assert r["pcs_reactive"][-1] == pytest.approx(0.0, abs=1e-3)
        assert int(r["flags"][-1]) & 1 << FLAGS.index("current limit")
        assert ("dispatch_share" in r.columns) == (missions is not None)


@pytest.mark.parametrize("scr", [1.5, 20.0])
def test_reactive_support_in_a_sag_meets_the_network(scr):
    # 4110: iq = K (0.9 - v) + q; the PCS's v is the one that its own current makes
    q = Parameters(scr=scr)
    r = simulate(Scenario(plant=q, grid_voltage=0.7, power=20e3), 2.0, 0.01, 0.5)
    v = r["voltage"][-1] / q.voltage
    i_q = r["pcs_reactive"][-1] / q.rated_power / v
    assert i_q == pytest.approx(2.0 * (0.9 - v), abs=1e-6)
    current = complex(r["pcs_power"][-1] / q.rated_power / v, -i_q)
    assert abs(v - complex(q.grid_resistance, q.grid_inductance) * current) == pytest.approx(0.7, abs=1e-6)


def test_active_current_returns_at_the_recovery_ramp():
    dip = Profile(1.0, (1.0, 0.5, 1.0), held=True)
    q = Parameters(recovery_ramp=2.0, undervoltage=Parameters().undervoltage)
    r = simulate(Scenario(plant=q, grid_voltage=dip, power=80e3), 3.0, 0.001, 0.001)
    during, after = r["pcs_power"][1999] / r["voltage"][1999] * 480.0, r["pcs_power"][2000:]
    back = np.argmax(after > 0.999 * 80e3) * 1e-3
    assert back == pytest.approx((0.8 - during / 1e5) / 2.0, abs=0.01)


def test_ramp_and_lag():
    # ramp of 0.5 pu/s, then a first-order lag: half the way after 0.5 s, whatever the step
    q = Parameters(power_ramp=0.5)
    for dt in (0.001, 0.01, 0.05):
        r = simulate(Scenario(plant=q, power=50e3), 2.0, dt, dt)
        half = np.interp(25e3, r["pcs_power"], r["time"])
        assert half == pytest.approx(0.5 + 1 / (2 * math.pi * 400) + 150e-6, abs=1e-6)
        assert r["pcs_power"][-1] == pytest.approx(50e3)


@pytest.mark.parametrize("control", ["following", "forming"])
def test_a_load_is_buffered_at_a_ramp_of_its_own(control):
    # 40 kW on top at 1.5 s, of which the grid takes next to nothing: at 5 pu/s half of it after 0.04 s
    missions = Missions(missions=(Mission("buffering"),), grid_ramp_up=1e-6, grid_ramp_down=1e-6, volt_var=())
    fast = Forming(droop=0.05, power_filter=0.0)  # 0.2 s of droop, which lags a ramp by so much
    q = Parameters(control=control, forming=fast, power_ramp=0.1, load_ramp=5.0, missions=missions)
    load = Profile(1.5, (30e3, 70e3), held=True)
    r = simulate(Scenario(q, load_power=load), 2.5, 0.001, 0.001)
    half = np.interp(20e3, r["pcs_power"][1499:], r["time"][1499:]) - 1.5
    assert half == pytest.approx(0.04, abs=0.01 if control == "following" else 0.05)


@pytest.mark.parametrize("inertia", [0.0, 3.0])
@pytest.mark.parametrize("dt", [0.001, 0.1, 1.0])
def test_droop_against_the_grid_at_any_step(inertia, dt):
    # P = P_set + (1 - f / f0) / mp: 59.94 Hz at 2 % is 0.05 pu on top; 20 W of 100 kW after a minute
    q = forming(droop=0.02, inertia=inertia)
    r = simulate(Scenario(plant=q, grid_frequency=59.94, power=20e3), 60.0, dt, 1.0)
    assert r["pcs_power"][-1] == pytest.approx(25e3, abs=20.0)
    assert r["frequency"][-1] == pytest.approx(59.94, abs=1e-6)


@pytest.mark.parametrize("dt", [0.002, 1.0])
def test_island_frequency_and_voltage_follow_the_droops(dt):
    # f = f0 (1 - mp P); V at the PCC = V0 - mq Q, as the voltage controller integrates
    q = forming(droop=0.01, reactive_droop=0.03)
    r = simulate(Scenario(plant=q, grid_on=0.0, load_power=60e3, load_reactive=20e3), 30.0, dt, 1.0)
    assert r["frequency"][-1] == pytest.approx(60.0 * (1 - 0.01 * 0.6), rel=1e-9)
    assert r["voltage"][-1] == pytest.approx(480.0 * (1 - 0.03 * 0.2), rel=1e-9)


def test_overload_lowers_the_frequency():
    # beyond its limit of power the frequency falls until somebody takes over; here nobody does
    q = forming(droop=0.01, power_limits=(-0.5, 0.5))
    r = simulate(Scenario(plant=q, grid_on=0.0, load_power=60e3), 3.0, 0.01, 1.0)
    # dw = ki (0.5 - 0.6) t on top of droop: 60 Hz x 0.1 x 0.1 a second
    assert np.diff(r["frequency"])[-1] == pytest.approx(-0.6, rel=1e-6)


def test_swing_of_a_pcs_with_inertia():
    # 2H ddelta'' + delta' / R + w0 K delta = 0, K = E V cos(delta) / X around no power
    q = forming(scr=5.0, simple=True, inertia=2.0, droop=0.5, virtual_reactance=0.15, power_filter=0.0)
    r = simulate(Scenario(plant=q, power=Profile(0.1, (0.0, 5e3), held=True)), 8.0, 0.001, 0.001)
    stiffness = 1.0 / (0.15 + 0.073 + 0.2)
    decay = 1.0 / 0.5 / (4 * 2.0)
    w = math.sqrt(2 * math.pi * 60 * stiffness / (2 * 2.0) - decay**2)
    swing = r["pcs_power"][100:] - r["pcs_power"][-1]
    t = r["time"][100:]
    swing -= 5e3 - r["pcs_power"][-1]
    up = t[1:][(swing[:-1] < 0) & (swing[1:] >= 0)]
    assert np.diff(up).mean() == pytest.approx(2 * math.pi / w, rel=2e-3)
    peaks = swing[1:-1][(swing[1:-1] > swing[:-2]) & (swing[1:-1] >= swing[2:])]
    assert math.log(peaks[0] / peaks[6]) == pytest.approx(6 * decay * 2 * math.pi / w, rel=0.02)


def test_droop_settles_with_its_bandwidth():
    # without the power filter tau = X / (mp w0): 0.35 / (0.01 x 377) = 93 ms
    q = forming(scr=5.0, simple=True, droop=0.01, virtual_reactance=0.077, power_filter=0.0)
    r = simulate(Scenario(plant=q, power=2e3), 1.0, 0.001, 0.001)
    reached = np.interp(2e3 * (1 - math.exp(-1)), r["pcs_power"], r["time"])
    assert reached == pytest.approx(0.35 / (0.01 * 2 * math.pi * 60), abs=0.0015)


def test_forming_pcs_holds_its_current_limit():
    # X to the grid is 0.496 pu: without a limit the sag alone would draw about 0.7 / 0.496 = 1.4 pu
    dip = Profile(1.0, (1.0, 0.3, 1.0), held=True)
    r = simulate(Scenario(plant=forming(scr=5.0), grid_voltage=dip, power=50e3), 4.0, 0.002, 0.002)
    current = np.hypot(r["pcs_power"], r["pcs_reactive"]) / r["voltage"] * 480.0 / 1e5
    during = (r["time"] > 1.05) & (r["time"] < 1.99)
    assert current[during].max() == pytest.approx(0.98 * 1.2, rel=5e-3)  # it aims at 98 %
    assert r["pcs_power"][-1] == pytest.approx(50e3, rel=1e-2)


def test_grid_comes_back_in_step():
    # the island runs at 60 (1 - 0.02 x 0.5) = 59.4 Hz until the PCS steers it towards the grid's 60.1 Hz
    back = Profile(10.0, (0.0, 1.0), held=True)
    scenario = Scenario(plant=forming(), grid_on=back, grid_frequency=60.1, load_power=50e3)
    r = simulate(scenario, 40.0, 0.002, 0.002)
    connected = np.argmax(r["grid_power"] != 0.0)
    assert r["time"][connected] > 10.1
    # within 10 degrees of angle over 0.05 + 0.15 + 0.15 pu the power jumps by 0.5 pu at most, then is droop's
    assert np.abs(r["grid_power"]).max() < 0.6e5
    assert r["pcs_power"][-1] == pytest.approx(-0.1 / 60 / 0.02 * 1e5, abs=50.0)
    assert r["frequency"][-1] == pytest.approx(60.1, abs=1e-6)


def test_following_pcs_goes_on_alone_without_a_jump():
    away = Profile(1.0, (1.0, 0.0), held=True)
    r = simulate(Scenario(grid_on=away, load_power=50e3, power=50e3), 5.0, 0.001, 0.001)
    assert r["grid_power"][998] == pytest.approx(0.0, abs=1.0)
    assert np.abs(np.diff(r["voltage"])[990:1010]).max() < 0.5
    assert r["frequency"][-1] == pytest.approx(60.0, abs=1e-4)  # balanced before, so nothing moves


def test_nothing_holds_the_voltage():
    q = Parameters(synchro=Synchro(islands=False))
    with pytest.raises(NoSolution, match=r"nothing holds the voltage at t = 1\.01 s"):
        simulate(Scenario(plant=q, grid_on=Profile(1.0, (1.0, 0.0), held=True)), 3.0, 0.01, 1.0)


def test_what_is_no_number_is_named_with_its_time():
    # squares of 1e200 var overflow
    with pytest.raises(Diverged, match=r"before t = 1 s; not a number: V, "):
        simulate(Scenario(load_reactive=-1e200), 1.0, 0.01, 1.0)
