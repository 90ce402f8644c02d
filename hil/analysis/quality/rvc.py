"""Rapid voltage changes, and the sliding reference voltage.

IEC 61000-4-30:2015, 5.11: the voltage is steady where the latest 100 (50 Hz) or 120
(60 Hz) values of Urms(1/2) all lie within a threshold of their mean. A rapid change is what
lies between two steady states and is neither dip nor swell. Half the threshold, the
hysteresis, holds until it is steady again. 5.4.4: the sliding reference follows the
10/12-cycle values with a time constant of a minute and stands still while they are flagged.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from hil.analysis.event.dips import find_events, hold, merge, spans
from hil.analysis.quality.aggregation import flags

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from hil.analysis.event.dips import VoltageEvent

THRESHOLD: Final = 0.033
"""Of the declared voltage: IEC 61000-3-3's steady change; IEC 61000-4-30 leaves 1 to 6 % to the user."""
OLD, NEW = 0.9967, 0.0033
"""Weights of the sliding reference, 5.4.4."""


@dataclass(frozen=True, slots=True)
class RapidChange:
    """One rapid voltage change."""

    start: float
    """End of the first Urms(1/2) window that was no longer steady [s]."""
    end: float
    """First of the 100/120 values that are steady again, as their last one tells [s]."""
    largest: float
    """dUmax: largest distance from the steady voltage before [V]."""
    steady: float
    """dUss: distance of the steady voltage after from that before [V]."""
    channel: int
    """The channel of `largest`."""


def _steady(
    values: NDArray[np.float64], count: int, threshold: float
) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_]]:
    """Return mean, and steadiness with the whole and half the threshold, of the `count` values up to each."""
    from scipy.ndimage import maximum_filter1d  # noqa: PLC0415 - keeps `hil --help` quick

    known = np.isfinite(values)
    filled = np.where(known, values, 0.0)
    total = np.cumsum(np.concatenate([np.zeros(1), filled - filled.mean()]))
    mean = np.full(values.size, np.nan)
    mean[count - 1 :] = (total[count:] - total[:-count]) / count + filled.mean()
    latest = (count - 1) // 2  # moves the window from about a value to before it
    high = maximum_filter1d(np.where(known, values, np.inf), count, origin=latest)
    low = -maximum_filter1d(np.where(known, -values, np.inf), count, origin=latest)
    reach = np.maximum(high - mean, mean - low)  # NaN and infinity are not steady
    return mean, reach <= threshold, reach <= threshold / 2


def find_rapid_changes(
    times: Sequence[NDArray[np.float64]],
    values: Sequence[NDArray[np.float64]],
    reference: float,
    events: Sequence[VoltageEvent],
    *,
    count: int,
    threshold: float = THRESHOLD,
) -> tuple[RapidChange, ...]:
    """Return the rapid changes of a polyphase voltage in order of time.

    times, values: Urms(1/2) of each channel [s, V], NaN where unknown; reference: declared
    voltage [V]; events: dips, swells and interruptions, which take precedence; count: 100 or
    120; threshold: of the reference [pu]. A change with unknown values in it is left out.
    """
    if any(v.size <= count for v in values):
        return ()
    grid = np.unique(np.concatenate(times))
    grid = grid[grid >= max(t[0] for t in times)]
    all_full, all_half = np.ones((2, grid.size), bool)
    means, backs = [], []
    for time, row in zip(times, values, strict=True):
        mean, full, half = _steady(row, count, threshold * reference)
        means.append(mean)
        backs.append(np.concatenate([np.full(count - 1, time[0]), time[: 1 - count]]))
        all_full &= hold(grid, time, full)
        all_half &= hold(grid, time, half)

    def at(rows: Sequence[NDArray[np.float64]], first: int, stop: int) -> NDArray[np.float64]:
        """Return what rows of the channels hold at instants first .. stop - 1: few of an hour's."""
        return np.array([hold(grid[first:stop], t, row) for t, row in zip(times, rows, strict=True)])

    if not all_full.any():
        return ()
    settled = int(all_full.argmax())
    starts = ~all_full
    starts[: settled + 1] = False
    changes = []
    for first, last in spans(starts, all_half):
        if last is None:
            break
        start, end = float(grid[first]), max(float(grid[first]), float(at(backs, last, last + 1).max()))
        stop = max(first + 1, int(np.searchsorted(grid, end, side="right")))
        before = at(means, first - 1, first)
        away = np.abs(at(values, first, stop) - before).max(axis=1)
        moved = any(e.start <= end and (e.end is None or e.end >= start) for e in events)
        if moved or not np.isfinite(at(values, first, last + 1)).all():
            continue
        after = np.abs(at(means, last, last + 1) - before)
        changes.append(RapidChange(start, end, float(away.max()), float(after.max()), int(away.argmax())))
    return tuple(changes)


def sliding_reference(
    rms: NDArray[np.float64], flagged: NDArray[np.bool_], start: float
) -> NDArray[np.float64]:
    """Return the sliding reference after each 10/12-cycle interval, shape (channels, k) -> same [V].

    rms: of the voltages, NaN where unknown; flagged: shape (k,); start: declared voltage [V].
    """
    from scipy.signal import lfilter  # noqa: PLC0415 - keeps `hil --help` quick

    reference = np.empty(rms.shape)
    for row, out in zip(rms, reference, strict=True):
        counts = ~flagged & np.isfinite(row)
        followed, _ = lfilter([NEW], [1, -OLD], row[counts], zi=np.array([OLD * start]))
        out[:] = np.concatenate([[start], followed])[np.cumsum(counts)]
    return reference


def sliding_events(
    times: Sequence[NDArray[np.float64]],
    values: Sequence[NDArray[np.float64]],
    intervals: tuple[NDArray[np.float64], NDArray[np.float64]],
    rms: NDArray[np.float64],
    start: float,
) -> tuple[tuple[VoltageEvent, ...], NDArray[np.float64]]:
    """Return the events against the sliding reference, in [pu] of it, and the reference [V].

    times, values: Urms(1/2) of each channel [s, V]; intervals: begin and end of the 10/12-cycle
    intervals [s] that rms, shape (channels, k), belongs to; start: declared voltage [V]. A value is
    held against the reference after the last interval that was complete by then.
    """
    begin, end = intervals
    flagged = np.zeros(begin.size, bool)
    while True:
        # Each turn settles at least the next interval, as flags depend on what was before; two or three do.
        reference = sliding_reference(rms, flagged, start)
        ratios = []
        for time, row, levels in zip(times, values, reference, strict=True):
            latest = np.searchsorted(end, time, side="right")
            ratios.append(row / np.concatenate([[start], levels])[latest])
        grid, merged = merge(times, ratios)
        events = find_events(grid, merged, 1.0) if grid.size else ()
        found = flags(begin, end, events, 0.0)
        if (found == flagged).all():
            return events, reference
        flagged = found
