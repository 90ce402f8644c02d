"""Tables for the terminal; plain text where it is not one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hil.report.wording import margin, measured, state
from hil.verdict import Outcome, overall

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console
    from rich.table import Table

    from hil.analysis.result import Analysis
    from hil.verdict import Verdict

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


def print_results(analysis: Analysis, console: Console) -> None:
    """Print one line per result, and the warnings."""
    from rich.text import Text  # noqa: PLC0415 - rich is slow to load

    table = _table("Quantity", "Value", "Remark")
    for result in analysis.results:
        style = "" if result.valid else "yellow"
        table.add_row(Text(result.title), Text(measured(result)), Text(state(result), style=style))
    console.print(table)
    for warning in analysis.warnings:
        console.print(Text(f"Warning: {warning}", style="yellow"))


def _table(*columns: str) -> Table:
    from rich import box  # noqa: PLC0415 - rich is slow to load
    from rich.table import Table  # noqa: PLC0415 - rich is slow to load

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        whole = column in {"", "Measured", "Value", "Margin"}  # a number keeps its unit beside it
        table.add_column(column, overflow="ellipsis" if whole else "fold", no_wrap=whole)
    return table
