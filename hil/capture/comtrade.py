"""COMTRADE, IEEE C37.111 / IEC 60255-24, revisions 1991, 1999 and 2013: .cfg with .dat, and .cff.

An analog code x stands for a x + b in the unit of the channel; secondary values are brought to
the primary side. The line frequency that the file states is handed on and never relied on:
files that say 50 Hz over a 60 Hz waveform are about.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from hil.capture.comtrade_cfg import Config, parse_cfg
from hil.capture.guess import guess_channels, si_unit
from hil.capture.parsing import contents, decode, distinct, mapped, numbers, uniform_rate
from hil.errors import FormatError
from hil.waveform import Channel, Waveform

if TYPE_CHECKING:
    import mmap
    from pathlib import Path

    from numpy.typing import NDArray

_CODES: Final = {"BINARY": "<i2", "BINARY32": "<i4", "FLOAT32": "<f4"}
_MISSING: Final = {"BINARY": -(2.0**15), "BINARY32": -(2.0**31), "FLOAT32": -3.4028234663852886e38}
_SECTION: Final = re.compile(
    rb"^-{2,}[ ]*file type[ :]*(\w+)(?:[ ]+(\w+))?[ ]*(?::[ ]*(\d{1,15}))?[ ]*-{2,}[ \t]*\r?\n?",
    re.IGNORECASE | re.MULTILINE,
)
_BLOCK: Final = 1 << 14  # samples converted at a time: what fits the cache


def read_comtrade(path: Path) -> Waveform:
    """Return a COMTRADE record, whichever of its files the path names."""
    data: bytes | mmap.mmap
    if path.suffix.lower() == ".cff":
        cfg, data = _split(contents(path), str(path))
        config = parse_cfg(decode(cfg), f"{path}, CFG section")
        where = f"{path}, DAT section"
    else:
        cfg_path = _partner(path, ".cfg")
        config = parse_cfg(decode(contents(cfg_path)), str(cfg_path))
        dat_path = _partner(path, ".dat")
        data = mapped(dat_path)
        where = str(dat_path)
    if config.kind == "ASCII":
        stamps, codes, digitals = _decode_ascii(config, data[:], where)
    else:
        stamps, codes, digitals = _decode_binary(config, data, where)
    samples, bad = _scale(config, codes, digitals)
    rate = config.rate
    if rate is None:
        rate = uniform_rate(stamps * config.stamp_unit, where, quantum=config.stamp_unit)
    history = [f"read {path.name} (COMTRADE {config.kind})"]
    joints = _joints(stamps)
    if joints.size:
        bad[joints] = True
        listed = ", ".join(str(i + 1) for i in joints[:8]) + (" ..." if joints.size > 8 else "")
        history.append(f"time stamps jump before sample {listed}: in between nothing was recorded")
    if config.skewed:
        history.append("channel skew is stated and not corrected")
    trigger = config.trigger
    if trigger is None or not 0 < trigger < config.count / rate:
        trigger = 0.0
    return Waveform(
        samples=samples,
        channels=_channels(config),
        rate=rate,
        start=0.0 - trigger,
        triggered=trigger > 0,
        valid=~bad if bad.any() else None,
        history=tuple(history),
        source=path.name,
        stated_frequency=config.frequency,
    )


def _partner(path: Path, suffix: str) -> Path:
    """Return the .cfg or .dat of a record: the same name, in upper or lower case."""
    if path.suffix.lower() == suffix:
        return path
    name = (path.stem + suffix).lower()
    found = [p for p in path.parent.iterdir() if p.name.lower() == name]
    if not found:
        raise FormatError(f"{path}: there is no {path.stem}{suffix} beside it; copy both files")
    return min(found, key=lambda p: (p.stem != path.stem, p.name))


def _split(data: bytes, where: str) -> tuple[bytes, bytes]:
    """Return the CFG and DAT sections of a combined file."""
    cfg: bytes | None = None
    at = 0
    while match := _SECTION.search(data, at):
        name, at = match[1].upper(), match.end()
        if name == b"DAT":
            length = int(match[3]) if match[3] else None
            if cfg is None:
                break
            return cfg, data[at:] if length is None else data[at : at + length]
        following = _SECTION.search(data, at)
        if name == b"CFG":
            cfg = data[at : following.start() if following else len(data)]
    missing = "CFG" if cfg is None else "DAT"
    raise FormatError(f"{where}: there is no {missing} section before the data; export the file again")


def _decode_ascii(config: Config, data: bytes, where: str) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    if b"\0" in data[:4096]:
        raise FormatError(f"{where}: holds binary data, the cfg says ASCII; correct the file type in the cfg")
    na = len(config.analogs)
    table = numbers(data, 2 + na + len(config.digitals), where)
    if len(table) != config.count:
        raise FormatError(
            f"{where}: {len(table)} samples, the cfg announces {config.count}; "
            + (
                "it was cut off: copy it again"
                if len(table) < config.count
                else "the files do not belong together"
            )
        )
    return table[:, 1], table[:, 2 : 2 + na], table[:, 2 + na :]


def _decode_binary(
    config: Config, data: bytes | mmap.mmap, where: str
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    na, nd = len(config.analogs), len(config.digitals)
    row = _row(config.kind, na, nd)
    if len(data) != config.count * row.itemsize:
        raise FormatError(f"{where}: {_length_defect(config, data, row.itemsize)}")
    rows = np.frombuffer(data, row)
    return rows["stamp"], rows["analog"], rows["digital"]


def _row(kind: str, na: int, nd: int) -> np.dtype[Any]:
    words = -(-nd // 16)
    return np.dtype(
        [("number", "<u4"), ("stamp", "<u4"), ("analog", _CODES[kind], (na,)), ("digital", "<u2", (words,))]
    )


def _length_defect(config: Config, data: bytes | mmap.mmap, size: int) -> str:
    """Say why the data have the wrong length."""
    na, nd, kind = len(config.analogs), len(config.digitals), config.kind
    if data and not bytes(data[:512]).strip(b"0123456789+-.,eE \t\r\n"):
        return f"holds text, the cfg says {kind}; correct the file type in the cfg to ASCII"
    others = [k for k in _CODES if k != kind and len(data) == config.count * _row(k, na, nd).itemsize]
    if others:
        return (
            f"has the length of {' or '.join(others)}, the cfg says {kind}; correct the file type in the cfg"
        )
    whole = len(data) // size
    if whole < config.count:
        return (
            f"ends in sample {whole + 1}: {whole} whole samples of {config.count} "
            f"({len(data)} bytes of {config.count * size}); it was cut off: copy it again"
        )
    return (
        f"holds {len(data)} bytes, {config.count} samples of {size} bytes are announced; "
        "cfg and data do not belong together"
    )


def _scale(
    config: Config, codes: NDArray[Any], digitals: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return the samples in SI units, shape (channels, n), and a mask of those with a value missing."""
    n, na = len(codes), len(config.analogs)
    # 24 bits hold a 16-bit code and a FLOAT32; the others need a double
    dtype = np.float32 if config.kind in {"BINARY", "FLOAT32"} else np.float64
    samples = np.empty((na + len(config.digitals), n), dtype)
    bad = np.zeros(n, np.bool_)
    with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is marked as missing
        factor = np.array([[si_unit(c.unit)[0] * c.ratio] for c in config.analogs]).reshape(na, 1)
        a = (np.array([[c.a] for c in config.analogs]).reshape(na, 1) * factor).astype(dtype)
        b = (np.array([[c.b] for c in config.analogs]).reshape(na, 1) * factor).astype(dtype)
        marker = _missing(config).astype(codes.dtype)
        for first in range(0, n, _BLOCK):
            part = slice(first, first + _BLOCK)
            block, out = np.ascontiguousarray(codes[part].T), samples[:na, part]
            np.multiply(block, a, out=out)
            out += b
            lost = (block == marker) | ~np.isfinite(out)
            if lost.any():
                out[lost] = np.nan
                bad[part] = lost.any(axis=0)
            samples[na:, part] = _levels(digitals[part], len(config.digitals)).T
            if config.kind == "ASCII":
                bad[part] |= np.isnan(digitals[part]).any(axis=1)
    return samples, bad


def _levels(digitals: NDArray[Any], count: int) -> NDArray[Any]:
    """Return the digital channels, shape (n, count), out of 16-bit words, the first in the lowest bit."""
    if digitals.dtype != np.uint16:
        return digitals
    words = np.ascontiguousarray(digitals).view(np.uint8)
    return np.unpackbits(words, axis=1, bitorder="little")[:, :count] if count else words


def _missing(config: Config) -> NDArray[np.float64]:
    """Return the code that means "missing" for each analog channel, shape (channels, 1)."""
    if config.kind == "ASCII":  # unless the stated range says that 99999 is a value
        codes = [99999.0 if c.high < 99999 else np.nan for c in config.analogs]
    else:
        codes = [_MISSING[config.kind]] * len(config.analogs)
    return np.array(codes).reshape(-1, 1)


def _joints(stamps: NDArray[Any]) -> NDArray[np.intp]:
    """Return the indices of samples before which the stamps jump: the recording paused there.

    Only relative to the usual step: the unit of the stamps is wrong in many files.
    """
    if len(stamps) < 3 or not (np.abs(stamps) < 2**62).all():
        return np.empty(0, np.intp)
    counts = stamps if stamps.dtype.kind == "u" else stamps.astype(np.int64).astype(np.uint32)
    steps = np.diff(counts)  # unsigned: the counter may wrap
    return np.flatnonzero(steps > 1.5 * np.median(steps) + 2) + 1


def _channels(config: Config) -> tuple[Channel, ...]:
    names = distinct([*(c.name for c in config.analogs), *config.digitals])
    na = len(config.analogs)
    analogs = guess_channels(
        names[:na], [si_unit(c.unit)[1] for c in config.analogs], [c.phase for c in config.analogs]
    )
    return (*analogs, *(Channel(name, "", "other") for name in names[na:]))
