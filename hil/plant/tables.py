"""Reading tables of a bench file whose keys and units stand in a table of ours.

A unit is text, as `hil.units` knows it: the file gives text with that unit, or a number in it. "?" behind
it stands for what may be "none"; bool, int and str for themselves; a tuple for a list of that many, a list
for one of any length; a function for what it makes of the value.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from math import isfinite
from typing import TYPE_CHECKING, Any, Final

from hil.errors import ConfigError, FormatError
from hil.units import parse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

Units = dict[str, Any]
"""Unit by key."""
_WORDS: Final = {bool: "true or false", int: "a whole number", str: "text"}


def units(**groups: str) -> Units:
    """Return unit by key from keys by unit, for units that are words."""
    return {key: unit for unit, keys in groups.items() for key in keys.split()}


def read(content: object, known: Units, where: str) -> dict[str, Any]:
    """Return the values of a table of the file, in the units of our table; a `ConfigError` names the key."""
    if not isinstance(content, dict):
        raise ConfigError(f"{where}: expected a table, found {content!r}")
    for key in content:
        if key not in known:
            raise ConfigError(f"{where}: unknown key {key!r}; {near(key, known)}")
    return {key: value(given, known[key], f"{where}: {key}") for key, given in content.items()}


def near(name: str, known: Iterable[str]) -> str:
    """Return in words which known names are nearest to a name that is none."""
    found = get_close_matches(name, known)
    return f"nearest are {', '.join(found)}" if found else f"known are {', '.join(known)}"


def value(given: object, unit: Any, name: str) -> Any:
    """Return one value of the file in its unit."""
    if isinstance(unit, (tuple, list)):
        return _several(given, unit, name)
    if unit in _WORDS:
        if type(given) is not unit:  # true is a whole number to Python
            raise ConfigError(f"{name} must be {_WORDS[unit]}, found {given!r}")
        return given
    if callable(unit):
        return unit(given, name)
    if unit.endswith("?"):
        return None if given == "none" else value(given, unit[:-1], name)
    if isinstance(given, (int, float)) and not isinstance(given, bool) and isfinite(given):
        return float(given)
    if not isinstance(given, str) or not unit:
        return _plain(given, unit, name)
    return parse(given, unit, name)


def _plain(given: object, unit: str, name: str) -> float:
    """Return a number without a unit from text, or say what was expected."""
    try:
        return parse(given, unit, name)
    except ConfigError:
        wanted = f'a number [{unit}], or text such as "1 {unit}"' if unit else "a number without a unit"
        raise ConfigError(f"{name} must be {wanted}, found {given!r}") from None


def _several(given: object, unit: Any, name: str) -> tuple[Any, ...]:
    many = isinstance(unit, list)
    if not isinstance(given, list) or not (many or len(given) == len(unit)):
        wanted = "a list" if many else f"a list of {len(unit)}"
        raise ConfigError(f"{name} must be {wanted}, found {given!r}")
    each = unit * len(given) if many else unit
    return tuple(value(one, u, f"{name}[{n}]") for n, (one, u) in enumerate(zip(given, each, strict=True)))


def build(kind: Callable[..., Any], values: Mapping[str, Any], where: str) -> Any:
    """Return what a class or function makes of values; what it refuses is said of this table of the file."""
    try:
        return kind(**values)
    except (ConfigError, FormatError) as error:
        text = re.sub(r"^\[[\w.]+\] ", "", str(error))  # it names the table, but not the file
        raise ConfigError(f"{where}: {text}") from None


def written(unit: Any) -> str:
    """Return how a value of this unit is written in the file."""
    if isinstance(unit, (tuple, list)):
        each = ", ".join(map(written, unit))
        return f"[{each}]" if isinstance(unit, tuple) else f"[{each}, ...]"
    if isinstance(unit, str):
        return unit.replace("?", ' or "none"') or "number"
    return {bool: "true or false", int: "whole number", str: "text"}.get(unit, "name or table")
