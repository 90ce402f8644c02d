"""Fewer points for a plot: every sample where something happens, lowest and highest elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from hil.waveform import Channel, Waveform

BEFORE, AFTER = 0.1, 0.3
"""What is drawn whole around an event [s]."""


@dataclass(frozen=True, slots=True)
class Detail:
    """How finely a page draws."""

    whole: int = 40_000
    """Samples of each channel that may be drawn one by one."""
    buckets: int = 1_500
    """Spans that the quiet part is divided into, each drawn as its lowest and highest sample."""
    all: bool = True
    """Whether what is folded away, and every result in its table, is there at all."""


@dataclass(frozen=True, eq=False)
class Thinned:
    """Points to draw, with what was left out in words."""

    time: tuple[tuple[float, float, int], ...]
    """Evenly spaced stretches, one after the other: first time [s], step [s], number of points."""
    values: NDArray[np.float64]
    """Shape (channels, points); NaN where samples are missing or clipped."""
    caption: str


def thin(
    waveform: Waveform, channels: Sequence[Channel], instants: Sequence[float], detail: Detail
) -> Thinned:
    """Return channels for a plot, with up to about `detail.whole` samples of each drawn one by one.

    Those around the instants [s], the edges of an event, come first.
    """
    n, rate, whole, buckets = len(waveform), waveform.rate, detail.whole, detail.buckets
    samples = waveform.select(channels).astype(np.float64)
    if waveform.valid is not None:
        samples[:, ~waveform.valid] = np.nan
    if n <= whole + 2 * buckets:
        return Thinned(
            ((waveform.start, 1 / rate, n),), samples, f"All {n:,} samples at {rate:,.6g} samples/s."
        )
    near = np.zeros(n, dtype=bool)
    for begin, end in _spans(instants, whole / rate):
        first, last = round((begin - waveform.start) * rate), round((end - waveform.start) * rate)
        near[max(first, 0) : max(last, 0)] = True
    edges = [0, *(np.flatnonzero(np.diff(near)) + 1).tolist(), n]
    width = -(-(n - int(near.sum())) // buckets)
    stretches, values = [], []
    for first, last in pairwise(edges):
        part, begin = samples[:, first:last], waveform.start + first / rate
        if near[first]:
            stretches.append((begin, 1 / rate, last - first))
            values.append(part)
        else:
            count = max(1, (last - first) // width)
            starts = np.arange(count) * (last - first) // count
            pair = [np.fmin.reduceat(part, starts, axis=1), np.fmax.reduceat(part, starts, axis=1)]
            stretches.append((begin, (last - first) / (2 * count) / rate, 2 * count))
            values.append(np.stack(pair, axis=2).reshape(len(part), -1))
    where = "Around the event every sample, elsewhere the" if near.any() else "The"
    caption = (
        f"{where} lowest and highest of about every {1e3 * width / rate:.3g} ms; "
        f"the capture holds {n:,} samples at {rate:,.6g} samples/s."
    )
    return Thinned(tuple(stretches), np.concatenate(values, axis=1), caption)


def thin_series(
    time: NDArray[np.float64], values: NDArray[np.float64], buckets: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return a series with the lowest and the highest value of each of so many spans, if it is longer.

    A span without a value (all NaN) keeps its gap.
    """
    n = time.size
    if n <= 4 * buckets:
        return time, values
    edges = np.arange(buckets + 1) * n // buckets
    kept = []
    for first, last in pairwise(edges.tolist()):
        part = values[first:last]
        if np.isnan(part).all():
            kept += [first, last - 1]
        else:
            kept += sorted({first + int(np.nanargmin(part)), first + int(np.nanargmax(part))})
    index = np.unique(kept)
    return time[index], values[index]


def _spans(instants: Sequence[float], longest: float) -> list[tuple[float, float]]:
    """Return the spans to draw whole, no longer than `longest` together [s]."""
    if not instants:
        return []
    event = (instants[0] - BEFORE, instants[-1] + AFTER)
    if event[1] - event[0] <= longest:
        return [event]
    half = min(BEFORE, longest / (2 * len(instants)))
    return [(instant - half, instant + half) for instant in instants]
