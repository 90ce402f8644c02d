"""Sequence parameters from text, stages as data, and transients as a list memory plays them."""

import json
from dataclasses import replace
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.config import load
from hil.errors import ConfigError, LimitError, NotSupported
from hil.rehearse import nominal
from hil.sequence import StageEnd, build, parameters
from hil.sequences.voltage_sag import VoltageSag
from hil.steps import SwitchPcs
from hil.transient import ListMemory, ListPoint, compile_transient

MEMORY = ListMemory(points=5, shortest=1e-3, longest=900.0, resolution=1e-3)
RATINGS = nominal(load(files("hil.data") / "benches" / "simulated.toml"))


def points(*seconds):
    return tuple(ListPoint(one, (230.0, 230.0, 230.0), 50.0) for one in seconds)


# -- transients ------------------------------------------------------------------------------------


def test_a_dwell_that_the_memory_can_play_stays_as_it_is():
    found = compile_transient(points(0.32, 0.5), MEMORY, "grid")
    assert found.points == points(0.32, 0.5)
    assert found.notes == ()


def test_a_dwell_is_rounded_and_that_is_noted():
    found = compile_transient(points(0.1234), MEMORY, "grid")
    assert [p.seconds for p in found.points] == [0.123]
    assert found.notes == ("dwell of 0.1234 s is played as 0.123 s",)


@pytest.mark.parametrize(
    ("seconds", "says"),
    [
        (0.0104, "would become 0.01 s"),  # 3.8 % shorter
        (0.0004, "0.001 to 900 s"),
        (900.5, "0.001 to 900 s"),
        (-1.0, "0.001 to 900 s"),
        (float("nan"), "0.001 to 900 s"),
        (float("inf"), "0.001 to 900 s"),
    ],
)
def test_a_dwell_that_it_cannot_play_is_refused(seconds, says):
    with pytest.raises(ConfigError, match="^grid: ") as caught:
        compile_transient(points(seconds), MEMORY, "grid")
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("point", "able", "says"),
    [
        ({"degrees": (25.0, 25.0, 25.0)}, {"slews": True}, "turns no phases"),
        ({"slew": 5.0}, {"angles": True}, "only steps the frequency"),
    ],
)
def test_what_a_memory_has_no_list_for_is_not_supported(point, able, says):
    asked = (replace(points(1.0)[0], **point),)
    with pytest.raises(NotSupported, match=f"^grid: .*{says}"):
        compile_transient(asked, replace(MEMORY, **able), "grid")
    assert compile_transient(asked, replace(MEMORY, angles=True, slews=True), "grid").points == asked


def test_too_many_points_and_none():
    with pytest.raises(ConfigError, match="6 points, the memory holds 5"):
        compile_transient(points(*[1.0] * 6), MEMORY, "grid")
    with pytest.raises(ConfigError, match="no points"):
        compile_transient((), MEMORY, "grid")


@given(st.floats(1e-3, 900.0))
def test_what_is_played_differs_by_one_percent_at_most(seconds):
    try:
        (played,) = compile_transient(points(seconds), MEMORY, "grid").points
    except ConfigError:
        nearest = round(seconds * 1000) / 1000  # the refusal must have its reason
        assert abs(nearest - seconds) > 0.01 * seconds * (1 - 1e-9)
    else:
        assert abs(played.seconds - seconds) <= 0.01 * seconds * (1 + 1e-9)
        assert played.seconds * 1000 == pytest.approx(round(played.seconds * 1000), abs=1e-6)


# -- parameters ------------------------------------------------------------------------------------


def test_parameters_come_from_text_with_a_unit():
    sag = build(VoltageSag, {"duration": "320 ms", "residual": "0.5 pu", "phases": "ab c"})
    assert parameters(sag) == {
        "residual": 0.5,
        "duration": 0.32,
        "phases": "ab c",
        "power": 0.8,
        "before": 1.0,
        "after": 4.0,
        "steady": 5.0,
        "apart": 10.0,
    }
    assert list(sag.captures()) == ["sag_ab", "sag_c"]


def test_every_parameter_is_described():
    assert set(VoltageSag.PARAMETERS) == set(parameters(VoltageSag()))


@pytest.mark.parametrize(
    ("given_text", "error", "says"),
    [
        ({"depth": "1 pu"}, ConfigError, "no parameter 'depth'; it has residual"),
        ({"duration": "1"}, ConfigError, "is not in s"),
        ({"duration": "1 V"}, ConfigError, "is not in s"),
        ({"duration": "11 s"}, LimitError, "outside 0.01 .. 10 s"),
        ({"residual": "0.95 pu"}, LimitError, "outside 0 .. 0.9 pu"),
        ({"phases": "ba"}, ConfigError, "expected words out of a, b, c"),
        ({"phases": "aa"}, ConfigError, "expected words out of a, b, c"),
        ({"phases": "a b a"}, ConfigError, "names one sag twice"),
        ({"phases": " "}, ConfigError, "expected words out of a, b, c"),
        ({"before": "0.2 s"}, LimitError, "outside 0.3 .. 60 s"),
    ],
)
def test_what_is_no_parameter_is_refused(given_text, error, says):
    with pytest.raises(error) as caught:
        build(VoltageSag, given_text)
    assert "voltage_sag" in str(caught.value)
    assert says in str(caught.value)


# -- stages ----------------------------------------------------------------------------------------


def names(sequence, running):
    """Return the stages of a run in which the PCS ends each stage running, or not."""
    stages, answer, found = sequence.stages(RATINGS), None, []
    while True:
        try:
            stage = stages.send(answer)
        except StopIteration:
            return found
        found.append(stage)
        answer = StageEnd(pcs_running=running)


def test_a_pcs_that_has_tripped_is_started_again_before_the_next_sag():
    sequence = VoltageSag(phases="abc a")
    assert [s.name for s in names(sequence, running=True)] == ["energise", "sag_abc", "sag_a", "de-energise"]
    tripped = names(sequence, running=False)
    assert [s.name for s in tripped][2] == "restart before sag_a"
    switches = [step.on for step in tripped[2].steps if isinstance(step, SwitchPcs)]
    assert switches == [False, True]  # withdrawn first: a trip latches until then


def test_stages_are_plain_data():
    stages = [stage.to_dict() for stage in VoltageSag().stages(RATINGS)]
    json.dumps(stages, allow_nan=False)
    load_step = next(step for step in stages[1]["steps"] if step["step"] == "LoadTransient")
    sagged = load_step["points"][0]
    assert sagged["seconds"] == 0.32
    assert sagged["volts"] == pytest.approx((69.28, 69.28, 69.28), abs=0.01)  # a quarter of 277.13 V
