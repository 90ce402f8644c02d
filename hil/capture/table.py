"""Tables of samples: CSV, Parquet, and NumPy archives, one column per channel and one for the time."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from hil.capture.guess import guess_channels, si_unit
from hil.capture.parsing import contents, decode, distinct, numbers, uniform_rate
from hil.errors import FormatError, MissingExtra
from hil.waveform import Waveform

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

_TIME: Final = re.compile(r"t|time|time ?stamp|zeit|seconds?", re.IGNORECASE)
_BRACKETS: Final = re.compile(r"(.*?)\s*[\[(]\s*([^\])]*?)\s*[\])]")
_UNIT: Final = r"[num\u00b5\u03bckM]?(?:V|A|W|s|Hz|var|VA)|pu|%"
_SLASH: Final = re.compile(rf"(.*?)\s*/\s*({_UNIT})")
_SUFFIX: Final = re.compile(
    r"(.*?)_((?:[num]|k|M)?[sVW]|[vw]|k[AvVwW]|mA|Hz|pu)"
)  # not "_A": "I_a" is a phase
_NUMBER: Final = re.compile(r"[+-]?(\d+[.,]?\d*|[.,]\d+)(e[+-]?\d+)?|nan|", re.IGNORECASE)
_TORN: Final = (
    zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, KeyError, TypeError, RuntimeError,
    OverflowError, MemoryError,
)  # fmt: skip
"""What `numpy.load` raises on a damaged archive."""
_PREAMBLE: Final = 100
"""Lines that may stand before the header, as oscilloscopes write them."""


def read_csv(path: Path) -> Waveform:
    """Return a table of text: delimiter ",", ";" or tab, decimal point or comma, a header with units."""
    data = contents(path)
    head = decode(b"\n".join(data.split(b"\n", _PREAMBLE)[:_PREAMBLE])).split("\n")
    first, delimiter, columns = _first_row(head, path)
    header = _header(head[:first], delimiter, columns)
    if header is None:
        raise FormatError(
            f"{path}, line {first + 1}: {columns} columns of numbers without a header above "
            'them; add one, such as "time [s],Va [V]"'
        )
    body = data.split(b"\n", first)[first]
    decimal = "," if delimiter != "," and b"," in body and b"." not in body else "."
    rows = numbers(body, columns, str(path), first_line=first + 1, delimiter=delimiter, decimal=decimal)
    return _waveform(header, rows.T, path, first_row=first + 1)


def read_parquet(path: Path) -> Waveform:
    """Return a Parquet table; needs pyarrow."""
    try:
        import pyarrow as pa  # noqa: PLC0415 - optional
        import pyarrow.parquet as pq  # noqa: PLC0415 - optional
    except ImportError:
        raise MissingExtra(
            f'{path}: Parquet needs pyarrow; install it with: pip install "hil-bench[formats]"'
        ) from None
    try:
        table = pq.read_table(pa.BufferReader(contents(path)))
        columns = [
            _floats(column.to_numpy(), name, path)
            for name, column in zip(table.column_names, table.columns, strict=True)
        ]
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise FormatError(f"{path}: is not a whole Parquet file ({_line(error)}); copy it again") from None
    return _waveform(table.column_names, columns, path)


def read_npz(path: Path) -> Waveform:
    """Return a NumPy archive: one array per column, or a number `rate` in place of the time."""
    try:
        with np.load(io.BytesIO(contents(path)), allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except _TORN as error:
        raise FormatError(f"{path}: is not a whole NumPy archive of arrays ({_line(error)})") from None
    rate = arrays.pop("rate", None)
    columns = [_floats(values, name, path) for name, values in arrays.items()]
    if rate is None:
        return _waveform(list(arrays), columns, path)
    if rate.size != 1 or rate.dtype.kind not in "iuf" or not 0 < float(rate.reshape(())) < np.inf:
        raise FormatError(f"{path}: rate is {rate!r}, not one positive number [Hz]")
    return _waveform(list(arrays), columns, path, rate=float(rate.reshape(())))


def _first_row(head: Sequence[str], path: Path) -> tuple[int, str, int]:
    """Return the index of the first row of numbers, its delimiter and its number of columns."""
    for first, line in enumerate(head):
        delimiter = next((d for d in ("\t", ";", ",") if d in line), "")
        cells = [cell.strip(' "\r') for cell in line.split(delimiter)] if delimiter else []
        if any(cells) and all(_NUMBER.fullmatch(cell) for cell in cells):
            return first, delimiter, len(cells)
    raise FormatError(
        f"{path}: there is no row of numbers in the first {_PREAMBLE} lines; expected a header, "
        'such as "time [s],Va [V]", and rows separated by comma, semicolon or tab'
    )


def _header(lines: Sequence[str], delimiter: str, columns: int) -> list[str] | None:
    """Return the names above the numbers, with the units of a line of their own joined to them."""
    rows = [
        [cell.strip(' "\r') for cell in line.lstrip("#% ").split(delimiter)] for line in lines if line.strip()
    ]
    if not rows or len(rows[-1]) != columns:
        return None
    above = rows[-2] if len(rows) > 1 and len(rows[-2]) == columns else None
    units = [cell.strip("[]()") for cell in rows[-1]]
    if above and all(not unit or re.fullmatch(_UNIT, unit) for unit in units):
        return [f"{name} [{unit}]" for name, unit in zip(above, units, strict=True)]
    return rows[-1]


def _name_and_unit(header: str) -> tuple[str, str]:
    """Take "Va [V]", "time (ms)", "I_a/A" or "power_w" apart."""
    for pattern in (_BRACKETS, _SLASH, _SUFFIX):
        if match := pattern.fullmatch(header.strip()):
            return match[1].strip(), match[2]
    return header.strip(), ""


def _floats(values: NDArray[Any], name: str, path: Path) -> NDArray[np.float64]:
    if values.dtype.kind not in "iufb" or values.ndim != 1:
        raise FormatError(f"{path}: column {name!r} is not a row of numbers ({values.dtype}); leave it out")
    return values.astype(np.float64)


def _waveform(
    header: Sequence[str], columns: Any, path: Path, *, first_row: int = 1, rate: float | None = None
) -> Waveform:
    """Make a waveform of columns; without a rate one of them must be the time."""
    if len({len(column) for column in columns}) != 1 or not len(columns[0]):
        raise FormatError(f"{path}: the columns are empty or not equally long; export it again")
    split = [_name_and_unit(text) for text in header]
    notes = [f"read {path.name}"]
    start = 0.0
    at = None
    if rate is None:
        at = _time_column(split, path)
        factor, unit = si_unit(split[at][1])
        times = np.asarray(columns[at]) * (factor if unit == "s" else 1.0)
        rate = uniform_rate(times, str(path), first_row=first_row)
        start = float(times[0])
    # a delimiter at the end of every line makes a column of nothing
    kept = [i for i, (name, _) in enumerate(split) if i != at and (name or np.isfinite(columns[i]).any())]
    if not kept:
        raise FormatError(f"{path}: there is no column beside the time; export at least one channel")
    scales = [si_unit(split[i][1]) for i in kept]
    names = distinct(split[i][0] or f"column {i + 1}" for i in kept)
    channels = guess_channels(names, [unit for _, unit in scales])
    samples = np.stack([np.asarray(columns[i]) * factor for i, (factor, _) in zip(kept, scales, strict=True)])
    good = np.isfinite(samples)
    samples[~good] = np.nan
    whole = np.asarray(good.all(axis=0))
    bare = [c.name for c, (_, unit) in zip(channels, scales, strict=True) if c.unit != unit]
    if bare:
        notes.append(f"no unit stated, SI assumed: {', '.join(bare)}")
    return Waveform(
        samples=samples,
        channels=tuple(channels),
        rate=rate,
        start=start,
        triggered=start < 0 < start + (samples.shape[1] - 1) / rate,  # oscilloscopes count from the trigger
        valid=None if whole.all() else whole,
        history=tuple(notes),
        source=path.name,
    )


def _time_column(split: Sequence[tuple[str, str]], path: Path) -> int:
    units = [si_unit(unit)[1] for _, unit in split]
    named = [i for i, (name, _) in enumerate(split) if _TIME.fullmatch(name) and units[i] in {"", "s"}]
    if not named:
        named = [i for i, unit in enumerate(units) if unit == "s"]
    if not named:
        raise FormatError(
            f"{path}: there is no time column among {', '.join(name for name, _ in split)}; "
            'name it "time [s]", or in ms, us'
        )
    return named[0]


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:120]
