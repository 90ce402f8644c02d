"""Captures larger than memory: any part is what the whole says, and little more than it is held."""

import importlib.util
import json
import os
import subprocess
import sys
import tempfile

import h5py
import numpy as np
import pytest

from hil.capture.blocklog import BlockLog
from hil.capture.guess import apply_mapping
from hil.capture.read import open_capture, read
from hil.capture.sealed import seal
from hil.capture.spool import Spool
from hil.capture.write import write
from hil.errors import FormatError, StorageError
from hil.waveform import Channel, Waveform, blocks

posix = pytest.mark.skipif(os.name != "posix", reason="limits of a process")
needs_pyarrow = pytest.mark.skipif(not importlib.util.find_spec("pyarrow"), reason="optional package")
CHANNELS = (Channel("va", "V", "voltage", "a"), Channel("ia", "A", "current", "a"))
N = 150_000
PHI = 2 * np.pi * 50 * np.arange(N) / 10e3
SAMPLES = np.array([np.clip(np.sin(PHI), -1, 0.8), np.cos(PHI)])


def as_csv(path):
    rows = "".join(f"{i / 10e3:.5f},{v!r},{a!r}\n" for i, (v, a) in enumerate(SAMPLES.T.tolist()))
    path.write_text("time [s],va [V],ia [A]\n" + rows)


def as_npz(path):
    np.savez(path, **{"rate": 10e3, "va [V]": SAMPLES[0], "ia [A]": SAMPLES[1]})


def as_compressed_npz(path):
    np.savez_compressed(path, **{"rate": 10e3, "va [V]": SAMPLES[0], "ia [A]": SAMPLES[1]})


def as_log(path):
    with BlockLog(path, CHANNELS, 10e3) as log:
        for first in range(0, N, 7000):
            log.append(SAMPLES[:, first : first + 7000])


def as_sealed(path):
    as_log(path.with_suffix(".blk"))
    seal(path.with_suffix(".blk"), path)


def as_parquet(path, row_group=N):
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table({"time [s]": np.arange(N) / 10e3, "va [V]": SAMPLES[0], "ia [A]": SAMPLES[1]})
    pq.write_table(table, path, row_group_size=row_group)


def as_grouped_parquet(path):
    as_parquet(path, 4096)


@pytest.fixture(
    params=[
        ("x.csv", as_csv),
        ("x.npz", as_npz),
        ("x.npz", as_compressed_npz),
        ("x.blk", as_log),
        ("x.h5", as_sealed),
        pytest.param(("x.parquet", as_parquet), marks=needs_pyarrow),
        pytest.param(("x.parquet", as_grouped_parquet), marks=needs_pyarrow),
    ],
    ids=lambda param: param[1].__name__,
)
def path(request, tmp_path):
    name, make = request.param
    make(tmp_path / name)
    return tmp_path / name


def test_any_part_is_what_the_whole_says(path, monkeypatch):
    monkeypatch.setattr("hil.capture.parquet._GROUP", 1 << 20)  # so that one large row group is unpacked
    whole, capture = read(path), open_capture(path)
    expected = SAMPLES.astype(whole.samples.dtype)
    assert np.array_equal(whole.samples, expected)
    assert (len(capture), capture.rate, capture.channels) == (N, 10e3, whole.channels)
    assert np.array_equal(whole.valid, expected[0] < expected[0].max())  # the voltage is cut off at 0.8
    assert whole.history[-1].startswith("clipped, and marked there: va at 0.8")
    for first, last in [(0, 1), (4000, 5000), (65_535, 65_537), (N - 3, N + 5), (10, 10), (-5, 2)]:
        part = capture.part(first, last)
        same = whole.part(first, last)
        assert np.array_equal(part.samples, same.samples)
        good = np.ones(len(same), bool) if part.valid is None else part.valid
        assert np.array_equal(good, same.valid)
        assert part.start == same.start
    assert sum(len(block) for block in blocks(capture, 40_000)) == N


def test_roles_are_told_without_reading(path):
    capture = apply_mapping(open_capture(path), {"grid.vb": "va"})
    assert capture.part(0, 5).channels[0] == Channel("va", "V", "voltage", "b", place="grid")


RSS = """
import json, resource, sys
import numpy as np
from hil.capture.read import open_capture
from hil.waveform import blocks

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)

len(open_capture(sys.argv[1]).part(0, 10))  # what the format loads is not counted
before = peak()
total = 0.0
capture = open_capture(sys.argv[2])
for block in blocks(capture, 1 << 17):
    total += float(block.samples[0].sum(dtype=float))
print(json.dumps([len(capture), total, peak() - before]))
"""


def zeros_sealed(path, n):
    """A sealed capture whose samples were never written: HDF5 reads them as 0."""
    as_sealed(path)
    with h5py.File(path, "r+") as file:
        file["samples"].resize((2, n))
        file.attrs["stored"] = n


def zeros_log(path, n):
    block = np.zeros((2, 1 << 17), "f4")
    with BlockLog(path, CHANNELS, 1e9) as log:
        for _ in range(n >> 17):
            log.append(block)


@posix
@pytest.mark.parametrize(
    ("name", "make", "small"), [("x.h5", zeros_sealed, as_sealed), ("x.blk", zeros_log, as_log)]
)
def test_half_a_gigabyte_in_little_memory(tmp_path, name, make, small):
    """537 MB: 1 << 26 instants of two float32."""
    n = 1 << 26
    small(tmp_path / f"small_{name}")
    make(tmp_path / name, n)
    command = [sys.executable, "-c", RSS, tmp_path / f"small_{name}", tmp_path / name]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    length, total, grown = json.loads(done.stdout)
    assert length == n
    assert total == pytest.approx(SAMPLES[0].sum() if name == "x.h5" else 0.0, abs=1e-2)
    assert grown < 100e6
    (tmp_path / name).unlink()  # a test folder is kept for some runs


@pytest.fixture
def little_room():
    """Let no file grow beyond 100 kB, as a full disk does."""
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@posix
@pytest.mark.parametrize(("columns", "times"), [(20_000, 1), (100, 126)])
def test_no_room_for_a_spool(little_room, columns, times):
    """Refused as it is written, in one piece or in small ones of which a buffer would hold the last."""
    store = Spool(columns, "x.txt")
    assert times * columns * 8 > 100_000
    with pytest.raises(StorageError, match=r"x\.txt: cannot be unpacked .* free that disk, or set TMPDIR"):
        for _ in range(times):
            store.append(np.zeros((1, columns)))


@needs_pyarrow
def test_a_row_group_shorter_than_it_says(tmp_path, monkeypatch):
    import pyarrow.parquet as pq

    as_grouped_parquet(tmp_path / "x.parquet")
    whole = pq.ParquetFile.read_row_group
    monkeypatch.setattr(pq.ParquetFile, "read_row_group", lambda self, i: whole(self, i)[:-1])
    with pytest.raises(FormatError, match=r"x\.parquet: is not a whole Parquet file \(row group 0 has 4095"):
        open_capture(tmp_path / "x.parquet")


@posix
@needs_pyarrow
def test_no_room_to_unpack_is_not_the_fault_of_the_file(tmp_path, little_room, monkeypatch):
    import pyarrow as pa
    import pyarrow.parquet as pq

    zeros = np.zeros(20_000)  # which take no room before they are unpacked
    pq.write_table(pa.table({"time [s]": zeros, "va": zeros}), tmp_path / "x.parquet")
    monkeypatch.setattr("hil.capture.parquet._GROUP", 1)
    with pytest.raises(StorageError, match=r"x\.parquet: cannot be unpacked .* free that disk"):
        open_capture(tmp_path / "x.parquet")


def test_spooled_rows_come_back(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    store = Spool(3, "x.txt", np.float32)
    store.append(np.arange(12.0).reshape(4, 3))
    store.append(np.arange(12.0, 18).reshape(2, 3))
    assert np.array_equal(store.rows(3, 6), np.arange(9.0, 18).reshape(3, 3))
    del store
    assert not list(tmp_path.iterdir())


def test_csv_in_pieces(tmp_path, monkeypatch):
    """Cut anywhere, the lines are counted on: the error names the one that is wrong."""
    path = tmp_path / "x.csv"
    rows = [f"{i};{i % 7},5\n" for i in range(3000)]
    path.write_text("t;va [V]\n" + "".join(rows))
    whole = read(path)
    monkeypatch.setattr("hil.capture.text._PIECE", 1000)
    assert np.array_equal(read(path).samples, whole.samples)
    assert whole["va"][5] == 5.5
    path.write_text("t;va [V]\n" + "".join([*rows[:2000], "2000;x\n", *rows[2001:]]))
    with pytest.raises(FormatError, match=r"line 2002: 'x' is not a number"):
        read(path)
    path.write_text("t;va [V]\n" + "".join([*rows[:2000], *rows[2001:]]))
    with pytest.raises(FormatError, match=r"row 2002: time steps from 1999 to 2001 s"):
        read(path)


def test_more_than_memory_holds(tmp_path):
    as_sealed(tmp_path / "x.h5")
    with h5py.File(tmp_path / "x.h5", "r+") as file:
        file["samples"].resize((2, 1 << 50))
        file.attrs["stored"] = 1 << 50
    with pytest.raises(FormatError, match="do not fit into memory; take a part of them"):
        read(tmp_path / "x.h5")


def waveform(dtype, **more):
    rng = np.random.default_rng(5)
    samples = rng.normal(scale=[[400], [1e-3], [1]], size=(3, 70_000)).astype(dtype)
    samples[1, 7] = np.nan
    valid = np.ones(70_000, bool)
    valid[[7, 30_000]] = False
    channels = (
        Channel("Ua, first", "V", "voltage", "a", 1e-3),
        Channel('I "load"', "A", "current", "b", place="load"),
        Channel("time [s]", "", "other"),
    )
    about = {"rate": 10e3 / 3, "start": -1 / 3, "triggered": True, "stated_frequency": 50.0}
    return Waveform(samples, channels, valid=valid, history=("made",), source="made", **{**about, **more})


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("suffix", [".csv", pytest.param(".parquet", marks=needs_pyarrow)])
def test_written_and_read_again_it_is_the_same(tmp_path, suffix, dtype):
    first = waveform(dtype)
    path = write(first, tmp_path / f"x{suffix}")
    again = read(path)
    assert again.samples.dtype == first.samples.dtype
    assert np.array_equal(again.samples, first.samples, equal_nan=True)
    assert np.array_equal(again.valid, first.valid)
    for name in ("channels", "rate", "start", "triggered", "stated_frequency"):
        assert getattr(again, name) == getattr(first, name)
    assert again.history == ("made", f"read x{suffix}")
    assert [p.name for p in tmp_path.iterdir()] == [f"x{suffix}"]


def test_csv_of_ours_is_a_table_to_others(tmp_path):
    import pandas as pd

    table = pd.read_csv(write(waveform("f8"), tmp_path / "x.csv"), comment="#")
    assert list(table) == ["time [s]", "Ua  first [V]", "I  load  [A]", "time [s] (2)", "valid"]
    assert table["time [s]"][1] == pytest.approx(-1 / 3 + 3e-4)
    assert table["valid"].sum() == 70_000 - 2


@needs_pyarrow
def test_parquet_of_ours_is_a_table_to_others(tmp_path):
    import pandas as pd

    table = pd.read_parquet(write(waveform("f4"), tmp_path / "x.parquet"))
    assert list(table.columns[[0, 1, -1]]) == ["time [s]", "Ua, first [V]", "valid"]
    assert table["time [s]"].iloc[3] == pytest.approx(-1 / 3 + 9e-4)


def test_csv_of_ours_that_was_cut_or_edited(tmp_path):
    path = write(waveform("f4"), tmp_path / "x.csv")
    text = path.read_text()
    lines = text.splitlines(keepends=True)
    for damaged, message in [
        ("".join(lines[:-1]), "69999 samples, line 1 tells of 70000; it was cut off or edited"),
        (text[:-30], "cut off"),
        (text.replace(",1\n", ",7\n", 1), '"valid" is neither 0 nor 1'),
        (text.replace('"rate"', '"gate"', 1), "line 1: the description of the capture is damaged"),
        (text.replace("float32", "float99", 1), "line 1: the description of the capture is damaged"),
    ]:
        path.write_text(damaged)
        with pytest.raises(FormatError, match=message):
            read(path)


@posix
@pytest.mark.parametrize("suffix", [".csv", pytest.param(".parquet", marks=needs_pyarrow), ".cfg", ".cff"])
def test_a_full_disk_leaves_nothing(tmp_path, little_room, suffix):
    with pytest.raises(StorageError, match="free"):
        write(waveform("f4"), tmp_path / f"x{suffix}")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", [".csv", pytest.param(".parquet", marks=needs_pyarrow), ".cfg", ".cff"])
def test_progress_is_told(tmp_path, suffix):
    told = []
    write(waveform("f4"), tmp_path / f"x{suffix}", told.append)
    assert told == sorted(told)
    assert told[-1] == 1.0
    assert len(told) > 1


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".cfg"])
@pytest.mark.parametrize("name", ["none/x", "x" * 300])
def test_where_nothing_can_be_written(tmp_path, suffix, name):
    if suffix == ".parquet":
        pytest.importorskip("pyarrow")
    with pytest.raises(StorageError, match=r"writing failed \(.*choose another folder"):
        write(waveform("f4"), tmp_path / f"{name}{suffix}")
    assert not list(tmp_path.iterdir())


@posix
def test_a_link_to_nowhere_is_a_name_that_is_taken(tmp_path):
    (tmp_path / "x.csv").symlink_to(tmp_path / "away.csv")
    with pytest.raises(StorageError, match="already exists"):
        write(waveform("f4"), tmp_path / "x.csv")


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".cfg"])
def test_nothing_is_overwritten(tmp_path, suffix):
    path = tmp_path / f"x{suffix}"
    path.write_text("old")
    with pytest.raises(StorageError, match="already exists"):
        write(waveform("f4"), path)
    assert path.read_text() == "old"


@pytest.mark.parametrize("suffix", [".cfg", ".cff"])
def test_comtrade_by_its_suffix(tmp_path, suffix):
    first = waveform("f4", start=0.0, triggered=False)
    again = read(write(first, tmp_path / f"x{suffix}"))
    assert np.array_equal(again.valid, first.valid)
    assert np.array_equal(again.samples[:, first.valid], first.samples[:, first.valid])
    assert (len(again), again.rate) == (70_000, pytest.approx(10e3 / 3))
