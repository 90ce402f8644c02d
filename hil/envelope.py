"""Ride-through envelopes: how long a unit must stay connected at a voltage."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib.resources import files
from itertools import pairwise
from math import inf, isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from hil.errors import ConfigError
from hil.units import parse

if TYPE_CHECKING:
    from collections.abc import Iterable

CONFIDENCE: Final = ("verified", "high", "medium", "low", "second-hand", "engineering default")
"""How sure a number from a standard is; an "engineering default" stands where no public text has a limit."""

Curve = tuple[tuple[float, float], ...]
"""Corners (time [s], voltage [pu])."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """The voltages and times that a unit must ride through."""

    name: str
    title: str
    clause: str
    source: str
    confidence: str
    points: tuple[tuple[float, float], ...]
    """(voltage [pu], time [s]), voltages ascending: below 1 pu the time holds for voltages under
    the point, above 1 pu for voltages over it."""

    def required_time(self, voltage: float) -> float:
        """Return how long the unit must stay connected at a voltage [pu]; infinity: always [s]."""
        if not isfinite(voltage):
            raise ConfigError(f"envelope {self.name}: {voltage} pu is not a voltage")
        if voltage < 1:
            under = [time for point, time in self.points if voltage < point < 1]
            return under[0] if under else inf
        over = [time for point, time in self.points if 1 < point < voltage]
        return over[-1] if over else inf

    def curve(self) -> tuple[Curve, Curve]:
        """Return the lower and the upper edge of the region to ride through, for plots."""
        low: list[tuple[float, float]] = [(0.0, 0.0)]
        for voltage, time in self.points:
            if voltage < 1:
                low += [(time, low[-1][1]), (time, voltage)]
        high: list[tuple[float, float]] = []
        for voltage, time in reversed(self.points):
            if voltage > 1:
                high += [(time, high[-1][1])] if high else []
                high.append((time, voltage))
        return tuple(low), tuple(high)


def load_envelope(name: str | Path) -> Envelope:
    """Return a shipped envelope by name, such as "ieee2800", or one from a file."""
    where, table = read_data("envelopes", name)
    only_keys(table, {"title", "clause", "source", "confidence", "points"}, set(), where)
    points: list[tuple[float, float]] = []
    for row in rows_in(table, "points", where):
        only_keys(row, {"voltage", "time"}, set(), f"{where}: points")
        voltage = parse(row["voltage"], "pu", f"{where}: voltage")
        points.append((voltage, parse(row["time"], "s", f"{where}: time")))
    for (lower, shorter), (upper, longer) in pairwise(points):
        if lower >= upper or (upper < 1 and shorter > longer) or (lower > 1 and shorter < longer):
            raise ConfigError(
                f"{where}: after {lower:g} pu, {shorter:g} s comes {upper:g} pu, {longer:g} s; voltages must "
                "ascend, and times must not fall up to 1 pu nor rise above it"
            )
    return Envelope(
        where, table["title"], table["clause"], table["source"], confidence_in(table, where), tuple(points)
    )


def read_data(folder: str, name: str | Path) -> tuple[str, dict[str, Any]]:
    """Return the label and the content of a shipped TOML file by name, or of a file by its path."""
    shipped = files("hil.data") / folder
    inside = shipped / f"{name}.toml"
    path = Path(name)
    try:
        if path.suffix != ".toml" and inside.is_file():
            text = inside.read_text("utf-8")
        else:
            text = path.read_text("utf-8")
        return path.stem, tomllib.loads(text)
    except OSError as error:
        known = ", ".join(sorted(p.name.removesuffix(".toml") for p in shipped.iterdir()))
        raise ConfigError(
            f"{folder}: there is no {str(name)!r} ({error.strerror}); shipped are {known}; "
            "anything else needs the path of a .toml file"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{name}: not a TOML file: {error}") from error


def only_keys(table: object, needed: Iterable[str], optional: Iterable[str], where: str) -> None:
    """Refuse a table that lacks a key or has one too many, such as a misspelt one."""
    if not isinstance(table, dict):
        raise ConfigError(f"{where}: {table!r} is not a table")
    missing = set(needed) - table.keys()
    if missing:
        raise ConfigError(f"{where}: {', '.join(sorted(missing))} is missing")
    unknown = table.keys() - set(needed) - set(optional)
    if unknown:
        known = ", ".join(sorted({*needed, *optional}))
        raise ConfigError(f"{where}: unknown key {', '.join(sorted(unknown))}; there is {known}")


def rows_in(table: dict[str, Any], key: str, where: str) -> list[Any]:
    """Return a list of the table, which must not be empty."""
    rows = table[key]
    if not isinstance(rows, list) or not rows:
        raise ConfigError(f"{where}: {key} is not a list of tables with at least one in it")
    return rows


def confidence_in(table: dict[str, Any], where: str) -> str:
    """Return how sure the number is, which must be one of `CONFIDENCE`."""
    found = table["confidence"]
    if found not in CONFIDENCE:
        raise ConfigError(f"{where}: confidence {found!r} is not one of {', '.join(CONFIDENCE)}")
    return str(found)
