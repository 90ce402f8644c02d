"""What the simulated grid, PCS and DC link are made of."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from math import isfinite, pi, sqrt
from typing import TYPE_CHECKING, Final

from hil.errors import ConfigError

from .forming import Defects, Forming, Synchro
from .loads import Bank, ElectronicLoad, Transformer
from .storage import Storage

if TYPE_CHECKING:
    from .genset import Genset
    from .grounding import Grounding
    from .missions import Missions

STEP: Final = 20e-6
"""Step of the simulation [s]; the recorder's samples are taken at it."""

PRIORITIES: Final = ("P", "Q", "mixed")
OTHER_PRIORITY: Final = {"P": "Q", "Q": "P", "mixed": "P"}
"""What a PCS takes a priority for that confuses them."""
CONTROLS: Final = ("following", "forming")

Levels = tuple[tuple[float, float], ...]
"""Protection levels: beyond how much [pu], for how long [s]."""


@dataclass(frozen=True, slots=True)
class Parameters(Storage):
    """One plant, its DC side by what it inherits; per unit is on rated power, voltage and frequency."""

    voltage: float = 480.0
    """RMS, line to line [V]."""
    frequency: float = 60.0
    """Rated [Hz]"""
    scr: float = 20.0
    """Short-circuit ratio at the PCC; 20 is a stiff bench source, 2 a weak grid."""
    x_over_r: float = 10.0
    """Of the grid impedance; 5 to 15 is usual, 2 to 5 in weak rural grids."""
    filter_inductance: float = 0.073
    """Of the converter-side reactor [pu]; LCL values of motulator's 10 kVA converter."""
    grid_side_inductance: float = 0.073
    """Of the grid-side reactor [pu]."""
    filter_capacitance: float = 0.043
    """Between the reactors [pu]"""
    filter_resistance: float = 0.003
    """Of each reactor [pu]."""
    damping_resistance: float = 0.2
    """In series with the filter capacitor [pu]; about a third of its reactance at resonance."""
    current_limit: float = 1.2
    """Of the PCS [pu]; products give 1.1 to 1.2."""
    priority: str = "P"
    """Which power keeps its share at the current limit: "P", "Q" or "mixed"."""
    fault_priority: str = "Q"
    """The same while the voltage is outside the dead band."""
    k_support: float = 2.0
    """Reactive current per voltage deviation (VDE-AR-N 4110: 2 to 6)."""
    deadband: float = 0.1
    """Voltage deviation without reactive support [pu]."""
    cessation: float = 0.0
    """Voltage of the lowest phase below which no current is given [pu]; zero: it always is."""
    recovery_ramp: float = 5.0
    """How fast the active current returns after a fault [pu/s]; IEEE 2800 asks for 1 s or less."""
    power_ramp: float = 50.0
    """How fast the powers follow their commands [pu/s]."""
    load_ramp: float = 500.0
    """How fast its power may follow a load that it buffers [pu/s]; edges take a millisecond or more."""
    start_delay: float = 0.5
    """How long grid and DC link must be healthy before the contactor closes [s]."""
    undervoltage: Levels = ((0.25, 0.40), (0.50, 1.45), (0.70, 3.6), (0.90, 7.2))
    """Lowest phase; IEEE 2800-2022 ride-through times (0.32, 1.2, 3.0, 6.0 s) and 20 % in hand."""
    overvoltage: Levels = ((1.22, 0.1), (1.10, 1.2))
    """Highest phase to the star point of the three, as there is no neutral; IEEE 2800-2022: 1.10 to 1.20
    for 1.0 s, above 1.20 it may trip."""
    frequency_band: tuple[float, float] = (0.94, 1.035)
    """Trips outside for 0.2 s [pu]; IEEE 2800-2022 rides through 57.0 to 61.8 Hz."""
    overcurrent: float = 2.0
    """Instantaneous, of the rated peak current [pu]; protects the bridge."""
    control: str = "following"
    """What it is delivered as, "following" or "forming"; a command changes it."""
    pll_bandwidth: float = 10.0
    """How fast it follows the grid's phase [Hz]; half of motulator's, to hold at an SCR of 2."""
    current_bandwidth: float = 400.0
    """Of the current control [Hz] (motulator's default)."""
    switching: bool = False
    """Whether the bridge's pulses are simulated, two levels at half the control rate; else their mean is."""
    dead_time: float = 0.0
    """Of the bridge's legs [s]; some microseconds make its fifth and seventh harmonics."""
    stray_capacitance: float = 0.002
    """Of cables and inputs on the bus, to ground [pu]."""
    stray_resistance: float = 2.0
    """In series with it, the damping of what resonates with it [pu]."""
    leakage: float = 1e-4
    """Conductance of the bus to ground, of cables, dividers and insulation monitor [pu]; without it an island
    without a neutral would keep a charge for ever."""
    step: float = STEP
    """Of the simulation [s]; the recorder's samples are taken at it."""
    control_period: float = 100e-6
    """How often the PCS samples, computes and modulates [s]."""
    forming: Forming = field(default_factory=Forming)
    synchro: Synchro = field(default_factory=Synchro)
    defects: Defects = field(default_factory=Defects)
    bank: Bank = field(default_factory=Bank)
    electronic: ElectronicLoad = field(default_factory=ElectronicLoad)
    transformer: Transformer = field(default_factory=Transformer)
    grounding: Grounding | None = None
    """What gives an island its neutral; None: an island without gensets has none."""
    gensets: tuple[Genset, ...] = ()
    missions: Missions | None = None
    """Of the plant-level control; None: the set-points go to the PCS as they are."""
    telemetry_gain: float = 1.0
    """Reported over true active power; one in an honest PCS."""

    def __post_init__(self) -> None:
        Storage.__post_init__(self)
        for item in fields(self)[len(fields(Storage)) :]:  # inherited ones stand first
            value = getattr(self, item.name)
            if isinstance(value, float) and not (isfinite(value) and value >= 0.0):
                raise _refused(item.name, value, "must be a number that is not negative")
            if isinstance(value, float) and value == 0.0 and item.name not in _MAY_BE_ZERO:
                raise _refused(item.name, value, "must be above zero")
        for name in ("priority", "fault_priority"):
            if getattr(self, name) not in PRIORITIES:
                raise _refused(name, getattr(self, name), f"must be one of {', '.join(PRIORITIES)}")
        if self.control not in CONTROLS:
            raise _refused("control", self.control, f"must be one of {', '.join(CONTROLS)}")
        if not 40.0 <= self.frequency <= 70.0:
            raise _refused("frequency", self.frequency, "must lie between 40 and 70 Hz")
        if not 1.0 <= self.scr <= 1000.0:
            raise _refused(
                "scr", self.scr, "must lie between 1 and 1000; no grid-following PCS holds below 1"
            )
        if self.dc_voltage < 1.1 * sqrt(2) * self.voltage:
            raise _refused(
                "dc_voltage",
                self.dc_voltage,
                f"is too low for {self.voltage:g} V AC: the bridge needs 1.1 sqrt(2) times that voltage",
            )
        self._check_step()

    def _check_step(self) -> None:
        """Refuse steps that cannot show what happens within them."""
        if not 5e-6 <= self.step <= 50e-6:
            raise _refused("step", self.step, "must lie between 5e-6 and 50e-6 s")
        periods = self.control_period / self.step
        if abs(periods - round(periods)) > 1e-6 or not 1 <= round(periods) <= 64:
            raise _refused(
                "control_period", self.control_period, f"must be a whole number of steps of {self.step:g} s"
            )
        if (self.filter_capacitance == 0.0) != (self.grid_side_inductance == 0.0):
            raise _refused(
                "filter_capacitance",
                self.filter_capacitance,
                "capacitance and grid-side inductance make an LCL filter, or an L filter both at zero",
            )
        if self.filter_capacitance == 0.0:
            return
        highest = 1.0 / (6.0 * self.control_period)
        if self.resonance > highest:
            raise _refused(
                "filter_capacitance",
                self.filter_capacitance,
                f"puts the LCL resonance at {self.resonance:.0f} Hz; above {highest:.0f} Hz, a sixth of the "
                "control rate, the step is too large for it. Raise the inductances or the capacitance",
            )

    @property
    def impedance(self) -> float:
        """Base impedance [ohm]."""
        return self.voltage * self.voltage / self.rated_power

    @property
    def grid_inductance(self) -> float:
        """Of the grid [pu]."""
        return self.x_over_r * self.grid_resistance

    @property
    def grid_resistance(self) -> float:
        """Of the grid [pu]."""
        return 1.0 / (self.scr * sqrt(1.0 + self.x_over_r * self.x_over_r))

    @property
    def resonance(self) -> float:
        """Resonant frequency of the filter with the grid [Hz]."""
        first, second = self.filter_inductance, self.grid_side_inductance + self.grid_inductance
        return self.frequency * sqrt((first + second) / (first * second * self.filter_capacitance))

    @property
    def capacitance(self) -> float:
        """Of the filter, per phase [F]."""
        return self.filter_capacitance / (2 * pi * self.frequency * self.impedance)


_MAY_BE_ZERO: Final = {
    "x_over_r",
    "k_support",
    "filter_capacitance",
    "filter_resistance",
    "cessation",
    "dead_time",
    "leakage",
    "deadband",
    "grid_side_inductance",
}


def _refused(name: str, value: object, why: str) -> ConfigError:
    text = f"{value:g}" if isinstance(value, float) else repr(value)
    return ConfigError(f"[plant] {name} = {text}: {why}")
