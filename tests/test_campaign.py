"""Campaign files: what is read, what is refused and where, and what a bench cannot do."""

import re
from dataclasses import replace
from importlib.resources import files

import pytest

from hil.campaign import load_campaign, plan, shipped_campaigns
from hil.compliance.matrix import rows_of
from hil.compliance.verdict import Outcome, Verdict
from hil.config import load
from hil.errors import ConfigError, LimitError
from hil.sequences.voltage_sag import VoltageSag

BENCH = load(files("hil.data") / "benches" / "simulated.toml")
HEAD = 'title = "Two sags"\n\n[test.T7]\nsequence = "voltage_sag"\n'


@pytest.fixture
def campaign(tmp_path):
    def write(text):
        path = tmp_path / "mine.toml"
        path.write_text(text)
        return str(path)

    return write


def test_the_forms_differ_in_their_parameters(campaign):
    path = campaign(
        HEAD
        + 'set = { power = "0.5 pu", after = "3 s" }\nquick = { after = "2 s" }\nfull = { phases = "abc" }\n'
    )
    (quick,), (full,) = (load_campaign(path, full=form).entries for form in (False, True))
    assert (quick.sequence.power, quick.sequence.after, quick.sequence.phases) == (0.5, 2.0, "abc a")
    assert (full.sequence.power, full.sequence.after, full.sequence.phases) == (0.5, 3.0, "abc")
    assert (quick.id, load_campaign(path).bench) == ("T7", "simulated")


def test_only_some_tests(campaign):
    path = campaign(HEAD + '[test.T8]\nsequence = "voltage_sag"\n')
    assert [entry.id for entry in load_campaign(path, only=["T8"]).entries] == ["T8"]
    with pytest.raises(ConfigError, match=r"there is no test 'T9'; known are T7, T8"):
        load_campaign(path, only=["T9"])


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ('titel = "x"\n' + HEAD, 1, "unknown key 'titel'; nearest are title"),
        (HEAD + 'qick = { after = "2 s" }\n', 5, "unknown key 'qick'; nearest are quick"),
        (
            HEAD.replace("voltage_sag", "voltage_sags"),
            4,
            "no sequence 'voltage_sags'; nearest are voltage_sag",
        ),
        (HEAD + 'quick = { aftr = "2 s" }\n', 5, "no parameter 'aftr'; nearest are after"),
        (HEAD + '[test.T7.quick]\npower = "0.5 pu"\nafter = "2 kg"\n', 7, "after"),
        (HEAD + '[test.T7.quick]\npower = "0.5 pu"\nafter = "200 s"\n', 7, "after"),
        (HEAD + 'quick = "short"\n', 3, "quick must be a table"),
        (HEAD + 'full = { aftr = "2 s" }\n', 5, "no parameter 'aftr'; nearest are after"),
        ('[test.T7]\nsequence = ["voltage_sag"]\n', 2, "there is no sequence"),
        ('[test."T 7"]\nsequence = "voltage_sag"\n', None, "cannot name a folder"),
        ("[test.T7]\n", 1, "a test needs a sequence"),
    ],
)
def test_what_is_wrong_is_refused_with_its_line(campaign, text, line, said):
    path = campaign(text)
    with pytest.raises((ConfigError, LimitError), match=re.escape(said)) as refused:
        load_campaign(path)
    assert str(refused.value).startswith(path if line is None else f"{path}:{line}: ")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("title = ", "cannot be read as TOML"),
        ('title = "none"\n', "names no test"),
    ],
)
def test_what_is_no_campaign(campaign, text, said):
    with pytest.raises(ConfigError, match=said):
        load_campaign(campaign(text))
    with pytest.raises(ConfigError, match=r"no campaign 'ai_factry'; nearest are ai_factory"):
        load_campaign("ai_factry")


def test_a_limit_without_a_unit_is_refused_with_the_line_of_its_criterion(campaign, tmp_path):
    shipped = (files("hil.data") / "criteria" / "voltage_sag.toml").read_text()
    text = shipped.replace('limit = "83 ms"', 'limit = "83"')
    (tmp_path / "own.toml").write_text(text)
    path = campaign(HEAD + 'criteria = "own.toml"\n')
    line = text.split("\n").index('limit = "83"') + 1
    with pytest.raises(ConfigError, match=rf"own\.toml:{line}: .*no_cessation"):
        load_campaign(path)
    with pytest.raises(ConfigError, match=r"mine\.toml:5: .*other\.toml"):
        load_campaign(campaign(HEAD + 'criteria = "other.toml"\n'))


def test_a_test_may_have_criteria_of_its_own_beside_the_campaign(campaign, tmp_path):
    own = tmp_path / "own.toml"
    own.write_text((files("hil.data") / "criteria" / "voltage_sag.toml").read_text())
    path = campaign(HEAD + 'criteria = "own.toml"\n[test.T8]\nsequence = "voltage_sag"\n')
    assert [entry.criteria for entry in load_campaign(path).entries] == [own, None]


def test_shipped_campaigns_can_be_planned_in_both_forms():
    for name in shipped_campaigns():
        for full in (False, True):
            campaign = load_campaign(name, full=full)
            planned = plan(campaign, load(campaign.bench))
            assert [each.lacking for each in planned] == [""] * len(campaign.entries)


def test_a_bench_that_lacks_a_role_leaves_the_test_out(campaign, monkeypatch):
    monkeypatch.setattr(VoltageSag, "ROLES", {"ai": "load", "bypass": "switch"})
    (planned,) = plan(load_campaign(campaign(HEAD)), BENCH)
    assert planned.rehearsal is None
    assert planned.lacking == "the bench has no load (ai), no switch (bypass)"


def test_a_test_that_moves_a_genset_the_bench_has_not_is_left_out():
    """T2 names it in the stages of its full form only; T12 compares with a model, which hardware has not."""
    campaign = load_campaign("ai_factory", full=True, only=["T2", "T3", "T12"])
    bench = load("qualification")
    kept = {name: item for name, item in bench.instruments.items() if item.role != "genset"}
    planned = plan(campaign, replace(bench, instruments=kept, plant=None))
    assert [each.lacking.partition(":")[0] for each in planned] == [
        "the bench cannot do it",
        "",
        "the bench cannot do it",
    ]
    assert "one genset called genset_1 is needed; there is none" in planned[0].lacking


def test_what_the_bench_may_not_do_is_refused_with_the_line_of_the_test(campaign, tmp_path):
    path = campaign(HEAD)
    low = BENCH.text.replace('max = "300 V" }', 'max = "200 V" }')
    bench = tmp_path / "low.toml"
    bench.write_text(low)
    with pytest.raises(LimitError, match=rf"^{re.escape(path)}:3: .*grid\.voltage"):
        plan(load_campaign(path), load(bench))


class Row:
    def __init__(self, id_, reason=""):
        self.id, self.title, self.reason = id_, f"title of {id_}", reason


class Shot:
    def __init__(self, name, *verdicts):
        self.name, self.verdicts = name, verdicts


def verdict(key, outcome, margin, *, required=True):
    return Verdict(
        key, key, 1.0, "s", None, None, 2.0, "≤ 2 s", margin, outcome, "why", required, "c", "s", "high", "w"
    )


def test_the_matrix_has_the_worst_of_each_criterion():
    shots = [
        Shot("one", verdict("a", Outcome.PASS, 1.0), verdict("b", Outcome.PASS, 0.5)),
        Shot("two", verdict("a", Outcome.PASS, 0.2), verdict("b", Outcome.FAIL, -0.1)),
        Shot("six", verdict("a", Outcome.NOT_RUN, None, required=False), verdict("b", Outcome.FAIL, -0.4)),
    ]
    first, second, third = rows_of({"T1": shots}, [Row("T1"), Row("T2", "no meter")])
    assert (first["answer"], first["capture"], first["captures"]) == ("compliant", "two", 2)
    assert (second["answer"], second["capture"], second["outcome"]) == ("deviation", "six", "FAIL")
    assert third == {"test": "T2", "title": "title of T2", "answer": "exception", "reason": "no meter"}


def test_a_document_that_is_owed_stands_in_the_matrix_though_it_does_not_count():
    owed = replace(verdict("kept", Outcome.NOT_RUN, None, required=False), document=True)
    (row,) = rows_of({"T1": [Shot("summary", owed)]}, [Row("T1")])
    assert (row["answer"], row["outcome"], row["reason"]) == ("exception", "NOT RUN", "why")


@pytest.mark.parametrize(
    ("shots", "reason"),
    [
        ([], "nothing was judged"),
        ([Shot("one", verdict("a", Outcome.NOT_RUN, None, required=False))], "none of its criteria binds"),
    ],
)
def test_a_test_that_shows_nothing_has_a_row_all_the_same(shots, reason):
    (row,) = rows_of({"T1": shots}, [Row("T1")])
    assert row == {"test": "T1", "title": "title of T1", "answer": "exception", "reason": reason}


def test_the_tightest_is_that_by_its_limit_and_never_one_without_a_margin():
    """0.2 of 2 s are more to spare than 1 of 100 s."""
    wide = replace(verdict("a", Outcome.PASS, 1.0), high=100.0)
    shots = [Shot("bare", verdict("a", Outcome.PASS, None)), Shot("one", verdict("a", Outcome.PASS, 0.2))]
    (row,) = rows_of({"T1": [*shots, Shot("two", wide)]}, [Row("T1")])
    assert (row["capture"], row["margin"]) == ("two", 1.0)


def test_what_could_not_be_judged_is_an_exception_and_never_compliant():
    for outcome in (Outcome.INVALID, Outcome.INCONCLUSIVE, Outcome.NOT_RUN):
        shots = [Shot("one", verdict("a", Outcome.PASS, 1.0)), Shot("two", verdict("a", outcome, None))]
        (row,) = rows_of({"T1": shots}, [Row("T1")])
        assert (row["answer"], row["capture"]) == ("exception", "two")
