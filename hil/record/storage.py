"""Writing files that are whole or not there, and JSON without NaN."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from hil.errors import FormatError, StorageError

if TYPE_CHECKING:
    from pathlib import Path


def write(path: Path, data: bytes) -> None:
    """Write a file in one go: after a crash or with a full disk it is the old one, or the new one."""
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        with suppress(OSError):  # a folder that is a file, or gone
            part.unlink()
        raise refused(path, error) from error


def refused(path: Path, error: OSError) -> StorageError:
    """Return our error for a file that could not be written."""
    return StorageError(
        f"cannot write {path}: {error.strerror or error}; free some space or choose another records folder, "
        "what was written before is intact"
    )


def to_json(name: str, value: Any) -> bytes:
    """Return JSON for a person to read; NaN and infinities are refused, what is missing is null."""
    try:
        return (json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()
    except ValueError as error:
        raise FormatError(f"{name}: {error}; a number that is missing must be None") from error


def from_json(path: Path) -> Any:
    """Return the content of a JSON file."""
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise FormatError(f"{path.parent} is not a complete record: {path.name} is missing") from error
    except OSError as error:
        raise FormatError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise FormatError(f"{path} is not JSON: {error}; `hil verify` shows what was changed") from error
