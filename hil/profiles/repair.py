"""What is wrong with telemetry, found line by line, and the one rule by which each is repaired."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from hil.errors import FormatError
from hil.units import show

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.profiles.profile import Array
    from hil.profiles.telemetry import Raw

GAP: Final = 3.0
"""Spacings, of the median, from which on values are missing between two stamps."""
OFFSET: Final = 0.01
"""Share of the highest power that a meter's offset may read below zero."""
HOUR: Final = 3600.0
NIGHT: Final = 4.0 * HOUR
"""Clocks are changed before this time of day."""
PER_GPU: Final = (15.0, 5000.0)
"""Highest power of a GPU with its share of the node [W]: idle boards take 20 to 75 W; a GB200 1200 W."""
OF_RATING: Final = (0.01, 1.5)
"""Highest power per rating; short excursions reach 1.5 (EDPp)."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong in a file."""

    lines: tuple[int, ...]
    what: str
    rule: str
    """What repairing does; empty where nothing can."""

    def text(self, path: object) -> str:
        """Return it for a person, with the file and the first line."""
        more = (
            f" (and {len(self.lines) - 1} more, the last in line {self.lines[-1]})" if self.lines[1:] else ""
        )
        return f"{path}, line {self.lines[0]}{more}: {self.what}"


def mended(raw: Raw, gap: float | None = None) -> tuple[Array, Array, tuple[Finding, ...]]:
    """Return times [s] and powers [W] by the rules, and what was found on the way.

    gap: spacing from which on values are missing [s]; three median spacings unless given.
    Raises `FormatError` where no rule helps.
    """
    found: list[Finding] = []

    def note(where: Any, what: str, rule: str) -> bool:
        """Add a finding of the lines where something is the case; say whether there is any."""
        if not where.any():
            return False
        found.append(Finding(tuple(line[where].tolist()), what, rule))
        return True

    time, power, line = raw.time.copy(), raw.power.copy(), raw.line
    missing = np.isnan(power)
    if note(missing, "no power here", "leaves the row out"):
        time, power, line = time[~missing], power[~missing], line[~missing]
    if time.size < 2:
        raise FormatError("has fewer than two values of power")
    spacing = _spacing(time)
    time = _clock(raw, time, spacing, note)
    back = np.diff(time, prepend=-np.inf) < 0.0
    if note(back, "time goes back", "sorts the rows by time"):
        order = np.argsort(time, kind="stable")
        time, power, line = time[order], power[order], line[order]
    twice = np.diff(time, prepend=-np.inf) == 0.0
    if note(twice, "the same time as before", "takes the mean of the values"):
        begins = np.flatnonzero(~twice)
        power = np.add.reduceat(power, begins) / np.diff([*begins.tolist(), power.size])
        time, line = time[begins], line[begins]
    small = (power < 0.0) & (power >= -OFFSET * power.max())
    negative = (power < 0.0) & ~small
    if negative.any():
        raise FormatError(
            f"line {line[negative][0]}: power is {power[negative][0]:g} W, and a load takes it; "
            "turn the sign, or cut out what is fed back"
        )
    note(
        small,
        f"power is negative by less than {100 * OFFSET:g} % of the highest",
        "takes it for the meter's offset, as zero",
    )
    power = np.where(small, 0.0, power)
    if time.size < 2:
        raise FormatError("has fewer than two different times")
    limit = GAP * _spacing(time) if gap is None else gap
    holes = np.diff(time, prepend=time[0]) > limit
    longest = np.diff(time).max()
    if note(
        holes,
        f"up to {longest:g} s without a value, more than {limit:g} s",
        "keeps the longest stretch without a gap",
    ):
        edges = [0, *np.flatnonzero(holes).tolist(), time.size]
        k = int(np.argmax([time[b - 1] - time[a] for a, b in pairwise(edges)]))
        time, power = time[edges[k] : edges[k + 1]], power[edges[k] : edges[k + 1]]
        if time.size < 2:
            raise FormatError(f"has gaps between all of its values; raise --gap above {limit:g} s")
    return time - time[0], power, tuple(found)


def _clock(raw: Raw, time: Array, spacing: float, note: Any) -> Array:
    """Return times without the jumps of a local clock: midnight, and the changes of spring and autumn."""
    if raw.clock is None:
        return time
    step = np.diff(time, prepend=time[0])
    midnight = (step < -12 * HOUR) if raw.daily else np.zeros(step.size, dtype=bool)
    before = (raw.clock + np.concatenate(([0.0], time[:-1]))) % (24 * HOUR)
    night = before < NIGHT
    autumn = night & (np.abs(step + HOUR - spacing) <= 2 * spacing) & (spacing < HOUR / 4)
    spring = night & (np.abs(step - HOUR - spacing) <= 0.5 * spacing) & (spacing < HOUR / 4)
    note(midnight, "time of day passes midnight", "adds a day to what follows")
    note(autumn, "local time goes back by an hour", "adds the hour to what follows (clock change)")
    note(spring, "local time jumps ahead by an hour", "takes the hour from what follows (clock change)")
    shift: Array = np.cumsum(24 * HOUR * midnight + HOUR * autumn - HOUR * spring)
    return time + shift


def _spacing(time: Array) -> float:
    ahead = np.diff(time)
    ahead = ahead[ahead > 0.0]
    if not ahead.size:
        raise FormatError("has no two values whose time increases")
    return float(np.median(ahead))


def check_size(power: Array, gpus: int | None, rating: float | None) -> None:
    """Refuse power that cannot be that of so many GPUs, or of this rating [W]: kW taken for W."""
    peak = float(power.max())
    sizes: Sequence[tuple[float | None, tuple[float, float], str]] = (
        (gpus, PER_GPU, f"{gpus} GPUs"),
        (rating, OF_RATING, f"a rating of {show(rating or 0.0, 'W')}"),
    )
    for count, (low, high), whose in sizes:
        if count is None or low <= peak / count <= high:
            continue
        factor = next((f for f in (1e3, 1e6, 1e-3, 1e-6) if low <= peak * f / count <= high), None)
        advice = "check the unit and the number"
        if factor is not None:
            size, how = (factor, "small") if factor > 1 else (1 / factor, "large")
            units = {"small": ("kW", "W"), "large": ("W", "kW")}[how]
            advice = f"it is {size:g} times too {how}: {units[0]} taken for {units[1]}? say which with --unit"
        raise FormatError(
            f"the highest power, {show(peak, 'W')}, cannot be that of {whose} "
            f"({show(low * count, 'W')} to {show(high * count, 'W')}); {advice}"
        )
