"""The configuration half of COMTRADE: what a .cfg says, line by line, revisions 1991, 1999 and 2013."""

from __future__ import annotations

import datetime as dt
import math
import re
from dataclasses import dataclass
from typing import Final, NamedTuple

from hil.errors import FormatError

KINDS: Final = ("ASCII", "BINARY", "BINARY32", "FLOAT32")


class Analog(NamedTuple):
    """One analog channel: value = (a x + b) ratio."""

    name: str
    phase: str
    unit: str
    a: float
    b: float
    low: float
    high: float
    """Range of codes that the file announces; in ASCII it decides whether 99999 is a value."""
    ratio: float
    """Primary over secondary where the values are secondary, else 1."""
    skew: float
    """Time by which it is sampled late; stated, not corrected [s]."""
    circuit: str
    """Circuit component being monitored, free text."""


class Section(NamedTuple):
    """Consecutive samples at one rate."""

    rate: float | None
    """Samples per second [Hz]; None where only the time stamps tell."""
    first: int
    end: int
    """Index of its first sample, and of the first after it."""


@dataclass(frozen=True)
class Config:
    """A .cfg file, read."""

    analogs: tuple[Analog, ...]
    digitals: tuple[str, ...]
    frequency: float | None
    sections: tuple[Section, ...]
    """In order, without a gap; neighbours differ in rate."""
    trigger: float | None
    """Time of the trigger after the first sample [s]; None where the stamps are unreadable."""
    kind: str
    revision: str
    """"1991", "1999" (or "2001") or "2013"."""
    stamp_unit: float
    """What one count of a sample's time stamp stands for [s]."""

    @property
    def count(self) -> int:
        """Number of samples."""
        return self.sections[-1].end


class _Lines:
    """Walks down the file and says where something is wrong."""

    def __init__(self, text: str, where: str) -> None:
        # not splitlines: in an old code page a letter may look like a line break of Unicode
        self._lines = re.split(r"\r\n|\n|\r", text.replace("\x1a", "").rstrip())
        self._where = where
        self._at = 0

    def next(self, what: str, fewest: int = 1) -> list[str]:
        if self._at >= len(self._lines):
            raise FormatError(
                f"{self._where}: ends after line {self._at}, before the {what}; copy the file again"
            )
        cells = [cell.strip() for cell in self._lines[self._at].split(",")]
        self._at += 1
        if len(cells) < fewest:
            raise self.error(f"the {what} has {len(cells)} fields, at least {fewest} are needed")
        return cells

    def optional(self) -> str:
        text = self._lines[self._at] if self._at < len(self._lines) else ""
        self._at += 1
        return text.strip()

    def error(self, message: str) -> FormatError:
        return FormatError(f"{self._where}, line {self._at}: {message}; correct the file or export it again")

    def number(self, text: str, what: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value) or "_" in text:  # Python alone reads 1_000
            raise self.error(f"the {what} is {text[:40]!r}, not a number")
        return value

    def count(self, text: str, what: str) -> int:
        value = self.number(text, what)
        if value < 0 or value != int(value):
            raise self.error(f"the {what} is {text[:40]!r}, not a count")
        return int(value)


def parse_cfg(text: str, where: str) -> Config:
    """Return what a .cfg says, or raise a `FormatError` that names the line."""
    lines = _Lines(text, where)
    title = lines.next("station line")
    revision = title[-1] if len(title) > 2 and title[-1] in {"1999", "2001", "2013"} else "1991"
    analog_count, digital_count = _channel_counts(lines)
    analogs = tuple(_analog(lines, i + 1) for i in range(analog_count))
    digitals = tuple(
        lines.next(f"line of digital channel {i + 1}", 2)[1] or f"D{i + 1}" for i in range(digital_count)
    )
    frequency = lines.next("line frequency")[0]
    stated = lines.number(frequency, "line frequency") if frequency else 0.0
    sections = _sections(lines)
    start, fine = _stamp(lines.next("time of the first sample"), revision)
    trigger, _ = _stamp(lines.next("time of the trigger"), revision)
    kind = lines.next("file type")[0].upper()
    if kind not in KINDS:
        raise lines.error(f"the file type is {kind[:40]!r}, known are {', '.join(KINDS)}")
    factor = lines.optional() if revision != "1991" else ""
    multiplier = lines.number(factor, "time stamp multiplier") if factor else 1.0
    if multiplier <= 0:
        raise lines.error(f"the time stamp multiplier is {factor!r}, not positive")
    return Config(
        analogs=analogs,
        digitals=digitals,
        frequency=stated if stated > 0 else None,
        sections=sections,
        trigger=None if start is None or trigger is None else (trigger - start) * 1e-9,
        kind=kind,
        revision=revision,
        stamp_unit=multiplier * (1e-9 if fine else 1e-6),
    )


def _channel_counts(lines: _Lines) -> tuple[int, int]:
    cells = lines.next("number of channels", 3)
    total, analog, digital = cells[:3]
    if not (analog.upper().endswith("A") and digital.upper().endswith("D")):
        raise lines.error(f'the channel counts are "{analog},{digital}", expected such as "6A,2D"')
    counts = (
        lines.count(analog[:-1], "number of analog channels"),
        lines.count(digital[:-1], "number of digital channels"),
    )
    if lines.count(total, "number of channels") != sum(counts):
        raise lines.error(
            f"{total} channels are announced, {counts[0]} analog + {counts[1]} digital are listed"
        )
    if not sum(counts):
        raise lines.error("no channels are announced")
    return counts


def _analog(lines: _Lines, number: int) -> Analog:
    cells = lines.next(f"line of analog channel {number}", 10)
    ratio = 1.0
    if len(cells) >= 13 and cells[12].upper() == "S":  # 1991 does not say which side: taken as it stands
        primary, secondary = (lines.number(cells[i], f"ratio of channel {number}") for i in (10, 11))
        if primary <= 0 or secondary <= 0:
            raise lines.error(f"the ratio of channel {number} is {cells[10]}:{cells[11]}, not positive")
        ratio = primary / secondary
    return Analog(
        name=" ".join(cells[1].split()) or f"A{number}",
        phase=cells[2],
        unit=cells[4],
        a=lines.number(cells[5], f"multiplier of channel {number}"),
        b=lines.number(cells[6], f"offset of channel {number}"),
        low=lines.number(cells[8] or "0", f"minimum of channel {number}"),
        high=lines.number(cells[9] or "0", f"maximum of channel {number}"),
        ratio=ratio,
        skew=lines.number(cells[7] or "0", f"skew of channel {number}") * 1e-6,
        circuit=cells[3],
    )


def _sections(lines: _Lines) -> tuple[Section, ...]:
    """Return the samples by rate, neighbours of one rate joined; a rate of 0 means that the stamps tell."""
    count = lines.count(lines.next("number of sampling rates")[0], "number of sampling rates")
    sections: list[Section] = []
    for _ in range(max(count, 1)):  # "0 rates" is followed by one line all the same
        rate, end = lines.next("sampling rate", 2)[:2]
        value, stop = lines.number(rate, "sampling rate"), lines.count(end, "last sample")
        before = sections[-1] if sections else Section(None, 0, 0)
        if value < 0 or stop <= before.end or (count > 1 and not value):
            raise lines.error(
                f'the sampling rate "{rate[:40]},{end[:40]}" is not positive or ends before it begins'
            )
        if sections and before.rate == value:
            sections[-1] = before._replace(end=stop)
        else:
            sections.append(Section(value if count and value else None, before.end, stop))
    return tuple(sections)


def _stamp(cells: list[str], revision: str) -> tuple[int | None, bool]:
    """Return a date and time in nanoseconds, None where unreadable, and whether it is written in them."""
    try:
        first, second, year = (int(part) for part in cells[0].split("/"))
        day, month = (second, first) if revision == "1991" else (first, second)
        if month > 12:  # some recorders write the order of another revision
            day, month = month, day
        century = 0 if year > 99 else 1900 if year > 69 else 2000
        hours, minutes, seconds = cells[1].split(":")
        whole, _, fraction = seconds.partition(".")
        days = dt.date(year + century, month, day).toordinal()
        time = ((days * 24 + int(hours)) * 60 + int(minutes)) * 60 + int(whole)
        return time * 1_000_000_000 + int(fraction.ljust(9, "0")[:9]), len(fraction) > 6
    except (ValueError, IndexError, OverflowError):
        return None, False
