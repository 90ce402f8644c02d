"""IEEE 1459 powers and the findings made of them, in closed form."""

from math import cos, radians, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.analysis.power.ieee1459 import Averages, phase_powers, symmetrical_three, system_powers

A = np.exp(2j * np.pi / 3)
ORDERS = 8


def phasor(size, degrees):
    return size * np.exp(1j * radians(degrees))


def textbook():
    """Return the single-phase example of IEEE 1459's annex: orders 1, 3, 5, 7."""
    u, i = np.zeros((2, 1, ORDERS), complex)
    u[0, [1, 3, 5, 7]] = phasor(100, 0), phasor(8, -70), phasor(15, 140), phasor(5, 20)
    i[0, [1, 3, 5, 7]] = phasor(100, -30), phasor(20, -165), phasor(15, 233), phasor(10, 288)
    return u, i


def balanced(size, degrees=0.0, order=1):
    """Return one harmonic order of three phases in the order a-b-c, as RMS phasors."""
    x = np.zeros((3, ORDERS), complex)
    x[:, order] = phasor(size, degrees) * np.array([1, A**-order, A**order])
    return x


def averages_of_harmonics(u, i):
    """Return what RMS phasors, shape (phases, orders), come down to: the squares of orders add up."""
    u_rms, i_rms, u0, i0 = (np.linalg.norm(x, axis=-1) for x in (u, i, u.mean(axis=0), i.mean(axis=0)))
    return Averages(u_rms, i_rms, (u * np.conj(i)).real.sum(axis=-1), u[:, 1], i[:, 1], u0, i0)


def test_a_nonsinusoidal_single_phase():
    found = phase_powers(averages_of_harmonics(*textbook()))
    uh, ih = sqrt(8**2 + 15**2 + 5**2), sqrt(20**2 + 15**2 + 10**2)
    s = sqrt((100**2 + uh**2) * (100**2 + ih**2))
    harmonic = 160 * cos(radians(95)) + 225 * cos(radians(93)) + 50 * cos(radians(92))
    assert found.p1 == pytest.approx([8660.254], rel=1e-6)
    assert found.q1 == pytest.approx([5000.0], rel=1e-9)  # the current lags
    assert found.p - found.p1 == pytest.approx([harmonic], rel=1e-9)
    assert harmonic == pytest.approx(-27.46, abs=0.01)  # -13.94 - 11.78 - 1.74 W
    assert found.s == pytest.approx([s], rel=1e-9)
    assert found.s1 == pytest.approx([10_000.0])
    assert found.sn == pytest.approx([sqrt(s**2 - 1e8)])
    assert found.pf == pytest.approx([(8660.254 + harmonic) / s], rel=1e-6)
    assert found.dpf == pytest.approx([sqrt(0.75)])


def test_one_phase_of_four_wires_loaded():
    # A resistor from a to the neutral: Se = sqrt 6 U I, so PF = 1 / sqrt 6; S1+ = U I, SU1 = sqrt 5 U I.
    u, i = balanced(230), np.zeros((3, ORDERS), complex)
    i[0, 1] = 10
    found = system_powers(averages_of_harmonics(u, i))
    assert found.ue == pytest.approx(230)
    assert found.ie == pytest.approx(10 * sqrt(2 / 3))
    assert found.se == pytest.approx(sqrt(6) * 2300)
    assert found.p == pytest.approx(2300)
    assert found.pf == pytest.approx(1 / sqrt(6))
    assert found.su1 == pytest.approx(sqrt(5) * 2300)
    assert found.positive == pytest.approx(2300)
    assert found.dpf == pytest.approx(1)


def test_a_resistor_between_two_of_three_wires():
    # P = sqrt 3 U I, Ie = I sqrt(2/3), so PF = 1 / sqrt 2.
    u, i = balanced(230), np.zeros((3, ORDERS), complex)
    i[:2, 1] = 10 * phasor(1, 30) * np.array([1, -1])
    found = system_powers(averages_of_harmonics(u, i), wires=3)
    assert found.p == pytest.approx(sqrt(3) * 2300)
    assert found.pf == pytest.approx(1 / sqrt(2))


def test_triplen_harmonics_add_up_in_the_neutral():
    # I3 in phase on all three: the neutral carries 3 I3, and Ie^2 = I1^2 + I3^2 + 3 I3^2.
    u, i = balanced(230), balanced(10, -20) + balanced(4, 50, order=3)
    found = system_powers(averages_of_harmonics(u, i))
    assert found.ie == pytest.approx(sqrt(100 + 4 * 16))
    assert found.su1 == pytest.approx(0.0, abs=1e-3)


def test_a_zero_sequence_voltage_counts_by_the_wires():
    # xi = 1: Ue^2 = U+^2 + U-^2 + U0^2 / 2 with a neutral, without the last term on three wires.
    u = balanced(100)
    u[:, 1] += 20 + 10 * np.array([1, A, A**2])
    of = averages_of_harmonics(u, balanced(1))
    assert system_powers(of).ue == pytest.approx(sqrt(100**2 + 10**2 + 20**2 / 2))
    assert system_powers(of, wires=3).ue == pytest.approx(sqrt(100**2 + 10**2))


complex_numbers = st.complex_numbers(max_magnitude=1e3, allow_nan=False, allow_infinity=False)


@given(
    st.lists(complex_numbers, min_size=24, max_size=24), st.lists(complex_numbers, min_size=24, max_size=24)
)
def test_the_parts_add_up(u, i):
    of = averages_of_harmonics(np.reshape(u, (3, 8)), np.reshape(i, (3, 8)))
    one, all3 = phase_powers(of), system_powers(of)
    scale = 1e-6 * (1 + all3.se**2)
    assert one.s**2 == pytest.approx(one.s1**2 + one.sn**2, abs=scale)
    assert all3.se1**2 == pytest.approx(all3.su1**2 + abs(all3.positive) ** 2, abs=scale)
    assert (np.abs(of.p) <= one.s * (1 + 1e-9) + 1e-9).all()
    assert abs(all3.p) <= all3.se * (1 + 1e-9) + 1e-9  # Cauchy-Schwarz: no load has a power factor above one


@given(st.floats(-180, 180), st.floats(1e-3, 1e3), st.permutations([0, 1, 2]))
def test_rotation_scale_and_order_of_phases(degrees, scale, order):
    u = balanced(230, 5) + balanced(7, 20, order=5)
    u[1] *= 0.9
    i = balanced(10, -25) + balanced(1, 10, order=7)
    plain = system_powers(averages_of_harmonics(u, i))
    turn = phasor(1, degrees) ** np.arange(ORDERS)  # a shift in time
    moved = system_powers(averages_of_harmonics(scale * u * turn, i * turn))
    assert moved.se == pytest.approx(scale * plain.se)
    assert moved.positive == pytest.approx(scale * plain.positive)
    shuffled = system_powers(averages_of_harmonics(u[order], i[order]))
    assert (shuffled.se, shuffled.p, shuffled.ue) == pytest.approx((plain.se, plain.p, plain.ue))


def test_symmetrical_components_are_fortescues():
    a, b, c = symmetrical_three(np.array([1 + 2j, 3 - 1j, -2 + 0.5j]))
    assert [a + b + c, A**2 * a + A * b + c, A * a + A**2 * b + c] == pytest.approx(
        [1 + 2j, 3 - 1j, -2 + 0.5j]
    )
