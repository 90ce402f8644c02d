"""Fast events as the memories of sources and loads play them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import isfinite, nan

from hil.errors import ConfigError, NotSupported

Triple = tuple[float, float, float]
"""One value per phase, in the order a, b, c."""


@dataclass(frozen=True, slots=True)
class ListPoint:
    """One entry of a source's list memory."""

    seconds: float
    """How long it is held [s]."""
    volts: Triple
    """RMS phase-to-neutral voltages [V]."""
    hertz: float
    degrees: Triple = (0.0, 0.0, 0.0)
    """Displacement of each phase from its place in the balanced system, leading positive; it jumps [deg]."""
    slew: float | None = None
    """How fast the frequency moves there; None: at once [Hz/s]."""


@dataclass(frozen=True, slots=True)
class LoadPoint:
    """One entry of a load's profile."""

    seconds: float
    """How long it is held, the way there included [s]."""
    watts: float
    var: float = 0.0


@dataclass(frozen=True, slots=True)
class ListMemory:
    """What a source's list memory can hold."""

    points: int
    shortest: float
    """Shortest dwell [s]."""
    longest: float
    """Longest dwell [s]."""
    resolution: float
    """Dwell times are multiples of this [s]."""
    angles: bool = field(default=False, kw_only=True)
    """Whether a point can turn each phase."""
    slews: bool = field(default=False, kw_only=True)
    """Whether a point can have the frequency move at a rate."""


@dataclass(frozen=True, slots=True)
class Transient:
    """A transient as the source's memory will play it, and what was lost on the way."""

    points: tuple[ListPoint, ...]
    notes: tuple[str, ...]


def compile_transient(points: tuple[ListPoint, ...], memory: ListMemory, name: str) -> Transient:
    """Fit a transient to a source's list memory.

    Dwells are rounded to the memory's resolution, which is noted; what would change a
    dwell by more than 1 %, or does not fit, is refused with `ConfigError`; angles and
    slews where the memory has none, with `NotSupported`.
    """
    if any(any(point.degrees) for point in points) and not memory.angles:
        raise NotSupported(f"{name}: its list turns no phases; a phase jump needs a source that can")
    if any(point.slew is not None for point in points) and not memory.slews:
        raise NotSupported(f"{name}: its list only steps the frequency; a ramp needs a source that can")
    if not points:
        raise ConfigError(f"{name}: the transient has no points")
    if len(points) > memory.points:
        raise ConfigError(f"{name}: the transient has {len(points)} points, the memory holds {memory.points}")
    fitted: list[ListPoint] = []
    notes: list[str] = []
    for point in points:
        dwell = nan
        if isfinite(point.seconds):
            dwell = round(point.seconds / memory.resolution) * memory.resolution
        if not memory.shortest <= dwell <= memory.longest:
            raise ConfigError(
                f"{name}: a dwell of {point.seconds:g} s; its list plays "
                f"{memory.shortest:g} to {memory.longest:g} s"
            )
        lost = dwell - point.seconds
        if abs(lost) > 0.01 * point.seconds:
            raise ConfigError(
                f"{name}: a dwell of {point.seconds:g} s would become {dwell:g} s "
                f"(its resolution is {memory.resolution:g} s)"
            )
        if abs(lost) > 1e-9:
            notes.append(f"dwell of {point.seconds:g} s is played as {dwell:g} s")
        fitted.append(replace(point, seconds=round(dwell, 9)))
    return Transient(tuple(fitted), tuple(notes))
