"""Limits of distortion, as data: orders, classes of voltage and short-circuit ratio, and statistics."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any, Final

import numpy as np

from hil.compliance.envelope import confidence_in, only_keys, read_data, rows_in
from hil.errors import ConfigError
from hil.units import parse, show

AGGREGATES: Final = ("3 s", "10 min")


@dataclass(frozen=True, slots=True)
class Statistic:
    """A level that a standard takes from many aggregates, and what share of the limit it may reach."""

    title: str
    aggregate: str
    """"3 s" or "10 min"."""
    period: float
    """[s]"""
    percent: float
    times: float


@dataclass(frozen=True, slots=True)
class LimitRow:
    """Limits of one class of voltage and short-circuit ratio."""

    above: float
    """Nominal voltage line to line, exclusive [V]."""
    upto: float
    """Inclusive [V]."""
    ratio: tuple[float, float] | None
    """Isc / I_L, from (inclusive) and below; None where it does not matter."""
    individual: dict[int, float]
    """By order; an order that is absent has no limit [%]."""
    total: float
    """[%]"""
    dc: float | None
    """[%]"""
    confidence: str


@dataclass(frozen=True, slots=True)
class DistortionLimits:
    """The limits of one standard."""

    name: str
    title: str
    clause: str
    edition: str
    source: str
    quantity: str
    """"voltage" or "current"."""
    total: str
    """"THD", "TDD" or "TRD"."""
    statistics: tuple[Statistic, ...]
    rows: tuple[LimitRow, ...]

    def row(self, voltage: float, ratio: float | None = None) -> LimitRow:
        """Return the limits for a nominal voltage, line to line [V], and an Isc / I_L."""
        fitting = [row for row in self.rows if row.above < voltage <= row.upto]
        if ratio is None and any(row.ratio for row in fitting):
            raise ConfigError(f"{self.name}: the limits depend on Isc / I_L at the PCC; state it")
        for row in fitting:
            if row.ratio is None or (ratio is not None and row.ratio[0] <= ratio < row.ratio[1]):
                return row
        at = f"{show(voltage, 'V')}" + ("" if ratio is None else f" and Isc / I_L of {ratio:g}")
        raise ConfigError(f"{self.name}: there is no limit for {at}; give the nominal voltage, line to line")


def load_distortion_limits(name: str | Path) -> DistortionLimits:
    """Return shipped limits by name, such as "ieee1547_2018", or those of a file."""
    where, table = read_data("distortion", name)
    needed = {"title", "clause", "edition", "source", "quantity", "total", "orders", "row"}
    only_keys(table, needed, {"even", "statistic"}, where)
    quantity, total, edges = table["quantity"], table["total"], table["orders"]
    if (quantity, total) not in {("voltage", "THD"), ("current", "TDD"), ("current", "TRD")}:
        raise ConfigError(
            f"{where}: {total!r} of {quantity!r}; there is THD of voltage, TDD or TRD of current"
        )
    if not (isinstance(edges, list) and len(edges) > 1 and all(type(e) is int for e in edges)) or (
        edges[0] < 2 or edges != sorted(set(edges))
    ):
        raise ConfigError(f"{where}: orders = {edges!r} is not a list of orders that ascend from 2 or more")
    shares = []
    for row in rows_in(table, "even", where) if "even" in table else ():
        only_keys(row, {"upto", "share"}, set(), f"{where}: even")
        if type(row["upto"]) is not int:
            raise ConfigError(f"{where}: even: upto = {row['upto']!r} is not an order")
        shares.append((row["upto"], parse(row["share"], "%", f"{where}: even") / 100))
    statistics = tuple(
        _statistic(row, where) for row in (rows_in(table, "statistic", where) if "statistic" in table else ())
    )
    rows = tuple(_row(row, edges, sorted(shares), f"{where}: row") for row in rows_in(table, "row", where))
    if statistics and any(row.dc is not None for row in rows):
        raise ConfigError(f"{where}: a limit of DC goes with no statistic")
    return DistortionLimits(
        name=Path(where).stem,
        title=table["title"],
        clause=table["clause"],
        edition=table["edition"],
        source=table["source"],
        quantity=quantity,
        total=total,
        statistics=statistics,
        rows=rows,
    )


def _statistic(row: Any, where: str) -> Statistic:
    only_keys(row, {"title", "aggregate", "period", "percentile", "times"}, set(), f"{where}: statistic")
    if row["aggregate"] not in AGGREGATES:
        raise ConfigError(f"{where}: aggregate {row['aggregate']!r} is not one of {', '.join(AGGREGATES)}")
    period, percent = parse(row["period"], "s", where), parse(row["percentile"], "%", where)
    return Statistic(row["title"], row["aggregate"], period, percent, parse(row["times"], "%", where) / 100)


def _row(row: Any, edges: list[int], shares: list[tuple[int, float]], where: str) -> LimitRow:
    only_keys(row, {"individual", "total", "confidence"}, {"voltage", "ratio", "dc", "odd_only"}, where)
    given = [parse(text, "%", f"{where}: individual") for text in rows_in(row, "individual", where)]
    if len(given) != len(edges) - 1:
        raise ConfigError(f"{where}: {len(given)} individual limits for {len(edges) - 1} ranges of orders")
    individual = {}
    for order in range(edges[0], edges[-1] + 1):
        limit = given[min(int(np.searchsorted(edges, order, side="right")), len(given)) - 1]
        if order % 2 == 0:
            limit *= next((share for upto, share in shares if order <= upto), 1.0)
        if order % 2 or not row.get("odd_only", False):
            individual[order] = limit
    if not isinstance(row.get("odd_only", False), bool):
        raise ConfigError(f"{where}: odd_only = {row['odd_only']!r} is neither true nor false")
    voltage, ratio = row.get("voltage", {}), row.get("ratio")
    only_keys(voltage, set(), {"above", "upto"}, f"{where}: voltage")
    above, upto = (
        parse(voltage[key], "V", f"{where}: voltage") if key in voltage else default
        for key, default in (("above", 0.0), ("upto", inf))
    )
    if ratio is not None:
        only_keys(ratio, set(), {"from", "below"}, f"{where}: ratio")
        low = parse(ratio["from"], "pu", f"{where}: ratio") if "from" in ratio else 0.0
        ratio = (low, parse(ratio["below"], "pu", f"{where}: ratio") if "below" in ratio else inf)
    dc = parse(row["dc"], "%", f"{where}: dc") if "dc" in row else None
    total, confidence = parse(row["total"], "%", f"{where}: total"), confidence_in(row, where)
    return LimitRow(above, upto, ratio, individual, total, dc, confidence)
