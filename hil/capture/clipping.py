"""Where a recorder ran out of range, told from the samples alone.

A floating-point file states no range. Clipped is a channel whose crests stand flat at the one
highest (or lowest) value that it ever takes: at least four equal samples in a row, in at least
three half waves, and longer than a smooth crest can look at the channel's resolution.

How long that is: a crest that falls off as x = A (1 - k phi^m) stays within one step q of its top
for 2 (q / k A)^(1/m) rad. A sine has m = 2 and k = 1/2; the flattest that mains make of it, with
4 % of fifth harmonic in phase, has m = 4 and k = 1, which is longer, and the limit here. q is the
smallest step by which the samples leave the flat tops: one code of a quantised signal, however
coarse, but a fraction of the slope where a steep wave was cut off. So the 8-bit sine that repeats
its highest code at high oversampling is not marked, and a cut of less than 5 % at 8 bits or 0.3 %
at 16 bits is not found, nor one of few samples.

Not for channels whose flat tops have a meaning: levels, triggers, DC, powers. Nor for staircases,
such as the terminals of a simulated inverter, whose first step off the top is a quarter of the
amplitude or more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from hil.waveform import Channel

PIECE: Final = 1 << 17
"""Samples looked at together; a half wave that does not fit is not judged."""
_RUN: Final = 4
"""Equal samples that may be a flat top."""
_TIMES: Final = 3
"""Half waves with one, before a channel counts as clipped."""
_COARSE: Final = 0.25
"""First step off a flat top, of the amplitude, beyond which a channel is a staircase."""


class Rails:
    """Looks for the values at which channels are clipped, piece by piece, in order of time."""

    def __init__(self, channels: Sequence[Channel]) -> None:
        self._rows = [
            i for i, c in enumerate(channels) if c.quantity in {"voltage", "current"} and c.phase != "dc"
        ]
        self.wanted = bool(self._rows)
        """Whether any channel is of a kind that can be told to be clipped."""
        self._top = np.full((len(channels), 2), -np.inf)
        self._flat = np.zeros((len(channels), 2), int)

    def look(self, samples: NDArray[Any]) -> None:
        """Take the next samples, shape (channels, n)."""
        for i in self._rows if samples.shape[1] else ():
            row = samples[i]
            low, high = np.fmin.reduce(row), np.fmax.reduce(row)
            for side, (extreme, sign) in enumerate(((high, 1), (low, -1))):
                top = sign * float(extreme)
                if top < self._top[i, side] or not low < high:
                    continue
                if top > self._top[i, side]:
                    self._top[i, side], self._flat[i, side] = top, 0
                at = np.asarray(row == extreme)
                if np.count_nonzero(at) >= _RUN and np.isfinite(top):
                    self._flat[i, side] += flat_tops(row, at, (float(low) + float(high)) / 2)

    def found(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the lowest and the highest value of each channel where it is clipped there, else NaN."""
        high, low = np.where(self._flat >= _TIMES, self._top, np.nan).T
        return -low, high


def flat_tops(row: NDArray[Any], at: NDArray[np.bool_], middle: float) -> int:
    """Return how many half waves of a channel have a flat top that no smooth crest explains.

    `at` says where the samples are at their extreme; half waves end where the channel passes
    `middle`. The first and the last, which are cut off, do not count.
    """
    beyond = np.asarray(row > middle) if row[int(np.argmax(at))] > middle else np.asarray(row < middle)
    ends = _changes(beyond)
    begin, end = _runs(at)
    wave = np.searchsorted(ends, begin, side="right")
    whole = (wave > 0) & (wave < len(ends)) & (end - begin >= _RUN)
    begin, end, wave = begin[whole], end[whole], wave[whole]
    if not begin.size:
        return 0
    amplitude = abs(float(row[begin[0]]) - middle)
    steps = np.abs(np.concatenate([row[begin - 1], row[end]]).astype(float) - float(row[begin[0]]))
    step = float(np.fmin.reduce(steps)) / amplitude
    if not step < _COARSE:
        return 0
    smooth = 2 / np.pi * step**0.25 * (ends[wave] - ends[wave - 1])
    return int(np.unique(wave[end - begin > 1 + smooth]).size)


def at_rails(
    samples: NDArray[Any], rails: tuple[NDArray[np.float64], NDArray[np.float64]]
) -> NDArray[np.bool_]:
    """Return where a sample stands at a value at which its channel is clipped, shape (n,)."""
    low, high = rails
    spoilt = np.zeros(samples.shape[1], bool)
    for row, bottom, top in zip(samples, low, high, strict=True):
        if bottom == bottom:  # not NaN  # noqa: PLR0124
            spoilt |= row == row.dtype.type(bottom)
        if top == top:  # noqa: PLR0124
            spoilt |= row == row.dtype.type(top)
    return spoilt


def rails(
    pieces: Iterable[NDArray[Any]], channels: Sequence[Channel]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the lowest and the highest value of each channel where it is clipped there, else NaN.

    `pieces`: the samples in order of time, shape (channels, `PIECE`) but for the last.
    """
    look = Rails(channels)
    for piece in pieces if look.wanted else ():
        look.look(piece)
    return look.found()


def _changes(mask: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return the indices before which a mask changes."""
    return np.flatnonzero(mask[1:] != mask[:-1]) + 1


def _runs(mask: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return where runs of True begin, and where they have ended; not those at either edge."""
    edges = _changes(mask)
    edges = edges[1:] if mask[0] else edges
    edges = edges[: edges.size // 2 * 2]
    return edges[::2], edges[1::2]
