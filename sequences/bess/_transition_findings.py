"""What the captures of T8 show: the load's voltage in a transition, and the step at a closing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from hil.analysis.analyze import joined
from hil.analysis.breaker import SPAN, across, flows, step_at
from hil.analysis.bus import bus
from hil.analysis.power.series import power_series
from hil.analysis.result import Findings, Result, Series, Table
from hil.analysis.survey import survey
from hil.compliance.envelope import load_envelope
from hil.compliance.margins import envelope_margin

from ._findings import over_cycle, power_curves, way_of_control

if TYPE_CHECKING:
    from hil.analysis.breaker import Across
    from hil.analysis.bus import Bus
    from hil.analysis.power.series import PowerSeries
    from hil.analysis.result import Analysis
    from hil.recording import Reading, Recording

FLOWS: Final = 0.01
"""Part of the rated current from which the source's side carries any."""
SLIP, VOLTAGE, ANGLE = 0.1, 0.05, 10.0
"""What counts as in step (IEEE 1547-2018, Table 5, above 1.5 MVA) [Hz, pu, deg]."""
QUIET: Final = 0.2
"""Before the breaker moves, over which a power is averaged [s]."""
SHORTEST: Final = 0.05
"""What an attempt is told from at least [s]."""
NEAR: Final = 0.05
"""Within which the power is back at its set-point [pu]."""
SECTION: Final = "Transition"


def findings(recording: Recording) -> Analysis:
    """Return what a capture of T8 shows, by its name."""
    waveform, nominal = recording.waveform, recording.nominal
    hertz, rated = nominal["frequency"], nominal["phase_voltage"]
    kind = recording.name.partition("_")[0]
    powers = power_series(waveform, ("",))
    titles = {"": "PCS", "grid": "grid", "load": "load"}
    curves = {titles[place]: values for place, values in powers.at.items()}
    series = power_curves(powers.time, curves, powers.rate, hertz)
    parts = [survey(waveform), _load(bus(waveform, hertz), hertz, rated), Findings(series=series)]
    if kind == "leave":
        parts.append(_before(recording, powers))
    if kind != "transfer":
        apart = across(waveform, hertz, rated)
        closed, _ = flows(waveform, "grid", FLOWS * 2**0.5 * recording.rated_current)
        parts.append(_pictures(apart))
        if kind == "attempt":
            parts += [_attempt(recording, apart, closed), Findings((_breaker(recording, closed),))]
        if kind == "return":
            parts += [_closing(recording, apart, closed), Findings((_back(recording, powers, closed),))]
    parts.append(Findings((way_of_control(recording, SECTION),)))
    return joined(parts, history=waveform.history)


def _load(of: Bus, hertz: float, rated: float) -> Findings:
    """Return how the load's voltage lies in the ITIC curve, and how far the frequency went."""
    envelope = load_envelope("itic")
    margin = envelope_margin(envelope, of.time, of.urms / rated, resolution=1 / hertz)
    state = "ok" if margin.voltage is not None else margin.state
    deviation = float(np.abs(of.hertz - hertz).max()) if of.hertz.size else None
    jump = max((abs(j.angle or 0.0) for j in of.jumps), default=0.0)
    results = (
        Result(
            "itic_margin",
            f"Load voltage, distance from the ITIC curve ({margin.state})",
            margin.voltage,
            "pu",
            state=state,
            valid=margin.valid,
            method="Urms(1/2) of the three phases against the time spent",
            section=SECTION,
        ),
        Result(
            "lowest_voltage",
            "Lowest Urms(1/2)",
            float(np.nanmin(of.urms) / rated) if np.isfinite(of.urms).any() else None,
            "pu",
            section=SECTION,
        ),
        Result(
            "frequency_deviation",
            "Largest deviation of the frequency from nominal",
            deviation,
            "Hz",
            state="ok" if deviation is not None else "no voltage",
            valid=of.valid,
            method="positive sequence over 0.1 s, carried across jumps of the phase",
            section=SECTION,
        ),
        Result(
            "largest_jump",
            "Largest jump of the phase",
            jump if of.hertz.size else None,
            "deg",
            section=SECTION,
        ),
    )
    return Findings(results, series=of.series)


def _pictures(of: Across) -> Findings:
    angle = (of.angle + 180.0) % 360.0 - 180.0
    return Findings(
        series=(
            Series("angle_across", "Angle of the bus against the source", "deg", of.time, angle),
            Series("slip_across", "Slip of the bus against the source", "Hz", of.time, of.slip),
        )
    )


def _told(recording: Recording) -> Reading | None:
    """Return when the breaker was told to move."""
    return next((r for r in recording.of("step") if r.values.get("step") == "MoveSwitch"), None)


def _before(recording: Recording, powers: PowerSeries) -> Findings:
    """Return the power of the PCS just before the breaker opens."""
    told = _told(recording)
    blank = Result(
        "power_before", "Active power before", None, "pu", state="not determinable", section=SECTION
    )
    if told is None:
        return Findings((blank,))
    begin = told.time - told.late
    quiet = (powers.time < begin) & (powers.time >= begin - QUIET)
    mean = float(powers.at[""][quiet].mean()) / recording.nominal["power"] if quiet.any() else None
    return Findings((replace(blank, value=mean, state="ok" if mean is not None else blank.state),))


def _breaker(recording: Recording, closed: float | None) -> Result:
    """Return what the breaker did, by its contact and its currents."""
    says = [r.values["is"] for r in recording.of("switch")]
    state = "closed" if closed is not None or says[-1:] == ["closed"] else "stayed open"
    return Result(
        "closing", "Breaker", None, state=state, method="its contact and its currents", section=SECTION
    )


def _closing(recording: Recording, apart: Across, closed: float | None) -> Findings:
    """Return what the breaker did, and how far the sides were out of step when it closed."""
    nominal, breaker = recording.nominal, _breaker(recording, closed)
    step = None if closed is None else step_at(apart, closed, nominal["frequency"])
    lacking = "instant not found" if breaker.state == "closed" else "did not close"

    def told(key: str, title: str, unit: str, found: tuple[float, float] | None, per: float = 1.0) -> Result:
        value, wide = (None, None) if found is None else (found[0] / per, found[1] / per)
        state, method = lacking if found is None else "ok", "positive sequences, carried to the first current"
        return Result(
            f"closing_{key}",
            f"{title} at the closing",
            value,
            unit,
            wide,
            state,
            method=method,
            section=SECTION,
        )

    angle, slip, volts = (None, None, None) if step is None else (step.angle, step.slip, step.voltage)
    return Findings(
        (
            breaker,
            told("angle", "Angle", "deg", angle),
            told("slip", "Slip", "Hz", slip),
            told("voltage", "Difference of voltage", "pu", volts, nominal["phase_voltage"]),
        )
    )


def _back(recording: Recording, powers: PowerSeries, closed: float | None) -> Result:
    """Return how long after the closing the power is back at its set-point for good."""
    rated, goal = recording.nominal["power"], float(recording.parameters["power"])
    time, mean = over_cycle(powers.time, powers.at[""], powers.rate, recording.nominal["frequency"])
    away = np.flatnonzero(np.abs(mean / rated - goal) > NEAR)
    value, state = None, "did not close"
    if closed is not None:
        last = int(away[-1]) if away.size else -1
        value, state = (
            (None, "not back") if last == time.size - 1 else (max(0.0, float(time[last + 1]) - closed), "ok")
        )
    title = f"Active power back within {NEAR:g} pu of its set-point"
    return Result(
        "power_back", title, value, "s", None, state, method="means over one cycle", section=SECTION
    )


def _attempt(recording: Recording, apart: Across, closed: float | None) -> Findings:
    """Return whether what was to be out of step was, alone, while the breaker was told to close."""
    told, out = _told(recording), str(recording.parameters["out"])
    meant = Result("attempt_as_meant", f"Out of step by its {out} alone", None, section=SECTION)
    if told is None:
        return Findings((replace(meant, state="no attempt"),))
    begin, end = told.time - told.late, told.time + told.late
    if closed is not None:  # what follows is tied together
        end = min(end, closed - 1 / recording.nominal["frequency"] - SPAN / 2)
        begin = min(begin, end - SHORTEST)
    inside = (apart.time >= begin) & (apart.time <= end)
    values = {
        "angle": (apart.apart[inside], ANGLE, "deg"),
        "slip": (np.abs(apart.slip[inside]), SLIP, "Hz"),
        "voltage": (np.abs(apart.rise[inside]) / recording.nominal["phase_voltage"], VOLTAGE, "pu"),
    }
    rows, wrong = [], []
    for key, (found, limit, unit) in values.items():
        known = found[np.isfinite(found)]
        if not known.size:
            wrong.append(f"{key} not known")
            continue
        rows.append((key, float(known.min()), float(known.max()), limit, unit))
        if key == out and known.min() <= limit:
            wrong.append(f"{key} was in step")
        elif key not in {out, "angle"} and known.max() > limit:
            wrong.append(f"{key} was out of step, too")
    columns = ("Quantity", "Least", "Most", "Closes up to", "Unit")
    title = "Across the open breaker while it was told to close"
    table = Table("attempt", title, columns, ("",) * len(columns), tuple(rows), SECTION)
    return Findings((replace(meant, state=(*wrong, "as meant")[0]),), tables=(table,))
