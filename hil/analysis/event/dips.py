"""Voltage dips, swells and interruptions, and the instant at which one began.

IEC 61000-4-30:2015, 5.4: a dip begins when Urms(1/2) of any channel falls below 90 %
of the reference and ends when all are back above 92 % (hysteresis 2 %); a swell begins
above 110 % and ends when all are below 108 %; a dip with all channels below 5 % is an
interruption. The clause knows instants to half a cycle. The inception is sharper: the
first sample that differs from that of one cycle earlier by more than the noise does.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

DIP, SWELL, HYSTERESIS, INTERRUPTION = 0.90, 1.10, 0.02, 0.05
"""Thresholds per unit of the reference voltage."""


@dataclass(frozen=True, slots=True)
class VoltageEvent:
    """One polyphase event."""

    kind: str
    """"dip", "swell" or "interruption"."""
    start: float
    """End of the first Urms(1/2) window beyond the threshold [s]."""
    end: float | None
    """End of the first Urms(1/2) window back inside, or None where the record ends first [s]."""
    begun: bool
    """False where the record begins inside the event."""
    residual: tuple[float, ...]
    """Lowest (dip) or highest (swell) Urms(1/2) of each channel, NaN where it is not known [V]."""
    typical: float
    """Median Urms(1/2) of the channel with the residual voltage [V]."""
    beyond: tuple[bool, ...]
    """Which channels were beyond the threshold."""

    @property
    def extreme(self) -> float:
        """Return the lowest (dip) or highest (swell) Urms(1/2) of all channels [V]."""
        known = [level for level in self.residual if isfinite(level)]
        return max(known) if self.kind == "swell" else min(known)


def merge(
    times: Sequence[NDArray[np.float64]], values: Sequence[NDArray[np.float64]]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return all instants of several series, and each series' latest value then, shape (series, instants)."""
    grid = np.unique(np.concatenate(times))
    grid = grid[grid >= max((t[0] for t in times if t.size), default=0.0)]
    return grid, np.array([hold(grid, t, v) for t, v in zip(times, values, strict=True)])


def hold(grid: NDArray[np.float64], time: NDArray[np.float64], values: NDArray[Any]) -> NDArray[Any]:
    """Return the latest value of a series at each instant of a grid that begins no earlier."""
    return values[np.searchsorted(time, grid, side="right") - 1]


def find_events(
    time: NDArray[np.float64], urms: NDArray[np.float64], reference: float
) -> tuple[VoltageEvent, ...]:
    """Return the voltage events in order of time.

    time: instants [s]; urms: Urms(1/2), shape (channels, instants), NaN where unknown;
    reference: declared or pre-event voltage [V]. One channel known to be beyond begins an
    event; it takes all channels known to be back to end it.
    """
    low, high = np.fmin.reduce(urms, axis=0), np.fmax.reduce(urms, axis=0)
    back_up, back_down = urms.min(axis=0), urms.max(axis=0)
    dips = spans(low < DIP * reference, back_up >= (DIP + HYSTERESIS) * reference)
    swells = spans(high > SWELL * reference, back_down <= (SWELL - HYSTERESIS) * reference)
    events = []
    for kind, found in (("dip", dips), ("swell", swells)):
        for begin, end in found:
            part = urms[:, begin:end]
            gone = bool((part.max(axis=0) < INTERRUPTION * reference).any())
            residual = (np.fmin if kind == "dip" else np.fmax).reduce(part, axis=1)
            beyond = residual < DIP * reference if kind == "dip" else residual > SWELL * reference
            worst = np.nanargmin(residual) if kind == "dip" else np.nanargmax(residual)
            events.append(
                VoltageEvent(
                    kind="interruption" if gone else kind,
                    start=float(time[begin]),
                    end=None if end is None else float(time[end]),
                    begun=begin > 0,
                    residual=tuple(residual.tolist()),
                    typical=float(np.nanmedian(part[worst])),
                    beyond=tuple(beyond.tolist()),
                )
            )
    return tuple(sorted(events, key=lambda event: event.start))


def interruptions(
    time: NDArray[np.float64], urms: NDArray[np.float64], reference: float
) -> tuple[tuple[float, float | None], ...]:
    """Return begin and end of each interruption itself, within its dip; end None: the record ends first [s].

    It begins when all channels are below 5 % and ends when any is back above 7 % (5.5).
    """
    high = urms.max(axis=0)
    known = np.fmax.reduce(urms, axis=0)
    found = spans(high < INTERRUPTION * reference, known >= (INTERRUPTION + HYSTERESIS) * reference)
    return tuple((float(time[a]), None if b is None else float(time[b])) for a, b in found)


def spans(starts: NDArray[np.bool_], stops: NDArray[np.bool_]) -> list[tuple[int, int | None]]:
    """Return (begin, end) of each span from a start to the next stop; end None: the record ends first."""
    begins, ends = np.flatnonzero(starts), np.flatnonzero(stops)
    spans: list[tuple[int, int | None]] = []
    at = 0
    while (k := int(np.searchsorted(begins, at))) < begins.size:
        begin = int(begins[k])
        later = int(np.searchsorted(ends, begin))
        if later == ends.size:
            spans.append((begin, None))
            break
        at = int(ends[later])
        spans.append((begin, at))
    return spans


def inception(
    samples: NDArray[Any], cycle: float, begin: int, end: int, amplitude: float
) -> tuple[int, float] | None:
    """Return the first sample of a disturbance in begin .. end and how late it may be [samples].

    samples: shape (channels, n); cycle: samples per cycle; amplitude: peak of the
    undisturbed voltage [V]. The threshold is six standard deviations of the differences in
    the cycles before `begin`, at least 0.5 % of the amplitude. None where there is no such
    sample, or less than half a cycle before `begin` to know the noise from.
    """
    past = int(np.ceil(cycle))
    quiet = max(past, begin - round(10 * cycle))
    step = max(1, round(cycle / 16))
    stop = min(end + step, samples.shape[1])
    if begin - quiet < cycle / 2 or end <= begin:
        return None
    part = past - cycle
    now = samples[:, quiet:stop]
    ago = samples[:, quiet - past : stop - past] * (1 - part)
    ago += samples[:, quiet - past + 1 : stop - past + 1] * part
    change = np.abs(now - ago)
    noise = 1.4826 * np.median(change[:, : begin - quiet], axis=1, keepdims=True)
    threshold = np.maximum(6 * noise, 0.005 * amplitude)
    excess = (change / threshold).max(axis=0)[begin - quiet :]
    beyond = np.concatenate([[0], np.cumsum(excess > 1)])
    lasting = beyond[step:] - beyond[:-step] > step / 2  # a lone spike is not a disturbance
    found = np.flatnonzero((excess[: lasting.size] > 1) & lasting)
    if not found.size:
        return None
    first = int(found[0])
    growth = float(excess[first : first + step].max())
    return begin + first, min(step / growth + 1, cycle / 2)
