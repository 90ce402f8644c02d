"""Records: one folder per run, hashed and chained, that anyone can verify."""

from hil.record.events import Event, analysis_arrays, analysis_from_dict, analysis_to_dict
from hil.record.manifest import Finding, verify
from hil.record.record import Record, RecordWriter, event_files, open_record

__all__ = [
    "Event",
    "Finding",
    "Record",
    "RecordWriter",
    "analysis_arrays",
    "analysis_from_dict",
    "analysis_to_dict",
    "event_files",
    "open_record",
    "verify",
]
