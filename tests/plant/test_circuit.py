"""The filter's discretisation against closed forms and scipy's matrix exponential."""

from math import cos, exp, pi, sin, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import expm

from hil.plant import kernel
from hil.plant.circuit import filter_matrices, zero_order_hold
from hil.plant.parameters import PERIOD, STEP, Parameters


def test_rl_branch_follows_its_exponential():
    r, henry, h = 0.05, 0.4e-3, 20e-6
    discrete = zero_order_hold(np.array([[-r / henry]]), np.array([[1 / henry]]), h)
    # i(h) = i0 e^{-h R/L} + (u/R)(1 - e^{-h R/L})
    assert discrete[0] == pytest.approx([exp(-h * r / henry), (1 - exp(-h * r / henry)) / r], rel=1e-12)


def test_lc_loop_turns_at_its_resonance():
    henry, c, h = 0.4e-3, 50e-6, 20e-6
    w, z = 1 / sqrt(henry * c), sqrt(henry / c)
    discrete = zero_order_hold(np.array([[0, -1 / henry], [1 / c, 0]]), np.array([[1 / henry], [0]]), h)
    expected = [[cos(w * h), -sin(w * h) / z, sin(w * h) / z], [z * sin(w * h), cos(w * h), 1 - cos(w * h)]]
    assert discrete == pytest.approx(np.array(expected), rel=1e-12, abs=1e-14)


@given(st.lists(st.floats(-1e5, 1e5), min_size=9, max_size=9), st.floats(1e-6, 1e-4))
def test_series_agrees_with_scipy(entries, step):
    a, b = np.array(entries).reshape(3, 3), np.array([[1e3, 0], [0, 0], [0, -2e3]])
    whole = np.zeros((5, 5))
    whole[:3, :3], whole[:3, 3:] = a, b
    expected = expm(whole * step)[:3]
    assert zero_order_hold(a, b, step) == pytest.approx(expected, rel=1e-9, abs=1e-9 * np.abs(expected).max())


def test_filter_resonates_where_the_formula_says():
    q = Parameters(filter_resistance=1e-9, damping_resistance=1e-9, scr=1000.0)
    turns = np.linalg.eigvals(filter_matrices(q)[3][:, :3])
    hertz = np.abs(np.angle(turns)).max() / (2 * pi * STEP)
    assert hertz == pytest.approx(q.resonance, rel=1e-4)
    # motulator's filter: 60 Hz sqrt((Lf + Lg) / (Lf Lg Cf)) with almost no grid behind it
    assert q.resonance == pytest.approx(60 * sqrt(0.147 / (0.073 * 0.074 * 0.043)), rel=1e-3)


def test_open_branches_carry_nothing():
    blocked_open, blocked_closed, leg_open, _ = filter_matrices(Parameters())
    for matrix, state in ((blocked_open, 0), (blocked_open, 2), (blocked_closed, 0), (leg_open, 2)):
        assert not matrix[state].any()


def test_slots_of_the_kernel_are_all_its_own():
    assert kernel.PERIOD == PERIOD
    assert kernel.STATES == kernel.WINDOW + 1
    assert kernel.SUMS == kernel.TIMERS + 8
    assert kernel.HEAD == kernel.SUMS + kernel.WINDOW_SUMS
    assert kernel.TIMERS == kernel.NQ + 1
    assert kernel.SECONDS + 8 == kernel.PARAMETERS
    assert kernel.LEVELS == kernel.OVERCURRENT + 1
