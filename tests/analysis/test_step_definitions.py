"""Each standard's words, on responses whose answer the words themselves give."""

import numpy as np
import pytest

from hil.analysis.result import SECTIONS
from hil.analysis.step.definitions import DEFINITIONS, measure
from hil.analysis.step.findings import step_findings
from hil.analysis.step.trace import trace_step
from hil.compliance.envelope import CONFIDENCE

T = np.linspace(-0.5, 4.0, 45_001)  # 0.1 ms
TAU = 0.1
BY_KEY = {definition.key: definition for definition in DEFINITIONS}


def first_order(tau=TAU):
    return 1 - np.exp(-T.clip(0) / tau)


def second_order(zeta, omega=30.0):
    damped, t = omega * np.sqrt(1 - zeta**2), T.clip(0)
    slow = zeta / np.sqrt(1 - zeta**2)
    return 1 - np.exp(-zeta * omega * t) * (np.cos(damped * t) + slow * np.sin(damped * t))


def found(key, y, initial=20e3, final=70e3, **given):
    trace = trace_step(T, initial + (final - initial) * y, 0.0)
    return measure(trace, BY_KEY[key], **given)


def test_the_table_is_sound():
    assert len(BY_KEY) == len(DEFINITIONS)
    assert all(definition.confidence in CONFIDENCE for definition in DEFINITIONS)


@pytest.mark.parametrize("final", [70e3, -30e3, 0.0])
@pytest.mark.parametrize(
    ("key", "decades"),
    [
        ("ieee1547_open_loop", np.log(10)),
        ("ieee2800_reaction", -np.log(0.99)),
        ("ieee2800_response", np.log(10)),
        ("ieee2800_settling_frequency", np.log(40)),  # 2.5 % of the change; 0.5 % of the rating is less
        ("iec61400_reaction", np.log(10 / 9)),
        ("iec61400_rise", np.log(9)),
        ("iec61400_response", np.log(20)),
        ("iec61400_settling", np.log(20)),
        ("ner_rise", np.log(9)),
        ("ner_settling", np.log(10)),
        ("gbt36548_response", np.log(10)),
    ],
)
def test_first_order_in_time_constants(key, decades, final):
    one = found(key, first_order(), final=final, target=final, rating=50e3)
    assert (one.state, one.unit) == ("ok", "s")
    assert one.value == pytest.approx(TAU * decades, abs=2e-5)


def test_bands_of_the_rating():
    """A step of 50 kW: 2.5 % of a maximum current of 200 is 10 % of it; 2 % of 100 kW is 4 % of it."""
    one = found("ieee2800_settling_current", first_order(), rating=200e3)
    assert one.value == pytest.approx(TAU * np.log(10), abs=2e-5)
    one = found("gbt36548_adjust", first_order(), target=70e3, rating=100e3)
    assert one.value == pytest.approx(TAU * np.log(25), abs=2e-5)
    one = found("ieee2800_settling_frequency", first_order(), rating=1e6)  # 0.5 % of it: 10 % of the change
    assert one.value == pytest.approx(TAU * np.log(10), abs=2e-5)


def test_a_band_may_be_wider_beyond_than_short():
    """An overshoot of 30 % is inside +10 % of a rating of four changes: only the way up counts."""
    y = second_order(0.358)
    wide = found("ieee2800_settling_current", y, rating=200e3)
    late = T[(y < 0.9) | (y > 1.4)][-1]
    assert wide.value == pytest.approx(late, abs=2e-4)
    narrow = T[np.abs(y - 1) > 0.1][-1]
    assert found("ner_settling", y).value == pytest.approx(narrow, abs=2e-4)
    assert narrow > late + 0.05


def test_what_was_asked_for_and_what_was_reached():
    """A unit that stops at 97 % of its target: 90 % of the target is 0.9 / 0.97 of what it reached."""
    y, target = first_order(), 20e3 + 50e3 / 0.97
    assert found("gbt36548_response", y, target=target).value == pytest.approx(
        -TAU * np.log(1 - 0.9 / 0.97), abs=2e-5
    )
    assert found("ieee1547_open_loop", y, target=target).value == pytest.approx(TAU * np.log(10), abs=2e-5)
    entry = found("iec61400_settling", y, target=target)
    assert entry.value == pytest.approx(-TAU * np.log(1 - 0.95 / 0.97), abs=2e-5)
    missed = found("iec61400_settling", y, target=20e3 + 50e3 / 0.9)
    assert (missed.value, missed.state) == (None, "not settled")
    over = found("iec61400_overshoot", second_order(0.4), target=20e3 + 50e3 / 0.97)
    crest = 1 + np.exp(-np.pi * 0.4 / np.sqrt(1 - 0.16))
    assert over.value == pytest.approx((crest - 1 / 0.97) * 0.97, abs=1e-4)


def test_rise_of_the_maximum_change():
    y = second_order(0.4)
    low, high = (T[(y >= level * y.max()).argmax()] for level in (0.1, 0.9))
    assert found("ner_rise", y).value == pytest.approx(high - low, abs=1e-4)
    assert found("iec61400_rise", y).value < found("ner_rise", y).value


def test_what_is_not_stated_or_not_there():
    assert found("gbt36548_response", first_order()).state == "target not stated"
    assert found("gbt36548_adjust", first_order(), target=70e3).state == "rating not stated"
    assert found("ieee2800_damping", first_order()).state == "no oscillation"
    assert found("gbt36548_response", first_order(), target=-30e3).state == "not determinable"  # other way
    assert found("iec61400_overshoot", second_order(0.4), target=-30e3).value is None
    assert found("ieee2800_damping", second_order(0.3)).value == pytest.approx(0.3, abs=1e-3)
    slow = found("ieee1547_open_loop", first_order(tau=3.0))
    assert (slow.value, slow.state) == (None, "not settled")


def test_noise_hides_a_narrow_band_and_no_wide_one():
    y = first_order() + 0.012 * np.random.default_rng(3).normal(size=T.size)
    hidden = found("ieee2800_settling_frequency", y, rating=50e3)
    assert (hidden.value, hidden.state) == (None, "not determinable")
    clear = found("ner_settling", y)
    assert abs(clear.value - TAU * np.log(10)) <= clear.uncertainty < 0.02
    seen = found("ieee2800_reaction", y)
    assert 0 < seen.value - TAU * 0.01 < 0.1 * TAU  # at 3 sigma: later than without noise


def test_findings():
    findings = step_findings(T, 20e3 + 50e3 * second_order(0.4), 0.0, target=70e3, rating=100e3, lag=0.01)
    by_key = {result.key: result for result in findings.results}
    assert {result.section for result in findings.results} == {"Step response"} <= set(SECTIONS)
    assert by_key["overshoot"].value == pytest.approx(np.exp(-np.pi * 0.4 / np.sqrt(0.84)), rel=1e-3)
    assert by_key["damping_ratio"].value == pytest.approx(0.4, abs=1e-3)
    assert by_key["step_error"].value == pytest.approx(0, abs=50)
    (table,) = findings.tables
    assert len(table.rows) == len(DEFINITIONS)
    assert {len(row) for row in table.rows} == {len(table.columns)} == {len(table.units)}
    assert all(row[5] == "ok" for row in table.rows)


def test_findings_without_a_command():
    findings = step_findings(T, 20e3 + 50e3 * first_order())
    by_key = {result.key: result for result in findings.results}
    assert abs(by_key["step_time"].value) <= by_key["step_time"].uncertainty
    assert by_key["response_time"].value == pytest.approx(TAU * np.log(10), abs=2e-3)
    assert (by_key["damping_ratio"].value, by_key["damping_ratio"].state) == (None, "no oscillation")
    assert by_key["step_error"].state == "target not stated"
    (only,) = step_findings(T, np.ones(T.size)).results
    assert (only.value, only.state) == (None, "no step")
    spoilt = step_findings(T, first_order(), 0.0, valid=False)
    assert not any(r.valid for r in spoilt.results if r.key != "step_time")
    lost = {r.key: r.state for r in step_findings(T, np.full(T.size, np.nan), 0.0).results}
    assert lost.pop("step_time") == "ok"
    assert lost.pop("step_error") == "target not stated"
    assert set(lost.values()) == {"not determinable"}
