"""Step metrics against closed forms of first and second order, clean and in noise."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hil.analysis.step.response import find_step, step_response

T = np.linspace(-0.5, 2.0, 25_001)  # 0.1 ms
STEP = 1e-4
TAU = 0.1


def first_order(initial=0.0, final=1.0, delay=0.0, t=T):
    return initial + (final - initial) * (1 - np.exp(-np.maximum(t - delay, 0) / TAU))


def second_order(zeta, omega=30.0, t=T):
    damped, t = omega * np.sqrt(1 - zeta**2), np.maximum(t, 0)
    slow = zeta / np.sqrt(1 - zeta**2)
    return 1 - np.exp(-zeta * omega * t) * (np.cos(damped * t) + slow * np.sin(damped * t))


def noisy(values, sigma, seed=5):
    return values + sigma * np.random.default_rng(seed).normal(size=values.size)


def windowed(values, samples):
    """Return the mean of the last samples, stamped at its end."""
    sums = np.cumsum(np.concatenate([np.full(samples, values[0]), values]))
    return (sums[samples:] - sums[:-samples]) / samples


@pytest.mark.parametrize(("initial", "final"), [(0.0, 1.0), (500.0, 200.0), (300.0, 0.0), (-5e4, 5e4)])
def test_first_order(initial, final):
    found = step_response(T, first_order(initial, final), 0.0, target=final)
    assert found.dead_time == pytest.approx(TAU * np.log(10 / 9), abs=1e-6)
    assert found.rise_time == pytest.approx(TAU * np.log(9), abs=1e-6)
    assert found.response_time == pytest.approx(TAU * np.log(10), abs=1e-6)
    assert found.settling_time == pytest.approx(TAU * np.log(50), abs=1e-6)  # 2 %
    assert found.overshoot == pytest.approx(0, abs=1e-6)
    assert found.undershoot == 0
    assert found.error == pytest.approx(0, abs=1e-6 * abs(final - initial))
    assert (found.peak_time, found.damping) == (None, None)


@pytest.mark.parametrize("zeta", [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9])
def test_second_order_to_a_sample(zeta):
    omega = 60.0
    clean = second_order(zeta, omega)
    found = step_response(T, 300 - 100 * clean, 0.0, band=0.05)
    after = T > 0
    reached = {level: T[after][(clean[after] >= level).argmax()] for level in (0.1, 0.9)}  # by looking
    assert found.dead_time == pytest.approx(reached[0.1], abs=STEP)
    assert found.response_time == pytest.approx(reached[0.9], abs=STEP)
    assert found.rise_time == pytest.approx(reached[0.9] - reached[0.1], abs=STEP)
    assert found.settling_time == pytest.approx(T[np.abs(clean - 1) > 0.05][-1], abs=1.1 * STEP)
    assert found.overshoot == pytest.approx(np.exp(-np.pi * zeta / np.sqrt(1 - zeta**2)), abs=2e-4)
    assert found.peak_time == pytest.approx(np.pi / omega / np.sqrt(1 - zeta**2), abs=STEP)


@pytest.mark.parametrize("zeta", [0.1, 0.3, 0.5, 0.7])
def test_damping_by_its_decrement(zeta):
    found = step_response(T, second_order(zeta), 0.0)
    assert abs(found.damping - zeta) <= found.uncertainty["damping"] < 0.01
    assert found.oscillation == pytest.approx(30 * np.sqrt(1 - zeta**2) / 2 / np.pi, rel=2e-3)


@pytest.mark.parametrize("zeta", [0.1, 0.3])
@pytest.mark.parametrize("sigma", [0.0033, 0.01, 0.02])
def test_damping_in_noise_is_inside_its_uncertainty(zeta, sigma):
    errors = []
    for seed in range(10):
        found = step_response(T, noisy(second_order(zeta), sigma, seed), 0.0)
        assert abs(found.damping - zeta) <= 1.5 * found.uncertainty["damping"] < 0.1
        errors.append(found.damping - zeta)
    assert abs(np.mean(errors)) < 0.02


@pytest.mark.parametrize("sigma", [0.0033, 0.01, 0.02])
@pytest.mark.parametrize("zeta", [0.3, 0.5, 0.9])
def test_noise_does_not_fool(zeta, sigma):
    """The peer's settling time runs to the end of the record here, and its overshoot grows by 5 points."""
    clean = step_response(T, second_order(zeta), 0.0, band=0.1)
    for seed in range(5):
        found = step_response(T, noisy(second_order(zeta), sigma, seed), 0.0, band=0.1)
        for name in ("dead_time", "rise_time", "response_time", "settling_time", "overshoot"):
            wide = found.uncertainty[name]
            assert abs(getattr(found, name) - getattr(clean, name)) <= wide, name
        assert found.uncertainty["response_time"] < 0.02
        assert found.overshoot == pytest.approx(clean.overshoot, abs=0.025)


def test_averaging_makes_noise_small():
    spread = [step_response(T, noisy(first_order(), 0.02, seed), 0.0, band=0.1) for seed in range(20)]
    errors = np.array([found.response_time for found in spread]) - TAU * np.log(10)
    # one sample of sigma 2 % on a slope of 1/s would scatter by 20 ms
    assert np.sqrt(np.mean(errors**2)) < 3e-3
    # a plain maximum of 20 000 samples would read 4 sigma, 8 %
    assert all(found.overshoot <= found.uncertainty["overshoot"] < 0.02 for found in spread)


def test_averaging_does_not_blur():
    """A mean over a quarter of the rise would move 90 % by 3 % of tau, 3 ms."""
    found = [step_response(T, noisy(first_order(), 0.0033, seed), 0.0, band=0.1) for seed in range(20)]
    assert np.mean([one.response_time for one in found]) == pytest.approx(TAU * np.log(10), abs=7e-4)


def test_a_final_value_from_few_samples_is_doubted():
    t = np.arange(-30, 60) / 100.0
    for seed in range(30):
        found = step_response(t, noisy((t > 0).astype(float), 0.01, seed), 0.0, target=1.0, band=0.1)
        assert abs(found.error) <= found.uncertainty["error"] < 0.025


def test_a_ramp():
    found = step_response(T, np.clip(T / 0.5, 0, 1) * -40e3, 0.0)
    assert found.dead_time == pytest.approx(0.05, abs=1e-6)
    assert found.rise_time == pytest.approx(0.4, abs=1e-6)
    assert found.settling_time == pytest.approx(0.49, abs=1e-6)


def test_an_excursion_against_the_step():
    """(1 - s T)/(1 + s tau) starts at -T / tau."""
    y = np.where(T > 0, 1 - 1.25 * np.exp(-T.clip(0) / TAU), 0.0)
    assert step_response(T, y, 0.0).undershoot == pytest.approx(0.25, abs=2e-3)


def test_the_lag_of_the_window_is_taken_off():
    late = step_response(T, first_order(delay=0.02), 0.0, lag=0.02)
    assert late.response_time == pytest.approx(TAU * np.log(10), abs=1e-6)
    assert late.settling_time == pytest.approx(TAU * np.log(50), abs=1e-6)
    assert late.rise_time == pytest.approx(TAU * np.log(9), abs=1e-6)


@pytest.mark.parametrize("tau", [1e-6, 2e-3, 0.01, 0.1])
def test_what_went_through_a_window_is_inside_the_uncertainty(tau):
    cycle = 200  # samples, 20 ms
    y = windowed(np.where(T > 0, 1 - np.exp(-T.clip(0) / tau), 0.0), cycle)
    found = step_response(T, y, 0.0, lag=cycle * STEP / 2)
    for name, truth in (
        ("dead_time", tau * np.log(10 / 9)),
        ("rise_time", tau * np.log(9)),
        ("response_time", tau * np.log(10)),
        ("settling_time", tau * np.log(50)),
    ):
        value = getattr(found, name)
        assert value >= 0
        assert abs(value - truth) <= found.uncertainty[name] <= 2.1 * cycle * STEP


def test_a_band_inside_the_noise_is_not_determinable():
    lost = step_response(T, noisy(first_order(), 0.01), 0.0)
    assert (lost.state, lost.settling_time) == ("not determinable", None)  # 2 % against 3 sigma of 3 %
    assert lost.response_time == pytest.approx(TAU * np.log(10), abs=0.01)  # 10 % stands clear
    gone = step_response(T, noisy(first_order(), 0.04), 0.0)
    assert (gone.settling_time, gone.dead_time, gone.rise_time, gone.response_time) == (None,) * 4
    buried = step_response(T, noisy(first_order(), 0.4), 0.0)
    assert (buried.state, buried.overshoot) == ("not determinable", None)


def test_a_limit_cycle_never_settles():
    found = step_response(T, first_order() + np.where(T > 0.2, 0.05 * np.sin(40 * T), 0.0), 0.0)
    assert found.state == "not settled"
    assert found.settling_time is None


@pytest.mark.parametrize("length", [0.2, 0.35, 0.5])
def test_a_record_that_ends_too_soon_is_not_settled(length):
    """After 5 time constants the mean of the last fifth is 1.2 % short: so would the settling time be."""
    short = length + 1e-9 >= T
    found = step_response(T[short], first_order()[short], 0.0)
    assert (found.state, found.settling_time) == ("not settled", None)
    if found.response_time is not None:
        assert abs(found.response_time - TAU * np.log(10)) <= found.uncertainty["response_time"]
    whole = T <= 0.9
    assert step_response(T[whole], first_order()[whole], 0.0).state == "ok"


@pytest.mark.parametrize("start", [-0.5, 2.0])
def test_a_record_too_short(start):
    assert step_response(T, first_order(), start).state == "not determinable"


def test_no_step():
    assert step_response(T, np.ones(T.size), 0.0).state == "not determinable"
    rounding = np.where(T > 0, 0.1 + 0.2, 0.3)
    assert step_response(T, rounding, 0.0).state == "not determinable"


def test_a_missing_sample():
    y = first_order()
    y[100] = np.nan
    assert step_response(T, y, 0.0).state == "not determinable"


def test_a_spike_does_not_count_where_a_level_must_be_kept():
    y = first_order() + np.where((T > 0.02) & (T < 0.0205), 1.0, 0.0)
    assert step_response(T, y, 0.0).response_time == pytest.approx(0.02, abs=2 * STEP)
    held = step_response(T, y, 0.0, hold=0.005)
    assert held.response_time == pytest.approx(TAU * np.log(10), abs=1e-6)


@settings(deadline=None)
@given(st.floats(1e-3, 1e6), st.floats(-1e3, 1e3), st.sampled_from([-1, 1]), st.floats(-100, 100))
def test_times_do_not_depend_on_scale_offset_sign_and_clock(scale, offset, sign, shift):
    plain = step_response(T, first_order(), 0.0)
    other = step_response(T + shift, sign * scale * (first_order() + offset), shift)
    assert other.response_time == pytest.approx(plain.response_time, abs=1e-4)
    assert other.settling_time == pytest.approx(plain.settling_time, abs=1e-4)


@pytest.mark.parametrize("sigma", [0.0, 0.0033, 0.01, 0.03])
@pytest.mark.parametrize("begin", [-0.1, 0.3, 1.0])
@pytest.mark.parametrize("kind", ["first", "second", "jump", "ramp"])
def test_a_step_is_found(sigma, begin, kind):
    moved = T - begin
    y = {
        "first": first_order(t=moved),
        "second": second_order(0.4, t=moved),
        "jump": (moved > 0).astype(float),
        "ramp": np.clip(moved / 0.2, 0, 1),
    }[kind]
    for seed in range(4):
        onset = find_step(T, noisy(200 - 100 * y, 100 * sigma, seed))
        assert abs(onset.time - begin) <= onset.uncertainty + STEP / 10
        assert onset.uncertainty < (3 * STEP if kind == "jump" else 0.03)


@pytest.mark.parametrize("seed", range(10))
def test_no_step_is_found_in_noise(seed):
    assert find_step(T, noisy(np.ones(T.size), 0.1, seed)).time is None
    assert find_step(T, np.ones(T.size)).state == "no step"
    assert find_step(T, np.full(T.size, np.nan)).state == "not determinable"
    assert find_step(T[:20], first_order()[:20]).state == "not determinable"
