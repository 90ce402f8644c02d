"""The block log: what a live capture is appended to, block by block, until it is sealed.

A file is a header (magic, length, CRC-32, JSON) and blocks (magic, sequence number, index of the
first sample, sample count, CRC-32 over all of these and the payload; float32, little-endian,
channel after channel). `close` ends it with a block of no samples. Whatever a crash, a full disk
or a bad sector leaves behind is read as far as the CRCs hold, and what is missing is counted.
"""

from __future__ import annotations

import json
import mmap
import os
import struct
import zlib
from bisect import bisect_left, bisect_right
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np

from hil.errors import ConfigError, FormatError, StorageError
from hil.waveform import Channel, Waveform

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

_MAGIC: Final = b"HILBLOG1"
_HEAD: Final = struct.Struct("<II")  # length and CRC of the JSON
_PIECE: Final = 1 << 16  # samples read at a time
_BLOCK_MAGIC: Final = b"HBLK"
_BLOCK: Final = struct.Struct("<4sIQII")  # magic, sequence number, first sample, samples, CRC


class BlockLog:
    """Writes a live capture: append-only, on the disk about once a second of data."""

    def __init__(
        self,
        path: str | Path,
        channels: Sequence[Channel],
        rate: float,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        self.path = Path(path)
        self.channels = tuple(channels)
        self.rate = rate
        self.stored = 0
        """Samples per channel appended so far."""
        if not channels or not rate > 0:
            raise ConfigError(
                f"{self.path}: a capture needs channels and a rate, got {len(channels)}, {rate:g} Hz"
            )
        header = {
            "channels": [asdict(c) for c in self.channels],
            "rate": rate,
            "metadata": dict(metadata or {}),
        }
        text = json.dumps(header).encode()
        self._sequence = 0
        self._unsynced = 0
        self._end = 0
        try:
            self._file = self.path.open("xb", buffering=0)
        except FileExistsError:
            raise StorageError(
                f"{self.path}: already exists, and may hold a capture that was not sealed; "
                "seal it, or choose another name"
            ) from None
        except OSError as error:
            raise StorageError(
                f"{self.path}: cannot be created ({error.strerror}); check the folder"
            ) from None
        self._write(_MAGIC + _HEAD.pack(len(text), zlib.crc32(text)) + text)
        self.flush()

    def append(self, samples: NDArray[Any]) -> None:
        """Append samples, shape (channels, n), in the channels' units; stored as float32."""
        if samples.ndim != 2 or samples.shape[0] != len(self.channels):
            raise ConfigError(
                f"{self.path}: samples of shape {samples.shape} for {len(self.channels)} channels; "
                "append an array of shape (channels, n)"
            )
        n = samples.shape[1]
        if n:
            self._block(np.ascontiguousarray(samples, "<f4").tobytes(), n)
            self.stored += n
            self._unsynced += n
            if self._unsynced >= self.rate:
                self.flush()

    def flush(self) -> None:
        """Put everything appended so far on the disk."""
        self._unsynced = 0
        try:
            os.fsync(self._file.fileno())
        except (OSError, ValueError) as error:
            raise self._failed(error) from None

    def close(self) -> None:
        """End the log, so that a reader knows it to be whole. Closing again does nothing."""
        if not self._file.closed:
            self._block(b"", 0)
            self.flush()
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _block(self, payload: bytes, n: int) -> None:
        numbers = struct.pack("<IQI", self._sequence, self.stored, n)
        crc = zlib.crc32(payload, zlib.crc32(numbers))
        self._write(_BLOCK.pack(_BLOCK_MAGIC, self._sequence, self.stored, n, crc) + payload)
        self._sequence += 1

    def _write(self, data: bytes) -> None:
        """Write all, or nothing: a part is cut off again, and the log stays readable."""
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except (OSError, ValueError) as error:
            with suppress(OSError, ValueError):
                self._file.truncate(self._end)
            raise self._failed(error) from None
        self._end += len(data)

    def _failed(self, error: Exception) -> StorageError:
        with suppress(OSError):
            self._file.close()
        reason = error.strerror if isinstance(error, OSError) else "the log is closed"
        return StorageError(
            f"{self.path}: writing failed after {self.stored} samples ({reason}); "
            "what was appended before is kept: free the disk and seal the log"
        )


@dataclass(frozen=True)
class Scan:
    """What a block log holds, as far as its CRCs vouch for it."""

    path: Path
    header: dict[str, Any]
    """Keys channels, rate, metadata."""
    channels: tuple[Channel, ...]
    rate: float
    blocks: tuple[tuple[int, int, int], ...]
    """First sample, number of samples and place in the file of each good block."""
    closed: bool
    """The log was ended by `close`."""
    lost: int
    """Samples known to be missing; what followed a torn tail is not known."""

    @property
    def span(self) -> int:
        """Samples from the first to the last good one, lost ones in between included."""
        return self.blocks[-1][0] + self.blocks[-1][1] if self.blocks else 0

    @property
    def stored(self) -> int:
        """Good samples."""
        return sum(n for _, n, _ in self.blocks)

    def pieces(self, length: int) -> Iterator[NDArray[np.float32]]:
        """Yield the samples in pieces of a length, shape (channels, length); a lost one is NaN."""
        firsts = [first for first, _, _ in self.blocks]
        with self.path.open("rb") as file:
            for begin in range(0, self.span, length):
                end = min(begin + length, self.span)
                piece = np.full((len(self.channels), end - begin), np.nan, "<f4")
                for first, n, at in self.blocks[
                    max(bisect_right(firsts, begin) - 1, 0) : bisect_left(firsts, end)
                ]:
                    low, high = max(first, begin), min(first + n, end)
                    if low < high:
                        file.seek(at)
                        block = np.fromfile(file, "<f4", n * len(self.channels)).reshape(-1, n)
                        piece[:, low - begin : high - begin] = block[:, low - first : high - first]
                yield piece


def scan_block_log(path: str | Path) -> Scan:
    """Return what a block log holds, damaged or not; only a header that is damaged is refused."""
    path = Path(path)
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return _scan(path, data)
    except (OSError, ValueError) as error:  # an empty file cannot be mapped
        if isinstance(error, FormatError):
            raise
        raise FormatError(
            f"{path}: cannot be read as a block log ({error}); nothing was stored in it"
        ) from None


def read_block_log(path: str | Path) -> tuple[dict[str, Any], NDArray[np.float32], bool, int]:
    """Return (header, samples, complete, lost) of a block log, whatever happened to it.

    Samples have shape (channels, n), a lost one is NaN. Complete: it was closed and nothing is lost.
    """
    scan = scan_block_log(path)
    samples = np.empty((len(scan.channels), scan.span), np.float32)
    for i, piece in enumerate(scan.pieces(_PIECE)):
        samples[:, i * _PIECE : i * _PIECE + piece.shape[1]] = piece
    return scan.header, samples, scan.closed and not scan.lost, scan.lost


def load_block_log(path: str | Path) -> tuple[Waveform, dict[str, Any]]:
    """Return the raw samples that a run left unsealed, and what is known of them, as of a sealed capture."""
    scan = scan_block_log(path)
    header, samples, _, lost = read_block_log(path)
    good = np.asarray(np.isfinite(samples).all(axis=0))
    waveform = Waveform(
        samples=samples,
        channels=scan.channels,
        rate=scan.rate,
        valid=None if good.all() else good,
        history=(f"read {scan.path.name} (block log of a run that ended early, NOT complete, raw)",),
        source=scan.path.name,
    )
    about = {"complete": False, "acquired": None, "stored": scan.stored, "lost": lost}
    return waveform, {**about, "corrections": header["metadata"].get("corrections", {})}


def _scan(path: Path, data: mmap.mmap) -> Scan:
    header, at = _read_header(path, data)
    channels = tuple(Channel(**c) for c in header["channels"])
    blocks: list[tuple[int, int, int]] = []
    expected = lost = torn = 0
    closed = False
    while 0 <= at < len(data) and not closed:
        size, first, n, good = _block_at(data, at, len(channels))
        if good and first >= expected:
            lost += first - expected
            expected, torn, closed = first + n, 0, n == 0
            if n:
                blocks.append((first, n, at + _BLOCK.size))
            at += size
        else:
            if first == expected:  # damaged, and its header still fits
                torn = n
            at = data.find(_BLOCK_MAGIC, at + 1)
    return Scan(path, header, channels, header["rate"], tuple(blocks), closed, lost + torn)


def _read_header(path: Path, data: mmap.mmap) -> tuple[dict[str, Any], int]:
    at = len(_MAGIC)
    if data[:at] != _MAGIC:
        raise FormatError(f"{path}: is not a block log; it does not begin with {_MAGIC.decode()}")
    text = b""
    if len(data) >= at + _HEAD.size:
        length, crc = _HEAD.unpack_from(data, at)
        at += _HEAD.size
        text = data[at : at + length]
    if not text or zlib.crc32(text) != crc:
        raise FormatError(f"{path}: the header of the block log is damaged; its channels cannot be told")
    return json.loads(text), at + length


def _block_at(data: mmap.mmap, at: int, channels: int) -> tuple[int, int, int, bool]:
    """Return size, first sample and number of samples of the block at a place, and whether it is good."""
    if len(data) - at < _BLOCK.size:
        return 0, -1, 0, False
    magic, sequence, first, n, crc = _BLOCK.unpack_from(data, at)
    size = _BLOCK.size + n * channels * 4
    if magic != _BLOCK_MAGIC:
        return size, -1, 0, False
    if at + size > len(data):
        return size, first, n, False
    numbers = struct.pack("<IQI", sequence, first, n)
    good = zlib.crc32(data[at + _BLOCK.size : at + size], zlib.crc32(numbers)) == crc
    return size, first, n, good
