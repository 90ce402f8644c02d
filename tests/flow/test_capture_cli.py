"""`hil capture` as a user meets it: look, convert, recover, and one line where it cannot be."""

import importlib.util
import json
import re
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from hil.capture.blocklog import BlockLog
from hil.capture.read import read
from hil.capture.sealed import read_sealed_metadata
from hil.waveform import Channel

CAPTURES = Path(__file__).parents[2] / "data" / "captures"
FAULT = CAPTURES / "oedi_transients" / "f1_1b274run.cfg"
CHANNELS = (Channel("va", "V", "voltage", "a"), Channel("ia", "A", "current", "a", place="load"))


def one_line(err):
    """Return the message, which is one line and no traceback."""
    (line,) = err.strip().splitlines()
    assert line.startswith("hil: ")
    return line


@pytest.fixture
def log(tmp_path):
    """The block log of a run that was killed: not closed, its last block torn."""
    folder = tmp_path / "run" / "captures"
    folder.mkdir(parents=True)
    log = BlockLog(folder / "sag.blk", CHANNELS, 1000.0)
    for first in (0, 100, 200):
        log.append(np.array([np.arange(first, first + 100.0)] * 2))
    log._file.truncate(log._end - 10)
    log._file.close()
    return log.path


def test_info(hil):
    """40 001 samples at 100 kS/s and a stated 50 Hz stand in the cfg."""
    code, out, err = hil("capture", "info", FAULT)
    assert (code, err) == (0, "")
    assert "40,001 samples at 100,000 samples/s, 0.40001 s" in out
    assert re.search(r"Good samples +100 %\n", out)
    assert re.search(r"Stated frequency +50 Hz", out)
    assert re.search(r"SBUS B V-node +V +voltage +b", out)


def test_info_as_json(hil, log):
    code, out, err = hil("capture", "info", log, "--json")
    found = json.loads(out)
    assert (code, err) == (0, "")
    assert (found["rate"], found["samples"], found["duration"]) == (1000, 200, 0.2)
    assert (found["valid_share"], found["stated_frequency"]) == (1.0, None)
    assert found["channels"][1] == {
        "name": "ia",
        "unit": "A",
        "quantity": "current",
        "phase": "a",
        "place": "load",
    }


def test_info_counts_what_is_missing(hil, tmp_path):
    (tmp_path / "x.csv").write_text("t [s],va [V]\n0,1\n1,\n2,3\n3,4\n")
    code, out, _ = hil("capture", "info", "x.csv")
    assert code == 0
    assert re.search(r"Good samples +75 %, 1 missing or clipped", out)


@pytest.mark.parametrize(
    "target",
    [
        "x.csv",
        pytest.param(
            "x.parquet",
            marks=pytest.mark.skipif(not importlib.util.find_spec("pyarrow"), reason="optional package"),
        ),
        "x.cfg",
        "x.cff",
    ],
)
def test_convert(hil, tmp_path, target):
    code, out, err = hil("capture", "convert", FAULT, target)
    assert (code, err) == (0, "")
    unknown = "; when it began is not known: the file says 1970; --began sets it"
    said = unknown if target in {"x.cfg", "x.cff"} else ""
    assert out == f"{target}: 15 channels of 40,001 samples{said}\n"
    first, again = read(FAULT), read(tmp_path / target)
    assert np.array_equal(again.samples, first.samples)
    assert again.rate == first.rate
    assert [(c.unit, c.phase) for c in again.channels] == [(c.unit, c.phase) for c in first.channels]
    code, _, err = hil("capture", "convert", FAULT, target)
    assert code == 3
    assert "already exists; a capture is never overwritten" in one_line(err)


def test_a_capture_of_a_run_is_corrected_before_it_is_written(hil, record, tmp_path):
    """Raw it is some 2.8 V at the recorder's input; corrected, a sine of 480 V / sqrt(3)."""
    (sealed,) = (record / "captures").glob("*.h5")
    code, out, err = hil("capture", "convert", sealed, "sag.csv", "--json")
    assert (code, err) == (0, "")
    w = read(tmp_path / "sag.csv")
    began = read_sealed_metadata(sealed)["metadata"]["started"]
    assert json.loads(out) == {
        "source": str(sealed), "target": "sag.csv", "samples": len(w), "began": began
    }  # fmt: skip
    (va,) = w.find("voltage", ("a",))
    before = w[va.name][: round(0.1 * w.rate)]
    assert before.std() == pytest.approx(480 / 3**0.5, rel=2e-3)


def test_comtrade_says_when_a_capture_of_a_run_began(hil, record, tmp_path):
    """In UTC, as the run does, whatever the file's own dates say; the line of the first sample."""
    (sealed,) = (record / "captures").glob("*.h5")
    code, out, _ = hil("capture", "convert", sealed, "sag.cfg")
    assert (code, "1970" in out) == (0, False)
    began = datetime.fromisoformat(read_sealed_metadata(sealed)["metadata"]["started"]).astimezone(UTC)
    assert f"\n{began:%d/%m/%Y,%H:%M:%S.%f}" in (tmp_path / "sag.cfg").read_text()


def test_the_user_says_when_a_capture_of_others_began(hil, tmp_path):
    """Two hours east of UTC: 10:15 there is 08:15."""
    code, out, _ = hil("capture", "convert", FAULT, "x.cfg", "--began", "2026-03-21T10:15:08.25+02:00")
    assert (code, out) == (0, "x.cfg: 15 channels of 40,001 samples\n")
    assert "\n21/03/2026,08:15:08.250000" in (tmp_path / "x.cfg").read_text()


def test_recover_a_block_log(hil, log, tmp_path):
    code, out, err = hil("capture", "recover", log, "--output", "sag.h5")
    assert (code, err) == (0, "")
    assert out == f"sag.h5: 200 samples, 0.3 s, 100 known to be lost; NOT complete, {log} is kept\n"
    w = read(tmp_path / "sag.h5")
    assert np.array_equal(w["va"], np.arange(200))
    assert w.channels == CHANNELS
    about = read_sealed_metadata(tmp_path / "sag.h5")
    assert (about["complete"], about["acquired"], about["lost"]) == (False, None, 100)
    assert log.is_file()
    code, _, err = hil("capture", "recover", log, "--output", "sag.h5")
    assert code == 3
    assert "already exists" in one_line(err)


def test_recover_a_record(hil, log):
    """Each log beside itself; what the run said of itself stays as it was."""
    folder = log.parent.parent
    (folder / "run.json").write_text("{}")
    (log.parent / "broken.blk").write_text("not a log")
    code, out, err = hil("capture", "recover", folder, "--json")
    assert (code, err) == (3, "")
    broken, whole = json.loads(out)["recovered"]
    assert "is not a block log" in broken["error"]
    assert whole == {
        "log": str(log),
        "file": str(log.with_suffix(".h5")),
        "error": None,
        "seconds": 0.3,
        "complete": False,
        "stored": 200,
        "lost": 100,
        "rate": 1000.0,
    }
    assert (folder / "run.json").read_text() == "{}"
    assert sorted(p.name for p in log.parent.iterdir()) == ["broken.blk", "sag.blk", "sag.h5"]


def test_a_sealed_record_is_never_written_to(hil, log):
    (log.parent.parent / "manifest.json").write_text("{}")
    code, _, err = hil("capture", "recover", log)
    assert code == 2
    assert "lies in a record that is sealed" in one_line(err)
    assert hil("capture", "recover", log, "--output", "sag.h5")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("info", "none.csv"), "no such file"),
        (("info", "none.xyz"), "no reader for .xyz"),
        (("convert", FAULT, "x.xyz"), "choose .csv, .parquet, .cfg, .cff"),
        (("convert", "none.tdms#Scope", "x.csv"), "no such file"),
        (("convert", FAULT, "x.cff", "--began", "2026-03-21T10:15:08"), "date and time with its zone"),
        (("convert", FAULT, "x.cff", "--began", "yesterday"), "date and time with its zone"),
        (("convert", FAULT, "x.csv", "--began", "2026-03-21T10:15Z"), "only COMTRADE says when"),
        (("recover", "none.blk"), "no such file"),
        (("recover", "."), "there is no block log"),
        (("recover", ".", "--output", "x.h5"), "--output names one file"),
    ],
)
def test_what_is_refused(hil, tmp_path, arguments, says):
    code, out, err = hil("capture", *arguments)
    assert (code, out) == (2, "")
    assert says in one_line(err)
    assert not list(tmp_path.iterdir())
