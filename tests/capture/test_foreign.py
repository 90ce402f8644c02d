"""TDMS and MDF4, written by their own libraries."""

import builtins
import importlib.util

import numpy as np
import pytest

from hil.capture.read import open_capture, read
from hil.errors import FormatError, MissingExtra

needs_tdms = pytest.mark.skipif(not importlib.util.find_spec("nptdms"), reason="optional package")
needs_mdf = pytest.mark.skipif(not importlib.util.find_spec("asammdf"), reason="optional package")
T = np.arange(10_000) / 10e3
VA = 325 * np.sin(2 * np.pi * 50 * T)


@pytest.fixture
def tdms(tmp_path):
    """Return write(segments of (group, channel, samples, properties)) -> path."""
    from nptdms import ChannelObject, TdmsWriter

    def write(*segments):
        with TdmsWriter(str(tmp_path / "x.tdms")) as writer:
            for segment in segments:
                writer.write_segment([ChannelObject(*channel) for channel in segment])
        return tmp_path / "x.tdms"

    return write


def wave(rate=10e3, offset=0.0, unit="V", **more):
    return {"wf_increment": 1 / rate, "wf_start_offset": offset, "unit_string": unit, **more}


@needs_tdms
def test_tdms(tdms):
    """In several segments, scaled as DAQmx stores it: integers, a slope and an intercept."""
    codes = np.round(VA * 10).astype(np.int16)
    linear = {
        "NI_Scaling_Status": "unscaled",
        "NI_Number_Of_Scales": 1,
        "NI_Scale[0]_Scale_Type": "Linear",
        "NI_Scale[0]_Linear_Slope": 0.1,
        "NI_Scale[0]_Linear_Y_Intercept": 2.0,
        "NI_Scale[0]_Linear_Input_Source": 0xFFFFFFFF,
    }
    path = tdms(
        *(
            [
                ("Scope", "Ua", codes[first : first + 1000], wave(unit="V", offset=-0.25, **linear)),
                ("Scope", "Ia", VA[first : first + 1000].astype("f4"), wave(unit="kA", offset=-0.25)),
            ]
            for first in range(0, 10_000, 1000)
        )
    )
    w = read(path)
    assert (w.rate, w.start, w.triggered, w.valid) == (10e3, -0.25, True, None)
    assert [(c.name, c.unit, c.quantity, c.phase) for c in w.channels] == [
        ("Ua", "V", "voltage", "a"),
        ("Ia", "A", "current", "a"),
    ]
    assert w["Ua"] == pytest.approx(codes * 0.1 + 2)
    assert w["Ia"] == pytest.approx(1e3 * VA, rel=1e-6)
    part = open_capture(path).part(990, 2010)
    assert np.array_equal(part.samples, w.samples[:, 990:2010])
    assert part.start == pytest.approx(-0.25 + 0.099)


@needs_tdms
def test_tdms_of_one_large_segment(tdms):
    """Which is unpacked once: npTDMS would read all of it for each part."""
    samples = np.arange(1_100_000, dtype="f4")
    capture = open_capture(tdms([("g", "x [mV]", samples, wave()), ("g", "y", -samples, wave())]))
    assert np.array_equal(capture.part(1_000_000, 1_000_005)["y"], -samples[1_000_000:1_000_005])
    assert len(capture) == 1_100_000


@needs_tdms
def test_tdms_with_groups_of_other_rates(tdms):
    slow = ("Slow", "temp", T[:10], wave(10, unit="degC"))
    path = tdms([("Fast", "Ua", VA, wave()), ("Other", "Ub", VA, wave()), slow])
    w = read(path)
    assert [c.name for c in w.channels] == ["Ua", "Ub"]  # sampled together, in two groups
    assert w.history[-1] == "left out: temp of group Slow (10 samples)"
    assert read(f"{path}#Slow").rate == 10
    with pytest.raises(FormatError, match=r"no channel of numbers in group 'None'; it has Fast, Other, Slow"):
        read(f"{path}#None")
    path = tdms([("A", "Ua", VA, wave()), ("B", "Ub", VA, wave(20e3))])
    with pytest.raises(FormatError, match=r"2 sets of 10000 samples .* such as x\.tdms#A or x\.tdms#B"):
        read(path)
    assert read(f"{path}#B").rate == 20e3


@needs_tdms
@pytest.mark.parametrize("rate", [50e3, 100e3, 10e3, 51.2e3])
def test_tdms_rate_is_the_number_that_was_set(tdms, rate):
    """The file holds its inverse: 1 / 2e-05 is 49999.99999999999 in floating point."""
    assert read(tdms([("g", "Va", VA, wave(rate))])).rate == rate


@needs_tdms
def test_tdms_with_a_time_channel(tdms):
    assert (
        read(tdms([("g", "Time", T, {"unit_string": "s"}), ("g", "Va", VA, {"unit_string": "V"})])).rate
        == 10e3
    )
    with pytest.raises(FormatError, match="no time column among Va"):
        read(tdms([("g", "Va", VA, {})]))


@needs_tdms
def test_tdms_that_is_torn(tdms, capfd):
    """What a logger that died leaves: the samples before are good, and it says so."""
    path = tdms(
        *([("g", "Va", VA[k : k + 1000], wave()), ("g", "Vb", VA[k : k + 1000], wave())] for k in (0, 1000))
    )
    data = path.read_bytes()
    path.write_bytes(data[:-100])
    w = read(path)
    assert [c.name for c in w.channels] == ["Va", "Vb"]
    assert len(w) in {1000, 1987}  # the second segment has less of Vb than of Va
    assert np.array_equal(w.samples, [VA[: len(w)]] * 2)
    assert w.history[-1] == "NOT complete: the file was cut off"
    for cut in (0, 3, 20):
        path.write_bytes(data[:cut])
        with pytest.raises(FormatError, match=r"x\.tdms: (is not a whole TDMS file|there is no channel)"):
            read(path)
    assert capfd.readouterr().err == ""


@needs_tdms
def test_tdms_with_an_unknown_scale_is_refused(tdms):
    scale = {"NI_Scaling_Status": "unscaled", "NI_Number_Of_Scales": 1, "NI_Scale[0]_Scale_Type": "Secret"}
    with pytest.raises(FormatError, match="Unsupported scale type: Secret"):
        read(tdms([("g", "Va", VA, wave(**scale))]))


@pytest.fixture
def mdf(tmp_path):
    """Return write(groups of signals, ...) -> path; a signal is (name, samples, times, unit)."""
    from asammdf import MDF, Signal

    def write(*groups, compression=0, **more):
        with MDF(version="4.10") as file:
            for group in groups:
                file.append([Signal(s, t, name=name, unit=unit, **more) for name, s, t, unit in group])
            file.save(tmp_path / "x.mf4", overwrite=True, compression=compression)
        return tmp_path / "x.mf4"

    return write


@needs_mdf
@pytest.mark.parametrize("compression", [0, 2])
def test_mdf(mdf, compression):
    fast = [("Va", VA, T - 0.3, "V"), ("Ia", (VA / 1e3).astype("f4"), T - 0.3, "kA")]
    path = mdf(fast, [("temp", T[:10], np.arange(10.0), "degC")], compression=compression)
    w = read(path)
    assert (w.rate, w.triggered, w.valid) == (10e3, True, None)
    assert w.start == pytest.approx(-0.3)
    assert [(c.name, c.unit, c.quantity) for c in w.channels] == [
        ("Va", "V", "voltage"),
        ("Ia", "A", "current"),
    ]
    assert np.array_equal(w["Va"], VA)
    assert w["Ia"] == pytest.approx(VA, rel=1e-6)
    assert w.history[-1] == "left out: channel groups 2 of other rates"
    assert np.array_equal(open_capture(path).part(500, 700).samples, w.samples[:, 500:700])
    assert read(f"{path}#2").rate == 1
    with pytest.raises(FormatError, match="no channel group 3 with samples; it has 1, 2"):
        read(f"{path}#3")


@needs_mdf
def test_mdf_conversion_and_invalid_samples(mdf):
    spoilt = np.zeros(len(T), bool)
    spoilt[100:110] = True
    conversion = {"a": 0.5, "b": -3.0}
    w = read(
        mdf([("Va", np.arange(len(T), dtype="i2"), T, "V")], conversion=conversion, invalidation_bits=spoilt)
    )
    assert np.array_equal(np.isnan(w["Va"]), spoilt)
    assert np.array_equal(w.valid, ~spoilt)
    assert w["Va"][200] == 200 * 0.5 - 3


@needs_mdf
def test_mdf_value_that_is_not_finite_is_missing(mdf):
    samples = VA.copy()
    samples[7], samples[9] = np.inf, np.nan
    w = read(mdf([("Va", samples, T, "V")]))
    assert np.flatnonzero(np.isnan(w["Va"])).tolist() == np.flatnonzero(~w.valid).tolist() == [7, 9]


@needs_mdf
def test_mdf_rasters(mdf):
    w = read(mdf([("Va", VA, T, "V")], [("Vb", VA, T, "V")]))
    assert [c.name for c in w.channels] == ["Va", "Vb"]  # sampled together, in two groups
    path = mdf([("Va", VA, T, "V")], [("Vb", VA, 2 * T, "V")])
    with pytest.raises(FormatError, match=r"2 sets of 10000 samples .* such as x\.mf4#1 or x\.mf4#2"):
        read(path)
    assert read(f"{path}#2").rate == 5e3
    gap = np.where(np.arange(len(T)) < 5000, T, T + 0.01)
    with pytest.raises(FormatError, match=r"x\.mf4#1, row 5001: time steps from 0\.4999 to 0\.51 s"):
        read(mdf([("Va", VA, gap, "V")]))


@needs_mdf
def test_mdf_that_is_torn(mdf):
    path = mdf([("Va", VA, T, "V")])
    data = path.read_bytes()
    for cut in (0, 10, 64, 5000, len(data) // 2):
        path.write_bytes(data[:cut])
        with pytest.raises(FormatError, match=r"x\.mf4"):
            read(path)


@needs_mdf
@pytest.mark.parametrize(
    ("block", "field", "message"),
    [
        (b"##CN", 92, "ends at bit 134217"),  # the channel's place in the record
        (b"##CG", 80, "16777216 records of 16 bytes"),
        (b"##CG", 100, "10000 records of 16777232 bytes"),
    ],
)
def test_mdf_that_would_crash_its_library(mdf, block, field, message):
    """Offsets of the fields: ASAM MDF 4.1, channel and channel group block."""
    path = mdf([("Va", VA, T, "V")])
    data = bytearray(path.read_bytes())
    at = data.rindex(block) + field
    data[at : at + 4] = (1 << 24).to_bytes(4, "little")
    path.write_bytes(data)
    with pytest.raises(FormatError, match=message):
        read(path)


@pytest.mark.parametrize(("name", "package"), [("x.tdms", "nptdms"), ("x.mf4", "asammdf")])
def test_without_the_package(tmp_path, monkeypatch, name, package):
    (tmp_path / name).touch()
    original = builtins.__import__

    def without(wanted, *args):
        if wanted.split(".")[0] == package:
            raise ImportError(wanted)
        return original(wanted, *args)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtra, match=r'pip install "hil-bench\[formats\]"'):
        read(tmp_path / name)


def test_a_part_of_a_file_that_has_none(tmp_path):
    (tmp_path / "x.npz").touch()
    with pytest.raises(FormatError, match="holds one capture; leave out #2"):
        read(tmp_path / "x.npz#2")
    (tmp_path / "x.cfg").touch()
    with pytest.raises(FormatError, match=r"a section has a number, such as x\.cfg#2"):
        read(tmp_path / "x.cfg#a")
