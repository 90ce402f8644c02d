"""Park's transform: inverse, power, rotation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hil.analysis.power.dq import abc_to_dq

numbers = st.floats(-1e4, 1e4)
three = arrays(float, (3, 5), elements=numbers)
angles = arrays(float, 5, elements=st.floats(-10, 10))


@given(three, angles)
def test_there_and_back(abc, angle):
    """x_k = Re (x_d + j x_q) exp(j theta - j k 2 pi / 3); the zero sequence is not seen."""
    d, q = abc_to_dq(abc, angle)
    back = ((d + 1j * q) * np.exp(1j * (angle - np.arange(3)[:, None] * 2 * np.pi / 3))).real
    assert back == pytest.approx(abc - abc.mean(axis=0), abs=1e-8)


@given(three, three, angles)
def test_power_is_three_halves(u, i, angle):
    (ud, uq), (id_, iq) = abc_to_dq(u, angle), abc_to_dq(i - i.mean(axis=0), angle)  # three wires
    power = (u * (i - i.mean(axis=0))).sum(axis=0)
    assert 1.5 * (ud * id_ + uq * iq) == pytest.approx(power, abs=1e-3)


@given(three, angles, st.floats(-10, 10))
def test_a_turn_of_the_axes_turns_the_vector_back(abc, angle, turn):
    d, q = abc_to_dq(abc, angle)
    turned = abc_to_dq(abc, angle + turn)
    assert turned[0] + 1j * turned[1] == pytest.approx((d + 1j * q) * np.exp(-1j * turn), abs=1e-7)


@given(angles, st.floats(-10, 10))
def test_a_balanced_system_stands_still(angle, lead):
    abc = 325 * np.cos(angle + lead - np.arange(3)[:, None] * 2 * np.pi / 3)
    d, q = abc_to_dq(abc, angle)
    assert d == pytest.approx(325 * np.cos(lead), abs=1e-9)  # the crest, not the RMS
    assert q == pytest.approx(325 * np.sin(lead), abs=1e-9)  # a leading system has q > 0


def test_a_lagging_current_gives_positive_reactive_power():
    angle = np.linspace(0, 6, 50)
    lag = np.arange(3)[:, None] * 2 * np.pi / 3
    ud, uq = abc_to_dq(325 * np.cos(angle - lag), angle)
    id_, iq = abc_to_dq(10 * np.cos(angle - lag - np.pi / 6), angle)
    assert 1.5 * (uq * id_ - ud * iq) == pytest.approx(1.5 * 3250 * 0.5)
