"""How the voltage rises onto a dead bus, and what current it takes to bring something onto a live one."""

from __future__ import annotations

from dataclasses import replace
from math import sqrt
from typing import TYPE_CHECKING, Final

import numpy as np

from hil.analysis.power.track import power_track
from hil.analysis.result import Findings, Result, Series
from hil.analysis.signals import sort

if TYPE_CHECKING:
    from hil.waveform import Waveform

SECTION: Final = "Voltage and current"
LEVELS: Final = (0.1, 0.9)
"""Between which the rise is timed [pu]."""
THERE: Final = 0.05
"""Within what the voltage is there [pu]."""
LAST: Final = 0.3
"""Over which it is taken at the end [s]."""


def rise_findings(waveform: Waveform, hertz: float, volts: float, command: float) -> Findings:
    """Return whether the bus was dead until the command [s], and how the voltage rose after it.

    hertz, volts: rated frequency [Hz] and RMS phase to neutral [V].
    """
    track = power_track(sort(waveform), hertz)
    u = np.abs(track.u1) / volts
    until = waveform.select(waveform.find("voltage"))[:, waveform.time < command]
    dead = 100 * float(np.abs(until).max()) / (sqrt(2) * volts) if until.size else None
    rise, low, high = None, *LEVELS
    if u.max() >= high:
        begin, end = (float(track.time[(u >= level).argmax()]) for level in LEVELS)
        rise = (end - begin) / (high - low)
    method = "positive sequence over one cycle, time from 10 to 90 % by 0.8"
    wide = None if rise is None else track.cycle / (high - low)
    return Findings(
        (
            _result("dead_bus", "Highest voltage before the start, of rated peak", dead, "%"),
            replace(_result("rise_time", "Rise of the voltage, 0 to 1 pu", rise, "s", wide), method=method),
        )
    )


def energising_findings(waveform: Waveform, hertz: float, volts: float, amps: float) -> Findings:
    """Return the highest current of any phase at any instant, and whether the voltage is there in the end.

    amps: rated RMS of one phase [A].
    """
    signals = sort(waveform)
    track, currents = power_track(signals, hertz), signals.currents
    u1 = np.abs(track.u1)
    reached = float(u1[track.time > track.time[-1] - LAST].mean()) / volts
    state = "there" if abs(reached - 1.0) <= THERE else "no voltage" if reached < THERE else "not reached"
    peak = float(np.abs(currents.samples).max()) / (sqrt(2) * amps)
    relative = [c.uncertainty for c in currents.channels if c.uncertainty is not None]
    wide = max(relative) * peak if relative else None
    named = zip(currents.channels, track.irms, strict=True)
    return Findings(
        (
            replace(_result("voltage_in_the_end", "Voltage in the end", None, ""), state=state),
            _result("voltage_reached", "Voltage in the end, positive sequence", reached, "pu"),
            replace(
                _result("peak_current", "Highest current at any instant, of rated peak", peak, "pu", wide),
                valid=currents.bad is None,
            ),
        ),
        (
            Series("u1", "Positive sequence", "V", track.time, u1, group="bus"),
            *(
                Series(f"irms_{c.phase}", f"Irms {c.phase}", "A", track.time, row, c.phase, "irms")
                for c, row in named
            ),
        ),
    )


def _result(key: str, title: str, value: float | None, unit: str, wide: float | None = None) -> Result:
    state = "not determinable" if value is None else "ok"
    return Result(key, title, value, unit, wide, state, section=SECTION)
