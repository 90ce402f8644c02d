"""What the simulated grid, PCS and DC link are made of."""

from __future__ import annotations

from dataclasses import dataclass, fields
from math import isfinite, pi, sqrt
from typing import TYPE_CHECKING, Any, Final

from hil.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

STEP: Final = 20e-6
"""Step of the simulation [s]; the recorder's samples are taken at it."""
PERIOD: Final = 5
"""Steps per control period: the PCS samples, computes and modulates at 10 kHz."""

PARAMETERS: Final[Mapping[str, str]] = {
    "rated_power": "W",
    "voltage": "V",
    "frequency": "Hz",
    "scr": "",
    "x_over_r": "",
    "filter_inductance": "pu",
    "grid_side_inductance": "pu",
    "filter_capacitance": "pu",
    "current_limit": "pu",
    "priority": "text",
    "k_support": "",
    "deadband": "pu",
    "recovery_ramp": "pu/s",
    "power_ramp": "pu/s",
    "start_delay": "s",
    "dc_voltage": "V",
    "battery_capacity": "Wh",
}
"""What a bench file's [plant] table may set, each with its unit; the rest are constants of the model."""

Levels = tuple[tuple[float, float], ...]
"""Protection levels: beyond how much [pu], for how long [s]."""


@dataclass(frozen=True, slots=True)
class Parameters:
    """One plant; per unit is on the rated power, the rated voltage and the rated frequency."""

    rated_power: float = 100e3
    """[W]"""
    voltage: float = 480.0
    """RMS, line to line [V]."""
    frequency: float = 60.0
    """[Hz]"""
    scr: float = 20.0
    """Short-circuit ratio at the PCC; 20 is a stiff bench source, 2 a weak grid."""
    x_over_r: float = 10.0
    """Of the grid impedance; 5 to 15 is usual, 2 to 5 in weak rural grids."""
    filter_inductance: float = 0.073
    """Of the converter-side reactor [pu]; LCL values of motulator's 10 kVA converter."""
    grid_side_inductance: float = 0.073
    """Of the grid-side reactor [pu]."""
    filter_capacitance: float = 0.043
    """[pu]"""
    filter_resistance: float = 0.003
    """Of each reactor [pu]."""
    damping_resistance: float = 0.2
    """In series with the filter capacitor [pu]; about a third of its reactance at resonance."""
    efficiency: float = 0.985
    """Of the bridge; with the reactors the PCS reaches about 98 % (product sheets: 97 to 98.5 %)."""
    current_limit: float = 1.2
    """[pu]; products give 1.1 to 1.2."""
    priority: str = "P"
    """Which power keeps its share at the current limit, "P" or "Q"; in a fault it is always Q."""
    k_support: float = 2.0
    """Reactive current per voltage deviation (VDE-AR-N 4110: 2 to 6)."""
    deadband: float = 0.1
    """Voltage deviation without reactive support [pu]."""
    recovery_ramp: float = 5.0
    """How fast the active current returns after a fault [pu/s]; IEEE 2800 asks for 1 s or less."""
    power_ramp: float = 50.0
    """How fast the powers follow their commands [pu/s]."""
    start_delay: float = 0.5
    """How long grid and DC link must be healthy before the contactor closes [s]."""
    dc_voltage: float = 850.0
    """Nominal, of the DC link [V]."""
    dc_link_time: float = 0.01
    """Time in which rated power discharges the link, C V^2 / S [s]; 5 to 20 ms is usual."""
    dc_resistance: float = 0.01
    """Of source and cable, on dc_voltage and rated power [pu]."""
    battery_resistance: float = 0.005
    """Of the battery's RC branch [pu]."""
    battery_time: float = 20.0
    """Time constant of that branch [s]."""
    battery_capacity: float = 200e3
    """[Wh]"""
    undervoltage: Levels = ((0.25, 0.40), (0.50, 1.45), (0.70, 3.6), (0.90, 7.2))
    """Lowest phase; IEEE 2800-2022 ride-through times (0.32, 1.2, 3.0, 6.0 s) and 20 % in hand."""
    overvoltage: Levels = ((1.22, 0.1), (1.10, 1.2))
    """Highest phase; IEEE 2800-2022: 1.10 to 1.20 for 1.0 s, above 1.20 it may trip."""
    frequency_band: tuple[float, float] = (0.94, 1.035)
    """Trips outside for 0.2 s [pu]; IEEE 2800-2022 rides through 57.0 to 61.8 Hz."""
    overcurrent: float = 2.0
    """Instantaneous, of the rated peak current [pu]; protects the bridge."""
    telemetry_gain: float = 1.0
    """Reported over true active power; one in an honest PCS."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, float) and not (isfinite(value) and value >= 0.0):
                raise _refused(field.name, value, "must be a number that is not negative")
            if isinstance(value, float) and value == 0.0 and field.name not in _MAY_BE_ZERO:
                raise _refused(field.name, value, "must be above zero")
        if self.priority not in {"P", "Q"}:
            raise _refused("priority", self.priority, 'must be "P" or "Q"')
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
        highest = 1.0 / (6.0 * PERIOD * STEP)
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

    @property
    def link_capacitance(self) -> float:
        """Of the DC link [F]."""
        return self.dc_link_time * self.rated_power / (self.dc_voltage * self.dc_voltage)


_MAY_BE_ZERO: Final = {
    "x_over_r",
    "k_support",
    "deadband",
    "battery_resistance",
    "grid_side_inductance",
}


def _refused(name: str, value: object, why: str) -> ConfigError:
    unit = PARAMETERS.get(name, "").removesuffix("text")
    text = f"{value:g} {unit}".strip() if isinstance(value, float) else repr(value)
    return ConfigError(f"[plant] {name} = {text}: {why}")


def from_options(options: Mapping[str, float | str]) -> Parameters:
    """Return the parameters of a bench file's [plant] table, its values in the units of `PARAMETERS`."""
    values: dict[str, Any] = {}
    for name, value in options.items():
        if name not in PARAMETERS:
            raise ConfigError(f"[plant] has no parameter {name!r}; there is {', '.join(PARAMETERS)}")
        if PARAMETERS[name] == "text":
            values[name] = str(value)
        elif isinstance(value, str):
            raise _refused(name, value, f"must be a number [{PARAMETERS[name] or '-'}]")
        else:
            values[name] = float(value)
    return Parameters(**values)
