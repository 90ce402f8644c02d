"""Power quality over time and over frequency, for plots."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from hil.analysis.quality.view import View, tail
from hil.analysis.result import Series

if TYPE_CHECKING:
    from numpy.typing import NDArray

HIGHEST: Final = 9000.0
"""End of the spectra [Hz]."""
SHARES: Final = {
    "u2": "Unbalance u2/u1",
    "u0": "Unbalance u0/u1",
    "i2": "Unbalance i2/i1",
    "i0": "Unbalance i0/i1",
}


def series(view: View) -> tuple[Series, ...]:
    """Return what the intervals tell over time; NaN where samples are missing or no frequency was seen."""
    i, n = view.quality.intervals, len(view.quality.voltages)
    if not i.begin.size:
        return ()
    found: list[Series] = []

    def add(
        key: str, title: str, unit: str, values: NDArray[Any], bad: NDArray[np.bool_], phase: str, group: str
    ) -> None:
        found.append(Series(key, title, unit, i.end, np.where(bad, np.nan, values), phase, group))

    for c, channel in enumerate(view.channels):
        kind = "v" if c < n else "i"
        where = kind + tail(channel)
        title = f"RMS over {i.cycles} cycles, {channel.name}"
        add(f"rms_{where}", title, channel.unit, i.rms[c], i.spoilt, channel.phase, f"rms_{kind}")
        if len(view.thds):
            title = f"THDS, {channel.name}"
            add(f"thds_{where}", title, "%", view.thds[c], i.spoilt, channel.phase, f"thds_{kind}")
    for key, share in view.sequences:
        add(key, SHARES[key], "%", share, i.spoilt, "", "unbalance")
    title = f"Frequency over {i.cycles} cycles"
    add("frequency_intervals", title, "Hz", i.frequency, i.spoilt | i.held, "", "frequency_intervals")
    return (*found, *_flicker(view))


def _flicker(view: View) -> list[Series]:
    flicker = view.quality.flicker
    if flicker is None:
        return []
    found = []
    for c, channel in enumerate(view.quality.voltages):
        where, name = f"v{tail(channel)}", channel.name
        title = f"Flicker sensation, {name}"
        found.append(
            Series(f"pinst_{where}", title, "", flicker.time, flicker.pinst[c], channel.phase, "pinst")
        )
        found.append(
            Series(f"pst_{where}", f"Pst, {name}", "", flicker.end, flicker.pst[c], channel.phase, "pst")
        )
    return found


def spectra(view: View) -> tuple[Series, ...]:
    """Return harmonic subgroups and the whole spectrum of each channel, of its fundamental [%].

    A channel with more distortion than fundamental has neither.
    """
    quality, i, n = view.quality, view.quality.intervals, len(view.quality.voltages)
    if not view.used.any():
        return ()
    hertz = float(i.frequency[view.used].mean())
    found: list[Series] = []
    for c, channel in enumerate(view.channels):
        kind = "v" if c < n else "i"
        row = view.mean(i.subgroups[c])[: max(view.orders, 1) + 1]
        if row[1] > np.sqrt((row[2:] ** 2).sum()):
            orders = hertz * np.arange(1.0, row.size)
            key, title = f"harmonics_{kind}{tail(channel)}", f"Harmonics, {channel.name}"
            found.append(
                Series(key, title, "%", orders, 100 * row[1:] / row[1], channel.phase, f"harmonics_{kind}")
            )
        bins = quality.spectrum[c][: int(HIGHEST / quality.bin_width) + 1]
        if bins.size > i.cycles and 2 * bins[i.cycles] ** 2 > (bins[1:] ** 2).sum():
            key, title = f"spectrum_{kind}{tail(channel)}", f"Spectrum, {channel.name}"
            frequencies = quality.bin_width * np.arange(bins.size)
            percent = 100 * bins / bins[i.cycles]
            found.append(Series(key, title, "%", frequencies, percent, channel.phase, f"spectrum_{kind}"))
    return tuple(found)
