"""Requests become power: one by hand, many by their totals, recorded ones by what they state."""

import numpy as np
import pytest

from hil.errors import ConfigError, FormatError
from hil.profiles.inference import Requests, inference, poisson, recorded

MODEL = {
    "nodes": 2, "idle": 0.2, "prefill": 1.0, "decode": 0.6, "read_rate": 1000.0, "write_rate": 10.0,
    "lag": 1e-3, "noise": 0.0, "seed": 0,
}  # fmt: skip


def requests(*rows):
    time, context, generated = np.array(rows, float).reshape(-1, 3).T
    return Requests(time, context, generated, "test")


def test_one_request_by_hand():
    """2000 tokens are read in 2 s, 30 written in 3 s, by one of two nodes; the other idles."""
    made = inference(requests((1.0, 2000, 30)), 8.0, **MODEL)
    assert made.at([0.5, 2.0, 4.0, 7.0]).tolist() == pytest.approx(
        [0.2, (1.0 + 0.2) / 2, (0.6 + 0.2) / 2, 0.2], abs=1e-6
    )


def test_prompts_queue_once_every_node_reads():
    """Three prompts of 1 s at once on two nodes: both read for a second, then one for another."""
    made = inference(requests(*[(1.0, 1000, 0)] * 3), 5.0, **MODEL)
    assert made.at([1.5, 2.5, 3.5]).tolist() == pytest.approx([1.0, 0.6, 0.2], abs=1e-6)


def test_writing_waits_for_reading_in_power_alone():
    """A node that reads takes full power, whatever it writes meanwhile."""
    made = inference(requests((1.0, 1000, 40), (3.0, 1000, 0)), 8.0, **{**MODEL, "nodes": 1})
    assert made.at([2.5, 3.5, 5.0, 7.0]).tolist() == pytest.approx([0.6, 1.0, 0.6, 0.2], abs=1e-6)


def test_poisson_arrivals_are_those_of_their_seed():
    one, same, other = (poisson(5.0, 1200.0, 200.0, 2000.0, seed) for seed in (1, 1, 2))
    assert np.array_equal(one.time, same.time)
    assert not np.array_equal(one.time[:5], other.time[:5])
    # mean 10 000, sigma 100: five sigma
    assert one.time.size == pytest.approx(10_000, abs=500)
    # intervals of a Poisson process: the deviation is the mean
    assert np.diff(one.time).std() == pytest.approx(0.2, rel=0.1)


def test_noise_lies_between_1_and_2_hz():
    """On a steady load of 0.8 pu above idle: RMS 2 % of it, and nothing outside the band."""
    steady = requests(*[(0.0, 1e6, 0)] * 2)
    made = inference(steady, 100.0, **{**MODEL, "noise": 0.02})
    power = made.at(np.arange(10_000) * 0.01)
    spectrum = np.abs(np.fft.rfft(power - power.mean())) ** 2
    frequency = np.fft.rfftfreq(power.size, 0.01)
    inside = (frequency >= 0.9) & (frequency <= 2.1)
    assert power.std() == pytest.approx(0.02 * 0.8, rel=0.2)
    assert spectrum[inside].sum() > 0.99 * spectrum.sum()


def test_shipped_arrivals():
    """1 702 requests in 620 s stand in the excerpt; twice as fast they come in half the time."""
    found = recorded("azure_code", 600.0, 1.0)
    assert found.time[0] == 0.0
    assert found.time[-1] < 600.0
    assert "CC BY 4.0" in found.license
    fast = recorded("azure_code", 300.0, 2.0)
    assert fast.time == pytest.approx(found.time / 2)
    with pytest.raises(ConfigError, match="lasts 620 s"):
        recorded("azure_code", 6000.0, 1.0)
    with pytest.raises(ConfigError, match="azure_core"):
        recorded("azure_core", 60.0, 1.0)


def test_a_wrong_line_of_arrivals_is_named(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("time_s,context_tokens,generated_tokens\n0,10,10\n5,x,10\n")
    with pytest.raises(FormatError, match="line 3"):
        recorded(str(path), 1.0, 1.0)
    path.write_text("time_s,context_tokens,generated_tokens\n5,10,10\n4,10,10\n")
    with pytest.raises(FormatError, match="line 3: time must not decrease"):
        recorded(str(path), 1.0, 1.0)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"idle": 0.7}, "ordered"),
        ({"nodes": 0}, "node"),
        ({"nodes": 1.5}, "whole number"),
        ({"nodes": 3e9}, "from 1 to 2,000,000,000"),
        ({"noise": 0.5}, "noise"),
        ({"lag": 0.0}, "lag"),
    ],
)
def test_models_that_cannot_be(change, words):
    with pytest.raises(ConfigError, match=words):
        inference(requests((1.0, 10, 10)), 8.0, **{**MODEL, **change})
