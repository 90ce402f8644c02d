"""Metrics of a step response in noise.

IEC 61400-21-1 and IEEE 2800-2022: dead (reaction) time to 10 % of the change, rise time
from 10 to 90 %, response time to 90 %, settling time to the last entry into a band about
the final value, overshoot, steady-state error. Times count from the command, less the
lag of the averaging window that the signal went through.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class StepResponse:
    """A step response; what could not be determined is None, and `state` says why."""

    initial: float
    final: float
    state: str = "ok"
    """"ok", or "not determinable": the change is lost in the noise; "not settled"; too short a record."""
    dead_time: float | None = None
    """From the command to 10 % of the change [s]."""
    rise_time: float | None = None
    """From 10 to 90 % [s]."""
    response_time: float | None = None
    """From the command to 90 % [s]."""
    settling_time: float | None = None
    """From the command until it stays in the band [s]."""
    overshoot: float | None = None
    """Beyond the final value, per unit of the change."""
    error: float | None = None
    """Final value less target, in the unit of the signal; None where there is no target."""


def step_response(
    time: NDArray[np.float64],
    values: NDArray[np.float64],
    start: float,
    *,
    target: float | None = None,
    band: float = 0.02,
    lag: float = 0.0,
) -> StepResponse:
    """Return the metrics of the step at `start` [s].

    values over time [s] begin before the step and end in the new steady state, the last
    fifth of the record after it. target: what was asked for. band: half the settling band,
    per unit of the change. lag: delay of the window that the values went through [s],
    subtracted from the times from the command.
    """
    before, after = values[time <= start], values[time > start]
    clock = time[time > start] - start
    if before.size < 3 or after.size < 10 or not np.isfinite(values).all():
        return StepResponse(float("nan"), float("nan"), "not determinable")
    tail = after[-(after.size // 5) :]
    initial, final = float(before.mean()), float(tail.mean())
    error = None if target is None else final - target
    change = final - initial
    noise = float(before.std(ddof=1))
    if abs(change) * band <= 3 * noise or change == 0:
        state = "not determinable"  # a band inside the noise would time the noise
        return StepResponse(initial, final, state, error=error)
    y = (after - initial) / change
    outside = np.flatnonzero(np.abs(y - 1) > band)
    if np.abs(tail / change - final / change).max() > band:
        state, settling = "not settled", None
    else:
        state, settling = "ok", _last_crossing(clock, y, outside, band) - lag
    ten, ninety = _first_crossing(clock, y, 0.1), _first_crossing(clock, y, 0.9)
    return StepResponse(
        initial=initial,
        final=final,
        state=state,
        dead_time=ten - lag,
        rise_time=ninety - ten,
        response_time=ninety - lag,
        settling_time=settling,
        overshoot=max(0.0, float(y.max()) - 1),
        error=error,
    )


def _first_crossing(clock: NDArray[np.float64], y: NDArray[np.float64], level: float) -> float:
    """Return when y first reaches a level, on the straight line between samples [s]."""
    k = int((y >= level).argmax())
    if k == 0:
        return float(clock[0])
    return float(clock[k - 1] + (level - y[k - 1]) / (y[k] - y[k - 1]) * (clock[k] - clock[k - 1]))


def _last_crossing(
    clock: NDArray[np.float64], y: NDArray[np.float64], outside: NDArray[np.intp], band: float
) -> float:
    """Return when y enters the band for good [s]."""
    if not outside.size:
        return float(clock[0])
    k = int(outside[-1])
    edge = 1 + band if y[k] > 1 else 1 - band
    return float(clock[k] + (edge - y[k]) / (y[k + 1] - y[k]) * (clock[k + 1] - clock[k]))
