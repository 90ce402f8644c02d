"""What a sequence is made of: plain values, so that it can be read before it is run.

A sequence yields stages. A stage is whole before its first command goes out, so it
can be checked, drawn, hashed and recorded; nothing fast in it depends on this
computer's timing, for a fast event is a `LoadTransient` that the source plays from
its own memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hil.limits import Limit
    from hil.transient import ListPoint, LoadPoint, Triple


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
class FormGrid:
    """Tell the PCS to form the grid, or to follow it."""

    on: bool


@dataclass(frozen=True, slots=True)
class SetVoltage:
    """Set what a grid-forming PCS holds at no load [pu of rated]."""

    volts: float
    hertz: float


@dataclass(frozen=True, slots=True)
class Synchronise:
    """Tell a grid-forming PCS to come into step with the source beyond the open breaker, or to stop that."""

    on: bool


@dataclass(frozen=True, slots=True)
class SetLoad:
    """Set what a load draws of all phases together [W, var inductive], now or once it is on."""

    watts: float
    var: float = 0.0
    name: str = ""
    """Which, where a bench has several: as the sequence calls it in its `ROLES`."""


@dataclass(frozen=True, slots=True)
class SetLoadPhases:
    """Set what a load draws of each phase [W, var; capacitive negative]."""

    watts: Triple
    var: Triple = (0.0, 0.0, 0.0)
    name: str = ""


@dataclass(frozen=True, slots=True)
class SwitchLoad:
    """Connect or disconnect a load."""

    on: bool
    name: str = ""


@dataclass(frozen=True, slots=True)
class LoadProfile:
    """Put a power profile into a load's memory; what it draws does not change yet."""

    points: tuple[LoadPoint, ...]
    name: str = ""


@dataclass(frozen=True, slots=True)
class FireProfile:
    """Start the loaded profile."""

    name: str = ""


@dataclass(frozen=True, slots=True)
class MoveSwitch:
    """Bring a contactor, breaker or transfer switch to a position: "open", "closed", or a side."""

    position: str
    name: str = ""
    attempt: bool = False
    """True where it may stay where it is, as behind a synchro-check relay: what it did is recorded."""


@dataclass(frozen=True, slots=True)
class RunGenset:
    """Start a genset and wait until it runs, or let it cool down and stop."""

    on: bool
    name: str = ""


@dataclass(frozen=True, slots=True)
class SwitchGenset:
    """Close or open a genset's breaker."""

    closed: bool
    name: str = ""


@dataclass(frozen=True, slots=True)
class ByHand:
    """What the operator does where no instrument can: a line's impedance, a fault, a control panel.

    On a bench of hardware the operator is asked, and confirms; a simulated bench does it itself.
    """

    what: str
    """What the operator is told to do."""
    terminal: str
    """Where it is done on a simulated bench, such as "grid", "fault", "genset:0"."""
    values: Mapping[str, object]
    """What is set there, as in `hil list plant`."""


@dataclass(frozen=True, slots=True)
class ReadMeter:
    """Take one reading of the power meter, averaged over its interval [s]."""

    interval: float
    name: str = ""


@dataclass(frozen=True, slots=True)
class ReadLog:
    """Read the event log of the PCS."""


@dataclass(frozen=True, slots=True)
class MoreClients:
    """Read the PCS through further connections at once, beside the one that the bench keeps."""

    count: int
    seconds: float


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
    "pcs.voltage": "V",
    "pcs.frequency": "Hz",
}
"""What can be waited for, and its unit; running and connected are 0 or 1."""


@dataclass(frozen=True, slots=True)
class Arm:
    """Start recording all channels under a name, and what the PCS says of itself beside them."""

    name: str
    poll: float = 1.0
    """The PCS is asked about this often [s]; what it answers, and when, stands in the record."""


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
    | FormGrid
    | SetVoltage
    | Synchronise
    | SetLoad
    | SetLoadPhases
    | SwitchLoad
    | LoadProfile
    | FireProfile
    | MoveSwitch
    | RunGenset
    | SwitchGenset
    | ByHand
    | ReadMeter
    | ReadLog
    | MoreClients
    | Await
    | Arm
    | LoadTransient
    | Fire
    | Hold
    | Disarm
)
