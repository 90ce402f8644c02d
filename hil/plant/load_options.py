"""What a load is told, when the bench starts or by hand: its bank, its power, its profile."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any, Final

from hil.errors import ConfigError, FormatError
from hil.profiles import files, library, presets
from hil.profiles.importer import import_trace
from hil.profiles.scale import rated

from . import loads
from .tables import Units, build, near, read, units

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hil.profiles.presets import Preset
    from hil.profiles.profile import Profile

    from .parameters import Parameters

BY_POWER: Final[Units] = {
    "watts": ("W",) * 3,
    "inductive": ("var",) * 3,
    "capacitive": ("var",) * 3,
}
BY_PART: Final[Units] = {
    "resistance": ("ohm?",) * 3,
    "inductance": ("H?",) * 3,
    "capacitance": ("F?",) * 3,
}
COMMANDS: Final[Units] = {
    **BY_POWER,
    **BY_PART,
    **units(W="active_power", var="reactive_power"),
    **dict.fromkeys(("closed", "on", "repeated"), bool),
    **dict.fromkeys(("profile", "file"), str),
    "tangent": "",
}
GENERATORS: Final[Mapping[str, Units]] = {
    generator: {key: str if unit == "text" else unit for key, unit in known.items()}
    for generator, (_, known) in presets.GENERATORS.items()
}
"""Parameters of the generator of a preset; per unit is on the rating of the electronic load."""
TRACE: Final[Units] = {"peak": "pu"}
LOAD_KEYS: Final = tuple(
    dict.fromkeys([*COMMANDS, *TRACE, *(key for known in GENERATORS.values() for key in known)])
)
REPEATED: Final = ("square", "sweep")
"""Generators whose profiles begin again at their end unless told otherwise."""


def load_commands(content: object, where: str, q: Parameters, folder: Path) -> dict[str, Any]:
    """Return fields of `LoadTerminals` from a table; the path of a profile is relative to a folder.

    A power ends a profile, and so does the profile "none".
    """
    preset, known = _preset(content, where)
    given = read(content, known, where)
    chosen = [key for key in ("profile", "file", "active_power") if key in given]
    if len(chosen) > 1:
        raise ConfigError(f"{where}: {' and '.join(chosen)} exclude each other; give one")
    commands: dict[str, Any] = {key: given[key] for key in ("closed", "on", "tangent") if key in given}
    for key in ("active_power", "reactive_power"):
        if key in given:
            commands[key] = _within(given[key], q, f"{where}: {key}", low=0.0 if key[0] == "a" else -inf)
    bank = _bank(given, where, q)
    if bank is not None:
        commands["bank"] = bank
    if not chosen:
        if "repeated" in given:
            raise ConfigError(f"{where}: repeated: only a profile is; name it too")
        return commands
    ends = "active_power" in given or given.get("profile") == "none"
    profile = None if ends else _profile(given, preset, where, q, folder)
    repeated = given.get("repeated", preset is not None and preset.generator in REPEATED)
    if repeated and profile and not profile.held and profile.power[0] != profile.power[-1]:
        raise ConfigError(f"{where}: repeated: the profile's last power is not its first; it would jump")
    return {**commands, "profile": profile, "repeated": repeated}


def _preset(content: object, where: str) -> tuple[Preset | None, Units]:
    """Return the preset that a table names, if it does, and the keys that the table may have."""
    name = content.get("profile") if isinstance(content, dict) else None
    made, recorded = presets.presets(), library.traces()
    if isinstance(name, str) and name not in (known := (*made, *recorded, "none")):
        raise ConfigError(f"{where}: no profile {name!r}; {near(name, known)}")
    if isinstance(name, str) and name in made:
        preset = presets.load(name)
        return preset, {**COMMANDS, **GENERATORS[preset.generator]}
    trace = isinstance(content, dict) and ("file" in content or name in recorded)
    return None, {**COMMANDS, **TRACE} if trace else COMMANDS


def _bank(given: Mapping[str, Any], where: str, q: Parameters) -> loads.Bank | None:
    by_power = {key: given[key] for key in BY_POWER if key in given}
    by_part = {key: given[key] for key in BY_PART if key in given}
    if by_power and by_part:
        raise ConfigError(
            f"{where}: give the bank by {', '.join(by_power)} or by {', '.join(by_part)}, not both"
        )
    bank: loads.Bank | None = None
    if by_power:
        bank = build(
            loads.Bank.from_power, {"voltage": q.voltage, "frequency": q.frequency, **by_power}, where
        )
    elif by_part:
        bank = build(loads.Bank, by_part, where)
    return bank


def _within(watts: float, q: Parameters, name: str, low: float) -> float:
    most = q.electronic.rating * q.electronic.current_limit
    if not max(low, -most) <= watts <= most:
        raise ConfigError(f"{name} = {watts:g}: the electronic load takes {max(low, -most):g} to {most:g}")
    return watts


def _profile(
    given: Mapping[str, Any], preset: Preset | None, where: str, q: Parameters, folder: Path
) -> Profile:
    """Return a profile of the electronic load; a trace's highest power becomes a part of its rating [pu]."""
    if preset is not None:
        known = GENERATORS[preset.generator]
        changes = {
            key: given[key] if unit is str else f"{given[key]!r} {unit}"
            for key, unit in known.items()
            if key in given
        }
        found = build(preset.make, {"changes": changes}, where)
    elif "file" in given:
        found = build(_opened, {"path": folder / given["file"]}, where)
    else:
        found = library.find(given["profile"])
    scaled = {"profile": found, "rating": given.get("peak", 1.0) * q.electronic.rating}
    profile: Profile = build(rated, scaled, where)
    _within(float(profile.power.max()), q, f"{where}: highest power of the profile", 0.0)
    return profile


def _opened(path: Path) -> Profile:
    """Return a profile, the preset of a file as it is, or a trace that nothing is wrong with."""
    if path.suffix == ".toml" or not path.is_file() or files.is_ours(path):
        return library.find(str(path))
    try:
        return import_trace(path)[0]
    except (ConfigError, FormatError) as error:
        raise ConfigError(f"{error}; make a profile of it first: hil profile import {path}") from None
