"""Parquet: tables of laboratories, and what `hil capture convert` writes; needs pyarrow."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from hil.capture import metadata
from hil.capture.parsing import one_line
from hil.capture.spool import Spool
from hil.capture.table import name_and_unit, open_table
from hil.errors import FormatError, MissingExtra, StorageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from hil.capture.lazy import LazyCapture

_GROUP: Final = 1 << 25
"""Bytes that a row group may hold to be unpacked as a whole, whenever a part of it is asked for."""
_BATCH: Final = 1 << 16
"""Rows unpacked at a time of a larger one."""


def open_parquet(path: Path) -> LazyCapture:
    """Return a Parquet table: its row groups when asked for, or large ones from a temporary file."""
    try:
        import pyarrow as pa  # noqa: PLC0415 - optional
        import pyarrow.parquet as pq  # noqa: PLC0415 - optional
    except ImportError:
        raise MissingExtra(
            f'{path}: Parquet needs pyarrow; install it with: pip install "hil-bench[formats]"'
        ) from None
    broken = (pa.ArrowException, OSError, ValueError, OverflowError, MemoryError)
    try:
        file = pq.ParquetFile(path, pre_buffer=False, buffer_size=1 << 20, page_checksum_verification=True)
        groups = [file.metadata.row_group(i).num_rows for i in range(file.metadata.num_row_groups)]
        names, kinds = file.schema_arrow.names, file.schema_arrow.types
        text = (file.schema_arrow.metadata or {}).get(metadata.KEY.encode())
    except broken as error:
        raise _broken(path, error) from None
    for name, kind in zip(names, kinds, strict=True):
        if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)):
            raise FormatError(f"{path}: column {name!r} is not a row of numbers ({kind}); leave it out")

    def unpack(batch: Any) -> NDArray[np.float64]:
        """Return a table as an array of shape (columns, rows); a null is NaN."""
        columns = [c.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False) for c in batch.columns]
        return np.array(columns, float).reshape(len(columns), -1)

    ends = list(accumulate(groups))
    if not ends or not ends[-1]:
        raise FormatError(f"{path}: there is not one row of numbers; export it again")
    held: dict[int, NDArray[np.float64]] = {}  # the row group read last

    def group(i: int) -> NDArray[np.float64]:
        if i not in held:
            held.clear()
            try:
                held[i] = unpack(file.read_row_group(i))
            except broken as error:
                raise _broken(path, error) from None
            if held[i].shape != (len(names), groups[i]):
                raise _broken(path, ValueError(f"row group {i} has {held[i].shape[-1]} rows"))
        return held[i]

    def load(first: int, last: int, wanted: Sequence[int]) -> NDArray[np.float64]:
        pieces = []
        i = bisect_right(ends, first)
        while first < last:
            begin = ends[i] - groups[i]
            pieces.append(group(i)[list(wanted), first - begin : last - begin])
            first = ends[i]
            i += 1
        return np.concatenate(pieces, axis=1)

    if max(groups) * len(names) * 8 > _GROUP:
        store = Spool(len(names), str(path))
        try:
            for batch in file.iter_batches(_BATCH, use_threads=False):
                store.append(unpack(batch).T)
        except StorageError:  # an OSError as well, and not the file's fault
            raise
        except broken as error:
            raise _broken(path, error) from None
        if len(store) != ends[-1]:
            raise _broken(path, ValueError(f"{len(store)} rows of {ends[-1]}"))

        def load(first: int, last: int, wanted: Sequence[int]) -> NDArray[np.float64]:
            return np.ascontiguousarray(store.rows(first, last).T[list(wanted)])

    if text is None:
        return open_table([name_and_unit(name) for name in names], ends[-1], load, path)
    ours = metadata.from_text(text, path)
    if len(names) != len(ours.channels) + 2 or ends[-1] != ours.samples:
        raise FormatError(
            f"{path}: {len(names)} columns of {ends[-1]} rows, it tells of {len(ours.channels)} channels "
            f"of {ours.samples} samples; write it again"
        )
    channels = range(1, len(names) - 1)
    return ours.capture(
        path,
        lambda first, last: load(first, last, channels),
        lambda first, last: load(first, last, [len(names) - 1])[0] == 1,
    )


def _broken(path: Path, error: BaseException) -> FormatError:
    return FormatError(f"{path}: is not a whole Parquet file ({one_line(error)}); copy it again")
