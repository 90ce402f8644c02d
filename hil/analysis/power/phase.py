"""Frequency, its rate of change and jumps of phase, from one-cycle phasors.

A jump of phase is no frequency: the windows that it falls into tell of neither side. They
are found by what sets them apart, a change of phase or of size that their neighbours, to
whom the frequency is as steady as a ramp, do not share. The frequency is carried across
them on a straight line, and the jump is the distance of two straight lines fitted to the
phase on either side.

IEEE 1547-2018 and IEEE 2800-2022 ask for ROCOF over 0.1 s at least, EN 50549 over 0.5 s.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, degrees, pi, remainder, sqrt
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEAST: Final = 2.0
"""Jumps smaller than this are not told from a frequency that moves [deg]."""
DEAD: Final = 0.05
"""Share of its usual size below which a phasor has no phase."""
FIT: Final = 0.1
"""Span of the straight line on either side of a jump [s]."""


@dataclass(frozen=True, slots=True)
class PhaseJump:
    """A step of the phase."""

    time: float
    """Middle of the disturbance [s]."""
    angle: float | None
    """Later phase minus earlier, -180 < angle <= 180 [deg]; None where `state` says why."""
    uncertainty: float | None
    """Expanded (k = 2), from the scatter of the phase about both lines and the cycle's mismatch [deg]."""
    state: str = "ok"
    ambiguous: bool = False
    """True where the angle lies so near to 180 degrees that its sign cannot be told."""


@dataclass(frozen=True, eq=False)
class FrequencyTrack:
    """Frequency over time."""

    time: NDArray[np.float64]
    """End of the one and a half cycles behind each value, shape (n,) [s]."""
    lag: float
    """How much older the values are: they speak for `time - lag` [s]."""
    values: NDArray[np.float64]
    """[Hz]"""
    held: NDArray[np.bool_]
    """True where the value was carried across a disturbance."""
    jumps: tuple[PhaseJump, ...]
    """Jumps of phase, in their order."""


def frequency_track(
    time: NDArray[np.float64],
    phasors: NDArray[np.complex128],
    hertz: float,
    *,
    spoilt: NDArray[np.bool_] | None = None,
) -> FrequencyTrack | None:
    """Return the frequency, or None where fewer than two cycles of voltage are there to tell.

    time: ends of the one-cycle windows, half a cycle or less apart [s]; phasors: against a
    steady cosine of `hertz` [Hz], shape (n,) (the positive sequence, or one phase) or
    (phases, n), whose advances are summed, weighted by their power. spoilt: shape (n,).
    """
    rows = np.atleast_2d(phasors)
    if time.size < 4:
        return None
    lost = ~np.isfinite(rows).all(axis=0)
    if spoilt is not None:
        lost |= spoilt
    rows = np.where(lost, 0.0, rows)
    lag = max(1, round(0.5 / hertz / float(np.median(np.diff(time)))))
    advance = (rows[:, lag:] * np.conj(rows[:, :-lag])).sum(axis=0)
    size = np.sqrt((np.abs(rows) ** 2).sum(axis=0))
    usual = float(np.quantile(size, 0.9))  # what it is for a tenth of the record at least
    known = np.minimum(size[lag:], size[:-lag]) > DEAD * usual
    if known.sum() < 2 * lag + 1:
        return None
    seconds, order = time[lag:] - time[:-lag], np.arange(advance.size)
    raw = hertz + np.angle(advance) / (2 * pi * seconds)
    raw = np.interp(order, order[known], raw[known])
    growth = np.log(size[lag:][known] / size[:-lag][known])
    growth = np.interp(order, order[known], growth)
    excess = 180 / hertz * np.abs(raw - _middle(raw, lag))  # of phase, in half a cycle [deg]
    swell = np.abs(growth - _middle(growth, lag))
    odd = (excess > _stands_out(excess, known, LEAST / 2)) | (swell > _stands_out(swell, known, 0.003))
    reach = np.ones(4 * lag + 1)  # one and a half cycles: what touches a jump only just looks steady
    held = np.convolve(odd | ~known, reach)[2 * lag : 2 * lag + odd.size] > 0.5
    if held.all():
        return None
    values = np.interp(order, order[~held], raw[~held])
    jumps = _jumps(time, rows, hertz, held, lag)
    return FrequencyTrack(time[lag:], 0.75 / hertz, values, held, jumps)


def _middle(values: NDArray[np.float64], lag: int) -> NDArray[np.float64]:
    """Return the median over eleven half cycles, with the trend carried on at the ends."""
    from scipy.ndimage import median_filter  # noqa: PLC0415 - keeps `hil --help` quick

    half = min(5 * lag, values.size - 1)
    padded = np.pad(values, half, mode="reflect", reflect_type="odd")
    middle: NDArray[np.float64] = median_filter(padded, 2 * half + 1)[half : half + values.size]
    return middle


def _stands_out(values: NDArray[np.float64], known: NDArray[np.bool_], least: float) -> float:
    """Return the level above which a value is no scatter: eight times the usual one, or `least`."""
    return max(least, 8 * 1.4826 * float(np.median(values[known])))


def _jumps(
    time: NDArray[np.float64], rows: NDArray[np.complex128], hertz: float, held: NDArray[np.bool_], lag: int
) -> tuple[PhaseJump, ...]:
    """Return the jump across each run of held values that the phase survives."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], held, [False]]).astype(np.int8)))
    found = []
    for first, last in zip(edges[::2], edges[1::2], strict=True):
        if first == 0 or last == held.size:
            continue
        # Value k is made of the phasors k and k + lag; first - 1 and last are the good ones beside the run.
        begin, end = float(time[first - 1 + lag]), float(time[last])
        jumps = [phase_jump(time, row, hertz, begin, end - 1 / hertz, margin=0.0) for row in rows]
        told = [j for j in jumps if j.angle is not None and j.uncertainty is not None]
        if told:
            best = min(told, key=lambda j: j.uncertainty or 0.0)
            if abs(best.angle or 0.0) > max(LEAST, best.uncertainty or 0.0):
                found.append(best)
    return tuple(found)


def phase_jump(
    time: NDArray[np.float64],
    phasors: NDArray[np.complex128],
    hertz: float,
    begin: float,
    end: float | None = None,
    *,
    margin: float | None = None,
    until: float | None = None,
) -> PhaseJump:
    """Return the jump of phase of one row of one-cycle phasors across a disturbance.

    time: ends of the windows [s]; phasors: shape (n,), against a steady cosine of `hertz` [Hz];
    begin, end: the disturbance [s], one instant where `end` is left out; margin: time left out on
    either side, half a cycle unless it is given [s]; until: what comes then, such as the end of a
    dip, is left out [s]. Both lines are read at the middle of the disturbance, so that a difference
    of frequency is not taken for a jump.
    """
    cycle = 1 / hertz
    margin = 0.5 * cycle if margin is None else margin
    end = begin if end is None else end
    middle = (begin + end) / 2
    tiny = 1e-9
    before = (time <= begin - margin + tiny) & (time >= begin - margin - FIT)
    last = end + cycle + margin + FIT
    last = last if until is None else min(last, until)
    after = (time >= end + cycle + margin - tiny) & (time <= last)
    lines = []
    for side, where in (("before", before), ("after", after)):
        t, z = time[where] - middle - cycle / 2, phasors[where]  # a phasor speaks for its window's middle
        if t.size < 4 or t[-1] - t[0] < 1.4 * cycle:
            return PhaseJump(middle, None, None, f"too short {side}")
        if not np.isfinite(z).all() or np.abs(z).min() < DEAD * np.abs(phasors[before | after]).max():
            return PhaseJump(middle, None, None, f"no voltage {side}")
        lines.append(_line_at_zero(t, z, cycle))
    (earlier, scatter, one), (later, other, two) = lines
    angle = degrees(remainder(later - earlier, 2 * pi))
    # A cycle that is not quite the line's lets the image of a single phase in, half its mismatch in size.
    uncertainty = degrees(2 * sqrt(scatter + other) + (abs(one) + abs(two)) * cycle / (4 * pi))
    if uncertainty > 60:
        return PhaseJump(middle, None, None, "phase not steady")
    angle = 180.0 if angle == -180.0 else angle
    return PhaseJump(middle, angle, uncertainty, ambiguous=180 - abs(angle) <= max(1.0, uncertainty))


def _line_at_zero(
    t: NDArray[np.float64], z: NDArray[np.complex128], cycle: float
) -> tuple[float, float, float]:
    """Return the phase of a straight line at t = 0, its variance, and the slope [rad, rad^2, rad/s]."""
    phase = np.unwrap(np.angle(z))
    x = t - t.mean()
    slope = float(x @ phase / (x @ x))
    residue = phase - phase.mean() - slope * x
    alike = max(1.0, cycle * (t.size - 1) / (t[-1] - t[0]))  # overlapping windows: the line follows them
    variance = float(residue @ residue) / max(t.size - 2 * alike, 1.0) * alike
    spread = 1 / t.size + float(t.mean() ** 2 / (x @ x))
    return float(phase.mean() - slope * t.mean()), variance * spread, slope


def rocof(track: FrequencyTrack, window: float = 0.5) -> NDArray[np.float64]:
    """Return the slope of the least-squares line through the frequency over `window` [s] back, [Hz/s].

    NaN where the record is shorter than that, or less than half of the window is not held.
    """
    n, t, f = track.time.size, track.time, track.values
    good = (~track.held).astype(float)
    step = float(np.diff(t).min()) if n > 1 else window
    count, one, two, mean, cross = np.zeros((5, n))
    total = np.zeros(n)
    # Sums over ages, not differences of running totals: hours do not eat up the digits.
    for age in range(min(n, ceil(window / step * (1 - 1e-9)) + 1)):
        dt = t[: n - age] - t[age:]
        inside = dt >= -window * (1 + 1e-9)
        weight, df = good[: n - age] * inside, f[: n - age] - f[age:]
        total[age:] += inside
        count[age:] += weight
        one[age:] += weight * dt
        two[age:] += weight * dt * dt
        mean[age:] += weight * df
        cross[age:] += weight * dt * df
    spread = two * count - one * one
    full = (t - t[0] >= window * (1 - 1e-9)) & (count >= 0.5 * total) & (count > 2) & (spread > 0)
    slope = np.full(n, np.nan)
    np.divide(cross * count - one * mean, spread, out=slope, where=full)
    return slope
