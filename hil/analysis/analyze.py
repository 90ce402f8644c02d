"""One capture in, everything that it tells out.

Power quality, powers and events come from one streamed pass over the whole capture. What
happened in an event is told from its samples: the whole capture where it is short, else
those around the event.
"""

from __future__ import annotations

import ctypes
from contextlib import suppress
from dataclasses import dataclass, replace
from math import inf, isfinite
from typing import TYPE_CHECKING

import numpy as np

from hil.analysis.event import dips, ride_through
from hil.analysis.event.span import span_of
from hil.analysis.event.voltages import (
    Cycles,
    amplitudes,
    choose,
    event_results,
    inception_result,
    quiet_level,
    suffix,
    urms_cycles,
)
from hil.analysis.frequency import LEAST, RANGE, line_frequency
from hil.analysis.power.findings import power_findings
from hil.analysis.power.phase import frequency_track
from hil.analysis.power.phase_findings import jump_results
from hil.analysis.power.series import power_series
from hil.analysis.power.track import power_track
from hil.analysis.quality import findings as power_quality
from hil.analysis.quality.engine import first_frequency
from hil.analysis.quality.engine import quality as power_quality_of
from hil.analysis.result import Analysis, Findings, Result, Series, under
from hil.analysis.signals import Signals, sort, voltages_in
from hil.analysis.stability.findings import mode_findings, oscillation_findings
from hil.analysis.stability.modes import modes
from hil.analysis.stability.oscillation import find_oscillations
from hil.analysis.step.findings import step_findings
from hil.analysis.survey import survey
from hil.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from hil.analysis.event.dips import VoltageEvent
    from hil.analysis.frequency import LineFrequency
    from hil.analysis.power.series import PowerSeries
    from hil.analysis.quality.engine import Quality
    from hil.waveform import Capture, Waveform

SHORT = 60.0
"""Captures up to this long are looked at sample by sample; longer ones around their event [s]."""
BEFORE, EVENT, AFTER = 2.0, 10.0, 8.0
"""What is looked at of a longer one: before its event, at most of it, and after it [s]."""
CALM = 3.0
"""What is looked at of one without an event [s]."""

SLIDES = 60.0
"""From this long on events are told from the sliding reference too, which follows in a minute [s]."""
RING = (0.1, 30.0)
"""Modes are looked for in the power over one cycle, which hides what is much faster [Hz]."""
SWINGS = (0.1, 100.0)
"""Where sustained oscillations are looked for [Hz]."""


@dataclass(frozen=True, slots=True)
class Given:
    """What is known of a capture beforehand; everything else is measured."""

    nominal_voltage: float | None = None
    """Declared RMS of the recorded voltages; without it that before the event is the reference [V]."""
    nominal_frequency: float | None = None
    """50 takes intervals of 10 cycles, 60 of 12; without it the measured one decides [Hz]."""
    event: float | None = None
    """Known instant of the event: the voltage event nearest to it is analysed, or a power step there [s]."""
    rated_current: float | None = None
    """[A]"""
    demand_current: float | None = None
    """Maximum demand load current I_L, for TDD [A]."""
    lamp: int | None = None
    """Of the flickermeter, 120 or 230 [V]; without it 230 at 50 Hz and 120 at 60 Hz."""


@dataclass(frozen=True, eq=False)
class Measured:
    """An analysis, with what further comparisons are made from."""

    analysis: Analysis
    quality: Quality
    excerpt: Waveform
    """The samples of the event, or the beginning, of a long capture; all of a short one."""
    reference: float
    """Declared voltage, or that before the event; NaN where there was none [V]."""
    time: NDArray[np.float64]
    """Instants of `urms` [s]."""
    urms: NDArray[np.float64]
    """Lowest and highest latest Urms(1/2) of all voltages then, shape (2, instants) [V]."""
    powers: PowerSeries
    """Active power at each measuring point."""


def analyze(capture: Capture, **given: float | None) -> Analysis:
    """Return all quantities that a capture allows; `given` are fields of `Given`.

    Raises `ConfigError` where no channel is a voltage: there is nothing to refer to.
    """
    return measure(capture, Given(**given)).analysis  # type: ignore[arg-type] # lamp is a whole number


def measure(capture: Capture, given: Given, progress: Callable[[float], None] | None = None) -> Measured:
    """Return all quantities that a capture allows, and what they were made from.

    progress: called with the share that is done, 0 to 1.
    """
    if given.nominal_voltage is not None and not 0 < given.nominal_voltage < inf:
        raise ConfigError(f"nominal voltage {given.nominal_voltage:g} V: give a positive RMS value")
    low, high = RANGE
    if given.nominal_frequency is not None and not low <= given.nominal_frequency <= high:
        asked = f"nominal frequency {given.nominal_frequency:g} Hz"
        raise ConfigError(f"{asked}: give one between {low:g} and {high:g} Hz")
    if given.event is not None and not isfinite(given.event):
        raise ConfigError(f"event at {given.event:g} s: give an instant of the record")
    if not len(capture):
        raise ConfigError(f"{capture.source or 'waveform'} holds no samples")
    voltages = voltages_in(capture.channels, capture.source or "waveform")
    powers = power_series(capture)
    parts = [survey(capture), _oscillations(powers, first_frequency(capture, voltages) if voltages else None)]
    quality = power_quality_of(
        capture, nominal_frequency=given.nominal_frequency, lamp=given.lamp, progress=progress
    )
    _give_back()
    voltage = _whole(quality)
    reference = given.nominal_voltage
    if reference is None:
        reference = quiet_level(voltage, given.event) if voltage.times else float("nan")
    time, urms = (
        dips.merge(voltage.times, voltage.values) if voltage.times else (np.empty(0), np.empty((0, 0)))
    )
    events = dips.find_events(time, urms, reference) if time.size else ()
    urms = np.array([urms.min(axis=0), urms.max(axis=0)]) if time.size else urms
    _give_back()
    chosen = choose(events, given.event)
    excerpt = _excerpt(capture, events, chosen, given.event)
    parts.append(Findings(series=tuple(_over_time(quality, time, urms))))
    hertz, quiet, of_event = _looked_at(excerpt, events, chosen, reference, given)
    parts += of_event
    if quiet is not None:
        parts.append(
            power_quality.findings(
                quality,
                nominal_voltage=given.nominal_voltage,
                nominal_frequency=given.nominal_frequency,
                rated_current=given.rated_current,
                demand_current=given.demand_current,
                intervals_before=quiet,
                events=events,
            )
        )
        if given.nominal_voltage is not None and len(capture) > SLIDES * capture.rate:
            parts.append(power_quality.sliding_findings(quality, nominal_voltage=given.nominal_voltage))
        _give_back()
        parts.append(power_findings(quality, before=quiet))
    analysis = joined(parts, history=capture.history, warnings=_about_the_file(capture, quality, hertz))
    return Measured(analysis, quality, excerpt, reference, time, urms, powers)


def joined(
    parts: Iterable[Findings], *, history: tuple[str, ...] = (), warnings: tuple[str, ...] = ()
) -> Analysis:
    """Return an analysis of several findings; of two results or series with one key the first stands."""
    results: dict[str, Result] = {}
    series: dict[str, Series] = {}
    every = list(parts)
    for part in every:
        for result in part.results:
            results.setdefault(result.key, result)
        for one in part.series:
            series.setdefault(one.key, one)
    return Analysis(
        results=tuple(results.values()),
        series=tuple(series.values()),
        spectra=tuple(one for part in every for one in part.spectra),
        tables=tuple(one for part in every for one in part.tables),
        history=history,
        warnings=(*warnings, *dict.fromkeys(text for part in every for text in part.warnings)),
    )


def _give_back() -> None:
    """Return memory that is free to the system: the C library keeps what many threads had, and more."""
    with suppress(OSError, AttributeError):  # only glibc has it
        ctypes.CDLL(None).malloc_trim(0)


def _looked_at(
    excerpt: Waveform,
    events: tuple[VoltageEvent, ...],
    chosen: VoltageEvent | None,
    reference: float,
    given: Given,
) -> tuple[float | None, float | None, list[Findings]]:
    """Return the line frequency [Hz], when the steady state ends [s], and what the samples tell."""
    signals = sort(excerpt)
    line = line_frequency(signals.voltages.samples, excerpt.rate) if len(signals.voltages) else None
    if line is None:
        note = (
            f"no alternating voltage of {RANGE[0]:g} to {RANGE[1]:g} Hz, less than two undisturbed cycles "
            f"of it, or less than {LEAST} samples per cycle"
        )
        title, section = "Frequency", "Voltage and current"
        result = Result("frequency", title, None, "Hz", state="not determinable", note=note, section=section)
        return None, None, [Findings((result,))]
    event = _Event(signals, line, events, chosen, reference, given)
    return line.value, event.quiet, [event.voltages(), event.currents(), event.ring_down()]


class _Event:
    """The voltage event of an excerpt, or its undisturbed samples where there is none."""

    def __init__(
        self,
        signals: Signals,
        line: LineFrequency,
        events: tuple[VoltageEvent, ...],
        chosen: VoltageEvent | None,
        reference: float,
        given: Given,
    ) -> None:
        rate = signals.waveform.rate
        self.signals, self.line, self.events, self.chosen = signals, line, events, chosen
        self.reference, self.given = reference, given
        self.cycle = rate / line.value
        self.track = power_track(signals, line.value)
        self.voltage, self.current = urms_cycles(signals, self.track, self.cycle)
        self.last = float(signals.seconds(len(signals.waveform) - 1))
        self.begun, self.start = inception_result(signals, chosen, self.cycle, reference)
        self.span = None
        if chosen is not None:
            later = [e.start for e in events if e.start > (chosen.end or inf)]
            horizon = min(later[0] - self.track.cycle if later else self.last, self.last)
            self.span = span_of(chosen, self.start, horizon, self.track, reference)
        end = min(self.start, self.last) if chosen or given.event is None else given.event
        if chosen and not chosen.begun and chosen.end is None:
            end = self.last  # low from end to end: that is how the voltage was
        if chosen is None and given.event is None:
            end = self._first_jump(end)
        # A jump of phase moves the zero crossings in the half cycle before it, and the phasor beside them.
        self.quiet = end - (self.track.cycle * (1 / 2 + 1 / 16) if end < self.last else 2 / rate)

    def _first_jump(self, end: float) -> float:
        """Return when the phase of a voltage that is steady otherwise first jumps, or the end [s]."""
        found = frequency_track(self.track.time, self.track.voltages, self.line.value)
        jumps = () if found is None else found.jumps
        return min([end, *(jump.time - self.track.cycle for jump in jumps)])

    def voltages(self) -> Findings:
        """Return what the voltage was, and what it did."""
        signals, line, track = self.signals, self.line, self.track
        window = (float(signals.seconds(line.first)), float(signals.seconds(line.last)))
        good = not signals.voltages.spoilt(np.array([line.first]), np.array([line.last])).any()
        method = "phase advance of one-cycle phasors, least squares"
        hertz = Result(
            "frequency", "Frequency", line.value, "Hz", line.uncertainty, "ok", good, window, method
        )
        levels = amplitudes(
            signals,
            self.voltage,
            self.current,
            self.quiet,
            self.cycle,
            self.reference,
            self.given.nominal_voltage,
        )
        happened = event_results(signals, self.chosen, len(self.events), track.cycle, self.reference)
        bad = signals.voltages.spoilt(line.ends - 1.5 * self.cycle, line.ends)
        over_time = Series(
            "frequency",
            "Frequency",
            "Hz",
            signals.seconds(line.ends),
            np.where(bad, np.nan, line.track),
            group="frequency",
        )
        jumps: tuple[Result, ...] = ()
        if self.span is not None and np.isfinite(self.start):
            names = [c.phase or c.name for c in signals.voltages.channels]
            jumps = jump_results(track.time, track.voltages, names, line.value, self.start, self.span.back)
        return Findings(
            (
                *under("Voltage and current", [hertz, *levels]),
                *under("Voltage event", [self.begun, *happened, *jumps]),
            ),
            (*_traces(self), over_time),
            warnings=("the phases turn a-c-b: b and c were exchanged for the sequences",) * track.swapped,
        )

    def currents(self) -> Findings:
        """Return what the currents did in the event, or in a power step at the instant given."""
        signals, track = self.signals, self.track
        if not len(signals.currents) or not track.time.size:
            return Findings()
        found = ride_through.ride_through_findings(
            signals,
            track,
            self.chosen,
            self.span,
            end=self.quiet,
            reference=self.reference,
            inception=self.begun,
            rated=self.given.rated_current,
        )
        if self.chosen is not None or self.given.event is None or track.power is None:
            return found
        step = step_findings(
            track.time, track.power.real, self.given.event, lag=track.cycle / 2, valid=not track.spoilt.any()
        )
        return replace(
            found,
            results=(*found.results, *step.results),
            series=(*found.series, *step.series),
            tables=(*found.tables, *step.tables),
        )

    def ring_down(self) -> Findings:
        """Return the modes that the active power rings with after the event, if it went on."""
        track, span = self.track, self.span
        if span is None or span.back is None or track.power is None:
            return Findings()
        after = (track.time - track.cycle >= span.back) & (track.time <= span.horizon)
        if not after.any():
            return Findings()
        values = np.where(track.spoilt[after], np.nan, track.power.real[after])
        rate = 1 / float(track.time[1] - track.time[0])
        window = (span.back, span.horizon)
        found = modes(values, rate, band=RING)
        return mode_findings(found, key="p", title="Active power after the event", unit="W", window=window)


def _oscillations(powers: PowerSeries, line: LineFrequency | None) -> Findings:
    """Return the sustained oscillations of the active power at the terminals."""
    power = powers.at.get("")
    if power is None or line is None or powers.rate < 4 * SWINGS[1]:
        return Findings()
    found = find_oscillations(
        power, powers.rate, band=SWINGS, exclude=(line.value, 2 * line.value), start=float(powers.time[0])
    )
    return oscillation_findings(found, key="p", title="Active power", unit="W")


def _whole(quality: Quality) -> Cycles:
    """Return Urms(1/2) of the voltages over the whole capture."""
    voltages = quality.urms[: len(quality.voltages)]
    return Cycles((), tuple(u.end for u in voltages), tuple(u.values for u in voltages))


def _excerpt(
    capture: Capture, events: tuple[VoltageEvent, ...], event: VoltageEvent | None, near: float | None
) -> Waveform:
    """Return the samples to look at one by one: all of a short capture, but no earlier event."""
    rate, n = capture.rate, len(capture)
    first, last = 0, n
    if n > SHORT * rate:
        begin, length = near or 0.0, 0.0
        if event is not None:
            begin, length = event.start, EVENT if event.end is None else min(event.end - event.start, EVENT)
        calm = event is None and near is None
        first = 0 if calm else round((begin - BEFORE - capture.start) * rate)
        last = round(CALM * rate) if calm else first + round((BEFORE + length + AFTER) * rate)
    earlier = [e.end for e in events if event is not None and e.end is not None and e.end <= event.start]
    if earlier:
        first = max(first, round((max(earlier) - capture.start) * rate))
    return capture.part(first, last)


def _about_the_file(capture: Capture, quality: Quality, hertz: float | None) -> tuple[str, ...]:
    """Return where the file contradicts its samples."""
    hertz = hertz or quality.frequency
    stated = capture.stated_frequency
    if hertz is None or not stated or abs(stated - hertz) <= 1:
        return ()
    return (f"the file states {stated:g} Hz; the samples show {hertz:.3f} Hz",)


def _over_time(quality: Quality, time: NDArray[np.float64], urms: NDArray[np.float64]) -> list[Series]:
    """Return Urms(1/2) of the whole capture; NaN where a sample behind a value is missing or clipped."""
    count = len(quality.voltages)
    channels = (*quality.voltages, *quality.currents)
    found = [
        Series(
            f"{'urms' if k < count else 'irms'}{suffix(channel.phase)}",
            f"{'Urms(1/2)' if k < count else 'Irms'} {channel.phase}".strip(),
            channel.unit,
            one.end,
            one.values,
            channel.phase,
            "urms" if k < count else "irms",
        )
        for k, (channel, one) in enumerate(zip(channels, quality.urms, strict=True))
    ]
    if time.size:
        found.append(Series("uevent_min", "Lowest Urms(1/2)", "V", time, urms[0], group="uevent"))
        found.append(Series("uevent_max", "Highest Urms(1/2)", "V", time, urms[1], group="uevent"))
    return found


def _traces(event: _Event) -> list[Series]:
    """Return the sequences and powers of the excerpt; NaN where a sample behind a value is bad."""
    track, signals = event.track, event.signals
    found = []

    def add(key: str, title: str, unit: str, values: NDArray[np.float64], group: str) -> None:
        shown = np.where(track.spoilt, np.nan, values)
        found.append(Series(key, title, unit, track.time, shown, group=group))

    if len(signals.voltages) == 3:
        scale = np.sqrt(3) if signals.line_to_line else 1.0  # beside the others, so in their kind
        add("u1", "Positive sequence", "V", scale * np.abs(track.u1), "urms")
    if track.power is not None:
        add("p", "Active power", "W", track.power.real, "power")
        add("q", "Reactive power", "var", track.power.imag, "power")
    return found
