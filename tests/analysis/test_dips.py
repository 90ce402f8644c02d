"""Voltage events by IEC 61000-4-30, 5.4, and the sharper inception."""

import numpy as np
import pytest

from hil.analysis.event.dips import find_events, inception, interruptions, merge

T = np.arange(100) * 0.01


def urms(*levels):
    """Return Urms(1/2) of one channel: (value, count) pairs."""
    return np.concatenate([np.full(count, float(value)) for value, count in levels])


def test_it_begins_at_90_and_ends_at_92_percent():
    a = urms((230, 20), (206, 20), (208, 10), (211, 20), (230, 30))  # 207 and 211.6 V are 90 and 92 %
    (event,) = find_events(T, a[None], 230.0)
    assert (event.kind, event.start, event.end) == ("dip", pytest.approx(0.2), pytest.approx(0.7))
    assert event.extreme == 206


def test_it_begins_with_any_channel_and_ends_with_all():
    a = urms((230, 20), (150, 20), (230, 60))
    b = urms((230, 30), (100, 30), (230, 40))
    (event,) = find_events(T, np.array([a, b, urms((230, 100))]), 230.0)
    assert (event.start, event.end) == (pytest.approx(0.2), pytest.approx(0.6))
    assert event.beyond == (True, True, False)
    assert event.residual == (150, 100, 230)


def test_two_dips_and_a_swell():
    a = urms((230, 20), (100, 10), (230, 10), (100, 10), (230, 10), (260, 10), (230, 30))
    events = find_events(T, a[None], 230.0)
    assert [e.kind for e in events] == ["dip", "dip", "swell"]
    assert events[2].extreme == 260


def test_an_interruption_takes_all_channels():
    a, b = urms((230, 20), (5, 20), (230, 60)), urms((230, 20), (100, 20), (230, 60))
    assert find_events(T, np.array([a, b]), 230.0)[0].kind == "dip"
    assert find_events(T, np.array([a, a]), 230.0)[0].kind == "interruption"


def test_the_record_may_begin_or_end_inside():
    (event,) = find_events(T, urms((100, 20), (230, 80))[None], 230.0)
    assert not event.begun
    (event,) = find_events(T, urms((230, 80), (100, 20))[None], 230.0)
    assert event.begun
    assert event.end is None


def test_what_is_unknown_is_no_event():
    a = urms((230, 100))
    a[40:50] = np.nan
    assert find_events(T, a[None], 230.0) == ()


def test_merged_series_hold_their_latest_value():
    grid, values = merge(
        [np.array([0.0, 2.0]), np.array([1.0, 3.0])], [np.array([5.0, 6.0]), np.array([7.0, 8.0])]
    )
    assert grid.tolist() == [1.0, 2.0, 3.0]
    assert values.tolist() == [[5.0, 6.0, 6.0], [7.0, 7.0, 8.0]]


@pytest.mark.parametrize("at", range(10_000, 11_000, 77))
def test_the_inception_is_found_within_what_it_claims(at):
    cycle = 1000.6
    n = np.arange(20_000)
    x = np.array([np.cos(2 * np.pi * n / cycle - k * 2 * np.pi / 3) for k in range(3)])
    x[:, at:] *= 0.7
    x += 1e-3 * np.random.default_rng(at).normal(size=x.shape)
    found, late = inception(x, cycle, at - 2000, at + 600, 1.0)
    assert at <= found <= at + late
    assert late < cycle / 16


def test_a_spike_is_no_inception():
    n = np.arange(20_000)
    x = np.cos(2 * np.pi * n / 1000.6)[None] + 0.0
    x[0, 10_000:10_005] += 0.5
    assert inception(x, 1000.6, 8000, 11_500, 1.0) is None


def test_without_a_past_there_is_no_noise_to_compare_with():
    x = np.cos(2 * np.pi * np.arange(5000) / 1000.6)[None]
    assert inception(x, 1000.6, 1200, 2000, 1.0) is None


def test_one_known_channel_begins_an_event_and_all_must_be_known_to_end_it():
    a, b = urms((230, 100)), urms((230, 20), (100, 20), (230, 60))
    a[10:50] = np.nan
    (event,) = find_events(T, np.array([a, b]), 230.0)
    assert (event.start, event.end) == (pytest.approx(0.2), pytest.approx(0.5))
    assert event.residual == (pytest.approx(np.nan, nan_ok=True), 100)
    assert event.extreme == 100
    assert event.beyond == (False, True)


def test_the_interruption_within_its_dip():
    a, b = (
        urms((230, 20), (5, 40), (230, 40)),
        urms((230, 10), (100, 20), (5, 10), (14, 10), (17, 10), (230, 40)),
    )
    (dip,) = find_events(T, np.array([a, b]), 230.0)
    assert (dip.kind, dip.start, dip.end) == ("interruption", pytest.approx(0.1), pytest.approx(0.6))
    ((begin, end),) = interruptions(T, np.array([a, b]), 230.0)  # 5 % is 11.5 V, 7 % is 16.1 V
    assert (begin, end) == (pytest.approx(0.3), pytest.approx(0.5))
    assert interruptions(T, a[None, :50], 230.0) == ((pytest.approx(0.2), None),)
