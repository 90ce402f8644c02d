"""Power and symmetrical components of a whole capture, as results and tables."""

from __future__ import annotations

from dataclasses import replace
from math import hypot
from typing import TYPE_CHECKING

import numpy as np

from hil.analysis.power.ieee1459 import Averages, PhasePowers, phase_powers, symmetrical_three, system_powers
from hil.analysis.power.phase_findings import phase_findings
from hil.analysis.power.sequences import LINES, PHASES, rows_of, sequences_of
from hil.analysis.result import Findings, Result, Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from hil.analysis.quality.values import Quality
    from hil.waveform import Channel

POWER, AMPLITUDES = "Power", "Voltage and current"
IEEE1459, ANNEX_C = "IEEE 1459-2010", "IEC 61400-21-1, Annex C"
WIDE = 0.05
"""Relative half-width above which an effective value is not determinable."""
NOTED = 0.001
"""Relative half-width above which the bounds are told."""


def power_findings(quality: Quality, *, before: float | None = None, wires: int = 4) -> Findings:
    """Return what a capture tells about power, sequences, frequency and phase.

    before: only intervals that end by then count for the mean values, such as the inception of
    an event [s]; series, ROCOF and jumps cover everything. wires: 4, or 3 without a neutral.
    """
    end = quality.intervals.end
    used = ~quality.intervals.spoilt & (end <= (np.inf if before is None else before))
    window = (float(quality.intervals.begin[used][0]), float(end[used][-1])) if used.any() else None
    results, tables = _mean_powers(quality, used, wires) if quality.currents else ([], ())
    sequences = sequences_of(quality)
    if sequences is not None:
        results += _mean_sequences(quality, used, swapped=sequences.swapped)
    note = "" if window else "no undisturbed interval"
    results = [replace(r, window=window, note=r.note or note) for r in results]
    if sequences is not None:  # of an hour's, only what is used
        kept = None if sequences.i is None else sequences.i[:2].copy()
        sequences = replace(sequences, u=sequences.u[:2].copy(), i=kept)
    moving = phase_findings(quality, sequences)
    return replace(moving, results=(*results, *moving.results), tables=(*tables, *moving.tables))


def _mean_powers(
    quality: Quality, used: NDArray[np.bool_], wires: int
) -> tuple[list[Result], tuple[Table, ...]]:
    """Return the powers of the pairs, and of three phases together."""
    k, count = quality.intervals, len(quality.voltages)
    at = [[v for v, _ in quality.pairs], [count + c for _, c in quality.pairs]]
    if not quality.pairs:
        return _between_lines(quality, used), ()
    u, i, zero = k.rms[at[0]][:, used], k.rms[at[1]][:, used], np.zeros(int(used.sum()))
    u1, i1, p = k.phasors[at[0]][:, used], k.phasors[at[1]][:, used], k.power[:, used]
    low = Averages(u, i, p, u1, i1, zero, zero)
    phases = phase_powers(low)
    names = [quality.voltages[v].phase or quality.voltages[v].name for v, _ in quality.pairs]
    method = f"{IEEE1459}; mean of {int(used.sum())} intervals of {k.cycles} cycles"
    wide = _relative(quality.voltages, quality.currents)
    s = _mean(phases.s.sum(axis=0))
    error = None if wide is None or s is None else wide * s
    results = [
        _result("active_power", "Active power P", _mean(p.sum(axis=0)), "W", method, error),
        _result(
            "fundamental_power", "Fundamental power P1", _mean(phases.p1.sum(axis=0)), "W", method, error
        ),
        _result(
            "fundamental_reactive_power",
            "Fundamental reactive power Q1",
            _mean(phases.q1.sum(axis=0)),
            "var",
            method,
            error,
        ),
    ]
    if sorted(names) == ["a", "b", "c"]:
        order = [names.index(name) for name in PHASES]
        results += _system(low, order, wires, method, quality.voltages, quality.currents)
    elif len(names) == 1:
        results.append(_result("apparent_power", "Apparent power S", s, "VA", method, error))
        results.append(_result("power_factor", "Power factor P/S", _mean(phases.pf[0]), "pu", method))
    return results, (_phase_table(names, phases, method),) if used.any() else ()


def _system(
    low: Averages,
    order: list[int],
    wires: int,
    method: str,
    voltages: Sequence[Channel],
    currents: Sequence[Channel],
) -> list[Result]:
    """Return what three phases have together.

    The zero sequence of the harmonics is not recorded: it lies between nothing and their mean
    over the phases. Both bounds are worked out; the value is their middle, and half their distance
    goes into its uncertainty, beside that of the channels.
    """
    u, i, p = (x[order] for x in (low.u, low.i, low.p))
    u1, i1 = low.u1[order], low.i1[order]
    u0, i0 = (np.abs(x.mean(axis=0)) for x in (u1, i1))
    above = [np.sqrt(np.maximum(x**2 - np.abs(x1) ** 2, 0)).mean(axis=0) for x, x1 in ((u, u1), (i, i1))]
    bounds = [
        system_powers(Averages(u, i, p, u1, i1, np.hypot(u0, hu), np.hypot(i0, hi)), wires=wires)
        for hu, hi in ((above[0], 0.0), (0.0, above[1]))  # the voltage falls with it, the current grows
    ]
    of_u, of_i = _relative(voltages), _relative(currents)
    of_s = None if of_u is None or of_i is None else hypot(of_u, of_i)
    results = []
    for key, title, unit, values, wide in (
        ("apparent_power", "Effective apparent power Se", "VA", [b.se for b in bounds], of_s),
        ("power_factor", "Power factor P/Se", "pu", [b.pf for b in bounds], None),
        (
            "displacement_factor",
            "Fundamental positive-sequence power factor",
            "pu",
            [b.dpf for b in bounds],
            None,
        ),
        ("unbalance_power", "Unbalance power SU1", "VA", [b.su1 for b in bounds], None),
        ("effective_voltage", "Effective voltage Ue", "V", [b.ue for b in bounds], of_u),
        ("effective_current", "Effective current Ie", "A", [b.ie for b in bounds], of_i),
    ):
        section = AMPLITUDES if key.startswith("effective") else POWER
        one, other = (_mean(v) for v in values)
        if one is None or other is None:
            results.append(_result(key, title, None, unit, method, section=section))
            continue
        middle, half = (one + other) / 2, abs(one - other) / 2
        value = middle if half <= WIDE * abs(middle) else None
        error = None if wide is None or value is None else hypot(half, wide * value)
        note = ""
        if half > NOTED * abs(middle):
            ends = f"between {min(one, other):.5g} and {max(one, other):.5g} {unit}"
            note = f"{ends}: the zero sequence of the harmonics is not recorded"
        results.append(replace(_result(key, title, value, unit, method, error, section), note=note))
    return results


def _between_lines(quality: Quality, used: NDArray[np.bool_]) -> list[Result]:
    """Return the fundamental power of three wires, where only voltages between lines are recorded."""
    lines, at = rows_of(quality.voltages, LINES), rows_of(quality.currents, PHASES)
    if lines is None or at is None:
        return []
    k = quality.intervals
    currents = [len(quality.voltages) + c for c in at]
    u = k.phasors[lines][:, used]
    star = (u - np.roll(u, 1, axis=0)) / 3
    power = (star * np.conj(k.phasors[currents][:, used])).sum(axis=0)
    ue = np.sqrt((k.rms[lines][:, used] ** 2).sum(axis=0) / 9)
    ie = np.sqrt((k.rms[currents][:, used] ** 2).mean(axis=0))
    method = f"{IEEE1459}, three wires; mean of {int(used.sum())} intervals of {k.cycles} cycles"
    wide = _relative(quality.voltages, quality.currents)
    s = _mean(3 * ue * ie)
    error = None if wide is None or s is None else wide * s
    note = "voltages between lines: the power of the harmonics is unknown"
    return [
        replace(_result("active_power", "Active power P", None, "W", method), note=note),
        _result("fundamental_power", "Fundamental power P1", _mean(power.real), "W", method, error),
        _result(
            "fundamental_reactive_power",
            "Fundamental reactive power Q1",
            _mean(power.imag),
            "var",
            method,
            error,
        ),
        _result("apparent_power", "Effective apparent power Se", s, "VA", method, error),
        _result("effective_voltage", "Effective voltage Ue", _mean(ue), "V", method, section=AMPLITUDES),
        _result("effective_current", "Effective current Ie", _mean(ie), "A", method, section=AMPLITUDES),
    ]


def _phase_table(names: Sequence[str], of: PhasePowers, method: str) -> Table:
    """Return the powers of each phase."""
    columns = ("Phase", "P", "Q1", "S", "P/S", "P1/S1", "SN/S1")
    ratio = np.divide(100 * of.sn, of.s1, out=np.full_like(of.s1, np.nan), where=of.s1 > 0)
    values = (of.p, of.q1, of.s, of.pf, of.dpf, ratio)
    rows = tuple((name, *(_mean(x[k]) for x in values)) for k, name in enumerate(names))
    units = ("", "W", "var", "VA", "pu", "pu", "%")
    return Table("phase_powers", "Power of each phase", columns, units, rows, POWER, method)


def _mean_sequences(quality: Quality, used: NDArray[np.bool_], *, swapped: bool) -> list[Result]:
    """Return the mean size of the sequences of voltages and currents over the undisturbed intervals."""
    k, count = quality.intervals, len(quality.voltages)
    star, lines = rows_of(quality.voltages, PHASES), rows_of(quality.voltages, LINES)
    at = rows_of(quality.currents, PHASES)
    method = f"Fortescue; mean of {int(used.sum())} intervals of {k.cycles} cycles"
    results = []
    for letter, what, unit, rows in (
        ("u", "voltage", "V", star or lines),
        ("i", "current", "A", None if at is None else [count + c for c in at]),
    ):
        if rows is None:
            continue
        parts = np.abs(symmetrical_three(k.phasors[rows][:, used]))
        parts = parts[[1, 0, 2]] if swapped else parts
        wide = _relative(quality.voltages if letter == "u" else quality.currents)
        between = letter == "u" and star is None
        note = "between lines" if between else ""
        for name, row in zip(("Positive", "Negative", "Zero")[: 2 if between else 3], parts, strict=False):
            key, title = f"{letter}_{name.lower()}", f"{name}-sequence {what}"
            value = _mean(row)
            # What the channels' errors add to the other sequences, their size does not tell.
            error = wide * value if name == "Positive" and wide is not None and value is not None else None
            results.append(replace(_result(key, title, value, unit, method, error, AMPLITUDES), note=note))
    return results


def _mean(values: NDArray[np.float64]) -> float | None:
    """Return the mean of what is known, or None."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else None


def _relative(*groups: Iterable[Channel]) -> float | None:
    """Return the expanded relative uncertainty of a product, or None where one is not known."""
    worst = [[c.uncertainty for c in group] for group in groups]
    if any(w is None for group in worst for w in group):
        return None
    return hypot(*(max(w for w in group if w is not None) for group in worst))


def _result(
    key: str,
    title: str,
    value: float | None,
    unit: str,
    method: str,
    uncertainty: float | None = None,
    section: str = POWER,
) -> Result:
    state = "ok" if value is not None else "not determinable"
    return Result(key, title, value, unit, uncertainty, state, method=method, section=section)
