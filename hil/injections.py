"""An injection plan: which capture holds which small injection, at which operating point.

title = "PCS 100 kVA, 480 V"
[grid]                              # optional: judge stability on these grids
rating = "100 kVA"
voltage = "480 V"
x_over_r = 5.0
scr = [10.0, 5.0, 2.0, 1.5]
[[point]]
title = "full power"
active_power = "100 kW"             # optional: refused where the captures show another one
[[point.segment]]
capture = "sweep_d.h5"
begin = "1 s"
end = "2 s"
frequency = "80 Hz"                 # in the dq frame
axis = "d"                          # "d" or "q": one of each for every frequency
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from hil.analysis.stability.grid_stability import Grid
from hil.analysis.stability.impedance import DqImpedance, Response, dq_impedance, response
from hil.compliance.envelope import only_keys, rows_in
from hil.errors import ConfigError
from hil.units import parse, show
from hil.waveform import find

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from hil.waveform import Capture, Waveform

POWER_APART: Final = 0.1
"""Share of the stated active power that the measured one may lie beside it."""


@dataclass(frozen=True, slots=True)
class Segment:
    """One injection."""

    capture: str
    begin: float
    """[s]"""
    end: float
    """[s]"""
    frequency: float
    """In the dq frame [Hz]."""
    axis: str
    """"d" or "q": which axis it was meant for; what counts is that the two differ."""


@dataclass(frozen=True, slots=True)
class Point:
    """The injections at one operating point."""

    title: str
    active_power: float | None
    """Stated [W]."""
    pairs: tuple[tuple[Segment, Segment], ...]
    """d and q for each frequency, ascending."""


@dataclass(frozen=True, slots=True)
class Injections:
    """A plan."""

    name: str
    """Its file, for messages."""
    title: str
    points: tuple[Point, ...]
    grid: Grid | None


def load_injections(path: str | Path) -> Injections:
    """Return the injection plan of a TOML file."""
    where, table = _read(Path(path))
    only_keys(table, {"title", "point"}, {"grid"}, where)
    points = tuple(
        _point(row, f"{where}: point {k}") for k, row in enumerate(rows_in(table, "point", where), 1)
    )
    titles = [point.title for point in points]
    if len(set(titles)) != len(titles):
        raise ConfigError(f"{where}: two points share a title; there is {', '.join(titles)}")
    grid = _grid(table["grid"], f"{where}: grid") if "grid" in table else None
    return Injections(where, _text(table, "title", where), points, grid)


def _read(path: Path) -> tuple[str, dict[str, Any]]:
    """Return the label and the content of a plan; none is shipped."""
    try:
        return str(path), tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(
            f"injection plan {str(path)!r}: {error.strerror}; give the path of a .toml file"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not a TOML file: {error}") from error


def _text(table: dict[str, Any], key: str, where: str) -> str:
    if not isinstance(table[key], str) or not table[key]:
        raise ConfigError(f"{where}: {key} = {table[key]!r} is not a text")
    return str(table[key])


def _number(value: object, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e6:
        raise ConfigError(f"{name}: {value!r} is not a positive number")
    return float(value)


def _grid(table: Any, where: str) -> Grid:
    only_keys(table, {"rating", "voltage", "x_over_r", "scr"}, set(), where)
    ratios = tuple(_number(row, f"{where}: scr") for row in rows_in(table, "scr", where))
    rating = parse(table["rating"], "VA", f"{where}: rating")
    voltage = parse(table["voltage"], "V", f"{where}: voltage")
    for name, value in (("rating", rating), ("voltage", voltage)):
        _number(value / 1e6, f"{where}: {name}")
    return Grid(rating, voltage, _number(table["x_over_r"], f"{where}: x_over_r"), ratios)


def _point(row: Any, where: str) -> Point:
    only_keys(row, {"title", "segment"}, {"active_power"}, where)
    title = _text(row, "title", where)
    where = f"{where} ({title})"
    found: dict[float, dict[str, Segment]] = {}
    for k, part in enumerate(rows_in(row, "segment", where), 1):
        segment = _segment(part, f"{where}: segment {k}")
        axes = found.setdefault(segment.frequency, {})
        if segment.axis in axes:
            raise ConfigError(
                f"{where}: two injections on {segment.axis} at {segment.frequency:g} Hz; keep one"
            )
        axes[segment.axis] = segment
    for frequency, axes in found.items():
        if len(axes) < 2:
            other = "q" if "d" in axes else "d"
            raise ConfigError(
                f"{where}: at {frequency:g} Hz there is no injection on {other}; "
                "it takes one on d and one on q"
            )
    power = parse(row["active_power"], "W", f"{where}: active_power") if "active_power" in row else None
    return Point(title, power, tuple((found[f]["d"], found[f]["q"]) for f in sorted(found)))


def _segment(row: Any, where: str) -> Segment:
    only_keys(row, {"capture", "begin", "end", "frequency", "axis"}, set(), where)
    begin, end = parse(row["begin"], "s", f"{where}: begin"), parse(row["end"], "s", f"{where}: end")
    frequency = parse(row["frequency"], "Hz", f"{where}: frequency")
    if not begin < end:
        raise ConfigError(f"{where}: it ends at {end:g} s, before it begins at {begin:g} s")
    if not frequency > 0:
        raise ConfigError(f"{where}: frequency {frequency:g} Hz is not positive")
    if row["axis"] not in {"d", "q"}:
        raise ConfigError(f'{where}: axis = {row["axis"]!r} is neither "d" nor "q"')
    return Segment(_text(row, "capture", where), begin, end, frequency, row["axis"])


def impedance_from_plan(plan: Injections, open_capture: Callable[[str], Capture]) -> tuple[DqImpedance, ...]:
    """Return the unit's impedance at each operating point of a plan.

    open_capture: returns the capture of a name in the plan; it is asked once for each.
    """
    captures: dict[str, Capture] = {}
    results = []
    for point in plan.points:
        pairs = []
        for pair in point.pairs:
            for segment in pair:
                if segment.capture not in captures:
                    captures[segment.capture] = open_capture(segment.capture)
            d, q = (_response(captures[segment.capture], segment) for segment in pair)
            pairs.append((d, q))
        found = dq_impedance(pairs, title=point.title)
        if point.active_power is not None and found.point is not None:
            apart = abs(found.point.active_power - point.active_power)
            if apart > POWER_APART * abs(point.active_power):
                raise ConfigError(
                    f"{plan.name}: point {point.title}: the captures show "
                    f"{show(found.point.active_power, 'W')}, "
                    f"the plan states {show(point.active_power, 'W')}; "
                    "name the captures of this point, or the power that they were taken at"
                )
        results.append(found)
    return tuple(results)


def _response(capture: Capture, segment: Segment) -> Response:
    """Return the response in a segment of a capture."""
    first = ceil((segment.begin - capture.start) * capture.rate - 1e-6)
    last = ceil((segment.end - capture.start) * capture.rate - 1e-6)
    if first < 0 or last > len(capture):
        end = capture.start + len(capture) / capture.rate
        raise ConfigError(
            f"{segment.capture} runs from {capture.start:g} to {end:g} s; the plan asks for "
            f"{segment.begin:g} to {segment.end:g} s"
        )
    part = capture.part(first, last)
    voltages, currents = _phases(part, segment.capture)
    if part.valid is not None and not part.valid.all():
        voltages = np.full_like(voltages, np.nan)
    return response(voltages, currents, capture.rate, segment.frequency)


def _phases(part: Waveform, name: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return phase-to-neutral voltages (zero sequence left out where between lines) and currents."""
    between = False
    voltages, currents = find(part.channels, "voltage"), find(part.channels, "current")
    if len(voltages) < 3:
        voltages, between = find(part.channels, "voltage", ("ab", "bc", "ca")), True
    if len(voltages) < 3 or len(currents) < 3:
        names = ", ".join(f"{c.name} ({c.quantity} {c.phase})" for c in part.channels)
        raise ConfigError(
            f"{name}: an impedance takes three voltages and three currents; it has {names}; "
            "name the quantity and the phase of each channel"
        )
    u, i = np.asarray(part.select(voltages), float), np.asarray(part.select(currents), float)
    return ((u - np.roll(u, 1, axis=0)) / 3 if between else u), i
