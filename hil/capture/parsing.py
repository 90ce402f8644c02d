"""What the readers of foreign files share: text, tables of numbers, and the rate behind time stamps."""

from __future__ import annotations

import io
import mmap
from typing import TYPE_CHECKING, NoReturn

import numpy as np

from hil.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from numpy.typing import NDArray

END = b"\r\n\t \x1a"
"""What may follow the last line: white space, and the end-of-file mark of DOS."""


def contents(path: Path) -> bytes:
    """Return the bytes of a file."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise FormatError(
            f"{path}: cannot be opened ({error.strerror}); check the name and the permissions"
        ) from None


def mapped(path: Path) -> bytes | mmap.mmap:
    """Return the bytes of a file without copying them."""
    try:
        with path.open("rb") as file:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError):  # an empty file cannot be mapped, nor some network drives
        return contents(path)


def decode(data: bytes) -> str:
    """Return text written in UTF-8, or else in Latin-1, which no byte can fail."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def distinct(names: Iterable[str]) -> list[str]:
    """Return the names, a repeated one with a number: "Ia", "Ia (2)"."""
    taken: set[str] = set()
    result = []
    for name in names:
        unique, count = name, 1
        while unique in taken:
            count += 1
            unique = f"{name} ({count})"
        taken.add(unique)
        result.append(unique)
    return result


def numbers(
    data: bytes, columns: int, where: str, *, first_line: int = 1, delimiter: str = ",", decimal: str = "."
) -> NDArray[np.float64]:
    """Return a table of numbers, shape (rows, columns); an empty cell is NaN.

    A row with too few or too many cells and a cell that is no number are refused by line.
    """
    import pandas as pd  # noqa: PLC0415 - half a second that most runs do not need

    data = data.rstrip(END).replace(b'"', b"")
    if not data:
        raise FormatError(f"{where}: there is not one row of numbers")
    try:
        table = pd.read_csv(
            io.BytesIO(data),
            sep=delimiter,
            decimal=decimal,
            header=None,
            dtype=np.float64,
            quoting=3,
            encoding="latin-1",
            skipinitialspace=True,
        ).to_numpy()
    except ValueError:
        _refuse(data, columns, where, first_line, delimiter, decimal)
    # pandas fills a short row with NaN and says nothing; the delimiters tell it from empty cells
    cells = data.count(delimiter.encode()) + len(table)
    if table.shape[1] != columns or cells != table.size or b"\0" in data:
        _refuse(data, columns, where, first_line, delimiter, decimal)
    return table


def _refuse(data: bytes, columns: int, where: str, first_line: int, delimiter: str, decimal: str) -> NoReturn:
    """Find the line that is wrong, and name it."""
    lines = data.decode("latin-1").split("\n")
    for number, line in enumerate(lines, first_line):
        cells = line.split(delimiter)
        if line.strip() and len(cells) != columns:
            torn = number == first_line + len(lines) - 1 and len(cells) < columns
            raise FormatError(
                f"{where}, line {number}: {len(cells)} values, expected {columns}; "
                + ("the file was cut off: copy it again" if torn else "correct or delete the line")
            )
        for cell in cells:
            try:
                float(cell.replace(decimal, ".") or "nan")
            except ValueError:
                if cell.strip():
                    raise FormatError(
                        f"{where}, line {number}: {cell.strip()[:40]!r} is not a number; correct the line"
                    ) from None
    raise FormatError(f"{where}: cannot be read as {columns} columns of numbers; export it again")


def uniform_rate(
    times: NDArray[np.float64], where: str, *, first_row: int = 1, quantum: float = 0.0
) -> float:
    """Return the rate of samples taken at these times [s], by least squares [Hz].

    A stamp may lie a quarter of a step off the grid, as one printed with few digits does, or one
    unit of its clock (`quantum` [s]) more; beyond that a sample is missing or the step varies.
    """
    n = len(times)
    if n < 2:
        raise FormatError(f"{where}: {n} time stamps give no sampling rate; at least two are needed")
    if not np.isfinite(times).all():
        row = first_row + int(np.argmin(np.isfinite(times)))
        raise FormatError(f"{where}, row {row}: there is no time stamp; a time is needed on every row")
    index = np.arange(n) - (n - 1) / 2
    centred = times - times[0]
    middle = centred.mean()
    with np.errstate(over="ignore", invalid="ignore"):  # absurd stamps are refused below
        step = float(index @ (centred - middle) / (index @ index))
        residual = centred - middle - step * index
    if not step > 0 or not np.isfinite(step):
        raise FormatError(f"{where}: time does not increase; sort the rows by time")
    if not np.abs(residual).max() <= 0.25 * step + quantum:
        steps = np.diff(times)
        row = first_row + 1 + int(np.argmax(np.abs(steps - np.median(steps))))
        raise FormatError(
            f"{where}, row {row}: time steps from {times[row - first_row - 1]:.9g} to "
            f"{times[row - first_row]:.9g} s, the usual step is {np.median(steps):.6g} s; "
            "export it with a fixed sampling rate"
        )
    plain = round(1 / step)  # stamps printed with few digits: a whole number that fits them as well
    if plain and np.ptp(centred - index / plain) <= np.ptp(residual) * 1.01 + 1e-12 * centred[-1]:
        return float(plain)
    return 1 / step
