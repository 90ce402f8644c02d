"""Rows of binary codes to samples in one pass, compiled where numba is installed; the only gain is time.

A tile of rows is taken column by column into a few kilobytes that stay in the nearest cache:
scaled and written from there once, its lowest and highest code found, levels unpacked. What is rare,
a code that means "missing" or a sample that is not finite, is looked at again, one by one. Results
are bit for bit those of `hil.capture.comtrade_data`: no fast math, no contraction.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from hil.jit import compiled

TILE: Final = 1024
"""Samples taken at a time."""


@compiled
def decode(
    codes: Any,
    floating: bool,
    marker: Any,
    a: Any,
    b: Any,
    tiles: Any,
    values: Any,
    out: Any,
    at: int,
    ends: Any,
    lost: Any,
) -> int:
    """Scale codes, shape (n, analogs), into the first rows of `out` from column `at` on, unless it is empty.

    `codes` and `marker` are integers, and the bits of floats where `floating`: `tiles`, shape (2, TILE),
    has their type and `values` that of the samples, in the same memory where `floating`. The lowest
    and the highest code go to `ends`, shape (2, analogs), which come as (inf, -inf); `lost`, shape (n,)
    and False, is set where a value is missing. Return how many values are.
    """
    n, count, missing = codes.shape[0], codes.shape[1], 0
    write = out.size > 0
    for first in range(0, n, TILE):
        size = min(TILE, n - first)
        rows = codes[first : first + size]
        for k in range(count):
            if k % 2 == 0:  # two columns at a time: faster than the gather that one alone is compiled to
                other = min(k + 1, count - 1)
                for i in range(size):
                    tiles[0, i] = rows[i, k]
                    tiles[1, i] = rows[i, other]
            tile, value = tiles[k % 2], values[k % 2]
            if not floating:
                for i in range(size):
                    value[i] = tile[i]
            if write:
                column = out[k, at + first : at + first + size]
                for i in range(size):
                    column[i] = value[i] * a[k] + b[k]
            hits = 0
            for i in range(size):
                hits += tile[i] == marker[k]
            if floating:  # bits of floats sort as integers do, once those of negative ones are turned
                for i in range(size):
                    tile[i] ^= (tile[i] >> 31) & 0x7FFFFFFF
            low, high = tile[0], tile[0]
            for i in range(size):
                low = min(low, tile[i])
                high = max(high, tile[i])
            tile[0], tile[1] = low, high
            if floating:
                tile[0] ^= (tile[0] >> 31) & 0x7FFFFFFF
                tile[1] ^= (tile[1] >> 31) & 0x7FFFFFFF
            else:
                value[0], value[1] = tile[0], tile[1]
            # scaling keeps the order: where the extremes are finite, all are
            if hits == 0 and np.isfinite(value[0] * a[k] + b[k]) and np.isfinite(value[1] * a[k] + b[k]):
                ends[0, k] = min(ends[0, k], value[0])
                ends[1, k] = max(ends[1, k], value[1])
                continue
            for i in range(size):
                tile[0] = rows[i, k]
                if not floating:
                    value[0] = tile[0]
                if tile[0] == marker[k] or not np.isfinite(value[0] * a[k] + b[k]):
                    missing += 1
                    lost[first + i] = True
                    if write:
                        out[k, at + first + i] = np.nan
                else:
                    ends[0, k] = min(ends[0, k], value[0])
                    ends[1, k] = max(ends[1, k], value[0])
    return missing


@compiled
def _take(column: Any, tile: Any) -> None:
    """Copy what lies apart, from both halves at a time: faster than the gather that a plain copy becomes."""
    half = column.size // 2
    for i in range(half):
        tile[i] = column[i]
        tile[half + i] = column[half + i]
    if column.size % 2:
        tile[2 * half] = column[2 * half]


@compiled
def unpack(words: Any, row: int, tile: Any, out: Any, at: int) -> None:
    """Set the rows of `out` from `row` on to the levels in words, shape (n, words), from column `at` on.

    They are zero before, and what stays 0 over a tile is left untouched.
    """
    for first in range(0, words.shape[0], TILE):
        size = min(TILE, words.shape[0] - first)
        for w in range(words.shape[1]):
            _take(words[first : first + size, w], tile)
            seen = 0
            for i in range(size):
                seen |= tile[i]
            for k in range(min(16, out.shape[0] - row - 16 * w)):
                if seen >> k & 1:
                    column = out[row + 16 * w + k, at + first : at + first + size]
                    for i in range(size):
                        column[i] = tile[i] >> k & 1


@compiled
def steady(stamps: Any, least: int, longest: int, tile: Any) -> bool:
    """Tell whether all steps between neighbours, modulo 2**32, are from `least` to `longest`.

    A stamp that is missing is one that is not: look closer then. `tile` has TILE + 1 elements.
    """
    wrong = 0
    tile[0] = stamps[0]
    room = np.uint32(longest - least)
    for first in range(1, stamps.size, TILE):
        size = min(TILE, stamps.size - first)
        _take(stamps[first : first + size], tile[1:])
        for i in range(size):
            if np.uint32(tile[i + 1] - tile[i] - np.uint32(least)) > room:
                wrong += 1
        tile[0] = tile[size]
    return wrong == 0
