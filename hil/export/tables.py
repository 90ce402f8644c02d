"""Metrics, verdicts and readings as tables of text, and everything as one JSON file."""

from __future__ import annotations

import csv
from dataclasses import asdict
from io import StringIO
from typing import TYPE_CHECKING, Any, Final

from hil.record import analysis_to_dict
from hil.record.storage import to_json

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from hil.export.entries import Entry
    from hil.recording import Reading

VERSION: Final = 1
"""Of the JSON file; it counts up where a key changes its meaning or goes."""
_METRICS: Final = ("test", "capture", "key", "title", "value", "unit", "uncertainty", "state", "method")
_VERDICTS: Final = (
    *("test", "capture", "key", "criterion", "value", "unit", "uncertainty", "limit", "low", "high"),
    *("margin", "outcome", "reason", "required", "clause", "source", "confidence"),
)
READINGS: Final = ".readings.csv"
"""Suffix of the readings of a capture, beside its samples."""
_READINGS: Final = ("time [s]", "late [s]", "source")
_ELECTRICAL: Final = {
    "voltage": "V",
    "current": "A",
    "active_power": "W",
    "reactive_power": "var",
    "frequency": "Hz",
}
UNITS: Final[Mapping[str, Mapping[str, str]]] = {
    "pcs": {**_ELECTRICAL, "dc_voltage": "V", "state_of_charge": "pu", "temperature": "°C"},
    "power_meter": {
        **_ELECTRICAL,
        "apparent_power": "VA",
        "voltage_thd": "pu",
        "current_thd": "pu",
        "interval": "s",
    },
    "step": {"volts": "V", "amps": "A", "watts": "W", "var": "var", "hertz": "Hz", "seconds": "s"},
    "SetVoltage": {"volts": "pu", "hertz": "pu"},
}
"""Units of what is read, by its source, or by the step where it differs from other steps."""


def metrics_csv(entries: Sequence[Entry]) -> bytes:
    """Return a row for each result, in SI units; what is missing is an empty cell."""
    return _csv(
        _METRICS,
        (
            {"test": entry.test, "capture": event.name, **asdict(result)}
            for entry in entries
            for event in entry.events
            for result in event.analysis.results
        ),
    )


def verdicts_csv(entries: Sequence[Entry]) -> bytes:
    """Return a row for each verdict, in SI units; what is missing is an empty cell."""
    return _csv(
        _VERDICTS,
        (
            {"test": entry.test, "capture": event.name, "criterion": verdict.title, **verdict.to_dict()}
            for entry in entries
            for event in entry.events
            for verdict in event.verdicts
        ),
    )


def readings_csv(readings: Sequence[Reading]) -> bytes:
    """Return a row for each reading, with a column for whatever any of them has; the rest is empty."""
    rows: list[dict[str, Any]] = [
        {
            "time [s]": round(reading.time, 9),  # free of the noise of sums
            "late [s]": reading.late,
            "source": reading.source,
            **{
                _column(reading, key): "; ".join(value) if isinstance(value, list) else value
                for key, value in reading.values.items()
            },
        }
        for reading in sorted(readings, key=lambda reading: reading.time)
    ]
    return _csv(list(dict.fromkeys((*_READINGS, *(name for row in rows for name in row)))), rows)


def _column(reading: Reading, key: str) -> str:
    """Return the header of a value: "pcs.voltage [V]", "power_meter.1.voltage [V]" of an element."""
    units = UNITS.get(str(reading.values.get("step"))) or UNITS.get(reading.source, {})
    unit = units.get(key.rpartition(".")[2])
    return f"{reading.source}.{key}" + (f" [{unit}]" if unit else "")


def everything_json(entries: Sequence[Entry], readings: Collection[str]) -> bytes:
    """Return run, metrics and verdicts of all; what is missing is null.

    readings: the tables of them that are exported too, as seen from the folder of the export.
    """
    tests = [
        {
            "test": entry.test,
            "record": entry.record.name,
            "manifest_sha256": entry.manifest,
            "findings": [str(finding) for finding in entry.findings],
            "outcome": entry.outcome.value,
            "reason": entry.reason,
            "run": entry.record.run,
            "captures": [
                {
                    "capture": event.name,
                    "parameters": event.parameters,
                    "readings": table
                    if (table := f"{entry.captures}/{event.name}{READINGS}") in readings
                    else None,
                    **_without_arrays(analysis_to_dict(event.analysis)),
                    "verdicts": [verdict.to_dict() for verdict in event.verdicts],
                }
                for event in entry.events
            ],
        }
        for entry in entries
    ]
    return to_json("export", {"format": "hil-export", "version": VERSION, "tests": tests})


def _without_arrays(analysis: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in analysis.items() if key not in {"series", "spectra"}}


def _csv(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> bytes:
    text = StringIO()
    table = csv.DictWriter(text, columns, extrasaction="ignore", lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    return text.getvalue().encode()
