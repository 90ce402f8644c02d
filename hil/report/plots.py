"""The plots of a report, as plain data that plotly.js draws."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from hil.analysis.signals import LINES
from hil.report.figure import Plot, curve, labelled, layout_of, number_of, trace, with_limits
from hil.report.plots_envelope import envelope_in_time, envelope_plane
from hil.report.plots_frequency import against_limits, harmonics, over_frequency
from hil.report.thin import AFTER, BEFORE, Detail, thin
from hil.waveform import PHASES, find

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from hil.analysis.result import Analysis, Series
    from hil.compliance.envelope import Envelope
    from hil.compliance.verdict import Parameters, Verdict
    from hil.waveform import Channel, Waveform

SIGN_OF_POWER: Final = "Positive: from the PCS to the grid."
GROUPS: Final = {
    "urms": ("RMS voltage, one cycle, each half cycle", "Voltage [V]", ""),
    "bus": ("RMS voltage of the bus, one cycle", "Voltage [V]", ""),
    "uevent": ("Lowest and highest RMS voltage of all phases", "Voltage [V]", ""),
    "irms": ("RMS current, one cycle, each half cycle", "Current [A]", ""),
    "power": ("Active and reactive power", "Power [W, var]", SIGN_OF_POWER),
    "powers": ("Active power", "Power [W]", "Over one cycle, at each measuring point."),
    "dispatch": ("Active power and its set-point", "Power [W]", SIGN_OF_POWER),
    "day_power": (
        "Power of load, grid and PCS",
        "Power [W]",
        "Positive: out of grid and PCS, into the load.",
    ),
    "missions": ("What each mission got, by telemetry", "Power [W]", SIGN_OF_POWER),
    "soc": ("State of charge", "State of charge [pu]", ""),
    "power_positive": ("Power of the positive sequence", "Power [W, var]", SIGN_OF_POWER),
    "current_positive": ("Current of the positive sequence, active and reactive", "Current [A]", ""),
    "event": (
        "Positive sequence, one cycle, from the event on",
        "Of rating [pu]",
        SIGN_OF_POWER,
    ),
    "buffering": ("Power of the load and of the grid", "Power [W]", "Means over a cycle."),
    "frequency_track": (
        "Frequency, carried across disturbances",
        "Frequency [Hz]",
        "A jump is no change of it.",
    ),
    "rocof": ("Rate of change of frequency", "ROCOF [Hz/s]", ""),
    "rms_v": ("RMS voltage over 10/12 cycles", "Voltage [V]", ""),
    "rms_i": ("RMS current over 10/12 cycles", "Current [A]", ""),
    "thds_v": ("Distortion of the voltages", "THDS [%]", "Subgroups, in each interval of 10/12 cycles."),
    "thds_i": ("Distortion of the currents", "THDS [%]", "Subgroups, in each interval of 10/12 cycles."),
    "unbalance": ("Unbalance", "Share of the positive sequence [%]", ""),
    "pinst": ("Instantaneous flicker sensation", "Pinst", "The largest of each second."),
    "pst": ("Short-term flicker", "Pst", ""),
    "told_voltage": ("Voltage told and recorded", "Voltage [V]", ""),
    "told_current": ("Current told and recorded", "Current [A]", ""),
    "told_frequency": ("Frequency told and recorded", "Frequency [Hz]", ""),
}
"""Title, label and caption of what is drawn over time."""
COMPARED: Final = "compared_"
"""How groups begin that lay a model over what was measured; the event follows."""
FIRST: Final = ("buffering", "urms", "bus", "irms", "power")
"""Groups that come before the others."""
FEW: Final = 5
"""What has fewer values than this stands in a table, and is not drawn."""
MORE: Final = (
    "thds_v",
    "thds_i",
    "detection_limit",
    "uevent",
    "frequency",
    "frequency_intervals",
    "frequency_10s",
    "rocof",
    "rms_v",
    "rms_i",
    "unbalance",
    "pinst",
    "pst",
    "power_positive",
    "current_positive",
    "current_negative",
    "u_negative",
    "told_state_of_charge",
    "told_temperature",
    "told_limited",
    "told_running",
)
"""Groups that are drawn folded away."""


def plots(
    analysis: Analysis,
    waveform: Waveform | None,
    envelope: Envelope | None,
    parameters: Parameters,
    detail: Detail,
    verdicts: Sequence[Verdict] = (),
) -> Iterator[Plot]:
    """Yield the plots of one event, waveforms first, in this detail.

    verdicts: their limits are drawn where a criterion names the plot.
    """
    for group, plot in _plots(analysis, waveform, envelope, parameters, detail):
        asked = [v for v in verdicts if v.plot == group and group]
        yield with_limits(plot, asked) if asked else plot


def _plots(
    analysis: Analysis,
    waveform: Waveform | None,
    envelope: Envelope | None,
    parameters: Parameters,
    detail: Detail,
) -> Iterator[tuple[str, Plot]]:
    """Yield each plot with the group that it shows, "" for what is no group."""
    inception, duration = number_of(analysis, "inception"), number_of(analysis, "event_duration")
    instants = [] if inception is None else [inception]
    if inception is not None and duration is not None:
        instants.append(inception + duration)
    triggered = waveform is not None and waveform.triggered
    zero = f" from {'trigger' if triggered else 'first sample'}" if waveform is not None else ""
    axis: dict[str, Any] = {"title": {"text": f"Time{zero} [s]"}}
    if inception is not None and waveform is not None:  # double-click shows the whole capture
        end = waveform.start + waveform.duration
        last = end if duration is None else min(end, inception + duration + AFTER)
        axis["range"] = [max(waveform.start, inception - BEFORE), last]
    shapes = [_upright(instant) for instant in instants]
    if waveform is not None:
        yield from (("", plot) for plot in _waveforms(waveform, instants, axis, shapes, detail))
    told = [s for s in analysis.series if np.isfinite(s.values).sum() >= FEW]
    groups = sorted(_grouped(told, lambda s: s.group or s.key), key=lambda of: _place(of[0]))
    for group, series in groups:
        title, label, caption = GROUPS.get(group, (series[0].title, labelled(series[0]), ""))
        if group.startswith(COMPARED):
            title = f"Measured and model, {group.removeprefix(COMPARED)}"
            label, caption = GROUPS["event"][1:]
        traces = [curve(s, i, detail.buckets) for i, s in enumerate(series)]
        if group == "urms" and envelope is not None:
            edges = envelope_in_time(envelope, analysis, waveform)
            traces += edges
            if edges:
                caption = f"Dashed: the unit must ride through what stays above it; {envelope.clause}."
        layout = layout_of(_wide_enough(axis, series), label, shapes)
        yield group, Plot(title, caption, traces, layout, more=group in MORE)
    known = duration is not None and number_of(analysis, "residual_voltage_pu") is not None
    if envelope is not None and known:
        yield "", envelope_plane(envelope, analysis, parameters)
    yield from (("", against_limits(t)) for t in analysis.tables if {"Order", "Limit"} <= set(t.columns))
    for group, spectra in _grouped(analysis.spectra, lambda s: s.group or s.key.rpartition("_")[0]):
        if group.startswith("harmonics"):
            yield group, harmonics(spectra, number_of(analysis, "frequency"))
        else:
            yield group, replace(over_frequency(group, spectra, detail.buckets), more=group in MORE)


def _wide_enough(axis: Mapping[str, Any], series: Sequence[Series]) -> Mapping[str, Any]:
    """Return the axis without its range, the event, where that would show only a handful of values."""
    if "range" not in axis:
        return axis
    first, last = axis["range"]
    seen = max(int(((first <= s.time) & (s.time <= last) & np.isfinite(s.values)).sum()) for s in series)
    return axis if seen >= 4 * FEW else {name: of for name, of in axis.items() if name != "range"}


def _waveforms(
    waveform: Waveform,
    instants: Sequence[float],
    axis: Mapping[str, Any],
    shapes: Sequence[Any],
    detail: Detail,
) -> Iterator[Plot]:
    has = waveform.channels
    for title, quantity, channels in (
        ("Voltages", "voltage", gone_by(has, "voltage")),
        ("Currents", "current", gone_by(has, "current")),
        ("DC voltage", "voltage", find(has, "voltage", ("dc",))),
        ("DC current", "current", find(has, "current", ("dc",))),
        ("Currents of the load", "current", gone_by(has, "current", "load")),
        ("Currents of the grid", "current", gone_by(has, "current", "grid")),
        ("Other voltages", "voltage", _others(has, "voltage")),
        ("Other currents", "current", _others(has, "current")),
    ):
        if channels:
            points = thin(waveform, channels, instants, detail)
            traces = [
                trace(c.name, c.phase, i, y)
                for i, (c, y) in enumerate(zip(channels, points.values, strict=True))
            ]
            label = f"{quantity.capitalize()} [{channels[0].unit}]"
            layout, more = layout_of(axis, label, shapes), title.startswith("Other")
            yield Plot(title, points.caption, traces, layout, points.time, more=more)


def gone_by(channels: Sequence[Channel], quantity: str, place: str = "") -> tuple[Channel, ...]:
    """Return the AC channels that are analysed: to neutral, else between lines, else the one plain."""
    found = (find(channels, quantity, phases, place=place) for phases in (PHASES, LINES, ("",)))
    return next(filter(None, found), ())


def _others(channels: Sequence[Channel], quantity: str) -> tuple[Channel, ...]:
    """Return the channels at the unit that are recorded beside those the analysis goes by."""
    ours = (*gone_by(channels, quantity), *find(channels, quantity, ("dc",)))
    return tuple(c for c in channels if (c.quantity, c.place) == (quantity, "") and c not in ours)


def _place(group: str) -> int:
    return FIRST.index(group) if group in FIRST else len(FIRST)


def _upright(instant: float) -> dict[str, Any]:
    line = {"color": "#5f6368", "dash": "dot", "width": 1}
    return {"type": "line", "x0": instant, "x1": instant, "yref": "paper", "y0": 0, "y1": 1, "line": line}


def _grouped(series: Sequence[Series], key: Any) -> Iterator[tuple[str, list[Series]]]:
    order = {name: i for i, name in reversed(list(enumerate(key(s) for s in series)))}
    for name, members in groupby(sorted(series, key=lambda s: order[key(s)]), key):
        yield name, list(members)
