"""COMTRADE: files of others with values worked out by hand, and round trips of every type."""

import shutil
import struct

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hil.capture.comtrade import open_comtrade
from hil.capture.comtrade import read_comtrade as read
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
        (lambda cfg, dat: (cfg.replace(b"\r\n1000,4", b"\r\n1_000,4"), dat), "'1_000', not a number"),
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


@pytest.mark.parametrize("reader", [read, open_comtrade])
@pytest.mark.parametrize(
    ("announced", "says"),
    [(2, "3 samples, the cfg announces 2; the files do not belong"), (4, "announces 4; it was cut off")],
)
def test_ascii_data_of_another_length(write_comtrade, reader, announced, says):
    path = write_comtrade("ASCII", [VOLTS], [(1,), (2,), (3,)])
    path.write_bytes(path.read_bytes().replace(b"\r\n1000,3\r\n", f"\r\n1000,{announced}\r\n".encode()))
    with pytest.raises(FormatError, match=says):
        reader(path)


def test_an_empty_cell_of_ascii_data_is_missing(write_comtrade):
    path = write_comtrade("ASCII", [VOLTS], [(1,), ("",), (3,)])
    assert read(path).valid.tolist() == [True, False, True]


def test_a_file_that_is_missing(write_comtrade):
    path = write_comtrade("BINARY", [VOLTS], [(1,)])
    path.with_suffix(".dat").unlink()
    with pytest.raises(FormatError, match=r"there is no rec\.dat beside it"):
        read(path)


def test_a_change_of_rate_makes_sections(write_comtrade):
    """Samples 1-2 at 1 kS/s, 3-7 at 5 kS/s, 8-9 at 1 kS/s; the trigger 1.2 ms after the first sample.

    By hand: sample 3 comes 0.2 ms after sample 2 (1.2 ms), sample 8 comes 1 ms after sample 7 (2 ms).
    """
    rates = ["4", "1000,2", "5000,5", "5000,7", "1000,9"]
    codes = [(i,) for i in range(9)]
    path = write_comtrade("BINARY", [VOLTS], codes, rates=rates, trigger="00:00:00.001200", stamps=[0] * 9)
    longest = read(path)
    assert longest["Va"].tolist() == [0.5 * x + 10 for x in range(2, 7)]
    assert (longest.rate, longest.triggered, longest.source) == (5000, True, "rec.cfg#2")
    assert longest.start == pytest.approx(0.0, abs=1e-12)
    assert "#1 samples 1-2 at 1000 S/s, #2 samples 3-7 at 5000 S/s" in longest.history[1]
    for number, start, length in ((1, -1.2e-3, 2), (2, 0.0, 5), (3, 1.8e-3, 2)):
        part = read(path, number)
        assert (len(part), part.triggered) == (length, True)
        assert part.start == pytest.approx(start, abs=1e-12)
        assert open_comtrade(path, number).part(0, 9).samples.tolist() == part.samples.tolist()
    for number in (0, 4):
        with pytest.raises(FormatError, match="there is no section .; it has 3"):
            read(path, number)


def test_a_pause_between_sections_is_in_the_stamps(write_comtrade):
    """Stamps in us: the second section begins 5 ms after the last sample of the first, at 1 ms."""
    stamps = [0, 1000, 6000, 6200, 6400, 6600]
    path = write_comtrade("BINARY", [VOLTS], [(1,)] * 6, rates=["2", "1000,2", "5000,6"], stamps=stamps)
    assert read(path).start == pytest.approx(6e-3)


def test_a_pause_is_not_taken_from_stamps_in_a_wrong_unit(write_comtrade):
    """Ten times too long: so the second section begins one of its own steps, 0.2 ms, after the first."""
    stamps = [0, 10_000, 60_000, 62_000, 64_000, 66_000]
    path = write_comtrade("BINARY", [VOLTS], [(1,)] * 6, rates=["2", "1000,2", "5000,6"], stamps=stamps)
    assert read(path).start == pytest.approx(1.2e-3)


@pytest.mark.parametrize("kind", ["BINARY", "ASCII"])
@pytest.mark.parametrize(
    ("stamps", "bad", "says"),
    [
        ([0, 100, 100, 200, 300, 400], [2], "repeat at sample 3"),
        ([0, 100, 200, 150, 250, 350], [3], "fall before sample 4"),
        ([0, 100, 200, 900, 1000, 1100], [3], "jump before sample 4: in between nothing was recorded"),
        ([0, 100, 200, 353, 453, 553], [3], "jump before sample 4"),  # by half a step, and two counts
        ([0, 100, 200, 352, 452, 552], [], ""),
        ([2**32 - 200, 2**32 - 100, 0, 100, 200, 300], [], ""),  # the counter wraps
        ([0, 100, 2**32 - 1, 300, 400, 500], [], ""),  # one stamp is missing
        ([7] * 6, [], "do not advance"),
        ([0, 1, 1, 2, 3, 4], [], ""),  # the clock is as coarse as the sampling
    ],
)
def test_time_stamps_that_do_not_advance_evenly(write_comtrade, kind, stamps, bad, says):
    w = read(write_comtrade(kind, [VOLTS], [(1,)] * 6, stamps=stamps))
    assert ([] if w.valid is None else np.flatnonzero(~w.valid).tolist()) == bad
    assert says in "; ".join(w.history[1:])
    assert len(w.history) == 1 + bool(says)


def test_a_break_between_two_blocks(write_comtrade, monkeypatch):
    """Blocks of 4 samples: the step into each block counts, and once."""
    monkeypatch.setattr("hil.capture.comtrade_survey.BLOCK", 4)
    stamps = [*range(0, 400, 100), *range(900, 1300, 100), *range(1200, 1500, 100)]
    w = read(write_comtrade("BINARY", [VOLTS], [(i,) for i in range(11)], stamps=stamps))
    assert np.flatnonzero(~w.valid).tolist() == [4, 8]
    assert w["Va"].tolist() == [0.5 * i + 10 for i in range(11)]


def test_missing_stamps_give_no_rate(write_comtrade):
    path = write_comtrade("ASCII", [VOLTS], [(1,)] * 3, stamps=[0, "", 2000], rates=["0", "0,3"])
    with pytest.raises(FormatError, match="row 2: there is no time stamp"):
        read(path)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("combined", [False, True])
def test_parts_are_what_the_whole_is(write_comtrade, kind, combined):
    codes = [(i, -i) for i in range(-20, 30)]
    codes[7] = (99999 if kind == "ASCII" else -(2**15) if kind == "BINARY" else -(2**31), 3)
    codes[7] = (-3.4028234663852886e38, 3) if kind == "FLOAT32" else codes[7]
    bits = [[i & 1, i >> 1 & 1] for i in range(50)]
    stamps = [100 * i + 400 * (i > 30) for i in range(50)]
    path = write_comtrade(
        kind, [VOLTS, AMPS], codes, ["d", "e"], bits, stamps=stamps, combined=combined, trigger="00:00:00.010"
    )
    whole, capture = read(path), open_comtrade(path)
    assert np.flatnonzero(~whole.valid).tolist() == [7, 31]
    assert (len(capture), capture.channels, capture.rate) == (50, whole.channels, whole.rate)
    assert (capture.start, capture.triggered, capture.history) == (-0.01, True, whole.history)
    assert (capture.source, capture.stated_frequency) == (whole.source, 60)
    for first, last in ((0, 50), (5, 12), (31, 32), (-3, 60), (20, 20)):
        mine, theirs = capture.part(first, last), whole.part(first, last)
        assert np.array_equal(mine.samples, theirs.samples, equal_nan=True)
        good = np.ones(len(theirs), bool) if theirs.valid is None else theirs.valid
        assert (np.ones(len(mine), bool) if mine.valid is None else mine.valid).tolist() == good.tolist()
        assert mine.start == pytest.approx(theirs.start)


def test_text_is_taken_in_pieces(write_comtrade, monkeypatch):
    monkeypatch.setattr("hil.capture.comtrade_files._TEXT", 40)
    path = write_comtrade("ASCII", [VOLTS], [(i,) for i in range(30)])
    assert read(path)["Va"].tolist() == [0.5 * i + 10 for i in range(30)]
    assert open_comtrade(path).part(10, 12)["Va"].tolist() == [15, 15.5]
    dat = path.with_suffix(".dat")
    dat.write_bytes(dat.read_bytes().replace(b"\n21,20000,20", b"\n21,20000,x"))
    with pytest.raises(FormatError, match="line 21: 'x' is not a number"):
        open_comtrade(path)


def test_a_file_that_shrinks_meanwhile(write_comtrade):
    path = write_comtrade("BINARY", [VOLTS], [(i,) for i in range(30)])
    capture = open_comtrade(path)
    path.with_suffix(".dat").write_bytes(b"0123456789")
    with pytest.raises(FormatError, match="cut off while it was read"):
        capture.part(0, 30)


def test_threads_change_nothing(write_comtrade, monkeypatch):
    monkeypatch.setattr("hil.capture.comtrade_survey.BLOCK", 64)
    rng = np.random.default_rng(3)
    codes = [tuple(row) for row in rng.integers(-32768, 32767, (1000, 2)).tolist()]
    path = write_comtrade("BINARY", [VOLTS, AMPS], codes)
    results = []
    for count in (1, 2, 4):
        monkeypatch.setattr("os.cpu_count", lambda count=count: count)
        results.append(read(path))
    assert all(r.samples.tobytes() == results[0].samples.tobytes() for r in results)
    assert all(r.history == results[0].history for r in results)


@pytest.mark.parametrize(
    ("encoding", "name"),
    [
        ("utf-8", "Tensión µΩ"),
        ("latin-1", "Tensión µ°"),
        ("cp1251", "Напряжение фазы А"),
        ("gb18030", "母线电压"),
    ],
)
def test_names_in_old_code_pages(write_comtrade, encoding, name):
    path = write_comtrade("BINARY", [VOLTS.replace("Va", "NAME")], [(1,)])
    path.write_bytes(path.read_bytes().replace(b"NAME", name.encode(encoding)))
    assert read(path).channels[0].name == name


def test_a_letter_that_looks_like_a_line_break(write_comtrade):
    """Byte 85 is "next line" in Latin-1, and dots in the code page of Windows."""
    path = write_comtrade("BINARY", [VOLTS.replace("Va", "NAME")], [(1,)])
    path.write_bytes(path.read_bytes().replace(b"NAME", b"Va \x85"))
    assert len(read(path)) == 1


def test_1991_marks_missing_values_with_ffff(write_comtrade):
    """Where the range has no -1 it cannot be a value."""
    unipolar = VOLTS.replace("-32767,32767", "0,4095").replace("Va", "Vb")
    path = write_comtrade("BINARY", [VOLTS, unipolar], [(-1, -1), (2, 3)], revision="1991")
    w = read(path)
    assert w["Va"].tolist() == [9.5, 11]
    assert np.isnan(w["Vb"]).tolist() == [True, False]
    assert w.valid.tolist() == [False, True]


def test_skew_is_stated(write_comtrade):
    w = read(write_comtrade("BINARY", [VOLTS.replace(",10,0,", ",10,-25,")], [(1,)]))
    assert w.history[1] == "channel skew of up to 25 us is stated and not corrected"


def test_the_circuit_component_may_be_a_measuring_point(write_comtrade):
    w = read(write_comtrade("BINARY", [VOLTS.replace("Va,A,,", "Va,A,grid,"), AMPS], [(1, 2)]))
    assert [c.place for c in w.channels] == ["grid", ""]


def test_a_word_too_large_for_the_samples(write_comtrade):
    """1000 times 1e38 V fits no float32, and is missing."""
    w = read(write_comtrade("BINARY", [VOLTS.replace("0.5,10", "1e38,0")], [(1000,), (0,)]))
    assert w.valid.tolist() == [False, True]


@pytest.mark.parametrize(
    ("revision", "begin", "trigger"),
    [
        ("1991", "01/31/25,23:59:59.9", "02/01/25,00:00:00.0"),  # month first
        ("1991", "12/31/99,23:59:59.9", "01/01/00,00:00:00.0"),
        ("1999", "28/02/2025,23:59:59.9", "01/03/2025,00:00:00.0"),  # day first
        ("2013", "31/12/2024,23:59:59.9", "01/01/2025,00:00:00.0"),
    ],
)
def test_a_record_over_midnight(write_comtrade, revision, begin, trigger):
    """The trigger comes 0.1 s after the first of 200 samples at 1 kS/s, whichever way dates are written."""
    path = write_comtrade("BINARY", [VOLTS], [(1,)] * 200, revision=revision)
    text = path.read_bytes().replace(
        b"02/01/2025,00:00:00.000000\r\n" * 2, f"{begin}\r\n{trigger}\r\n".encode()
    )
    path.write_bytes(text)
    w = read(path)
    assert w.triggered
    assert w.start == pytest.approx(-0.1, abs=1e-12)
