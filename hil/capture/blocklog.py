"""The block log: what a live capture is appended to, block by block, until it is sealed.

A file is a header (magic, length, CRC-32, JSON) and blocks (magic, sequence number, index of the
first sample, sample count, CRC-32 over all of these and the payload; float32, little-endian,
channel after channel). `close` ends it with a block of no samples. Whatever a crash, a full disk
or a bad sector leaves behind is read as far as the CRCs hold, and what is missing is counted.
"""

from __future__ import annotations

import json
import os
import struct
import zlib
from bisect import bisect_left, bisect_right
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Self

import numpy as np

from hil.capture.lazy import LazyCapture
from hil.capture.parsing import items, opened
from hil.errors import ConfigError, FormatError, StorageError
from hil.waveform import Channel

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from hil.waveform import Waveform

_MAGIC: Final = b"HILBLOG1"
_HEAD: Final = struct.Struct("<II")  # length and CRC of the JSON
_PIECE: Final = 1 << 20  # bytes read at a time
_GAP: Final = 1 << 32  # samples that may be lost in one piece; more is an index that is wrong
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
        if not channels or not 0 < rate < np.inf:
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

    def part(self, first: int, last: int) -> NDArray[np.float32]:
        """Return the samples first .. last - 1, shape (channels, last - first); a lost one is NaN."""
        samples = np.full((len(self.channels), last - first), np.nan, "<f4")
        begin = bisect_right(self.blocks, first, key=lambda block: block[0]) - 1
        end = bisect_left(self.blocks, last, key=lambda block: block[0])
        with opened(self.path) as file:
            for start, n, at in self.blocks[max(begin, 0) : end]:
                low, high = max(start, first), min(start + n, last)
                for k, row in enumerate(samples if low < high else ()):
                    offset = at + 4 * (k * n + low - start)  # channel after channel
                    row[low - first : high - first] = items(file, "<f4", high - low, offset)
        return samples

    def pieces(self, length: int) -> Iterator[NDArray[np.float32]]:
        """Yield the samples in pieces of a length, shape (channels, length); a lost one is NaN."""
        for begin in range(0, self.span, length):
            yield self.part(begin, min(begin + length, self.span))


def scan_block_log(path: str | Path) -> Scan:
    """Return what a block log holds, damaged or not; only a header that is damaged is refused."""
    path = Path(path)
    try:
        with path.open("rb") as file:
            return _scan(path, file)
    except OSError as error:
        raise FormatError(f"{path}: cannot be read as a block log ({error.strerror or error})") from None


def open_block_log(path: Path) -> LazyCapture:
    """Return the raw samples that a run left unsealed, or is still writing."""
    return _capture(scan_block_log(path))


def load_block_log(path: str | Path) -> tuple[Waveform, dict[str, Any]]:
    """Return the raw samples that a run left unsealed, and what is known of them, as of a sealed capture."""
    scan = scan_block_log(path)
    about = {"complete": False, "acquired": None, "stored": scan.stored, "lost": scan.lost}
    corrections = scan.header["metadata"].get("corrections", {})
    return _capture(scan).part(0, scan.span), {**about, "corrections": corrections}


def _capture(scan: Scan) -> LazyCapture:
    return LazyCapture(
        scan.channels,
        scan.rate,
        scan.span,
        scan.part,
        history=(f"read {scan.path.name} (block log of a run that ended early, NOT complete, raw)",),
        source=scan.path.name,
    )


def _scan(path: Path, file: BinaryIO) -> Scan:
    size = file.seek(0, os.SEEK_END)
    header, at = _read_header(path, file)
    try:
        channels = tuple(Channel(**c) for c in header["channels"])
        known = bool(channels) and 0 < header["rate"] < np.inf and isinstance(header["metadata"], dict)
    except (KeyError, TypeError):
        known = False
    if not known:
        raise FormatError(f"{path}: the header of the block log does not name channels and a rate")
    blocks: list[tuple[int, int, int]] = []
    expected = lost = torn = 0
    closed = False
    while 0 <= at < size and not closed:
        length, first, n, good = _block_at(file, at, size, len(channels), expected)
        if good:
            lost += first - expected
            expected, torn, closed = first + n, 0, n == 0
            if n:
                blocks.append((first, n, at + _BLOCK.size))
            at += length
        else:
            if first == expected:  # damaged, and its header still fits
                torn = n
            at = _next_magic(file, at + 1)
    return Scan(path, header, channels, header["rate"], tuple(blocks), closed, lost + torn)


def _read_header(path: Path, file: BinaryIO) -> tuple[dict[str, Any], int]:
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    if file.read(len(_MAGIC)) != _MAGIC:
        raise FormatError(f"{path}: is not a block log; it does not begin with {_MAGIC.decode()}")
    head, text = file.read(_HEAD.size), b""
    if len(head) == _HEAD.size:
        length, crc = _HEAD.unpack(head)
        text = file.read(length) if length <= size else b""
    if not text or zlib.crc32(text) != crc:
        raise FormatError(f"{path}: the header of the block log is damaged; its channels cannot be told")
    try:
        return json.loads(text), file.tell()
    except ValueError as error:
        raise FormatError(f"{path}: the header of the block log is not JSON ({error})") from None


def _block_at(file: BinaryIO, at: int, end: int, channels: int, expected: int) -> tuple[int, int, int, bool]:
    """Return length, first sample and number of samples of the block at a place, and whether it is good."""
    file.seek(at)
    head = file.read(_BLOCK.size)
    if len(head) < _BLOCK.size:
        return 0, -1, 0, False
    magic, sequence, first, n, crc = _BLOCK.unpack(head)
    payload = n * channels * 4
    length = _BLOCK.size + payload
    if magic != _BLOCK_MAGIC:
        return length, -1, 0, False
    if at + length > end or not expected <= first <= expected + _GAP:
        return length, first, n, False
    found = zlib.crc32(struct.pack("<IQI", sequence, first, n))
    while payload > 0:
        piece = file.read(min(payload, _PIECE))
        found = zlib.crc32(piece, found)
        payload -= len(piece) or payload  # a file that was cut meanwhile has the wrong sum
    return length, first, n, found == crc


def _next_magic(file: BinaryIO, at: int) -> int:
    """Return the place of the next block, or -1 where there is none."""
    kept = len(_BLOCK_MAGIC) - 1
    file.seek(at)
    window = b""
    while piece := file.read(_PIECE):
        window = window[-kept:] + piece
        if (found := window.find(_BLOCK_MAGIC)) >= 0:
            return file.tell() - len(window) + found
    return -1
