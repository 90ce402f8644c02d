"""The command line as a user meets it: what it prints, where, and with which exit code."""

import json
import re
import shutil
from importlib.metadata import version

import pytest

from hil.record.manifest import seal

INSTRUMENTS = {"grid", "battery", "pcs", "interlock", "recorder"}
ABSENT = """
import sys
from importlib import metadata
sys.modules[{name!r}] = None
known = metadata.Distribution.from_name.__func__
def from_name(cls, name):
    if name == {name!r}:
        raise metadata.PackageNotFoundError(name)
    return known(cls, name)
metadata.Distribution.from_name = classmethod(from_name)
"""
"""Makes a package look as if it were not installed."""
ALONE = """
import sys
def refuse(event, arguments):
    if event in {"subprocess.Popen", "os.fork", "socket.connect", "socket.bind"}:
        raise RuntimeError(event)
sys.addaudithook(refuse)
"""
"""Forbids a process to start another, or to open a connection."""


def one_line(err):
    (line,) = err.strip().splitlines()
    assert line.startswith("hil: ")
    return line


def test_run_prints_pure_json_and_its_progress_elsewhere(quick_run):
    record, code, out, err = quick_run
    assert code == 0
    found = json.loads(out)
    assert (found["outcome"], found["end"], found["safe"]) == ("PASS", "completed", True)
    assert found["record"].endswith(record.name)
    verdicts = {verdict["title"]: verdict for verdict in found["captures"]["sag_abc"]}
    assert verdicts["Stays connected"]["value"] == "no trip"
    # at 0.25 pu all the current is reactive: the PCS's limit of 1.2 pu, of the rated current
    assert verdicts["Reactive current in the sag"]["value"] == pytest.approx(1.2, rel=0.01)
    assert all(stage in err for stage in ("connect", "energise", "sag_abc", "safe state"))


def test_run_notices_a_pcs_that_trips_early(hil, quick, tmp_path):
    code, out, _ = hil("run", "voltage_sag", *quick, "--flaw", "trips-early")
    assert code == 1
    assert re.search(r"^ FAIL +Stays connected +tripped +no trip", out, re.MULTILINE)
    assert "Verdict  FAIL" in out
    assert "Bench    safe" in out
    report = re.search(r"^Report +(.+)$", out, re.MULTILINE)[1]
    assert (tmp_path / report).is_file()


def findings(answer):
    code, out, err = answer
    assert err == ""
    found = json.loads(out)
    assert found["intact"] is (code == 0)
    return code, {(entry["kind"], entry["file"]) for entry in found["findings"]}


def test_verify_an_intact_record(hil, record):
    code, out, _ = hil("verify", record)
    assert code == 0
    assert out.startswith("intact: ")
    assert findings(hil("verify", record, "--reanalyse", "--json")) == (0, set())


@pytest.mark.parametrize("name", ["captures/sag_abc.h5", "verdicts.json", "report.html", "bench.toml"])
def test_verify_names_the_file_with_a_changed_byte(hil, record, name):
    content = bytearray((record / name).read_bytes())
    content[len(content) // 2] ^= 1
    (record / name).write_bytes(content)
    code, out, _ = hil("verify", record)
    assert code == 1
    assert re.search(rf"^changed +{name}: ", out, re.MULTILINE)


def test_verify_names_what_was_added_and_what_was_removed(hil, record):
    (record / "captures" / "better.h5").touch()
    (record / "commands.jsonl").unlink()
    code, found = findings(hil("verify", record, "--json"))
    assert code == 1
    assert found == {("extra", "captures/better.h5"), ("missing", "commands.jsonl")}


def test_verify_reanalyses_what_it_can(hil, record):
    path = record / "captures" / "sag_abc.h5"
    path.write_bytes(path.read_bytes()[:5000])
    code, found = findings(hil("verify", record, "--reanalyse", "--json"))
    assert code == 1
    assert ("changed", "captures/sag_abc.h5") in found
    assert ("unreadable", record.name) in found


def test_reanalysis_finds_a_verdict_that_was_forged_and_sealed_anew(hil, record):
    path = record / "verdicts.json"
    text = path.read_text(encoding="utf-8")
    assert "≥ 100 %" in text
    path.write_text(text.replace("≥ 100 %", "≥ 10 %"), encoding="utf-8")
    (record / "manifest.json").unlink()
    seal(record)
    assert findings(hil("verify", record, "--json")) == (0, set())
    code, found = findings(hil("verify", record, "--reanalyse", "--json"))
    assert code == 1
    assert found == {("differs", "verdicts.json")}


def test_a_record_of_a_version_with_other_parameters_is_said_to_be_that(hil, record):
    path = record / "run.json"
    run = json.loads(path.read_text(encoding="utf-8"))
    run["parameters"]["colour"] = 1.0
    run["versions"]["hil-bench"] = "0.0.7"
    path.write_text(json.dumps(run), encoding="utf-8")
    code, out, err = hil("verify", record, "--reanalyse")
    assert code == 1
    text = " ".join((out + err).split())
    assert "voltage_sag has other parameters in this version than in the record" in text
    assert "evaluate it with hil-bench 0.0.7" in text
    assert "Traceback" not in text


def test_report_is_the_one_in_the_record_and_leaves_the_record_alone(hil, record):
    code, out, _ = hil("report", record)
    assert code == 0
    path = record.parent / f"{record.name}_report.html"
    assert out == f"Report: {path}\n"
    assert path.read_bytes() == (record / "report.html").read_bytes()
    assert findings(hil("verify", record, "--json")) == (0, set())


def test_report_refuses_to_write_into_a_record(hil, record):
    before = sorted(record.rglob("*"))
    code, _, err = hil("report", record, "--output", record / "captures" / "new.html")
    assert code == 2
    assert "sealed" in one_line(err)
    assert sorted(record.rglob("*")) == before


def test_report_of_a_test_lies_beside_its_campaign(hil, record, tmp_path):
    """The page of a campaign tells to draw it so; in the campaign's folder it would break the seal."""
    campaign = tmp_path / "campaign"
    shutil.copytree(record, campaign / "T1")
    (campaign / "run.json").write_text('{"sequence": "qualification"}')
    code, out, _ = hil("report", campaign / "T1")
    assert (code, out) == (0, f"Report: {tmp_path / 'campaign_T1_report.html'}\n")
    code, _, err = hil("report", campaign / "T1", "--output", campaign / "T1.html")
    assert code == 2
    assert "lies in the record campaign" in one_line(err)
    assert sorted(path.name for path in campaign.iterdir()) == ["T1", "run.json"]


@pytest.mark.parametrize("arguments", [("report",), ("verify", "--reanalyse")])
def test_a_record_that_was_changed_is_no_traceback(hil, record, arguments):
    run = json.loads((record / "run.json").read_text())
    run["captures"] = ["sag_abc"]
    (record / "run.json").write_text(json.dumps(run))
    _, out, err = hil(arguments[0], record, *arguments[1:])
    assert "cannot be read (" in out + err
    assert "); changed: run.json: sealed with SHA-256" in out + err
    assert "Traceback" not in err


def test_a_campaign_that_lost_its_folders(hil, tmp_path):
    (tmp_path / "run.json").write_text('{"sequence": "qualification", "tests": [{"id": "T1"}]}')
    code, _, err = hil("report", tmp_path)
    assert code == 2
    assert "does not say where tests are" in one_line(err)


def test_preview_draws_and_touches_nothing(hil, tmp_path, prelude):
    code, out, err = hil("preview", "voltage_sag", env=prelude(ALONE))
    assert (code, err) == (0, "")
    assert "Nothing was connected" in out
    assert {path.name for path in tmp_path.iterdir()} == {"prelude", "preview_voltage_sag.html"}
    page = (tmp_path / "preview_voltage_sag.html").read_text(encoding="utf-8")
    assert "nothing was connected" in page
    assert not re.search(r"<(?:script|link|img)\b[^>]{0,200}?\b(?:src|href)\s*=", page)
    assert '"showSendToCloud": false' in page


def test_preview_draws_the_loads_and_every_switch_that_the_test_moves(hil, tmp_path):
    code, _, err = hil("preview", "t02_island", "--bench", "qualification", "--output", "island.html")
    assert (code, err) == (0, "")
    page = (tmp_path / "island.html").read_text(encoding="utf-8")
    panels = re.findall(r'"text": ?"([^"]+)"', page.replace("\\u003c", "<"))
    assert "Loads [W]" in panels
    assert "Switched on" in panels


def test_preview_as_json(hil):
    code, out, _ = hil("preview", "voltage_sag", "--set", "phases=a", "--json", "--output", "sag.html")
    assert code == 0
    found = json.loads(out)
    assert [stage["name"] for stage in found["stages"]] == ["energise", "sag_a", "de-energise"]
    ((name, begin, end),) = [(c["name"], c["begin"], c["end"]) for c in found["captures"]]
    assert name == "sag_a"
    assert end - begin == pytest.approx(1 + 0.32 + 4)  # before, the sag and after, by default
    assert found["seconds"] <= found["longest"]
    assert found["picture"] == "sag.html"


@pytest.mark.parametrize(
    ("what", "key", "known"),
    [
        ("sequences", "name", "voltage_sag"),
        ("instruments", "driver", "ametek_mx"),
        ("benches", "name", "simulated"),
        ("flaws", "name", "trips-early"),
    ],
)
def test_list(hil, what, key, known):
    code, out, _ = hil("list", what)
    assert code == 0
    assert known in out
    code, out, _ = hil("list", what, "--json")
    assert code == 0
    assert known in {row[key] for row in json.loads(out)}


def test_list_tells_the_parameters_of_a_sequence(hil):
    _, out, _ = hil("list", "sequences")
    assert re.search(r"^ +duration +320 ms +length of the sag", out, re.MULTILINE)


def test_doctor_on_the_simulated_bench(hil):
    code, out, _ = hil("doctor")
    assert code == 0
    assert "California Instruments" in out
    code, out, _ = hil("doctor", "--json")
    assert code == 0
    found = json.loads(out)
    assert {row["name"] for row in found["instruments"] if row["answers"]} == INSTRUMENTS
    assert found["problem"] is None
    assert {"package": "numpy", "version": version("numpy"), "extra": ""} in found["packages"]


def test_doctor_names_the_instrument_that_is_silent(hil, tmp_path, bench_text):
    text = bench_text(pcs=['silent_after = "0 s"']).replace('timeout = "0.5 s"', 'timeout = "0.3 s"')
    (tmp_path / "lab.toml").write_text(text)
    code, out, _ = hil("doctor", "--bench", "lab.toml", "--json")
    assert code == 3
    found = {row["name"]: row for row in json.loads(out)["instruments"]}
    assert {name for name, row in found.items() if row["answers"]} == INSTRUMENTS - {"pcs"}
    assert "no answer" in found["pcs"]["text"]


def test_hil_alone_prints_help(hil):
    code, out, _ = hil()
    assert code == 2
    assert "examples:" in out
    assert hil("--help") == (0, out, "")


@pytest.mark.parametrize("name", ["run", "preview", "analyze", "report", "verify", "list", "doctor"])
def test_every_command_has_examples(hil, name):
    code, out, _ = hil(name, "--help")
    assert code == 0
    assert f"examples:\n  hil {name}" in out


def test_version(hil):
    assert hil("--version") == (0, f"hil-bench {version('hil-bench')}\n", "")


def test_without_nidaqmx_the_simulated_bench_does_not_start(hil, tmp_path, prelude):
    without = prelude(ABSENT.format(name="nidaqmx"))
    code, out, err = hil("run", "voltage_sag", env=without)
    assert (code, out) == (2, "")
    assert 'pip install "hil-bench[daq]"' in one_line(err)
    assert not (tmp_path / "records").exists()
    code, out, _ = hil("doctor", env=without)
    assert code == 3
    assert re.search(r'nidaqmx +missing: .*pip install "hil-bench\[daq\]"', out)
    assert "which needs nidaqmx" in out


@pytest.mark.thorough
def test_without_numba_everything_works_slower(hil, quick, prelude):
    without = prelude(ABSENT.format(name="numba"))
    code, out, _ = hil("doctor", env=without)
    assert code == 0
    assert re.search(r'numba +missing: .*pip install "hil-bench\[fast\]"', out)
    code, out, err = hil("run", "voltage_sag", *quick, "--json", env=without)
    assert code == 0, err
    assert json.loads(out)["outcome"] == "PASS"
