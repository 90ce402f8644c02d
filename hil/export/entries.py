"""What is exported: the records in a folder, which is one itself, or a campaign with one per test."""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hil.compliance.verdict import overall
from hil.errors import FormatError
from hil.record import open_record, verify
from hil.record.manifest import MANIFEST

if TYPE_CHECKING:
    from hil.compliance.verdict import Outcome
    from hil.record import Event, Finding, Record

HARMLESS: Final = ("unsealed", "alone")
"""Kinds of findings that are told and keep nobody from exporting: no byte is other than it was sealed."""


@dataclass(frozen=True)
class Entry:
    """One test: its record, what was found in it, and what vouches for it."""

    test: str
    """Name that stays from run to run: that of the sequence, or of the test in its campaign."""
    captures: str
    """Where its captures go in an export."""
    record: Record
    events: tuple[Event, ...]
    manifest: str | None
    """SHA-256 of the manifest that closes it, None where it is not sealed."""
    findings: tuple[Finding, ...]
    """What is wrong with the record."""

    @property
    def outcome(self) -> Outcome:
        """How the test came out."""
        return overall([verdict for event in self.events for verdict in event.verdicts])


def open_entries(path: str | Path, *, anyway: bool = False) -> tuple[Entry, ...]:
    """Return the records in a folder, verified.

    Raises `FormatError` where one is not as it was sealed, unless `anyway`.
    """
    folder = Path(path).absolute()
    records = _records(folder)
    if not records:
        raise FormatError(f"{path} is not a record: neither it nor a folder in it holds a run.json")
    closed = [folder] if (folder / MANIFEST).is_file() else records  # a campaign may be closed as a whole
    findings = {place: tuple(verify(place)) for place in closed}
    broken = [(place, f) for place, found in findings.items() for f in found if f.kind not in HARMLESS]
    if broken and not anyway:
        place, first = broken[0]
        others = f", as are {len(broken) - 1} more" if len(broken) > 1 else ""
        raise FormatError(
            f"{place / first.file} is not as it was sealed{others} ({first.kind}: {first.text}); "
            "`hil verify` shows all, --anyway exports what is there"
        )
    return tuple(
        _entry(record, record if record in findings else folder, findings, alone=record == folder)
        for record in records
    )


def _entry(folder: Path, closed: Path, findings: dict[Path, tuple[Finding, ...]], *, alone: bool) -> Entry:
    """Return one record; `closed` is the folder whose manifest covers it."""
    record = open_record(folder)
    manifest = closed / MANIFEST
    return Entry(
        test=str(record.run["sequence"]) if alone else folder.name,
        captures="captures" if alone else f"{folder.name}/captures",
        record=record,
        events=record.events(),
        manifest=sha256(manifest.read_bytes()).hexdigest() if manifest.is_file() else None,
        findings=findings[closed],
    )


def _records(folder: Path) -> list[Path]:
    """Return the record in a folder, or those of a campaign's tests, or of a folder of records."""
    if not (folder / "run.json").is_file():
        return _parts(folder)
    campaign = open_record(folder)
    tests = [own.folder for _, own in campaign.tests() if own is not None]
    return tests if "tests" in campaign.run else [folder]


def _parts(folder: Path) -> list[Path]:
    """Return the records in a folder, T2 before T10."""

    def order(part: Path) -> list[int | str]:  # texts and numbers take turns
        return [int(word) if word.isdecimal() else word for word in re.split(r"(\d+)", part.name)]

    return sorted((path.parent for path in folder.glob("*/run.json")), key=order)
