"""Ramps against brute force, bands against tones whose power is known."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hil.analysis.buffering.metrics import BANDS
from hil.profiles.generate import square, sweep
from hil.profiles.measure import above, demand, spectrum, steepest
from hil.profiles.profile import Profile


@settings(deadline=None)
@given(gaps=st.lists(st.integers(1, 30), min_size=3, max_size=12), data=st.data(), held=st.booleans())
def test_steepest_is_that_of_every_instant(gaps, data, held):
    """Times in hundredths, looked at in every hundredth, held values in the middle: nothing lies between."""
    ticks = np.concatenate(([0], np.cumsum(gaps)))
    power = np.array(
        data.draw(st.lists(st.integers(0, 100), min_size=ticks.size, max_size=ticks.size)), float
    )
    assume(ticks[-1] > 2)
    values = np.repeat(power[:-1], gaps) if held else np.interp(np.arange(ticks[-1] + 1), ticks, power)
    change = (values[2:] - values[:-2]) / 0.02
    fall, rise = steepest(Profile(ticks / 100.0, power, held=held), 0.02)
    assert fall == pytest.approx(min(0.0, change.min()), abs=1e-6)
    assert rise == pytest.approx(max(0.0, change.max()), abs=1e-6)


def test_what_repeats_has_no_slope_over_its_period():
    """Held at 5 and 9 for 0.3 s each: 0 over 0.6 s, 4 / 0.3 over half of it."""
    profile = Profile(np.arange(41) * 0.3, np.tile([5.0, 9.0], 21)[:41], held=True)
    assert steepest(profile, 0.6) == (0.0, 0.0)
    assert steepest(profile, 0.3) == (pytest.approx(-4 / 0.3), pytest.approx(4 / 0.3))


def tone(hertz, amplitude, seconds=40.0, mean=10.0):
    time = np.linspace(0.0, seconds, 400_001)
    return Profile(time, mean + amplitude * np.sin(2 * np.pi * hertz * time))


@pytest.mark.parametrize(
    ("hertz", "band"), [(0.5, 0), (1.0, 1), (2.0, 1), (5.0, 2), (10.0, 3), (50.0, 4), (60.0, 5)]
)
def test_a_tone_lies_in_its_band(hertz, band):
    """RMS is the amplitude by sqrt(2), peak the amplitude; means over 0.5 ms take 0.15 % at 60 Hz.

    Of the peak 0.45 % more: 33 means make a period.
    """
    found = demand(tone(hertz, 3.0)).bands
    assert found.rms[band] == pytest.approx(3.0 / np.sqrt(2.0), rel=3e-3)
    assert found.peak[band] == pytest.approx(3.0, rel=6e-3)
    assert found.share[band] == pytest.approx(1.0, abs=1e-6)
    assert np.delete(found.rms, band) == pytest.approx(np.zeros(5), abs=1e-3)


def test_parseval():
    """The mean square of all that alternates is that of the spectrum."""
    made = square(period=0.8, duty=0.75, high=0.95, low=0.4, edge=5e-3, duration=16.0)
    total = spectrum(made)[0].sum()
    # ideal edges: 0.75 * 0.25 * 0.55^2; a straight one has 1/3 where half a time of each level has 1/2
    ideal, edges = 0.75 * 0.25 * 0.55**2, 2 * (5e-3 / 0.8) * 0.55**2 / 6
    assert total == pytest.approx(ideal - edges, rel=2e-4)


def test_the_end_of_a_sweep_counts_as_its_middle():
    """Each tone has its energy by its time: ten cycles at f last 10 / f, of a swing that is the same."""
    made = sweep(low=1.0, high=10.0, mean=0.6, swing=0.2, cycles=10.0, shape="sine")
    tones = np.array([10 ** (k / 10) for k in range(11)])
    times = 10.0 / tones
    expected = 0.1**2 / 2 * times[tones > 7.5].sum() / times.sum()
    found = demand(made).bands
    assert found.rms[BANDS.index((7.0, 20.0))] ** 2 == pytest.approx(expected, rel=0.1)


def test_what_is_slower_than_it_looks_cannot_be_told():
    """Values of 100 ms: no ramp in 1 ms, no band above 4.43 Hz; 20 s: none that begins below 0.2 Hz."""
    time = np.arange(201) * 0.1
    found = demand(Profile(time, 5.0 + np.cos(time), held=True, bandwidth=4.43))
    assert found.rises[0] is None
    assert found.rises[1] is not None
    assert np.isnan(found.bands.rms).tolist() == [True, False, True, True, True, True]
    assert found.frequency.max() <= 4.43


def test_steady_power_has_nothing_that_alternates():
    found = demand(Profile(np.array([0.0, 60.0]), np.array([5.0, 5.0])))
    assert found.bands.rms.tolist() == [0.0] * 6
    assert found.rises == (0.0, 0.0, 0.0)
    assert found.spans[:3] == pytest.approx((0.0, 0.0, 0.0), abs=1e-9)


def test_share_above_a_frequency():
    """Tones of 1 at 5 Hz and 2 at 50 Hz: 4 / 5 of the energy lies above 20 Hz."""
    time = np.linspace(0.0, 10.0, 200_001)
    both = 10.0 + np.sin(2 * np.pi * 5 * time) + 2.0 * np.sin(2 * np.pi * 50 * time)
    assert above(Profile(time, both), 20.0) == pytest.approx(0.8, abs=2e-3)
    assert above(Profile(time, both), np.inf) == 0.0


def test_a_ramp_alone_has_no_spectrum():
    """The line from the first to the last power is taken off, and nothing is left."""
    ramp = Profile(np.array([0.0, 10.0]), np.array([0.0, 100.0]))
    assert spectrum(ramp)[0].sum() == pytest.approx(0.0, abs=1e-18)


def test_parseval_at_the_highest_frequency():
    """0 and 1 in turn, each for one of 16 means: all of the variance, 1/4, lies there, and it counts once."""
    turns = Profile(np.arange(17) * 0.5e-3, np.array([0.0, 1.0] * 8 + [0.0]), held=True)
    assert spectrum(turns)[0].sum() == pytest.approx(0.25)
