"""What is wrong with the samples of a COMTRADE record: clipped, missing, or beside a break in time.

Clipped is a voltage or current that alternates and rests at its own highest (or lowest) code for
at least three samples and at most 25 ms, where no smooth crest explains it: a parabola that stays
within one step of its top over L samples falls by 9 steps within the next L, a clipped one by more
than 16, on either side. A step is one code, or 1/65536 of the channel's range where that is
coarser. Once is enough at the stated limit or at that of the integers; anywhere else, as the
stated range is often just that of the data, it takes three times. Levels that rest at their own
extreme for long, channels of one polarity and staircases (the first step off the flat top is a
quarter of the amplitude: a simulated inverter) are not judged.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from hil.capture.comtrade_data import BLOCK, MISSING, convert, spread
from hil.capture.guess import si_unit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from hil.capture.comtrade_cfg import Analog, Config
    from hil.capture.comtrade_data import Rows, Scale

_NO_STAMP: Final = 0xFFFFFFFF
_FLAT: Final = 3
"""Equal samples at an extreme that may be a flat top."""
_LONGEST: Final = 0.025
"""What lasts longer is a level, not the crest of an alternating quantity [s]."""
_FALL: Final = 16
"""Steps that a signal must fall beside a flat top for it to be none of a smooth crest."""


@dataclass(frozen=True, eq=False)
class Survey:
    """What one pass over a record found."""

    spoilt: NDArray[np.intp]
    """Indices of samples not to be trusted, in order."""
    notes: tuple[str, ...]


def survey(
    rows: Rows, n: int, config: Config, scale: Scale, rate: float, out: NDArray[Any] | None = None
) -> Survey:
    """Look at every sample of a record, and write it to `out`, shape (channels, n), if given."""
    usual = _usual_step(rows, n)

    def look(first: int) -> tuple[NDArray[Any], ...]:
        before = min(first, 1)  # one more, for the step of time into the block
        block = rows(first - before, min(first + BLOCK, n))
        breaks = np.empty(0, np.intp)
        if not scale.compiled or not _steady(block["stamp"], usual):
            breaks = _breaks(stamps_of(block), usual) + (first - before)
        block = block[before:]
        low, high, lost = convert(block, scale, out, first)
        return low, high, np.flatnonzero(() if lost is None else lost) + first, breaks

    lows, highs, losses, breaks = zip(*spread(look, range(0, n, BLOCK)), strict=True)
    joints = np.concatenate(breaks)
    notes = list(_time_notes(rows, joints))
    if usual == 0 and n > 2:
        notes.append("the time stamps do not advance and are not used")
    spoilt = [joints, *losses]
    for name, flat in _clipped(rows, n, config, (np.array(lows), np.array(highs)), rate):
        spoilt.append(flat)
        notes.append(f"{name} rests at the end of its range: {flat.size} samples marked as clipped")
    return Survey(np.unique(np.concatenate(spoilt)), tuple(notes))


def stamps_of(rows: NDArray[Any]) -> NDArray[np.uint32]:
    """Return the time stamps as the counter that they are; one that is missing is 0xFFFFFFFF."""
    stamps = np.ascontiguousarray(rows["stamp"])
    if stamps.dtype.kind == "f":
        stamps = np.where(np.abs(stamps) < 2**62, stamps, _NO_STAMP).astype(np.int64)
    return stamps.astype(np.uint32, copy=False)


def _usual_step(rows: Rows, n: int) -> int:
    """Return the usual step of the time stamps; 0 where they do not advance.

    Steps are only compared with each other: the unit of the stamps is wrong in many files.
    """
    stamps = stamps_of(rows(0, min(n, BLOCK)))
    steps = np.diff(stamps)[(stamps[1:] != _NO_STAMP) & (stamps[:-1] != _NO_STAMP)]
    usual = int(np.median(steps)) if steps.size > 1 else 0
    return usual if usual < 2**31 else 0


def _breaks(stamps: NDArray[np.uint32], usual: int) -> NDArray[np.intp]:
    """Return the indices of samples into which time jumps, stands still or falls."""
    if not usual:
        return np.empty(0, np.intp)
    steps = np.diff(stamps)  # unsigned: the counter may wrap, and a fall is a large step
    longest = np.uint32(_longest(usual))
    if usual < 2:  # a stamp repeats where the resolution of the clock ends
        found = np.flatnonzero(steps > longest)
    else:  # so does a step of 0
        steps -= np.uint32(1)
        found = np.flatnonzero(steps >= longest)
    found = found[(stamps[found] != _NO_STAMP) & (stamps[found + 1] != _NO_STAMP)]
    return np.asarray(found + 1)


def _longest(usual: int) -> int:
    """Return the longest step of time stamps between neighbours."""
    return usual + usual // 2 + 2


def _steady(stamps: NDArray[np.uint32], usual: int) -> bool:
    """Tell, compiled, whether there is no break at all."""
    from hil.capture import comtrade_kernel as kernel  # noqa: PLC0415 - numba takes its time

    tile = np.empty(kernel.TILE + 1, np.uint32)
    return not usual or kernel.steady(stamps, int(usual >= 2), _longest(usual), tile)


def _time_notes(rows: Rows, joints: NDArray[np.intp]) -> Iterator[str]:
    kinds: dict[str, list[str]] = {}
    for i in joints[:1000].tolist():
        step = int(np.diff(stamps_of(rows(i - 1, i + 1)))[0])
        kind = "repeat at" if not step else "fall before" if step >= 2**31 else "jump before"
        kinds.setdefault(kind, []).append(str(i + 1))
    for kind, numbers in kinds.items():
        listed = ", ".join(numbers[:8]) + (" ..." if len(numbers) > 8 else "")
        what = ": in between nothing was recorded" if kind == "jump before" else ": marked as not valid"
        yield f"time stamps {kind} sample {listed}{what}"


def _clipped(
    rows: Rows, n: int, config: Config, extremes: tuple[NDArray[Any], NDArray[Any]], rate: float
) -> Iterator[tuple[str, NDArray[np.intp]]]:
    """Yield the name of each clipped channel and its samples that are; extremes by block and channel."""
    tasks: dict[int, list[tuple[int, int]]] = {}
    ends = np.array([extremes[0].min(axis=0), extremes[1].max(axis=0)], float)  # bottom and top of each
    for i, channel in enumerate(config.analogs):
        if not np.isfinite(ends[:, i]).all():
            continue
        low, high = sorted(channel.a * ends[:, i] + channel.b)
        if si_unit(channel.unit)[1] in {"V", "A"} and 0 < 0.1 * max(-low, high) <= min(-low, high):
            for side, extreme in enumerate(extremes):
                for block in np.flatnonzero(extreme[:, i] == ends[side, i]).tolist():
                    tasks.setdefault(block * BLOCK, []).append((i, side))
    longest = int(min(_LONGEST * rate, BLOCK))

    def look(first: int) -> list[tuple[int, int, int, NDArray[np.intp]]]:
        begin = max(first - 2 * longest, 0)
        codes = rows(begin, min(first + BLOCK + 2 * longest, n))["analog"]
        own = (first - begin, first - begin + BLOCK)
        found = []
        for i, side in tasks[first]:
            step = _step(config.kind, ends[:, i])
            count, flat = _flat_tops(codes[:, i], ends[:, i], side, step, longest, own)
            found.append((i, side, count, flat + begin))
        return found

    flats: dict[tuple[int, int], tuple[int, list[NDArray[np.intp]]]] = {}
    for found in spread(look, sorted(tasks)):
        for i, side, count, flat in found:
            before, pieces = flats.get((i, side), (0, []))
            flats[i, side] = before + count, [*pieces, flat] if flat.size else pieces
    for (i, side), (count, pieces) in sorted(flats.items()):
        channel = config.analogs[i]
        if count >= (1 if ends[side, i] in _limits(config.kind, channel, ends[:, i]) else 3):
            yield channel.name, np.concatenate(pieces)


def _flat_tops(
    column: NDArray[Any],
    ends: NDArray[np.float64],
    side: int,
    step: float,
    longest: int,
    own: tuple[int, int],
) -> tuple[int, NDArray[np.intp]]:
    """Return how many flat tops no smooth crest explains, and the samples of all flat tops.

    Only those that begin in the block's own part of the column count.
    """
    at = np.flatnonzero(column == column.dtype.type(ends[side]))
    cut = np.flatnonzero(np.diff(at) > 1) + 1
    begin, end = at[np.concatenate([[0], cut])], at[np.concatenate([cut - 1, [at.size - 1]])] + 1
    size = end - begin
    kept = (size >= _FLAT) & (size <= longest) & (begin >= own[0]) & (begin < own[1])
    if not kept.any():
        return 0, at[:0]
    begin, end, size = begin[kept], end[kept], size[kept]
    codes = column.astype(float)
    last = codes.size - 1
    off = np.abs(codes - ends[side])
    near = np.minimum(off[np.maximum(begin - 1, 0)], off[np.minimum(end, last)])
    far = np.minimum(off[np.maximum(begin - size, 0)], off[np.minimum(end - 1 + size, last)])
    steep = (far > _FALL * step) & (near < 0.125 * (ends[1] - ends[0])) & (begin > 0) & (end <= last)
    marks = np.concatenate([np.arange(b, e) for b, e in zip(begin, end, strict=True)] or [at[:0]])
    return int(np.count_nonzero(steep)), marks


def _step(kind: str, ends: NDArray[np.float64]) -> float:
    """Return the smallest difference of codes that means anything."""
    fine = float(ends[1] - ends[0]) / 65536
    return fine if kind == "FLOAT32" or (ends % 1).any() else max(fine, 1.0)


def _limits(kind: str, channel: Analog, ends: NDArray[np.float64]) -> set[float]:
    """Return the codes that no sample of the channel can pass: stated, unless one does, or of the type."""
    limits = set()
    if channel.low < channel.high and channel.low <= ends[0] and ends[1] <= channel.high:
        limits |= {channel.low, channel.high}
    if kind in {"BINARY", "BINARY32"}:  # the lowest integer means "missing"
        limits |= {MISSING[kind] + 1, -MISSING[kind] - 1}
    return limits
