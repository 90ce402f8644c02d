"""Readings beside a capture: to a line and back, and what a crash leaves."""

import json

import pytest

from hil.errors import FormatError
from hil.recording import Reading, read_readings, to_line

SAID = Reading(0.25, "pcs", {"active_power": 80e3, "celsius": None, "alarms": ["overcurrent"]}, 0.001)


def test_there_and_back(tmp_path):
    path = tmp_path / "one.readings.jsonl"
    path.write_text(to_line(SAID) + to_line(Reading(1.0, "step", {"step": "Fire"})))
    assert read_readings(path) == (SAID, Reading(1.0, "step", {"step": "Fire"}, 0.0))
    assert [reading.time for reading in read_readings(path, -0.5)] == [-0.25, 0.5]


def test_no_file_is_no_reading(tmp_path):
    assert read_readings(tmp_path / "none.readings.jsonl") == ()


def test_a_torn_last_line_is_left_out(tmp_path):
    path = tmp_path / "one.readings.jsonl"
    path.write_text(to_line(SAID) + to_line(SAID)[:-20])
    assert read_readings(path) == (SAID,)


WRONG = json.dumps({"time": 1.0, "source": "pcs", "values": [1], "late": 0.0})


@pytest.mark.parametrize("line", [b"{", b'{"time": 1.0}', b"[1, 2]", WRONG.encode(), b"\xff\xfe"])
def test_a_damaged_line_is_named(tmp_path, line):
    path = tmp_path / "one.readings.jsonl"
    path.write_bytes(b"\n".join((to_line(SAID).strip().encode(), line, to_line(SAID).encode())))
    with pytest.raises(FormatError, match=r"one\.readings\.jsonl, line 2: no reading"):
        read_readings(path)


def test_nan_does_not_get_into_a_record():
    with pytest.raises(ValueError, match="not JSON compliant"):
        to_line(Reading(0.0, "pcs", {"active_power": float("nan")}))
