"""Judging what was found against criteria, which are data.

Decision rule (ILAC-G8:09/2019, guard band w = U): a value passes where it lies
inside the limit by at least its expanded uncertainty, fails where it lies outside
by more, and is inconclusive between. Where the uncertainty is not known, it is
taken as zero (simple acceptance) and the verdict shows none.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from math import inf, isfinite
from typing import TYPE_CHECKING, Any

from hil.compliance.criteria import Criterion, Outcome, Parameters, load_criteria
from hil.errors import ConfigError, FormatError
from hil.units import show

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from hil.analysis.result import Analysis, Result
    from hil.compliance.envelope import Envelope

__all__ = [
    "Criterion",
    "Outcome",
    "Parameters",
    "Verdict",
    "judge",
    "judge_all",
    "load_criteria",
    "overall",
    "worst",
]


@dataclass(frozen=True, slots=True)
class Verdict:
    """How one criterion came out, with everything that is needed to show it."""

    key: str
    title: str
    value: float | str | None
    unit: str
    uncertainty: float | None
    low: float | None
    high: float | None
    limit: str
    margin: float | None
    """Distance from the value to the nearest limit, negative outside, in the unit of the value."""
    outcome: Outcome
    reason: str
    required: bool
    """False where the criterion does not bind this test; it then does not count."""
    clause: str
    source: str
    confidence: str
    why: str
    plot: str = ""
    """Group of the series or spectra in whose plot the limit is drawn."""
    document: bool = False
    """True where a document answers it, and no measurement: the matrix lists it though it does not count."""

    def to_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {**asdict(self), "outcome": self.outcome.value}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Verdict:
        """Return the verdict that `to_dict` wrote."""
        try:
            return cls(**{**data, "outcome": Outcome(data["outcome"])})
        except (TypeError, KeyError, ValueError) as error:
            names = ", ".join(f.name for f in fields(cls))
            raise FormatError(f"a verdict does not have the fields {names}: {error}") from error


def judge(
    criterion: Criterion,
    analysis: Analysis,
    parameters: Parameters,
    envelope: Envelope | None = None,
    *,
    expired: Sequence[str] = (),
) -> Verdict:
    """Return how one criterion comes out.

    `expired` names the certificates that were out of date on the day of the test.
    """
    low = None if criterion.low is None else criterion.low.resolve(parameters)
    high = None if criterion.high is None else criterion.high.resolve(parameters)
    verdict = Verdict(
        key=criterion.key,
        title=criterion.title,
        value=None,
        unit=criterion.unit,
        uncertainty=None,
        low=low,
        high=high,
        limit=criterion.expected or _limit_text(low, high, criterion.unit),
        margin=None,
        outcome=Outcome.NOT_RUN,
        reason="",
        required=True,
        clause=criterion.clause,
        source=criterion.source,
        confidence=criterion.confidence,
        why=criterion.why,
        plot=criterion.plot,
        document=criterion.document,
    )
    for bound, found in ((criterion.low, low), (criterion.high, high)):
        if bound is not None and found is None:
            return replace(verdict, reason=f"the run does not state {bound.parameter!r}")
    if criterion.result not in analysis:
        return replace(verdict, reason=f"{criterion.result!r} was not analysed")
    result = analysis[criterion.result]
    verdict = replace(verdict, **_measured(criterion, result))
    residual = _number(analysis, "residual_voltage_pu")
    if residual is not None and not criterion.residual[0] <= residual <= criterion.residual[1]:
        return replace(verdict, reason=f"not required at {show(residual, 'pu')}", required=False)
    if expired:
        reason = f"calibration expired on the day of the test: {', '.join(expired)}"
        return replace(verdict, outcome=Outcome.INVALID, reason=reason)
    if not result.valid:
        return replace(verdict, outcome=Outcome.INVALID, reason="samples behind it are missing or clipped")
    verdict = _compare(criterion, result, verdict)
    if criterion.document and verdict.outcome is Outcome.NOT_RUN:
        return replace(verdict, required=False)
    if verdict.outcome is Outcome.FAIL and criterion.condition:
        return replace(verdict, outcome=Outcome.INVALID, reason=f"not the test asked for; {verdict.reason}")
    if verdict.outcome is Outcome.INVALID:
        return verdict  # the envelope excuses the unit, not the test
    beyond = _beyond(envelope, analysis, parameters) if criterion.envelope and envelope else ""
    if beyond and verdict.outcome is Outcome.PASS:
        return replace(verdict, reason=f"met, though {beyond}")
    if beyond:
        reason = f"not required: {beyond}; {verdict.reason}"
        return replace(verdict, outcome=Outcome.NOT_RUN, reason=reason, required=False)
    return verdict


def judge_all(
    criteria: Sequence[Criterion],
    analysis: Analysis,
    parameters: Parameters,
    envelope: Envelope | None = None,
    *,
    expired: Sequence[str] = (),
) -> tuple[Verdict, ...]:
    """Return how every criterion comes out, in their order."""
    return tuple(judge(c, analysis, parameters, envelope, expired=expired) for c in criteria)


def overall(verdicts: Sequence[Verdict]) -> Outcome:
    """Return the outcome of the test: the worst of the criteria that bind it, NOT RUN where none does."""
    return worst(verdict.outcome for verdict in verdicts if verdict.required)


def worst(outcomes: Iterable[Outcome]) -> Outcome:
    """Return the worst of several outcomes, NOT RUN of none."""
    found = set(outcomes)
    for outcome in (Outcome.FAIL, Outcome.INVALID, Outcome.INCONCLUSIVE, Outcome.NOT_RUN, Outcome.PASS):
        if outcome in found:
            return outcome
    return Outcome.NOT_RUN


def _measured(criterion: Criterion, result: Result) -> dict[str, Any]:
    """Return the fields of a verdict that come from the result."""
    for number in (result.value, result.uncertainty):
        if isinstance(number, float) and not isfinite(number):
            raise FormatError(f"result {result.key!r} is {number}; what could not be determined is None")
    if criterion.expected:
        return {"value": result.value if isinstance(result.value, str) else result.state}
    if isinstance(result.value, str) or (result.value is not None and result.unit != criterion.unit):
        raise ConfigError(
            f"criterion {criterion.key!r} expects {criterion.result!r} in [{criterion.unit}], "
            f"the analysis gives {result.value!r} [{result.unit}]; correct the criteria file"
        )
    return {"value": result.value, "uncertainty": result.uncertainty}


def _compare(criterion: Criterion, result: Result, verdict: Verdict) -> Verdict:
    """Return the verdict with its outcome, by the decision rule above."""
    value = verdict.value
    if isinstance(value, str) or value is None:
        if value is not None and value == criterion.expected:
            return replace(verdict, outcome=Outcome.PASS)
        outcome = criterion.states.get(result.state, Outcome.INCONCLUSIVE)
        at = f" at {show(result.value, result.unit)}" if isinstance(result.value, float) else ""
        return replace(verdict, outcome=outcome, reason=f"{result.state}{at}")
    low = -inf if verdict.low is None else verdict.low
    high = inf if verdict.high is None else verdict.high
    margin = min(value - low, high - value)
    spread = verdict.uncertainty or 0.0
    if margin >= spread:
        return replace(verdict, outcome=Outcome.PASS, margin=margin)
    if margin < -spread:
        side = "above" if value > high else "below"
        reason = f"{show(-margin, verdict.unit)} {side} the limit"
        return replace(verdict, outcome=Outcome.FAIL, margin=margin, reason=reason)
    reason = "the limit lies inside the uncertainty"
    return replace(verdict, outcome=Outcome.INCONCLUSIVE, margin=margin, reason=reason)


def _beyond(envelope: Envelope, analysis: Analysis, parameters: Parameters) -> str:
    """Say why this event need not be ridden through; empty where it must.

    What was commanded decides, so that a test on a corner of the envelope is not excused
    by the resolution of the measurement; the criteria check that it was carried out.
    """
    residual = parameters.get("residual", _number(analysis, "residual_voltage_pu"))
    duration = parameters.get("duration", _number(analysis, "event_duration"))
    if not isinstance(residual, int | float) or not isinstance(duration, int | float):
        return ""
    needed = envelope.required_time(residual)
    trip, inception = _number(analysis, "trip"), _number(analysis, "inception")
    stayed = duration if trip is None or inception is None else trip - inception
    if duration <= needed or stayed < needed:
        return ""
    return (
        f"{envelope.title} asks for {needed:g} s at {show(residual, 'pu')} and the event lasts {duration:g} s"
    )


def _number(analysis: Analysis, key: str) -> float | None:
    value = analysis[key].value if key in analysis else None
    return value if isinstance(value, int | float) and isfinite(value) else None


def _limit_text(low: float | None, high: float | None, unit: str) -> str:
    if low is not None and high is not None:
        return f"{show(low, unit)} .. {show(high, unit)}"
    if high is not None:
        return f"≤ {show(high, unit)}"
    return "" if low is None else f"≥ {show(low, unit)}"
