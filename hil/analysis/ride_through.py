"""What a power conversion system did before, during and after a voltage event.

IEEE 1547.1-2020 and IEEE 2800-2022 practice: trip, momentary cessation (current below
10 % of its pre-fault value), reactive current in the sag, active power back to 90 % of
its pre-fault value. Powers and sequences are over one sliding cycle (`power`), dated at
its middle where instants are asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hil.analysis.dips import DIP, SWELL
from hil.analysis.power import HOPS
from hil.analysis.result import Result
from hil.analysis.step import step_response

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hil.analysis.dips import VoltageEvent
    from hil.analysis.power import PowerTrack
    from hil.analysis.signals import Signals

GONE, RECOVERED = 0.10, 0.90
"""Current that counts as none, and power that counts as back, per unit of the pre-fault values."""
_STEADY = 10
"""Cycles that the pre-fault and post-fault values are averaged over."""
_ANNEX_C = "IEC 61400-21-1, Annex C"


@dataclass(frozen=True, slots=True)
class Span:
    """Where the event lies in the record [s]."""

    start: float
    """Inception."""
    back: float | None
    """When the last voltage came back; None where the record ends first."""
    horizon: float
    """Start of the next event, or the end of the record."""


def span_of(event: VoltageEvent, start: float, horizon: float, track: PowerTrack, reference: float) -> Span:
    """Return the span of a voltage event that began at `start` and is over before `horizon` [s].

    A sudden step is half-way through the mean square over one cycle half a cycle after it
    happened, whatever its height; so is the middle of a slow rise.
    """
    if event.end is None:
        return Span(start, None, horizon)
    swell = event.kind == "swell"
    worst = (track.urms.max(axis=0) if swell else track.urms.min(axis=0)) ** 2
    level = ((SWELL if swell else DIP) * reference) ** 2
    inside = (track.time > start) & (track.time <= event.end)
    beyond = np.flatnonzero(inside & (worst > level if swell else worst < level))
    if not beyond.size:
        return Span(start, event.end, horizon)
    at = int(beyond[-1])
    first, last = max(at - HOPS, 0), min(at + HOPS, worst.size - 1)
    middle = (worst[first] + worst[last]) / 2
    part, sign = worst[first : last + 1], -1 if swell else 1
    k = first + int(np.flatnonzero(sign * part <= sign * middle)[-1])
    share = (middle - worst[k]) / (worst[k + 1] - worst[k]) if k < last and worst[k + 1] != worst[k] else 0.0
    step = float(track.time[1] - track.time[0])
    return Span(start, float(track.time[k] + share * step) - track.cycle / 2, horizon)


def mean_within(
    track: PowerTrack, values: NDArray[np.float64], begin: float, end: float
) -> tuple[float | None, bool]:
    """Return the mean over the windows within begin .. end [s], and whether their samples are good."""
    inside = (track.time - track.cycle >= begin - 1e-9) & (track.time <= end + 1e-9)
    if not inside.any():
        return None, True
    return float(values[inside].mean()), not track.spoilt[inside].any()


def steady(track: PowerTrack, end: float, span: Span | None, last: float) -> list[Result]:
    """Return the powers before the event (which ends the steady state at `end`) and after it [s]."""
    if track.power is None:
        return []
    begin = float(track.time[0]) - track.cycle
    if span:
        begin = max(begin, end - _STEADY * track.cycle)
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
        window = (max(span.back, span.horizon - _STEADY * track.cycle), min(span.horizon, last))
        value, valid = mean_within(track, track.power.real, *window)
        state = "ok" if value is not None else "not determinable"
    title = "Active power after the event"
    results.append(
        Result("postfault_power", title, value, "W", state=state, valid=valid, window=window, method=_ANNEX_C)
    )
    return results


def recovery(track: PowerTrack, span: Span | None, before: complex | None) -> Result:
    """Return how long after the voltage the active power is back to 90 % for good.

    before: P + jQ before the event, or None where there was none [W, var].
    """
    title, method = "Recovery time to 90 %", "IEEE 2800-2022, 7.2.2.6; one-cycle positive sequence"

    def no(state: str, note: str = "") -> Result:
        return Result("recovery_time", title, None, "s", state=state, method=method, note=note)

    if span is None:
        return no("no event")
    if span.back is None:
        return no("unfinished", "the record ends inside the event")
    if track.power is None or before is None or abs(before.real) < 0.05 * abs(before):
        return no("not determinable", "no active power before the event to recover to")
    centre = track.time - track.cycle / 2
    after = (centre >= span.back) & (track.time <= span.horizon)
    time, power = centre[after], track.power.real[after] * np.sign(before.real)
    valid = not track.spoilt[after].any()
    low = np.flatnonzero(power < RECOVERED * abs(before.real))
    window = (span.back, span.horizon)
    if not power.size or (low.size and low[-1] + 1 == power.size):
        return Result(
            "recovery_time",
            title,
            None,
            "s",
            state="not recovered",
            valid=valid,
            window=window,
            method=method,
        )
    value = float(time[low[-1] + 1] - span.back) if low.size else 0.0
    return Result(
        "recovery_time",
        title,
        value,
        "s",
        uncertainty=track.cycle / 2,
        valid=valid,
        window=window,
        method=method,
        note="" if low.size else "the power was back with the voltage",
    )


def prefault_current(track: PowerTrack, end: float, span: Span | None) -> tuple[float | None, float | None]:
    """Return RMS and positive-sequence current before `end` [s]; None where they are but noise [A].

    Without an event they are those of the first cycles of the record.
    """
    if track.i1 is None or not track.time.size:
        return None, None
    if span is None:
        end = float(track.time[0]) + _STEADY * track.cycle
    rms, _ = mean_within(track, track.irms.mean(axis=0), end - _STEADY * track.cycle, end)
    fundamental, _ = mean_within(track, np.abs(track.i1), end - _STEADY * track.cycle, end)
    if not rms or not fundamental or fundamental < 0.5 * rms:
        return None, None
    return rms, fundamental


def current_loss(
    signals: Signals, track: PowerTrack, before: float | None, span: Span | None
) -> list[Result]:
    """Return trip and momentary cessation, against the pre-fault current `before` [A]."""
    method = f"all currents below {GONE:.0%} of the pre-fault current over one cycle"
    valid = not signals.currents.spoilt(np.zeros(1), np.array([len(signals.waveform) - 1])).any()

    def result(
        key: str, value: float | None, state: str, note: str = "", wide: float | None = None
    ) -> Result:
        title = {
            "trip": "Trip",
            "trip_delay": "Trip after the inception",
            "cessation": "Momentary cessation",
        }[key]
        return Result(key, title, value, "s", wide, state, valid, method=method, note=note)

    if before is None:
        note = "there was no steady current to lose"
        return [result(key, None, "not determinable", note) for key in ("trip", "cessation")]
    gone = np.concatenate([[False], track.irms.max(axis=0) < GONE * before, [False]])
    edges = np.flatnonzero(gone[1:] != gone[:-1])
    peak = np.sqrt(2) * GONE * before
    runs = [
        (
            _vanished(signals, track, int(b), peak),
            float(track.time[min(e, track.time.size - 1)]),
            e == track.time.size,
        )
        for b, e in zip(edges[::2], edges[1::2], strict=True)
    ]
    lost = runs[-1] if runs and runs[-1][2] else None
    if lost is None:
        trip = result("trip", None, "no trip")
    elif span and span.back is None:
        trip = result(
            "trip", None, "unfinished", f"no current from {lost[0]:.4f} s on; the record ends in the event"
        )
    elif span and span.horizon - max(lost[0], span.back or 0.0) < 5 * track.cycle:
        trip = result(
            "trip", None, "not determinable", f"no current from {lost[0]:.4f} s on; the record ends too soon"
        )
    else:
        trip = result("trip", lost[0], "tripped", wide=track.cycle / 8)
    found = [trip]
    if trip.value is not None and span:
        found.append(
            result("trip_delay", lost[0] - span.start if lost else None, "tripped", wide=track.cycle / 8)
        )
    if span is None:
        return [*found, result("cessation", None, "no event")]
    until = span.back if span.back is not None else span.horizon
    pauses = [(b, e) for b, e, last in runs if not last and b < until and e > span.start]
    if pauses:
        note = f"from {pauses[0][0]:.4f} s" + (f", {len(pauses)} times" if len(pauses) > 1 else "")
        found.append(result("cessation", sum(e - b for b, e in pauses), "ok", note, track.cycle / 2))
    elif lost and lost[0] < until:
        found.append(result("cessation", None, trip.state, trip.note))
    else:
        found.append(result("cessation", 0.0, "none"))
    return found


def _vanished(signals: Signals, track: PowerTrack, k: int, peak: float) -> float:
    """Return the last instant above `peak` [A] in the cycle before track.time[k], where the RMS is gone."""
    waveform = signals.waveform
    end = float(track.time[k])
    first, last = waveform.index(end - 1.2 * track.cycle), waveform.index(end) + 1
    alive = np.flatnonzero(np.abs(signals.currents.samples[:, first:last]).max(axis=0) > peak)
    return float(signals.seconds(first + alive[-1] + 1)) if alive.size else end - track.cycle


def reactive_current(
    track: PowerTrack, base: float | None, span: Span | None, end: float, reference: float
) -> list[Result]:
    """Return the reactive current in the sag after its first cycle, and how fast it came.

    Positive supports the voltage. Per unit of `base`, the positive-sequence current
    before the event, which ends the steady state at `end` [A, s].
    """
    title, method = "Reactive current in the event", f"{_ANNEX_C}; I_Q = Q+ / (3 U+)"

    def no(state: str, note: str = "") -> list[Result]:
        return [Result("reactive_current", title, None, "pu", state=state, method=method, note=note)]

    if track.power is None or track.i1 is None:
        return []
    if span is None:
        return no("no event")
    begin, stop = span.start + track.cycle, span.horizon if span.back is None else span.back
    u1, _ = mean_within(track, np.abs(track.u1), begin, stop)
    if u1 is None or base is None:
        return no(
            "not determinable", "the event is shorter than two cycles, or there was no current before it"
        )
    if u1 < 0.05 * reference:
        return no("not determinable", "no positive-sequence voltage in the event to refer to")
    inside = (track.time >= end - _STEADY * track.cycle) & (track.time <= stop)
    size = np.abs(track.u1[inside])
    current = np.full(track.time.size, np.nan)
    current[inside] = track.power.imag[inside] / (3 * np.where(size > 0, size, np.nan)) / base
    if len(track.urms) < 3:
        current *= 3 / len(track.urms)
    value, valid = mean_within(track, current, begin, stop)
    window = (begin, stop)
    found = [Result("reactive_current", title, value, "pu", valid=valid, window=window, method=method)]
    step = step_response(track.time[inside], current[inside], span.start, band=0.1, lag=track.cycle / 2)
    note = "lag of half a cycle subtracted; settling band 10 % of the change"
    for key, text, seconds in (
        ("reactive_response_time", "Reactive current, time to 90 %", step.response_time),
        ("reactive_settling_time", "Reactive current, settling time", step.settling_time),
    ):
        state = "ok" if seconds is not None else step.state
        value, wide = seconds, track.cycle / 2
        if abs(step.final - step.initial) < 0.05:
            value, state = None, "no change"
        found.append(Result(key, text, value, "s", wide, state, valid, window, "IEEE 2800-2022, 3.1", note))
    return found


def peak_current(signals: Signals, base: float | None) -> list[Result]:
    """Return the largest instantaneous current, also per unit of the peak of `base`, RMS before it [A]."""
    samples = signals.currents.samples
    extremes = [max(row.argmax(), row.argmin(), key=lambda k: abs(row[k])) for row in samples]
    peaks = [abs(float(row[k])) for row, k in zip(samples, extremes, strict=True)]
    phase = int(np.argmax(peaks))
    peak, at, channel = peaks[phase], int(extremes[phase]), signals.currents.channels[phase]
    wide = None if channel.uncertainty is None else channel.uncertainty * peak
    valid = signals.currents.bad is None
    note = f"{channel.name} at {signals.seconds(at):.5f} s"
    found = [
        Result(
            "peak_current", "Peak current", peak, "A", wide, valid=valid, method="largest sample", note=note
        )
    ]
    if base is not None:
        title = "Peak current over that before the event"
        ratio = float(peak / (np.sqrt(2) * base))
        found.append(Result("peak_current_pu", title, ratio, "pu", valid=valid, method="largest sample"))
    return found
