"""The one container of samples."""

import numpy as np
import pytest

from hil.errors import ConfigError, FormatError
from hil.waveform import Channel, Waveform, blocks, find

VA = Channel("va", "V", "voltage", "a")
IB = Channel("ib", "A", "current", "b")


def waveform(n=100, **kwargs):
    samples = np.vstack([np.arange(n, dtype=float), -np.arange(n, dtype=float)])
    return Waveform(samples, (VA, IB), 1000.0, **kwargs)


def test_samples_cannot_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        waveform()["va"][0] = 1.0


def test_a_part_is_a_view_with_its_own_start():
    whole = waveform(start=-0.05, valid=np.arange(100) != 55)
    part = whole.part(50, 60)
    assert len(part) == 10
    assert part.start == pytest.approx(0.0)
    assert part["va"][0] == 50.0
    assert np.shares_memory(part.samples, whole.samples)
    assert np.flatnonzero(~part.valid).tolist() == [5]


@pytest.mark.parametrize(
    ("first", "last", "kept"),
    [(-5, 3, [0, 1, 2]), (98, 200, [98, 99]), (7, 7, []), (9, 4, []), (200, 300, [])],
)
def test_a_part_ends_with_the_record(first, last, kept):
    assert waveform().part(first, last)["va"].tolist() == kept


def test_blocks_follow_each_other():
    parts = list(blocks(waveform(), 30))
    assert [len(part) for part in parts] == [30, 30, 30, 10]
    assert np.concatenate([part["va"] for part in parts]).tolist() == list(range(100))


def test_the_nearest_sample_inside_the_record():
    wave = waveform(start=-0.05)
    assert [wave.index(t) for t in (-1.0, -0.05, 0.0004, 0.0006, 1.0)] == [0, 0, 50, 51, 99]


def test_unknown_channel_says_which_there_are():
    with pytest.raises(ConfigError, match="va, ib"):
        waveform()["vb"]


def test_find_keeps_the_order_of_phases():
    assert waveform().find("voltage") == (VA,)
    assert waveform().find("current", ("b",)) == (IB,)
    other = Channel("other", "V", "voltage", "a", place="load")
    assert find([IB, other, VA], "voltage", ("b", "a")) == (VA,)
    assert find([IB, other, VA], "voltage", place="load") == (other,)


@pytest.mark.parametrize(
    ("samples", "channels", "rate"),
    [
        (np.zeros((1, 5)), (VA, IB), 1.0),
        (np.zeros(5), (VA,), 1.0),
        (np.zeros((1, 5)), (VA,), 0.0),
        (np.zeros((1, 5)), (VA,), float("nan")),
        (np.zeros((1, 5)), (VA,), float("inf")),
        (np.zeros((2, 5)), (VA, VA), 1.0),
    ],
)
def test_what_does_not_fit_together_is_refused(samples, channels, rate):
    with pytest.raises(FormatError):
        Waveform(samples, channels, rate)


def test_a_mask_of_another_length_is_refused():
    with pytest.raises(FormatError, match="mask does not match"):
        waveform(valid=np.ones(99, bool))


def test_to_pandas_names_units_and_time():
    frame = waveform(start=-0.05).to_pandas()
    assert list(frame.columns) == ["va [V]", "ib [A]"]
    assert frame.index.name == "time [s]"
    assert frame.loc[-0.05, "ib [A]"] == 0.0
