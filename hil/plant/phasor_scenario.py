"""What the plant in phasors is given: a scenario, and the arrays that it becomes."""

from __future__ import annotations

from cmath import phase
from dataclasses import dataclass, field, fields
from math import ceil, inf, isfinite, pi, radians, sqrt
from typing import TYPE_CHECKING, Final

import numpy as np

from hil.errors import ConfigError

from . import phasor_bus as k
from .build import PRIORITY, part_of
from .emt import genset
from .genset import genset_array
from .parameters import Parameters
from .phasor_kernel import LINEAR, REPEATED, SIZE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from .genset import Genset

SUB_STEP: Final = 2e-3
"""Longest of angles and speeds [s]: a fifth of a forming PCS's power filter, a hundredth of a swing."""
YIELDING: Final = 3e-3
"""Time constant with which a forming PCS's voltage gives way at the current limit [s]."""
PLL_LAG: Final = 0.02
"""Of the frequency that the PCS measures [s]."""


@dataclass(frozen=True, slots=True)
class Profile:
    """A quantity over time: points at a uniform step, the first at the start."""

    step: float
    """[s]"""
    values: tuple[float, ...] | NDArray[np.float64]
    held: bool = False
    """Each value until the next point; otherwise linear between points."""
    repeated: bool = False
    """Begins anew after the last point; otherwise the last value stays."""

    def __post_init__(self) -> None:
        if not (isfinite(self.step) and self.step > 0.0):
            raise ConfigError(f"profile: a step of {self.step:g} s; it must be above zero")
        if len(self.values) == 0 or not np.isfinite(self.values).all():
            raise ConfigError("profile: its values must be numbers, at least one")


@dataclass(frozen=True, slots=True)
class Scenario:
    """One bus over hours: grid, PCS and its battery, gensets, load and what is asked of them."""

    plant: Parameters = field(default_factory=Parameters)
    """Grid, PCS with its battery and missions, gensets, which all run; phasors know nothing of what happens
    within a cycle, of protections, and of the load's own parameters."""
    load_power: float | Profile = 0.0
    """Constant power, whatever the voltage [W]."""
    load_reactive: float | Profile = 0.0
    """[var]"""
    impedance_power: float = 0.0
    """Of the constant impedance at nominal voltage [W]."""
    impedance_reactive: float = 0.0
    """[var]"""
    grid_voltage: float | Profile = 1.0
    """Of the source behind the grid's impedance [pu]."""
    grid_frequency: float | Profile | None = None
    """[Hz]; None: nominal."""
    grid_on: float | Profile = 1.0
    """Grid there: 1, away: 0; it comes back when a synchro-check allows."""
    power: float | Profile = 0.0
    """Dispatched [W]; what the missions see as the set-point."""
    reactive: float | Profile = 0.0
    """[var]"""
    state_of_charge: float = 0.5

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            if isinstance(value, float) and not isfinite(value):
                raise ConfigError(f"scenario {item.name} = {value}: must be a number")
        if not 0.0 <= self.state_of_charge <= 1.0:
            raise ConfigError(
                f"scenario state_of_charge = {self.state_of_charge:g}: must lie between 0 and 1"
            )
        q = self.plant
        if q.missions is not None and (q.missions.rated_power, q.missions.frequency) != (
            q.rated_power,
            q.frequency,
        ):
            raise ConfigError(
                f"scenario missions: for {q.missions.rated_power:g} W, {q.missions.frequency:g} Hz; the PCS "
                f"has {q.rated_power:g} W, {q.frequency:g} Hz"
            )
        for one in q.gensets:
            if (one.voltage, one.frequency) != (q.voltage, q.frequency):
                raise ConfigError(
                    f"scenario gensets: one has {one.voltage:g} V, {one.frequency:g} Hz; the bus has "
                    f"{q.voltage:g} V, {q.frequency:g} Hz"
                )
        if self.grid_on == 0.0 and not q.synchro.islands and q.control == "following" and not q.gensets:
            raise ConfigError(
                "scenario: nothing holds the voltage; connect the grid, let the PCS form, or add a genset"
            )


def profiles_arrays(scenario: Scenario) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return where in the values each profile is, and all values, in the kernel's units."""
    q = scenario.plant
    hertz = q.frequency if scenario.grid_frequency is None else scenario.grid_frequency
    scaled = (
        (scenario.load_power, 1.0),
        (scenario.load_reactive, 1.0),
        (scenario.grid_voltage, 1.0),
        (hertz, 1.0 / q.frequency),
        (scenario.grid_on, 1.0),
        (scenario.power, (1.0 - q.defects.power_error) / q.rated_power),
        (scenario.reactive, 1.0 / q.rated_power),
    )
    plan: list[float] = []
    values: list[float] = []
    for profile, scale in scaled:
        whole = profile if isinstance(profile, Profile) else Profile(1.0, (profile,), held=True)
        kind = (0 if whole.held else LINEAR) + (REPEATED if whole.repeated else 0)
        plan += (len(values), len(whole.values), whole.step, kind)
        values += (scale * np.asarray(whole.values, dtype=np.float64)).tolist()
    return np.array(plan), np.array(values)


def state_array(scenario: Scenario, dt: float, every: int) -> NDArray[np.float64]:
    """Return the kernel's array at the begin: grid and PCS idle, or the island's EMF at its set-point."""
    q, y = scenario.plant, scenario.plant.synchro
    holding = q.control == "forming" or q.gensets or scenario.grid_on != 1.0
    parts = ceil(dt / SUB_STEP - 1e-9) if holding else 1
    h = dt / parts
    grid = 1.0 / (complex(q.grid_resistance, q.grid_inductance) * q.impedance)
    lag = 1 / (2 * pi * q.current_bandwidth) + 1.5 * q.control_period  # of loop, and of sampling and pulses
    x = np.zeros(SIZE + len(q.gensets))
    values = {
        k.DT: dt,
        k.H: h,
        k.PARTS: parts,
        k.EVERY: every,
        k.S_BASE: q.rated_power,
        k.V_BASE: q.voltage * sqrt(2 / 3),
        k.W0: 2 * pi * q.frequency,
        k.G_GRID: grid.real,
        k.B_GRID: grid.imag,
        k.CONNECTED: float(_first(scenario.grid_on) >= 0.5),
        k.SLIP: 2 * pi * y.slip if y.checked else inf,
        k.RISE: y.voltage if y.checked else inf,
        k.SHIFT: radians(y.angle) if y.checked else inf,
        k.SYNC_TIME: y.time,
        k.K_STEER: part_of(h, 0.1),
        k.KIND: float(q.control == "forming"),
        k.ISLAND: float(y.islands),
        k.MANAGED: float(q.missions is not None),
        k.G_LOAD: scenario.impedance_power / q.voltage**2,
        k.B_LOAD: -scenario.impedance_reactive / q.voltage**2,
        k.V_RE: q.voltage * sqrt(2 / 3),
        k.V: 1.0,
        k.W_BUS: 1.0,
        k.W_PLL: 1.0,
        k.K_PLL: part_of(h, PLL_LAG),
        k.LINE: part_of(h, lag) * lag / h,
        k.FADE: 1.0 - part_of(h, lag),
        k.RAMP_P: q.power_ramp if q.missions is None else q.load_ramp,
        k.RAMP_Q: q.power_ramp,
        k.LIMIT: q.current_limit,
        k.ID_MAX: q.current_limit,
        k.PRIORITY: PRIORITY[q.priority],
        k.FAULT_PRIORITY: PRIORITY[q.fault_priority],
        k.SUPPORT: q.k_support,
        k.BAND: q.deadband,
        k.CEASE: q.cessation,
        k.RECOVERY: q.recovery_ramp,
        k.R_FILTER: q.filter_resistance,
        k.X_GRID_SIDE: q.grid_side_inductance,
        k.B_FILTER: q.filter_capacitance,
        k.R_DAMPING: q.damping_resistance,
    }
    values |= _forming(q, h)
    for slot, value in values.items():
        x[slot] = value
    return x


def _forming(q: Parameters, h: float) -> dict[int, float]:
    """Return the slots of a forming PCS that moves in sub-steps [s]."""
    f = q.forming
    # EMF, virtual impedance and first reactor, capacitor, second reactor: as one source behind one impedance
    first = complex(f.virtual_resistance + q.filter_resistance, f.virtual_reactance + q.filter_inductance)
    shunt = 1.0 + 0.0j
    if q.filter_capacitance:
        shunt += first / complex(q.damping_resistance, -1.0 / q.filter_capacitance)
    whole = first / shunt + complex(q.filter_resistance, q.grid_side_inductance)
    admittance = 1.0 / (whole * q.impedance)
    return {
        k.GAIN: 1.0 / abs(shunt),
        k.TURN: -phase(shunt),
        k.G_PCS: admittance.real,
        k.B_PCS: admittance.imag,
        k.DROOP: f.droop,
        k.INERTIA: 2.0 * f.inertia,
        k.DAMPING: f.damping,
        k.K_POWER: part_of(h, f.power_filter),
        k.K_VOLTAGE: part_of(h, f.voltage_filter),
        k.Q_DROOP: f.reactive_droop,
        k.KV: f.voltage_gain,
        k.KIV: f.voltage_integral,
        k.E_MAX: f.highest_voltage,
        k.P_MIN: f.power_limits[0],
        k.P_MAX: f.power_limits[1],
        k.Q_MAX: f.reactive_limit,
        k.KP_OVER: f.overload_gain,
        k.KI_OVER: f.overload_integral,
        k.KI_Q: f.reactive_integral,
        k.R_OUT: whole.real,
        k.X_OUT: whole.imag,
        k.THRESHOLD: f.threshold,
        k.GROWTH: f.growth if f.limiter == "virtual-impedance" else 0.0,
        k.K_YIELD: part_of(h, YIELDING),
    }


def gensets_array(gensets: Sequence[Genset], h: float) -> NDArray[np.float64]:
    """Return the gensets, on the bus without load; G and DECAY are conductance and susceptance here."""
    x = genset_array(gensets, h, h, running=True)
    for o, q in zip(range(0, len(x), genset.SIZE), gensets, strict=True):
        y = q.apparent_power / q.voltage**2 / complex(q.stator_resistance, q.transient_reactance)
        x[o + genset.G], x[o + genset.DECAY] = y.real, y.imag
        x[o + genset.BREAKER] = x[o + genset.HOLD] = 1.0
    return x


def _first(profile: float | Profile) -> float:
    return float(profile.values[0]) if isinstance(profile, Profile) else profile
