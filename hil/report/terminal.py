"""Tables for the terminal; plain text where it is not one."""

from __future__ import annotations

from textwrap import fill
from typing import TYPE_CHECKING, Final

from hil.compliance.verdict import Outcome, overall
from hil.report.glance import glance
from hil.report.wording import cell, columns_told, margin, measured, remarks, sections, split

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console
    from rich.table import Table

    from hil.analysis.result import Analysis, Cell
    from hil.analysis.result import Table as ResultTable
    from hil.compliance.verdict import Verdict

COLOURS: Final = {
    Outcome.PASS: "green",
    Outcome.FAIL: "bold red",
    Outcome.INCONCLUSIVE: "yellow",
    Outcome.INVALID: "yellow",
    Outcome.NOT_RUN: "dim",
}


def print_verdicts(verdicts: Sequence[Verdict], console: Console) -> None:
    """Print one line per criterion, what did not pass with its reason, and the outcome of all."""
    from rich.text import Text  # noqa: PLC0415 - rich is slow to load

    table = _table("", "Criterion", "Measured", "Limit", "Margin")
    for verdict in verdicts:
        name = Text(verdict.title)
        if verdict.reason:
            name.append(f"\n{verdict.reason}", style="dim")
        outcome = Text(verdict.outcome, style=COLOURS[verdict.outcome])
        table.add_row(outcome, name, *map(Text, (measured(verdict), verdict.limit, margin(verdict))))
    console.print(table)
    worst = overall(verdicts)
    console.print(Text(f"Overall: {worst}", style=COLOURS[worst]))


SUMMARY: Final = {
    "frequency": ("Frequency", "Hz"),
    "reference_voltage": ("Voltage", "V"),
    "thd_voltage": ("THD", "%"),
    "event_kind": ("Event", ""),
    "residual_voltage_pu": ("Residual", "pu"),
    "event_duration": ("Lasted", "s"),
    "trip": ("Trip", "s"),
}
"""Results in the summary of a folder, with their heading and unit."""
FEW: Final = 3
"""A table too wide for the terminal is turned, names on the left, where it has no more rows."""
PARTED: Final = 3
"""Columns of the terminal between one column of a table and the next."""
ROWS_SHOWN: Final = 8
"""Rows of a table in the terminal; JSON and the report have them all."""


def print_results(analysis: Analysis, console: Console) -> None:
    """Print one line per result under the headings, the tables, and the warnings."""
    from rich.text import Text  # noqa: PLC0415 - rich is slow to load

    if lines := glance(analysis):
        console.print(Text("\nAt a glance", style="bold"))
        brief = _table("", "", "", heads=False)
        for line in lines:
            outcome = Text("") if line.outcome is None else Text(line.outcome, style=COLOURS[line.outcome])
            brief.add_row(Text(line.title), outcome, Text(line.text))
        brief.columns[0].no_wrap = brief.columns[2].no_wrap = False
        console.print(brief)
    for heading, results, tables in sections(analysis):
        if heading:
            console.print(Text(f"\n{heading}", style="bold"))
        shown, shared = split(results)
        if shown:
            told, notes = remarks(shown)
            table = _table("Quantity", "Value", "Remark")
            for result, remark in zip(shown, told, strict=True):
                style = "" if result.valid else "yellow"
                table.add_row(Text(result.title), Text(measured(result)), Text(remark, style=style))
            console.print(table)
            for note in notes:
                console.print(Text(f" {note}", style="dim"))
        for reason, members in shared.items():
            console.print(Text(f" {reason}: {'; '.join(r.title for r in members)}", style="dim"))
        for of in tables:
            if not of.detail:
                _print_table(of, console)
    for warning in analysis.warnings:
        console.print(Text(f"Warning: {warning}", style="yellow"))


def print_summary(found: Sequence[tuple[str, Sequence[Cell], Outcome | None]], console: Console) -> None:
    """Print one line per capture of a folder: its name, the values of `SUMMARY`, the worst outcome."""
    from rich.text import Text  # noqa: PLC0415 - rich is slow to load

    judged = any(outcome is not None for *_, outcome in found)
    table = _table("Capture", *(title for title, _ in SUMMARY.values()), *(["Limits"] if judged else []))
    for name, values, outcome in found:
        cells = [cell(value, unit) for value, (_, unit) in zip(values, SUMMARY.values(), strict=True)]
        last = [Text("–") if outcome is None else Text(outcome, style=COLOURS[outcome])] if judged else []
        table.add_row(Text(name), *map(Text, cells), *last)
    console.print(table)


def _print_table(of: ResultTable, console: Console) -> None:
    """Print the first rows; columns without content are left out, those for which there is no room named."""
    from rich.text import Text  # noqa: PLC0415 - rich is slow to load

    console.print(Text(f" {of.title}", style="italic"))
    rows = [[cell(*pair) for pair in zip(row, of.units, strict=True)] for row in of.rows[:ROWS_SHOWN]]
    told = columns_told(of)
    numbers = {k for k in told if not any(isinstance(row[k], str) for row in of.rows)}
    widths = {k: _least([of.columns[k], *(row[k] for row in rows)], whole=k in numbers) for k in told}
    room = console.width
    heads = {k: of.columns[k] for k in told}
    if sum(max(widths[k], len(heads[k]) + PARTED) for k in told) > room:
        heads |= {k: fill(heads[k], widths[k] - PARTED) for k in numbers}
    if sum(widths.values()) > room and len(rows) <= FEW:
        turned = _table(*("" for _ in range(len(rows) + 1)), heads=False)
        for k in told:
            turned.add_row(Text(of.columns[k]), *(Text(row[k]) for row in rows))
        for column in turned.columns:
            column.no_wrap, column.overflow = False, "fold"
        console.print(turned)
        left: list[int] = []
    else:
        kept = [k for i, k in enumerate(told) if sum(widths[j] for j in told[: i + 1]) <= room]
        table = _table(*(heads[k] for k in kept))
        for k, column in zip(kept, table.columns, strict=True):
            column.no_wrap = k in numbers
        for row in rows:
            table.add_row(*(Text(row[k]) for k in kept))
        console.print(table)
        left = [k for k in told if k not in kept]
    notes = [of.note] if of.note else []
    more = [f"{len(of.rows) - ROWS_SHOWN} more rows"] if len(of.rows) > ROWS_SHOWN else []
    more += ["columns " + ", ".join(of.columns[k] for k in left)] if left else []
    if more:
        notes.append(f"{'; '.join(more)}: --json and --report have them")
    if notes:
        console.print(Text(f" {'; '.join(notes)}", style="dim"))


def _least(texts: Sequence[str], *, whole: bool) -> int:
    """Return the columns of the terminal that a column takes at least, with what parts it from the next."""
    head, *cells = texts
    pieces = [*head.split(), *(cells if whole else (word for text in cells for word in text.split()))]
    return max(map(len, pieces), default=0) + PARTED


def _table(*columns: str, heads: bool = True) -> Table:
    from rich import box  # noqa: PLC0415 - rich is slow to load
    from rich.table import Table  # noqa: PLC0415 - rich is slow to load

    if heads:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    else:
        table = Table(box=None, show_header=False, padding=(0, 2, 0, 1))
    for column in columns:
        whole = column in {"", "Measured", "Value", "Margin"}  # a number keeps its unit beside it
        table.add_column(column, overflow="ellipsis" if whole else "fold", no_wrap=whole)
    return table
