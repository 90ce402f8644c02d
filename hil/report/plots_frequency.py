"""The charts over frequency, and of harmonics by their order."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from hil.report.figure import OTHERS, PREFIXED, Plot, colour, curve, labelled, layout_of, numbers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.analysis.result import Series, Table

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
    "phase": ("Angle of the impedance in the dq frame", "Angle [deg]", "", "log", "linear"),
    "passivity": (
        "Passivity",
        "Least eigenvalue [S]",
        "Of (Y + Y^H) / 2: where it is negative, the unit may feed an oscillation.",
        "log",
        "linear",
    ),
    "nyquist_distance": (
        "Distance of the Nyquist loci to -1",
        "Distance",
        "The nearer to 0, the smaller the margin of stability.",
        "log",
        "linear",
    ),
}
"""Title, label, caption and the kinds of both axes of what is drawn over frequency."""
AT_POINTS: Final = ("impedance", "phase", "passivity", "nyquist_distance")
"""Groups that are known at the frequencies of the injections only, each marked."""
QUIET: Final = 0.5
"""Harmonics are drawn on an axis of at least this, or noise would look like distortion [%]."""


def against_limits(table: Table) -> Plot:
    """Return bars of what was measured of each order beside a line of steps, the limits on the same base."""
    rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    rows = sorted((r for r in rows if str(r["Order"]).isdigit()), key=lambda r: int(str(r["Order"])))
    traces: list[dict[str, Any]] = []
    for i, statistic in enumerate(dict.fromkeys(r["Statistic"] for r in rows)):
        of = [r for r in rows if r["Statistic"] == statistic]
        orders = [int(str(r["Order"])) for r in of]
        bars = {"x": orders, "y": numbers([np.nan if r["Measured"] is None else r["Measured"] for r in of])}
        limit = {"x": orders, "y": numbers([r["Limit"] for r in of])}
        step = {"shape": "hvh", "color": "#c0392b", "width": 1.5, "dash": ("solid", "dash", "dot")[i % 3]}
        fill = {"color": OTHERS[i % len(OTHERS)]}
        traces.append({"type": "bar", "name": f"{statistic}", "marker": fill, **bars})
        traces.append({"name": f"limit of the {statistic}", "mode": "lines", "line": step, **limit})
    axis = {"title": {"text": "Harmonic order"}, "dtick": 2, "tick0": 3}
    return Plot(table.title, table.note, traces, layout_of(axis, "Share [%]", ()))


def harmonics(spectra: Sequence[Series], frequency: float | None) -> Plot:
    """Return bars of harmonics by order; frequency: the fundamental [Hz]."""
    fundamental = frequency or float(spectra[0].time[0])
    traces = []
    for i, s in enumerate(spectra):
        order = (s.time / fundamental).round().astype(int)
        shown = order > 1  # the fundamental would dwarf the rest
        bars = {"x": order[shown].tolist(), "y": numbers(s.values[shown])}
        traces.append({"type": "bar", "name": s.title, "marker": {"color": colour(s.phase, i)}, **bars})
    axis = {"title": {"text": "Harmonic order"}, "dtick": 2, "tick0": 3}
    caption = "Harmonic subgroups over the undisturbed intervals, without the fundamental."
    unit = spectra[0].unit
    title = "Voltage harmonics" if "_v" in spectra[0].key else "Current harmonics"
    layout = layout_of(axis, f"Share [{unit}]" if unit else "Share", ())
    highest = max((y for t in traces for y in t["y"] if y is not None), default=0.0)
    layout["yaxis"]["range"] = [0, max(1.05 * highest, QUIET)]
    if highest < QUIET / 100:  # no bar is seen
        caption += f" None exceeds {QUIET / 100:g} {unit}."
    return Plot(title, caption, traces, layout)


def over_frequency(group: str, spectra: Sequence[Series], buckets: int) -> Plot:
    """Return the lines of a group over frequency."""
    title, label, caption, kind, scale = SPECTRA.get(
        group, (spectra[0].title, labelled(spectra[0]), "", "linear", "linear")
    )
    if group == "phase":  # ±180 deg are the same angle
        spectra = [replace(s, values=np.unwrap(s.values, period=360)) for s in spectra]
    traces = [curve(s, i, buckets) for i, s in enumerate(spectra)]
    if group in AT_POINTS:
        traces = [{**line, "mode": "lines+markers"} for line in traces]
    layout = layout_of({"title": {"text": "Frequency [Hz]"}, "type": kind}, label, ())
    layout["yaxis"]["type"] = scale
    if scale == "log":  # 10^-6 %, for 1 µ% is no unit
        layout["yaxis"]["tickformat"] = ""
        layout["yaxis"]["exponentformat"] = "SI" if label.endswith(PREFIXED) else "power"
    return Plot(title, caption, traces, layout)
