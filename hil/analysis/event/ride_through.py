"""What a power conversion system did before, during and after a voltage event.

IEEE 1547.1-2020 and IEEE 2800-2022 practice: trip and momentary cessation (`cessation`),
current in the event (`fault_current`), and here how the output came back: active current to
80 %, active power to 90, 95 and 100 % of the pre-fault value, and how it then oscillated.
Powers and sequences are over one sliding cycle (`power`), dated at its middle where instants
are asked for.
"""

from __future__ import annotations

from dataclasses import replace
from math import pi, sqrt
from typing import TYPE_CHECKING

import numpy as np

from hil.analysis.event.cessation import (
    GONE,
    current_left,
    current_loss,
    peak_current,
    phase_table,
    prefault_current,
)
from hil.analysis.event.fault_current import lowest_positive_sequence, negative_sequence, reactive_current
from hil.analysis.event.span import STEADY, mean_within
from hil.analysis.result import Findings, Result

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hil.analysis.event.dips import VoltageEvent
    from hil.analysis.event.span import Span
    from hil.analysis.power.track import PowerTrack
    from hil.analysis.signals import Signals

RECOVERED = 0.90
"""Power that counts as back, per unit of the pre-fault value."""
_PATIENCE = 1.0
"""How long after the voltage a record must go on to say that the power did not come back; the
default time of IEEE 2800-2022 [s]."""
_ANNEX_C = "IEC 61400-21-1, Annex C"


def ride_through_findings(
    signals: Signals,
    track: PowerTrack,
    event: VoltageEvent | None,
    span: Span | None,
    *,
    end: float,
    reference: float,
    inception: Result | None = None,
    rated: float | None = None,
) -> Findings:
    """Return everything that the currents did in a voltage event.

    event, span: the event and where it lies, None where there was none. end: end of the
    steady state before it [s]. reference: nominal or pre-fault voltage, phase-to-neutral or
    between lines as recorded [V]. inception: its result, for the uncertainty of delays.
    rated: rated current [A].
    """
    neutral = reference / sqrt(3) if signals.line_to_line else reference
    current, positive = prefault_current(track, end, span)
    results = [
        _event_end(track, event, span),
        *lowest_positive_sequence(track, span, neutral),
    ]
    if len(signals.currents):
        powers = steady(track, end, span, float(signals.seconds(len(signals.waveform) - 1)))
        before = None
        if current is not None and powers and powers[0].value is not None:
            before = complex(*(float(result.value or 0.0) for result in powers[:2]))
        doubt = (inception.uncertainty if inception else None) or 0.0
        results += [
            *powers,
            *current_loss(signals, track, current, span, doubt=doubt),
            *current_left(track, current, span),
            *reactive_current(track, positive, span, end, neutral, rated),
            *negative_sequence(signals, track, positive, span, neutral, rated),
            restore(track, span, before, end),
            *(recovery(track, span, before, share) for share in (RECOVERED, 0.95, 1.00)),
            *oscillation(track, span, before, end),
            *peak_current(signals, positive),
        ]
    table = phase_table(signals, track, event, span, end=end, before=current, reference=reference)
    return Findings(
        tuple(replace(result, section="Ride-through") for result in results),
        tables=() if table is None else (table,),
    )


def _event_end(track: PowerTrack, event: VoltageEvent | None, span: Span | None) -> Result:
    """Return when the last voltage came back."""
    result = Result("event_end", "Voltage back", None, "s", method="middle of the step of the mean square")
    if event is None or span is None:
        return replace(result, state="no event")
    if span.back is None:
        return replace(result, state="unfinished")
    inside = (track.time >= span.back) & (track.time <= span.back + track.cycle)
    return replace(result, value=span.back, uncertainty=track.cycle / 4, valid=not track.spoilt[inside].any())


def steady(track: PowerTrack, end: float, span: Span | None, last: float) -> list[Result]:
    """Return the powers before the event (which ends the steady state at `end`) and after it [s]."""
    if track.power is None:
        return []
    begin = float(track.time[0]) - track.cycle
    if span:
        begin = max(begin, end - STEADY * track.cycle)
    results = []
    for key, title, unit, values in (
        ("prefault_power", "Active power before the event", "W", track.power.real),
        ("prefault_reactive_power", "Reactive power before the event", "var", track.power.imag),
    ):
        value, valid = mean_within(track, values, begin, end)
        state = "ok" if value is not None else "not determinable"
        results.append(
            Result(key, title, value, unit, state=state, valid=valid, window=(begin, end), method=_ANNEX_C)
        )
    value, valid, state, window = None, True, "no event", None
    if span and span.back is None:
        state = "unfinished"
    elif span and span.back is not None:
        window = (max(span.back, span.horizon - STEADY * track.cycle), min(span.horizon, last))
        value, valid = mean_within(track, track.power.real, *window)
        state = "ok" if value is not None else "not determinable"
    title = "Active power after the event"
    results.append(
        Result("postfault_power", title, value, "W", state=state, valid=valid, window=window, method=_ANNEX_C)
    )
    return results


def recovery(
    track: PowerTrack, span: Span | None, before: complex | None, share: float = RECOVERED
) -> Result:
    """Return how long after the voltage the active power is back to a share for good.

    before: P + jQ before the event, or None where there was none [W, var]. All of it is
    counted from 99 % on: a mean in noise does not reach the mean before it exactly.
    """
    key = "recovery_time" if share == RECOVERED else f"recovery_time_{share * 100:.0f}"
    result = Result(key, f"Recovery time to {share:.0%}", None, "s")
    result = replace(result, method="IEEE 2800-2022, 7.2.2.6; one-cycle positive sequence")
    if share == 1:
        result = replace(result, method=f"{result.method}; counted from 99 % on")
    if span is None or track.power is None or before is None or abs(before.real) < 0.05 * abs(before):
        return _missing(result, span, "no active power before the event to recover to")
    values = track.power.real * np.sign(before.real) / abs(before.real)
    return _back(result, track, span, values, min(share, 0.99))


def restore(track: PowerTrack, span: Span | None, before: complex | None, end: float) -> Result:
    """Return how long after the voltage the active current is back to 80 % for good.

    before: P + jQ before the event, the steady state of which ends at `end` [W, var, s].
    """
    result = Result("restore_time", "Restore time of the active current to 80 %", None, "s")
    result = replace(result, method="IEEE 1547-2018, 6.4.2.7; P+ / U+ over one cycle")
    size = np.abs(track.u1)
    voltage, _ = mean_within(track, size, end - STEADY * track.cycle, end)
    if (
        span is None
        or track.power is None
        or not voltage
        or not before
        or abs(before.real) < 0.05 * abs(before)
    ):
        return _missing(result, span, "no active current before the event to restore")
    active = np.divide(track.power.real, size, out=np.zeros(size.size), where=size > 0.05 * voltage)
    return _back(result, track, span, active * voltage / before.real, 0.80)


def _missing(result: Result, span: Span | None, note: str) -> Result:
    """Return the result with the reason why it has no value."""
    if span is None:
        return replace(result, state="no event")
    if span.back is None:
        return replace(result, state="unfinished", note="the record ends inside the event")
    return replace(result, state="not determinable", note=note)


def _back(result: Result, track: PowerTrack, span: Span, values: NDArray[np.float64], share: float) -> Result:
    """Return the result with the time from which the values stay above a share for good [pu]."""
    if span.back is None:
        return _missing(result, span, "")
    centre = track.time - track.cycle / 2
    after = (centre >= span.back) & (track.time <= span.horizon)
    time, part = centre[after], values[after]
    result = replace(result, valid=not track.spoilt[after].any(), window=(span.back, span.horizon))
    low = np.flatnonzero(part < share)
    if not part.size or (low.size and low[-1] + 1 == part.size):
        seen = span.horizon - span.back
        gone = part.size and part[-1] < GONE
        if not gone and seen < _PATIENCE - 2 * track.cycle:
            note = f"not back {seen:.3g} s after the voltage; the record, or the next event, ends it"
            return replace(result, state="unfinished", note=note)
        return replace(result, state="not recovered")
    value = float(time[low[-1] + 1] - span.back) if low.size else 0.0
    raw = f"raw {value + track.cycle / 2:.4f} s, half a cycle subtracted"
    return replace(
        result,
        value=value,
        uncertainty=track.cycle / 2,
        note=raw if low.size else "it was back with the voltage",
    )


def oscillation(track: PowerTrack, span: Span | None, before: complex | None, end: float) -> list[Result]:
    """Return frequency and damping ratio of the active power after the event.

    Logarithmic decrement of the half waves about the final value, least squares; half waves
    count that stand out of 1 % of the power before and of three sigma of its noise. The
    window of one cycle weakens all half waves alike, so their decrement stands.
    """
    blank = Result("oscillation_damping", "Damping ratio after the event", None)
    blank = replace(blank, method="logarithmic decrement of the active power")
    speed = replace(blank, key="oscillation_frequency", title="Oscillation after the event", unit="Hz")

    def no(state: str, note: str) -> list[Result]:
        return [replace(r, state=state, note=note) for r in (blank, speed)]

    if span is None or span.back is None or track.power is None or not before:
        return [_missing(r, span, "no power before the event") for r in (blank, speed)]
    quiet = (track.time >= end - STEADY * track.cycle) & (track.time <= end)
    inside = (track.time - track.cycle >= span.back) & (track.time <= span.horizon)
    time, power = track.time[inside], track.power.real[inside]
    if power.size < 4 * STEADY or quiet.sum() < STEADY:
        return no("unfinished", "the record ends too soon after the event")
    off = power - power[-power.size // 4 :].mean()
    noise = float(track.power.real[quiet].std())
    floor = max(0.01 * abs(before), 3 * noise)
    turns = np.flatnonzero(np.diff(np.sign(off))) + 1
    parts = np.split(np.arange(off.size), turns)[:-1]  # the last half wave may be cut
    peaks = [part[np.abs(off[part]).argmax()] for part in parts]
    strong = next((k for k, at in enumerate(peaks) if abs(off[at]) < floor), len(peaks))
    peaks = peaks[1:strong]  # the first is the recovery itself
    if len(peaks) < 3:
        return no("no oscillation", f"fewer than three half waves above {floor:.3g} W")
    sizes, spots = np.log(np.abs(off[peaks])), np.arange(len(peaks))
    slope, level = np.polyfit(spots, sizes, 1)
    scatter = max(float(np.std(sizes - slope * spots - level)), noise / float(np.exp(sizes.min())))
    wide = 2 * scatter / pi / sqrt(float(((spots - spots.mean()) ** 2).sum()))
    damping = float(-slope / sqrt(pi**2 + slope**2))
    half = float(time[peaks[-1]] - time[peaks[0]]) / (len(peaks) - 1)
    good, window = not track.spoilt[inside].any(), (span.back, span.horizon)
    note = f"{len(peaks)} half waves, the largest {np.exp(sizes.max()):.3g} W"
    blank, speed = (replace(r, valid=good, window=window, note=note) for r in (blank, speed))
    step = float(time[1] - time[0])
    return [
        replace(blank, value=damping, uncertainty=wide),
        replace(speed, value=0.5 / half, uncertainty=0.5 * step / half**2),
    ]
