"""What a day of competing missions shows: state of charge, reserves, who got what, and what was told of it.

All of it is told from what a lab has, one row a second: meters, the PCS's telemetry, the schedule.
What each mission should have had is worked out from the meters, and never too high: buffering at
the fastest ramp that the grid side may have, frequency response by the declared droop, dispatch by
the schedule. A mission is overtaken where it lacked power that went to one after it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from hil.analysis.result import Findings, Result, Series, Table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from hil.waveform import Waveform

    Columns = Mapping[str, NDArray[np.float64]]

RAMP: Final = 0.2
"""How fast the grid may take up load, of the load's rating [pu/s]; the limit of T4."""
AT_LIMIT: Final = 0.97
"""Part of the rated power from which the PCS has no more to give to a ramp."""
TOLD: Final = (
    *("volts", "amps", "watts", "hertz", "dc_volts", "dc_amps", "state_of_charge", "celsius"),
    *("buffering_share", "frequency_share", "dispatch_share"),
)
"""What a PCS with missions tells, each after "told_"; none of it stands still through such a day.
Reactive power may: nobody asks for any."""
_SECTION: Final = "Energy management"


@dataclass(frozen=True, slots=True)
class Declared:
    """What the PCS is set to do."""

    order: tuple[str, ...]
    """Of the missions "buffering", "frequency" and "dispatch"."""
    rated: float
    """[W]"""
    hertz: float
    """Nominal [Hz]"""
    droop: float
    """Frequency change over power change [pu]."""
    deadband: float
    """[Hz]"""
    floor: float
    """State of charge that is kept for ride-through [pu]."""


def energy_findings(table: Waveform, declared: Declared) -> Findings:
    """Return what a day of one row a second shows."""
    c = {channel.name: np.asarray(table[channel.name], dtype=float) for channel in table.channels}
    served, results = _missions(c, declared)
    counted, told = c["counted_charge"], c.get("told_state_of_charge")
    parts = {"counted": ("by the external count", counted), "told": ("by telemetry", told)}
    for key, (by, soc) in parts.items():
        drift = None if soc is None else 100 * abs(float(soc[-1] - soc[0]))
        results.append(_result(f"drift_{key}", f"Drift of the state of charge, {by}", drift, "%"))
    apart = None if told is None else 100 * float(np.abs(told - counted).max())
    results += [
        _result("soc_error", "Telemetry beside the count, farthest apart", apart, "%"),
        _result("soc_low", "Lowest state of charge", 100 * float(counted.min()), "%"),
        _result("soc_high", "Highest state of charge", 100 * float(counted.max()), "%"),
        _result(
            "reserve", "Kept above the ride-through reserve", 100 * float(counted.min() - declared.floor), "%"
        ),
        _ramp(c, declared),
        _told_power(c),
        _channels(c),
    ]
    shares = {f"told_{name}_share": name.capitalize() for name in declared.order}
    series = [
        *_series(table.time, c, "soc", "", counted_charge="External count", told_state_of_charge="Telemetry"),
        *_series(table.time, c, "day_power", "W", load_power="Load", grid_power="Grid", pcs_power="PCS"),
        *_series(table.time, c, "missions", "W", **shares),
        *_series(table.time, c, "day_frequency", "Hz", frequency="Frequency"),
    ]
    return Findings(tuple(results), tuple(series), tables=(served,))


def _missions(c: Columns, declared: Declared) -> tuple[Table, list[Result]]:
    """Return what each mission wanted and got, and the worst of it."""
    limited = int((np.abs(c["pcs_power"]) >= AT_LIMIT * declared.rated).sum())
    got = {name: c[f"told_{name}_share"] for name in declared.order if f"told_{name}_share" in c}
    rows: list[tuple[str, float, float, float, float]] = []
    for place, name in enumerate(declared.order if len(got) == len(declared.order) else ()):
        want = WANTED[name](c, declared)
        way = np.sign(want)
        lack = np.maximum(way * (want - got[name]), 0.0)
        later = np.max([way * got[other] for other in declared.order[place + 1 :]] or [0.0 * way], axis=0)
        taken = np.minimum(lack, np.maximum(later, 0.0))
        wanted, given = (float((way * power).sum()) / 3600.0 for power in (want, got[name]))
        rows.append((name, wanted, given, float(lack.max()), float(taken.max())))
    share = 100 / declared.rated
    lacked = next((share * row[3] for row in rows if row[0] == "buffering"), None)
    results = [
        _result(
            "overtaken",
            "Lacked, while a later mission was served",
            max((share * row[4] for row in rows), default=None),
            "%",
        ),
        _result("buffering_lacked", "Buffering, largest lack", lacked, "%"),
        _result("conflict", "Time at the rated power", float(limited), "s"),
    ]
    columns = ("Mission", "Wanted", "Given", "Largest lack", "Most that a later one had of it")
    units = ("", "Wh", "Wh", "W", "W")
    title = "Missions, first things first"
    return Table("missions_served", title, columns, units, tuple(rows), _SECTION), results


def _buffering(c: Columns, declared: Declared) -> NDArray[np.float64]:
    """Return the least that buffering must give: the load less what the grid may have ramped to."""
    load, ramp = c["load_power"], RAMP * declared.rated
    carried = load[:-1] - c.get("told_buffering_share", np.zeros_like(load))[:-1]
    short = load[1:] - carried
    return np.concatenate(([0.0], short - np.clip(short, -ramp, ramp)))


def _frequency(c: Columns, declared: Declared) -> NDArray[np.float64]:
    """Return what droop asks for beyond the deadband."""
    off = c["frequency"] - declared.hertz
    beyond = np.sign(off) * np.maximum(np.abs(off) - declared.deadband, 0.0)
    return -beyond / declared.hertz / declared.droop * declared.rated


def _dispatch(c: Columns, declared: Declared) -> NDArray[np.float64]:  # noqa: ARG001 - as the others
    return c["asked_power"]


WANTED: Final = {"buffering": _buffering, "frequency": _frequency, "dispatch": _dispatch}
"""What each mission wants [W]."""


def _ramp(c: Columns, declared: Declared) -> Result:
    """Return the steepest change of the grid's power from one second to the next.

    Where the PCS is at its rated power it has nothing left for a ramp, and the order of the missions counts.
    """
    at_limit = np.abs(c["pcs_power"]) >= AT_LIMIT * declared.rated
    steps = np.abs(np.diff(c["grid_power"]))[~(at_limit[1:] | at_limit[:-1])]
    ramp = 100 * float(steps.max()) / declared.rated if steps.size else None
    title = "Ramp of the grid's power in a second, of the load's rating"
    return _result("grid_ramp", title, ramp, "%", absent="always at rated power")


def _told_power(c: Columns) -> Result:
    """Return the error of the told active power, in means of a minute, of all that was metered."""
    title = "Told active power beside the meter"
    if "told_watts" not in c:
        return _result("told_power", title, None, "%")
    whole = len(c["pcs_power"]) // 60 * 60
    told, metered = (c[name][:whole].reshape(-1, 60).mean(axis=1) for name in ("told_watts", "pcs_power"))
    apart, total = float(np.abs(told - metered).sum()), float(np.abs(metered).sum())
    return _result("told_power", title, 100 * apart / total if total else None, "%", absent="no power")


def _channels(c: Columns) -> Result:
    """Say whether the telemetry has all its channels, and whether they live."""
    missing = [name for name in TOLD if f"told_{name}" not in c]
    flat = [name for name in TOLD if name not in missing and np.ptp(c[f"told_{name}"]) == 0.0]
    state = "missing" if missing else "flat" if flat else "all live"
    note = ", ".join(missing or flat) or f"{len(TOLD)} channels"
    return _result("channels", "Channels of the telemetry", None, "", absent=state, note=note)


def _series(time: NDArray[np.float64], c: Columns, group: str, unit: str, **names: str) -> list[Series]:
    return [Series(key, title, unit, time, c[key], group=group) for key, title in names.items() if key in c]


def _result(
    key: str, title: str, value: float | None, unit: str, *, absent: str = "not told", note: str = ""
) -> Result:
    state = absent if value is None else "ok"
    return Result(key, title, value, unit, state=state, note=note, section=_SECTION)
