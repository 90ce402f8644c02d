"""Aggregation in time, IEC 61000-4-30:2015 class A, 4.4 to 4.7, 5.1 and 5.12.

10/12-cycle values become 150/180-cycle (3 s), 10 min and 2 h values: the square root of
the mean of their squares. Ticks of 10 min count from the begin of the record unless
the instant of one is known. Values here come in gapless intervals that run on through a
tick: the one under way there belongs to the 10 min that end, the next 10 min begin with
the interval after it. An interval that a dip, swell or interruption touches is flagged,
and so is every aggregate that holds it; spoilt intervals are left out of the mean.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from hil.analysis.event.dips import VoltageEvent

TICK: Final = 600.0
"""[s]"""
LACKING: Final = 1.0
"""How much of the 10 min may be missing at the ends of a record [s]."""


@dataclass(frozen=True, eq=False)
class Spans:
    """Which values, first .. last - 1, make up each aggregate."""

    first: NDArray[np.intp]
    last: NDArray[np.intp]
    begin: NDArray[np.float64]
    """[s]"""
    end: NDArray[np.float64]
    """[s]"""

    def __len__(self) -> int:
        """Return the number of aggregates."""
        return int(self.first.size)


def _ticks(begin: NDArray[np.float64], end: NDArray[np.float64], tick: float | None) -> NDArray[np.float64]:
    """Return the instants of all ticks from at or before the first interval to the end of the last [s]."""
    if not begin.size:
        return np.empty(0)
    origin = float(begin[0]) if tick is None else tick
    numbers = np.arange(np.floor((begin[0] - origin) / TICK), np.ceil((end[-1] - origin) / TICK) + 1)
    return origin + TICK * numbers


def short_spans(begin: NDArray[np.float64], end: NDArray[np.float64], *, tick: float | None = None) -> Spans:
    """Return the 150/180-cycle spans: fifteen intervals each, without a gap (4.5.3).

    begin, end: of the 10/12-cycle intervals [s]; tick: an instant of a 10 min tick [s]. A
    new one begins at each tick; that under way is finished, so the two overlap. The last
    one counts if it is complete.
    """
    starts = np.unique(np.searchsorted(begin, _ticks(begin, end, tick) - 1e-6))
    stops = np.append(starts[1:], begin.size)[: starts.size]
    first = np.concatenate(
        [np.empty(0, np.intp), *(np.arange(a, b, 15) for a, b in zip(starts, stops, strict=True))]
    ).astype(np.intp)
    first = first[first + 15 <= begin.size]
    return Spans(first, first + 15, begin[first], end[first + 14])


def long_spans(begin: NDArray[np.float64], end: NDArray[np.float64], *, tick: float | None = None) -> Spans:
    """Return the spans of 10 min from tick to tick that the record covers but for `LACKING` (4.5.4)."""
    ticks = _ticks(begin, end, tick)
    edges = np.searchsorted(begin, ticks - 1e-6)
    first, last = edges[:-1], edges[1:]
    kept = last > first
    first, last, ticks = first[kept], last[kept], ticks[:-1][kept]
    lacking = np.maximum(begin[first] - ticks, 0.0) + np.maximum(ticks + TICK - end[last - 1], 0.0)
    kept = lacking <= LACKING
    return Spans(first[kept], last[kept], ticks[kept], ticks[kept] + TICK)


def two_hours(ten_minutes: Spans, *, tick: float | None = None) -> Spans:
    """Return the spans of 2 h: twelve values of 10 min each, indices into those (4.5.5).

    tick: an instant of an even-hour tick [s]; without it they count from the first value.
    """
    if not len(ten_minutes):
        return ten_minutes
    number = (ten_minutes.begin - (ten_minutes.begin[0] if tick is None else tick)) / TICK
    period = np.floor(np.round(number) / 12).astype(np.intp)
    first = np.flatnonzero(np.diff(period, prepend=period[0] - 1))
    last = np.append(first[1:], period.size)
    kept = last - first == 12
    first, last = first[kept], last[kept]
    return Spans(first, last, ten_minutes.begin[first], ten_minutes.end[last - 1])


def aggregate(
    values: NDArray[Any], spans: Spans, good: NDArray[np.bool_] | None = None, *, squared: bool = True
) -> NDArray[np.float64]:
    """Return the root of the mean square over each span, shape (..., k) -> (..., spans) (4.4).

    good: shape (k,), which values count; NaN where none does. Not squared is the plain
    mean, for what has a sign.
    """
    weight = np.ones(values.shape[-1]) if good is None else good.astype(float)
    known = np.where(weight > 0, values, 0.0).astype(float)
    total = _sums(known * known if squared else known, spans)
    count = _sums(weight, spans)
    mean: NDArray[np.float64] = np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)
    if squared:
        np.sqrt(mean, out=mean)
    return mean


def touches(marked: NDArray[np.bool_], spans: Spans) -> NDArray[np.bool_]:
    """Say for each span whether one of its values is marked: flagged, or spoilt (4.7)."""
    return _sums(marked.astype(float), spans) > 0


def _sums(values: NDArray[np.float64], spans: Spans) -> NDArray[np.float64]:
    if not len(spans):
        return np.empty((*values.shape[:-1], 0))
    padded = np.concatenate([values, np.zeros((*values.shape[:-1], 1))], axis=-1)
    pairs = np.stack([spans.first, spans.last], axis=1).ravel()  # spans may overlap, and end at the end
    total: NDArray[np.float64] = np.add.reduceat(padded, pairs, axis=-1)[..., ::2]
    return total


def flags(
    begin: NDArray[np.float64], end: NDArray[np.float64], events: Sequence[VoltageEvent], cycle: float
) -> NDArray[np.bool_]:
    """Say which intervals a voltage event touches, shape (k,) (4.7).

    cycle: length of the Urms(1/2) window [s]: the disturbance that takes it across a
    threshold lies up to that long before its end, which stamps the event.
    """
    starts = np.array([event.start - cycle for event in events])
    stops = np.array([np.inf if event.end is None else event.end for event in events])
    first = np.searchsorted(end, starts, side="right")
    last = np.searchsorted(begin, stops, side="left")
    change = np.zeros(begin.size + 1)
    np.add.at(change, first, 1)
    np.add.at(change, np.maximum(first, last), -1)
    return np.cumsum(change[:-1]) > 0


def frequency_10s(
    ends: NDArray[np.float64],
    hertz: NDArray[np.float64],
    spoilt: NDArray[np.bool_],
    begin: float,
    length: float = 10.0,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the end of each 10 s from `begin` on and the frequency in it (5.1) [s, Hz].

    ends: half-cycle instants of the fundamental [s]; hertz: frequency about each. Whole
    cycles over their duration; a cycle that lies across a tick counts on neither side. NaN
    where half cycles are missing or spoilt, as with no voltage.
    """
    if ends.size < 3:
        return np.empty(0), np.empty(0)
    slack = 1.5 / float(np.nanmedian(hertz))  # a cycle, and what lies across a tick
    count = max(0, int((ends[-1] + slack - begin) // length))
    ticks = (begin + length * np.arange(count + 1)).astype(np.float64)
    first = np.minimum(np.searchsorted(ends, ticks[:-1] - 1e-9), ends.size - 1)
    last = np.maximum(np.searchsorted(ends, ticks[1:] + 1e-9) - 1, first)
    last -= (last - first) % 2
    cycles, whole = (last - first) // 2, ends[last] - ends[first]
    # A step between instants that is no half cycle: the count is not to be trusted.
    broken = ~(np.abs(np.diff(ends) * 2 * hertz[1:] - 1) < 0.25)
    bad = np.concatenate([[0], np.cumsum(broken | spoilt[1:])])
    good = (cycles > 0) & (bad[last] == bad[first])
    good &= (ends[first] - ticks[:-1] < 2 * slack) & (ticks[1:] - ends[last] < 2 * slack)
    mean: NDArray[np.float64] = np.divide(cycles, whole, out=np.full(count, np.nan), where=good)
    return ticks[1:], mean


def deviation(rms: NDArray[np.float64], declared: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return under- and over-deviation of 10/12-cycle voltages, shape (..., k) -> (...) [V] -> [%] (5.12)."""
    low, high = np.minimum(rms, declared), np.maximum(rms, declared)
    under: NDArray[np.float64] = 100 * (1 - np.sqrt((low**2).mean(axis=-1)) / declared)
    over: NDArray[np.float64] = 100 * (np.sqrt((high**2).mean(axis=-1)) / declared - 1)
    return under, over


def percentile(values: NDArray[np.float64], percent: float) -> NDArray[np.float64]:
    """Return the smallest value that `percent` of them do not exceed, shape (..., m) -> (...).

    No value in between is made up: it is the level that a limit on 95 % or 99 % is held
    against. NaN where one is not known.
    """
    level: NDArray[np.float64] = np.quantile(values, percent / 100, axis=-1, method="inverted_cdf")
    return level
