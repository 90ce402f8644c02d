"""A step in noise, made ready to be measured: when it reaches a level, settles, peaks, rings.

Noise: its sigma is measured before the step, and what the averaged noise does to a crossing is
part of the uncertainty. Where samples abound, they are averaged over the length that best
trades noise against blur.

Window: values made in a sliding window of length W, stamped at its end, cross a level up to
W after the signal did, so the signal crossed between c - W and c, and not before the command.
Reported is the middle of that span; half of it is part of the uncertainty.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

CLEAR: Final = 3.0
"""Sigmas that a level must keep from the noise."""
_ROUNDING: Final = 1e-9  # share of a value below which a change is arithmetic


class Timed(NamedTuple):
    """A time from the command and its expanded uncertainty [s]."""

    time: float
    uncertainty: float


class Ringing(NamedTuple):
    """An oscillation about the final value."""

    damping: float
    uncertainty: float
    """Of the damping ratio, expanded (k = 2)."""
    frequency: float
    """[Hz]"""


@dataclass(frozen=True, eq=False)
class Trace:
    """A step per unit of its change, from the command on."""

    time: NDArray[np.float64]
    """[s]; the first entry, the last before the command, stands for the command itself."""
    start: float
    """Time of the command [s]."""
    y: NDArray[np.float64]
    """(value - initial) / change, averaged; the first entry is 0."""
    initial: float
    final: float
    noise: float
    """Sigma of a sample before the step."""
    residual: float
    """Sigma after averaging."""
    average: int
    """Neighbouring entries that share samples."""
    drift: float
    """What the final value still moves by, carried on beyond the record."""
    doubt: float
    """What it may be off by: drift and noise."""
    lag: float
    """Half the window that the values were made in [s]."""
    hold: float
    """How long a level must be kept for a crossing to count [s]."""

    @property
    def excursion(self) -> float:
        """Return the largest value that the averaged noise alone is likely to reach."""
        return self.residual * float(np.sqrt(2 * np.log(max(self.y.size / self.average, 2.0))) + 0.5)

    @property
    def interval(self) -> float:
        """Return the time between samples [s]."""
        return float(self.time[-1] - self.time[1]) / (self.time.size - 2)

    @property
    def clock(self) -> NDArray[np.float64]:
        """Return the time from the command [s], shape as `y`."""
        return np.maximum(self.time - self.start, 0.0)

    def clear(self, margin: float) -> bool:
        """Say whether a margin stands clear of the noise and of the doubt about the final value."""
        return margin > max(CLEAR * self.noise, self.excursion) and margin > 2 * self.doubt

    def reach(self, level: float) -> Timed | None:
        """Return when the response first reaches a level and keeps it for `hold`; None: never."""
        crossing = self._first(level)
        return None if crossing is None else self._seen(crossing, self._spread(level, crossing))

    def rise(self, low: float, high: float) -> Timed | None:
        """Return the time from a low to a high level; a pure delay, and so the lag, drops out."""
        begin, end = self._first(low), self._first(high)
        if begin is None or end is None:
            return None
        wide = self._spread(low, begin) + self._spread(high, end) + min(2 * self.lag, end - begin)
        return Timed(end - begin, wide + 2 * self.interval)

    def settle(self, low: float, high: float) -> Timed | None:
        """Return when the response enters low .. high for good; None where it is outside near the end."""
        crossing = self._last(low, high)
        if crossing is None:
            return None
        margin = CLEAR * self.residual + self.doubt
        early = self._last(low - margin, high + margin) if margin else crossing
        return self._seen(crossing, crossing - (crossing if early is None else early))

    def peak(self) -> tuple[float, Timed | None]:
        """Return the overshoot and when it was, (0, None) where none stands out of the noise."""
        k = int(self.y.argmax())
        beyond = float(self.y[k]) - 1
        if beyond <= max(self.excursion, self.doubt, _ROUNDING):
            return 0.0, None
        near = self.y >= self.y[k] - CLEAR * self.residual
        first, last = int(near.argmax()), self.y.size - 1 - int(near[::-1].argmax())
        return beyond, self._seen(
            self._at(k), max(self._at(k) - self._at(first), self._at(last) - self._at(k))
        )

    def ringing(self) -> Ringing | None:
        """Return the oscillation about the final value, None where fewer than two half waves stand out.

        Logarithmic decrement of the means of half waves rather than of their crests: each half
        wave of a damped sine is the one before, scaled, and noise does not draw a mean.
        zeta = d / sqrt(4 pi^2 + d^2) with d the decrement per period.
        """
        least = max(self.excursion, 1e-6)
        begins, ends, above = (
            np.concatenate(pair)
            for pair in zip(_runs(self.y > 1 + least, True), _runs(self.y < 1 - least, False), strict=True)
        )
        order = np.argsort(begins)
        turns = np.flatnonzero(np.diff(above[order]))
        if turns.size < 3:
            return None
        edges = (ends[order][turns] + begins[order][turns + 1]) // 2
        lengths = np.diff(edges)
        means = np.abs(np.add.reduceat(self.y[: edges[-1]], edges[:-1]) / lengths - 1)
        sigma = self.residual * np.sqrt(self.average / lengths) + self.doubt + means / (2 * lengths)
        good = (means > np.maximum(CLEAR * sigma, 2 * least)) & (
            lengths >= 4
        )  # an edge is known to half a sample
        count = good.size if good.all() else int(good.argmin())
        if count < 2:
            return None
        logs, weights = np.log(means[:count]), (means[:count] / sigma[:count]) ** 2
        number = np.arange(count) - np.average(np.arange(count), weights=weights)
        power = float(weights @ number**2)
        slope = float((weights * number) @ logs) / power
        rest = logs - np.average(logs, weights=weights) - slope * number
        scatter = max(1.0, float(weights @ rest**2) / (count - 2)) if count > 2 else 1.0
        root = 4 * np.pi**2 + 4 * slope**2
        wide = 2 * np.sqrt(scatter / power) * 2 * 4 * np.pi**2 / root**1.5
        period = 2 * (self._at(edges[count]) - self._at(edges[0])) / count
        return Ringing(-2 * slope / root**0.5, float(wide), 1 / period)

    def _seen(self, crossing: float, spread: float) -> Timed:
        """Return the middle of the span in which the signal crossed, with half of it, spread and a sample."""
        earliest = max(0.0, crossing - 2 * self.lag)
        return Timed((earliest + crossing) / 2, (crossing - earliest) / 2 + spread + self.interval)

    def _spread(self, level: float, crossing: float) -> float:
        """Return what noise and doubt do to a crossing [s]."""
        margin = CLEAR * self.residual + self.doubt
        if not margin:
            return 0.0
        around = [self._first(level - margin), self._first(level + margin)]
        return max(abs(other - crossing) for other in around if other is not None)

    def _first(self, level: float) -> float | None:
        up = self.y >= level
        k = int(up.argmax())
        if up[k] and self.hold:
            rises = np.flatnonzero(up[1:] & ~up[:-1]) + 1
            falls = np.append(np.flatnonzero(self.y < level - CLEAR * self.residual), self.y.size - 1)
            kept = self.time[falls[np.minimum(np.searchsorted(falls, rises), falls.size - 1)]]
            held = kept - self.time[rises] >= self.hold
            k = int(rises[held.argmax()]) if held.any() else 0
        if not up[k]:
            return None
        return self._between(k - 1, level) if k else 0.0

    def _last(self, low: float, high: float) -> float | None:
        outside = (self.y < low) | (self.y > high)
        k = self.y.size - 1 - int(outside[::-1].argmax())
        if not outside[k]:
            return 0.0
        if k >= self.y.size - max(1, self.y.size // 5):
            return None
        return self._between(k, low if self.y[k] < low else high)

    def _between(self, k: int, level: float) -> float:
        """Return when the straight line from entry k to k + 1 crosses a level [s]."""
        share = float((level - self.y[k]) / (self.y[k + 1] - self.y[k]))
        return self._at(k) + share * (self._at(k + 1) - self._at(k))

    def _at(self, k: int) -> float:
        return max(float(self.time[k]) - self.start, 0.0)


def trace_step(
    time: NDArray[np.float64],
    values: NDArray[np.float64],
    start: float,
    *,
    lag: float = 0.0,
    hold: float = 0.0,
) -> Trace | tuple[float, float]:
    """Return the step at `start` [s], or only its initial and final value where it is lost in the noise.

    The final value is the mean of the last fifth of the record after the step. Both are NaN
    where there are fewer than 3 samples before or 10 after, or one is not a number.
    """
    values = np.asarray(values, dtype=float)
    split = int(np.searchsorted(time, start, side="right"))
    before, after = values[:split], values[split:]
    if before.size < 3 or after.size < 10 or not np.isfinite(values).all():
        return float("nan"), float("nan")
    tail = after[-max(after.size // 5, 3) :]
    initial, final, sigma = float(before.mean()), float(tail.mean()), float(before.std(ddof=1))
    change = final - initial
    if abs(change) <= max(CLEAR * sigma, _ROUNDING * max(abs(initial), abs(final))):
        return initial, final
    noise = sigma / abs(change)
    y = values - initial
    y /= change
    mean = averaged(np.asarray(time, dtype=float), y, split, noise)
    parts = [float(part.mean() - initial) / change for part in np.array_split(tail, 3)]
    fuzz = CLEAR * mean.residual * float(np.sqrt(3 * mean.samples / tail.size))
    drift = _drift(parts, fuzz)
    times, y = mean.time[mean.quiet - 1 :], mean.y[mean.quiet - 1 :]
    y[0] = 0.0  # the last entry before the command stands for it
    return Trace(
        times, start, y, initial, final, noise, mean.residual, mean.entries, drift, drift + fuzz, lag, hold
    )


@dataclass(frozen=True, eq=False)
class Averaged:
    """A response after averaging, perhaps in steps of several samples."""

    time: NDArray[np.float64]
    """[s]"""
    y: NDArray[np.float64]
    quiet: int
    """Index of the first entry after the command."""
    residual: float
    """Sigma of what is before the command."""
    samples: int
    """Averaged in each entry."""
    entries: int
    """Neighbouring entries that share samples."""


def averaged(time: NDArray[np.float64], y: NDArray[np.float64], split: int, noise: float) -> Averaged:
    """Return a response per unit of its change, averaged where its noise asks for it.

    split: samples before the command; noise: their sigma. A mean of m samples is off by about
    (m / w)^2 / 20 where the response takes w samples from a quarter to three quarters of its
    change, and leaves noise / sqrt(m): the sum of squares is least at m = 2.5 (noise w^2)^0.4.
    """
    after = y[split:]
    width = max(int((after >= 0.75).argmax()) - int((after >= 0.25).argmax()), 0)
    wanted = int(min(2.5 * (noise * width**2) ** 0.4, width / 4, split / 10))
    step = max(1, wanted // 5)
    entries = max(1, wanted // step)
    entries -= 1 - entries % 2  # odd, so that a mean stands at its middle entry
    if entries == 1:
        return Averaged(time, y, split, noise, 1, 1)
    count, half = y.size // step, entries // 2
    used = slice(count * step)
    y = np.convolve(y[used].reshape(count, step).mean(axis=1), np.full(entries, 1 / entries), "valid")
    time = time[used].reshape(count, step).mean(axis=1)[half : count - half]
    samples = step * entries
    residual = max(float(y[: split // step - 2 * half].std()), noise / float(np.sqrt(samples)))
    return Averaged(time, y, split // step - half, residual, samples, entries)


def _drift(parts: list[float], fuzz: float) -> float:
    """Return how far the final value is from where the means of three parts of the tail are heading.

    A geometric approach goes on by d r / (1 - r) after its last difference d, r being the
    ratio of successive ones; what does not approach is taken at its size.
    """
    first, last = parts[1] - parts[0], parts[2] - parts[1]
    if max(abs(first), abs(last)) <= max(1.5 * fuzz, _ROUNDING):  # a difference of two means
        return 0.0
    ratio = last / first if first else 1.0
    if 0 < ratio < 1:
        return abs(parts[2] - 1) + abs(last) * min(ratio / (1 - ratio), 4.0)
    return abs(first) + abs(last)


def _runs(
    mask: NDArray[np.bool_], label: bool
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.bool_]]:
    """Return where runs of True begin and end (exclusive), and a label for each."""
    turns = np.flatnonzero(mask[1:] != mask[:-1]) + 1
    begins = np.append([0] if mask[0] else [], turns[mask[turns]]).astype(np.intp)
    ends = np.append(turns[~mask[turns]], [mask.size] if mask[-1] else []).astype(np.intp)
    return begins, ends, np.full(begins.size, label)
