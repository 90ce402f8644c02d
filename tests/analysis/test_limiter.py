"""What a limiter of ramps makes of a load, means over windows, energy left, the answer to single tones."""

import numpy as np
import pytest

from hil.analysis.buffering.limiter import energy_ratio, limited, over_windows
from hil.analysis.buffering.tones import spectra, tone

RATE = 1000.0
TIME = np.arange(20_000) / RATE


def square(time, period, high=1.0):
    return np.where(time % period < period / 2, high, 0.0)


def test_a_limited_step_is_a_ramp_that_ends_at_the_load():
    load = np.where(TIME < 1.0, 0.2, 1.0)
    found = limited(load, RATE, 0.1, 0.2)
    assert found == pytest.approx(np.clip(0.2 + 0.1 * (TIME + 1 / RATE - 1.0), 0.2, 1.0), abs=1e-9)
    assert limited(1.2 - load, RATE, 0.1, 1.0) == pytest.approx(1.2 - found, abs=1e-9)


def test_a_slow_load_passes_the_limiter():
    slow = 0.5 + 0.1 * np.sin(2 * np.pi * 0.1 * TIME)  # at most 0.063 per second
    assert limited(slow, RATE, 0.1, 0.5) == pytest.approx(slow, abs=1e-12)


def test_the_mean_over_a_cycle_that_is_no_whole_number_of_samples():
    hertz = 60.0  # 16.67 samples
    found = over_windows(0.5 + np.sin(2 * np.pi * hertz * TIME), RATE, 1 / hertz)
    assert found == pytest.approx(0.5, abs=0.01)
    ramp = over_windows(TIME, RATE, 1 / hertz)  # each sample stands for the interval that it begins
    assert ramp == pytest.approx(TIME[: ramp.size] + (1 / hertz - 1 / RATE) / 2, abs=2e-5)
    assert over_windows(TIME[:10], RATE, 0.01).size == 1


def test_energy_ratio_is_that_of_the_squares():
    load, grid = (a * np.sin(2 * np.pi * 2.0 * TIME) for a in (3.0, 0.6))
    ratio, low = energy_ratio(load, grid, RATE, 1 / 60)
    assert ratio == pytest.approx(0.04, rel=1e-6)
    assert low == pytest.approx(0.2)  # four periods in 20 s
    assert energy_ratio(np.tile(load, 3), np.tile(grid, 3), RATE, 1 / 60)[1] == 0.1
    beyond = grid + np.sin(2 * np.pi * 30.0 * TIME)  # beyond 20 Hz nothing counts
    assert energy_ratio(load, beyond, RATE, 1 / 60)[0] == pytest.approx(0.04, rel=1e-3)


@pytest.mark.parametrize("size", [20_000, 150, 2])
def test_energy_ratio_of_no_swing_or_of_nearly_no_record_is_not_known(size):
    swing = np.sin(2 * np.pi * 2.0 * TIME)[:size] if size < 1000 else np.zeros(size)
    assert energy_ratio(swing, swing, RATE, 1 / 60)[0] is None


def test_a_record_of_any_length_is_told_from_its_fourth_period_on():
    for size in range(9_000, 9_100, 7):
        load = square(TIME[:size], 0.5)
        assert energy_ratio(load, load, RATE, 1 / 60)[0] == pytest.approx(1.0)


@pytest.mark.parametrize("period", [0.05, 0.5, 2.0])
def test_a_limited_square_answers_as_a_triangle(period):
    """Its first harmonic is R T 2 / pi^2 (pk-pk R T / 2), that of the square 2 / pi."""
    ramp = 0.1
    load = square(TIME, period)
    found = tone(load, limited(load, RATE, ramp, 0.4), RATE, 2 * period, period, 3)
    assert found.frequency == pytest.approx(1 / period)
    # of 50 samples or more to a period
    assert found.load == pytest.approx(2 / np.pi, rel=5e-3)
    assert found.gain == pytest.approx(ramp * period / np.pi, rel=5e-3)
    assert found.coherence > 0.998


def test_what_is_not_coherent_has_no_gain():
    load = square(TIME, 0.5)
    noise = np.random.default_rng(1).normal(size=TIME.size)
    assert tone(load, noise, RATE, 0.0, 0.5, 30).gain is None
    assert tone(0.0 * load, noise, RATE, 0.0, 0.5, 3).gain is None
    assert tone(load, load, RATE, 19.0, 0.5, 3) is None
    assert tone(load, load, RATE, -0.1, 0.5, 3) is None


def test_tones_are_drawn_by_frequency():
    load = square(TIME, 0.5)
    tones = [tone(load, load, RATE, 0.0, period, 3) for period in (0.5, 1.0)]
    gain, coherence = spectra(tones)
    assert gain.time.tolist() == [1.0, 2.0]
    assert np.isnan(gain.values[0])  # a square of half the period has nothing there
    assert (gain.values[1], coherence.values[1]) == pytest.approx((1.0, 1.0))
