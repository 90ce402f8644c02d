"""Ring-down modes against sums of damped sinusoids in closed form."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hil.analysis.stability.decimate import decimate
from hil.analysis.stability.findings import mode_findings
from hil.analysis.stability.modes import modes
from hil.errors import ConfigError


def ring(parts, rate=1000.0, seconds=3.0, noise=0.0, seed=0, offset=3.0, slope=0.0):
    """Return the sum of a exp(-zeta w0 t) cos(w t + p), w0 = w / sqrt(1 - zeta^2)."""
    t = np.arange(round(rate * seconds)) / rate
    x = offset + slope * t + noise * np.random.default_rng(seed).standard_normal(t.size)
    for hertz, zeta, a, p in parts:
        w = 2 * np.pi * hertz
        x = x + a * np.exp(-zeta / np.sqrt(1 - zeta**2) * w * t) * np.cos(w * t + p)
    return x


def by_frequency(found):
    return np.argsort(found.frequency)


@pytest.mark.parametrize("zeta", [0.01, 0.1, 0.3])
@pytest.mark.parametrize("hertz", [0.5, 3.0, 20.0, 60.0])
def test_one_mode_without_noise_is_exact(hertz, zeta):
    found = modes(ring([(hertz, zeta, 2.0, 0.7)], seconds=max(1.0, 5 / hertz), slope=0.4), 1000.0)
    assert found.state == "ok"
    assert found.frequency == pytest.approx([hertz], rel=1e-6)
    assert found.damping == pytest.approx([zeta], rel=1e-5)
    assert found.amplitude[0] == pytest.approx([2.0], rel=1e-4)
    assert found.phase[0] == pytest.approx([0.7], abs=1e-4)
    assert 0.9 < found.share[0] < 1.2


@pytest.mark.parametrize(("zeta", "count"), [(0.6, 1), (0.75, 0), (0.95, 0)])
def test_what_is_damped_beyond_resonance_is_no_mode(zeta, count):
    """Above 1 / sqrt 2 a second-order system has no resonance: what goes by is a recovery."""
    assert len(modes(ring([(1.0, zeta, 2.0, 0.0)], rate=200.0, seconds=10.0, noise=1e-5), 200.0)) == count


def test_a_decimated_mode_keeps_amplitude_and_phase_at_the_first_sample():
    # 10 kS/s is filtered and thinned to 500 S/s; a filter leaves a mode a mode, times its gain
    x = ring([(7.0, 0.05, 2.0, 0.7), (60.0, 0.1, 1.0, -1.0)], rate=10e3)
    found = modes(x, 10e3)
    at = by_frequency(found)
    assert found.frequency[at] == pytest.approx([7, 60], rel=1e-5)
    assert found.damping[at] == pytest.approx([0.05, 0.1], rel=1e-4)
    assert found.amplitude[0, at] == pytest.approx([2, 1], rel=1e-3)
    assert found.phase[0, at] == pytest.approx([0.7, -1.0], abs=1e-3)


def test_nothing_folds_into_the_band():
    assert len(modes(ring([(493.0, 0.001, 1.0, 0.0)], rate=10e3, noise=1e-3), 10e3)) == 0


@pytest.mark.parametrize("noise", [0.001, 0.01, 0.05])
def test_three_modes_in_noise_lie_inside_their_uncertainty(noise):
    parts = [(0.8, 0.1, 1.0, 0.4), (12.0, 0.01, 0.5, 1.0), (45.0, 0.05, 0.8, 2.0)]
    found = modes(ring(parts, seconds=6.0, noise=noise, seed=3), 1000.0)
    at = by_frequency(found)
    assert len(found) == 3
    # 1.5 times the 95 % interval: six values at once
    truth = np.array(parts).T
    assert (np.abs(found.frequency[at] - truth[0]) < 1.5 * found.frequency_uncertainty[at]).all()
    assert (np.abs(found.damping[at] - truth[1]) < 1.5 * found.damping_uncertainty[at]).all()
    assert found.amplitude[0, at] == pytest.approx(truth[2], rel=0.02 + 2 * noise)


def test_close_modes_are_told_apart():
    found = modes(ring([(8.3, 0.02, 1.0, 0.4), (8.8, 0.02, 0.7, 1.0)], noise=0.01, seed=5), 1000.0)
    at = by_frequency(found)
    assert found.frequency[at] == pytest.approx([8.3, 8.8], abs=0.01)
    assert found.damping[at] == pytest.approx([0.02, 0.02], abs=0.001)


@pytest.mark.parametrize("zeta", [0.0, -0.005, -0.05])
def test_undamped_and_growing_modes(zeta):
    found = modes(ring([(5.0, zeta, 1.0, 0.4)], noise=0.02, seed=1), 1000.0)
    assert found.frequency == pytest.approx([5.0], abs=1.5 * found.frequency_uncertainty[0])
    assert found.damping == pytest.approx([zeta], abs=1.5 * found.damping_uncertainty[0])
    assert found.damping_uncertainty[0] < 5e-4


@pytest.mark.parametrize(
    ("hertz", "zeta", "noise", "seconds"), [(8.0, 0.05, 0.02, 1.0), (30.0, 0.2, 0.01, 0.6)]
)
def test_the_interval_holds_95_percent(hertz, zeta, noise, seconds):
    runs, inside = 100, np.zeros(2)
    errors, stated = [], []
    for seed in range(runs):
        x = ring([(hertz, zeta, 1.0, 0.1 * seed)], rate=500.0, seconds=seconds, noise=noise, seed=seed)
        found = modes(x, 500.0)
        assert len(found) == 1
        away = [found.frequency[0] - hertz, found.damping[0] - zeta]
        wide = [found.frequency_uncertainty[0], found.damping_uncertainty[0]]
        inside += np.abs(away) <= wide
        errors.append(away)
        stated.append(wide)
    # binomial, 100 runs at 95 %: 88 or fewer has a chance of 0.4 %
    assert (inside >= 89).all()
    # and the interval is not merely wide: twice the scatter, to 25 %
    assert np.mean(stated, axis=0) == pytest.approx(2 * np.std(errors, axis=0), rel=0.25)


def test_noise_is_no_mode():
    found = [len(modes(ring([], rate=500.0, seconds=2.0, noise=1.0, seed=s), 500.0)) for s in range(40)]
    assert sum(found) == 0  # stated: 1e-3 for each record


def test_channels_share_poles_and_have_their_own_amplitudes():
    a, b = (
        ring([(6.0, 0.04, size, phase)], noise=noise, seed=seed)
        for size, phase, noise, seed in ((1.0, 0.3, 0.01, 1), (20.0, -0.9, 0.2, 2))
    )
    found = modes(np.array([a, b]), 1000.0)
    assert found.frequency == pytest.approx([6.0], abs=0.01)
    assert found.amplitude[:, 0] == pytest.approx([1.0, 20.0], rel=0.02)
    assert found.phase[:, 0] == pytest.approx([0.3, -0.9], abs=0.02)
    swapped = modes(np.array([b, a]), 1000.0)
    assert swapped.frequency == pytest.approx(found.frequency, rel=1e-6)
    assert swapped.amplitude[::-1] == pytest.approx(found.amplitude, rel=1e-4)


@settings(max_examples=15, deadline=None)
@given(scale=st.floats(1e-6, 1e6), shift=st.floats(-1e3, 1e3))
def test_scale_and_level_change_nothing_but_the_amplitude(scale, shift):
    x = ring([(9.0, 0.06, 1.0, 0.2)], rate=500.0, seconds=1.0, noise=0.01, offset=0.0)
    plain, other = modes(x, 500.0), modes(scale * (x + shift), 500.0)
    assert other.frequency == pytest.approx(plain.frequency, rel=1e-6)
    assert other.damping == pytest.approx(plain.damping, rel=1e-5)
    assert other.damping_uncertainty == pytest.approx(plain.damping_uncertainty, rel=1e-3)
    assert other.amplitude == pytest.approx(scale * plain.amplitude, rel=1e-5)


@settings(max_examples=15, deadline=None)
@given(delay=st.integers(0, 100))
def test_a_later_begin_turns_and_shrinks_the_mode(delay):
    hertz, zeta = 9.0, 0.03
    x = ring([(hertz, zeta, 1.0, 0.2)], rate=500.0, seconds=1.2)
    found = modes(x[delay:], 500.0)
    t = delay / 500
    assert found.damping == pytest.approx([zeta], rel=1e-4)
    assert found.amplitude[0] == pytest.approx(
        [np.exp(-zeta / np.sqrt(1 - zeta**2) * 2 * np.pi * hertz * t)], rel=1e-4
    )
    assert np.exp(1j * found.phase[0]) == pytest.approx(
        [np.exp(1j * (0.2 + 2 * np.pi * hertz * t))], abs=1e-4
    )


def test_order_limits_what_is_looked_for():
    x = ring([(4.0, 0.02, 1.0, 0.0), (20.0, 0.02, 0.2, 0.0)], noise=0.001)
    assert len(modes(x, 1000.0)) == 2
    assert modes(x, 1000.0, order=1).frequency == pytest.approx([4.0], abs=0.05)


def test_what_cannot_be_known_says_why():
    x = ring([(5.0, 0.05, 1.0, 0.0)])
    assert modes(x[:20], 1000.0).state == "record too short"
    assert modes(np.full(3000, 7.0), 1000.0).state == "no mode above the noise"
    assert modes(x[:300], 1000.0, band=(0.1, 50.0)).state == "no mode above the noise"  # 1.5 periods
    x[100] = np.nan
    assert modes(x, 1000.0).state == "spoilt samples"
    for band in ((0.1, 600.0), (5.0, 2.0)):
        with pytest.raises(ConfigError, match="band"):
            modes(x, 1000.0, band=band)
    with pytest.raises(ConfigError, match="order"):
        modes(x, 1000.0, order=0)


def test_out_of_the_band_is_not_reported():
    x = ring([(5.0, 0.03, 1.0, 0.0), (30.0, 0.03, 1.0, 0.0)], noise=0.001)
    assert modes(x, 1000.0, band=(10.0, 100.0)).frequency == pytest.approx([30.0], abs=0.01)
    assert modes(x, 1000.0, band=(0.1, 10.0)).frequency == pytest.approx([5.0], abs=0.01)


def test_findings_name_the_least_damped_mode():
    found = modes(ring([(4.0, 0.1, 1.0, 0.0), (20.0, 0.02, 0.2, 0.0)], noise=0.001), 1000.0)
    findings = mode_findings(found, key="p", title="Active power", unit="W")
    results = {r.key: r for r in findings.results}
    assert results["mode_damping_p"].value == pytest.approx(0.02, abs=0.001)
    assert results["mode_frequency_p"].value == pytest.approx(20.0, abs=0.01)
    (table,) = findings.tables
    assert len(table.rows) == 2
    assert all(len(row) == len(table.columns) == len(table.units) for row in table.rows)
    none = mode_findings(modes(np.full(3000, 7.0), 1000.0), key="p", title="Active power", unit="W")
    assert not none.tables
    assert {(r.value, r.state) for r in none.results} == {(None, "not determinable: no mode above the noise")}
    lost = mode_findings(modes(np.full(3000, np.nan), 1000.0), key="p", title="Active power", unit="W")
    assert not any(r.valid for r in lost.results)


def test_the_decimating_filter_is_flat_in_the_band_and_stops_what_would_fold():
    thin = decimate(np.zeros((1, 5000)), 10e3, 100.0, 5.0)
    assert thin.rate == 500
    gain = np.abs(thin.gain(2j * np.pi * np.array([0.0, 50.0, 100.0, 400.0, 450.0, 493.0])))
    assert gain[:3] == pytest.approx(1, abs=1e-3)
    assert (gain[3:] < 10 ** (-65 / 20)).all()
    assert decimate(np.zeros((2, 50)), 10e3, 100.0, 5.0).samples.shape == (2, 0)
