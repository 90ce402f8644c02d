"""What a PCS's plant-level control is set to do, in engineering terms."""

from __future__ import annotations

from dataclasses import dataclass, fields
from itertools import pairwise
from math import inf, isfinite, log
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from hil.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

NAMES: Final = ("ride-through", "buffering", "frequency", "dispatch", "maintenance")
"""The missions, in the order of the array's slots."""
LIMITS: Final = ("free", "share", "energy", "power")
"""What LIMIT says of a mission: it got what it asked for, or was held by its share, by the SOC's window and
the reserves of those before it, or by what power they had left."""
VOLT_VAR: Final = ((0.92, 0.44), (0.98, 0.0), (1.02, 0.0), (1.08, -0.44))
"""Default of IEEE 1547-2018, category B: voltage [pu], reactive power [pu] [V]."""
SUPPORT: Final = ((0.95, 0.44), (0.99, 0.0), (1.01, 0.0), (1.05, -0.44))
"""The same of a PCS that buffers a load, steeper: in a weak grid it keeps the bus within 5 % [pu]; E."""
VOLT_WATT: Final = (1.06, 1.10)
"""Default of IEEE 1547-2018 [pu] [V]; at its end a storage injects nothing."""
RELEASE: Final = 0.02
"""How much higher than where it begins ride-through ends [pu]; hysteresis of a dip in IEC 61000-4-30."""


@dataclass(frozen=True, slots=True)
class Mission:
    """One of the missions, and what it may use."""

    name: str
    """What it is: ride-through, buffering, frequency, dispatch or maintenance."""
    share: float = 1.0
    """Largest power that it may take [pu]."""
    reserve: float = 0.0
    """Energy that the missions after it leave to it [pu of SOC]."""

    def __post_init__(self) -> None:
        if self.name not in NAMES:
            raise ConfigError(f"missions: there is no {self.name!r}; there is {', '.join(NAMES)}")
        if not 0.0 <= self.share < inf:
            raise _refused(f"{self.name}: share", self.share, "must be a finite number that is not negative")
        if not 0.0 <= self.reserve <= 1.0:
            raise _refused(f"{self.name}: reserve", self.reserve, "must lie between 0 and 1")


@dataclass(frozen=True, slots=True)
class Missions:
    """Settings of the plant-level control; per unit is on the PCS's rated power unless it says otherwise."""

    missions: tuple[Mission, ...] = (Mission("dispatch"),)
    """Those that are on, first things first; ride-through must be first, maintenance last."""
    rated_power: float = 100e3
    """Of the PCS [W]."""
    load_power: float = 100e3
    """Rating of the IT load that is buffered [W]."""
    frequency: float = 60.0
    """Nominal [Hz]."""
    discharge_limit: float = 1.0
    """Largest power out of the PCS [pu]."""
    charge_limit: float = 1.0
    """Largest power into it, positive [pu]."""
    reactive_limit: float = 1.0
    """Largest reactive power either way [pu]"""
    window: tuple[float, float] = (0.2, 0.8)
    """Of the state of charge [pu]; 20 to 80 % is what AI-storage qualification asks for [S]."""
    target: float = 0.5
    """State of charge to which maintenance returns [pu]."""
    band: float = 0.02
    """Distance from the end of a mission's energy over which its power fades from 1 pu [pu of SOC]; E."""
    ramp_up: float = 50.0
    """Of the set-point [pu/s]."""
    ramp_down: float = 50.0
    """The same downwards [pu/s]"""
    ride_voltage: float = 0.88
    """Below it ride-through carries the load [pu]; bottom of the continuous range of IEEE 1547-2018 [V]."""
    grid_ramp_up: float = 0.15
    """How fast the grid may take up load, per unit of the load's rating [pu/s]; a quarter below the limit of
    20 %/s [S], for what an edge adds."""
    grid_ramp_down: float = 0.15
    """How fast the grid may lose load [pu/s]"""
    low_pass: float = 0.0
    """Time constant with which the grid follows the load, besides its ramps [s]; zero: none."""
    bias: float = 0.05
    """Largest power for maintaining the state of charge [pu]; E."""
    bias_band: float = 0.05
    """Distance from the target at which it is used in full [pu of SOC]; T11 allows a drift of 5 % [S]."""
    droop: float = 0.05
    """Frequency change over power change [pu]; default of IEEE 1547-2018 [V]."""
    deadband: float = 0.036
    """Deviation of frequency without response [Hz]; default of IEEE 1547-2018 [V]."""
    droop_response: float = 5.0
    """Open-loop response time, to 90 % [s]; default of IEEE 1547-2018 [V]."""
    volt_var: tuple[tuple[float, float], ...] | None = None
    """Four points of voltage and reactive power [pu]; such as `VOLT_VAR`, the set-point comes on top. Empty:
    off. None: `SUPPORT` where a load is buffered, else off."""
    volt_var_response: float = 1.0
    """Open-loop response time [s]; E. The default of IEEE 1547-2018, 5 s [V], is as long as the grid takes to
    take up a load at its ramp."""
    volt_watt: tuple[float, ...] = ()
    """Voltages between which the power limit falls to zero [pu]; such as `VOLT_WATT`, empty: off."""
    volt_watt_response: float = 10.0
    """Open-loop response time [s] [V]."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value is None or isinstance(value, tuple):
                continue
            if not 0.0 <= value < inf:
                raise _refused(field.name, value, "must be a finite number that is not negative")
            if value == 0.0 and field.name not in _MAY_BE_ZERO:
                raise _refused(field.name, value, "must be above zero")
        names = [mission.name for mission in self.missions]
        if len(set(names)) < len(names):
            raise _refused("missions", ", ".join(names), "names one twice")
        if "ride-through" in names[1:] or "maintenance" in names[:-1]:
            raise _refused("missions", ", ".join(names), "must have ride-through first and maintenance last")
        floor, ceiling = self.window
        if not 0.0 <= floor < ceiling <= 1.0:
            raise _refused("window", self.window, "must rise, within 0 and 1")
        for mission in self.missions[:-1]:
            floor += mission.reserve
            ceiling -= mission.reserve if mission.name != "ride-through" else 0.0
        if floor + 2.0 * self.band >= ceiling:
            raise _refused("window", self.window, "leaves no energy to the last mission after all reserves")
        if "maintenance" in names and not floor < self.target < ceiling:
            raise _refused(
                "target", self.target, f"must lie between {floor:g} and {ceiling:g}, what reserves leave"
            )
        volts = [v for v, _ in self.curve]
        if volts and (len(volts) != 4 or not _rising(volts) or not all(isfinite(q) for _, q in self.curve)):
            raise _refused("volt_var", self.volt_var, "must be four points of rising voltage")
        if self.volt_watt and (len(self.volt_watt) != 2 or not _rising(self.volt_watt)):
            raise _refused("volt_watt", self.volt_watt, "must be two rising voltages")

    @property
    def curve(self) -> tuple[tuple[float, float], ...]:
        """Voltage and reactive power [pu]; empty where there is none."""
        if self.volt_var is not None:
            return self.volt_var
        return SUPPORT if any(mission.name == "buffering" for mission in self.missions) else ()


_MAY_BE_ZERO: Final = {
    *("charge_limit", "discharge_limit", "reactive_limit", "ride_voltage", "low_pass", "bias"),
    *("deadband", "droop_response", "volt_var_response", "volt_watt_response"),
}


def _rising(volts: Sequence[float]) -> bool:
    return all(a < b < inf for a, b in pairwise(volts))


def _refused(name: str, value: object, why: str) -> ConfigError:
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return ConfigError(f"missions: {name} = {text} {why}")


def array(q: Missions) -> NDArray[np.float64]:
    """Return the control's array; missions and curves that are off can be switched on there."""
    from .emt import missions as m  # noqa: PLC0415 - numba is slow to import

    x = np.zeros(m.END)
    load = q.load_power / q.rated_power
    low, high = q.window
    values = {
        m.P_MIN: -q.charge_limit,
        m.P_MAX: q.discharge_limit,
        m.Q_MAX: q.reactive_limit,
        m.SOC_LOW: low,
        m.SOC_HIGH: high,
        m.SOC_TARGET: q.target,
        m.PER_BAND: 1.0 / q.band,
        m.RAMP_UP: q.ramp_up,
        m.RAMP_DOWN: q.ramp_down,
        m.RIDE_V: q.ride_voltage,
        m.RIDE_OUT_V: q.ride_voltage + RELEASE,
        m.GRID_UP: q.grid_ramp_up * load,
        m.GRID_DOWN: q.grid_ramp_down * load,
        m.FILTER: q.low_pass,
        m.BIAS_GAIN: q.bias / q.bias_band,
        m.BIAS_MAX: q.bias,
        m.DEADBAND: q.deadband / q.frequency,
        m.PER_DROOP: 1.0 / q.droop,
        m.VV_ON: float(bool(q.curve)),
        m.VW_ON: float(bool(q.volt_watt)),
        # 90 % of the way after the response time
        m.DROOP_TAU: q.droop_response / log(10.0),
        m.VV_TAU: q.volt_var_response / log(10.0),
        m.VW_TAU: q.volt_watt_response / log(10.0),
    }
    for slot, value in values.items():
        x[slot] = value
    for n, (volts, var) in enumerate(q.curve or VOLT_VAR):
        x[m.VV_V + n], x[m.VV_Q + n] = volts, var
    x[m.VW_V1], x[m.VW_V2] = q.volt_watt or VOLT_WATT
    order = [NAMES.index(mission.name) for mission in q.missions]
    order += [n for n in range(m.MISSIONS) if n not in order]
    x[m.ORDER : m.ORDER + m.MISSIONS] = order
    for n, mission in zip(order, q.missions, strict=False):
        x[m.ON + n], x[m.SHARE + n], x[m.RESERVE + n] = 1.0, mission.share, mission.reserve
    return x


def demand_response(x: Any, q: Missions, power: float, duration: float, ramp: float, back: float) -> None:
    """Command an event: a power [W] on top of the set-point, there and back by ramps [W/s].

    The duration [s] counts from now until the return begins.
    """
    from .emt import missions as m  # noqa: PLC0415 - numba is slow to import

    limit = (q.discharge_limit if power > 0.0 else q.charge_limit) * q.rated_power
    if not abs(power) <= limit:
        raise _refused("demand response: power", power, f"W is beyond the PCS's limit of {limit:g} W")
    for name, value in (("duration", duration), ("ramp", ramp), ("back", back)):
        if not 0.0 < value < inf:
            raise _refused(f"demand response: {name}", value, "must be a finite number above zero")
    x[m.EVENT_P], x[m.EVENT_LEFT] = power / q.rated_power, duration
    x[m.EVENT_RAMP], x[m.RETURN_RAMP] = ramp / q.rated_power, back / q.rated_power
