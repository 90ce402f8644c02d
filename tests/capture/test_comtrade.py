"""COMTRADE: files of others with values worked out by hand, and round trips of every type."""

import shutil
import struct

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hil.capture.read import read
from hil.errors import FormatError

VOLTS = "Va,A,,V,0.5,10,0,-32767,32767,1,1,P"
AMPS = "Ia,A,,kA,0.001,0,0,-32767,32767,1,1,P"
KINDS = ["ASCII", "BINARY", "BINARY32", "FLOAT32"]


def test_fault_run_of_an_emt_program(samples):
    """Expected values: SOURCE.txt beside the file. The file says 50 Hz; the waveform has 60."""
    w = read(samples / "oedi_transients" / "f1_1b274run.cfg")
    assert w.samples.shape == (15, 40001)
    assert w.rate == 100_000
    assert (w.start, w.triggered, w.valid) == (0.0, False, None)
    assert w.stated_frequency == 50
    volts = w.find("voltage")
    assert [c.name for c in volts] == ["SBUS A V-node", "SBUS B V-node", "SBUS C V-node"]
    assert [c.name for c in w.find("current")] == [f"SBUS {p} 25 {p} I-branch" for p in "ABC"]
    ub = w["SBUS B V-node"]  # 5000 samples are 3 cycles of 60 Hz
    assert np.sqrt(np.mean(ub[10200:15200] ** 2)) == pytest.approx(2380.9, rel=5e-3)
    assert np.sqrt(np.mean(ub[35000:40000] ** 2)) == pytest.approx(932.7, rel=5e-3)
    inception = w.time[np.argmax(np.abs(w["FAULTB I-branch"]) > 50)]
    assert inception == pytest.approx(0.1525, abs=2e-4)  # counted from the first sample


def test_either_file_names_the_record(samples, tmp_path):
    for suffix in ("CFG", "DAT"):
        shutil.copy(samples / "comtrade_samples" / f"sample_bin.{suffix.lower()}", tmp_path / f"S.{suffix}")
    assert len(read(tmp_path / "S.CFG")) == len(read(tmp_path / "S.DAT")) == 5


def test_binary_sample_by_hand(samples):
    """First row 6d9e bff0 4e6c 1930: code -24979 of VA, times 0.000361849 kV."""
    w = read(samples / "comtrade_samples" / "sample_bin.cfg")
    assert w.samples.shape == (20, 5)
    assert w.rate == 15360
    assert w["VA"][0] == pytest.approx(-24979 * 0.361849, rel=1e-6)
    assert w["VB"][0] == pytest.approx(-3905 * 0.365758, rel=1e-6)
    assert [(c.unit, c.quantity, c.phase) for c in w.channels[:4]] == [("V", "voltage", p) for p in "abcn"]
    assert {(c.unit, c.quantity) for c in w.channels[4:]} == {("", "other")}
    assert w.triggered
    assert w.start == pytest.approx(-65e-6)  # 41.958333 - 41.958268 s


@pytest.mark.parametrize("kind", ["ascii", "bin"])
def test_missing_values_are_marked(samples, tmp_path, kind):
    """In row k + 1 (ascii) or k (bin) the value of channel k is missing."""
    shutil.copy(samples / "comtrade_samples" / f"sample_{kind}.cfg", tmp_path / "m.cfg")
    shutil.copy(samples / "comtrade_samples" / f"sample_{kind}_missing.dat", tmp_path / "m.dat")
    first = 1 if kind == "ascii" else 0
    w = read(tmp_path / "m.cfg")
    assert np.argwhere(np.isnan(w.samples)).tolist() == [[k, first + k] for k in range(4)]
    assert np.flatnonzero(~w.valid).tolist() == [first, first + 1, first + 2, first + 3]


@pytest.mark.parametrize("name", ["sample_ascii.cfg", "sample_ascii.cff", "sub"])
def test_ascii_sample_by_hand(samples, tmp_path, name):
    """First row: IA -83, 3I0 -8; secondary values of a 933:1 transformer; 51A picks up in row 14."""
    if name == "sub":  # end-of-file marks of DOS after the last line
        shutil.copy(samples / "comtrade_samples" / "sample_sub_char.cfg", tmp_path / "s.cfg")
        data = (samples / "comtrade_samples" / "sample_ascii.dat").read_bytes()
        (tmp_path / "s.dat").write_bytes(data + b"\x1a\x1a\n")
        w = read(tmp_path / "s.cfg")
    else:
        w = read(samples / "comtrade_samples" / name)
    a, b = 0.1138916015625, 0.05694580078125
    assert w.samples.shape == (8, 40)
    assert w["IA"][0] == pytest.approx((-83 * a + b) * 933)
    assert w["3I0"][-1] == pytest.approx((-110 * a + b) * 933)
    assert np.flatnonzero(w["51A"])[0] == 13
    assert np.flatnonzero(w["51N"])[0] == 10
    assert w.start == pytest.approx(-0.00325)
    assert w.stated_frequency == 60


def test_latin_1_names_and_stretched_stamps(samples):
    w = read(samples / "comtrade_samples" / "sample_iso8859-1_bin.cfg")
    assert w["IA"][0] == pytest.approx((-15665 * 0.000832454560204436 + 3.64453125) * 933, rel=1e-6)
    assert w.valid is None


def test_float32_in_one_file(samples):
    w = read(samples / "comtrade_samples" / "sample_float32.cff")
    assert w.samples.shape == (2, 301)
    assert w.rate == 100
    assert w["test/out1"][0] == np.float32(struct.unpack("<f", bytes.fromhex("03d23340"))[0])
    assert w.start == -1.5
    assert w.stated_frequency is None  # the file says 0


def test_sections_at_one_rate_with_pauses_between(samples):
    """Sections end at samples 289, 506, 1045, 1812, 2099 with a jump of the stamps (read off the file)."""
    w = read(samples / "comtrade_samples" / "ascii_1991.cfg")
    assert w.samples.shape == (61, 2131)
    assert w.rate == 1200
    assert np.flatnonzero(~w.valid).tolist() == [289, 506, 1045, 1812, 2099]
    assert "290, 507" in w.history[1]
    assert w["Ib1"][600] == pytest.approx(6.345)  # row 601: +006345, times 0.001
    assert w.start == pytest.approx(-0.0775)
    assert [c.phase for c in w.find("voltage")] == ["a", "b", "c"]


@pytest.mark.parametrize("combined", [False, True])
@pytest.mark.parametrize("kind", KINDS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15, deadline=None)
@given(
    codes=st.lists(st.tuples(*[st.integers(-32767, 32767)] * 2), min_size=1, max_size=40),
    pattern=st.integers(0, 2**18 - 1),
)
def test_round_trip(write_comtrade, kind, combined, codes, pattern):
    """x -> 0.5 x + 10 V and 0.001 x kA = x A; 18 digital channels fill a word and two bits."""
    bits = [[(pattern + i) >> k & 1 for k in range(18)] for i in range(len(codes))]
    path = write_comtrade(kind, [VOLTS, AMPS], codes, [f"d{k}" for k in range(18)], bits, combined=combined)
    w = read(path)
    x = np.array(codes, float).T
    assert np.allclose(w["Va"], 0.5 * x[0] + 10, rtol=1e-6, atol=1e-3)
    assert np.allclose(w["Ia"], x[1], rtol=1e-6)
    assert w.samples[2:].T.tolist() == bits
    assert w.channels[1].unit == "A"
    assert w.valid is None


def test_secondary_values_come_to_the_primary_side(write_comtrade):
    w = read(write_comtrade("BINARY", ["Va,A,,V,1,0,0,-9,9,13800,120,S"], [(120,), (60,)]))
    assert w["Va"].tolist() == [13800, 6900]


def test_rate_from_the_time_stamps(write_comtrade):
    """Stamps of 500, 1500, 2500 us: 1 kHz. With the middle one at 1900 us there is no one rate."""
    more = {"rates": ["0", "0,3"]}
    assert read(write_comtrade("BINARY", [VOLTS], [(1,)] * 3, stamps=[500, 1500, 2500], **more)).rate == 1000
    with pytest.raises(FormatError, match="row 2.*fixed sampling rate"):
        read(write_comtrade("BINARY", [VOLTS], [(1,)] * 3, stamps=[500, 1900, 2500], **more))


def test_99999_is_a_value_where_the_range_says_so(write_comtrade):
    wide = VOLTS.replace("-32767,32767", "-1000000,1000000")
    w = read(write_comtrade("ASCII", [VOLTS, wide.replace("Va", "Vb")], [(99999, 99999), (1, 1)]))
    assert np.isnan(w["Va"][0])
    assert w["Vb"][0] == 99999 * 0.5 + 10


def test_nan_in_float32_is_missing(write_comtrade):
    w = read(write_comtrade("FLOAT32", [VOLTS], [(1.0,), (float("nan"),)]))
    assert w.valid.tolist() == [True, False]


@pytest.mark.parametrize(
    ("trigger", "start"), [("00:00:00.002000", -0.002), ("00:00:00.004000", 0.0), ("??", 0.0)]
)
def test_time_zero_is_a_trigger_inside_the_record(write_comtrade, trigger, start):
    w = read(write_comtrade("BINARY", [VOLTS], [(1,)] * 4, trigger=trigger))
    assert w.start == pytest.approx(start)
    assert w.triggered == (start < 0)


def test_repeated_names_are_told_apart(write_comtrade):
    w = read(write_comtrade("BINARY", [VOLTS, VOLTS], [(1, 2)] * 2))
    assert [c.name for c in w.channels] == ["Va", "Va (2)"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda cfg, dat: (cfg, dat[:-3]), "rec.dat: ends in sample 4: 3 whole samples of 4 .*copy it again"),
        (lambda cfg, dat: (cfg, dat + dat), "holds 80 bytes, 4 samples of 10 bytes"),
        (lambda cfg, dat: (cfg, b""), "ends in sample 1: 0 whole samples of 4"),
        (lambda cfg, dat: (cfg.replace(b"BINARY", b"FLOAT32"), dat), "has the length of BINARY,"),
        (lambda cfg, dat: (cfg, b"1,0,5\r\n2,1000,6\r\n"), "holds text.*file type in the cfg to ASCII"),
        (lambda cfg, dat: (cfg.replace(b"BINARY", b"ASCII"), dat), "holds binary data.*file type"),
        (lambda cfg, dat: (cfg.replace(b"BINARY", b"BINARY64"), dat), "line 9: the file type is 'BINARY64'"),
        (lambda cfg, dat: (cfg.replace(b"1,1A,0D", b"2,1A,0D"), dat), "line 2: 2 channels are announced"),
        (
            lambda cfg, dat: (cfg.replace(b"0.5", b"half"), dat),
            "line 3: the multiplier of channel 1 is 'half'",
        ),
        (lambda cfg, dat: (cfg[:60], dat), "ends after line 3, before the line frequency"),
        (lambda cfg, dat: (cfg[:48], dat), "line 3: the line of analog channel 1 has 9 fields"),
        (lambda cfg, dat: (cfg.replace(b"\r\n1000,4", b"\r\n-5,4"), dat), "line 6: the sampling rate"),
    ],
)
def test_each_defect_is_one_line(write_comtrade, change, message):
    path = write_comtrade("BINARY", [VOLTS], [(1,), (2,), (3,), (4,)])
    cfg, dat = change(path.read_bytes(), path.with_suffix(".dat").read_bytes())
    path.write_bytes(cfg)
    path.with_suffix(".dat").write_bytes(dat)
    with pytest.raises(FormatError, match=message) as caught:
        read(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b"3,2000,3\r\n", b"3,2000,x\r\n", "line 3: 'x' is not a number"),
        (b"2,1000,2\r\n", b"2,1000\r\n", "line 2: 2 values, expected 3"),
        (b"4,3000,4\r\n", b"4,30", "line 4: 2 values, expected 3; the file was cut off"),
        (b"4,3000,4\r\n", b"", "3 samples, the cfg announces 4; it was cut off"),
    ],
)
def test_defects_of_ascii_data_are_found_by_line(write_comtrade, old, new, message):
    path = write_comtrade("ASCII", [VOLTS], [(1,), (2,), (3,), (4,)])
    data = path.with_suffix(".dat").read_bytes()
    assert old in data
    path.with_suffix(".dat").write_bytes(data.replace(old, new))
    with pytest.raises(FormatError, match=message):
        read(path)


def test_an_empty_cell_of_ascii_data_is_missing(write_comtrade):
    path = write_comtrade("ASCII", [VOLTS], [(1,), ("",), (3,)])
    assert read(path).valid.tolist() == [True, False, True]


def test_several_rates_are_refused_with_their_samples(write_comtrade):
    path = write_comtrade("BINARY", [VOLTS], [(1,)] * 3, rates=["2", "1000,2", "5000,3"])
    with pytest.raises(FormatError, match="samples 1-2 at 1000 S/s, samples 3-3 at 5000 S/s.*split"):
        read(path)


def test_a_file_that_is_missing(write_comtrade, tmp_path):
    path = write_comtrade("BINARY", [VOLTS], [(1,)])
    path.with_suffix(".dat").unlink()
    with pytest.raises(FormatError, match=r"there is no rec\.dat beside it"):
        read(path)
    with pytest.raises(FormatError, match="no such file"):
        read(tmp_path / "none.cfg")
    with pytest.raises(FormatError, match=r"no reader for \.xyz"):
        read(tmp_path / "none.xyz")
