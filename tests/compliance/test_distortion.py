"""Limit tables against the numbers of the standards, and verdicts at and about a limit."""

from dataclasses import replace

import numpy as np
import pytest

from hil.analysis.quality.values import HalfCycles, Intervals, Quality, Urms
from hil.compliance.criteria import Outcome
from hil.compliance.distortion import judge_distortion, load_distortion_limits
from hil.compliance.distortion_limits import Statistic
from hil.errors import ConfigError
from hil.waveform import Channel

SHIPPED = (
    "ieee519_2022_voltage",
    "ieee519_2022_current",
    "ieee519_2014_current",
    "ieee1547_2018",
    "ieee2800_2022",
)


def capture(
    harmonics=None, *, k=50, size=100.0, length=0.2, orders=50, dc=0.0, uncertainty=None, changes=None
):
    """Return a capture of one voltage and one current with these harmonics {order: share of `size`}.

    changes: {interval: factor on the harmonics}; rows are views, so that a week costs little.
    """
    share = np.zeros(orders + 1)
    share[1] = 1.0
    for order, level in (harmonics or {}).items():
        share[order] = level
    levels = np.broadcast_to(size * share, (2, k, orders + 1))
    if changes:
        levels = levels.copy()
        for at, factor in changes.items():
            levels[:, at, 2:] *= factor
    rms = np.sqrt((levels.astype(float) ** 2).sum(axis=2)) if k < 1000 else np.full((2, k), size)
    end = length * np.arange(1, k + 1)
    zeros = np.broadcast_to(np.zeros(orders + 1), levels.shape)
    intervals = Intervals(
        cycles=10,
        begin=end - length,
        end=end,
        frequency=np.full(k, 50.0),
        held=np.zeros(k, bool),
        spoilt=np.zeros(k, bool),
        rms=rms,
        mean=np.full((2, k), dc),
        phasors=np.full((2, k), size, complex),
        power=np.zeros((0, k)),
        groups=levels,
        subgroups=levels,
        interharmonics=zeros,
        interharmonic_groups=zeros,
        bands=np.zeros((2, k, 0)),
    )
    half = np.arange(1, 100) / 100
    return Quality(
        voltages=(Channel("v_a", "V", "voltage", "a", uncertainty),),
        currents=(Channel("i_a", "A", "current", "a", uncertainty),),
        pairs=((0, 0),),
        frequency=50.0,
        frequency_uncertainty=None,
        intervals=intervals,
        half_cycles=HalfCycles(half, np.full(99, 50.0), np.ones((2, 99)), np.zeros(99, bool)),
        urms=(Urms(half, np.full(99, size)), Urms(half, np.full(99, size))),
        spectrum=np.zeros((2, 600)),
        bin_width=5.0,
        flicker=None,
    )


def verdict(judgement, order):
    (found,) = [v for v in judgement.verdicts if v.order == order]
    return found


@pytest.mark.parametrize("name", SHIPPED)
def test_every_order_has_a_limit_below_the_total_and_a_source(name):
    limits = load_distortion_limits(name)
    assert limits.title
    assert limits.clause.startswith("IEEE")
    assert limits.edition in limits.title
    for row in limits.rows:
        odd = {h: v for h, v in row.individual.items() if h % 2}
        assert set(odd) == set(range(3, 50, 2))
        assert all(0 < v < row.total for v in row.individual.values())
        assert list(odd.values()) == sorted(odd.values(), reverse=True)
        assert row.confidence in ("high", "medium")


@pytest.mark.parametrize(
    ("ratio", "expected", "total"),
    [
        (19.9, (4.0, 2.0, 1.5, 0.6, 0.3), 5.0),
        (20, (7.0, 3.5, 2.5, 1.0, 0.5), 8.0),
        (99, (10.0, 4.5, 4.0, 1.5, 0.7), 12.0),
        (100, (12.0, 5.5, 5.0, 2.0, 1.0), 15.0),
        (1001, (15.0, 7.0, 6.0, 2.5, 1.4), 20.0),
    ],
)
def test_ieee_519_current_by_short_circuit_ratio(ratio, expected, total):
    """First and last odd order of each range; the even-order rules of both editions; half from 69 kV on."""
    now, before = (
        load_distortion_limits("ieee519_2022_current"),
        load_distortion_limits("ieee519_2014_current"),
    )
    row, old, high = now.row(480.0, ratio), before.row(480.0, ratio), now.row(138e3, ratio)
    for (first, last), limit in zip(((3, 9), (11, 15), (17, 21), (23, 33), (35, 49)), expected, strict=True):
        assert row.individual[first] == row.individual[last] == limit
        assert high.individual[first] == high.individual[last] == pytest.approx(limit / 2)
        assert old.individual[first] == limit
    assert (row.individual[2], row.individual[6]) == (expected[0] / 2, expected[0] / 2)
    assert (row.individual[8], row.individual[50]) == (expected[0], expected[4])
    assert (old.individual[2], old.individual[8], old.individual[50]) == pytest.approx(
        (expected[0] / 4, expected[0] / 4, expected[4] / 4)
    )
    assert (row.total, high.total) == (total, pytest.approx(total / 2))


def test_classes_of_voltage():
    voltage = load_distortion_limits("ieee519_2022_voltage")
    for volts, individual, total in ((1e3, 5.0, 8.0), (1001, 3.0, 5.0), (69e3, 3.0, 5.0), (161e3, 1.5, 2.5)):
        row = voltage.row(volts)
        assert (row.individual[2], row.individual[50], row.total) == (individual, individual, total)
    assert voltage.row(345e3).total == 1.5
    current = load_distortion_limits("ieee519_2022_current")
    assert [current.row(345e3, r).total for r in (24.9, 25, 50)] == [1.5, 2.5, 3.75]
    ibr = load_distortion_limits("ieee2800_2022")
    assert [ibr.row(v).total for v in (34.5e3, 138e3, 230e3)] == [5.0, 2.5, 1.5]
    assert [ibr.row(v).individual[5] for v in (34.5e3, 138e3, 230e3)] == [4.0, 2.0, 1.0]
    assert 2 not in ibr.row(138e3).individual


def test_ieee_1547_even_orders():
    row = load_distortion_limits("ieee1547_2018").row(480.0)
    assert [row.individual[h] for h in (2, 4, 6, 8, 10, 12, 50)] == [1.0, 2.0, 3.0, 4.0, 4.0, 2.0, 0.3]
    assert (row.total, row.dc) == (5.0, 0.5)


def test_shares_are_of_the_base_and_the_total_is_made_of_them():
    limits = load_distortion_limits("ieee519_2022_current")
    quality = capture({5: 0.03, 7: 0.04})
    found = judge_distortion(limits, quality, base=200.0, voltage=480.0, ratio=15)
    assert verdict(found, "5").value == pytest.approx(1.5)
    assert verdict(found, "TDD").value == pytest.approx(2.5)
    assert verdict(found, "TDD").margin == pytest.approx(2.5)
    assert found.overall is Outcome.PASS
    assert found.indicative
    assert "mean" in found.note
    assert "indicative" in verdict(found, "5").statistic
    assert "A" in found.note


def test_one_order_too_high_fails_and_the_table_says_what_the_verdicts_say():
    limits = load_distortion_limits("ieee1547_2018")
    found = judge_distortion(limits, capture({35: 0.004, 2: 0.009}), base=100.0, voltage=480.0)
    failed = [v.order for v in found.verdicts if v.outcome is Outcome.FAIL]
    assert failed == ["35"]
    assert found.overall is Outcome.FAIL
    assert not found.indicative
    table = found.table
    assert table.title.endswith("FAIL")
    rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    assert [r["Order"] for r in rows if r["Outcome"] == "FAIL"] == ["35"]
    assert {r["Order"] for r in rows} == {"DC", *map(str, range(2, 51)), "TRD"}
    assert [r["Order"] for r in rows[:2]] == ["35", "2"]  # the nearest to its limit first
    assert rows[0]["Margin"] == pytest.approx(0.3 - 0.4)
    assert len(table.units) == len(table.columns)


def test_the_worst_channel_counts():
    quality = capture({5: 0.03})
    i = quality.intervals
    names = ("rms", "mean", "phasors", "subgroups")
    i = replace(i, **{f: np.concatenate([getattr(i, f), getattr(i, f)[1:]]) for f in names})
    i.subgroups[2, :, 7] = 5.0
    i.subgroups[1, :, 11] = 1.0
    currents = (*quality.currents, Channel("i_b", "A", "current", "b"))
    quality = replace(quality, intervals=i, currents=currents)
    found = judge_distortion(load_distortion_limits("ieee1547_2018"), quality, base=100.0, voltage=480.0)
    assert (verdict(found, "7").channel, verdict(found, "7").value) == ("i_b", pytest.approx(5.0))
    assert (verdict(found, "11").channel, verdict(found, "11").value) == ("i_a", pytest.approx(1.0))


def test_trd_and_dc_by_their_definitions():
    limits = load_distortion_limits("ieee1547_2018")
    quality = capture({5: 0.03}, dc=-0.6)
    intervals = replace(quality.intervals, rms=np.hypot(100.0, 6.0) * np.ones((2, 50)))
    found = judge_distortion(limits, replace(quality, intervals=intervals), base=100.0, voltage=480.0)
    assert verdict(found, "TRD").value == pytest.approx(6.0)
    assert verdict(found, "TRD").outcome is Outcome.FAIL
    assert (verdict(found, "DC").value, verdict(found, "DC").outcome) == (pytest.approx(0.6), Outcome.FAIL)


@pytest.mark.parametrize(
    ("level", "uncertainty", "outcome"),
    [
        (0.0399, None, Outcome.PASS),
        (0.0401, None, Outcome.FAIL),
        (0.0399, 0.01, Outcome.INCONCLUSIVE),
        (0.0401, 0.01, Outcome.INCONCLUSIVE),
        (0.0395, 0.01, Outcome.PASS),
        (0.0405, 0.01, Outcome.FAIL),
    ],
)
def test_a_limit_inside_the_uncertainty_is_inconclusive(level, uncertainty, outcome):
    limits = load_distortion_limits("ieee1547_2018")
    quality = capture({5: level}, uncertainty=uncertainty)
    found = judge_distortion(limits, quality, base=100.0, voltage=480.0)
    assert verdict(found, "5").outcome is outcome
    assert verdict(found, "5").uncertainty == (None if uncertainty is None else pytest.approx(level))


def test_missing_samples_make_the_mean_invalid_unless_they_come_later():
    limits, quality = load_distortion_limits("ieee1547_2018"), capture({5: 0.01})
    spoilt = np.arange(50) == 40
    quality = replace(quality, intervals=replace(quality.intervals, spoilt=spoilt))
    assert judge_distortion(limits, quality, base=100.0, voltage=480.0).overall is Outcome.INVALID
    assert judge_distortion(limits, quality, base=100.0, voltage=480.0, before=8.0).overall is Outcome.PASS


def test_what_was_not_sampled_is_not_passed():
    limits = load_distortion_limits("ieee519_2022_voltage")
    found = judge_distortion(limits, capture({5: 0.01}, orders=25), base=100.0, voltage=480.0)
    assert verdict(found, "25").outcome is Outcome.PASS
    assert verdict(found, "26").outcome is Outcome.INCONCLUSIVE
    assert verdict(found, "THD").value is None
    assert "order 25 only" in verdict(found, "THD").reason
    assert found.overall is Outcome.INCONCLUSIVE
    empty = judge_distortion(limits, capture(), base=100.0, voltage=480.0, before=0.1)
    assert {v.outcome for v in empty.verdicts} == {Outcome.INCONCLUSIVE}


def test_even_orders_without_a_source_are_not_judged_and_that_is_said():
    found = judge_distortion(
        load_distortion_limits("ieee2800_2022"), capture({2: 0.2}), base=1e3, voltage=138e3
    )
    assert all(v.order == "TRD" or int(v.order) % 2 for v in found.verdicts)
    assert "even orders are not judged" in found.note
    assert verdict(found, "5").confidence == "medium"


def test_a_day_is_judged_by_the_99th_percentile_of_3_seconds():
    """28 800 values: 288 may lie above. 519 allows them twice the limit: 8 % at order 5."""
    limits = load_distortion_limits("ieee519_2022_current")
    k = 432_000
    few = dict.fromkeys(range(0, 15 * 288, 15), 3.0)  # one interval in each of 288 values of 3 s
    many = dict.fromkeys(range(0, 15 * 289, 15), 3.0)
    for changes, level in ((few, 3.0), (many, 3.0 * np.sqrt((14 + 9) / 15))):
        quality = capture({5: 0.03}, k=k, orders=7, changes=changes)
        found = judge_distortion(limits, quality, base=100.0, voltage=480.0, ratio=15)
        fifth = verdict(found, "5")
        assert (fifth.statistic, fifth.limit) == ("daily 99th percentile of 3 s values", 8.0)
        assert fifth.value == pytest.approx(level, rel=1e-6)
        assert not found.indicative
        assert verdict(found, "TDD").limit == 10.0
    hours = judge_distortion(limits, capture(k=k // 2, orders=7), base=100.0, voltage=480.0, ratio=15)
    assert hours.indicative


@pytest.mark.parametrize(("left", "highest"), [(50.0, 3.0), (100.0, 3.0 * np.sqrt((14 + 100) / 15))])
def test_a_value_of_3_seconds_that_a_dip_touches_is_left_out(left, highest):
    """Interval 30, from 6.0 to 6.2 s, has ten times the harmonics; a dip to 50 % flags it."""
    limits = load_distortion_limits("ieee519_2022_current")
    limits = replace(limits, statistics=(Statistic("highest", "3 s", 60.0, 100.0, 1.0),))
    half = np.arange(1, 6000) / 100
    urms = Urms(half, np.where((half > 6.0) & (half <= 6.2), left, 100.0))
    quality = replace(capture({5: 0.03}, k=300, orders=7, changes={30: 10.0}), urms=(urms, urms))
    given = {"base": 100.0, "voltage": 480.0, "ratio": 15, "nominal_voltage": 100.0}
    assert verdict(judge_distortion(limits, quality, **given), "5").value == pytest.approx(highest)


def test_a_week_adds_the_statistics_of_ten_minutes():
    """The same levels in intervals of 20 s, thirty to ten minutes, so that a week is small."""
    limits = load_distortion_limits("ieee519_2022_voltage")
    worse = dict.fromkeys(
        range(9000, 9045), 2.0
    )  # 15 min of the third day: one per cent of it, not of the week
    quality = capture({5: 0.03}, k=30_240, length=20.0, orders=5, changes=worse)
    found = judge_distortion(limits, quality, base=100.0, voltage=480.0)
    fifth = {v.statistic: v.limit for v in found.verdicts if v.order == "5"}
    assert fifth == {
        "daily 99th percentile of 3 s values": pytest.approx(7.5),
        "weekly 95th percentile of 10 min values": pytest.approx(5.0),
    }
    assert [v.value for v in found.verdicts if v.order == "5"] == pytest.approx([6.0, 3.0])


def test_a_limit_of_low_confidence_decides_nothing():
    limits = load_distortion_limits("ieee1547_2018")
    limits = replace(limits, rows=(replace(limits.rows[0], confidence="low"),))
    found = judge_distortion(limits, capture(), base=100.0, voltage=480.0)
    assert {v.outcome for v in found.verdicts} == {Outcome.INCONCLUSIVE}
    assert "low confidence" in verdict(found, "5").reason


def test_what_the_limits_depend_on_is_asked_for():
    limits = load_distortion_limits("ieee519_2022_current")
    with pytest.raises(ConfigError, match="Isc / I_L"):
        judge_distortion(limits, capture(), base=100.0, voltage=480.0)
    with pytest.raises(ConfigError, match="no limit for 0 V"):
        judge_distortion(limits, capture(), base=100.0, voltage=0.0, ratio=15)
    with pytest.raises(ConfigError, match="demand current 0: give a positive"):
        judge_distortion(limits, capture(), base=0.0, voltage=480.0, ratio=15)
    with pytest.raises(ConfigError, match="no current"):
        judge_distortion(limits, replace(capture(), currents=()), base=1.0, voltage=480.0, ratio=15)


GOOD = """
title = "mine"
clause = "5"
edition = "1"
source = "me"
quantity = "current"
total = "TDD"
orders = [2, 11, 50]
even = [{ upto = 6, share = "50 %" }]
[[row]]
individual = ["4 %", "2 %"]
total = "5 %"
confidence = "high"
"""


STATISTIC = """
[[statistic]]
title = "x"
aggregate = "1 h"
period = "1 s"
percentile = "1 %"
times = "1 %"
"""


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ("", "", None),
        ('"4 %", "2 %"', '"4 %"', "1 individual limits for 2 ranges"),
        ('"4 %", "2 %"', "4, 2", "write the unit"),
        ('total = "TDD"', 'total = "THD"', "'THD' of 'current'"),
        ("[2, 11, 50]", "[2, 50, 11]", "ascend"),
        ("[2, 11, 50]", "[1, 11, 50]", "ascend"),
        ("[2, 11, 50]", "50", "ascend"),
        ("upto = 6", "upto = 6.5", "not an order"),
        ("upto = 6", "up = 6", "upto is missing"),
        ('[{ upto = 6, share = "50 %" }]', "6", "even is not a list"),
        ("individual =", 'odd_only = "false"\nindividual =', "neither true nor false"),
        ('"high"', '"sure"', "confidence"),
        ('clause = "5"', "", "clause is missing"),
        ('edition = "1"', 'edition = "1"\ncolour = "red"', "unknown key colour"),
        ("individual =", 'voltage = { over = "1 V" }\nindividual =', "unknown key over"),
        (
            "[[row]]",
            STATISTIC + "[[row]]",
            "aggregate '1 h'",
        ),
    ],
)
def test_a_file_is_read_strictly(tmp_path, old, new, text):
    path = tmp_path / "mine.toml"
    path.write_text(GOOD.replace(old, new, 1) if old else GOOD)
    if text is None:
        assert load_distortion_limits(path).rows[0].individual[4] == 2.0
        return
    with pytest.raises(ConfigError, match=text):
        load_distortion_limits(path)


def test_an_unknown_name_lists_what_there_is():
    with pytest.raises(ConfigError, match="ieee2800_2022"):
        load_distortion_limits("ieee9999")
