"""From captures to verdicts: what was acquired and never stored, and certificates that had expired."""

import pytest

from hil import evaluate as module
from hil.analysis.result import Analysis, Result
from hil.errors import FormatError
from hil.evaluate import CRITERIA, _with_completeness, evaluate

SHARE = Result("valid_share", "Valid samples", 98.0, "%")
OTHER = Result("frequency", "Frequency", 60.0, "Hz")


def completed(share, acquired, stored=150):
    about = {"complete": acquired == stored, "acquired": acquired, "stored": stored}
    found = _with_completeness(Analysis((share, OTHER)), about)
    assert found["frequency"] == OTHER
    return found["valid_share"]


def test_what_is_whole_is_left_as_it_is():
    assert completed(SHARE, acquired=150) == SHARE


@pytest.mark.parametrize(
    ("value", "acquired", "share"), [(98.0, 200, 73.5), (None, 200, None), (98.0, 0, 0.0)]
)
def test_what_was_never_stored_is_missing_from_the_valid_share(value, acquired, share):
    """150 of 200 samples, of which 98 % are valid; where nothing was acquired, nothing is."""
    found = completed(Result("valid_share", "Valid samples", value, "%"), acquired)
    assert (found.value, found.state, found.valid) == (share, "incomplete", False)
    assert found.note == f"{acquired} samples were acquired, 150 stored"


def test_where_nobody_knows_what_was_acquired_there_is_no_share():
    found = completed(SHARE, acquired=None)
    assert (found.value, found.state, found.valid) == (None, "incomplete", False)
    assert "how much was acquired is not known" in found.note


class Two:
    """A sequence of two captures that sums up their frequency."""

    def analyze(self, recording):
        if recording == "broken":
            raise FormatError("no current in any phase")
        return Analysis((OTHER,))

    def summarize(self, found):
        return Analysis((OTHER,))


CRITERION = """\
title = "Two"

[[criterion]]
key = "frequency"
title = "Frequency"
result = "frequency"
unit = "Hz"
kind = "max"
limit = { parameter = "rated_current", times = 1.0 }
clause = "own"
source = "own"
confidence = "engineering default"
why = "a test of ours"
"""


def judged(tmp_path, monkeypatch, old):
    """Return each capture and the summary by name, as judged; old: expired certificates by capture."""
    (tmp_path / CRITERIA).write_text(CRITERION)
    monkeypatch.setattr(module, "load_envelope", lambda _: None)
    monkeypatch.setattr(module, "resolve", lambda *_: Two)
    whole = {"complete": True, "acquired": 1, "stored": 1}
    monkeypatch.setattr(module, "recording", lambda folder, name, run: (name, {**whole, "old": old[name]}))
    monkeypatch.setattr(module, "expired", lambda metadata, started: metadata["old"])
    captures = {name: {"file": name, "parameters": {"rated_current": 100.0}} for name in old}
    run = {"sequence": "two", "parameters": {}, "end": "completed", "started": "", "captures": captures}
    return {event.name: event for event in evaluate(tmp_path, run)}


def outcomes(events):
    return {name: (v.outcome.value, v.reason) for name, event in events.items() for v in event.verdicts}


def test_an_expired_certificate_spoils_its_capture_and_what_all_show_together(tmp_path, monkeypatch):
    spoilt = ("INVALID", "calibration expired on the day of the test: PT-A-1")
    found = judged(tmp_path, monkeypatch, {"one": ["PT-A-1"], "two": []})
    assert outcomes(found) == {"one": spoilt, "two": ("PASS", ""), "summary": spoilt}


def test_what_all_show_together_is_judged_by_the_rated_current_too(tmp_path, monkeypatch):
    found = judged(tmp_path, monkeypatch, {"one": [], "two": []})
    assert outcomes(found) == dict.fromkeys(("one", "two", "summary"), ("PASS", ""))


def test_a_capture_that_cannot_be_analysed_says_why_and_the_others_are_judged(tmp_path, monkeypatch):
    found = judged(tmp_path, monkeypatch, {"broken": [], "two": []})
    assert found["broken"].analysis.warnings == ("not analysed: no current in any phase",)
    assert outcomes(found)["broken"] == ("NOT RUN", "'frequency' was not analysed")
    assert outcomes(found)["two"] == ("PASS", "")
