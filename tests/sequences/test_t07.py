"""T7, LVRT and HVRT: what it refuses, asks of the source and measures, and what flaws it finds."""

import numpy as np
import pytest

from hil.errors import HilError
from hil.rehearse import nominal, rehearse
from hil.sequence import StageEnd
from hil.steps import Hold, LoadTransient, SetPower, SwitchPcs

QUICK = {
    "corners": "0.12/0.32 0.52/0.6 1.18/0.3",
    "phases": "abc a",
    "powers": "0.9",
    "swell_time": "0 s",
    "four_within": "0 s",
    "six_within": "12 s",
    "frequency_time": "0.2 s",
    "before": "0.4 s",
    "after": "1.3 s",
    "steady": "0.3 s",
    "apart": "0.1 s",
}


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"corners": "0.27-1.2"}, "corners: '0.27-1.2': expected voltage/time"),
        ({"corners": "0.95/1"}, "0.95 pu is neither a sag nor a swell"),
        ({"corners": "0.5/100"}, "corners, time = 100 s"),
        ({"corners": "0.52/0.6 0.523/3"}, "two have the same voltage to a percent"),
        ({"phases": "abc ca"}, "phases = 'abc ca'"),
        ({"powers": ""}, "powers = ''"),
        ({"powers": "0.9 x"}, "powers = '0.9 x'"),
        ({"powers": "0.02"}, "powers, size = 0.02 pu"),
        ({"six_within": "8 s"}, "six_within = 8 s"),
        ({"jump": "1 deg"}, "jump = 1 deg"),
        ({"after": "1 s"}, "after = 1 s"),
    ],
)
def test_what_it_refuses(sequence, given, says):
    with pytest.raises(HilError, match=r"^t07_ride_through: ") as caught:
        sequence("t07_ride_through", **given)
    assert says in str(caught.value)


def transients(test, bench):
    """Return the points of each transient by the name of its stage."""
    stages = rehearse(test, bench).stages
    return {s.name: step.points for s in stages for step in s.steps if isinstance(step, LoadTransient)}


def test_the_full_form_has_every_corner_in_every_phase_set_at_every_power(sequence, bench):
    test = sequence("t07_ride_through")
    names = list(test.captures())
    assert len(names) == 3 * (6 * 3 + 2 + 2 + 2 + 4)
    assert len(set(names)) == len(names)
    assert {"lvrt_000_abc_p90", "lvrt_072_a_p25", "hvrt_118_ab_p-90", "swell_off_p25"} <= set(names)
    assert set(transients(test, bench)) == set(names)


def test_a_disturbance_comes_at_every_power_before_the_next_and_ends_at_the_power_it_began_at(
    sequence, bench
):
    """Charging first: half an hour of swell at 0.9 pu takes 0.45 h of rated power out of the battery."""
    names = list(sequence("t07_ride_through").captures())
    swells = [f"swell_{word}_{tag}" for tag in ("p-90", "p90", "p25") for word in ("on", "off")]
    first = names.index("swell_on_p-90")
    assert names[first : first + 6] == swells
    stages = [stage.name for stage in rehearse(sequence("t07_ride_through"), bench).stages]
    assert stages.count("energise") == 1
    assert stages[-2:] == ["frequency_high_off_p25", "de-energise"]
    assert names[:3] == ["lvrt_000_abc_p-90", "lvrt_000_abc_p90", "lvrt_000_abc_p25"]


def test_each_event_is_met_at_its_power_which_changes_between_events_only(sequence, bench):
    test = sequence("t07_ride_through", **{**QUICK, "powers": "-0.9 0.9", "swell_time": "1 s"})
    stages, watts, met = test.stages(nominal(bench)), None, {}
    seen = [next(stages)]
    with pytest.raises(StopIteration):
        while True:
            seen.append(stages.send(StageEnd(pcs_running=True)))
    for stage in seen:
        for step in stage.steps:
            if isinstance(step, SetPower):
                watts = step.watts
            elif isinstance(step, LoadTransient):
                met[stage.name] = watts
    assert met == {name: given["power"] * 100e3 for name, given in test.captures().items()}
    between = [stage.name for stage in seen if " before " in stage.name]
    assert {"0.9 pu before swell_on_p90", "-0.9 pu before jump_on_p-90"} <= set(between)
    assert not any("_off_" in name or name.startswith("restart") for name in between)


def test_a_swell_is_held_and_other_events_stand_apart(sequence, bench):
    stages = {stage.name: stage.steps for stage in rehearse(sequence("t07_ride_through"), bench).stages}
    held = [stages[name][-1] for name in ("swell_on_p90", "frequency_low_on_p90", "jump_on_p90")]
    assert held == [Hold(1800.0), Hold(299.0), Hold(10.0)]


def test_repeated_sags_fill_their_time(sequence, bench):
    """Six sags of 0.32 s: the last ends 82 s after the first began."""
    points = transients(sequence("t07_ride_through"), bench)["repeated_six_p90"]
    assert sum(point.seconds for point in points[:-1]) == pytest.approx(82.0, abs=0.005)
    assert [point.volts[0] < 200 for point in points] == [True, False] * 6


def test_the_phase_jumps_ahead_and_back_and_the_frequency_ramps(sequence, bench):
    """60 to 57 Hz at 5 Hz/s takes 0.6 s, 61.8 Hz 0.36 s; a tenth of a second is held after it."""
    points = transients(sequence("t07_ride_through"), bench)
    assert [points[f"jump_{word}_p90"][0].degrees for word in ("on", "off")] == [(25.0,) * 3, (0.0,) * 3]
    ramps = [points[f"frequency_{word}_p90"][0] for word in ("low_on", "low_off", "high_on", "high_off")]
    assert [(p.hertz, p.slew) for p in ramps] == [(57.0, 5.0), (60.0, 5.0), (61.8, 5.0), (60.0, 5.0)]
    assert [p.seconds for p in ramps] == pytest.approx([0.7, 0.7, 0.46, 0.46])


def test_a_tripped_unit_is_started_again_where_the_grid_is_at_home(sequence, bench):
    """Not between the two halves of an event: at 57 Hz it could not start."""
    stages = sequence("t07_ride_through", **QUICK).stages(nominal(bench))
    seen = [next(stages)]
    with pytest.raises(StopIteration):
        while True:
            seen.append(stages.send(StageEnd(pcs_running=False)))
    before = [
        stage.name.removeprefix("restart before ") for stage in seen if stage.name.startswith("restart")
    ]
    assert "frequency_low_on_p90" in before
    assert not any("_off_" in name for name in before if not name.startswith("jump"))
    assert SwitchPcs(on=False) in next(s for s in seen if s.name.startswith("restart")).steps


GIVEN = {"duration": 0.0, "count": 1.0, "spacing": 0.0, "power": 0.9}


def test_a_jump_of_phase_is_measured(sequence, formula):
    """25 degrees at the trigger, and a current that is down to a half for 0.3 s."""
    recording = formula(
        lambda _: 1.0,
        lambda t: np.where((t > 0) & (t < 0.3), 0.45, 0.9),
        angle=lambda t: np.radians(25.0) * (t >= 0),
        parameters={**GIVEN, "jump": 25.0},
    )
    found = sequence("t07_ride_through").analyze(recording)
    assert found["phase_jump"].value == pytest.approx(25.0, abs=0.1)
    assert found["power_back"].value == pytest.approx(0.3, abs=0.01)
    assert found["power_before"].value == pytest.approx(0.9, abs=1e-3)
    assert (found["ridden"].state, found["mode"].state) == ("ridden through", "running")


def test_a_ramp_counts_from_its_end(sequence, formula):
    """60 to 57 Hz at 5 Hz/s: 0.6 s; power that is back 0.7 s after the begin is back after 0.1 s."""
    ramp = lambda t: np.clip(t, 0.0, 0.6)  # noqa: E731 - a formula
    recording = formula(
        lambda _: 1.0,
        lambda t: np.where((t > 0) & (t < 0.7), 0.5, 0.9),
        angle=lambda t: -2 * np.pi * (2.5 * ramp(t) ** 2 + 3.0 * np.maximum(t - 0.6, 0.0)),
        parameters={**GIVEN, "frequency": 57.0, "came": 0.0, "rocof": -5.0},
    )
    found = sequence("t07_ride_through").analyze(recording)
    assert found["rocof_100ms_max"].value == pytest.approx(-5.0, abs=0.1)
    assert found["frequency_reached"].value == pytest.approx(57.0, abs=0.01)
    assert found["power_back"].value == pytest.approx(0.1, abs=0.01)


def test_support_is_timed_in_cycles(sequence, formula):
    """A reactive current that is there two cycles after the sag began, all at once."""
    inside = lambda t: (t >= 0) & (t < 1.0)  # noqa: E731 - a formula
    recording = formula(
        lambda t: np.where(inside(t), 0.5, 1.0),
        lambda t: np.where(inside(t) & (t >= 2 / 60), -0.8j, np.where(inside(t), 0.0, 0.9)),
        parameters={**GIVEN, "residual": 0.5, "duration": 1.0},
    )
    found = sequence("t07_ride_through").analyze(recording)
    assert found["step_cycles"].value == pytest.approx(2.0, abs=0.5)
    assert found["settling_cycles"].value == pytest.approx(2.5, abs=0.5)
    assert found["reactive_current"].value == pytest.approx(0.8, abs=0.03)


def test_without_voltage_there_is_no_support_to_time(sequence, formula):
    inside = lambda t: (t >= 0) & (t < 0.32)  # noqa: E731 - a formula
    recording = formula(
        lambda t: np.where(inside(t), 0.01, 1.0),
        lambda t: np.where(inside(t), 1.2j, 0.9),
        parameters={**GIVEN, "residual": 0.0, "duration": 0.32},
    )
    found = sequence("t07_ride_through").analyze(recording)
    for key in ("step_cycles", "settling_cycles"):
        assert (found[key].value, found[key].state) == (None, "not determinable")


def test_the_summary_names_what_was_lost(sequence, formula):
    test = sequence("t07_ride_through", **QUICK)
    good = test.analyze(formula(lambda _: 1.0, lambda t: 0.9 + 0 * t, parameters=GIVEN))
    lost = test.analyze(formula(lambda _: 1.0, lambda t: np.where(t < 0.1, 0.9, 0.0), parameters=GIVEN))
    names = list(test.captures())
    summary = test.summarize(dict.fromkeys(names, good))
    assert summary["all_ridden"].state == "all ridden through"
    assert [row[0] for row in summary.tables[0].rows] == names
    assert test.summarize({names[0]: good})["all_ridden"].state == "not all recorded"
    found = test.summarize({**dict.fromkeys(names, good), names[1]: lost})["all_ridden"]
    assert (found.state, names[1] in found.note) == ("tripped", True)
    idle = test.analyze(formula(lambda _: 1.0, lambda t: 0.01 + 0 * t, parameters=GIVEN))
    found = test.summarize({**dict.fromkeys(names, good), names[1]: idle})["all_ridden"]
    assert (found.state, names[1] in found.note) == ("not all recorded", True)  # nothing to ride through with


ONE = {**QUICK, "corners": "0.12/0.32", "phases": "abc", "six_within": "0 s"}
OTHERS = (
    "jump_on_p90",
    "jump_off_p90",
    *(f"frequency_{w}_p90" for w in ("low_on", "low_off", "high_on", "high_off")),
)


@pytest.mark.thorough
def test_a_good_unit_passes(run, sequence):
    """In every kind of event; the other depths and phases go the same way."""
    settings = {**QUICK, "corners": "0.52/0.6 1.18/0.3", "phases": "a"}
    names = (*sequence("t07_ride_through", **settings).captures(), "summary")
    assert run("t07_ride_through", settings) == {name: {} for name in names}


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("flaw", "missed", "all_ridden"),
    [
        (
            "trips-early",
            {"voltage_ridden", "no_pause", "reactive_support", "recovery"},
            {"all_ridden": "FAIL"},
        ),
        ("no-support", {"no_pause", "reactive_support"}, {}),
    ],
)
def test_flaws_are_found_in_their_line(run, flaw, missed, all_ridden):
    """Told to give no reactive current, a unit in a deep sag gives none at all, which is a pause too."""
    found = run("t07_ride_through", ONE, flaw)
    assert found.pop("lvrt_012_abc_p90") == dict.fromkeys(missed, "FAIL")
    assert found == {**{name: {} for name in OTHERS}, "summary": all_ridden}
