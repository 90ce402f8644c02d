"""What modes and oscillations say about stability, as results, tables and spectra."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from hil.analysis.result import Findings, Result, Series, Table

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hil.analysis.stability.modes import Modes
    from hil.analysis.stability.oscillation import Oscillations

SECTION: Final = "Stability"
_PENCIL: Final = "matrix pencil (doi:10.1109/29.56027), least-squares fit"
_SCAN: Final = "F test of half-overlapping windows against the bins beside, Fisher's sum, Bonferroni"


def mode_findings(
    found: Modes, *, key: str, title: str, unit: str, window: tuple[float, float] | None = None
) -> Findings:
    """Return the modes of a quantity: the least damped one as results, all as a table.

    key, title and unit name the quantity, such as "p", "Active power", "W".
    """
    state, worst = found.state, int(np.argmin(found.damping)) if len(found) else None
    valid = state != "spoilt samples"

    def value(values: NDArray[np.float64]) -> float | None:
        return None if worst is None else float(values[worst])

    results = tuple(
        Result(
            f"{name}_{key}",
            f"{title}, {text}",
            value(values),
            hertz,
            value(wide),
            state if len(found) else f"not determinable: {state}",
            valid,
            window,
            _PENCIL,
            section=SECTION,
        )
        for name, text, hertz, values, wide in (
            (
                "mode_frequency",
                "frequency of the least damped mode",
                "Hz",
                found.frequency,
                found.frequency_uncertainty,
            ),
            (
                "mode_damping",
                "damping ratio of the least damped mode",
                "",
                found.damping,
                found.damping_uncertainty,
            ),
        )
    )
    if not len(found):
        return Findings(results)
    rows = tuple(
        tuple(
            float(column[k])
            for column in (
                found.frequency,
                found.frequency_uncertainty,
                found.damping,
                found.damping_uncertainty,
                found.amplitude[0],
                np.degrees(found.phase[0]),
                found.share,
            )
        )
        for k in range(len(found))
    )
    columns = ("Frequency", "k = 2", "Damping ratio", "k = 2", "Amplitude", "Phase", "Share of energy")
    units = ("Hz", "Hz", "", "", unit, "deg", "")
    table = Table(f"modes_{key}", f"Modes of the ring-down, {title}", columns, units, rows, SECTION, _PENCIL)
    return Findings(results, tables=(table,))


def oscillation_findings(
    found: Oscillations, *, key: str, title: str, unit: str, window: tuple[float, float] | None = None
) -> Findings:
    """Return the sustained oscillations of a quantity, and the smallest that would have been found."""
    lasting = [o for o in found.found if o.kind != "decaying"]
    note = (
        f"{found.band[0]:.3g} to {found.band[1]:.3g} Hz; "
        f"at most {found.false_alarm:g} false alarms per record"
    )
    state = "ok" if lasting else ("none" if found.state != "record too short" else "not determinable")
    largest = lasting[0] if lasting else None
    limit = found.limit
    known = limit is not None and np.isfinite(limit)
    results = (
        Result(
            f"oscillation_{key}",
            f"{title}, largest sustained oscillation (RMS)",
            largest.amplitude if largest else None,
            unit,
            state=state,
            window=window,
            method=_SCAN,
            note=note,
            section=SECTION,
        ),
        Result(
            f"oscillation_frequency_{key}",
            f"{title}, frequency of the largest sustained oscillation",
            largest.frequency if largest else None,
            "Hz",
            largest.frequency_uncertainty if largest else None,
            state,
            window=window,
            method=_SCAN,
            section=SECTION,
        ),
        Result(
            f"oscillation_limit_{key}",
            f"{title}, oscillation that would have been found (RMS)",
            limit if known else None,
            unit,
            state="ok" if known else "not determinable",
            window=window,
            method=_SCAN,
            note="with 95 % probability, had it lasted the whole record; away from lines",
            section=SECTION,
        ),
    )
    limits = Series(
        f"oscillation_limit_{key}",
        f"{title}, detection limit",
        unit,
        found.frequency,
        found.limits,
        group="detection_limit",
    )
    spectra = (limits,) if found.frequency.size else ()
    if not found.found:
        return Findings(results, spectra=spectra)
    rows = tuple(
        (
            o.kind,
            o.frequency,
            o.frequency_uncertainty,
            o.amplitude,
            o.growth,
            o.growth_uncertainty,
            o.begin,
            o.end,
            o.p_value,
            ", ".join(f"{order}: {100 * rms / o.amplitude:.2g} %" for order, rms in o.harmonics) or None,
        )
        for o in found.found
    )
    columns = (
        "Kind",
        "Frequency",
        "k = 2",
        "RMS",
        "Growth",
        "95 %",
        "From",
        "To",
        "Chance in noise",
        "Harmonics",
    )
    units = ("", "Hz", "Hz", unit, "1/s", "1/s", "s", "s", "", "")
    table = Table(f"oscillations_{key}", f"Oscillations, {title}", columns, units, rows, SECTION, _SCAN, note)
    return Findings(results, spectra=spectra, tables=(table,))
