"""The line frequency, through what happens on a bench. Expected: what the signal was made with."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hil.analysis.frequency import line_frequency

RATE = 50e3


def voltages(hertz, seconds=0.2, rate=RATE, phase=0.4, phases=3):
    t = np.arange(round(seconds * rate)) / rate
    return np.array([325 * np.cos(2 * np.pi * hertz * t - k * 2 * np.pi / 3 + phase) for k in range(phases)])


@given(st.floats(42.6, 68.9), st.floats(-3.1, 3.1), st.sampled_from([4e3, 10e3, 50e3]), st.integers(1, 3))
@settings(max_examples=40, deadline=None)
def test_a_clean_signal_is_measured_to_a_millihertz(hertz, phase, rate, phases):
    found = line_frequency(voltages(hertz, rate=rate, phase=phase, phases=phases), rate)
    assert found.value == pytest.approx(hertz, abs=1e-3)


def test_harmonics_and_dc_do_not_pull_it():
    x = voltages(59.93) + 10 + sum(0.05 * h * voltages(59.93 * h, phase=h) for h in (2, 3, 5))
    assert line_frequency(x, RATE).value == pytest.approx(59.93, abs=1e-3)


def test_noise_widens_the_uncertainty_that_covers_it():
    x = voltages(50.02) + 3.0 * np.random.default_rng(3).normal(size=(3, 10_000))
    found = line_frequency(x, RATE)
    assert abs(found.value - 50.02) < 2 * found.uncertainty < 0.02


@pytest.mark.parametrize("depth", [0.0, 0.4, 1.2])
@pytest.mark.parametrize("jump", [0.0, 0.4])
def test_a_sag_with_a_jump_of_phase(depth, jump):
    before, after = voltages(50.1, 0.5), depth * voltages(50.1, 0.5, phase=0.4 + jump)
    x = np.concatenate([before[:, :12_000], after[:, 12_000:]], axis=1)
    assert line_frequency(x, RATE).value == pytest.approx(50.1, abs=1e-3)


def test_a_dead_phase_counts_nothing():
    x = voltages(60.2)
    x[0] = 0.0
    assert line_frequency(x, RATE).value == pytest.approx(60.2, abs=1e-3)


@pytest.mark.parametrize(
    "x",
    [
        np.zeros((3, 10_000)),
        np.full((1, 10_000), 800.0),
        voltages(50.0, 0.025),
        voltages(400.0),
        np.empty((0, 10_000)),
        np.random.default_rng(7).normal(size=(3, 10_000)),
    ],
    ids=["nothing", "direct voltage", "a cycle", "400 Hz", "no channel", "noise"],
)
def test_it_says_when_there_is_none(x):
    assert line_frequency(x, RATE) is None


def test_the_track_follows_a_ramp():
    t = np.arange(100_000) / RATE
    x = 325 * np.cos(2 * np.pi * (50 * t + t**2 / 4))  # 0.5 Hz/s
    found = line_frequency(x[None], RATE)
    middle = (found.ends + 1) / RATE - 0.75 / 50  # a window of a cycle and a half
    assert found.track == pytest.approx(50 + middle / 2, abs=0.02)
