"""What an operator can see and do at the simulated bench by hand: whatever no instrument commands.

A command is refused before any of it has been carried out.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any, Final

from hil.errors import ConfigError
from hil.profiles.profile import Profile

from . import loads
from .load_options import load_commands
from .parameters import PRIORITIES
from .tables import Units, build, near, read, units

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from .parameters import Parameters

COMMANDS: Final[Mapping[str, Units]] = {
    "grid": {"ohms": ("ohm", "ohm")},
    "breaker": {"close": bool},
    "fault": {"kind": str, "ohms": "ohm", "on": bool},
    "transformer": {"close": bool},
    "genset": {**dict.fromkeys(("run", "close", "trip"), bool), **units(pu="speed volts")},
    "pcs": {**dict.fromkeys(("form", "synchronise"), bool), **units(pu="volts hertz"), "priority": str},
}
"""By kind of terminals, besides the load, which is told what [plant.load] says."""
RANGE: Final = (0.5, 1.5)
"""Within which a speed, a frequency or a voltage is asked for at all [pu]."""


def commands(
    name: str, all_terminals: Mapping[str, Any], content: object, q: Parameters, folder: Path
) -> dict[str, Any]:
    """Return the fields of the terminals of this name that a table sets; paths are relative to a folder."""
    kind = name.partition(":")[0]
    if name not in all_terminals or kind not in {*COMMANDS, "load"}:
        known = [each for each in all_terminals if each.partition(":")[0] in {*COMMANDS, "load"}]
        raise ConfigError(f"set: nothing to set by hand is called {name!r}; {near(name, known)}")
    where = f"set {name}"
    if kind == "load":
        values = load_commands(content, where, q, folder)
        check_bank(values, q, where)
        return values
    values = read(content, COMMANDS[kind], where)
    for key, given in values.items():
        if COMMANDS[kind][key] == "pu" and not RANGE[0] <= given <= RANGE[1]:
            raise ConfigError(f"{where}: {key} = {given:g} pu: must lie between {RANGE[0]} and {RANGE[1]} pu")
    if kind == "grid" and "ohms" in values and not (values["ohms"][0] >= 0.0 and values["ohms"][1] > 0.0):
        raise ConfigError(f"{where}: ohms = {values['ohms']}: no negative resistance, and some reactance")
    if kind == "pcs" and values.get("priority", "P") not in PRIORITIES:
        expected = ", ".join(PRIORITIES)
        raise ConfigError(f"{where}: priority = {values['priority']!r}: must be one of {expected}")
    if kind == "fault":
        fault = {**vars(all_terminals[name]), **values}
        build(loads.fault_array, {"kind": fault["kind"], "resistance": fault["ohms"]}, where)
    return values


def check_bank(values: Mapping[str, Any], q: Parameters, where: str) -> None:
    """Refuse a bank that the plant's step cannot follow."""
    if "bank" in values:
        parts = {"electronic": q.electronic, "step": q.step, "period": q.control_period}
        build(loads.load_array, {"bank": values["bank"], **parts}, where)


def shown(value: Any) -> Any:
    """Return terminals as plain data; of long arrays what they are."""
    if isinstance(value, Profile):
        return {"points": len(value), "duration": value.duration, "held": value.held}
    if is_dataclass(value):
        return {each.name: shown(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, set):
        return sorted(value)
    return [shown(each) for each in value] if isinstance(value, (list, tuple)) else value
