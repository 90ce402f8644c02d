"""The one container of samples."""

import numpy as np
import pytest

from hil.errors import ConfigError, FormatError
from hil.waveform import Channel, Waveform

VA = Channel("va", "V", "voltage", "a")
IB = Channel("ib", "A", "current", "b")


def waveform(n=100, **kwargs):
    samples = np.vstack([np.arange(n, dtype=float), -np.arange(n, dtype=float)])
    return Waveform(samples, (VA, IB), 1000.0, **kwargs)


def test_samples_cannot_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        waveform()["va"][0] = 1.0


def test_between_is_a_view_with_its_own_start():
    whole = waveform(start=-0.05)
    part = whole.between(0.0, 0.01)
    assert len(part) == 10
    assert part.start == pytest.approx(0.0)
    assert part["va"][0] == 50.0
    assert np.shares_memory(part.samples, whole.samples)
    assert "between" in part.history[-1]


def test_between_outside_says_what_there_is():
    with pytest.raises(ConfigError, match="runs from 0 to 0.1 s"):
        waveform().between(0.2, 0.3)


def test_unknown_channel_says_which_there_are():
    with pytest.raises(ConfigError, match="va, ib"):
        waveform()["vb"]


def test_find_keeps_the_order_of_phases():
    assert waveform().find("voltage") == (VA,)
    assert waveform().find("current", ("b",)) == (IB,)


@pytest.mark.parametrize(
    ("samples", "channels", "rate"),
    [
        (np.zeros((1, 5)), (VA, IB), 1.0),
        (np.zeros(5), (VA,), 1.0),
        (np.zeros((1, 5)), (VA,), 0.0),
        (np.zeros((1, 5)), (VA,), float("nan")),
        (np.zeros((2, 5)), (VA, VA), 1.0),
    ],
)
def test_what_does_not_fit_together_is_refused(samples, channels, rate):
    with pytest.raises(FormatError):
        Waveform(samples, channels, rate)


def test_to_pandas_names_units_and_time():
    frame = waveform(start=-0.05).to_pandas()
    assert list(frame.columns) == ["va [V]", "ib [A]"]
    assert frame.index.name == "time [s]"
    assert frame.loc[-0.05, "ib [A]"] == 0.0
