"""T6, demand response: what it refuses, commands and measures, and what flaws it finds."""

from dataclasses import replace

import numpy as np
import pytest

from hil.errors import ConfigError, HilError
from hil.recording import Reading
from hil.rehearse import rehearse
from hil.steps import Hold, SetPower

QUICK = {
    "fast": "0:0.5 -1:1",
    "slow": "0:-0.8",
    "fast_hold": "3 s",
    "ramp": "3 s",
    "slow_hold": "3 s",
    "before": "0.5 s",
    "after": "2 s",
    "steady": "0.2 s",
}


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"fast": "0/0.5"}, "fast: '0/0.5': expected power before:during"),
        ({"fast": "0:1.5"}, "fast = 1.5 pu"),
        ({"slow": "0.5:0.55"}, "slow: '0.5:0.55': set-point and change must be 0.1 pu or more"),
        ({"slow": "0.5:0"}, "slow: '0.5:0'"),
        ({"fast": "0:1 0:1"}, "fast = '0:1 0:1' names one event twice"),
        ({"slow": "0:1 0:0.998"}, "slow = '0:1 0:0.998' names one event twice"),
        ({"fast": "", "slow": ""}, "neither a fast nor a slow event"),
        ({"ramp": "30 s", "slow_hold": "10 s"}, "slow_hold = 10 s"),
        ({"fast_hold": "0.5 s"}, "fast_hold = 0.5 s"),
    ],
)
def test_what_it_refuses(sequence, given, says):
    with pytest.raises(HilError, match=r"^t06_demand_response: ") as caught:
        sequence("t06_demand_response", **given)
    assert says in str(caught.value)


def test_a_dispatcher_moves_its_set_point_once_a_second(sequence, bench):
    stages = rehearse(sequence("t06_demand_response", **QUICK), bench).stages
    steps = next(stage.steps for stage in stages if stage.name == "slow_0_to_-80")
    asked = [step.watts for step in steps if isinstance(step, SetPower)]
    assert asked == pytest.approx([0.0, -80e3 / 3, -160e3 / 3, -80e3, -160e3 / 3, -80e3 / 3, 0.0])
    assert [step.seconds for step in steps if isinstance(step, Hold)] == [0.2, 0.5, 1, 1, 3.0, 1, 1, 2.0]


def test_half_a_ramp_is_recorded_after_it(sequence, bench):
    stages = rehearse(sequence("t06_demand_response"), bench).stages
    after = {stage.name: stage.steps[-2].seconds for stage in stages if stage.name[:4] in ("fast", "slow")}
    assert (after["fast_0_to_100"], after["slow_0_to_100"]) == (5.0, 15.0)


def sent(*commands):
    """Return the readings of set-points, each 4 ms under way on either side."""
    return tuple(
        Reading(at + 0.004, "step", {"step": "SetPower", "watts": watts, "var": 0.0}, 0.004)
        for at, watts in commands
    )


@pytest.fixture
def seen(sequence, formula):
    """Return what T6 sees of a power over time [pu]; it is asked for 0.5 pu from 0 to 5 s."""

    def go(power, commands=((0.0, 50e3), (5.0, 0.0)), baseline=0.0):
        about = {"baseline": baseline, "power": 0.5}
        recording = formula(lambda t: 1.0 + 0 * t, power, end=10.0, parameters=about)
        recording = replace(recording, readings=sent(*commands))
        return sequence("t06_demand_response").analyze(recording)

    return go


def square(begin=0.0, end=5.0, height=0.5):
    return lambda t: np.where((t >= begin) & (t < end), height, 0.0)


def test_times_count_from_the_command(seen):
    """There after 0.8 s and gone after 0.3 s: 4.5 of 5 s."""
    found = seen(square(0.8, 5.3))
    assert found["came"].value == pytest.approx(0.8, abs=0.01)
    assert found["went"].value == pytest.approx(0.3, abs=0.01)
    assert found["energy_share"].value == pytest.approx(90.0, abs=0.2)
    for key in ("steady_error", "baseline_error", "overshoot_share"):
        assert found[key].value == pytest.approx(0.0, abs=0.05)
    assert found["voltage_low"].value == pytest.approx(1.0, abs=1e-3)


def test_a_slow_power_reaches_nine_tenths_on_its_ramp(seen):
    """Over 2 s, and 2 s back: 90 % after 1.8 s, all of the energy; a mean over a cycle is half of it late."""
    found = seen(lambda t: 0.5 * np.clip(t / 2, 0, 1) * np.clip((7 - t) / 2, 0, 1))
    assert found["came"].value == pytest.approx(1.8, abs=0.002)
    assert found["went"].value == pytest.approx(1.8, abs=0.002)
    assert found["response_time"].value == pytest.approx(1.8, abs=0.002)
    assert found["energy_share"].value == pytest.approx(100.0, abs=0.2)


def test_energy_counts_above_the_baseline(seen):
    """From -0.5 to 0.5 pu for 4 of 5 s."""
    found = seen(lambda t: square(1.0)(t) * 2 - 0.5, ((0.0, 50e3), (5.0, -50e3)), baseline=-0.5)
    assert found["energy_share"].value == pytest.approx(80.0, abs=0.2)
    assert found["baseline_error"].value == pytest.approx(0.0, abs=0.05)


def test_errors_are_of_the_set_point_and_of_the_rating(seen):
    """0.48 for 0.5 pu: 4 %; 0.03 pu instead of nothing: 3 %."""
    found = seen(lambda t: np.where(t < 0, 0.0, np.where(t < 5, 0.48, 0.03)))
    assert found["steady_error"].value == pytest.approx(4.0, abs=0.05)
    assert found["baseline_error"].value == pytest.approx(3.0, abs=0.05)


def test_the_larger_overshoot_counts(seen):
    """At the return, decaying within 0.2 s from 10 % of the change; a mean over a cycle sees less."""
    found = seen(lambda t: square()(t) - 0.05 * np.where(t >= 5, np.exp(-(t - 5) / 0.2), 0.0))
    assert found["overshoot_share"].value == pytest.approx(10.0, abs=0.8)


def test_no_response_is_told_from_one_that_cannot_be_seen(seen):
    assert seen(lambda t: 0 * t)["came"].state == "no response"
    assert seen(lambda t: np.where(t < 0, 0.0, 0.2 * t))["came"].state == "not settled"
    assert seen(square(0.0, 50.0))["went"].state == "no response"


def test_an_event_that_was_broken_off_is_not_judged(seen):
    found = seen(square(), commands=((0.0, 50e3),))
    assert "came" not in found
    assert found["valid_share"].value == 100.0


def test_commands_that_do_not_return_are_no_dispatch():
    from hil.analysis.step.dispatch import Dispatch

    with pytest.raises(ConfigError, match="and back"):
        Dispatch(0.0, 1e3, ((0.0, 0.5e3), (1.0, 0.0)))


EVENTS = ("fast_0_to_50", "fast_-100_to_100", "slow_0_to_-80")


@pytest.mark.thorough
def test_a_good_unit_passes(run):
    assert run("t06_demand_response", QUICK) == {name: {} for name in EVENTS}


@pytest.mark.thorough
def test_a_slow_unit_is_late_where_the_change_is_large(run):
    """At 0.5 pu/s it takes 3.6 s from full charge to 90 % of the way to full discharge."""
    settings = {**QUICK, "slow": "", "fast_hold": "6 s", "after": "6 s"}
    late = {"fast_response": "FAIL", "fast_return": "FAIL"}
    assert run("t06_demand_response", settings, "slow-power") == {EVENTS[0]: {}, EVENTS[1]: late}


@pytest.mark.thorough
def test_a_unit_that_misses_its_set_point_fails_in_that_line(run):
    settings = {**QUICK, "fast": "0:0.5", "slow": ""}
    assert run("t06_demand_response", settings, "misses-power=0.04") == {EVENTS[0]: {"steady_error": "FAIL"}}
