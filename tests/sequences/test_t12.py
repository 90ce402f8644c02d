"""T12, control transparency: what it refuses, plays, injects and sums up, and what flaws it finds."""

from dataclasses import replace

import numpy as np
import pytest

from hil.analysis.result import Analysis
from hil.errors import HilError, NotSupported
from hil.recording import Reading
from hil.rehearse import nominal, rehearse
from hil.steps import LoadTransient, SetPower

QUICK = {
    "events": "sag_abc step",
    "points": "1/0 0.5/0 -1/0 0.8/0.4",
    "duration": "0.3 s",
    "sweep": "0.5 s",
    "before": "0.3 s",
    "after": "0.6 s",
    "steady": "0.3 s",
    "apart": "0.1 s",
}


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"events": "sag_abc sag_abc"}, "each once"),
        ({"events": "sag_ca"}, "events = 'sag_ca'"),
        ({"events": ""}, "events = ''"),
        ({"points": "1 0"}, "points = '1 0'"),
        ({"points": "1/0 1.0/0"}, "names one twice"),
        ({"points": "1/0.6"}, "apparent power = 1.16619 pu"),
        ({"sweep": "0.1 s"}, "sweep = 0.1 s"),
        ({"amplitude": "0.1 pu"}, "amplitude = 0.1 pu"),
        ({"before": "0.1 s"}, "before = 0.1 s"),
    ],
)
def test_what_it_refuses(sequence, given, says):
    with pytest.raises(HilError, match=r"^t12_transparency: ") as caught:
        sequence("t12_transparency", **given)
    assert says in str(caught.value)


def test_a_bench_of_hardware_is_refused_before_anything_is_connected(sequence, bench):
    with pytest.raises(
        NotSupported, match="t12_transparency needs a model of the unit, and a bench of hardware"
    ):
        rehearse(sequence("t12_transparency"), replace(bench, plant=None))


def test_the_bench_plays_every_event_once_and_the_model_records_the_rest(sequence, bench):
    test = sequence("t12_transparency")
    names, found = test.captures(), rehearse(test, bench)
    assert [name for name, _, _ in found.captures] == test.events.split()
    by_model = {name for name, given in names.items() if given.get("by") == "model"}
    assert by_model == set(names) - set(test.events.split())
    assert sum(name.startswith("impedance_") for name in by_model) >= 4
    lists = {s.name: step.points for s in found.stages for step in s.steps if isinstance(step, LoadTransient)}
    volts = nominal(bench).phase_voltage
    assert lists["sag_ab"][0].volts == pytest.approx((volts / 2, volts / 2, volts))
    assert lists["jump"][0].degrees == (10.0, 10.0, 10.0)
    assert lists["jump"][0].volts == pytest.approx((volts,) * 3)
    stepped = next(s for s in found.stages if s.name == "step").steps
    assert [s.watts for s in stepped if isinstance(s, SetPower)] == pytest.approx([30e3, 80e3])


@pytest.mark.parametrize("sweep", ["0.5 s", "2 s"])
def test_the_injection_is_whole_periods_small_and_away_from_harmonics(sequence, bench, sweep):
    test = sequence("t12_transparency", sweep=sweep)
    tones = test.frequencies(60.0)
    assert tones * test.sweep == pytest.approx(np.round(tones * test.sweep))
    assert tones[0] * test.sweep == 4  # the fewest periods that an impedance is taken from
    assert np.diff(tones * test.sweep).min() >= 3  # a Hann window widens each line to two on either side
    assert (tones[1:] / tones[:-1]).max() < 2  # else nobody can count encirclements
    assert min(abs(tones - h * 60).min() for h in (1, 2, 6, 12)) * test.sweep >= 4
    points = test._injection(nominal(bench))
    half = len(points) // 2
    volts = np.array([p.volts[0] for p in points]) / nominal(bench).phase_voltage - 1
    turned = np.radians([p.degrees[0] for p in points])
    assert not np.any(volts[half:])
    assert not np.any(turned[:half])
    for wave in (volts[:half], turned[half:]):
        rms = test.amplitude * np.sqrt(tones.size / 2)  # Parseval
        assert wave[round(0.25 * test.sweep / 150e-6) :].std() == pytest.approx(rms, rel=0.01)
        assert np.abs(wave).max() < 3.7 * rms


def made_of(**entries):
    return Reading(0.0, "model", entries)


def test_parameters_without_unit_or_meaning_are_counted_and_named(sequence, formula):
    test = sequence("t12_transparency", **QUICK)
    flat = formula(lambda t: 1.0 + 0 * t, lambda t: 0.8 + 0 * t, parameters={})
    whole, short = ["20", "number", "of the grid"], ["10", "", "of the PLL"]
    for entries, count, note in (
        ({"scr": whole}, 0.0, "of 1, all whole"),
        ({"scr": whole, "pll": short, "kp": []}, 2.0, "pll, kp"),
    ):
        found = test.analyze(replace(flat, name="step_model", readings=(made_of(**entries),)))
        assert (found["parameters_incomplete"].value, found["parameters_incomplete"].note) == (count, note)
        (table,) = (t for t in found.tables if t.key == "parameters")
        assert len(table.rows) == len(entries)
    lost = test.analyze(replace(flat, name="step_model", readings=()))["parameters_incomplete"]
    assert (lost.value, lost.state) == (None, "not stated")


def test_a_step_of_power_counts_from_its_command(sequence, formula):
    """On the bench nothing but the command marks it; the readings say when it went out."""
    test = sequence("t12_transparency", **QUICK)
    bench_step = formula(lambda t: 1.0 + 0 * t, lambda t: np.where(t < 0.1, 0.8, 0.3), parameters={})
    told = tuple(Reading(at, "step", {"step": "SetPower"}, 0.002) for at in (0.1, 0.4))
    (p,) = (
        s for s in test.analyze(replace(bench_step, name="step", readings=told)).series if s.key == "p_event"
    )
    assert p.values[p.time < 0] == pytest.approx(0.8, abs=1e-5)
    assert p.values[p.time > 0.02] == pytest.approx(0.3, abs=1e-5)


def test_the_summary_compares_what_there_is(sequence, formula):
    test = sequence("t12_transparency", **QUICK)
    good = replace(
        formula(lambda t: 1.0 + 0 * t, lambda t: 0.8 + 0 * t, parameters={}), readings=(made_of(),)
    )
    names = ("sag_abc", "step")
    found = {n: test.analyze(replace(good, name=n)) for e in names for n in (e, f"{e}_model")}
    of = test.summarize(found)
    assert of["p_error_during"].value == pytest.approx(0.0, abs=1e-6)
    assert of["operating_points"].value == 0.0
    assert of["model_step"].value == pytest.approx(50e-6)  # the formula's
    del found["step_model"]
    assert test.summarize(found)["q_error_after"].state == "not compared"
    assert test.summarize({})["p_error_before"].state == "not compared"
    assert "parameters_incomplete" not in test.summarize({"x": Analysis(())})


@pytest.mark.thorough
def test_a_good_unit_passes(run, sequence):
    names = (*sequence("t12_transparency", **QUICK).captures(), "summary")
    assert run("t12_transparency", QUICK) == {name: {} for name in names}


@pytest.mark.thorough
def test_a_unit_that_recovers_more_slowly_than_its_model_fails_after_the_event(run):
    found = run("t12_transparency", {**QUICK, "events": "sag_abc"}, "slow-recovery")
    assert found.pop("summary") == {"p_error_after": "FAIL"}
    assert not any(found.values())


@pytest.mark.thorough
def test_two_flaws_fail_each_in_its_lines(run):
    """No reactive support in the sag, which the model gives; and a PLL too fast for an SCR of 2."""
    found = run("t12_transparency", {**QUICK, "events": "sag_abc"}, "no-support", "fast-pll")
    assert found.pop("summary") == {"q_error_during": "FAIL"}
    fragile = {name: missed for name, missed in found.items() if missed}
    assert set(fragile) == {f"impedance_{k}" for k in (1, 2, 3, 4)}
    assert all(missed["gain_margin"] == "FAIL" for missed in fragile.values())
