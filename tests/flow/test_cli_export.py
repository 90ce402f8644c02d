"""`hil export` of a run: what the engine says of its captures gets into the files."""

import json
from datetime import datetime, timedelta
from pathlib import Path

from hil.capture.comtrade import read_comtrade


def test_comtrade_says_when_it_was(hil, record):
    """By the command log: the recorder's last start is the capture's, in bench time since the run began.

    The run begins between the two times of run.json, and time of day goes on from there in bench time.
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
    starts = [e["before"] for e in log if (e["instrument"], e["sent"]) == ("recorder", "start")]
    began = first - timedelta(seconds=starts[-1])
    assert datetime.fromisoformat(run["started"]) < began < datetime.fromisoformat(run["ended"])
    assert starts[-1] > 5  # in a run that takes less: it is bench time that counts
