"""A damaged file gives a waveform or a `FormatError`, and nothing else."""

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hil.capture.blocklog import BlockLog, scan_block_log
from hil.capture.read import read
from hil.errors import FormatError
from hil.waveform import Channel, Waveform

CFG = """S,R,2013\r\n3,2A,1D\r\n1,Va,A,,kV,0.5,10,0,-32767,32767,10,1,S\r\n2,Ia,A,,A,1,0,0,-32767,32767,1,1,P
1,trip,,,0\r\n60\r\n1\r\n1000,4\r\n02/01/2025,00:00:00.000000\r\n02/01/2025,00:00:00.002000\r\n{kind}\r\n1\r\n0,0\r\n0,0\r\n"""
BINARY = b"".join(struct.pack("<IIhhH", i, 1000 * i, 7 * i, -i, i & 1) for i in range(1, 5))
FLOAT32 = b"".join(struct.pack("<IIffH", i, 1000 * i, 7.0 * i, -i, i & 1) for i in range(1, 5))
ASCII = b"1,0,7,-1,1\r\n2,1000,14,-2,0\r\n3,2000,21,-3,1\r\n4,3000,28,-4,0\r\n"
CFF = b"--- file type: CFG ---\r\n%s--- file type: DAT %s ---\r\n%s"
FILES = {
    "binary.cfg": (CFG.format(kind="BINARY").encode(), BINARY),
    "float.cfg": (CFG.format(kind="FLOAT32").encode(), FLOAT32),
    "ascii.cfg": (CFG.format(kind="ASCII").encode(), ASCII),
    "stamps.cfg": (CFG.format(kind="ASCII").replace("1000,4", "0,4").encode(), ASCII),
    "ascii.cff": (CFF % (CFG.format(kind="ASCII").encode(), b"ASCII", ASCII), b""),
    "binary.cff": (CFF % (CFG.format(kind="BINARY").encode(), b"BINARY: 56", BINARY), b""),
    "point.csv": (b"time [ms],Va [kV],Ia\r\n-1,2.5,3\r\n0,1e-3,nan\r\n1,0,4\r\n2,0,4\r\n", b""),
    "comma.csv": (b"t;Va [V];P_w\n0;2,5;3\n1;0,001;\n2;0;4\n", b""),
}
DAMAGE = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 7)), max_size=4)
CUT = st.one_of(st.just(1.0), st.floats(0, 1))


def spoil(data, flips, cut):
    data = bytearray(data)
    for place, bit in flips:
        if data:
            data[int(place * len(data))] ^= 1 << bit
    return bytes(data[: round(cut * len(data))])


def outcome(reader, path):
    """Return (what was read, ""), or (None, what was said)."""
    try:
        return reader(path), ""
    except FormatError as error:
        return None, str(error)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz")


@pytest.mark.parametrize("name", FILES)
def test_undamaged(folder, name):
    head, data = FILES[name]
    (folder / name).write_bytes(head)
    (folder / name).with_suffix(".dat").write_bytes(data)
    assert len(read(folder / name)) in {3, 4}


@pytest.mark.parametrize("name", FILES)
@settings(max_examples=150, deadline=None)
@given(flips=DAMAGE, cut=CUT, data_flips=DAMAGE, data_cut=CUT)
def test_damaged_file(folder, name, flips, cut, data_flips, data_cut):
    head, data = FILES[name]
    path = folder / name
    path.write_bytes(spoil(head, flips, cut))
    path.with_suffix(".dat").write_bytes(spoil(data, data_flips, data_cut))
    waveform, message = outcome(read, path)
    if waveform is None:
        assert message.startswith(str(path.with_suffix("")))
        assert "\n" not in message
    else:
        assert isinstance(waveform, Waveform)
        good = slice(None) if waveform.valid is None else waveform.valid
        assert np.isfinite(waveform.samples[:, good]).all()


@settings(max_examples=150, deadline=None)
@given(flips=DAMAGE, cut=CUT)
def test_damaged_block_log(folder, flips, cut):
    """What is read is right where it is not NaN, whatever happened."""
    path = folder / "a.blk"
    path.unlink(missing_ok=True)
    with BlockLog(path, (Channel("va", "V", "voltage", "a"),), 1000.0) as log:
        for first in range(0, 60, 20):
            log.append(np.arange(first, first + 20.0)[None])
    path.write_bytes(spoil(path.read_bytes(), flips, cut))
    found, message = outcome(scan_block_log, path)
    assert "\n" not in message
    if found:
        samples, complete = found.part(0, found.span), found.closed and not found.lost
        wanted = np.where(np.isnan(samples[0]), np.nan, np.arange(samples.shape[1]))
        assert np.array_equal(samples[0], wanted, equal_nan=True)
        assert not complete or np.isfinite(samples).sum() == 60
