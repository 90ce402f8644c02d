"""How far a model is from what was measured: positive-sequence power and voltage, window by window.

The mean absolute error of IEC 61400-27-2:2020, over the whole of each window, transients included.
"""

from __future__ import annotations

from dataclasses import replace
from math import hypot
from typing import TYPE_CHECKING, Final

import numpy as np

from hil.analysis.power.track import power_track
from hil.analysis.result import Findings, Result, Series, Table
from hil.analysis.signals import sort

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hil.analysis.result import Analysis, Cell
    from hil.waveform import Waveform

QUANTITIES: Final = {
    "p": "Active power, positive sequence",
    "q": "Reactive power, positive sequence",
    "u": "Voltage, positive sequence",
}
SECTION: Final = "Step response"
METHOD: Final = "mean absolute error (IEC 61400-27-2), one-cycle positive sequence (IEC 61400-21-1, Annex C)"
Spans = dict[str, tuple[float, float]]
"""By name, begin and end of each window, from the event on [s]."""
Pair = tuple["Analysis | None", "Analysis | None"]
"""Of one event, what `curves` found in the measurement and in the model; None where it was not recorded."""


def curves(waveform: Waveform, nominal: Mapping[str, float], event: float = 0.0) -> Findings:
    """Return the quantities over time from an event on [pu], and how uncertain a power is.

    event: when it was, on the time axis of the waveform [s]; nominal: power, phase_voltage, frequency.
    """
    signals = sort(waveform)
    track = power_track(signals, nominal["frequency"])
    values = {"u": np.abs(track.u1) / nominal["phase_voltage"]}
    if track.power is not None:
        values |= {"p": track.power.real / nominal["power"], "q": track.power.imag / nominal["power"]}
    series = tuple(
        Series(
            f"{key}_event",
            title,
            "pu",
            track.time - event,
            np.where(track.spoilt, np.nan, values[key]),
            group="event",
        )
        for key, title in QUANTITIES.items()
        if key in values
    )
    title = "Expanded uncertainty of the power, of reading"
    worst = [[c.uncertainty for c in group.channels] for group in (signals.voltages, signals.currents)]
    known = [max(w for w in group if w is not None) for group in worst if group and None not in group]
    share = 100 * hypot(*known) if len(known) == len(worst) else None
    state = "ok" if share is not None else "not known"
    uncertainty = Result("power_uncertainty", title, share, "%", state=state, section="Capture")
    return Findings((uncertainty,), series)


def mean_absolute_error(one: Series, other: Series, begin: float, end: float) -> float | None:
    """Return the mean distance of two quantities in begin <= t < end [s], in their unit.

    At the instants of the first, the second on straight lines; None where one of them does not
    cover the window or is not known all through it.
    """
    inside = (one.time >= begin) & (one.time < end)
    reach = 2 * float(np.median(np.diff(one.time))) if one.time.size > 1 else 0.0
    for each in (one, other):
        if not each.time.size or each.time[0] > begin + reach or each.time[-1] < end - reach:
            return None
    if not inside.any():
        return None
    apart = np.abs(one.values[inside] - np.interp(one.time[inside], other.time, other.values))
    return float(apart.mean()) if np.isfinite(apart).all() else None


def compare(pairs: Mapping[str, Pair], spans: Spans) -> Findings:
    """Return the largest error of each quantity in each window, all errors, and measurement beside model."""
    rows: list[tuple[Cell, ...]] = []
    shown: list[Series] = []
    errors: dict[tuple[str, str], dict[str, float | None]] = {}
    for event, pair in pairs.items():
        for key, title in QUANTITIES.items():
            both = {
                whose: of
                for whose, each in zip(("measured", "model"), pair, strict=True)
                if each is not None
                for of in each.series
                if of.key == f"{key}_event"
            }
            for window, span in spans.items():
                error = None
                if len(both) == 2:
                    error = mean_absolute_error(both["measured"], both["model"], *span)
                errors.setdefault((key, window), {})[event] = None if error is None else 100 * error
            rows.append((event, title, *(errors[key, window][event] for window in spans)))
            if key != "u":
                for whose, of in both.items():
                    named = f"{key.upper()}, {whose}"
                    shown.append(
                        replace(of, key=f"{key}_{event}_{whose}", title=named, group=f"compared_{event}")
                    )
    shares = [pair[0]["power_uncertainty"].value for pair in pairs.values() if pair[0] is not None]
    wide = max((share for share in shares if isinstance(share, float)), default=None)
    results = tuple(
        _worst(key, window, errors[key, window], wide, spans[window])
        for key in QUANTITIES
        for window in spans
    )
    columns = ("Event", "Quantity", *(window.capitalize() for window in spans))
    units = ("", "", *("%" for _ in spans))
    title = "Mean absolute error of the model, of rating"
    table = Table("model_errors", title, columns, units, tuple(rows), SECTION, METHOD)
    return Findings(results, tuple(shown), tables=(table,))


def _worst(
    key: str, window: str, errors: Mapping[str, float | None], wide: float | None, span: tuple[float, float]
) -> Result:
    """Return the largest error of all events, and which event it is of; None where one is not known."""
    known = {event: error for event, error in errors.items() if error is not None}
    missing = [event for event in errors if event not in known]
    worst = max(known, key=lambda event: known[event], default="")
    return Result(
        f"{key}_error_{window}",
        f"{QUANTITIES[key]}: largest error of the model {window} the event",
        None if missing or not known else known[worst],
        "%",
        wide,
        "not compared" if missing or not known else "ok",
        window=span,
        method=METHOD,
        note=f"not compared: {', '.join(missing)}" if missing else f"in {worst}",
        section=SECTION,
    )
