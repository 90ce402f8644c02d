"""Park's transform: inverse, power, rotation, and the angle that drives it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hil.analysis.power.dq import abc_to_dq, abc_to_dq0, angle_of, dq_to_abc
from hil.analysis.power.sequences import phasors_every

numbers = st.floats(-1e4, 1e4)
three = arrays(float, (3, 5), elements=numbers)
angles = arrays(float, 5, elements=st.floats(-10, 10))


@given(three, angles)
def test_there_and_back(abc, angle):
    assert dq_to_abc(abc_to_dq0(abc, angle), angle) == pytest.approx(abc, abs=1e-8)
    without = abc - abc.mean(axis=0)
    assert dq_to_abc(abc_to_dq(abc, angle), angle) == pytest.approx(without, abs=1e-8)


@given(three, three, angles)
def test_power_is_three_halves(u, i, angle):
    ud, uq, u0 = abc_to_dq0(u, angle)
    id_, iq, i0 = abc_to_dq0(i, angle)
    assert 1.5 * (ud * id_ + uq * iq) + 3 * u0 * i0 == pytest.approx((u * i).sum(axis=0), abs=1e-3)


@given(three, angles, st.floats(-10, 10))
def test_a_turn_of_the_axes_turns_the_vector_back(abc, angle, turn):
    d, q = abc_to_dq(abc, angle)
    turned = abc_to_dq(abc, angle + turn)
    assert turned[0] + 1j * turned[1] == pytest.approx((d + 1j * q) * np.exp(-1j * turn), abs=1e-7)


@given(angles, st.floats(-10, 10))
def test_a_balanced_system_stands_still(angle, lead):
    abc = 325 * np.cos(angle + lead - np.arange(3)[:, None] * 2 * np.pi / 3)
    d, q, zero = abc_to_dq0(abc, angle)
    assert d == pytest.approx(325 * np.cos(lead), abs=1e-9)  # the crest, not the RMS
    assert q == pytest.approx(325 * np.sin(lead), abs=1e-9)  # a leading system has q > 0
    assert zero == pytest.approx(0, abs=1e-9)


def test_a_lagging_current_gives_positive_reactive_power():
    angle = np.linspace(0, 6, 50)
    lag = np.arange(3)[:, None] * 2 * np.pi / 3
    ud, uq = abc_to_dq(325 * np.cos(angle - lag), angle)
    id_, iq = abc_to_dq(10 * np.cos(angle - lag - np.pi / 6), angle)
    assert 1.5 * (uq * id_ - ud * iq) == pytest.approx(1.5 * 3250 * 0.5)


@settings(max_examples=30, deadline=None)
@given(st.floats(49.0, 51.0), st.floats(-3.1, 3.1), st.floats(-5.0, 5.0))
def test_the_angle_of_the_positive_sequence(hertz, phase, start):
    rate = 10e3
    t = start + np.arange(3000) / rate
    true = 2 * np.pi * hertz * t + phase
    lag = np.arange(3)[:, None] * 2 * np.pi / 3
    ends, phasors = phasors_every(325 * np.cos(true - lag), rate / 50, 100)
    a = np.exp(2j * np.pi / 3)
    positive = (phasors[0] + a * phasors[1] + a**2 * phasors[2]) / 3
    # These phasors stand against a cosine with its crest at the first sample.
    angle = angle_of(t, start + ends / rate, positive, 50.0, origin=start)
    assert np.exp(1j * angle) == pytest.approx(np.exp(1j * true), abs=2e-4)
    d, q = abc_to_dq(325 * np.cos(true - lag), angle)
    assert d == pytest.approx(325, abs=0.1)
    assert q == pytest.approx(0, abs=0.1)
