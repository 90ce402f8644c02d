"""Power quality in rows: channels, bands, and aggregates of 3 s, 10 min and 2 h."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from hil.analysis.quality import groups
from hil.analysis.quality.aggregation import (
    Spans,
    aggregate,
    long_spans,
    percentile,
    short_spans,
    touches,
    two_hours,
)
from hil.analysis.quality.view import SECTION, View
from hil.analysis.result import Cell, Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

MOST: Final = 200
"""Rows of a table of aggregates; of more, percentiles are shown."""
PERCENTILES: Final = (
    ("lowest", 0.0),
    ("5 %", 5.0),
    ("median", 50.0),
    ("95 %", 95.0),
    ("99 %", 99.0),
    ("highest", 100.0),
)


def tables(view: View) -> tuple[Table, ...]:
    """Return the tables of a capture; those that it is too short for are left out."""
    return (*_distortion(view), *_bands(view), *_aggregates(view))


def _cell(value: float) -> Cell:
    return float(value) if np.isfinite(value) else None


def _distortion(view: View) -> tuple[Table, ...]:
    """Return one row per channel, means over the undisturbed intervals."""
    quality, i, top = view.quality, view.quality.intervals, view.orders
    if not view.used.any() or top < 2:
        return ()
    rows = []
    for c, channel in enumerate(view.channels):
        sub, whole, between = (view.mean(x[c]) for x in (i.subgroups, i.groups, i.interharmonics))
        bins = quality.spectrum[c] ** 2
        enough = bins.size >= (top + 1) * i.cycles
        strongest = int(between.argmax())
        share = 100 * between[strongest] / sub[1] if sub[1] > 0 else np.nan
        figures = (
            view.mean(i.rms[c]),
            view.mean(np.abs(i.phasors[c])),
            groups.thd(sub, top),
            groups.thd(whole, top),
            groups.thd(groups.harmonics(bins, i.cycles, top), top) if enough else np.nan,
            groups.pwhd(sub) if sub.size > 40 else np.nan,
            share,
        )
        where = f"{strongest} to {strongest + 1}" if np.isfinite(share) else None
        rows.append((channel.name, *(_cell(float(x)) for x in figures), where))
    columns = (
        "Channel",
        "RMS",
        "Fundamental",
        "THDS",
        "THDG",
        "THD",
        "PWHD",
        "Interharmonic",
        "Between orders",
    )
    note = (
        f"orders 2 to {top}; THDS on subgroups, THDG on groups, THD on single bins of the mean spectrum "
        "over the undisturbed intervals; RMS and fundamental in V or A"
    )
    units = ("", "", "", "%", "%", "%", "%", "%", "")
    table = Table(
        "distortion", "Distortion by channel", columns, units, tuple(rows), SECTION, "IEC 61000-4-7", note
    )
    return (table,)


def _bands(view: View) -> tuple[Table, ...]:
    """Return the bands of 200 Hz from 2 to 9 kHz, as far as the sampling rate carries them."""
    i, channels = view.quality.intervals, view.channels
    if not view.used.any() or not i.bands.shape[-1]:
        return ()
    levels = np.array([view.mean(row) for row in i.bands])
    rows = tuple(
        (float(centre), *(float(x) for x in levels[:, k]))
        for k, centre in enumerate(groups.BANDS[: levels.shape[1]])
    )
    columns = ("Centre", *(c.name for c in channels))
    units = ("Hz", *(c.unit for c in channels))
    method = "IEC 61000-4-7, Annex B: RMS in 200 Hz"
    return (Table("bands", "Bands from 2 to 9 kHz", columns, units, rows, SECTION, method, detail=True),)


def _aggregates(view: View) -> tuple[Table, ...]:
    i, n = view.quality.intervals, len(view.quality.voltages)
    plain = [(f"RMS {c.name}", c.unit, rms) for c, rms in zip(view.channels, i.rms, strict=True)]
    plain.append(("Frequency", "Hz", np.where(i.held, np.nan, i.frequency)))
    plain += [(f"{key}/{key[0]}1", "%", share) for key, share in view.sequences]
    for name, part in (("voltage", view.thds[:n]), ("current", view.thds[n:])):
        if len(part):
            plain.append((f"THDS {name}, worst", "%", part.max(axis=0)))
    columns, units = [title for title, _, _ in plain], [unit for _, unit, _ in plain]
    values = [np.where(i.spoilt, np.nan, x) for _, _, x in plain]

    def level(of: Sequence[NDArray[np.float64]], spans: Spans) -> list[NDArray[np.float64]]:
        return [
            aggregate(x, spans, np.isfinite(x), squared=u != "Hz") for x, u in zip(of, units, strict=True)
        ]

    short, ten = short_spans(i.begin, i.end), long_spans(i.begin, i.end)
    tens, two = level(values, ten), two_hours(ten)
    marks = view.flagged, i.spoilt
    of_ten = tuple(touches(mark, ten) for mark in marks)
    found = []
    for key, title, spans, rows, (flagged, spoilt) in (
        ("3s", f"Aggregates of {15 * i.cycles} cycles", short, level(values, short), marks),
        ("10min", "Aggregates of 10 min", ten, tens, marks),
        ("2h", "Aggregates of 2 h", two, level(tens, two), of_ten),
    ):
        if len(spans):
            touched = touches(flagged, spans), touches(spoilt, spans)
            found.append(_table(f"aggregates_{key}", title, columns, units, spans, rows, *touched))
    return tuple(found)


def _table(
    key: str,
    title: str,
    columns: Sequence[str],
    units: Sequence[str],
    spans: Spans,
    values: Sequence[NDArray[np.float64]],
    flagged: NDArray[np.bool_],
    spoilt: NDArray[np.bool_],
) -> Table:
    method = "IEC 61000-4-30, 4.4 and 4.5: root mean square; the frequency by its mean"
    if len(spans) <= MOST:
        marks = [
            " and ".join(t for t, m in (("flagged", f), ("samples missing", s)) if m)
            for f, s in zip(flagged, spoilt, strict=True)
        ]
        rows = tuple(
            (float(spans.begin[k]), *(_cell(x[k]) for x in values), marks[k]) for k in range(len(spans))
        )
        return Table(key, title, ("Begin", *columns, "Mark"), ("s", *units, ""), rows, SECTION, method)
    clean = ~(flagged | spoilt)
    picked = [x[clean & np.isfinite(x)] for x in values]
    rows = tuple(
        (name, *(float(percentile(x, p)) if x.size else None for x in picked)) for name, p in PERCENTILES
    )
    note = f"{len(spans)} values; of the {int(clean.sum())} that are neither flagged nor lack samples"
    return Table(key, f"{title}, percentiles", ("Level", *columns), ("", *units), rows, SECTION, method, note)
