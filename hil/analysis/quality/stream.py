"""What is made of a stream of samples, and those that are still needed."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, gcd, log, pi, sin
from typing import TYPE_CHECKING, Any

import numpy as np

from hil.analysis.signals import LINES

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from numpy.typing import NDArray

    from hil.waveform import Capture, Channel, Waveform


def usable_orders(samples_per_cycle: float) -> int:
    """Return the highest order up to 50 that the sampling rate carries well (64 % of Nyquist)."""
    return max(0, min(50, int(0.32 * samples_per_cycle - 0.2)))


def reach(samples_per_cycle: float) -> int:
    """Return how many samples the interpolation needs on either side of a position.

    The error of 2n-point Lagrange interpolation amid the samples is close to
    0.3 sin(pi f / rate)^2n; the last subgroup gets 3e-4 of its reading, lower ones far less.
    """
    if not usable_orders(samples_per_cycle):
        return 2  # no harmonic to interpolate for
    top = (usable_orders(samples_per_cycle) + 0.2) / samples_per_cycle
    return max(2, ceil(log(1e-3) / log(sin(pi * top)) / 2))


@dataclass(frozen=True)
class Plan:
    """What to make of the samples; fixed for a capture."""

    rate: float
    hertz: float
    """Of the fundamental, within a fifth [Hz]."""
    cycles: int
    voltages: int
    """Rows that are voltages: the first ones."""
    channels: int
    pairs: NDArray[np.intp]
    """Rows of voltage and current, shape (pairs, 2)."""
    partners: tuple[int | None, ...]
    """Row of the voltage at whose zero crossings Urms(1/2) of each channel begins; None: the strongest."""
    length: int
    """Of the capture, in samples."""

    @property
    def top(self) -> int:
        """Return the highest order."""
        return usable_orders(self.rate / self.hertz)

    @property
    def bands(self) -> int:
        """Return how many bands of 200 Hz lie below 64 % of the Nyquist frequency."""
        return min(35, max(0, int((0.32 * self.rate - 2000) / 200)))

    @property
    def highest(self) -> float:
        """Return the highest frequency that is evaluated [Hz]."""
        return min(0.32 * self.rate, 9000.0)

    @property
    def bins(self) -> int:
        """Return how many bins of each transform are evaluated, up to `highest` at 0.8 times `hertz`."""
        return max(ceil(self.highest * self.cycles / (0.8 * self.hertz)) + 2, (self.top + 1) * self.cycles)

    @property
    def together(self) -> int:
        """Return how many intervals are transformed at once: that goes by fours of rows."""
        return 4 // gcd(4, self.channels)

    @property
    def kept(self) -> int:
        """Return how many samples wait at the most: for the tracker, 42 cycles, and for whole intervals."""
        return round((64 + 16 * self.together) * self.rate / self.hertz) + 256

    def half(self, cycle: float) -> int:
        """Return how many samples the interpolation needs on either side.

        Harmonics as `reach` has it, the bands to 1 % of their reading.
        """
        bands = ceil(log(0.03) / log(sin(pi * self.highest / self.rate)) / 2) if self.bands else 0
        return max(reach(cycle), bands)


def plan_for(
    capture: Capture,
    voltages: tuple[Channel, ...],
    currents: tuple[Channel, ...],
    hertz: float,
    cycles: int,
) -> Plan:
    """Return the plan for these channels of a capture: currents belong to the voltage of their phase."""
    count = len(voltages)
    row = {channel.phase: k for k, channel in enumerate(voltages)}
    pairs = [(row[c.phase], count + k) for k, c in enumerate(currents) if c.phase in row]
    if count == len(currents) == 1 and voltages[0].phase not in LINES:
        pairs = [(0, 1)]
    return Plan(
        rate=capture.rate,
        hertz=hertz,
        cycles=cycles,
        voltages=count,
        channels=count + len(currents),
        pairs=np.array(pairs, dtype=np.intp).reshape(-1, 2),
        partners=(*range(count), *(row.get(c.phase) for c in currents)),
        length=len(capture),
    )


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

    def take(self, block: Waveform, which: list[int], workers: Executor) -> None:
        """Add a block of the record: these rows of it, each loaded by one of the workers."""
        new = slice(self.last - self.first, self.last - self.first + len(block))
        jobs = [workers.submit(self._load, k, block.samples[row], new) for k, row in enumerate(which)]
        broken = [job.result() for job in jobs]
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
