"""Where simulated instruments meet the plant.

A twin knows no physics and the plant knows no protocol: the twin writes what its
box would do at its terminals, the plant solves, the twin reads what its box would
measure. Each of these is passive; `Plant.advance` moves it, under the plant's lock.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class GridPoint:
    """A set-point that the AC source's list memory applies at an instant of plant time."""

    time: float
    """Plant time [s]."""
    volts: tuple[float, float, float]
    """RMS phase-to-neutral [V]."""
    hertz: float
    pulse: bool = False
    """True where the source also pulses its trigger output."""


@dataclass
class GridTerminals:
    """The AC source's output. Written by its twin, except for what is measured."""

    interlock: InterlockTerminals | None = None
    """The line that is wired to its remote-inhibit input; None: nothing is."""
    relay: bool = False
    volts: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    """RMS phase-to-neutral set-points [V]; the output moves there with the slew rate."""
    hertz: float = 60.0
    slew: float = 200e3
    """How fast the RMS set-point moves [V/s]."""
    schedule: list[GridPoint] = field(default_factory=list)
    """Points still to come, ascending in time; the plant applies each at its instant, on the step,
    writes it into `volts` and `hertz`, and removes it. Clearing the list aborts the transient."""
    pulse_width: float = 400e-6
    """Length of a pulse on the trigger line [s]."""
    measured_volts: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    """RMS at the terminals over the last 100 ms [V]."""
    measured_amps: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    """RMS out of the source over the last 100 ms [A]."""
    measured_watts: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    """Mean active power out of the source over the last 100 ms [W]."""


@dataclass
class DcTerminals:
    """The DC source's output; positive current leaves the source."""

    output: bool = False
    volts: float = 0.0
    """Set-point [V]."""
    source_amps: float = 0.0
    """Current that it may give [A]."""
    sink_amps: float = 0.0
    """Current that it may take, positive [A]."""
    source_watts: float = 0.0
    sink_watts: float = 0.0
    measured_volts: float = 0.0
    """Mean at the terminals over the last 20 ms [V]; the link's voltage also with the output off."""
    measured_amps: float = 0.0
    """[A]"""

    @property
    def measured_watts(self) -> float:
        """Mean power out of the source [W]."""
        return self.measured_volts * self.measured_amps


@dataclass
class InterlockTerminals:
    """The interlock line; open, it inhibits every source of the bench."""

    closed: bool = False


PCS_MODES = ("off", "starting", "running", "tripped", "fault")
PCS_ALARMS = ("undervoltage", "overvoltage", "underfrequency", "overfrequency", "overcurrent", "dc_voltage")


@dataclass
class PcsTerminals:
    """The PCS as its communication card sees it."""

    enable: bool = False
    """Command: run. A trip latches until it is withdrawn."""
    active_power: float = 0.0
    """Command, positive towards the grid [W]."""
    reactive_power: float = 0.0
    """Command, positive overexcited [var]."""
    mode: str = "off"
    """One of `PCS_MODES`."""
    connected: bool = False
    """True while its contactor is closed."""
    alarms: set[str] = field(default_factory=set)
    """Names out of `PCS_ALARMS`; latched until `enable` is withdrawn."""
    measured_volts: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    """RMS phase-to-neutral at the PCC over the last 100 ms [V]."""
    measured_amps: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    """RMS over the last 100 ms [A]."""
    measured_watts: float = 0.0
    """Mean active power over the last 100 ms, positive towards the grid [W]."""
    measured_var: float = 0.0
    """Reactive power over the last 100 ms [var]."""
    measured_hertz: float = 0.0
    """What its PLL says [Hz]."""
    dc_volts: float = 0.0
    dc_amps: float = 0.0
    """Into the PCS [A]."""
    state_of_charge: float = 0.5
    """[pu]"""


@dataclass(frozen=True, slots=True)
class Sensor:
    """What hangs on one analog input of the recorder."""

    signal: str
    """One of `SIGNALS`."""
    distort: Callable[[NDArray[np.float64]], NDArray[np.float64]]
    """Turns the true value (SI) into volts at the recorder's input."""
    noise: float = 0.0
    """RMS noise at the input [V]."""


SIGNALS = ("v_a", "v_b", "v_c", "i_a", "i_b", "i_c", "v_dc", "i_dc", "trigger")
"""What the plant can be asked to record: PCC phase-to-neutral voltages [V], PCS currents towards the
grid [A], DC link voltage [V], DC current into the PCS [A], the trigger line (0 or 5 V)."""


@dataclass
class AnalogInputs:
    """The recorder's inputs: which sensor hangs where, and the samples that wait."""

    sensors: dict[str, Sensor] = field(default_factory=dict)
    """By physical input, such as "ai0"."""
    running: bool = False
    """Set by the twin; the plant then appends a block per advance, at its own step."""
    blocks: list[NDArray[np.float64]] = field(default_factory=list)
    """True values, each of shape (len(SIGNALS), n), SI; the twin takes them away."""
    step: float = 20e-6
    """Time between samples in `blocks` [s]."""
