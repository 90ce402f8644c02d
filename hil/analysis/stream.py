"""The samples of a stream that are still needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hil.waveform import Waveform


class Samples:
    """The samples that are still needed, in single precision, with gaps bridged by straight lines."""

    def __init__(self, channels: int, capacity: int) -> None:
        self.rows = np.zeros((channels, capacity), np.float32)
        self._spare = np.zeros_like(self.rows)
        self.bad = np.zeros((channels, capacity), bool)
        self.first = self.last = 0
        """Indices in the record of what the rows hold."""
        self.spoilt = False
        """Whether `bad` holds anything."""
        self.seen = np.zeros(channels, bool)
        """Channels with at least one number so far."""

    def keep(self, first: int) -> None:
        """Let go of all that is before an index: the rest moves to other memory, in turn.

        So what still reads `rows` may go on until this is called again.
        """
        first = max(first, self.first)
        old = slice(first - self.first, self.last - self.first)
        count = self.last - first
        self._spare[:, :count] = self.rows[:, old]
        self.rows, self._spare = self._spare, self.rows
        if self.spoilt:
            self.bad[:, :count] = self.bad[:, old]
            self.bad[:, count:] = False
            self.spoilt = bool(self.bad.any())
        self.first = first

    def take(self, block: Waveform, which: list[int]) -> None:
        """Add a block of the record: these rows of it."""
        new = slice(self.last - self.first, self.last - self.first + len(block))
        broken = [self._load(k, block.samples[row], new) for k, row in enumerate(which)]
        if block.valid is not None and not block.valid.all():
            self.bad[:, new] |= ~block.valid
            self.spoilt = True
        self.spoilt |= any(broken)
        self.last += len(block)

    def _load(self, k: int, values: NDArray[Any], new: slice) -> bool:
        row = self.rows[k, new]
        with np.errstate(over="ignore", invalid="ignore"):  # out of range is not a number here
            row[:] = values
            whole = bool(np.isfinite(row.sum()))
        finite = np.isfinite(row) if not whole else None
        if finite is None or finite.all():
            self.seen[k] |= row.size > 0
            return False
        self.bad[k, new] |= ~finite
        known = np.flatnonzero(finite)
        row[~finite] = 0.0
        if known.size or self.seen[k]:
            index, level = known, row[known]
            if self.seen[k] and new.start:
                index, level = np.append(-1, index), np.append(self.rows[k, new.start - 1], level)
            missing = np.flatnonzero(~finite)
            row[missing] = np.interp(missing, index, level)
        self.seen[k] |= known.size > 0
        return True

    def touched(
        self, channels: slice, begins: NDArray[np.float64], ends: NDArray[np.float64]
    ) -> NDArray[np.bool_]:
        """Say for windows (fractional indices in the record) whether a sample of any channel is bad."""
        if not self.spoilt:
            return np.zeros(begins.size, bool)
        count = np.concatenate([[0], np.cumsum(self.bad[channels].any(axis=0))])
        first = np.clip(np.floor(begins).astype(np.intp) - self.first, 0, count.size - 1)
        last = np.clip(np.ceil(ends).astype(np.intp) + 1 - self.first, 0, count.size - 1)
        hit: NDArray[np.bool_] = count[last] > count[first]
        return hit
