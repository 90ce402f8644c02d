"""The programmable AC source."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

from hil.errors import ConfigError
from hil.limits import Limit
from hil.roles.instrument import Instrument

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hil.transient import ListMemory, ListPoint, Triple


class GridSource(Instrument):
    """A programmable three-phase AC source, bidirectional."""

    ROLE = "grid_source"
    QUANTITIES: ClassVar[Mapping[str, str]] = {"voltage": "V", "frequency": "Hz", "current": "A"}
    LIST: ClassVar[ListMemory]
    ANGLE: ClassVar[Limit] = Limit(-180.0, 180.0, "deg")
    """By how much a list may turn a phase."""
    SLEW: ClassVar[Limit] = Limit(1e-3, 1e3, "Hz/s")
    """How fast a list may have the frequency move, where it does not step."""

    def set_voltages(self, volts: Triple) -> None:
        """Set the RMS phase-to-neutral voltage of each phase [V]."""
        for value in volts:
            self._check("voltage", value)
        self._do_set_voltages(volts)

    def set_frequency(self, hertz: float) -> None:
        """Set the frequency [Hz]."""
        self._do_set_frequency(self._check("frequency", hertz))

    def switch_output(self, *, on: bool) -> None:
        """Close or open the output relay, and check that it followed."""
        self._do_switch_output(on=on)

    def load_list(self, points: Sequence[ListPoint]) -> None:
        """Put a transient into the list memory; nothing happens at the output.

        The output must be at the first point already; at the end the list leaves the
        output at its last point.
        """
        memory = self.LIST
        if not 1 <= len(points) <= memory.points:
            raise ConfigError(
                f"{self.name}: {len(points)} list points; its memory holds 1 to {memory.points}"
            )
        for point in points:
            for value in point.volts:
                self._check("voltage", value)
            self._check("frequency", point.hertz)
            for angle in point.degrees:
                self.ANGLE.check(angle, f"{self.name}.angle")
            if point.slew is not None:
                self.SLEW.check(point.slew, f"{self.name}.slew")
            Limit(memory.shortest, memory.longest, "s").check(point.seconds, f"{self.name}.dwell")
        self._do_load_list(tuple(points))

    def fire_list(self) -> None:
        """Start the loaded list now; the source marks the instant on its trigger output."""
        self._do_fire_list()

    @abstractmethod
    def list_running(self) -> bool:
        """Say whether the transient still runs."""

    @abstractmethod
    def read_voltages(self) -> Triple:
        """Measure the RMS phase-to-neutral voltages at the terminals [V]."""

    @abstractmethod
    def read_currents(self) -> Triple:
        """Measure the RMS phase currents [A]."""

    @abstractmethod
    def read_output(self) -> bool:
        """Say whether the output relay is closed."""

    @abstractmethod
    def _do_set_voltages(self, volts: Triple) -> None: ...

    @abstractmethod
    def _do_set_frequency(self, hertz: float) -> None: ...

    @abstractmethod
    def _do_switch_output(self, *, on: bool) -> None: ...

    @abstractmethod
    def _do_load_list(self, points: tuple[ListPoint, ...]) -> None: ...

    @abstractmethod
    def _do_fire_list(self) -> None: ...
