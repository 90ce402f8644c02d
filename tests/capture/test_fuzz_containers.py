"""A damaged container gives a waveform or one line of `FormatError`: no crash, no hang, little memory."""

import importlib.util
import json
import struct
import zlib

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hil.capture.blocklog import BlockLog, scan_block_log
from hil.capture.read import read
from hil.capture.sealed import seal
from hil.capture.write import write
from hil.errors import FormatError
from hil.waveform import Channel, Waveform

CHANNELS = (Channel("va", "V", "voltage", "a"), Channel("ia", "A", "current", "a"))
N = 400
SAMPLES = np.array([np.arange(N), -np.arange(N)], "f4")
DAMAGE = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=4)
CUT = st.one_of(st.just(1.0), st.floats(0, 1))
TABLE = {"rate": 1e3, "va [V]": SAMPLES[0], "ia [A]": SAMPLES[1]}


def blk(path):
    with BlockLog(path, CHANNELS, 1e3) as log:
        for first in range(0, N, 100):
            log.append(SAMPLES[:, first : first + 100])


def h5(path):
    blk(path.with_suffix(".blk"))
    seal(path.with_suffix(".blk"), path, acquired=N)


def tdms(path):
    from nptdms import ChannelObject, TdmsWriter

    about = {"wf_increment": 1e-3, "unit_string": "V"}
    with TdmsWriter(str(path)) as writer:
        for first in range(0, N, 100):
            part = SAMPLES[:, first : first + 100]
            writer.write_segment([ChannelObject("g", n, x, about) for n, x in zip("ab", part, strict=True)])


def mf4(path):
    from asammdf import MDF, Signal

    with MDF(version="4.10") as file:
        times = np.arange(N) / 1e3
        file.append([Signal(x, times, name=n, unit="V") for n, x in zip("ab", SAMPLES, strict=True)])
        file.save(path, overwrite=True, compression=2)


def written(path):
    write(Waveform(SAMPLES, CHANNELS, 1e3), path)


def npz(path):
    np.savez(path, **TABLE)


def packed(path):
    np.savez_compressed(path, **TABLE)


def needs(package):
    return pytest.mark.skipif(not importlib.util.find_spec(package), reason="optional package")


@pytest.fixture(
    scope="module",
    params=[
        (blk, "x.blk"),
        (h5, "x.h5"),
        (npz, "x.npz"),
        (packed, "x.npz"),
        (written, "x.csv"),
        pytest.param((written, "x.parquet"), marks=needs("pyarrow")),
        pytest.param((tdms, "x.tdms"), marks=needs("nptdms")),
        pytest.param((mf4, "x.mf4"), marks=needs("asammdf")),
    ],
    ids=lambda param: f"{param[0].__name__}{param[1][1:]}",
)
def container(request, tmp_path_factory):
    make, name = request.param
    path = tmp_path_factory.mktemp("fuzz") / name
    make(path)
    return path, path.read_bytes()


def outcome(path):
    """Return the waveform, or None where it was refused in one line that names the file."""
    w, message = None, None
    try:
        w = read(path)
    except FormatError as error:
        message = str(error)
    if w is None:
        assert str(path) in message
        assert "\n" not in message
        return None
    good = slice(None) if w.valid is None else w.valid
    assert np.isfinite(w.samples[:, good]).all()
    return w


def test_undamaged(container):
    path, _ = container
    assert np.array_equal(read(path).samples, SAMPLES)


@settings(max_examples=30, deadline=2000, suppress_health_check=[HealthCheck.too_slow])
@given(flips=DAMAGE, cut=CUT)
def test_damaged(container, flips, cut):
    path, data = container
    spoilt = bytearray(data)
    for place, mask in flips:
        spoilt[int(place * len(data))] ^= mask
    path.write_bytes(spoilt[: round(cut * len(data))])
    w = outcome(path)
    if w is not None and path.suffix in {".blk", ".h5", ".npz", ".parquet"}:  # which carry checksums
        whole = w.samples[:, np.isfinite(w.samples).all(axis=0)]
        assert np.isin(whole[0], SAMPLES[0]).all()
        assert np.array_equal(whole[1], -whole[0])


@settings(max_examples=15, deadline=2000, suppress_health_check=[HealthCheck.too_slow])
@given(
    place=st.floats(0, 1, exclude_max=True),
    number=st.sampled_from([0, 1, 2**31 - 1, 2**32 - 1, 2**62, 2**64 - 1]),
)
def test_absurd_numbers(container, place, number):
    """Anywhere in the head of the file, where the counts and the offsets are, and in the foot."""
    path, data = container
    at = int(place * 2000)
    spoilt = bytearray(data)
    begin = at if at < 1000 else max(len(data) - (at - 1000) - 8, 0)
    spoilt[begin : begin + 8] = struct.pack("<Q", number)
    path.write_bytes(spoilt)
    outcome(path)


@pytest.mark.parametrize(
    "header",
    [
        [],
        {},
        {"channels": [], "rate": 1.0, "metadata": {}},
        {"channels": [{"name": "va"}], "rate": 1.0, "metadata": {}},
        {"channels": [{"name": "a", "unit": "", "quantity": ""}], "rate": -1.0, "metadata": {}},
        {"channels": [{"name": "a", "unit": "", "quantity": ""}], "rate": "fast", "metadata": {}},
        {"channels": [{"name": "a", "unit": "", "quantity": ""}], "rate": 1.0, "metadata": 3},
    ],
)
def test_log_with_a_header_of_something_else(tmp_path, header):
    text = json.dumps(header).encode()
    (tmp_path / "x.blk").write_bytes(b"HILBLOG1" + struct.pack("<II", len(text), zlib.crc32(text)) + text)
    with pytest.raises(FormatError, match="does not name channels and a rate"):
        read(tmp_path / "x.blk")


def test_log_that_counts_to_the_end_of_the_world(tmp_path):
    """A block with a good CRC and an index of 2 ** 60 is a block that is damaged."""
    path = tmp_path / "x.blk"
    with BlockLog(path, CHANNELS, 1e3) as log:
        log.append(SAMPLES)
        log.stored = 1 << 60
        log.append(SAMPLES)
    assert np.array_equal(read(path).samples, SAMPLES)
    assert not scan_block_log(path).closed


def test_sealed_capture_that_claims_more_than_it_holds(tmp_path):
    h5(tmp_path / "x.h5")
    with h5py.File(tmp_path / "x.h5", "r+") as file:
        file["samples"].resize((2, 1 << 50))
    with pytest.raises(FormatError, match="1125899906842624 samples, it tells of 400 stored and 0 lost"):
        read(tmp_path / "x.h5")


def test_archive_with_a_flipped_bit_among_its_samples(tmp_path):
    npz(tmp_path / "x.npz")
    data = bytearray((tmp_path / "x.npz").read_bytes())
    data[data.index(SAMPLES[0].tobytes()) + 40] ^= 1
    (tmp_path / "x.npz").write_bytes(data)
    with pytest.raises(FormatError, match="has another checksum"):
        read(tmp_path / "x.npz")


@pytest.mark.parametrize("shape", ["(99999999999999,)", "(-1,)", "(2, 3)", "()", "(5,)", "(7,)"])
def test_archive_with_an_absurd_shape(tmp_path, shape):
    """It holds six numbers."""
    import io
    import zipfile

    rate = io.BytesIO()
    np.save(rate, 1e3)
    text = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}}}\n".encode()
    array = io.BytesIO(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + bytes(48))
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("va [V].npy", array.getvalue())
        archive.writestr("rate.npy", rate.getvalue())
    assert outcome(tmp_path / "x.npz") is None
