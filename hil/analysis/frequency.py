"""The line frequency, measured from the samples.

The phase advance of one-cycle phasors, summed over the channels with the weight of
their power: a dead phase counts nothing, a lone phase is enough, the phase order does
not matter. A jump of phase or amplitude spoils the windows that it falls into; they
stand out, and the longest steady run between them is fitted with a straight line
(least squares on the phase; D. C. Rife and R. R. Boorstyn, 1974,
doi:10.1109/TIT.1974.1055282, gives the bound).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import pi, sqrt
from typing import TYPE_CHECKING, Any

import numpy as np

from hil.analysis.phasor import sliding_phasors

if TYPE_CHECKING:
    from numpy.typing import NDArray

RANGE = (42.5, 69.0)
"""IEC 61000-4-30 class A measures from 42.5 to 57.5 and from 51 to 69 Hz [Hz]."""
_EDGE = 0.01
"""What a measured value may lie outside, so that the limits themselves belong to the range [Hz]."""
_STEPS = 8
"""Phasors per half cycle."""
LEAST = 10
"""Samples per cycle below which nothing is told: RMS, phasors and instants would be wrong."""


@dataclass(frozen=True, eq=False)
class LineFrequency:
    """A measured line frequency."""

    value: float
    """[Hz]"""
    uncertainty: float
    """Expanded (k = 2), from the scatter of the phase about the straight line [Hz]."""
    first: int
    """Index of the first sample of the steady run that it was measured in."""
    last: int
    """Index of its last sample."""
    ends: NDArray[np.intp]
    """Index of the last sample of each window of `track`."""
    track: NDArray[np.float64]
    """Frequency over one and a half cycles [Hz]; NaN where no voltage was there to tell."""


def _coarse(samples: NDArray[Any], rate: float) -> float | None:
    """Return the strongest line between 40 and 72 Hz, or None where nothing stands out [Hz]."""
    from scipy.fft import next_fast_len, rfft  # noqa: PLC0415 - keeps `hil --help` quick

    step = max(1, int(rate // 2000))
    n = samples.shape[1] // step
    thin = np.einsum("cnk->cn", samples[:, : n * step].reshape(len(samples), n, step)) / step
    thin = (thin - thin.mean(axis=1, keepdims=True)) * np.hanning(n)
    size = next_fast_len(max(4 * n, round(4 * rate / step)), real=True)  # bins of 0.25 Hz or less
    power = (np.abs(rfft(thin, size, axis=1)) ** 2).sum(axis=0)
    hertz = np.arange(power.size) * rate / step / size
    near = (hertz > 40) & (hertz < 72)
    if not near.any() or power[near].max() < 1e-3 * power.max() or power[near].max() == 0:
        return None
    return float(hertz[near][power[near].argmax()])


def _longest_run(flags: NDArray[np.bool_]) -> tuple[int, int]:
    """Return begin and end of the longest run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    begins, ends = edges[::2], edges[1::2]
    if not begins.size:
        return 0, 0
    longest = (ends - begins).argmax()
    return int(begins[longest]), int(ends[longest])


def _near(values: NDArray[np.float64], alive: NDArray[np.bool_], least: float) -> NDArray[np.bool_]:
    """Say which values lie about the median, within five times their scatter, or `least` if that is more."""
    away = np.abs(values - np.median(values[alive]))
    near: NDArray[np.bool_] = away < max(least, 5 * 1.4826 * float(np.median(away[alive])))
    return near


def line_frequency(samples: NDArray[Any], rate: float) -> LineFrequency | None:
    """Return the line frequency, or None where it cannot be determined.

    samples: finite voltages, shape (channels, n), rate [Hz]. It needs two cycles
    between disturbances and `LEAST` samples per cycle, and takes what lies in `RANGE`.
    """
    hertz = _coarse(samples, rate) if samples.size and samples.shape[1] > 2 * rate / RANGE[1] else None
    if hertz is None:
        return None
    for _ in range(4):  # a better cycle suppresses the image better, which gives a better cycle
        hop = max(1, round(rate / hertz / 2 / _STEPS))
        ends, phasors = sliding_phasors(samples, rate / hertz, hop)
        if ends.size < _STEPS + 3:
            return None
        lag = min(_STEPS, ends.size // 2)
        advance = (phasors[:, lag:] * np.conj(phasors[:, :-lag])).sum(axis=0)
        track = hertz + np.angle(advance) * rate / (2 * pi * lag * hop)
        alive = np.abs(advance) > 0.01 * np.abs(advance).max()
        size = (phasors.real**2 + phasors.imag**2).sum(axis=0)
        growth = np.log(np.maximum(size[lag:], 1e-300) / np.maximum(size[:-lag], 1e-300))
        spoilt = ~(_near(track, alive, 0.1) & _near(growth, alive, 0.02) & alive)
        # A window that touches a disturbance only just looks steady: its neighbours are left out too.
        around = np.convolve(spoilt, np.ones(2 * _STEPS + 1))[_STEPS : _STEPS + spoilt.size]
        begin, end = _longest_run(around < 0.5)
        if end - begin < 2:
            return None
        # Phasors begin .. end+lag-1 belong to the run; their phase is the running sum of small advances.
        steady = phasors[:, begin : end + lag]
        phase = np.cumsum(np.angle((steady[:, 1:] * np.conj(steady[:, :-1])).sum(axis=0)))
        x = (np.arange(phase.size) - (phase.size - 1) / 2) * hop / rate
        slope = (x @ phase) / (x @ x)
        hertz = float(hertz + slope / (2 * pi))
        if not RANGE[0] - _EDGE <= hertz <= RANGE[1] + _EDGE or rate < LEAST * hertz:
            return None
        if abs(slope) < 1e-3:  # 0.16 mHz: the cycle is as good as it gets
            break
    residue = phase - phase.mean() - slope * x
    # Windows overlap: only every (2 * _STEPS)th phasor is independent.
    uncertainty = 2 * sqrt(float(residue @ residue) / phase.size / float(x @ x) * 2 * _STEPS) / (2 * pi)
    first, last = max(0, int(ends[begin] - rate / hertz)), int(ends[end + lag - 1])
    part = samples[:, first : last + 1]
    everything = (np.einsum("cn,cn->c", part, part) / part.shape[1] - part.mean(axis=1) ** 2).sum()
    if (np.abs(steady) ** 2).sum(axis=0).mean() < 0.5 * everything:  # noise has a phase too
        return None
    return LineFrequency(
        value=hertz,
        uncertainty=uncertainty,
        first=first,
        last=last,
        ends=ends[lag:],
        track=np.where(alive, track, np.nan),
    )
