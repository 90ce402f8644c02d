"""Writes a record, or a campaign of them, in the formats asked for: all files of it, or none."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Literal

from hil.capture.atomic import appearing
from hil.errors import ConfigError, FormatError, StorageError
from hil.export.captures import About, captures_of, readings_of, to_comtrade, to_csv
from hil.export.entries import open_entries
from hil.export.junit import junit_xml
from hil.export.tables import READINGS, everything_json, metrics_csv, verdicts_csv

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from hil.export.entries import Entry

    Tell = Callable[[float], None]

Kind = Literal["comtrade", "csv", "junit", "json"]


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export has written."""

    folder: Path
    files: tuple[Path, ...]
    warnings: tuple[str, ...]
    """What whoever hands the files over must know."""


@dataclass(frozen=True, slots=True)
class _Job:
    """Some files that are written together."""

    files: tuple[str, ...]
    """As seen from the folder of the export; the first one is what `write` is given."""
    write: Callable[[Path, Tell], None]


def export(
    path: str | Path,
    kinds: Sequence[Kind],
    out: str | Path | None = None,
    *,
    anyway: bool = False,
    progress: Tell = lambda _: None,
) -> Exported:
    """Write what a record or a campaign holds, in some formats; it is verified first.

    Captures are corrected, in SI units, with time zero at the trigger. By default the files go
    beside the record, into RECORD_export. A file that exists is never overwritten, and a sealed
    record is never written into. `anyway` exports a record that is not as it was sealed.
    """
    source = Path(path).absolute()
    folder = Path(out).absolute() if out is not None else source.with_name(f"{source.name}_export")
    _refuse_record(folder, source)
    entries = open_entries(source, anyway=anyway)
    jobs = list(_jobs(entries, kinds))
    warnings = tuple(dict.fromkeys(_warnings(entries, kinds)))  # tests may share their campaign's
    files = tuple(folder / name for job in jobs for name in job.files)
    if not files:
        raise FormatError(f"{path} holds no captured sample; there is nothing to write")
    for file in files:
        if file.exists():
            raise ConfigError(f"{file} is there already; remove it, or choose another folder with --out")
    with _staged(folder, files) as staging:
        for done, job in enumerate(jobs):
            target = staging / job.files[0]
            target.parent.mkdir(parents=True, exist_ok=True)
            job.write(target, lambda share, done=done: progress((done + share) / len(jobs)))  # type: ignore[misc] # mypy cannot infer a default
    return Exported(folder, files, warnings)


def _jobs(entries: Sequence[Entry], kinds: Sequence[Kind]) -> Iterator[_Job]:
    readings: list[str] = []
    for entry in entries:
        frequency = entry.record.run.get("nominal", {}).get("frequency")
        for name, path in captures_of(entry.record).items():
            if "comtrade" in kinds:
                files = (f"{entry.captures}/{name}.cfg", f"{entry.captures}/{name}.dat")
                yield _Job(files, partial(to_comtrade, path, frequency))
            if "csv" in kinds:
                said = [] if readings_of(path) is None else [f"{entry.captures}/{name}{READINGS}"]
                readings += said
                yield _Job((f"{entry.captures}/{name}.csv", *said), partial(to_csv, path, frequency))
    for kind, name, render in (
        ("csv", "metrics.csv", metrics_csv),
        ("csv", "verdicts.csv", verdicts_csv),
        ("junit", "junit.xml", junit_xml),
        ("json", "export.json", partial(everything_json, readings=readings)),
    ):
        if kind in kinds:
            yield _Job((name,), partial(_write, render(entries)))


def _write(data: bytes, target: Path, tell: Tell) -> None:
    with appearing(target) as parts:
        parts[0].write_bytes(data)
    tell(1.0)


def _warnings(entries: Sequence[Entry], kinds: Sequence[Kind]) -> Iterator[str]:
    for entry in entries:
        yield from (f"{entry.record.name}: {finding}" for finding in entry.findings)
        for name, path in captures_of(entry.record).items() if {"comtrade", "csv"} & {*kinds} else ():
            about = About.of(path)
            if not about.complete:
                yield f"{entry.record.name}: capture {name} is NOT complete"
            if about.began is None and "comtrade" in kinds:
                yield f"{entry.record.name}: capture {name} does not say when it began; COMTRADE says 1970"


def _refuse_record(folder: Path, source: Path) -> None:
    for place in (folder, *folder.parents):
        if place.resolve() == source.resolve() or (place / "run.json").exists():
            raise ConfigError(f"{folder} lies in the record {place.name}; choose another place with --out")


@contextmanager
def _staged(folder: Path, files: Sequence[Path]) -> Iterator[Path]:
    """Give a folder to write the files under; they get to their places together, or none does."""
    made = not folder.exists()
    placed: list[Path] = []
    staging = folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=".export_", dir=folder) as name:
            staging = Path(name)
            yield staging
            for file in files:
                file.parent.mkdir(parents=True, exist_ok=True)
                (staging / file.relative_to(folder)).replace(file)
                placed.append(file)
    except BaseException as error:
        for file in placed:
            file.unlink(missing_ok=True)
        if made:
            rmtree(folder, ignore_errors=True)
        if isinstance(error, OSError):
            text = str(error).replace(str(staging), str(folder))
            raise StorageError(f"nothing was exported: {text}") from None
        raise
