"""RMS values against closed forms: a sine of peak A has RMS A / sqrt(2) over any whole number of cycles."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hil.analysis.phasor import sliding_mean_square, sliding_phasors, symmetrical
from hil.analysis.rms import cycle_windows, half_cycle_edges, integrals, window_rms

RATE = 50e3


def sine(hertz, n=20_000, rate=RATE, phase=0.7):
    return np.sqrt(2) * 230 * np.cos(2 * np.pi * hertz * np.arange(n) / rate + phase)


def edges_of(x, hertz, rate=RATE):
    cycle = rate / hertz
    ends, phasors = sliding_phasors(x[None], cycle, round(cycle / 16))
    return half_cycle_edges(phasors[0], ends, cycle, x.size)


def test_the_integral_of_a_straight_line_is_exact_between_samples():
    values = 3.0 + 2.0 * np.arange(100)
    begins, ends = np.array([0.0, 2.25, 7.0]), np.array([1.5, 9.75, 99.0])
    exact = [3 * (b - a) + (b**2 - a**2) for a, b in zip(begins, ends, strict=True)]
    assert integrals(values, begins, ends) == pytest.approx(exact, rel=1e-12)


@pytest.mark.parametrize("hertz", [42.5, 49.87, 50.0, 59.7, 60.0, 69.0])
def test_urms_of_a_sine(hertz):
    x = sine(hertz)
    edges = edges_of(x, hertz)
    assert np.sin(2 * np.pi * hertz * edges / RATE + 0.7 + np.pi / 2) == pytest.approx(0, abs=1e-5)
    assert window_rms(x, *cycle_windows(edges)) == pytest.approx(230.0, rel=1e-6)


def test_a_jump_of_phase_does_not_change_the_length_of_the_cycle():
    n, cycle = 20_000, 1000.0
    angle = 2 * np.pi * np.arange(n) / cycle + np.where(np.arange(n) < n // 2, 0.0, 0.5)
    begins, ends = cycle_windows(edges_of(np.cos(angle), 50.0))
    assert ends[:-1] - begins[:-1] == pytest.approx(cycle, abs=0.01)


def test_a_dead_phase_after_a_live_one_reads_zero():
    x = np.concatenate([sine(50.0, 400_000) * 1e3, np.zeros(40_000)])
    late = np.arange(420_000.0, 440_000.0)
    assert window_rms(x, late - 1000.3, late) == pytest.approx(0.0, abs=1e-9)
    ends, phasors = sliding_phasors(x[None], 1000.3, 62)
    assert np.abs(phasors[0, ends > 402_000]).max() == 0.0


def test_sliding_mean_square_is_the_window_rms_squared():
    x = np.random.default_rng(1).normal(size=(1, 5000))
    cycle = 333.7
    ends = sliding_phasors(x, cycle, 20)[0]
    expected = window_rms(x[0], ends - cycle, ends.astype(float)) ** 2
    assert sliding_mean_square(x, cycle, 20)[0] == pytest.approx(expected, rel=1e-9)


@given(st.floats(42.5, 69.0), st.floats(-3.0, 3.0), st.sampled_from([10e3, 50e3]))
@settings(max_examples=30, deadline=None)
def test_the_phasor_of_a_cosine_is_its_rms_and_angle(hertz, phase, rate):
    x = sine(hertz, round(rate / 10), rate, phase)
    _, phasors = sliding_phasors(x[None], rate / hertz, round(rate / hertz / 16))
    assert phasors[0] == pytest.approx(np.full(phasors.shape[1], 230 * np.exp(1j * phase)), abs=230 * 1e-4)


def test_symmetrical_components_put_together_the_phases():
    turn = np.exp(2j * np.pi / 3)
    positive, negative, zero = 100 + 20j, 5 - 3j, 2 + 1j
    phases = np.array(
        [
            [positive + negative + zero],
            [turn**2 * positive + turn * negative + zero],
            [turn * positive + turn**2 * negative + zero],
        ]
    )  # Fortescue's synthesis
    found = symmetrical(phases)
    assert found[0] == pytest.approx(positive)
    assert found[1] == pytest.approx(negative)
