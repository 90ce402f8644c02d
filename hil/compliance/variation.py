"""Limits of utilities on the power variation of large loads, and judging a power against them.

The limits are in watts for a whole site. A bench stands for a site only by a factor that
somebody states, site rating over bench rating; without it nothing is judged.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from hil.analysis.buffering.metrics import band_pass, ramps, ranges
from hil.compliance.criteria import Outcome
from hil.compliance.envelope import confidence_in, only_keys, read_data, rows_in
from hil.errors import ConfigError
from hil.units import parse, show

if TYPE_CHECKING:
    from numpy.typing import NDArray

KINDS: Final = ("ramp", "swing", "amplitude")
"""Mean slope over a window [W/s]; highest less lowest power in a window [W]; largest deviation [W]."""


@dataclass(frozen=True, slots=True)
class VariationLimit:
    """One limit, for the whole site."""

    key: str
    title: str
    kind: str
    """One of `KINDS`."""
    limit: float
    """[W], or [W/s] for a ramp."""
    window: float | None
    """Rolling; None: the whole record [s]."""
    band: tuple[float, float] | None
    """Frequencies that are looked at; None: all [Hz]."""
    or_share: float | None
    """Another limit, per unit of the site's rating, where the source does not say which binds."""
    clause: str
    note: str

    @property
    def unit(self) -> str:
        """Return the unit of the limit and of what it is compared with."""
        return "W/s" if self.kind == "ramp" else "W"


@dataclass(frozen=True, slots=True)
class Variation:
    """What one utility asks for."""

    name: str
    title: str
    source: str
    date: str
    """Of the source, ISO 8601."""
    confidence: str
    limits: tuple[VariationLimit, ...]


@dataclass(frozen=True, slots=True)
class VariationVerdict:
    """How one limit came out, in watts of the site."""

    key: str
    title: str
    value: float | None
    limit: float
    unit: str
    margin: float | None
    """Limit less value, negative where it is exceeded."""
    outcome: Outcome
    reason: str
    clause: str
    source: str
    confidence: str
    note: str


def load_variation(name: str | Path) -> Variation:
    """Return shipped limits by name, such as "ercot", or those of a file."""
    where, table = read_data("variation", name)
    only_keys(table, {"title", "source", "date", "confidence", "limit"}, set(), where)
    if type(table["date"]) is not date:
        raise ConfigError(f"{where}: date = {table['date']!r} is not a date, such as 2026-10-07")
    limits = tuple(_limit(row, where) for row in rows_in(table, "limit", where))
    if len({limit.key for limit in limits}) != len(limits):
        raise ConfigError(f"{where}: two limits share a key; there is {', '.join(x.key for x in limits)}")
    dated, confidence = table["date"].isoformat(), confidence_in(table, where)
    return Variation(Path(where).stem, table["title"], table["source"], dated, confidence, limits)


def _limit(row: Any, where: str) -> VariationLimit:
    needed = {"key", "title", "kind", "limit", "clause", "note"}
    only_keys(row, needed, {"per", "window", "band", "or_share"}, where)
    where, kind = f"{where}: {row['key']}", row["kind"]
    if kind not in KINDS:
        raise ConfigError(f"{where}: kind {kind!r} is not one of {', '.join(KINDS)}")
    forms = {"ramp": {"per", "window"}, "swing": {"window"}, "amplitude": {"band"}}
    only_keys(
        {key: row[key] for key in ("per", "window", "band") if key in row}, forms[kind], {"band"}, where
    )
    band = None
    if "band" in row:
        only_keys(row["band"], {"low", "high"}, set(), f"{where}: band")
        low, high = (parse(row["band"][side], "Hz", f"{where}: {side}") for side in ("low", "high"))
        band = (low, high)
    numbers = {key: parse(row[key], "s", f"{where}: {key}") for key in ("per", "window") if key in row}
    share = parse(row["or_share"], "%", f"{where}: or_share") / 100 if "or_share" in row else None
    limit = parse(row["limit"], "W", f"{where}: limit")
    if not all(number > 0 for number in (limit, *numbers.values(), share or 1.0)) or (
        band is not None and not 0 < band[0] < band[1]
    ):
        raise ConfigError(f"{where}: limits, windows and bands must be positive, and a band must ascend")
    return VariationLimit(
        key=row["key"],
        title=row["title"],
        kind=kind,
        limit=limit / numbers.get("per", 1.0),
        window=numbers.get("window"),
        band=band,
        or_share=share,
        clause=row["clause"],
        note=row["note"],
    )


def judge_variation(
    limits: Variation,
    power: NDArray[np.float64],
    rate: float,
    scale: float | None,
    *,
    rating: float | None = None,
    source_resolution: float = 0.0,
) -> tuple[VariationVerdict, ...]:
    """Return how a power at the bench [W], sampled at `rate` [Hz], stands against each limit.

    scale: site rating over bench rating, stated by somebody; None: nothing is judged. rating: of
    the bench, for limits that are a share of it [W]. source_resolution: window that each power
    is a mean over [s]. Simple acceptance: the uncertainty of the power is not counted.
    """
    for name, number in (("scale", scale), ("rating", rating)):
        if number is not None and not (number > 0 and np.isfinite(number)):
            raise ConfigError(f"{limits.name}: {name} = {number:g} is not a positive number")
    resolution = max(source_resolution, 1 / rate)
    return tuple(_judge(one, limits, power, rate, scale, rating, resolution) for one in limits.limits)


def _judge(
    one: VariationLimit,
    whole: Variation,
    power: NDArray[np.float64],
    rate: float,
    scale: float | None,
    rating: float | None,
    resolution: float,
) -> VariationVerdict:
    verdict = VariationVerdict(
        key=one.key,
        title=one.title,
        value=None,
        limit=one.limit,
        unit=one.unit,
        margin=None,
        outcome=Outcome.NOT_RUN,
        reason="",
        clause=one.clause,
        source=f"{whole.source}, {whole.date}",
        confidence=whole.confidence,
        note=one.note,
    )
    if scale is None:
        return replace(verdict, reason="limits are for a whole site; state site rating over bench rating")
    if not np.isfinite(power).all():
        return replace(verdict, outcome=Outcome.INVALID, reason="samples are missing or clipped")
    lost = _unseen(one, power.size / rate, resolution)
    if lost:
        return replace(verdict, outcome=Outcome.INCONCLUSIVE, reason=f"not determinable: {lost}")
    value = scale * _value(one, power, rate)
    bounds = [one.limit]
    if one.or_share is not None:
        if rating is None:
            reason = f"the limit may be {100 * one.or_share:g} % of the rating, which is not stated"
            return replace(verdict, value=value, outcome=Outcome.INCONCLUSIVE, reason=reason)
        bounds.append(one.or_share * rating * scale)
    strict, loose = min(bounds), max(bounds)
    if value <= strict:
        return replace(verdict, value=value, limit=strict, margin=strict - value, outcome=Outcome.PASS)
    if value <= loose:
        reason = (
            f"between {show(strict, 'W')} and {show(loose, 'W')}, and the source does not say which binds"
        )
        return replace(verdict, value=value, limit=strict, outcome=Outcome.INCONCLUSIVE, reason=reason)
    reason = f"{show(value - loose, one.unit)} above the limit"
    return replace(
        verdict, value=value, limit=loose, margin=loose - value, outcome=Outcome.FAIL, reason=reason
    )


def _unseen(one: VariationLimit, length: float, resolution: float) -> str:
    """Say why a record of this length [s] and resolution [s] cannot show a limit; empty where it can."""
    if one.band is not None and one.band[1] > 0.4 / resolution:  # the filter's reach
        return f"powers of {resolution:g} s do not show {one.band[1]:g} Hz"
    if one.window is not None and one.window < resolution:
        return f"powers of {resolution:g} s do not show {one.window:g} s"
    needed = (one.window or 0.0) + (0.0 if one.band is None else 2 / one.band[0])
    if one.window is None and one.band is not None:
        needed += 1 / one.band[0]
    if length <= needed:
        return f"the record has {length:g} s, and more than {needed:g} s are needed"
    return ""


def _value(one: VariationLimit, power: NDArray[np.float64], rate: float) -> float:
    """Return the largest that the limit speaks of [W] or [W/s]."""
    if one.band is not None:
        rest = round(rate / one.band[0])  # the filter settles
        power = band_pass(power, rate, *one.band)[rest:-rest]
    if one.window is None:
        return float(np.abs(power).max())
    samples = round(one.window * rate)
    if one.kind == "swing":
        return float(ranges(power, samples).max())
    return max(0.0, *(abs(slope) for slope in ramps(power, rate, samples)))
