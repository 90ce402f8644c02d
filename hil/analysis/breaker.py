"""Across an open breaker: how far the bus is out of step with the source, and when the breaker closes.

Angle, slip and difference of voltage are those of the positive sequences on either side.
What held at the closing instant is carried there from the windows before it, on straight
lines: a window that reaches beyond it would see the two sides tied together.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING, Final

import numpy as np

from hil.analysis.bus import positive_sequence, three
from hil.analysis.event.limiting import space_vector

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hil.waveform import Waveform

SPAN: Final = 0.2
"""Before the closing, over which the lines are fitted [s]."""
SMOOTH: Final = 0.5e-3
"""Over which a current is averaged before it counts as begun [s]."""
ALIVE: Final = 0.1
"""Part of the rated voltage below which a side is dead and has no angle."""


@dataclass(frozen=True, eq=False)
class Across:
    """Bus against source over time; each value speaks for one cycle."""

    time: NDArray[np.float64]
    """Middles of the windows, shape (n,) [s]."""
    angle: NDArray[np.float64]
    """By which the bus leads, continuous over time; NaN where a side is dead [deg]."""
    slip: NDArray[np.float64]
    """By which the bus is faster, over `SPAN`; NaN at the ends and where a side is dead [Hz]."""
    rise: NDArray[np.float64]
    """By which the bus's voltage is higher [V]."""
    accuracy: float
    """Of `rise`, from the certificates of both sides (k = 2) [V]."""

    @property
    def apart(self) -> NDArray[np.float64]:
        """Return the angle as a distance, 0 to 180 [deg]."""
        distance: NDArray[np.float64] = np.abs((self.angle + 180.0) % 360.0 - 180.0)
        return distance


@dataclass(frozen=True, slots=True)
class Step:
    """How far out of step the sides were at an instant; each with its expanded uncertainty (k = 2)."""

    angle: tuple[float, float]
    """0 to 180 [deg]."""
    slip: tuple[float, float]
    """[Hz]"""
    voltage: tuple[float, float]
    """[V]"""


def across(waveform: Waveform, hertz: float, rated: float) -> Across:
    """Return bus against source; hertz, rated: nominal frequency [Hz] and voltage to neutral [V].

    Needs three voltages at the terminals and three at place "source".
    """
    ends, here = positive_sequence(waveform, "voltage", hertz)
    _, there = positive_sequence(waveform, "voltage", hertz, "source")
    alive = (np.abs(here) > ALIVE * rated) & (np.abs(there) > ALIVE * rated)
    angle = np.full(ends.size, np.nan)
    angle[alive] = np.degrees(np.unwrap(np.angle((here * np.conj(there))[alive])))
    slip = np.full(ends.size, np.nan)
    step = float(np.diff(ends).mean()) if ends.size > 1 else SPAN
    half = max(1, round(SPAN / 2 / step))
    slip[half:-half] = (angle[2 * half :] - angle[: -2 * half]) / 360.0 / (2 * half * step)
    channels = (*waveform.find("voltage"), *waveform.find("voltage", place="source"))
    share = [channel.uncertainty or 0.0 for channel in channels]
    accuracy = rated * sqrt(sum(each * each for each in share) / 3)
    return Across(ends - 0.5 / hertz, angle, slip, np.abs(here) - np.abs(there), accuracy)


def step_at(of: Across, instant: float, hertz: float) -> Step | None:
    """Return how far out of step the sides were when the breaker closed; None: too little is known before."""
    before = (of.time <= instant - 0.5 / hertz) & (of.time >= instant - 0.5 / hertz - SPAN)
    before &= np.isfinite(of.angle)
    if before.sum() < 4:
        return None
    t = of.time[before] - instant
    angle, spread, slope, slant = _line(t, of.angle[before], hertz)
    rise, wide, _, _ = _line(t, of.rise[before], hertz)
    return Step(
        (abs((angle + 180.0) % 360.0 - 180.0), spread),
        (abs(slope) / 360.0, slant / 360.0),
        (abs(rise), sqrt(wide * wide + of.accuracy * of.accuracy)),
    )


def _line(t: NDArray[np.float64], y: NDArray[np.float64], hertz: float) -> tuple[float, float, float, float]:
    """Return value at t = 0 and slope of the straight line through y, each followed by its uncertainty."""
    x = t - t.mean()
    square = float(x @ x)
    slope = float(x @ y) / square
    rest = y - y.mean() - slope * x
    alike = max(1.0, t.size / hertz / (t[-1] - t[0]))  # overlapping windows: the line follows them
    variance = float(rest @ rest) / max(t.size - 2.0, 1.0) * alike
    value = float(y.mean() - slope * t.mean())
    spread = sqrt(variance * (1 / t.size + float(t.mean()) ** 2 / square))
    return value, 2 * spread, slope, 2 * sqrt(variance / square)


def flows(waveform: Waveform, place: str, level: float) -> tuple[float | None, float | None]:
    """Return when the currents at a place first and last exceed a level [A], None: never [s].

    What counts is the length of their space vector, averaged over half a millisecond.
    """
    length = space_vector(three(waveform, "current", place).samples)
    width = max(1, round(SMOOTH * waveform.rate))
    mean = np.convolve(length, np.full(width, 1 / width), "valid")
    above = np.flatnonzero(mean > level)
    if not above.size:
        return None, None
    first, last = (waveform.start + (float(k) + width / 2) / waveform.rate for k in above[[0, -1]])
    return first, last
