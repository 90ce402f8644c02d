"""A profile as a page: time, spectrum, and what it demands; it opens offline."""

from __future__ import annotations

from html import escape
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from hil.analysis.buffering.metrics import BANDS, RAMP_WINDOWS, RANGE_WINDOWS
from hil.report.elements import table, td
from hil.report.figure import OTHERS, Plot, layout_of
from hil.report.page import POLICY, SCRIPT, STYLE
from hil.report.thin import Detail, thin_series
from hil.units import show

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.profiles.fit import Fit
    from hil.profiles.measure import Demand
    from hil.profiles.profile import Array, Profile

Rows = list[tuple[str, ...]]
SHADES = ("#dbe7f3", "#eef4fa")
"""Of the bands behind a spectrum, in turn."""
PER_OCTAVE = 12
"""Parts of an octave that a spectrum is drawn in."""
BUCKETS = Detail().buckets
TOLD = "cannot be told"


def amount(value: float | None, unit: str) -> str:
    """Return a value for a person: "3.1 kW", "0.42 pu", or that it cannot be told."""
    return TOLD if value is None or not np.isfinite(value) else show(value, unit)


def tables(profile: Profile, found: Demand) -> list[tuple[str, tuple[str, ...], Rows]]:
    """Return heading, columns and rows of each table."""
    unit, peak = profile.unit, float(profile.power.max()) or 1.0

    def ramp(value: float | None) -> str:
        rate = amount(value, f"{unit}/s")
        return rate if value is None else f"{rate} ({round(100 * value / peak, 2):,g} %/s)"

    ramps: Rows = [
        (show(window, "s"), ramp(fall), ramp(rise))
        for window, fall, rise in zip(RAMP_WINDOWS, found.falls, found.rises, strict=True)
    ]
    spans: Rows = [(show(w, "s"), amount(v, unit)) for w, v in zip(RANGE_WINDOWS, found.spans, strict=True)]
    bands: Rows = [
        (f"{low:g} to {high:g} Hz", amount(rms, unit), amount(top, unit), share(part))
        for (low, high), rms, top, part in zip(
            BANDS, found.bands.rms, found.bands.peak, found.bands.share, strict=True
        )
    ]
    return [
        ("Steepest change over a window (% of the highest power)", ("Window", "Fall", "Rise"), ramps),
        ("Range in a window", ("Window", "Highest less lowest"), spans),
        ("Alternating power in bands", ("Band", "RMS", "Peak", "Share of its energy"), bands),
    ]


def share(value: float) -> str:
    """Return a share in percent, or that it cannot be told."""
    return f"{100 * value:.3g} %" if np.isfinite(value) else TOLD


def facts(profile: Profile) -> list[tuple[str, str]]:
    """Return what there is to say in words."""
    unit = profile.unit
    low, high = show(float(profile.power.min()), unit), show(float(profile.power.max()), unit)
    honest = (
        f"{profile.bandwidth:.4g} Hz"
        if np.isfinite(profile.bandwidth)
        else "defined at its points, not measured"
    )
    energy = show(profile.energy / 3600.0, "Wh") if unit == "W" else f"{profile.energy:.4g} pu s"
    said = [
        ("Points", f"{len(profile):,}, {'each held until the next' if profile.held else 'joined by lines'}"),
        ("Duration", show(profile.duration, "s")),
        (
            "Power",
            f"{low} to {high}, mean {show(profile.mean, unit)}",
        ),
        ("Energy", energy),
        ("Bandwidth", honest),
        ("Sampling", profile.sampling),
        ("Source", profile.source),
        ("Licence", profile.license),
        ("History", "\n".join(profile.history)),
    ]
    return [(name, text) for name, text in said if text]


def page(profile: Profile, found: Demand) -> str:
    """Return the page of a profile."""
    plots = [over_time([("power", profile)]), spectrum(profile, found)]
    rows = [(head, columns, rows) for head, columns, rows in tables(profile, found)]
    return _page(profile.title or "Profile", facts(profile), plots, rows)


def fit_page(profile: Profile, fit: Fit, facts_of_fit: Sequence[tuple[str, str]], bands: Any) -> str:
    """Return the page of a fit: the profile beside what is played."""
    plots = [over_time([("profile", profile), ("played", fit.played)]), error(profile, fit)]
    return _page(f"Fit: {profile.title or 'profile'}", facts_of_fit, plots, [bands])


def fit_bands(fit: Fit) -> tuple[str, tuple[str, ...], Rows]:
    """Return heading, columns and rows of the bands of a profile, and of what is played."""
    rows: Rows = [
        (f"{low:g} to {high:g} Hz", amount(asked, "W"), amount(given, "W"))
        for (low, high), asked, given in zip(BANDS, fit.asked.rms, fit.given.rms, strict=True)
    ]
    return "Alternating power in bands, RMS", ("Band", "Profile", "Played"), rows


def over_time(profiles: Sequence[tuple[str, Profile]]) -> Plot:
    """Return the plot of powers over time."""
    traces, points = [], 0
    for (name, of), colour in zip(profiles, ("#1f6fb2", "#c0392b"), strict=False):
        time, power = drawn(of)
        points += len(time) < len(of)
        line = {"color": colour, "width": 1.3, "shape": "hv" if of.held else "linear"}
        traces.append({"name": name, "mode": "lines", "line": line, "x": time.tolist(), "y": power.tolist()})
    unit = profiles[0][1].unit
    caption = "Lowest and highest of neighbouring points are drawn." if points else ""
    axis = {"title": {"text": "Time [s]"}}
    return Plot("Power over time", caption, traces, layout_of(axis, f"Power [{unit}]", []))


def drawn(of: Profile) -> tuple[Array, Array]:
    """Return the points of a profile, or of one with many the lowest and the highest in equal times."""
    if len(of) <= 4 * BUCKETS:
        return of.time, of.power
    grid = np.linspace(of.time[0], of.time[-1], BUCKETS + 1)  # or what holds for long would become a slope
    time = np.union1d(grid, of.time)
    power, begins = of.at(time), np.searchsorted(time, grid)
    kept = [begins]
    for first, last in pairwise(begins.tolist()):
        part = power[first:last]
        kept.append(np.array([first + int(part.argmin()), first + int(part.argmax())]))
    index = np.unique(np.concatenate(kept))
    return time[index], power[index]


def error(profile: Profile, fit: Fit) -> Plot:
    """Return the plot of what is played less what is asked for."""
    grid = np.linspace(profile.time[0], profile.time[-1], 2 * BUCKETS)  # for what holds for long
    time = np.union1d(np.union1d(profile.time, fit.played.time), grid)
    late, early = (fit.played.at(time, before=side) - profile.at(time, before=side) for side in (False, True))
    twice, both = np.repeat(time, 2), np.column_stack((early, late)).ravel()
    x, y = thin_series(twice, both, BUCKETS)
    line = {"color": OTHERS[0], "width": 1.2}
    traces = [
        {"name": "played less profile", "mode": "lines", "line": line, "x": x.tolist(), "y": y.tolist()}
    ]
    return Plot(
        "Error", "", traces, layout_of({"title": {"text": "Time [s]"}}, f"Error [{profile.unit}]", [])
    )


def spectrum(profile: Profile, found: Demand) -> Plot:
    """Return the plot of alternating power over frequency, in twelfths of an octave, with the bands."""
    frequency, rms = in_octaves(found.frequency, found.rms)
    line = {"color": "#1f6fb2", "width": 1.3}
    traces = [{"name": "RMS", "mode": "lines", "line": line, "x": frequency.tolist(), "y": rms.tolist()}]
    shapes = [
        {
            "type": "rect", "x0": low, "x1": high, "y0": 0, "y1": 1, "yref": "paper", "line": {"width": 0},
            "fillcolor": SHADES[k % 2], "layer": "below",
        }
        for k, (low, high) in enumerate(BANDS)
    ]  # fmt: skip
    layout = layout_of({"type": "log", "title": {"text": "Frequency [Hz]"}}, f"RMS [{profile.unit}]", shapes)
    top = float(rms.max(initial=0.0)) or 1.0
    layout["yaxis"] = {
        **layout["yaxis"],
        "type": "log",
        "range": [np.log10(top) - 5.0, np.log10(top) + 0.3],
        "tickformat": "~s" if profile.unit == "W" else "~g",
    }
    caption = (
        f"In each twelfth of an octave, up to {min(profile.bandwidth, float(found.frequency[-1])):.4g} Hz. "
        f"Shaded: bands of {', '.join(f'{low:g} to {high:g}' for low, high in BANDS)} Hz."
    )
    return Plot("Spectrum", caption, traces, layout)


def in_octaves(frequency: Array, amplitude: Array) -> tuple[Array, Array]:
    """Return the RMS in twelfths of an octave; those without a line of the spectrum are left out."""
    number = np.floor(np.log2(frequency) * PER_OCTAVE).astype(np.intp)
    begins = np.flatnonzero(np.diff(number, prepend=number[0] - 1))
    rms = np.sqrt(np.add.reduceat(amplitude**2, begins))
    return 2.0 ** ((number[begins] + 0.5) / PER_OCTAVE), rms


def _page(
    title: str,
    said: Sequence[tuple[str, str]],
    plots: Sequence[Plot],
    measured: Sequence[tuple[str, Sequence[str], Sequence[Sequence[str]]]],
) -> str:
    from plotly.offline import get_plotlyjs  # noqa: PLC0415 - reads 5 MB that only a page needs

    words = "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in said)
    drawn = "".join(
        f'<figure><h3>{escape(plot.title)}</h3><div class="plot"></div>'
        f"<figcaption>{escape(plot.caption)}</figcaption>"
        f'<script type="application/json">{plot.to_json()}</script></figure>'
        for plot in plots
    )
    numbers = "".join(
        f"<h3>{escape(head)}</h3>"
        + table(columns, [[td(cell, name) for cell, name in zip(row, columns, strict=True)] for row in rows])
        for head, columns, rows in measured
    )
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>\n<body>\n<h1>{escape(title)}</h1>\n"
        f"<dl>{words}</dl>\n{drawn}\n{numbers}\n"
        f"<script>{get_plotlyjs()}</script>\n<script>{SCRIPT}</script>\n</body></html>\n"
    )
