"""The compiled way from codes to samples gives, bit for bit, what the one in numpy gives."""

import struct

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hil.capture import comtrade_data
from hil.capture.comtrade import open_comtrade, read_comtrade

pytest.importorskip("numba", reason="without numba there is one way only")

LINES = ["Va,A,,V,0.5,10,0,-32767,32767,1,1,P", "Ia,A,,kA,-0.001,0,0,-32767,32767,1,1,P"]
LINES += ["Vb,B,,V,1e-3,0,0,0,4095,1,1,P"]
LOWEST = {"BINARY": -(2**15), "BINARY32": -(2**31), "FLOAT32": -3.4028234663852886e38}
LARGEST = {"BINARY": 2**15 - 1, "BINARY32": 2**31 - 1, "FLOAT32": 3.4028234663852886e38}


@pytest.fixture
def both(monkeypatch):
    """Return what numpy and the kernel read from a path, whole and in two parts."""

    def of(path):
        found = []
        for least in (1 << 60, 1):
            monkeypatch.setattr(comtrade_data, "_LARGE", least)
            whole, capture = read_comtrade(path), open_comtrade(path)
            parts = [capture.part(0, 1), capture.part(1, len(capture))]
            found.append((whole, capture.history, parts))
        return found

    return of


def same(both, path):
    """Compare both ways, and parts with the whole, to the last bit; return what is read."""
    (mine, my_history, my_parts), (theirs, their_history, their_parts) = both(path)
    assert (mine.history, my_history) == (theirs.history, their_history)
    for x, y in zip([mine, *my_parts], [theirs, *their_parts], strict=True):
        assert x.samples.dtype == y.samples.dtype
        assert x.samples.tobytes() == y.samples.tobytes()
        assert (x.valid is None) == (y.valid is None)
        assert x.valid is None or x.valid.tobytes() == y.valid.tobytes()
    joined = np.concatenate([part.samples for part in their_parts], axis=1)
    assert joined.tobytes() == theirs.samples.tobytes()
    return theirs


def codes_of(kind):
    """Codes of a kind: any at all, and often the extremes and the markers."""
    low, high = LOWEST[kind], LARGEST[kind]
    rare = [low, high, -1, 0, 1]
    if kind == "FLOAT32":
        rare += [float("nan"), -float("nan"), float("inf"), -float("inf"), -0.0, 1e-45, -1e-45]
        return st.one_of(st.sampled_from(rare), st.floats(width=32))
    return st.one_of(st.sampled_from(rare), st.integers(low, high))


@pytest.mark.parametrize("kind", LOWEST)
@pytest.mark.parametrize("analogs", [1, 2, 3])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)
@given(data=st.data())
def test_anything(both, write_comtrade, monkeypatch, kind, analogs, data):
    """Tiles of 1024 samples and blocks of 5: ends of both fall anywhere."""
    monkeypatch.setattr("hil.capture.comtrade_survey.BLOCK", data.draw(st.sampled_from([5, 1 << 15])))
    n = data.draw(st.integers(2, 24))
    codes = data.draw(st.lists(st.tuples(*[codes_of(kind)] * analogs), min_size=n, max_size=n))
    bits = [[i >> k & 1 for k in range(18)] for i in range(n)]
    stamps = data.draw(st.lists(st.sampled_from([0, 1, 50, 100, 150, 2**32 - 1]), min_size=n, max_size=n))
    revision = data.draw(st.sampled_from(["1991", "2013"]))
    path = write_comtrade(
        kind, LINES[:analogs], codes, [f"d{k}" for k in range(18)], bits, stamps=stamps, revision=revision
    )
    same(both, path)


@pytest.fixture
def large(write_comtrade):
    """Return a record of 3 channels and 17 levels, 3000 samples: two tiles and a part of one."""

    def of(kind, change=None):
        t = np.arange(3000)
        codes = np.rint(9000 * np.sin(2 * np.pi * (t[:, None] / 400 + np.arange(3) / 3)))
        bits = np.zeros((3000, 17), int)
        bits[1500:, 3] = bits[10:20, 16] = bits[2999, 0] = 1
        stamps = 2**32 - 50_000 + 50 * t  # the counter wraps
        if change is not None:
            change(codes, stamps)
        number = float if kind == "FLOAT32" else int
        rows = [tuple(number(x) for x in row) for row in codes]
        names = [f"d{k}" for k in range(17)]
        path = write_comtrade(
            kind, LINES, rows, names, bits.tolist(), stamps=[int(s) % 2**32 for s in stamps], rate="20000"
        )
        return path, codes, bits

    return of


@pytest.mark.parametrize("kind", LOWEST)
def test_more_than_a_tile(both, large, kind):
    """Values by definition: 0.5 x + 10 V, -0.001 x kA = -x A, 0.001 x V."""
    path, codes, bits = large(kind)
    w = same(both, path)
    assert w.valid is None
    wanted = codes * [0.5, -1, 1e-3] + [10, 0, 0]
    assert np.allclose(w.samples[:3].T, wanted, rtol=1e-6, atol=1e-3)
    assert np.array_equal(w.samples[3:].T, bits)


@pytest.mark.parametrize("kind", LOWEST)
@pytest.mark.parametrize("at", [0, 1, 511, 1023, 1024, 2047, 2048, 2999])
def test_each_place_of_a_tile_counts(both, large, kind, at):
    """A value missing, and a break in time, at the ends and in the middle of tiles."""

    def change(codes, stamps):
        codes[at, at % 3] = LOWEST[kind]
        stamps[(at + 7) % 3000 :] += 1000

    path, _, _ = large(kind, change)
    w = same(both, path)
    assert np.argwhere(np.isnan(w.samples)).tolist() == [[at % 3, at]]
    assert np.flatnonzero(~w.valid).tolist() == sorted({at, (at + 7) % 3000})
    assert "jump before" in w.history[1]


@pytest.mark.parametrize("kind", LOWEST)
def test_clipped_samples(both, large, kind):
    def change(codes, _):
        np.clip(codes, -7000, 7000, out=codes)

    path, codes, _ = large(kind, change)
    w = same(both, path)
    clipped = np.flatnonzero((np.abs(codes[:, :2]) == 7000).any(axis=1))
    assert set(clipped[(clipped > 200) & (clipped < 2800)]) <= set(np.flatnonzero(~w.valid))


@pytest.mark.parametrize("at", [1, 1024, 1025, 2999])
def test_a_stamp_that_repeats(both, large, at):
    def change(_, stamps):
        stamps[at:] -= 50

    w = same(both, large("BINARY", change)[0])
    assert np.flatnonzero(~w.valid).tolist() == [at]
    assert w.history[1].startswith(f"time stamps repeat at sample {at + 1}")


def test_threads_and_blocks_change_nothing(both, large, monkeypatch):
    """Of blocks of 2999, the last has one sample."""
    for module in ("comtrade_survey", "comtrade_data"):
        monkeypatch.setattr(f"hil.capture.{module}.BLOCK", 2999)
    path, _, _ = large("BINARY")
    samples = [same(both, path).samples.tobytes()]
    for module in ("comtrade_survey", "comtrade_data"):
        monkeypatch.setattr(f"hil.capture.{module}.BLOCK", 128)
    for count in (1, 2, 3):
        monkeypatch.setattr("os.cpu_count", lambda count=count: count)
        samples.append(same(both, path).samples.tobytes())
    assert len(set(samples)) == 1


def test_the_marker_of_1991_counts_whatever_else_the_channel_holds(both, write_comtrade):
    """FFFF is missing in a range without -1, also beside a code below it."""
    rows = [(0, 0, -1), (1, 1, -5), (2, 2, 7)]
    w = same(both, write_comtrade("BINARY", LINES, rows, revision="1991"))
    assert np.isnan(w["Vb"]).tolist() == [True, False, False]


def test_a_multiplier_too_large(both, write_comtrade):
    """1000 times 1e38 V fits no float32; 1e39 is infinite itself, and 0 times that nothing at all."""
    big = [LINES[0].replace("0.5,10", "1e38,0"), LINES[1].replace("-0.001", "1e39")]
    w = same(both, write_comtrade("BINARY", big, [(1000, 5), (0, 0), (-1000, 1)]))
    assert np.isnan(w.samples).tolist() == [[True, False, True], [True, True, True]]


@pytest.mark.parametrize("n", [2, 1024, 1025, 1026, 3000])
def test_steady_stamps(n):
    """Steps of 50, and from 1 to 77 allowed; a jump, a repeat or a fall back to the first stamp is not."""
    from hil.capture import comtrade_kernel

    tile = np.empty(comtrade_kernel.TILE + 1, np.uint32)
    rows = np.zeros((n, 3), np.uint32)
    rows[:, 1] = 50 * np.arange(n) + 2**32 - 5000 * 50 // 2  # wraps after sample 2500
    assert comtrade_kernel.steady(rows[:, 1], 1, 77, tile)
    rows[1, 1] += 27
    assert comtrade_kernel.steady(rows[:, 1], 1, 77, tile)
    rows[1, 1] += 1
    assert not comtrade_kernel.steady(rows[:, 1], 1, 77, tile)
    rows[1, 1] -= 28
    for at in {n // 2, min(1025, n - 1), n - 1} - {1}:
        for stamp in (rows[at - 1, 1], rows[0, 1] + np.uint32(1)):
            kept, rows[at, 1] = rows[at, 1], stamp
            assert not comtrade_kernel.steady(rows[:, 1], 1, 77, tile)
            rows[at, 1] = kept


def test_one_of_the_two_is_the_kernel(both, large, monkeypatch):
    from hil.capture import comtrade_kernel

    calls = []
    decode = comtrade_kernel.decode
    monkeypatch.setattr(comtrade_kernel, "decode", lambda *args: calls.append(1) or decode(*args))
    both(large("BINARY")[0])
    assert calls


@pytest.mark.parametrize("kind", LOWEST)
@pytest.mark.parametrize("code", [1000, -1000])
def test_one_end_alone_may_be_too_large(both, write_comtrade, kind, code):
    factor = "1e306" if kind == "BINARY32" else "1e36"
    line = LINES[0].replace("0.5,10", f"{factor},0")
    w = same(both, write_comtrade(kind, [line], [(code,), (0,), (1,)]))
    assert np.isnan(w.samples).tolist() == [[True, False, False]]


def test_bits_of_a_float_are_taken_as_they_are(both, write_comtrade):
    """1.0 is 3f800000; the largest below zero and the smallest above sort around both zeros."""
    bits = ("0000803f", "01000080", "00000080", "01000000")
    values = [struct.unpack("<f", bytes.fromhex(x))[0] for x in bits]
    w = same(both, write_comtrade("FLOAT32", ["x,,,,1,0,0,-9,9,1,1,P"], [(v,) for v in values]))
    assert w.samples[0].tolist() == values
