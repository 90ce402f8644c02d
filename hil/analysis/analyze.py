"""One waveform in, everything that it tells out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hil.analysis import dips, harmonics, ride_through
from hil.analysis.frequency import line_frequency
from hil.analysis.power import PowerTrack, power_track
from hil.analysis.result import Analysis, Result, Series
from hil.analysis.signals import Signals, sort, trigger_time
from hil.analysis.step import step_response
from hil.analysis.voltages import (
    Cycles,
    amplitudes,
    choose,
    event_results,
    inception_result,
    quiet_level,
    suffix,
    urms_cycles,
)
from hil.errors import ConfigError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hil.waveform import Waveform


def analyze(
    waveform: Waveform,
    *,
    nominal_voltage: float | None = None,
    nominal_frequency: float | None = None,
    event: float | None = None,
) -> Analysis:
    """Return all quantities that a record allows.

    nominal_voltage: declared RMS of the recorded voltages [V]; without it the voltage
    before the event is the reference. nominal_frequency: 50 takes windows of 10 cycles,
    60 of 12; without it the measured one decides [Hz]. event: known instant of the
    event; the voltage event nearest to it is analysed, or a power step there [s].
    Raises `ConfigError` where no channel is a voltage.
    """
    if nominal_voltage is not None and not nominal_voltage > 0:
        raise ConfigError(f"nominal voltage {nominal_voltage:g} V: give a positive RMS value")
    signals = sort(waveform)
    results, warnings = _plain(signals), list[str]()
    line = line_frequency(signals.voltages.samples, waveform.rate) if len(signals.voltages) else None
    if line is None:
        note = "no alternating voltage, or less than two undisturbed cycles of it"
        results.append(Result("frequency", "Frequency", None, "Hz", state="not determinable", note=note))
        return Analysis(tuple(results), history=waveform.history)
    window = (float(signals.seconds(line.first)), float(signals.seconds(line.last)))
    good = not signals.voltages.spoilt(np.array([line.first]), np.array([line.last])).any()
    method = "phase advance of one-cycle phasors, least squares"
    results.append(
        Result("frequency", "Frequency", line.value, "Hz", line.uncertainty, "ok", good, window, method)
    )
    if waveform.stated_frequency and abs(waveform.stated_frequency - line.value) > 1:
        warnings.append(
            f"the file states {waveform.stated_frequency:g} Hz; the samples show {line.value:.3f} Hz"
        )

    cycle = waveform.rate / line.value
    track = power_track(signals, line.value)
    voltage, current = urms_cycles(signals, track, cycle)
    reference = nominal_voltage if nominal_voltage is not None else quiet_level(voltage, event)
    time, merged = dips.merge(voltage.times, voltage.values)
    events = dips.find_events(time, merged, reference) if time.size else ()
    chosen = choose(events, event)
    if track.swapped:
        warnings.append("the phases turn a-c-b: b and c were exchanged for the sequences")

    last = float(signals.seconds(len(waveform) - 1))
    begun, start = inception_result(signals, chosen, cycle, reference)
    span = None
    if chosen is not None:
        later = [e.start for e in events if e.start > (chosen.end or np.inf)]
        span = ride_through.span_of(
            chosen, start, later[0] - track.cycle if later else last, track, reference
        )
    steady_end = min(start, last) if chosen or event is None else event
    if chosen and not chosen.begun and chosen.end is None:
        steady_end = last  # low from end to end: that is how the voltage was
    # A jump of phase moves the zero crossings in the half cycle before it.
    quiet = steady_end - (track.cycle / 2 if steady_end < last else 2 / waveform.rate)
    spectra: list[Series] = []
    results += [
        begun,
        *amplitudes(signals, voltage, current, quiet, cycle, reference, nominal_voltage),
        *event_results(signals, chosen, len(events), track.cycle, reference),
        *_distortion(signals, voltage, quiet, line.value, nominal_frequency, spectra),
        *_unbalance(track, quiet),
    ]
    if len(signals.currents) and track.time.size:
        results += _reaction(signals, track, span, quiet, last, reference)
        if chosen is None and event is not None:
            results += _power_step(track, event)
    series = [*_series(signals, voltage, current, time, merged, track)]
    hertz = np.where(signals.voltages.spoilt(line.ends - 1.5 * cycle, line.ends), np.nan, line.track)
    series.append(
        Series("frequency", "Frequency", "Hz", signals.seconds(line.ends), hertz, group="frequency")
    )
    return Analysis(
        tuple(results),
        tuple(series),
        tuple(spectra),
        history=waveform.history,
        warnings=tuple(warnings),
    )


def _plain(signals: Signals) -> list[Result]:
    """Return what needs no line frequency: share of good samples, trigger, DC voltage."""
    waveform = signals.waveform
    good = np.isfinite(waveform.samples).all(axis=0)
    if waveform.valid is not None:
        good &= waveform.valid
    share = 100 * float(good.mean())
    results = [Result("valid_share", "Good samples", share, "%", method="instants good on every channel")]
    edge = trigger_time(waveform)
    method = "rising edge of the trigger channel"
    if edge is None and waveform.triggered:
        edge, method = 0.0, "time zero of the record"
    state, wide = ("no trigger", None) if edge is None else ("ok", 1 / waveform.rate)
    results.append(Result("trigger", "Trigger", edge, "s", wide, state, method=method))
    for channel, row in zip(signals.dc_voltages.channels, signals.dc_voltages.samples, strict=True):
        valid = signals.dc_voltages.bad is None
        for key, title, value in (
            ("dc_voltage_min", "Lowest DC voltage", float(row.min())),
            ("dc_voltage_max", "Highest DC voltage", float(row.max())),
        ):
            wide = None if channel.uncertainty is None else channel.uncertainty * abs(value)
            results.append(Result(key, title, value, "V", wide, valid=valid, method="extreme sample"))
    return results


def _distortion(
    signals: Signals, voltage: Cycles, end: float, hertz: float, nominal: float | None, spectra: list[Series]
) -> list[Result]:
    """Return THDS of voltages and currents in the windows before `end` [s], and add their spectra.

    All channels share the windows of the first voltage, so that they stay in step.
    """
    cycles = 10 if (nominal or hertz) < 55 else 12
    rate, n = signals.waveform.rate, len(signals.waveform)
    margin, orders = harmonics.reach(rate / hertz), harmonics.usable_orders(rate / hertz)
    crossings = voltage.edges[0]
    crossings = crossings[(crossings >= margin) & (crossings <= n - 1 - margin)]
    total = max(crossings.size - 1, 0) // (2 * cycles)
    used = crossings[signals.seconds(crossings) <= end][:: -2 * cycles][::-1]  # back from the event
    results = []
    every = harmonics.subgroups([*signals.voltages.samples, *signals.currents.samples], used, cycles)
    for group, name, part in (
        (signals.voltages, "voltage", every[: len(signals.voltages)]),
        (signals.currents, "current", every[len(signals.voltages) :]),
    ):
        if not len(group):
            continue
        key, title = f"thd_{name}", f"THD of the {name}, worst phase"
        good = ~group.spoilt(used[:-1] - margin, used[1:] + margin)
        levels = part[:, good]
        if orders < 2 or not levels.shape[1]:
            note = f"no good window of {cycles} cycles before the event"
            results.append(Result(key, title, None, "%", state="not determinable", note=note))
            continue
        mean = np.sqrt((levels**2).mean(axis=1))  # over windows, IEC 61000-4-30, 4.5
        carried = mean[:, 1] > np.sqrt((mean[:, 2:] ** 2).sum(axis=1))
        window = (float(signals.seconds(used[0])), float(signals.seconds(used[-1])))
        note = (
            f"orders 2 to {orders}; {int(good.sum())} windows of {cycles} cycles, "
            f"{total - int(good.sum())} left out (event or missing samples)"
        )
        method = "IEC 61000-4-7, THDS"
        if not carried.all():
            note = "a phase carries more distortion than fundamental"
            results.append(Result(key, title, None, "%", state="not determinable", window=window, note=note))
            continue
        worst = float(harmonics.thds(mean).max())
        valid = bool(good.all())
        results.append(Result(key, title, worst, "%", None, "ok", valid, window, method, note))
        orders_hertz = hertz * np.arange(1.0, orders + 1)
        for channel, row in zip(group.channels, mean, strict=True):
            which = f"harmonics_{name[0] if name == 'voltage' else 'i'}{suffix(channel.phase)}"
            percent = 100 * row[1:] / row[1]
            text = f"Harmonics, {channel.name}"
            spectra.append(
                Series(which, text, "%", orders_hertz, percent, channel.phase, f"harmonics_{which[10]}")
            )
    return results


def _unbalance(track: PowerTrack, end: float) -> list[Result]:
    """Return u2/u1 before `end` [s]."""
    if track.unbalance is None:
        return []
    title, method = "Unbalance u2/u1", "IEC 61000-4-30, 5.7; one-cycle phasors"
    begin = max(end - 12 * track.cycle, float(track.time[0]) - track.cycle) if track.time.size else end
    value, valid = ride_through.mean_within(track, track.unbalance, begin, end)
    if value is None or not np.isfinite(value):
        return [Result("unbalance", title, None, "%", state="not determinable", method=method)]
    window = (begin, end)
    return [Result("unbalance", title, 100 * value, "%", valid=valid, window=window, method=method)]


def _reaction(
    signals: Signals,
    track: PowerTrack,
    span: ride_through.Span | None,
    end: float,
    last: float,
    reference: float,
) -> list[Result]:
    """Return what the currents did."""
    powers = ride_through.steady(track, end, span, last)
    current, positive = ride_through.prefault_current(track, end, span)
    before = None
    if current is not None and powers and powers[0].value is not None:
        before = complex(*(float(result.value or 0.0) for result in powers[:2]))
    return [
        *powers,
        ride_through.recovery(track, span, before),
        *ride_through.current_loss(signals, track, current, span),
        *ride_through.reactive_current(track, positive, span, end, reference),
        *ride_through.peak_current(signals, positive),
    ]


def _power_step(track: PowerTrack, event: float) -> list[Result]:
    """Return the response of the active power to a command at `event` [s]."""
    if track.power is None:
        return []
    step = step_response(track.time, track.power.real, event, lag=track.cycle / 2)
    method = "IEC 61400-21-1; lag of half a cycle subtracted"
    results = []
    for key, title, unit, value, wide in (
        ("dead_time", "Active power, time to 10 %", "s", step.dead_time, track.cycle / 2),
        ("rise_time", "Active power, 10 to 90 %", "s", step.rise_time, track.cycle / 2),
        ("response_time", "Active power, time to 90 %", "s", step.response_time, track.cycle / 2),
        ("settling_time", "Active power, time until within 2 %", "s", step.settling_time, track.cycle / 2),
        ("overshoot", "Active power, overshoot", "pu", step.overshoot, None),
    ):
        state = "ok" if value is not None else step.state
        valid = not track.spoilt.any()
        results.append(Result(key, title, value, unit, wide, state, valid, method=method))
    return results


def _series(
    signals: Signals,
    voltage: Cycles,
    current: Cycles,
    time: NDArray[np.float64],
    merged: NDArray[np.float64],
    track: PowerTrack,
) -> list[Series]:
    """Return the quantities over time; NaN where a sample behind a value is missing or clipped."""
    series = [
        Series(
            f"{name}{suffix(c.phase)}",
            f"Urms(1/2) {c.phase}" if unit == "V" else f"Irms {c.phase}",
            unit,
            t,
            v,
            c.phase,
            name,
        )
        for group, cycles, name, unit in (
            (signals.voltages, voltage, "urms", "V"),
            (signals.currents, current, "irms", "A"),
        )
        for c, t, v in zip(group.channels, cycles.times, cycles.values, strict=True)
    ]
    if time.size:
        series.append(Series("uevent_min", "Lowest Urms(1/2)", "V", time, merged.min(axis=0), group="uevent"))
        series.append(
            Series("uevent_max", "Highest Urms(1/2)", "V", time, merged.max(axis=0), group="uevent")
        )
    bad = track.spoilt

    def add(key: str, title: str, unit: str, values: NDArray[np.float64], group: str) -> None:
        series.append(Series(key, title, unit, track.time, np.where(bad, np.nan, values), group=group))

    if len(signals.voltages) == 3:
        scale = np.sqrt(3) if signals.line_to_line else 1.0  # beside the others, so in their kind
        add("u1", "Positive sequence", "V", scale * np.abs(track.u1), "urms")
    if track.power is not None:
        add("p", "Active power", "W", track.power.real, "power")
        add("q", "Reactive power", "var", track.power.imag, "power")
    return series
