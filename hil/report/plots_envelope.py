"""The charts that hold an event against its ride-through envelope."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hil.report.figure import Plot, layout_of, number_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.analysis.result import Analysis
    from hil.compliance.envelope import Envelope
    from hil.compliance.verdict import Parameters
    from hil.waveform import Waveform


def envelope_in_time(
    envelope: Envelope, analysis: Analysis, waveform: Waveform | None
) -> list[dict[str, Any]]:
    """Return the envelope from the inception on, and the event as it was measured [V]."""
    reference, inception = number_of(analysis, "reference_voltage"), number_of(analysis, "inception")
    residual, duration = number_of(analysis, "residual_voltage"), number_of(analysis, "event_duration")
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


def envelope_plane(envelope: Envelope, analysis: Analysis, parameters: Parameters) -> Plot:
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
    layout = layout_of(axis, "Voltage [pu]", ())
    layout["yaxis"]["range"] = [0, 1.3]
    return Plot("Ride-through envelope", caption, traces, layout)
