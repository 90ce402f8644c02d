"""The unit under test."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final, Protocol

from hil.errors import NotSupported
from hil.limits import Limit
from hil.roles.instrument import Instrument

if TYPE_CHECKING:
    from collections.abc import Mapping


HELD: Final = Limit(0.5, 1.5, "pu")
"""What a forming PCS is told to hold, voltage or frequency."""


@dataclass(frozen=True, slots=True)
class PcsState:
    """What a PCS says of itself; what it does not tell is None, or NaN, which lies within no limit."""

    mode: str
    """"off", "starting", "running", "tripped" or "fault"."""
    connected: bool
    active_power: float
    """[W]"""
    reactive_power: float
    """[var]"""
    voltage: float
    """Mean phase-to-neutral RMS voltage [V]."""
    frequency: float
    """[Hz]"""
    dc_voltage: float
    """[V]"""
    alarms: tuple[str, ...]
    state_of_charge: float | None = None
    """[pu]"""
    current: float | None = None
    """Mean RMS of the phases [A]."""
    temperature: float | None = None
    """Of its heat sink [degrees Celsius]."""
    limited: bool | None = None
    """True while its current limit acts."""
    forming: bool | None = None
    """True while it forms the grid, False while it follows it."""


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One entry of a unit's event log."""

    time: float
    """By the unit's own clock, which is taken for the bench's, to 1 ms or better [s]."""
    text: str


class Reader(Protocol):
    """A connection that only reads."""

    def read_state(self) -> PcsState:
        """Return what the PCS says of itself."""
        ...

    def close(self) -> None:
        """Close the connection."""
        ...


class Pcs(Instrument):
    """The power conversion system under test."""

    ROLE = "pcs"
    QUANTITIES: ClassVar[Mapping[str, str]] = {"active_power": "W", "reactive_power": "var"}
    LOGS: ClassVar[str] = ""
    """Regular expression for the identity line of units whose event log the driver reads; empty: of none."""

    def set_active_power(self, watts: float) -> None:
        """Set the active power, positive towards the grid [W]."""
        self._do_set_active_power(self._check("active_power", watts))

    def set_reactive_power(self, var: float) -> None:
        """Set the reactive power, positive overexcited [var]."""
        self._do_set_reactive_power(self._check("reactive_power", var))

    def switch(self, *, on: bool) -> None:
        """Tell the PCS to start or to stop; `read_state` tells when it has."""
        self._do_switch(on=on)

    @abstractmethod
    def read_state(self) -> PcsState:
        """Return what the PCS says of itself."""

    def form(self, *, on: bool) -> None:
        """Tell the PCS to form the grid, or to follow it."""
        raise NotSupported(f"{self.name}: cannot be told to {'form' if on else 'follow'} the grid")

    def set_voltage_frequency(self, volts: float, hertz: float) -> None:
        """Set what it holds while it forms the grid, at no load [pu of rated]."""
        HELD.check(volts, f"{self.name}.voltage")
        HELD.check(hertz, f"{self.name}.frequency")
        self._do_set_voltage_frequency(volts, hertz)

    def synchronise(self, *, on: bool) -> None:
        """Tell it to come into step with the source beyond the open breaker, or to stop that."""
        raise NotSupported(f"{self.name}: cannot {'start' if on else 'stop'} synchronising")

    def read_log(self) -> tuple[LogEntry, ...]:
        """Return its event log, oldest entry first."""
        raise NotSupported(f"{self.name}: gives no event log")

    def reader(self) -> Reader:
        """Open a further connection beside this one, as another client would."""
        raise NotSupported(f"{self.name}: its driver opens no further connection")

    def refresh(self) -> None:
        """Renew set-points that the PCS would revert by itself; called every second or so."""

    @abstractmethod
    def _do_set_active_power(self, watts: float) -> None: ...

    @abstractmethod
    def _do_set_reactive_power(self, var: float) -> None: ...

    def _do_set_voltage_frequency(self, volts: float, hertz: float) -> None:
        raise NotSupported(f"{self.name}: takes no voltage of {volts:g} pu and frequency of {hertz:g} pu")

    @abstractmethod
    def _do_switch(self, *, on: bool) -> None: ...
