"""What an analysis returns: values that say how far they can be trusted."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    from numpy.typing import NDArray


SECTIONS = (
    "Capture",
    "Voltage and current",
    "Power",
    "Power quality",
    "Voltage event",
    "Ride-through",
    "Step response",
    "Load buffering",
    "Energy management",
    "Telemetry",
    "Stability",
    "Transition",
    "Generator following",
)
"""Headings of results and tables, in the order that people read them."""


@dataclass(frozen=True, slots=True)
class Result:
    """One quantity. A value that could not be determined is None, never 0, and `state` says why."""

    key: str
    """Stable name for criteria and JSON, such as "recovery_time"."""
    title: str
    """What a person reads, such as "Recovery time to 90 %"."""
    value: float | str | None
    unit: str = ""
    uncertainty: float | None = None
    """Expanded (k = 2), in the unit of the value; None where it is not known."""
    state: str = "ok"
    """"ok", or what happened instead: "no event", "no trip", "no trigger", "not determinable" ..."""
    valid: bool = True
    """False where samples behind it are missing or clipped."""
    window: tuple[float, float] | None = None
    """Span of time that it was computed from [s]."""
    method: str = ""
    """Clause or formula, such as "IEC 61000-4-30, 5.4.1"."""
    note: str = ""
    section: str = ""
    """Heading that it stands under: one of `SECTIONS`."""


@dataclass(frozen=True, eq=False)
class Series:
    """A quantity over time, for plots and for the envelope."""

    key: str
    title: str
    unit: str
    time: NDArray[np.float64]
    """Instants [s], shape (n,): the end of the window that each value was computed from."""
    values: NDArray[np.float64]
    """Shape (n,)."""
    phase: str = ""
    group: str = ""
    """Series of one group share a plot, such as "urms"."""


Cell = float | str | None
"""What a cell of a table holds; None shows as a dash."""


@dataclass(frozen=True, slots=True)
class Table:
    """Results that belong in rows: events, bands, modes, aggregated intervals."""

    key: str
    """Stable name for JSON, such as "voltage_events"."""
    title: str
    columns: tuple[str, ...]
    units: tuple[str, ...]
    """SI unit of each column, "" for text or numbers without one."""
    rows: tuple[tuple[Cell, ...], ...]
    section: str = ""
    """Heading that it stands under: one of `SECTIONS`."""
    method: str = ""
    """Clause or formula."""
    note: str = ""
    detail: bool = False
    """True for what the terminal leaves to the report and JSON."""


@dataclass(frozen=True, eq=False)
class Findings:
    """What one family of quantities contributes to an analysis."""

    results: tuple[Result, ...] = ()
    series: tuple[Series, ...] = ()
    spectra: tuple[Series, ...] = ()
    tables: tuple[Table, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Analysis:
    """Everything found in one waveform."""

    results: tuple[Result, ...]
    series: tuple[Series, ...] = ()
    spectra: tuple[Series, ...] = ()
    """Quantities over frequency: `time` holds the frequencies [Hz]."""
    tables: tuple[Table, ...] = ()
    history: tuple[str, ...] = ()
    warnings: tuple[str, ...] = field(default=())

    def __getitem__(self, key: str) -> Result:
        """Return the result of this key."""
        for result in self.results:
            if result.key == key:
                return result
        raise KeyError(key)

    def __contains__(self, key: str) -> bool:
        """Say whether there is a result of this key."""
        return any(result.key == key for result in self.results)


def under(section: str, results: Iterable[Result]) -> tuple[Result, ...]:
    """Return results under a heading."""
    return tuple(replace(result, section=section) for result in results)
