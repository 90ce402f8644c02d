"""Files that appear whole, or not at all."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from hil.capture.parsing import one_line
from hil.errors import HilError, StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def refuse_existing(target: Path) -> None:
    """Raise `StorageError` where the name is taken."""
    if os.path.lexists(target):
        raise StorageError(f"{target}: already exists; a capture is never overwritten, choose another name")


@contextmanager
def appearing(*targets: Path) -> Iterator[list[Path]]:
    """Give a name to write each of the targets under; on the disk and whole, they get their own.

    The last one to appear is the last that is named. Whatever goes wrong, nothing is left behind.
    """
    for target in targets:
        refuse_existing(target)
    parts = [target.with_name(target.name + ".part") for target in targets]
    placed: list[Path] = []
    try:
        yield parts
        for part in parts:
            with part.open("r+b") as file:
                os.fsync(file.fileno())
        for part, target in zip(parts, targets, strict=True):
            part.replace(target)
            placed.append(target)
    except BaseException as error:
        for name in (*parts, *placed):
            with suppress(OSError):
                name.unlink()
        if isinstance(error, OSError) and not isinstance(error, HilError):
            raise StorageError(
                f"{targets[-1]}: writing failed ({error.strerror or one_line(error)}); nothing is left "
                "of it: free the disk, or choose another folder"
            ) from None
        raise
