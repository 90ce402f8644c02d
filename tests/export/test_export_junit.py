"""Verdicts as JUnit XML, held against the rules of the two schemas that are about.

Ant's, JUnit.xsd (Windy Road), is the strict one: no attributes on `testsuites`; a suite has properties,
test cases, system-out and system-err in this order, and package, id (counted from 0), name, hostname, a
timestamp without zone, tests, failures, errors, time; a case has name, classname, time, and one outcome
at most, with its type. Jenkins's, junit-10.xsd, knows the same elements and no attributes but those below;
its SUREFIRE_TIME is digits and a point. Counts are integers; a property has name and value; a token
neither begins nor ends with a blank.
"""

import json
import re
import xml.etree.ElementTree as ET
from hashlib import sha256

import pytest

from hil.export import export

SUITE = {"package", "id", "name", "hostname", "timestamp", "tests", "failures", "errors", "skipped", "time"}
OUTCOMES = {"failure": "failures", "error": "errors", "skipped": "skipped"}


def check(root):
    assert (root.tag, root.attrib) == ("testsuites", {})
    for number, suite in enumerate(root):
        assert suite.tag == "testsuite"
        assert set(suite.attrib) == SUITE
        assert suite.get("id") == str(number)
        assert all(suite.get(name) and suite.get(name) == suite.get(name).strip() for name in SUITE)
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", suite.get("timestamp"))
        assert re.fullmatch(r"\d+(\.\d*)?", suite.get("time"))
        tags = [child.tag for child in suite]
        assert tags == ["properties", *["testcase"] * (len(tags) - 3), "system-out", "system-err"]
        for found in suite[0]:
            assert (found.tag, set(found.attrib)) == ("property", {"name", "value"})
            assert found.get("name").strip()
        cases = suite.findall("testcase")
        for case in cases:
            assert set(case.attrib) == {"name", "classname", "time"}
            assert re.fullmatch(r"\d+(\.\d*)?", case.get("time"))
            assert len(case) <= 1
            for outcome in case:
                assert outcome.tag in OUTCOMES
                assert set(outcome.attrib) == {"type", "message"}
        assert suite.get("tests") == str(len(cases))
        for tag, count in OUTCOMES.items():
            assert suite.get(count) == str(len(suite.findall(f"testcase/{tag}")))
    cases = [(case.get("classname"), case.get("name")) for case in root.iter("testcase")]
    assert len(set(cases)) == len(cases)  # GitLab drops the second one


@pytest.fixture
def junit(tmp_path):
    def read(record):
        (path,) = export(record, ["junit"], tmp_path / "out").files
        root = ET.parse(path).getroot()
        check(root)
        return root

    return read


def test_each_outcome(tmp_path, make, junit):
    (suite,) = junit(make(tmp_path))
    assert suite.get("name") == "sag_abc"
    assert [suite.get(n) for n in ("tests", "failures", "errors", "skipped")] == ["5", "1", "2", "1"]
    assert suite.get("timestamp") == "2026-03-21T10:15:00"  # 12:15 at +02:00
    found = {case.get("name"): [(o.tag, o.get("type")) for o in case] for case in suite.iter("testcase")}
    assert found == {
        "passes": [],
        "fails": [("failure", "FAIL")],
        "invalid": [("error", "INVALID")],
        "inconclusive": [("error", "INCONCLUSIVE")],
        "not_run": [("skipped", "NOT RUN")],
    }
    assert {case.get("classname") for case in suite.iter("testcase")} == {"voltage_sag.sag_abc"}


def test_what_a_failure_says(tmp_path, make, junit):
    (suite,) = junit(make(tmp_path))
    failure = suite.find("testcase/failure")
    message = "FAIL: value 0.300 ± 0.010 pu, limit 0.23 pu .. 0.27 pu, margin -0.03 pu; too much"
    assert failure.get("message") == message
    assert failure.text.startswith(message)  # GitLab shows the text alone
    assert "clause: IEEE 2800-2022, 7.2.2\nsource: a source\nconfidence: as published" in failure.text
    error = suite.find("testcase/error")
    assert (
        error.get("message") == "INVALID: value –, limit 0.23 pu .. 0.27 pu; clipped � <&>"
    )  # NUL is not XML
    assert "PASS         Title of passes, with comma: value 0.300" in suite.findtext("system-out")


def test_what_stands_behind_it(tmp_path, make, junit):
    folder = make(tmp_path)
    (suite,) = junit(folder)
    said = {p.get("name"): p.get("value") for p in suite.iter("property")}
    assert said["record"] == folder.name
    assert said["manifest_sha256"] == sha256((folder / "manifest.json").read_bytes()).hexdigest()
    assert (said["bench"], said["outcome"], said["versions.hil-bench"]) == ("simulated", "FAIL", "0.1.0")


def test_a_run_that_was_never_judged_is_no_success(crashed, junit):
    (suite,) = junit(crashed)
    (error,) = suite.iter("error")
    assert error.get("message") == "the run ended before it was judged: running"
    assert suite.findtext("properties/property[@name='manifest_sha256']") is not None
    assert "unsealed" in suite.findtext("system-err")


def test_a_suite_per_capture_of_every_test(campaign, junit):
    root = junit(campaign)
    assert [(suite.get("package"), suite.get("name")) for suite in root] == [
        ("T2", "sag_abc"),
        ("T10", "sag_abc"),
    ]
    assert root[1].find("testcase").get("classname") == "T10.sag_abc"


def test_what_was_not_run_or_broke_off_in_a_campaign(qualification, junit):
    """However many of its criteria passed; only what was never begun is skipped."""
    root = junit(qualification)
    counts = ("tests", "failures", "errors", "skipped")
    assert [(s.get("package"), s.get("name"), *(int(s.get(n)) for n in counts)) for s in root] == [
        ("T1", "sag_abc", 1, 0, 0, 0),
        ("T2", "sag_abc", 1, 0, 0, 0),
        ("T2", "conducted", 1, 0, 1, 0),
        ("T3", "conducted", 1, 0, 1, 0),
        ("T4", "conducted", 1, 0, 0, 1),
    ]
    told = [(one.tag, one.get("type"), one.get("message")) for one in root.findall("testsuite/testcase/*")]
    assert told == [
        ("error", "INVALID", "no space to seal"),
        ("error", "INVALID", "the link is dead"),
        ("skipped", "NOT RUN", "the bench has no load (ai)"),
    ]
    assert root[4].find("testcase").attrib == {"name": "conducted", "classname": "T4", "time": "0"}
    said = {p.get("name"): p.get("value") for p in root[4].iter("property")}
    assert (said["record"], said["sequence"]) == (qualification.name, "sequence_of_T4")
    assert said["manifest_sha256"] == sha256((qualification / "manifest.json").read_bytes()).hexdigest()
    assert not {"end", "safe"} & set(said)  # the campaign's own, which say nothing of this test


def test_a_campaign_that_was_killed(qualification, junit):
    """Its run.json is that of its begin; what its tests have left is there."""
    (qualification / "manifest.json").unlink()
    begun = {"sequence": "qualification", "started": "2026-03-21T12:15:00+02:00", "end": "running"}
    (qualification / "run.json").write_text(json.dumps(begun))
    suites = [(s.get("package"), s.get("name"), s.get("errors")) for s in junit(qualification)]
    assert suites == [("qualification", "conducted", "1"), ("T1", "sag_abc", "0"), ("T2", "sag_abc", "0")]
