"""Expected numbers: Fortescue's sum the other way round."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.analysis.quality.unbalance import turns_back, unbalance

A = np.exp(2j * np.pi / 3)


def phases(u1, u2=0.0, u0=0.0):
    """Return phasors of a, b, c made of sequences."""
    return np.array([u0 + u1 + u2, u0 + A**2 * u1 + A * u2, u0 + A * u1 + A**2 * u2])


def lines(abc):
    return abc - np.roll(abc, -1, axis=0)


ANGLE = st.floats(-np.pi, np.pi)


@given(st.floats(0.0, 0.5), st.floats(0.0, 0.5), ANGLE, ANGLE, ANGLE, st.floats(1e-3, 1e6))
def test_sequences_come_back_however_scaled_and_turned(u2, u0, angle2, angle0, turn, size):
    abc = size * np.exp(1j * turn) * phases(1.0, u2 * np.exp(1j * angle2), u0 * np.exp(1j * angle0))
    found2, found0 = unbalance(abc)
    assert found2 == pytest.approx(100 * u2, abs=1e-9)
    assert found0 == pytest.approx(100 * u0, abs=1e-9)
    from_lines, none = unbalance(lines(abc))
    assert from_lines == pytest.approx(100 * u2, abs=1e-9)  # the same ratio between lines,
    assert none == pytest.approx(0.0, abs=1e-9)  # which have no zero sequence


def test_published_and_hand_computed_figures():
    """Testing state 2, 73/80/87 % at 120 degrees: U1 = 80, |U2| = 7 sqrt(3) / 3 -> 5.0518 %, u0 the same."""
    state2 = np.array([0.73, 0.80 * A**2, 0.87 * A])
    assert unbalance(state2) == pytest.approx([5.05181, 5.05181], abs=1e-5)
    state3 = np.array([1.52, 1.40 * A**2, 1.28 * A])
    assert unbalance(state3) == pytest.approx([4.94872, 4.94872], abs=1e-5)


def test_many_intervals_at_once_and_a_dead_one_is_unknown():
    abc = np.stack([phases(230.0, 4.6), phases(0.0), phases(230.0, 0.0, 2.3)], axis=1)
    u2, u0 = unbalance(abc)
    assert u2[[0, 2]] == pytest.approx([2.0, 0.0])
    assert u0[[0, 2]] == pytest.approx([0.0, 1.0])
    assert np.isnan(u2[1])
    assert np.isnan(u0[1])


def test_wires_that_turn_a_c_b_are_not_unbalance():
    abc = np.stack([phases(230.0, 4.6)] * 3, axis=1)
    swapped = abc[[0, 2, 1]]
    assert not turns_back(abc)
    assert turns_back(swapped)
    assert unbalance(swapped)[0] == pytest.approx(2.0)
