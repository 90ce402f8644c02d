"""When captures were taken: what a run says of it, and what `hil export` makes of that."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hil.capture.comtrade import read_comtrade
from hil.capture.sealed import read_sealed_metadata
from hil.config import load
from hil.model import PlantModel


def test_comtrade_says_when_it_was(hil, record):
    """The recorder starts for the proof of the safe state, for the capture, and for the last proof.


    The run begins between the two times of run.json, and the time of day goes on from there in the bench
    time of the command log.
    """
    code, out, err = hil("export", record, "--to", "comtrade", "--json")
    assert (code, err) == (0, "")
    cfg, dat = json.loads(out)["files"]
    assert (cfg[-11:], dat[-11:]) == ("sag_abc.cfg", "sag_abc.dat")
    back = read_comtrade(cfg)
    assert (back.triggered, back.stated_frequency) == (True, 60)
    assert back.start < -0.3 + 0.01
    first, trigger = [
        datetime.strptime(f"{line} +0000", "%d/%m/%Y,%H:%M:%S.%f %z")
        for line in Path(cfg).read_text().splitlines()
        if line.count("/") == 2
    ]
    assert abs((trigger - first).total_seconds() + back.start) < 1e-6
    run = json.loads((record / "run.json").read_text())
    log = [json.loads(line) for line in (record / "commands.jsonl").read_text().splitlines()]
    _, capture, _ = (e["before"] for e in log if (e["instrument"], e["sent"]) == ("recorder", "start"))
    began = first - timedelta(seconds=capture)
    assert datetime.fromisoformat(run["started"]) < began < datetime.fromisoformat(run["ended"])


def test_captures_by_model_follow_each_other_in_plant_time(tmp_path):
    model = PlantModel(load("simulated"), tmp_path, (), 0, None)
    for name in ("one", "two"):
        with model.record(name):
            model.advance(0.02)
        model.advance(0.03)
    one, two = (
        datetime.fromisoformat(read_sealed_metadata(tmp_path / f"{name}.h5")["metadata"]["started"])
        for name in ("one", "two")
    )
    assert (two - one).total_seconds() == pytest.approx(0.05, abs=2e-6)
    assert abs(datetime.now(UTC) - one) < timedelta(minutes=5)
