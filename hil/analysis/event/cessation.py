"""Loss of current: trip, momentary cessation, second trip, and what is left of the current in an event.

A current is gone where its RMS over one cycle is below 10 % of the pre-fault value; the instant
is that of the last (first) sample above the peak that belongs to it. No trip is found only where
the record goes on for ten cycles after the voltage is back.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import hypot
from typing import TYPE_CHECKING

import numpy as np

from hil.analysis.event.span import STEADY, mean_within
from hil.analysis.power.track import HOPS
from hil.analysis.result import Result, Table

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hil.analysis.event.dips import VoltageEvent
    from hil.analysis.event.span import Span
    from hil.analysis.power.track import PowerTrack
    from hil.analysis.result import Cell
    from hil.analysis.signals import Signals

GONE = 0.10
"""Current that counts as none, per unit of the pre-fault value."""


@dataclass(frozen=True, slots=True)
class Pause:
    """A time without current."""

    begin: float
    """[s]"""
    end: float | None
    """None where it lasts to the end of the record [s]."""


def prefault_current(track: PowerTrack, end: float, span: Span | None) -> tuple[float | None, float | None]:
    """Return RMS and positive-sequence current before `end` [s]; None where they are but noise [A].

    Without an event they are those of the first cycles of the record; of a record that lies in
    its event from end to end, None: what flows there is not what flowed before.
    """
    if track.i1 is None or not track.time.size or (span is not None and end > span.start):
        return None, None
    if span is None:
        end = float(track.time[0]) + STEADY * track.cycle
    rms, _ = mean_within(track, track.irms.mean(axis=0), end - STEADY * track.cycle, end)
    fundamental, _ = mean_within(track, np.abs(track.i1), end - STEADY * track.cycle, end)
    if not rms or not fundamental or fundamental < 0.5 * rms:
        return None, None
    return rms, fundamental


def pauses(signals: Signals, track: PowerTrack, before: float, phase: int | None = None) -> list[Pause]:
    """Return the times without current, in one phase (index) or in all; before: RMS before the event [A]."""
    rows = slice(None) if phase is None else slice(phase, phase + 1)
    gone = np.concatenate([[False], track.irms[rows].max(axis=0) < GONE * before, [False]])
    edges, peak = np.flatnonzero(gone[1:] != gone[:-1]), np.sqrt(2) * GONE * before
    samples, waveform = signals.currents.samples[rows], signals.waveform
    found = []
    for begin, end in zip(edges[::2], edges[1::2], strict=True):
        # The sample is sought in the cycle that the first RMS without (with) current was taken over.
        until = float(track.time[begin])
        first, last = waveform.index(until - 1.2 * track.cycle), waveform.index(until) + 1
        alive = np.flatnonzero(np.abs(samples[:, first:last]).max(axis=0) > peak)
        lost = float(signals.seconds(first + alive[-1] + 1)) if alive.size else until - track.cycle
        back = None
        if end < track.time.size:
            until = float(track.time[end])
            first, last = waveform.index(until - track.cycle / 8), waveform.index(until) + 1
            alive = np.flatnonzero(np.abs(samples[:, first:last]).max(axis=0) > peak)
            back = float(signals.seconds(first + alive[0])) if alive.size else until
        found.append(Pause(lost, back))
    return found


def current_loss(
    signals: Signals,
    track: PowerTrack,
    before: float | None,
    span: Span | None,
    *,
    doubt: float = 0.0,
) -> list[Result]:
    """Return trip, second trip and momentary cessation, against the pre-fault current `before` [A].

    doubt: uncertainty of the inception [s].
    """
    wide = track.cycle / 8
    valid = not signals.currents.spoilt(np.zeros(1), np.array([len(signals.waveform) - 1])).any()
    blank = Result("", "", None, "s", valid=valid, section="Ride-through")
    blank = replace(blank, method=f"all currents below {GONE:.0%} of the pre-fault current over one cycle")
    trip = replace(blank, key="trip", title="Trip")
    pause = replace(blank, key="cessation", title="Momentary cessation")
    if before is None:
        trip = _lost_before(trip, signals, track, span)
        return [trip, replace(pause, state=trip.state, note=trip.note)]
    runs = pauses(signals, track, before)
    lost = _lost(runs)
    trip = _trip(trip, lost, span, track, before)
    found = [trip]
    if span and trip.state == "tripped" and lost:
        delay = replace(trip, key="trip_delay", title="Trip after the inception")
        found.append(replace(delay, value=lost.begin - span.start, uncertainty=hypot(wide, doubt)))
    if span is None:
        return [*found, replace(pause, state="no event")]
    until = span.horizon if span.back is None else span.back
    inside = [run for run in runs if run.end is not None and run.begin < until and run.end > span.start]
    if inside:
        note = f"from {inside[0].begin:.4f} s" + (f", {len(inside)} times" if len(inside) > 1 else "")
        total = sum(run.end - run.begin for run in inside if run.end is not None)
        found.append(replace(pause, value=total, uncertainty=track.cycle / 2, note=note))
    elif lost and lost.begin < until:
        found.append(replace(pause, state=trip.state, note=trip.note))
    else:
        note = "a pause shorter than a cycle is not seen"
        found.append(replace(pause, value=0.0, uncertainty=track.cycle, state="none", note=note))
    begun = inside[0] if inside else lost if lost and span.start - wide <= lost.begin < until else None
    if begun:
        start = replace(pause, key="cessation_start", title="Current ceases", value=begun.begin)
        after = replace(start, key="cessation_response", title="Current ceases after the inception")
        found.append(replace(start, uncertainty=wide))
        found.append(replace(after, value=begun.begin - span.start, uncertainty=hypot(wide, doubt)))
    if inside and inside[-1].end is not None and span.back is not None:
        back = replace(pause, key="current_return", title="Current returns after the voltage")
        found.append(replace(back, value=inside[-1].end - span.back, uncertainty=hypot(wide, wide)))
    return [*found, _second(trip, lost, span, track, before)]


def _lost_before(trip: Result, signals: Signals, track: PowerTrack, span: Span | None) -> Result:
    """Return why there was no steady current before the event."""
    if not _alive(track):
        note = "tripped before the record begins, or idle: the record cannot tell"
        return replace(trip, state="no current from the start", note=note)
    earlier, _ = prefault_current(track, 0.0, None)
    lost = None if earlier is None else _lost(pauses(signals, track, earlier))
    if earlier and lost and span and lost.begin < span.start:
        return _trip(trip, lost, span, track, earlier)
    return replace(trip, state="not determinable", note="there was no steady current to lose")


def _alive(track: PowerTrack) -> bool:
    """Say whether a current is more than noise anywhere."""
    if track.i1 is None:
        return False
    return bool((np.abs(track.i1) > 0.5 * track.irms.mean(axis=0)).any())


def _lost(runs: list[Pause]) -> Pause | None:
    """Return the pause that lasts to the end of the record, if there is one."""
    return runs[-1] if runs and runs[-1].end is None else None


def _trip(trip: Result, lost: Pause | None, span: Span | None, track: PowerTrack, before: float) -> Result:
    """Return the trip with its value or the reason why there is none."""
    end = float(track.time[-1])
    if lost is None:
        if span and span.back is None:
            return replace(trip, state="unfinished", note="the record ends inside the event")
        if span and span.back is not None and end - span.back < STEADY * track.cycle:
            note = f"the record ends {max(end - span.back, 0.0):.3f} s after the event"
            return replace(trip, state="unfinished", note=note)
        if track.i1 is not None and np.abs(track.i1[-HOPS:]).max() < GONE * before:
            note = "what is left at the end is not a current of line frequency, but noise or one phase"
            return replace(trip, state="not determinable", note=note)
        return replace(trip, state="no trip")
    note = f"no current from {lost.begin:.4f} s on; the record ends"
    if span and lost.begin < span.start - track.cycle / 8:
        note = "the current was gone before the voltage changed"
        trip = replace(trip, state="tripped before the event", note=note)
    elif span and span.back is None:
        return replace(trip, state="unfinished", note=f"{note} in the event")
    elif span and end - max(lost.begin, span.back or 0.0) < STEADY * track.cycle:
        return replace(trip, state="unfinished", note=f"{note} too soon")
    else:
        trip = replace(trip, state="tripped")
    return replace(trip, value=lost.begin, uncertainty=track.cycle / 8)


def _second(trip: Result, lost: Pause | None, span: Span, track: PowerTrack, before: float) -> Result:
    """Return whether the unit came back with the voltage and was lost after it."""
    second = replace(
        trip, key="second_trip", title="Trip after recovery", value=None, uncertainty=None, note=""
    )
    if trip.state != "tripped" or lost is None or span.back is None:
        return replace(second, state=trip.state, note=trip.note)
    between = (track.time - track.cycle >= span.back) & (track.time <= lost.begin)
    if not (track.irms[:, between].min(axis=0) >= 0.5 * before).any():
        return replace(second, state="no recovery", note="the current did not come back with the voltage")
    return replace(second, state="tripped", value=lost.begin, uncertainty=trip.uncertainty)


def current_left(track: PowerTrack, before: float | None, span: Span | None) -> list[Result]:
    """Return least and mean apparent current in the event, per unit of that before it [A].

    IEEE 1547-2018, 6.4.2.3: mandatory operation keeps 80 %. One-cycle RMS, mean of the
    phases; windows that lie in the event from its begin to its end.
    """
    method = "IEEE 1547-2018, 6.4.2.3; one-cycle RMS, mean of the phases"
    state, window, values, valid = "ok", None, np.empty(0), True
    if span is None:
        state = "no event"
    elif before is None:
        state = "not determinable"
    else:
        window = (span.start, span.horizon if span.back is None else span.back)
        inside = (track.time - track.cycle >= window[0] - 1e-9) & (track.time <= window[1] + 1e-9)
        values, valid = track.irms[:, inside].mean(axis=0) / before, not track.spoilt[inside].any()
        state = "ok" if values.size else "not determinable"
    return [
        Result(
            f"event_current_{key}",
            f"Apparent current in the event, {title}",
            float(of(values)) if values.size else None,
            "pu",
            state=state,
            valid=valid,
            window=window,
            method=method,
            section="Ride-through",
        )
        for key, title, of in (("min", "least", np.min), ("mean", "mean", np.mean))
    ]


def phase_table(
    signals: Signals,
    track: PowerTrack,
    event: VoltageEvent | None,
    span: Span | None,
    *,
    end: float,
    before: float | None,
    reference: float,
) -> Table | None:
    """Return a table of each phase in the event; the steady state before it ends at `end` [s].

    before: RMS of the currents then, None where there was none [A]; reference: voltage that
    the residual is given per unit of [V]. None where there was no event.
    """
    if event is None or span is None:
        return None
    currents, voltages = signals.currents, signals.voltages
    until = span.horizon if span.back is None else span.back
    rows: list[tuple[Cell, ...]] = []
    for phase in dict.fromkeys((*voltages.phases, *currents.phases)):
        row: list[Cell] = [phase, None, None, None, None, None, None, None]
        if phase in voltages.phases:
            residual = event.residual[voltages.phases.index(phase)]
            row[1:3] = residual, residual / reference
        if phase in currents.phases:
            k = currents.phases.index(phase)
            own, good = mean_within(track, track.irms[k], end - STEADY * track.cycle, end)
            inside = (track.time - track.cycle >= span.start) & (track.time <= until)
            if before and own and good and own > GONE * before:
                if inside.any() and not track.spoilt[inside].any():
                    part: NDArray[np.float64] = track.irms[k][inside] / own
                    row[3:5] = float(part.min()), float(part.mean())
                runs = pauses(signals, track, own, k)
                here = [r for r in runs if r.end is None or r.end > span.start]
                if here:
                    row[5:] = here[0].begin, here[0].end, "to the end" if here[-1].end is None else "returns"
        rows.append(tuple(row))
    return Table(
        "ride_through_phases",
        "Phases in the event",
        ("Phase", "Residual", "Residual", "Least current", "Mean current", "Lost at", "Back at", "Loss"),
        ("", "V", "pu", "pu", "pu", "s", "s", ""),
        tuple(rows),
        section="Ride-through",
        method=f"Urms(1/2); one-cycle RMS of the current against that before; lost: below {GONE:.0%}",
    )


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
    found = Result("peak_current", "Peak current", peak, "A", wide, valid=valid, method="largest sample")
    found = replace(found, note=note, section="Ride-through")
    if base is None:
        return [found]
    ratio = replace(found, key="peak_current_pu", title="Peak current over that before the event", note="")
    share = None if wide is None else wide / (np.sqrt(2) * base)
    return [found, replace(ratio, value=float(peak / (np.sqrt(2) * base)), unit="pu", uncertainty=share)]
