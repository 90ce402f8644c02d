"""Captures of a record in SI units, as COMTRADE and CSV.

In single precision, as the inputs were stored: both formats hold the same numbers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from hil.analysis.survey import trigger_time
from hil.capture.atomic import appearing
from hil.capture.blocklog import open_block_log, scan_block_log
from hil.capture.comtrade_write import write_comtrade
from hil.capture.sealed import open_sealed, read_sealed_metadata
from hil.capture.write import write
from hil.export.tables import READINGS, readings_csv
from hil.recording import SUFFIX, read_readings
from hil.table import resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from hil.record import Record
    from hil.waveform import Channel, Waveform

    Tell = Callable[[float], None]

_SUFFIXES: Final = (".blk", ".h5")


@dataclass(frozen=True, eq=False)
class InSi:
    """A capture of ours, corrected as its parts are asked for. Implements `hil.waveform.Capture`."""

    load: Callable[[int, int], Waveform]
    """Return the corrected samples first .. last - 1, in the recorder's time."""
    samples: int
    """Samples per channel."""
    channels: tuple[Channel, ...]
    rate: float
    """[Hz]"""
    start: float
    """[s]"""
    history: tuple[str, ...]
    source: str
    stated_frequency: float | None
    """[Hz]"""
    zero: float = 0.0
    """Recorder's time of the trigger [s]."""
    triggered: bool = False

    def __len__(self) -> int:
        """Return the number of samples per channel."""
        return self.samples

    def part(self, first: int, last: int) -> Waveform:
        """Return the samples first .. last - 1 (indices, clipped to the record)."""
        found = self.load(first, last)
        return replace(found, start=found.start - self.zero, triggered=self.triggered)


@dataclass(frozen=True, slots=True)
class About:
    """What a capture says beside its samples."""

    complete: bool
    began: datetime | None
    """When the recorder was started, None where it does not say."""
    corrections: Mapping[str, Any] | None
    """Certificate and range by channel name, None for what a model gave, which is in SI units."""

    @classmethod
    def of(cls, path: Path) -> About:
        """Return what is said in a sealed capture, or in a block log that was left."""
        if path.suffix == ".h5":
            found = read_sealed_metadata(path)
            complete, said, corrections = found["complete"], found["metadata"], found["corrections"]
        else:
            said = scan_block_log(path).header["metadata"]
            complete, corrections = False, said.get("corrections", {})
        began = None if "started" not in said else datetime.fromisoformat(said["started"])
        return cls(complete, began, None if said.get("model") else corrections)


def captures_of(record: Record) -> dict[str, Path]:
    """Return the file of each capture that holds samples, the block log where it was not sealed."""
    files = {path.stem: path for path in record.captures if path.suffix in _SUFFIXES}
    return {name: path for name, path in files.items() if path.suffix == ".h5" or scan_block_log(path).stored}


def to_comtrade(path: Path, frequency: float | None, target: Path, tell: Tell) -> None:
    """Write a capture to a .cfg and its .dat, with the time at which it was taken."""
    about = About.of(path)
    write_comtrade(_opened(path, about, frequency), target, began=about.began, progress=tell)


def readings_of(path: Path) -> Path | None:
    """Return the file of what instruments said during a capture, None where nobody was asked."""
    beside = path.with_name(f"{path.stem}{SUFFIX}")
    return beside if beside.is_file() else None


def to_csv(path: Path, frequency: float | None, target: Path, tell: Tell) -> None:
    """Write every sample of a capture to a .csv, and beside it the readings, on the same time axis."""
    capture = _opened(path, About.of(path), frequency)
    beside = readings_of(path)
    if beside is not None:
        with appearing(target.with_suffix(READINGS)) as (part,):
            part.write_bytes(readings_csv(read_readings(beside, capture.start)))
    write(capture, target, tell)


def _opened(path: Path, about: About, frequency: float | None) -> InSi:
    """Return a capture in SI units, time zero at its trigger; `frequency` is the nominal one [Hz]."""
    raw = open_block_log(path) if path.suffix == ".blk" else open_sealed(path)
    correct = _identity if about.corrections is None else _correction(about.corrections)

    def load(first: int, last: int) -> Waveform:
        found = correct(raw.part(first, last))
        return replace(found, samples=found.samples.astype(np.float32))

    head = load(0, 0)
    capture = InSi(load, len(raw), head.channels, head.rate, head.start, head.history, head.source, frequency)
    edge = trigger_time(capture)
    if edge is None:
        return capture
    return replace(capture, start=capture.start - edge, zero=edge, triggered=True)


def _identity(raw: Waveform) -> Waveform:
    return raw


def _correction(corrections: Mapping[str, Any]) -> Callable[[Waveform], Waveform]:
    """Return what turns volts at the inputs into what was there."""
    correct, load = resolve("hil.calibration", "correct"), resolve("hil.calibration", "from_dict")
    certificates = {name: load(entry["certificate"]) for name, entry in corrections.items()}
    ranges = {name: entry["range"] for name, entry in corrections.items()}
    return lambda raw: correct(raw, certificates, ranges)
