"""Where a voltage event lies in a record, and means over windows within it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hil.analysis.event.dips import DIP, SWELL
from hil.analysis.power.track import HOPS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hil.analysis.event.dips import VoltageEvent
    from hil.analysis.power.track import PowerTrack

STEADY = 10
"""Cycles that the pre-fault and post-fault values are averaged over, and that a record must go on
after an event, or after a loss of current, to say that it was one for good."""


@dataclass(frozen=True, slots=True)
class Span:
    """Where the event lies in the record [s]."""

    start: float
    """Inception."""
    back: float | None
    """When the last voltage came back; None where the record ends first."""
    horizon: float
    """Start of the next event, or the end of the record."""


def span_of(event: VoltageEvent, start: float, horizon: float, track: PowerTrack, reference: float) -> Span:
    """Return the span of a voltage event that began at `start` and is over before `horizon` [s].

    A sudden step is half-way through the mean square over one cycle half a cycle after it
    happened, whatever its height; so is the middle of a slow rise.
    """
    if event.end is None:
        return Span(start, None, horizon)
    swell = event.kind == "swell"
    worst = (track.urms.max(axis=0) if swell else track.urms.min(axis=0)) ** 2
    level = ((SWELL if swell else DIP) * reference) ** 2
    inside = (track.time > start) & (track.time <= event.end)
    beyond = np.flatnonzero(inside & (worst > level if swell else worst < level))
    if not beyond.size:
        return Span(start, event.end, horizon)
    at = int(beyond[-1])
    first, last = max(at - HOPS, 0), min(at + HOPS, worst.size - 1)
    middle = (worst[first] + worst[last]) / 2
    part, sign = worst[first : last + 1], -1 if swell else 1
    k = first + int(np.flatnonzero(sign * part <= sign * middle)[-1])
    share = (middle - worst[k]) / (worst[k + 1] - worst[k]) if k < last and worst[k + 1] != worst[k] else 0.0
    step = float(track.time[1] - track.time[0])
    return Span(start, float(track.time[k] + share * step) - track.cycle / 2, horizon)


def mean_within(
    track: PowerTrack, values: NDArray[np.float64], begin: float, end: float
) -> tuple[float | None, bool]:
    """Return the mean over the windows within begin .. end [s], and whether their samples are good."""
    inside = (track.time - track.cycle >= begin - 1e-9) & (track.time <= end + 1e-9)
    if not inside.any():
        return None, True
    return float(values[inside].mean()), not track.spoilt[inside].any()
