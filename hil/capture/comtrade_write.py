"""Write a capture as COMTRADE, IEEE C37.111-2013: .cfg with .dat, or all in one .cff.

The file is written block by block under another name and renamed when it is whole. A sample that
is not valid is written as missing, as the format has no other mark for it. A level channel becomes
a digital one, behind the analog ones. The time stamp of a sample is its index, and the multiplier
one sampling period: exact at any rate, and no counter that wraps.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import numpy as np

from hil.capture.atomic import appearing
from hil.capture.comtrade_data import MISSING, row_type
from hil.errors import ConfigError
from hil.waveform import blocks

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from hil.waveform import Capture, Channel, Waveform

_BLOCK: Final = 1 << 15
_RANGE: Final = {"BINARY": 32767, "BINARY32": 2147483647, "ASCII": 99998}
"""Largest code of each kind."""
_USED: Final = 0.97
"""Part of the range that the samples take, so that none stands at its end like a clipped one."""
_FLOAT_RANGE: Final = "-3.4028235e38,3.4028235e38"
_UNKNOWN: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
"""Time of the first sample where nobody says it."""


def write_comtrade(
    capture: Capture,
    path: str | Path,
    *,
    kind: str = "FLOAT32",
    began: dt.datetime | None = None,
    progress: Callable[[float], None] = lambda _: None,
) -> Path:
    """Write a capture to a .cff, or else a .cfg and its .dat, and return the path of the .cff or .cfg.

    `kind`: "FLOAT32" (exact for float32 samples), "BINARY32", "BINARY" or "ASCII" (to half a code of a
    range that is fitted to each channel). `began`: when the first sample was taken, with its zone; the
    file says UTC. `progress` is told the share that is written. A file that exists is never overwritten.
    Raises `StorageError` where the disk is full, and leaves nothing behind.
    """
    path = Path(path)
    combined = path.suffix.lower() == ".cff"
    whose = capture.source or "capture"
    if kind not in {"FLOAT32", *_RANGE}:
        raise ConfigError(f"{path}: no COMTRADE data of kind {kind!r}; choose FLOAT32, {', '.join(_RANGE)}")
    if not 0 < len(capture) < 2**32:
        raise ConfigError(
            f"{whose}: COMTRADE holds 1 to {2**32 - 1} samples, not {len(capture)}; write a part"
        )
    target = path.with_suffix(".cff" if combined else ".cfg")
    targets = [target] if combined else [path.with_suffix(".dat"), target]  # the .cfg makes the record
    with appearing(*targets) as parts:
        layout = _layout(capture, kind, whose)
        cfg = _cfg(capture, layout, began or _UNKNOWN).encode()
        with parts[0].open("wb") as file:
            if combined:
                file.write(_frame(cfg, layout, len(capture)))
            _write_rows(capture, layout, file, progress)
        if not combined:
            parts[1].write_bytes(cfg)
    return target


@dataclass(frozen=True, eq=False)
class _Layout:
    """Where each channel goes, and value = a code + b of the analog ones."""

    kind: str
    analogs: list[int]
    digitals: list[int]
    a: NDArray[np.float64]
    """Shape (analogs, 1)."""
    b: NDArray[np.float64]

    @property
    def row(self) -> np.dtype[Any]:
        return row_type(self.kind, len(self.analogs), len(self.digitals))


def _layout(capture: Capture, kind: str, whose: str) -> _Layout:
    """Look at every sample: which channels are levels, what range the others take."""
    channels = capture.channels
    low, high = np.full(len(channels), np.inf), np.full(len(channels), -np.inf)
    level = np.array([not c.unit and c.quantity in {"trigger", "other"} for c in channels])
    spoilt = False
    for block in blocks(capture, _BLOCK):
        good = np.isfinite(block.samples)
        spoilt |= not good.all() or not (block.valid is None or block.valid.all())
        low = np.minimum(low, block.samples.min(axis=1, where=good, initial=np.inf))
        high = np.maximum(high, block.samples.max(axis=1, where=good, initial=-np.inf))
        for i in np.flatnonzero(level):
            level[i] = bool((~good[i] | (block.samples[i] == 0) | (block.samples[i] == 1)).all())
    level &= low <= high
    analogs, digitals = np.flatnonzero(~level).tolist(), np.flatnonzero(level).tolist()
    if spoilt and not analogs:
        raise ConfigError(
            f"{whose}: has samples that are not valid, which COMTRADE cannot say of digital channels; "
            "write it as .parquet"
        )
    known = low <= high
    low, high = (np.where(known, x, 0.0)[analogs, None] for x in (low, high))
    if (np.maximum(-low, high) > -MISSING["FLOAT32"] / 2).any():
        raise ConfigError(
            f"{whose}: has values beyond 1.7e38, which COMTRADE cannot hold; check the channels"
        )
    if kind == "FLOAT32":
        return _Layout(kind, analogs, digitals, np.ones_like(low), np.zeros_like(low))
    a = (high - low) / 2 / np.floor(_USED * _RANGE[kind])
    return _Layout(kind, analogs, digitals, np.where(a > 0, a, 1.0), (low + high) / 2)


def _cfg(capture: Capture, layout: _Layout, began: dt.datetime) -> str:
    channels = capture.channels
    trigger = round(-capture.start * 1e9) if capture.triggered and capture.start < 0 else 0
    fine = trigger % 1000 > 0
    largest = _RANGE.get(layout.kind)
    limits = _FLOAT_RANGE if largest is None else f"-{largest},{largest}"
    lines = [
        f"hil-bench,{_plain(capture.source)},2013",
        f"{len(channels)},{len(layout.analogs)}A,{len(layout.digitals)}D",
    ]
    for number, (i, a, b) in enumerate(
        zip(layout.analogs, layout.a[:, 0].tolist(), layout.b[:, 0].tolist(), strict=True), 1
    ):
        c = channels[i]
        lines.append(f"{number},{_names(c)},{_plain(c.unit)},{a!r},{b!r},0,{limits},1,1,P")
    lines += [f"{number},{_names(channels[i])},0" for number, i in enumerate(layout.digitals, 1)]
    lines += [
        f"{capture.stated_frequency or 0:g}",
        "1",
        f"{float(capture.rate)!r},{len(capture)}",  # NumPy writes np.float64(...) of its own
        _stamp(began, 0, fine),
        _stamp(began, trigger, fine),
        layout.kind,
        f"{(1e9 if fine else 1e6) / float(capture.rate)!r}",
        "0,0",
        "F,3",  # nobody vouches for the clock, nor for leap seconds
    ]
    return "\r\n".join(lines) + "\r\n"


def _stamp(began: dt.datetime, after: int, fine: bool) -> str:
    """Return a date and time some nanoseconds after the first sample; in microseconds unless fine."""
    micro, nano = divmod(after, 1000)
    time = began.astimezone(dt.UTC) + dt.timedelta(microseconds=micro)
    return f"{time:%d/%m/%Y,%H:%M:%S}.{time.microsecond:06d}" + (f"{nano:03d}" if fine else "")


def _names(channel: Channel) -> str:
    return f"{_plain(channel.name)},{channel.phase.upper()},{channel.place}"


def _plain(text: str) -> str:
    """Return text without what separates fields and lines."""
    return " ".join(re.sub(r"[,\x00-\x1f\x7f]", " ", text).split())


def _frame(cfg: bytes, layout: _Layout, n: int) -> bytes:
    """Return what stands in a .cff before the data."""
    length = "" if layout.kind == "ASCII" else f": {n * layout.row.itemsize}"
    return (
        b"--- file type: CFG ---\r\n" + cfg + b"--- file type: INF ---\r\n\r\n--- file type: HDR ---\r\n\r\n"
        b"--- file type: DAT %s ---\r\n" % (layout.kind + length).encode()
    )


def _write_rows(capture: Capture, layout: _Layout, file: BinaryIO, progress: Callable[[float], None]) -> None:
    first = 0
    line = ",".join(["%d"] * (2 + len(layout.analogs) + len(layout.digitals))) + "\r\n"
    for block in blocks(capture, _BLOCK):
        rows = _rows(block, layout, first)
        if layout.kind == "ASCII":
            cells = rows.view(np.float64).astype(np.int64)
            file.write((line * len(block) % tuple(cells.tolist())).encode())
        else:
            file.write(rows.tobytes())
        first += len(block)
        progress(first / len(capture))


def _rows(block: Waveform, layout: _Layout, first: int) -> NDArray[Any]:
    """Return a block as rows of codes."""
    rows = np.zeros(len(block), layout.row)
    rows["stamp"] = np.arange(first, first + len(block))
    rows["number"] = rows["stamp"] + 1
    values = block.samples[layout.analogs].astype(float)
    values[~np.isfinite(values)] = np.nan
    whole = np.asarray(np.isfinite(block.samples).all(axis=0))
    bad = ~whole if block.valid is None else ~(whole & block.valid)
    bad &= ~np.isnan(values).any(axis=0)  # nothing says so yet
    values[:, bad] = np.nan
    codes = values if layout.kind == "FLOAT32" else np.rint((values - layout.b) / layout.a)
    rows["analog"] = np.where(np.isnan(codes), MISSING.get(layout.kind, 99999.0), codes).T
    for k, i in enumerate(layout.digitals):
        level = block.samples[i] == 1
        if layout.kind == "ASCII":
            rows["digital"][:, k] = level
        else:
            rows["digital"][:, k // 16] |= level.astype(np.uint16) << np.uint16(k % 16)
    return rows
