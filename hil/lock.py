"""One run at a time on one bench: two engines that command the same instruments would spoil each other."""

from __future__ import annotations

import sys
import tempfile
from hashlib import sha256
from pathlib import Path
from typing import IO

from hil.errors import HilError


def hold(bench: Path) -> IO[str]:
    """Take a bench for this computer, until the file that is returned is closed, however that happens.

    A child that inherits the file holds the bench too. Raises `HilError` where another run has it.
    """
    name = sha256(str(bench.resolve()).encode()).hexdigest()[:16]
    path = Path(tempfile.gettempdir()) / f"hil-bench-{name}.lock"
    try:
        file = path.open("a", encoding="utf-8")
    except OSError as error:
        raise HilError(f"cannot take the bench {bench}: {path}: {error.strerror}") from error
    try:
        if sys.platform == "win32":
            import msvcrt  # noqa: PLC0415 - of one platform

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl  # noqa: PLC0415 - of the other

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise HilError(
            f"the bench {bench} is in use by another run on this computer, or by its guard; "
            "wait until it has ended. Nothing was sent."
        ) from None
    return file
