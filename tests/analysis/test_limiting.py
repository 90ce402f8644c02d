"""The current at a converter's limit, against closed forms."""

import numpy as np
import pytest

from hil.analysis.event.limiting import Asked, limiting_findings, space_vector
from hil.waveform import Channel, Waveform

RATE, HERTZ = 20e3, 60.0
T = -0.5 + np.arange(round(2.5 * RATE)) / RATE
TURN = [2 * np.pi * (HERTZ * T - k / 3) for k in range(3)]


def results(amplitude, lag=0.0, u=0.5, limit=1.2, first="P", duration=1.5, missing=False):
    """Return the results on a balanced current [pu] that lags 100 V x u, of a unit rated 10 A."""
    volts = [np.sqrt(2) * 100 * np.where(T < 0, 1.0, u) * np.cos(turn) for turn in TURN]
    if missing:
        volts[0][T.size // 2] = np.nan
    amps = [np.sqrt(2) * 10 * amplitude(T) * np.cos(turn - lag) for turn in TURN]
    channels = [
        Channel(f"{q[0]}{p}", s, q, p, 1e-3) for q, s in (("voltage", "V"), ("current", "A")) for p in "abc"
    ]
    waveform = Waveform(np.array([*volts, *amps]), tuple(channels), RATE, T[0], triggered=True)
    findings = limiting_findings(waveform, HERTZ, 100.0, 10.0, Asked(1.0, 0.6, limit, first), duration)
    return {result.key: result for result in findings.results}


def found(*args, **kwargs):
    return {key: result.value for key, result in results(*args, **kwargs).items()}


def test_a_space_vector_is_as_long_as_the_amplitude():
    """With a fifth of negative sequence it swings between 0.8 and 1.2."""
    positive = np.array([np.cos(turn) for turn in TURN])
    assert space_vector(positive) == pytest.approx(1.0)
    both = positive + 0.2 * positive[[0, 2, 1]]
    assert (space_vector(both).min(), space_vector(both).max()) == pytest.approx((0.8, 1.2), abs=1e-3)
    assert space_vector(positive + 5.0) == pytest.approx(1.0)  # a zero sequence is not in it


def test_the_excess_counts_from_a_quarter_cycle_on():
    """A first peak of 1.6 pu that is over after 4 ms is none; one of 1.3 pu at 0.2 s is 0.1 pu beyond."""
    peaks = lambda t: 1.19 + 0.41 * ((t > 0) & (t < 0.004))  # noqa: E731 - a formula
    assert found(peaks)["limit_excess"] == pytest.approx(-0.01, abs=1e-6)
    late = lambda t: 1.19 + 0.11 * ((t > 0.2) & (t < 0.204))  # noqa: E731 - a formula
    assert found(late)["limit_excess"] == pytest.approx(0.10, abs=1e-6)


def test_the_excess_is_as_uncertain_as_the_currents():
    """0.1 % of 1.25 pu."""
    one = results(lambda t: 1.25 + 0.0 * t)["limit_excess"]
    assert (one.value, one.uncertainty) == pytest.approx((0.05, 1.25e-3), abs=1e-6)


def test_currents_at_the_limit_are_those_of_the_positive_sequence():
    """Lagging by arctan(3/4), 1.2 pu are 0.96 and 0.72 pu; a lagging current is overexcited."""
    one = found(lambda t: 1.2 + 0.0 * t, lag=np.arctan2(3, 4))
    assert (one["limited_active"], one["limited_reactive"]) == pytest.approx((0.96, 0.72), abs=1e-4)
    assert one["priority_share"] == pytest.approx(
        80.0, abs=0.01
    )  # of 1.2; 1 pu at half the voltage asks for 2
    assert one["limit_cycle"] == pytest.approx(0.0, abs=1e-6)


def test_currents_at_the_limit_count_once_it_has_settled():
    one = found(lambda t: np.where(t < 0.45, 0.6, 1.2))
    assert one["limited_active"] == pytest.approx(1.2, abs=1e-4)


def test_a_record_that_ends_too_soon_tells_nothing():
    assert set(found(lambda t: 1.2 + 0.0 * t, duration=5.0).values()) == {None}


@pytest.mark.parametrize(
    ("first", "u", "share"),
    [
        ("P", 0.5, 0.9 / 1.2),  # asked 2.0, the limit allows 1.2
        ("P", 1.0, 0.9 / 1.0),  # asked 1.0, less than the limit
        ("Q", 0.4, 0.8 / 1.2),  # asked 1.5
        ("Q", 1.0, 0.8 / 0.6),
        ("mixed", 0.5, np.hypot(0.9, 0.8) / 1.2),
        ("mixed", 1.0, np.hypot(0.9, 0.8) / np.hypot(1.0, 0.6)),
    ],
)
def test_what_comes_first_is_held_against_what_the_limit_allows(first, u, share):
    assert Asked(1.0, 0.6, 1.2, first).share(u, 0.9, -0.8) == pytest.approx(share)


@pytest.mark.parametrize("hertz", [12.0, 12.5, 30.0])
def test_a_swing_is_found_with_its_size_and_frequency(hertz):
    """0.05 pu for a second; a whole number of turns goes into the window, or half a turn more."""
    one = found(lambda t: 1.15 + 0.05 * np.sin(2 * np.pi * hertz * t))
    assert one["limit_cycle"] == pytest.approx(0.05, rel=0.03)
    assert one["limit_cycle_frequency"] == pytest.approx(hertz, abs=0.25)


def test_neither_a_trend_nor_the_line_frequency_is_a_swing():
    """At the line frequency and beyond 100 Hz a current is offset or unbalanced."""
    other = lambda t: (  # noqa: E731 - a formula
        1.0 - 0.3 * t + 0.02 * np.cos(2 * np.pi * 60 * t) + 0.1 * np.cos(2 * np.pi * 150 * t)
    )
    assert found(other)["limit_cycle"] < 1e-3
    assert found(lambda t: other(t) + 0.02 * np.sin(2 * np.pi * 30 * t))["limit_cycle"] == pytest.approx(
        0.02, rel=0.03
    )


def test_a_short_disturbance_shows_no_slow_swing():
    """Of 0.7 s two turns are 2.9 Hz; what drifts in it is none."""
    one = results(lambda t: 1.15 + 0.05 * np.sin(2 * np.pi * 1.0 * t), duration=1.2)["limit_cycle"]
    assert "2.9 to 100 Hz" in one.title
    assert one.value < 0.015
    line = results(lambda t: 1.15 + 0.1 * np.cos(2 * np.pi * HERTZ * t), duration=1.2)["limit_cycle"]
    assert line.value < 0.004  # a side lobe of the window, 2.7 % at most


def test_samples_that_are_missing_in_the_voltages_count_too():
    """Active and reactive current are told with them."""
    assert results(lambda t: 1.2 + 0.0 * t)["priority_share"].valid
    assert not results(lambda t: 1.2 + 0.0 * t, missing=True)["priority_share"].valid
