"""Holding the power quality of a capture against limits of distortion.

A standard judges by statistics of a day or a week; a capture too short for them is
compared by its mean, and its verdict says that this is indicative. Decision rule as in
`hil.compliance.verdict`: PASS inside the limit by the uncertainty, FAIL outside by more,
INCONCLUSIVE between. A limit of low confidence decides nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from hil.analysis.quality import groups
from hil.analysis.quality.aggregation import LACKING, aggregate, long_spans, percentile, short_spans, touches
from hil.analysis.quality.view import SECTION, View, view_of
from hil.analysis.result import Table
from hil.compliance.criteria import Outcome
from hil.compliance.distortion_limits import DistortionLimits, LimitRow, Statistic, load_distortion_limits
from hil.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from hil.analysis.quality.values import Quality

__all__ = ["DistortionLimits", "DistortionVerdict", "Judgement", "judge_distortion", "load_distortion_limits"]

BASES: Final = {"THD": "nominal voltage", "TDD": "demand current", "TRD": "rated current"}
"""What the limits are percent of, by the kind of total."""


@dataclass(frozen=True, slots=True)
class DistortionVerdict:
    """How one order, or the total, came out on the worst channel."""

    statistic: str
    order: str
    """"5", "DC", "THD", "TDD" or "TRD"."""
    channel: str
    value: float | None
    """[%]"""
    limit: float
    """[%]"""
    margin: float | None
    """Limit less value, negative where it is exceeded [%]."""
    uncertainty: float | None
    """Expanded (k = 2) [%]."""
    outcome: Outcome
    reason: str
    confidence: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """How a capture stands against the limits of one standard."""

    limits: DistortionLimits
    verdicts: tuple[DistortionVerdict, ...]
    indicative: bool
    """True where the capture is too short for the statistics of the standard."""
    note: str

    @property
    def overall(self) -> Outcome:
        """Return the worst of the outcomes."""
        found = {v.outcome for v in self.verdicts}
        order = (Outcome.FAIL, Outcome.INVALID, Outcome.INCONCLUSIVE)
        return next((outcome for outcome in order if outcome in found), Outcome.PASS)

    @property
    def table(self) -> Table:
        """Return the verdicts in rows, that nearest to its limit first."""
        names = ("Statistic", "Order", "Channel", "Measured", "Limit", "Margin", "Uncertainty", "Outcome")
        columns, units = (*names, "Reason", "Confidence"), ("", "", "", "%", "%", "%", "%", "", "", "")
        rows = tuple(
            (
                *(v.statistic, v.order, v.channel, v.value, v.limit, v.margin, v.uncertainty),
                *(v.outcome.value, v.reason, v.confidence),
            )
            for v in sorted(self.verdicts, key=lambda v: inf if v.margin is None else v.margin / v.limit)
        )
        title = f"{self.limits.title}: {self.overall}"
        method = f"{self.limits.clause}; {self.limits.source}"
        return Table(f"limits_{self.limits.name}", title, columns, units, rows, SECTION, method, self.note)


def judge_distortion(
    limits: DistortionLimits,
    quality: Quality,
    *,
    base: float,
    voltage: float,
    ratio: float | None = None,
    nominal_voltage: float | None = None,
    before: float | None = None,
) -> Judgement:
    """Return how the worst channel of a capture stands against limits.

    base: what they are percent of, see `BASES`: the declared RMS of the recorded voltages [V], the
    demand or the rated current [A]; voltage: nominal, line to line, which picks the class [V];
    ratio: Isc / I_L; nominal_voltage: to tell dips and swells from [V]; before: intervals that
    end by then count [s].
    """
    if not base > 0:
        raise ConfigError(f"{limits.name}: {BASES[limits.total]} {base:g}: give a positive RMS value")
    row = limits.row(voltage, ratio)
    view = view_of(quality, nominal_voltage, max(row.individual), before)
    n = len(quality.voltages)
    chosen = range(n) if limits.quantity == "voltage" else range(n, len(view.channels))
    if not chosen:
        raise ConfigError(f"{limits.name}: the capture has no {limits.quantity}")
    i = quality.intervals
    length = float(i.end[-1] - i.begin[0]) + LACKING if i.begin.size else 0.0
    fitting = [s for s in limits.statistics if length >= s.period and before is None]
    verdicts: list[DistortionVerdict] = []
    for statistic in fitting:
        levels = np.array([_of_periods(_Measured(view, c, limits, row, base), statistic) for c in chosen])
        verdicts += _verdicts(view, chosen, limits, row, base, levels, statistic.title, statistic.times)
    indicative = bool(limits.statistics) and not fitting
    if not fitting:
        title = "mean of the record, indicative" if indicative else "mean of the record"
        levels = np.array([_of_record(_Measured(view, c, limits, row, base)) for c in chosen])
        verdicts += _verdicts(view, chosen, limits, row, base, levels, title, 1.0, mean=True)
    note = f"percent of the {BASES[limits.total]}, {base:g} {view.channels[chosen[0]].unit}; worst channel"
    if indicative:
        hours = min(s.period for s in limits.statistics) / 3600
        note += f"; indicative: the standard judges statistics of {hours:g} h or more, this is the mean"
    if not any(order % 2 == 0 for order in row.individual):
        note += "; even orders are not judged: our sources do not have their limits"
    return Judgement(limits, tuple(verdicts), indicative, note)


@dataclass(frozen=True, slots=True)
class _Measured:
    """One channel, in percent of the base, for the quantities that a row limits."""

    view: View
    channel: int
    limits: DistortionLimits
    row: LimitRow
    base: float

    def levels(self, reduce: Callable[[NDArray[Any]], NDArray[np.float64]]) -> NDArray[np.float64]:
        """Return individual orders and the total, shape (quantities, ...); NaN where not measured.

        reduce: takes intervals, shape (..., k), to root mean squares, shape (..., values).
        """
        i, c, highest = self.view.quality.intervals, self.channel, max(self.row.individual)
        found = reduce(i.subgroups[c].T[: highest + 1])
        orders = np.full((highest + 1, *found.shape[1:]), np.nan)
        orders[: len(found)] = found
        if self.limits.total == "TRD":
            total = groups.trd(reduce(i.rms[c]), reduce(np.abs(i.phasors[c])), self.base)
        else:
            total = 100 * np.sqrt((orders[2:] ** 2).sum(axis=0)) / self.base
        picked: NDArray[np.float64] = 100 * orders[sorted(self.row.individual)] / self.base
        return np.concatenate([picked, total[None]])


def _of_record(measured: _Measured) -> NDArray[np.float64]:
    """Return the means over the undisturbed intervals, with the DC component where it has a limit."""
    view, row = measured.view, measured.row
    used = view.used
    if not used.any():
        return np.full(len(_names(measured.limits, row)), np.nan)
    levels = measured.levels(lambda x: np.sqrt((x[..., used].astype(float) ** 2).mean(axis=-1)))
    if row.dc is None:
        return levels
    dc = abs(float(view.quality.intervals.mean[measured.channel, used].mean()))
    return np.concatenate([[100 * dc / measured.base], levels])


def _of_periods(measured: _Measured, statistic: Statistic) -> NDArray[np.float64]:
    """Return the percentile of each whole period, of the worst one.

    Aggregates that are flagged or lack samples are left out.
    """
    view, i = measured.view, measured.view.quality.intervals
    spans = (short_spans if statistic.aggregate == "3 s" else long_spans)(i.begin, i.end)
    clean = ~touches(view.flagged | i.spoilt, spans)
    levels = measured.levels(lambda x: aggregate(x, spans, ~i.spoilt))
    number = np.floor((spans.begin - i.begin[0]) / statistic.period)
    whole = int((i.end[-1] - i.begin[0] + LACKING) / statistic.period)
    kept = [levels[:, clean & (number == period)] for period in range(whole)]
    found = [percentile(part, statistic.percent) for part in kept if part.shape[1]]
    return np.max(found, axis=0) if found else np.full(len(levels), np.nan)


def _names(limits: DistortionLimits, row: LimitRow) -> list[tuple[str, float]]:
    """Return name and limit of each quantity, in the order of the levels."""
    dc = [] if row.dc is None else [("DC", row.dc)]
    return [*dc, *((str(h), row.individual[h]) for h in sorted(row.individual)), (limits.total, row.total)]


def _verdicts(
    view: View,
    chosen: range,
    limits: DistortionLimits,
    row: LimitRow,
    base: float,
    levels: NDArray[np.float64],
    title: str,
    times: float,
    *,
    mean: bool = False,
) -> list[DistortionVerdict]:
    """Return one verdict per quantity on its worst channel; levels: shape (channels, quantities)."""
    i = view.quality.intervals
    spoilt = int(i.spoilt[view.candidates].sum()) if mean else 0
    found = []
    for q, (order, limit) in enumerate(_names(limits, row)):
        worst = int(levels[:, q].argmax())  # NaN comes first: what one channel hides is not known
        c, value, bound = chosen[worst], float(levels[worst, q]), limit * times
        channel, confidence = view.channels[c], row.confidence
        if not np.isfinite(value):
            top = i.subgroups.shape[-1] - 1
            reason = (
                f"sampled up to order {top} only" if top < max(row.individual) else "no undisturbed interval"
            )
            found.append(
                DistortionVerdict(
                    title,
                    order,
                    channel.name,
                    None,
                    bound,
                    None,
                    None,
                    Outcome.INCONCLUSIVE,
                    reason,
                    confidence,
                )
            )
            continue
        wide = None if channel.uncertainty is None else channel.uncertainty * value
        if order == "TRD":
            wide = (wide or 0.0) + groups.trd_uncertainty(value, float(np.nanmax(i.rms[c])), base)
        outcome, reason = _compare(value, bound, wide or 0.0)
        if confidence == "low":
            outcome, reason = Outcome.INCONCLUSIVE, "the limit is of low confidence: check it in the text"
        if spoilt:
            outcome, reason = Outcome.INVALID, f"samples are missing or clipped in {spoilt} intervals"
        found.append(
            DistortionVerdict(
                title, order, channel.name, value, bound, bound - value, wide, outcome, reason, confidence
            )
        )
    return found


def _compare(value: float, limit: float, uncertainty: float) -> tuple[Outcome, str]:
    margin = limit - value
    if margin >= uncertainty:
        return Outcome.PASS, ""
    if margin < -uncertainty:
        return Outcome.FAIL, f"{-margin:.3g} % above the limit"
    return Outcome.INCONCLUSIVE, "the limit lies inside the uncertainty"
