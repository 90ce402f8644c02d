"""The DC source."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

from hil.roles.instrument import Instrument

if TYPE_CHECKING:
    from collections.abc import Mapping


class DcSource(Instrument):
    """A bidirectional DC source; positive current leaves it."""

    ROLE = "dc_source"
    QUANTITIES: ClassVar[Mapping[str, str]] = {"voltage": "V", "current": "A", "power": "W"}
    """The limits of current and power reach from the negative (sink) to the positive (source) side."""

    def set_voltage(self, volts: float) -> None:
        """Set the voltage [V]."""
        self._do_set_voltage(self._check("voltage", volts))

    def set_current_limits(self, sink: float, source: float) -> None:
        """Set how much current it may take (sink) and give (source), both positive [A]."""
        self._check("current", -sink)
        self._check("current", source)
        self._do_set_current_limits(sink, source)

    def set_power_limits(self, sink: float, source: float) -> None:
        """Set how much power it may take (sink) and give (source), both positive [W]."""
        self._check("power", -sink)
        self._check("power", source)
        self._do_set_power_limits(sink, source)

    def switch_output(self, *, on: bool) -> None:
        """Switch the output, and check that it followed."""
        self._do_switch_output(on=on)

    @abstractmethod
    def read_voltage(self) -> float:
        """Measure the voltage at the terminals [V]."""

    @abstractmethod
    def read_current(self) -> float:
        """Measure the current, positive out of the source [A]."""

    @abstractmethod
    def read_output(self) -> bool:
        """Say whether the output is on."""

    @abstractmethod
    def _do_set_voltage(self, volts: float) -> None: ...

    @abstractmethod
    def _do_set_current_limits(self, sink: float, source: float) -> None: ...

    @abstractmethod
    def _do_set_power_limits(self, sink: float, source: float) -> None: ...

    @abstractmethod
    def _do_switch_output(self, *, on: bool) -> None: ...
