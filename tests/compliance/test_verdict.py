"""Envelopes, criteria and the decision rule."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.analysis.result import Analysis, Result
from hil.compliance.envelope import load_envelope
from hil.compliance.verdict import Outcome, Verdict, judge, judge_all, load_criteria, overall
from hil.errors import ConfigError, FormatError

HEAD = """
title = "one"
[[criterion]]
key = "k"
title = "K"
clause = "c"
source = "s"
confidence = "high"
why = "w"
"""


@pytest.fixture
def criterion(tmp_path):
    """Return the one criterion made from these lines of TOML."""

    def make(lines):
        path = tmp_path / "one.toml"
        path.write_text(HEAD + lines)
        return load_criteria(path)[0]

    return make


@pytest.fixture
def at_most(criterion):
    return criterion('result = "x"\nunit = "s"\nkind = "max"\nlimit = "1 s"')


def x(value, uncertainty=None, **more):
    return Analysis((Result("x", "X", value, "s", uncertainty, **more),))


# The rows of IEEE 2800-2022 for PV and batteries: voltage [pu], time to stay connected [s].
TABLE = [
    (0.00, 0.32),
    (0.05, 0.32),
    (0.10, 0.32),
    (0.2499, 0.32),
    (0.25, 1.2),
    (0.4999, 1.2),
    (0.50, 3.0),
    (0.6999, 3.0),
    (0.70, 6.0),
    (0.8999, 6.0),
    (0.90, math.inf),
    (1.00, math.inf),
    (1.05, math.inf),
    (1.0501, 1800.0),
    (1.10, 1800.0),
    (1.1001, 1.0),
    (1.20, 1.0),
    (1.2001, 0.0),
]


@pytest.mark.parametrize(("voltage", "seconds"), TABLE)
def test_envelope_has_the_rows_of_the_standard(voltage, seconds):
    assert load_envelope("ieee2800").required_time(voltage) == seconds


def test_envelope_curve_has_the_corners_of_the_table():
    low, high = load_envelope("ieee2800").curve()
    assert {(0.32, 0.25), (1.2, 0.25), (1.2, 0.5), (3.0, 0.7), (6.0, 0.9)} <= set(low)
    assert high == ((0.0, 1.2), (1.0, 1.2), (1.0, 1.1), (1800.0, 1.1), (1800.0, 1.05))


@given(st.floats(0.0, 0.999), st.floats(0.0, 0.999))
def test_a_higher_voltage_never_has_a_shorter_time(one, other):
    envelope = load_envelope("ieee2800")
    assert envelope.required_time(min(one, other)) <= envelope.required_time(max(one, other))


def test_envelope_refuses_what_is_not_a_voltage():
    with pytest.raises(ConfigError, match="ieee2800"):
        load_envelope("ieee2800").required_time(math.nan)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (('confidence = "high"', 'confidence = "sure"'), "confidence 'sure'"),
        (('time = "0.32 s"', 'time = "0.32"'), "0.32"),
        (('voltage = "0.25 pu"', 'voltage = "0.95 pu"'), "ascend"),
        (('clause = "', 'claus = "'), "clause is missing"),
        (('title = "', 'note = "x"\ntitle = "'), "unknown key note"),
        (("points = [", "points = "), "not a TOML file"),
        (("{ voltage", "[ voltage"), "not a TOML file"),
    ],
)
def test_envelope_file_is_read_strictly(tmp_path, change, message):
    from importlib.resources import files

    text = (files("hil.data") / "envelopes" / "ieee2800.toml").read_text("utf-8")
    path = tmp_path / "mine.toml"
    path.write_text(text.replace(*change))
    with pytest.raises(ConfigError, match=message):
        load_envelope(path)


def test_unknown_names_say_what_there_is():
    with pytest.raises(ConfigError, match="ieee2800"):
        load_envelope("ieee2801")
    with pytest.raises(ConfigError, match="voltage_sag"):
        load_criteria("no_such_sequence")


# The decision rule: guard band w = U (ILAC-G8:09/2019).
@pytest.mark.parametrize(
    ("value", "uncertainty", "outcome"),
    [
        (0.5, None, Outcome.PASS),
        (1.0, None, Outcome.PASS),
        (math.nextafter(1.0, 2.0), None, Outcome.FAIL),
        (1.0, 0.0, Outcome.PASS),
        (1.0, 0.125, Outcome.INCONCLUSIVE),
        (0.875, 0.125, Outcome.PASS),
        (math.nextafter(0.875, 1.0), 0.125, Outcome.INCONCLUSIVE),
        (1.125, 0.125, Outcome.INCONCLUSIVE),
        (1.2, 0.125, Outcome.FAIL),
    ],
)
def test_upper_limit(at_most, value, uncertainty, outcome):
    verdict = judge(at_most, x(value, uncertainty), {})
    assert (verdict.outcome, verdict.value, verdict.uncertainty) == (outcome, value, uncertainty)
    assert verdict.margin == 1.0 - value
    assert verdict.limit == "≤ 1 s"


@pytest.mark.parametrize(
    ("value", "uncertainty", "outcome"),
    [
        (0.2, None, Outcome.PASS),
        (0.19, None, Outcome.FAIL),
        (0.21, 0.02, Outcome.INCONCLUSIVE),
        (0.3, 0.02, Outcome.PASS),
        (0.41, 0.005, Outcome.FAIL),
        (0.3, 0.2, Outcome.INCONCLUSIVE),
    ],
)
def test_range(criterion, value, uncertainty, outcome):
    between = criterion(
        'result = "x"\nunit = "s"\nkind = "range"\nlimit = { low = "200 ms", high = "400 ms" }'
    )
    assert judge(between, x(value, uncertainty), {}).outcome is outcome


def test_lower_limit(criterion):
    at_least = criterion('result = "x"\nunit = "s"\nkind = "min"\nlimit = "1 s"')
    assert judge(at_least, x(1.0), {}).outcome is Outcome.PASS
    assert judge(at_least, x(0.9), {}).outcome is Outcome.FAIL
    assert judge(at_least, x(0.9), {}).margin == pytest.approx(-0.1)


@given(
    st.floats(-1e3, 1e3), st.one_of(st.none(), st.floats(0, 10)), st.floats(-1e3, 1e3), st.floats(0.001, 1e3)
)
def test_outcome_never_contradicts_the_number_beside_it(value, uncertainty, low, width):
    found = Result("x", "X", value, "s", uncertainty)
    complete = next(c for c in load_criteria("voltage_sag") if c.key == "capture_complete")
    bound = complete.low
    between = replace(
        complete,
        result="x",
        unit="s",
        condition=False,
        low=replace(bound, offset=low),
        high=replace(bound, offset=low + width),
    )
    verdict = judge(between, Analysis((found,)), {})
    inside = verdict.low <= verdict.value <= verdict.high
    assert (verdict.outcome is Outcome.PASS) <= inside
    assert (verdict.outcome is Outcome.FAIL) <= (not inside)
    assert (verdict.margin >= 0) == inside


def test_limits_from_parameters(criterion):
    near = criterion(
        'result = "x"\nunit = "s"\nkind = "range"\n'
        'limit = { parameter = "t", plus = "0.25 s", minus = "0.5 s" }'
    )
    assert judge(near, x(1.25), {"t": 1.0}).outcome is Outcome.PASS
    assert judge(near, x(0.5), {"t": 1.0}).outcome is Outcome.PASS
    assert judge(near, x(1.26), {"t": 1.0}).outcome is Outcome.FAIL
    factor = criterion('result = "x"\nunit = "s"\nkind = "max"\nlimit = { parameter = "t", times = 2 }')
    assert judge(factor, x(2.0), {"t": 1.0}).outcome is Outcome.PASS
    unstated = judge(factor, x(2.0), {"t": "text"})
    assert unstated.outcome is Outcome.NOT_RUN
    assert "'t'" in unstated.reason


def test_a_state_and_the_states_of_a_missing_value(criterion):
    trip = criterion(
        'result = "x"\nunit = "s"\nkind = "state"\nlimit = "no trip"\nstates = { tripped = "FAIL" }'
    )
    assert judge(trip, x(None, state="no trip"), {}).outcome is Outcome.PASS
    tripped = judge(trip, x(0.2, state="tripped"), {})
    assert (tripped.outcome, tripped.value, tripped.reason) == (Outcome.FAIL, "tripped", "tripped at 200 ms")
    assert judge(trip, x(None, state="not determinable"), {}).outcome is Outcome.INCONCLUSIVE


@pytest.mark.parametrize(
    ("state", "outcome"),
    [("not recovered", Outcome.FAIL), ("no event", Outcome.NOT_RUN), ("odd", Outcome.INCONCLUSIVE)],
)
def test_a_missing_value_is_what_its_state_says_and_never_zero(criterion, state, outcome):
    recovery = criterion(
        'result = "x"\nunit = "s"\nkind = "max"\nlimit = "1 s"\n'
        'states = { "not recovered" = "FAIL", "no event" = "NOT RUN" }'
    )
    verdict = judge(recovery, x(None, state=state), {})
    assert (verdict.outcome, verdict.value, verdict.margin, verdict.reason) == (outcome, None, None, state)


@pytest.mark.parametrize(("value", "uncertainty"), [(math.nan, None), (math.inf, None), (0.5, math.nan)])
def test_nan_is_refused(at_most, value, uncertainty):
    with pytest.raises(FormatError, match="'x'"):
        judge(at_most, x(value, uncertainty), {})


def test_a_result_in_another_unit_is_refused(at_most):
    with pytest.raises(ConfigError, match=r"\[s\].*\[ms\]"):
        judge(at_most, Analysis((Result("x", "X", 0.5, "ms"),)), {})


def test_what_cannot_be_trusted_is_invalid(at_most):
    assert judge(at_most, x(0.5, valid=False), {}).outcome is Outcome.INVALID
    expired = judge(at_most, x(0.5), {}, expired=("PT-A-1",))
    assert expired.outcome is Outcome.INVALID
    assert "PT-A-1" in expired.reason


def test_what_was_not_analysed_was_not_run(at_most):
    verdict = judge(at_most, Analysis(()), {})
    assert (verdict.outcome, verdict.required) == (Outcome.NOT_RUN, True)


def test_what_a_document_answers_is_owed_and_does_not_count_until_it_is_named(criterion):
    kept = criterion(
        'result = "x"\nunit = ""\nkind = "state"\nlimit = "7 days"\ndocument = true\n'
        'states = { "by document" = "PASS", "to be supplied" = "NOT RUN" }'
    )
    owed = judge(kept, x(None, state="to be supplied"), {})
    assert (owed.outcome, owed.required, owed.document) == (Outcome.NOT_RUN, False, True)
    named = judge(kept, x("ABC-12", state="by document"), {})
    assert (named.outcome, named.required, named.value) == (Outcome.PASS, True, "ABC-12")


def test_a_condition_of_the_test_never_blames_the_unit(criterion):
    condition = criterion('result = "x"\nunit = "s"\nkind = "max"\nlimit = "1 s"\ncondition = true')
    assert judge(condition, x(2.0), {}).outcome is Outcome.INVALID


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ('result = "x"\nunit = "s"\nkind = "max"\nlimit = 1', "cannot read limit 1"),
        ('result = "x"\nunit = "s"\nkind = "max"\nlimit = "1 V"', "1 V"),
        ('result = "x"\nunit = "s"\nkind = "about"\nlimit = "1 s"', "about"),
        ('result = "x"\nunit = "s"\nkind = "max"\nlimit = "1 s"\nstates = { a = "OK" }', "OK"),
        ('result = "x"\nunit = "s"\nkind = "max"\nlimit = "1 s"\nstates = "FAIL"', "states"),
        ('result = ["x"]\nunit = "s"\nkind = "max"\nlimit = "1 s"', "result"),
        ('result = "x"\nunit = "s"\nkind = "max"\nlimit = "1 s"\nconditon = true', "conditon"),
        ('result = "x"\nunit = "s"\nkind = "max"\nlimit = "1 s"\ncondition = "false"', "neither"),
        ('result = "x"\nunit = "s"\nkind = "max"', "limit is missing"),
        (
            'result = "x"\nunit = "s"\nkind = "range"\nlimit = { parameter = "t", plus = "1 s" }',
            "cannot read",
        ),
    ],
)
def test_criteria_file_is_read_strictly(criterion, lines, message):
    with pytest.raises(ConfigError, match=message):
        criterion(lines)


def sag(duration=0.32, residual=0.25, trip=None, end="completed", **others):
    """Return the analysis of a sag that a good unit rides through, with changes."""
    rows = {
        "residual_voltage_pu": (residual, "pu"),
        "event_duration": (duration, "s"),
        "inception": (0.0, "s"),
        "trigger": (0.0, "s"),
        "cessation": (0.0, "s"),
        "recovery_time": (0.2, "s"),
        "reactive_current": (0.9, "pu"),
        "peak_current": (250.0, "A"),
        "thd_voltage": (0.5, "%"),
        "thd_current": (2.0, "%"),
        "valid_share": (100.0, "%"),
    }
    results = [Result(key, key, others.get(key, value), unit) for key, (value, unit) in rows.items()]
    state = others.get("trip_state", "no trip" if trip is None else "tripped")
    results.append(Result("trip", "trip", trip, "s", state=state))
    results.append(Result("run_end", "run", None, state=end))
    return Analysis(tuple(results))


def judged(analysis, residual=0.25, duration=0.32):
    parameters = {"residual": residual, "duration": duration, "rated_current": 120.3, "phases": "abc"}
    verdicts = judge_all(load_criteria("voltage_sag"), analysis, parameters, load_envelope("ieee2800"))
    return {verdict.key: verdict for verdict in verdicts}


@pytest.mark.parametrize("end", ["aborted", "error", "running"])
def test_a_run_that_was_broken_off_proves_nothing(end):
    verdicts = judged(sag(end=end))
    assert verdicts["run_completed"].outcome is Outcome.INVALID
    assert overall(tuple(verdicts.values())) is Outcome.INVALID


def test_a_good_unit_passes_the_shipped_criteria():
    verdicts = judged(sag())
    assert {v.outcome for v in verdicts.values()} == {Outcome.PASS}
    assert overall(tuple(verdicts.values())) is Outcome.PASS


@pytest.mark.parametrize(
    ("analysis", "key"),
    [
        (sag(trip=0.1), "stays_connected"),
        (sag(recovery_time=1.5), "recovery"),
        (sag(reactive_current=0.0), "reactive_support"),
        (sag(cessation=0.2), "no_cessation"),
        (sag(peak_current=400.0), "peak_current"),
        (sag(thd_current=6.0), "current_distortion"),
    ],
)
def test_each_flaw_fails_its_own_criterion(analysis, key):
    verdicts = judged(analysis)
    assert [name for name, v in verdicts.items() if v.outcome is Outcome.FAIL] == [key]
    assert overall(tuple(verdicts.values())) is Outcome.FAIL


@pytest.mark.parametrize(
    ("analysis", "key"),
    [
        (sag(residual=0.30), "depth_as_commanded"),
        (sag(duration=0.2), "duration_as_commanded"),
        (sag(valid_share=99.9), "capture_complete"),
        (sag(thd_voltage=4.0), "source_distortion"),
    ],
)
def test_a_test_that_was_not_the_one_asked_for_is_invalid(analysis, key):
    verdicts = judged(analysis)
    assert verdicts[key].outcome is Outcome.INVALID
    assert overall(tuple(verdicts.values())) is Outcome.INVALID


# 0.20 pu must be ridden through for 0.32 s, 0.50 pu for 3 s (the table above).
@pytest.mark.parametrize(
    ("residual", "duration", "trip", "outcome"),
    [
        (0.20, 0.32, 0.1, Outcome.FAIL),
        (0.20, 0.32, 0.5, Outcome.FAIL),
        (0.20, 1.00, 0.1, Outcome.FAIL),
        (0.20, 1.00, 0.4, Outcome.NOT_RUN),
        (0.20, 1.00, None, Outcome.PASS),
        (0.50, 1.00, 0.4, Outcome.FAIL),
    ],
)
def test_the_envelope_decides_whether_a_trip_fails(residual, duration, trip, outcome):
    verdict = judged(sag(duration, residual, trip), residual, duration)["stays_connected"]
    assert verdict.outcome is outcome
    assert verdict.required is (outcome is not Outcome.NOT_RUN)


# 1.00 s at 0.20 pu is beyond the envelope, which excuses a trip in the event and nothing else.
@pytest.mark.parametrize("duration", [0.32, 1.00])
@pytest.mark.parametrize(
    ("state", "trip", "outcome"),
    [
        ("tripped before the event", -0.2, Outcome.FAIL),
        ("no current from the start", None, Outcome.INVALID),
    ],
)
def test_a_unit_that_gave_no_current_before_the_sag_has_not_ridden_through_it(duration, state, trip, outcome):
    verdicts = judged(sag(duration, 0.20, trip, trip_state=state), 0.20, duration)
    assert verdicts["stays_connected"].outcome is outcome
    assert state in verdicts["stays_connected"].reason
    assert overall(tuple(verdicts.values())) is outcome


def test_a_corner_of_the_envelope_is_not_excused_by_the_resolution_of_the_measurement():
    """A sag of 0.32 s that is measured as 0.328 s is still one to ride through."""
    assert judged(sag(0.328, 0.199, trip=0.33), 0.20, 0.32)["stays_connected"].outcome is Outcome.FAIL


def test_a_shallow_sag_asks_for_no_reactive_current():
    verdict = judged(sag(residual=0.8, reactive_current=0.0), residual=0.8)["reactive_support"]
    assert (verdict.outcome, verdict.required) == (Outcome.NOT_RUN, False)


def verdict_of(outcome, required=True):
    verdict = judged(sag())["recovery"]
    return replace(verdict, outcome=outcome, required=required)


def test_overall_is_the_worst_that_binds():
    kinds = [Outcome.PASS, Outcome.NOT_RUN, Outcome.INCONCLUSIVE, Outcome.INVALID, Outcome.FAIL]
    for worst in range(1, 6):
        assert overall([verdict_of(kind) for kind in kinds[:worst]]) is kinds[worst - 1]
    free = verdict_of(Outcome.NOT_RUN, required=False)
    assert overall([verdict_of(Outcome.PASS), free]) is Outcome.PASS
    assert overall([free]) is Outcome.NOT_RUN
    assert overall([]) is Outcome.NOT_RUN


def test_every_shipped_number_has_clause_source_and_reason():
    for criterion in load_criteria("voltage_sag"):
        assert criterion.clause
        assert criterion.source
        assert criterion.why


def test_verdict_round_trip():
    for verdict in judged(sag(trip=0.1, thd_current=6.0)).values():
        assert Verdict.from_dict(verdict.to_dict()) == verdict
    with pytest.raises(FormatError, match="outcome"):
        Verdict.from_dict({"key": "x"})
    with pytest.raises(FormatError):
        Verdict.from_dict({**verdict.to_dict(), "outcome": "SURE"})
