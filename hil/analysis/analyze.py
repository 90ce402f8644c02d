"""One capture in, everything that it tells out.

Power quality, powers and events come from one streamed pass over the whole capture. What
happened in an event is told from its samples: the whole capture where it is short, else
those around the event (`excerpt`).
"""

from __future__ import annotations

import ctypes
from contextlib import suppress
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING

import numpy as np

from hil.analysis.event import dips
from hil.analysis.event.voltages import Cycles, choose, quiet_level, suffix
from hil.analysis.excerpt import excerpt_of, looked_at
from hil.analysis.frequency import RANGE
from hil.analysis.power.findings import power_findings
from hil.analysis.power.series import power_series
from hil.analysis.quality import findings as power_quality
from hil.analysis.quality.engine import first_frequency
from hil.analysis.quality.engine import quality as power_quality_of
from hil.analysis.result import Analysis, Findings, Result, Series
from hil.analysis.signals import voltages_in
from hil.analysis.stability.findings import oscillation_findings
from hil.analysis.stability.oscillation import find_oscillations
from hil.analysis.survey import survey
from hil.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from hil.analysis.frequency import LineFrequency
    from hil.analysis.power.series import PowerSeries
    from hil.analysis.quality.values import Quality
    from hil.waveform import Capture, Waveform

SLIDES = 60.0
"""From this long on events are told from the sliding reference too, which follows in a minute [s]."""
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
    if not len(capture):
        raise ConfigError(f"{capture.source or 'waveform'} holds no samples")
    end = capture.start + len(capture) / capture.rate
    if given.event is not None and not capture.start <= given.event <= end:
        span = f"{capture.source or 'waveform'} runs from {capture.start:g} to {end:g} s"
        raise ConfigError(f"event at {given.event:g} s: {span}; give an instant of it")
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
    excerpt = excerpt_of(capture, events, chosen, given.event)
    parts.append(Findings(series=tuple(_over_time(quality, time, urms))))
    hertz, quiet, of_event = looked_at(excerpt, events, chosen, reference, given)
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
