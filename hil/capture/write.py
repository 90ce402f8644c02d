"""Write a capture, in the format that the suffix names.

CSV and Parquet carry beside the table everything that a capture says of itself: read again, they
give the same samples to the last bit, the same validity, channels, rate and time zero.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from hil.capture import metadata
from hil.capture.atomic import appearing
from hil.capture.comtrade_write import write_comtrade
from hil.capture.parsing import distinct
from hil.capture.text import OURS
from hil.errors import ConfigError, MissingExtra
from hil.waveform import blocks

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from hil.waveform import Capture, Waveform

COMTRADE: Final = (".cfg", ".cff")
SUFFIXES: Final = (".csv", ".parquet", *COMTRADE)
_ROWS: Final = 1 << 16
"""Samples written at a time; a row group of Parquet."""
_LINES: Final = 1 << 12
"""Lines of text made at a time."""


def write(
    capture: Capture,
    path: str | Path,
    progress: Callable[[float], None] = lambda _: None,
    *,
    began: datetime | None = None,
) -> Path:
    """Write a capture to .csv, .parquet, .cfg (with its .dat) or .cff, and return the path.

    `began`: when the first sample was taken, which COMTRADE alone says; None: not known, and it says 1970.
    Memory holds a block of it; `progress` is told the share that is written. A file that exists is
    never overwritten, and none appears under the name before it is whole: where the disk fills up,
    `StorageError`, and what was written is removed.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise ConfigError(
            f"{path}: cannot write {suffix or 'a file without suffix'}; choose {', '.join(SUFFIXES)}"
        )
    if not len(capture):
        raise ConfigError(f"{capture.source or 'capture'} holds no samples; there is nothing to write")
    if suffix in COMTRADE:
        return write_comtrade(capture, path, began=began, progress=progress)
    with appearing(path) as parts:
        (_write_csv if suffix == ".csv" else _write_parquet)(capture, parts[0], progress)
    return path


def _titles(capture: Capture) -> list[str]:
    """Return the names of the columns: time, channels with their units, validity."""
    names = [f"{c.name} [{c.unit}]" if c.unit else c.name for c in capture.channels]
    time, valid, *channels = distinct([metadata.TIME, metadata.VALID, *names])
    return [time, *channels, valid]


def _good(block: Waveform) -> Any:
    return np.ones(len(block), bool) if block.valid is None else block.valid


def _write_csv(capture: Capture, part: Path, progress: Callable[[float], None]) -> None:
    number = ",%.9g" if capture.part(0, 1).samples.dtype == np.float32 else ",%r"  # to the last bit
    line = f"%.15g{number * len(capture.channels)},%d\n"
    done = 0
    with part.open("w", encoding="utf-8", newline="\n") as file:
        file.write(f"{OURS}{metadata.to_text(capture)}\n")
        file.write(",".join(re.sub(r'[,;\t"\r\n]', " ", title) for title in _titles(capture)) + "\n")
        for block in blocks(capture, _ROWS):
            table = np.vstack([block.time, block.samples.astype(float), _good(block)]).T
            for first in range(0, len(table), _LINES):
                rows = table[first : first + _LINES]
                file.write(line * len(rows) % tuple(rows.ravel().tolist()))
            done += len(block)
            progress(done / len(capture))


def _write_parquet(capture: Capture, part: Path, progress: Callable[[float], None]) -> None:
    try:
        import pyarrow as pa  # noqa: PLC0415 - optional
        import pyarrow.parquet as pq  # noqa: PLC0415 - optional
    except ImportError:
        raise MissingExtra(
            'writing Parquet needs pyarrow; install it with: pip install "hil-bench[formats]"'
        ) from None
    kind = pa.from_numpy_dtype(capture.part(0, 1).samples.dtype)
    time, *channels, valid = _titles(capture)
    schema = pa.schema(
        [(time, pa.float64()), *((name, kind) for name in channels), (valid, pa.bool_())],
        metadata={metadata.KEY: metadata.to_text(capture)},
    )
    done = 0
    with pq.ParquetWriter(
        part,
        schema,
        compression="zstd",
        use_dictionary=False,
        use_byte_stream_split=[time, *channels],
        write_page_checksum=True,
    ) as file:
        for block in blocks(capture, _ROWS):
            file.write_table(pa.table([block.time, *block.samples, _good(block)], schema=schema))
            done += len(block)
            progress(done / len(capture))
