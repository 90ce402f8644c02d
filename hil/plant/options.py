"""The [plant] table of a bench file, read into the parameters of the plant.

The units stand here and nowhere else. Voltage and frequency of all that is on the bus are the plant's.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Final

from hil.errors import ConfigError

from .forming import Forming, Synchro
from .genset import DIESEL, GAS, Genset
from .grounding import Grounding
from .load_options import LOAD_KEYS, load_commands
from .loads import Bank, ElectronicLoad, Transformer
from .missions import Mission, Missions
from .parameters import Parameters
from .tables import Units, build, read, units

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

LEVEL: Final = ("pu", "s")
PLANT: Final[Units] = {
    **units(V="voltage dc_voltage", W="rated_power", Hz="frequency pll_bandwidth current_bandwidth"),
    **units(s="start_delay dc_link_time dead_time step control_period"),
    **units(
        pu="filter_inductance grid_side_inductance filter_capacitance filter_resistance damping_resistance "
        "current_limit deadband cessation dc_resistance overcurrent stray_capacitance stray_resistance "
        "leakage"
    ),
    **dict.fromkeys(("recovery_ramp", "power_ramp", "load_ramp"), "pu/s"),
    **dict.fromkeys(("scr", "x_over_r", "efficiency", "k_support"), ""),
    **dict.fromkeys(("priority", "fault_priority", "control"), str),
    "undervoltage": [LEVEL],
    "overvoltage": [LEVEL],
    "frequency_band": ("pu", "pu"),
    "switching": bool,
}
BATTERY: Final[Units] = {
    "chemistry": str,
    "state_of_charge": "pu",
    **units(Wh="battery_capacity", s="battery_time", pu="battery_resistance taper"),
    **dict.fromkeys(("discharge_rate", "charge_rate"), "1/h"),
    "coulombic_efficiency": "",
}
FORMING: Final[Units] = {
    **units(
        pu="droop damping reactive_droop highest_voltage virtual_resistance virtual_reactance active_damping "
        "reactive_limit threshold growth",
        s="inertia power_filter voltage_filter damping_time black_start_ramp",
    ),
    **dict.fromkeys(("voltage_gain", "overload_gain"), ""),
    **dict.fromkeys(
        ("voltage_integral", "overload_integral", "reactive_integral", "negative_sequence"), "1/s"
    ),
    "feed_forward": bool,
    "power_limits": ("pu", "pu"),
    "limiter": str,
}
SYNCHRO: Final[Units] = {
    **units(Hz="slip", pu="voltage leave", deg="angle", s="time"),
    **dict.fromkeys(("checked", "islands"), bool),
}
ELECTRONIC: Final[Units] = {
    **units(VA="rating", s="input_lag voltage_lag transfer_time return_delay"),
    **units(pu="current_limit transfer_voltage"),
    "return_ramp": "pu/s",
    "ups": bool,
}
BANK: Final[Units] = units(s="reactor_time damping_time")
TRANSFORMER: Final[Units] = {
    **units(VA="rating", pu="leakage no_load_current core_loss knee air_core"),
    "x_over_r": "",
    "load": ("W", "W", "W"),
}
GROUNDING: Final[Units] = units(pu="resistance reactance")
GENSET: Final[Units] = {
    **units(
        W="rated_power",
        s="inertia field_time actuator_time dead_time turbo_time exciter_time crank_time run_up_time "
        "cool_down",
        pu="transient_reactance synchronous_reactance stator_resistance droop fuel_limit drag acceptance "
        "field_limit reactive_droop roll_off_knee",
    ),
    **dict.fromkeys(
        ("damping", "sharing", "governor_gain", "avr_gain", "roll_off_slope", "power_factor"), ""
    ),
    "governor_reset": "1/s",
    "actuator_rate": "pu/s",
    **dict.fromkeys(("underspeed", "overspeed", "undervoltage", "overvoltage"), LEVEL),
    **dict.fromkeys(("reverse_power", "overcurrent"), LEVEL),
}
PRESETS: Final[Mapping[str, Genset]] = {"diesel": DIESEL, "gas": GAS}
MISSION: Final[Units] = {"name": str, "share": "pu", "reserve": "pu"}


def _mission(given: object, where: str) -> Mission:
    """Return a mission from its table, or from its name alone."""
    values = read({"name": given} if isinstance(given, str) else given, MISSION, where)
    if "name" not in values:
        raise ConfigError(f"{where}: name is missing")
    mission: Mission = build(Mission, values, where)
    return mission


MISSIONS: Final[Units] = {
    "missions": [_mission],
    "load_power": "W",
    "window": ("pu", "pu"),
    **units(
        pu="discharge_limit charge_limit reactive_limit target band ride_voltage bias bias_band droop",
        s="low_pass droop_response volt_var_response volt_watt_response",
        Hz="deadband",
    ),
    **dict.fromkeys(("ramp_up", "ramp_down", "grid_ramp_up", "grid_ramp_down"), "pu/s"),
    "volt_var": [("pu", "pu")],
    "volt_watt": ["pu"],
}
PARTS: Final = ("forming", "synchro", "battery", "load", "transformer", "grounding", "gensets", "missions")
"""Tables within the plant's."""


@dataclass(frozen=True)
class PlantOptions:
    """What a bench file says of its plant."""

    parameters: Parameters = field(default_factory=Parameters)
    load: Mapping[str, Any] = field(default_factory=dict)
    """What the load is told when the bench starts, by the fields of `LoadTerminals`."""
    state_of_charge: float = 0.5
    """When the bench starts [pu]."""
    controller: str = ""
    """The user's own control, "package.module:Class"; empty: the built-in one."""


def _as_it_is(given: object, _: str) -> object:
    return given


def read_plant(content: object, where: str, nominal: Mapping[str, float], folder: Path) -> PlantOptions:
    """Return what the [plant] table says, over the bench's nominal values; paths are relative to a folder."""
    q = {
        **nominal,
        **read(content, {**PLANT, "controller": str, **dict.fromkeys(PARTS, _as_it_is)}, where),
    }
    managed, grounded = "missions" in q, "grounding" in q
    given = {name: q.pop(name, {}) for name in PARTS}
    controller = q.pop("controller", "")
    on_bus = {"voltage": q["voltage"], "frequency": q["frequency"]}

    def part(kind: Any, known: Units, name: str, **defaults: Any) -> Any:
        values = read(given[name], known, f"{where}.{name}")
        return build(kind, {**defaults, **values}, f"{where}.{name}")

    battery = read(given["battery"], BATTERY, f"{where}.battery")
    charge = battery.pop("state_of_charge", 0.5)
    if not 0.0 <= charge <= 1.0:
        raise ConfigError(f"{where}.battery: state_of_charge = {charge:g} pu: must lie between 0 and 1")
    commands = read(
        given["load"], dict.fromkeys((*BANK, *ELECTRONIC, *LOAD_KEYS), _as_it_is), f"{where}.load"
    )
    given["bank"] = {key: commands.pop(key) for key in BANK if key in commands}
    given["load"] = {key: commands.pop(key) for key in ELECTRONIC if key in commands}
    electronic = part(ElectronicLoad, ELECTRONIC, "load", rating=q["rated_power"], voltage=q["voltage"])
    missions = None
    if managed:
        nominals = {"rated_power": q["rated_power"], "frequency": q["frequency"]}
        missions = part(Missions, MISSIONS, "missions", load_power=electronic.rating, **nominals)
    parts = {
        "forming": part(Forming, FORMING, "forming"),
        "synchro": part(Synchro, SYNCHRO, "synchro"),
        "bank": build(Bank, read(given["bank"], BANK, f"{where}.load"), f"{where}.load"),
        "electronic": electronic,
        "transformer": part(Transformer, TRANSFORMER, "transformer", rating=q["rated_power"], **on_bus),
        "grounding": part(Grounding, GROUNDING, "grounding") if grounded else None,
        "gensets": _gensets(given["gensets"], f"{where}.gensets", on_bus),
        "missions": missions,
    }
    parameters = build(Parameters, {**q, **battery, **parts}, where)
    load = load_commands(commands, f"{where}.load", parameters, folder)
    return PlantOptions(parameters, load, charge, controller)


def _gensets(given: object, where: str, on_bus: Mapping[str, float]) -> tuple[Genset, ...]:
    if not isinstance(given, list):
        if given == {}:
            return ()
        raise ConfigError(f"{where}: expected tables, each headed [[plant.gensets]], found {given!r}")
    sets = []
    for n, table in enumerate(given):
        values = read(table, {"preset": str, **GENSET}, f"{where}[{n}]")
        preset = values.pop("preset", "diesel")
        if preset not in PRESETS:
            raise ConfigError(f"{where}[{n}]: no preset {preset!r}; there is {', '.join(PRESETS)}")
        typical = {each.name: getattr(PRESETS[preset], each.name) for each in fields(Genset)}
        sets.append(build(Genset, {**typical, **on_bus, **values}, f"{where}[{n}]"))
    return tuple(sets)
