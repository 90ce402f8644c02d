"""T3, current limiting: what it refuses, what it asks of the bench, and what flaws it finds."""

import numpy as np
import pytest

from hil.analysis.result import Analysis, Result
from hil.errors import HilError
from hil.rehearse import rehearse
from hil.steps import ByHand

QUICK = {
    "sags": "0.27/1.2",
    "overload_time": "1.2 s",
    "before": "0.4 s",
    "after": "1.3 s",
    "steady": "0.3 s",
    "apart": "0.1 s",
}


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"priorities": "P S"}, "priorities = 'P S'; expected words out of P, Q, mixed"),
        ({"priorities": "P P"}, "priorities = 'P P'"),
        ({"priorities": ""}, "priorities = ''"),
        ({"sags": "0.27"}, "'0.27': expected voltage/time"),
        ({"sags": "0.95/1.2"}, "sags, voltage = 0.95 pu"),
        ({"sags": "0.27/0.6"}, "sags, time = 0.6 s"),
        ({"power": "0.5 pu"}, "ask for 0.858 pu of current, which is no overload of a limit of 1.2 pu"),
        ({"limit": "0.2 pu"}, "limit = 0.2 pu"),
        ({"sags": "0.27/1.2 0.27/3.0"}, "two have the same voltage to a percent"),
        ({"power": "0 pu", "reactive": "1.2 pu"}, "active power comes first, and 0 pu of it is asked for"),
        ({"power": "1.2 pu", "reactive": "0.05 pu"}, "reactive power comes first, and 0.05 pu of it"),
    ],
)
def test_what_it_refuses(sequence, given, says):
    with pytest.raises(HilError, match=r"^t03_current_limit: ") as caught:
        sequence("t03_current_limit", **given)
    assert says in str(caught.value)


def test_each_priority_is_set_by_hand_and_meets_each_sag(sequence, bench):
    test = sequence("t03_current_limit")
    rehearsal = rehearse(test, bench)
    steps = [step for stage in rehearsal.stages for step in stage.steps]
    given = [step.values["priority"] for step in steps if isinstance(step, ByHand)]
    assert given == ["P", "Q", "mixed"]
    assert list(test.captures()) == [
        f"{kind}_{priority}" for priority in given for kind in ("sag_027", "sag_052", "overload")
    ]


def test_a_capture_is_measured_against_what_it_was_asked_for(sequence, formula):
    """In a sag to a half 1.2 pu of active current, 95 % of it, and power that is back at once."""
    given = {"residual": 0.5, "duration": 1.5, "priority": "P", "limit": 1.2, "power": 1.0, "reactive": 0.6}
    inside = lambda t: (t >= 0) & (t < 1.5)  # noqa: E731 - a formula
    recording = formula(
        lambda t: np.where(inside(t), 0.5, 1.0),
        lambda t: np.where(inside(t), 0.95 * 1.2, 1.0 - 0.6j),
        end=3.0,
        parameters=given,
    )
    found = sequence("t03_current_limit").analyze(recording)
    assert found["priority_share"].value == pytest.approx(95.0, abs=0.1)
    assert found["limit_excess"].value == pytest.approx(-0.06, abs=1e-3)
    assert found["power_back"].value == pytest.approx(0.0, abs=0.01)
    assert found["residual_voltage_pu"].value == pytest.approx(0.5, abs=1e-3)


def overload(active):
    """Return what is found of an overload: its active current [pu]."""
    return Analysis((Result("limited_active", "", active, "pu"),))


@pytest.mark.parametrize(
    ("amps", "place", "state"),
    [
        ({"P": 1.0, "Q": 0.5, "mixed": 0.7}, 40.0, "ok"),
        ({"P": 1.0, "Q": 0.5, "mixed": 1.0}, 100.0, "ok"),
        ({"P": 1.0, "Q": 0.5, "mixed": 0.5}, 0.0, "ok"),
        ({"P": 0.5, "Q": 1.0, "mixed": 1.0}, 0.0, "ok"),
        ({"P": 1.0, "Q": 0.99, "mixed": 0.995}, None, "not determinable"),
        ({"P": 1.0, "mixed": 0.7}, None, "not determinable"),
        ({"P": 1.0, "Q": 0.5}, None, "not determinable"),
        ({"P": 1.0, "Q": None, "mixed": 0.7}, None, "not determinable"),
    ],
)
def test_mixed_is_neither_of_the_other_two(sequence, amps, place, state):
    found = sequence("t03_current_limit").summarize(
        {f"overload_{word}": overload(active) for word, active in amps.items()}
    )
    assert found["mixed_place"].value == (place if place is None else pytest.approx(place))
    assert found["mixed_place"].state == state
    assert sequence("t03_current_limit", priorities="P Q").summarize({}) is None


def test_the_summary_has_every_event_in_a_row_and_says_what_mixed_is_judged_by(sequence):
    amps = {"overload_P": 1.0, "overload_Q": 0.5, "overload_mixed": 0.7}
    found = {"sag_027_P": Analysis(()), **{name: overload(active) for name, active in amps.items()}}
    summary = sequence("t03_current_limit").summarize(found)
    assert summary["mixed_place"].note == "1.000 pu under P, 0.500 pu under Q, 0.700 pu under mixed"
    (table,) = summary.tables
    assert [row[0] for row in table.rows] == list(found)


@pytest.mark.thorough
def test_a_unit_that_puts_active_power_first_has_no_mixed_priority(run):
    assert "mixed_kept" not in run("t03_current_limit", QUICK)["summary"]
    assert "mixed_kept" in run("t03_current_limit", QUICK, "wrong-priority")["summary"]


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("flaw", "sag", "overload"),
    [
        ("", set(), set()),
        ("over-limit", {"limit_kept"}, {"limit_kept"}),
        ("wrong-priority", {"priority_kept"}, {"priority_kept"}),
    ],
)
def test_flaws_are_found_in_their_line(run, flaw, sag, overload):
    found = run("t03_current_limit", {**QUICK, "priorities": "Q"}, *filter(None, [flaw]))
    assert set(found["sag_027_Q"]) == sag
    assert set(found["overload_Q"]) == overload
