"""What is exported: the records in a folder, which is one itself, or a campaign with one per test."""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from hil.compliance.verdict import Outcome, overall
from hil.errors import FormatError
from hil.record import Record, open_record, verify
from hil.record.manifest import MANIFEST

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hil.record import Event, Finding

HARMLESS: Final = ("unsealed", "alone")
"""Kinds of findings that are told and keep nobody from exporting: no byte is other than it was sealed."""
SHARED: Final = ("bench", "simulated", "flaws", "seed", "nominal", "started", "versions", "platform")
"""What a campaign says of itself that holds for each of its tests."""


@dataclass(frozen=True)
class Entry:
    """One test: its record, what was found in it, and what vouches for it."""

    test: str
    """Name that stays from run to run: that of the sequence, or of the test in its campaign."""
    captures: str
    """Where its captures go in an export."""
    record: Record
    """Its own; where it has none, its campaign's, as far as that speaks of it."""
    conducted: bool
    """False where it has no record of its own: it was not run, or broke off before."""
    events: tuple[Event, ...]
    manifest: str | None
    """SHA-256 of the manifest that closes it, None where it is not sealed."""
    findings: tuple[Finding, ...]
    """What is wrong with the record."""
    outcome: Outcome
    """How the test came out; in a campaign, as that says."""
    reason: str
    """Why its campaign did not run it, or what broke it off; else empty."""


def open_entries(path: str | Path, *, anyway: bool = False) -> tuple[Entry, ...]:
    """Return the records in a folder, verified.

    Raises `FormatError` where one is not as it was sealed, unless `anyway`.
    """
    folder = Path(path).absolute()
    tests = _tests(folder)
    if not tests:
        raise FormatError(f"{path} is not a record: neither it nor a folder in it holds a run.json")
    whole = (folder / MANIFEST).is_file()  # a campaign may be closed as a whole
    closed = [folder] if whole else dict.fromkeys(record.folder for _, record, _ in tests)
    findings = {place: tuple(verify(place)) for place in closed}
    broken = [(place, f) for place, found in findings.items() for f in found if f.kind not in HARMLESS]
    if broken and not anyway:
        place, first = broken[0]
        others = f", as are {len(broken) - 1} more" if len(broken) > 1 else ""
        raise FormatError(
            f"{place / first.file} is not as it was sealed{others} ({first.kind}: {first.text}); "
            "`hil verify` shows all, --anyway exports what is there"
        )
    return tuple(_entry(test, record, said, folder, findings) for test, record, said in tests)


def _entry(
    test: str,
    record: Record,
    said: Mapping[str, Any] | None,
    folder: Path,
    findings: Mapping[Path, tuple[Finding, ...]],
) -> Entry:
    """Return one test; `said` is what its campaign says of it, `findings` are by closed folder."""
    closed = record.folder if record.folder in findings else folder
    manifest = closed / MANIFEST
    events = record.events()
    judged = overall([verdict for event in events for verdict in event.verdicts])
    return Entry(
        test=test,
        captures="captures" if record.folder == folder else f"{test}/captures",
        record=record,
        conducted=said is None or record.folder != folder,
        events=events,
        manifest=sha256(manifest.read_bytes()).hexdigest() if manifest.is_file() else None,
        findings=findings[closed],
        outcome=judged if said is None else Outcome(said["outcome"]),
        reason="" if said is None else said["reason"],
    )


def _tests(folder: Path) -> Sequence[tuple[str, Record, Mapping[str, Any] | None]]:
    """Return the record in a folder and those in it, or those of a campaign's tests.

    Each has its name before it, and after it what the campaign says of it.
    """
    parts = [(part.name, open_record(part), None) for part in _parts(folder)]
    if not (folder / "run.json").is_file():
        return parts
    whole = open_record(folder)
    if "tests" not in whole.run:  # a campaign that was killed does not know its tests
        return [(str(whole.run["sequence"]), whole, None), *parts]
    return [(test["id"], own or _told(whole, test), test) for test, own in whole.tests()]


def _told(campaign: Record, test: Mapping[str, Any]) -> Record:
    """Return a campaign's record, as far as it speaks of a test that has none."""
    shared = {name: campaign.run[name] for name in SHARED if name in campaign.run}
    return Record(campaign.folder, {"sequence": test["sequence"], "title": test["title"], **shared})


def _parts(folder: Path) -> list[Path]:
    """Return the records in a folder, T2 before T10."""

    def order(part: Path) -> list[int | str]:  # texts and numbers take turns
        return [int(word) if word.isdecimal() else word for word in re.split(r"(\d+)", part.name)]

    return sorted((path.parent for path in folder.glob("*/run.json")), key=order)
