"""Records as a run leaves them, small: real captures with their certificates, metrics, verdicts."""

import numpy as np
import pytest

from hil.analysis.result import Analysis, Result, Table
from hil.calibration import certificates
from hil.capture.blocklog import BlockLog
from hil.capture.sealed import seal
from hil.compliance.criteria import Outcome
from hil.compliance.verdict import Verdict
from hil.record import Event, RecordWriter
from hil.recording import SUFFIX, Reading, to_line
from hil.waveform import Channel

RATE, COUNT, EDGE = 10_000.0, 2000, 500
TIME = (np.arange(COUNT) - EDGE) / RATE
TRUE = np.array(
    [391.9 * np.sin(2 * np.pi * 60 * TIME), 170.1 * np.cos(2 * np.pi * 60 * TIME), (TIME >= 0) * 5.0]
)
CHANNELS = (
    Channel("va", "V", "voltage", "a"),
    Channel("ia", "V", "current", "a"),
    Channel("trigger", "V", "trigger"),
)
SENSORS = {"va": "simulated_v_a", "ia": "simulated_i_a", "trigger": "simulated_trigger"}


def verdict(key, outcome, **more):
    fields = {
        "title": f"Title of {key}, with comma",
        "value": 0.3,
        "unit": "pu",
        "uncertainty": 0.01,
        "low": 0.23,
        "high": 0.27,
        "limit": "0.23 pu .. 0.27 pu",
        "margin": -0.03,
        "reason": "too much",
        "required": True,
        "clause": "IEEE 2800-2022, 7.2.2",
        "source": "a source",
        "confidence": "as published",
        "why": "it matters",
    }
    return Verdict(key=key, outcome=outcome, **{**fields, **more})


VERDICTS = (
    verdict("passes", Outcome.PASS, reason="", margin=0.01),
    verdict("fails", Outcome.FAIL),
    verdict("invalid", Outcome.INVALID, value=None, margin=None, uncertainty=None, reason="clipped \x00 <&>"),
    verdict("inconclusive", Outcome.INCONCLUSIVE),
    verdict("not_run", Outcome.NOT_RUN, value=None, margin=None, uncertainty=None, required=False),
)
RESULTS = (
    Result("event_duration", "Duration, of the event", 0.1 + 0.2, "s", 1 / 120, method="5.4.1"),
    Result("trip", "Trip", None, "s", state="no trip"),
    Result("faulted_phases", "Phases", "abc"),
)
RUN = {
    "sequence": "voltage_sag",
    "bench": "simulated",
    "nominal": {"frequency": 60.0},
    "started": "2026-03-21T12:15:00+02:00",
    "end": "completed",
    "simulated": True,
    "versions": {"hil-bench": "0.1.0"},
}


def capture(path, *, began="2026-03-21T10:15:08.250000+00:00", samples=COUNT):
    """Leave a block log of volts at the inputs: value x gain + offset of the certificate."""
    sensors = {name: certificates.load(sensor) for name, sensor in SENSORS.items()}
    volts = np.array([v * s.gain + s.offset for v, s in zip(TRUE, sensors.values(), strict=True)])
    corrections = {name: {"certificate": s.to_dict(), "range": 10.0} for name, s in sensors.items()}
    said = {"corrections": corrections, **({} if began is None else {"started": began})}
    with BlockLog(path, CHANNELS, RATE, said) as log:
        log.append(volts[:, :samples])
    return log.path


# in the recorder's time: the trigger comes at 0.05 s; a log entry is read after it was made
READINGS = (
    Reading(0.0, "recorder", {"started": True}, 0.002),
    Reading(0.25, "pcs", {"voltage": 277.1, "temperature": None, "alarms": ["overcurrent", "hot"]}, 0.001),
    Reading(0.30, "step", {"step": "SetVoltage", "volts": 1.02}),
    Reading(0.35, "step", {"step": "RampGrid", "volts": 250.0}),
    Reading(0.15, "log", {"text": "tripped, by itself"}),
    Reading(0.40, "power_meter", {"1.active_power": 80e3, "power_factor": 0.9}),
)


@pytest.fixture
def make():
    """Return a function that writes a record and seals it."""

    def write(
        root,
        *,
        closed=True,
        verdicts=VERDICTS,
        began="2026-03-21T10:15:08.250000+00:00",
        samples=COUNT,
        readings=(),
    ):
        writer = RecordWriter(root, "voltage_sag")
        writer.write_json("run.json", RUN)
        log = capture(writer.path("captures/sag_abc.blk"), began=began, samples=samples)
        seal(log, log.with_suffix(".h5"), acquired=COUNT)
        if readings:
            text = "".join(to_line(reading) for reading in readings)
            writer.write_text(f"captures/sag_abc{SUFFIX}", text)
        table = Table("bands", "Bands", ("f", "p"), ("Hz", "W"), ((1.0, None),))
        analysis = Analysis(RESULTS, tables=(table,), history=("read",), warnings=("careful",))
        writer.write_events([Event("sag_abc", {"residual": 0.25}, analysis, verdicts)])
        if closed:
            writer.seal()
        return writer.folder

    return write


@pytest.fixture
def crashed(tmp_path):
    """Return the record of a run that was killed in its first capture."""
    writer = RecordWriter(tmp_path, "voltage_sag")
    capture(writer.path("captures/sag_abc.blk"))
    return writer.folder


@pytest.fixture
def readings():
    return READINGS


@pytest.fixture
def true():
    return TRUE


@pytest.fixture
def verdicts():
    return VERDICTS


@pytest.fixture
def campaign(tmp_path, make):
    """Return a campaign: a folder with a record per test."""
    folder = tmp_path / "campaign"
    for test in ("T10", "T2"):
        made = make(tmp_path / "made", closed=False)
        folder.mkdir(exist_ok=True)
        made.rename(folder / test)
    (folder / "campaign.json").write_text("{}\n")
    return folder


def row(test, outcome, reason="", folder=""):
    """Return what a campaign says of a test."""
    said = {"sequence": f"sequence_of_{test}", "title": f"Title of {test}"}
    return {"id": test, **said, "outcome": outcome, "reason": reason, "folder": folder}


@pytest.fixture
def qualification(tmp_path, make):
    """Return the record of a campaign: one test ran to its end, one broke off, two have no record."""
    writer = RecordWriter(tmp_path / "records", "qualification")
    for test in ("T1", "T2"):
        passed = (verdict("passes", Outcome.PASS, reason="", margin=0.01),)
        make(tmp_path / "made", closed=False, verdicts=passed).rename(writer.folder / test)
    tests = [
        row("T1", "PASS", folder="T1"),
        row("T2", "INVALID", "no space to seal", folder="T2"),
        row("T3", "INVALID", "the link is dead"),
        row("T4", "NOT RUN", "the bench has no load (ai)"),
    ]
    about = {name: value for name, value in RUN.items() if name != "sequence"}
    writer.write_json("run.json", {"sequence": "qualification", **about, "tests": tests})
    writer.seal()
    return writer.folder
