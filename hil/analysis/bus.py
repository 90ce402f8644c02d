"""What a three-phase bus does around an event: Urms(1/2) of every phase, and the frequency.

The frequency is that of the positive sequence, carried across jumps of the phase, over
0.1 s: the least time over which it is to be told in a transient (IEEE 1547-2018, Table 3,
five cycles).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from hil.analysis.event.dips import merge
from hil.analysis.phasor import sliding_phasors, symmetrical
from hil.analysis.power.phase import PhaseJump, frequency_track
from hil.analysis.result import Series
from hil.analysis.rms import cycle_windows, half_cycle_edges, window_rms
from hil.analysis.signals import group
from hil.errors import ConfigError
from hil.waveform import PHASES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hil.analysis.signals import Group
    from hil.waveform import Waveform

PER_CYCLE: Final = 16
"""Phasors in one cycle."""
SPAN: Final = 0.1
"""What a frequency is told over [s]."""


@dataclass(frozen=True, eq=False)
class Bus:
    """Voltages and frequency over time."""

    time: NDArray[np.float64]
    """Instants of `urms`, shape (n,) [s]."""
    urms: NDArray[np.float64]
    """Latest Urms(1/2) of the three phases then, shape (3, n); NaN where a sample is missing [V]."""
    seconds: NDArray[np.float64]
    """Ends of the spans of `hertz`, shape (m,) [s]."""
    hertz: NDArray[np.float64]
    """Empty where there is too little voltage to tell [Hz]."""
    jumps: tuple[PhaseJump, ...]
    valid: bool
    """False where a sample is missing or clipped."""

    @property
    def series(self) -> tuple[Series, ...]:
        """Return voltages and frequency for plots."""
        return (
            *(
                Series(f"urms_{phase}", f"Urms(1/2) {phase}", "V", self.time, row, phase, "urms")
                for phase, row in zip(PHASES, self.urms, strict=True)
            ),
            Series(
                "frequency_track",
                "Frequency over 0.1 s",
                "Hz",
                self.seconds,
                self.hertz,
                "",
                "frequency_track",
            ),
        )


def bus(waveform: Waveform, hertz: float) -> Bus:
    """Return what the bus does; hertz: nominal frequency [Hz].

    Raises `ConfigError` where not all three voltages to neutral are recorded.
    """
    voltages = three(waveform, "voltage")
    rate, n = waveform.rate, len(waveform)
    ends, phasors = _phasors(voltages, rate, hertz)
    times, values = [], []
    for row, phasor in zip(voltages.samples, phasors, strict=True):
        # a phase that is dead all along has no crossings of its own
        edges = half_cycle_edges(phasor if phasor.any() else np.ones_like(phasor), ends, rate / hertz, n)
        begins, lasts = cycle_windows(edges)
        rms = window_rms(row, begins, lasts)
        rms[voltages.spoilt(begins, lasts)] = np.nan
        times.append(waveform.start + lasts / rate)
        values.append(rms)
    time, urms = merge(times, values)
    seconds, positive = waveform.start + ends / rate, symmetrical(phasors)[0]
    track = frequency_track(seconds, positive, hertz)
    valid = voltages.bad is None
    if track is None or track.values.size < (count := _count(hertz)):
        return Bus(time, urms, np.empty(0), np.empty(0), (), valid)
    mean = np.convolve(track.values, np.full(count, 1 / count), "valid")
    return Bus(time, urms, track.time[count - 1 :], mean, track.jumps, valid)


def three(waveform: Waveform, quantity: str, place: str = "") -> Group:
    """Return three voltages or currents at a measuring point; raises `ConfigError` where one is missing."""
    channels = waveform.find(quantity, place=place)
    if len(channels) != len(PHASES):
        raise ConfigError(
            f"{waveform.source or 'waveform'}: {len(channels)} of the three {quantity}s "
            f"{'at the terminals' if not place else f'at place {place!r}'} are recorded; all are needed"
        )
    return group(waveform, channels)


def positive_sequence(
    waveform: Waveform, quantity: str, hertz: float, place: str = ""
) -> tuple[NDArray[np.float64], NDArray[np.complex128]]:
    """Return the ends of one-cycle windows [s], and the RMS phasors of the positive sequence over them."""
    ends, phasors = _phasors(three(waveform, quantity, place), waveform.rate, hertz)
    return waveform.start + ends / waveform.rate, symmetrical(phasors)[0]


def _phasors(of: Group, rate: float, hertz: float) -> tuple[NDArray[np.intp], NDArray[np.complex128]]:
    return sliding_phasors(of.samples, rate / hertz, max(1, round(rate / hertz / PER_CYCLE)))


def _count(hertz: float) -> int:
    return max(1, round(SPAN * hertz * PER_CYCLE))
