"""Expected numbers: counts and means written out from IEC 61000-4-30:2015, 4.4 to 4.7, 5.1, 5.12."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.analysis.quality.aggregation import (
    aggregate,
    deviation,
    flags,
    frequency_10s,
    long_spans,
    percentile,
    short_spans,
    touches,
    two_hours,
)


def gapless(count, hertz=50.0, start=0.0, cycles=10):
    edges = start + cycles / hertz * np.arange(count + 1)
    return edges[:-1], edges[1:]


@dataclass
class Event:
    start: float
    end: float | None


def test_fifteen_intervals_make_one_of_three_seconds():
    spans = short_spans(*gapless(47))
    assert spans.first.tolist() == [0, 15, 30]
    assert spans.last.tolist() == [15, 30, 45]  # two are left over
    assert spans.begin == pytest.approx([0.0, 3.0, 6.0])
    assert spans.end == pytest.approx([3.0, 6.0, 9.0])
    assert len(short_spans(*gapless(14))) == 0
    assert len(short_spans(*gapless(0))) == 0


def test_a_tick_begins_anew_and_what_is_under_way_is_finished():
    """At 49.9 Hz a tick falls inside an interval: the first after it opens the next period."""
    begin, end = gapless(9000, 49.9)
    spans = short_spans(begin, end)
    second = int(np.searchsorted(begin, 600.0))
    k = int(np.searchsorted(spans.first, second))
    assert spans.first[k] == second
    assert spans.last[k - 1] > second  # overlap
    assert begin[spans.first[k - 1]] < 600.0 < spans.end[k - 1]
    assert (np.diff(spans.first)[np.arange(len(spans) - 1) != k - 1][: k - 2] == 15).all()
    assert ((spans.last - spans.first) == 15).all()


def test_an_absolute_tick_moves_the_periods():
    begin, end = gapless(9010, start=0.0)  # 1802 s
    assert long_spans(begin, end).begin == pytest.approx([0.0, 600.0, 1200.0])
    late = long_spans(begin, end, tick=100.0 - 1200.0)
    assert late.begin == pytest.approx([100.0, 700.0])  # what the record does not cover is left out
    assert begin[late.first] == pytest.approx([100.0, 700.0])
    assert short_spans(begin, end, tick=100.0).begin[33:35] == pytest.approx([99.0, 100.0])


@pytest.mark.parametrize(("count", "periods"), [(2994, 0), (2995, 1), (3000, 1), (3001, 1), (6000, 2)])
def test_ten_minutes_count_if_no_more_than_a_second_is_missing(count, periods):
    assert len(long_spans(*gapless(count))) == periods


def test_two_hours_are_twelve_values():
    ten = long_spans(*gapless(3000 * 25))
    assert len(ten) == 25
    two = two_hours(ten)
    assert (two.first.tolist(), two.last.tolist()) == ([0, 12], [12, 24])
    assert two.end == pytest.approx([7200.0, 14400.0])
    shifted = two_hours(ten, tick=1800.0)
    assert shifted.first.tolist() == [3]
    assert len(two_hours(long_spans(*gapless(100)))) == 0


@given(
    st.integers(1, 3),
    st.integers(0, 2**32 - 1),
    st.floats(1e-2, 1e4),
)
def test_the_root_mean_square_of_each_span(channels, seed, scale):
    values = np.random.default_rng(seed).normal(size=(channels, 100))
    good = np.random.default_rng(seed + 1).random(100) > 0.2
    spans = short_spans(*gapless(100))
    found = aggregate(scale * values, spans, good)
    mean = aggregate(values, spans, squared=False)
    for k in range(6):
        part, kept = values[:, 15 * k : 15 * k + 15], good[15 * k : 15 * k + 15]
        assert found[:, k] == pytest.approx(scale * np.sqrt((part[:, kept] ** 2).mean(axis=1)))
        assert mean[:, k] == pytest.approx(part.mean(axis=1))


def test_what_is_unknown_stays_in_its_span():
    values = np.ones(45)
    values[16] = np.nan
    good = np.isfinite(values)
    good[30:] = False
    found = aggregate(values, short_spans(*gapless(45)), good)
    assert found[:2] == pytest.approx([1.0, 1.0])
    assert np.isnan(found[2])  # nothing good in it
    without = aggregate(values, short_spans(*gapless(45)))
    assert np.isnan(without[1])
    assert without[[0, 2]] == pytest.approx([1.0, 1.0])


def test_flags_reach_what_the_event_touched_and_every_aggregate_of_it():
    begin, end = gapless(30)
    marked = flags(begin, end, [Event(1.03, 1.25)], 0.02)
    assert np.flatnonzero(marked).tolist() == [5, 6]
    marked = flags(begin, end, [Event(1.01, 1.02)], 0.02)  # the sag itself may have begun at 0.99 s
    assert np.flatnonzero(marked).tolist() == [4, 5]
    assert np.flatnonzero(flags(begin, end, [Event(5.5, None)], 0.02)).tolist() == [27, 28, 29]
    both = flags(begin, end, [Event(1.03, 1.05), Event(1.04, 1.06)], 0.0)
    assert np.flatnonzero(both).tolist() == [5]
    edge = flags(begin, end, [Event(end[4], end[5])], 0.0)
    assert np.flatnonzero(edge).tolist() == [5]  # one instant belongs to one interval
    assert not flags(begin, end, [Event(50.0, 51.0)], 0.02).any()
    assert touches(marked, short_spans(begin, end)).tolist() == [True, False]


@pytest.mark.parametrize("hertz", [42.5, 49.8765, 50.0, 57.5, 60.0321, 69.0])
def test_frequency_over_ten_seconds(hertz):
    """Whole cycles over their duration; a tick inside a cycle must not cost a count."""
    ends = 0.0137 + np.arange(int(35 * 2 * hertz)) / (2 * hertz)
    time, found = frequency_10s(ends, np.full(ends.size, hertz), np.zeros(ends.size, bool), 0.0)
    assert time == pytest.approx([10.0, 20.0, 30.0])
    assert found == pytest.approx(hertz, rel=1e-10)


def test_a_drift_averages_over_the_ten_seconds():
    """phase = 50 t + 0.05 t^2: mean of 50 + 0.1 t over [0, 10] and [10, 20] is 50.5 and 51.5 Hz."""
    halves = np.arange(0, 2 * 1020 + 1) / 2
    ends = (-50 + np.sqrt(2500 + 0.2 * halves)) / 0.1
    hertz = 50 + 0.1 * ends
    _, found = frequency_10s(ends, hertz, np.zeros(ends.size, bool), 0.0)
    assert found[:2] == pytest.approx([50.5, 51.5], abs=1e-3)  # less the cycle that lies across a tick


@pytest.mark.parametrize("spoil", ["sample", "gap"])
def test_what_spoils_a_count_spoils_its_ten_seconds_only(spoil):
    ends = np.arange(1, 3001) / 100
    spoilt = np.zeros(ends.size, bool)
    hertz = np.full(ends.size, 50.0)
    if spoil == "sample":
        spoilt[1500] = True
    else:
        kept = np.arange(ends.size) // 20 != 75
        ends, hertz, spoilt = ends[kept], hertz[kept], spoilt[kept]
    _, found = frequency_10s(ends, hertz, spoilt, 0.0)
    assert np.isnan(found).tolist() == [False, True, False]


def test_less_than_ten_seconds_gives_no_value():
    ends = np.arange(1, 900) / 100
    time, found = frequency_10s(ends, np.full(ends.size, 50.0), np.zeros(ends.size, bool), 0.0)
    assert time.size == found.size == 0
    assert frequency_10s(np.empty(0), np.empty(0), np.empty(0, bool), 0.0)[0].size == 0


def test_deviation_from_the_declared_voltage():
    """Half the time at 90 %, half at 110 %: 1 - sqrt((0.81 + 1) / 2) and sqrt((1 + 1.21) / 2) - 1."""
    rms = np.tile([207.0, 253.0], (2, 50))
    rms[1] = 230.0
    under, over = deviation(rms, 230.0)
    assert under == pytest.approx([100 * (1 - np.sqrt(0.905)), 0.0])
    assert over == pytest.approx([100 * (np.sqrt(1.105) - 1), 0.0])


def test_percentiles_are_values_that_occurred():
    values = np.arange(1.0, 1009.0)  # a week of 10 min
    assert percentile(values, 95) == 958  # the smallest x with 95 % of 1008 = 957.6 at or below it
    assert percentile(values, 99) == 998
    assert percentile(np.array([[3.0, 1.0, 2.0], [9.0, np.nan, 9.0]]), 50) == pytest.approx(
        [2.0, np.nan], nan_ok=True
    )


def test_the_testing_states_of_class_a_one_after_the_other():
    """3 s in each state: RMS to 0.1 % of Udin, and those with dips or swells flagged."""
    udin, states = 230.0, [1.0, 0.73, 1.52]
    rms = udin * np.repeat(states, 15)
    begin, end = gapless(45)
    spans = short_spans(begin, end)
    assert aggregate(rms, spans) == pytest.approx(udin * np.array(states))
    marked = flags(begin, end, [Event(3.01, 6.01), Event(6.01, None)], 0.02)
    assert touches(marked, spans).tolist() == [True, True, True]  # the first dip may have begun at 2.99 s
    assert touches(marked[:14], short_spans(begin[:14], end[:14])).size == 0
    under, over = deviation(rms, udin)
    assert under == pytest.approx(100 * (1 - np.sqrt((1 + 0.73**2 + 1) / 3)))
    assert over == pytest.approx(100 * (np.sqrt((1 + 1 + 1.52**2) / 3) - 1))
