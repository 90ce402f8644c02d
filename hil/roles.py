"""The parts that instruments play on a bench.

A public method checks its limits and then calls the driver's `_do_` method, so
that no driver can be reached round the limits. What a box cannot do raises
`NotSupported`; nothing is clipped, and no missing value becomes zero.

Sign convention, everywhere: generator. Positive power leaves the PCS towards the
grid; positive DC power leaves the DC source towards the PCS.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence  # noqa: TC003 - dataclass fields name them at run time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from hil.clock import Clock  # noqa: TC001
from hil.errors import ConfigError, ReadbackError, WrongInstrument
from hil.limits import Limit
from hil.transport.link import CommandLog  # noqa: TC001

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from hil.transient import ListMemory, ListPoint, Triple


@dataclass(frozen=True, slots=True)
class Identity:
    """Who an instrument says it is."""

    maker: str
    model: str
    serial: str
    firmware: str

    def __str__(self) -> str:
        """Return it on one line, as *IDN? does."""
        return f"{self.maker},{self.model},{self.serial},{self.firmware}"


@dataclass(frozen=True)
class Setup:
    """What a driver is built from; building one sends nothing."""

    name: str
    address: str
    clock: Clock
    log: CommandLog
    limits: Mapping[str, Limit] = field(default_factory=dict)
    """Bench limits by quantity; a quantity that is not named keeps the rating."""
    options: Mapping[str, float | str] = field(default_factory=dict)
    """The driver's own options, in SI units; `OPTIONS` of the driver says which there are."""
    identity: str = ""
    """Regular expression that the whole identity line must match; empty: the driver's own."""
    timeout: float = 2.0
    safe_voltage: float = 50.0
    """A terminal below this counts as de-energised [V] (IEC 61140: 50 V AC, 120 V DC ripple-free)."""


@dataclass(frozen=True, slots=True)
class Proof:
    """One measurement that shows whether a terminal is de-energised."""

    quantity: str
    value: float
    limit: Limit

    @property
    def holds(self) -> bool:
        """True where the measured value lies inside the limit."""
        return self.limit.low <= self.value <= self.limit.high

    def __str__(self) -> str:
        """Return it as text for a log line."""
        verb = "is" if self.holds else "is NOT"
        return f"{self.quantity} = {self.value:.4g} {self.limit.unit} {verb} within {self.limit}"


class Instrument(ABC):
    """Something on the bench. Building and connecting never energise it."""

    ROLE: ClassVar[str]
    """Name of the role in bench files."""
    QUANTITIES: ClassVar[Mapping[str, str]]
    """What may be limited in a bench file: quantity to unit."""
    OPTIONS: ClassVar[Mapping[str, str]] = {}
    """Options of the driver in bench files: name to unit, "text" where it has none."""
    RATING: ClassVar[Mapping[str, Limit]]
    """What this family can do, by quantity."""
    IDENTITY: ClassVar[str] = ".*"
    """Regular expression for the identity line of this family."""
    NEEDS: ClassVar[Mapping[str, str]] = {}
    """Optional packages that it and its twin import: name to the extra that installs it."""
    ENERGISES: ClassVar[bool] = True
    """False where it puts no power on any terminal, so that its silence leaves nothing live."""

    def __init__(self, setup: Setup) -> None:
        for quantity, limit in setup.limits.items():
            if quantity not in self.QUANTITIES:
                known = ", ".join(self.QUANTITIES)
                raise ConfigError(f"{setup.name}: no quantity {quantity!r} to limit; there is {known}")
            if not self.RATING[quantity].contains(limit):
                raise ConfigError(
                    f"{setup.name}: the bench limit {limit} of the {quantity} exceeds "
                    f"the rating {self.RATING[quantity]}"
                )
        self.name = setup.name
        self.setup = setup
        self.limits: dict[str, Limit] = {**self.RATING, **setup.limits}

    def connect(self) -> Identity:
        """Open the link and check who answers; the instrument's state does not change.

        Raises `WrongInstrument` where another model answers.
        """
        self._do_open()
        identity = self._do_identify()
        for pattern in filter(None, (self.IDENTITY, self.setup.identity)):
            if re.fullmatch(pattern, str(identity)) is None:
                raise WrongInstrument(
                    f"{self.name} at {self.setup.address}: {str(identity)!r} answers, the bench expects "
                    f"{pattern!r}. Is the address right, is the cable in the right box?"
                )
        return identity

    def prepare(self) -> None:
        """Take control, clear old errors, set ranges and protections; the output stays off."""
        self._do_prepare()

    @abstractmethod
    def snapshot(self) -> dict[str, float | str | bool | None]:
        """Return what the instrument says of itself now: set-points, measurements, state."""

    @abstractmethod
    def make_safe(self) -> None:
        """De-energise; may be called in any state, any number of times."""

    @abstractmethod
    def prove_safe(self) -> tuple[Proof, ...]:
        """Measure the terminals; empty where the instrument energises nothing."""

    def close(self) -> None:
        """Close the link; the instrument's state does not change."""
        self._do_close()

    @abstractmethod
    def _do_open(self) -> None: ...

    @abstractmethod
    def _do_identify(self) -> Identity: ...

    @abstractmethod
    def _do_prepare(self) -> None: ...

    @abstractmethod
    def _do_close(self) -> None: ...

    def _check(self, quantity: str, value: float) -> float:
        return self.limits[quantity].check(value, f"{self.name}.{quantity}")

    def _fit(self, ratings: Mapping[str, Limit]) -> None:
        """Hold the limits against what the box itself says that it can do.

        A quantity that the bench does not limit takes the box's rating. Raises
        `ConfigError` where a bench limit exceeds it.
        """
        for quantity, rating in ratings.items():
            limit = self.setup.limits.get(quantity, rating)
            if not rating.contains(limit):
                raise ConfigError(
                    f"{self.name}: the bench limit {limit} of the {quantity} exceeds what the box says "
                    f"that it can do, {rating}"
                )
            self.limits[quantity] = limit

    def _took(self, what: str, sent: float, readback: float, tolerance: float) -> None:
        """Raise `ReadbackError` unless the instrument took the set-point, within a tolerance."""
        if not abs(readback - sent) <= tolerance:
            raise ReadbackError(
                f"{self.name}: {what} was set to {sent:g} and reads back {readback:g}. "
                "Look at the front panel: is it locked, in another mode, or limited?"
            )


class GridSource(Instrument):
    """A programmable three-phase AC source, bidirectional."""

    ROLE = "grid_source"
    QUANTITIES: ClassVar[Mapping[str, str]] = {"voltage": "V", "frequency": "Hz", "current": "A"}
    LIST: ClassVar[ListMemory]

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


@dataclass(frozen=True, slots=True)
class Input:
    """One analog input of a recorder."""

    name: str
    """Channel name in the capture."""
    terminal: str
    """Physical input, such as "ai0"."""
    range: float
    """Full scale, both polarities [V]."""


class Recorder(Instrument):
    """A sampler of waveforms, all inputs on one sample clock, trigger line included."""

    ROLE = "recorder"
    ENERGISES = False
    QUANTITIES: ClassVar[Mapping[str, str]] = {"rate": "Hz"}

    def configure(self, inputs: Sequence[Input], rate: float) -> float:
        """Set up a continuous acquisition and return the rate that the hardware took [Hz]."""
        return self._do_configure(tuple(inputs), self._check("rate", rate))

    @abstractmethod
    def start(self) -> None:
        """Start sampling."""

    @abstractmethod
    def read(self) -> NDArray[np.float64]:
        """Return every sample that waits, shape (inputs, n), as volts at the inputs [V].

        Raises `InstrumentError` where samples were lost.
        """

    @abstractmethod
    def stop(self) -> tuple[NDArray[np.float64], int]:
        """Stop sampling; return the samples that still waited, and how many were acquired in all.

        Samples of shape (inputs, n), volts at the inputs [V]. A caller who has stored fewer
        than were acquired per input has an incomplete capture.
        """

    @abstractmethod
    def _do_configure(self, inputs: tuple[Input, ...], rate: float) -> float: ...


@dataclass(frozen=True, slots=True)
class PcsState:
    """What a PCS says of itself."""

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
    """[pu], or None where it does not tell."""


class Pcs(Instrument):
    """The power conversion system under test."""

    ROLE = "pcs"
    QUANTITIES: ClassVar[Mapping[str, str]] = {"active_power": "W", "reactive_power": "var"}

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

    def refresh(self) -> None:
        """Renew set-points that the PCS would revert by itself; called every second or so."""

    @abstractmethod
    def _do_set_active_power(self, watts: float) -> None: ...

    @abstractmethod
    def _do_set_reactive_power(self, var: float) -> None: ...

    @abstractmethod
    def _do_switch(self, *, on: bool) -> None: ...


class Interlock(Instrument):
    """A line that must be closed for any source to have an output: a way to off without their links.

    Wired to the remote inhibit of the AC source, to the enable pin of the DC source, and to the
    emergency-off input of the PCS.
    """

    ROLE = "interlock"
    ENERGISES = False
    QUANTITIES: ClassVar[Mapping[str, str]] = {}
    RATING: ClassVar[Mapping[str, Limit]] = {}

    @abstractmethod
    def switch(self, *, closed: bool) -> None:
        """Close the line, which allows outputs and switches none, or open it, which forbids them."""

    @abstractmethod
    def read_closed(self) -> bool:
        """Say whether the line is closed, as read back from it."""


ROLES: dict[str, type[Instrument]] = {
    role.ROLE: role for role in (GridSource, DcSource, Recorder, Pcs, Interlock)
}
"""The roles by their name in bench files."""
