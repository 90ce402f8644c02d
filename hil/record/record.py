"""A record: one self-contained folder per run.

    run.json           what was run, on what, from when to when, how it ended, proof that it is safe
    sequence.json      its stages and steps, as rehearsed
    bench.toml         the bench file as it was; criteria.toml and envelope.toml likewise
    commands.jsonl     every exchange with every instrument
    captures/          raw samples as acquired
    certificates.json  what turns them into volts and amperes
    metrics.json       results of each capture; series.npz holds their arrays
    verdicts.json      what was asked, and how it came out
    report.html        for people
    manifest.json      SHA-256 of all of these, written last

A folder without a manifest is a run that crashed; what is in it can still be read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence  # noqa: TC003 - dataclass fields name them at run time
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path, PurePosixPath
from typing import Any

from hil.compliance.verdict import Verdict, overall
from hil.errors import ConfigError, FormatError
from hil.record.events import Event, analysis_arrays, analysis_from_dict, analysis_to_dict, pack, unpack
from hil.record.manifest import MANIFEST, seal
from hil.record.storage import from_json, refused, to_json, write


class RecordWriter:
    """Writes one record; its folder is there from the start, so that a crash leaves what it had."""

    def __init__(self, root: str | Path, sequence: str, folder: str = "") -> None:
        if re.fullmatch(r"[A-Za-z0-9_-]+", sequence) is None:
            raise ConfigError(
                f"record: sequence {sequence!r} cannot name a folder; use letters, digits, _ and -"
            )
        started = datetime.now(UTC)
        base = Path(root) / (folder or f"{started:%Y%m%dT%H%M%SZ}_{sequence}")
        for number in count(1):
            self.folder = base if number == 1 else base.with_name(f"{base.name}_{number}")
            try:
                self.folder.mkdir(parents=True)
                break
            except FileExistsError:
                continue
            except OSError as error:
                raise refused(self.folder, error) from error
        started_text = started.isoformat(timespec="seconds")
        self.write_json("run.json", {"sequence": sequence, "started": started_text, "end": "running"})

    def path(self, name: str) -> Path:
        """Return where a file of the record belongs, such as "captures/sag_abc.h5"; its folder is made."""
        relative = PurePosixPath(name)
        if relative.is_absolute() or ".." in relative.parts or not relative.parts or name == MANIFEST:
            raise ConfigError(f"record: {name!r} cannot name a file in {self.folder}")
        path = self.folder / relative
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise refused(path, error) from error
        return path

    def write_json(self, name: str, value: object) -> None:
        """Write one JSON file; NaN is refused."""
        write(self.path(name), to_json(name, value))

    def write_text(self, name: str, text: str) -> None:
        """Write one text file, such as the report."""
        write(self.path(name), text.encode())

    def write_events(self, events: Sequence[Event]) -> None:
        """Write what was found and judged in the captures."""
        for name, data in event_files(events).items():
            write(self.path(name), data)

    def seal(self) -> str:
        """Write the manifest, which closes the record, and return its SHA-256."""
        return seal(self.folder)


def event_files(events: Sequence[Event]) -> dict[str, bytes]:
    """Return the files that say what was found and judged; the same events give the same bytes."""
    arrays = {
        f"{event.name}/{name}": array
        for event in events
        for name, array in analysis_arrays(event.analysis).items()
    }
    verdicts = [verdict for event in events for verdict in event.verdicts]
    judged = {
        event.name: {
            "parameters": dict(event.parameters),
            "verdicts": [verdict.to_dict() for verdict in event.verdicts],
        }
        for event in events
    }
    metrics = {event.name: analysis_to_dict(event.analysis) for event in events}
    return {
        "metrics.json": to_json("metrics.json", metrics),
        "series.npz": pack(arrays),
        "verdicts.json": to_json("verdicts.json", {"overall": overall(verdicts).value, "captures": judged}),
    }


@dataclass(frozen=True)
class Record:
    """A record as it is on disk; reading it changes nothing."""

    folder: Path
    run: Mapping[str, Any]
    """Content of run.json."""

    @property
    def name(self) -> str:
        """Name of the record's folder."""
        return self.folder.name

    @property
    def sealed(self) -> bool:
        """True where the record was closed; False after a crash."""
        return (self.folder / MANIFEST).is_file()

    @property
    def captures(self) -> tuple[Path, ...]:
        """Files with raw samples."""
        return tuple(sorted((self.folder / "captures").glob("*")))

    def certificates(self) -> Any:
        """Return what certificates.json holds, an empty mapping where there is none."""
        path = self.folder / "certificates.json"
        return from_json(path) if path.is_file() else {}

    def commands(self) -> tuple[Mapping[str, Any], ...]:
        """Return the command log; a line that a crash tore is left out."""
        path = self.folder / "commands.jsonl"
        lines = path.read_text("utf-8", "replace").split("\n") if path.is_file() else []
        entries = []
        for line in lines:
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            if isinstance(entry, dict):
                entries.append(entry)
        return tuple(entries)

    def matrix(self) -> list[dict[str, Any]]:
        """Return the requirement matrix of a campaign's record, none where there is none."""
        path = self.folder / "matrix.json"
        return list(from_json(path)) if path.is_file() else []

    def tests(self) -> tuple[tuple[Mapping[str, Any], Record | None], ...]:
        """Return the tests of a campaign's record: what came of each, and its own record where it has one."""
        try:
            folders = [(test, test["folder"]) for test in self.run.get("tests", ())]
        except (KeyError, TypeError) as error:
            raise FormatError(f"{self.folder}: run.json does not say where tests are: {error!r}") from error
        return tuple((test, open_record(self.folder / name) if name else None) for test, name in folders)

    def events(self) -> tuple[Event, ...]:
        """Return what was found and judged, none where the run ended before its analysis."""
        if not (self.folder / "metrics.json").is_file():
            return ()
        metrics = from_json(self.folder / "metrics.json")
        judged = from_json(self.folder / "verdicts.json")
        arrays = unpack(self.folder / "series.npz")
        try:
            return tuple(
                Event(
                    name,
                    judged["captures"][name]["parameters"],
                    analysis_from_dict(found, _of(name, arrays)),
                    tuple(Verdict.from_dict(row) for row in judged["captures"][name]["verdicts"]),
                )
                for name, found in metrics.items()
            )
        except (AttributeError, KeyError, TypeError) as error:
            raise FormatError(
                f"{self.folder}: metrics.json and verdicts.json do not match: {error!r}"
            ) from error


def open_record(path: str | Path) -> Record:
    """Return the record in a folder."""
    folder = Path(path).absolute()
    if not (folder / "run.json").is_file():
        raise FormatError(f"{path} is not a record: it is not a folder with a run.json in it")
    run = from_json(folder / "run.json")
    if not isinstance(run, dict) or "sequence" not in run:
        raise FormatError(
            f"{folder / 'run.json'} does not name a sequence; `hil verify` shows what was changed"
        )
    return Record(folder, run)


def _of(name: str, arrays: Mapping[str, Any]) -> dict[str, Any]:
    prefix = f"{name}/"
    return {key.removeprefix(prefix): array for key, array in arrays.items() if key.startswith(prefix)}
