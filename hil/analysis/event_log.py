"""Whether a unit's event log says when things happened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from hil.waveform import PHASES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.waveform import Waveform

WIDTH: Final = 0.2e-3
"""Of the means of power in which an end is looked for [s]."""
LITTLE, SOME = 0.05, 0.10
"""Shares of rated power: up to the first it is none, for a filter may ring; above the second it is there."""
QUIET: Final = 0.05
"""How long power must stay away for it to have ended [s]."""
DECADES: Final = (10.0, 1.0, 0.1, 1e-2, 1e-3, 1e-4, 1e-5)
"""Resolutions that a log may have [s]."""
ENOUGH: Final = 4
"""Entries from which a resolution is told: that many instants on one grid by chance are rare."""


@dataclass(frozen=True, slots=True)
class PowerEnd:
    """An instant from which the unit gave and took no power."""

    time: float
    """[s]"""
    uncertainty: float
    """For how long the power was on its way from 10 % of rating to 5 % [s]."""


def power_ends(waveform: Waveform, rated_power: float) -> tuple[PowerEnd, ...]:
    """Return when the active power at the terminals ended; with missing samples or channels, none."""
    pairs = tuple(zip(waveform.find("voltage"), waveform.find("current"), strict=False))
    width = max(1, round(WIDTH * waveform.rate))
    count = len(waveform) // width
    missing = waveform.valid is not None and not waveform.valid.all()
    if len(pairs) != len(PHASES) or not count or missing:
        return ()
    power = np.zeros(count * width)
    for v, i in pairs:
        power += waveform[v.name][: power.size].astype(float) * waveform[i.name][: power.size]
    size = np.abs(power.reshape(count, width).mean(axis=1)) / rated_power
    step, quiet = width / waveform.rate, round(QUIET / WIDTH)
    on = size > LITTLE
    found = []
    for last in np.flatnonzero(on[:-1] & ~on[1:]):
        if on[last + 1 : last + 1 + quiet].any() or last + 1 + quiet > count:
            continue
        strong = np.flatnonzero(size[: last + 1] > SOME)
        if strong.size:
            way = float(last - strong[-1] + 1) * step
            found.append(PowerEnd(float(waveform.start + (last + 1) * step), way))
    return tuple(found)


def resolution(times: Sequence[float]) -> float | None:
    """Return the coarsest power of ten on whose multiples all times lie, counted from the first [s].

    None of too few entries, and of times that lie on no such grid.
    """
    if len(times) < ENOUGH:
        return None
    since = np.asarray(times) - times[0]
    fits = (step for step in DECADES if (np.abs(since - np.rint(since / step) * step) < 2e-6).all())
    return next(fits, None)
