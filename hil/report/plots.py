"""The plots of a report, as plain data that plotly.js draws."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from hil.report.thin import AFTER, BEFORE, thin, thin_series

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from hil.analysis.result import Analysis, Series, Table
    from hil.compliance.envelope import Envelope
    from hil.compliance.verdict import Parameters
    from hil.waveform import Waveform

COLOURS: Final = {"a": "#c0392b", "b": "#b8860b", "c": "#1f6fb2", "dc": "#5b4a9c"}
OTHERS: Final = ("#333d47", "#2a7f62", "#8e5572", "#7a6a4f")
AC: Final = ("a", "b", "c", "n", "ab", "bc", "ca", "")
SIGN_OF_POWER: Final = "Positive: from the PCS to the grid."
GROUPS: Final = {
    "urms": ("RMS voltage, one cycle, each half cycle", "Voltage [V]", ""),
    "uevent": ("Lowest and highest RMS voltage of all phases", "Voltage [V]", ""),
    "irms": ("RMS current, one cycle, each half cycle", "Current [A]", ""),
    "power": ("Active and reactive power", "Power [W, var]", SIGN_OF_POWER),
    "power_positive": ("Power of the positive sequence", "Power [W, var]", SIGN_OF_POWER),
    "current_positive": ("Current of the positive sequence, active and reactive", "Current [A]", ""),
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
}
"""Title, label and caption of what is drawn over time."""
FIRST: Final = ("urms", "irms", "power")
"""Groups that come before the others."""
PREFIXED: Final = ("[V]", "[A]", "[W]", "[W, var]")
"""How labels end whose numbers take a prefix."""
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
)
"""Groups that are drawn folded away."""
_BINS: Final = "RMS of each bin over the undisturbed intervals of 10 or 12 cycles."
SPECTRA: Final = {
    "spectrum_v": ("Voltage spectrum", "Share of the fundamental [%]", _BINS, "linear", "log"),
    "spectrum_i": ("Current spectrum", "Share of the fundamental [%]", _BINS, "linear", "log"),
    "power_spectrum": ("Spectrum of the power", "Amplitude, RMS [W]", "", "log", "log"),
    "transfer": ("What reaches the grid of the swings of the load", "|P grid / P load|", "", "log", "log"),
    "coherence": (
        "Coherence of grid and load",
        "Coherence",
        "The transfer holds where high.",
        "log",
        "linear",
    ),
    "impedance": ("Impedance in the dq frame", "|Z| [ohm]", "", "log", "log"),
    "phase": ("Impedance in the dq frame", "Angle [deg]", "", "log", "linear"),
}
"""Title, label, caption and the kinds of both axes of what is drawn over frequency."""


@dataclass(frozen=True)
class Plot:
    """One chart: traces and layout as plotly.js takes them; traces without x share `x`.

    `x` is evenly spaced stretches: first value, step, number of points.
    """

    title: str
    caption: str
    traces: Sequence[Mapping[str, Any]]
    layout: Mapping[str, Any]
    x: Sequence[tuple[float, float, int]] = ()
    more: bool = False
    """True for what is folded away until somebody wants it."""

    def to_json(self) -> str:
        """Return it for a script element: no text in it can close the element."""
        spec = {"x": self.x, "traces": self.traces, "layout": self.layout}
        return json.dumps(spec, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")


def plots(
    analysis: Analysis,
    waveform: Waveform | None,
    envelope: Envelope | None,
    parameters: Parameters,
    whole: int,
) -> Iterator[Plot]:
    """Yield the plots of one event, waveforms first, with up to `whole` samples of each channel."""
    inception, duration = _value(analysis, "inception"), _value(analysis, "event_duration")
    instants = [] if inception is None else [inception]
    if inception is not None and duration is not None:
        instants.append(inception + duration)
    triggered = waveform is not None and waveform.triggered
    axis: dict[str, Any] = {"title": {"text": f"Time from {'trigger' if triggered else 'first sample'} [s]"}}
    if len(instants) == 2 and waveform is not None:  # double-click shows the whole capture
        first = max(waveform.start, instants[0] - BEFORE)
        axis["range"] = [first, min(waveform.start + waveform.duration, instants[-1] + AFTER)]
    shapes = [_upright(instant) for instant in instants]
    if waveform is not None:
        yield from _waveforms(waveform, instants, axis, shapes, whole)
    told = [s for s in analysis.series if np.isfinite(s.values).sum() >= FEW]
    groups = sorted(_grouped(told, lambda s: s.group or s.key), key=lambda of: _place(of[0]))
    for group, series in groups:
        title, label, caption = GROUPS.get(
            group, (series[0].title, f"{series[0].title} [{series[0].unit}]", "")
        )
        traces = [_curve(s, i) for i, s in enumerate(series)]
        if group == "urms" and envelope is not None:
            traces += _envelope_in_time(envelope, analysis, waveform)
            caption = f"Dashed: the unit must ride through what stays above it; {envelope.clause}."
        layout = _layout(_wide_enough(axis, series), label, shapes)
        yield Plot(title, caption, traces, layout, more=group in MORE)
    if envelope is not None and duration is not None and _value(analysis, "residual_voltage_pu") is not None:
        yield _envelope_plane(envelope, analysis, parameters)
    yield from (_against_limits(t) for t in analysis.tables if {"Order", "Limit"} <= set(t.columns))
    for group, spectra in _grouped(analysis.spectra, lambda s: s.group or s.key.rpartition("_")[0]):
        if group.startswith("harmonics"):
            yield _harmonics(spectra, _value(analysis, "frequency"))
        else:
            yield _over_frequency(group, spectra)


def _wide_enough(axis: Mapping[str, Any], series: Sequence[Series]) -> Mapping[str, Any]:
    """Return the axis without its range, the event, where that would show only a handful of values."""
    if "range" not in axis:
        return axis
    first, last = axis["range"]
    seen = max(int(((first <= s.time) & (s.time <= last) & np.isfinite(s.values)).sum()) for s in series)
    return axis if seen >= 4 * FEW else {name: of for name, of in axis.items() if name != "range"}


def _waveforms(
    waveform: Waveform, instants: Sequence[float], axis: Mapping[str, Any], shapes: Sequence[Any], whole: int
) -> Iterator[Plot]:
    for title, quantity, phases, place in (
        ("Voltages", "voltage", AC, ""),
        ("Currents", "current", AC, ""),
        ("DC voltage", "voltage", ("dc",), ""),
        ("DC current", "current", ("dc",), ""),
        ("Currents of the load", "current", AC, "load"),
        ("Currents of the grid", "current", AC, "grid"),
    ):
        channels = [
            c for c in waveform.channels if (c.quantity, c.place) == (quantity, place) and c.phase in phases
        ]
        if channels:
            points = thin(waveform, channels, instants, whole)
            traces = [
                _line(c.name, c.phase, i, y)
                for i, (c, y) in enumerate(zip(channels, points.values, strict=True))
            ]
            label = f"{quantity.capitalize()} [{channels[0].unit}]"
            yield Plot(title, points.caption, traces, _layout(axis, label, shapes), points.time)


def _envelope_in_time(
    envelope: Envelope, analysis: Analysis, waveform: Waveform | None
) -> list[dict[str, Any]]:
    """Return the envelope from the inception on, and the event as it was measured [V]."""
    reference, inception = _value(analysis, "reference_voltage"), _value(analysis, "inception")
    residual, duration = _value(analysis, "residual_voltage"), _value(analysis, "event_duration")
    if reference is None or inception is None:
        return []
    low, _ = envelope.curve()
    end = max(low[-1][0], 0.0 if waveform is None else waveform.start + waveform.duration - inception)
    corners = [*low, (end, low[-1][1])]
    must = {
        "name": "envelope",
        "x": [inception + t for t, _ in corners],
        "y": [v * reference for _, v in corners],
        "mode": "lines",
        "line": {"color": "#c0392b", "dash": "dash", "width": 1.5},
        "fill": "tozeroy",
        "fillcolor": "rgba(192,57,43,0.07)",
    }
    if residual is None or duration is None:
        return [must]
    event = {
        "name": "event, measured",
        "x": [inception + duration],
        "y": [residual],
        "mode": "markers",
        "marker": {"color": "#111", "size": 10, "symbol": "diamond"},
    }
    return [must, event]


def _envelope_plane(envelope: Envelope, analysis: Analysis, parameters: Parameters) -> Plot:
    """Return the envelope over duration, with the event as measured and as commanded."""
    low, high = envelope.curve()
    edge = {"mode": "lines", "line": {"color": "#c0392b", "width": 1.5}}
    longest = 10_000.0

    def to_the_end(curve: Sequence[tuple[float, float]]) -> dict[str, Any]:
        corners = [(max(t, 0.001), v) for t, v in (*curve, (longest, curve[-1][1]))]
        return {"x": [t for t, _ in corners], "y": [v for _, v in corners]}

    residual, duration = analysis["residual_voltage_pu"], analysis["event_duration"]
    traces: list[dict[str, Any]] = [
        {**edge, "name": "ride through above", **to_the_end(low)},
        {
            "name": "measured",
            "x": [duration.value],
            "y": [residual.value],
            "error_x": {"array": [duration.uncertainty or 0.0]},
            "error_y": {"array": [residual.uncertainty or 0.0]},
            "mode": "markers",
            "marker": {"color": "#111", "size": 10, "symbol": "diamond"},
        },
    ]
    if high:
        band = {"fill": "tonexty", "fillcolor": "rgba(42,127,98,0.10)"}
        traces.insert(1, {**edge, **band, "name": "ride through below", **to_the_end(high)})
    if isinstance(parameters.get("residual"), float) and isinstance(parameters.get("duration"), float):
        marker = {"color": "#111", "size": 16, "symbol": "circle-open"}
        point = {"x": [parameters["duration"]], "y": [parameters["residual"]]}
        traces.append({"name": "commanded", "mode": "markers", "marker": marker, **point})
    axis = {"title": {"text": "Duration [s]"}, "type": "log", "range": [-2, 1.5]}
    caption = f"{envelope.clause}; {envelope.source} (confidence: {envelope.confidence})."
    layout = _layout(axis, "Voltage [pu]", ())
    layout["yaxis"]["range"] = [0, 1.3]
    return Plot("Ride-through envelope", caption, traces, layout)


def _against_limits(table: Table) -> Plot:
    """Return bars of what was measured of each order beside a line of steps, the limits on the same base."""
    rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    rows = sorted((r for r in rows if str(r["Order"]).isdigit()), key=lambda r: int(str(r["Order"])))
    traces: list[dict[str, Any]] = []
    for i, statistic in enumerate(dict.fromkeys(r["Statistic"] for r in rows)):
        of = [r for r in rows if r["Statistic"] == statistic]
        orders = [int(str(r["Order"])) for r in of]
        bars = {"x": orders, "y": _numbers([np.nan if r["Measured"] is None else r["Measured"] for r in of])}
        limit = {"x": orders, "y": _numbers([r["Limit"] for r in of])}
        step = {"shape": "hvh", "color": "#c0392b", "width": 1.5, "dash": ("solid", "dash", "dot")[i % 3]}
        colour = {"color": OTHERS[i % len(OTHERS)]}
        traces.append({"type": "bar", "name": f"{statistic}", "marker": colour, **bars})
        traces.append({"name": f"limit of the {statistic}", "mode": "lines", "line": step, **limit})
    axis = {"title": {"text": "Harmonic order"}, "dtick": 2, "tick0": 3}
    return Plot(table.title, table.note, traces, _layout(axis, "Share [%]", ()))


QUIET: Final = 0.5
"""Harmonics are drawn on an axis of at least this, or noise would look like distortion [%]."""


def _harmonics(spectra: Sequence[Series], frequency: float | None) -> Plot:
    fundamental = frequency or float(spectra[0].time[0])
    traces = []
    for i, s in enumerate(spectra):
        order = (s.time / fundamental).round().astype(int)
        shown = order > 1  # the fundamental would dwarf the rest
        bars = {"x": order[shown].tolist(), "y": _numbers(s.values[shown])}
        traces.append({"type": "bar", "name": s.title, "marker": {"color": _colour(s.phase, i)}, **bars})
    axis = {"title": {"text": "Harmonic order"}, "dtick": 2, "tick0": 3}
    caption = "Harmonic subgroups before the event, without the fundamental."
    unit = spectra[0].unit
    title = "Voltage harmonics" if "_v" in spectra[0].key else "Current harmonics"
    layout = _layout(axis, f"Share [{unit}]" if unit else "Share", ())
    highest = max((y for t in traces for y in t["y"] if y is not None), default=0.0)
    layout["yaxis"]["range"] = [0, max(1.05 * highest, QUIET)]
    return Plot(title, caption, traces, layout)


def _over_frequency(group: str, spectra: Sequence[Series]) -> Plot:
    title, label, caption, kind, scale = SPECTRA.get(
        group, (spectra[0].title, f"{spectra[0].title} [{spectra[0].unit}]", "", "linear", "linear")
    )
    traces = [_curve(s, i) for i, s in enumerate(spectra)]
    layout = _layout({"title": {"text": "Frequency [Hz]"}, "type": kind}, label, ())
    layout["yaxis"] |= {"type": scale} | ({"tickformat": ""} if scale == "log" else {})
    return Plot(title, caption, traces, layout, more=group in MORE)


def _layout(axis: Mapping[str, Any], label: str, shapes: Sequence[Any]) -> dict[str, Any]:
    return {
        "xaxis": {"gridcolor": "#e8eaed", "zeroline": False, **axis},
        "yaxis": {
            "gridcolor": "#e8eaed",
            "zerolinecolor": "#9aa0a6",
            "tickformat": "~s" if label.endswith(PREFIXED) else "",  # kV and kW, but no milli-pu
            "title": {"text": label},
        },
        "shapes": list(shapes),
        "hovermode": "x unified",
    }


def _line(name: str, phase: str, number: int, values: Any, time: Any = None) -> dict[str, Any]:
    own = {} if time is None else {"x": np.round(time, 7).tolist()}
    line = {"color": _colour(phase, number), "width": 1.2}
    return {"name": name, "mode": "lines", "line": line, **own, "y": _numbers(values)}


def _curve(series: Series, number: int) -> dict[str, Any]:
    time, values = thin_series(series.time, series.values)
    return _line(series.title, series.phase, number, values, time)


def _numbers(values: Any) -> list[float | None]:
    """Return values with five digits, or as many as resolve their spread in a thousand steps.

    Null stands where there is no value, so that a line has a gap there.
    """
    given = np.asarray(values, dtype=float)
    good = np.isfinite(given)
    size = np.abs(np.where(good & (given != 0), given, 1.0))
    digits = 4 - np.floor(np.log10(size))
    spread = float(np.ptp(given[good])) if good.any() else 0.0
    if spread > 0:  # 60.0003 Hz beside 60.0007 Hz are no 60.000 and 60.001 Hz
        digits = np.maximum(digits, min(3 - np.floor(np.log10(spread)), FINEST))
    # Dividing or multiplying by a whole power of ten gives the float that prints shortest.
    up, down = 10.0 ** np.maximum(digits, 0), 10.0 ** np.maximum(-digits, 0)
    rounded = np.rint(np.where(good, given, 0.0) * up / down) / up * down
    if good.all():
        return rounded.tolist()  # type: ignore[no-any-return]
    return [value if fine else None for value, fine in zip(rounded.tolist(), good.tolist(), strict=True)]


FINEST: Final = 9
"""Decimals that the spread of values may ask for."""


def _colour(phase: str, number: int) -> str:
    return COLOURS.get(phase[:1] if phase in {"ab", "bc", "ca"} else phase, OTHERS[number % len(OTHERS)])


def _place(group: str) -> int:
    return FIRST.index(group) if group in FIRST else len(FIRST)


def _upright(instant: float) -> dict[str, Any]:
    line = {"color": "#5f6368", "dash": "dot", "width": 1}
    return {"type": "line", "x0": instant, "x1": instant, "yref": "paper", "y0": 0, "y1": 1, "line": line}


def _grouped(series: Sequence[Series], key: Any) -> Iterator[tuple[str, list[Series]]]:
    order = {name: i for i, name in reversed(list(enumerate(key(s) for s in series)))}
    for name, members in groupby(sorted(series, key=lambda s: order[key(s)]), key):
        yield name, list(members)


def _value(analysis: Analysis, key: str) -> float | None:
    found = analysis[key].value if key in analysis else None
    return found if isinstance(found, float) else None
