"""The parts of a chart, as plain data that plotly.js draws."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from math import log10
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from hil.report.thin import Detail, thin_series

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hil.analysis.result import Analysis, Series
    from hil.compliance.verdict import Verdict

COLOURS: Final = {"a": "#c0392b", "b": "#b8860b", "c": "#1f6fb2", "dc": "#5b4a9c"}
OTHERS: Final = ("#333d47", "#2a7f62", "#8e5572", "#7a6a4f")
DASHES: Final = ("solid", "dash", "dot")
PREFIXED: Final = ("[V]", "[A]", "[W]", "[W, var]")
"""How labels end whose numbers take a prefix."""
FINEST: Final = 9
"""Decimals that the spread of values may ask for."""


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


def layout_of(axis: Mapping[str, Any], label: str, shapes: Sequence[Any]) -> dict[str, Any]:
    """Return the layout of a chart: what is special of its x axis, what stands beside y, lines across."""
    return {
        "xaxis": {"gridcolor": "#e8eaed", "zeroline": False, **axis},
        "yaxis": {
            "gridcolor": "#e8eaed",
            "zerolinecolor": "#9aa0a6",
            "tickformat": "~s" if label.endswith(PREFIXED) else "",  # kV and kW, but no milli-pu
            "automargin": True,  # 59.99999 would run into the label
            "title": {"text": label, "standoff": 12},
        },
        "shapes": list(shapes),
        "hovermode": "x unified",
    }


def with_limits(plot: Plot, verdicts: Sequence[Verdict]) -> Plot:
    """Return the plot with the limits of criteria as lines across; it is not folded away then."""
    line = {"color": "#b3261e", "dash": "dash", "width": 1.2}
    shapes, notes = list(plot.layout["shapes"]), []
    logarithmic = plot.layout["yaxis"].get("type") == "log"
    bounds = {(v.title, bound) for v in verdicts for bound in (v.low, v.high) if bound is not None}
    for title, bound in sorted(bounds):
        if logarithmic and bound <= 0:
            continue
        shapes.append(
            {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": bound, "y1": bound, "line": line}
        )
        at = log10(bound) if logarithmic else bound  # as plotly.js wants it of a note, and not of a line
        font = {"size": 11, "color": "#b3261e"}
        notes.append(
            {
                "xref": "paper",
                "x": 1,
                "xanchor": "right",
                "y": at,
                "yanchor": "bottom",
                "text": f"limit: {title}",
                "showarrow": False,
                "font": font,
            }
        )
    return replace(plot, layout={**plot.layout, "shapes": shapes, "annotations": notes}, more=False)


def trace(name: str, phase: str, number: int, values: Any, time: Any = None) -> dict[str, Any]:
    """Return a line in the colour of its phase, or else of its number."""
    own = {} if time is None else {"x": np.round(time, 7).tolist()}
    line: dict[str, Any] = {"color": colour(phase, number), "width": 1.2}
    if phase not in COLOURS and number >= len(OTHERS):  # the colours begin again
        line["dash"] = DASHES[number // len(OTHERS) % len(DASHES)]
    return {"name": name, "mode": "lines", "line": line, **own, "y": numbers(values)}


def curve(series: Series, number: int, buckets: int = Detail().buckets) -> dict[str, Any]:
    """Return the line of a series, with fewer points where it is long."""
    time, values = thin_series(series.time, series.values, buckets)
    return trace(series.title, series.phase, number, values, time)


def numbers(values: Any) -> list[float | None]:
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


def labelled(series: Series) -> str:
    """Return the title of a series with its unit, for an axis."""
    return f"{series.title} [{series.unit}]" if series.unit else series.title


def colour(phase: str, number: int) -> str:
    """Return the colour of a phase; a voltage between lines has that of its first."""
    return COLOURS.get(phase[:1] if phase in {"ab", "bc", "ca"} else phase, OTHERS[number % len(OTHERS)])


def number_of(analysis: Analysis, key: str) -> float | None:
    """Return the value of a result, None where it is missing or no number."""
    found = analysis[key].value if key in analysis else None
    return found if isinstance(found, float) else None
