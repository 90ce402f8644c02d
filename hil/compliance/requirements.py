"""What a ride-through text asks for beside its voltage envelope, as values with clause and confidence."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf


@dataclass(frozen=True, slots=True)
class FrequencyBand:
    """Frequencies to ride through; continuous operation where it names no time."""

    low: float
    """[Hz]"""
    high: float
    """[Hz]"""
    clause: str
    confidence: str
    time: float = inf
    """Least time to stay connected [s]."""
    window: float | None = None
    """In which the time adds up [s]."""


@dataclass(frozen=True, slots=True)
class Rocof:
    """Rate of change of frequency to ride through."""

    rate: float
    """[Hz/s]"""
    window: float
    """Over which it is measured [s]."""
    clause: str
    confidence: str


@dataclass(frozen=True, slots=True)
class PhaseJump:
    """Jump of the voltage's phase to ride through."""

    angle: float
    """[deg]"""
    of: str
    """"positive sequence" or "one phase"."""
    clause: str
    confidence: str


@dataclass(frozen=True, slots=True)
class Trip:
    """A trip setting: its default, and the range that it may be set in."""

    name: str
    time: float
    """Clearing time [s]."""
    clause: str
    confidence: str
    voltage: float | None = None
    """[pu]"""
    frequency: float | None = None
    """[Hz]"""
    voltage_range: tuple[float, float] | None = None
    """[pu]"""
    time_range: tuple[float, float] | None = None
    """[s]"""


@dataclass(frozen=True, slots=True)
class Repetition:
    """How many events must be ridden through within a window; the next one may trip."""

    count: int
    window: float
    """Counted back from the begin of each event; an older one is forgotten [s]."""
    clause: str
    confidence: str
    spacing: float = 0.0
    """Events less than this apart are one (a set of IEEE 1547) [s]."""


@dataclass(frozen=True, slots=True)
class Recovery:
    """What must be back how soon after the voltage."""

    quantity: str
    """"active power" or "active current"."""
    share: float
    """Of the value before the event [pu]."""
    time: float
    """[s]"""
    clause: str
    confidence: str


@dataclass(frozen=True, slots=True)
class Window:
    """Times at a voltage add up over all events within it."""

    time: float
    """[s]"""
    clause: str
    confidence: str
