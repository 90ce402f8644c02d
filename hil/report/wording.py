"""Numbers as text, the same in every report and table."""

from __future__ import annotations

from math import floor, log10
from typing import TYPE_CHECKING

from hil.analysis.result import SECTIONS
from hil.units import parse, show

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hil.analysis.result import Analysis, Cell, Result, Table
    from hil.compliance.verdict import Verdict


def measured(of: Verdict | Result) -> str:
    """Return what was found: "325.0 ± 8.3 ms", the text itself, or a dash where there is nothing."""
    if of.value is None:
        return "–"
    if isinstance(of.value, str):
        return of.value
    if not of.uncertainty or of.uncertainty < 1e-6 * abs(of.value):  # finer than any bench measures
        return show(of.value, of.unit)
    unit = show(max(abs(of.value), of.uncertainty), of.unit).partition(" ")[2]
    factor = parse(f"1 {unit}", of.unit, "unit")
    # two digits of the uncertainty, and the value to the same decimal (GUM, 7.2.6)
    decimals = max(0, 1 - floor(log10(of.uncertainty / factor)))
    return f"{of.value / factor:.{decimals}f} ± {of.uncertainty / factor:.{decimals}f} {unit}".rstrip()


def margin(verdict: Verdict) -> str:
    """Return the distance to the nearest limit with its sign."""
    if verdict.margin is None:
        return ""
    text = show(verdict.margin, verdict.unit)
    return f"+{text}" if verdict.margin > 0 else text


def state(result: Result) -> str:
    """Return what a person must know about a result beside its value."""
    parts = [] if result.state == "ok" else [result.state]
    parts += [] if result.valid else ["samples behind it are missing or clipped"]
    return "; ".join([*parts, *filter(None, [result.note])])


def cell(value: Cell, unit: str) -> str:
    """Return what a cell of a table holds, with its unit, or a dash where there is nothing."""
    if value is None:
        return "–"
    return value if isinstance(value, str) else show(value, unit)


def sections(analysis: Analysis) -> Iterator[tuple[str, list[Result], list[Table]]]:
    """Yield (heading, results, tables) in the order that people read them; empty sections are left out."""
    for heading in ("", *SECTIONS):
        results = [result for result in analysis.results if result.section == heading]
        tables = [table for table in analysis.tables if table.section == heading]
        if results or tables:
            yield heading, results, tables
