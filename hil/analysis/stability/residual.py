"""What still swings in a record that should be quiet: the largest line of its spectrum.

No test for significance: noise counts as swinging, so that the value is an upper bound. Where
the record is long enough, `oscillation` tells oscillations from noise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEAST: Final = 2.0
"""Periods of the lowest frequency, below which nothing is told."""
_FINER: Final = 4  # bins closer by this: a line between two is 2 % low at most, not 15 %


@dataclass(frozen=True, slots=True)
class Residual:
    """The largest line."""

    amplitude: float
    """Peak value of the sinusoid, in the unit of the samples."""
    frequency: float
    """[Hz]"""


def residual(samples: NDArray[Any], rate: float, band: tuple[float, float]) -> Residual | None:
    """Return the largest line in a band [Hz] of samples, shape (n,); None: too short, or samples missing.

    A parabola is taken off first, and a Hann window laid over, so that what drifts does not count.
    """
    x = np.asarray(samples, float)
    low, high = band
    if x.size < LEAST * rate / low or not np.isfinite(x).all():
        return None
    t = np.linspace(-1.0, 1.0, x.size)
    x = x - np.polynomial.Polynomial.fit(t, x, 2)(t)
    window = np.hanning(x.size)
    size = _FINER * x.size
    lines = 2.0 * np.abs(np.fft.rfft(x * window, size)) / window.sum()
    hertz = np.arange(lines.size) * rate / size
    inside = np.flatnonzero((hertz >= low) & (hertz <= high))
    if not inside.size:
        return None
    k = int(inside[lines[inside].argmax()])
    return Residual(float(lines[k]), float(hertz[k]))
