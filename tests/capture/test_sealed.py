"""Sealing: nothing is lost between the log and the sealed file, and it says what is missing."""

import hashlib

import h5py
import numpy as np
import pytest

from hil.capture.blocklog import BlockLog
from hil.capture.read import read
from hil.capture.sealed import read_sealed_metadata, seal
from hil.errors import ConfigError, FormatError, StorageError
from hil.waveform import Channel

CHANNELS = (Channel("va", "V", "voltage", "a", 2e-3), Channel("ia", "V", "current", "a", place="load"))
RAW = np.random.default_rng(7).normal(size=(2, 150_000))  # more than two chunks


@pytest.fixture
def log(tmp_path):
    log = BlockLog(
        tmp_path / "a.blk", CHANNELS, 50e3, {"corrections": {"va": {"gain": 100.5}}, "source": "dip 3"}
    )
    for first in range(0, RAW.shape[1], 5000):
        log.append(RAW[:, first : first + 5000])
    log.close()
    return log.path


def test_sealed_capture_holds_the_raw_samples(log, tmp_path):
    path = seal(log, tmp_path / "a.h5", acquired=150_000, trigger=0.5, metadata={"run": 4})
    assert not log.exists()
    assert [p.name for p in tmp_path.iterdir()] == ["a.h5"]
    w = read(path)
    assert np.array_equal(w.samples, RAW.astype("f4"))
    assert w.channels == CHANNELS
    assert (w.rate, w.start, w.triggered, w.valid) == (50e3, -0.5, True, None)
    assert w.history == ("read a.h5 (sealed, complete, raw)",)
    assert read_sealed_metadata(path) == {
        "complete": True,
        "acquired": 150_000,
        "stored": 150_000,
        "lost": 0,
        "rate": 50e3,
        "start": -0.5,
        "triggered": True,
        "sha256": hashlib.sha256(RAW.T.astype("<f4").tobytes()).hexdigest(),
        "source": "dip 3",
        "channels": CHANNELS,
        "corrections": {"va": {"gain": 100.5}},
        "metadata": {"run": 4},
    }
    with h5py.File(path) as file:
        data = file["samples"]
        assert (data.compression, data.compression_opts, data.shuffle, data.fletcher32) == (
            "gzip",
            1,
            True,
            True,
        )


def test_log_may_be_kept_and_progress_is_told(log, tmp_path):
    told = []
    seal(log, tmp_path / "a.h5", keep_log=True, progress=told.append)
    assert log.exists()
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_sealed_before_there_were_measuring_points(log, tmp_path):
    path = seal(log, tmp_path / "a.h5")
    with h5py.File(path, "r+") as file:
        del file.attrs["places"]
    assert [c.place for c in read(path).channels] == ["", ""]


@pytest.mark.parametrize("acquired", [None, 150_001, 149_999])
def test_complete_means_acquired_equals_stored(log, tmp_path, acquired):
    about = read_sealed_metadata(seal(log, tmp_path / "a.h5", acquired=acquired))
    assert (about["complete"], about["acquired"], about["stored"]) == (False, acquired, 150_000)


def test_log_of_a_crash(log, tmp_path):
    """Cut in the middle of the last block, and a bad sector in the second."""
    data = bytearray(log.read_bytes())
    block = 24 + 5000 * 8
    second = len(data) - 24 - 29 * block
    data[second + 1000] ^= 0x10
    log.write_bytes(data[:-5000])
    path = seal(log, tmp_path / "a.h5")
    about = read_sealed_metadata(path)
    assert (about["complete"], about["stored"], about["lost"]) == (False, 140_000, 10_000)
    w = read(path)
    assert len(w) == 145_000
    assert np.flatnonzero(~w.valid).tolist() == list(range(5000, 10_000))
    assert np.array_equal(w.samples[:, 10_000:], RAW[:, 10_000:145_000].astype("f4"))
    assert "NOT complete" in w.history[0]


def test_capture_of_nothing(tmp_path):
    with BlockLog(tmp_path / "a.blk", CHANNELS, 50e3) as log:
        pass
    path = seal(log.path, tmp_path / "a.h5", acquired=0)
    assert len(read(path)) == 0
    assert read_sealed_metadata(path)["complete"]


def test_log_is_kept_when_sealing_fails(log, tmp_path, monkeypatch):
    with pytest.raises(StorageError, match="the log .*a.blk is kept"):
        seal(log, tmp_path / "none" / "a.h5")
    with pytest.raises(ConfigError, match="corrections for vb; the channels are va, ia"):
        seal(log, tmp_path / "a.h5", metadata={"corrections": {"vb": {}}})
    monkeypatch.setattr("hil.capture.sealed._digest", lambda *_: "other")
    with pytest.raises(StorageError, match="does not read back as written; the log .* is kept"):
        seal(log, tmp_path / "a.h5", acquired=150_000)
    assert [p.name for p in tmp_path.iterdir()] == ["a.blk"]


def test_log_is_kept_when_sealing_is_stopped(log, tmp_path):
    def stop(share):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        seal(log, tmp_path / "a.h5", progress=stop)
    assert [p.name for p in tmp_path.iterdir()] == ["a.blk"]


@pytest.mark.parametrize(
    ("key", "value"), [("rate", 0.0), ("rate", np.inf), ("start", np.nan), ("stored", np.inf)]
)
def test_absurd_attributes(log, tmp_path, key, value):
    path = seal(log, tmp_path / "a.h5")
    with h5py.File(path, "r+") as file:
        file.attrs[key] = value
    with pytest.raises(FormatError, match="not a whole sealed capture"):
        read(path)


def test_capture_is_never_overwritten(log, tmp_path):
    (tmp_path / "a.h5").write_text("old")
    with pytest.raises(StorageError, match="already exists; a capture is never overwritten"):
        seal(log, tmp_path / "a.h5")
    assert (tmp_path / "a.h5").read_text() == "old"


@pytest.mark.parametrize("kept", [0, 7, 0.5, 0.99])
def test_torn_sealed_file(log, tmp_path, kept):
    path = seal(log, tmp_path / "a.h5")
    data = path.read_bytes()
    path.write_bytes(data[: int(kept * len(data)) if kept < 1 else kept])
    with pytest.raises(FormatError, match=r"a\.h5: is not a whole sealed capture \(.*copy it again"):
        read(path)


def test_flipped_bits_are_found(tmp_path):
    """Everywhere in the file: samples, names and structure carry checksums; what is left is padding."""
    with BlockLog(tmp_path / "a.blk", CHANNELS, 50e3, {"corrections": {"va": {"gain": 100.5}}}) as log:
        log.append(RAW[:, :50])
    path = seal(log.path, tmp_path / "a.h5", acquired=50)
    data, about = path.read_bytes(), read_sealed_metadata(path)
    found = 0
    for place in range(0, len(data), 61):
        path.write_bytes(data[:place] + bytes([data[place] ^ 4]) + data[place + 1 :])
        try:
            assert np.array_equal(read(path).samples, RAW[:, :50].astype("f4"))
            assert read_sealed_metadata(path) == about
        except FormatError:
            found += 1
    assert found > 0.75 * len(data) / 61


def test_foreign_hdf5(tmp_path):
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file["samples"] = np.zeros((2, 3))
    with pytest.raises(FormatError, match="not a whole sealed capture"):
        read(tmp_path / "b.h5")
