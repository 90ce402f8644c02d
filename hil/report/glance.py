"""What a reader wants to know of a capture first, in a few lines."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Final

from hil.compliance.criteria import Outcome
from hil.report.wording import SPOILT, measured, number
from hil.waveform import PHASES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hil.analysis.result import Analysis, Cell, Result, Table

WORST_FIRST: Final = (Outcome.FAIL, Outcome.INVALID, Outcome.INCONCLUSIVE, Outcome.NOT_RUN, Outcome.PASS)
PLAIN: Final = {
    "trip": "Trip",
    "recovery_time": "Recovery",
    "thd_voltage": "THD of the voltage",
    "thd_current": "THD of the current",
    "trd": "TRD",
    "tdd": "TDD",
    "band_energy_ratio": "Alternating energy, grid over load",
}
"""Results that are shown as they are, with a name short enough for a summary."""
UNFINISHED: Final = "unfinished"
ENDS_INSIDE: Final = "the record ends inside the event"
UNTOLD: Final = ("no event", "not determinable", UNFINISHED)
"""States that say nothing which the lines above have not said."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the summary."""

    title: str
    text: str
    outcome: Outcome | None = None
    """Of what it was held against; None where it is only measured."""


def glance(analysis: Analysis) -> tuple[Line, ...]:
    """Return the event, the headline figures, and how the capture stands against each limit."""
    return (*_event(analysis), *_figures(analysis), *_margins(analysis), *_judged(analysis))


def worst(tables: tuple[Table, ...]) -> Outcome | None:
    """Return the worst outcome in tables of verdicts, None where there is none."""
    found = {
        _text(row, table, "Outcome") for table in tables if "Outcome" in table.columns for row in table.rows
    }
    return next((outcome for outcome in WORST_FIRST if outcome in found), None)


def _event(analysis: Analysis) -> Iterator[Line]:
    if "event_kind" not in analysis:
        return
    kind = analysis["event_kind"]
    if kind.value is None:
        yield Line("Event", kind.state)
        return
    parts, behind = [str(kind.value)], [kind]
    for key, before in (
        ("faulted_phases", "phases "),
        ("residual_voltage_pu", "to "),
        ("event_duration", "for "),
    ):
        if key in analysis:
            told = analysis[key]
            behind.append(told)
            lead = "phase " if told.value in PHASES else before
            parts.append(_ended(told.state) if told.value is None else lead + measured(told))
    yield Line("Event", _doubted(", ".join(parts), *behind))


def _figures(analysis: Analysis) -> Iterator[Line]:
    for key, title in PLAIN.items():
        if key not in analysis:
            continue
        result = analysis[key]
        if result.value is not None:
            yield Line(title, _doubted(measured(result), result))
        elif result.state not in UNTOLD:
            yield Line(title, result.state)


def _ended(state: str) -> str:
    """Return a state in words that stand without the rest of the report."""
    return state.replace(UNFINISHED, ENDS_INSIDE)


def _doubted(text: str, *behind: Result) -> str:
    return text if all(result.valid for result in behind) else f"{text} ({SPOILT})"


def _margins(analysis: Analysis) -> Iterator[Line]:
    """Yield where the event lies in each envelope, which is no verdict: nobody says whether it tripped."""
    for table in analysis.tables:
        if table.key != "envelopes":
            continue
        for row in table.rows:
            cells = dict(zip(table.columns, row, strict=True))
            parts = [_ended(str(cells["Event lies"]))]
            for name, unit in (("Time margin", "s"), ("Voltage margin", "pu"), ("May trip from", "s")):
                if isinstance(value := cells[name], float):
                    parts.append(f"{name.lower()} {number(value, unit)}")
            yield Line(f"Envelope {cells['Envelope']}", ", ".join(parts))


def _judged(analysis: Analysis) -> Iterator[Line]:
    """Yield the outcome of each table of limits, with the row that decides it."""
    for table in analysis.tables:
        outcome = worst((table,))
        if outcome is None:
            continue
        rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
        unit = table.units[table.columns.index("Measured")]
        row = min((row for row in rows if row["Outcome"] == outcome), key=_nearness)
        if "Order" in row:
            order = str(row["Order"])
            name = f"order {order}" if order.isdigit() else order
        else:
            name = str(row["Limit"])
        value, limit = row["Measured"], _limit(row)
        if isinstance(value, float) and isinstance(limit, float):
            told = [f"{name}: {number(value, unit)}, limit {number(limit, unit)}"]
        else:
            told = [f"{name}: {row['Reason']}"]
        open_ = sum(row["Outcome"] != Outcome.PASS for row in rows)
        told += [f"{open_} of {len(rows)} not passed"] if open_ > 1 else []
        told += ["indicative"] if "indicative" in str(row.get("Statistic")) else []
        confidence = row["Confidence"]
        told += [] if confidence in {"high", "verified"} else [f"confidence: {confidence}"]
        yield Line(table.title.removesuffix(f": {outcome}"), "; ".join(told), outcome)


def _limit(row: dict[str, Cell]) -> Cell:
    """Return the number that a row is held against: limits of variation stand under "At most"."""
    return row.get("At most", row["Limit"])


def _nearness(row: dict[str, Cell]) -> float:
    """Return the margin as a share of the limit, least where it decides; unknown first."""
    margin, limit = row["Margin"], _limit(row)
    return margin / limit if isinstance(margin, float) and isinstance(limit, float) else -inf


def _text(row: tuple[Cell, ...], table: Table, column: str) -> Cell:
    return row[table.columns.index(column)]
