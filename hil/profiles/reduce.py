"""A profile in few points: steps or lines within an error bound, the smallest that the points allow.

Steps: one greedy pass gives the fewest steps whose values lie within a span 2 e; the smallest e
that fits is found by halving, so no other choice of as many steps has a smaller span. Lines: the swing
filter (Elmeleegy et al., VLDB 2009, doi:10.14778/1687627.1687645): a cone of slopes that keep within e of
each point, closed by a new line when it is empty; their number is not proven least. Between the ends
so found, levels and knots take the least squares of the error, which keeps the energy.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from math import ceil, inf
from typing import TYPE_CHECKING, Final

import numpy as np

from hil.analysis.buffering.metrics import PASSED
from hil.profiles.profile import Profile, without_idle_points

if TYPE_CHECKING:
    from collections.abc import Callable

    from hil.profiles.profile import Array

MOST: Final = 100_000
"""Points that are chosen from; a finer profile is averaged first."""
HALVINGS: Final = 40


def reduced(
    profile: Profile,
    points: int,
    shortest: float,
    longest: float,
    *,
    held: bool,
    tell: Callable[[float], None] | None = None,
) -> Profile:
    """Return the profile as at most so many steps, or lines, each between two durations [s].

    A step or line longer than the longest is cut into equal parts, which count. The caller has made
    sure that so many of the longest cover the profile.
    """
    fine = _candidates(profile, shortest, held=held)
    choose = _steps if held else _lines
    time, power = fine.time.tolist(), fine.power.tolist()
    span = max(power) - min(power)
    best = _cut(choose(time, power, 1e-12 * span), longest)
    if len(best) - 1 > points:
        low, high = 0.0, span
        best = _cut(choose(time, power, high), longest)
        for halving in range(HALVINGS):
            bound = 0.5 * (low + high)
            found = _cut(choose(time, power, bound), longest)
            if len(found) - 1 <= points:
                best, high = found, bound
            else:
                low = bound
            if tell is not None:
                tell((halving + 1) / HALVINGS)
    return _settled(profile, fine, best)


def points_for(profile: Profile, error: float, shortest: float, longest: float, *, held: bool) -> int | None:
    """Return about how many steps or lines keep the RMS error below this; None where none do."""
    fine = _candidates(profile, shortest, held=held)
    choose = _steps if held else _lines
    time, power = fine.time.tolist(), fine.power.tolist()
    bound = max(power) - min(power)
    for _ in range(2 * HALVINGS):
        bound *= 0.5**0.5
        knots = _cut(choose(time, power, bound), longest)
        if rms_and_worst(profile, _settled(profile, fine, knots))[0] <= error:
            return len(knots) - 1
    return None


def rms_and_worst(a: Profile, b: Profile) -> tuple[float, float]:
    """Return RMS and largest size of a - b over a, exact for steps and lines."""
    time = np.union1d(a.time, b.time)
    time = time[(time >= a.time[0]) & (time <= a.time[-1])]
    begin = a.at(time[:-1]) - b.at(time[:-1])
    end = a.at(time[1:], before=True) - b.at(time[1:], before=True)
    square = (begin**2 + begin * end + end**2) / 3.0  # mean of the square of a line
    rms = float(np.sqrt((square * np.diff(time)).sum() / (time[-1] - time[0])))
    return rms, float(max(np.abs(begin).max(), np.abs(end).max()))


def _settled(profile: Profile, fine: Profile, knots: list[tuple[float, float]]) -> Profile:
    """Return the list between these ends, with the levels of least squares."""
    at = np.array([time for time, _ in knots])
    if fine.held:
        means = np.diff(fine.energy_until(at)) / np.diff(at)
        values = np.append(means, means[-1])
    else:
        values = _least_squares(fine, at)
    shape = "steps" if fine.held else "lines"
    return replace(profile.but(f"reduced to {at.size - 1} {shape}"), time=at, power=values, held=fine.held)


def _candidates(profile: Profile, shortest: float, *, held: bool) -> Profile:
    """Return a profile of the wanted kind whose points are no closer than the shortest duration [s]."""
    plain = without_idle_points(profile)
    if plain.held and not held:  # a line is no steeper than what was measured can have been
        shortest = max(shortest, PASSED / profile.bandwidth)
    near = float(np.diff(plain.time).min()) * (1.0 + 1e-9)
    if len(plain) <= MOST and plain.held == held and near >= shortest:
        return plain
    if len(plain) <= MOST // 2 and plain.held and near >= 2.0 * shortest:  # a step becomes a short line
        middle = plain.time[1:-1]
        time = np.column_stack((middle - 0.5 * shortest, middle + 0.5 * shortest)).ravel()
        power = np.repeat(plain.power[:-1], 2)
        return replace(
            plain, time=np.concatenate((plain.time[:1], time, plain.time[-1:])), power=power, held=False
        )
    if held and not plain.held and len(plain) <= MOST // 2 and near >= shortest:  # lines become stairs
        change, length = np.abs(np.diff(plain.power)), np.diff(plain.time)
        parts = np.ceil(change / (change.sum() or 1.0) * (MOST // 2))
        parts = np.maximum(1.0, np.minimum(parts, np.floor(length / shortest * (1.0 + 1e-9)))).astype(int)
        number = np.arange(parts.sum()) - np.repeat(np.cumsum(parts) - parts, parts)
        grid = np.repeat(plain.time[:-1], parts) + number * np.repeat(length / parts, parts)
        return _means(plain, np.append(grid, plain.time[-1]))
    count = max(1, min(int(profile.duration / shortest + 1e-9), MOST))
    grid = np.linspace(profile.time[0], profile.time[-1], count + 1)
    if held:
        return _means(profile, grid)
    half = 0.5 * profile.duration / count  # a mean about each point: noise does not fold, energy is kept
    around = np.clip(np.stack((grid - half, grid + half)), grid[0], grid[-1])
    power = np.diff(profile.energy_until(around), axis=0)[0] / np.diff(around, axis=0)[0]
    return replace(profile, time=grid, power=power, held=False)


def _means(profile: Profile, grid: Array) -> Profile:
    """Return the means between the times of a grid."""
    means = np.diff(profile.energy_until(grid)) / np.diff(grid)
    return replace(profile, time=grid, power=np.append(means, means[-1]), held=True)


def _least_squares(fine: Profile, knots: Array) -> Array:
    """Return the power at the knots for which lines between them miss a profile least, in the mean square.

    The normal equations of linear finite elements; constants are among the lines, so energy is kept
    where no knot is held back.
    """
    from scipy.linalg import solveh_banded  # noqa: PLC0415 - slow to import

    time = np.union1d(fine.time, knots)
    power, length = fine.at(time), np.diff(time)
    span = np.diff(knots)
    k = np.clip(np.searchsorted(knots, time[:-1], side="right") - 1, 0, span.size - 1)
    a, b = (time[:-1] - knots[k]) / span[k], (time[1:] - knots[k]) / span[k]  # rising hats
    f, g = power[:-1], power[1:]
    rising = length / 6.0 * (2 * f * a + f * b + g * a + 2 * g * b)
    both = 0.5 * length * (f + g)
    right = np.bincount(k, both - rising, knots.size) + np.bincount(k + 1, rising, knots.size)
    diagonal = (np.append(span, 0.0) + np.append(0.0, span)) / 3.0
    low, high = power.min(), power.max()
    values = np.full(knots.size, np.nan)
    while (
        True
    ):  # a knot that would overshoot the profile's own range is held at its end, and the rest solved again
        fixed = np.isfinite(values)
        known = np.where(fixed, values, 0.0)
        near = np.append(span * known[1:], 0.0) / 6.0 + np.append(0.0, span * known[:-1]) / 6.0
        beside = np.where(fixed[1:] | fixed[:-1], 0.0, span / 6.0)
        matrix = np.stack((np.append(0.0, beside), np.where(fixed, 1.0, diagonal)))
        solved: Array = solveh_banded(matrix, np.where(fixed, known, right - near))
        beyond = ((solved < low) | (solved > high)) & ~fixed
        if not beyond.any():
            return solved
        values[beyond] = np.clip(solved[beyond], low, high)


def _steps(time: list[float], power: list[float], bound: float) -> list[tuple[float, float]]:
    """Return where steps begin, and the end: the fewest whose values lie within twice the bound."""
    out = [(time[0], power[0])]
    low = high = power[0]
    for k in range(1, len(power) - 1):  # the last point only ends the profile
        low, high = min(low, power[k]), max(high, power[k])
        if high - low > 2.0 * bound:
            out.append((time[k], power[k]))
            low = high = power[k]
    return [*out, (time[-1], power[-1])]


def _lines(time: list[float], power: list[float], bound: float) -> list[tuple[float, float]]:
    """Return the knots of lines that pass each point within the bound."""
    t0, p0 = time[0], power[0]
    out = [(t0, p0)]
    low, high = -inf, inf
    for k in range(1, len(time)):
        span = time[k] - t0
        least, most = (power[k] - bound - p0) / span, (power[k] + bound - p0) / span
        if max(low, least) > min(high, most):  # no line reaches this point: end at the one before
            t0, p0 = _end(t0, p0, time[k - 1], power[k - 1], low, high)
            out.append((t0, p0))
            span = time[k] - t0
            low, high = (power[k] - bound - p0) / span, (power[k] + bound - p0) / span
        else:
            low, high = max(low, least), min(high, most)
    return [*out, _end(t0, p0, time[-1], power[-1], low, high)]


def _end(t0: float, p0: float, time: float, power: float, low: float, high: float) -> tuple[float, float]:
    """Return the end of a line from (t0, p0), as near to the power there as the cone of slopes allows."""
    slope = min(max((power - p0) / (time - t0), low), high)
    return time, p0 + slope * (time - t0)


def _cut(knots: list[tuple[float, float]], longest: float) -> list[tuple[float, float]]:
    """Return knots with more between those that are further apart than the longest duration [s]."""
    out = knots[:1]
    for (t0, p0), (t1, p1) in pairwise(knots):
        parts = max(1, ceil((t1 - t0) / longest - 1e-9))
        out += [(t0 + (t1 - t0) * k / parts, p0 + (p1 - p0) * k / parts) for k in range(1, parts)]
        out.append((t1, p1))
    return out
