"""One captured file, as `hil analyze` takes it: read, measured, and held against what was asked for."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import sqrt
from typing import TYPE_CHECKING, Final

import numpy as np

from hil.analysis.analyze import Given, joined, measure
from hil.analysis.buffering.findings import buffering_findings
from hil.analysis.result import Analysis, Findings, Table
from hil.analysis.signals import LINES
from hil.analysis.stability.grid_stability import impedance_findings
from hil.capture.guess import apply_mapping
from hil.capture.read import open_capture
from hil.compliance.distortion import judge_distortion
from hil.compliance.distortion_limits import load_distortion_limits
from hil.compliance.envelope import Envelope, load_envelope
from hil.compliance.envelope_findings import envelope_findings
from hil.compliance.variation import judge_variation, load_variation
from hil.errors import ConfigError
from hil.evaluate import corrected
from hil.injections import impedance_from_plan, load_injections

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from hil.analysis.analyze import Measured
    from hil.analysis.power.series import PowerSeries
    from hil.injections import Injections
    from hil.waveform import Capture, Channel, Waveform

OURS: Final = (".h5", ".blk")
"""Captures of runs: raw, with the certificates that correct them."""
SECTION: Final = "Load buffering"
PARTIAL: Final = "the sampling rate changes"
"""How the history of a capture begins to say that it is one section of its file, with others beside it."""


@dataclass(frozen=True, slots=True)
class Question:
    """What a person says of a capture, and asks of it."""

    mapping: Mapping[str, str] = field(default_factory=dict)
    """Roles of channels, such as {"va": "CH 1"}."""
    given: Given = Given()  # noqa: RUF009 - frozen
    envelopes: tuple[str, ...] = ()
    """Names or files of ride-through envelopes."""
    distortion: tuple[str, ...] = ()
    """Names or files of limits of distortion."""
    variation: tuple[str, ...] = ()
    """Names or files of limits of power variation."""
    rated_power: float | None = None
    """That ramps and errors of load buffering are referred to [W]."""
    short_circuit_ratio: float | None = None
    """Isc / I_L at the point of common coupling."""
    site: float | None = None
    """Rating of the site over that of the bench."""


@dataclass(frozen=True, eq=False)
class Study:
    """What was found in one file."""

    path: Path
    channels: tuple[Channel, ...]
    rate: float
    """[Hz]"""
    samples: int
    """Per channel, in the whole capture."""
    excerpt: Waveform
    """The samples to draw."""
    analysis: Analysis
    envelope: Envelope | None
    """The one to draw."""


def study(path: Path, question: Question, progress: Callable[[float], None] | None = None) -> Study:
    """Return what a captured file holds; progress is called with the share that is done."""
    capture = _opened(path, question.mapping)
    envelopes = [load_envelope(name) for name in question.envelopes]
    measured = measure(capture, question.given, progress)
    parts = [
        _envelopes(measured, envelopes),
        _distortion(measured, question),
        _buffering(measured.powers, question),
    ]
    analysis = measured.analysis
    more = joined([Findings(analysis.results, analysis.series, analysis.spectra, analysis.tables), *parts])
    partial = [note for note in capture.history if note.startswith(PARTIAL)]
    warnings = (*partial, *analysis.warnings, *more.warnings)
    whole = replace(more, history=analysis.history, warnings=warnings)
    return Study(
        path,
        capture.channels,
        capture.rate,
        len(capture),
        measured.excerpt,
        whole,
        envelopes[0] if envelopes else None,
    )


def study_injections(path: Path) -> tuple[Injections, Analysis]:
    """Return a plan of injections, and the impedance and the stability that it tells (`hil.injections`).

    The captures of the plan are named as seen from its folder.
    """
    plan = load_injections(path)
    found = impedance_from_plan(plan, lambda name: _opened(path.parent / name, {}))
    return plan, joined([impedance_findings(found, plan.grid)])


def _opened(path: Path, mapping: Mapping[str, str]) -> Capture:
    """Return a capture, one of a run corrected."""
    if path.suffix.lower() in OURS and path.is_file():
        return apply_mapping(corrected(path)[0], mapping)
    return open_capture(path, mapping)


def _envelopes(measured: Measured, envelopes: list[Envelope]) -> Findings:
    hertz = measured.quality.frequency
    if not envelopes:
        return Findings()
    if hertz is None:
        return Findings(warnings=("envelopes: there is no alternating voltage to compare with",))
    return envelope_findings(envelopes, measured.time, measured.urms, measured.reference, cycle=1 / hertz)


def _distortion(measured: Measured, question: Question) -> Findings:
    tables, quality, given = [], measured.quality, question.given
    for name in question.distortion:
        limits = load_distortion_limits(name)
        if not np.isfinite(measured.reference) or quality.frequency is None:
            raise ConfigError(f"{name}: there is no alternating voltage to refer to")
        between = any(channel.phase in LINES for channel in quality.voltages)
        bases = {"THD": measured.reference, "TDD": given.demand_current, "TRD": given.rated_current}
        base = bases[limits.total]
        if base is None:
            option = {"TDD": "--demand-current", "TRD": "--rated-current"}[limits.total]
            raise ConfigError(f"{name}: its limits are shares of a current; give it with {option}")
        judgement = judge_distortion(
            limits,
            quality,
            base=base,
            voltage=measured.reference * (1 if between else sqrt(3)),
            ratio=question.short_circuit_ratio,
            nominal_voltage=given.nominal_voltage,
        )
        tables.append(judgement.table)
    return Findings(tables=tuple(tables))


def _buffering(powers: PowerSeries, question: Question) -> Findings:
    """Return what reaches the grid of a load, and how the grid's power stands against limits."""
    at = {place: power.astype(float) for place, power in powers.at.items()}
    load, grid = at.get("load"), at.get("grid")
    if grid is None and load is not None and "" in at:
        grid = load - at[""]  # what the unit does not deliver
    parts = []
    if load is not None and grid is not None:
        rating = question.rated_power
        if rating is None:
            warning = "load buffering is told per unit of a rating: give it with --rated-power"
            parts.append(Findings(warnings=(warning,)))
        else:
            resolution = 1 / powers.rate
            parts.append(
                buffering_findings(load, grid, powers.rate, rating=rating, source_resolution=resolution)
            )
    seen = grid if grid is not None else at.get("")
    for name in question.variation:
        if seen is None:
            raise ConfigError(f"{name}: neither a power is recorded, nor three voltages and currents")
        limits = load_variation(name)
        verdicts = judge_variation(limits, seen, powers.rate, question.site, rating=question.rated_power)
        columns = ("Limit", "Measured", "At most", "Margin", "Outcome", "Reason", "Confidence")
        for unit in dict.fromkeys(v.unit for v in verdicts):
            rows = tuple(
                (v.title, v.value, v.limit, v.margin, v.outcome.value, v.reason, v.confidence)
                for v in verdicts
                if v.unit == unit
            )
            units = ("", unit, unit, unit, "", "", "")
            key, source = (
                f"variation_{limits.name}_{unit.replace('/', '_')}",
                f"{limits.source}, {limits.date}",
            )
            table = Table(key, limits.title, columns, units, rows, SECTION, source)
            parts.append(Findings(tables=(table,)))
    whole = joined(parts)
    return Findings(whole.results, whole.series, whole.spectra, whole.tables, whole.warnings)
