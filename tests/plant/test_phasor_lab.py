"""What a lab sees of hours in phasors: meters, telemetry with its flaws, an external count of charge."""

from dataclasses import replace

import numpy as np
import pytest

from hil.capture.read import read
from hil.capture.write import write
from hil.config import load
from hil.errors import ConfigError
from hil.plant import flaws
from hil.plant.loads import Bank
from hil.plant.missions import Mission, Missions
from hil.plant.options import PlantOptions
from hil.plant.parameters import Parameters
from hil.plant.phasor import Profile
from hil.plant.phasor_lab import observe, scenario
from hil.plant.terminals import CHANNELS

HOUR = 3600.0
COMPETING = Missions(
    missions=(Mission("ride-through", reserve=0.1), Mission("buffering"), Mission("dispatch")),
    grid_ramp_up=0.001,
    grid_ramp_down=0.001,
)
"""Load steps of 40 % take the grid 400 s: with a dispatch of 80 % there is more asked for than there is."""
SQUARE = Profile(600.0, (30e3, 70e3), held=True, repeated=True)


def plant(**options):
    q = Parameters(chemistry="lfp", battery_capacity=200e3, coulombic_efficiency=1.0, **options)
    return PlantOptions(q, state_of_charge=0.5)


def seen(*texts, hours=1.0, dt=0.05, options=None, **asked):
    asked = {"load_power": SQUARE, "power": Profile(900.0, (20e3, -20e3), held=True, repeated=True), **asked}
    planted = [flaws.parse(text) for text in texts]
    return observe(scenario(options or plant(), planted, **asked), hours * HOUR, dt, 1.0)


def names(table):
    return {channel.name for channel in table.channels}


def told(table):
    return {name for name in names(table) if name.startswith("told_")}


def test_meters_and_an_honest_pcs_agree():
    t = seen()
    assert (t.rate, t.time[0], t.time[-1]) == (1.0, 1.0, HOUR)
    np.testing.assert_allclose(t["grid_power"] + t["pcs_power"], t["load_power"], atol=1e-3)
    np.testing.assert_array_equal(t["told_watts"], t["pcs_power"])
    # the battery's losses and the bridge's are between the two: 2 to 3 % of 20 kW, and the sign is the same
    assert ((t["dc_power"] - t["pcs_power"]) > 0.0).all()
    np.testing.assert_allclose(
        3 * t["told_volts"] * t["told_amps"], np.abs(t["pcs_power"]), rtol=1e-3, atol=20
    )
    assert np.abs(t["told_state_of_charge"] - t["counted_charge"]).max() < 1e-9
    assert np.ptp(t["counted_charge"]) > 0.02  # 20 kW for a quarter hour of 200 kWh
    assert np.ptp(t["told_celsius"]) > 0.1
    assert {f"told_{name}" for name in CHANNELS} | {"told_limited"} == told(t)


def test_the_count_knows_nothing_of_what_the_cells_do_not_store():
    options = plant()
    options = replace(options, parameters=replace(options.parameters, coulombic_efficiency=0.99))
    t = seen(options=options)
    charged = -np.minimum(t["dc_current"], 0.0).sum() / options.parameters.charge
    assert t["counted_charge"][-1] - t["told_state_of_charge"][-1] == pytest.approx(0.01 * charged, rel=1e-6)


def test_drifting_charge_shows_beside_the_count():
    t = seen("soc-drifts=0.02")
    np.testing.assert_allclose(
        t["told_state_of_charge"] - t["counted_charge"], 0.02 * t.time / HOUR, atol=1e-9
    )
    t = seen("soc-miscounts=0.5")
    np.testing.assert_allclose(t["told_state_of_charge"] - 0.5, 1.5 * (t["counted_charge"] - 0.5), atol=1e-9)


def test_scale_lag_flat_line_and_missing_channel():
    good = seen(hours=0.5)
    t = seen("misreports=1.02", "flat-line=dc_volts", "missing-channel=hertz", hours=0.5)
    np.testing.assert_allclose(t["told_watts"], 1.02 * good["pcs_power"])
    assert np.ptp(t["told_dc_volts"]) == 0.0
    assert np.ptp(good["told_dc_volts"]) > 1.0
    assert told(good) - told(t) == {"told_hertz"}
    for name in names(t) - {"told_watts", "told_dc_volts"}:  # what it says is not what it does
        np.testing.assert_array_equal(t[name], good[name])
    late = seen("reports-late=10", hours=0.5)["told_watts"]
    # a step of 40 kW at 900 s: first order, so 1 / e is left after the time constant
    assert late[909] == pytest.approx(-20e3 + 40e3 / np.e, abs=50.0)


def test_a_power_that_misses_its_set_point():
    assert seen("misses-power=0.1", hours=0.1)["pcs_power"][-1] == pytest.approx(18e3, rel=1e-3)


def test_order_of_missions_shows_in_what_they_get():
    options = plant(missions=COMPETING)
    shares = {}
    for texts in ((), ("wrong-mission-order",)):
        t = seen(*texts, hours=0.5, options=options, power=80e3)
        shares[texts] = t["told_buffering_share"], t["told_dispatch_share"]
        np.testing.assert_allclose(sum(shares[texts]), t["pcs_power"], atol=100.0)
    buffering, dispatch = shares[()]
    step = slice(601, 640)  # 40 kW of load on top, of which the grid takes 0.1 kW a second
    assert (buffering[step] > 35.9e3).all()
    assert (dispatch[step] < 64.2e3).all()
    buffering, dispatch = shares["wrong-mission-order",]
    assert (dispatch[step] > 79e3).all()
    assert (buffering[step] < 20.5e3).all()


def test_the_current_limit_is_told():
    t = seen(hours=0.25, power=Profile(300.0, (20e3, 110e3, 20e3), held=True), reactive=60e3)
    assert t["told_limited"].tolist() == [0.0] * 300 + [1.0] * 300 + [0.0] * 300


def test_the_scenario_of_a_bench_is_its_table():
    island = load("simulated_island").plant
    s = scenario(island)
    assert (s.plant.gensets, s.state_of_charge) == ((), 0.6)
    assert s.plant.missions == island.parameters.missions
    # 3 x 5 kW and 3 x 2 kvar, whose reactors lose var / (w L / R) = 6 kvar / (377 x 0.25)
    assert s.impedance_power == pytest.approx(15e3 + 6e3 / (377 * 0.25), rel=1e-3)
    assert s.impedance_reactive == pytest.approx(6e3, rel=1e-3)
    assert max(s.load_power.values) == pytest.approx(0.8 * 60e3)
    assert max(s.load_reactive.values) == pytest.approx(0.1 * 0.8 * 60e3)
    profile = island.load["profile"]
    assert np.mean(s.load_power.values) == pytest.approx(profile.mean, rel=1e-9)
    assert s.load_power.step * len(s.load_power.values) == pytest.approx(profile.duration)
    assert s.load_power.repeated
    assert scenario(island, load_power=20e3).load_power == 20e3
    assert scenario(island, [flaws.parse("over-limit=1.5")]).plant.current_limit == pytest.approx(1.8)


def test_a_plain_load_and_a_bank_of_all_kinds():
    bank = Bank.from_power(480.0, 60.0, [1e3, 2e3, 3e3], capacitive=[3e3, 0.0, 0.0])
    told = {"bank": bank, "closed": True, "on": True, "active_power": 4e3, "reactive_power": 1e3}
    s = scenario(replace(plant(), load=told))
    assert (s.load_power, s.load_reactive) == (4e3, 1e3)
    # the capacitor's leads: w R C = 377 x 25 us in series, of 3 kvar
    assert s.impedance_power == pytest.approx(6e3 + 3e3 * 377 * 25e-6, rel=1e-4)
    assert s.impedance_reactive == pytest.approx(-3e3, rel=1e-3)
    off = scenario(replace(plant(), load={**told, "closed": False, "on": False}))
    assert (off.load_power, off.impedance_power) == (0.0, 0.0)


def test_a_control_of_the_users_own_is_refused():
    with pytest.raises(ConfigError, match="controller = 'mine:Control'"):
        scenario(replace(plant(), controller="mine:Control"))


def test_the_table_is_a_file_that_others_open(tmp_path):
    t = seen("missing-channel=celsius", hours=0.1)
    path = tmp_path / "hours.csv"
    write(t, path)
    again = read(path)
    np.testing.assert_array_equal(again.samples, t.samples)
    assert again.channels == t.channels
