"""Records with one of every kind of file in them."""

import numpy as np
import pytest

from hil.analysis.result import Analysis, Result, Series
from hil.compliance.verdict import judge_all, load_criteria
from hil.record import Event, RecordWriter


@pytest.fixture
def event():
    results = (
        Result("event_duration", "Duration", 0.1 + 0.2, "s", 1 / 120, window=(-0.1, 0.5), method="5.4.1"),
        Result("trip", "Trip", None, "s", state="no trip"),
        Result("faulted_phases", "Phases", "abc", valid=False, note="µ ± \u2028"),
    )
    time = np.linspace(0, 1, 7)
    series = (Series("urms_a", "Ua", "V", time, np.array([1.0, np.nan, *range(5)]), "a", "urms"),)
    spectra = (Series("harmonics_v_a", "Ua", "%", time * 60, time / 3, "a"),)
    analysis = Analysis(results, series, spectra, (), ("read",), ("careful",))
    parameters = {"duration": 0.3, "phases": "abc"}
    verdicts = judge_all(load_criteria("voltage_sag"), analysis, parameters)
    return Event("sag_abc", parameters, analysis, verdicts)


@pytest.fixture
def sealed(event):
    """Return a function that writes and seals a whole record."""

    def write(root):
        writer = RecordWriter(root, "voltage_sag")
        writer.write_json("run.json", {"sequence": "voltage_sag", "end": "completed", "simulated": True})
        writer.write_text("bench.toml", 'name = "bench"\n')
        writer.write_text("commands.jsonl", '{"instrument": "grid", "sent": "OUTP ON"}\n{"instrument": "gr')
        writer.path("captures/sag_abc.h5").write_bytes(bytes(range(256)))
        writer.write_json("certificates.json", [{"id": "PT-A-1"}])
        writer.write_events([event])
        writer.write_text("report.html", "<html></html>\n")
        writer.seal()
        return writer.folder

    return write
