"""Flicker: the meter of IEC 61000-4-15:2010 (Edition 2), as a stream.

The square of the voltage is averaged over short runs of samples first: what such a mean
folds down onto the flicker band lies beside a multiple of its rate, where it has zeros.
All else runs at that rate of 2 to 4 kS/s, in double precision.

The voltage is divided by its RMS, one cycle at a time, through a first-order filter of
27.3 s; until that long has passed, by the mean of the cycles so far. The filters start
settled for a steady voltage. What is left of the start has gone after `SETTLING`: these
first 5 s, and 5 s after a spoilt sample, are left out of the statistics. A direct
component is not removed: one of 0.4 % of the voltage adds 0.03 to Pst at the most.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, pi
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from hil.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Lamp:
    """Response of a lamp, the eye and the brain: block 3 of IEC 61000-4-15:2010."""

    k: float
    decay: float
    """lambda / 2 pi [Hz]"""
    w1: float
    """w1 / 2 pi to w4 / 2 pi [Hz]."""
    w2: float
    w3: float
    w4: float
    depth: float
    """dU/U of the sine of 8.8 Hz whose largest sensation is 1 [pu]."""


LAMPS: Final[Mapping[int, Lamp]] = {
    230: Lamp(1.74802, 4.05981, 9.15494, 2.27979, 1.22535, 21.9, 0.00250),
    120: Lamp(1.6357, 4.167375, 9.077169, 2.939902, 1.394468, 17.31512, 0.00321),
}
CORNER: Final = {50: 35.0, 60: 42.0}
"""Corner of the sixth-order Butterworth filter for each line frequency [Hz]."""
SETTLING: Final = 5.0
"""[s]"""
RATE: Final = 2000.0
"""Rate of the averaged square: at least this, if the samples allow [Hz]."""
LEAST: Final = 8
"""Samples per cycle below which the meter refuses to work."""
KEPT: Final = 200.0
"""Rate of the values that the statistics are made of: at least this [Hz]."""
_POINTS: Final = (
    ((0.1,), 0.0314),
    ((0.7, 1.0, 1.5), 0.0525),
    ((2.2, 3.0, 4.0), 0.0657),
    ((6.0, 8.0, 10.0, 13.0, 17.0), 0.28),
    ((30.0, 50.0, 80.0), 0.08),
)


@dataclass(frozen=True, eq=False)
class Flicker:
    """Short-term flicker of each channel."""

    lamp: int
    """120 or 230 [V]."""
    begin: NDArray[np.float64]
    """Begin of each observation period, shape (periods,) [s]."""
    end: NDArray[np.float64]
    """Its end [s]."""
    pst: NDArray[np.float64]
    """Shape (channels, periods); NaN where a period is spoilt."""
    time: NDArray[np.float64]
    """Instants of `pinst` [s], shape (m,), about one a second."""
    pinst: NDArray[np.float64]
    """Largest instantaneous flicker sensation since the instant before, shape (channels, m)."""


def short_term(pinst: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return Pst of instantaneous sensations, shape (..., n) -> (...): IEC 61000-4-15, 5.7.2.

    Levels exceeded for a share of the time are read off the sorted values themselves,
    with straight lines between them: no classes.
    """
    shares = [share for points, _ in _POINTS for share in points]
    weights = [weight / len(points) for points, weight in _POINTS for _ in points]
    levels = np.quantile(pinst, 1 - np.array(shares) / 100, axis=-1)
    pst: NDArray[np.float64] = np.sqrt(np.tensordot(weights, levels, axes=1))
    return pst


def long_term(pst: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return Plt of each twelve short-term values, shape (..., n) -> (..., n // 12); NaN if one is NaN."""
    whole = pst.shape[-1] // 12
    twelve = pst[..., : 12 * whole].reshape(*pst.shape[:-1], whole, 12)
    plt: NDArray[np.float64] = np.cbrt((twelve**3).mean(axis=-1))
    return plt


def _filters(rate: float, hertz: int, lamp: Lamp) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Return the sections before and after the squarer, and the scale that the 8.8 Hz sine sets."""
    from scipy import signal  # noqa: PLC0415 - keeps `hil --help` quick

    turn = 2 * pi
    w1, w2, w3, w4, decay = (turn * x for x in (lamp.w1, lamp.w2, lamp.w3, lamp.w4, lamp.decay))
    # Blocks 3 of the standard: high-pass of 0.05 Hz, and the weighting filter.
    zeros, poles = [0.0, 0.0, -w2], [-turn * 0.05, *np.roots([1, 2 * decay, w1**2]), -w3, -w4]
    shaped = signal.zpk2sos(*signal.bilinear_zpk(zeros, poles, lamp.k * w1 * w3 * w4 / w2, rate))
    before = np.vstack([signal.butter(6, CORNER[hertz], fs=rate, output="sos"), shaped])
    after = signal.zpk2sos(*signal.bilinear_zpk([], [-1 / 0.3], 1 / 0.3, rate))
    # Of 1 V with the depth d the square holds d cos; filtered and squared, (d F)^2 / 2 (1 + cos of twice it).
    gain = abs(signal.freqz_sos(before, [8.8], fs=rate)[1][0])
    ripple = abs(signal.freqz_sos(after, [2 * 8.8], fs=rate)[1][0])
    return before, after, float(1 / ((lamp.depth * gain) ** 2 / 2 * (1 + ripple)))


def _settled(sections: NDArray[np.float64], channels: int) -> NDArray[np.float64]:
    """Return the state of filters that have long been fed with ones, shape (sections, channels, 2)."""
    from scipy import signal  # noqa: PLC0415 - keeps `hil --help` quick

    state: NDArray[np.float64] = np.repeat(signal.sosfilt_zi(sections)[:, None], channels, axis=1)
    return state


class _Statistics:
    """Sorts sensations into observation periods, and keeps the largest of each second."""

    def __init__(self, channels: int, rate: float, period: float) -> None:
        self._rate, self._period = rate, period
        self._levels = np.empty((channels, ceil(period * rate) + 1))
        self._spoilt = np.zeros(channels, bool)
        self._filled = self._taken = 0
        self.pst: list[NDArray[np.float64]] = []
        self._second: NDArray[np.float64] = np.empty((channels, 0))
        self.peaks: list[NDArray[np.float64]] = [self._second]
        self.length = ceil(rate)

    def add(self, pinst: NDArray[np.float64], spoilt: NDArray[np.bool_]) -> None:
        """Take the next sensations, shape (channels, n): NaN is left out, spoilt spoils the period."""
        second = np.hstack([self._second, pinst])
        whole = second.shape[1] // self.length * self.length
        self.peaks.append(second[:, :whole].reshape(len(pinst), -1, self.length).max(axis=2))
        self._second = second[:, whole:]
        first = 0
        while first < pinst.shape[1]:
            end = ceil((len(self.pst) + 1) * self._period * self._rate)
            last = min(pinst.shape[1], first + end - self._taken)
            filled = self._filled + last - first
            self._levels[:, self._filled : filled] = pinst[:, first:last]
            self._spoilt |= spoilt[:, first:last].any(axis=1)
            self._filled, self._taken, first = filled, self._taken + last - first, last
            if self._taken == end:
                self.pst.append(self.running())
                self._filled, self._spoilt[:] = 0, False

    def running(self) -> NDArray[np.float64]:
        """Return Pst of each channel over the period under way."""
        known = [row[~np.isnan(row)] for row in self._levels[:, : self._filled]]
        return np.array(
            [
                short_term(row) if row.size and not spoilt else np.nan
                for row, spoilt in zip(known, self._spoilt, strict=True)
            ]
        )


class Flickermeter:
    """Fed with consecutive blocks of voltages, returns Pst.

    The result does not depend on the length of the blocks. rate [Hz], hertz: 50 or 60,
    lamp: 120 or 230 [V], period: observation period of Pst [s]. Raises `ConfigError` where
    the meter is not defined, or `rate` is below `LEAST` samples per cycle.
    """

    def __init__(self, rate: float, channels: int, *, hertz: int, lamp: int, period: float = 600.0) -> None:
        if hertz not in CORNER or lamp not in LAMPS:
            raise ConfigError(
                f"flicker: there is no lamp of {lamp} V at {hertz} Hz; choose 120 or 230 V, 50 or 60 Hz"
            )
        if rate < LEAST * hertz:
            raise ConfigError(
                f"flicker: {rate:g} samples per second are too few; at {hertz} Hz it takes {LEAST * hertz}"
            )
        self._run = max(1, int(rate // RATE))  # samples to one mean
        self._runs = round(rate / self._run / hertz)  # means to one cycle
        slow = rate / self._run
        self._step = max(1, int(slow // KEPT))  # means to one value kept
        self._lamp, self._rate, self._period, self._channels = lamp, rate, period, channels
        self._before, self._after, self._scale = _filters(slow, hertz, LAMPS[lamp])
        self._shaping, self._smoothing = _settled(self._before, channels), np.zeros((1, channels, 2))
        self._forget = self._runs / slow / 27.3
        self._good = np.zeros(channels, int)  # cycles so far that were not spoilt
        self._total = np.zeros(channels)  # of their RMS, until 27.3 s have passed
        self._level = np.zeros(channels)  # what the last one was divided by
        self._statistics = _Statistics(channels, slow / self._step, period)
        self._settling = ceil(SETTLING * slow / self._step)
        self._restless = np.full((channels, 1), self._settling)  # values to come that are left out
        self._rest: NDArray[Any] = np.empty((channels, 0))
        self._rest_spoilt = np.empty(0, bool)
        self._fed = self._cycles = 0

    def feed(self, samples: NDArray[Any], spoilt: NDArray[np.bool_] | None = None) -> None:
        """Take the next samples, shape (channels, n) [V]; spoilt: shape (n,), missing or clipped."""
        n = samples.shape[1]
        flags = np.zeros(n, bool) if spoilt is None else spoilt
        self._fed += n
        cycle, head = self._run * self._runs, 0
        if self._rest.shape[1]:  # complete the cycle that was cut, so that the rest need not be copied
            head = min(cycle - self._rest.shape[1], n)
            self._rest = np.hstack([self._rest, samples[:, :head]])
            self._rest_spoilt = np.concatenate([self._rest_spoilt, flags[:head]])
            if self._rest.shape[1] < cycle:
                return
            self._take(self._rest, self._rest_spoilt)
        last = head + (n - head) // cycle * cycle
        if last > head:
            self._take(samples[:, head:last], flags[head:last])
        self._rest, self._rest_spoilt = samples[:, last:].copy(), flags[last:].copy()

    def result(self) -> Flicker:
        """Return what the meter has seen so far; times count from the first sample.

        A last period that is short of less than a cycle counts.
        """
        pst = list(self._statistics.pst)
        if self._fed > (len(pst) + 1) * self._period * self._rate - self._run * self._runs:
            pst.append(self._statistics.running())
        begin = self._period * np.arange(float(len(pst)))
        peaks = np.hstack(self._statistics.peaks)
        second = self._statistics.length * self._step * self._run / self._rate
        return Flicker(
            lamp=self._lamp,
            begin=begin,
            end=begin + self._period,
            pst=np.array(pst).T.reshape(self._channels, len(pst)),
            time=second * np.arange(1, peaks.shape[1] + 1),
            pinst=peaks,
        )

    def _take(self, samples: NDArray[Any], spoilt: NDArray[np.bool_]) -> None:
        """Move the meter on by whole cycles."""
        from scipy import signal  # noqa: PLC0415 - keeps `hil --help` quick

        channels = self._channels
        runs = samples.reshape(channels, -1, self._run)
        square = np.einsum("cnk,cnk->cn", runs, runs).astype(float) / self._run
        square = square.reshape(channels, -1, self._runs)
        rms = np.sqrt(square.mean(axis=2))
        bad = spoilt.reshape(-1, self._run * self._runs).any(axis=1) | ~np.isfinite(rms)
        bad |= rms == 0  # a dead channel does not flicker: there is nothing to tell
        level = self._levels(rms, ~bad)
        relative = np.ones_like(square)  # a spoilt cycle passes as a steady voltage
        np.divide(square, level[..., None] ** 2, out=relative, where=~bad[..., None])
        relative = relative.reshape(channels, -1)
        shaped, self._shaping = signal.sosfilt(self._before, relative, axis=-1, zi=self._shaping)
        np.multiply(shaped, shaped, out=shaped)
        pinst, self._smoothing = signal.sosfilt(self._after, shaped, axis=-1, zi=self._smoothing)
        kept = np.arange(-self._cycles * self._runs % self._step, pinst.shape[1], self._step)
        self._cycles += rms.shape[1]
        if kept.size:
            self._keep(self._scale * pinst[:, kept], bad[:, kept // self._runs])

    def _levels(self, rms: NDArray[np.float64], good: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Return what each good cycle is divided by: the filtered RMS of those up to it [V]."""
        from scipy import signal  # noqa: PLC0415 - keeps `hil --help` quick

        levels = np.ones_like(rms)
        for k in range(self._channels):
            row = rms[k, good[k]]
            count = self._good[k] + np.arange(1, row.size + 1)
            early = int((count * self._forget < 1).sum())
            total = np.cumsum([self._total[k], *row[:early]])
            level = np.append(self._level[k], total[1:] / count[:early])
            if early < row.size:
                fade = 1 - self._forget
                state = [fade * level[-1]]
                slow = signal.lfilter([self._forget], [1, -fade], row[early:], zi=state)[0]
                level = np.concatenate([level, slow])
            self._good[k] += row.size
            self._total[k], self._level[k] = total[-1], level[-1]
            levels[k, good[k]] = level[1:]
        return levels

    def _keep(self, pinst: NDArray[np.float64], spoilt: NDArray[np.bool_]) -> None:
        """Hand sensations to the statistics, without those that the filters have not settled for."""
        index = np.arange(pinst.shape[1])
        until = np.where(spoilt, index + self._settling, 0)
        until = np.maximum.accumulate(np.maximum(until, self._restless), axis=1)
        self._restless = np.maximum(until[:, -1:] - index.size, 0)
        self._statistics.add(np.where(spoilt | (index < until), np.nan, np.maximum(pinst, 0.0)), spoilt)
