"""Current in a voltage event: reactive support by the definitions of IEEE 2800, negative sequence.

Generator convention: positive reactive current supports the voltage. All is over one
cycle; times have half of it subtracted, and the note gives the raw ones.
"""

from __future__ import annotations

from dataclasses import replace
from math import degrees, isfinite
from typing import TYPE_CHECKING, Final

import numpy as np

from hil.analysis.event.span import STEADY, mean_within
from hil.analysis.phasor import line_to_neutral, sliding_phasors, symmetrical
from hil.analysis.power.track import HOPS
from hil.analysis.result import Result
from hil.analysis.step.response import step_response

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hil.analysis.event.span import Span
    from hil.analysis.power.track import PowerTrack
    from hil.analysis.signals import Signals

BAND = -0.025, 0.10
"""Settling band about the final reactive current, per unit of the rated current; IEEE 2800-2022, 7.2.2.3."""
BEFORE: Final = "per unit of the current before the event: the rated current is not known"
_LEAST = 0.01
"""Negative sequence that has an angle, per unit of the voltage and current before the event."""


def reactive_current(
    track: PowerTrack,
    base: float | None,
    span: Span | None,
    end: float,
    reference: float,
    rated: float | None = None,
) -> list[Result]:
    """Return the reactive current in the event after its first cycle, and how fast it came.

    Per unit of the rated current [A]; where that is not known, of `base`, the positive-sequence
    current before the event [A], and the result says so. The steady state ends at `end` [s].
    """
    unit = rated or base
    note = "" if rated else BEFORE
    title, method = "Reactive current in the event", "IEC 61400-21-1, Annex C; I_Q = Q+ / (3 U+)"

    def no(state: str, note: str = "") -> list[Result]:
        return [
            Result(
                "reactive_current",
                title,
                None,
                "pu",
                state=state,
                method=method,
                note=note,
                section="Ride-through",
            )
        ]

    if track.power is None or track.i1 is None:
        return []
    if span is None:
        return no("no event")
    begin, stop = span.start + track.cycle, span.horizon if span.back is None else span.back
    u1, _ = mean_within(track, np.abs(track.u1), begin, stop)
    if u1 is None or unit is None:
        return no(
            "not determinable", "the event is shorter than two cycles, or there was no current before it"
        )
    if u1 < 0.05 * reference:
        return no("not determinable", "no positive-sequence voltage in the event to refer to")
    inside = (track.time >= end - STEADY * track.cycle) & (track.time <= stop)
    size = np.abs(track.u1[inside])
    current = np.full(track.time.size, np.nan)
    current[inside] = track.power.imag[inside] / (3 * np.where(size > 0, size, np.nan)) / unit
    if len(track.urms) < 3:
        current *= 3 / len(track.urms)
    value, valid = mean_within(track, current, begin, stop)
    if value is None or not isfinite(value):
        return no("not determinable", "at times there was no voltage")
    found = Result("reactive_current", title, value, "pu", valid=valid, window=(begin, stop), method=method)
    found = replace(found, section="Ride-through")
    timed = _timed(track.time[inside], current[inside], span.start, track, found)
    return [replace(found, note=note), *timed]


def _timed(
    time: NDArray[np.float64],
    current: NDArray[np.float64],
    start: float,
    track: PowerTrack,
    like: Result,
) -> list[Result]:
    """Return how fast the reactive current [pu] came."""
    lag = track.cycle / 2
    step = step_response(time, current, start, band=0.1, lag=lag)
    settling, state = _settling(time, current - step.final, start, lag, step.noise or 0.0)
    if step.state != "ok":
        settling, state = None, step.state
    results = []
    for key, title, seconds, why in (
        ("reactive_response_time", "Reactive current, time to 90 %", step.response_time, step.state),
        ("reactive_rise_time", "Reactive current, 10 to 90 %", step.rise_time, step.state),
        ("reactive_settling_time", "Reactive current, settling time", settling, state),
    ):
        value: float | None = seconds
        why = "ok" if seconds is not None else why  # noqa: PLW2901 - a time that was found is a good one
        if abs(step.final - step.initial) < 0.05:
            value, why = None, "no change"  # noqa: PLW2901 - whatever was timed
        elif seconds is None and why == "ok":
            why = "not determinable"  # noqa: PLW2901 - a crossing in the noise
        raw = "" if value is None else f"raw {value + lag:.4f} s, half a cycle subtracted"
        if key == "reactive_settling_time":
            raw += f"; band {BAND[0]:+.1%} to {BAND[1]:+.0%} of 1 pu"
        results.append(
            replace(
                like,
                key=key,
                title=title,
                value=value,
                unit="s",
                uncertainty=None if value is None else lag,
                state=why,
                method="IEEE 2800-2022, 3.1 and 7.2.2.3",
                note=raw.removeprefix("; "),
            )
        )
    return results


def _settling(
    time: NDArray[np.float64],
    off: NDArray[np.float64],
    start: float,
    lag: float,
    noise: float,
) -> tuple[float | None, str]:
    """Return when the current enters the band about its final value for good [s]; off: distance from it."""
    if not 3 * noise < -BAND[0]:
        return None, "not determinable"
    after = time > start
    outside = np.flatnonzero((off[after] < BAND[0]) | (off[after] > BAND[1]))
    if not outside.size:
        return 0.0, "ok"
    if outside[-1] + 1 >= after.sum():
        return None, "not settled"
    return max(float(time[after][outside[-1] + 1]) - start - lag, 0.0), "ok"


def lowest_positive_sequence(track: PowerTrack, span: Span | None, reference: float) -> list[Result]:
    """Return the positive-sequence voltage furthest from `reference` [V] in the event [pu]."""
    result = Result("event_u1", "Positive-sequence voltage in the event, extreme", None, "pu")
    result = replace(result, method="IEC 61400-21-1, Annex C", section="Ride-through")
    if len(track.urms) < 3:
        return []
    if span is None or not reference > 0:
        return [replace(result, state="no event" if span is None else "not determinable")]
    stop = span.horizon if span.back is None else span.back
    inside = (track.time >= span.start) & (track.time <= stop + track.cycle)
    size = np.abs(track.u1[inside]) / reference
    if not size.size:
        return [replace(result, state="not determinable")]
    value = float(size[np.abs(size - 1).argmax()])
    valid = not track.spoilt[inside].any()
    return [replace(result, value=value, valid=valid, window=(span.start, stop))]


def negative_sequence(
    signals: Signals,
    track: PowerTrack,
    base: float | None,
    span: Span | None,
    reference: float,
    rated: float | None = None,
) -> list[Result]:
    """Return negative-sequence voltage and current in the event, and by how much the current leads.

    IEEE 2800-2022, 7.2.2.3.4: in unbalanced faults the current leads the voltage by 90 to 100
    degrees. Mean over the event but for its first cycle; per unit as in `reactive_current`.
    """
    unit = rated or base
    blank = Result(
        "", "", None, "pu", method="IEEE 2800-2022, 7.2.2.3.4; one-cycle phasors", section="Ride-through"
    )
    voltage = replace(blank, key="event_u2", title="Negative-sequence voltage in the event")
    current = replace(blank, key="event_i2", title="Negative-sequence current in the event")
    angle = replace(blank, key="event_i2_angle", unit="deg")
    angle = replace(angle, title="Negative-sequence current leads the voltage by")
    if len(signals.voltages) != 3 or len(signals.currents) != 3:
        return []
    results = [voltage, current, angle]
    if span is None:
        return [replace(r, state="no event") for r in results]
    begin, stop = span.start + track.cycle, span.horizon if span.back is None else span.back
    rate = signals.waveform.rate
    first, last = (signals.waveform.index(t) for t in (begin, stop))
    if unit is None or last - first < 1.1 * track.cycle * rate:
        note = "the event is shorter than two cycles, or there was no current before it"
        return [replace(r, state="not determinable", note=note) for r in results]
    cycle, hop = track.cycle * rate, max(1, round(track.cycle * rate / HOPS))
    u, i = (
        sliding_phasors(part.samples[:, first : last + 1], cycle, hop)[1]
        for part in (signals.voltages, signals.currents)
    )
    u1, u2 = symmetrical(u)[:: -1 if track.swapped else 1]
    if signals.line_to_line:
        u2 = line_to_neutral(u2, u1)[0] if track.swapped else line_to_neutral(u1, u2)[1]
    i2 = symmetrical(i)[0 if track.swapped else 1]
    ends = np.array([first]), np.array([last])
    valid = not (signals.voltages.spoilt(*ends) | signals.currents.spoilt(*ends)).any()
    sizes = float(np.abs(u2).mean() / reference), float(np.abs(i2).mean() / unit)
    window = (begin, stop)
    voltage = replace(voltage, value=sizes[0], valid=valid, window=window)
    note = "" if rated else BEFORE
    current = replace(current, value=sizes[1], valid=valid, window=window, note=note)
    angle = replace(angle, valid=valid, window=window)
    if min(sizes) < _LEAST:
        return [voltage, current, replace(angle, state="no negative sequence")]
    lead = i2 * np.conj(u2)
    mean = lead.mean()
    spread = np.angle(lead / mean) if mean else np.full(lead.size, np.pi)
    wide = degrees(2 * float(np.std(spread)))
    if wide > 60:
        return [
            voltage,
            current,
            replace(angle, state="not determinable", note="the angle does not hold still"),
        ]
    return [voltage, current, replace(angle, value=degrees(float(np.angle(mean))), uncertainty=wide)]
