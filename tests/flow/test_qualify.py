"""Whole campaigns: the command, its record, and that one test does not take the others with it."""

import json
import subprocess
import sys
from dataclasses import dataclass, replace
from importlib.resources import files
from types import SimpleNamespace

import pytest

from hil import qualify as module
from hil.campaign import load_campaign, plan
from hil.cli import main
from hil.cli import run as cli_run
from hil.compliance.verdict import Outcome
from hil.config import load
from hil.errors import ConfigError, HilError, StorageError
from hil.export import export
from hil.record import open_record, verify
from hil.sequence import Stage
from hil.sequences.voltage_sag import VoltageSag
from hil.session import Options, conduct
from hil.steps import ByHand
from hil.watch import Stop

SETTINGS = 'before = "0.3 s", after = "1 s", steady = "0.2 s", apart = "0.1 s"'
CAMPAIGN = f"""\
title = "Two sags"

[test.T1]
sequence = "voltage_sag"
set = {{ phases = "abc", {SETTINGS} }}

[test.T2]
sequence = "voltage_sag"
set = {{ phases = "a", {SETTINGS} }}
"""


class Silent:
    def stage(self, name, purpose):
        pass

    def tick(self, seconds, reading):
        pass


@pytest.fixture
def campaign(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(CAMPAIGN)
    return path


def run(campaign, tmp_path, stop=None):
    loaded = load_campaign(str(campaign))
    config = load("simulated")
    options = Options(records=tmp_path / "records")
    return module.qualify(loaded, plan(loaded, config), config, options, stop or Stop(), Silent())


def test_the_command_makes_one_record_that_can_be_verified(campaign, tmp_path):
    """With a flaw that trips the unit in the deep sag of all phases and not in that of one."""
    command = [sys.executable, "-m", "hil", "qualify", str(campaign), "--json", "--flaw", "trips-early"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
    told = json.loads(done.stdout)
    assert done.returncode == 1, done.stderr
    assert told["outcome"] == "FAIL"
    folder = tmp_path / told["record"]
    record = open_record(folder)
    assert [test["id"] for test, _ in record.tests()] == ["T1", "T2"]
    rows = {(row["test"], row["key"]): row for row in record.matrix()}
    assert rows["T1", "stays_connected"]["answer"] == "deviation"
    assert rows["T1", "depth_as_commanded"]["answer"] == "compliant"
    page = (folder / "report.html").read_text()
    assert "Requirement matrix" in page
    assert 'id="T2-sag_a"' in page
    assert verify(folder) == []
    again = [sys.executable, "-m", "hil", "verify", str(folder), "--reanalyse", "--json"]
    told = json.loads(subprocess.run(again, capture_output=True, text=True, check=False).stdout)
    assert told["findings"] == []
    capture = folder / "T2" / "captures" / "sag_a.h5"
    data = bytearray(capture.read_bytes())
    data[len(data) // 2] ^= 1
    capture.write_bytes(data)
    assert [finding.file for finding in verify(folder)] == ["T2/captures/sag_a.h5"]


@pytest.mark.parametrize("failure", [HilError("the link is dead"), ZeroDivisionError("a defect")])
def test_a_test_that_breaks_off_does_not_stop_the_others(campaign, tmp_path, monkeypatch, failure):
    conduct = module.conduct

    def fail_first(sequence, config, options, stop, watch):
        if options.folder == "T1":
            raise failure
        return conduct(sequence, config, options, stop, watch)

    monkeypatch.setattr(module, "conduct", fail_first)
    done = run(campaign, tmp_path)
    first, second = done.tests
    assert first.outcome is Outcome.INVALID
    assert str(failure) in first.reason
    assert second.outcome is Outcome.PASS
    assert done.outcome is Outcome.INVALID
    matrix = {row["test"]: row for row in open_record(done.folder).matrix()}
    assert (matrix["T1"]["answer"], matrix["T1"]["reason"]) == ("exception", first.reason)


def test_each_test_is_judged_by_the_criteria_that_the_campaign_names(campaign, tmp_path, monkeypatch):
    seen = []

    def look(_sequence, _config, options, *_):
        seen.append(options.criteria)
        raise HilError("seen")

    monkeypatch.setattr(module, "conduct", look)
    own = tmp_path / "own.toml"
    own.write_text((files("hil.data") / "criteria" / "voltage_sag.toml").read_text())
    campaign.write_text(CAMPAIGN.replace("\n\n[test.T2]", '\ncriteria = "own.toml"\n\n[test.T2]'))
    run(campaign, tmp_path)
    assert seen == [own, None]


def test_a_bench_that_is_not_safe_ends_the_campaign(campaign, tmp_path, monkeypatch):
    from hil.errors import NotSafe

    def unsafe(*_):
        raise NotSafe("grid still shows 277 V")

    monkeypatch.setattr(module, "conduct", unsafe)
    done = run(campaign, tmp_path)
    assert done.tests[1].outcome is Outcome.NOT_RUN
    assert done.tests[1].reason == "the bench could not be proven safe: grid still shows 277 V"
    assert isinstance(done.error, NotSafe)
    (path,) = export(done.folder, ["json"]).files
    told = [(test["outcome"], test["reason"]) for test in json.loads(path.read_text())["tests"]]
    assert told == [(test.outcome, test.reason) for test in done.tests]


def conducted(folder, outcome=Outcome.PASS, error=None, *, safe=True):
    """Return what came of a test, as `conduct` tells it."""
    end = SimpleNamespace(seconds=12.0, safe=safe, safety="grid still shows 277 V")
    return SimpleNamespace(end=end, outcome=outcome, error=error, folder=folder, events=())


@pytest.mark.parametrize(
    ("outcome", "error", "told"),
    [
        (Outcome.PASS, None, (Outcome.PASS, "")),
        (Outcome.PASS, StorageError("full"), (Outcome.INVALID, "full")),
        (Outcome.FAIL, StorageError("full"), (Outcome.FAIL, "full")),
    ],
)
def test_what_came_of_a_test_is_told_and_a_fail_stays_one(tmp_path, outcome, error, told):
    row = module.Tested("T1", "voltage_sag", "Sags", "", False, Outcome.NOT_RUN, "", "")
    found = module._tested(row, conducted(tmp_path / "T1", outcome, error, safe=False))
    assert (found.outcome, found.reason) == told
    assert (found.folder, found.bench_seconds, found.safe) == ("T1", 12.0, False)


def test_a_test_that_leaves_the_bench_live_ends_the_campaign(campaign, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "conduct", lambda *_: conducted(tmp_path / "T1", safe=False))
    done = run(campaign, tmp_path)
    assert done.tests[1].reason == "the bench could not be proven safe: after T1: grid still shows 277 V"
    assert (done.tests[1].outcome, done.tests[1].folder) == (Outcome.NOT_RUN, "")


def test_what_stopped_one_test_does_not_stop_the_next(campaign, tmp_path, monkeypatch):
    """A disk that is full while the commands are logged asks for a stop; later there may be space again."""
    conduct = module.conduct

    def full_at_first(sequence, config, options, stop, watch):
        if options.folder == "T1":
            stop.fail(StorageError("the disk is full"))
            stop.check()
        return conduct(sequence, config, options, stop, watch)

    monkeypatch.setattr(module, "conduct", full_at_first)
    first, second = run(campaign, tmp_path).tests
    assert (first.outcome, first.reason) == (Outcome.INVALID, "the disk is full")
    assert (second.outcome, second.reason) == (Outcome.PASS, "")


def test_a_record_that_could_not_be_closed_does_not_pass(campaign, tmp_path, monkeypatch):
    conduct = module.conduct

    def unsealed(*given):
        return replace(conduct(*given), error=StorageError("no space to seal"))

    monkeypatch.setattr(module, "conduct", unsealed)
    done = run(campaign, tmp_path)
    assert {(test.outcome, test.reason) for test in done.tests} == {(Outcome.INVALID, "no space to seal")}
    assert done.outcome is Outcome.INVALID


def test_a_defect_in_the_report_leaves_the_records(campaign, tmp_path, monkeypatch):
    def broken(*_):
        raise KeyError("stages")

    monkeypatch.setattr(module, "render_record", broken)
    done = run(campaign, tmp_path)
    assert done.report is None
    assert "internal error: KeyError: 'stages'; the records are kept" in str(done.error)
    assert (done.folder / "T2" / "verdicts.json").is_file()


def test_progress_goes_by_the_expected_time():
    """A model's day passes in seconds: it moves the bar by nothing."""
    seen = []

    class Eyes(Silent):
        def tick(self, seconds, reading):
            seen.append(seconds)

    for seconds in (3.0, 86400.0):
        module._Following(Eyes(), "T1 (1/2)", 10.0, 20.0).tick(seconds, "")
    assert seen == [13.0, 30.0]


def test_nothing_is_begun_by_hand_where_there_is_no_operator(tmp_path):
    @dataclass(frozen=True)
    class Handed(VoltageSag):
        def stages(self, nominal):
            yield Stage("line", (ByHand("put in the reactor", "grid", {}),))
            yield from super().stages(nominal)

    config = replace(load("simulated"), simulated=False)
    with pytest.raises(ConfigError, match=r"put in the reactor\. There is no terminal to ask an operator at"):
        conduct(Handed(), config, Options(records=tmp_path / "records"), Stop(), Silent())
    assert not (tmp_path / "records").exists()


def test_a_wish_to_stop_ends_the_campaign(campaign, tmp_path):
    stop = Stop()
    stop.reason = "stopped by the operator (Ctrl-C)"
    done = run(campaign, tmp_path, stop)
    assert {test.outcome for test in done.tests} == {Outcome.NOT_RUN}
    assert open_record(done.folder).run["end"] == "aborted: stopped by the operator (Ctrl-C)"


def test_nothing_is_connected_for_a_campaign_that_is_refused(campaign, tmp_path):
    campaign.write_text(CAMPAIGN.replace('phases = "a"', 'phases = "d"'))
    command = [sys.executable, "-m", "hil", "qualify", str(campaign)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith(f"hil: {campaign}:9: voltage_sag: phases = 'd'")
    assert not (tmp_path / "records").exists()


@pytest.mark.parametrize("only", ["", ","])
def test_no_test_at_all_is_not_every_test(capsys, only):
    assert main(["qualify", "--only", only]) == 2
    assert capsys.readouterr().err == "hil: --only names no test; give ids, such as --only T4,T7\n"


@pytest.mark.parametrize(
    ("outcome", "error", "code"),
    [(Outcome.PASS, None, 0), (Outcome.FAIL, None, 1), (Outcome.PASS, StorageError("full"), 3)],
)
def test_the_exit_code_stands_where_no_one_reads_on(monkeypatch, outcome, error, code):
    def show():
        raise BrokenPipeError

    left = []
    monkeypatch.setattr(cli_run, "reader_left", lambda: left.append(True))
    assert cli_run.told(show, outcome, error) == code
    assert left == [True]


def test_a_campaign_that_could_not_go_well_is_refused_before_its_first_test(campaign, tmp_path):
    loaded, config = load_campaign(str(campaign)), load("simulated")
    options = Options(records=tmp_path / "records", patience=1.0)
    with pytest.raises(ConfigError, match=r"patience of 1 s is too short"):
        module.qualify(loaded, plan(loaded, config), config, options, Stop(), Silent())
    assert not (tmp_path / "records").exists()


def test_who_looks_on_sees_which_capture_is_evaluated_and_drawn(campaign, tmp_path):
    seen = []

    class Eyes(Silent):
        def stage(self, name, purpose):
            seen.append(name.split()[-1])

        def tick(self, seconds, reading):
            seen.append(reading)

    loaded, config = load_campaign(str(campaign), only=["T2"]), load("simulated")
    options, (planned,) = Options(records=tmp_path / "records"), plan(loaded, config)
    for go in (
        lambda: module.qualify(loaded, (planned,), config, options, Stop(), Eyes()),
        lambda: conduct(planned.entry.sequence, config, options, Stop(), Eyes()),
    ):
        seen.clear()
        assert go().error is None
        for stage in ("evaluate", "report"):
            assert seen[seen.index(stage) + 1] == "sag_a"
