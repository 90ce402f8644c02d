"""NumPy archives: one array per column, or a number `rate` in place of the time."""

from __future__ import annotations

import zipfile
import zlib
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from hil.capture.parsing import items, one_line, opened
from hil.capture.table import name_and_unit, open_table
from hil.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from hil.capture.lazy import LazyCapture

    Column = Callable[[int, int], NDArray[Any]]

_TORN: Final = (
    zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, KeyError, TypeError, RuntimeError,
    OverflowError, MemoryError, SyntaxError, NotImplementedError, AttributeError, IndexError,
)  # fmt: skip
"""What zipfile and numpy raise on a damaged archive."""
_LOCAL: Final = 30
"""Bytes of the header that stands before a member in a ZIP file, its name and extra field aside."""


def open_npz(path: Path) -> LazyCapture:
    """Return a NumPy archive; what `savez_compressed` wrote is held in memory, else nothing is."""
    try:
        with zipfile.ZipFile(path) as archive:
            if damaged := archive.testzip():  # else a flipped bit would be a sample
                raise zipfile.BadZipFile(f"{damaged} has another checksum")
            columns = {
                member.filename.removesuffix(".npy"): _column(path, archive, member)
                for member in archive.infolist()
            }
    except _TORN as error:
        raise FormatError(f"{path}: is not a whole NumPy archive of arrays ({one_line(error)})") from None
    rate = _rate(columns.pop("rate", None), path)
    for name, (shape, dtype, _) in columns.items():
        if dtype.kind not in "iufb" or len(shape) != 1:
            raise FormatError(
                f"{path}: column {name!r} is not a row of numbers ({dtype} of shape {shape}); leave it out"
            )
    lengths = {shape[0] for shape, _, _ in columns.values()}
    if len(lengths) != 1:
        raise FormatError(f"{path}: the columns are empty or not equally long; export it again")
    loaders = [column for _, _, column in columns.values()]

    def load(first: int, last: int, wanted: Sequence[int]) -> NDArray[np.float64]:
        return np.array([loaders[i](first, last) for i in wanted], float)

    return open_table([name_and_unit(name) for name in columns], lengths.pop(), load, path, rate=rate)


def _column(
    path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo
) -> tuple[tuple[int, ...], np.dtype[Any], Column]:
    """Return shape and type of an array, and what reads a part of it."""
    with archive.open(member) as file:
        version = np.lib.format.read_magic(file)
        read_header = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }.get(version)
        if read_header is None:
            raise ValueError(f"{member.filename} has version {version}")
        shape, _, dtype = read_header(file)
        head = file.tell()
        if dtype.hasobject or head + int(np.prod(shape, dtype=object)) * dtype.itemsize != member.file_size:
            raise ValueError(f"{member.filename} holds {member.file_size} bytes for {shape} of {dtype}")
        if member.compress_type != zipfile.ZIP_STORED or len(shape) != 1:
            array = np.frombuffer(file.read(), dtype)
            return shape, dtype, lambda first, last: array[first:last]
    with path.open("rb") as raw:
        raw.seek(member.header_offset)
        local = raw.read(_LOCAL)
    name, extra = (int.from_bytes(local[at : at + 2], "little") for at in (26, 28))
    begin = member.header_offset + _LOCAL + name + extra + head

    def part(first: int, last: int) -> NDArray[Any]:
        with opened(path) as file:
            return items(file, dtype, min(last, shape[0]) - first, begin + first * dtype.itemsize)

    return shape, dtype, part


def _rate(column: tuple[tuple[int, ...], np.dtype[Any], Column] | None, path: Path) -> float | None:
    if column is None:
        return None
    shape, dtype, load = column
    value = load(0, 2)
    if value.size != 1 or dtype.kind not in "iuf" or not 0 < float(value[0]) < np.inf:
        raise FormatError(f"{path}: rate is {value!r} of shape {shape}, not one positive number [Hz]")
    return float(value[0])
