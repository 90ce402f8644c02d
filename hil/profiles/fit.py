"""Does a profile fit into the instrument that replays it, and what is lost: in points, slopes, and band."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from hil.errors import ConfigError, LimitError
from hil.profiles.measure import above, in_bands
from hil.profiles.reduce import reduced, rms_and_worst
from hil.units import show

if TYPE_CHECKING:
    from collections.abc import Callable

    from hil.analysis.buffering.metrics import Bands
    from hil.limits import Limit
    from hil.profiles.profile import Profile


@dataclass(frozen=True)
class Instrument:
    """What a list memory, or a stream of set-points, can take."""

    points: int
    dwell: Limit
    """Of one step or line [s]."""
    power: Limit
    """[W]"""
    slew: float
    """Steepest change of power, up or down [W/s]; also how it gets from step to step."""
    bandwidth: float
    """Up to where the power follows, at -3 dB [Hz]."""
    held: bool
    """True where the list holds steps, False where it draws lines."""

    def __post_init__(self) -> None:
        if not (self.points >= 1 and self.dwell.low > 0.0 and self.slew > 0.0 and self.bandwidth > 0.0):
            raise ConfigError("an instrument needs a point or more, and positive dwell, slew and bandwidth")


@dataclass(frozen=True, eq=False)
class Fit:
    """The list for an instrument, and how far what it plays is from the profile."""

    list: Profile
    """Steps or lines, as they are loaded."""
    played: Profile
    """What comes out: steps taken at the instrument's slew."""
    rms: float
    """Of the error [W]."""
    worst: float
    """Largest size of the error [W]."""
    energy: float
    """Energy played less that of the profile, per unit of it."""
    steepest: float
    """Steepest change in the list [W/s]."""
    lost: float
    """Share of the profile's alternating energy above the instrument's bandwidth."""
    asked: Bands
    """Alternating power of the profile in bands."""
    given: Bands
    """The same of what is played."""


def fit(profile: Profile, instrument: Instrument, tell: Callable[[float], None] | None = None) -> Fit:
    """Return the list of an instrument for a profile.

    Raises `LimitError`, with the nearest that is possible, where the instrument cannot play it.
    """
    if profile.unit != "W":
        raise ConfigError("this profile is per unit; give it a rating: hil profile import FILE --rating ...")
    _check_power(profile, instrument)
    most = instrument.points * instrument.dwell.high
    if profile.duration > most * (1.0 + 1e-9):
        raise LimitError(
            f"{instrument.points} points of up to {instrument.dwell.high:g} s last {most:g} s, the profile "
            f"{profile.duration:g} s; nearest possible: its first {most:g} s, or one period that is repeated"
        )
    if profile.duration < instrument.dwell.low:
        raise LimitError(
            f"the profile lasts {profile.duration:g} s, one point at least {instrument.dwell.low:g} s"
        )
    made = reduced(
        profile,
        instrument.points,
        instrument.dwell.low,
        instrument.dwell.high,
        held=instrument.held,
        tell=tell,
    )
    steep = _check_slew(made, instrument)
    played = _played(made, instrument.slew) if instrument.held else made
    rms, worst = rms_and_worst(profile, played)
    return Fit(
        made,
        played,
        rms,
        worst,
        (played.energy - profile.energy) / profile.energy if profile.energy else 0.0,
        steep,
        above(profile, instrument.bandwidth),
        in_bands(profile),
        in_bands(played),
    )


def _check_power(profile: Profile, instrument: Instrument) -> None:
    low, high = float(profile.power.min()), float(profile.power.max())
    if high > instrument.power.high:
        raise LimitError(
            f"power reaches {show(high, 'W')}, the instrument takes {instrument.power}; nearest possible: "
            f"scaled by {instrument.power.high / high:.3g}, to {show(instrument.power.high, 'W')}"
        )
    if low < instrument.power.low:
        raise LimitError(
            f"power falls to {show(low, 'W')}, the instrument takes {instrument.power}; nearest possible: "
            f"a profile whose lowest power is {show(instrument.power.low, 'W')}"
        )


def _check_slew(made: Profile, instrument: Instrument) -> float:
    """Return the steepest change of a list [W/s]; refuse one that the instrument cannot make in time."""
    if instrument.held:
        change = np.abs(np.diff(made.power[:-1]))
        needed = change / np.diff(made.time)[1:] if change.size else np.zeros(1)
    else:
        change, needed = np.abs(np.diff(made.power)), np.abs(np.diff(made.power) / np.diff(made.time))
    steep = float(needed.max())
    if steep > instrument.slew * (1.0 + 1e-9):
        at, times = int(np.argmax(needed)), steep / instrument.slew
        raise LimitError(
            f"a change of {show(float(change[at]), 'W')} at {made.time[at + instrument.held]:g} s needs "
            f"{show(steep, 'W/s')}, the instrument makes {show(instrument.slew, 'W/s')}; nearest possible: "
            f"edges {times:.3g} times as long, or a swing {times:.3g} times smaller"
        )
    return steep


def _played(made: Profile, slew: float) -> Profile:
    """Return steps as lines: each new level is reached at the slew [W/s]."""
    time, power = made.time[1:-1], made.power
    change = np.abs(np.diff(power[:-1]))
    reached = time + change / slew
    if ((change > 0.0) & (reached <= time)).any():  # at once, as far as time can be told
        return made
    knots = np.concatenate((made.time[:1], np.column_stack((time, reached)).ravel(), made.time[-1:]))
    levels = np.repeat(power[:-1], 2)
    apart = np.concatenate(([True], np.diff(knots) > 0.0))  # equal steps take no time, nor does a full dwell
    return replace(made, time=knots[apart], power=levels[apart], held=False)
