"""What the power quality of a capture was, as results: IEC 61000-4-30:2015, IEC 61000-4-7.

Means are taken over the intervals of 10/12 cycles that nothing disturbed: no dip, swell
or interruption touches them, no sample is missing, and the frequency was measured in
them. The tables and series over time hold all intervals, and say which are flagged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hil.analysis.quality import groups, rvc
from hil.analysis.quality.aggregation import deviation, frequency_10s
from hil.analysis.quality.flicker import long_term
from hil.analysis.quality.series import SHARES, series, spectra
from hil.analysis.quality.tables import tables
from hil.analysis.quality.view import SECTION, UNKNOWN, View, view_of
from hil.analysis.result import Findings, Result, Series, Table

if TYPE_CHECKING:
    from hil.analysis.event.dips import VoltageEvent
    from hil.analysis.quality.values import Quality


def findings(
    quality: Quality,
    *,
    nominal_voltage: float | None = None,
    nominal_frequency: float | None = None,
    orders: int = 50,
    rated_current: float | None = None,
    demand_current: float | None = None,
    intervals_before: float | None = None,
    events: tuple[VoltageEvent, ...] | None = None,
) -> Findings:
    """Return the power quality of a capture as results, series, spectra and tables.

    nominal_voltage: declared RMS of the recorded voltages [V]; nominal_frequency: to tell
    the deviation from [Hz]; orders: the highest of the distortion figures; rated_current
    (for TRD), demand_current (for TDD): RMS [A]; intervals_before: means are taken over
    the intervals that end by then [s]; events: voltage events, where they are known already.
    """
    view = view_of(quality, nominal_voltage, orders, intervals_before, events)
    start = float(quality.intervals.begin[0]) if quality.intervals.begin.size else 0.0
    half = quality.half_cycles
    time, hertz = frequency_10s(half.end, half.frequency, half.spoilt, start)
    tens = Series("frequency_10s", "Frequency over 10 s", "Hz", time, hertz, group="frequency_10s")
    count, changes = _rapid_changes(view)
    flicker, periods = _flicker(view)
    warning = "the phases turn a-c-b: b and c are exchanged for the unbalance"
    return Findings(
        results=(
            *_frequency(quality, tens, nominal_frequency),
            *_distortion(view, "voltage"),
            *_distortion(view, "current"),
            *_rated(view, rated_current, demand_current),
            *_unbalance(view),
            *_deviation(view, nominal_voltage),
            count,
            *flicker,
            *_flagged(view),
        ),
        series=(*series(view), *([tens] if time.size else [])),
        spectra=spectra(view),
        tables=(*tables(view), *changes, *periods),
        warnings=(warning,) if view.turns_back else (),
    )


def sliding_findings(quality: Quality, *, nominal_voltage: float) -> Findings:
    """Return the voltage events against the sliding reference voltage, IEC 61000-4-30, 5.4.4 [V]."""
    i, n = quality.intervals, len(quality.voltages)
    times, values = [u.end for u in quality.urms[:n]], [u.values for u in quality.urms[:n]]
    rms = np.where(i.spoilt, np.nan, i.rms[:n])
    events, _ = rvc.sliding_events(times, values, (i.begin, i.end), rms, nominal_voltage)
    table = Table(
        "sliding_reference_events",
        "Voltage events against the sliding reference",
        ("Kind", "Begin", "Duration", "Residual voltage"),
        ("", "s", "s", "pu"),
        tuple((e.kind, e.start, None if e.end is None else e.end - e.start, e.extreme) for e in events),
        SECTION,
        "IEC 61000-4-30, 5.4.4",
        "the reference follows the voltage with a time constant of a minute",
    )
    return Findings(tables=(table,))


def _frequency(quality: Quality, tens: Series, nominal: float | None) -> list[Result]:
    known = quality.frequency is not None
    results = [
        Result(
            "frequency",
            "Frequency",
            quality.frequency,
            "Hz",
            quality.frequency_uncertainty,
            "ok" if known else UNKNOWN,
            method="phase advance of the fundamental",
            note="mean over the steady part" if known else "no steady alternating voltage",
            section=SECTION,
        )
    ]
    values = tens.values[np.isfinite(tens.values)]
    far = float(np.abs(values - nominal).max()) if values.size and nominal is not None else None
    rows = [
        ("frequency_10s_min", "Lowest frequency over 10 s", float(values.min()) if values.size else None),
        ("frequency_10s_max", "Highest frequency over 10 s", float(values.max()) if values.size else None),
        *([("frequency_deviation", f"Largest deviation from {nominal:g} Hz", far)] if nominal else []),
    ]
    note = f"{values.size} of {tens.values.size} values" if tens.values.size else "the capture lasts no 10 s"
    state, valid = ("ok" if values.size else UNKNOWN), values.size == tens.values.size
    method = "IEC 61000-4-30, 5.1: whole cycles in 10 s"
    results += [
        Result(k, t, v, "Hz", None, state, valid, method=method, note=note, section=SECTION)
        for k, t, v in rows
    ]
    return results


def _distortion(view: View, name: str) -> list[Result]:
    """Return THDS, THDG, PWHD and the strongest interharmonic of the worst channel of a kind."""
    i, top, n = view.quality.intervals, view.orders, len(view.quality.voltages)
    chosen = range(n) if name == "voltage" else range(n, len(view.channels))
    if not chosen:
        return []
    kinds = (
        (f"thd_{name}", f"THD of the {name}, worst phase", "IEC 61000-4-7, THDS (subgroups)"),
        (f"thdg_{name}", f"THDG of the {name}, worst phase", "IEC 61000-4-7, THDG (groups)"),
        (f"pwhd_{name}", f"PWHD of the {name}, worst phase", "IEC 61000-4-7, 3.3.4, orders 14 to 40"),
        (
            f"interharmonic_{name}",
            f"Strongest interharmonic of the {name}",
            "IEC 61000-4-7, centred subgroup",
        ),
    )
    if top < 2 or not view.used.any():
        note = "sampled too slowly for a harmonic" if top < 2 else ""
        return [view.result(key, title, None, method, note) for key, title, method in kinds]
    found, places = [], []
    for c in chosen:
        sub, between = view.mean(i.subgroups[c]), view.mean(i.interharmonics[c])
        strongest = int(between.argmax())
        places.append(f"between orders {strongest} and {strongest + 1} of {view.channels[c].name}")
        weighted = groups.pwhd(sub) if sub.size > 40 else np.nan
        share = 100 * between[strongest] / sub[1] if sub[1] > 0 else np.nan
        found.append((groups.thd(sub, top), groups.thd(view.mean(i.groups[c]), top), weighted, share))
    levels = np.array(found)
    if not (levels[:, 0] <= 100).all():
        note = "a phase carries more distortion than fundamental"
        return [view.result(key, title, None, method, note) for key, title, method in kinds]
    span, high = f"orders 2 to {top}", "" if top >= 40 else f"sampled up to order {top} only"
    notes = (span, span, high, f"{places[int(levels[:, 3].argmax())]}; of its fundamental")
    return [
        view.result(key, title, float(levels[:, k].max()), method, notes[k])
        for k, (key, title, method) in enumerate(kinds)
    ]


def _rated(view: View, rated: float | None, demand: float | None) -> list[Result]:
    """Return TRD and TDD of the worst phase, each where its base is known."""
    i, n, top = view.quality.intervals, len(view.quality.voltages), view.orders
    currents = range(n, len(view.channels)) if view.used.any() else range(0)
    results = []
    if rated is not None and view.quality.currents:
        values = [
            (float(groups.trd(view.mean(i.rms[c]), view.mean(np.abs(i.phasors[c])), rated)), c)
            for c in currents
        ]
        worst, c = max(values, default=(None, 0))
        wide = None
        if worst is not None:
            wide = groups.trd_uncertainty(worst, float(view.mean(i.rms[c])), rated)
            wide += (view.channels[c].uncertainty or 0.0) * worst
        method = "IEEE 1547-2018, 7.3: all but the fundamental, of the rated current"
        results.append(view.result("trd", "TRD, worst phase", worst, method, uncertainty=wide))
    if demand is not None and view.quality.currents:
        shares = [float(groups.tdd(view.mean(i.subgroups[c]), demand, top)) for c in currents if top >= 2]
        method, note = "IEEE 519-2022: subgroups, of the demand current", f"orders 2 to {top}"
        results.append(view.result("tdd", "TDD, worst phase", max(shares, default=None), method, note))
    return results


def _unbalance(view: View) -> list[Result]:
    keys = {
        "u2": "unbalance",
        "u0": "unbalance_zero",
        "i2": "unbalance_current",
        "i0": "unbalance_current_zero",
    }
    method = "IEC 61000-4-30, 5.7"
    return [
        view.result(keys[key], SHARES[key], float(view.mean(share)) if view.used.any() else None, method)
        for key, share in view.sequences
    ]


def _deviation(view: View, declared: float | None) -> list[Result]:
    """Return under- and over-deviation of the worst phase over all intervals with good samples."""
    i, n = view.quality.intervals, len(view.quality.voltages)
    good = ~i.spoilt
    if declared is None or not n or not good.any():
        return []
    under, over = deviation(i.rms[:n, good], declared)
    window, valid = (float(i.begin[good][0]), float(i.end[good][-1])), bool(good.all())
    method = "IEC 61000-4-30, 5.12"
    note = f"of {declared:g} V; {int(view.flagged.sum())} of {good.size} intervals are flagged"
    return [
        Result(key, title, float(value.max()), "%", None, "ok", valid, window, method, note, SECTION)
        for key, title, value in (
            ("under_deviation", "Under-deviation, worst phase", under),
            ("over_deviation", "Over-deviation, worst phase", over),
        )
    ]


def _flagged(view: View) -> list[Result]:
    if not view.flagged.size:
        return []
    share, method = 100 * float(view.flagged.mean()), "IEC 61000-4-30, 4.7"
    note = "touched by a dip, swell or interruption"
    return [
        Result("flagged_share", "Flagged intervals", share, "%", method=method, note=note, section=SECTION)
    ]


def _rapid_changes(view: View) -> tuple[Result, tuple[Table, ...]]:
    """Return how many rapid voltage changes there were, and which."""
    urms = view.quality.urms[: len(view.quality.voltages)]
    needed = 10 * view.quality.intervals.cycles
    method, title = "IEC 61000-4-30, 5.11", "Rapid voltage changes"
    if not urms or not np.isfinite(view.reference) or min(u.values.size for u in urms) <= needed:
        note = f"takes more than {needed} half cycles of voltage"
        result = Result("rvc_count", title, None, state=UNKNOWN, method=method, note=note, section=SECTION)
        return result, ()
    times, values = [u.end for u in urms], [u.values for u in urms]
    found = rvc.find_rapid_changes(times, values, view.reference, view.events, count=needed)
    valid = all(bool(np.isfinite(u.values).all()) for u in urms)
    note = f"beyond {100 * rvc.THRESHOLD:g} % of {view.reference:.4g} V; neither dip nor swell"
    number = float(len(found))
    result = Result("rvc_count", title, number, "", None, "ok", valid, None, method, note, SECTION)
    columns = ("Begin", "Duration", "dUmax", "dUss", "Channel")
    rows = tuple(
        (c.start, c.end - c.start, c.largest, c.steady, view.quality.voltages[c.channel].name) for c in found
    )
    table = Table(
        "rapid_voltage_changes", title, columns, ("s", "s", "V", "V", ""), rows, SECTION, method, note
    )
    return result, (table,) if rows else ()


def _flicker(view: View) -> tuple[list[Result], tuple[Table, ...]]:
    """Return the highest Pst and Plt, and all of them."""
    flicker, method = view.quality.flicker, "IEC 61000-4-15:2010"
    titles = {"pst": "Pst, highest", "plt": "Plt, highest"}
    if flicker is None or not flicker.pst.size:
        note = "the capture holds no whole observation period"
        return [
            Result(key, title, None, state=UNKNOWN, method=method, note=note, section=SECTION)
            for key, title in titles.items()
        ], ()
    lamp = f"{flicker.lamp} V lamp"
    results = []
    for key, values, period in (("pst", flicker.pst, "10 min"), ("plt", long_term(flicker.pst), "2 h")):
        known = values[np.isfinite(values)]
        note = f"{lamp}; {known.size} of {values.size} values over {period}"
        state, top = ("ok", float(known.max())) if known.size else (UNKNOWN, None)
        valid = known.size == values.size
        results.append(Result(key, titles[key], top, "", None, state, valid, None, method, note, SECTION))
    marks = [
        "flagged" if any(e.start < end and (e.end is None or e.end > begin) for e in view.events) else ""
        for begin, end in zip(flicker.begin, flicker.end, strict=True)
    ]
    rows = tuple(
        (
            float(flicker.begin[k]),
            *(float(x) if np.isfinite(x) else None for x in flicker.pst[:, k]),
            marks[k],
        )
        for k in range(flicker.begin.size)
    )
    names = tuple(f"Pst {c.name}" for c in view.quality.voltages)
    units = ("s", *("" for _ in names), "")
    table = Table("flicker", "Flicker", ("Begin", *names, "Mark"), units, rows, SECTION, method, lamp)
    return results, (table,)
