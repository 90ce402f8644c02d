"""What a unit is to make of a load that it buffers, and how much of the load's swings is left."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from hil.analysis.buffering.metrics import PERIODS, band_powers

if TYPE_CHECKING:
    from numpy.typing import NDArray

SWINGS: Final = (0.1, 20.0)
"""Where alternating energy is counted [Hz]."""


def limited(load: NDArray[np.float64], rate: float, ramp: float, start: float) -> NDArray[np.float64]:
    """Return a power that follows a load with at most a ramp [W/s], from a power on [W]; rate [Hz].

    load: as it is, not a mean over a cycle, from which each edge would seem to pass the limited power some
    milliseconds early or late; what the limiter makes of that adds up.
    """
    step, now, found = ramp / rate, start, []
    for power in load.tolist():
        now += max(-step, min(step, power - now))
        found.append(now)
    return np.array(found)


def over_windows(
    values: NDArray[np.float64], rate: float, seconds: float, every: int = 1
) -> NDArray[np.float64]:
    """Return the means over a sliding window [s], which need not be whole samples long; rate [Hz].

    The first is that of the first window; from one to the next it moves on by so many samples.
    """
    width = seconds * rate
    total = np.concatenate(([0.0], np.cumsum(values, dtype=float)))
    begins = np.arange(0, int(values.size - width) + 1, every)
    ends = np.interp(begins + width, np.arange(total.size), total)
    found: NDArray[np.float64] = (ends - total[begins]) / width
    return found


def energy_ratio(
    load: NDArray[np.float64], grid: NDArray[np.float64], rate: float, resolution: float
) -> tuple[float | None, float]:
    """Return the alternating energy of the grid's power over that of the load's, and from which frequency on.

    In `SWINGS`, or from the slowest that the record can tell [Hz]. None where the load does not swing.
    """
    from scipy.fft import prev_fast_len  # noqa: PLC0415 - slow to import

    size = prev_fast_len(load.size, real=True)  # what the transform looks at
    low = max(SWINGS[0], PERIODS * rate / size * (1 + 1e-9))
    if low >= SWINGS[1]:
        return None, low
    parts = [float(band_powers(p, rate, resolution, ((low, SWINGS[1]),)).rms[0]) for p in (load, grid)]
    if not (np.isfinite(parts).all() and parts[0] > 0):
        return None, low
    return (parts[1] / parts[0]) ** 2, low
