"""TDMS, as LabVIEW and DAQmx log it; needs npTDMS.

A capture is the channels that were sampled together: same rate, same start, same length. Of several
such sets the one with most samples is taken, or that of the group named in `file.tdms#Group`.
"""

from __future__ import annotations

import logging
import re
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, Final
from weakref import finalize

import numpy as np

from hil.capture.guess import guess_channels, si_unit
from hil.capture.lazy import LazyCapture
from hil.capture.parsing import distinct, one_line, opened
from hil.capture.spool import Spool
from hil.capture.table import open_table
from hil.errors import FormatError, HilError, MissingExtra

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

_CHUNK: Final = 1 << 20
"""Samples in a chunk of a file beyond which it is unpacked once: npTDMS reads whole chunks."""
_TORN: Final = re.compile("Last segment|Data size .* is not a multiple")
"""What npTDMS logs of a file that was cut off; the samples before are good. Anything else that it
remarks on, such as a scale that it does not know, makes wrong numbers."""


@dataclass(frozen=True, slots=True)
class _Raster:
    """Channels that were sampled together."""

    channels: tuple[Any, ...]
    samples: int
    step: Any
    """wf_increment [s], or 0 where a time channel says it."""
    begin: Any
    """wf_start_offset [s]"""


def open_tdms(path: Path, group: str | None = None) -> LazyCapture:
    """Return the channels of a TDMS file that were sampled together, scaled as DAQmx says."""
    try:
        from nptdms import TdmsFile  # noqa: PLC0415 - optional
    except ImportError:
        raise MissingExtra(
            f'{path}: TDMS needs npTDMS; install it with: pip install "hil-bench[formats]"'
        ) from None
    handle = opened(path)  # ours, so that it can be closed when nobody holds the capture
    try:
        capture = _open(path, TdmsFile, handle, group)
    except BaseException:
        handle.close()
        raise
    finalize(capture.load, handle.close)
    return capture


def _open(path: Path, tdms_file: Any, handle: BinaryIO, group: str | None) -> LazyCapture:
    with _refusing(path) as torn:
        file = tdms_file.open(handle)
        found: dict[tuple[Any, ...], list[Any]] = {}
        for channel in (c for g in file.groups() if group in {None, g.name} for c in g.channels()):
            if len(channel) and channel.dtype is not None and channel.dtype.kind in "iufb":
                step = channel.properties.get("wf_increment", 0.0)
                begin = channel.properties.get("wf_start_offset", 0.0)
                at = str(channel.properties.get("wf_start_time", ""))
                within = "" if step else channel.group_name  # which has its own time channel
                length = 0 if torn else len(channel)  # torn, the last channels may be shorter
                found.setdefault((length, step, begin, at, within), []).append(channel)
        names = [g.name for g in file.groups()]
    if not found:
        wanted = "" if group is None else f" in group {group!r}; it has {', '.join(names) or 'no groups'}"
        raise FormatError(f"{path}: there is no channel of numbers{wanted}")
    rasters = [
        _Raster(tuple(channels), min(map(len, channels)), step, begin)
        for (_, step, begin, *_), channels in found.items()
    ]
    longest = max(raster.samples for raster in rasters)
    chosen = [raster for raster in rasters if raster.samples == longest]
    if len(chosen) > 1:
        choice = " or ".join(sorted({f"{path.name}#{c.group_name}" for r in chosen for c in r.channels}))
        raise FormatError(
            f"{path}: holds {len(chosen)} sets of {longest} samples at different rates or times; "
            f"name one, such as {choice}, or export them to files of their own"
        )
    notes = [
        f"left out: {', '.join(c.name for c in r.channels)} of group {r.channels[0].group_name} "
        f"({r.samples} samples)"
        for r in rasters
        if r is not chosen[0]
    ]
    return _capture(path, chosen[0], [*notes, *(["NOT complete: the file was cut off"] if torn else [])])


def _capture(path: Path, raster: _Raster, notes: list[str]) -> LazyCapture:
    channels, samples, step, begin = raster.channels, raster.samples, raster.step, raster.begin
    units = [_unit(channel) for channel in channels]
    names = distinct(channel.name for channel in channels)
    read = _reader(path, channels)
    if not step:
        titles = list(zip(names, units, strict=True))
        return open_table(titles, samples, read, path, notes=notes)
    if not (
        isinstance(step, float) and isinstance(begin, float) and 0 < step < np.inf and np.isfinite(begin)
    ):
        raise FormatError(
            f"{path}: wf_increment is {step!r} s and wf_start_offset {begin!r} s; export it again"
        )
    scales = [si_unit(unit) for unit in units]
    factors = np.array([[factor] for factor, _ in scales])
    every = range(len(channels))

    def load(first: int, last: int) -> NDArray[Any]:
        block: NDArray[Any] = read(first, last, every)
        with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is missing
            block *= factors.astype(block.dtype)
        block[~np.isfinite(block)] = np.nan
        return block

    rate = 1 / step
    return LazyCapture(
        tuple(guess_channels(names, [unit for _, unit in scales])),
        float(round(rate)) if abs(rate - round(rate)) < 1e-9 * rate else rate,  # 1 / 2e-05 is below 50000
        samples,
        load,
        start=begin,
        triggered=begin < 0 < begin + (samples - 1) * step,
        history=(f"read {path.name}", *notes),
        source=path.name,
    )


def _reader(path: Path, channels: tuple[Any, ...]) -> Any:
    """Return what reads rows first .. last - 1 of some channels."""
    dtype = np.result_type(np.float32, *(channel.dtype for channel in channels))
    with _refusing(path):
        large = any(len(next(iter(channel.data_chunks()))) > _CHUNK for channel in channels[:1])
        spools = []
        for channel in channels if large else ():
            store = Spool(1, str(path), dtype)
            for chunk in channel.data_chunks():
                store.append(np.asarray(chunk[:])[:, None])
            spools.append(store)

    def read(first: int, last: int, wanted: Sequence[int]) -> NDArray[Any]:
        block = np.empty((len(wanted), last - first), dtype)
        with _refusing(path):
            for row, i in zip(block, wanted, strict=True):
                row[:] = (
                    spools[i].rows(first, last)[:, 0] if large else channels[i].read_data(first, last - first)
                )
        return block

    return read


def _unit(channel: Any) -> str:
    unit = channel.properties.get("unit_string") or channel.properties.get("NI_UnitDescription") or ""
    return {"Volts": "V", "Amps": "A"}.get(str(unit), str(unit))


@contextmanager
def _refusing(path: Path) -> Iterator[list[str]]:
    """Turn whatever npTDMS raises or logs into one error; yield what it says of a torn tail."""
    torn: list[str] = []
    other: list[str] = []

    def listen(record: logging.LogRecord) -> bool:
        text = record.getMessage()
        (torn if _TORN.match(text) else other).append(text)
        return False

    names = [name for name in logging.root.manager.loggerDict if name.startswith("nptdms.")]
    for name in names:
        logging.getLogger(name).addFilter(listen)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            yield torn
        if other:
            raise ValueError(other[0])  # noqa: TRY301 - as npTDMS should
    except HilError:
        raise
    except Exception as error:  # noqa: BLE001 - it raises Exception itself, and what Python has
        raise FormatError(f"{path}: is not a whole TDMS file ({one_line(error)}); copy it again") from None
    finally:
        for name in names:
            logging.getLogger(name).removeFilter(listen)
