"""MDF, version 3 and 4, as measuring and calibration tools write it; needs asammdf.

A capture is the channels that were sampled together. Of several rasters the one with most samples is
taken, or that of the channel group named by its number, from 1 on, in `file.mf4#2`.
"""

from __future__ import annotations

import gc
import io
import logging
import os
import sys
import traceback
import warnings
from contextlib import contextmanager, redirect_stdout
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO, Final
from weakref import finalize

import numpy as np

from hil.capture.guess import guess_channels, si_unit
from hil.capture.lazy import LazyCapture
from hil.capture.parsing import distinct, one_line, opened, streamed_rate
from hil.errors import FormatError, HilError, MissingExtra

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

_DEFLATED: Final = 1032
"""How many times longer than a compressed block its contents can be at most (zlib)."""
_PIECE: Final = 1 << 19
"""Time stamps looked at in one go."""


def open_mdf(path: Path, group: str | None = None) -> LazyCapture:
    """Return the channels of an MDF file that were sampled together, with its conversions applied."""
    try:
        from asammdf import MDF  # noqa: PLC0415 - optional, and a second
    except ImportError:
        raise MissingExtra(
            f'{path}: MDF needs asammdf; install it with: pip install "hil-bench[formats]"'
        ) from None
    handle = opened(path)  # ours: what asammdf opens itself it cannot close when it fails
    try:
        capture = _open(path, MDF, handle, group)
    except BaseException:
        handle.close()
        raise
    finalize(capture.load, handle.close)
    return capture


def _open(path: Path, mdf: Any, handle: BinaryIO, group: str | None) -> LazyCapture:
    with _refusing(path):
        file = mdf(handle)
        _check(file, _DEFLATED * handle.seek(0, os.SEEK_END))
        cycles = {
            i: int(g.channel_group.cycles_nr)
            for i, g in enumerate(file.groups)
            if g.channel_group.cycles_nr and file.masters_db.get(i) is not None and len(g.channels) > 1
        }
    if group is not None:
        known = ", ".join(str(i + 1) for i in cycles)
        cycles = {i: n for i, n in cycles.items() if str(i + 1) == group}
        if not cycles:
            raise FormatError(f"{path}: there is no channel group {group} with samples; it has {known}")
    if not cycles:
        raise FormatError(f"{path}: there is no channel group with a time channel and samples")
    samples = max(cycles.values())
    longest = [i for i, n in cycles.items() if n == samples]
    rasters: dict[tuple[float, float], list[int]] = {}
    for i in longest:
        rate = streamed_rate(partial(_times, path, file, i, samples), samples, f"{path}#{i + 1}")
        rasters.setdefault((rate, float(next(_times(path, file, i, 1))[0])), []).append(i)
    if len(rasters) > 1:
        raise FormatError(
            f"{path}: holds {len(rasters)} sets of {samples} samples at different rates or times; name one, "
            f"such as {' or '.join(f'{path.name}#{i + 1}' for i in longest)}"
        )
    ((rate, start), groups) = rasters.popitem()
    entries, names, units = _channels(path, file, groups)
    scales = [si_unit(unit) for unit in units]
    factors = np.array([[factor] for factor, _ in scales])

    def load(first: int, last: int) -> NDArray[np.float64]:
        with _refusing(path), np.errstate(over="ignore", invalid="ignore"):  # not finite is missing
            found = _select(file, entries, first, last - first)
            block: NDArray[np.float64] = (
                np.array([_whole(signal.samples, last - first) for signal in found], float) * factors
            )
            for row, signal in zip(block, found, strict=True):
                if signal.invalidation_bits is not None:
                    row[np.asarray(signal.invalidation_bits, bool)] = np.nan
        block[~np.isfinite(block)] = np.nan
        return block

    others = [i + 1 for i in cycles if i not in groups]
    left = f"left out: channel groups {', '.join(map(str, others))} of other rates" if others else ""
    return LazyCapture(
        tuple(guess_channels(distinct(names), [unit for _, unit in scales])),
        rate,
        samples,
        load,
        start=start,
        triggered=start < 0 < start + (samples - 1) / rate,
        history=(f"read {path.name}", *filter(None, [left])),
        source=path.name,
    )


def _check(file: Any, room: int) -> None:
    """Refuse records larger than the file can hold and channels beyond their record: asammdf would crash."""
    for group in file.groups:
        about = group.channel_group
        size = about.samples_byte_nr + getattr(about, "invalidation_bytes_nr", 0)
        if size * max(about.cycles_nr, 1) > room:
            raise ValueError(f"{about.cycles_nr} records of {size} bytes")
        for channel in group.channels:
            if hasattr(channel, "byte_offset"):  # version 4
                bits = 8 * channel.byte_offset + channel.bit_offset + channel.bit_count
            else:
                bits = 8 * channel.additional_byte_offset + channel.start_offset + channel.bit_count
            if bits > 8 * size:
                raise ValueError(f"channel {channel.name!r} ends at bit {bits} of a record of {size} bytes")


def _channels(
    path: Path, file: Any, groups: list[int]
) -> tuple[list[tuple[None, int, int]], list[str], list[str]]:
    """Return what asammdf goes by, names and units of the channels of numbers in some groups."""
    with _refusing(path):
        entries = [
            (None, i, k)
            for i in groups
            for k in range(len(file.groups[i].channels))
            if k != file.masters_db[i]
        ]
        found = [
            (entry, str(signal.name), str(signal.unit or ""))
            for entry, signal in zip(entries, _select(file, entries, 0, 1), strict=True)
            if signal.samples.ndim == 1 and signal.samples.dtype.kind in "iufb"
        ]
    if not found:
        raise FormatError(f"{path}: there is no channel of numbers beside the time")
    kept, names, units = zip(*found, strict=True)
    return list(kept), list(names), list(units)


def _times(path: Path, file: Any, group: int, samples: int) -> Iterator[NDArray[np.float64]]:
    """Yield the times of a channel group, piece by piece [s]."""
    for first in range(0, samples, _PIECE):
        count = min(_PIECE, samples - first)
        with _refusing(path):
            stamps = file.get_master(group, record_offset=first, record_count=count)
            piece = np.asarray(_whole(stamps, count), float)
        yield piece


def _select(file: Any, entries: list[tuple[None, int, int]], first: int, count: int) -> list[Any]:
    found: list[Any] = file.select(
        entries,
        record_offset=first,
        record_count=count,
        copy_master=False,
        ignore_value2text_conversions=True,
    )
    return found


def _whole(values: NDArray[Any], count: int) -> NDArray[Any]:
    if len(values) != count:
        raise ValueError(f"{len(values)} of {count} records are there")
    return values


@contextmanager
def _refusing(path: Path) -> Iterator[None]:
    """Turn whatever asammdf raises on a damaged file into one error; its log and warnings too."""
    logger = logging.getLogger("asammdf")
    disabled, logger.disabled = logger.disabled, True
    try:
        # asammdf prints what it cannot read
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    except HilError:
        raise
    except Exception as error:  # noqa: BLE001 - it raises MdfException and what Python has
        line = one_line(error)  # before what it holds is let go
        _discard(error)
        raise FormatError(f"{path}: is not a whole MDF file ({line}); copy it again") from None
    finally:
        logger.disabled = disabled


def _discard(error: BaseException) -> None:
    """Let go of a file that asammdf has half made: its destructor fails, and would say so aloud."""
    hook, sys.unraisablehook = sys.unraisablehook, lambda _: None
    try:
        link: BaseException | None = error
        while link is not None:
            traceback.clear_frames(link.__traceback__)
            link = link.__context__
        gc.collect()  # it is part of a cycle
    finally:
        sys.unraisablehook = hook
