"""Expected numbers: steps of known size and instant, the recurrence of IEC 61000-4-30, 5.4.4 by hand."""

import numpy as np
import pytest

from hil.analysis.event.dips import find_events, merge
from hil.analysis.quality.rvc import _steady, find_rapid_changes, sliding_events, sliding_reference

T = np.arange(1, 3001) / 100  # half cycles of 50 Hz, 30 s


def changes(*rows, times=None, threshold=0.033):
    times = times or [T] * len(rows)
    grid, merged = merge(times, rows)
    events = find_events(grid, merged, 230.0)
    return find_rapid_changes(times, rows, 230.0, events, count=100, threshold=threshold)


def steps(*levels):
    """Return Urms(1/2) from (begin [s], V) pairs."""
    return np.array([next(v for t0, v in reversed(levels) if t >= t0 or t0 == 0) for t in T])


def test_a_step_between_two_steady_states():
    (found,) = changes(steps((0, 230.0), (10.0, 218.5)))
    assert found.start == pytest.approx(10.0)
    assert found.end - found.start <= 0.01 + 1e-9  # half a cycle, the resolution of the definition
    assert found.largest == pytest.approx(11.5)
    assert found.steady == pytest.approx(11.5)


def test_an_overshoot_and_where_it_settles():
    row = steps((0, 230.0), (10.0, 212.0), (10.4, 221.0))
    (found,) = changes(row)
    assert (found.start, found.end) == (pytest.approx(10.0), pytest.approx(10.4, abs=0.011))
    assert found.largest == pytest.approx(18.0)
    assert found.steady == pytest.approx(9.0)


def test_smaller_than_the_threshold_or_slow_is_none():
    assert changes(steps((0, 230.0), (10.0, 223.0))) == ()  # 3.0 %
    assert changes(230.0 - 0.5 * T) == ()  # 0.22 % in a second
    assert len(changes(steps((0, 230.0), (10.0, 223.0)), threshold=0.02)) == 1


def test_half_the_threshold_holds_until_it_is_steady_again():
    """A ripple of +-2 % after the step lies inside 3.3 % and outside half of that."""
    ripple = 230.0 * 0.02 * (-1.0) ** np.arange(T.size)
    row = steps((0, 230.0), (10.0, 219.0)) + np.where((T >= 10) & (T < 14), ripple, 0.0)
    (found,) = changes(row)
    assert found.end == pytest.approx(14.0, abs=0.03)
    assert changes(np.where(T < 10, 230.0 + ripple, 230.0)) == ()  # never beyond the whole threshold


def test_a_dip_or_a_swell_is_no_rapid_change():
    assert changes(steps((0, 230.0), (10.0, 200.0), (11.0, 230.0))) == ()
    assert changes(steps((0, 230.0), (10.0, 255.0), (11.0, 230.0))) == ()
    later = changes(steps((0, 230.0), (5.0, 200.0), (6.0, 230.0), (20.0, 218.0)))
    assert [c.start for c in later] == pytest.approx([20.0])


def test_one_that_is_not_over_is_not_counted():
    assert changes(steps((0, 230.0), (29.5, 218.0))) == ()


def test_polyphase_takes_the_largest_of_all_channels():
    """Each channel has its own half cycles; the state is steady where all are."""
    shift = T + 0.0033
    a, b = steps((0, 230.0), (10.0, 220.0)), steps((0, 231.0), (10.0, 217.0))
    c = np.full(T.size, 229.0)
    (found,) = changes(a, b, c, times=[T, shift, T + 0.0067])
    assert found.channel == 1
    assert (found.largest, found.steady) == (pytest.approx(14.0), pytest.approx(14.0))
    assert found.start == pytest.approx(10.0, abs=0.01)


def test_missing_samples_are_no_change():
    row = np.full(T.size, 230.0)
    row[1000:1010] = np.nan
    assert changes(row) == ()
    assert len(changes(np.where(np.arange(T.size) >= 2000, 218.0, row))) == 1


def test_a_short_record_has_no_steady_state():
    assert find_rapid_changes([T[:99]], [np.full(99, 230.0)], 230.0, (), count=100) == ()


@pytest.mark.parametrize("count", [100, 120])
def test_the_latest_values_count_and_no_others(count):
    """Against a plain loop."""
    values = 230 + np.random.default_rng(1).normal(scale=3.0, size=500)
    values[250] = np.nan
    mean, full, half = _steady(values, count, 8.0)
    for k in range(count - 1, 500):
        part = values[k - count + 1 : k + 1]
        away = np.abs(part - part.mean()).max()
        assert mean[k] == pytest.approx(part.mean(), abs=1e-9) or np.isnan(part).any()
        assert (full[k], half[k]) == (away <= 8.0, away <= 4.0)
    assert not full[: count - 1].any()


def test_the_sliding_reference_follows_and_stands_still_while_flagged():
    rms, flagged = np.full((2, 500), 220.0), np.zeros(500, bool)
    rms[:, 100:150], flagged[100:150] = 0.0, True
    rms[1] = np.nan
    found = sliding_reference(rms, flagged, 230.0)
    expected, value = [], 230.0
    for k in range(500):
        value = value if flagged[k] else 0.9967 * value + 0.0033 * rms[0, k]
        expected.append(value)
    assert found[0] == pytest.approx(expected, rel=1e-12)
    assert found[1] == pytest.approx(230.0)


def test_events_against_the_sliding_reference():
    """A slow fall to 195 V (85 %) is a dip of 230 V without end; the reference follows it down."""
    end = 0.2 * np.arange(1, 3001)
    begin = end - 0.2
    half = np.arange(1, 60001) / 100
    level = lambda t: np.maximum(230.0 - 0.1 * t, 195.0)  # noqa: E731
    row = level(half)
    row[(half > 580) & (half <= 581)] *= 0.85
    events, reference = sliding_events([half], [row], (begin, end), level(end)[None], 230.0)
    (found,) = events
    assert (found.start, found.end) == (pytest.approx(580.0, abs=0.011), pytest.approx(581.0, abs=0.011))
    assert found.extreme == pytest.approx(0.85, abs=1e-3)
    assert reference[0, -1] == pytest.approx(195.0, rel=1e-3)
    absolute = find_events(half, row[None], 230.0)
    assert absolute[0].end is None
    frozen = reference[0, 2900:2905]
    assert np.ptp(frozen) < 1e-9


def test_many_events_in_a_long_record():
    """15 min, three channels, noise, fifty dips that keep their hands off the one change."""
    time = np.arange(1, 90_001) / 100
    rows = 230 + np.random.default_rng(3).normal(scale=0.3, size=(3, time.size))
    rows[:, 900::1800] *= 0.8
    rows[1, 45_000:] -= 11
    events = find_events(*merge([time] * 3, list(rows)), 230.0)
    (found,) = find_rapid_changes([time] * 3, list(rows), 230.0, events, count=100)
    assert len(events) == 50
    assert (found.start, found.channel) == (time[45_000], 1)
    assert found.steady == pytest.approx(11.0, abs=0.3)
