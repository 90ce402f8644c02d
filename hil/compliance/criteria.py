"""Criteria: what is asked of a result, as data with clause, source and confidence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from hil.compliance.envelope import confidence_in, only_keys, read_data, rows_in
from hil.errors import ConfigError
from hil.units import parse

if TYPE_CHECKING:
    from pathlib import Path

Parameters = Mapping[str, float | str]
"""What was commanded, in SI units, by name."""


class Outcome(StrEnum):
    """How a criterion, or a whole test, came out."""

    PASS = "PASS"  # noqa: S105 - not a password
    FAIL = "FAIL"
    INCONCLUSIVE = "INCONCLUSIVE"
    """The limit lies inside the uncertainty, or the value could not be determined."""
    INVALID = "INVALID"
    """The test was not what it claims to be: samples missing, calibration expired, another event."""
    NOT_RUN = "NOT RUN"


@dataclass(frozen=True, slots=True)
class Bound:
    """A limit: a number, or a parameter of the sequence times a factor, plus a number."""

    offset: float
    parameter: str = ""
    times: float = 1.0

    def resolve(self, parameters: Parameters) -> float | None:
        """Return the limit for these parameters, None where the run does not state the one needed."""
        if not self.parameter:
            return self.offset
        stated = parameters.get(self.parameter)
        return stated * self.times + self.offset if isinstance(stated, int | float) else None


@dataclass(frozen=True, slots=True)
class Criterion:
    """One requirement on one result."""

    key: str
    title: str
    result: str
    """Key of the result that is judged."""
    unit: str
    low: Bound | None
    high: Bound | None
    expected: str
    """The state that passes, for a criterion on a state; else empty."""
    states: Mapping[str, Outcome]
    """What another state, or a value that is missing for the reason it names, amounts to."""
    condition: bool
    """True where it is about the test and not about the unit: what is not met makes it INVALID."""
    document: bool
    """True where a document answers it: until one is named it is NOT RUN, and the test stands without it."""
    envelope: bool
    """True where it binds only inside the ride-through envelope."""
    captures: tuple[str, ...]
    """Patterns of the names of captures that it applies to, such as "sag_*"."""
    residual: tuple[float, float]
    """Residual voltages that it applies to [pu]."""
    clause: str
    source: str
    confidence: str
    why: str
    plot: str = ""
    """Group of the series or spectra in whose plot the limit is drawn."""

    def applies_to(self, capture: str) -> bool:
        """Say whether it is asked of a capture of this name."""
        return any(fnmatchcase(capture, pattern) for pattern in self.captures)


def load_criteria(name: str | Path) -> tuple[Criterion, ...]:
    """Return shipped criteria by name, such as "voltage_sag", or those of a file."""
    where, table = read_data("criteria", name)
    only_keys(table, {"title", "criterion"}, set(), where)
    criteria = tuple(_criterion(row, where) for row in rows_in(table, "criterion", where))
    keys = [criterion.key for criterion in criteria]
    if len(set(keys)) != len(keys):
        raise ConfigError(f"{where}: two criteria share a key; there is {', '.join(keys)}")
    return criteria


def _criterion(row: dict[str, Any], where: str) -> Criterion:
    needed = {"key", "title", "result", "unit", "kind", "limit", "clause", "source", "confidence", "why"}
    only_keys(
        row, needed, {"states", "condition", "document", "envelope", "residual", "captures", "plot"}, where
    )
    where = f"{where}: {row['key']}"
    for name in needed - {"limit", "confidence"}:
        if not isinstance(row[name], str):
            raise ConfigError(f"{where}: {name} = {row[name]!r} is not a text")
    for flag in ("condition", "document", "envelope"):
        if not isinstance(row.get(flag, False), bool):
            raise ConfigError(f"{where}: {flag} = {row[flag]!r} is neither true nor false")
    kind, limit, unit = row["kind"], row["limit"], row["unit"]
    low = high = None
    expected = ""
    match kind, limit:
        case "state", str():
            expected = limit
        case "max", str():
            high = Bound(parse(limit, unit, where))
        case "min", str():
            low = Bound(parse(limit, unit, where))
        case "max", {"parameter": str(parameter), "times": int() | float() as times, **extra} if not extra:
            high = Bound(0.0, parameter, times)
        case "range", {"parameter": str(parameter), "plus": plus, "minus": minus, **extra} if not extra:
            low = Bound(-parse(minus, unit, where), parameter)
            high = Bound(parse(plus, unit, where), parameter)
        case "range", {"low": below, "high": above, **extra} if not extra:
            low, high = Bound(parse(below, unit, where)), Bound(parse(above, unit, where))
        case _:
            raise ConfigError(f"{where}: cannot read limit {limit!r} of kind {kind!r}")
    named = row.get("states", {})
    only_keys(named, (), named, f"{where}: states")
    try:
        states = {state: Outcome(outcome) for state, outcome in named.items()}
    except ValueError as error:
        raise ConfigError(f"{where}: states: {error}; there is {', '.join(Outcome)}") from error
    applies = row.get("residual", {"low": "0 pu", "high": "2 pu"})
    only_keys(applies, {"low", "high"}, set(), f"{where}: residual")
    captures = row.get("captures", "*")
    patterns = captures.split() if isinstance(captures, str) else []
    if not patterns:
        raise ConfigError(
            f'{where}: captures = {captures!r}; expected names or patterns, such as "sag_* summary"'
        )
    return Criterion(
        key=row["key"],
        title=row["title"],
        result=row["result"],
        unit=unit,
        low=low,
        high=high,
        expected=expected,
        states=states,
        condition=row.get("condition", False),
        document=row.get("document", False),
        envelope=row.get("envelope", False),
        captures=tuple(patterns),
        residual=(parse(applies["low"], "pu", where), parse(applies["high"], "pu", where)),
        clause=row["clause"],
        source=row["source"],
        confidence=confidence_in(row, where),
        why=row["why"],
        plot=str(row.get("plot", "")),
    )
