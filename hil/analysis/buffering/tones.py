"""What reaches the grid of a load that swings at one frequency after the other."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from hil.analysis.buffering.metrics import COHERENT
from hil.analysis.result import Series

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Tone:
    """One frequency of a sweep."""

    frequency: float
    """[Hz]"""
    load: float
    """Amplitude of the fundamental, peak [W]."""
    grid: float
    """[W]"""
    gain: float | None
    """|P grid / P load|; None where the powers are not coherent."""
    coherence: float
    """Magnitude-squared, over the cycles."""


def tone(
    load: NDArray[np.float64],
    grid: NDArray[np.float64],
    rate: float,
    begin: float,
    period: float,
    cycles: int,
) -> Tone | None:
    """Return what reaches the grid of so many periods [s] from a time [s] on; None beyond the record.

    From the Fourier coefficient of each period: a limiter of ramps makes harmonics of its own, which
    spectra of a whole sweep would count as the answer to another tone.
    """
    edges = np.round((begin + np.arange(cycles + 1) * period) * rate).astype(int)
    if edges[0] < 0 or edges[-1] > load.size:
        return None
    spans = list(pairwise(edges.tolist()))
    x, y = (np.array([_fundamental(side[a:b]) for a, b in spans]) for side in (load, grid))
    cross, a, b = np.vdot(x, y), float(np.vdot(x, x).real), float(np.vdot(y, y).real)
    coherence = abs(cross) ** 2 / (a * b) if a > 0 and b > 0 else 0.0
    gain = float(abs(cross)) / a if coherence >= COHERENT else None
    drawn, fed = (float(np.sqrt(each / cycles)) for each in (a, b))
    return Tone(1 / period, drawn, fed, gain, float(coherence))


def _fundamental(cycle: NDArray[np.float64]) -> complex:
    """Return the amplitude of the first harmonic of one period."""
    turn = np.exp(-2j * np.pi * np.arange(cycle.size) / cycle.size)
    return complex(2 * np.mean((cycle - cycle.mean()) * turn))


def spectra(tones: Sequence[Tone]) -> tuple[Series, ...]:
    """Return transfer and coherence over frequency, for plots."""
    ordered = sorted(tones, key=lambda t: t.frequency)
    frequency = np.array([t.frequency for t in ordered])
    gain = np.array([np.nan if t.gain is None else t.gain for t in ordered])
    coherence = np.array([t.coherence for t in ordered])
    return (
        Series("transfer", "|P grid / P load|", "", frequency, gain, group="transfer"),
        Series("coherence", "Coherence of load and grid power", "", frequency, coherence, group="coherence"),
    )
