"""CSV, Parquet and NumPy archives: what laboratories export, and how it goes wrong."""

import builtins
import importlib.util

import numpy as np
import pytest

from hil.capture.parsing import decode
from hil.capture.read import read
from hil.errors import FormatError, MissingExtra

needs_pyarrow = pytest.mark.skipif(not importlib.util.find_spec("pyarrow"), reason="optional package")


@pytest.fixture
def csv(tmp_path):
    def write(text, name="x.csv"):
        (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        return tmp_path / name

    return write


@pytest.mark.parametrize(
    "text",
    [
        "time [s],Va [V],I_a/A\n0,100,1\n0.001,200,2\n0.002,300,3\n",
        "time (ms);Va (kV);I_a (A)\r\n0;0,1;1\r\n1;0,2;2\r\n2;0,3;3\r\n",
        "t_us\tVa [V]\tI_a [mA]\n0\t100\t1000\n1000\t200\t2000\n2000\t300\t3000\n",
        "# scope 7\nTime,Va,I_a\n(ms),(V),(A)\n\n0,100,1\n1,200,2\n2,300,3",
        '\ufeff"Zeit [s]","Va [V]","I_a [A]",\n"0","100","1",\n"0.001","200","2",\n"0.002","300","3",\n',
    ],
)
def test_dialects_say_the_same(csv, text):
    w = read(csv(text))
    assert w.rate == 1000
    assert w["Va"] == pytest.approx([100, 200, 300])
    assert w["I_a"] == pytest.approx([1, 2, 3])
    assert [(c.unit, c.quantity, c.phase) for c in w.channels] == [
        ("V", "voltage", "a"),
        ("A", "current", "a"),
    ]
    assert (w.start, w.triggered, w.valid) == (0.0, False, None)


def test_units_of_old_code_pages(csv):
    """In Latin-1 the micro sign is one byte, b5."""
    w = read(csv("t [\u00b5s],Va [V]\n0,1\n20,2\n40,3\n".encode("latin-1")))
    assert w.rate == pytest.approx(50_000)


def test_time_before_the_trigger_is_negative(csv):
    w = read(csv("t [s],Va [V]\n-0.1,1\n0,2\n0.1,3\n"))
    assert (w.start, w.triggered) == (-0.1, True)


def test_missing_cells_are_marked(csv):
    w = read(csv("t [s],Va [V],Vb [V]\n0,1,1\n1,,1\n2,1,NaN\n3,1,1\n"))
    assert w.valid.tolist() == [True, False, False, True]
    assert np.isnan(w["Va"][1])


def test_unit_that_is_not_stated_is_reported(csv):
    w = read(csv("t,Va,foo [bar]\n0,1,1\n1,1,1\n"))
    assert w.history[-1] == "no unit stated, SI assumed: Va"
    assert w.channels[1].unit == "bar"


@pytest.mark.parametrize(("decimals", "n"), [(6, 2000), (4, 2000), (9, 3)])
def test_rate_survives_stamps_with_few_digits(csv, decimals, n):
    """5 kHz, stamps printed to a quarter of the step and better."""
    rows = "".join(f"{i / 5000:.{decimals}f},{i}\n" for i in range(n))
    assert read(csv("t [s],Va [V]\n" + rows)).rate == pytest.approx(5000, rel=1e-9)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("t [s],Va [V]\n0,1\n1,2\n2\n", "x.csv, line 4: 1 values, expected 2; the file was cut off"),
        ("t [s],Va [V]\n0,1\n1,2,3\n2,1\n", "line 3: 3 values, expected 2; correct"),
        ("t [s],Va [V]\n0,1\n1,two\n2,1\n", "line 3: 'two' is not a number"),
        ("t [s],Va [V]\n0,1\n1,1\n3,1\n4,1\n5,1\n", "row 4: time steps from 1 to 3 s, the usual step is 1 s"),
        ("t [s],Va [V]\n0,1\n,1\n2,1\n", "row 3: there is no time stamp"),
        ("t [s],Va [V]\n0,1\n0,1\n0,1\n", "time does not increase"),
        ("t [s],Va [V]\n0,1\n", "1 time stamps give no sampling rate"),
        ("t [s]\n0\n1\n", "no row of numbers"),
        ("t [s],\n0,\n1,\n", "no column beside the time"),
        ("a [V],Va [V]\n0,1\n1,1\n", "no time column among a, Va; name it"),
        ("0,1\n1,1\n", "line 1: 2 columns of numbers without a header"),
        ("hello\n", "no row of numbers"),
        ("", "no row of numbers"),
    ],
)
def test_each_defect_is_one_line(csv, text, message):
    with pytest.raises(FormatError, match=message) as caught:
        read(csv(text))
    assert "\n" not in str(caught.value)


def test_mapping_names_the_channels(csv):
    w = read(csv("t [s],CH1 [V],CH2 [V]\n0,1,2\n1,1,2\n"), {"va": "CH2"})
    assert [c.name for c in w.find("voltage")] == ["CH2"]


@needs_pyarrow
def test_parquet(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = {"time [ms]": [0.0, 1.0, 2.0], "Va [kV]": [1.0, None, 3.0], "Ia [A]": [1, 2, 3]}
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table(table), path)
    w = read(path)
    assert w.rate == 1000
    assert w["Va"][[0, 2]].tolist() == [1000, 3000]
    assert w["Ia"].tolist() == [1, 2, 3]
    assert w.valid.tolist() == [True, False, True]
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(FormatError, match="not a whole Parquet file"):
        read(path)
    pq.write_table(pa.table({"time": [0.0, 1.0], "note": ["a", "b"]}), path)
    with pytest.raises(FormatError, match="'note' is not a row of numbers"):
        read(path)


def test_parquet_without_pyarrow(tmp_path, monkeypatch):
    (tmp_path / "x.parquet").touch()
    original = builtins.__import__

    def without(name, *args):
        if name.startswith("pyarrow"):
            raise ImportError(name)
        return original(name, *args)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtra, match=r'pip install "hil-bench\[formats\]"'):
        read(tmp_path / "x.parquet")


def test_numpy_archive(tmp_path):
    path = tmp_path / "x.npz"
    np.savez(path, **{"time [s]": np.arange(4) / 8, "Va [V]": np.arange(4.0)})
    assert read(path).rate == 8
    np.savez(path, **{"rate": 50e3, "Va [V]": np.arange(4.0), "Vb [V]": np.arange(4)})
    w = read(path)
    assert w.rate == 50e3
    assert w["Vb"].tolist() == [0, 1, 2, 3]
    np.savez(path, rate=50e3, a=np.arange(4.0), b=np.arange(5))
    with pytest.raises(FormatError, match="not equally long"):
        read(path)
    np.savez(path, rate=[1, 2], a=[1.0])
    with pytest.raises(FormatError, match="not one positive number"):
        read(path)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(FormatError, match="not a whole NumPy archive"):
        read(path)


def test_a_rate_that_is_no_whole_number_is_not_made_one(csv):
    """100 stamps in whole microseconds at 2999.95 S/s: they drift from 3 kS/s by half a microsecond.

    Rounding is 0.29 us RMS, so the slope of 100 stamps is known to 3e-6, here 0.01 S/s.
    """
    rows = "".join(f"{i / 2999.95:.6f},{i % 7}\n" for i in range(100))
    assert read(csv("time [s],va [V]\n" + rows)).rate == pytest.approx(2999.95, abs=0.02)


def test_quotes_of_windows_are_not_taken_for_cyrillic():
    assert "\u00dc" in decode("\u2018\u00dc\u2019".encode("cp1252"))
