"""The power quality of a whole capture, as values: what all results, tables and limits are made from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from hil.analysis.quality.flicker import Flicker
    from hil.waveform import Channel


@dataclass(frozen=True, eq=False)
class Intervals:
    """Gapless intervals of 10/12 cycles; channels are voltages first, then currents."""

    cycles: int
    """10 or 12."""
    begin: NDArray[np.float64]
    """Begin of each interval, shape (k,) [s]."""
    end: NDArray[np.float64]
    """Its end, the begin of the next [s]."""
    frequency: NDArray[np.float64]
    """Mean over each interval; carried on through a disturbance [Hz]."""
    held: NDArray[np.bool_]
    """True where the frequency was carried on from before, shape (k,)."""
    spoilt: NDArray[np.bool_]
    """True where a sample is missing or clipped, shape (k,)."""
    rms: NDArray[np.float64]
    """RMS, shape (channels, k) [V, A]."""
    mean: NDArray[np.float64]
    """DC component, shape (channels, k) [V, A]."""
    phasors: NDArray[np.complex128]
    """RMS phasor of the fundamental; angle zero is a cosine crest at the begin, shape (channels, k)."""
    power: NDArray[np.float64]
    """Mean of u i, shape (pairs, k), for the pairs of `Quality.pairs` [W]."""
    groups: NDArray[np.float32]
    """Harmonic groups, orders 0 .. top, RMS, shape (channels, k, top + 1)."""
    subgroups: NDArray[np.float32]
    """Harmonic subgroups, same shape."""
    interharmonics: NDArray[np.float32]
    """Interharmonic centred subgroups between orders n and n + 1, at index n, same shape."""
    interharmonic_groups: NDArray[np.float32]
    """Interharmonic groups between orders n and n + 1, same shape."""
    bands: NDArray[np.float32]
    """RMS in bands of 200 Hz centred at 2100, 2300 ... 8900 Hz, shape (channels, k, bands that the
    sampling rate allows)."""


@dataclass(frozen=True, eq=False)
class HalfCycles:
    """One-cycle quantities each half cycle of the fundamental, all channels at the same instants."""

    end: NDArray[np.float64]
    """End of each one-cycle window, shape (m,) [s]."""
    frequency: NDArray[np.float64]
    """Frequency that the window is a cycle of [Hz]."""
    phasors: NDArray[np.complex64]
    """RMS phasors; angle as against a steady cosine of the mean frequency, shape (channels, m)."""
    spoilt: NDArray[np.bool_]
    """True where a sample is missing or clipped, shape (m,)."""


@dataclass(frozen=True, eq=False)
class Urms:
    """Urms(1/2) of one channel."""

    end: NDArray[np.float64]
    """Ends of the one-cycle windows [s]."""
    values: NDArray[np.float64]
    """[V] or [A]; NaN where a sample behind it is missing or clipped."""


@dataclass(frozen=True, eq=False)
class Quality:
    """Power quality of a capture."""

    voltages: tuple[Channel, ...]
    currents: tuple[Channel, ...]
    pairs: tuple[tuple[int, int], ...]
    """(voltage, current) of one phase, as indices into `voltages` and `currents`."""
    frequency: float | None
    """Mean over the steady part, or None where there is no alternating voltage [Hz]."""
    frequency_uncertainty: float | None
    """Expanded (k = 2) [Hz]."""
    intervals: Intervals
    half_cycles: HalfCycles
    urms: tuple[Urms, ...]
    """Of voltages, then currents (in the windows of their phase's voltage)."""
    spectrum: NDArray[np.float64]
    """RMS over the undisturbed intervals of each bin of the 10/12-cycle transform, shape (channels, bins)."""
    bin_width: float
    """[Hz]"""
    flicker: Flicker | None
    """Of the voltages; None where the capture is too short."""
