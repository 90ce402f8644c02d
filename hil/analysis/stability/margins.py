"""How far a unit is from instability at one short-circuit ratio, and where it is not passive."""

from __future__ import annotations

from math import degrees, log10
from typing import TYPE_CHECKING, Final

import numpy as np

from hil.analysis.result import Findings, Result, Table
from hil.analysis.stability.findings import SECTION
from hil.analysis.stability.grid_stability import on_grid
from hil.analysis.stability.nyquist import passivity

if TYPE_CHECKING:
    from hil.analysis.result import Cell
    from hil.analysis.stability.grid_stability import Grid
    from hil.analysis.stability.impedance import DqImpedance

NO_CROSSING: Final = "no crossing"
"""State of a margin where no locus comes to where it is counted: nothing there can become critical."""
_METHOD: Final = "generalised Nyquist criterion, eigenvalue loci of L = Z_grid Y_unit"


def margin_findings(impedance: DqImpedance, grid: Grid, scr: float) -> Findings:
    """Return stability, gain margin and phase margin on a grid, and passivity decade by decade.

    The gain margin is that of the factor on L nearest to 1 that would make the loop critical;
    negative where a stronger grid would already do so. An unstable loop has no margins.
    """
    results = _lost("not determinable", scr)
    if int(impedance.known.sum()) > 1:
        sure, found = on_grid(impedance, grid, scr)
        if found.stable is False and sure == "ok":
            results = _lost("unstable", scr)
        else:
            state = sure if sure != "ok" else "stable"
            gain = None if found.gain_margin is None else 20 * log10(found.gain_margin)
            phase = None if found.phase_margin is None else degrees(found.phase_margin)
            results = _results(state, scr, gain, found.gain_frequency, phase, found.phase_frequency)
    return Findings(results, tables=_decades(impedance))


def _lost(state: str, scr: float) -> tuple[Result, ...]:
    return tuple(
        Result(key, f"{title} at SCR {scr:g}", None, unit, state=state, method=_METHOD, section=SECTION)
        for key, title, unit in (
            ("stability", "Stability", ""),
            ("gain_margin", "Gain margin", "dB"),
            ("phase_margin", "Phase margin", "deg"),
        )
    )


def _results(
    state: str, scr: float, gain: float | None, gain_at: float | None, phase: float | None, at: float | None
) -> tuple[Result, ...]:
    stability, *_ = _lost(state, scr)
    margins = (
        Result(
            key,
            f"{title} at SCR {scr:g}",
            value,
            unit,
            state=NO_CROSSING if value is None else "ok",
            method=_METHOD,
            note="" if hertz is None else f"at {hertz:.3g} Hz in dq",
            section=SECTION,
        )
        for key, title, value, unit, hertz in (
            ("gain_margin", "Gain margin", gain, "dB", gain_at),
            ("phase_margin", "Phase margin", phase, "deg", at),
        )
    )
    return stability, *margins


def _decades(impedance: DqImpedance) -> tuple[Table, ...]:
    """Return the smallest eigenvalue of (Y + Y^H) / 2 in each decade, and where it is negative."""
    known = impedance.known
    if not known.any():
        return ()
    frequency = impedance.frequency[known]
    lowest = passivity(np.linalg.inv(impedance.z[known]))
    decade = np.floor(np.log10(frequency)).astype(int)
    rows: list[tuple[Cell, ...]] = []
    for each in np.unique(decade):
        inside = decade == each
        worst = int(np.flatnonzero(inside)[lowest[inside].argmin()])
        share = 100 * float((lowest[inside] >= 0).mean())
        rows.append((10.0**each, 10.0 ** (each + 1), float(lowest[worst]), float(frequency[worst]), share))
    columns = ("From", "To", "Smallest eigenvalue", "There", "Passive at")
    note = "of the frequencies measured; a constant power is never passive at low frequencies"
    title = "Passivity of the dq admittance, decade by decade"
    method = "smallest eigenvalue of (Y + Y^H) / 2"
    units = ("Hz", "Hz", "S", "Hz", "%")
    return (Table("passivity_decades", title, columns, units, tuple(rows), SECTION, method, note),)
