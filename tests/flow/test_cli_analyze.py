"""`hil analyze` as a user meets it, on a public capture with a known answer and on broken files.

The capture: EMT simulation of the IEEE 123-bus feeder (its SOURCE.txt tells more). Phase b is
faulted at 0.1525 s; source bus 2380.9 V before, 932.7 V in the fault; 60 Hz, though its cfg says 50.
"""

import json
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

CAPTURES = Path(__file__).parents[2] / "data" / "captures"
FAULT = CAPTURES / "oedi_transients" / "f1_1b274run.cfg"
SAMPLES = CAPTURES / "comtrade_samples"


def fetches(page):
    """Return what a browser would load from elsewhere."""
    return re.findall(r"<(?:script|link|img|iframe)\b[^>]{0,200}?\b(?:src|href)\s*=[^>]*>|@import", page)


def one_line(err):
    """Return the message, which is one line and no traceback."""
    (line,) = err.strip().splitlines()
    assert line.startswith("hil: ")
    return line


def values(out):
    return {result["key"]: result["value"] for result in json.loads(out)["results"]}


def test_the_table(hil):
    code, out, err = hil("analyze", FAULT)
    assert (code, err) == (0, "")
    assert re.search(r"Frequency +60\.0000", out)
    assert re.search(r"Phases beyond the threshold +b\s", out)
    assert "Warning: the file states 50 Hz; the samples show 60.000 Hz" in out
    assert "voltage  a = SBUS A V-node, b = SBUS B V-node, c = SBUS C V-node" in out
    assert "9 more channels" in out  # of 15, six are a, b, c of voltage and current


def test_json(hil, tmp_path):
    code, out, err = hil("analyze", FAULT, "--json")
    assert (code, err) == (0, "")
    found = values(out)
    assert found["frequency"] == pytest.approx(60.0, abs=1e-3)
    assert found["faulted_phases"] == "b"
    assert found["inception"] == pytest.approx(0.1525, abs=1 / 120)
    assert found["event_voltage"] == pytest.approx(932.7, rel=0.02)
    assert found["residual_voltage"] == pytest.approx(932.7, rel=0.02)
    assert found["reference_voltage"] == pytest.approx(2380.9, rel=0.02)
    assert found["event_duration"] is None  # the fault outlasts the record
    assert json.loads(out)["warnings"]
    assert not list(tmp_path.iterdir())


def test_a_report_is_one_file_in_this_folder(hil, tmp_path):
    code, out, _ = hil("analyze", FAULT, "--report")
    assert code == 0
    assert "Report: f1_1b274run_report.html" in out
    assert [path.name for path in tmp_path.iterdir()] == ["f1_1b274run_report.html"]
    page = (tmp_path / "f1_1b274run_report.html").read_text(encoding="utf-8")
    assert fetches(page) == []
    assert "60.00001" in page
    assert "the file states 50 Hz" in page


def test_a_report_where_it_is_asked_for(hil, tmp_path):
    code, out, _ = hil("analyze", FAULT, "--json", "--report", "sub.html")
    assert code == 0
    assert json.loads(out)["report"] == "sub.html"
    assert (tmp_path / "sub.html").is_file()
    code, _, err = hil("analyze", FAULT, "--report", "nowhere/sub.html")
    assert code == 3
    assert "nowhere" in one_line(err)


def test_map_overrides_what_the_names_say(hil):
    code, out, _ = hil("analyze", FAULT, "--json", "--map", "va=SBUS B V-node", "--map", "vb=SBUS A V-node")
    assert code == 0
    assert values(out)["faulted_phases"] == "a"


def test_map_gives_meaningless_names_a_meaning(hil, tmp_path):
    time = np.arange(5000) / 10e3
    waves = [100 * np.sqrt(2) * np.sin(2 * np.pi * (60 * time - k / 3)) for k in range(3)]
    np.savetxt(
        tmp_path / "scope.csv", np.stack([time, *waves], 1), delimiter=",", header="t,x1,x2,x3", comments=""
    )
    code, _, err = hil("analyze", "scope.csv")
    assert code == 2
    assert "x1" in one_line(err)
    code, out, _ = hil("analyze", "scope.csv", "--map", "va=x1", "--map", "vb=x2", "--map", "vc=x3", "--json")
    assert code == 0
    assert values(out)["frequency"] == pytest.approx(60.0, abs=1e-3)
    assert values(out)["voltage_a"] == pytest.approx(100.0, rel=1e-4)  # RMS of the sine above


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--map", "vq=SBUS A V-node"), "cannot map 'vq'"),
        (("--map", "va=CH 1"), "channel 'CH 1'"),
        (("--map", "ia=SBUS A V-node"), "is in V"),
        (("--map", "va"), '--map va="CH 1"'),
        (("--nominal", "277"), "is not in V"),
        (("--nominal", "277 A"), "is not in V"),
        (("--nominal", "0 V"), "positive"),
    ],
)
def test_a_wrong_argument(hil, arguments, says):
    code, out, err = hil("analyze", FAULT, *arguments)
    assert (code, out) == (2, "")
    assert says in one_line(err)


def truncated(folder):
    shutil.copy(FAULT, folder / "cut.cfg")
    (folder / "cut.dat").write_bytes(FAULT.with_suffix(".dat").read_bytes()[:100_000])
    return "cut.cfg", "cut.dat"


def mislabelled(folder):
    text = (SAMPLES / "sample_ascii.cfg").read_text()
    assert "ASCII" in text
    (folder / "text.cfg").write_text(text.replace("ASCII", "BINARY"))
    shutil.copy(SAMPLES / "sample_ascii.dat", folder / "text.dat")
    return "text.cfg", "text.dat"


def lonely(folder):
    shutil.copy(FAULT, folder / "lonely.cfg")
    return "lonely.cfg", "lonely.dat"


def empty(folder):
    (folder / "empty.csv").touch()
    return "empty.csv", "empty.csv"


def an_empty_folder(folder):
    (folder / "captures").mkdir()
    return "captures", "captures: there is no capture in this folder"


def binary(folder):
    shutil.copy(FAULT.with_suffix(".dat"), folder / "binary.csv")
    return "binary.csv", "binary.csv"


def unknown(folder):
    shutil.copy(FAULT, folder / "fault.xyz")
    return "fault.xyz", "known are .cfg"


@pytest.mark.parametrize("broken", [truncated, mislabelled, lonely, empty, an_empty_folder, binary, unknown])
def test_a_broken_file_is_named_in_one_line(hil, tmp_path, broken):
    name, says = broken(tmp_path)
    code, out, err = hil("analyze", name)
    assert (code, out) == (2, "")
    assert says in one_line(err)


def test_a_name_in_brackets_is_shown_as_it_is(hil, tmp_path):
    for suffix in (".cfg", ".dat"):  # words in brackets are markup to rich
        shutil.copy(FAULT.with_suffix(suffix), tmp_path / f"[red] [bold]{suffix}")
    code, out, _ = hil("analyze", "[red] [bold].cfg", "--report", "[red].html")
    assert code == 0
    assert out.startswith("[red] [bold].cfg: ")
    assert out.endswith("Report: [red].html\n")


def test_a_pipe_that_knows_ascii_only(hil):
    code, out, _ = hil("analyze", FAULT, env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert code == 0
    assert "60.00001 ? 0.00037 Hz" in out


def test_parquet_without_its_package(hil, tmp_path, prelude):
    (tmp_path / "scope.parquet").write_bytes(b"PAR1")
    without = prelude("import sys\nsys.modules['pyarrow'] = None\n")
    code, _, err = hil("analyze", "scope.parquet", env=without)
    assert code == 2
    assert 'pip install "hil-bench[formats]"' in one_line(err)


def test_a_capture_of_a_run_is_corrected_before_it_is_measured(hil, record):
    """Raw, phase a is 2.8 V at the recorder's input; corrected, it is 480 V / sqrt(3)."""
    (capture,) = (record / "captures").glob("*.h5")
    code, out, _ = hil("analyze", capture, "--json")
    found = {result["key"]: result for result in json.loads(out)["results"]}
    assert code == 0
    assert found["voltage_a"]["value"] == pytest.approx(480 / 3**0.5, rel=2e-3)
    assert found["current_a"]["value"] == pytest.approx(0.8 * 100e3 / (3**0.5 * 480), rel=0.02)
    assert found["trigger"]["value"] == 0.0


def test_the_event_and_the_margins_stand_first(hil):
    code, out, _ = hil("analyze", FAULT, "--envelope", "ieee2800", "--distortion", "ieee519_2022_voltage")
    assert code == 0
    top = out[out.index("At a glance") : out.index("Good samples")]
    assert re.search(r"Event +dip, phase b, to 0\.38\d* pu, the record ends inside the event", top)
    assert "Envelope ieee2800" in top
    assert re.search(r"IEEE 519-2022, voltage distortion +(PASS|FAIL|INVALID|INCONCLUSIVE) ", top)
