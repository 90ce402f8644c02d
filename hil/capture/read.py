"""Read a capture, whatever its format."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from hil.capture.blocklog import open_block_log
from hil.capture.comtrade import open_comtrade, read_comtrade
from hil.capture.guess import apply_mapping
from hil.capture.mdf import open_mdf
from hil.capture.npz import open_npz
from hil.capture.parquet import open_parquet
from hil.capture.sealed import open_sealed
from hil.capture.tdms import open_tdms
from hil.capture.text import open_csv
from hil.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hil.waveform import Capture, Waveform

READERS: Final[dict[str, Callable[[Path], Capture]]] = {
    ".cfg": open_comtrade,
    ".dat": open_comtrade,
    ".cff": open_comtrade,
    ".csv": open_csv,
    ".txt": open_csv,
    ".parquet": open_parquet,
    ".npz": open_npz,
    ".tdms": open_tdms,
    ".mf4": open_mdf,
    ".mdf": open_mdf,
    ".h5": open_sealed,
    ".blk": open_block_log,
}
COMTRADE: Final = (".cfg", ".dat", ".cff")


def open_capture(path: str | Path, mapping: Mapping[str, str] | None = None) -> Capture:
    """Return the capture in a file, by its suffix; its samples are read when a part is asked for.

    Memory holds the part, and little more, however large the file is. `mapping` tells roles, such
    as {"va": "CH1"}. Of several captures in one file `file.tdms#Group`, `file.mf4#2` (a channel
    group) or `file.cfg#2` (a section of one rate) names one. Raises `FormatError` where the file is
    not what it claims to be.
    """
    capture = _open(*_find(Path(path)))
    return apply_mapping(capture, mapping) if mapping else capture


def read(path: str | Path, mapping: Mapping[str, str] | None = None) -> Waveform:
    """Return the whole of a capture in memory."""
    path, part = _find(Path(path))
    capture: Capture
    if path.suffix.lower() in COMTRADE:  # which is faster than piece by piece
        capture = read_comtrade(path, _section(path, part))
    else:
        capture = _open(path, part)
    capture = apply_mapping(capture, mapping) if mapping else capture
    try:
        return capture.part(0, len(capture))
    except MemoryError:
        size = f"{len(capture.channels)} channels of {len(capture)} samples"
        raise FormatError(f"{path}: {size} do not fit into memory; take a part of them") from None


def _find(path: Path) -> tuple[Path, str | None]:
    """Return the file, and which of the captures in it is meant."""
    part = None
    if "#" in path.name and not _is_file(path):
        name, _, part = path.name.partition("#")
        path = path.with_name(name)
    found = _is_file(path)
    if not found and not path.suffix:
        raise FormatError(f"{path}: there is no such file or folder; check the name")
    if path.suffix.lower() not in READERS:
        raise FormatError(
            f"{path}: no reader for {path.suffix or 'a file without suffix'}; known are {', '.join(READERS)}"
        )
    if not found:
        raise FormatError(f"{path}: there is no such file; check the name")
    return path, part


def _is_file(path: Path) -> bool:
    try:
        if path.is_dir():
            raise FormatError(f"{path}: is a folder; name a file in it")
        return path.is_file()
    except OSError as error:  # a name that is too long, a folder that must not be looked into
        raise FormatError(f"{path}: cannot be opened ({error.strerror}); check the name") from None


def _open(path: Path, part: str | None) -> Capture:
    suffix = path.suffix.lower()
    if part is None:
        return READERS[suffix](path)
    if suffix in COMTRADE:
        return open_comtrade(path, _section(path, part))
    if suffix == ".tdms":
        return open_tdms(path, part)
    if suffix in {".mf4", ".mdf"}:
        return open_mdf(path, part)
    raise FormatError(f"{path}: holds one capture; leave out #{part}")


def _section(path: Path, part: str | None) -> int | None:
    if part is not None and not part.isdecimal():
        raise FormatError(f"{path}#{part}: a section has a number, such as {path.name}#2")
    return None if part is None else int(part)
