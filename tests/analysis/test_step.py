"""Step metrics against closed forms of first and second order."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.analysis.step import step_response

T = np.linspace(-0.5, 2.0, 25_001)  # 0.1 ms
TAU = 0.1


def first_order(initial=0.0, final=1.0, delay=0.0):
    return initial + (final - initial) * (1 - np.exp(-np.maximum(T - delay, 0) / TAU))


@pytest.mark.parametrize(("initial", "final"), [(0.0, 1.0), (500.0, 200.0), (300.0, 0.0), (-5e4, 5e4)])
def test_first_order(initial, final):
    found = step_response(T, first_order(initial, final), 0.0, target=final)
    assert found.dead_time == pytest.approx(TAU * np.log(10 / 9), abs=1e-6)
    assert found.rise_time == pytest.approx(TAU * np.log(9), abs=1e-6)
    assert found.response_time == pytest.approx(TAU * np.log(10), abs=1e-6)
    assert found.settling_time == pytest.approx(TAU * np.log(50), abs=1e-6)  # 2 %
    assert found.overshoot == pytest.approx(0, abs=1e-6)
    assert found.error == pytest.approx(0, abs=1e-6 * abs(final - initial))


def test_second_order_overshoot():
    zeta, omega = 0.4, 60.0
    damped = omega * np.sqrt(1 - zeta**2)
    t = np.maximum(T, 0)
    y = 1 - np.exp(-zeta * omega * t) * (
        np.cos(damped * t) + zeta / np.sqrt(1 - zeta**2) * np.sin(damped * t)
    )
    found = step_response(T, y, 0.0)
    assert found.overshoot == pytest.approx(np.exp(-np.pi * zeta / np.sqrt(1 - zeta**2)), rel=1e-3)
    outside = T[np.abs(y - 1) > 0.02][-1]  # by looking
    assert found.settling_time == pytest.approx(outside, abs=1.1e-4)


def test_the_lag_of_the_window_is_taken_off():
    late = step_response(T, first_order(delay=0.02), 0.0, lag=0.02)
    assert late.response_time == pytest.approx(TAU * np.log(10), abs=1e-6)
    assert late.settling_time == pytest.approx(TAU * np.log(50), abs=1e-6)
    assert late.rise_time == pytest.approx(TAU * np.log(9), abs=1e-6)


def test_a_band_inside_the_noise_is_not_determinable():
    noise = np.random.default_rng(5).normal(size=T.size)
    lost = step_response(T, first_order() + 0.01 * noise, 0.0)
    assert (lost.state, lost.settling_time, lost.response_time) == ("not determinable", None, None)
    wide = step_response(T, first_order() + 0.01 * noise, 0.0, band=0.1)
    assert wide.response_time == pytest.approx(TAU * np.log(10), abs=0.03)  # 3 sigma over the slope of 1/s


def test_a_limit_cycle_never_settles():
    found = step_response(T, first_order() + np.where(T > 0.2, 0.05 * np.sin(40 * T), 0.0), 0.0)
    assert found.state == "not settled"
    assert found.settling_time is None


@pytest.mark.parametrize("start", [-0.5, 2.0])
def test_a_record_too_short(start):
    assert step_response(T, first_order(), start).state == "not determinable"


def test_no_step():
    assert step_response(T, np.ones(T.size), 0.0).state == "not determinable"


@given(st.floats(1e-3, 1e6), st.floats(-1e3, 1e3))
def test_times_do_not_depend_on_scale_and_offset(scale, offset):
    plain, other = (
        step_response(T, first_order(), 0.0),
        step_response(T, scale * (first_order() + offset), 0.0),
    )
    assert other.response_time == pytest.approx(plain.response_time, abs=1e-4)
    assert other.settling_time == pytest.approx(plain.settling_time, abs=1e-4)
