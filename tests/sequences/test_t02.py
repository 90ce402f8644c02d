"""T2, island: what it refuses, what it asks of the bench, its figures by closed forms, and flaws it finds."""

from dataclasses import replace

import numpy as np
import pytest

from hil.config import load
from hil.errors import HilError
from hil.recording import Reading
from hil.rehearse import rehearse
from hil.steps import RunGenset, SetLoadPhases
from hil.waveform import Channel

QUICK = {
    "bases": "0.1",
    "steps": "0.5/0 0/0.3 0/-0.15",
    "before": "0.5 s",
    "calm": "1 s",
    "after": "1.5 s",
    "shared_after": "3 s",
    "steady": "0.3 s",
}
EITHER = ("on_b10", "off_b10")


@pytest.fixture
def bench():
    return load("qualification")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"bases": "0.1 x"}, "bases = '0.1 x'"),
        ({"bases": "0.1 0.1"}, "bases = '0.1 0.1'"),
        ({"bases": "1.4"}, "bases = '1.4'"),
        ({"steps": "0.5"}, "steps = '0.5'; expected such as"),
        ({"steps": "0.5/0/0"}, "steps = '0.5/0/0'"),
        ({"steps": "-0.5/0"}, "steps, active = -0.5 pu"),
        ({"steps": "0/0.01"}, "steps, size = 0.01 pu"),
        ({"after": "5.2 s"}, "at least 0.5 s more than calm, 5 s"),
        ({"shared_after": "5.2 s"}, "at least 0.5 s more than calm, 5 s"),
        ({"droop": "0.5 pu"}, "droop = 0.5 pu"),
    ],
)
def test_what_it_refuses(sequence, given, says):
    with pytest.raises(HilError, match=r"^t02_island: ") as caught:
        sequence("t02_island", **given)
    assert says in str(caught.value)


def test_the_full_form_brings_every_kind_of_load_and_takes_it_away(sequence, bench):
    test = sequence("t02_island")
    kinds = ("active_50", "inductive_30", "capacitive_15", "mixed_50", "unbalanced")
    expected = [f"{kind}_{way}_{base}" for base in ("b10", "b40") for kind in kinds for way in ("on", "off")]
    assert list(test.captures()) == [*expected, *(f"shared_{way}" for way in EITHER)]
    steps = [step for stage in rehearse(test, bench).stages for step in stage.steps]
    lone = next(step for step in steps if isinstance(step, SetLoadPhases))
    assert np.subtract(lone.watts, lone.watts[1]) == pytest.approx([50e3 / 3, 0.0, 0.0])


def test_without_sharing_no_genset_is_needed(sequence, bench):
    stages = rehearse(sequence("t02_island", shared="0 pu"), bench).stages
    assert not [step for stage in stages for step in stage.steps if isinstance(step, RunGenset)]


def stepped(recording):
    """Return a recording in which the load is told to change at time zero."""
    return replace(recording, readings=(Reading(0.0, "step", {"step": "SetLoad"}),))


def away(t):
    """Turn away from 60 Hz by a droop of 2 %: 0.1 pu before, 0.6 pu after, with a time constant of 0.1 s."""
    after = -0.72 * t + 0.06 * (1.0 - np.exp(-np.maximum(t, 0.0) / 0.1))
    return 2 * np.pi * np.where(t < 0, -0.12 * t, after)


def test_voltage_and_frequency_after_a_step(sequence, formula):
    """10 % and 50 ms: 2 % after 50 ms x ln 5; 0.6 Hz and 100 ms: 0.1 Hz after 100 ms x ln 6."""
    dip = lambda t: np.where(t < 0, 1.0, 1.0 - 0.1 * np.exp(-np.maximum(t, 0.0) / 0.05))  # noqa: E731
    recording = stepped(
        formula(dip, lambda t: np.where(t < 0, 0.1, 0.6) + 0j, begin=-0.6, end=2.5, angle=away)
    )
    found = sequence("t02_island", **QUICK).analyze(recording)
    assert found["active_step"].value == pytest.approx(0.5, abs=1e-3)
    assert found["voltage_deviation"].value == pytest.approx(8.5, abs=0.3)  # mean of the first cycle
    assert found["voltage_recovery"].value == pytest.approx(0.05 * np.log(5), abs=0.01)
    assert found["frequency_settling"].value == pytest.approx(0.1 * np.log(6), abs=0.02)
    assert found["frequency_deviation"].value == pytest.approx(0.0, abs=0.02)
    assert found["frequency_error"].value == pytest.approx(0.0, abs=2e-3)
    assert found["voltage_error"].value == pytest.approx(0.0, abs=0.02)
    assert found["thd_voltage"].value < 0.1
    assert (found["damping"].state, found["bus"].state) == ("no mode", "held")
    assert found["valid_share"].value == 100.0


def test_errors_are_told_from_the_droop_line(sequence, formula):
    """At 0.5 and 0.2 pu the lines are at 59.4 Hz and 0.996 pu; the bus is 0.2 Hz and 0.034 pu above."""
    off = lambda t: -2 * np.pi * 0.4 * t  # noqa: E731
    current = lambda t: np.where(t < 0, 0.4, 0.5 - 0.2j) / 1.03  # noqa: E731
    found = sequence("t02_island", **QUICK).analyze(
        stepped(formula(lambda t: 1.03 + 0 * t, current, begin=-0.6, end=2.5, angle=off))
    )
    assert found["frequency_error"].value == pytest.approx(0.2, abs=1e-3)
    assert found["voltage_error"].value == pytest.approx(3.4, abs=0.01)


def test_a_swing_has_its_damping_and_what_is_left_of_it(sequence, formula):
    """3 Hz with a ratio of 0.05, 0.1 pu at first: e^(-0.05 x 6 pi) = 39 % are left after a second."""
    sigma, omega = 0.05 * 2 * np.pi * 3.0, 2 * np.pi * 3.0 * np.sqrt(1 - 0.05**2)
    ring = lambda t: np.where(t < 0, 0.1, 0.6 + 0.1 * np.exp(-sigma * t) * np.cos(omega * t)) + 0j  # noqa: E731
    recording = stepped(formula(lambda t: 1.0 + 0 * t, ring, begin=-0.6, end=3.0))
    found = sequence("t02_island", **QUICK).analyze(recording)
    assert found["damping"].value == pytest.approx(0.05, abs=0.002)
    assert found["oscillation_left"].value == pytest.approx(0.1 * np.exp(-sigma), rel=0.15)


@pytest.mark.parametrize(("slow", "fast"), [(0.05, 0.2), (0.2, 0.05)])
def test_the_least_damped_of_two_modes_counts(sequence, formula, slow, fast):
    """2 and 9 Hz; whichever of them has 0.05."""

    def ring(t):
        modes = sum(
            0.1 * np.exp(-d * 2 * np.pi * hertz * np.maximum(t, 0)) * np.cos(2 * np.pi * hertz * t)
            for hertz, d in ((2.0, slow), (9.0, fast))
        )
        return np.where(t < 0, 0.1, 0.6 + modes) + 0j

    recording = stepped(formula(lambda t: 1.0 + 0 * t, ring, begin=-0.6, end=3.0))
    assert sequence("t02_island", **QUICK).analyze(recording)["damping"].value == pytest.approx(
        0.05, abs=0.003
    )


def test_a_voltage_that_stays_away_is_not_back(sequence, formula):
    recording = stepped(
        formula(lambda t: np.where(t < 0, 1.0, 0.95), lambda t: np.where(t < 0, 0.1, 0.6) + 0j, begin=-0.6)
    )
    found = sequence("t02_island", **QUICK).analyze(recording)["voltage_recovery"]
    assert (found.value, found.state) == (None, "not back")


def test_unequal_voltages_are_told_as_unbalance(sequence, formula):
    """One phase 9 % low: a third of it is negative sequence, u2/u1 = 0.03/0.97."""
    one = lambda t: 1.0 + 0 * t  # noqa: E731
    volts = {"a": lambda t: 0.91 + 0 * t, "b": one, "c": one}
    recording = stepped(formula(volts, lambda t: np.where(t < 0, 0.1, 0.6) + 0j, begin=-0.6, end=2.5))
    found = sequence("t02_island", **QUICK).analyze(recording)
    assert found["unbalance"].value == pytest.approx(100 * 0.03 / 0.97, abs=0.01)


def test_a_bus_that_dies_is_lost(sequence, formula):
    alive = lambda t: np.where(t < 0.3, 1.0, 0.0)  # noqa: E731
    found = sequence("t02_island", **QUICK).analyze(
        stepped(formula(alive, lambda t: 0.5 * alive(t), begin=-0.6, end=2.5))
    )
    assert {one.state for one in found.results if one.key != "valid_share"} == {"lost"}


def test_the_summary_has_a_row_for_each_step_and_says_why_there_is_no_value(sequence, formula):
    """1 % above the droop line with 0.5 pu more, then a bus that dies, which has no voltage in the end."""
    test = sequence("t02_island", **QUICK)
    steady, dies = (lambda t: 1.01 + 0 * t), (lambda t: np.where(t < 0.3, 1.0, 0.0))
    more = lambda t: np.where(t < 0, 0.1, 0.6) / 1.01 + 0j  # noqa: E731
    held, lost = (
        test.analyze(stepped(formula(volts, amps, begin=-0.6, end=2.5)))
        for volts, amps in ((steady, more), (dies, lambda t: 0.5 * dies(t)))
    )
    (table,) = test.summarize({"active_50_on_b10": held, "active_50_off_b10": lost}).tables
    rows = {row[0]: dict(zip(table.columns, row, strict=True)) for row in table.rows}
    assert rows["active_50_on_b10"]["P step"] == pytest.approx(0.5, abs=1e-3)
    assert rows["active_50_on_b10"]["V in the end"] == pytest.approx(1.0, abs=0.01)
    assert set(rows["active_50_off_b10"].values()) == {"active_50_off_b10", "lost"}
    assert len(table.units) == len(table.columns)


@pytest.mark.parametrize(("own", "error"), [(0.4, 0.0), (0.5, 10.0)])
def test_a_share_is_by_the_droops(sequence, formula, own, error):
    """2 % beside 4 % of the same rating take two thirds and one third: 0.4 pu of 0.6."""
    load = lambda t: np.where(t < 0, own / 6, own) + 0j  # noqa: E731 - 0.1 pu of the two, then 0.6
    recording = stepped(formula(lambda t: 1.0 + 0 * t, load, begin=-0.6, end=2.5))
    w = recording.waveform
    sets = tuple(Channel(f"g{p}", "A", "current", p, place="genset") for p in "abc")
    other = w.select(w.find("current")) * (0.6 - own) / own
    both = replace(w, samples=np.vstack([w.samples, other]), channels=(*w.channels, *sets))
    found = sequence("t02_island", **QUICK).analyze(replace(recording, name="shared_on_b10", waveform=both))
    assert found["share_error"].value == pytest.approx(error, abs=0.01)
    assert found["shared_step"].value == pytest.approx(0.5, abs=1e-3)


ONE = {**QUICK, "steps": "0.5/0", "unbalanced": "0 pu"}


@pytest.mark.thorough
def test_a_good_unit_passes(run, sequence):
    settings = {**QUICK, "steps": "0.5/0 0/-0.15"}
    found = run("t02_island", settings)
    assert found == {name: {} for name in (*sequence("t02_island", **settings).captures(), "summary")}


@pytest.mark.thorough
def test_a_distorted_voltage_is_found(run):
    found = run("t02_island", {**ONE, "shared": "0 pu"}, "distorts=0.07")
    assert not found.pop("summary")
    assert found == {f"active_50_{way}": {"distortion": "FAIL"} for way in EITHER}


@pytest.mark.thorough
def test_a_frequency_that_follows_late_is_found(run):
    """0.6 s of power filter: 0.6 Hz are down to 0.1 Hz after 0.6 s x ln 6, 1.1 s."""
    found = run("t02_island", {**ONE, "shared": "0 pu"}, "swings=60")
    assert not found.pop("summary")
    assert found == {f"active_50_{way}": {"frequency_settling": "FAIL"} for way in EITHER}


@pytest.mark.thorough
def test_a_unit_that_swings_with_a_genset_is_found(run):
    found = run("t02_island", ONE, "swings")
    assert not any(found[f"active_50_{way}"] for way in EITHER)
    assert {"damping", "calm"} <= set(found["shared_on_b10"])
