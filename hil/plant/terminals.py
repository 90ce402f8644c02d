"""Where simulated instruments meet the plant.

A twin knows no physics and the plant knows no protocol: the twin writes what its
box would do at its terminals, the plant solves, the twin reads what its box would
measure. Each of these is passive; `Plant.advance` moves it, under the plant's lock.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from hil.profiles.profile import Profile

    from .loads import Bank


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
    degrees: tuple[float, float, float] | None = None
    """Displacement of each phase from its place in the balanced system [deg]; None: as it was."""
    hertz_slew: float = inf
    """How fast the frequency moves there [Hz/s]."""


@dataclass
class GridTerminals:
    """The AC source's output. Written by its twin, except for what is measured."""

    interlock: InterlockTerminals | None = None
    """The line that is wired to its remote-inhibit input; None: nothing is."""
    relay: bool = False
    volts: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    """RMS phase-to-neutral set-points [V]; the output moves there with the slew rate."""
    hertz: float = 60.0
    degrees: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    """Displacement of each phase from its place in the balanced system [deg]; the output jumps there."""
    slew: float = 200e3
    """How fast the RMS set-point moves [V/s]."""
    hertz_slew: float = inf
    """How fast the frequency moves [Hz/s]."""
    harmonics: list[tuple[int, float, float]] = field(default_factory=list)
    """Order, part of the fundamental's amplitude, angle at the fundamental's positive peak [deg]."""
    ohms: tuple[float, float] | None = None
    """Resistance and, at rated frequency, reactance between the source and the PCC; None: as built."""
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


@dataclass
class BreakerTerminals:
    """The breaker between the AC source and the PCC, or the transfer switch's side of the source."""

    close: bool = True
    """Command; a synchro-check relay may keep it from closing."""
    closed: bool = True
    """What its auxiliary contact says."""


@dataclass
class LoadTerminals:
    """The AC loads: a bank of R, L and C, and an electronic load. Only the latter measures, and itself."""

    closed: bool = False
    """Command to the bank's breaker."""
    bank: Bank | None = None
    """What the bank is set to; None: nothing."""
    on: bool = False
    """Command to the electronic load."""
    active_power: float = 0.0
    """It is to draw [W], while there is no profile."""
    reactive_power: float = 0.0
    """[var], inductive positive."""
    profile: Profile | None = None
    """Power over time that it is to draw instead [W]; `start` is when it begins."""
    start: float = 0.0
    """Plant time [s]."""
    repeated: bool = False
    tangent: float = 0.0
    """Reactive over active power of the profile."""
    measured_amps: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    """RMS over the last 100 ms [A]."""
    measured_watts: float = 0.0
    measured_var: float = 0.0


@dataclass
class FaultTerminals:
    """A short circuit at the PCC."""

    kind: str = "abcg"
    """Phases, and "g" where they meet ground: "a", "ab", "abg", "abc", "abcg" and so on."""
    ohms: float = 0.01
    on: bool = False
    """Command; withdrawn, each phase clears at its current zero."""


@dataclass
class TransformerTerminals:
    """The transformer at the PCC."""

    close: bool = False
    """Command to its breaker."""
    closed: bool = False
    """What the breaker's auxiliary contact says."""


@dataclass
class GensetTerminals:
    """One generator set as its controller sees it."""

    run: bool = False
    """Command: start, or cool down and stop."""
    close: bool = False
    """Command to its breaker; whoever commands it has synchronised it."""
    trip: bool = False
    """Command: open at once and stop; withdrawing it and `run` resets."""
    speed: float = 1.0
    """At no load [pu]."""
    volts: float = 1.0
    """Set-point [pu]."""
    state: str = "standstill"
    trip_reason: str = ""
    closed: bool = False
    measured_watts: float = 0.0
    measured_var: float = 0.0
    measured_hertz: float = 0.0
    lead: float = 0.0
    """By how much its EMF leads the bus [deg]."""


GENSET_STATES = ("standstill", "starting", "running", "cooling", "stopping")
GENSET_TRIPS = (
    *("", "underspeed", "overspeed", "undervoltage", "overvoltage"),
    *("reverse power", "overcurrent", "commanded"),
)
PCS_MODES = ("off", "starting", "running", "tripped", "fault")
PCS_ALARMS = ("undervoltage", "overvoltage", "underfrequency", "overfrequency", "overcurrent", "dc_voltage")
PCS_EVENTS = (
    *("off", "starting", "running"),
    *(f"{mode}: {alarm}" for mode in ("tripped", "fault") for alarm in PCS_ALARMS),
    *("forming", "following", "islanded", "resynchronised", "breaker open", "breaker closed"),
    *("current limit on", "current limit off", "entries lost"),
)
"""What the event log says; islanded and resynchronised are the breaker's moves while it runs."""
CHANNELS = {
    "volts": "measured_volts",
    "amps": "measured_amps",
    "watts": "measured_watts",
    "var": "measured_var",
    "hertz": "measured_hertz",
    "dc_volts": "dc_volts",
    "dc_amps": "dc_amps",
    "state_of_charge": "state_of_charge",
    "celsius": "celsius",
}
"""What a PCS reports, and where it stands in `PcsTerminals`."""


@dataclass
class PcsTerminals:
    """The PCS as its communication card sees it; a reading that the card does not give is None."""

    enable: bool = False
    """Command: run. A trip latches until it is withdrawn."""
    active_power: float = 0.0
    """Command, positive towards the grid [W]."""
    reactive_power: float = 0.0
    """Command, positive overexcited [var]."""
    form: bool | None = None
    """Command: form the grid, or follow it; None: as built."""
    volts: float = 1.0
    """Command to a forming PCS [pu]."""
    hertz: float = 1.0
    """Command to a forming PCS, at no load [pu]."""
    priority: str | None = None
    """Command: which power keeps its share at the current limit, "P", "Q" or "mixed"; None: as built."""
    synchronise: bool = False
    """Command to a forming PCS: bring the PCC into step with the source beyond the open breaker."""
    mode: str = "off"
    """One of `PCS_MODES`."""
    forming: bool = False
    """True while it forms."""
    limited: bool = False
    """True while its current limit acts."""
    missions: dict[str, float] = field(default_factory=dict)
    """What each mission got [pu], where it has missions."""
    connected: bool = False
    """True while its contactor is closed."""
    alarms: set[str] = field(default_factory=set)
    """Names out of `PCS_ALARMS`; latched until `enable` is withdrawn."""
    events: list[tuple[float, str]] = field(default_factory=list)
    """Its event log: plant time [s], to the control period, and one of `PCS_EVENTS`."""
    measured_volts: list[float] | None = field(default_factory=lambda: [0.0, 0.0, 0.0])
    """RMS phase-to-neutral at the PCC over the last 100 ms [V]."""
    measured_amps: list[float] | None = field(default_factory=lambda: [0.0, 0.0, 0.0])
    """RMS over the last 100 ms [A]."""
    measured_watts: float | None = 0.0
    """Mean active power over the last 100 ms, positive towards the grid [W]."""
    measured_var: float | None = 0.0
    """Reactive power over the last 100 ms [var]."""
    measured_hertz: float | None = 0.0
    """What its PLL says [Hz]."""
    dc_volts: float | None = 0.0
    dc_amps: float | None = 0.0
    """Into the PCS [A]."""
    state_of_charge: float | None = 0.5
    """[pu]"""
    celsius: float | None = 25.0
    """Of its heat sink."""


@dataclass(frozen=True, slots=True)
class Sensor:
    """What hangs on one analog input of the recorder."""

    signal: str
    """One of `SIGNALS` or `MORE_SIGNALS`."""
    distort: Callable[[NDArray[np.float64]], NDArray[np.float64]]
    """Turns the true value (SI) into volts at the recorder's input."""
    noise: float = 0.0
    """RMS noise at the input [V]."""


SIGNALS = ("v_a", "v_b", "v_c", "i_a", "i_b", "i_c", "v_dc", "i_dc", "trigger")
"""What the plant records as a rule: PCC phase-to-neutral voltages [V], PCS currents towards the PCC [A],
DC link voltage [V], DC current into the PCS [A], the trigger line (0 or 5 V)."""
MORE_SIGNALS = (
    *("v_source_a", "v_source_b", "v_source_c", "i_grid_a", "i_grid_b", "i_grid_c"),
    *("i_load_a", "i_load_b", "i_load_c", "i_genset_a", "i_genset_b", "i_genset_c"),
    *("i_fault_a", "i_fault_b", "i_fault_c", "i_transformer_a", "i_transformer_b", "i_transformer_c"),
)
"""What it can record besides: voltage of the source [V] and its currents towards the PCC, of gensets
likewise; of load, fault and transformer from the PCC [A]."""


@dataclass
class AnalogInputs:
    """Inputs of a recorder or power meter: which sensor hangs where, and the samples that wait."""

    sensors: dict[str, Sensor] = field(default_factory=dict)
    """By physical input, such as "ai0"; of a power meter "u1" to "u3" and "i1" to "i3"."""
    running: bool = False
    """Set by the twin; the plant then appends a block per advance, at its own step."""
    blocks: list[NDArray[np.float64]] = field(default_factory=list)
    """True values, each of shape (len(signals), n), SI; the twin takes them away."""
    step: float = 20e-6
    """Time between samples in `blocks` [s]."""

    @property
    def signals(self) -> tuple[str, ...]:
        """The signals in a block, row by row: `SIGNALS`, and those besides that have a sensor."""
        wired = {sensor.signal for sensor in self.sensors.values()}
        return SIGNALS + tuple(name for name in MORE_SIGNALS if name in wired)


MEASURING_POINTS: Final = {"pcs": "i", "grid": "i_grid", "load": "i_load"}
"""Where a power meter may be: whose currents it takes; its voltages are those at the PCC."""


def metered(point: str) -> AnalogInputs:
    """Return the inputs of a power meter at a measuring point; its own errors are not simulated."""
    pairs = (("u", "v"), ("i", MEASURING_POINTS[point]))
    return AnalogInputs(
        {
            f"{kind}{n}": Sensor(f"{stem}_{phase}", lambda values: values)
            for kind, stem in pairs
            for n, phase in enumerate("abc", 1)
        }
    )


@dataclass
class Terminals:
    """All terminals of one plant."""

    grid: GridTerminals = field(default_factory=GridTerminals)
    dc: DcTerminals = field(default_factory=DcTerminals)
    pcs: PcsTerminals = field(default_factory=PcsTerminals)
    inputs: AnalogInputs = field(default_factory=AnalogInputs)
    meters: dict[str, AnalogInputs] = field(default_factory=dict)
    """Of power meters, by their measuring points."""
    breaker: BreakerTerminals = field(default_factory=BreakerTerminals)
    load: LoadTerminals = field(default_factory=LoadTerminals)
    fault: FaultTerminals = field(default_factory=FaultTerminals)
    transformer: TransformerTerminals = field(default_factory=TransformerTerminals)
    gensets: list[GensetTerminals] = field(default_factory=list)
