"""What a PCS reported of itself: whether each channel is there, moves, and agrees with the recorder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from hil.analysis.result import Findings, Result, Series, Table, under
from hil.units import show

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from hil.analysis.result import Analysis
    from hil.analysis.telemetry import Recorded
    from hil.recording import Reading, Recording

    Channels = Mapping[str, NDArray[np.float64]]

CHANNELS: Final = {
    "voltage": ("Voltage", "V"),
    "current": ("Current", "A"),
    "active_power": ("Active power", "W"),
    "reactive_power": ("Reactive power", "var"),
    "frequency": ("Frequency", "Hz"),
    "state_of_charge": ("State of charge", "pu"),
    "temperature": ("PCS temperature, °C", ""),
    "limited": ("Current limit flag", ""),
    "running": ("Mode: running", ""),
}
"""What it must tell: title and unit. Flag and mode count as 1 and 0."""
MEASURED: Final = ("voltage", "current", "active_power", "reactive_power", "frequency")
"""Those that the recorder has too."""
REST: Final = {"voltage": 2e-3, "current": 2e-3, "frequency": 1e-4}
"""What is recorded changes less than this share of nominal where it counts as at rest."""
CELSIUS: Final = (-40.0, 150.0)
"""Temperatures that a heat sink may have [°C]."""


def readings_of(said: Sequence[Reading]) -> Channels:
    """Return each channel's readings; NaN stands where there is none."""

    def number(reading: Reading, name: str) -> float:
        value = reading.values.get("mode" if name == "running" else name)
        if isinstance(value, str):
            return float(value == "running") if value else np.nan
        return float(value) if isinstance(value, int | float) else np.nan

    return {name: np.array([number(reading, name) for reading in said]) for name in CHANNELS}


def beside_recorder(
    recording: Recording, of: Recorded, time: NDArray[np.float64], told: Channels, window: float
) -> Findings:
    """Return every channel over time, beside the same means of what was recorded, and how far they differ.

    Only readings at rest count, while the unit runs: those before which three windows [s] were alike.
    """
    nominal = {  # of the powers a meter knows better
        "voltage": recording.nominal["phase_voltage"],
        "current": recording.rated_current,
        "frequency": recording.nominal["frequency"],
    }
    true = {name: of.mean(name, time, window) for name in MEASURED}
    series = []
    for name, (title, unit) in CHANNELS.items():
        group = "power" if name.endswith("power") else f"told_{name}"
        series.append(Series(f"told_{name}", f"{title}, told", unit, time, told[name], group=group))
        if name in true:
            series.append(Series(f"true_{name}", f"{title}, recorded", unit, time, true[name], group=group))
    results = []
    for name, base in nominal.items():
        before = np.array([of.mean(name, time - n * window, window) for n in (1, 2)])
        rest = (np.abs(before - true[name]) < REST[name] * base).all(axis=0) & (told["running"] == 1.0)
        results.append(_difference(name, told[name][rest] - true[name][rest], base))
    return Findings(under("Telemetry", results), tuple(series))


def _difference(name: str, errors: NDArray[np.float64], nominal: float) -> Result:
    key, title = f"{name}_error", f"{CHANNELS[name][0]} told, beside the recorder"
    known = np.abs(errors[np.isfinite(errors)])
    if not known.size:
        return Result(key, title, None, state="missing")
    if name == "frequency":
        return Result(key, title, float(known.max()), "Hz", method="largest difference at rest")
    share = 100.0 * float(known.max()) / nominal
    return Result(key, title, share, "%", method="largest difference at rest, of nominal")


def channels(found: Sequence[Analysis]) -> Findings:
    """Return whether each channel is there while the unit runs, moves, and is plausible.

    found: captures in the order of time, with the series of `beside_recorder`; the unit discharges between
    them. What is recorded too must move by half of what the recorder saw, the rest at all.
    """
    captures = [{one.key: one.values for one in each.series} for each in found]
    whole = {key: np.concatenate([each[key] for each in captures]) for key in captures[0] if "_" in key}
    rows, faults = [], dict[str, list[str]](missing=[], still=[], implausible=[])
    for name, (title, unit) in CHANNELS.items():
        told, true = whole[f"told_{name}"], whole.get(f"true_{name}", np.empty(0))
        needed = told if name == "running" else told[whole["told_running"] != 0.0]
        said, seen = told[np.isfinite(told)], true[np.isfinite(true)]
        fault = ""
        if not (said.size and np.isfinite(needed).all()):
            fault = "missing"
        elif np.ptp(said) <= (0.5 * np.ptp(seen) if seen.size else 0.0):
            fault = "still"
        elif not _plausible(name, said, [each[f"told_{name}"] for each in captures]):
            fault = "implausible"
        if fault:
            faults[fault].append(title.partition(",")[0].partition(":")[0])
        rows.append((title, *_span(said, unit), *_span(seen, unit), fault or "ok"))
    table = Table(
        "channels",
        "Channels told, over all captures",
        ("Channel", "Told, least", "most", "Recorded, least", "most ", "Found"),
        ("",) * 6,
        tuple(rows),
        "Telemetry",
    )
    results = [
        Result(
            f"channels_{fault}",
            f"Channels {words}",
            ", ".join(names) or "none",
            state="ok" if not names else fault,
        )
        for (fault, names), words in zip(
            faults.items(), ("missing", "that stand still", "that are implausible"), strict=True
        )
    ]
    return Findings(under("Telemetry", results), tables=(table,))


def _plausible(name: str, said: NDArray[np.float64], captures: Sequence[NDArray[np.float64]]) -> bool:
    if name == "temperature":
        return bool(CELSIUS[0] <= said.min() and said.max() <= CELSIUS[1])
    if name != "state_of_charge":
        return True
    before, after = (each[np.isfinite(each)] for each in (captures[0], captures[-1]))
    falls = len(captures) == 1 or bool(before.size and after.size and after[0] < before[-1])
    return bool(said.min() >= 0.0 and said.max() <= 1.0 and falls)


def _span(values: NDArray[np.float64], unit: str) -> tuple[str | None, str | None]:
    if not values.size:
        return None, None
    return show(float(values.min()), unit), show(float(values.max()), unit)
