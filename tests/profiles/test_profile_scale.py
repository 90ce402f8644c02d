"""Clusters, filters and ratings against closed forms; what was not resolved stays unresolved."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hil.errors import ConfigError
from hil.profiles.measure import steepest
from hil.profiles.profile import Profile
from hil.profiles.scale import cluster, filtered, rated

STEP = Profile(np.array([0.0, 1.0, 3.0]), np.array([0.0, 100.0, 100.0]), held=True)


def test_one_copy_without_delay_is_the_mean_over_each_step():
    """The step at 1 s lies in the middle of a step of 0.4 s: half of it."""
    made = cluster(STEP, 1, 0.0, 0.4, seed=0)
    assert made.at([0.5, 0.9, 1.3]).tolist() == pytest.approx([0.0, 50.0, 100.0])
    assert made.bandwidth == pytest.approx(0.443 / 0.4)


def test_many_delays_make_a_ramp():
    """Delays that are uniform up to 1 s turn a step into a ramp from 1 to 2 s (law of large numbers)."""
    made = cluster(STEP, 4000, 1.0, 0.1, seed=3)
    expected = 4000 * 100.0 * np.array([0.0, 0.25, 0.75, 1.0])
    assert made.at([0.95, 1.25, 1.75, 2.5]) == pytest.approx(expected, rel=0.05, abs=4000)
    assert steepest(made, 1.0)[1] == pytest.approx(4000 * 100.0, rel=0.05)  # over the whole ramp


@settings(deadline=None)
@given(nodes=st.integers(1, 20), spread=st.floats(0.0, 0.5), seed=st.integers(0, 99))
def test_a_cluster_keeps_the_energy(nodes, spread, seed):
    """A pulse that has ended is all there, however it is delayed; a sum of N is N times the energy."""
    pulse = Profile(np.array([0.0, 1.0, 1.2, 1.5, 3.0]), np.array([0.0, 0.0, 80.0, 0.0, 0.0]))
    made = cluster(pulse, nodes, spread, 0.05, seed)
    assert made.energy == pytest.approx(nodes * pulse.energy, rel=1e-9)
    assert made.power.max() <= nodes * 80.0 * (1 + 1e-12)


def test_a_cluster_per_unit_is_the_mean_of_its_nodes():
    pulse = Profile(np.array([0.0, 1.0, 2.0]), np.array([0.2, 1.0, 1.0]), unit="pu", held=True)
    made = cluster(pulse, 7, 0.1, 0.01, seed=1)
    assert (made.power.min(), made.power.max()) == (pytest.approx(0.2), pytest.approx(1.0))


def test_a_slow_trace_gets_no_faster():
    """100 ms telemetry, resampled to 1 ms, is honest up to 4.43 Hz as before."""
    slow = Profile(np.arange(10) * 0.1, np.arange(10.0), held=True, bandwidth=4.43)
    assert cluster(slow, 3, 0.0, 1e-3, seed=0).bandwidth == 4.43


def test_a_lag_answers_a_step_as_it_must():
    """100 (1 - exp(-(t - 1) / 0.2)) behind a step at 1 s."""
    made = filtered(STEP, 0.2)
    time = np.array([0.5, 1.0, 1.2, 1.5, 2.0])
    expected = 100.0 * (1.0 - np.exp(-np.maximum(time - 1.0, 0.0) / 0.2))
    assert made.at(time) == pytest.approx(expected, abs=0.2)
    assert made.power[-1] == pytest.approx(100.0 * (1.0 - np.exp(-10.0)))


def test_a_lag_halves_what_it_should():
    """A sine at 1 / (2 pi tau) comes out at 1 / sqrt(2)."""
    time = np.linspace(0.0, 20.0, 20_001)
    sine = Profile(time, 1.0 + 0.5 * np.sin(2 * np.pi * time))
    made = filtered(sine, 1 / (2 * np.pi))
    tail = made.at(np.linspace(15.0, 20.0, 5001))
    assert np.ptp(tail) == pytest.approx(1.0 / np.sqrt(2.0), rel=2e-3)


def test_ratings():
    unit = Profile(np.array([0.0, 1.0]), np.array([0.5, 1.0]), unit="pu")
    assert rated(unit, 300e3).power.tolist() == [150e3, 300e3]
    watts = Profile(np.array([0.0, 1.0]), np.array([200.0, 400.0]))
    assert rated(watts, 1000.0).power.tolist() == [500.0, 1000.0]  # its highest counts as its rating
    assert rated(watts, 1000.0, base=800.0).power.tolist() == [250.0, 500.0]
    with pytest.raises(ConfigError, match="leave the base out"):
        rated(unit, 1000.0, base=800.0)
    with pytest.raises(ConfigError, match="zero throughout"):
        rated(Profile(np.array([0.0, 1.0]), np.zeros(2)), 1000.0)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((0, 0.0, 0.1), "0 nodes"), ((1, -1.0, 0.1), "spread over -1"),
        ((1, 0.0, 5.0), "does not fit"), ((1, 0.0, 1e-9), "more than"),
    ],
)  # fmt: skip
def test_clusters_that_cannot_be(arguments, words):
    with pytest.raises(ConfigError, match=words):
        cluster(STEP, *arguments, seed=0)
