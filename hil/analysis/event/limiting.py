"""The current of a converter at its limit, in a balanced disturbance that begins at time zero.

The length of the current's space vector is its amplitude at every instant, without any window;
per unit of the rated amplitude. Active and reactive current are those of the positive sequence over
one cycle, generator convention.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING, Final

import numpy as np

from hil.analysis.power.track import power_track
from hil.analysis.result import Findings, Result
from hil.analysis.signals import sort
from hil.analysis.stability.residual import LEAST, residual

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hil.analysis.power.track import PowerTrack
    from hil.waveform import Waveform

SWING: Final = (1.0, 100.0)
"""Where a limit cycle is looked for [Hz]."""
SETTLED: Final = 0.5
"""Time from which the current at its limit shall be still [s]."""
BESIDE: Final = 2.5
"""Distance from the line frequency within which a line is an offset and no swing [Hz]."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked of the unit, and what it may give, per unit."""

    power: float
    reactive: float
    limit: float
    """Declared, of the rated current."""
    first: str
    """Which keeps its share at the limit: "P", "Q", or "mixed"."""

    def share(self, u: float, i_p: float, i_q: float) -> float:
        """Return the part of what the limit allows that the prioritised current is, at a voltage u."""
        asked, given = {
            "P": (self.power, i_p),
            "Q": (self.reactive, i_q),
            "mixed": (complex(self.power, self.reactive), complex(i_p, i_q)),
        }[self.first]
        # without any voltage no current gives a power: the limit is what is left
        return abs(given) / (min(abs(asked) / u, self.limit) if u > 0 else self.limit)


def limiting_findings(
    waveform: Waveform, hertz: float, volts: float, amps: float, asked: Asked, duration: float
) -> Findings:
    """Return how the current kept its limit, what came first, and whether it swung.

    volts, amps: rated RMS, phase to neutral [V] and of one phase [A]. duration: of the disturbance [s].
    """
    signals, time = sort(waveform), waveform.time
    lowest = max(SWING[0], 1.001 * LEAST / (duration - SETTLED))  # as `residual` needs, and a sample more
    limited, settled = (0.25 / hertz, duration), (SETTLED, duration)
    vector, mean = "length of the current's space vector", "positive sequence over one cycle"
    asked_for = (
        ("limit_excess", "Current above the declared limit, after a quarter cycle", "pu", limited, vector),
        (
            "limit_cycle",
            f"Largest swing of the current, {lowest:.2g} to {SWING[1]:g} Hz",
            "pu",
            settled,
            vector,
        ),
        ("limit_cycle_frequency", "Frequency of that swing", "Hz", settled, vector),
        ("limited_active", "Active current at the limit", "pu", settled, mean),
        ("limited_reactive", "Reactive current at the limit", "pu", settled, mean),
        ("priority_share", "Prioritised current, of what the limit allows", "%", settled, mean),
    )
    values: tuple[float | None, ...] = (None,) * len(asked_for)
    valid, wide = True, None
    if len(signals.voltages) == len(signals.currents) == 3 and time[-1] >= duration:
        length = space_vector(signals.currents.samples) / (sqrt(2) * amps)
        spans = [(time >= begin) & (time < end) for begin, end in (limited, settled)]
        highest = float(length[spans[0]].max())
        apart = max(BESIDE, lowest)  # a window widens the line to two of the record's own
        found = [
            residual(length[spans[1]], waveform.rate, band)
            for band in ((lowest, hertz - apart), (hertz + apart, SWING[1]))
        ]
        swing, at = max(((one.amplitude, one.frequency) for one in found if one), default=(None, None))
        u, current = _steady(power_track(signals, hertz), settled)
        active, reactive = current.real / amps, current.imag / amps
        share = asked.share(u / volts, active, reactive)
        values = (highest - asked.limit, swing, at, active, reactive, 100 * share)
        valid = signals.currents.bad is None and signals.voltages.bad is None
        relative = [channel.uncertainty for channel in signals.currents.channels]
        wide = max(map(float, filter(None, relative)), default=0.0) * highest or None
    results = []
    for value, (key, title, unit, window, method) in zip(values, asked_for, strict=True):
        state = "ok" if value is not None else "not determinable"
        spread = wide if key == "limit_excess" else None
        results.append(
            Result(key, title, value, unit, spread, state, valid, window, method, section="Ride-through")
        )
    return Findings(tuple(results))


def _steady(track: PowerTrack, window: tuple[float, float]) -> tuple[float, complex]:
    """Return mean voltage [V] and current I_P + j I_Q [A] of the positive sequence within a window [s]."""
    inside = (track.time - track.cycle >= window[0]) & (track.time <= window[1])
    assert track.power is not None  # three voltages and three currents are there
    u = np.abs(track.u1[inside])
    return float(u.mean()), complex((track.power[inside] / (3 * np.maximum(u, 1e-3))).mean())


def space_vector(abc: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the length of the space vector of three phases, shape (3, n): their amplitude where balanced."""
    a, b, c = abc
    alpha, beta = (2 * a - b - c) / 3, (b - c) / sqrt(3)
    length: NDArray[np.float64] = np.hypot(alpha, beta)
    return length
