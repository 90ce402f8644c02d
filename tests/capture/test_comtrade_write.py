"""COMTRADE as we write it: read back, by ourselves and by a reader of others."""

import datetime as dt
import errno
import shutil
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hil.capture.comtrade import open_comtrade, read_comtrade
from hil.capture.comtrade_write import write_comtrade
from hil.errors import ConfigError, StorageError
from hil.waveform import Channel, Waveform

KINDS = ["FLOAT32", "BINARY32", "BINARY", "ASCII"]
CODES = {"BINARY32": 2**31, "BINARY": 2**15, "ASCII": 99999}
VA, IB = Channel("Va", "V", "voltage", "a"), Channel("Ib", "A", "current", "b", place="load")
GATE, TRIGGER = Channel("gate", "", "other"), Channel("trigger", "", "trigger")


def waveform(n=300, dtype=np.float32, **more):
    rng = np.random.default_rng(n)
    samples = np.array(
        [rng.normal(size=n) * 325, np.arange(n) % 7 > 3, rng.normal(size=n) * 1e-3 + 5, np.arange(n) > 9],
        dtype,
    )
    return Waveform(samples, (VA, GATE, IB, TRIGGER), more.pop("rate", 50_000.0), **more)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("written")


def written(folder, wave, *, combined=False, **how):
    shutil.rmtree(folder)
    folder.mkdir()
    return write_comtrade(wave, folder / ("rec.cff" if combined else "rec.cfg"), **how)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("combined", [False, True])
def test_what_is_read_back(folder, kind, combined):
    wave = waveform(start=-1e-3, triggered=True, stated_frequency=60.0, source="rec, 1")
    path = written(folder, wave, kind=kind, combined=combined)
    assert sorted(p.name for p in folder.iterdir()) == (["rec.cff"] if combined else ["rec.cfg", "rec.dat"])
    back = read_comtrade(path)
    assert back.channels == (VA, IB, GATE, TRIGGER)
    assert (back.rate, back.triggered, back.stated_frequency, back.valid) == (50_000, True, 60, None)
    assert back.start == pytest.approx(-1e-3, abs=1e-12)
    assert np.array_equal(back.samples[2:], wave.samples[[1, 3]])
    for name in ("Va", "Ib"):
        if kind == "FLOAT32":
            assert np.array_equal(back[name], wave[name])
        else:  # half a code of a range fitted to the data, and rounding to float32
            code = np.ptp(wave[name]) / (0.969 * 2 * CODES[kind])
            rounding = np.abs(wave[name]).max() * (2**-23 if kind == "BINARY" else 0)
            assert np.abs(back[name].astype(float) - wave[name]).max() <= 0.5 * code + rounding


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=25, deadline=None)
@given(
    values=st.lists(
        st.floats(-(2.0**99), 2.0**99, width=32) | st.just(float("nan")), min_size=1, max_size=20
    ),
    rate=st.floats(1e-3, 1e9),
    ahead=st.floats(0, 1),
)
def test_any_values(folder, kind, values, rate, ahead):
    samples = np.array([values], np.float32)
    start = -ahead * len(values) / rate
    wave = Waveform(samples, (Channel("x", "bar", "other"),), rate, start=start, triggered=True)
    back = read_comtrade(written(folder, wave, kind=kind))
    assert back.rate == rate
    assert back.start == pytest.approx(start, abs=1.1e-9) or not back.triggered
    assert np.array_equal(np.isnan(back.samples), np.isnan(samples))
    there = ~np.isnan(samples)
    if kind == "FLOAT32":
        assert np.array_equal(back.samples[there], samples[there])
    elif there.any():
        size = np.abs(samples[there]).max() * 1.0
        span = np.ptp(samples[there].astype(float))
        error = np.abs(back.samples[there] - samples[there].astype(float)).max()
        step = CODES[kind] * 2.0**-150  # which is itself rounded to the smallest number of single precision
        assert error <= 0.5 * span / (0.969 * 2 * CODES[kind]) + size * 2**-22 + step


@pytest.mark.parametrize("kind", KINDS)
def test_samples_that_are_not_valid_stay_so(folder, kind):
    """NaN in one channel, infinity, a mark without NaN, and a level that is not known."""
    wave = waveform()
    samples, valid = wave.samples.copy(), np.ones(300, bool)
    samples[0, 5], samples[2, 6], samples[1, 8] = np.nan, np.inf, np.nan
    valid[[5, 7, 8]] = False
    spoilt = Waveform(samples, wave.channels, wave.rate, valid=valid)
    back = read_comtrade(written(folder, spoilt, kind=kind))
    assert np.flatnonzero(~back.valid).tolist() == [5, 6, 7, 8]
    assert np.argwhere(np.isnan(back.samples)).tolist() == [[0, 5], [0, 7], [0, 8], [1, 6], [1, 7], [1, 8]]


@pytest.mark.parametrize("kind", KINDS)
def test_one_flat_crest_that_is_valid_stays_so(folder, kind):
    """A code at the end of the stated range would be read as clipped, once being enough there."""
    x = np.sin(2 * np.pi * np.arange(1000) / 200) * np.where(np.arange(1000) // 200 == 2, 300, 200)
    wave = Waveform(np.minimum(x, 250)[None], (VA,), 10e3)
    assert read_comtrade(written(folder, wave, kind=kind)).valid is None


def test_a_quantity_without_unit_that_is_no_level(folder):
    wave = Waveform(np.array([[0.0, 0.5, 1.0]]), (Channel("pf", "", "other"),), 10.0)
    assert read_comtrade(written(folder, wave))["pf"].tolist() == [0, 0.5, 1]


@pytest.mark.parametrize("digitals", [1, 16, 17, 33])
def test_many_levels(folder, digitals):
    samples = np.random.default_rng(digitals).integers(0, 2, (digitals, 100)).astype(float)
    wave = Waveform(samples, tuple(Channel(f"d{k}", "", "other") for k in range(digitals)), 10.0)
    for kind in ("FLOAT32", "ASCII"):
        assert np.array_equal(read_comtrade(written(folder, wave, kind=kind)).samples, samples)


def test_names_cannot_break_the_file(folder):
    names = ("a,b", "a b", "c\r\n1,2", "\x1a", "线")
    wave = Waveform(np.ones((5, 3)), tuple(Channel(name, "V", "other") for name in names), 10.0)
    back = read_comtrade(written(folder, wave))
    assert [c.name for c in back.channels] == ["a b", "a b (2)", "c 1 2", "A4", "线"]


@pytest.mark.parametrize("start", [0.0, -1.25e-6])  # a trigger that makes it count in ns
@pytest.mark.parametrize("rate", [15360.0, 50_000.0, 1e6 / 3])
def test_time_stamps(folder, rate, start):
    """The stamps alone, times their multiplier, give the rate: the standard's other way to tell it."""
    path = written(folder, waveform(rate=rate, start=start, triggered=start < 0))
    lines = path.read_bytes().split(b"\r\n")
    at = lines.index(b"1", 4)
    assert lines[at + 1] == f"{rate!r},300".encode()
    path.write_bytes(b"\r\n".join([*lines[:at], b"0", b"0,300", *lines[at + 2 :]]))
    assert read_comtrade(path).rate == pytest.approx(rate, rel=1e-12)


def test_stamps_of_nanoseconds(folder):
    path = written(folder, waveform(start=-1.25e-6, triggered=True, rate=1e9))
    assert b"\r\n01/01/1970,00:00:00.000000000\r\n01/01/1970,00:00:00.000001250\r\n" in path.read_bytes()


def test_when_the_first_sample_was_taken(folder):
    """12:00 at +02:00 is 10:00 UTC, which the file says ("0,0"); the trigger comes 1 ms later."""
    began = dt.datetime(2026, 3, 21, 12, 0, tzinfo=dt.timezone(dt.timedelta(hours=2)))
    path = written(folder, waveform(start=-1e-3, triggered=True), began=began)
    assert b"\r\n21/03/2026,10:00:00.000000\r\n21/03/2026,10:00:00.001000\r\n" in path.read_bytes()
    assert b"\r\n0,0\r\n" in path.read_bytes()


def test_a_rate_of_numpy(folder):
    """Its repr is np.float64(...), which no reader takes."""
    assert read_comtrade(written(folder, waveform(rate=np.float64(1e6) / 3))).rate == 1e6 / 3


def test_a_trigger_between_microseconds(folder):
    path = written(folder, waveform(start=-1.25e-6, triggered=True, rate=1e6))
    assert read_comtrade(path).start == pytest.approx(-1.25e-6, abs=1e-12)


def test_written_in_blocks(folder, monkeypatch):
    """Parts of a file are written on without the whole ever being in memory."""
    wave = waveform(1000)
    whole = written(folder, wave, combined=True).read_bytes()
    monkeypatch.setattr("hil.capture.comtrade_write._BLOCK", 64)
    path = written(folder, wave, combined=True)
    assert path.read_bytes() == whole
    again = write_comtrade(open_comtrade(path), folder / "again.cfg")
    assert np.array_equal(read_comtrade(again).samples, wave.samples[[0, 2, 1, 3]])


@pytest.mark.parametrize("there", ["rec.cfg", "rec.dat"])
def test_nothing_is_overwritten(folder, there):
    shutil.rmtree(folder)
    folder.mkdir()
    (folder / there).write_bytes(b"mine")
    with pytest.raises(StorageError, match=f"{there}: already exists"):
        write_comtrade(waveform(), folder / "rec.cfg")
    assert [p.name for p in folder.iterdir()] == [there]
    assert (folder / there).read_bytes() == b"mine"


@pytest.mark.parametrize(("combined", "at"), [(False, 1), (False, 2), (True, 1)])
def test_a_full_disk_leaves_nothing(folder, combined, at, monkeypatch):
    """The disk fills up as the data, or the .cfg after them, are put on it."""
    calls = []

    def full(_):
        calls.append(1)
        if len(calls) == at:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(StorageError, match=r"No space left on device\); nothing is left.*free the disk"):
        written(folder, waveform(), combined=combined)
    assert list(folder.iterdir()) == []


def test_the_second_name_that_cannot_be_given(folder, monkeypatch):
    rename = type(folder).replace

    def refuse(self, target):
        if target.suffix == ".cfg":
            raise PermissionError(errno.EACCES, "Permission denied")
        return rename(self, target)

    monkeypatch.setattr(type(folder), "replace", refuse)
    with pytest.raises(StorageError, match="Permission denied"):
        written(folder, waveform())
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("wave", "how", "says"),
    [
        (waveform(), {"kind": "BINARY64"}, "no COMTRADE data of kind 'BINARY64'; choose FLOAT32, BINARY"),
        (Waveform(np.empty((1, 0)), (VA,), 1.0), {}, "1 to 4294967295 samples, not 0"),
        (Waveform(np.array([[1.0, np.nan]]), (GATE,), 1.0), {}, "cannot say of digital channels"),
        (Waveform(np.array([[1e200]]), (VA,), 1.0), {}, "beyond 1.7e38"),
    ],
)
def test_what_cannot_be_written(folder, wave, how, says):
    with pytest.raises(ConfigError, match=says):
        written(folder, wave, **how)
    assert list(folder.iterdir()) == []


def peer(path):
    """Return what python-comtrade reads: analog values, levels, rate."""
    comtrade = pytest.importorskip("comtrade")
    record = comtrade.Comtrade(use_numpy_arrays=True, use_double_precision=True, ignore_warnings=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        record.load(str(path))
    return record


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("combined", [False, True])
def test_another_reader_reads_the_same(folder, kind, combined):
    wave = waveform(dtype=np.float64, start=-1e-3, triggered=True, stated_frequency=50.0)
    path = written(folder, wave, kind=kind, combined=combined)
    record, ours = peer(path), read_comtrade(path)
    assert (record.rev_year, record.ft, record.frequency, record.total_samples) == ("2013", kind, 50, 300)
    assert record.analog_channel_ids == ["Va", "Ib"]
    assert record.analog_phases == ["A", "B"]
    assert record.status_channel_ids == ["gate", "trigger"]
    assert record.trigger_time == pytest.approx(1e-3)
    assert np.allclose(record.time, np.arange(300) / 50_000, atol=1e-12)
    assert np.allclose(record.analog, ours.samples[:2], rtol=1e-6, atol=1e-4)
    assert np.array_equal(record.status, ours.samples[2:])


def test_we_read_what_the_other_reader_does(samples):
    """The files of data/captures; the other reader does not scale to primary values, nor to SI units."""
    names = ["comtrade_samples/sample_bin.cfg", "comtrade_samples/sample_ascii.cff"]
    for name in [*names, "oedi_transients/f1_1b274run.cfg", "comtrade_samples/sample_float32.cff"]:
        record, ours = peer(samples / name), read_comtrade(samples / name)
        si = {"kV": 1e3, "kA": 1e3}
        for row, channel, mine in zip(record.analog, record.cfg.analog_channels, ours.samples, strict=False):
            ratio = channel.primary / channel.secondary if channel.pors in "sS" else 1.0
            assert np.allclose(mine, row * ratio * si.get(channel.uu, 1.0), rtol=1e-6, atol=0)
        assert np.array_equal(np.array(record.status).ravel(), ours.samples[len(record.analog) :].ravel())
