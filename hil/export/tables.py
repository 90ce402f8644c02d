"""Metrics and verdicts as tables of text, and everything as one JSON file."""

from __future__ import annotations

import csv
from dataclasses import asdict
from io import StringIO
from typing import TYPE_CHECKING, Any, Final

from hil.record import analysis_to_dict
from hil.record.storage import to_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from hil.export.entries import Entry

VERSION: Final = 1
"""Of the JSON file; it counts up where a key changes its meaning or goes."""
_METRICS: Final = ("test", "capture", "key", "title", "value", "unit", "uncertainty", "state", "method")
_VERDICTS: Final = (
    *("test", "capture", "key", "criterion", "value", "unit", "uncertainty", "limit", "low", "high"),
    *("margin", "outcome", "reason", "required", "clause", "source", "confidence"),
)


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


def everything_json(entries: Sequence[Entry]) -> bytes:
    """Return run, metrics and verdicts of all; what is missing is null."""
    tests = [
        {
            "test": entry.test,
            "record": entry.record.name,
            "manifest_sha256": entry.manifest,
            "findings": [str(finding) for finding in entry.findings],
            "outcome": entry.outcome.value,
            "run": entry.record.run,
            "captures": [
                {
                    "capture": event.name,
                    "parameters": event.parameters,
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
