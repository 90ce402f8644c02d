"""The two sides of an envelope, each seen from 1 pu outwards, and when a voltage leaves them."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING

import numpy as np

from hil.analysis.event.dips import HYSTERESIS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hil.compliance.envelope import Envelope

ROUNDING = 1e-9
"""Time that sums of floating-point numbers may be off by [s]."""


@dataclass(frozen=True, eq=False)
class Side:
    """The bands below 1 pu, or those above it with all voltages negated: so lower is always worse."""

    sign: float
    """1 below 1 pu, -1 above."""
    corner: NDArray[np.float64]
    """Of each band, times the sign, ascending [pu]."""
    first: NDArray[np.float64]
    """Time at the worse end of each band [s]."""
    last: NDArray[np.float64]
    """Time at its corner [s]."""
    edges: NDArray[np.float64]
    """The worse end of each band, then the last corner [pu]."""

    def required(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the time that each voltage must be ridden through, infinite in continuous operation [s]."""
        k = np.searchsorted(self.corner, x, side="right")
        first = np.append(self.first, inf)[k]
        rise = np.append(self.last - self.first, 0.0)[k]
        slanted = np.flatnonzero(rise)
        at = k[slanted]
        share = (x[slanted] - self.edges[at]) / (self.edges[at + 1] - self.edges[at])
        first[slanted] += rise[slanted] * share
        return first

    def edge(self, spent: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the worst voltage that each time [s] is asked for at [pu], above 1 pu negated."""
        k = np.searchsorted(self.last, spent - ROUNDING, side="left")
        edge = self.edges[k]
        rise = np.append(self.last - self.first, 0.0)[k]
        slanted = np.flatnonzero(rise)
        at = k[slanted]
        share = np.clip((spent[slanted] - self.first[at]) / rise[slanted], 0.0, 1.0)
        edge[slanted] += share * (self.edges[at + 1] - self.edges[at])
        return edge


def sides(envelope: Envelope) -> list[Side]:
    """Return the sides that have bands."""
    found = []
    for sign, bands in ((1.0, envelope.low), (-1.0, tuple(reversed(envelope.high)))):
        if bands:
            corner = np.array([sign * band.voltage for band in bands])
            first = np.array([band.time for band in bands])
            last = np.array([band.time if band.ramp is None else band.ramp for band in bands])
            found.append(Side(sign, corner, first, last, np.append(0.0 if sign > 0 else -inf, corner)))
    return found


def worst_of(voltage: NDArray[np.float64], sign: float) -> NDArray[np.float64]:
    """Return the lowest, or the negated highest, of the channels; NaN where one is unknown."""
    rows = np.atleast_2d(voltage)
    worst: NDArray[np.float64] = rows.min(axis=0) if sign > 0 else -rows.max(axis=0)
    return worst


def excursions(
    envelope: Envelope, time: NDArray[np.float64], voltage: NDArray[np.float64]
) -> list[tuple[int, int | None]]:
    """Return (begin, end) of each departure from continuous operation; end None: the record ends first.

    Indices into `time` [s]. It begins where any channel of `voltage` [pu], shape (channels, n) or
    (n,), leaves, and ends where all are back by the hysteresis of IEC 61000-4-30 (2 %).
    """
    out, back = np.zeros(time.size, bool), np.ones(time.size, bool)
    for side in sides(envelope):
        x = worst_of(voltage, side.sign)
        out |= x < side.corner[-1]
        back &= x >= side.corner[-1] + HYSTERESIS
    index = np.flatnonzero(out | back)
    state = out[index]
    turns = np.flatnonzero(np.diff(state, prepend=False, append=False))
    begins, ends = index[turns[::2]], turns[1::2]
    return [(int(b), int(index[e]) if e < index.size else None) for b, e in zip(begins, ends, strict=True)]
