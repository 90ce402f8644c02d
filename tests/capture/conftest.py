"""A COMTRADE writer for round trips, written from the standard and not from the reader."""

import struct
from pathlib import Path

import pytest

SAMPLES = Path(__file__).parents[2] / "data" / "captures"


def cfg_text(
    kind, analogs, digitals, count, *, rate="1000", revision="2013", trigger="00:00:00.000000", **more
):
    """analogs: lines after the number, "name,ph,ccbm,unit,a,b,skew,min,max,primary,secondary,PS"."""
    lines = [f"BENCH,REC{',' + revision if revision != '1991' else ''}"]
    lines += [f"{len(analogs) + len(digitals)},{len(analogs)}A,{len(digitals)}D"]
    lines += [f"{i},{line}" for i, line in enumerate(analogs, 1)]
    lines += [f"{i},{name},,,0" for i, name in enumerate(digitals, 1)]
    lines += [more.get("frequency", "60"), *more.get("rates", ["1", f"{rate},{count}"])]
    lines += ["02/01/2025,00:00:00.000000", f"02/01/2025,{trigger}", kind, more.get("multiplier", "1")]
    return "\r\n".join(lines) + "\r\n"


def dat_bytes(kind, codes, bits, stamps):
    """codes and bits: one row per sample."""
    if kind == "ASCII":
        rows = zip(stamps, codes, bits, strict=True)
        return "".join(
            f"{i},{','.join(map(str, (t, *x, *d)))}\r\n" for i, (t, x, d) in enumerate(rows, 1)
        ).encode()
    code = {"BINARY": "h", "BINARY32": "i", "FLOAT32": "f"}[kind]
    data = b""
    for i, (stamp, row, levels) in enumerate(zip(stamps, codes, bits, strict=True), 1):
        data += struct.pack(f"<II{len(row)}{code}", i, stamp, *row)
        for first in range(0, len(levels), 16):
            data += struct.pack("<H", sum(bit << k for k, bit in enumerate(levels[first : first + 16])))
    return data


@pytest.fixture
def write_comtrade(tmp_path):
    """Return write(kind, analogs, digitals, codes, bits, ...) -> path of the .cfg or .cff."""

    def write(
        kind, analogs, codes, digitals=(), bits=None, *, name="rec", combined=False, stamps=None, **more
    ):
        bits = bits if bits is not None else [()] * len(codes)
        stamps = stamps if stamps is not None else [1000 * i for i in range(len(codes))]
        cfg = cfg_text(kind, analogs, digitals, len(codes), **more)
        data = dat_bytes(kind, codes, bits, stamps)
        if combined:
            length = "" if kind == "ASCII" else f": {len(data)}"
            text = (
                f"--- file type: CFG ---\r\n{cfg}--- file type: INF ---\r\n\r\n--- file type: HDR ---\r\n\r\n"
            )
            text += f"--- file type: DAT {kind}{length} ---\r\n"
            (tmp_path / f"{name}.cff").write_bytes(text.encode() + data)
            return tmp_path / f"{name}.cff"
        (tmp_path / f"{name}.cfg").write_bytes(cfg.encode())
        (tmp_path / f"{name}.dat").write_bytes(data)
        return tmp_path / f"{name}.cfg"

    return write


@pytest.fixture
def samples():
    """Folder of sample captures."""
    return SAMPLES
