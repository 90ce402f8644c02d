"""Lists against what is provably best, and refusals that say the nearest."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hil.errors import ConfigError, LimitError
from hil.limits import Limit
from hil.profiles.fit import Instrument, fit
from hil.profiles.generate import square
from hil.profiles.profile import Profile
from hil.profiles.reduce import points_for, reduced, rms_and_worst
from hil.profiles.scale import rated

SQUARE = rated(square(period=1.0, duty=0.75, high=0.9, low=0.4, edge=5e-3, duration=10.0), 100e3)


def box(**changes):
    settings = {
        "points": 512, "dwell": Limit(1e-3, 100.0, "s"), "power": Limit(0.0, 100e3, "W"),
        "slew": 1e9, "bandwidth": 1e4, "held": False,
    }  # fmt: skip
    return Instrument(**{**settings, **changes})


def test_what_fits_is_played_exactly():
    """Ten periods have four lines each: 40 lines."""
    found = fit(SQUARE, box(points=40))
    assert len(found.list) - 1 == 40
    assert found.rms < 1e-6
    assert found.energy == pytest.approx(0.0, abs=1e-12)
    assert found.steepest == pytest.approx(50e3 / 5e-3)
    assert found.given.rms == pytest.approx(found.asked.rms, nan_ok=True)


def best_span(power, steps):
    """Return the smallest span that so many runs of values can be held to (dynamic programming)."""
    n = len(power)
    best = [[np.inf] * (n + 1) for _ in range(steps + 1)]
    best[0][0] = 0.0
    for s in range(1, steps + 1):
        for end in range(1, n + 1):
            best[s][end] = min(
                max(best[s - 1][begin], max(power[begin:end]) - min(power[begin:end])) for begin in range(end)
            )
    return min(best[s][n] for s in range(1, steps + 1))


@settings(deadline=None, max_examples=50)
@given(
    power=st.lists(st.integers(0, 50).map(float), min_size=3, max_size=12),
    steps=st.integers(1, 6),
)
def test_steps_have_the_smallest_span_that_is_possible(power, steps):
    """Against all divisions, by dynamic programming."""
    time = np.arange(len(power) + 1.0)
    profile = Profile(time, np.append(power, power[-1]), held=True)
    made = reduced(profile, steps, 0.5, 100.0, held=True)
    assert len(made) - 1 <= steps
    begins = np.searchsorted(time, made.time[:-1])
    runs = np.split(np.array(power), begins[1:])
    assert max(np.ptp(run) for run in runs) == pytest.approx(best_span(power, steps), abs=1e-6)
    assert made.energy == pytest.approx(profile.energy)


@settings(deadline=None, max_examples=50)
@given(seed=st.integers(0, 999), points=st.integers(2, 60))
def test_lines_keep_the_energy_and_the_count(seed, points):
    """Noise about a mean far from zero: no knot is held back, so energy is kept to the last digit."""
    power = 100.0 + np.random.default_rng(seed).normal(0.0, 1.0, 200)
    profile = Profile(np.arange(200.0), power)
    made = reduced(profile, points, 0.5, 1e3, held=False)
    assert len(made) - 1 <= points
    assert made.energy == pytest.approx(profile.energy, rel=1e-3)
    assert profile.power.min() <= made.power.min() <= made.power.max() <= profile.power.max()
    rms, worst = rms_and_worst(profile, made)
    assert rms <= worst
    assert rms <= profile.power.std() * 1.01  # no worse than one level for all


def test_more_points_lose_less():
    time = np.linspace(0.0, 10.0, 2001)
    wave = Profile(time, 50e3 + 20e3 * np.sin(2 * np.pi * time))
    errors = [
        fit(wave, box(points=points, held=held)).rms for held in (False, True) for points in (20, 80, 320)
    ]
    assert errors[0] > errors[1] > errors[2]
    assert errors[3] > errors[4] > errors[5]
    # n steps a period of a sine of amplitude A, by slope: the error of m steps over its range 2A is at
    # most half a step high
    assert errors[5] < 20e3 / 16


def test_points_for_an_error_are_enough():
    time = np.linspace(0.0, 10.0, 2001)
    wave = Profile(time, 50e3 + 20e3 * np.sin(2 * np.pi * time))
    for held in (False, True):
        needed = points_for(wave, 500.0, 1e-3, 100.0, held=held)
        assert fit(wave, box(points=needed, held=held)).rms <= 505.0
    steep = Profile(np.array([0.0, 1.0, 1.001, 2.0]), np.array([0.0, 0.0, 100.0, 100.0]))
    assert points_for(steep, 1e-3, 0.5, 100.0, held=False) is None  # no line is that short


def test_a_dwell_too_short_for_the_edges_is_averaged():
    found = fit(SQUARE, box(dwell=Limit(0.05, 100.0, "s")))
    assert np.diff(found.list.time).min() >= 0.05 * (1 - 1e-9)
    assert found.energy == pytest.approx(0.0, abs=1e-6)
    assert found.rms > 1000.0


def test_lines_through_a_trace_are_no_steeper_than_it_can_tell():
    """Values of 100 ms, 0 then 100 W: a line of 100 ms or more, however short the instrument's may be."""
    trace = Profile(np.arange(21) * 0.1, np.repeat([0.0, 100.0], [10, 11]), held=True, bandwidth=4.43)
    made = fit(trace, box()).list
    steepest = np.abs(np.diff(made.power) / np.diff(made.time)).max()
    assert steepest == pytest.approx(100.0 / 0.1, rel=0.01)


def test_long_points_are_cut():
    flat = Profile(np.array([0.0, 10.0]), np.array([5.0, 5.0]))
    made = fit(flat, box(dwell=Limit(1e-3, 3.0, "s"))).list
    assert np.diff(made.time).tolist() == pytest.approx([2.5] * 4)


def test_steps_are_reached_at_the_slew():
    """Between 20 and 60 kW at 100 kW/s lies 0.4 s, and half of the area of that triangle is missing."""
    stairs = Profile(np.array([0.0, 1.0, 3.0]), np.array([20e3, 60e3, 60e3]), held=True)
    found = fit(stairs, box(held=True, slew=100e3))
    assert found.played.at(1.2) == pytest.approx(40e3)
    assert found.energy == pytest.approx(-(0.5 * 0.4 * 40e3) / stairs.energy)
    assert found.worst == pytest.approx(40e3)


@pytest.mark.parametrize("slew", [np.inf, 1e30])
def test_steps_without_a_slew_are_reached_at_once(slew):
    stairs = Profile(np.array([0.0, 1.0, 3.0]), np.array([20e3, 60e3, 60e3]), held=True)
    found = fit(stairs, box(held=True, slew=slew))
    assert (found.rms, found.worst, found.energy) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"power": Limit(0.0, 60e3, "W")}, "reaches 90 kW.*nearest possible: scaled by 0.667, to 60 kW"),
        ({"power": Limit(50e3, 100e3, "W")}, "falls to 40 kW.*lowest power is 50 kW"),
        ({"slew": 1e6}, "needs 10 MW/s, the instrument makes 1 MW/s.*10 times as long.*10 times smaller"),
        ({"slew": 8e6}, "needs 10 MW/s, the instrument makes 8 MW/s.*1.25 times as long"),
        ({"points": 4, "dwell": Limit(1e-3, 2.0, "s")}, "last 8 s, the profile 10 s.*first 8 s"),
        ({"dwell": Limit(11.0, 100.0, "s")}, "at least 11 s"),
    ],
)
def test_what_is_impossible_is_refused_with_the_nearest(changes, words):
    with pytest.raises(LimitError, match=words):
        fit(SQUARE, box(**changes))


def test_per_unit_needs_a_rating():
    unit = square(period=1.0, duty=0.75, high=0.9, low=0.4, edge=5e-3, duration=10.0)
    with pytest.raises(ConfigError, match="--rating"):
        fit(unit, box())
    with pytest.raises(ConfigError, match="an instrument needs"):
        box(points=0)


def test_band_that_the_instrument_lacks():
    """Tones of 1 and 2 kW at 5 and 50 Hz: with 20 Hz of bandwidth 4 / 5 of the energy is lost."""
    time = np.linspace(0.0, 2.0, 20_001)
    both = 10e3 + 1e3 * np.sin(2 * np.pi * 5 * time) + 2e3 * np.sin(2 * np.pi * 50 * time)
    found = fit(Profile(time, both), box(points=5000, bandwidth=20.0))
    assert found.lost == pytest.approx(0.8, abs=5e-3)
