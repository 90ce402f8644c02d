"""Fewer samples for a lower band, with nothing folded into it and nothing invented at the ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_STOP = 70.0
"""Attenuation of what would fold into the band [dB]."""


@dataclass(frozen=True, eq=False)
class Decimated:
    """Samples at a lower rate."""

    samples: NDArray[np.float64]
    """Shape (channels, n)."""
    rate: float
    """[Hz]"""
    first: float
    """Time of the first one after the first one given [s]."""
    step: int
    """Samples given to one kept."""
    taps: NDArray[np.float64]
    """Symmetrical filter that they passed, at the rate given; one tap of 1 where there was none."""

    def gain(self, pole: NDArray[np.complex128]) -> NDArray[np.complex128]:
        """Return what the filter makes of exp(pole t), shape (k,) -> (k,); pole [1/s]."""
        away = np.arange(self.taps.size) - (self.taps.size - 1) / 2
        turn: NDArray[np.complex128] = np.exp(np.outer(pole, away / (self.step * self.rate)))
        gain: NDArray[np.complex128] = turn @ self.taps
        return gain


def decimate(samples: NDArray[Any], rate: float, high: float, oversampling: float) -> Decimated:
    """Return samples, shape (channels, n), at no less than oversampling * high, flat up to `high` [Hz].

    Only where the filter lies wholly inside the record: a damped sinusoid stays exactly one.
    Empty where the record is shorter than the filter.
    """
    step = int(rate / (oversampling * high))
    if step < 2:
        return Decimated(np.asarray(samples, float), rate, 0.0, 1, np.ones(1))
    from scipy import signal  # noqa: PLC0415 - keeps `hil --help` quick

    stop = rate / step - high
    count, beta = signal.kaiserord(_STOP, (stop - high) / (rate / 2))
    taps = signal.firwin(count | 1, (high + stop) / 2, window=("kaiser", beta), fs=rate)
    begin = -(-(taps.size - 1) // step)
    kept = signal.upfirdn(taps, samples, 1, step, axis=-1)[:, begin : (samples.shape[1] - 1) // step + 1]
    first = (begin * step - (taps.size - 1) / 2) / rate
    return Decimated(np.ascontiguousarray(kept, float), rate / step, first, step, taps)
