"""What every instrument on the bench is, whatever part it plays."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping  # noqa: TC003 - dataclass fields name it at run time
from dataclasses import dataclass, field
from math import isnan
from typing import ClassVar

from hil.clock import Clock  # noqa: TC001
from hil.errors import ConfigError, ReadbackError, WrongInstrument
from hil.limits import Limit  # noqa: TC001
from hil.transport.link import CommandLog  # noqa: TC001


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
    """NaN where the instrument does not tell it."""
    limit: Limit
    witnesses: tuple[tuple[str, str], ...] = ()
    """Quantity and phase of what the recorder measures at the terminals of the PCS and that proves as much
    where the instrument does not tell; empty: nothing does."""

    @property
    def told(self) -> bool:
        """True where the instrument told the value."""
        return not isnan(self.value)

    @property
    def holds(self) -> bool:
        """True where the measured value lies inside the limit."""
        return self.limit.low <= self.value <= self.limit.high

    def __str__(self) -> str:
        """Return it as text for a log line."""
        if not self.told:
            return f"{self.quantity} is not told"
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
