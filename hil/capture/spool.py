"""Samples too many for memory that come in one go, as of a text file, set down in a temporary file."""

from __future__ import annotations

import tempfile
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from weakref import finalize

import numpy as np

from hil.errors import StorageError

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray


class Spool:
    """Rows of numbers in a temporary file, which is gone with the object."""

    def __init__(self, columns: int, where: str, dtype: DTypeLike = np.float64) -> None:
        self.columns = columns
        self.dtype = np.dtype(dtype)
        self._where = where
        self._rows = 0
        self._lock = threading.Lock()
        try:
            self._file = tempfile.TemporaryFile(prefix="hil-")  # noqa: SIM115 - closed with the object
        except OSError as error:
            raise self._failed(error) from None
        finalize(self, self._file.close)

    def __len__(self) -> int:
        """Return the number of rows."""
        return self._rows

    def append(self, rows: NDArray[Any]) -> None:
        """Add rows, shape (n, columns)."""
        try:
            self._file.write(np.ascontiguousarray(rows, self.dtype).data)
            self._file.flush()  # else a full disk would be noticed by whoever reads
        except OSError as error:
            with suppress(OSError):
                self._file.close()
            raise self._failed(error) from None
        self._rows += len(rows)

    def rows(self, first: int, last: int) -> NDArray[Any]:
        """Return the rows first .. last - 1, shape (last - first, columns)."""
        rows = np.empty((last - first, self.columns), self.dtype)
        with self._lock:  # threads share the one position in the file
            self._file.seek(first * self.columns * self.dtype.itemsize)
            self._file.readinto(rows.data.cast("B"))
        return rows

    def _failed(self, error: OSError) -> StorageError:
        return StorageError(
            f"{self._where}: cannot be unpacked into the folder for temporary files, "
            f"{tempfile.gettempdir()} ({error.strerror}); free that disk, or set TMPDIR to another"
        )
