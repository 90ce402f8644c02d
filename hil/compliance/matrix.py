"""The requirement matrix: each requirement of a campaign with how it came out, and on what evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

from hil.compliance.verdict import Outcome, worst

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from hil.compliance.verdict import Verdict


class Judged(Protocol):
    """A capture with its verdicts."""

    @property
    def name(self) -> str: ...  # noqa: D102 - of the capture
    @property
    def verdicts(self) -> tuple[Verdict, ...]: ...  # noqa: D102 - as judged


class Test(Protocol):
    """A test of a campaign."""

    @property
    def id(self) -> str: ...  # noqa: D102 - such as "T7"
    @property
    def title(self) -> str: ...  # noqa: D102 - what a person reads
    @property
    def reason(self) -> str: ...  # noqa: D102 - why it was not run


COMPLIANT: Final = "compliant"
DEVIATION: Final = "deviation"
EXCEPTION: Final = "exception"
"""The answers of NVIDIA's guidelines, step 1; an exception is what could not be shown, and why."""


def rows_of(captures: Mapping[str, Sequence[Judged]], tests: Iterable[Test]) -> list[dict[str, Any]]:
    """Return one row for each criterion of each test: answer, worst value, and where the evidence lies.

    A test of which no criterion binds has one row, which says so.
    """
    rows = []
    for test in tests:
        judged: dict[str, list[tuple[str, Verdict]]] = {}
        for capture in captures.get(test.id, ()):
            for verdict in capture.verdicts:
                judged.setdefault(verdict.key, []).append((capture.name, verdict))
        own = [row for found in judged.values() if (row := _row(test.id, found)) is not None]
        if not own:
            reason = test.reason or ("none of its criteria binds" if judged else "nothing was judged")
            own = [{"test": test.id, "title": test.title, "answer": EXCEPTION, "reason": reason}]
        rows += own
    return rows


def _row(test: str, found: list[tuple[str, Verdict]]) -> dict[str, Any] | None:
    """Return the row of one criterion, None where it binds no capture of the test.

    What a document answers stands there also while none is named: the reader must know that it is owed.
    """
    binding = [(name, verdict) for name, verdict in found if verdict.required or verdict.document]
    if not binding:
        return None
    outcome = worst(verdict.outcome for _, verdict in binding)
    answer = {Outcome.PASS: COMPLIANT, Outcome.FAIL: DEVIATION}.get(outcome, EXCEPTION)
    decisive = [(name, verdict) for name, verdict in binding if verdict.outcome is outcome]
    capture, verdict = min(decisive, key=_tightness)
    return {
        "test": test,
        "key": verdict.key,
        "title": verdict.title,
        "answer": answer,
        "outcome": outcome.value,
        "value": verdict.value,
        "unit": verdict.unit,
        "uncertainty": verdict.uncertainty,
        "limit": verdict.limit,
        "margin": verdict.margin,
        "reason": verdict.reason,
        "capture": capture,
        "captures": len(binding),
        "clause": verdict.clause,
        "source": verdict.source,
        "confidence": verdict.confidence,
    }


def _tightness(judged: tuple[str, Verdict]) -> float:
    """Return the margin per its limit, the smallest first; what has no margin comes last."""
    verdict = judged[1]
    if verdict.margin is None:
        return float("inf")
    scale = max(abs(bound) for bound in (verdict.low, verdict.high, 1e-9) if bound is not None)
    return verdict.margin / scale
