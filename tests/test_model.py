"""The plant in this process: what tests by model run on."""

from dataclasses import fields, replace
from importlib.resources import files

import numpy as np
import pytest

from hil.analysis.analyze import analyze
from hil.capture.sealed import read_sealed_metadata
from hil.config import load
from hil.errors import ConfigError
from hil.evaluate import corrected
from hil.model import PlantModel
from hil.plant.loads import Bank
from hil.plant.missions import Missions
from hil.plant.options import PlantOptions
from hil.plant.parameters import Parameters
from hil.plant.stated import stated
from hil.profiles.profile import Profile
from hil.recording import SUFFIX, read_readings
from hil.roles import PcsState
from hil.transient import ListPoint

VOLTS = 480.0 / 3**0.5


class Told:
    """Looks on, and keeps what it was told."""

    def __init__(self):
        self.ticks = []

    def stage(self, name, purpose):
        pass

    def tick(self, seconds, reading):
        self.ticks.append((seconds, reading))


@pytest.fixture
def config():
    return load(files("hil.data") / "benches" / "simulated.toml")


@pytest.fixture
def model(config, tmp_path):
    return PlantModel(config, tmp_path, (), 0, Told())


def switch_on(model, watts=50e3):
    model.set("dc", output=True, volts=850.0, source_amps=176.0, sink_amps=176.0)
    model.set("dc", source_watts=120e3, sink_watts=120e3)
    model.set("grid", relay=True, volts=(VOLTS,) * 3, hertz=60.0)
    model.set("pcs", enable=True)
    model.advance(0.7)
    model.set("pcs", active_power=watts)
    model.advance(0.3)


def test_a_bench_without_a_plant_is_refused(config, tmp_path):
    with pytest.raises(ConfigError, match="by model, and a bench of hardware has none; name a simulated"):
        PlantModel(replace(config, plant=None), tmp_path, (), 0, Told())


def test_a_capture_evaluates_like_one_of_a_bench(model, tmp_path):
    """50 kW at 480 V into a stiff grid; a sag to 0.5 pu for 0.2 s, its begin marked on the trigger line."""
    switch_on(model)
    with model.record("sag"):
        model.advance(0.5)
        model.play(
            (ListPoint(0.2, (VOLTS / 2,) * 3, 60.0), ListPoint(0.5, (VOLTS,) * 3, 60.0)),
        )
        model.advance(0.9)
    waveform, metadata = corrected(tmp_path / model.captures["sag"])
    assert waveform.triggered
    assert waveform.start == pytest.approx(-0.5, abs=2e-5)
    assert waveform.rate == 50e3
    assert metadata == read_sealed_metadata(tmp_path / "sag.h5")
    places = {(c.quantity, c.phase, c.place) for c in waveform.channels}
    assert {("voltage", "a", ""), ("current", "c", ""), ("current", "b", "grid")} <= places
    assert {("voltage", "dc", ""), ("trigger", "", ""), ("voltage", "a", "source")} <= places
    found = analyze(waveform, nominal_voltage=VOLTS, nominal_frequency=60.0, rated_current=120.3)
    assert found["active_power"].value == pytest.approx(50e3, rel=2e-3)
    assert found["residual_voltage_pu"].value == pytest.approx(0.5, abs=0.01)
    assert found["event_duration"].value == pytest.approx(0.2, abs=0.02)
    assert found["valid_share"].value == 100.0


def test_what_the_pcs_says_has_the_names_of_its_state_and_comes_as_often_as_asked(model, tmp_path):
    switch_on(model)
    with model.record("a", poll=0.25):
        model.advance(1.0)
    readings = read_readings(tmp_path / f"a{SUFFIX}")
    said = [r for r in readings if r.source == "pcs"]
    assert [r.time for r in said] == pytest.approx([0.0, 0.25, 0.5, 0.75, 1.0], abs=1e-3)
    assert set(said[0].values) == {f.name for f in fields(PcsState)}
    assert said[-1].values["mode"] == "running"
    assert said[-1].values["active_power"] == pytest.approx(50e3, rel=5e-3)
    assert said[-1].values["current"] == pytest.approx(50e3 / 3 / VOLTS, rel=0.01)
    assert said[-1].values["temperature"] > 25.0
    assert said[-1].values["alarms"] == []


def test_a_transient_moves_the_frequency_at_its_slew(model):
    """60 to 59 Hz at 2 Hz/s takes half a second, at which the grid's own meter shows it; else it jumps."""
    switch_on(model)
    volts = (VOLTS,) * 3
    model.play((ListPoint(0.1, volts, 60.0), ListPoint(1.0, volts, 59.0, slew=2.0)))
    model.advance(0.35)  # halfway down; the PLL lags by some hundredths of a second
    assert model.read("pcs")["measured_hertz"] == pytest.approx(59.5, abs=0.1)
    model.advance(0.5)
    assert model.read("pcs")["measured_hertz"] == pytest.approx(59.0, abs=0.02)


def test_what_it_does_not_report_is_none(config, tmp_path):
    model = PlantModel(config, tmp_path, ["missing-channel=watts"], 0, Told())
    switch_on(model)
    with model.record("a"):
        model.advance(0.1)
    *_, last = read_readings(tmp_path / f"a{SUFFIX}")
    assert last.values["active_power"] is None
    assert last.values["frequency"] == pytest.approx(60.0, abs=0.01)


def test_it_says_what_it_is_made_of_without_the_flaws(config, tmp_path):
    model = PlantModel(config, tmp_path, ["fast-pll=3"], 0, Told())
    model.start(scr=5.0)
    with model.record("a"):
        model.advance(0.01)
    made_of = next(r for r in read_readings(tmp_path / f"a{SUFFIX}") if r.source == "model").values
    assert made_of["pll_bandwidth"] == ["10", "Hz", "How fast it follows the grid's phase"]
    assert made_of["scr"][:2] == ["5", "number"]


def test_flaws_are_in_the_unit_unless_it_is_asked_for_as_stated(config, tmp_path):
    model = PlantModel(config, tmp_path, ["misreports=1.2"], 0, Told())
    watts = []
    for flawed in (True, False):
        model.start(flawed=flawed)
        switch_on(model)
        watts.append(model.read("pcs")["measured_watts"])
    assert watts == pytest.approx([60e3, 50e3], rel=5e-3)


def test_a_flaw_given_twice_is_refused(config, tmp_path):
    with pytest.raises(ConfigError, match="fast-pll: given more than once"):
        PlantModel(config, tmp_path, ["fast-pll", "fast-pll=2"], 0, Told())


def test_it_begins_anew_with_other_parameters(model):
    """At an SCR of 5 and X/R of 8, 50 kvar lift the terminals by about 0.5 / 5 pu."""
    lifted = []
    for scr in (100.0, 5.0):
        model.start(scr=scr)
        assert model.now() == 0.0
        switch_on(model, 0.0)
        model.set("pcs", reactive_power=50e3)
        model.advance(0.3)
        lifted.append(sum(model.read("pcs")["measured_volts"]) / 3 / VOLTS - 1)
    assert lifted == pytest.approx([0.005, 0.1], rel=0.15)


def test_what_starts_with_the_bench_starts_with_the_model(config, tmp_path):
    """5 kW in each phase at rated voltage."""
    bank = Bank(resistance=(VOLTS**2 / 5e3,) * 3)
    options = replace(config.plant, load={"closed": True, "bank": bank})
    model = PlantModel(replace(config, plant=options), tmp_path, (), 0, Told())
    switch_on(model, 0.0)
    assert sum(model.read("grid")["measured_watts"]) == pytest.approx(15e3, rel=0.01)


def test_a_load_s_profile_begins_when_it_is_set(model):
    model.advance(0.3)
    model.set("load", on=True, profile=Profile(np.array([0.0, 1.0]), np.array([1e3, 1e3])))
    assert model.read("load")["start"] == pytest.approx(0.3)


def test_the_control_of_the_bench_file_is_the_model_s_too(config, tmp_path):
    plant = replace(config.plant, controller="nowhere_at_all:Control")
    with pytest.raises(ConfigError, match="there is no module 'nowhere_at_all'"):
        PlantModel(replace(config, plant=plant), tmp_path, (), 0, Told())


@pytest.mark.parametrize(
    ("do", "says"),
    [
        (lambda m: m.start(scrr=2.0), "the plant has no parameter 'scrr'; nearest are scr"),
        (lambda m: m.start(scr=0.5), "must lie between 1 and 1000"),
        (lambda m: m.set("gird", hertz=50.0), "there is no terminal 'gird'"),
        (lambda m: m.set("genset:0", run=True), "there is no terminal 'genset:0'"),
        (lambda m: m.set("grid", herz=50.0), "grid has no 'herz'; it has"),
        (lambda m: m.read("now"), "there is no terminal 'now'"),
    ],
)
def test_what_is_not_there_is_refused(model, do, says):
    with pytest.raises(ConfigError, match=says):
        do(model)


def test_captures_are_refused_that_would_spoil_one_another(model):
    with pytest.raises(ConfigError, match="capture b begins before a has ended"), model.record("a"):
        model.advance(0.01)
        with model.record("b"):
            pass
    with model.record("c"):
        model.advance(0.01)
    with pytest.raises(ConfigError, match="capture c is recorded twice"), model.record("c"):
        pass
    with pytest.raises(ConfigError, match="begins anew inside capture d"), model.record("d"):
        model.start()
    with pytest.raises(ConfigError, match="capture e holds no sample"), model.record("e"):
        pass
    assert model.captures == {"c": "c.h5"}


def test_it_tells_how_far_it_is(config, tmp_path):
    told = Told()
    model = PlantModel(config, tmp_path, (), 0, told)
    model.advance(1.5)
    model.start()
    model.advance(1.0)
    assert [round(seconds, 6) for seconds, _ in told.ticks] == [1.0, 2.0]
    assert told.ticks[1][1] == "plant time 0.5 s"
    assert model.total == pytest.approx(2.5)


def test_every_parameter_is_stated_with_unit_and_meaning():
    rows = stated(PlantOptions(Parameters(missions=Missions())))
    assert {name: row for name, row in rows.items() if not all(row)} == {}
    assert rows["undervoltage"][:2] == [
        "[[0.25, 0.4], [0.5, 1.45], [0.7, 3.6], [0.9, 7.2]]",
        "[[pu, s], ...]",
    ]
    assert rows["ambient"] == ["25", "degC", "Temperature around PCS and battery"]
    assert {"forming.droop", "synchro.slip", "missions.window", "switching"} <= set(rows)
    assert not {"defects", "telemetry_gain", "bank", "grounding", "gensets"} & set(rows)


def test_the_parameters_of_the_user_s_own_control_are_not_stated():
    rows = stated(PlantOptions(controller="mine:Control"))
    assert [name for name, row in rows.items() if not all(row)] == ["controller"]
