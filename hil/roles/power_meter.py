"""The power meter whose word counts: the arbiter between what boxes say of themselves."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from hil.roles.instrument import Instrument

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hil.roles.instrument import Proof


@dataclass(frozen=True, slots=True)
class Power:
    """What one element of a meter measured, or all together; None where there is no value."""

    voltage: float | None
    """RMS of what its voltage input is wired to; of all together, the mean [V]."""
    current: float | None
    """RMS; of all together, the mean [A]."""
    active_power: float | None
    """Positive in the direction of the current sensors' arrows: towards the grid [W]."""
    reactive_power: float | None
    """[var]"""
    apparent_power: float | None
    """[VA]"""
    power_factor: float | None
    frequency: float | None
    """Of the voltage [Hz]."""
    voltage_thd: float | None
    """Of the fundamental [pu]; None of all together, and where the meter does not have it."""
    current_thd: float | None
    """As of the voltage [pu]."""


@dataclass(frozen=True, slots=True)
class PowerReading:
    """One update of a meter: every value from the same span of time."""

    time: float
    """Bench time at which the update was seen to have ended [s]."""
    late: float
    """By how much earlier it may have ended [s]."""
    interval: float
    """Span over which it averages [s]."""
    elements: tuple[Power, ...]
    total: Power
    missing: tuple[str, ...]
    """What has no value, each with the reason."""


class PowerMeter(Instrument):
    """A power analyser of class 0.5 S or better (IEC 62053-22) at a measuring point.

    The limits of voltage and current are what it must be able to measure: it takes the
    smallest fixed ranges that hold them, for one that looks for a range by itself
    measures nothing meanwhile.
    """

    ROLE = "power_meter"
    ENERGISES = False
    QUANTITIES: ClassVar[Mapping[str, str]] = {"voltage": "V", "current": "A", "interval": "s"}
    INTERVALS: ClassVar[tuple[float, ...]]
    """Update intervals that the family has [s]."""

    def set_interval(self, seconds: float) -> None:
        """Set the update interval, over which every value is averaged [s]; one of `INTERVALS`."""
        self._do_set_interval(self._check("interval", seconds))

    @abstractmethod
    def read(self) -> PowerReading:
        """Wait for the end of the next update and return it, whole."""

    def prove_safe(self) -> tuple[Proof, ...]:
        """Prove nothing: it energises nothing."""
        return ()

    @abstractmethod
    def _do_set_interval(self, seconds: float) -> None: ...
