"""The data half of COMTRADE: rows of codes become samples, block by block, on a few threads.

`Rows` is a function (first, last) -> structured array with the fields "stamp", "analog" and
"digital", one element per sample: a file, a temporary file or memory may be behind it.

The speed is that of memory, so a block fits the cache, and what is at rest costs nothing: a
digital channel that stays 0 over a block leaves the zeroed memory untouched. A large binary record
goes through `hil.capture.comtrade_kernel` where numba is installed, with the same results.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

import numpy as np

from hil import jit
from hil.capture.guess import si_unit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from hil.capture.comtrade_cfg import Config

CODES: Final = {"BINARY": "<i2", "BINARY32": "<i4", "FLOAT32": "<f4", "ASCII": "<f8"}
"""How an analog code lies in a row; a row of text is read as doubles throughout."""
MISSING: Final = {"BINARY": -(2.0**15), "BINARY32": -(2.0**31), "FLOAT32": -3.4028234663852886e38}
"""The code that means "missing"; in ASCII it is 99999, or nothing."""
BLOCK: Final = 1 << 15
"""Samples converted at a time."""
_LARGE: Final = 1 << 22
"""Analog samples of a record from which on the compiled kernel is loaded; an analysis needs numba anyway."""

Rows = Callable[[int, int], "NDArray[Any]"]
_T = TypeVar("_T")


def row_type(kind: str, analogs: int, digitals: int) -> np.dtype[Any]:
    """Return how one sample of a kind of file lies in its row."""
    code = CODES[kind]
    count, levels = (
        (code, (code, (digitals,))) if kind == "ASCII" else ("<u4", ("<u2", (-(-digitals // 16),)))
    )
    return np.dtype([("number", count), ("stamp", count), ("analog", code, (analogs,)), ("digital", *levels)])


@dataclass(frozen=True, eq=False)
class Scale:
    """From codes to SI units: value = a code + b."""

    a: NDArray[Any]
    """Shape (analogs, 1), in the type that the samples get."""
    b: NDArray[Any]
    marker: NDArray[Any]
    """Code that means "missing", shape (analogs, 1)."""
    digitals: int
    lowest: bool
    """Whether no code is below its marker."""
    compiled: bool
    """Whether the compiled kernel is used: no result depends on it."""


def scale_of(config: Config) -> Scale:
    """Return how codes become samples: float32 where its 24 bits hold the code, else float64."""
    dtype = np.float32 if config.kind in {"BINARY", "FLOAT32"} else np.float64
    if config.kind == "ASCII":  # unless the stated range says that 99999 is a value
        marker = [99999.0 if c.high < 99999 else np.nan for c in config.analogs]
    elif config.kind == "BINARY" and config.revision == "1991":  # FFFF, where the range has no -1
        marker = [-1.0 if 0 <= c.low < c.high else MISSING["BINARY"] for c in config.analogs]
    else:
        marker = [MISSING[config.kind]] * len(config.analogs)
    to_si = np.array([si_unit(c.unit)[0] * c.ratio for c in config.analogs])
    with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is marked as missing
        a = (np.array([c.a for c in config.analogs]) * to_si).astype(dtype)
        b = (np.array([c.b for c in config.analogs]) * to_si).astype(dtype)
    codes = np.array(marker, float).astype(CODES[config.kind])
    lowest = config.kind != "ASCII" and all(code == MISSING[config.kind] for code in marker)
    compiled = config.kind != "ASCII" and config.count * len(a) >= _LARGE and jit.COMPILED
    return Scale(a[:, None], b[:, None], codes[:, None], len(config.digitals), lowest, compiled)


def convert(
    rows: NDArray[Any], scale: Scale, out: NDArray[Any] | None, at: int = 0
) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.bool_] | None]:
    """Write samples in SI units to the columns of `out` from `at` on, if given; missing ones as NaN.

    `out` has the shape (channels, columns) and must be zero there.
    Return the lowest and the highest code of each analog channel, shape (analogs,), missing ones
    apart (infinite where all are), and where a sample has a value missing: shape (n,), None where it has not.
    """
    if scale.compiled and len(rows) > 1:  # one row alone is contiguous, which would be compiled again
        return _fused(rows, scale, out, at)
    na = len(scale.a)
    out = out if out is None else out[:, at : at + len(rows)]
    codes, digital = np.ascontiguousarray(rows["analog"].T), rows["digital"]
    lost: NDArray[np.bool_] | None = None
    with np.errstate(over="ignore", invalid="ignore"):
        low, high = codes.min(axis=1), codes.max(axis=1)
        if out is not None:
            np.multiply(codes, scale.a, out=out[:na])
            out[:na] += scale.b
        # scaling keeps the order: where the extremes are finite, all are; a marker often is one as well
        ends = np.stack([low, high], axis=1)
        suspect = ends if scale.lowest else codes
        if not np.isfinite(ends * scale.a + scale.b).all() or (suspect == scale.marker).any():
            absent = (codes == scale.marker) | ~np.isfinite(codes * scale.a + scale.b)
            lost = absent.any(axis=0)
            low = np.where(absent, np.inf, codes).min(axis=1)
            high = np.where(absent, -np.inf, codes).max(axis=1)
            if out is not None:
                out[:na][absent] = np.nan
    if digital.dtype.kind == "f":
        levels = np.ascontiguousarray(digital.T)
        if np.isnan(levels.sum()):
            blank = np.isnan(levels).any(axis=0)
            lost = blank if lost is None else lost | blank
        if out is not None:
            for k in np.flatnonzero(levels.any(axis=1)):
                out[na + k] = levels[k]
    elif out is not None:
        _unpack(digital, out[na:])
    return low, high, lost if lost is not None and lost.any() else None


def _fused(
    rows: NDArray[Any], scale: Scale, out: NDArray[Any] | None, at: int
) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.bool_] | None]:
    """Do what `convert` does, compiled."""
    from hil.capture import comtrade_kernel as kernel  # noqa: PLC0415 - numba takes its time

    na = len(scale.a)
    codes, marker = rows["analog"], scale.marker
    floating = codes.dtype.kind == "f"
    if floating:
        codes, marker = codes.view("<i4"), marker.view("<i4")
    tiles = np.empty((2, kernel.TILE), codes.dtype)
    values = tiles.view("<f4") if floating else np.empty(tiles.shape, scale.a.dtype)
    ends = np.array([np.full(na, np.inf), np.full(na, -np.inf)])
    lost = np.zeros(len(rows), np.bool_)
    target = np.empty((0, 0), scale.a.dtype) if out is None else out
    missing = kernel.decode(
        codes, floating, marker[:, 0], scale.a[:, 0], scale.b[:, 0], tiles, values, target, at, ends, lost
    )
    if scale.digitals and out is not None:
        kernel.unpack(rows["digital"], na, np.empty(kernel.TILE, np.uint16), out, at)
    return ends[0], ends[1], lost if missing else None


def _unpack(words: NDArray[np.uint16], out: NDArray[Any]) -> None:
    """Set the levels, shape (digitals, n), out of 16-bit words, the first in the lowest bit."""
    for first in range(0, len(out), 16):
        word = np.ascontiguousarray(words[:, first // 16])
        seen = int(np.bitwise_or.reduce(word))
        for k, levels in enumerate(out[first : first + 16]):
            if seen >> k & 1:
                np.copyto(levels, word >> np.uint16(k) & np.uint16(1))


def samples_of(rows: Rows, scale: Scale, first: int, last: int) -> NDArray[Any]:
    """Return the samples first .. last - 1 in SI units, shape (channels, last - first)."""
    samples = np.zeros((len(scale.a) + scale.digitals, last - first), scale.a.dtype)
    for at in range(first, last, BLOCK):
        end = min(at + BLOCK, last)
        convert(rows(at, end), scale, samples, at - first)
    return samples


def spread(job: Callable[[int], _T], blocks: Sequence[int]) -> list[_T]:
    """Return the results of a job for each block, in order, worked on by a few threads."""
    workers = min(os.cpu_count() or 1, 4, len(blocks))
    if workers < 2:
        return [job(block) for block in blocks]
    share = -(-len(blocks) // (4 * workers))  # a core that others use as well takes fewer shares
    shares = [blocks[i : i + share] for i in range(0, len(blocks), share)]
    with ThreadPoolExecutor(workers) as pool:
        return [result for part in pool.map(lambda s: [job(b) for b in s], shares) for result in part]
