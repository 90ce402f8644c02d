"""Positive-sequence voltage, current and power over a sliding cycle.

IEC 61400-21-1:2019, Annex C, generator convention: S = 3 U1 I1*, P > 0 leaves the PCS,
Q > 0 is overexcited (the current lags the voltage that it supports). With fewer than
three phases the fundamental powers of the phases that have both are summed.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING

import numpy as np

from hil.analysis.phasor import line_to_neutral, sliding_mean_square, sliding_phasors, symmetrical

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hil.analysis.signals import Signals

HOPS = 16
"""Windows per cycle."""


@dataclass(frozen=True, eq=False)
class PowerTrack:
    """Quantities over one cycle each, all at the same instants, the ends of the windows."""

    time: NDArray[np.float64]
    """[s]"""
    ends: NDArray[np.intp]
    """Index of the last sample of each window."""
    cycle: float
    """Length of the windows [s]."""
    voltages: NDArray[np.complex128]
    """Phasor of each voltage channel, shape (channels, windows) [V]."""
    u1: NDArray[np.complex128]
    """Positive-sequence phase-to-neutral voltage, RMS; of fewer than three phases, the mean magnitude [V]."""
    unbalance: NDArray[np.float64] | None
    """u2/u1, or None with fewer than three phases [pu]."""
    swapped: bool
    """True where the phases turn a-c-b, and b and c were exchanged."""
    i1: NDArray[np.complex128] | None
    """Positive-sequence current, or None with no currents [A]."""
    power: NDArray[np.complex128] | None
    """P + jQ, or None where no power can be had [W, var]."""
    urms: NDArray[np.float64]
    """One-cycle RMS of each voltage channel, shape (channels, windows) [V]."""
    irms: NDArray[np.float64]
    """One-cycle RMS of each current channel [A]."""
    spoilt: NDArray[np.bool_]
    """True where a sample behind the value is missing or clipped."""


def power_track(signals: Signals, hertz: float) -> PowerTrack:
    """Return the sliding quantities at a fixed line frequency [Hz]."""
    rate = signals.waveform.rate
    cycle = rate / hertz
    hop = max(1, round(cycle / HOPS))
    voltages, currents = signals.voltages, signals.currents
    ends, u = sliding_phasors(voltages.samples, cycle, hop)
    i = sliding_phasors(currents.samples, cycle, hop)[1]
    swapped, unbalance, power = False, None, None
    i1: NDArray[np.complex128] | None = None
    if len(voltages) == 3:
        positive, negative = symmetrical(u)
        swapped = bool(np.median(np.abs(negative)) > np.median(np.abs(positive))) if ends.size else False
        if swapped:
            positive, negative = negative, positive
        size = np.abs(positive)
        unbalance = np.divide(np.abs(negative), size, out=np.full(size.shape, np.nan), where=size > 0)
        if signals.line_to_line:
            # Turning a-c-b, the lines lag where they would lead.
            positive = (
                line_to_neutral(negative, positive)[1] if swapped else line_to_neutral(positive, negative)[0]
            )
    else:
        positive = np.abs(u).mean(axis=0) / (sqrt(3) if signals.line_to_line else 1.0) + 0j
    if len(voltages) == 3 and len(currents) == 3:
        i1 = symmetrical(i)[int(swapped)]
        power = 3 * positive * np.conj(i1)
    elif len(currents):
        i1 = np.abs(i).mean(axis=0) + 0j
        pairs = [(k, currents.phases.index(p)) for k, p in enumerate(voltages.phases) if p in currents.phases]
        if len(voltages) == len(currents) == 1 and not signals.line_to_line:
            pairs = [(0, 0)]
        if pairs and len(pairs) == len(currents):
            power = np.sum([u[k] * np.conj(i[m]) for k, m in pairs], axis=0)
    return PowerTrack(
        time=signals.seconds(ends),
        ends=ends,
        cycle=1 / hertz,
        voltages=u,
        u1=positive,
        unbalance=unbalance,
        swapped=swapped,
        i1=i1,
        power=power,
        urms=np.sqrt(sliding_mean_square(voltages.samples, cycle, hop)),
        irms=np.sqrt(sliding_mean_square(currents.samples, cycle, hop)),
        spoilt=voltages.spoilt(ends - cycle, ends) | currents.spoilt(ends - cycle, ends),
    )
