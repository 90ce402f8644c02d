"""How far a measured voltage stays inside the region that a unit must ride through.

Let T(v) be the time that an envelope asks for at a voltage v, and D(v) the time that was
spent at v or worse (summed, or since the begin of the event where the envelope is a curve
over time). The event lies inside where D(v) <= T(v) at each v that occurs: the unit must
stay connected. The time margin is the least T(v) - D(v); the voltage margin is how much
worse the whole event could have been: the least v - w(D(v)), where w(d) is the voltage
that the envelope asks the time d at (`sides`: T is `required`, w is `edge`). A value
of Urms(1/2) holds until the next one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from math import inf, isfinite
from typing import TYPE_CHECKING

import numpy as np

from hil.compliance.envelope import CONFIDENCE
from hil.compliance.sides import ROUNDING, sides, worst_of
from hil.errors import ConfigError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hil.compliance.envelope import Envelope
    from hil.compliance.sides import Side


@dataclass(frozen=True, slots=True)
class Margin:
    """Where an event lies in an envelope."""

    state: str
    """"inside" (must be ridden through), "outside" (may trip from `may_trip_from` on), "undecided" (the
    edge lies within resolution and accuracy), "continuous" (no limit in time reached), "unfinished"
    (the record begins or ends in the event, and it is inside so far), "not specified" (the text is
    silent at this voltage), "not determinable" (samples are missing)."""
    confidence: str
    """Of the numbers of the envelope that it rests on."""
    time: float | None = None
    """Least of required time less time spent, negative outside [s]."""
    uncertainty: float | None = None
    """Of the time margin: the resolution of the series [s]."""
    voltage: float | None = None
    """Distance of the trajectory from the edge, negative outside [pu]."""
    level: float | None = None
    """Voltage that the time margin is least at [pu]."""
    at: float | None = None
    """When the time at this level ran out, or else was last spent [s]."""
    may_trip_from: float | None = None
    """First instant outside [s]."""
    mode: str = "continuous"
    """What the unit does at the worst voltage reached, one of `hil.compliance.envelope.MODES`."""
    valid: bool = True
    """False where the voltage is not known throughout."""


@dataclass(frozen=True, eq=False)
class _Trace:
    """The part of an event on one side of the envelope, near continuous operation or beyond it."""

    side: Side
    x: NDArray[np.float64]
    when: NDArray[np.float64]
    """Begin of each value [s]."""
    held: NDArray[np.float64]
    """How long it holds [s]."""
    begin: float | None
    """Begin of the event, where times count from there [s]."""

    @cached_property
    def order(self) -> NDArray[np.intp]:
        """Return the indices from the worst voltage on."""
        return np.argsort(self.x, kind="stable")

    @cached_property
    def spent(self) -> NDArray[np.float64]:
        """Return D at each voltage [s]."""
        if self.begin is not None:
            return self.when + self.held - self.begin
        x, spent = self.x[self.order], np.empty(self.x.size)
        spent[self.order] = np.cumsum(self.held[self.order])[np.searchsorted(x, x, side="right") - 1]
        return spent

    def room(self, shift: float = 0.0) -> NDArray[np.float64]:
        """Return T - D at each voltage, all shifted by so much [pu] [s]."""
        return self.side.required(self.x + shift) - self.spent

    def leaves(self) -> float | None:
        """Return when the event leaves the region to ride through, None where it does not [s]."""
        room = self.room()
        if room.min() >= -ROUNDING:
            return None
        if self.begin is not None:
            last = int((room < -ROUNDING).argmax())
            over = float(room[last])
        else:  # time only adds up: once outside, always outside; so halving finds the first instant
            held, needed = self.held[self.order], self.side.required(self.x[self.order])

            def least(n: int) -> float:
                early = self.order < n
                return float((needed[early] - np.cumsum(held[early])).min())

            inside, outside = 0, self.x.size
            while outside - inside > 1:
                n = (inside + outside) // 2
                inside, outside = (inside, n) if least(n) < -ROUNDING else (n, outside)
            last, over = outside - 1, least(outside)
        return float(self.when[last] + max(self.held[last] + over, 0.0))

    def last_at(self, k: int) -> float:
        """Return when the voltage at index k, or a worse one, was left for good [s]."""
        same = k if self.begin is not None else int(np.flatnonzero(self.x <= self.x[k])[-1])
        return float(self.when[same] + self.held[same])


def envelope_margin(
    envelope: Envelope,
    time: NDArray[np.float64],
    voltage: NDArray[np.float64],
    *,
    resolution: float = 0.0,
    accuracy: float = 0.0,
) -> Margin:
    """Return where one event lies; all that `time` [s] spans is taken for one event.

    voltage: Urms(1/2) of the channels, or the lowest and the highest of them, shape
    (channels, n) or (n,) [pu]. resolution: what a duration may be off by, one cycle for
    Urms(1/2) [s]. accuracy: what a voltage may be off by [pu].
    """
    held = np.diff(time, append=time[-1:])
    known = np.isfinite(np.atleast_2d(voltage)).all(axis=0)
    if not known.any():
        return Margin("not determinable", envelope.confidence, valid=False)
    sure = hope = spare = first = inf
    rest = min(
        float((x[known] - s.corner[-1]).min()) for s in sides(envelope) for x in [worst_of(voltage, s.sign)]
    )
    worst = Margin("continuous", envelope.confidence, valid=bool(known.all()))
    for side in sides(envelope):
        x = worst_of(voltage, side.sign)
        near = np.flatnonzero(known & (x < side.corner[-1] + accuracy))
        if not near.size:
            continue
        beyond = x[near] < side.corner[-1]
        begin = float(time[near[np.argmax(beyond)]]) if envelope.elapsed else None
        trace = _Trace(side, x[near], time[near], held[near], begin)
        sure = min(sure, float(trace.room(-accuracy).min()) - resolution)
        hope = min(hope, float(trace.room(accuracy).min()) + resolution)
        if not beyond.any():
            continue
        spare = min(spare, float((trace.x - side.edge(trace.spent))[beyond].min()))
        room = trace.room()
        k = int(room.argmin())
        left = trace.leaves()
        first = min(first, inf if left is None else left)
        if worst.time is None or room[k] < worst.time:
            worst = replace(
                worst,
                time=float(room[k]),
                uncertainty=resolution,
                level=side.sign * float(trace.x[k]),
                at=trace.last_at(k) if left is None else left,
                mode=envelope.mode(side.sign * float(trace.x.min())),
            )
    spare = rest if worst.time is None else spare
    worst = replace(
        worst,
        voltage=spare if isfinite(spare) else None,
        may_trip_from=first if isfinite(first) else None,
    )
    return _judged(worst, sure, hope, unfinished=_unfinished(envelope, voltage))


def _unfinished(envelope: Envelope, voltage: NDArray[np.float64]) -> bool:
    """Say whether the record begins or ends in the event."""
    return any((worst_of(voltage, s.sign)[[0, -1]] < s.corner[-1]).any() for s in sides(envelope))


def _judged(margin: Margin, sure: float, hope: float, *, unfinished: bool) -> Margin:
    """Return the margin with its state; sure, hope: the time margin at worst and at best [s]."""
    blank = replace(margin, time=None, uncertainty=None, voltage=None, level=None)
    if margin.mode == "not specified" and hope < 0:
        return replace(blank, state="not specified", may_trip_from=None)
    if hope < -ROUNDING:
        # Longer still than seen, where the record cuts the event.
        return replace(blank if unfinished else margin, state="outside")
    if not margin.valid:
        return replace(blank, state="not determinable")
    if unfinished:
        return replace(blank, state="unfinished")
    if sure < -ROUNDING:
        return replace(margin, state="undecided")
    return replace(margin, state="continuous" if margin.time is None else "inside")


def cumulative_margin(
    envelope: Envelope, time: NDArray[np.float64], voltage: NDArray[np.float64], *, resolution: float = 0.0
) -> Margin:
    """Return the margin of the times that add up within the envelope's window, over a whole record.

    Arguments as for `envelope_margin`. Bands with a longer time than the window cannot run
    out in it. The uncertainty is that of one event times the events in the worst window.
    """
    window = envelope.window
    if window is None:
        raise ConfigError(f"envelope {envelope.name} has no window in which times add up")
    known = np.isfinite(np.atleast_2d(voltage)).all(axis=0)
    held = np.diff(time, append=time[-1:])
    confidence = max(envelope.confidence, window.confidence, key=CONFIDENCE.index)
    sure = hope = first = inf
    worst = Margin("continuous", confidence, valid=bool(known.all()))
    for side in sides(envelope):
        x = np.where(known, worst_of(voltage, side.sign), np.inf)
        for corner, least in zip(side.corner, side.first, strict=True):
            k = np.flatnonzero(x < corner)
            if not k.size or least > window.time:
                continue
            begin, end = time[k], time[k] + held[k]
            total = np.cumsum(held[k])
            knots, sums = np.stack([begin, end], 1).ravel(), np.stack([total - held[k], total], 1).ravel()
            spent = total - np.interp(end - window.time, knots, sums)
            at = int(spent.argmax())
            room, inside = float(least - spent[at]), (end > end[at] - window.time) & (end <= end[at])
            wide = resolution * (1 + int((np.diff(k[inside]) > 1).sum()))
            sure, hope = min(sure, room - wide), min(hope, room + wide)
            gone = np.flatnonzero(spent > least + ROUNDING)
            left = float(end[gone[0]] - (spent[gone[0]] - least)) if gone.size else inf
            first = min(first, left)
            if worst.time is None or room < worst.time:
                worst = replace(
                    worst,
                    time=room,
                    uncertainty=wide,
                    level=side.sign * float(corner),
                    at=min(left, float(end[at])),
                    mode=envelope.mode(side.sign * float(x[k].min())),
                )
    worst = replace(worst, may_trip_from=first if isfinite(first) else None)
    return _judged(worst, sure, hope, unfinished=_unfinished(envelope, voltage))
