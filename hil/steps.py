"""What a sequence is made of: plain values, so that it can be read before it is run.

A sequence yields stages. A stage is whole before its first command goes out, so it
can be checked, drawn, hashed and recorded; nothing fast in it depends on this
computer's timing, for a fast event is a `LoadTransient` that the source plays from
its own memory.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from hil.errors import ConfigError
from hil.units import parse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hil.limits import Limit
    from hil.transient import ListPoint, Triple


@dataclass(frozen=True, slots=True)
class SetGrid:
    """Set the AC source [V RMS phase to neutral, Hz]."""

    volts: Triple
    hertz: float


@dataclass(frozen=True, slots=True)
class RampGrid:
    """Move all phases of the AC source to a voltage [V] in a time [s], in small steps."""

    volts: float
    seconds: float


@dataclass(frozen=True, slots=True)
class SwitchGrid:
    """Close or open the AC source's output."""

    on: bool


@dataclass(frozen=True, slots=True)
class SetDc:
    """Set the DC source: voltage [V], current [A] and power [W] that it may take and give."""

    volts: float
    amps: float
    watts: float


@dataclass(frozen=True, slots=True)
class SwitchDc:
    """Switch the DC source's output."""

    on: bool


@dataclass(frozen=True, slots=True)
class SetPower:
    """Set the PCS's active [W] and reactive power [var]; generator convention."""

    watts: float
    var: float = 0.0


@dataclass(frozen=True, slots=True)
class SwitchPcs:
    """Tell the PCS to start or to stop."""

    on: bool


@dataclass(frozen=True, slots=True)
class Await:
    """Wait until a measured quantity lies within a limit; stop the run after a time [s]."""

    quantity: str
    """One of `QUANTITIES`."""
    limit: Limit
    timeout: float


QUANTITIES: dict[str, str] = {
    "grid.voltage": "V",  # smallest phase
    "grid.highest_voltage": "V",
    "dc.voltage": "V",
    "pcs.running": "",
    "pcs.connected": "",
    "pcs.active_power": "W",
    "pcs.reactive_power": "var",
}
"""What can be waited for, and its unit; running and connected are 0 or 1."""


@dataclass(frozen=True, slots=True)
class Arm:
    """Start recording all channels under a name."""

    name: str


@dataclass(frozen=True, slots=True)
class LoadTransient:
    """Put a transient into the AC source's list memory; nothing happens at its output yet."""

    points: tuple[ListPoint, ...]


@dataclass(frozen=True, slots=True)
class Fire:
    """Start the loaded transient; the source marks the instant on the trigger line."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Let the bench run [s], watched."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Disarm:
    """Stop recording and seal the capture."""


Step = (
    SetGrid
    | RampGrid
    | SwitchGrid
    | SetDc
    | SwitchDc
    | SetPower
    | SwitchPcs
    | Await
    | Arm
    | LoadTransient
    | Fire
    | Hold
    | Disarm
)


@dataclass(frozen=True, slots=True)
class Stage:
    """Steps that belong together, complete before the first of them is run."""

    name: str
    steps: tuple[Step, ...]
    purpose: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data, for the record."""
        return {
            "name": self.name,
            "purpose": self.purpose,
            "steps": [{"step": type(step).__name__, **asdict(step)} for step in self.steps],
        }


@dataclass(frozen=True, slots=True)
class Nominal:
    """The ratings that a sequence scales itself to."""

    voltage: float
    """Line-to-line RMS [V]."""
    frequency: float
    """[Hz]"""
    power: float
    """[W]"""
    dc_voltage: float
    """[V]"""

    @property
    def phase_voltage(self) -> float:
        """Phase-to-neutral RMS [V]."""
        return float(self.voltage / 3**0.5)

    @property
    def current(self) -> float:
        """RMS of one phase at rated power [A]."""
        return float(self.power / (3**0.5 * self.voltage))


@dataclass(frozen=True, slots=True)
class StageEnd:
    """What a sequence learns when a stage is over."""

    pcs_running: bool


Stages = Generator[Stage, StageEnd | None, None]
"""Sent back: how the stage ended, or None in a rehearsal, which goes as one hopes."""


class Sequence(Protocol):
    """A test: a frozen dataclass whose fields are its parameters in SI or per unit."""

    NAME: ClassVar[str]
    PARAMETERS: ClassVar[Mapping[str, tuple[str, str]]]
    """Name of each parameter to its unit ("text" where it has none) and its meaning."""
    CRITERIA: ClassVar[str]
    ENVELOPE: ClassVar[str]

    def stages(self, nominal: Nominal) -> Stages:
        """Yield the stages, one after the other."""
        ...

    def captures(self) -> Mapping[str, Mapping[str, float | str]]:
        """Return each capture's name and the parameters that its criteria refer to."""
        ...


def build(kind: type[Sequence], given: Mapping[str, str]) -> Sequence:
    """Build a sequence from parameters given as text, such as {"duration": "0.32 s"}.

    Raises `ConfigError` for an unknown name, a wrong unit or an impossible value.
    """
    values: dict[str, float | str] = {}
    for name, text in given.items():
        if name not in kind.PARAMETERS:
            known = ", ".join(kind.PARAMETERS)
            raise ConfigError(f"{kind.NAME} has no parameter {name!r}; it has {known}")
        unit = kind.PARAMETERS[name][0]
        values[name] = text if unit == "text" else parse(text, unit, f"{kind.NAME}: {name}")
    return kind(**values)


def parameters(sequence: Sequence) -> dict[str, float | str]:
    """Return the parameters of a sequence by name, in SI or per unit."""
    return {f.name: getattr(sequence, f.name) for f in fields(sequence)}  # type: ignore[arg-type]
