"""What it takes to read the power quality of a capture: events, flags, and which intervals count."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from hil.analysis.event.dips import find_events, merge
from hil.analysis.quality import groups
from hil.analysis.quality.aggregation import flags
from hil.analysis.quality.unbalance import turns_back, unbalance
from hil.analysis.result import Result

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from hil.analysis.event.dips import VoltageEvent
    from hil.analysis.quality.values import Quality
    from hil.waveform import Channel

SECTION: Final = "Power quality"
UNKNOWN: Final = "not determinable"


@dataclass(frozen=True, eq=False)
class View:
    """The power quality of a capture, with what the results, tables and series share."""

    quality: Quality
    reference: float
    """Declared voltage, or the median of the live voltages; NaN where there is none [V]."""
    events: tuple[VoltageEvent, ...]
    flagged: NDArray[np.bool_]
    """Intervals that a voltage event touches, shape (k,)."""
    candidates: NDArray[np.bool_]
    """Intervals to take means over if all their samples are good, shape (k,)."""
    orders: int
    """Highest order of the distortion figures; below 2 there are none."""
    thds: NDArray[np.float64]
    """Of each interval, shape (channels, k) [%]."""
    sequences: tuple[tuple[str, NDArray[np.float64]], ...]
    """(key, share of the positive sequence in each interval [%]): "u2", "u0", "i2", "i0"."""
    turns_back: bool
    """True where the voltages turn a-c-b."""

    @property
    def channels(self) -> tuple[Channel, ...]:
        """Return the channels in the order of the intervals: voltages, then currents."""
        return (*self.quality.voltages, *self.quality.currents)

    @property
    def used(self) -> NDArray[np.bool_]:
        """Return which intervals the means are taken over, shape (k,)."""
        return self.candidates & ~self.quality.intervals.spoilt

    def mean(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """Return the root mean square over the used intervals, shape (k, ...) -> (...)."""
        level: NDArray[np.float64] = np.sqrt((values[self.used].astype(float) ** 2).mean(axis=0))
        return level

    def result(
        self,
        key: str,
        title: str,
        value: float | None,
        method: str,
        note: str = "",
        uncertainty: float | None = None,
    ) -> Result:
        """Return a mean over the used intervals as a result [%]; None where it could not be determined."""
        i, at = self.quality.intervals, np.flatnonzero(self.used)
        if value is None or not np.isfinite(value):
            lacking = "no fundamental" if at.size else f"no undisturbed interval of {i.cycles} cycles"
            note = note or lacking
            return Result(key, title, None, "%", state=UNKNOWN, method=method, note=note, section=SECTION)
        rest = i.begin.size - at.size
        taken = f"{at.size} intervals of {i.cycles} cycles, {rest} left out (event, later or missing samples)"
        note = f"{note}; {taken}" if note else taken
        valid = not i.spoilt[self.candidates].any()
        window = (float(i.begin[at[0]]), float(i.end[at[-1]]))
        return Result(key, title, value, "%", uncertainty, "ok", valid, window, method, note, SECTION)


def tail(channel: Channel) -> str:
    """Return what keys of a channel end in: "_a", "_grid_a", or nothing where it has neither."""
    return "".join(f"_{part}" for part in (channel.place, channel.phase) if part)


def view_of(
    quality: Quality,
    nominal: float | None,
    orders: int,
    before: float | None,
    events: tuple[VoltageEvent, ...] | None = None,
) -> View:
    """Return the view of a capture.

    nominal: declared RMS voltage [V]; orders: highest order wanted; before: means are taken
    over intervals that end by then [s]; events: voltage events, where they are known already.
    """
    i, n = quality.intervals, len(quality.voltages)
    reference = nominal if nominal is not None else _level([u.values for u in quality.urms[:n]])
    events = _events(quality, reference) if events is None else events
    cycle = float(np.median(i.end - i.begin)) / i.cycles if i.begin.size else 0.0
    # Low or high from end to end: that is how the voltage was.
    passing = [e for e in events if e.begun or e.end is not None]
    candidates = ~flags(i.begin, i.end, passing, cycle) & ~i.held
    if before is not None:
        candidates &= i.end <= before
    top = min(orders, i.subgroups.shape[-1] - 1)
    thds = np.array([groups.thd(row, top) for row in i.subgroups]) if top >= 2 else np.empty((0, 0))
    sequences: list[tuple[str, NDArray[np.float64]]] = []
    back = False
    for name, channels, offset in (("u", quality.voltages, 0), ("i", quality.currents, n)):
        three = _three(channels)
        if not three:
            continue
        phasors = i.phasors[[offset + k for k in three]]
        back |= name == "u" and turns_back(phasors)
        second, zero = unbalance(phasors)
        sequences.append((f"{name}2", second))
        if channels[three[0]].phase == "a":  # between lines there is no zero sequence
            sequences.append((f"{name}0", zero))
    flagged = flags(i.begin, i.end, events, cycle)
    return View(quality, reference, events, flagged, candidates, top, thds, tuple(sequences), back)


def _events(quality: Quality, reference: float) -> tuple[VoltageEvent, ...]:
    kept = [u for u in quality.urms[: len(quality.voltages)] if u.end.size]
    if not kept or not np.isfinite(reference):
        return ()
    return find_events(*merge([u.end for u in kept], [u.values for u in kept]), reference)


def _level(values: Sequence[NDArray[np.float64]]) -> float:
    """Return the median of what is energised, NaN where nothing is [V]."""
    known = np.concatenate([np.empty(0), *values])
    known = known[np.isfinite(known)]
    live = known[known > 0.5 * np.percentile(known, 90)] if known.size else known
    return float(np.median(live)) if live.size else float("nan")


def _three(channels: Sequence[Channel]) -> tuple[int, ...]:
    """Return the indices of phases a, b, c, or ab, bc, ca, at one measuring point; () where one lacks."""
    for phases in (("a", "b", "c"), ("ab", "bc", "ca")):
        for place in dict.fromkeys(c.place for c in channels):
            at = {c.phase: k for k, c in enumerate(channels) if c.place == place}
            if at.keys() >= set(phases):
                return tuple(at[phase] for phase in phases)
    return ()
