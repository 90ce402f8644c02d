"""The functions that touch each sample, in numpy and compiled, against closed forms."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hil.analysis.quality import groups, kernels


@pytest.fixture(params=["numpy", "numba"], scope="module")
def made(request):
    if request.param == "numpy":
        return kernels
    pytest.importorskip("numba")
    from hil.analysis.quality import compiled

    return compiled


@pytest.mark.parametrize("half", [2, 3, 5, 11])
def test_interpolation_takes_polynomials_exactly(made, half):
    """2n points carry a polynomial of degree 2n - 1 (Lagrange); at a sample it is the sample."""
    x = np.linspace(-1.0, 1.0, 400)
    rows = np.array([np.polynomial.chebyshev.chebval(x, np.eye(4)[k]) for k in range(4)], np.float32)
    for begin, length, size in (
        (30.0, 300.0, 300),
        (30.7, 299.9, 320),
        (31.999, 250.3, 251),
        (50.5, 100.0, 216),
    ):
        out = np.empty((4, size), np.float32)
        made.resample(rows, begin, length, half, out)
        at = -1 + 2 / 399 * (begin + np.arange(size) * length / size)
        exact = [np.polynomial.chebyshev.chebval(at, np.eye(4)[k]) for k in range(4)]
        assert out == pytest.approx(np.array(exact), abs=1e-6)


@given(st.floats(20.0, 21.0), st.floats(1500.0, 1900.0), st.floats(0.0, 0.1), st.integers(0, 100))
@settings(max_examples=25, deadline=None)
def test_a_tone_is_resampled_in_any_step(begin, length, hertz, more):
    """6 points, up to a tenth of the sampling rate: 0.3 sin(pi f)^6 = 3e-4."""
    n = np.arange(2000)
    rows = np.cos(2 * np.pi * hertz * n + 0.3)[None].astype(np.float32)
    size = int(np.ceil(length)) + more
    at = begin + np.arange(size) * length / size
    for made in (kernels, pytest.importorskip("hil.analysis.quality.compiled")):
        out = np.empty((1, size), np.float32)
        made.resample(rows, begin, length, 3, out)
        assert np.abs(out[0] - np.cos(2 * np.pi * hertz * at + 0.3)).max() < 5e-4


def test_half_cycles_of_a_cosine(made):
    """Over half a turn: mean square 1/2, and x exp(-j w t) has the mean exp(j phi) / 2 over two of them."""
    cycle, phase = 411.3, 0.7
    edges = 3.25 + cycle / 2 * np.arange(9)
    n = np.arange(2000)
    u = np.cos(2 * np.pi * (n - edges[0]) / cycle + phase)
    rows = np.array([u, 3 * u, np.ones(2000)], np.float32)
    sums, turned, powers = np.zeros((2, 3, 8)), np.zeros((3, 8), complex), np.zeros((1, 8))
    for first, last in ((0, 3), (3, 8)):
        made.halves(rows, np.array([[0, 1]]), edges, first, last, sums, turned, powers)
    half = cycle / 2
    assert sums[0, 2] == pytest.approx(half, rel=1e-6)
    assert sums[1, 0] == pytest.approx(half / 2, rel=2e-5)
    assert powers[0] == pytest.approx(3 * half / 2, rel=2e-5)
    whole = turned[:, :-1] - turned[:, 1:]
    sign = (-1.0) ** np.arange(7)
    assert np.abs(whole[0] / cycle - sign * np.exp(1j * phase) / 2).max() < 2e-5
    assert np.abs(whole[2] / cycle).max() < 2e-5 + 2 / np.pi  # a constant is no fundamental
    assert np.abs(turned[2] / half - (-2j / np.pi)).max() < 1e-4


def test_the_integral_of_a_square_between_samples(made):
    """Of x = sqrt(n) it is (b^2 - a^2) / 2, exactly, for x^2 is a straight line."""
    row = np.sqrt(np.arange(3000.0)).astype(np.float32)
    begins, ends = np.array([0.0, 0.25, 7.0, 12.5]), np.array([1.5, 2500.75, 2998.0, 14.0])
    assert made.squares(row, begins, ends) == pytest.approx((ends**2 - begins**2) / 2, rel=1e-6)


@pytest.mark.parametrize("cycles", [10, 12])
def test_groups_are_those_of_the_standard(made, cycles):
    """Against `groups`, which has the formulas of IEC 61000-4-7 one by one."""
    rng = np.random.default_rng(cycles)
    size, top, bin_width = 4000, 50, 4.99
    spectrum = (rng.normal(size=(2, 2001)) + 1j * rng.normal(size=(2, 2001))).astype(np.complex64)
    power = 2 * np.abs(spectrum.astype(complex)) ** 2 / size**2
    power[:, 0] /= 2
    edges = (np.floor(np.arange(2000, 9001, 200) / bin_width + 1e-6) + 1).astype(np.intp)
    levels = tuple(np.zeros((2, 3, top + 1), np.float32) for _ in range(4))
    bands, total = np.zeros((2, 3, 35), np.float32), np.zeros((2, 1900))
    for _ in range(2):
        made.grouped(spectrum, size, cycles, edges, levels, bands, 1, total)
    for level, function in zip(
        levels,
        (groups.groups, groups.subgroups, groups.interharmonic_subgroups, groups.interharmonic_groups),
        strict=True,
    ):
        assert level[:, 1] == pytest.approx(function(power, cycles, top), rel=1e-5)
        assert not level[:, [0, 2]].any()
    assert bands[:, 1] == pytest.approx(groups.bands(power, bin_width), rel=1e-5)
    assert total == pytest.approx(2 * power[:, :1900], rel=1e-5)
