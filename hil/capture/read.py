"""Read a capture, whatever its format."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from hil.capture.blocklog import load_block_log
from hil.capture.comtrade import read_comtrade
from hil.capture.guess import apply_mapping
from hil.capture.sealed import read_sealed
from hil.capture.table import read_csv, read_npz, read_parquet
from hil.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hil.waveform import Waveform

READERS: Final[dict[str, Callable[[Path], Waveform]]] = {
    ".cfg": read_comtrade,
    ".dat": read_comtrade,
    ".cff": read_comtrade,
    ".csv": read_csv,
    ".txt": read_csv,
    ".parquet": read_parquet,
    ".npz": read_npz,
    ".h5": read_sealed,
    ".blk": lambda path: load_block_log(path)[0],
}


def read(path: str | Path, mapping: Mapping[str, str] | None = None) -> Waveform:
    """Return the waveform in a file, by its suffix; `mapping` tells roles, such as {"va": "CH1"}."""
    path = Path(path)
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise FormatError(
            f"{path}: no reader for {path.suffix or 'a file without suffix'}; known are {', '.join(READERS)}"
        )
    if not path.is_file():
        raise FormatError(f"{path}: there is no such file; check the name")
    waveform = reader(path)
    return apply_mapping(waveform, mapping) if mapping else waveform
