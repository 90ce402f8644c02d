"""Powers that a PCS reported of itself beside those of a power meter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from hil.analysis.result import Findings, Result, Table, under
from hil.units import show

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from hil.analysis.reported import Channels
    from hil.analysis.result import Cell
    from hil.analysis.telemetry import Recorded
    from hil.recording import Reading, Recording

POWERS: Final = {"active_power": ("Active power", "W"), "reactive_power": ("Reactive power", "var")}
LOW: Final = 0.2
"""Share of rating below which an error counts against the rating."""


@dataclass(frozen=True, slots=True)
class _Compared:
    """One power at one reading of the meter; None where there is none."""

    meter: float | None
    """None too where nothing whole was recorded to hold it against."""
    told: float | None
    spread: float
    """Of the mean of what was told, k = 2."""
    recorded: float
    """Over the meter's interval; `drift`: less that while it was told."""
    drift: float
    rated: float

    @property
    def low(self) -> bool:
        return self.meter is not None and abs(self.meter) < LOW * self.rated

    @property
    def scale(self) -> float:
        """Return what an error is multiplied by [%]."""
        return 100.0 / (self.rated if self.low or self.meter is None else abs(self.meter))

    @property
    def error(self) -> float | None:
        return None if self.meter is None or self.told is None else (self.told - self.meter) * self.scale


def beside_meter(
    recording: Recording, of: Recorded, time: NDArray[np.float64], told: Channels, window: float
) -> Findings:
    """Return the error of both powers at each reading of the meter, and the meter's beside the recorder.

    Meter and unit average over different spans, and the power may drift: so each is held against the same
    mean of what was recorded, over its interval or `window` [s], and the two differences are compared. Of
    what was told at `time`, readings within one and a half of the meter's intervals count.
    """
    meter = recording.of("power_meter")
    results: list[Result] = []
    rows: list[list[Cell]] = [[at.time] for at in meter]
    every: list[_Compared] = []
    for name, (title, unit) in POWERS.items():
        found = [
            _compared(at, name, of, time, told[name], of.mean(name, time, window), recording.nominal["power"])
            for at in meter
        ]
        every += found
        for row, one in zip(rows, found, strict=True):
            row += [one.meter, one.told, one.error, "rating" if one.low else "reading"]
        results += [_worst(name, title, unit, found, low=low) for low in (False, True)]
    apart = [abs(one.recorded - one.meter) / one.rated for one in every if one.meter is not None]
    whole = len(apart) == len(every) > 0 and bool(np.isfinite(apart).all())
    agreement = Result(
        "meter_agreement",
        "Meter beside the recorder",
        100.0 * max(apart) if whole else None,
        "%",
        state="ok" if whole else "no reading",
        method="largest difference of a power over the meter's interval, of rating",
    )
    drifts = [abs(one.drift) / one.rated for one in every]
    steady = bool(drifts) and bool(np.isfinite(drifts).all())
    drift = Result(
        "power_drift",
        "Drift of power while it was measured",
        100.0 * max(drifts) if steady else None,
        "%",
        state="ok" if steady else "no reading",
        method="recorded over the meter's interval, less over the unit's, of rating",
    )
    table = Table(
        "beside_meter",
        "Powers told beside the meter",
        ("Time", "P, meter", "P, told", "Error", "of", "Q, meter", "Q, told", "Error ", "of "),
        ("s", "W", "W", "%", "", "var", "var", "%", ""),
        tuple(map(tuple, rows)),
        "Telemetry",
        note="errors include the meter's own",
    )
    return Findings(under("Telemetry", [*results, agreement, drift]), tables=(table,))


def _compared(
    at: Reading,
    name: str,
    of: Recorded,
    time: NDArray[np.float64],
    told: NDArray[np.float64],
    true: NDArray[np.float64],
    rated: float,
) -> _Compared:
    """Compare at one reading of the meter; true: what was recorded while it was told."""
    interval, meter = at.values["interval"], at.values[name]
    assert isinstance(interval, float)
    recorded = float(of.mean(name, np.array([at.time + interval / 2]), interval)[0])
    near = (np.abs(time - at.time) <= 1.5 * interval) & np.isfinite(told) & np.isfinite(true)
    beyond, known = (told - true)[near], bool(near.any())
    return _Compared(
        meter=meter if isinstance(meter, float) and np.isfinite(recorded) else None,
        told=recorded + float(beyond.mean()) if known else None,
        spread=2.0 * float(beyond.std()) / beyond.size**0.5 if known else 0.0,
        recorded=recorded,
        drift=recorded - float(true[near].mean()) if known else 0.0,
        rated=rated,
    )


def _worst(name: str, title: str, unit: str, found: Sequence[_Compared], *, low: bool) -> Result:
    key = f"{name}_error{'_low' if low else ''}"
    title += f" told, beside the meter, {'below' if low else 'from'} {LOW:.0%} of rating"
    of = [one for one in found if one.meter is not None and one.low is low]
    state = "no reading" if len(found) == 0 or any(one.meter is None for one in found) else "no such point"
    if state == "no reading" or not of:
        return Result(key, title, None, "%", state=state)
    worst = max(of, key=lambda one: np.inf if one.error is None else abs(one.error))
    if worst.error is None:
        return Result(key, title, None, "%", state="missing")
    method = f"largest error of all points, of {'rating' if low else 'reading'}"
    note = f"where the meter shows {show(worst.meter or 0.0, unit)}"
    return Result(key, title, abs(worst.error), "%", worst.spread * worst.scale, method=method, note=note)
