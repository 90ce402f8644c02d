"""A capture's voltage beside ride-through envelopes: margins, consecutive events, what else is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isfinite
from typing import TYPE_CHECKING

import numpy as np

from hil.analysis.result import Findings, Table
from hil.compliance.margins import cumulative_margin, envelope_margin
from hil.compliance.sides import excursions

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from hil.analysis.result import Cell
    from hil.compliance.envelope import Envelope
    from hil.compliance.margins import Margin
    from hil.compliance.requirements import Repetition

_RANK = ("outside", "not determinable", "undecided", "not specified", "unfinished", "inside", "continuous")
"""States of a margin, that which says most against riding through first."""
_UNSURE = ("low", "second-hand", "engineering default")
"""Confidence that stands beside the word, so that nobody reads the word alone."""


@dataclass(frozen=True, slots=True)
class Count:
    """How often events came, against a rule."""

    rule: Repetition
    most: int
    """Largest number of events (or sets of them) within the rule's window."""
    beyond: float | None
    """Begin of the first event that need not be ridden through, None where all must be [s]."""


def count_events(rule: Repetition, events: Sequence[tuple[float, float | None]]) -> Count:
    """Return how many events (begin, end) [s], in order of time, fall into the window of a rule."""
    sets: list[float] = []
    quiet = -inf
    for begin, end in events:
        if begin - quiet >= rule.spacing:
            sets.append(begin)
        quiet = max(quiet, inf if end is None else end)
    starts = np.array(sets)
    numbers = np.arange(starts.size) - np.searchsorted(starts, starts - rule.window) + 1
    over = np.flatnonzero(numbers > rule.count)
    return Count(rule, int(numbers.max(initial=0)), float(starts[over[0]]) if over.size else None)


def envelope_findings(
    envelopes: Sequence[Envelope],
    time: NDArray[np.float64],
    voltage: NDArray[np.float64],
    reference: float,
    *,
    cycle: float,
    accuracy: float = 0.0,
) -> Findings:
    """Return a table of margins, one row per envelope, and one of what else the envelopes ask for.

    time: instants [s]; voltage: Urms(1/2) of all channels then (as `hil.analysis.event.dips.merge`
    gives them), or the lowest and the highest, shape (channels, n) [V]; reference: nominal
    voltage [V]; cycle: length of one, the resolution of Urms(1/2) [s]; accuracy: of the
    voltage [pu]. Of several events the row shows the one with the least margin; events that
    an envelope counts as one set add up. Times that add up in a window have a row of their own.
    """
    rows: list[tuple[Cell, ...]] = []
    if not (time.size and isfinite(reference) and reference > 0):
        return Findings(warnings=("envelopes: there is no reference voltage to compare with",))
    relative = voltage / reference
    for envelope in envelopes:
        spans = excursions(envelope, time, relative)
        margin, begin = _worst(envelope, spans, time, relative, cycle, accuracy)
        events = [(float(time[b]), None if e is None else float(time[e])) for b, e in spans]
        rows.append(_row(envelope.name, margin, begin, _counted(envelope.repetition, events)))
        if envelope.window is not None and spans:
            # The window looks at the events only: the rest of an hour adds nothing to it.
            inside = np.concatenate(
                [np.arange(max(b - 1, 0), time.size if e is None else e + 1) for b, e in spans]
            )
            margin = cumulative_margin(envelope, time[inside], relative[:, inside], resolution=cycle)
            title = f"{envelope.name}, summed within {envelope.window.time:g} s"
            rows.append(_row(title, margin, None, None))
    margins = Table(
        "envelopes",
        "Envelopes",
        (
            "Envelope",
            "Event begins",
            "Event lies",
            "Time margin",
            "Voltage margin",
            "At",
            "May trip from",
            "Operation",
            "Consecutive events",
            "Confidence",
        ),
        ("", "s", "", "s", "pu", "s", "s", "", "", ""),
        tuple(rows),
        section="Ride-through",
        method="required time less time spent at each voltage, of Urms(1/2)",
        note="inside: the unit must ride through; outside: from the instant shown on it may trip",
    )
    asked = tuple(row for envelope in envelopes for row in _asked(envelope))
    also = Table(
        "envelope_requirements",
        "Beside the envelopes",
        ("Envelope", "Asks for", "Value", "Clause", "Confidence"),
        ("",) * 5,
        asked,
        section="Ride-through",
        detail=True,
    )
    return Findings(tables=(margins, also) if asked else (margins,))


def _worst(
    envelope: Envelope,
    spans: list[tuple[int, int | None]],
    time: NDArray[np.float64],
    relative: NDArray[np.float64],
    cycle: float,
    accuracy: float,
) -> tuple[Margin, float | None]:
    """Return the margin of the worst event, or set of events, and its begin [s]."""
    apart = max((rule.spacing for rule in envelope.repetition), default=0.0)
    sets: list[tuple[int, int | None]] = []
    for begin, end in spans:
        last = sets[-1][1] if sets else None
        if last is not None and time[begin] - time[last] < apart:
            sets[-1] = sets[-1][0], end
        else:
            sets.append((begin, end))
    if not sets:
        return envelope_margin(envelope, time, relative, resolution=cycle, accuracy=accuracy), None

    def place(found: tuple[Margin, float | None]) -> tuple[int, float]:
        return _RANK.index(found[0].state), inf if found[0].time is None else found[0].time

    return min(
        (
            (
                envelope_margin(envelope, time[part], relative[:, part], resolution=cycle, accuracy=accuracy),
                float(time[begin]),
            )
            # With the value before it, which tells that the record did not begin in the event.
            for begin, part in ((b, slice(max(b - 1, 0), None if e is None else e + 1)) for b, e in sets)
        ),
        key=place,
    )


def _row(title: str, margin: Margin, begin: float | None, counted: str | None) -> tuple[Cell, ...]:
    """Return a row of the table."""
    lies = margin.state if margin.valid else f"{margin.state} (samples missing)"
    if margin.confidence in _UNSURE:
        lies += f" (confidence: {margin.confidence})"
    return (
        title,
        begin,
        lies,
        margin.time,
        margin.voltage,
        margin.at,
        margin.may_trip_from,
        margin.mode,
        counted,
        margin.confidence,
    )


def _counted(rules: Sequence[Repetition], events: Sequence[tuple[float, float | None]]) -> str | None:
    """Return in words how the events compare with the rules; None where there is no rule."""
    words = []
    for count in (count_events(rule, events) for rule in rules):
        rule = count.rule
        words.append(
            f"{count.most} of {rule.count} in {rule.window:g} s"
            + ("" if count.beyond is None else f", may trip from the one at {count.beyond:.4g} s")
        )
    return "; ".join(words) or None


def _asked(envelope: Envelope) -> Iterator[tuple[Cell, ...]]:
    """Yield what an envelope asks for beside its voltages."""

    def row(asks: str, value: str, part: object) -> tuple[Cell, ...]:
        return envelope.title, asks, value, part.clause, part.confidence  # type: ignore[attr-defined]  # all have

    for band in envelope.frequency:
        lasting = "continuous" if band.time == inf else f"{band.time:g} s"
        within = "" if band.window is None else f" in {band.window:g} s"
        yield row("frequency", f"{band.low:g} to {band.high:g} Hz, {lasting}{within}", band)
    for rocof in envelope.rocof:
        yield row("ROCOF", f"{rocof.rate:g} Hz/s over {rocof.window:g} s", rocof)
    for jump in envelope.phase_jump:
        yield row("phase jump", f"{jump.angle:g}° of the {jump.of}", jump)
    for rule in envelope.repetition:
        apart = f", {rule.spacing:g} s apart" if rule.spacing else ""
        yield row("consecutive events", f"{rule.count} in {rule.window:g} s{apart}", rule)
    for back in envelope.recovery:
        yield row("recovery", f"{back.quantity} to {back.share:.0%} within {back.time:g} s", back)
    for trip in envelope.trip:
        level = f"{trip.voltage:g} pu" if trip.voltage is not None else f"{trip.frequency:g} Hz"
        yield row(f"trip {trip.name}, default", f"{level}, {trip.time:g} s", trip)
