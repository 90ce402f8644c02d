"""The grid of half cycles, against the phase that the voltages were made with."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hil.analysis.quality.tracking import Tracker

RATE = 10e3


def follow(rows, hertz, block=7013):
    """Return the tracker and all edges, fed block by block as the engine does."""
    rows = np.array(rows, np.float32)
    n = rows.shape[1]
    tracker, edges = Tracker(RATE, hertz, len(rows), n), []
    for first in range(0, n, block):
        last = min(first + block, n)
        tracker.feed(rows[:, tracker.hops * tracker.hop :], last)
        edges.append(tracker.edges(final=last == n))
    return tracker, np.concatenate(edges)


def phase_of(hertz, seconds=3.0):
    return 2 * np.pi * np.cumsum(np.broadcast_to(hertz, round(seconds * RATE))) / RATE


def turns(phase, edges):
    """Return the half turns of the fundamental from edge to edge."""
    return np.diff(np.interp(edges, np.arange(phase.size), phase)) / np.pi


@given(st.floats(42.5, 69.0), st.floats(-3.0, 3.0), st.integers(1, 3), st.floats(-0.5, 0.5))
@example(58.0, 0.0, 1, 0.5)
@settings(max_examples=25, deadline=None)
def test_a_steady_frequency(hertz, angle, phases, off):
    """To 1 mHz (half cycles at the begin to 2), whatever the angle, the phases, and a start a little off."""
    phase = phase_of(hertz)
    rows = [np.cos(phase + angle - k * 2 * np.pi / 3) for k in range(phases)]
    tracker, edges = follow(rows, hertz + off)
    assert turns(phase, edges) == pytest.approx(1.0, abs=2e-3 / hertz)
    assert turns(phase, edges)[50:] == pytest.approx(1.0, abs=1e-3 / hertz)
    assert edges[0] == pytest.approx(0.0, abs=1e-6)
    assert edges[-1] <= phase.size - 1 < edges[-1] + RATE / hertz / 2 + 1
    value, uncertainty = tracker.frequency()
    assert value == pytest.approx(hertz, abs=1e-3)
    assert uncertainty < 1e-3


def test_harmonics_and_a_direct_component_do_not_move_it():
    phase = phase_of(50.7)
    row = np.cos(phase) + 0.3 + sum(0.1 * np.cos(h * phase + h) for h in range(2, 30))
    tracker, edges = follow([row], 50.5)
    assert tracker.frequency()[0] == pytest.approx(50.7, abs=1e-3)
    assert turns(phase, edges) == pytest.approx(1.0, abs=1e-4)


@pytest.mark.parametrize("offset", [3.0, 5.0, 10.0, 15.0, 35.0])
def test_an_interharmonic_moves_windows_of_ten_cycles_by_less_than_ten_ppm(offset):
    """2 %, in the middle of a record; its phase sways by 0.02, a thousand times as much."""
    phase = phase_of(50.0)
    row = np.cos(phase) + 0.02 * np.cos(phase * (50 + offset) / 50 + 1.0)
    _, edges = follow([row], 50.0)
    windows = np.diff(edges[60:-60:20]) * 50 / RATE / 10
    assert windows == pytest.approx(1.0, abs=1e-5)


def test_a_drift_is_followed_to_both_ends():
    """2 Hz/s."""
    phase = phase_of(47 + 2 * np.arange(30_000) / RATE)
    tracker, edges = follow([np.cos(phase), np.cos(phase - 2)], 47.5)
    assert turns(phase, edges) == pytest.approx(1.0, abs=2e-5)
    assert tracker.good[10 : tracker._count - 10].all()


def test_a_step_of_frequency_is_left_out_and_both_sides_are_measured():
    phase = phase_of(np.where(np.arange(30_000) < 15_000, 49.5, 50.5))
    _, edges = follow([np.cos(phase)], 50.0)
    middles = (edges[1:] + edges[:-1]) / 2
    away = np.abs(middles - 15_000) > 0.6 * RATE
    assert turns(phase, edges)[away] == pytest.approx(1.0, abs=1e-4)


@pytest.mark.parametrize("jump", [0.2, 1.0, 2.5])
def test_a_jump_stands_out_and_is_carried_through(jump):
    phase = phase_of(50.3)
    jumped = phase + np.where(np.arange(phase.size) < 15_000, 0.0, jump)
    tracker, edges = follow([np.cos(jumped - k * 2 * np.pi / 3) for k in range(3)], 50.3)
    assert turns(phase, edges) == pytest.approx(1.0, abs=1e-5)  # as if there were none
    assert tracker.frequency()[0] == pytest.approx(50.3, abs=1e-4)
    begins = np.array([14_000.0, 14_950.0, 16_000.0])
    assert tracker.disturbed(begins, begins + 100).tolist() == [False, True, False]


def test_a_gap_is_bridged():
    """Dead but for a hum of 55 Hz and 5 % for 0.8 s, while the frequency is 50.2 Hz before and after."""
    phase = phase_of(50.2, 4.0)
    alive = np.abs(np.arange(phase.size) - 20_000) > 4000
    tracker, edges = follow([np.where(alive, np.cos(phase), 0.05 * np.cos(55 / 50.2 * phase))], 50.0)
    assert turns(phase, edges) == pytest.approx(1.0, abs=1e-5)
    assert tracker.frequency()[0] == pytest.approx(50.2, abs=1e-4)
    assert tracker.disturbed(np.array([18_000.0]), np.array([19_000.0])).all()


def test_nothing_but_noise_keeps_the_frequency_that_it_was_given():
    tracker, edges = follow(np.zeros((2, 20_000)), 50.0)
    assert np.diff(edges) == pytest.approx(100.0)
    assert tracker.frequency() is None


def test_the_first_half_cycle_begins_where_it_is_told():
    phase = phase_of(50.0 + np.arange(30_000) / RATE)
    tracker = Tracker(RATE, 50.2, 1, phase.size, 37)
    tracker.feed(np.cos(phase)[None].astype(np.float32), phase.size)
    edges = tracker.edges(final=True)
    assert edges[0] == pytest.approx(37.0, abs=1e-6)
    assert turns(phase, edges) == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("samples", [0, 1, 30, 300, 700, 2500])
def test_records_of_any_length(samples):
    phase = phase_of(50.0, 1.0)[:samples]
    _, edges = follow([np.cos(phase)], 50.0) if samples else (None, np.zeros(1))
    assert edges.size == max(samples - 1, 0) // 100 + 1
    assert np.diff(edges) == pytest.approx(100.0, rel=1e-4)
