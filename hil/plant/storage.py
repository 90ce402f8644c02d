"""What the DC side is made of: link, DC source or battery, in engineering terms."""

from __future__ import annotations

from dataclasses import dataclass, fields
from math import expm1, inf, isfinite
from typing import TYPE_CHECKING, Final

import numpy as np

from hil.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

OPEN_CIRCUIT: Final[Mapping[str, tuple[float, ...]]] = {
    "lfp": (
        *(2.800, 3.100, 3.200, 3.220, 3.245, 3.262, 3.278, 3.288, 3.293, 3.296),
        *(3.300, 3.303, 3.308, 3.320, 3.330, 3.333, 3.335, 3.337, 3.340, 3.345, 3.450),
    ),
    "nmc": (
        *(3.000, 3.300, 3.430, 3.490, 3.540, 3.575, 3.600, 3.620, 3.640, 3.665),
        *(3.690, 3.730, 3.780, 3.830, 3.880, 3.930, 3.980, 4.030, 4.080, 4.120, 4.190),
    ),
}
"""Rested voltage of a cell [V] at SOC 0, 5 ... 100 %: LFP is flat, 3.2 to 3.35 V between its knees at 10 and
95 %, NMC rises throughout. Typical shapes [M-med], not a maker's data."""
LIMITS: Final = ("free", "discharging", "charging", "collapse", "open")
"""What the array's LIMIT says: nothing; a bound of the current; more power than EMF and resistance can give
(slow mode); output off or contactor open."""


@dataclass(frozen=True, slots=True)
class Storage:
    """Link capacitor and what feeds it; per unit is on rated power and nominal DC voltage."""

    rated_power: float = 100e3
    """Of the PCS [W]"""
    dc_voltage: float = 850.0
    """Nominal [V]; the battery's open-circuit voltage at SOC 0.5."""
    dc_link_time: float = 0.01
    """Time in which rated power discharges the link, C V^2 / S [s]; 5 to 20 ms is usual."""
    dc_resistance: float = 0.01
    """R0, of source or battery and cable [pu]; with R1 1 to 2 % is usual [M-med]."""
    battery_resistance: float = 0.005
    """R1, of the RC branch [pu]."""
    battery_time: float = 20.0
    """Time constant of that branch [s]; 10 to 60 s is usual [M-med]."""
    battery_capacity: float = 200e3
    """At the nominal voltage [Wh]."""
    efficiency: float = 0.985
    """Of the bridge; with the reactors the PCS reaches about 98 % (product sheets: 97 to 98.5 %)."""
    chemistry: str = "none"
    """"lfp" or "nmc": the EMF follows the state of charge, and the battery bounds the current; "none": the
    DC source's set-point is the EMF as it is, and the state of charge only counts."""
    coulombic_efficiency: float = 0.998
    """Part of the charging current that is stored; 0.99 to 0.999 for lithium cells [M-med]."""
    discharge_rate: float = 1.0
    """Largest current in capacities per hour [1/h]; 0.5 to 2 in grid storage [M-high]."""
    charge_rate: float = 1.0
    """The same into the battery [1/h]"""
    taper: float = 0.05
    """Distance from empty and from full at which the largest current begins to fade [pu of SOC]; E."""
    ambient: float = 25.0
    """Temperature around PCS and battery [degC]"""
    pcs_rise: float = 40.0
    """Of its temperature while the bridge loses 2 % of the rated power [K]; E."""
    pcs_thermal_time: float = 300.0
    """Of heat sink and modules [s]; E."""
    battery_rise: float = 10.0
    """Of its temperature while it loses 2 % of the rated power [K]; E."""
    battery_thermal_time: float = 7200.0
    """Of the cells [s]; E."""

    def __post_init__(self) -> None:
        for field in fields(Storage):  # of a plant too, which has more
            value = getattr(self, field.name)
            if isinstance(value, str):
                continue
            if not isfinite(value):
                raise _refused(field.name, value, "must be a finite number")
            if value < 0.0 and field.name != "ambient":
                raise _refused(field.name, value, "must not be negative")
            if value == 0.0 and field.name not in {"ambient", "battery_resistance"}:
                raise _refused(field.name, value, "must be above zero")
        if self.chemistry != "none" and self.chemistry not in OPEN_CIRCUIT:
            raise _refused("chemistry", self.chemistry, f"must be one of none, {', '.join(OPEN_CIRCUIT)}")
        for name in ("efficiency", "coulombic_efficiency"):
            if getattr(self, name) > 1.0:
                raise _refused(name, getattr(self, name), "must not be above one")
        if self.taper > 0.5:
            raise _refused("taper", self.taper, "must not be above 0.5, or the battery never gives its rate")
        if self.dc_resistance + self.battery_resistance >= 0.2:  # no solution beyond 0.25
            raise _refused(
                "dc_resistance",
                self.dc_resistance,
                f"and battery_resistance = {self.battery_resistance:g} must stay below 0.2 pu together, or "
                "the rated power cannot be drawn",
            )

    @property
    def dc_impedance(self) -> float:
        """Base impedance of the DC side [ohm]."""
        return self.dc_voltage * self.dc_voltage / self.rated_power

    @property
    def link_capacitance(self) -> float:
        """[F]."""
        return self.dc_link_time / self.dc_impedance

    @property
    def charge(self) -> float:
        """Of the full battery [C]."""
        return 3600.0 * self.battery_capacity / self.dc_voltage


def _refused(name: str, value: object, why: str) -> ConfigError:
    text = f"{value:g}" if isinstance(value, float) else repr(value)
    return ConfigError(f"storage: {name} = {text} {why}")


def array(storage: Storage, step: float, state_of_charge: float) -> NDArray[np.float64]:
    """Return the model's array for a step [s]: link empty, output off or contactor open, all at ambient.

    The EMF is the nominal voltage and the source's limits are infinite: a bench with a DC
    source writes over them.
    """
    from .emt import storage as s  # noqa: PLC0415 - numba is slow to import

    if not 0.0 <= state_of_charge <= 1.0:
        raise _refused("state_of_charge", state_of_charge, "must lie between 0 and 1")
    if not 0.0 < step <= 0.1 * storage.dc_link_time:
        raise _refused(
            "step",
            step,
            f"must be above zero, and 0.1 dc_link_time = {0.1 * storage.dc_link_time:g} s or less",
        )
    x = np.zeros(s.END)
    ohms = storage.dc_impedance
    r0, r1 = storage.dc_resistance * ohms, storage.battery_resistance * ohms
    amps = storage.charge / 3600.0
    pcs, battery = (0.02 * storage.rated_power / rise for rise in (storage.pcs_rise, storage.battery_rise))
    values = {
        s.SOC: state_of_charge,
        s.T_PCS: storage.ambient,
        s.T_BATTERY: storage.ambient,
        s.LIMIT: s.OPEN,
        s.EMF: storage.dc_voltage,
        s.SOURCE_A: inf,
        s.SINK_A: inf,
        s.SOURCE_W: inf,
        s.SINK_W: inf,
        s.LINK: storage.link_capacitance / step,
        s.BLEED: storage.link_capacitance / 1.0,  # the link discharges in one second
        s.R0: r0,
        s.G0: 1.0 / r0,
        s.R1: r1,
        s.G1: 1.0 / r1 if r1 else 0.0,
        s.R1_STEP: -expm1(-step / storage.battery_time),
        s.TAU: storage.battery_time,
        s.ETA: storage.efficiency,
        s.PER_ETA: 1.0 / storage.efficiency,
        s.COULOMBIC: storage.coulombic_efficiency,
        s.PER_Q: 1.0 / storage.charge,
        s.STEP: step,
        s.BATTERY: float(storage.chemistry != "none"),
        s.DISCHARGE_A: storage.discharge_rate * amps,
        s.CHARGE_A: storage.charge_rate * amps,
        s.PER_TAPER: 1.0 / storage.taper,
        s.AMBIENT: storage.ambient,
        s.G_PCS: pcs,
        s.C_PCS: pcs * storage.pcs_thermal_time,
        s.G_BATTERY: battery,
        s.C_BATTERY: battery * storage.battery_thermal_time,
    }
    for slot, value in values.items():
        x[slot] = value
    cell = np.array(OPEN_CIRCUIT.get(storage.chemistry, (1.0,) * (s.INTERVALS + 1)))
    x[s.OCV :] = cell / cell[s.INTERVALS // 2]
    return x
