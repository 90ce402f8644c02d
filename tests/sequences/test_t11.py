"""T11, energy management: what it refuses and asks for, what it sees in a day, and what flaws it finds."""

from dataclasses import replace

import numpy as np
import pytest

from hil.capture.sealed import read_sealed
from hil.config import load
from hil.errors import ConfigError, HilError
from hil.model import PlantModel
from hil.recording import Recording
from hil.sequence import Nominal
from hil.waveform import Channel, Waveform

HOUR = 3600
REST = 1e-6 * np.linspace(0.0, 1.0, 600)
"""What moves, and yet stays where it is."""
NOMINAL = Nominal(480.0, 60.0, 100e3, 850.0)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"order": "buffering dispatch"}, "order = 'buffering dispatch'; expected buffering, frequency"),
        ({"order": "buffering frequency dispatch dispatch"}, "order = "),
        ({"energy": "60 s"}, "energy = 60 s"),
        ({"ride_reserve": "0.5 pu"}, "ride_reserve = 0.5 pu"),
        ({"deadband": "0.001 Hz"}, "deadband = 0.001 Hz"),
    ],
)
def test_what_it_refuses(sequence, given, says):
    with pytest.raises(HilError, match=r"^t11_energy: ") as caught:
        sequence("t11_energy", **given)
    assert says in str(caught.value)


def test_more_energy_is_asked_for_than_the_window_holds(sequence):
    """Charge 0.15 x 4 h and discharge 0.2 x 4 h of the battery's energy, and 0.15 x 1 h to come back."""
    day = sequence("t11_energy").schedule(NOMINAL)
    watts = day["power"]
    assert [len(values) for values in day.values()] == [86400] * 3
    kwh = [watts[a * HOUR : b * HOUR].sum() / 3.6e6 for a, b in ((0, 8), (8, 12), (16, 21), (21, 24))]
    edge = 2 * 70e3 / 2 / 60e3  # the minute from 40 to -30 kW falls into the last part
    assert kwh == pytest.approx([-0.6 * 200, 25.0, 160.0 - 40 / 120, -30.0 + edge - 0.5], abs=0.6)
    assert np.abs(np.diff(watts)).max() == pytest.approx(100e3 / 60)
    twice = sequence("t11_energy", energy="14400 s").schedule(NOMINAL)["power"]
    assert twice[4 * HOUR] == 2 * watts[4 * HOUR] == -60e3
    assert twice.max() == watts.max() == 100e3


def test_the_frequency_leaves_the_deadband_for_its_events_only(sequence):
    """Four of five minutes, and a minute back: the deadband ends a few seconds into a ramp."""
    hertz = sequence("t11_energy").schedule(NOMINAL)["grid_frequency"]
    outside = np.abs(hertz - 60.0) > 0.036
    assert outside.sum() == pytest.approx(4 * 360, abs=4 * 20)
    assert hertz.min() == pytest.approx(59.5, abs=0.016)
    assert hertz.max() == pytest.approx(60.4, abs=0.016)


N = 600
MOVES = np.linspace(0.0, 1.0, N)


def see(test, **columns):
    """Return what T11 sees in ten steady minutes, but for the columns given; None: no such column."""
    told = ("volts", "amps", "hertz", "dc_volts", "dc_amps", "celsius")
    c = {f"told_{name}": MOVES for name in told}
    c |= {
        "counted_charge": 0.5 + 0.0 * MOVES,
        "frequency": 60.0 + 0.0 * MOVES,
        "load_power": 50e3 + 0.0 * MOVES,
    }
    c |= {"told_buffering_share": 1e-6 * MOVES, "told_frequency_share": 1e-6 * MOVES}
    c |= {"asked_power": 10e3 + MOVES, "pcs_power": 10e3 + MOVES, "grid_power": 40e3 - MOVES} | columns
    c.setdefault("told_watts", c["pcs_power"])
    c.setdefault("told_dispatch_share", c["asked_power"])
    c.setdefault("told_state_of_charge", c["counted_charge"] + 1e-9 * MOVES)
    c = {name: np.asarray(values) for name, values in c.items() if values is not None}
    table = Waveform(np.array(list(c.values())), tuple(Channel(n, "", "other") for n in c), rate=1.0)
    return test.analyze(Recording("day", table, (), {}, {"power": 100e3, "frequency": 60.0}))


@pytest.fixture
def test(sequence):
    return sequence("t11_energy")


def test_a_steady_day_has_nothing_to_complain_of(test):
    found = see(test)
    for key in ("drift_counted", "drift_told", "soc_error", "overtaken", "buffering_lacked", "told_power"):
        assert found[key].value == pytest.approx(0.0, abs=1e-4), key
    assert found["channels"].state == "all live"
    assert found["reserve"].value == pytest.approx(20.0)  # 0.5 less 0.2 and 0.1
    assert found["conflict"].value == 0.0


def test_drift_and_window(test):
    """The count rises from 0.5 to 0.53 by way of 0.28; telemetry says 4 % more at the end."""
    counted = np.interp(MOVES, [0, 0.5, 1], [0.5, 0.28, 0.53])
    found = see(test, counted_charge=counted, told_state_of_charge=counted + 0.04 * MOVES)
    assert found["drift_counted"].value == pytest.approx(3.0)
    assert found["drift_told"].value == pytest.approx(7.0)
    assert found["soc_error"].value == pytest.approx(4.0)
    assert found["soc_low"].value == pytest.approx(28.0, abs=0.1)
    assert found["soc_high"].value == pytest.approx(53.0)
    assert found["reserve"].value == pytest.approx(-2.0, abs=0.1)


def test_who_was_overtaken(test):
    """Of a load step of 60 kW the grid may take 20: buffering got 10 of 40 kW, dispatch all of its 30."""
    load = np.where(MOVES < 0.5, 20e3, 80e3)
    short = np.arange(N) == int((MOVES >= 0.5).argmax())
    buffering = np.where(short, 10e3, 1e-3 * MOVES)
    found = see(
        test,
        load_power=load,
        told_buffering_share=buffering,
        asked_power=30e3 + REST,
        pcs_power=30e3 + REST,
    )
    assert found["buffering_lacked"].value == pytest.approx(30.0)
    assert found["overtaken"].value == pytest.approx(30.0)
    # those that go the other way take nothing from it
    charging = {"told_frequency_share": -5e3 + REST, "asked_power": -30e3 + REST}
    found = see(test, load_power=load, told_buffering_share=buffering, **charging)
    assert found["buffering_lacked"].value == pytest.approx(30.0)
    assert found["overtaken"].value == pytest.approx(0.0, abs=1e-4)
    # but of a step down they do
    asked = {"told_buffering_share": -buffering, "asked_power": -30e3 + REST}
    assert see(test, load_power=100e3 - load, **asked)["overtaken"].value == pytest.approx(30.0)


def test_what_comes_first_by_its_setting_overtakes_nobody(sequence):
    """Buffering lacks 30 kW that dispatch has; dispatch is set to come first, so that is in order."""
    given = {
        "load_power": np.where(MOVES < 0.5, 20e3, 80e3),
        "told_buffering_share": np.where(np.arange(N) == int((MOVES >= 0.5).argmax()), 10e3, 1e-3 * MOVES),
        "asked_power": 30e3 + REST,
        "pcs_power": 30e3 + REST,
    }
    first = see(sequence("t11_energy", order="dispatch buffering frequency"), **given)
    assert first["buffering_lacked"].value == pytest.approx(30.0)
    assert first["overtaken"].value == pytest.approx(0.0, abs=1e-4)
    assert [row[0] for row in first.tables[0].rows] == ["dispatch", "buffering", "frequency"]


def test_droop_has_its_share(test):
    """0.186 Hz below 60 are 0.15 beyond the deadband: 0.15 / 60 / 0.05 = 5 % of the rating."""
    found = see(test, frequency=59.814 + REST)
    frequency = next(row for row in found.tables[0].rows if row[0] == "frequency")
    assert frequency[3] == pytest.approx(5e3)
    assert found["overtaken"].value == pytest.approx(5.0)
    served = see(test, frequency=59.814 + REST, told_frequency_share=5e3 + MOVES)
    assert served["overtaken"].value == pytest.approx(0.0, abs=1e-4)


def test_the_ramp_is_told_from_the_meter_where_the_pcs_is_free(test):
    grid = np.where(MOVES < 0.5, 20e3, 50e3)
    assert see(test, grid_power=grid)["grid_ramp"].value == pytest.approx(30.0)
    limited = see(test, grid_power=grid, pcs_power=98e3 + MOVES)
    assert (limited["grid_ramp"].value, limited["grid_ramp"].state) == (None, "always at rated power")
    assert limited["conflict"].value == N


def test_telemetry_is_held_against_the_meter(test):
    watts = 10e3 + MOVES
    assert see(test, told_watts=1.01 * watts)["told_power"].value == pytest.approx(1.0)
    assert see(test, told_celsius=25.0 + 0 * REST)["channels"].note == "celsius"
    missing = see(
        test, told_celsius=None, told_watts=None, told_state_of_charge=None, told_dispatch_share=None
    )
    assert (missing["channels"].state, missing["channels"].note) == (
        "missing",
        "watts, state_of_charge, celsius, dispatch_share",
    )
    for key in ("told_power", "drift_told", "soc_error", "overtaken", "buffering_lacked"):
        assert (missing[key].value, missing[key].state) == (None, "not told")


class Silent:
    def tick(self, seconds, reading):
        pass


def test_hours_of_a_model_are_a_capture(tmp_path):
    """20 kW for ten minutes of 200 kWh, less losses: 1.7 %; what was asked for stands beside it."""
    model = PlantModel(load("simulated"), tmp_path, ("soc-drifts=0.6",), 0, Silent())
    schedule = {"power": np.full(600, 20e3), "load_power": np.repeat([10e3, 60e3], 300)}
    model.hours("ten", {"ride-through": 0.1, "buffering": 0.0, "dispatch": 0.0}, schedule, 0.5)
    table = read_sealed(tmp_path / model.captures["ten"])
    assert (len(table), table.rate, model.total) == (600, 1.0, 600.0)
    assert table["told_buffering_share"][300] > 40e3
    np.testing.assert_array_equal(table["load_power"], np.float32(schedule["load_power"]))
    np.testing.assert_array_equal(table["asked_power"], np.float32(20e3))
    assert table["pcs_power"][-1] == pytest.approx(20e3, rel=1e-3)
    assert table["counted_charge"][-1] == pytest.approx(0.5 - 20 / 6 / 200, abs=1e-3)
    assert table["told_state_of_charge"][-1] - table["counted_charge"][-1] == pytest.approx(0.1, abs=1e-3)


def test_a_bench_without_missions_has_the_ramps_of_its_load(tmp_path):
    """0.15 pu/s of a load of 50 kVA is 7.5 kW/s, though the PCS is rated 100 kW."""
    config = load("simulated")
    q = config.plant.parameters
    q = replace(q, electronic=replace(q.electronic, rating=50e3))
    model = PlantModel(replace(config, plant=replace(config.plant, parameters=q)), tmp_path, (), 0, Silent())
    model.hours("step", {"buffering": 0.0}, {"load_power": np.repeat([10e3, 50e3], 20)}, 0.5)
    grid = read_sealed(tmp_path / model.captures["step"])["grid_power"]
    assert np.diff(grid)[21:24] == pytest.approx(7.5e3, rel=0.02)


def test_hours_ask_for_what_is_known(tmp_path):
    model = PlantModel(load("simulated"), tmp_path, (), 0, Silent())
    with pytest.raises(ConfigError, match="no 'powr'"):
        model.hours("ten", {"dispatch": 0.0}, {"powr": np.zeros(10)}, 0.5)


@pytest.fixture
def bench():
    return load("qualification")


@pytest.mark.thorough
def test_a_good_unit_passes(run):
    assert run("t11_energy", {}) == {"day": {}}


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("flaw", "missed"),
    [
        ("wrong-mission-order", {"overtaken", "buffering", "grid_ramp"}),
        ("spends-reserve", {"drift_counted", "drift_told", "reserve", "overtaken", "buffering", "grid_ramp"}),
        ("soc-drifts", {"drift_told", "soc_error"}),
        ("misreports=1.01", {"told_power"}),
        ("flat-line=celsius", {"channels"}),
    ],
)
def test_flaws_are_found_in_their_line(run, flaw, missed):
    assert run("t11_energy", {}, flaw) == {"day": dict.fromkeys(missed, "FAIL")}
