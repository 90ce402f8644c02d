"""Flicker: the meter of IEC 61000-4-15:2010 (Edition 2), as a stream."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


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


class Flickermeter:
    """Fed with consecutive blocks of voltages, returns Pst."""

    def __init__(self, rate: float, channels: int, *, hertz: int, lamp: int, period: float = 600.0) -> None:
        raise NotImplementedError

    def feed(self, samples: NDArray[Any], spoilt: NDArray[np.bool_] | None = None) -> None:
        """Take the next samples, shape (channels, n) [V]; spoilt: shape (n,), missing or clipped."""
        raise NotImplementedError

    def result(self) -> Flicker:
        """Return what the meter has seen so far; times count from the first sample."""
        raise NotImplementedError
