"""Profiles in files: CSV under lines of `# key: value`, or Parquet with the same words; exact both ways."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from hil.capture.atomic import appearing
from hil.errors import ConfigError, FormatError, MissingExtra
from hil.profiles.profile import Profile

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

FIRST: Final = "# hil profile: 1"
"""First line of our own files."""
_LINE: Final = re.compile(r"#\s*([a-z]+):\s?(.*)")
_KEY: Final = "hil profile"  # of Parquet's metadata
_KNOWN: Final = {"title", "source", "license", "unit", "between", "bandwidth", "sampling", "history"}


def write(profile: Profile, path: Path) -> None:
    """Write a profile; the suffix decides the format. An existing file is refused."""
    if path.suffix.lower() not in {".csv", ".parquet"}:
        raise ConfigError(f"{path}: a profile is written as .csv or .parquet")
    if path.exists():
        raise ConfigError(
            f"{path}: already exists, and is not overwritten; choose another name with --output"
        )
    with appearing(path) as (part,):
        if path.suffix.lower() == ".parquet":
            _write_parquet(profile, part)
            return
        words = profile.described().items()
        with part.open("w", encoding="utf-8", newline="\n") as file:
            file.write(FIRST + "\n")
            file.writelines(f"# {key}: {value}\n" for key, value in words if value)
            file.writelines(f"# history: {step}\n" for step in profile.history)
            file.write(f"time [s],power [{profile.unit}]\n")
            points = zip(profile.time.tolist(), profile.power.tolist(), strict=True)
            file.writelines(f"{time!r},{power!r}\n" for time, power in points)  # repr is exact


def read(path: Path) -> Profile:
    """Return a profile that was written here; anything else is refused, and `hil profile import` takes it."""
    if path.suffix.lower() == ".parquet":
        return _read_parquet(path)
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise FormatError(f"{path}: cannot be opened ({error.strerror}); check the name") from None
    except UnicodeDecodeError:
        raise FormatError(f"{path}: is not a profile; import it: hil profile import {path}") from None
    if not lines or lines[0].strip() != FIRST:
        raise FormatError(f"{path}, line 1: is not a profile; import it: hil profile import {path}")
    head = next((n for n, line in enumerate(lines) if not line.startswith("#")), len(lines))
    words, history = _words(lines[1:head], path)
    try:
        points = np.array([_numbers(line, path, n) for n, line in enumerate(lines[head + 1 :], head + 2)])
    except IndexError:
        raise FormatError(f"{path}: has no points") from None
    if points.size == 0:
        raise FormatError(f"{path}: has no points")
    expected = f"time [s],power [{words.get('unit')}]"
    if "unit" in words and lines[head].strip() != expected:
        raise FormatError(f"{path}, line {head + 1}: {lines[head]!r}, expected {expected!r}")
    return _profile(points[:, 0].copy(), points[:, 1].copy(), words, history, path)


def is_ours(path: Path) -> bool:
    """Say whether a file is one of `write`."""
    if path.suffix.lower() == ".parquet":
        return _KEY.encode() in (parquet_file(path).schema_arrow.metadata or {})
    with path.open("rb") as file:
        return file.readline(80).decode("latin-1").strip() == FIRST


def _numbers(line: str, path: Path, number: int) -> tuple[float, float]:
    time, _, power = line.partition(",")
    try:
        return float(time), float(power)
    except ValueError:
        raise FormatError(f"{path}, line {number}: {line!r} is not a time and a power") from None


def _words(lines: Sequence[str], path: Path) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return the header's words, and its lines of history."""
    words: dict[str, str] = {}
    history = []
    for number, line in enumerate(lines, start=2):
        match = _LINE.fullmatch(line.strip())
        if match is None or match[1] not in _KNOWN or match[1] in words:
            known = ", ".join(sorted(_KNOWN))
            raise FormatError(f"{path}, line {number}: {line!r}; expected '# key: value', once, with {known}")
        if match[1] == "history":
            history.append(match[2])
        else:
            words[match[1]] = match[2]
    return words, tuple(history)


def _profile(time: Any, power: Any, words: dict[str, str], history: tuple[str, ...], path: Path) -> Profile:
    try:
        bandwidth = float(words["bandwidth"].removesuffix("Hz"))
        held = {"held": True, "lines": False}[words["between"]]
        unit = words["unit"]
    except (KeyError, ValueError) as error:
        raise FormatError(
            f"{path}: unit, between (held or lines) and bandwidth (such as 4.4 Hz) are needed; {error}"
        ) from None
    about = {key: words.get(key, "") for key in ("title", "source", "license", "sampling")}
    try:
        return Profile(time, power, unit, held, bandwidth, **about, history=history)
    except FormatError as error:
        raise FormatError(f"{path}: {error}") from None


def _arrow() -> Any:
    try:
        import pyarrow as pa  # noqa: PLC0415 - optional
        import pyarrow.parquet  # noqa: PLC0415 - optional
    except ImportError:
        raise MissingExtra(
            'Parquet needs pyarrow; install it with: pip install "hil-bench[formats]"'
        ) from None
    return pa


def parquet_file(path: Path) -> Any:
    """Return an open Parquet file."""
    pa = _arrow()
    try:
        return pa.parquet.ParquetFile(path)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise FormatError(f"{path}: is not a whole Parquet file ({type(error).__name__})") from None


def _write_parquet(profile: Profile, part: Path) -> None:
    pa = _arrow()
    text = json.dumps({**profile.described(), "history": profile.history})
    columns = {"time [s]": profile.time, f"power [{profile.unit}]": profile.power}
    pa.parquet.write_table(pa.table(columns).replace_schema_metadata({_KEY: text}), part)


def _read_parquet(path: Path) -> Profile:
    file = parquet_file(path)
    text = (file.schema_arrow.metadata or {}).get(_KEY.encode())
    if text is None:
        raise FormatError(f"{path}: is not a profile; import it: hil profile import {path}")
    words = json.loads(text)
    history = tuple(words.pop("history"))
    time, power = (np.array(c.to_numpy(zero_copy_only=False), float) for c in file.read().columns)
    return _profile(time, power, words, history, path)
