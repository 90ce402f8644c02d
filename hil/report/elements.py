"""Pieces of HTML that every part of the report is made of."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from hil.units import show

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from hil.compliance.verdict import Outcome


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], kind: str = "") -> str:
    """Return a table of rows of cells, each as `td` makes it."""
    head = "".join(f"<th>{escape(name)}</th>" for name in heads)
    body = "\n".join(f"<tr>{''.join(cells)}</tr>" for cells in rows)
    style = f' class="{kind}"' if kind else ""
    rows_of = f"<thead><tr>{head}</tr></thead><tbody>\n{body}\n</tbody>"
    return f'<div class="wide"><table{style}>{rows_of}</table></div>'


def td(text: str, label: str = "", more: str = "", kind: str = "") -> str:
    """Return one cell; `label` names the column where a phone shows rows as cards, `more` is HTML."""
    if not text and not more:
        return "<td></td>"
    shown = f' data-label="{label}"' if label else ""
    style = f' class="{kind}"' if kind else ""
    return f"<td{shown}><span{style}>{escape(text)}</span>{more}</td>"


def mark(outcome: Outcome) -> str:
    """Return an outcome on its colour."""
    return f'<span class="mark {css(outcome)}">{outcome}</span>'


def css(outcome: Outcome) -> str:
    """Return the class of an outcome in the style sheet."""
    return outcome.replace(" ", "")


def told(value: Any, between: str = ", ") -> str:
    """Return anything that JSON can hold as text for a person."""
    match value:
        case bool():
            return "yes" if value else "no"
        case float():
            return show(value, "")
        case dict():
            return between.join(f"{key}: {told(entry)}" for key, entry in value.items())
        case list() | tuple():
            return between.join(told(entry) for entry in value)
        case None:
            return "–"
        case _:
            return str(value)


def commanded(values: Mapping[str, Any], units: Mapping[str, str]) -> str:
    """Return parameters with their units, in one line."""
    shown = [
        f"{name.replace('_', ' ')} {show(value, units.get(name, '')) if isinstance(value, float) else value}"
        for name, value in values.items()
        if value != ""
    ]
    return ", ".join(shown)
