"""What the voltages and currents were before the event, and what event there was."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING

import numpy as np

from hil.analysis.event import dips
from hil.analysis.result import Result
from hil.analysis.rms import cycle_windows, half_cycle_edges, window_rms

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hil.analysis.event.dips import VoltageEvent
    from hil.analysis.power.track import PowerTrack
    from hil.analysis.signals import Group, Signals

URMS = "IEC 61000-4-30, 5.4.1"


def suffix(phase: str) -> str:
    """Return what a key ends in: "_a", or nothing for a channel without a phase."""
    return f"_{phase}" if phase else ""


@dataclass(frozen=True, eq=False)
class Cycles:
    """Urms(1/2) of one group of channels."""

    edges: tuple[NDArray[np.float64], ...]
    """Zero crossings per channel, fractional indices."""
    times: tuple[NDArray[np.float64], ...]
    """Ends of the windows [s]."""
    values: tuple[NDArray[np.float64], ...]
    """NaN where a sample behind the value is missing or clipped."""


def urms_cycles(signals: Signals, track: PowerTrack, cycle: float) -> tuple[Cycles, Cycles]:
    """Return Urms(1/2) of the voltages, and of the currents in the windows of their phase's voltage."""
    voltages, currents = signals.voltages, signals.currents
    ends, phasors = track.ends, track.voltages
    size = np.abs(phasors).max(axis=1, initial=0.0)
    strongest = int(size.argmax())
    n = len(signals.waveform)
    edges = [
        # A phase that was dead all along has no crossings of its own.
        half_cycle_edges(phasors[k if size[k] > 0.01 * size[strongest] else strongest], ends, cycle, n)
        for k in range(len(voltages))
    ]
    windows = dict(zip(voltages.phases, edges, strict=True))
    return _rms(signals, voltages, edges), _rms(
        signals, currents, [windows.get(phase, edges[strongest]) for phase in currents.phases]
    )


def _rms(signals: Signals, group: Group, edges: list[NDArray[np.float64]]) -> Cycles:
    times, values = [], []
    for row, edge in zip(group.samples, edges, strict=True):
        begins, ends = cycle_windows(edge)
        rms = window_rms(row, begins, ends)
        rms[group.spoilt(begins, ends)] = np.nan
        times.append(signals.seconds(ends))
        values.append(rms)
    return Cycles(tuple(edges), tuple(times), tuple(values))


def quiet_level(voltage: Cycles, event: float | None) -> float:
    """Return the median voltage of the channels at the start of the record, or before the event [V].

    Where it starts de-energised, the median of what is energised. An instant within an event is
    one of that event: what counts is the voltage before its begin, and outside other events.
    """
    others: list[tuple[float, float]] = []
    if event is not None:
        time, urms = dips.merge(voltage.times, voltage.values)
        found = dips.find_events(time, urms, quiet_level(voltage, None)) if time.size else ()
        spans = [(one.start, inf if one.end is None else one.end) for one in found if one.begun]
        event = next((begin for begin, end in spans if begin < event <= end), event)
        others = [(begin, end) for begin, end in spans if end <= event]
    levels = []
    for time, values in zip(voltage.times, voltage.values, strict=True):
        known = np.isfinite(values)
        for begin, end in others:
            known &= (time < begin) | (time > end)
        part = values[known][:20] if event is None else values[known & (time <= event)][-20:]
        if part.size:
            levels.append(float(np.median(part)))
    everything = np.concatenate(voltage.values)
    everything = everything[np.isfinite(everything)]
    if not everything.size:
        return float("nan")
    top = float(np.percentile(everything, 90))
    level = float(np.median(levels)) if levels else 0.0
    return level if level > 0.5 * top else float(np.median(everything[everything > 0.5 * top]))


def choose(events: tuple[VoltageEvent, ...], near: float | None) -> VoltageEvent | None:
    """Return the first event, or that nearest to an instant [s]."""
    if not events or near is None:
        return events[0] if events else None
    return min(events, key=lambda e: abs(e.start - near))


def inception_result(
    signals: Signals, event: VoltageEvent | None, cycle: float, reference: float
) -> tuple[Result, float]:
    """Return the inception as a result, and the best instant to reckon from [s]."""
    title = "Inception"
    if event is None:
        state = "no event" if np.isfinite(reference) else "not determinable"
        return Result("inception", title, None, "s", state=state), np.inf
    window = (event.start - 2.5 * cycle / signals.waveform.rate, event.start)
    if not event.begun:
        note = "the record begins inside the event"
        return Result("inception", title, None, "s", state="not determinable", note=note), window[0]
    begin, end = (signals.waveform.index(t) for t in window)
    found = dips.inception(signals.voltages.samples, cycle, begin, end, np.sqrt(2) * reference)
    if found is None:
        half = cycle / 2 / signals.waveform.rate
        at, note = event.start - half, "no sudden change: from Urms(1/2)"
        return Result("inception", title, at, "s", half, window=window, method=URMS, note=note), at
    index, late = found
    at, valid = (
        float(signals.seconds(index)),
        not signals.voltages.spoilt(np.array([begin]), np.array([end])).any(),
    )
    method = "first difference from one cycle earlier beyond the noise"
    wide = late / signals.waveform.rate
    return Result("inception", title, at, "s", wide, valid=valid, window=window, method=method), at


def amplitudes(
    signals: Signals,
    voltage: Cycles,
    current: Cycles,
    end: float,
    cycle: float,
    reference: float,
    nominal: float | None,
) -> list[Result]:
    """Return the RMS of each channel over up to 12 whole cycles before the event."""
    results = []
    for group, cycles, name, unit in (
        (signals.voltages, voltage, "voltage", "V"),
        (signals.currents, current, "current", "A"),
    ):
        for channel, row, crossings in zip(group.channels, group.samples, cycles.edges, strict=True):
            key, title = f"{name}{suffix(channel.phase)}", f"{name.capitalize()} {channel.phase}".strip()
            edges = crossings[signals.seconds(crossings) <= end]
            edges = edges[-1 - 2 * min(12, (edges.size - 1) // 2) :][[0, -1]] if edges.size > 2 else edges[:0]
            if not edges.size:
                note = "less than one undisturbed cycle"
                results.append(Result(key, title, None, unit, state="not determinable", note=note))
                continue
            value = float(window_rms(row, edges[:1], edges[1:])[0])
            wide = None if channel.uncertainty is None else channel.uncertainty * value
            valid = not group.spoilt(edges[:1], edges[1:]).any()
            window = (float(signals.seconds(edges[0])), float(signals.seconds(edges[1])))
            note = f"{round((edges[1] - edges[0]) / cycle)} cycles"
            results.append(
                Result(key, title, value, unit, wide, "ok", valid, window, "IEC 61000-4-30, 5.2", note)
            )
    method = "declared" if nominal is not None else "measured before the event"
    known = bool(np.isfinite(reference))
    results.append(
        Result(
            "reference_voltage",
            "Reference voltage",
            reference if known else None,
            "V",
            state="ok" if known else "not determinable",
            method=method,
        )
    )
    return results


def event_results(
    signals: Signals, event: VoltageEvent | None, count: int, cycle: float, reference: float
) -> list[Result]:
    """Return what the voltage did; cycle: length of a cycle [s]."""
    method = "IEC 61000-4-30, 5.4"

    def result(key: str, title: str, unit: str, value: float | str | None, wide: float | None) -> Result:
        if event is None:
            state = "no event" if np.isfinite(reference) else "not determinable"
            return Result(key, title, None, unit, state=state, method=method)
        state = "unfinished" if value is None else "ok"
        return Result(key, title, value, unit, wide, state, valid, window, method)

    phases, residual, typical, wide, duration, valid, window = "", 0.0, 0.0, None, None, True, None
    if event is not None:
        voltages, waveform = signals.voltages, signals.waveform
        names = [p for p, beyond in zip(voltages.phases, event.beyond, strict=True) if beyond]
        phases = (" " if any(len(p) > 1 for p in names) else "").join(names)
        residual, typical = event.extreme, event.typical
        duration = None if event.end is None else event.end - event.start
        relative = voltages.channels[event.residual.index(residual)].uncertainty
        wide = None if relative is None else relative * residual
        last = float(signals.seconds(len(waveform) - 1)) if event.end is None else event.end
        window = (event.start, last)
        ends = [np.array([(t - waveform.start) * waveform.rate]) for t in window]
        valid = not voltages.spoilt(ends[0] - cycle * waveform.rate, ends[1]).any()
    ratio, share = residual / reference, None if wide is None else wide / reference
    kind = "" if event is None else event.kind
    known = bool(np.isfinite(reference))
    number, state = (float(count), "ok") if known else (None, "not determinable")
    return [
        Result("event_count", "Voltage events", number, state=state, method=method),
        result("event_kind", "Kind of event", "", kind, None),
        result("faulted_phases", "Phases beyond the threshold", "", phases, None),
        result("residual_voltage", "Residual voltage", "V", residual, wide),
        result("residual_voltage_pu", "Residual voltage", "pu", ratio, share),
        result("event_voltage", "Voltage in the event, median", "V", typical, wide),
        result("event_depth", "Depth", "%", 100 * (1 - ratio), None if share is None else 100 * share),
        result("event_duration", "Duration", "s", duration, cycle),  # half a cycle at either end
    ]
