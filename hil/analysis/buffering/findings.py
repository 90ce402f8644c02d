"""What load buffering contributes to an analysis: results, tables of ramps, ranges and bands, spectra."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from hil.analysis.buffering.metrics import (
    BANDS,
    PASSED,
    PERIODS,
    RAMP_WINDOWS,
    RANGE_WINDOWS,
    Transfer,
    band_powers,
    ramps,
    ranges,
    samples_in,
    tracking,
    transfer,
)
from hil.analysis.result import Findings, Result, Series, Table
from hil.errors import ConfigError
from hil.units import show

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hil.analysis.result import Cell

    _Pair = tuple[NDArray[np.float64], NDArray[np.float64]]

_SECTION: Final = "Load buffering"
_LOST: Final = "not determinable"


def buffering_findings(
    load: NDArray[np.float64],
    grid: NDArray[np.float64],
    rate: float,
    *,
    rating: float,
    source_resolution: float,
    target: NDArray[np.float64] | None = None,
) -> Findings:
    """Return what reaches the grid of the swings of a load.

    load, grid, target: powers [W] at `rate` [Hz], NaN where a sample is missing; rating: that
    ramps, ranges and errors are referred to [W]; source_resolution: the window that each power
    is a mean over, or the telemetry's interval, whichever is longer [s].
    """
    sides = [load, grid] if target is None else [load, grid, target]
    if any(side.shape != load.shape or side.ndim != 1 for side in sides) or not (rating > 0 and rate > 0):
        raise ConfigError(
            f"load buffering: powers of shapes {[side.shape for side in sides]} at {rate:g} Hz with a rating "
            f"of {rating:g} W; give records of one length, a positive rate and a positive rating"
        )
    known = [np.isfinite(side) for side in sides]
    if load.size < 2 or not all(good.any() for good in known):
        raise ConfigError("load buffering: a power holds no samples; leave it out or record it")
    valid = all(good.all() for good in known)
    index = np.arange(load.size)
    sides = [np.interp(index, index[good], side[good]) for side, good in zip(sides, known, strict=True)]
    resolution = max(source_resolution, 1 / rate)
    pair = (sides[0], sides[1])
    ramp_results, ramp_table = _ramp_findings(pair, rate, resolution, rating, valid=valid)
    range_table = _range_table(pair, rate, resolution, rating)
    band_result, band_table = _band_findings(pair, rate, resolution, valid=valid)
    results = [*ramp_results, band_result]
    errors: tuple[float | None, ...] = (None, None) if target is None else tracking(sides[1], sides[2])
    for key, error in zip(("rms", "max"), errors, strict=True):
        value = None if error is None else error / rating
        state = "no target" if error is None else "ok"
        title = f"Tracking error of the grid power, {key}, per unit of the rating"
        results.append(
            Result(f"tracking_error_{key}", title, value, "pu", None, state, valid, section=_SECTION)
        )
    highest = min(BANDS[-1][1], PASSED / resolution)
    found = transfer(*pair, rate, highest)
    spectra = () if found is None else _spectra(found)
    notes = [] if valid else ["load buffering: samples are missing and bridged by straight lines"]
    if found is None:
        notes.append("load buffering: the record is too short for a transfer function")
    return Findings(
        results=tuple(results),
        spectra=spectra,
        tables=(ramp_table, range_table, band_table),
        warnings=tuple(notes),
    )


def _ramp_findings(
    pair: _Pair, rate: float, resolution: float, rating: float, *, valid: bool
) -> tuple[list[Result], Table]:
    method = "largest (p(t + W) - p(t)) / W over the record"
    rows: list[tuple[Cell, ...]] = []
    results = []
    for window in RAMP_WINDOWS:
        samples = samples_in(window, rate, pair[0].size, resolution)
        state = "ok" if samples else _LOST
        found = [ramps(power, rate, samples) if samples else (None, None) for power in pair]
        rows.append((window, *found[0], *found[1], state))
        for name, (fall, rise) in zip(("load", "grid"), found, strict=True):
            value = None if fall is None or rise is None else max(-fall, rise, 0.0) / rating
            title = f"Steepest ramp of the {name} power over {show(window, 's')}, per unit of the rating"
            results.append(
                Result(
                    key=f"{name}_ramp_{window * 1e3:g}ms",
                    title=title,
                    value=value,
                    unit="pu/s",
                    state=state,
                    valid=valid,
                    method=method,
                    section=_SECTION,
                )
            )
    columns = ("Window", "Load, steepest fall", "Load, steepest rise", "Grid, fall", "Grid, rise", "State")
    units = ("s", "W/s", "W/s", "W/s", "W/s", "")
    note = f"a window shorter than the {resolution:g} s that the source resolves has no slope"
    return results, Table("power_ramps", "Ramps", columns, units, tuple(rows), _SECTION, method, note)


def _range_table(pair: _Pair, rate: float, resolution: float, rating: float) -> Table:
    rows: list[tuple[Cell, ...]] = []
    # A window that the record does not outlast would say what the last row does, or nothing.
    for window in (w for w in RANGE_WINDOWS if round(w * rate) < pair[0].size):
        samples = samples_in(window, rate, pair[0].size, resolution)
        state = "ok" if samples else _LOST
        found = [float(ranges(power, samples).max()) if samples else None for power in pair]
        rows.append((window, *found, *(None if v is None else v / rating for v in found), state))
    whole = [float(np.ptp(power)) for power in pair]
    rows.append((pair[0].size / rate, *whole, *(v / rating for v in whole), "ok"))
    columns = ("Window", "Load", "Grid", "Load, of the rating", "Grid, of the rating", "State")
    units = ("s", "W", "W", "pu", "pu", "")
    method = "largest difference of highest and lowest power in a rolling window; the last row: the record"
    return Table("power_ranges", "Dynamic range", columns, units, tuple(rows), _SECTION, method)


def _band_findings(pair: _Pair, rate: float, resolution: float, *, valid: bool) -> tuple[Result, Table]:
    load, grid = (band_powers(power, rate, resolution) for power in pair)
    rows: list[tuple[Cell, ...]] = []
    for k, (low, high) in enumerate(BANDS):
        cells = [float(v[k]) for v in (load.rms, load.peak, load.share, grid.rms, grid.peak, grid.share)]
        ratio = cells[3] / cells[0] if cells[0] > 0 else np.nan
        shown = [None if np.isnan(v) else v for v in (*cells, ratio)]
        rows.append((low, high, *shown, _LOST if np.isnan(load.rms[k]) else "ok"))
    slow = [k for k, band in enumerate(BANDS) if band[1] <= 20]
    energy = [float((side.rms[slow] ** 2).sum()) for side in (load, grid)]
    lost = np.isnan(energy).any() or energy[0] <= 0
    method = "Parseval, Hann window, straight line taken off; peaks: without a window"
    result = Result(
        key="band_energy_ratio",
        title="Alternating energy in 0.1 .. 20 Hz, grid over load",
        value=None if lost else 100 * energy[1] / energy[0],
        unit="%",
        state=_LOST if lost else "ok",
        valid=valid,
        method=method,
        section=_SECTION,
    )
    side = ("RMS", "peak", "share of energy")
    columns = (
        "From",
        "To",
        *(f"{w}, {q}" for w in ("Load", "Grid") for q in side),
        "Grid over load",
        "State",
    )
    units = ("Hz", "Hz", "W", "W", "pu", "W", "W", "pu", "pu", "")
    note = f"a band needs {PERIODS} periods of its lower edge, and a source that resolves its upper edge"
    return result, Table("power_bands", "Bands", columns, units, tuple(rows), _SECTION, method, note)


def _spectra(found: Transfer) -> tuple[Series, ...]:
    parts = (
        ("load_spectrum", "Load power, amplitude spectrum (RMS)", "W", found.load, "power_spectrum"),
        ("grid_spectrum", "Grid power, amplitude spectrum (RMS)", "W", found.grid, "power_spectrum"),
        ("transfer", "|P grid / P load|", "", found.gain, "transfer"),
        ("coherence", "Coherence of load and grid power", "", found.coherence, "coherence"),
    )
    return tuple(
        Series(key, title, unit, found.frequency, v, group=group) for key, title, unit, v, group in parts
    )
