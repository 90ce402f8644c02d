"""Stability of a unit on grids of some strengths, from its measured dq impedance."""

from __future__ import annotations

from dataclasses import dataclass
from math import degrees
from typing import TYPE_CHECKING, Final

import numpy as np

from hil.analysis.result import Cell, Findings, Result, Series, Table
from hil.analysis.stability.findings import SECTION
from hil.analysis.stability.impedance import DqImpedance, grid_impedance
from hil.analysis.stability.nyquist import Nyquist, active_bands, nyquist, passivity
from hil.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

UNSURE: Final = "inside the uncertainty of the impedance"
_NYQUIST: Final = "generalised Nyquist criterion (doi:10.1080/00207177708922267), L = Z_grid Y_unit"
_INJECTED: Final = "two injections at each frequency, least squares in dq"
_ENTRIES: Final = (("dd", 0, 0), ("dq", 0, 1), ("qd", 1, 0), ("qq", 1, 1))


@dataclass(frozen=True, slots=True)
class Grid:
    """The grids that a unit shall be judged on."""

    rating: float
    """That the short-circuit ratio refers to [VA]."""
    voltage: float
    """Between lines, RMS [V]."""
    x_over_r: float
    """At the fundamental."""
    scr: tuple[float, ...]
    """Short-circuit ratios."""


def on_grid(impedance: DqImpedance, grid: Grid, scr: float) -> tuple[str, Nyquist]:
    """Return how sure the verdict is ("ok" or why not), and how the loci pass -1 at a short-circuit ratio."""
    known = impedance.known
    if impedance.point is None or int(known.sum()) < 2:
        raise ConfigError(f"{impedance.title or 'impedance'}: it takes two known frequencies or more")
    frequency, admittance = impedance.frequency[known], np.linalg.inv(impedance.z[known])
    z_grid = grid_impedance(
        frequency,
        scr=scr,
        x_over_r=grid.x_over_r,
        rating=grid.rating,
        voltage=grid.voltage,
        hertz=impedance.point.hertz,
    )
    ratio = z_grid @ admittance
    found = nyquist(frequency, ratio)
    # I + L can become singular only by a change of L as large as its smallest singular value.
    room = np.linalg.svd(np.eye(2) + ratio, compute_uv=False)[:, -1]
    wide = np.sqrt(2) * np.linalg.norm(impedance.uncertainty[known], axis=(1, 2))
    change = np.linalg.norm(ratio, 2, axis=(1, 2)) * wide * np.linalg.norm(admittance, 2, axis=(1, 2))
    sure = found.state if found.state != "ok" or (room > change).all() else UNSURE
    return sure, found


def critical_scr(impedance: DqImpedance, grid: Grid) -> tuple[float | None, float | None, str]:
    """Return the short-circuit ratio at which a unit becomes unstable, its uncertainty, and "ok" or why none.

    On the way from the strongest grid listed to the weakest; below the listed ones nothing is
    said. Close to it the frequencies measured no longer tell: that is the uncertainty.
    """
    strong: float | None = None
    for scr in sorted(grid.scr, reverse=True):
        found = on_grid(impedance, grid, scr)[1]
        if found.stable is None:
            return None, None, f"not determinable: {found.state}"
        if not found.stable:
            break
        strong = scr
    else:
        return None, None, "stable on all grids"
    if strong is None:
        return None, None, "unstable on the strongest grid"
    # Two bisections, towards the weakest grid that is stable and the strongest that is unstable.
    bounds = []
    for wanted in (True, False):
        near, far = (strong, scr) if wanted else (scr, strong)
        while abs(near - far) > 1e-3 * near:
            middle = (near + far) / 2
            if on_grid(impedance, grid, middle)[1].stable is wanted:
                near = middle
            else:
                far = middle
        bounds.append(near)
    return sum(bounds) / 2, (bounds[0] - bounds[1]) / 2, "ok"


def impedance_findings(points: Sequence[DqImpedance], grid: Grid | None = None) -> Findings:
    """Return impedance, passivity and, on the grids, the margins at each operating point."""
    results, spectra, warnings = list[Result](), list[Series](), list[str]()
    margins, quality = list[tuple[Cell, ...]](), list[tuple[Cell, ...]]()
    for number, point in enumerate(points, 1):
        name, known = point.title or f"point {number}", point.known
        spectra += _entries(point, name, number)
        lost = [
            f"{f:g} Hz ({why})" for f, why in zip(point.frequency, point.states, strict=True) if why != "ok"
        ]
        if lost:
            warnings.append(f"{name}: impedance not determined at {', '.join(lost)}")
        quality += _quality(point, name)
        result, passive = _passivity(point, name, number)
        results.append(result)
        spectra += passive
        if grid is not None and int(known.sum()) > 1:
            rows, distances = _margins(point, grid, name, number)
            margins += rows
            spectra += distances
            value, wide, state = critical_scr(point, grid)
            title = f"{name}, short-circuit ratio below which it is unstable"
            key = f"critical_scr_{number}"
            results.append(Result(key, title, value, "", wide, state, method=_NYQUIST, section=SECTION))
    tables = []
    if margins:
        columns = ("Operating point", "P", "Q", "SCR", "Verdict", "Unstable poles", "Distance to -1")
        more = ("Critical", "Phase margin", "Gain margin")
        units = ("", "W", "var", "", "", "", "", "Hz", "deg", "")
        note = "holds where the unit is stable on a stiff grid; margins mean something where it is stable"
        title = "Stability margins"
        tables.append(
            Table("stability_margins", title, columns + more, units, tuple(margins), SECTION, _NYQUIST, note)
        )
    if quality:
        tables.append(
            Table(
                "impedance_quality",
                "Quality of the impedance",
                ("Operating point", "Frequency", "Signal to noise", "Coherence", "Largest k = 2"),
                ("", "Hz", "dB", "", "ohm"),
                tuple(quality),
                SECTION,
                _INJECTED,
            )
        )
    return Findings(tuple(results), spectra=tuple(spectra), tables=tuple(tables), warnings=tuple(warnings))


def _entries(point: DqImpedance, name: str, number: int) -> list[Series]:
    """Return magnitude and phase of the four entries."""
    spectra = []
    for entry, row, column in _ENTRIES:
        z, text = point.z[:, row, column], f"{name}, Z_{entry}"
        for group, unit, values in (
            ("impedance", "ohm", np.abs(z)),
            ("phase", "deg", np.degrees(np.angle(z))),
        ):
            key = f"{group}_{entry}_{number}"
            spectra.append(Series(key, text, unit, point.frequency, values, group=group))
    return spectra


def _quality(point: DqImpedance, name: str) -> list[tuple[Cell, ...]]:
    return [
        (
            name,
            float(point.frequency[k]),
            float(10 * np.log10(point.snr[k])),
            float(point.coherence[k]),
            float(point.uncertainty[k].max()),
        )
        for k in np.flatnonzero(point.known)
    ]


def _passivity(point: DqImpedance, name: str, number: int) -> tuple[Result, list[Series]]:
    key, title = f"passivity_{number}", f"{name}, smallest eigenvalue of (Y + Y^H) / 2"
    method, known = "passivity of the dq admittance", point.known
    if not known.any():
        state = "not determinable"
        return Result(key, title, None, "S", state=state, method=method, section=SECTION), []
    frequency = point.frequency[known]
    margin = passivity(np.linalg.inv(point.z[known]))
    bands = ", ".join(f"{low:.4g} to {high:.4g} Hz" for low, high in active_bands(frequency, margin))
    note = f"negative from {bands}" if bands else "passive at every frequency measured"
    result = Result(key, title, float(margin.min()), "S", method=method, note=note, section=SECTION)
    return result, [Series(key, f"{name}, passivity", "S", frequency, margin, group="passivity")]


def _margins(
    point: DqImpedance, grid: Grid, name: str, number: int
) -> tuple[list[tuple[Cell, ...]], list[Series]]:
    """Return rows of the table of margins, and the distance to -1 over frequency for each grid."""
    rows, spectra = list[tuple[Cell, ...]](), list[Series]()
    at = point.point
    assert at is not None
    for scr in sorted(grid.scr, reverse=True):
        sure, found = on_grid(point, grid, scr)
        verdict = sure if sure != "ok" else ("stable" if found.stable else "unstable")
        phase = found.phase_margin
        rows.append(
            (
                name,
                at.active_power,
                at.reactive_power,
                scr,
                verdict,
                None if found.unstable is None else float(found.unstable),
                found.distance,
                found.critical_frequency,
                None if phase is None else degrees(phase),
                found.gain_margin,
            )
        )
        key, title = f"nyquist_distance_{number}_{scr:g}", f"{name}, SCR {scr:g}"
        distance = np.abs(1 + found.loci).min(axis=0)
        spectra.append(Series(key, title, "", found.frequency, distance, group="nyquist_distance"))
    return rows, spectra
