"""What a user names: one line that says what, where and what to do, and never a bare OSError."""

import os

import numpy as np
import pytest

from hil.capture.read import READERS, open_capture, read
from hil.errors import FormatError

SUFFIXES = sorted(READERS)
CSV = "time [s],va [V]\n0,1\n0.001,2\n0.002,3\n"


@pytest.mark.parametrize("reader", [read, open_capture])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_is_no_file(tmp_path, reader, suffix):
    (tmp_path / f"folder{suffix}").mkdir()
    (tmp_path / "file").write_text("")
    for name, message in [
        (f"none{suffix}", "there is no such file; check the name"),
        (f"none{suffix}#2", "there is no such file; check the name"),
        (f"folder{suffix}", "is a folder; name a file in it"),
        (f"file/none{suffix}", "there is no such file; check the name"),
    ]:
        with pytest.raises(FormatError, match=message):
            reader(tmp_path / name)


@pytest.mark.skipif(os.name != "posix", reason="Windows says that there is none")
def test_a_name_that_is_too_long(tmp_path):
    for name in ("a" * 300 + ".csv", "a" * 300 + ".csv#2"):
        with pytest.raises(FormatError, match=r"cannot be opened \(File name too long\); check the name"):
            read(tmp_path / name)


def test_a_suffix_that_nobody_reads(tmp_path):
    (tmp_path / "x.xlsx").write_text("")
    with pytest.raises(FormatError, match=r"x\.xlsx: no reader for \.xlsx; known are \.cfg, "):
        read(tmp_path / "x.xlsx")
    (tmp_path / "bare").write_text("")
    with pytest.raises(FormatError, match="no reader for a file without suffix"):
        read(tmp_path / "bare")
    with pytest.raises(FormatError, match="no such file or folder"):
        read(tmp_path / "missing")
    with pytest.raises(FormatError, match="is a folder; name a file in it"):
        read(tmp_path)


def test_names_with_spaces_and_signs(tmp_path):
    for name in ("my capture.csv", "run #3.csv", "ÄÖ 线.CSV"):
        (tmp_path / name).write_text(CSV)
        assert read(tmp_path / name)["va"].tolist() == [1, 2, 3]


def test_a_part_that_there_cannot_be(tmp_path, samples):
    (tmp_path / "x.csv").write_text(CSV)
    with pytest.raises(FormatError, match=r"x\.csv: holds one capture; leave out #2"):
        read(tmp_path / "x.csv#2")
    record = samples / "comtrade_samples" / "sample_bin.cfg"
    with pytest.raises(FormatError, match=r"sample_bin\.cfg#b: a section has a number"):
        read(f"{record}#b")
    with pytest.raises(FormatError, match="there is no section 2; it has 1"):
        read(f"{record}#2")


@pytest.mark.skipif(os.name != "posix", reason="Windows has another reason")
@pytest.mark.parametrize("kind", ["ASCII", "BINARY"])
def test_data_that_are_a_folder(write_comtrade, kind):
    path = write_comtrade(kind, ["Va,A,,V,1,0,0,-32767,32767,1,1,P"], [(1,), (2,)])
    path.with_suffix(".dat").unlink()
    path.with_suffix(".dat").mkdir()
    for reader in (read, open_capture):
        with pytest.raises(FormatError, match=r"rec\.dat: cannot be opened \(Is a directory\)"):
            reader(path)


def test_an_archive_that_shrinks_meanwhile(tmp_path):
    path = tmp_path / "x.npz"
    np.savez(path, **{"rate": 1e3, "va [V]": np.arange(5000.0)})
    capture = open_capture(path)
    path.write_bytes(path.read_bytes()[:9000])
    with pytest.raises(FormatError, match=r"x\.npz: has been cut off while it was read"):
        capture.part(0, 5000)
