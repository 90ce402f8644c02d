"""What the PCS's communication card tells, as opposed to what is: readings and event log."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any, Final

from .build import part_of
from .emt import events
from .emt import unit as k
from .terminals import PCS_ALARMS, PCS_MODES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .parameters import Parameters

FRESH: Final = events.TIED
"""What a PCS is before it does anything: off, the breaker closed."""


class Telemetry:
    """Turns readings, each by its channel, into what is told; one that is not told is None.

    What lags or stands still remembers, once per window of the meters, so that it does not
    depend on how often anybody looks.
    """

    def __init__(self, q: Parameters, charge: float, step: float, window: int = 1) -> None:
        """Begin at a state of charge [pu], with a plant's step [s] and a window of so many steps."""
        self._gain, self._flaws, self._charge = q.telemetry_gain, q.defects, charge
        self._window, self._step = window, step
        self._part = part_of(window * step, q.defects.telemetry_lag)
        self._remembers = bool(q.defects.telemetry_lag or q.defects.flat_channel)
        self._seen = 0
        self._late: dict[str, Any] = {}
        self._flat: dict[str, Any] = {}

    def due(self, steps: int) -> float:
        """Return the step at which it must next be told what is; infinity where it remembers nothing."""
        return (steps // self._window + 1) * self._window if self._remembers else inf

    def tell(self, true: Mapping[str, Any], steps: int, *, running: bool) -> dict[str, Any]:
        """Return what is told of the true readings, after so many steps of the plant."""
        flaws, told = self._flaws, dict(true)
        told["watts"] *= self._gain
        told["state_of_charge"] += flaws.charge_miscount * (true["state_of_charge"] - self._charge)
        told["state_of_charge"] += flaws.charge_drift * steps * self._step / 3600.0
        if self._remembers and steps % self._window == 0 and steps > self._seen:
            self._seen = steps
            if flaws.telemetry_lag:
                self._late = {
                    name: _moved(self._late.get(name, x), x, self._part) for name, x in told.items()
                }
            if running and flaws.flat_channel and not self._flat:
                self._flat = {flaws.flat_channel: (told | self._late)[flaws.flat_channel]}
        told |= self._late | self._flat
        if flaws.missing_channel:
            told[flaws.missing_channel] = None
        return told


def _moved(old: Any, new: Any, part: float) -> Any:
    """Return a reading, or one of each phase, part of its way from old to new."""
    if isinstance(new, list):
        return [_moved(x, y, part) for x, y in zip(old, new, strict=True)]
    return old + part * (new - old)


class EventLog:
    """Reads what the control has noted, and puts it into words."""

    def __init__(self, late: float) -> None:
        self._late = late
        self._read = 0
        self._before = FRESH

    def read(self, w: Any) -> list[tuple[float, str]]:
        """Return the entries since the last time: plant time [s], and what happened."""
        count = int(w[events.COUNT])
        entries: list[tuple[float, str]] = []
        first = max(self._read, count - events.ENTRIES)
        for n in range(first, count):
            at = events.RING + 2 * (n % events.ENTRIES)
            time, now = round(float(w[at]), 6) + self._late, int(w[at + 1])
            if n == first > self._read:
                entries.append((time, "entries lost"))
            entries += [(time, text) for text in _changes(self._before, now)]
            self._before = now
        self._read = count
        return entries


def _changes(before: int, now: int) -> list[str]:
    """Return what makes the difference between two entries of the ring, in words of `PCS_EVENTS`."""
    mode, alarm = now % events.ALARMS, now % events.FORMS // events.ALARMS
    running = k.RUNNING in (mode, before % events.ALARMS)
    changed = before ^ now
    texts = []
    if changed & (events.FORMS - 1):
        texts.append(f"{PCS_MODES[mode]}: {PCS_ALARMS[alarm - 1]}" if alarm else PCS_MODES[mode])
    if changed & events.TIED:
        pair = ("islanded", "resynchronised") if running else ("breaker open", "breaker closed")
        texts.append(pair[bool(now & events.TIED)])
    if mode == k.RUNNING and changed & events.FORMS:
        texts.append("forming" if now & events.FORMS else "following")
    if mode == k.RUNNING and changed & events.LIMITS:
        texts.append("current limit on" if now & events.LIMITS else "current limit off")
    return texts
