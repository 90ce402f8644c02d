"""CSV: what laboratories export, of any size, and what `hil capture convert` writes."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Final

import numpy as np

from hil.capture import metadata
from hil.capture.parsing import decode, numbers, opened
from hil.capture.spool import Spool
from hil.capture.table import UNIT, name_and_unit, open_table
from hil.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from typing import BinaryIO

    from numpy.typing import NDArray

    from hil.capture.lazy import LazyCapture

OURS: Final = f"# {metadata.KEY} "
"""How the first line of a file of ours begins."""
_NUMBER: Final = re.compile(r"[+-]?(\d+[.,]?\d*|[.,]\d+)(e[+-]?\d+)?|nan|", re.IGNORECASE)
_PREAMBLE: Final = 100
"""Lines that may stand before the header, as oscilloscopes write them."""
_HEAD: Final = 1 << 20
"""Bytes that these may take."""
_PIECE: Final = 1 << 21
"""Bytes parsed at a time, and the longest line."""


def open_csv(path: Path) -> LazyCapture:
    """Return a table of text: delimiter ",", ";" or tab, decimal point or comma, a header with units.

    The numbers lie in a temporary file as long as the capture lives.
    """
    with opened(path) as file:
        return _open(path, file)


def _open(path: Path, file: BinaryIO) -> LazyCapture:
    raw = file.read(_HEAD).split(b"\n")[:_PREAMBLE]
    head = decode(b"\n".join(raw)).split("\n")
    first, delimiter, columns = _first_row(head, path)
    header = _header(head[:first], delimiter, columns)
    if header is None:
        raise FormatError(
            f"{path}, line {first + 1}: {columns} columns of numbers without a header above "
            'them; add one, such as "time [s],Va [V]"'
        )
    file.seek(sum(len(line) + 1 for line in raw[:first]))
    ours = None
    if head[0].startswith(OURS):
        ours = metadata.from_text(head[0].removeprefix(OURS), f"{path}, line 1")
        if columns != len(ours.channels) + 2:
            raise FormatError(f"{path}: {columns} columns, line 1 tells of {len(ours.channels)} channels")
    store = Spool(columns, str(path))
    line = first + 1
    decimal = None
    for piece in _pieces(file, path):
        decimal = decimal or ("," if delimiter != "," and b"," in piece and b"." not in piece else ".")
        if ours is not None:
            store.append(_exact(piece, columns, path, line))
        elif piece.strip():
            rows = numbers(piece, columns, str(path), first_line=line, delimiter=delimiter, decimal=decimal)
            store.append(rows)
        line += piece.count(b"\n")
    if ours is None:

        def some(first: int, last: int, wanted: Sequence[int]) -> NDArray[np.float64]:
            return np.ascontiguousarray(store.rows(first, last).T[list(wanted)])

        titles = [name_and_unit(text) for text in header]
        return open_table(titles, len(store), some, path, first_row=first + 1)
    if len(store) != ours.samples:
        raise FormatError(
            f"{path}: {len(store)} samples, line 1 tells of {ours.samples}; "
            "it was cut off or edited: write it again"
        )
    return ours.capture(
        path,
        lambda first, last: np.ascontiguousarray(store.rows(first, last)[:, 1:-1].T),
        lambda first, last: store.rows(first, last)[:, -1] == 1,
    )


def _pieces(file: BinaryIO, path: Path) -> Iterator[bytes]:
    """Yield the rest of a file in pieces of whole lines."""
    rest = b""
    while piece := file.read(_PIECE):
        cut = piece.rfind(b"\n") + 1
        if not cut and len(rest) > _PIECE:
            raise FormatError(f"{path}: a line is longer than {_PIECE} bytes; it is not a table of text")
        if cut:
            yield rest + piece[:cut]
            rest = piece[cut:]
        else:
            rest += piece
    if rest:
        yield rest


def _exact(piece: bytes, columns: int, path: Path, line: int) -> NDArray[np.float64]:
    """Return the rows of a file of ours, each number as it was to the last bit."""
    try:
        table = np.loadtxt(io.BytesIO(piece), delimiter=",", comments=None, ndmin=2)  # pandas may round
    except ValueError:
        table = np.empty((0, 1))
    if table.shape[1] != columns or not np.isin(table[:, -1], (0, 1)).all():
        numbers(piece, columns, str(path), first_line=line)  # which says in what line
        raise FormatError(f'{path}, from line {line}: "{metadata.VALID}" is neither 0 nor 1; write it again')
    return table


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
    if above and all(not unit or re.fullmatch(UNIT, unit) for unit in units):
        return [f"{name} [{unit}]" for name, unit in zip(above, units, strict=True)]
    return rows[-1]
