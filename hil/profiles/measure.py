"""What a profile demands: ramps, bands, spectrum; each only as fast as the profile is honest.

The analysis of captures lays a window over the record, which suits what goes on and on. A profile may be a
sweep or a single step, whose ends count as much as its middle. So its spectrum is that of the whole,
played again and again, with the line from its first to its last power taken off: no window, no leakage
from end to end, and Parseval's theorem holds exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np

from hil.analysis.buffering.metrics import (
    BANDS,
    PASSED,
    PERIODS,
    RAMP_WINDOWS,
    RANGE_WINDOWS,
    Bands,
    ranges,
)

if TYPE_CHECKING:
    from hil.profiles.profile import Array, Profile

RATE: Final = 2000.0
"""Of the means that bands are taken from [Hz]: at 100 Hz they lose 0.4 %."""
SAMPLES: Final = 1 << 21
"""Means at most; a longer profile gets a lower rate."""


@dataclass(frozen=True, eq=False)
class Demand:
    """Ramps, ranges and bands of a profile; None or NaN where it cannot tell."""

    falls: tuple[float | None, ...]
    """Steepest fall in each of `RAMP_WINDOWS` [unit/s], not positive."""
    rises: tuple[float | None, ...]
    """Steepest rise in each [unit/s]."""
    spans: tuple[float | None, ...]
    """Largest difference of highest and lowest power in each of `RANGE_WINDOWS`, of means over 1 / rate."""
    bands: Bands
    """In `BANDS`."""
    frequency: Array
    """Of the spectrum, without zero, up to the bandwidth [Hz]."""
    rms: Array
    """At each frequency."""


def demand(profile: Profile) -> Demand:
    """Return what a profile demands of what supplies it."""
    power, rate = means(profile)
    resolution = PASSED / profile.bandwidth

    def told(window: float) -> bool:
        return resolution <= window * (1 + 1e-9) and window * (1 + 1e-6) < profile.duration

    ramps = [steepest(profile, window) if told(window) else None for window in RAMP_WINDOWS]
    counts = [round(window * rate) if told(window) else 0 for window in RANGE_WINDOWS]
    square, frequency = spectrum(profile)
    shown = (frequency > 0.0) & (frequency <= min(profile.bandwidth, PASSED * rate))
    return Demand(
        tuple(None if ramp is None else ramp[0] for ramp in ramps),
        tuple(None if ramp is None else ramp[1] for ramp in ramps),
        tuple(float(ranges(power, n).max()) if 1 <= n < power.size else None for n in counts),
        in_bands(profile),
        frequency[shown],
        np.sqrt(square[shown]),
    )


def means(profile: Profile) -> tuple[Array, float]:
    """Return means over equal steps that cover the profile, and their rate [Hz]."""
    from scipy.fft import next_fast_len  # noqa: PLC0415 - slow to import

    count = next_fast_len(max(16, int(min(profile.duration * RATE, SAMPLES))), real=True)
    edges = np.linspace(profile.time[0], profile.time[-1], count + 1)
    rate = count / profile.duration
    return np.diff(profile.energy_until(edges)) * rate, rate


def spectrum(profile: Profile) -> tuple[Array, Array]:
    """Return the mean square at each frequency, and the frequencies [Hz]; zero has none."""
    from scipy.fft import rfft, rfftfreq  # noqa: PLC0415 - slow to import

    power, rate = means(profile)
    square = 2.0 * np.abs(rfft(power - _trend(profile, power.size)) / power.size) ** 2
    if power.size % 2 == 0:
        square[-1] /= 2.0  # Nyquist stands for itself alone
    square[0] = 0.0
    frequency: Array = rfftfreq(power.size, 1.0 / rate)
    return square, frequency


def in_bands(profile: Profile) -> Bands:
    """Return the alternating power in `BANDS`: a tone on an edge belongs to the band above it."""
    from scipy.fft import irfft, rfft  # noqa: PLC0415 - slow to import

    power, rate = means(profile)
    square, frequency = spectrum(profile)
    edges = [band[0] for band in BANDS] + [BANDS[-1][1]]
    begins = np.searchsorted(frequency, np.array(edges) * (1 - 1e-9))
    parts = np.array([square[a:b].sum() for a, b in pairwise([0, *begins.tolist(), square.size])])
    shares = parts / (parts.sum() or 1.0)
    highest = PASSED / max(PASSED / profile.bandwidth, 1.0 / rate)
    told = np.array([low * profile.duration >= PERIODS and high <= highest for low, high in BANDS])
    whole = rfft(power - _trend(profile, power.size))
    peaks = np.full(len(BANDS), np.nan)
    for k in np.flatnonzero(told):
        inside = np.zeros_like(whole)
        inside[begins[k] : begins[k + 1]] = whole[begins[k] : begins[k + 1]]
        peaks[k] = np.abs(irfft(inside, power.size)).max()
    empty = parts[1:-1] < (1e-9 * profile.power.max()) ** 2  # what arithmetic leaves
    parts[1:-1][empty] = shares[1:-1][empty] = peaks[told & empty] = 0.0
    rms = np.where(told, np.sqrt(parts[1:-1]), np.nan)
    share = np.where(told, shares[1:-1], np.nan)
    return Bands(rms, peaks, share, float(shares[0]), float(shares[-1]), float(np.sqrt(parts.sum())))


def _trend(profile: Profile, count: int) -> Array:
    """Return the line from the first power to the last, at the middles of so many steps."""
    first, last = float(profile.power[0]), float(profile.power[-1])
    return first + (last - first) * (np.arange(count) + 0.5) / count


def above(profile: Profile, bandwidth: float) -> float:
    """Return the share of the alternating energy above a frequency [Hz]."""
    square, frequency = spectrum(profile)
    return float(square[frequency > bandwidth].sum() / (square.sum() or 1.0))


def steepest(profile: Profile, window: float) -> tuple[float, float]:
    """Return the steepest fall and rise over a window W [unit/s]: the extremes of (p(t + W) - p(t)) / W.

    Exact: the difference changes its course only where t or t + W is a point. It is taken there where lines
    join the points, and between these instants where values are held.
    """
    first, last = profile.time[0], profile.time[-1] - window
    begins = np.unique(np.clip(np.concatenate((profile.time, profile.time - window)), first, last))
    if profile.held:
        apart = np.diff(begins) > 1e-9 * window  # a point and one a window later, but for rounding
        begins = 0.5 * (begins[:-1] + begins[1:])[apart]
    changes = profile.at(begins + window) - profile.at(begins)
    noise = 1e-12 * float(profile.power.max())  # of the arithmetic: what is periodic does not change
    fall, rise = float(changes.min()), float(changes.max())
    return (fall if fall < -noise else 0.0) / window, (rise if rise > noise else 0.0) / window
