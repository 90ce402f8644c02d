"""Metrics of a step response in noise.

Dead (reaction) time to 10 % of the change, rise time from 10 to 90 %, response time to 90 %,
settling time to the last entry into a band about the final value, overshoot, damping. Times
count from the command. `step_definitions` measures by the words of each standard, with the
same engine, `step_trace`. A level or a band is timed only where it stands clear of three
sigma of the noise before the step; the end of the record is never an answer.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from hil.analysis.step.trace import CLEAR, Trace, averaged, trace_step

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class StepResponse:
    """A step response; what could not be determined is None, and `state` says why."""

    initial: float
    final: float
    state: str = "ok"
    """"ok"; "not determinable": the change or the band is lost in the noise, or the record is too
    short; "not settled": the final value is not reached within the record."""
    dead_time: float | None = None
    """From the command to 10 % of the change [s]."""
    rise_time: float | None = None
    """From 10 to 90 % [s]."""
    response_time: float | None = None
    """From the command to 90 % [s]."""
    settling_time: float | None = None
    """From the command until it stays in the band [s]."""
    overshoot: float | None = None
    """Beyond the final value, per unit of the change; 0 where none stands out of the noise."""
    error: float | None = None
    """Final value less target, in the unit of the signal; None where there is no target."""
    undershoot: float | None = None
    """Beyond the initial value, against the step, per unit of the change; 0 as for overshoot."""
    peak_time: float | None = None
    """From the command to the peak; None where there is no overshoot [s]."""
    damping: float | None = None
    """Damping ratio; None where fewer than two half waves stand out of the noise."""
    oscillation: float | None = None
    """Frequency of the oscillation about the final value [Hz]."""
    noise: float | None = None
    """Sigma before the step, in the unit of the signal."""
    uncertainty: Mapping[str, float] = field(default_factory=dict)
    """Expanded, by the name of the field and in its unit."""


def step_response(
    time: NDArray[np.float64],
    values: NDArray[np.float64],
    start: float,
    *,
    target: float | None = None,
    band: float = 0.02,
    lag: float = 0.0,
    hold: float = 0.0,
) -> StepResponse:
    """Return the metrics of the step at `start` [s].

    values over time [s] begin before the step and end in the new steady state, the last
    fifth of the record after it. target: what was asked for. band: half the settling band,
    per unit of the change. lag: half the window that the values went through [s]. hold: 0
    takes the first crossing of a level, more the first after which it is kept for so long [s].
    """
    trace = trace_step(time, values, start, lag=lag, hold=hold)
    if not isinstance(trace, Trace):
        error = None if target is None or np.isnan(trace[1]) else trace[1] - target
        return StepResponse(*trace, "not determinable", error=error)
    state, settling = "ok", None
    if trace.drift > band / 4:
        state = "not settled"
    elif not trace.clear(band):
        state = "not determinable"  # a band inside the noise would time the noise
    else:
        settling = trace.settle(1 - band, 1 + band)
        state = "ok" if settling else "not settled"
    overshoot, peak = trace.peak()
    timed = {"settling_time": settling, "peak_time": peak}
    if trace.clear(0.1):
        timed["dead_time"], timed["response_time"] = trace.reach(0.1), trace.reach(0.9)
        timed["rise_time"] = trace.rise(0.1, 0.9)
    ringing = trace.ringing() if overshoot else None
    dip = -float(trace.y.min())
    spread = trace.excursion + trace.doubt
    wide = {name: found.uncertainty for name, found in timed.items() if found}
    wide |= {"overshoot": spread, "undershoot": spread}
    wide["error"] = trace.doubt * abs(trace.final - trace.initial)
    if ringing:
        wide["damping"] = ringing.uncertainty
    return StepResponse(
        initial=trace.initial,
        final=trace.final,
        state=state,
        overshoot=overshoot,
        error=None if target is None else trace.final - target,
        undershoot=dip if dip > max(trace.excursion, 1e-9) else 0.0,
        damping=ringing.damping if ringing else None,
        oscillation=ringing.frequency if ringing else None,
        noise=trace.noise * abs(trace.final - trace.initial),
        uncertainty=wide,
        **{name: found.time for name, found in timed.items() if found},
    )


@dataclass(frozen=True, slots=True)
class Onset:
    """When a signal began to leave its level; time is None where `state` is not "ok"."""

    time: float | None
    """[s]"""
    uncertainty: float | None = None
    """Expanded [s]."""
    state: str = "ok"
    """"ok"; "no step": none stands out of the noise; "not determinable": too short, or not all numbers."""


def find_step(time: NDArray[np.float64], values: NDArray[np.float64]) -> Onset:
    """Return when the largest change of level begins, where the instant of the command is not known.

    The largest difference between the means of two adjacent windows, each a tenth of the record,
    finds the step; levels of three and six times the noise before it, on the way up, are carried
    back to zero. What is found is the response's begin: a dead time before it cannot be seen.
    """
    values = np.asarray(values, dtype=float)
    size = values.size // 10
    if size < 5 or not np.isfinite(values).all():
        return Onset(None, state="not determinable")
    sums = np.concatenate([[0.0], np.cumsum(values - values[0])])
    jumps = np.abs(sums[2 * size :] - 2 * sums[size:-size] + sums[: -2 * size]) / size
    onset = int(jumps.argmax()) + size
    for _ in range(2):  # the second time with a level that ends where the first found the begin
        first, stop = max(0, onset - 2 * size), min(values.size, onset + 2 * size)
        quiet = max(onset - first - size // 4, 3)
        before = values[first : first + quiet]
        initial, sigma = float(before.mean()), float(before.std(ddof=1))
        change = float(values[stop - size // 2 : stop].mean()) - initial
        if abs(change) <= max(2 * CLEAR * sigma, 1e-9 * float(np.abs(values).max())):
            return Onset(None, state="no step")
        y = (values[first:stop] - initial) / change
        mean = averaged(time[first:stop], y, quiet, sigma / abs(change))
        rising = mean.y[: int((mean.y >= 0.5).argmax()) + 1]
        if rising.size < 2:
            return Onset(None, state="no step")
        low, high = (int(np.flatnonzero(rising <= k * mean.residual + 1e-9)[-1]) for k in (3, 6))
        onset = int(np.searchsorted(time, mean.time[low]))
    wide = float(mean.time[high] - mean.time[low])
    blur = float(mean.time[1] - mean.time[0]) * (1 + mean.entries / 2)
    return Onset(float(mean.time[low]) - wide, 2 * wide + blur)
