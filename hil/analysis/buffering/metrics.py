"""How much of the swings of a load a unit keeps from the grid: ramps, ranges, bands, transfer, tracking.

Powers at a uniform rate: p(t) of the load and of the grid, or powers of cycles or half cycles.
What is faster than the source resolves is not determinable: the power of a cycle has no slope
over a millisecond, however finely it is interpolated.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
RAMP_WINDOWS: Final = (0.001, 0.1, 1.0)
"""Over which slopes are taken [s]."""
RANGE_WINDOWS: Final = (0.1, 1.0, 5.0, 60.0)
"""In which highest and lowest power are compared [s]."""
BANDS: Final = ((0.1, 1.0), (1.0, 2.5), (2.5, 7.0), (7.0, 20.0), (20.0, 55.0), (55.0, 100.0))
"""Inter-area; closely coupled sources; controls; their upper part; torsional modes, in two [Hz]."""
PERIODS: Final = 4
"""Periods of its lower edge that a record must hold for a band to be told from its neighbour."""
PASSED: Final = 0.443
"""Frequency at which a mean over a window has lost 3 dB, times the window."""
COHERENT: Final = 0.8
"""Magnitude-squared coherence from which on a transfer is believed."""
_SEGMENTS = 8  # fewer, and the coherence of unrelated signals is high by itself
_LOADED = 1e-6  # of the largest density: below it is leakage of the Blackman-Harris window (-92 dB)


def samples_in(window: float, rate: float, size: int, resolution: float) -> int | None:
    """Return the samples in a window [s]; None where the source or the record cannot resolve it."""
    count = round(window * rate)
    usable = count >= 1 and count < size and window >= resolution * (1 - 1e-9)
    return count if usable and abs(count - window * rate) <= 0.1 * count else None


def ramps(power: NDArray[np.float64], rate: float, samples: int) -> tuple[float, float]:
    """Return the steepest fall and rise [W/s]: the extremes of (p(t + W) - p(t)) / W.

    W is `samples` long. This is the mean slope over the window; a least-squares slope would read
    a step inside the window half as much again.
    """
    change = power[samples:] - power[:-samples]
    return float(change.min()) * rate / samples, float(change.max()) * rate / samples


def ranges(power: NDArray[np.float64], samples: int) -> NDArray[np.float64]:
    """Return the difference of highest and lowest power in each window of samples + 1 samples [W]."""
    from scipy.ndimage import maximum_filter1d, minimum_filter1d  # noqa: PLC0415 - slow to import

    size = samples + 1
    inside = slice(size // 2, power.size - (size - 1) // 2)
    highest: NDArray[np.float64] = maximum_filter1d(power, size)[inside]
    lowest: NDArray[np.float64] = minimum_filter1d(power, size)[inside]
    return highest - lowest


def band_pass(power: NDArray[np.float64], rate: float, low: float, high: float) -> NDArray[np.float64]:
    """Return the part of a power between two frequencies [Hz], in phase.

    Butterworth of second order at each edge, forward and backward, with its corners moved so
    that the edges are at -3 dB; `high` is at most 0.4 of the rate. From peak to peak a step of the
    power reads up to 8 % high. The first and last 1 / low seconds are unsettled.
    """
    from scipy.signal import butter, sosfiltfilt  # noqa: PLC0415 - slow to import

    moved = (np.sqrt(2) - 1) ** 0.25  # 1 / (1 + x^4) = 1 / sqrt(2)
    upper = butter(2, low * moved, "highpass", fs=rate, output="sos")
    sections = np.vstack([upper, butter(2, high / moved, "lowpass", fs=rate, output="sos")])
    pad = min(power.size - 1, round(3 * rate / low))
    found: NDArray[np.float64] = sosfiltfilt(sections, power - power.mean(), padlen=pad)
    return found


@dataclass(frozen=True, eq=False)
class Bands:
    """Alternating power in bands; NaN where a band cannot be told."""

    rms: NDArray[np.float64]
    """Shape (bands,) [W]."""
    peak: NDArray[np.float64]
    """Largest deviation of the part in the band, 1 / low from the ends of the record [W]."""
    share: NDArray[np.float64]
    """Of the alternating energy, per unit."""
    below: float
    """Share below the first band."""
    above: float
    """Share above the last band; shares of adjoining bands, `below` and `above` add up to 1."""
    total: float
    """RMS of the whole alternating power, its trend taken off [W]."""


def band_powers(
    power: NDArray[np.float64],
    rate: float,
    resolution: float,
    bands: Sequence[tuple[float, float]] = BANDS,
) -> Bands:
    """Return the alternating power in adjoining bands [Hz].

    A straight line is taken off, a Hann window laid over the record, and its energy shared out
    by Parseval's theorem: low <= f < high. Shares are of the windowed record, and times the
    variance of the record they are powers, so that they add up to it. A tone within 2 / T of
    an edge counts on both sides. resolution: window that each power is a mean over [s]; a band
    is told up to where that has lost 3 dB.
    """
    from scipy.fft import irfft, prev_fast_len, rfft  # noqa: PLC0415 - slow to import

    power = power[: prev_fast_len(power.size, real=True)]
    ramp = np.linspace(-1.0, 1.0, power.size)
    flat = power - power.mean()
    flat -= ramp * (flat @ ramp) / (ramp @ ramp)
    total = float(np.sqrt(np.mean(flat**2)))
    edges = [band[0] for band in bands] + [bands[-1][1]]
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(power.size) / power.size)
    energy = np.abs(rfft(flat * window)) ** 2
    energy[1 : (power.size + 1) // 2] *= 2  # all but zero and Nyquist stand for two
    begins = np.ceil(np.array(edges) * power.size / rate - 1e-9).astype(np.intp)
    parts = [energy[a:b].sum() for a, b in pairwise([0, *begins, energy.size])]
    shares = np.array(parts) / (energy.sum() or 1.0)
    length, plain = power.size / rate, rfft(flat)
    told = np.array([low * length >= PERIODS and high <= PASSED / resolution for low, high in bands])
    peaks = np.full(len(bands), np.nan)
    for k in np.flatnonzero(told):
        inside = np.zeros_like(plain)
        inside[begins[k] : begins[k + 1]] = plain[begins[k] : begins[k + 1]]
        rest = round(rate / edges[k])
        peaks[k] = np.abs(irfft(inside, power.size)[rest:-rest]).max()
    share = np.where(told, shares[1:-1], np.nan)
    return Bands(total * np.sqrt(share), peaks, share, float(shares[0]), float(shares[-1]), total)


@dataclass(frozen=True, eq=False)
class Transfer:
    """From the load's power to the grid's, over frequency."""

    frequency: NDArray[np.float64]
    """Shape (n,) [Hz]."""
    gain: NDArray[np.float64]
    """|P_grid / P_load|; NaN where coherence or the load's power is too small."""
    uncertainty: NDArray[np.float64]
    """Expanded (k = 2) and relative, of the gain."""
    coherence: NDArray[np.float64]
    """Magnitude squared; NaN where the load has no power."""
    load: NDArray[np.float64]
    """Amplitude spectrum of the load, RMS [W]."""
    grid: NDArray[np.float64]
    """Of the grid, RMS [W]."""


def transfer(
    load: NDArray[np.float64], grid: NDArray[np.float64], rate: float, highest: float
) -> Transfer | None:
    """Return the transfer up to a frequency [Hz]; None where the record is too short to average.

    Welch's method, at least 8 segments of at most 40 s that overlap by half, with a
    Blackman-Harris window; H1 estimate. Bendat and Piersol: the relative standard deviation of
    the gain is sqrt((1 - c) / (2 c n)) with coherence c and n independent segments.
    """
    from scipy.fft import rfft, rfftfreq  # noqa: PLC0415 - slow to import
    from scipy.signal import detrend, get_window  # noqa: PLC0415

    length = min(round(40 * rate), 2 * load.size // (_SEGMENTS + 1))
    if length < 16:
        return None
    window = get_window("blackmanharris", length)
    firsts = range(0, load.size - length + 1, length // 2)
    a, b, cross = np.zeros(length // 2 + 1), np.zeros(length // 2 + 1), np.zeros(length // 2 + 1, complex)
    for first in firsts:
        x, y = (rfft(window * detrend(side[first : first + length])) for side in (load, grid))
        a, b, cross = a + np.abs(x) ** 2, b + np.abs(y) ** 2, cross + x.conj() * y
    scale = 2 / (len(firsts) * window.sum() ** 2)  # mean square of a sine
    frequency = rfftfreq(length, 1 / rate)
    used = (frequency >= 4 * rate / length) & (frequency <= highest)  # clear of the window's lobe at zero
    a, b, cross, frequency = a[used] * scale, b[used] * scale, cross[used] * scale, frequency[used]
    powered = a > _LOADED * a.max(initial=0.0)
    square = np.abs(cross) ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        coherence = np.where(powered, np.where(b > 0, np.minimum(square / (a * b), 1.0), 0.0), np.nan)
        gain = np.where(coherence >= COHERENT, np.abs(cross) / a, np.nan)
        count = load.size / length
        wide = np.where(coherence >= COHERENT, 2 * np.sqrt((1 - coherence) / (2 * coherence * count)), np.nan)
    return Transfer(frequency, gain, wide, coherence, np.sqrt(a), np.sqrt(b))


def tracking(power: NDArray[np.float64], target: NDArray[np.float64]) -> tuple[float, float]:
    """Return RMS and largest size of the difference from a target [W]."""
    error = power - target
    return float(np.sqrt(np.mean(error**2))), float(np.abs(error).max())
