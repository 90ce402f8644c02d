"""The fundamental through a stream of voltages: its frequency, and where its half cycles end.

Voltages are turned back by a fixed frequency and averaged over two cycles with a Hann
window, which no harmonic and no direct component passes. The advance of those phasors,
summed over the channels with the weight of their power, is the frequency: a dead phase
counts nothing, the order of phases does not matter. Where it or the power stands out
from its surroundings there was a step, a jump or no voltage: left out. What remains is
fitted with a straight line under a Hann window of a second, so that an interharmonic
or noise hardly moves it, a drift is followed and a gap is bridged. The integral of that
is the phase that windows of whole cycles are cut from.
"""

from __future__ import annotations

from math import ceil, pi, sqrt
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

if TYPE_CHECKING:
    from numpy.typing import NDArray

HOPS: Final = 8
"""Sums of samples per cycle."""
STEPS: Final = HOPS // 2
"""Phasors per cycle."""
REACH: Final = 25 * STEPS
"""Phasors on either side that a frequency is fitted to: half a second at 50 Hz."""
_AROUND: Final = REACH // 2
"""Phasors on either side that one must stand out from."""
_SHADE: Final = STEPS
"""Phasors on either side of one that stands out which are left out with it."""
_AGREED: Final = 0.05
"""How far a straight line through a second may be off what is nearer [Hz]."""
_DEAD: Final = 0.01
"""Power, as a share of the largest so far, below which there is no phase to speak of."""


def _padded(values: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """Return values with `count` more at either end, mirrored through the ends: a ramp goes on."""
    near = min(STEPS, values.size)
    first, last = np.sort(values[:near])[near // 2], np.sort(values[-near:])[near // 2]
    index = np.minimum(np.arange(count, 0, -1), values.size - 1)
    return np.concatenate([2 * first - values[index], values, 2 * last - values[::-1][index[::-1]]])


def _stands_out(values: NDArray[np.float64], least: float) -> NDArray[np.bool_]:
    """Say which values lie off the median of those around by five times the scatter and by `least`."""
    from scipy.ndimage import median_filter  # noqa: PLC0415 - keeps `hil --help` quick

    around = _AROUND // STEPS  # one value per cycle is enough for the median
    some = np.arange(values.size % STEPS // 2, values.size, STEPS)
    median = median_filter(_padded(values[some], around), 2 * around + 1)[around : around + some.size]
    median = np.interp(np.arange(values.size), some, median)
    away = np.abs(values - median)
    middle = away.size // 2
    far: NDArray[np.bool_] = away > max(least, 5 * 1.4826 * float(np.partition(away, middle)[middle]))
    return far


class Tracker:
    """Fed with consecutive blocks of voltages, tells the half cycles of their fundamental.

    rate, hertz: of samples, and of the fundamental within some hertz [Hz]; length: of
    the whole stream, in samples; begin: index at which the first half cycle begins.
    """

    def __init__(self, rate: float, hertz: float, channels: int, length: int, begin: int = 0) -> None:
        self.hertz, self._rate, self._length = hertz, rate, length
        self._begin = begin
        self.hop = max(1, round(rate / hertz / HOPS))
        cycle = rate / hertz
        taps = 2 * ceil(cycle / self.hop)
        window = 1 + np.cos(np.minimum(np.abs(np.arange(taps) - (taps - 1) / 2) * self.hop / cycle, 1.0) * pi)
        self._window = window / window.sum()
        angle = 2 * pi * hertz / rate
        index = np.arange(self.hop)
        self._table = np.array([np.cos(angle * index), -np.sin(angle * index)], np.float32).T / self.hop
        self._turn = angle * self.hop
        self._span = 2 * self.hop / rate  # from phasor to phasor [s]
        capacity = length // (2 * self.hop) + 1
        self.advance = np.zeros(capacity)
        """Angle from each phasor to the next, beyond that of `hertz` [rad]."""
        self.power = np.zeros(capacity)
        self.good = np.zeros(capacity, bool)
        """Undisturbed: neither stepping nor dead."""
        self.hops = self._count = self._judged = self._half = 0
        self._peak = 0.0
        self._sums = np.empty((channels, 0), complex)
        # The middle between the first two phasors, and the distance of the grid of frequencies [samples].
        self._origin = (taps // 2 + 1) * self.hop - 0.5
        self._pitch = 2 * self.hop * STEPS
        reach = np.arange(-REACH, REACH + 1)
        hann = 1 + np.cos(pi * reach / REACH)
        self._fit = np.array([hann, hann * reach, hann * reach**2])
        self._point = -1 - int(self._origin // self._pitch)
        self.track: list[float] = []
        """Frequency beyond `hertz` at grid points, as an angle per phasor [rad]."""
        self._knots = np.empty((3, 0))  # positions, phases and speeds of the latest grid points

    def feed(self, samples: NDArray[np.float32], last: int) -> None:
        """Take samples from index hops * hop up to `last`, shape (channels, as many or more)."""
        count = last // self.hop - self.hops
        if not count:
            return
        body = samples[:, : count * self.hop].reshape(len(samples), count, self.hop)
        # In pieces below the size at which BLAS wakes its threads: they take longer to meet than this.
        few = max(1, 2**14 // self.hop)
        sums = np.concatenate([body[:, k : k + few] @ self._table for k in range(0, count, few)], axis=1)
        turn = np.exp(-1j * self._turn * np.arange(self.hops, self.hops + sums.shape[1]))
        self.hops += sums.shape[1]
        self._sums = np.concatenate([self._sums, (sums[..., 0] + 1j * sums[..., 1]) * turn], axis=1)
        taps = self._window.size
        if self._sums.shape[1] < taps + 2:
            return
        phasors = np.array([np.convolve(row, self._window, mode="valid")[::2] for row in self._sums])
        self._sums = self._sums[:, 2 * (phasors.shape[1] - 1) :].copy()  # the last phasor is the next first
        product = (phasors[:, 1:] * phasors[:, :-1].conj()).sum(axis=0)
        part = slice(self._count, self._count + product.size)
        self.advance[part], self.power[part] = np.angle(product), np.abs(product)
        self._count += product.size
        self._peak = max(self._peak, float(self.power[part].max()))

    def _judge(self, *, final: bool) -> None:
        """Find out which of the new phasors are undisturbed."""
        last = self._count if final else self._count - _AROUND - _SHADE
        if last <= self._judged:
            return
        low = max(0, self._judged - _AROUND - _SHADE)
        advance, power = self.advance[low : self._count], self.power[low : self._count]
        bad = power <= _DEAD * self._peak
        alive = np.flatnonzero(~bad)
        if alive.size > STEPS:
            power = np.log(np.maximum(power, 1e-300))
            if alive.size < bad.size:
                index = np.arange(bad.size)
                advance, power = (np.interp(index, alive, x[alive]) for x in (advance, power))
            # Over half a cycle, as a frequency [Hz] and as a growth of the power.
            hertz = np.convolve(advance, [0.5, 0.5])[:-1] / (2 * pi * self._span)
            growth = np.concatenate([[0.0, 0.0], power[2:] - power[:-2]])
            hertz[0] = hertz[1]
            bad |= _stands_out(hertz, 0.1) | _stands_out(growth, 0.02)
        else:
            bad[:] = True
        shaded = np.convolve(bad, np.ones(2 * _SHADE + 1))[_SHADE : _SHADE + bad.size] > 0.5
        self.good[self._judged : last] = ~shaded[self._judged - low : last - low]
        self._judged = last

    def _frequencies(self, first: int, last: int, *, final: bool) -> NDArray[np.float64]:
        """Return the frequency at grid points first .. last - 1, NaN where nothing near tells.

        Up to the first point that has half a second on either side, and from the last on, the
        straight line there is better, unless it is far from what is nearer.
        """
        low, high = first * STEPS - REACH, (last - 1) * STEPS + REACH + 1
        inside = slice(max(low, 0), max(0, min(high, self._count)))
        good = np.zeros((2, high - low))
        part = slice(inside.start - low, inside.start - low + max(0, inside.stop - inside.start))
        good[0, part] = self.good[inside][: part.stop - part.start]
        good[1, part] = good[0, part] * self.advance[inside][: part.stop - part.start]
        windows = sliding_window_view(good, 2 * REACH + 1, axis=1)[:, ::STEPS]
        sums = np.einsum("spk,fk->spf", windows, self._fit)
        (s0, s1, s2), (t0, t1) = sums[0].T, sums[1, :, :2].T
        known = (s0 > 0.05 * REACH) & (np.abs(s1) < 0.4 * REACH * s0)
        spread = np.where(known, s0 * s2 - s1 * s1, np.nan)
        value, slope = (s2 * t0 - s1 * t1) / spread, (s0 * t1 - s1 * t0) / spread
        most = 2 * pi * self.hertz * self._span
        points = np.arange(first, last)
        for end, beyond in (
            (ceil(REACH / STEPS), np.less),
            ((self._count - 1 - REACH) // STEPS if final else last, np.greater),
        ):
            if first <= end < last:
                line = value[end - first] + slope[end - first] * (points - end) * STEPS
                near = np.abs(line - value) < _AGREED / self.hertz * most
                value = np.where(beyond(points, end) & near, line, value)
        value[~((value > -0.2 * most) & (value < 0.25 * most))] = np.nan
        found: NDArray[np.float64] = value
        return found

    def edges(self, *, final: bool = False) -> NDArray[np.float64]:
        """Return where the next half cycles end, as far as is settled; the first one is `begin`."""
        self._judge(final=final)
        reached = (self._judged - REACH - 1) // STEPS + 1
        if final:
            reached = int((self._length - 1 - self._origin) // self._pitch) + 2
        if reached > self._point + 1:
            self._go_on(reached, final=final)
        if not self._knots.size:
            return np.empty(0)
        positions, phases, speeds = self._knots
        halves = pi * np.arange(self._half, int(phases[-1] // pi) + 1)
        low = np.clip(np.searchsorted(phases, halves, side="right") - 1, 0, phases.size - 2)
        # The speed is a straight line from knot to knot, the phase a parabola.
        rise, beyond = (np.diff(speeds) / self._pitch)[low], halves - phases[low]
        past = 2 * beyond / (speeds[low] + np.sqrt(speeds[low] ** 2 + 2 * rise * beyond))
        edges: NDArray[np.float64] = np.maximum(positions[low] + past, self._begin)
        if final:
            edges = edges[edges <= self._length - 1]
        self._half += edges.size
        return edges

    def _go_on(self, reached: int, *, final: bool) -> None:
        """Integrate the frequency up to a grid point."""
        first = self._point
        if final:  # back to the last point that has half a second on either side
            first = min(first, max(0, (self._count - 1 - REACH) // STEPS))
        found = self._frequencies(first, reached, final=final)[self._point - first :]
        before = self.track[-1:]
        known = np.flatnonzero(~np.isnan(found))
        index = np.concatenate([[-1] * len(before), known])
        if index.size:  # carried on where nothing is known, at the start from what follows
            found = np.interp(np.arange(found.size), index, np.concatenate([before, found[known]]))
        else:
            found = np.zeros(found.size)
        points = np.arange(self._point - len(before), reached)
        positions = self._origin + points * self._pitch
        track = np.concatenate([before, found])
        speed = 2 * pi * self.hertz / self._rate + track / (2 * self.hop)  # [rad] per sample
        phase = np.concatenate([[0.0], np.cumsum((speed[1:] + speed[:-1]) / 2 * self._pitch)])
        if before:  # it goes on from the last knot
            phase += self._knots[1, -1]
        else:  # it is 0 where the first half cycle begins, after one of the knots
            knot = min(int((self._begin - positions[0]) // self._pitch), speed.size - 2)
            past, rise = self._begin - positions[knot], (speed[knot + 1] - speed[knot]) / self._pitch
            phase -= phase[knot] + past * (speed[knot] + rise * past / 2)
        self._knots = np.array([positions, phase, speed])
        self.track += found.tolist()
        self._point = reached

    def disturbed(self, begins: NDArray[np.float64], ends: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Say for windows (fractional indices, up to the last edge) whether all is not undisturbed there."""
        if not self._judged:
            return np.ones(begins.size, bool)
        first, last = (
            np.clip((x - self._origin) // (2 * self.hop), 0, self._judged - 1).astype(int)
            for x in (begins, ends)
        )
        low = int(first[0])
        count = np.concatenate([[0], np.cumsum(~self.good[low : int(last.max()) + 1])])
        hit: NDArray[np.bool_] = count[last + 1 - low] > count[first - low]
        return hit

    def frequency(self) -> tuple[float, float] | None:
        """Return the mean over all that is undisturbed and its uncertainty (k = 2) [Hz].

        None where that is less than two independent stretches of two cycles.
        """
        good = self.good[: self._count]
        count = int(good.sum())
        grid = (np.arange(len(self.track)) - 1 - int(self._origin // self._pitch)) * STEPS
        smooth = np.interp(np.arange(good.size), grid, self.track)
        rest = np.where(good, self.advance[: good.size] - smooth, 0.0)
        whole = good.size // HOPS * HOPS
        steady = good[:whole].reshape(-1, HOPS).all(axis=1)
        if steady.sum() < 2:
            return None
        scatter = rest[:whole].reshape(-1, HOPS).sum(axis=1)[steady].std(ddof=1)
        runs = 1 + int((good[1:] & ~good[:-1]).sum())
        span = 2 * pi * count * self._span
        mean = float(smooth[good].sum()) / span
        return self.hertz + mean, 2 * float(scatter) * sqrt(runs) / span
