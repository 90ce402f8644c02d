"""Load shapes of AI work, defined by their knots: what is not sampled has no false edges.

Power is per unit of the load's rating. Figures and their sources: docs/profiles.md.
"""

from __future__ import annotations

from math import ceil, floor, log10
from typing import TYPE_CHECKING

import numpy as np

from hil.errors import ConfigError
from hil.profiles.profile import Profile, without_idle_points

if TYPE_CHECKING:
    from collections.abc import Sequence

PER_PERIOD = 100
"""Points of a sine: lines between them miss it by at most (pi / 100)^2 / 2, 0.05 % of its amplitude."""
MOST = 2_000_000
"""Points that a profile may have."""


def lines(knots: Sequence[float], powers: Sequence[float]) -> Profile:
    """Return lines between knots [s, pu]; raises `ConfigError` where times do not increase."""
    if not (np.diff(knots) > 0.0).all():
        raise ConfigError(f"these times leave no room for the edges: {', '.join(f'{t:g}' for t in knots)} s")
    return Profile(np.array(knots, dtype=float), np.array(powers, dtype=float), unit="pu")


def square(period: float, duty: float, high: float, low: float, edge: float, duration: float) -> Profile:
    """Return training: compute at `high` for `duty` of each period [s], communication at `low` [pu].

    Edges [s] are straight, and begin where the level changes; a whole number of periods is made.
    """
    _share("duty", duty)
    _ordered(low, high)
    if not 0.0 < edge < period * min(duty, 1.0 - duty):
        raise ConfigError(f"edge = {edge:g} s must be shorter than either part of a period of {period:g} s")
    count = _whole(duration, period, 4)
    knots = np.array([0.0, edge, duty * period, duty * period + edge])
    time = (np.arange(count)[:, None] * period + knots).ravel()
    return Profile(
        np.append(time, count * period), np.append(np.tile([low, high, high, low], count), low), unit="pu"
    )


def start(low: float, high: float, edge: float, before: float, after: float) -> Profile:
    """Return a start from `low` to `high` [pu] within an edge [s], with what lies before and after it [s]."""
    return lines([0.0, before, before + edge, before + edge + after], [low, low, high, high])


def checkpoint(high: float, low: float, dip: float, interval: float, edge: float, duration: float) -> Profile:
    """Return dips from `high` to `low` [pu] that last `dip` [s], one in each interval [s], at its middle."""
    _ordered(low, high)
    if not 0.0 < edge < dip < interval - 2.0 * edge:
        raise ConfigError(
            f"a dip of {dip:g} s with edges of {edge:g} s needs a longer interval than {interval:g} s"
        )
    count = _whole(duration, interval, 4)
    begin = 0.5 * (interval - dip)
    knots = np.array([begin, begin + edge, begin + dip, begin + dip + edge])
    time = (np.arange(count)[:, None] * interval + knots).ravel()
    power = np.tile([high, low, low, high], count)
    return Profile(
        np.concatenate(([0.0], time, [count * interval])), np.concatenate(([high], power, [high])), unit="pu"
    )


def fault_stop(
    high: float, low: float, edge: float, before: float, stopped: float, restart: float, after: float
) -> Profile:
    """Return a stop from `high` to `low` [pu] within an edge [s], and the restart as a ramp [s]."""
    _ordered(low, high)
    steps = np.cumsum([0.0, before, edge, stopped, restart, after])
    return lines(steps.tolist(), [high, high, low, low, high, high])


def sweep(low: float, high: float, mean: float, swing: float, cycles: float, shape: str) -> Profile:
    """Return third octaves between two frequencies [Hz], each with the same swing about a mean [pu].

    The swing is peak to peak; exact frequencies are 10^(k/10) Hz as in IEC 61260-1. The shape is
    "sine" or "square", whose edges last a hundredth of the period.
    """
    if not 0.0 < swing <= 2.0 * mean:
        raise ConfigError(f"swing = {swing:g} pu about {mean:g} pu would need negative power; raise the mean")
    if shape not in {"sine", "square"}:
        raise ConfigError(f"shape = {shape!r} is not sine or square")
    frequencies, count = third_octaves(low, high), round(cycles)
    if count < 1 or count * len(frequencies) * PER_PERIOD > MOST:
        raise ConfigError(f"cycles = {cycles:g}: 1 to {MOST // (PER_PERIOD * len(frequencies))} are possible")
    phase = np.arange(count * PER_PERIOD) / PER_PERIOD
    turn = phase % 1.0
    edge = 1.0 / PER_PERIOD
    corners = [0.0, edge, 0.5, 0.5 + edge, 1.0]
    wave = (
        np.sin(2 * np.pi * phase)
        if shape == "sine"
        else np.interp(turn, corners, [-1.0, 1.0, 1.0, -1.0, -1.0])
    )
    begins = np.concatenate(([0.0], np.cumsum([count / f for f in frequencies])))
    time = np.concatenate([b + phase / f for b, f in zip(begins[:-1], frequencies, strict=True)])
    powers = mean + 0.5 * swing * np.append(np.tile(wave, len(frequencies)), wave[0])
    found = Profile(np.append(time, begins[-1]), powers, unit="pu")
    return without_idle_points(found) if shape == "square" else found


def third_octaves(low: float, high: float) -> tuple[float, ...]:
    """Return the third octaves 10^(k/10) [Hz] whose nominal value, up to 2 % away, lies between the two."""
    if not 0.0 < low <= high:
        raise ConfigError(f"no frequency lies between {low:g} and {high:g} Hz")
    first, last = ceil(10 * log10(low / 1.02)), floor(10 * log10(high * 1.02))
    if first > last:
        raise ConfigError(f"no third octave lies between {low:g} and {high:g} Hz; widen the band")
    return tuple(10 ** (k / 10) for k in range(first, last + 1))


def _whole(duration: float, period: float, points: int) -> int:
    """Return the periods in a duration; it must hold one, and not too many."""
    count = floor(duration / period + 1e-9)
    if not 1 <= count <= MOST // points:
        raise ConfigError(
            f"duration = {duration:g} s: {count} periods of {period:g} s; 1 to {MOST // points} are possible"
        )
    return count


def _ordered(low: float, high: float) -> None:
    if not 0.0 <= low < high:
        raise ConfigError(f"low = {low:g} pu must lie below high = {high:g} pu, and not below zero")


def _share(name: str, value: float) -> None:
    if not 0.0 < value < 1.0:
        raise ConfigError(f"{name} = {value:g} must lie between 0 and 1")
