"""T10, black start: what it refuses and asks of the bench, its figures by closed forms, flaws it finds."""

from dataclasses import replace

import numpy as np
import pytest

from hil.config import load
from hil.errors import HilError
from hil.recording import Reading
from hil.rehearse import nominal, rehearse
from hil.sequence import StageEnd
from hil.steps import MoveSwitch, SetLoad, SwitchGrid

QUICK = {"energisations": "2", "start": "5 s", "before": "0.5 s", "after": "1.5 s", "apart": "0.3 s"}


@pytest.fixture
def bench():
    return load("qualification")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"blocks": "0.1 x"}, "blocks = '0.1 x'"),
        ({"blocks": ""}, "blocks = ''"),
        ({"blocks": "0.6 0.6"}, "together 1 at most"),
        ({"energisations": "1.5"}, "energisations = 1.5: no whole number"),
        ({"start": "1 s"}, "start = 1 s"),
        ({"limit": "0.2 pu"}, "limit = 0.2 pu"),
    ],
)
def test_what_it_refuses(sequence, given, says):
    with pytest.raises(HilError, match=r"^t10_black_start: ") as caught:
        sequence("t10_black_start", **given)
    assert says in str(caught.value)


def test_blocks_come_one_on_the_other_and_the_source_stays_off(sequence, bench):
    test = sequence("t10_black_start", **QUICK)
    steps = [step for stage in rehearse(test, bench).stages for step in stage.steps]
    assert [step.watts for step in steps if isinstance(step, SetLoad)] == pytest.approx([0, 10e3, 35e3, 85e3])
    assert not [step for step in steps if isinstance(step, SwitchGrid)]
    moves = [step.position for step in steps if isinstance(step, MoveSwitch) and step.name != "grid_breaker"]
    assert moves == ["closed", *["open", "closed"] * 3, "open"]
    inrushes = ["inrush_1", "inrush_2"]
    blocks = ["pick_up_1_10", "pick_up_2_25", "pick_up_3_50"]
    assert list(test.captures()) == ["start", *inrushes, *blocks, "inrush_loaded"]


def test_what_does_not_start_is_asked_for_no_more(sequence, bench):
    stages = sequence("t10_black_start", **QUICK).stages(nominal(bench))
    seen = [next(stages).name]
    with pytest.raises(StopIteration):
        while True:
            seen.append(stages.send(StageEnd(pcs_running=False)).name)
    assert seen == ["dead bus", "start", "end"]


def test_a_rise_is_timed(sequence, formula):
    """0 to 1 pu in 4 s, begun 0.2 s after the command; a hundredth of the voltage was there before."""
    rise = lambda t: np.where(t < 0.2, 0.01, np.clip((t - 0.2) / 4.0, 0.01, 1.0))  # noqa: E731
    recording = formula(rise, lambda t: 0.05 * rise(t), begin=-0.5, end=5.5)
    told = (Reading(0.0, "step", {"step": "SwitchPcs"}),)
    found = sequence("t10_black_start").analyze(replace(recording, name="start", readings=told))
    assert found["rise_time"].value == pytest.approx(4.0, abs=0.02)
    assert found["dead_bus"].value == pytest.approx(1.0, abs=0.01)
    assert found["peak_current"].value == pytest.approx(0.05, abs=1e-3)
    assert found["voltage_in_the_end"].state == "there"


@pytest.mark.parametrize(
    ("level", "state"),
    [
        (0.0, "no voltage"),
        (0.04, "no voltage"),
        (0.06, "not reached"),
        (0.94, "not reached"),
        (0.96, "there"),
        (1.04, "there"),
        (1.06, "not reached"),
    ],
)
def test_the_voltage_in_the_end(sequence, formula, level, state):
    recording = formula(lambda t: np.where(t < 1.0, 1.0, level), lambda t: 1.3 + 0 * t)
    found = sequence("t10_black_start").analyze(replace(recording, name="inrush_1"))
    assert found["voltage_in_the_end"].state == state
    assert found["peak_current"].value == pytest.approx(1.3, abs=1e-3)


def test_a_block_of_load_is_measured(sequence, formula):
    """Down to 0.85 pu for 0.3 s; the frequency 0.9 Hz low from the step on."""
    low = lambda t: np.where((t >= 0) & (t < 0.3), 0.85, 1.0)  # noqa: E731
    slow = lambda t: -2 * np.pi * 0.9 * np.maximum(t, 0.0)  # noqa: E731
    recording = formula(low, lambda t: np.where(t < 0, 0.1, 0.35) / low(t), begin=-0.6, end=2.5, angle=slow)
    told = (Reading(0.0, "step", {"step": "SetLoad"}),)
    found = sequence("t10_black_start").analyze(replace(recording, name="pick_up_2_25", readings=told))
    assert found["active_step"].value == pytest.approx(0.25, abs=1e-3)
    assert found["voltage_dip"].value == pytest.approx(15.0, abs=0.1)
    assert found["voltage_recovery"].value == pytest.approx(0.3, abs=0.015)
    assert found["frequency_excursion"].value == pytest.approx(0.9, abs=0.01)


def test_the_summary_shows_rise_inrush_and_block_in_rows(sequence, formula):
    """A rise in 4 s, an inrush of 1.3 pu, 0.25 pu picked up; what a step does not have is left empty."""
    test = sequence("t10_black_start")
    rise = lambda t: np.clip(t / 4.0, 0.01, 1.0)  # noqa: E731
    full = lambda t: 1.0 + 0 * t  # noqa: E731
    made = {
        "start": (rise, lambda t: 0.05 * rise(t), "SwitchPcs"),
        "inrush_1": (full, lambda t: 1.3 + 0 * t, "MoveSwitch"),
        "pick_up_1_25": (full, lambda t: np.where(t < 0, 0.1, 0.35) + 0j, "SetLoad"),
    }
    found = {
        name: test.analyze(
            replace(formula(u, i, end=5.5), name=name, readings=(Reading(0.0, "step", {"step": step}),))
        )
        for name, (u, i, step) in made.items()
    }
    (table,) = test.summarize(found).tables
    start, inrush, block = (dict(zip(table.columns, row, strict=True)) for row in table.rows)
    assert (start["Step"], inrush["Step"], block["Step"]) == tuple(made)
    assert start["V rises in"] == pytest.approx(4.0, abs=0.02)
    assert inrush["Peak current"] == pytest.approx(1.3, abs=1e-3)
    assert block["P picked up"] == pytest.approx(0.25, abs=1e-3)
    assert block["V dip"] == pytest.approx(0.0, abs=0.01)
    assert (start["P picked up"], inrush["V rises in"], block["Peak current"]) == (None, None, None)


FEW = {**QUICK, "energisations": "1", "blocks": "0.35 0.5"}


@pytest.mark.thorough
def test_a_good_unit_passes(run, sequence):
    settings = {**QUICK, "energisations": "1"}
    found = run("t10_black_start", settings)
    assert found == {name: {} for name in (*sequence("t10_black_start", **settings).captures(), "summary")}


@pytest.mark.thorough
def test_too_much_current_is_found_at_the_inrush_on_top_of_load(run):
    found = run("t10_black_start", FEW, "over-limit")
    assert found.pop("inrush_loaded") == {"peak_current": "FAIL"}
    assert not any(found.values())


@pytest.mark.thorough
def test_a_unit_that_does_not_start_is_found(run):
    found = run("t10_black_start", FEW, "no-black-start")
    assert found.pop("start") == {"starts": "FAIL", "voltage_ramp": "FAIL"}
    assert not found.pop("summary")
    assert {outcome for missed in found.values() for outcome in missed.values()} == {"NOT RUN"}
