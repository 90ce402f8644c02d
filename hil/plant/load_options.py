"""What a load is told, when the bench starts or by hand: its bank, its power, its profile."""

from __future__ import annotations

import csv
from inspect import Parameter, signature
from itertools import pairwise
from math import inf, isfinite
from typing import TYPE_CHECKING, Any, Final

from hil.errors import ConfigError

from . import loads
from .tables import Units, build, near, read, units

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

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
PROFILES: Final[Mapping[str, Units]] = {
    "square": {**units(pu="high low", s="period edge"), "duty": ""},
    "start": units(pu="high low", s="edge"),
    "fault_stop": units(pu="high low", s="edge"),
    "checkpoint": units(pu="high low", s="duration edge"),
    "sweep": {**units(pu="mean swing"), "frequencies": ["Hz"], "cycles": int},
    "inference": {**units(pu="high low", s="duration service"), "rate": "1/s", "slots": int, "seed": int},
}
"""Parameters of each generator in `loads`; per unit is on the rating of the electronic load."""
TRACE: Final[Units] = {"peak": "pu", "spacing": "s"}
LOAD_KEYS: Final = tuple(dict.fromkeys([*COMMANDS, *TRACE, *(key for u in PROFILES.values() for key in u)]))
COLUMNS: Final = ["time [s]", "power [W]"]
GAP: Final = 10.0
"""A trace whose next time is later than this many of its usual spacings lacks something in between."""
SPACING: Final = 1e-3
"""Points of the generators are this far apart [s], or as far as their shortest time."""
MOST: Final = 10_000_000
"""Points of a profile; a day at 10 ms."""


def load_commands(content: object, where: str, q: Parameters, folder: Path) -> dict[str, Any]:
    """Return fields of `LoadTerminals` from a table; the path of a trace is relative to a folder.

    A power ends a profile, and so does the profile "none".
    """
    known = COMMANDS
    kind = content.get("profile") if isinstance(content, dict) else None
    if isinstance(kind, str) and kind != "none":
        if kind not in PROFILES:
            raise ConfigError(f"{where}: no profile {kind!r}; {near(kind, [*PROFILES, 'none'])}")
        known = {**known, **PROFILES[kind]}
    elif isinstance(content, dict) and "file" in content:
        known = {**known, **TRACE}
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
        return commands
    profile = None
    if "file" in given:
        profile = _trace(folder / given["file"], given.get("peak", 1.0), given.get("spacing"), where, q)
    elif isinstance(kind, str) and kind != "none":
        profile = _generated(kind, {key: given[key] for key in PROFILES[kind] if key in given}, where, q)
    repeated = given.get("repeated", kind in {"square", "sweep", "inference"})
    return {**commands, "profile": profile, "repeated": repeated}


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


def _generated(kind: str, given: Mapping[str, Any], where: str, q: Parameters) -> loads.Profile:
    generate = getattr(loads, kind)
    for name, parameter in signature(generate).parameters.items():
        if parameter.default is Parameter.empty and name not in given:
            raise ConfigError(f"{where}: the profile {kind!r} needs {name}")
    times = [given[key] for key in given if PROFILES[kind][key] == "s" and given[key] > 0.0]
    if times and max(times) / min(*times, SPACING) > MOST:
        raise ConfigError(
            f"{where}: {kind!r}, from {min(times):g} to {max(times):g} s, has more than {MOST} points"
        )
    rating = q.electronic.rating
    values = {key: v * rating if PROFILES[kind][key] == "pu" else v for key, v in given.items()}
    profile: loads.Profile = build(generate, values, where)
    _within(float(profile.watts.max()), q, f"{where}: highest power of the profile {kind!r}", 0.0)
    return profile


def _trace(path: Path, peak: float, spacing: float | None, where: str, q: Parameters) -> loads.Profile:
    """Return a measured trace, its highest power brought to a part of the load's rating [pu]."""
    times, watts = read_trace(path)
    gaps = [b - a for a, b in pairwise(times)]
    spacing = spacing or min(gaps)
    if (times[-1] - times[0]) / spacing > MOST:
        raise ConfigError(f"{where}: {path} has more than {MOST} points {spacing:g} s apart; give a spacing")
    highest = max(watts)
    if highest == 0.0:
        raise ConfigError(f"{where}: {path} has no power to bring to the load's rating")
    factor = _within(peak * q.electronic.rating, q, f"{where}: peak of the trace", 0.0) / highest
    scaled = {"times": times, "watts": [factor * w for w in watts], "spacing": spacing}
    profile: loads.Profile = build(loads.from_trace, scaled, f"{where}: {path}")
    return profile


def read_trace(path: Path) -> tuple[list[float], list[float]]:
    """Return the times [s] and powers [W] of a CSV file; what is wrong is named by its line."""
    times: list[float] = []
    watts: list[float] = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.reader(file)
            if (header := [cell.strip() for cell in next(rows, [])]) != COLUMNS:
                raise ConfigError(
                    f"{path}, line 1: expected the columns {', '.join(COLUMNS)}, found {header}"
                )
            for row in rows:
                time, power = _row(row, f"{path}, line {rows.line_num}")
                if times and time <= times[-1]:
                    raise ConfigError(
                        f"{path}, line {rows.line_num}: {time:g} s does not follow {times[-1]:g} s"
                    )
                times.append(time)
                watts.append(power)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"{path}: cannot be read as a trace: {error}") from None
    if len(times) < 2:
        raise ConfigError(f"{path}: {len(times)} lines of power; a trace has two or more")
    usual = sorted(b - a for a, b in pairwise(times))[(len(times) - 1) // 2]
    for n, (before, after) in enumerate(pairwise(times)):
        if after - before > GAP * usual:
            raise ConfigError(
                f"{path}, line {n + 3}: a gap of {after - before:g} s, the usual spacing is {usual:g} s; "
                "fill it or cut the trace"
            )
    return times, watts


def _row(row: list[str], where: str) -> tuple[float, float]:
    try:
        time, power = map(float, row)
    except ValueError:
        raise ConfigError(f"{where}: expected a time and a power, found {','.join(row)!r}") from None
    if not (isfinite(time) and isfinite(power) and power >= 0.0):
        raise ConfigError(f"{where}: {','.join(row)!r} is no time with a power that is not negative")
    return time, power
