"""How current and active power stood disturbances whose instants are known.

For several voltage events in one record, and for what is no voltage event: a jump of phase, a
ramp of the frequency. Means are over one cycle of the rated frequency and dated at its middle.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from hil.analysis.event.cessation import GONE
from hil.analysis.result import Findings, Result
from hil.analysis.signals import group
from hil.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from hil.waveform import Waveform

HOP: Final = 1e-3
"""Time between two means [s]."""
BEFORE: Final = 10
"""Cycles that the power before is averaged over."""


def disturbance_findings(
    waveform: Waveform,
    hertz: float,
    rated: float,
    disturbances: Sequence[tuple[float, float]],
    back_at: float,
) -> Findings:
    """Return power before, whether the unit rode through, its longest pause, and when its power was back.

    hertz, rated: rated frequency [Hz] and power [W]. disturbances: begin and end of each, ascending
    [s]. back_at: part of the power before that counts as back where it stays so until the next begins.
    """
    voltages, currents = (waveform.find(quantity) for quantity in ("voltage", "current"))
    if len(voltages) != 3 or len(currents) != 3:
        raise ConfigError(f"{waveform.source or 'waveform'}: three voltages and currents are needed")
    u, i = group(waveform, voltages), group(waveform, currents)
    time, power = cycle_means((u.samples * i.samples).sum(axis=0), waveform, hertz)
    current = np.sqrt(np.max([cycle_means(row * row, waveform, hertz)[1] for row in i.samples], axis=0))
    first, half = disturbances[0][0], 0.5 / hertz
    quiet = (time <= first - half) & (time >= first - half - BEFORE / hertz)
    valid = u.bad is None and i.bad is None

    def result(key: str, title: str, value: float | None, unit: str, state: str = "ok") -> Result:
        method = "means over one cycle"
        wide = half if unit == "s" and value is not None else None
        return Result(key, title, value, unit, wide, state, valid, method=method, section="Ride-through")

    ridden = result("ridden", "Disturbances", None, "", "not determinable")
    pause = result("pause", "Longest pause of the current", None, "s", "not determinable")
    latest = ", latest" * (len(disturbances) > 1)
    back = result("power_back", f"Active power back to {back_at:.0%}{latest}", None, "s", "not determinable")
    over = result(
        "power_overshoot", "Overshoot of the active power afterwards", None, "%", "not determinable"
    )
    if not quiet.any() or abs(before := float(power[quiet].mean())) < 0.05 * rated:
        none = result("power_before", "Active power before", None, "pu", "no power")
        return Findings((none, ridden, pause, back, over))
    gone = current < GONE * float(current[quiet].mean())
    unfinished = time[-1] < disturbances[-1][1]
    state = "tripped" if gone[-1] else "unfinished" if unfinished else "ridden through"
    ridden = result("ridden", "Disturbances", None, "", state)
    pause = result("pause", "Longest pause of the current", _longest(gone) * HOP, "s")
    share = power / before
    untils = [*(begin - half for begin, _ in disturbances[1:]), np.inf]
    times = [
        returned(time, share, back_at, end, until)
        for (_, end), until in zip(disturbances, untils, strict=True)
    ]
    known = [seconds for seconds in times if seconds is not None]
    if len(known) == len(times):
        back = result("power_back", back.title, max(known), "s")
    else:
        state = state if gone[-1] or unfinished else "not recovered"
        back = result("power_back", back.title, None, "s", state)
    afterwards = share[time >= disturbances[-1][1] + 3 * half]  # within a cycle the voltage itself comes back
    if afterwards.size:
        over = result("power_overshoot", over.title, 100 * max(float(afterwards.max()) - 1.0, 0.0), "%")
    about = result("power_before", "Active power before", before / rated, "pu")
    return Findings((about, ridden, pause, back, over))


def cycle_means(
    values: NDArray[np.float64], waveform: Waveform, hertz: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return instants, each the middle of a cycle [s], and the means of the samples over these cycles."""
    sums = np.concatenate(([0.0], np.cumsum(values)))
    cycle = waveform.rate / hertz
    begins = np.arange(0.0, values.size - cycle, HOP * waveform.rate)
    edges = np.arange(sums.size)
    means = (np.interp(begins + cycle, edges, sums) - np.interp(begins, edges, sums)) / cycle
    return waveform.start + (begins + cycle / 2 - 0.5) / waveform.rate, means


def returned(
    time: NDArray[np.float64], share: NDArray[np.float64], least: float, since: float, until: float
) -> float | None:
    """Return how long after `since` the share stays at `least` until `until` [s]; None: it does not."""
    after = (time >= since) & (time < until)
    low = np.flatnonzero(share[after] < least)
    if not after.any() or (low.size and low[-1] + 1 == after.sum()):
        return None
    return float(time[after][low[-1] + 1] - since) if low.size else 0.0


def _longest(flags: NDArray[np.bool_]) -> int:
    """Return the length of the longest run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], flags.astype(np.int8), [0]))))
    return int((edges[1::2] - edges[::2]).max(initial=0))
