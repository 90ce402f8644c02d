"""Generator sets in engineering terms, and a typical diesel and a typical gas set.

Confidence marks of the defaults: [S] standard, [M] general knowledge of the field, high or
medium, [E] an engineer's judgement made here.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from math import expm1, pi, sqrt
from typing import TYPE_CHECKING, Final

import numpy as np

from hil.errors import ConfigError

from .refusal import check

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

DAMPER_TIME: Final = 0.01
"""Lag of the damper winding's torque behind the slip [s]; subtransients last 10 to 30 ms [M-med]."""
VOLTAGE_TIME: Final = 0.01
"""Of the AVR's rectifier and of the current measurement [s] [M-med]."""
POWER_TIME: Final = 0.05
"""Of the power that droop and load sharing see [s]; three cycles [M-med]."""

Level = tuple[float, float]
"""Beyond how much [pu], for how long [s]."""


@dataclass(frozen=True, slots=True)
class Genset:
    """One set; per unit is on the rated power for the engine, on the apparent power for the alternator."""

    rated_power: float = 500e3
    """Of the engine, and what is per unit of power is on it [W]."""
    power_factor: float = 0.8
    """Rated; the alternator's rating is rated_power / power_factor (ISO 8528-1)."""
    voltage: float = 480.0
    """RMS, line to line [V]."""
    frequency: float = 60.0
    """[Hz]"""
    inertia: float = 1.2
    """H of engine and alternator, of the apparent power [s]; diesel 0.8 to 1.5, gas 0.7 to 1.5 [M-med]."""
    damping: float = 10.0
    """D, power per slip against the bus [pu/pu]; damper windings give 5 to 20 [E]."""
    transient_reactance: float = 0.2
    """X'd [pu]; 0.15 to 0.3 in low-voltage alternators [M-med]."""
    synchronous_reactance: float = 2.0
    """Xd [pu]; 1.8 to 3 [M-med]."""
    stator_resistance: float = 0.01
    """Of one phase [pu]; 0.01 to 0.02 [M-med]."""
    field_time: float = 2.0
    """T'd0 [s]; 1.5 to 3 [M-med]."""

    droop: float = 0.04
    """Fall of the speed from no load to rated power [pu]; 3 to 5 % [M-med]; 0 is isochronous."""
    sharing: float = 0.0
    """Speed error that an isochronous set sees per power missing to the mean of those that share [pu/pu]."""
    governor_gain: float = 12.0
    """Fuel per speed error [pu/pu] [E]: phase margin near 50 degrees with this engine."""
    governor_reset: float = 1.0
    """Integral per proportional gain [1/s] [E]."""
    actuator_time: float = 0.1
    """Time constant of the fuel rack [s]; 0.05 to 0.2 [M-med]."""
    actuator_rate: float = 5.0
    """Most change of fuel per time [pu/s]; full stroke in 0.2 s [E]."""
    dead_time: float = 0.03
    """From rack to torque [s]; 20 to 50 ms [M-med]."""
    fuel_limit: float = 1.1
    """Most power of the engine [pu]; ISO 8528-1 prime power allows 10 % overload for an hour [S]."""
    drag: float = 0.08
    """Power to turn the unfired engine at rated speed [pu]; diesels 0.05 to 0.25 [M-med]."""
    acceptance: float = 0.65
    """Power to be had at once above that of the charge air [pu]; diesel 0.6 to 0.7, gas 0.25 to 0.4 [S]."""
    turbo_time: float = 0.7
    """In which the charge air follows the power [s]; gas 1 to 3 [M-med], diesel below [E]."""

    avr_gain: float = 50.0
    """K of the SEXS [pu/pu]; 20 to 100 [M-med]."""
    exciter_time: float = 0.05
    """TE of the SEXS [s] [M-med]."""
    field_limit: float = 6.0
    """Ceiling of the field voltage, of that at no load [pu] [E]: twice that of rated load."""
    reactive_droop: float = 0.04
    """Fall of the voltage from no to rated apparent power as reactive power [pu]; 3 to 5 % [M-med]."""
    roll_off_knee: float = 0.96
    """Speed below which the AVR lowers the voltage [pu]; 57 to 59 Hz at 60 Hz [M-med]."""
    roll_off_slope: float = 2.0
    """Voltage per speed below the knee [pu/pu]; 1 to 2 V/Hz in per unit, adjustable [M-med]."""

    underspeed: Level = (0.85, 1.0)
    """Trips below this part of rated speed, after a time [pu, s]; ISO 8528-5 G1 lets a step
    pull it down by 15 % [S]; time [E]."""
    overspeed: Level = (1.15, 0.05)
    """Trips above this part of rated speed, after a time [pu, s]; stops the engine [M-high]."""
    undervoltage: Level = (0.75, 3.0)
    """Trips below it, after a time [pu, s]; beyond the dip of a load step in G2 [E]."""
    overvoltage: Level = (1.25, 1.0)
    """Trips above it, after a time [pu, s]; the rise allowed in G2 [S]; time [E]."""
    reverse_power: Level = (0.06, 5.0)
    """Trips when it takes more than this, after a time [pu of rated power, s]; below the drag, which is what
    the bus can be made to drive [E]."""
    overcurrent: Level = (1.2, 1.35)
    """Pick-up [pu], k [s]; very inverse, t = k / (I / Is - 1), IEC 60255-151 with a TMS of 0.1 [S]."""

    crank_time: float = 3.0
    """From the command until it fires [s] [E]; with the run-up within the 10 s of NFPA 110 type 10 [S]."""
    run_up_time: float = 5.0
    """From standstill to rated speed [s] [E]."""
    cool_down: float = 60.0
    """Without load before it stops [s]; makers ask for minutes [E]."""

    def __post_init__(self) -> None:
        names = {field.name for field in fields(self)}
        check(self, "genset", above_zero=names - _MAY_BE_ZERO)
        for name in names:
            value = getattr(self, name)
            if isinstance(value, tuple) and not all(0.0 < number < float("inf") for number in value):
                raise _refused(name, value, "must be a level and a time above zero")
        if self.power_factor > 1.0:
            raise _refused("power_factor", self.power_factor, "must not be above 1")
        if not 40.0 <= self.frequency <= 70.0:
            raise _refused("frequency", self.frequency, "must lie between 40 and 70 Hz")
        if self.synchronous_reactance <= self.transient_reactance:
            raise _refused(
                "synchronous_reactance", self.synchronous_reactance, "must be above transient_reactance"
            )
        if self.sharing > 0.0 and self.droop > 0.0:
            raise _refused("sharing", self.sharing, "is for isochronous sets; set droop = 0")

    @property
    def apparent_power(self) -> float:
        """Rating of the alternator [VA]."""
        return self.rated_power / self.power_factor

    @property
    def swing(self) -> float:
        """Angular frequency at which it would swing against a rigid bus at its terminals [rad/s]."""
        return sqrt(2 * pi * self.frequency / (2 * self.inertia * self.transient_reactance))


_MAY_BE_ZERO: Final = {
    *("damping", "stator_resistance", "droop", "sharing", "governor_reset", "drag", "reactive_droop"),
    *("roll_off_slope", "crank_time", "cool_down"),
}
DIESEL: Final = Genset()
"""A turbocharged diesel set, 500 kW."""
GAS: Final = Genset(
    inertia=1.0,
    governor_gain=5.0,
    governor_reset=0.7,
    actuator_rate=2.0,
    dead_time=0.05,
    acceptance=0.3,
    turbo_time=2.0,
)
"""A lean-burn gas set, 500 kW: late mixture, and power only as the charge air comes."""


def _refused(name: str, value: object, why: str) -> ConfigError:
    text = f"{value:g}" if isinstance(value, float) else repr(value)
    return ConfigError(f"[genset] {name} = {text}: {why}")


def genset_array(
    sets: Sequence[Genset], step: float, period: float, *, running: bool = False
) -> NDArray[np.float64]:
    """Return the sets for this step and period [s]: at standstill, or running in phase, breakers open."""
    from .emt import genset as g  # noqa: PLC0415 - numba is slow to import

    x = np.zeros((len(sets), g.SIZE))
    for n, (one, q) in enumerate(zip(x, sets, strict=True)):
        one[g.INDEX], one[g.SETS] = n, len(sets)
        _fill(one, q, step, period)
        if running:
            _run(one)
    return x.ravel()


def _fill(x: NDArray[np.float64], q: Genset, step: float, period: float) -> None:
    from .emt import genset as g  # noqa: PLC0415 - numba is slow to import

    periods = round(q.dead_time / period)
    if not 1 <= periods <= g.LONGEST:
        raise _refused(
            "dead_time",
            q.dead_time,
            f"must lie between one and {g.LONGEST} control periods of {period:g} s",
        )
    if q.swing * period > 0.5:
        raise _refused(
            "inertia",
            q.inertia,
            f"swings at up to {q.swing / (2 * pi):.1f} Hz, too fast for a control period of {period:g} s",
        )
    w0, peak_volts = 2 * pi * q.frequency, q.voltage * sqrt(2 / 3)
    impedance = q.voltage * q.voltage / q.apparent_power
    ohms, inertia = q.stator_resistance * impedance, 2 * q.transient_reactance * impedance / (w0 * step)
    fuel = 1.0 / (1.0 + q.drag)  # per power; without any the drag remains
    gain = q.governor_gain * fuel
    values = {
        g.DECAY: (inertia - ohms) / (inertia + ohms),
        g.G: 1 / (inertia + ohms),
        g.COS: 1.0,
        g.TURN_COS: 1.0,
        g.SPEED_REF: 1.0,
        g.VOLT_REF: 1.0,
        g.DT: period,
        g.STEP_TURN: w0 * step,
        g.TURN: w0 * period,
        g.BASE: peak_volts,
        g.PER_W: 1 / q.rated_power,
        g.PER_VA: 1 / q.apparent_power,
        g.PER_V: 1 / peak_volts,
        g.PER_A: 1.5 * peak_volts / q.apparent_power,
        g.K_POWER: -expm1(-period / POWER_TIME),
        g.K_VOLT: -expm1(-period / VOLTAGE_TIME),
        g.K_SLIP: -expm1(-period / DAMPER_TIME),
        g.K_ACTUATOR: -expm1(-period / q.actuator_time),
        g.K_AIR: -expm1(-period / q.turbo_time),
        g.K_EXCITER: -expm1(-period / q.exciter_time),
        g.K_FIELD: -expm1(-period / q.field_time),
        g.INERTIA: 2 * q.inertia / q.power_factor,
        g.DAMPING: q.damping / q.power_factor,
        g.DRAG: q.drag,
        g.DROOP: q.droop,
        g.SHARING: q.sharing,
        g.KP: gain,
        g.KI: gain * q.governor_reset * period,
        g.IDLE: q.drag * fuel,
        g.MOST: (q.fuel_limit + q.drag) * fuel,
        g.ACCEPT: q.acceptance * fuel,
        g.RATE: q.actuator_rate * period,
        g.DEAD: periods,
        g.AVR: q.avr_gain,
        g.FIELD_MOST: q.field_limit,
        g.QDROOP: q.reactive_droop,
        g.KNEE: q.roll_off_knee,
        g.SLOPE: q.roll_off_slope,
        g.ARMATURE: q.synchronous_reactance - q.transient_reactance,
        g.CRANK: q.crank_time,
        g.COOL: q.cool_down,
        g.RUN_UP: period / q.run_up_time,
    }
    for slot, value in values.items():
        x[slot] = value
    levels = {
        g.UNDERSPEED: q.underspeed,
        g.OVERSPEED: q.overspeed,
        g.UNDERVOLTAGE: q.undervoltage,
        g.OVERVOLTAGE: q.overvoltage,
        g.REVERSE_POWER: q.reverse_power,
        g.OVERCURRENT: q.overcurrent,
    }
    for code, (level, seconds) in levels.items():
        x[g.LEVELS + code], x[g.SECONDS + code] = level, seconds


def _run(x: NDArray[np.float64]) -> None:
    from .emt import genset as g  # noqa: PLC0415 - numba is slow to import

    x[g.STATE], x[g.RUN] = g.RUNNING, 1.0
    x[[g.W, g.EFD, g.EMF, g.V_F]] = 1.0
    x[[g.INTEGRAL, g.ACTUATOR, g.FUEL, g.BOOST]] = x[g.IDLE]
    x[g.RING : g.RING + int(x[g.DEAD])] = x[g.IDLE]
    x[g.PEAK] = x[g.BASE]
    x[g.E : g.E + 3] = x[g.PEAK] * np.array([1.0, -0.5, -0.5])
    x[g.TURN_COS], x[g.TURN_SIN] = np.cos(x[g.STEP_TURN]), np.sin(x[g.STEP_TURN])
