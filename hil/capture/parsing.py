"""What the readers of foreign files share: text, tables of numbers, and the rate behind time stamps."""

from __future__ import annotations

import io
import mmap
import re
from typing import TYPE_CHECKING, Any, BinaryIO, Final, NoReturn

import numpy as np

from hil import jit
from hil.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from numpy.typing import DTypeLike, NDArray

END = b"\r\n\t \x1a"
"""What may follow the last line: white space, and the end-of-file mark of DOS."""
_LARGE: Final = 1 << 20
"""Bytes of text from which on loading the compiled parser pays."""
_HIGH: Final = re.compile(rb"[\x80-\xff]+")


def opened(path: Path) -> BinaryIO:
    """Return a file, open to be read."""
    try:
        return path.open("rb")
    except OSError as error:
        raise FormatError(
            f"{path}: cannot be opened ({error.strerror}); check the name and the permissions"
        ) from None


def contents(path: Path) -> bytes:
    """Return the bytes of a file."""
    with opened(path) as file:
        return file.read()


def items(file: BinaryIO, dtype: DTypeLike, count: int, offset: int) -> NDArray[Any]:
    """Return so many items that lie in a file from a byte on.

    Read, not mapped: a file that shrinks meanwhile is an error then, and not the end of the process.
    """
    try:
        file.seek(offset)
        found = np.fromfile(file, dtype, count)
    except OSError as error:
        raise FormatError(f"{file.name}: cannot be read ({error.strerror}); copy it again") from None
    if len(found) != count:
        raise FormatError(f"{file.name}: has been cut off while it was read; copy it again")
    return found


def mapped(path: Path) -> bytes | mmap.mmap:
    """Return the bytes of a file without copying them."""
    try:
        with path.open("rb") as file:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError):  # an empty file cannot be mapped, nor some network drives
        return contents(path)


def decode(data: bytes) -> str:
    """Return text in UTF-8, or else in the code page that it looks like; Latin-1, which no byte can fail."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    high = _HIGH.findall(data)
    if all(len(run) % 2 == 0 for run in high):  # every Chinese character has two high bytes
        try:
            data.decode("gb2312")
            return data.decode("gb18030")
        except UnicodeDecodeError:
            pass
    # words of Cyrillic are of high bytes throughout; an accent or a degree sign stands alone
    cyrillic = [run for run in high if len(run) > 2 and min(run) >= 0xA8]
    if sum(map(len, cyrillic)) * 2 > sum(map(len, high)):
        return data.decode("cp1251", "replace")
    return data.decode("latin-1")


def one_line(error: BaseException) -> str:
    """Return what a library says of a damaged file, short enough for a message of ours."""
    return " ".join(str(error).split())[:120] or type(error).__name__


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
    data = data.rstrip(END).replace(b'"', b"")
    if not data:
        raise FormatError(f"{where}: there is not one row of numbers")
    if len(data) >= _LARGE and (found := _plain(data, columns, delimiter, decimal)) is not None:
        return found
    import pandas as pd  # noqa: PLC0415 - half a second that most runs do not need

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


def _plain(data: bytes, columns: int, delimiter: str, decimal: str) -> NDArray[np.float64] | None:
    """Return a table of plain numbers; None where it is not that, or where numba is missing."""
    rows = data.count(b"\n") + 1
    if not jit.COMPILED or rows * columns > len(data) + columns:  # a cell takes a byte
        return None
    from hil.capture import parsing_kernel  # noqa: PLC0415 - numba takes its time

    table = np.empty((rows, columns))
    count = parsing_kernel.fill(np.frombuffer(data, np.uint8), ord(delimiter), ord(decimal), table)
    return table[:count] if count > 0 else None


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


def streamed_rate(
    pieces: Callable[[], Iterable[NDArray[np.float64]]],
    n: int,
    where: str,
    *,
    first_row: int = 1,
    quantum: float = 0.0,
) -> float:
    """Return the rate of n samples taken at these times [s], by least squares [Hz].

    `pieces` gives the times anew at each call. A stamp may lie a quarter of a step off the grid, as
    one printed with few digits does, or one unit of its clock (`quantum` [s]) more; beyond that a
    sample is missing or the step varies.
    """
    if n < 2:
        raise FormatError(f"{where}: {n} time stamps give no sampling rate; at least two are needed")
    begin, total, moment, at = np.nan, 0.0, 0.0, 0
    with np.errstate(over="ignore", invalid="ignore"):  # absurd stamps are refused below
        for times in pieces():
            if not np.isfinite(times).all():
                row = first_row + at + int(np.argmin(np.isfinite(times)))
                raise FormatError(
                    f"{where}, row {row}: there is no time stamp; a time is needed on every row"
                )
            begin = begin if at else float(times[0])
            index = np.arange(at, at + len(times)) - (n - 1) / 2
            total += float((times - begin).sum())
            moment += float(index @ (times - begin))
            at += len(times)
        step = moment / (n * (n * n - 1) / 12)
    if not step > 0 or not np.isfinite(step):
        raise FormatError(f"{where}: time does not increase; sort the rows by time")
    plain = round(1 / step)  # stamps printed with few digits: a whole number that fits them as well
    low, high = _off_grid(pieces, begin, step)
    middle = total / n - step * (n - 1) / 2
    if not max(high - middle, middle - low) <= 0.25 * step + quantum:
        raise _uneven(pieces, where, first_row)
    if plain:
        lowest, highest = _off_grid(pieces, begin, 1 / plain)
        if highest - lowest <= (high - low) * 1.01 + 1e-12 * step * n:
            return float(plain)
    return 1 / step


def _off_grid(
    pieces: Callable[[], Iterable[NDArray[np.float64]]], begin: float, step: float
) -> tuple[float, float]:
    """Return the least and the greatest distance of times from a grid."""
    low, high, at = np.inf, -np.inf, 0
    for times in pieces():
        distance = times - begin - np.arange(at, at + len(times)) * step
        low, high, at = min(low, float(distance.min())), max(high, float(distance.max())), at + len(times)
    return low, high


def _uneven(pieces: Callable[[], Iterable[NDArray[np.float64]]], where: str, first_row: int) -> FormatError:
    """Name the row with the strangest step."""
    usual, worst, before, at, found = 0.0, -1.0, np.empty(0), 0, (0, 0.0, 0.0)
    for times in pieces():
        joined = np.concatenate([before, times])
        steps = np.diff(joined)
        if steps.size:
            usual = usual or float(np.median(steps))
            i = int(np.argmax(np.abs(steps - usual)))
            if abs(steps[i] - usual) > worst:
                worst = float(abs(steps[i] - usual))
                found = (at - len(before) + i + 1, float(joined[i]), float(joined[i + 1]))
        before, at = times[-1:], at + len(times)
    return FormatError(
        f"{where}, row {first_row + found[0]}: time steps from {found[1]:.9g} to {found[2]:.9g} s, "
        f"the usual step is {usual:.6g} s; export it with a fixed sampling rate"
    )
