"""Frequency, ROCOF, jumps of phase and the sequences over time, as results, a table and series."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from hil.analysis.power.phase import frequency_track, phase_jump, rocof
from hil.analysis.result import Findings, Result, Series, Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from hil.analysis.power.phase import FrequencyTrack, PhaseJump
    from hil.analysis.power.sequences import Sequences
    from hil.analysis.quality.values import Quality

AMPLITUDES: Final = "Voltage and current"
LINES: Final = "straight lines through the phase on either side"
UNSIGNED: Final = "so near to 180 degrees that the sign cannot be told"


def phase_findings(quality: Quality, sequences: Sequences | None) -> Findings:
    """Return ROCOF and jumps of phase, of the positive sequence or of what phases there are.

    Its series are those of the sequences too, each half cycle, NaN where spoilt.
    """
    half, hertz = quality.half_cycles, quality.frequency
    track: FrequencyTrack | None = None
    if hertz is not None and half.end.size:
        if sequences is None:
            phasors = half.phasors[: len(quality.voltages)].astype(np.complex128)
        else:
            phasors = sequences.u[0]
        track = frequency_track(half.end, phasors, hertz, spoilt=half.spoilt)
    results: list[Result] = []
    series, tables = _sequence_series(sequences), list[Table]()
    for seconds, key, clause in (
        (0.5, "rocof", "EN 50549"),
        (0.1, "rocof_100ms", "IEEE 1547-2018, IEEE 2800-2022"),
    ):
        title, method = f"Largest ROCOF over {seconds:g} s", f"least squares over {seconds:g} s, {clause}"
        slope = None if track is None else rocof(track, seconds)
        if track is None or slope is None or np.isnan(slope).all():
            note = f"no {seconds:g} s of undisturbed voltage"
            state = "not determinable"
            results.append(
                Result(
                    f"{key}_max",
                    title,
                    None,
                    "Hz/s",
                    state=state,
                    method=method,
                    note=note,
                    section=AMPLITUDES,
                )
            )
            continue
        worst = int(np.nanargmax(np.abs(slope)))
        span = (float(track.time[worst]) - seconds, float(track.time[worst]))
        value = float(slope[worst])
        results.append(
            Result(f"{key}_max", title, value, "Hz/s", window=span, method=method, section=AMPLITUDES)
        )
        series.append(Series(key, f"ROCOF over {seconds:g} s", "Hz/s", track.time, slope, group="rocof"))
    if track is not None:
        title = "Frequency, carried across disturbances"
        series.append(
            Series("frequency_track", title, "Hz", track.time, track.values, group="frequency_track")
        )
        largest = max(track.jumps, key=lambda j: abs(j.angle or 0.0), default=None)
        title = "Largest jump of phase"
        if largest is None:
            results.append(
                Result("phase_jump", title, None, "deg", state="no jump", method=LINES, section=AMPLITUDES)
            )
        else:
            results.append(_jump("phase_jump", title, largest, AMPLITUDES))
            lines = tuple((j.time, j.angle, j.uncertainty, UNSIGNED * j.ambiguous) for j in track.jumps)
            columns = ("Time", "Angle", "Uncertainty", "Note")
            units = ("s", "deg", "deg", "")
            tables.append(Table("phase_jumps", "Jumps of phase", columns, units, lines, AMPLITUDES, LINES))
    return Findings(tuple(results), tuple(series), tables=tuple(tables))


def jump_results(
    time: NDArray[np.float64],
    phasors: NDArray[np.complex128],
    names: Sequence[str],
    hertz: float,
    begin: float,
    end: float | None = None,
) -> tuple[Result, ...]:
    """Return the jump of phase of each row of one-cycle phasors as an event begins.

    time: ends of the windows [s]; phasors: shape (rows, n), against a steady cosine of `hertz` [Hz];
    names: "a", "b", "c", "positive" ..., what the keys end in; begin, end: the event [s].
    """
    return tuple(
        _jump(
            f"phase_jump_{name}",
            f"Jump of phase, {name}",
            phase_jump(time, row, hertz, begin, until=end),
            "Voltage event",
        )
        for name, row in zip(names, phasors, strict=True)
    )


def _jump(key: str, title: str, jump: PhaseJump, section: str) -> Result:
    if jump.angle is None:
        return Result(key, title, None, "deg", state="not determinable", note=jump.state, section=section)
    note = f"at {jump.time:.3f} s" + f"; {UNSIGNED}" * jump.ambiguous
    return Result(key, title, jump.angle, "deg", jump.uncertainty, method=LINES, note=note, section=section)


def _sequence_series(of: Sequences | None) -> list[Series]:
    """Return power, active and reactive current of the positive sequence, and the negative sequence."""
    series: list[Series] = []
    if of is None:
        return series

    def add(key: str, title: str, unit: str, values: NDArray[np.float64], group: str) -> None:
        series.append(Series(key, title, unit, of.time, np.where(of.spoilt, np.nan, values), group=group))

    add("u_negative", "Negative-sequence voltage", "V", np.abs(of.u[1]), "u_negative")
    if of.i is not None:
        positive = replace(of, u=of.u[:1], i=of.i[:1])
        power, current = positive.power, positive.current
        assert power is not None
        assert current is not None
        add("p_positive", "Active power, positive sequence", "W", power[0].real, "power_positive")
        add("q_positive", "Reactive power, positive sequence", "var", power[0].imag, "power_positive")
        add("i_active", "Active current, positive sequence", "A", current[0].real, "current_positive")
        add("i_reactive", "Reactive current, positive sequence", "A", current[0].imag, "current_positive")
        add("i_negative", "Negative-sequence current", "A", np.abs(of.i[1]), "current_negative")
    return series
