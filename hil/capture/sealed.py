"""The sealed capture: HDF5, checked and renamed into place before its block log is removed.

The file holds one dataset, `samples` (channels, n), float32, in the channels' units: raw, as the
inputs saw them; the correction of each channel lies beside it as JSON and is applied by whoever
reads. A lost sample is NaN. `sha256` covers the samples as little-endian float32, in order of time,
at each instant channel after channel (`samples[:].T`). Everything else is an attribute of the file.
"""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from hil.capture.atomic import refuse_existing
from hil.capture.blocklog import Scan, scan_block_log
from hil.capture.lazy import LazyCapture
from hil.capture.parsing import one_line
from hil.errors import ConfigError, FormatError, HilError, StorageError
from hil.waveform import Channel

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from hil.waveform import Waveform

_FORMAT: Final = "hil-bench capture 1"
_CHUNK: Final = 1 << 16
"""Samples of one channel that are compressed together."""
_WRITING: Final = 0.8
"""Share of the time that sealing takes until it reads back."""
_BROKEN: Final = (OSError, RuntimeError, LookupError, ArithmeticError, TypeError, ValueError, AttributeError)
"""What h5py raises on a damaged file."""


def seal(
    log_path: str | Path,
    target: str | Path,
    *,
    acquired: int | None = None,
    trigger: float | None = None,
    metadata: Mapping[str, Any] | None = None,
    keep_log: bool = False,
    progress: Callable[[float], None] | None = None,
) -> Path:
    """Turn a block log into a sealed capture and remove the log; return the target.

    `acquired`: samples per channel that the instrument says it took; None where that is not known,
    after a crash, and the capture is then not complete. `trigger`: its time after the first sample
    [s]. `metadata` is added to that of the log; its keys "source" (text) and "corrections" (channel
    name: dict) have a place of their own. `progress` is told the share that is done.
    """
    log = scan_block_log(log_path)
    target = Path(target)
    refuse_existing(target)
    part = target.with_name(target.name + ".part")
    try:
        every = {**log.header["metadata"], **(metadata or {})}
        tell = progress or (lambda _: None)
        digest = _write(part, log, acquired, trigger, every, lambda share: tell(_WRITING * share))
        with part.open("r+b") as file:
            os.fsync(file.fileno())
        if _digest(part, lambda share: tell(_WRITING + (1 - _WRITING) * share)) != digest:
            raise StorageError(
                f"{target}: does not read back as written; the log {log.path} is kept, check the disk"
            )
        part.replace(target)
        if os.name == "posix":  # where a folder can be put on the disk, and must be
            folder = os.open(target.parent, os.O_RDONLY)
            os.fsync(folder)
            os.close(folder)
    except _BROKEN as error:
        if isinstance(error, HilError):
            raise
        raise StorageError(
            f"{target}: sealing failed ({one_line(error)}); "
            f"the log {log.path} is kept, free the disk and seal it again"
        ) from None
    finally:
        with suppress(OSError):  # it is gone where all went well
            part.unlink()
    if not keep_log:
        with suppress(OSError):  # a log that stays does no harm: its capture is sealed
            log.path.unlink()
    return target


def open_sealed(path: Path) -> LazyCapture:
    """Return the raw samples of a sealed capture, in input volts or what the channels say."""
    about = read_sealed_metadata(path)
    import h5py  # noqa: PLC0415 - `hil --help` need not wait for it

    try:  # the cache holds the chunks of every channel that a part ends in: none is unpacked twice
        file = h5py.File(path, rdcc_nbytes=(len(about["channels"]) + 1) * _CHUNK * 8)
        samples = file["samples"]
    except _BROKEN as error:
        raise _broken(path, error) from None

    def load(first: int, last: int) -> NDArray[Any]:
        try:
            return samples[:, first:last]  # type: ignore[no-any-return]
        except _BROKEN as error:
            raise _broken(path, error) from None

    complete = "complete" if about["complete"] else "NOT complete"
    return LazyCapture(
        about["channels"],
        about["rate"],
        samples.shape[1],
        load,
        start=about["start"],
        triggered=about["triggered"],
        history=(f"read {path.name} (sealed, {complete}, raw)",),
        source=path.name,
    )


def read_sealed(path: Path) -> Waveform:
    """Return the raw samples of a sealed capture in memory."""
    capture = open_sealed(path)
    samples = capture.load(0, len(capture))  # once, though clipping wants a look of its own at them
    return replace(capture, load=lambda first, last: samples[:, first:last]).part(0, len(capture))


def read_sealed_metadata(path: str | Path) -> dict[str, Any]:
    """Return everything a sealed capture says about its samples, without reading them.

    Keys: complete, acquired (None where not known), stored, lost, rate [Hz], start [s], triggered,
    sha256, source, channels, corrections (channel name: dict) and metadata.
    """
    import h5py  # noqa: PLC0415 - `hil --help` need not wait for it

    path = Path(path)
    try:
        with h5py.File(path) as file:
            raw = {key: _plain(value) for key, value in file.attrs.items()}
            shape, kind = file["samples"].shape, file["samples"].dtype.kind
            if raw["format"] != _FORMAT or kind != "f" or shape != (len(raw["names"]), shape[-1]):
                raise ValueError(f"format {raw['format']!r}, samples {shape}")
        channels = tuple(
            Channel(name, unit, quantity, phase, None if np.isnan(relative) else float(relative), place)
            for name, unit, quantity, phase, relative, place in zip(
                *(raw[key] for key in ("names", "units", "quantities", "phases", "uncertainties")),
                raw.get("places", [""] * len(raw["names"])),  # came later than the others
                strict=True,
            )
        )
        corrections = {
            c.name: json.loads(text)
            for c, text in zip(channels, raw["corrections"], strict=True)
            if text != "null"
        }
        stored, lost = int(raw["stored"]), int(raw["lost"])
        rate, start = float(raw["rate"]), float(raw["start"])
        if not stored <= shape[1] <= stored + lost:
            raise ValueError(f"{shape[1]} samples, it tells of {stored} stored and {lost} lost")
        if not 0 < rate < np.inf or not np.isfinite(start):
            raise ValueError(f"{rate:g} samples per second from {start:g} s on")
        return {
            "complete": bool(raw["complete"]),
            "acquired": int(raw["acquired"]) if "acquired" in raw else None,
            "stored": stored,
            "lost": lost,
            "rate": rate,
            "start": start,
            "triggered": bool(raw["triggered"]),
            "sha256": raw["sha256"],
            "source": raw["source"],
            "channels": channels,
            "corrections": corrections,
            "metadata": json.loads(raw["metadata"]),
        }
    except _BROKEN as error:
        raise _broken(path, error) from None


def _write(
    part: Path,
    log: Scan,
    acquired: int | None,
    trigger: float | None,
    metadata: dict[str, Any],
    progress: Callable[[float], None],
) -> str:
    """Write the capture, and return the SHA-256 of its samples."""
    import h5py  # noqa: PLC0415 - `hil --help` need not wait for it

    corrections = metadata.pop("corrections", {})
    names = [c.name for c in log.channels]
    if strange := set(corrections) - set(names):
        raise ConfigError(
            f"{log.path}: corrections for {', '.join(sorted(strange))}; the channels are {', '.join(names)}"
        )
    digest = hashlib.sha256()
    with h5py.File(part, "w", libver="v110") as file:  # with checksums over everything
        samples = file.create_dataset(
            "samples",
            (len(names), log.span),
            "<f4",
            maxshape=(len(names), None),  # lets a chunk be longer than a short capture
            chunks=(1, _CHUNK),
            compression="gzip",
            compression_opts=1,
            shuffle=True,
            fletcher32=True,
        )
        for i, piece in enumerate(log.pieces(_CHUNK)):
            samples[:, i * _CHUNK : i * _CHUNK + piece.shape[1]] = piece
            digest.update(piece.T.tobytes())
            progress(min((i + 1) * _CHUNK / log.span, 1.0))
        if acquired is not None:
            file.attrs["acquired"] = acquired
        for key, value in {
            "complete": acquired == log.stored,
            "stored": log.stored,
            "lost": log.lost,
            "rate": log.rate,
            "start": 0.0 if trigger is None else -trigger,
            "triggered": trigger is not None,
            "uncertainties": [np.nan if c.uncertainty is None else c.uncertainty for c in log.channels],
        }.items():
            file.attrs[key] = value
        texts: dict[str, str | list[str]] = {
            "format": _FORMAT,
            "sha256": digest.hexdigest(),
            "source": str(metadata.pop("source", "")),
            "metadata": json.dumps(metadata),
            "names": names,
            "units": [c.unit for c in log.channels],
            "quantities": [c.quantity for c in log.channels],
            "phases": [c.phase for c in log.channels],
            "places": [c.place for c in log.channels],
            "corrections": [json.dumps(corrections.get(name)) for name in names],
        }
        for key, text in texts.items():
            file.attrs[key] = _fixed(text)
    return digest.hexdigest()


def _fixed(text: str | list[str]) -> NDArray[Any]:
    """Return text in a fixed length: HDF5 keeps no checksum over text of any length."""
    import h5py  # noqa: PLC0415 - `hil --help` need not wait for it

    encoded = text.encode() if isinstance(text, str) else [t.encode() for t in text]
    longest = len(encoded) if isinstance(encoded, bytes) else max(map(len, encoded))
    return np.array(encoded, h5py.string_dtype("utf-8", max(longest, 1)))


def _plain(value: Any) -> Any:
    """Return an attribute with its text decoded."""
    if isinstance(value, np.ndarray):
        return [_plain(item) for item in value]
    return value.decode() if isinstance(value, bytes) else value


def _digest(path: Path, progress: Callable[[float], None]) -> str:
    """Return the SHA-256 of the samples, read back."""
    import h5py  # noqa: PLC0415 - `hil --help` need not wait for it

    digest = hashlib.sha256()
    with h5py.File(path) as file:
        samples = file["samples"]
        for begin in range(0, samples.shape[1], _CHUNK):
            digest.update(samples[:, begin : begin + _CHUNK].T.tobytes())
            progress(min((begin + _CHUNK) / samples.shape[1], 1.0))
    return digest.hexdigest()


def _broken(path: Path, error: Exception) -> FormatError:
    return FormatError(
        f"{path}: is not a whole sealed capture ({one_line(error)}); copy it again from its record"
    )
