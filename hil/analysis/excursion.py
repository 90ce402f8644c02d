"""How far a bus goes after a sudden change of load or loss of a set, and when it is back: ISO 8528-5.

Frequency: transient deviation from the initial value, and recovery time from leaving the
tolerance band about the value before until staying in that about the value after. Voltage:
transient deviation from rated, recovery into the steady-state band about the value after.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from hil.analysis.result import Findings, Result, Table

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hil.analysis.bus import Bus

SECTION: Final = "Step response"
LAST: Final = 1.0
"""Before the event and at the end, over which a value counts as steady; it must stay back that long [s]."""


@dataclass(frozen=True, slots=True)
class Class:
    """Limits of a performance class; all but times per unit of rated."""

    name: str
    down: float
    """Transient deviation of the frequency on load increase."""
    up: float
    """And on load decrease."""
    seconds: float
    """Frequency recovery time [s]."""
    band: float
    """Half of the frequency's tolerance band."""
    dip: float
    rise: float
    volt_seconds: float
    """Voltage recovery time [s]."""
    steady: float
    """Half of the steady-state band of the voltage."""


CLASSES: Final = (
    Class("G3", 0.07, 0.10, 3.0, 0.01, 0.15, 0.20, 4.0, 0.01),
    Class("G2", 0.10, 0.12, 5.0, 0.01, 0.20, 0.25, 6.0, 0.025),
    Class("G1", 0.15, 0.18, 10.0, 0.0175, 0.25, 0.35, 10.0, 0.05),
)
"""ISO 8528-5:2013, Table 4, best first. Deviations and times of G2 as published second-hand in makers' pages,
the others and all bands from general knowledge of the standard."""
METHOD: Final = "ISO 8528-5:2013; frequency over 0.1 s, Urms(1/2)"


@dataclass(frozen=True, slots=True)
class Excursion:
    """What one quantity did; per unit of rated."""

    down: float
    """Largest fall, from the value before (frequency) or from rated (voltage), not negative."""
    up: float
    before: float
    after: float
    recovery: dict[str, float | None]
    """By class: from leaving the band until staying in it; None: not back in the record [s]."""


def excursion(
    time: NDArray[np.float64],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    event: float,
    bands: dict[str, float],
    *,
    base: float | None = None,
) -> Excursion | None:
    """Return what a quantity did after an event [s]; None: too little is known before or at the end.

    low, high: per unit of rated (the lowest and the highest of three phases, or one thing twice). bands:
    half widths by class. base: what it deviates from; None: the value before.
    """
    middle = (low + high) / 2
    quiet, late = (time < event) & (time >= event - LAST), time > time[-1] - LAST
    if quiet.sum() < 2 or time[-1] - LAST < event or not np.isfinite(middle).all():
        return None
    before, after = float(middle[quiet].mean()), float(middle[late].mean())
    since = time >= event
    origin = before if base is None else base
    recovery: dict[str, float | None] = {}
    for name, band in bands.items():
        left = np.flatnonzero(since & (np.maximum(high - before, before - low) > band))
        out = np.flatnonzero(since & (np.maximum(high - after, after - low) > band))
        if out.size and time[out[-1]] > time[-1] - LAST:
            recovery[name] = None
        elif not left.size or not out.size:
            recovery[name] = 0.0
        else:
            recovery[name] = max(0.0, float(time[out[-1] + 1] - time[left[0]]))
    return Excursion(
        max(0.0, origin - float(low[since].min())),
        max(0.0, float(high[since].max()) - origin),
        before,
        after,
        recovery,
    )


def excursion_findings(of: Bus, event: float, hertz: float, rated: float) -> Findings:
    """Return deviations and recovery times by G2's bands, and the best class that all of them keep to.

    hertz, rated: rated frequency [Hz] and voltage to neutral [V].
    """
    speed = None
    if of.hertz.size:
        f = of.hertz / hertz
        speed = excursion(of.seconds, f, f, event, {c.name: c.band for c in CLASSES})
    low, high = of.urms.min(axis=0) / rated, of.urms.max(axis=0) / rated
    volts = excursion(of.time, low, high, event, {c.name: c.steady for c in CLASSES}, base=1.0)

    def told(key: str, title: str, value: float | None, unit: str, state: str = "ok") -> Result:
        state = state if value is not None or state != "ok" else "not determinable"
        return Result(key, title, value, unit, None, state, of.valid, method=METHOD, section=SECTION)

    results = []
    for name, what, found in (("frequency", "Frequency", speed), ("voltage", "Voltage", volts)):
        back = None if found is None else found.recovery["G2"]
        state = "ok" if found is None or back is not None else "not back"
        down, up = (None, None) if found is None else (100 * found.down, 100 * found.up)
        results += [
            told(f"{name}_dip", f"{what}, transient fall", down, "%"),
            told(f"{name}_rise", f"{what}, transient rise", up, "%"),
            told(f"{name}_recovery", f"{what}, recovery time", back, "s", state),
        ]
    if speed is None or volts is None:
        none = Result(
            "iso_class", "Class of ISO 8528-5 reached", None, state="not determinable", section=SECTION
        )
        return Findings((*results, none))
    reached = next((c.name for c in CLASSES if _keeps(c, speed, volts)), "none")
    results.append(
        Result(
            "iso_class",
            "Class of ISO 8528-5 reached",
            reached,
            valid=of.valid,
            method=METHOD,
            section=SECTION,
        )
    )
    return Findings(tuple(results), tables=(_table(speed, volts),))


def _keeps(c: Class, speed: Excursion, volts: Excursion) -> bool:
    times = ((speed.recovery[c.name], c.seconds), (volts.recovery[c.name], c.volt_seconds))
    return (
        speed.down <= c.down
        and speed.up <= c.up
        and volts.down <= c.dip
        and volts.up <= c.rise
        and all(seconds is not None and seconds <= most for seconds, most in times)
    )


def _table(speed: Excursion, volts: Excursion) -> Table:
    """Return what each class allows beside what was found."""
    rows = []
    for c in CLASSES:
        kept = "kept" if _keeps(c, speed, volts) else "not kept"
        rows.append(
            (
                c.name,
                *(f"-{100 * down:.3g} / +{100 * up:.3g}" for down, up in ((c.down, c.up), (c.dip, c.rise))),
                c.seconds,
                speed.recovery[c.name],
                c.volt_seconds,
                volts.recovery[c.name],
                kept,
            )
        )
    columns = (
        *("Class", "Frequency allowed [%]", "Voltage allowed [%]", "Recovery of frequency allowed", "Found"),
        *("Recovery of voltage allowed", "Found", "Class is"),
    )
    return Table(
        "iso8528",
        "Classes of ISO 8528-5",
        columns,
        ("", "", "", "s", "s", "s", "s", ""),
        tuple(rows),
        SECTION,
        METHOD,
    )
