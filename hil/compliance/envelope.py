"""Ride-through envelopes: how long a unit must stay connected at a voltage, and what goes with it.

An envelope is data: bands of voltage with a least time and a mode, and beside them what
the same text says about frequency, ROCOF, phase jumps, trip settings, consecutive events
and recovery, each with its clause and how sure the number is.
"""

from __future__ import annotations

import tomllib
from dataclasses import MISSING, dataclass, fields, replace
from importlib.resources import files
from itertools import pairwise
from math import inf, isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from hil.compliance.requirements import FrequencyBand, PhaseJump, Recovery, Repetition, Rocof, Trip, Window
from hil.errors import ConfigError
from hil.units import parse

if TYPE_CHECKING:
    from collections.abc import Iterable

CONFIDENCE: Final = ("verified", "high", "medium", "low", "second-hand", "engineering default")
"""How sure a number from a standard is; an "engineering default" stands where no public text has a limit."""

MODES: Final = (
    "continuous",
    "mandatory",
    "permissive",
    "momentary cessation",
    "cease",
    "may trip",
    "not specified",
)
"""What the unit does at a voltage: IEEE 1547 and 2800; "not specified" where the text is silent."""

Curve = tuple[tuple[float, float], ...]
"""Corners (time [s], voltage [pu])."""


@dataclass(frozen=True, slots=True)
class Band:
    """Voltages below 1 pu from the corner before up to `voltage`, or above 1 pu from it on."""

    voltage: float
    """Corner [pu]; it does not belong to the band itself."""
    time: float
    """Least time to stay connected; at the lower corner where there is a `ramp` [s]."""
    ramp: float | None = None
    """Least time at `voltage`, to which it rises on a straight line; below 1 pu only [s]."""
    mode: str = ""
    response: float | None = None
    """Longest time until the current ceases in this mode [s]."""
    confidence: str = ""

    def at(self, voltage: float, lower: float) -> float:
        """Return the time at a voltage in the band, which begins at `lower` [pu, pu] [s]."""
        if self.ramp is None:
            return self.time
        return self.time + (self.ramp - self.time) * (voltage - lower) / (self.voltage - lower)


@dataclass(frozen=True, slots=True)
class Envelope:
    """The voltages and times that a unit must ride through."""

    name: str
    title: str
    clause: str
    source: str
    confidence: str
    """Of the least sure of its bands."""
    points: tuple[Band, ...]
    """Bands, voltages ascending: below 1 pu for voltages under the point, above 1 pu for those over it."""
    edition: str = ""
    """Version or date of the text."""
    elapsed: bool = False
    """True where times count from the begin of the event (a curve over time), False where the
    time spent below (above) a voltage adds up."""
    window: Window | None = None
    frequency: tuple[FrequencyBand, ...] = ()
    rocof: tuple[Rocof, ...] = ()
    phase_jump: tuple[PhaseJump, ...] = ()
    trip: tuple[Trip, ...] = ()
    repetition: tuple[Repetition, ...] = ()
    recovery: tuple[Recovery, ...] = ()

    @property
    def low(self) -> tuple[Band, ...]:
        """Return the bands below 1 pu, from the lowest on."""
        return tuple(band for band in self.points if band.voltage < 1)

    @property
    def high(self) -> tuple[Band, ...]:
        """Return the bands above 1 pu, from the lowest on."""
        return tuple(band for band in self.points if band.voltage > 1)

    def band(self, voltage: float) -> Band | None:
        """Return the band of a voltage [pu]; None: within continuous operation, without a limit."""
        if not isfinite(voltage):
            raise ConfigError(f"envelope {self.name}: {voltage} pu is not a voltage")
        if voltage < 1:
            return next((band for band in self.low if voltage < band.voltage), None)
        return next((band for band in reversed(self.high) if band.voltage < voltage), None)

    def mode(self, voltage: float) -> str:
        """Return what the unit does at a voltage [pu], one of `MODES`."""
        found = self.band(voltage)
        return "continuous" if found is None else found.mode

    def required_time(self, voltage: float) -> float:
        """Return how long the unit must stay connected at a voltage [pu]; infinity: always [s]."""
        found = self.band(voltage)
        if found is None:
            return inf
        return found.at(voltage, max((b.voltage for b in self.low if b.voltage < found.voltage), default=0.0))

    def curve(self) -> tuple[Curve, Curve]:
        """Return the lower and the upper edge of the region to ride through, for plots."""
        low: list[tuple[float, float]] = [(0.0, 0.0)]
        for band in self.low:
            low += [(band.time, low[-1][1]), (band.time if band.ramp is None else band.ramp, band.voltage)]
        high: list[tuple[float, float]] = []
        for band in reversed(self.high):
            high += [(band.time, high[-1][1])] if high else []
            high.append((band.time, band.voltage))
        return tuple(low), tuple(high)


_UNITS: Final = {
    "voltage": "pu",
    "share": "pu",
    "low": "Hz",
    "high": "Hz",
    "frequency": "Hz",
    "angle": "deg",
    "rate": "Hz/s",
    "time": "s",
    "ramp": "s",
    "response": "s",
    "window": "s",
    "spacing": "s",
}
_TABLES: Final = {
    "frequency": FrequencyBand,
    "rocof": Rocof,
    "phase_jump": PhaseJump,
    "trip": Trip,
    "repetition": Repetition,
    "recovery": Recovery,
}
_Row = TypeVar("_Row")


def load_envelope(name: str | Path) -> Envelope:
    """Return a shipped envelope by name, such as "ieee2800", or one from a file."""
    where, table = read_data("envelopes", name)
    needed = {"title", "clause", "source", "confidence", "points"}
    only_keys(table, needed, {"edition", "elapsed", "window", *_TABLES}, where)
    confidence = confidence_in(table, where)
    points = tuple(_band(row, confidence, f"{where}: points") for row in rows_in(table, "points", where))
    for lower, upper in pairwise(points):
        times = lower.time if lower.ramp is None else lower.ramp, upper.time
        falls = upper.voltage < 1 and times[0] > times[1]
        if lower.voltage >= upper.voltage or falls or (lower.voltage > 1 and times[0] < times[1]):
            raise ConfigError(
                f"{where}: after {lower.voltage:g} pu, {times[0]:g} s comes {upper.voltage:g} pu, "
                f"{times[1]:g} s; voltages must ascend, and times must not fall up to 1 pu nor rise above it"
            )
    elapsed, window = table.get("elapsed", False), table.get("window")
    if not isinstance(elapsed, bool):
        raise ConfigError(f"{where}: elapsed = {elapsed!r} is neither true nor false")
    if window is not None and (elapsed or any(band.ramp is not None for band in points)):
        raise ConfigError(f"{where}: a window to add up times in needs bands without a ramp, not elapsed")
    others: dict[str, Any] = {
        key: tuple(_row(kind, row, f"{where}: {key}") for row in rows_in(table, key, where))
        for key, kind in _TABLES.items()
        if key in table
    }
    if any(trip.voltage is None and trip.frequency is None for trip in others.get("trip", ())):
        raise ConfigError(f"{where}: trip: give the voltage or the frequency of each setting")
    return Envelope(
        name=Path(where).stem,
        title=str(table["title"]),
        clause=str(table["clause"]),
        source=str(table["source"]),
        confidence=confidence,
        points=points,
        edition=str(table.get("edition", "")),
        elapsed=elapsed,
        window=None if window is None else _row(Window, window, f"{where}: window"),
        **others,
    )


def _band(row: object, confidence: str, where: str) -> Band:
    """Return a band; what it leaves open is as the file says."""
    band = _row(Band, row, where)
    here = f"{where}: {band.voltage:g} pu"
    if band.mode and band.mode not in MODES:
        raise ConfigError(f"{here}: mode {band.mode!r} is not one of {', '.join(MODES)}")
    if band.voltage <= 0 or band.voltage == 1 or band.time < 0:
        raise ConfigError(
            f"{here}, {band.time:g} s: a point lies below or above 1 pu, with a time from 0 s on"
        )
    if band.ramp is not None and (band.voltage > 1 or band.ramp < band.time):
        raise ConfigError(f"{here}: a ramp rises, from {band.time:g} s on, and only below 1 pu")
    if CONFIDENCE.index(band.confidence or confidence) > CONFIDENCE.index(confidence):
        raise ConfigError(f"{here}: {band.confidence!r} is less sure than the {confidence!r} of the file")
    mode = band.mode or ("mandatory" if band.time else "may trip")
    return replace(band, mode=mode, confidence=band.confidence or confidence)


def _row(kind: type[_Row], row: object, where: str) -> _Row:
    """Return a row of a table, with its numbers in SI units."""
    known = fields(kind)  # type: ignore[arg-type]  # each kind is a dataclass
    only_keys(row, {f.name for f in known if f.default is MISSING}, {f.name for f in known}, where)
    assert isinstance(row, dict)
    values: dict[str, Any] = {}
    for key, text in row.items():
        base = key.removesuffix("_range")
        if key == "confidence":
            values[key] = confidence_in(row, where)
        elif key == "count":
            if type(text) is not int or text < 1:
                raise ConfigError(f"{where}: count = {text!r} is not a number of events")
            values[key] = text
        elif base != key:
            if not isinstance(text, list) or len(text) != 2:
                raise ConfigError(f"{where}: {key} = {text!r} is not a list of two values")
            values[key] = tuple(parse(end, _UNITS[base], f"{where}: {key}") for end in text)
        else:
            values[key] = parse(text, _UNITS[key], f"{where}: {key}") if key in _UNITS else str(text)
    return kind(**values)


def shipped(folder: str) -> tuple[str, ...]:
    """Return the names of the TOML files of a folder of shipped data."""
    inside = (files("hil.data") / folder).iterdir()
    return tuple(sorted(path.name.removesuffix(".toml") for path in inside if path.name.endswith(".toml")))


def read_data(folder: str, name: str | Path) -> tuple[str, dict[str, Any]]:
    """Return name (for messages) and content of a shipped TOML file, or of a file by its path."""
    inside = files("hil.data") / folder / f"{name}.toml"
    path = Path(name)
    try:
        if path.suffix != ".toml" and inside.is_file():
            text = inside.read_text("utf-8")
        else:
            text = path.read_text("utf-8")
        return str(name), tomllib.loads(text)
    except OSError as error:
        known = ", ".join(shipped(folder))
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
