"""The block log, whole and after everything that can happen to it."""

import errno
import subprocess
import sys

import numpy as np
import pytest

from hil.capture.blocklog import BlockLog, load_block_log, scan_block_log
from hil.errors import ConfigError, FormatError, StorageError
from hil.waveform import Channel

CHANNELS = (Channel("va", "V", "voltage", "a", 1e-3), Channel("ia", "V", "current", "a"))
BLOCK = 100
BLOCK_BYTES = 24 + 2 * BLOCK * 4  # magic, three numbers of 4 bytes, one of 8, and the payload


def read_log(path):
    """Return header, samples, whether the log is whole, and the number of lost samples."""
    scan = scan_block_log(path)
    return scan.header, scan.part(0, scan.span), scan.closed and not scan.lost, scan.lost


def ramp(first, n=BLOCK):
    return np.array([np.arange(first, first + n), -np.arange(first, first + n)], float)


@pytest.fixture
def log(tmp_path):
    """Three blocks of 100 samples, not closed."""
    log = BlockLog(tmp_path / "a.blk", CHANNELS, 1000.0, {"operator": "me"})
    for i in range(3):
        log.append(ramp(i * BLOCK))
    yield log
    log.close()


def damage(log, at, size=1):
    """Turn the bits of some bytes round."""
    data = bytearray(log.path.read_bytes())
    data[at : at + size] = bytes(b ^ 0xFF for b in data[at : at + size])
    log.path.write_bytes(data)


def test_whole(log):
    log.close()
    log.close()
    header, samples, complete, lost = read_log(log.path)
    assert header["metadata"] == {"operator": "me"}
    assert header["rate"] == 1000
    assert scan_block_log(log.path).channels == CHANNELS
    assert np.array_equal(samples, ramp(0, 300))
    assert samples.dtype == np.float32
    assert (complete, lost) == (True, 0)


def test_read_while_it_grows(log):
    """What a process that dies leaves behind: everything appended, and no end."""
    _, samples, complete, lost = read_log(log.path)
    assert np.array_equal(samples, ramp(0, 300))
    assert (complete, lost) == (False, 0)


def test_torn_tail(log):
    size = log.path.stat().st_size
    for cut in (1, 24, BLOCK_BYTES - 24):
        with log.path.open("r+b") as file:
            file.truncate(size - cut)
        _, samples, complete, lost = read_log(log.path)
        assert np.array_equal(samples, ramp(0, 200))
        assert (complete, lost) == (False, BLOCK)  # the torn block's header is whole, and counts
    with log.path.open("r+b") as file:
        file.truncate(size - BLOCK_BYTES + 5)
    assert read_log(log.path)[3] == 0  # now nothing says that there was a third block


@pytest.mark.parametrize("place", ["magic", "count", "payload", "crc"])
def test_damaged_block_leaves_a_gap_of_its_own_length(log, place):
    log.close()
    second = log.path.stat().st_size - 24 - 2 * BLOCK_BYTES
    damage(log, second + {"magic": 0, "count": 16, "crc": 20, "payload": 300}[place])
    _, samples, complete, lost = read_log(log.path)
    assert (complete, lost) == (False, BLOCK)
    assert np.array_equal(samples[:, :100], ramp(0))
    assert np.isnan(samples[:, 100:200]).all()
    assert np.array_equal(samples[:, 200:], ramp(200))


@pytest.mark.parametrize("piece", [3, 4, 5, 7, 64])
def test_the_next_block_is_found_wherever_a_piece_ends(log, monkeypatch, piece):
    """The four bytes that a block begins with may lie in two pieces of the file."""
    log.close()
    damage(log, log.path.stat().st_size - 24 - 2 * BLOCK_BYTES)  # the magic of the second block
    monkeypatch.setattr("hil.capture.blocklog._PIECE", piece)
    _, samples, complete, lost = read_log(log.path)
    assert (complete, lost) == (False, BLOCK)
    assert np.array_equal(samples[:, 200:], ramp(200))


def test_block_cut_out_of_the_middle(log):
    log.close()
    data = log.path.read_bytes()
    second = len(data) - 24 - 2 * BLOCK_BYTES
    log.path.write_bytes(data[:second] + data[second + BLOCK_BYTES :])
    _, samples, complete, lost = read_log(log.path)
    assert (complete, lost, samples.shape) == (False, BLOCK, (2, 300))


def test_last_block_damaged_is_counted_by_the_end_mark(log):
    log.close()
    damage(log, log.path.stat().st_size - 24 - 100)
    _, samples, complete, lost = read_log(log.path)
    assert (complete, lost, samples.shape) == (False, BLOCK, (2, 200))


def test_pieces_need_not_match_blocks(log):
    pieces = list(scan_block_log(log.path).pieces(70))
    assert [p.shape[1] for p in pieces] == [70, 70, 70, 70, 20]
    assert np.array_equal(np.concatenate(pieces, axis=1), ramp(0, 300))


def test_any_part_is_what_the_whole_says(log):
    log.close()
    damage(log, log.path.stat().st_size - 24 - 2 * BLOCK_BYTES + 300)  # the second block
    scan = scan_block_log(log.path)
    whole = scan.part(0, 300)
    for first, last in [(0, 1), (50, 150), (99, 201), (150, 160), (250, 300), (7, 7)]:
        assert np.array_equal(scan.part(first, last), whole[:, first:last], equal_nan=True)


WRITER = """
import sys
import numpy as np
from hil.capture.blocklog import BlockLog
from hil.waveform import Channel
log = BlockLog(sys.argv[1], [Channel("va", "V", "voltage"), Channel("ia", "A", "current")], 1000.0)
first = 0
while True:
    log.append(np.array([np.arange(first, first + 100), -np.arange(first, first + 100)], float))
    first += 100
    print(first, flush=True)
"""


def test_what_was_acknowledged_survives_a_kill(tmp_path):
    """SIGKILL (on Windows TerminateProcess) while it appends: every sample that it spoke of is there."""
    path = tmp_path / "k.blk"
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True)
    with writer:
        heard = "".join(writer.stdout.readline() for _ in range(50))
        writer.kill()
        heard += writer.stdout.read()
    acknowledged = int(heard.split("\n")[-2])  # the last line may be torn
    _, samples, complete, lost = read_log(path)
    assert (complete, lost) == (False, 0)
    assert samples.shape[1] >= acknowledged >= 5000
    assert np.array_equal(samples[0], np.arange(samples.shape[1]))
    assert np.array_equal(samples[1], -samples[0])


class Disk:
    """A file on a disk with so many bytes left, which fills as disks do: by part of a block."""

    def __init__(self, file, room):
        self.file, self.room = file, room

    def __getattr__(self, name):
        return getattr(self.file, name)

    def write(self, data):
        if not self.room:
            raise OSError(errno.ENOSPC, "No space left on device")
        part = bytes(data)[: self.room]
        self.room -= len(part)
        return self.file.write(part)


@pytest.mark.parametrize("rest", [10, 100])  # less than the head of a block, and more
def test_full_disk_keeps_what_was_appended(log, rest):
    log._file = Disk(log._file, BLOCK_BYTES + rest)
    log.append(ramp(300))
    with pytest.raises(
        StorageError, match=r"a\.blk: writing failed after 400 samples \(No space left on device\)"
    ):
        log.append(ramp(400))
    with pytest.raises(StorageError, match="writing failed after 400"):
        log.append(ramp(500))
    log.close()
    _, samples, complete, lost = read_log(log.path)
    assert np.array_equal(samples, ramp(0, 400))
    assert (complete, lost) == (False, 0)


def test_synced_once_a_second_of_data(log, monkeypatch):
    synced = []
    monkeypatch.setattr("os.fsync", lambda _: synced.append(log.stored))
    for i in range(3, 25):
        log.append(ramp(i * BLOCK))
    assert synced == [1000, 2000]


def test_what_is_refused(log, tmp_path):
    with BlockLog(tmp_path / "c.blk", CHANNELS, 1000.0) as closed:
        pass
    with pytest.raises(StorageError, match="after 0 samples .the log is closed"):
        closed.append(ramp(0))
    with pytest.raises(ConfigError, match=r"shape \(3, 5\) for 2 channels"):
        log.append(np.zeros((3, 5)))
    with pytest.raises(StorageError, match="already exists, and may hold a capture"):
        BlockLog(log.path, CHANNELS, 1000.0)
    with pytest.raises(StorageError, match="cannot be created"):
        BlockLog(tmp_path / "none" / "a.blk", CHANNELS, 1000.0)
    for channels, rate in [((), 1000.0), (CHANNELS, 0.0), (CHANNELS, np.inf), (CHANNELS, np.nan)]:
        with pytest.raises(ConfigError, match="needs channels and a rate"):
            BlockLog(tmp_path / "b.blk", channels, rate)
    with pytest.raises(FormatError, match="cannot be read as a block log"):
        scan_block_log(tmp_path / "none.blk")
    damage(log, 20)
    with pytest.raises(FormatError, match="header of the block log is damaged"):
        scan_block_log(log.path)
    log.path.write_bytes(b"something else")
    with pytest.raises(FormatError, match="is not a block log"):
        scan_block_log(log.path)
    log.path.write_bytes(b"")
    with pytest.raises(FormatError, match="is not a block log"):
        scan_block_log(log.path)


def test_a_log_that_goes_while_it_is_read(log):
    """Sealed by another process, or cut: one line, no traceback."""
    scan = scan_block_log(log.path)
    log.path.write_bytes(log.path.read_bytes()[:-50])
    with pytest.raises(FormatError, match=r"a\.blk: has been cut off while it was read"):
        scan.part(0, 300)
    log.path.unlink()
    with pytest.raises(FormatError, match=r"a\.blk: cannot be opened \(No such file"):
        scan.part(0, 300)


def test_loaded_with_what_is_known_of_it(tmp_path):
    told = {"corrections": {"va": {"gain": 2.0}}}
    with BlockLog(tmp_path / "a.blk", CHANNELS, 1000.0, told) as log:
        log.append(ramp(0))
    waveform, about = load_block_log(log.path)
    assert np.array_equal(waveform.samples, ramp(0))
    assert (waveform.channels, waveform.rate, waveform.source) == (CHANNELS, 1000.0, "a.blk")
    assert about == {"complete": False, "acquired": None, "stored": 100, "lost": 0, **told}
