"""Tables for the terminal; plain text where it is not one."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from hil.compliance.verdict import Outcome, overall
from hil.report.wording import cell, margin, measured, sections, state

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
MANY: Final = 2
"""From so many results that lack a value for the same reason, they share a line."""
ROWS_SHOWN: Final = 8
"""Rows of a table in the terminal; JSON and the report have them all."""


def print_results(analysis: Analysis, console: Console) -> None:
    """Print one line per result under the headings, the tables, and the warnings."""
    from rich.text import Text  # noqa: PLC0415 - rich is slow to load

    for heading, results, tables in sections(analysis):
        if heading:
            console.print(Text(f"\n{heading}", style="bold"))
        missing = Counter(state(result) for result in results if result.value is None)
        shown = [r for r in results if r.value is not None or missing[state(r)] < MANY]
        if shown:
            table = _table("Quantity", "Value", "Remark")
            for result in shown:
                style = "" if result.valid else "yellow"
                table.add_row(Text(result.title), Text(measured(result)), Text(state(result), style=style))
            console.print(table)
        for reason in (reason for reason, count in missing.items() if count >= MANY):
            names = [r.title for r in results if r.value is None and state(r) == reason]
            console.print(Text(f" {reason}: {', '.join(names)}", style="dim"))
        for of in tables:
            if not of.detail:
                _print_table(of, console)
    for warning in analysis.warnings:
        console.print(Text(f"Warning: {warning}", style="yellow"))


def print_summary(found: Sequence[tuple[str, Sequence[Cell]]], console: Console) -> None:
    """Print one line per capture of a folder: its name, and the values of `SUMMARY`."""
    from rich.text import Text  # noqa: PLC0415 - rich is slow to load

    table = _table("Capture", *(title for title, _ in SUMMARY.values()))
    for name, values in found:
        cells = [cell(value, unit) for value, (_, unit) in zip(values, SUMMARY.values(), strict=True)]
        table.add_row(Text(name), *map(Text, cells))
    console.print(table)


def _print_table(of: ResultTable, console: Console) -> None:
    from rich.text import Text  # noqa: PLC0415 - rich is slow to load

    table = _table(*of.columns)
    for row in of.rows[:ROWS_SHOWN]:
        table.add_row(*(Text(cell(value, unit)) for value, unit in zip(row, of.units, strict=True)))
    console.print(Text(f" {of.title}", style="italic"))
    console.print(table)
    notes = [of.note] if of.note else []
    if len(of.rows) > ROWS_SHOWN:
        notes.append(f"{len(of.rows) - ROWS_SHOWN} more rows: --json and --report have them")
    if notes:
        console.print(Text(f" {'; '.join(notes)}", style="dim"))


def _table(*columns: str) -> Table:
    from rich import box  # noqa: PLC0415 - rich is slow to load
    from rich.table import Table  # noqa: PLC0415 - rich is slow to load

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        whole = column in {"", "Measured", "Value", "Margin"}  # a number keeps its unit beside it
        table.add_column(column, overflow="ellipsis" if whole else "fold", no_wrap=whole)
    return table
