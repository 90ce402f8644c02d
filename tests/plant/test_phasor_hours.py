"""The phasor plant over hours: energy, battery, missions, gensets; and against the EMT plant."""

import importlib
import math
import sys

import numpy as np
import pytest

import hil.plant
from hil.errors import ConfigError
from hil.plant.forming import Forming, Synchro
from hil.plant.genset import DIESEL, GAS, Genset
from hil.plant.missions import Mission, Missions
from hil.plant.parameters import Parameters
from hil.plant.phasor import COLUMNS, FLAGS, Profile, Scenario, simulate

DAY = 86400.0
WIDE = Missions(window=(0.0, 1.0))  # dispatch alone, down to empty and up to full


def bridge(q, p, reactive, volts):
    """Return what the DC side gives [W] for powers at the PCC [W, var]: the LCL ladder in complex numbers."""
    v = volts / q.voltage
    i = np.conj((p + 1j * reactive) / q.rated_power / v)
    node = v + (q.filter_resistance + 1j * q.grid_side_inductance) * i
    shunt = node / (q.damping_resistance - 1j / q.filter_capacitance)
    heat = q.filter_resistance * (abs(i) ** 2 + abs(i + shunt) ** 2) + q.damping_resistance * abs(shunt) ** 2
    power = p + q.rated_power * heat
    return np.where(power > 0, power / q.efficiency, power * q.efficiency)


def test_energy_of_a_day():
    # grid + battery - losses = load, each interval and over 24 h; set-points change on intervals alone
    rng = np.random.default_rng(7)
    q = Parameters(scr=5.0, chemistry="lfp", battery_capacity=2e6)
    hourly = {"step": 3600.0, "held": True}
    scenario = Scenario(
        plant=q,
        load_power=Profile(values=tuple(rng.uniform(2e4, 8e4, 24)), **hourly),
        power=Profile(values=tuple(rng.uniform(-3e4, 3e4, 24)), **hourly),
        reactive=Profile(values=tuple(rng.uniform(-3e4, 3e4, 24)), **hourly),
    )
    r = simulate(scenario, DAY, 0.05, 60.0)
    assert len(r["time"]) == 1440
    assert r["time"][-1] == pytest.approx(DAY)
    drawn = bridge(q, r["pcs_power"], r["pcs_reactive"], r["voltage"])
    # the minutes in which a set-point moves have mean powers, of which losses are no function
    settled = np.arange(1440) % 60 > 0
    np.testing.assert_allclose(r["battery_power"][settled], drawn[settled], rtol=1e-7)
    loss = r["battery_power"] - r["pcs_power"]
    rest = r["grid_power"] + r["battery_power"] - loss - r["load_power"]
    assert abs(rest.sum()) < 1e-9 * r["load_power"].sum()
    assert loss.min() > 0.0
    assert loss.sum() == pytest.approx((drawn - r["pcs_power"]).sum(), rel=1e-4)


def test_state_of_charge_drifts_by_the_losses_of_the_round_trip():
    # +-50 kW for half an hour each: the cell current solves e i - r i^2 = p; nothing else drifts
    q = Parameters(coulombic_efficiency=0.99)
    power = Profile(1800.0, (50e3, -50e3), held=True, repeated=True)
    r = simulate(Scenario(plant=q, power=power), 6 * 3600.0, 0.1, 3600.0)
    volts = simulate(Scenario(plant=q, power=50e3), 1.0, 0.01, 1.0)["voltage"][-1]
    ohms = (q.dc_resistance + q.battery_resistance) * q.dc_impedance
    amps = []
    for p in (50e3, -50e3):
        dc = float(bridge(q, p, 0.0, volts))
        amps.append((850.0 - math.sqrt(850.0**2 - 4 * ohms * dc)) / (2 * ohms))
    drift = -(amps[0] + 0.99 * amps[1]) * 1800.0 / q.charge
    # the RC branch lags by 20 s in 1800 s with a tenth of a per cent of the voltage: 1e-3 of the drift
    assert np.diff(r["state_of_charge"])[1:] == pytest.approx([drift] * 4, rel=5e-3)
    assert drift < 0.0


def test_battery_gives_what_it_has_and_no_more():
    # 0.9 pu out of a battery that holds one pu for six minutes; taper and cells' limits, then empty
    q = Parameters(chemistry="lfp", battery_capacity=10e3, discharge_rate=20.0, missions=WIDE)
    r = simulate(Scenario(plant=q, power=90e3), 900.0, 0.01, 1.0)
    assert r["pcs_power"][10] == pytest.approx(90e3)
    assert r["state_of_charge"].min() >= 0.0
    assert r["state_of_charge"][-1] < 0.01
    drawn = bridge(q, r["pcs_power"], r["pcs_reactive"], r["voltage"])
    # what the bridge draws is what the cells give, also at their limit
    np.testing.assert_allclose(r["battery_power"][1:], drawn[1:], rtol=1e-4, atol=1.0)
    assert int(r["flags"][-1]) & 1 << FLAGS.index("dispatch curtailed")


def test_cells_limit_the_power():
    # 0.4 capacities per hour of 200 kWh: 80 kW at the cells' voltage, though 95 kW are asked for
    q = Parameters(chemistry="lfp", discharge_rate=0.4)
    r = simulate(Scenario(plant=q, power=95e3), 60.0, 0.01, 1.0)
    amps = 0.4 * q.charge / 3600.0
    part = q.dc_resistance + q.battery_resistance * -math.expm1(-3.0)
    drop = part * q.dc_impedance * amps
    assert r["battery_power"][-1] == pytest.approx(amps * (850.0 - drop), rel=5e-4)
    drawn = bridge(q, r["pcs_power"], r["pcs_reactive"], r["voltage"])
    np.testing.assert_allclose(r["battery_power"][1:], drawn[1:], rtol=1e-6)
    assert int(r["flags"][-1]) & 1 << FLAGS.index("battery limit")


def test_competing_missions_over_a_day():
    missions = Missions(
        missions=(
            Mission("ride-through", reserve=0.1),
            Mission("buffering", share=0.6, reserve=0.05),
            Mission("frequency", share=0.3),
            Mission("maintenance", share=0.1),
        ),
        window=(0.1, 0.9),
        grid_ramp_up=0.05,
        grid_ramp_down=0.05,
    )
    rng = np.random.default_rng(3)
    hertz = Profile(60.0, tuple(60.0 + 0.05 * rng.standard_normal(1440)))
    load = Profile(30.0, (30e3, 70e3), held=True, repeated=True)
    q = Parameters(missions=missions, chemistry="lfp")
    scenario = Scenario(plant=q, load_power=load, grid_frequency=hertz, grid_voltage=1.0)
    r = simulate(scenario, DAY / 4, 0.02, 1.0)
    shares = sum(r[name] for name in COLUMNS if name.endswith("_share"))
    # what the missions got is what the PCS gives, but for its ramp and lag within a step
    np.testing.assert_allclose(r["pcs_power"], shares, atol=20.0)
    assert 0.1 < r["state_of_charge"].min() < r["state_of_charge"].max() < 0.9
    # the grid takes up the load at 5 % of 100 kW a second, and what frequency response adds
    grid = r["grid_power"] + r["frequency_share"]
    assert np.abs(np.diff(grid)).max() < 5.01e3
    assert np.abs(np.diff(r["load_power"])).max() == pytest.approx(40e3)


def test_gensets_and_pcs_share_by_their_droops():
    # at one frequency: w = 1 - mp (P - P_set) for the PCS, w = 1 - R P for each set, of its own rating
    q = Parameters(control="forming", forming=Forming(droop=0.02), gensets=(DIESEL, GAS))
    scenario = Scenario(
        plant=q,
        grid_on=0.0,
        load_power=200e3,
        impedance_power=50e3,
        state_of_charge=0.5,
    )
    r = simulate(scenario, 60.0, 0.01, 1.0)
    slip = 1.0 - r["frequency"][-1] / 60.0
    assert r["pcs_power"][-1] == pytest.approx(slip / 0.02 * 100e3, rel=1e-4)
    for n in (1, 2):
        assert r[f"genset_{n}_power"][-1] == pytest.approx(slip / 0.04 * 500e3, rel=2e-3)
    total = r["pcs_power"] + r["genset_power"] - r["load_power"]
    assert np.abs(total).max() < 1e-9 * 250e3


def test_load_step_on_a_genset_is_the_same_at_any_step():
    # 200 kW on a 500 kW diesel with a following PCS: dt only slices it, sub-steps are the same
    q = Parameters(synchro=Synchro(islands=False), gensets=(DIESEL,))
    load = Profile(10.0, (20e3, 220e3), held=True)
    runs = [simulate(Scenario(grid_on=0.0, load_power=load, plant=q), 30.0, dt, 0.1) for dt in (0.002, 0.1)]
    np.testing.assert_allclose(runs[0]["frequency"], runs[1]["frequency"], atol=1e-3)
    # first 2H dw/dt = -dP: 0.4 pu of 1.25 s gives 0.4 / 2.5 pu/s until the fuel burns
    before, dip = runs[0]["frequency"][99], runs[0]["frequency"].min()
    assert 54.0 < dip < before - 1.0  # inside -10 % of ISO 8528-5 G2, and far from nothing
    assert runs[0]["frequency"][-1] == pytest.approx(60.0 * (1 - 0.04 * 220 / 500), abs=0.02)


@pytest.mark.parametrize("reactive", [0.0, 0.3])
def test_step_as_in_the_emt_plant(running, reactive):
    # settled values within 1e-3 of the rating, and the energy of the transition within 1 %
    s = running(scr=5.0)
    s.command(50e3, reactive * 1e5)
    emt = s.record(0.3)
    q = Parameters(scr=5.0)
    r = simulate(Scenario(plant=q, power=50e3, reactive=reactive * 1e5), 0.3, 0.001, 0.001)
    power = emt["p"].reshape(-1, 50).mean(axis=1)  # milliseconds
    energy, expected = np.cumsum(r["pcs_power"]) * 1e-3, np.cumsum(power) * 1e-3
    assert r["pcs_power"][-1] == pytest.approx(power[-50:].mean(), abs=100.0)
    assert np.abs(energy - expected)[50:].max() < 0.01 * expected[-1]
    rms = np.sqrt((np.stack([emt["v_a"], emt["v_b"], emt["v_c"]]) ** 2).sum(axis=0))  # line to line, balanced
    assert r["voltage"][-1] == pytest.approx(rms[-2500:].mean(), rel=1e-3)


def test_ramp_as_in_the_emt_plant(running):
    s = running(scr=5.0, power_ramp=1.0, battery_capacity=1e3)
    begin = s.pcs.state_of_charge
    s.command(80e3)
    emt = s.record(2.0)
    q = Parameters(scr=5.0, power_ramp=1.0, battery_capacity=1e3)
    r = simulate(Scenario(plant=q, power=80e3), 2.0, 0.001, 0.02)
    power = emt["p"].reshape(-1, 1000).mean(axis=1)
    np.testing.assert_allclose(r["pcs_power"], power, atol=1e3)
    dc = (emt["v_dc"] * emt["i_dc"]).reshape(-1, 1000).mean(axis=1)
    np.testing.assert_allclose(r["battery_power"][20:], dc[20:], rtol=0.01)
    fall = r["state_of_charge"][-1] - 0.5
    assert fall == pytest.approx(s.pcs.state_of_charge - begin, rel=0.015)  # charge here, energy there: 1 %


def test_plain_python_gives_the_same_bits(monkeypatch):
    def run():
        phasor = importlib.import_module("hil.plant.phasor")
        scenario = phasor.Scenario(
            plant=Parameters(control="forming", forming=Forming(inertia=1.0), gensets=(DIESEL,)),
            grid_on=phasor.Profile(0.2, (1.0, 0.0, 1.0), held=True),
            load_power=phasor.Profile(0.1, (2e4, 9e4, 5e4)),
            load_reactive=1e4,
        )
        follows = phasor.Scenario(
            load_power=5e4, power=9e4, grid_voltage=phasor.Profile(0.2, (1.0, 0.7, 1.0))
        )
        limited = phasor.Scenario(
            Parameters(control="forming", forming=Forming(limiter="virtual-impedance"), fault_priority="Q"),
            power=5e4,
            grid_voltage=phasor.Profile(0.2, (1.0, 0.4, 1.0)),
        )
        return [phasor.simulate(s, 0.6, 0.01, 0.02) for s in (scenario, follows, limited)], phasor.COMPILED

    compiled, was = run()
    if not was:
        pytest.skip("numba is not installed")
    monkeypatch.setitem(sys.modules, "numba", None)
    monkeypatch.setattr(hil, "plant", hil.plant)  # is what it was after the test
    for name in [n for n in sys.modules if n.startswith("hil.plant")]:
        monkeypatch.delitem(sys.modules, name)
    plain, is_ = run()
    assert not is_
    for one, other in zip(compiled, plain, strict=True):
        for name in one.columns:
            np.testing.assert_array_equal(one[name], other[name], err_msg=name)


@pytest.mark.parametrize(
    ("build", "match"),
    [
        (lambda: Profile(0.0, (1.0,)), "above zero"),
        (lambda: Profile(1.0, (0.0, math.nan)), "must be numbers"),
        (lambda: Profile(1.0, ()), "at least one"),
        (lambda: Scenario(load_power=math.inf), "load_power"),
        (lambda: Scenario(state_of_charge=1.2), "between 0 and 1"),
        (lambda: Scenario(Parameters(missions=Missions(frequency=50.0))), "missions: for 100000 W, 50 Hz"),
        (lambda: Scenario(Parameters(gensets=(Genset(voltage=400.0),))), "400 V, 60 Hz"),
        (lambda: simulate(Scenario(), 10.0, 0.03, 1.0), "multiple"),
        (lambda: simulate(Scenario(), math.inf), "above zero"),
        (lambda: simulate(Scenario(), 10.0, -1.0), "above zero"),
    ],
)
def test_refusals(build, match):
    with pytest.raises(ConfigError, match=match):
        build()


def test_progress_is_told():
    told = []
    simulate(Scenario(), 5000.0, 0.01, 10.0, told.append)
    assert told[-1] == 5000.0
    assert len(told) > 3
    assert told == sorted(told)
