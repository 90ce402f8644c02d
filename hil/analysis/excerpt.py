"""What the samples of an event tell: an excerpt of a capture, looked at one by one."""

from __future__ import annotations

from dataclasses import replace
from math import inf
from typing import TYPE_CHECKING

import numpy as np

from hil.analysis.event import ride_through
from hil.analysis.event.span import span_of
from hil.analysis.event.voltages import amplitudes, event_results, inception_result, urms_cycles
from hil.analysis.frequency import LEAST, RANGE, line_frequency
from hil.analysis.power.phase import frequency_track
from hil.analysis.power.phase_findings import jump_results
from hil.analysis.power.track import power_track
from hil.analysis.result import Findings, Result, Series, under
from hil.analysis.signals import Signals, sort
from hil.analysis.stability.findings import mode_findings
from hil.analysis.stability.modes import modes
from hil.analysis.step.findings import step_findings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hil.analysis.analyze import Given
    from hil.analysis.event.dips import VoltageEvent
    from hil.analysis.frequency import LineFrequency
    from hil.waveform import Capture, Waveform

SHORT = 60.0
"""Captures up to this long are looked at sample by sample; longer ones around their event [s]."""
BEFORE, EVENT, AFTER = 2.0, 10.0, 8.0
"""What is looked at of a longer one: before its event, at most of it, and after it [s]."""
CALM = 3.0
"""What is looked at of one without an event [s]."""
RING = (0.1, 30.0)
"""Modes are looked for in the power over one cycle, which hides what is much faster [Hz]."""


def excerpt_of(
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


def looked_at(
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
