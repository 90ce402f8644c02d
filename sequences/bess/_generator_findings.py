"""What the captures of T9 show: the bus by ISO 8528-5, oscillations of the PCS's power, and its share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from hil.analysis.analyze import joined
from hil.analysis.bus import bus
from hil.analysis.excursion import excursion_findings
from hil.analysis.power.series import power_series
from hil.analysis.result import Findings, Result
from hil.analysis.stability.findings import mode_findings
from hil.analysis.stability.modes import modes
from hil.analysis.stability.residual import residual
from hil.analysis.survey import survey

from ._findings import power_curves, way_of_control

if TYPE_CHECKING:
    from hil.analysis.bus import Bus
    from hil.analysis.power.series import PowerSeries
    from hil.analysis.result import Analysis
    from hil.recording import Recording

RING: Final = (0.1, 30.0)
"""Modes that are told [Hz]."""
SWING: Final = (1.0, 30.0)
"""Sustained oscillations that are told [Hz]."""
COUNTS: Final = 0.01
"""Part of the ring-down's energy from which a mode counts."""
KNOWN: Final = 0.2
"""Part of a mode's frequency that its uncertainty may be; what is known less is no mode, such as the ramp
with which a buffer withdraws."""
SKIP: Final = 0.1
"""After the event: the jump itself is no mode [s]."""
SECTION: Final = "Generator following"


def findings(recording: Recording) -> Analysis:
    """Return what a capture of T9 shows."""
    waveform, nominal = recording.waveform, recording.nominal
    of, powers = bus(waveform, nominal["frequency"]), power_series(waveform, ("", "load"))
    parts = [survey(waveform)]
    told = [r for r in recording.of("step") if r.values.get("step") in {"SetLoad", "SwitchGenset"}]
    event = told[0].time - told[0].late if told else None
    if event is not None:
        parts += [
            excursion_findings(of, event, nominal["frequency"], nominal["phase_voltage"]),
            _step(powers, event, nominal["power"]),
            _swings(recording, powers, event),
            _share(recording, of, powers, event),
        ]
    curves = {"PCS": powers.at[""], "load": powers.at["load"], "sets": powers.at["load"] - powers.at[""]}
    series = power_curves(powers.time, curves, powers.rate, nominal["frequency"])
    parts.append(Findings((way_of_control(recording, SECTION),), (*of.series, *series)))
    return joined(parts, history=waveform.history)


def _mean(powers: PowerSeries, place: str, begin: float, end: float) -> float:
    inside = (powers.time >= begin) & (powers.time < end)
    return float(powers.at[place][inside].mean()) if inside.any() else float("nan")


def _step(powers: PowerSeries, event: float, rated: float) -> Findings:
    """Return by how much the load changed."""
    end = float(powers.time[-1])
    change = (_mean(powers, "load", end - 0.5, end) - _mean(powers, "load", event - 0.5, event)) / rated
    known = bool(np.isfinite(change))
    state = "ok" if known else "not determinable"
    return Findings(
        (
            Result(
                "load_change",
                "Change of the load",
                change if known else None,
                "pu",
                state=state,
                section=SECTION,
            ),
        )
    )


def _swings(recording: Recording, powers: PowerSeries, event: float) -> Findings:
    """Return modes of the ring-down, and what swings on when it should be over."""
    rated, end = recording.nominal["power"], float(powers.time[-1])
    power = powers.at[""] / rated
    quiet = event + float(recording.parameters["settling"])
    found = modes(power[powers.time >= event + SKIP], powers.rate, band=RING)
    left = residual(power[powers.time >= quiet], powers.rate, SWING)
    counts = (found.share > COUNTS) & (found.frequency_uncertainty < KNOWN * found.frequency)
    if found.state == "ok" and counts.any():
        k = int(np.flatnonzero(counts)[found.damping[counts].argmin()])
        value, wide, state = float(found.damping[k]), float(found.damping_uncertainty[k]), "ok"
        note = f"at {found.frequency[k]:.3g} Hz"
    else:
        value, wide, state, note = (
            None,
            None,
            "no mode" if found.state.startswith("no mode") else found.state,
            "",
        )
    swing = "Oscillation that is left, amplitude"
    results = (
        Result(
            "damping",
            "Damping ratio of the least damped mode",
            value,
            "",
            wide,
            state if value is not None or found.state != "ok" else "no mode",
            window=(event + SKIP, end),
            method=f"matrix pencil, {RING[0]:g} to {RING[1]:g} Hz, modes with {COUNTS:.0%} of the energy",
            note=note,
            section=SECTION,
        ),
        Result(
            "residual_oscillation",
            swing,
            None if left is None else 100 * left.amplitude,
            "%",
            state="not determinable" if left is None else "ok",
            window=(quiet, end),
            method=f"largest line of {SWING[0]:g} to {SWING[1]:g} Hz",
            note="" if left is None else f"at {left.frequency:.3g} Hz",
            section=SECTION,
        ),
    )
    told = mode_findings(found, key="pcs", title="Power of the PCS", unit="pu", window=(event + SKIP, end))
    return Findings(results, tables=told.tables)


def _share(recording: Recording, of: Bus, powers: PowerSeries, event: float) -> Findings:
    """Return how far the power of the PCS is from what set-point and droop give it, in the settled state."""
    given, nominal = recording.parameters, recording.nominal
    begin, end = event + float(given["settling"]), float(powers.time[-1])
    settled = of.seconds >= begin + 0.1
    title = "Power share of the PCS, error"
    actual = _mean(powers, "", begin, end) / nominal["power"]
    if not (settled.any() and np.isfinite(actual)):
        return Findings((Result("share_error", title, None, "%", state="not determinable", section=SECTION),))
    hertz = float(of.hertz[settled].mean())
    expected = float(given["power"])
    if given["way"] == "forming":
        expected += (1.0 - hertz / nominal["frequency"]) / float(given["droop"])
    results = (
        Result("share_error", title, 100 * abs(actual - expected), "%", section=SECTION, window=(begin, end)),
        Result("share", "Power of the PCS", actual, "pu", section=SECTION, window=(begin, end)),
        Result(
            "share_expected", "By set-point and droop", expected, "pu", section=SECTION, window=(begin, end)
        ),
        Result("frequency_settled", "Frequency, settled", hertz, "Hz", section=SECTION, window=(begin, end)),
    )
    return Findings(results)
