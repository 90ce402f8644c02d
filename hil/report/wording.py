"""Numbers as text, the same in every report and table."""

from __future__ import annotations

from collections import Counter
from math import floor, log10
from typing import TYPE_CHECKING, Final

from hil.analysis.result import SECTIONS
from hil.units import parse, show

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hil.analysis.result import Analysis, Cell, Result, Table
    from hil.compliance.verdict import Verdict


EVENT_FIRST: Final = ("Capture", "Voltage event", "Ride-through")
"""Sections that come before the others: what happened, before what the supply was like."""
LAST: Final = ("Power quality",)
"""Sections that come after the others: they are the longest."""
MANY: Final = 2
"""From so many results that lack a value for the same reason, they share a line."""
REPEATED: Final = 3
"""From so many results of a section that a remark stands beside, it is told once below them."""


SPOILT: Final = "samples behind it are missing or clipped"
FLOOR: Final = 1e-4
"""Shares below it are told as such: single precision has no more to say [%]."""


def number(value: float, unit: str) -> str:
    """Return a value with its unit; a share of next to nothing without the digits of its noise."""
    return f"< {FLOOR:g} %" if unit == "%" and 0 < abs(value) < FLOOR else show(value, unit)


def measured(of: Verdict | Result) -> str:
    """Return what was found: "325.0 ± 8.3 ms", the text itself, or a dash where there is nothing."""
    return found(of.value, of.unit, of.uncertainty)


def found(value: float | str | None, unit: str, uncertainty: float | None) -> str:
    """Return a value with its unit and uncertainty, the text itself, or a dash where there is nothing."""
    if value is None:
        return "–"
    if isinstance(value, str):
        return value
    if not uncertainty or uncertainty < 1e-6 * abs(value):  # finer than any bench measures
        return number(value, unit)
    prefixed = show(max(abs(value), uncertainty), unit).partition(" ")[2]
    factor = parse(f"1 {prefixed}", unit, "unit")
    # two digits of the uncertainty, and the value to the same decimal (GUM, 7.2.6)
    decimals = max(0, 1 - floor(log10(uncertainty / factor)))
    return f"{value / factor:.{decimals}f} ± {uncertainty / factor:.{decimals}f} {prefixed}".rstrip()


def span(seconds: float) -> str:
    """Return a length of time: "47 s", "12 min", "24 h"."""
    for unit, of in (("h", 3600.0), ("min", 60.0)):
        if seconds >= 2 * of:
            return f"{seconds / of:.3g} {unit}"
    return f"{seconds:.0f} s"


def margin(verdict: Verdict) -> str:
    """Return the distance to the nearest limit with its sign."""
    if verdict.margin is None:
        return ""
    text = show(verdict.margin, verdict.unit)
    return f"+{text}" if verdict.margin > 0 else text


def state(result: Result) -> str:
    """Return what a person must know about a result beside its value."""
    parts = [] if result.state == "ok" else [result.state]
    parts += [] if result.valid else [SPOILT]
    return "; ".join([*parts, *filter(None, [result.note])])


def cell(value: Cell, unit: str) -> str:
    """Return what a cell of a table holds, with its unit, or a dash where there is nothing."""
    if value is None:
        return "–"
    return value if isinstance(value, str) else number(value, unit)


def sections(analysis: Analysis) -> Iterator[tuple[str, list[Result], list[Table]]]:
    """Yield (heading, results, tables) in the order that people read them; empty sections are left out."""
    between = (name for name in SECTIONS if name not in EVENT_FIRST + LAST)
    for heading in ("", *EVENT_FIRST, *between, *LAST):
        results = [result for result in analysis.results if result.section == heading]
        tables = [table for table in analysis.tables if table.section == heading]
        if results or tables:
            yield heading, results, tables


def split(results: Sequence[Result]) -> tuple[list[Result], dict[str, list[Result]]]:
    """Return the results to show one by one, and those without a value that share a reason, by reason."""
    missing = Counter(state(result) for result in results if result.value is None)
    shared: dict[str, list[Result]] = {reason: [] for reason, count in missing.items() if count >= MANY}
    shown: list[Result] = []
    for result in results:
        reason = state(result)
        (shared[reason] if result.value is None and reason in shared else shown).append(result)
    return shown, shared


def remarks(results: Sequence[Result]) -> tuple[list[str], list[str]]:
    """Return the remark of each result, and those that many share, which stand below with a number."""
    parts = [list(filter(None, state(result).split("; "))) for result in results]
    counts = Counter(part for of in parts for part in dict.fromkeys(of))
    often = [part for part, count in counts.items() if count >= REPEATED and len(part) > 20]
    marks = {part: f"({number})" for number, part in enumerate(often, 1)}
    told = ["; ".join(p for p in of if p not in marks) for of in parts]
    marked = [
        " ".join(filter(None, (text, *(marks[p] for p in of if p in marks))))
        for text, of in zip(told, parts, strict=True)
    ]
    return marked, [f"{mark} {part}" for part, mark in marks.items()]


def columns_told(of: Table) -> list[int]:
    """Return the columns of a table that hold anything; all of them where there is no row."""
    return [
        k for k in range(len(of.columns)) if not of.rows or any(row[k] not in {"", None} for row in of.rows)
    ]
