"""Symmetrical components over a cycle against the formulas of IEC 61400-21-1, Annex C, as printed."""

from math import cos, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hil.analysis.phasor import sliding_phasors
from hil.analysis.power import sequences as module

RATE = 10e3


def waves(sizes, degrees, n=3000, hertz=50.0, rate=RATE):
    """Return cosines with RMS sizes and angles [deg], shape (3, n)."""
    t = np.arange(n) / rate
    angle = 2 * np.pi * hertz * t + np.radians(degrees)[:, None]
    return np.sqrt(2) * np.array(sizes)[:, None] * np.cos(angle)


def sequences(u, i, hop, **options):
    """Return the components of samples, shape (3, n), at 50 Hz."""
    ends, voltages = sliding_phasors(u, RATE / 50.0, hop)
    currents = None if i is None else sliding_phasors(i, RATE / 50.0, hop)[1]
    spoilt = np.zeros(ends.size, bool)
    return module.sequences(ends / RATE, voltages, currents, spoilt, **{"line_to_line": False, **options})


VOLTS = waves([230, 200, 150], [10, -105, 125])
AMPS = waves([10, 8, 11], [-20, -150, 80])


def annex(u, i, end, cycle=200):
    """Return U+, P+, Q+ over the cycle that ends with a sample, as Annex C writes them."""
    at = np.arange(end - cycle + 1, end + 1)
    c, s = np.cos(2 * np.pi * at / cycle), np.sin(2 * np.pi * at / cycle)

    def positive(x):
        xc, xs = 2 / cycle * x[:, at] @ c, 2 / cycle * x[:, at] @ s
        return (
            (2 * xc[0] - xc[1] - xc[2] - sqrt(3) * (xs[2] - xs[1])) / 6,
            (2 * xs[0] - xs[1] - xs[2] - sqrt(3) * (xc[1] - xc[2])) / 6,
        )

    (uc, us), (ic, is_) = positive(u), positive(i)
    size = sqrt(1.5 * (uc**2 + us**2))
    return size, 1.5 * (uc * ic + us * is_), 1.5 * (uc * is_ - us * ic)


@pytest.mark.parametrize("negative", [False, True])
def test_annex_c_as_printed(negative):
    order = [0, 2, 1] if negative else [0, 1, 2]  # the negative sequence swaps b and c
    size, p, q = annex(VOLTS[order], AMPS[order], 1000)
    found = sequences(VOLTS, AMPS, 1)
    at = np.flatnonzero(np.isclose(found.time, 0.1))[0]
    k = int(negative)
    assert sqrt(3) * abs(found.u[k, at]) == pytest.approx(size, rel=1e-4)
    assert found.power[k, at] == pytest.approx(p + 1j * q, rel=1e-3)
    assert found.current[k, at] == pytest.approx((p + 1j * q) / (sqrt(3) * size), rel=1e-3)


def test_the_sign_of_reactive_power():
    # The PCS injects, and its current lags: overexcited, Q > 0.
    found = sequences(waves([230] * 3, [0, -120, 120]), waves([10] * 3, [-30, -150, 90]), 50)
    assert found.power[0] == pytest.approx(np.full(found.time.size, 6900 * (cos(0.5236) + 0.5j)), rel=1e-3)
    assert found.power[1] == pytest.approx(0, abs=1e-6)


def test_the_phase_order_is_found():
    found = sequences(VOLTS[[0, 2, 1]], AMPS[[0, 2, 1]], 50)
    plain = sequences(VOLTS, AMPS, 50)
    assert (found.swapped, plain.swapped) == (True, False)
    assert found.u == pytest.approx(plain.u)
    assert found.power == pytest.approx(plain.power)


@pytest.mark.parametrize("order", [[0, 1, 2], [0, 2, 1]])
def test_line_voltages(order):
    u = (VOLTS - VOLTS.mean(axis=0))[order]
    found = sequences(u - np.roll(u, -1, axis=0), AMPS[order], 50, line_to_line=True)
    plain = sequences(u, AMPS[order], 50)
    assert found.u[:2] == pytest.approx(plain.u[:2])
    assert np.isnan(found.u[2]).all()


@settings(max_examples=25, deadline=None)
@given(st.floats(-180, 180), st.floats(0.01, 100))
def test_turning_the_time_turns_no_power(degrees, scale):
    plain = sequences(VOLTS, AMPS, 47)
    turned = sequences(
        scale * waves([230, 200, 150], np.array([10, -105, 125]) + degrees),
        waves([10, 8, 11], np.array([-20, -150, 80]) + degrees),
        47,
    )
    assert turned.power == pytest.approx(scale * plain.power, rel=1e-3, abs=1e-3 * scale)
    assert np.abs(turned.u) == pytest.approx(scale * np.abs(plain.u), rel=1e-3, abs=scale * 1e-3)


def test_the_known_components():
    positive, negative, zero = 230 + 0j, 20 * np.exp(1j), 7 * np.exp(-2j)
    a = np.exp(2j * np.pi / 3)
    phases = [positive * a**-k + negative * a**k + zero for k in range(3)]
    found = sequences(waves(np.abs(phases), np.degrees(np.angle(phases))), None, 50)
    expected = np.array([positive, negative, zero])
    assert found.u == pytest.approx(expected[:, None] * np.ones(found.time.size))
    assert found.power is None
    assert found.current is None


def test_no_voltage_has_no_active_current():
    found = sequences(0 * VOLTS, AMPS, 50)
    assert np.isnan(found.current[0]).all()
    assert found.power[0] == pytest.approx(0)
