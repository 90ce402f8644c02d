"""What a step response contributes to an analysis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hil.analysis.result import Findings, Result, Table
from hil.analysis.step.definitions import DEFINITIONS, measure
from hil.analysis.step.response import find_step, step_response
from hil.analysis.step.trace import Trace, trace_step

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from hil.analysis.result import Cell
    from hil.analysis.step.response import StepResponse

_SECTION: Final = "Step response"
_METHOD: Final = "10, 90 and 2 % of the final change; half of the averaging window subtracted"


def step_findings(
    time: NDArray[np.float64],
    values: NDArray[np.float64],
    start: float | None = None,
    *,
    quantity: str = "Active power",
    unit: str = "W",
    target: float | None = None,
    rating: float | None = None,
    lag: float = 0.0,
    hold: float = 0.0,
    valid: bool = True,
) -> Findings:
    """Return the response of a quantity to a command at `start` [s]; None: at the step that is found.

    target and rating are in the unit of the quantity; lag and hold as for `step_response`;
    valid: False where a sample behind the values is missing or clipped.
    """
    if start is None:
        onset = find_step(time, values)
        at = Result(
            key="step_time",
            title=f"{quantity}, begin of the step",
            value=onset.time,
            unit="s",
            uncertainty=onset.uncertainty,
            state=onset.state,
            valid=valid,
            method="first departure from the level before",
            note="no command is recorded; a dead time before it cannot be seen",
            section=_SECTION,
        )
    else:
        title = f"{quantity}, command"
        at = Result("step_time", title, start, "s", method="as commanded", section=_SECTION)
    start = at.value if isinstance(at.value, float) else None
    if start is None:
        return Findings(results=(at,))
    step = step_response(time, values, start, target=target, lag=lag, hold=hold)
    aimless = "target not stated" if target is None else step.state
    results = _results(step, quantity, unit, (start, float(time[-1])), aimless, valid=valid)
    trace = trace_step(time, values, start, lag=lag, hold=hold)
    if not isinstance(trace, Trace):
        return Findings(results=(at, *results))
    rows: list[tuple[Cell, ...]] = []
    for definition in DEFINITIONS:
        one = measure(trace, definition, target=target, rating=rating)
        words = (definition.standard, definition.title)
        found = (one.value, one.unit, one.uncertainty, one.state)
        rows.append((*words, *found, definition.confidence, definition.note))
    columns = ("Standard", "Quantity", "Value", "Unit", "Uncertainty", "State", "Confidence", "Note")
    table = Table(
        key="step_definitions",
        title=f"{quantity}: the step in the words of each standard",
        columns=columns,
        units=("",) * len(columns),
        rows=tuple(rows),
        section=_SECTION,
        method="final value: mean of the last fifth of the record; noise: sigma before the step",
    )
    return Findings(results=(at, *results), tables=(table,))


def _results(
    step: StepResponse, quantity: str, unit: str, window: tuple[float, float], aimless: str, *, valid: bool
) -> list[Result]:
    """Return what `step_response` found, with the reason beside what it did not."""
    lost = "not determinable" if step.state == "ok" else step.state
    quiet, calm = (lost, lost) if step.overshoot is None else ("no overshoot", "no oscillation")
    return [
        Result(
            key=key,
            title=f"{quantity}, {title}",
            value=value,
            unit=symbol,
            uncertainty=step.uncertainty.get(name),
            state="ok" if value is not None else absent,
            valid=valid,
            window=window,
            method=_METHOD,
            section=_SECTION,
        )
        for key, name, title, value, symbol, absent in (
            ("dead_time", "dead_time", "time to 10 %", step.dead_time, "s", lost),
            ("rise_time", "rise_time", "10 to 90 %", step.rise_time, "s", lost),
            ("response_time", "response_time", "time to 90 %", step.response_time, "s", lost),
            ("settling_time", "settling_time", "time until within 2 %", step.settling_time, "s", lost),
            ("overshoot", "overshoot", "overshoot", step.overshoot, "pu", lost),
            ("undershoot", "undershoot", "excursion against the step", step.undershoot, "pu", lost),
            ("peak_time", "peak_time", "time to the peak", step.peak_time, "s", quiet),
            ("damping_ratio", "damping", "damping ratio", step.damping, "", calm),
            ("oscillation_frequency", "", "frequency of the oscillation", step.oscillation, "Hz", calm),
            ("step_error", "error", "final value less target", step.error, unit, aimless),
        )
    ]
