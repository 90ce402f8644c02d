"""RMS values: Urms(1/2), over 10/12 cycles, and at every sample.

IEC 61000-4-30:2015, 5.2 (10/12 cycles) and 5.4.1 (Urms(1/2): over one cycle, begun at
a zero crossing of the fundamental and refreshed each half cycle, each channel by
itself). Squares are integrated along straight lines between samples, so windows may
begin and end between them.
"""

from __future__ import annotations

from math import pi
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def integrals(
    values: NDArray[Any], begins: NDArray[np.float64], ends: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the integral of values over each begins .. ends, in their unit times samples.

    values: shape (n,); positions are fractional indices from 0 to n - 1, ascending, and
    each window is at least a sample long.
    """
    if not begins.size:
        return np.empty(0)
    edges = np.stack([begins, ends], axis=1)
    at = np.ceil(edges).astype(np.intp)
    part = at - edges
    # What lies between an edge and the sample at or after it, plus half that sample.
    head = values[at] * (part - part**2 / 2 + 0.5) + values[np.maximum(at - 1, 0)] * part**2 / 2
    sums = np.add.reduceat(values, at.ravel())[::2]  # begin <= index < end, per window
    total: NDArray[np.float64] = sums - values[at[:, 0]] + head[:, 0] - head[:, 1] + values[at[:, 1]]
    return total


def half_cycle_edges(
    phasors: NDArray[np.complex128], ends: NDArray[np.intp], cycle: float, n: int
) -> NDArray[np.float64]:
    """Return the zero crossings of one channel's fundamental, as fractional indices in 0 .. n - 1.

    phasors, ends: from `sliding_phasors`, about 16 a cycle. Where the fundamental is too
    small to have a phase (below 10 % of its largest) or a step lies in the window, the
    crossings carry on between where it had one; so they shift from half a cycle before
    a jump of phase to half a cycle after it.
    """
    size = np.abs(phasors)
    moved = np.abs(np.roll(size, -4) - np.roll(size, 4)) > 0.02 * size.max()
    moved[:4] = moved[-4:] = False
    alive = (size > 0.1 * size.max()) & ~moved
    if not alive.any():
        alive = size > 0.1 * size.max()
    centres = ends[alive] - cycle / 2
    drift = np.unwrap(np.angle(phasors[alive]))
    positions = np.concatenate([[-cycle], centres, [n + cycle]])
    angles = 2 * pi / cycle * positions + np.concatenate([[drift[0]], drift, [drift[-1]]])
    crossing = np.arange(np.ceil(angles[0] / pi - 0.5), np.floor(angles[-1] / pi - 0.5) + 1) + 0.5
    edges = np.interp(crossing * pi, np.maximum.accumulate(angles), positions)
    inside: NDArray[np.float64] = edges[(edges >= 0) & (edges <= n - 1)]
    return inside


def cycle_windows(edges: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return begins and ends of the windows of Urms(1/2): one cycle from each zero crossing.

    The length of a cycle is the median over the eleven around it: a jump of phase, which
    moves a few crossings, does not change it; a drift of the frequency does.
    """
    if edges.size < 3:
        return np.empty(0), np.empty(0)
    lengths = np.pad(edges[2:] - edges[:-2], 5, mode="edge")
    cycle = np.median(np.lib.stride_tricks.sliding_window_view(lengths, 11), axis=1)
    ends = np.minimum(edges[:-2] + cycle, edges[-1])  # the last crossing lies inside the record
    return edges[:-2], ends


def window_rms(
    values: NDArray[Any], begins: NDArray[np.float64], ends: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the RMS of one channel over each begins .. ends (fractional indices)."""
    return np.sqrt(np.maximum(integrals(values * values, begins, ends), 0.0) / (ends - begins))
