"""COMTRADE, IEEE C37.111 / IEC 60255-24, revisions 1991, 1999 and 2013: .cfg with .dat, and .cff.

An analog code x stands for a x + b in the unit of the channel; secondary values are brought to
the primary side. The line frequency that the file states is handed on and never relied on:
files that say 50 Hz over a 60 Hz waveform are about. Skew between channels is stated, not
corrected. What is marked as not valid: `hil.capture.comtrade_survey`.

A record may change its rate; a waveform has one, and resampling would invent samples. So the
sections of one rate are told apart: the longest is read, any other by its number ("rec.cfg#2"),
all on the time axis of the whole record.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from hil.capture.comtrade_data import BLOCK, samples_of, scale_of
from hil.capture.comtrade_files import binary_rows, find_record, text_rows
from hil.capture.comtrade_survey import stamps_of, survey
from hil.capture.guess import guess_channels, si_unit
from hil.capture.lazy import LazyCapture
from hil.capture.parsing import distinct, streamed_rate
from hil.errors import FormatError
from hil.waveform import Channel, Waveform

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from hil.capture.comtrade_cfg import Config
    from hil.capture.comtrade_data import Rows

_PLACES: Final = ("grid", "load")


def read_comtrade(path: str | Path, section: int | None = None) -> Waveform:
    """Return a COMTRADE record in memory, whichever of its files the path names.

    `section`: which of several sections of one rate each, counted from 1; the longest if None.
    """
    record = _Record.of(path, section, spool=False)
    scale = scale_of(record.config)
    n, channels = record.count, _channels(record.config)
    try:
        samples = np.zeros((len(channels), n), scale.a.dtype)
    except (MemoryError, ValueError):
        raise FormatError(
            f"{record.where}: {len(channels)} channels of {n} samples do not fit into memory; "
            "open it in parts (open_capture)"
        ) from None
    found = survey(record.rows, n, record.config, scale, record.rate, samples)
    valid = None
    if found.spoilt.size:
        valid = np.ones(n, np.bool_)
        valid[found.spoilt] = False
    return Waveform(
        samples=samples,
        channels=channels,
        rate=record.rate,
        start=record.start,
        triggered=record.triggered,
        valid=valid,
        history=(*record.history, *found.notes),
        source=record.name,
        stated_frequency=record.config.frequency,
    )


def open_comtrade(path: str | Path, section: int | None = None) -> LazyCapture:
    """Return a COMTRADE record as a capture whose parts are read from the file when asked for.

    Opening it takes one pass over the data, for the time stamps and for clipped samples. Text is
    unpacked into a temporary file meanwhile, which is gone with the capture.
    """
    record = _Record.of(path, section, spool=True)
    scale = scale_of(record.config)
    found = survey(record.rows, record.count, record.config, scale, record.rate)

    def good(first: int, last: int) -> NDArray[np.bool_]:
        mask = np.ones(last - first, np.bool_)
        begin, end = np.searchsorted(found.spoilt, (first, last))
        mask[found.spoilt[begin:end] - first] = False
        return mask

    return LazyCapture(
        channels=_channels(record.config),
        rate=record.rate,
        samples=record.count,
        load=lambda first, last: samples_of(record.rows, scale, first, last),
        start=record.start,
        triggered=record.triggered,
        history=(*record.history, *found.notes),
        source=record.name,
        stated_frequency=record.config.frequency,
        good=good,
    )


@dataclass(frozen=True, eq=False)
class _Record:
    """One section of a record, found and timed, not yet scaled."""

    name: str
    where: str
    config: Config
    rows: Rows
    count: int
    rate: float
    start: float
    triggered: bool
    history: tuple[str, ...]

    @classmethod
    def of(cls, path: str | Path, number: int | None, *, spool: bool) -> _Record:
        path = Path(path)
        config, data = find_record(path)
        rows = text_rows(config, data, spool=spool) if config.kind == "ASCII" else binary_rows(config, data)
        sections = config.sections
        if number is not None and not 1 <= number <= len(sections):
            raise FormatError(
                f"{path}: there is no section {number}; it has {len(sections)}, numbered from 1"
            )
        index = max(range(len(sections)), key=lambda i: sections[i].end - sections[i].first)
        index = index if number is None else number - 1
        first, count = sections[index].first, sections[index].end - sections[index].first
        starts = _starts(config, rows)
        rate = sections[index].rate
        if rate is None:
            rate = streamed_rate(lambda: _times(config, rows), count, data.where, quantum=config.stamp_unit)
        end = starts[-1] + (config.count - sections[-1].first) / (sections[-1].rate or rate)
        trigger = config.trigger if config.trigger is not None and 0 < config.trigger < end else 0.0
        history = [f"read {path.name} (COMTRADE {config.kind})"]
        name = path.name
        if len(sections) > 1:
            name = f"{path.name}#{index + 1}"
            listed = ", ".join(
                f"#{i + 1} samples {s.first + 1}-{s.end} at {s.rate:g} S/s" for i, s in enumerate(sections)
            )
            history.append(
                f"the sampling rate changes ({listed}): this is section #{index + 1}, not resampled"
            )
        skew = max((abs(c.skew) for c in config.analogs), default=0.0)
        if skew:
            history.append(f"channel skew of up to {skew * 1e6:g} us is stated and not corrected")
        return cls(
            name,
            data.where,
            config,
            lambda a, b: rows(first + a, first + b),
            count,
            rate,
            starts[index] - trigger,
            trigger > 0,
            tuple(history),
        )


def _times(config: Config, rows: Rows) -> Iterator[NDArray[np.float64]]:
    """Yield the time stamps [s] of a record that states no rate."""
    for first in range(0, config.count, BLOCK):
        stamps = rows(first, min(first + BLOCK, config.count))["stamp"].astype(float)
        yield stamps * config.stamp_unit


def _starts(config: Config, rows: Rows) -> list[float]:
    """Return when each section begins, after the first sample [s].

    By the time stamps where they advance at the stated rate: recorders pause between sections.
    """
    starts = [0.0]
    for before, section in zip(config.sections, config.sections[1:], strict=False):
        assert before.rate is not None
        assert section.rate is not None
        stamps = stamps_of(rows(section.first - 1, min(section.first + 2, config.count)))
        steps = np.diff(stamps) * config.stamp_unit
        plausible = (
            steps.size > 1
            and abs(steps[1] * section.rate - 1) < 0.05
            and steps[0] < 2**31 * config.stamp_unit
        )
        gap = steps[0] if plausible and steps[0] * max(before.rate, section.rate) > 0.95 else 1 / section.rate
        starts.append(starts[-1] + (section.first - 1 - before.first) / before.rate + float(gap))
    return starts


def _channels(config: Config) -> tuple[Channel, ...]:
    names = distinct([*(c.name for c in config.analogs), *config.digitals])
    na = len(config.analogs)
    analogs = guess_channels(
        names[:na], [si_unit(c.unit)[1] for c in config.analogs], [c.phase for c in config.analogs]
    )
    placed = [
        replace(c, place=a.circuit.lower()) if a.circuit.lower() in _PLACES else c
        for c, a in zip(analogs, config.analogs, strict=True)
    ]
    levels = (
        c if c.quantity == "trigger" else Channel(c.name, "", "other")
        for c in guess_channels(names[na:], [""] * (len(names) - na))
    )
    return (*placed, *levels)
