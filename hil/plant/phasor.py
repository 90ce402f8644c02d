"""Hours of the plant in seconds: one bus in quasi-static phasors, at steps of a millisecond to a second."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from hil.errors import ConfigError, HilError
from hil.jit import COMPILED, stamp
from hil.units import show

from . import phasor_bus as k
from .emt import storage
from .missions import NAMES, Missions
from .missions import array as missions_array
from .parameters import STEP
from .phasor_kernel import COLLAPSED, DEAD, SUMS, advance
from .phasor_scenario import Profile, Scenario, gensets_array, profiles_arrays, state_array
from .storage import array as storage_array

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

__all__ = ["COLUMNS", "FLAGS", "Diverged", "NoSolution", "Profile", "Record", "Scenario", "simulate"]

CHUNK: Final = 100_000
"""Steps between two looks at whether the simulation is still sound."""
SHARES: Final = tuple(f"{name.replace('-', '_')}_share" for name in NAMES)
COLUMNS: Final[Mapping[str, str]] = {
    "frequency": "Hz",
    "voltage": "V",
    "grid_power": "W",
    "grid_reactive": "var",
    "pcs_power": "W",
    "pcs_reactive": "var",
    "load_power": "W",
    "load_reactive": "var",
    "genset_power": "W",
    "genset_reactive": "var",
    "battery_power": "W",
    "dc_voltage": "V",
    "dc_current": "A",
    "temperature": "degC",
    **dict.fromkeys(SHARES, "W"),
    "state_of_charge": "",
    "flags": "",
}
"""What a record holds, each with its unit, and "genset_1_power" [W] and so on. Voltage is RMS, line to line;
battery power, DC voltage and current are at its terminals, positive out of it, and the temperature is that
of the PCS's heat sink; a share is what that mission got, where there are missions; state
of charge is that at the interval's end."""
FLAGS: Final = ("current limit", "battery limit", *(f"{name} curtailed" for name in NAMES))
"""Bits of "flags", the lowest first: what happened at any time in the interval."""


class Diverged(HilError):
    """The simulation left the numbers."""


class NoSolution(HilError):
    """The network has no operating point from here on: its voltage collapses, or nothing holds it."""


@dataclass(frozen=True, slots=True)
class Record:
    """What happened: means over each interval, of which `time` is the end."""

    columns: Mapping[str, NDArray[np.float64]]
    """By the names of `COLUMNS`, and "time" [s]."""

    def __getitem__(self, name: str) -> NDArray[np.float64]:
        return self.columns[name]


def simulate(
    scenario: Scenario,
    seconds: float,
    dt: float = 0.01,
    interval: float = 1.0,
    progress: Callable[[float], None] | None = None,
) -> Record:
    """Return what happens in a span [s], in steps of dt [s], as means over intervals [s].

    Events and set-points act on the step; angles and speeds of forming units and gensets
    move in sub-steps of at most `SUB_STEP`. Now and then `progress` is told the time [s].
    """
    every, rows = _whole(interval, dt, "interval", "dt"), _whole(seconds, interval, "seconds", "interval")
    x = state_array(scenario, dt, every)
    q = scenario.plant
    missions = missions_array(q.missions or Missions(rated_power=q.rated_power))
    battery = storage_array(q, STEP, scenario.state_of_charge)
    battery[storage.CLOSED] = 1.0
    parts: list[Any] = [x, *profiles_arrays(scenario), gensets_array(q.gensets, x[k.H]), missions, battery]
    if not COMPILED:
        parts = [part.tolist() for part in parts]  # plain Python reads lists far faster than arrays
    table = np.empty((rows, len(x) - SUMS))
    chunk = max(1, CHUNK // every)
    here = Path(__file__).parent
    made_of = stamp(here, here / "emt")
    for begin in range(0, rows, chunk):
        block = table[begin : begin + chunk]
        out: Any = block.reshape(-1) if COMPILED else [0.0] * block.size
        state = advance(*parts, out, len(block) * every, made_of)
        _check(parts[0], state, scenario)
        block[:] = np.reshape(out, block.shape)
        if progress is not None:
            progress((begin + len(block)) * interval)
    scale = {"frequency": q.frequency, "voltage": q.voltage}
    scale |= dict.fromkeys(("pcs_power", "pcs_reactive", *SHARES), q.rated_power)
    names = [*COLUMNS, *(f"genset_{n + 1}_power" for n in range(len(q.gensets)))]
    columns: dict[str, Any] = {
        name: scale.get(name, 1.0) * table[:, n]
        for n, name in enumerate(names)
        if q.missions is not None or name not in SHARES
    }
    columns["time"] = interval * np.arange(1, rows + 1)
    return Record(columns)


def _whole(span: float, step: float, name: str, of: str) -> int:
    """Return how many steps a span has."""
    if not (isfinite(span) and isfinite(step) and span > 0.0 and step > 0.0):
        raise ConfigError(f"phasor simulation: {name} = {span:g} s and {of} = {step:g} s must be above zero")
    count = round(span / step)
    if count == 0 or abs(span / step - count) > 1e-6 * count:
        raise ConfigError(f"phasor simulation: {name} = {span:g} s must be a multiple of {of} = {step:g} s")
    return count


def _check(x: Sequence[float], state: int, scenario: Scenario) -> None:
    """Refuse to go on where the network has no solution or the state is not a number."""
    time = x[k.STEPS] * x[k.DT]
    watts, var = x[k.S_BASE] * x[k.P_REF], x[k.S_BASE] * x[k.Q_REF]
    load = f"the load asks for {show(x[k.P_CONST], 'W')} and {show(x[k.Q_CONST], 'var')}"
    pcs = f"the PCS is to give {show(watts, 'W')} and {show(var, 'var')}"
    if state == DEAD:
        raise NoSolution(
            f"phasor simulation: nothing holds the voltage at t = {time:.6g} s; the grid is away, and no "
            "forming PCS or genset is on the bus. Let the PCS form, or keep the grid"
        )
    if state == COLLAPSED:
        raise NoSolution(
            f"phasor simulation: the voltage collapses at t = {time:.6g} s: {load}, {pcs}, more than the "
            f"sources can carry over their impedances (grid: SCR {scenario.plant.scr:g}). Lower the power or "
            "raise the SCR"
        )
    bad = [
        name
        for name in ("V", "W_BUS", "P_GRID", "P_PCS", "EMF", "ANGLE", "SPEED")
        if not isfinite(x[getattr(k, name)])
    ]
    if bad:
        raise Diverged(
            f"phasor simulation: diverged before t = {time:.6g} s; not a number: {', '.join(bad)}. "
            "Check the parameters of the forming PCS and the gensets"
        )
