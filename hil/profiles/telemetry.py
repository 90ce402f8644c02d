"""Power telemetry as it lies in files: tables in CSV and Parquet, nvidia-smi and DCGM logs.

Nothing is mended here: what is missing is NaN, stamps keep their order, each value keeps its line.
"""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from hil.capture.parsing import contents, decode
from hil.errors import ConfigError, FormatError
from hil.profiles.files import parquet_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from hil.profiles.profile import Array

WATTS: Final = {"W": 1.0, "kW": 1e3, "MW": 1e6, "mW": 1e-3}
SECONDS: Final = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
MISSING: Final = {"", "n/a", "nan", "null", "none", "-", "not supported", "unknown error", "err!"}
GPU: Final = {"index", "gpu", "uuid", "gpu_uuid", "pci.bus_id", "gpu_bus_id", "serial", "gpu_serial"}
"""Columns of nvidia-smi that tell one GPU from another."""
AVERAGED: Final = {"power.draw", "power.draw.average"}
"""What NVML averages over a second on Ampere (GA100 aside) and later: nvmlDeviceGetPowerUsage."""
INSTANT: Final = re.compile(r"A100|A30\b|V100|P100|T4\b|K80")
"""GPUs, by name, whose power.draw is no such mean: GA100 and older."""
_UNIT: Final = re.compile(r"(.*?)(?:\s*[\[(]\s*([^\])]*)\s*[\])]|_(w|kw|s|ms|us|ns))", re.IGNORECASE)
_NUMBER: Final = re.compile(r"\[?\s*([+-]?[\d.]+(?:[eE][+-]?\d+)?)\s*([a-zA-Z]*)\s*\]?")


@dataclass(frozen=True, eq=False)
class Raw:
    """Values as they stand in a file."""

    time: Array
    """Since the first stamp, in the file's order [s]."""
    power: Array
    """[W]; NaN where a value is missing."""
    line: Any
    """Line of each value, or row of a Parquet table."""
    clock: float | None = None
    """Time of day of the first stamp [s] where stamps are local time without offset, else None."""
    daily: bool = False
    """True where stamps are a time of day without a date."""
    gpus: int | None = None
    """GPUs that are added up, where the file tells."""
    window: float = 0.0
    """Length of the mean behind each value [s]; 0 where none is known."""


def read_raw(
    path: Path, power: str | None = None, unit: str | None = None, interval: float | None = None
) -> Raw:
    """Return the telemetry of a file.

    power: name of the column, where several could be; unit: of its values, where the file does not say;
    interval: between rounds of a log without stamps [s].
    """
    if path.suffix.lower() == ".parquet":
        table = parquet_file(path).read()
        rows = list(zip(*(column.to_pylist() for column in table.columns), strict=True))
        return _table(path, table.column_names, [(n, row) for n, row in enumerate(rows, 1)], power, unit)
    text = decode(contents(path))
    lines = text.splitlines()
    if any(line.startswith("#Entity") for line in lines[:5]):
        return _dcgm(path, lines, interval)
    head = next((n for n, line in enumerate(lines) if line.strip() and not line.startswith("#")), None)
    if head is None:
        raise FormatError(f"{path}: has no rows")
    if not lines[head].replace("\t", " ").isprintable():
        raise FormatError(f"{path}: is not text; a trace is a table in CSV or Parquet, or a log")
    comma = max(",;\t", key=lines[head].count)
    reader = csv.reader(io.StringIO("\n".join(lines[head:])), delimiter=comma, skipinitialspace=True)
    names, *rest = list(reader)
    if all(_NUMBER.fullmatch(name.strip()) for name in names) or re.match(r"\d{4}[-/]\d", names[0].strip()):
        raise FormatError(
            f"{path}, line {head + 1}: is no line of column names; add one, such as time_s,power_w"
        )
    if comma == ";":
        rest = [[cell.replace(",", ".") for cell in row] for row in rest]
    numbered = [(n, row) for n, row in enumerate(rest, head + 2) if any(cell.strip() for cell in row)]
    return _table(path, [name.strip() for name in names], numbered, power, unit)


def _table(
    path: Path,
    names: Sequence[str],
    rows: Sequence[tuple[int, Sequence[Any]]],
    power: str | None,
    unit: str | None,
) -> Raw:
    plain = [name_and_unit(name)[0].lower() for name in names]
    times = _columns(plain, lambda name: name in {"t", "date", "datetime"} or name.startswith("time"))
    if power is not None and power not in names:
        raise ConfigError(f"{path}: has no column {power!r}; it has {', '.join(names)}")
    powers = (
        [names.index(power)]
        if power
        else _columns(names, lambda n: bool(re.search("power|watt|pwr|_k?w$", n, re.IGNORECASE)))
    )
    if not times:
        raise FormatError(
            f"{path}: none of the columns {', '.join(names)} is a time; name it time_s or timestamp"
        )
    if len(powers) != 1:
        raise ConfigError(f"{path}: columns are {', '.join(names)}; name the one of power with --column")
    t_name, t_unit = name_and_unit(names[times[0]])
    p_name, p_unit = name_and_unit(names[powers[0]])
    if not rows:
        raise FormatError(f"{path}: has column names and no rows")
    for number, row in rows:
        if len(row) != len(names):
            raise FormatError(f"{path}, line {number}: has {len(row)} cells, there are {len(names)} columns")
    watts = np.array([_watts(row[powers[0]], unit or p_unit, path, n) for n, row in rows])
    stamps, kind = _stamps([(n, row[times[0]]) for n, row in rows], t_name, t_unit, path)
    local, daily = kind in {"local", "daily"}, kind == "daily"
    clock = stamps[0] % 86400.0 if local else None
    since = np.array([stamp - stamps[0] for stamp in stamps])
    line = np.array([n for n, _ in rows])
    window = 1.0 if p_name in AVERAGED else 0.0
    labels = next((i for i, name in enumerate(names) if name in GPU), None)
    if p_name in AVERAGED and "name" in names and INSTANT.search(str(rows[0][1][names.index("name")])):
        window = 0.0
    if not p_name.startswith("power.draw") or labels is None:
        return Raw(since, watts, line, clock, daily, None, window)
    gpus = [str(row[labels]).strip() for _, row in rows]
    begins, total = _rounds(gpus, watts)
    return Raw(since[begins], total, line[begins], clock, daily, len(set(gpus)), window)


def _dcgm(path: Path, lines: Sequence[str], interval: float | None) -> Raw:
    """Return what `dcgmi dmon -e 155` printed, which has no stamps."""
    if interval is None:
        raise ConfigError(f'{path}: dcgmi dmon prints no time; give its -d as --interval "100 ms"')
    column, gpus, watts, numbers = None, [], [], []
    for number, line in enumerate(lines, start=1):
        cells = line.split()
        if line.startswith("#Entity"):
            found = [n for n, name in enumerate(cells) if name in {"POWER", "PWR"}]
            if not found:
                raise FormatError(f"{path}, line {number}: no column POWER; run dcgmi dmon -e 155")
            column = found[0]
        elif cells[:1] == ["GPU"] and column is not None:
            if len(cells) <= column + 1:
                raise FormatError(f"{path}, line {number}: {line!r} has no power")
            gpus.append(cells[1])
            watts.append(_watts(cells[column + 1], "W", path, number))
            numbers.append(number)
        elif cells and cells[0] != "ID":
            raise FormatError(f"{path}, line {number}: {line!r} is not a line of dcgmi dmon")
    if not gpus:
        raise FormatError(f"{path}: has no line of a GPU")
    begins, total = _rounds(gpus, np.array(watts))
    time = interval * np.arange(len(begins), dtype=float)
    return Raw(time, total, np.array(numbers)[begins], gpus=len(set(gpus)), window=1.0)


def _rounds(gpus: Sequence[str], watts: Array) -> tuple[list[int], Array]:
    """Return where each round over the GPUs begins, and its sum; NaN where one of them is missing."""
    begins, seen = [], set(gpus)
    now: set[str] = set()
    for k, gpu in enumerate(gpus):
        if gpu in now or not k:
            begins.append(k)
            now = set()
        now.add(gpu)
    total = np.add.reduceat(watts, begins)
    total[np.diff([*begins, len(gpus)]) < len(seen)] = np.nan
    return begins, total


def name_and_unit(text: str) -> tuple[str, str | None]:
    """Return ("power", "W") from "power [W]", "power (W)" or "power_w"."""
    match = _UNIT.fullmatch(text.strip())
    if match is None:
        return text.strip(), None
    short = {"w": "W", "kw": "kW", "s": "s", "ms": "ms", "us": "us", "ns": "ns"}
    return match[1], match[2] if match[2] is not None else short[match[3].lower()]


def _columns(names: Sequence[str], wanted: Any) -> list[int]:
    return [n for n, name in enumerate(names) if wanted(name)]


def _watts(cell: Any, unit: str | None, path: Path, line: int) -> float:
    """Return a cell in watts, NaN where it says that there is none."""
    text = "" if cell is None else str(cell).strip()
    if text.strip("[] ").lower() in MISSING:
        return float("nan")
    match = _NUMBER.fullmatch(text)
    if match is None:
        raise FormatError(f"{path}, line {line}: power {text!r} is not a number")
    of = match[2] or unit
    if of is None:
        raise ConfigError(f"{path}: the column of power has no unit; say which with --unit W, kW or MW")
    if of not in WATTS:
        raise FormatError(f"{path}, line {line}: unit {of!r} is not one of {', '.join(WATTS)}")
    return float(match[1]) * WATTS[of]


def _stamps(
    cells: Iterable[tuple[int, Any]], name: str, unit: str | None, path: Path
) -> tuple[list[float], str]:
    """Return stamps [s], and whether they are "seconds", "local", "daily", or "offset" from UTC."""
    out, kind = [], ""
    for line, cell in cells:
        value, what = _stamp(cell, name, unit, path, line)
        if kind and what != kind:
            raise FormatError(f"{path}, line {line}: stamp {cell!r} is {what}, those before are {kind}")
        kind = what
        out.append(value)
    return out, kind


def _stamp(cell: Any, name: str, unit: str | None, path: Path, line: int) -> tuple[float, str]:
    if isinstance(cell, datetime):
        stamp, daily = cell, False
    elif match := _NUMBER.fullmatch(str(cell).strip()):
        number = float(match[1])
        of = match[2] or unit
        if of is None and number >= 1e9:  # since 1970: 2001 to 2286 in seconds
            return number / 1000.0 ** min(3, int((np.log10(number) - 9) / 3)), "seconds"
        if of not in SECONDS:
            raise FormatError(
                f"{path}, line {line}: {number:g} has no unit of time; name the column {name}_s or {name}_ms"
            )
        return number * SECONDS[of], "seconds"
    else:
        text = str(cell).strip().replace("/", "-")
        daily = re.fullmatch(r"\d{1,2}:\d\d(:\d\d(\.\d+)?)?", text) is not None
        try:
            stamp = datetime.fromisoformat(f"2000-01-01 {text.zfill(5)}" if daily else text)
        except ValueError:
            raise FormatError(f"{path}, line {line}: {cell!r} is not a time") from None
    if stamp.tzinfo is not None:
        return stamp.timestamp(), "offset from UTC"
    return (stamp - datetime(2000, 1, 1)).total_seconds(), "daily" if daily else "local"  # noqa: DTZ001 - wall clock
