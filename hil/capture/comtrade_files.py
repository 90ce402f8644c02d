"""Where a COMTRADE record lies on disk, and the rows of its data, binary or text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from hil.capture.comtrade_cfg import Config, parse_cfg
from hil.capture.comtrade_data import CODES, Rows, row_type
from hil.capture.parsing import END, contents, decode, items, mapped, numbers, opened
from hil.errors import FormatError

if TYPE_CHECKING:
    import mmap
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

_SECTION: Final = re.compile(
    rb"^-{2,}[ ]*file type[ :]*(\w+)(?:[ ]+(\w+))?[ ]*(?::[ ]*(\d{1,15}))?[ ]*-{2,}[ \t]*\r?\n?",
    re.IGNORECASE | re.MULTILINE,
)
_TEXT: Final = 1 << 21
"""Bytes of ASCII data taken at a time."""


@dataclass(frozen=True)
class Data:
    """Where the data of a record lie."""

    path: Path
    offset: int
    size: int
    """[bytes]"""
    where: str

    def head(self) -> bytes:
        """Return the first of them."""
        with opened(self.path) as file:
            file.seek(self.offset)
            return file.read(min(4096, self.size))


def find_record(path: Path) -> tuple[Config, Data]:
    """Return what the configuration says, and where the data are."""
    if path.suffix.lower() == ".cff":
        cfg, offset, size = _split(mapped(path), str(path))
        return parse_cfg(decode(cfg), f"{path}, CFG section"), Data(
            path, offset, size, f"{path}, DAT section"
        )
    cfg_path, dat_path = _partner(path, ".cfg"), _partner(path, ".dat")
    config = parse_cfg(decode(contents(cfg_path)), str(cfg_path))
    try:
        size = dat_path.stat().st_size
    except OSError as error:
        raise FormatError(f"{dat_path}: cannot be opened ({error.strerror}); check the permissions") from None
    return config, Data(dat_path, 0, size, str(dat_path))


def _partner(path: Path, suffix: str) -> Path:
    """Return the .cfg or .dat of a record: the same name, in upper or lower case."""
    if path.suffix.lower() == suffix:
        return path
    name = (path.stem + suffix).lower()
    found = [p for p in path.parent.iterdir() if p.name.lower() == name]
    if not found:
        raise FormatError(f"{path}: there is no {path.stem}{suffix} beside it; copy both files")
    return min(found, key=lambda p: (p.stem != path.stem, p.name))


def _split(data: bytes | mmap.mmap, where: str) -> tuple[bytes, int, int]:
    """Return the CFG section of a combined file, and begin and length of its DAT section."""
    cfg: bytes | None = None
    at = 0
    while match := _SECTION.search(data, at):
        name, at = match[1].upper(), match.end()
        if name == b"DAT":
            if cfg is None:
                break
            rest = len(data) - at
            return cfg, at, rest if not match[3] else min(int(match[3]), rest)
        following = _SECTION.search(data, at)
        if name == b"CFG":
            cfg = data[at : following.start() if following else len(data)]
    missing = "CFG" if cfg is None else "DAT"
    raise FormatError(f"{where}: there is no {missing} section before the data; export the file again")


def text_rows(config: Config, data: Data, *, spool: bool) -> Rows:
    """Return the rows of ASCII data: parsed into memory, or into a temporary file."""
    if b"\0" in data.head():
        raise FormatError(
            f"{data.where}: holds binary data, the cfg says ASCII; correct the file type in the cfg"
        )
    row = row_type("ASCII", len(config.analogs), len(config.digitals))
    columns = row.itemsize // 8
    found = 0
    if spool:
        from hil.capture.spool import Spool  # noqa: PLC0415 - only text needs it

        store = Spool(columns, data.where)
        for part in _tables(data, columns):
            store.append(part)
        found = len(store)
    else:  # a cell takes a byte, so that an absurd count takes no memory
        table = np.empty((min(config.count, data.size // columns + 1), columns))
        for part in _tables(data, columns):
            table[found : found + len(part)] = part[: max(len(table) - found, 0)]
            found += len(part)
    if found != config.count:
        raise FormatError(
            f"{data.where}: {found} samples, the cfg announces {config.count}; "
            + (
                f"it was cut off: copy it again, or state {found} as the last sample in the cfg"
                if found < config.count
                else "the files do not belong together"
            )
        )
    if spool:
        return lambda first, last: store.rows(first, last).view(row)[:, 0]
    rows = table.view(row)[:, 0]
    return lambda first, last: rows[first:last]


def _tables(data: Data, columns: int) -> Iterator[NDArray[np.float64]]:
    """Yield the numbers of ASCII data, shape (rows, columns), some whole lines at a time."""
    line, rest = 1, data.size
    with opened(data.path) as file:
        file.seek(data.offset)
        while rest > 0:
            text = file.read(min(_TEXT, rest))
            text += file.readline(max(rest - len(text), 0)) if rest > len(text) else b""
            rest = rest - len(text) if text else 0
            if rest or line == 1 or text.strip(END):
                yield numbers(text, columns, data.where, first_line=line)
            line += text.count(b"\n")


def binary_rows(config: Config, data: Data) -> Rows:
    """Return the rows of binary data, read from the file when asked for."""
    row = row_type(config.kind, len(config.analogs), len(config.digitals))
    if data.size != config.count * row.itemsize:
        raise FormatError(f"{data.where}: {_length_defect(config, data, row.itemsize)}")

    def rows(first: int, last: int) -> NDArray[Any]:
        with opened(data.path) as file:
            return items(file, row, last - first, data.offset + first * row.itemsize)

    return rows


def _length_defect(config: Config, data: Data, size: int) -> str:
    """Say why the data have the wrong length."""
    na, nd, kind = len(config.analogs), len(config.digitals), config.kind
    if data.size and not data.head()[:512].strip(b"0123456789+-.,eE \t\r\n"):
        return f"holds text, the cfg says {kind}; correct the file type in the cfg to ASCII"
    others = [
        k
        for k in CODES
        if k not in {kind, "ASCII"} and data.size == config.count * row_type(k, na, nd).itemsize
    ]
    if others:
        return (
            f"has the length of {' or '.join(others)}, the cfg says {kind}; correct the file type in the cfg"
        )
    whole = data.size // size
    if whole < config.count:
        return (
            f"ends in sample {whole + 1}: {whole} whole samples of {config.count} "
            f"({data.size} bytes of {config.count * size}); it was cut off: copy it again"
            + (
                f", or cut the data to {whole * size} bytes and state {whole} as the last sample"
                if whole
                else ""
            )
        )
    return (
        f"holds {data.size} bytes, {config.count} samples of {size} bytes are announced; "
        "cfg and data do not belong together"
    )
