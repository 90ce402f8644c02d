"""A damaged COMTRADE record gives a waveform or a `FormatError` of one line; no hang, no flood of memory."""

import struct
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hil.capture.comtrade import open_comtrade, read_comtrade
from hil.capture.comtrade_write import write_comtrade
from hil.errors import FormatError
from hil.waveform import Channel, Waveform

KINDS = ["ASCII", "BINARY", "BINARY32", "FLOAT32"]
ABSURD = [
    "", "0", "-1", "1", "2", "16", "999999999", str(10**15), str(10**40), "1e308", "1e-320", "-1e300",
    "nan", "inf", "-inf", "NaN", "1_0", "0x10", "1,2", "½", "\x00", "\x85", "A", "1A", "99999A", "32767",
    "-32768", "S", "P", "ASCII", "BINARY", "BINARY32", "FLOAT32", "1991", "2013", "99/99/9999", "00:00:00",
]  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz")


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    """Return cfg and data of a small record of each kind: two analog channels, one digital."""
    folder = tmp_path_factory.mktemp("records")
    t = np.arange(24)
    samples = np.array([np.round(100 * np.sin(t)), np.cos(t), t % 3 == 0])
    channels = (
        Channel("Va", "kV", "voltage", "a"),
        Channel("Ia", "A", "current", "a"),
        Channel("d", "", "other"),
    )
    wave = Waveform(samples.astype(float), channels, 1000.0, start=-0.003, triggered=True)
    found = {}
    for kind in KINDS:
        path = write_comtrade(wave, folder / f"{kind}.cfg", kind=kind)
        found[kind] = (path.read_bytes().decode(), path.with_suffix(".dat").read_bytes())
    return found


def attempt(reader, path):
    """Return (what was read, ""), or (None, what was said); little memory is used."""
    tracemalloc.start()
    try:
        return reader(path), ""
    except FormatError as error:
        return None, str(error)
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 3e7


def outcome(folder, cfg, data):
    """Read a record both ways; return its waveform, or None where it is refused."""
    path = folder / "rec.cfg"
    path.write_bytes(cfg if isinstance(cfg, bytes) else cfg.encode())
    path.with_suffix(".dat").write_bytes(data)
    wave, message = attempt(read_comtrade, path)
    capture, again = attempt(open_comtrade, path)
    assert (wave is None) == (capture is None)
    if wave is None:
        assert message == again
        assert message.startswith(str(path.with_suffix("")))
        assert "\n" not in message
        assert len(message) < 500
        return None
    part = capture.part(0, len(capture))
    assert np.array_equal(part.samples, wave.samples, equal_nan=True)
    good = slice(None) if wave.valid is None else wave.valid
    assert np.isfinite(wave.samples[:, good]).all()
    assert np.isfinite([wave.rate, wave.start]).all()
    return wave


@pytest.mark.parametrize("kind", KINDS)
def test_undamaged(folder, records, kind):
    wave = outcome(folder, *records[kind])
    assert (wave.samples.shape, wave.valid) == ((3, 24), None)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_fields_of_the_cfg(folder, records, kind, data):
    """Up to three fields are something else, a line is gone, or stands twice."""
    cfg, dat = records[kind]
    lines = [line.split(",") for line in cfg.split("\r\n")]
    for _ in range(data.draw(st.integers(1, 3))):
        line = data.draw(st.sampled_from(lines))
        line[data.draw(st.integers(0, len(line) - 1))] = data.draw(
            st.sampled_from(ABSURD) | st.text(max_size=8)
        )
    if data.draw(st.booleans()):
        at = data.draw(st.integers(0, len(lines) - 1))
        lines[at : at + 1] = [lines[at]] * data.draw(st.sampled_from([0, 2]))
    outcome(folder, "\r\n".join(",".join(line) for line in lines), dat)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=60, deadline=None)
@given(
    flips=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 7)), max_size=6),
    cut=st.just(1.0) | st.floats(0, 1),
    cfg_flips=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 7)), max_size=2),
)
def test_bits_and_ends(folder, records, kind, flips, cut, cfg_flips):
    cfg, dat = records[kind]
    spoilt = []
    for source, places in ((cfg.encode(), cfg_flips), (dat, flips)):
        text = bytearray(source)
        for place, bit in places:
            text[int(place * len(text))] ^= 1 << bit
        spoilt.append(bytes(text))
    wave = outcome(folder, spoilt[0], spoilt[1][: round(cut * len(dat))])
    if wave is not None and not cfg_flips and not flips:
        assert len(wave) == 24
        assert round(cut * len(dat)) >= len(dat) - 2  # but for the end of the last line


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("3,2A,1D", f"{10**15 + 1},{10**15}A,1D"),
        ("3,2A,1D", f"{10**15 + 2},2A,{10**15}D"),
        (".0,24", f".0,{10**15}"),
        ("\r\n1\r\n", f"\r\n{10**15}\r\n"),
        ("1000.0,24", "1e308,24"),
        ("1000.0,24", "1e-308,24"),
        ("1000.0,24", "nan,24"),
        ("1000.0,24", "inf,24"),
        ("\r\n1\r\n1000.0,24", "\r\n0\r\n0,24"),
    ],
)
def test_absurd_counts_and_rates(folder, records, kind, old, new):
    cfg, dat = records[kind]
    assert old in cfg
    wave = outcome(folder, cfg.replace(old, new, 1), dat)
    assert (wave is None) == (new not in {"1e308,24", "1e-308,24", "\r\n0\r\n0,24"})


@settings(max_examples=100, deadline=None)
@given(
    stamps=st.lists(st.integers(0, 2**32 - 1) | st.integers(0, 40), min_size=4, max_size=4),
    codes=st.lists(st.integers(-(2**15), 2**15 - 1), min_size=4, max_size=4),
    stated=st.booleans(),
)
def test_any_stamps_and_codes(folder, stamps, codes, stated):
    rate = "1\r\n1000,4" if stated else "0\r\n0,4"
    stamp = "02/01/2025,00:00:00.000000"
    cfg = "S,R,2013\r\n1,1A,0D\r\n1,Va,A,,V,0.5,0,0,-32767,32767,1,1,P\r\n60"
    cfg = f"{cfg}\r\n{rate}\r\n{stamp}\r\n{stamp}\r\nBINARY\r\n1"
    rows = zip(range(1, 5), stamps, codes, strict=True)
    wave = outcome(folder, cfg, b"".join(struct.pack("<IIh", *row) for row in rows))
    assert not (stated and wave is None)
    if wave is not None:
        missing = np.array(codes) == -(2**15)
        assert np.array_equal(np.isnan(wave.samples[0]), missing)
        assert wave.samples[0][~missing].tolist() == (0.5 * np.array(codes)[~missing]).tolist()
