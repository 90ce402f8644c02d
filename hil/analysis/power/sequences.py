"""Positive-, negative- and zero-sequence voltage, current and power over one cycle.

IEC 61400-21-1:2019, Annex C. Its sines and cosines are phasors here: U = (u_cos - j u_sin) / sqrt 2,
so that P + jQ = 3 U I* is its P = 1.5 (u_cos i_cos + u_sin i_sin) and Q = 1.5 (u_cos i_sin - u_sin i_cos).
Currents count positive out of the PCS, as in `hil.analysis.power.track`; counted into a load, the same
Q > 0 is inductive. Voltages are phase to neutral, where the annex speaks of sqrt 3 times as much.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hil.analysis.phasor import line_to_neutral
from hil.analysis.power.ieee1459 import symmetrical_three

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from hil.analysis.quality.values import Quality
    from hil.waveform import Channel

PHASES, LINES = ("a", "b", "c"), ("ab", "bc", "ca")


@dataclass(frozen=True, eq=False)
class Sequences:
    """One-cycle symmetrical components, all at the same instants, the ends of the windows."""

    time: NDArray[np.float64]
    """[s]"""
    u: NDArray[np.complex128]
    """RMS phasors of positive, negative, zero sequence, shape (3, n) [V]; between lines zero is NaN."""
    i: NDArray[np.complex128] | None
    """Same shape, or None where the three currents are not recorded [A]."""
    swapped: bool
    """True where the phases turn a-c-b, and b and c were exchanged."""
    spoilt: NDArray[np.bool_]
    """True where a sample behind the value is missing or clipped, shape (n,)."""

    @property
    def power(self) -> NDArray[np.complex128] | None:
        """P + jQ of each sequence, shape (3, n) [W, var]."""
        return None if self.i is None else 3 * self.u * np.conj(self.i)

    @property
    def current(self) -> NDArray[np.complex128] | None:
        """Active and reactive current I_P + j I_Q of each sequence [A]; NaN without a voltage."""
        if self.i is None:
            return None
        size = np.abs(self.u)
        parts = np.full(self.u.shape, complex(np.nan, np.nan))
        current: NDArray[np.complex128] = np.divide(self.u * np.conj(self.i), size, out=parts, where=size > 0)
        return current


def sequences(
    time: NDArray[np.float64],
    u: NDArray[Any],
    i: NDArray[Any] | None,
    spoilt: NDArray[np.bool_],
    *,
    line_to_line: bool,
) -> Sequences:
    """Return the components of phasors of three phases, shape (3, n)."""
    voltages, currents = symmetrical_three(u), None if i is None else symmetrical_three(i)
    order = np.median(np.abs(voltages[:2]), axis=1) if time.size else np.array([1.0, 0.0])
    swapped = bool(order[1] > order[0])
    if line_to_line:
        voltages[:2] = line_to_neutral(voltages[0], voltages[1])
        voltages[2] = np.nan
    if swapped:
        voltages = voltages[[1, 0, 2]]
        currents = None if currents is None else currents[[1, 0, 2]]
    return Sequences(time, voltages, currents, swapped, spoilt)


def rows_of(channels: Sequence[Channel], phases: Sequence[str]) -> list[int] | None:
    """Return the positions of the channels of these phases, or None where one is missing."""
    place = {channel.phase: k for k, channel in enumerate(channels)}
    return [place[p] for p in phases] if all(p in place for p in phases) else None


def sequences_of(quality: Quality) -> Sequences | None:
    """Return the components each half cycle of a whole capture, or None without three voltages."""
    half = quality.half_cycles
    star, lines = rows_of(quality.voltages, PHASES), rows_of(quality.voltages, LINES)
    rows = star or lines
    if rows is None:
        return None
    count, at = len(quality.voltages), rows_of(quality.currents, PHASES)
    currents = None if at is None else half.phasors[[count + k for k in at]]
    voltages = half.phasors[rows]
    return sequences(half.end, voltages, currents, half.spoilt, line_to_line=star is None)
