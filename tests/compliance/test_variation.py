"""Utilities' limits on power variation: the shipped data, and powers judged against them."""

from importlib.resources import files

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hil.compliance.criteria import Outcome
from hil.compliance.variation import judge_variation, load_variation
from hil.errors import ConfigError

RATE = 200.0
T = np.arange(24_000) / RATE  # 120 s
SHIPPED = sorted(path.name.removesuffix(".toml") for path in (files("hil.data") / "variation").iterdir())


def judged(name, power, scale=1.0, rate=RATE, **given):
    return {row.key: row for row in judge_variation(load_variation(name), power, rate, scale, **given)}


def test_what_is_shipped():
    assert SHIPPED == ["caiso", "ercot", "ieso", "lipa", "southern"]
    found = {(name, x.key): x for name in SHIPPED for x in load_variation(name).limits}
    assert {key: (x.limit, x.window, x.band) for key, x in found.items()} == {
        ("caiso", "ramp_10min"): (pytest.approx(20e6 / 60), 600.0, None),
        ("ercot", "swing_5s"): (10e6, 5.0, (0.1, 55.0)),
        ("ieso", "ramp_1min"): (pytest.approx(20e6 / 60), 60.0, None),
        ("ieso", "subsynchronous"): (2.5e6, None, (0.1, 55.0)),
        ("ieso", "swing_15s"): (5e6, 15.0, None),
        ("lipa", "swing_fast"): (3.5e6, 10.0, (5.0, 55.0)),
        ("lipa", "swing_slow"): (10e6, 10.0, (0.1, 5.0)),
        ("southern", "ramp_1min"): (pytest.approx(20e6 / 60), 60.0, None),
        ("southern", "swing_6s"): (10e6, 6.0, None),
    }
    assert all(load_variation(name).confidence == "second-hand" for name in SHIPPED)


@pytest.mark.parametrize(("swing", "outcome"), [(9.8e6, Outcome.PASS), (10.2e6, Outcome.FAIL)])
def test_ercot_counts_peak_to_peak_of_a_sine(swing, outcome):
    row = judged("ercot", 150e6 + swing / 2 * np.sin(2 * np.pi * T))["swing_5s"]
    assert row.outcome is outcome
    assert row.value == pytest.approx(swing, rel=0.005)
    assert row.margin == pytest.approx(10e6 - swing, abs=5e4)


def test_ercot_does_not_count_what_is_slower():
    assert judged("ercot", 150e6 + 40e6 * np.sin(2 * np.pi * T / 100))["swing_5s"].outcome is Outcome.PASS


def test_lipa_tells_slow_from_fast():
    slow = judged("lipa", 4e6 * np.sin(2 * np.pi * 1.0 * T))
    assert [row.outcome for row in slow.values()] == [Outcome.PASS, Outcome.PASS]
    fast = judged("lipa", 4e6 * np.sin(2 * np.pi * 20.0 * T))
    assert (fast["swing_slow"].outcome, fast["swing_fast"].outcome) == (Outcome.PASS, Outcome.FAIL)
    assert fast["swing_fast"].value == pytest.approx(8e6, rel=0.05)


@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize(("per_minute", "outcome"), [(19.9e6, Outcome.PASS), (20.1e6, Outcome.FAIL)])
def test_southern_ramp(sign, per_minute, outcome):
    rows = judged("southern", 50e6 + sign * per_minute / 60 * T)
    assert rows["ramp_1min"].outcome is outcome
    assert rows["ramp_1min"].value == pytest.approx(per_minute / 60)
    assert rows["swing_6s"].value == pytest.approx(per_minute / 10)


def test_caiso_needs_its_ten_minutes():
    row = judged("caiso", 50e6 + 40e6 / 60 * T)["ramp_10min"]
    assert (row.outcome, row.value) == (Outcome.INCONCLUSIVE, None)
    assert "120 s" in row.reason
    long = np.interp(np.arange(1000), [0, 300, 1000], [0, 150e6, 150e6])  # 30 MW a minute, for five
    assert judged("caiso", long, rate=1.0)["ramp_10min"].value == pytest.approx(150e6 / 600)


def test_ieso_where_the_source_does_not_say_which_binds():
    power = 100e6 + 1e6 * np.sin(2 * np.pi * 2 * T)
    unstated = judged("ieso", power)["subsynchronous"]
    assert unstated.outcome is Outcome.INCONCLUSIVE
    assert "not stated" in unstated.reason
    for rating, swing, outcome in (
        (500e6, 1.0, Outcome.PASS),  # 0.25 % is 1.25 MW
        (200e6, 1.0, Outcome.INCONCLUSIVE),  # 0.5 MW, and 2.5 MW
        (200e6, 0.4, Outcome.PASS),
        (200e6, 3.0, Outcome.FAIL),
    ):
        row = judged("ieso", swing * power, rating=rating)["subsynchronous"]
        assert row.outcome is outcome
        assert row.value == pytest.approx(swing * 1e6, rel=0.01)

    bench = judged("ieso", power / 1000, scale=1000.0, rating=500e3)["subsynchronous"]
    assert (bench.outcome, bench.limit) == (Outcome.PASS, pytest.approx(1.25e6))


def test_a_bench_needs_a_stated_scale():
    bench = 150e3 + 10e3 * np.sin(2 * np.pi * T)
    (row,) = judged("ercot", bench, scale=None).values()
    assert (row.outcome, row.value) == (Outcome.NOT_RUN, None)
    assert "state" in row.reason
    assert judged("ercot", bench, scale=300.0)["swing_5s"].outcome is Outcome.PASS  # 6 MW
    assert judged("ercot", bench, scale=1000.0)["swing_5s"].outcome is Outcome.FAIL  # 20 MW
    for wrong in (0.0, -1.0, np.inf, np.nan):
        with pytest.raises(ConfigError, match="scale"):
            judged("ercot", bench, scale=wrong)


def test_what_cannot_be_seen_is_not_passed():
    quiet = np.full(T.size, 1e6)
    for record in (
        {"power": quiet, "source_resolution": 0.02},  # powers of cycles do not show 55 Hz
        {"power": quiet[::4], "rate": RATE / 4},
        {"power": quiet[: int(20 * RATE)]},  # the filter takes 20 s
    ):
        (row,) = judged("ercot", **record).values()
        assert (row.outcome, row.value) == (Outcome.INCONCLUSIVE, None)
        assert row.reason.startswith("not determinable")
    assert judged("ercot", quiet)["swing_5s"].outcome is Outcome.PASS
    gap = quiet.copy()
    gap[50] = np.nan
    assert judged("ercot", gap)["swing_5s"].outcome is Outcome.INVALID


@settings(deadline=None, max_examples=15)
@given(st.floats(0.1, 1000))
def test_only_the_site_counts(scale):
    power = 5e6 * np.sin(2 * np.pi * 0.7 * T)
    (plain,), (scaled,) = (judged("ercot", power / k, scale=k).values() for k in (1.0, scale))
    assert scaled.value == pytest.approx(plain.value, rel=1e-9)


GOOD = """
title = "x"
source = "y"
date = 2026-01-01
confidence = "low"
[[limit]]
key = "a"
title = "A"
kind = "swing"
limit = "1 MW"
window = "5 s"
clause = "c"
note = ""
"""


def test_files_are_read_strictly(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(GOOD)
    assert load_variation(path).limits[0].limit == 1e6
    for old, new in (
        ('kind = "swing"', 'kind = "sway"'),
        ('window = "5 s"', 'windows = "5 s"'),
        ('window = "5 s"', ""),
        ('window = "5 s"', 'window = "5 s"\nper = "60 s"'),
        ('window = "5 s"', 'window = "0 s"'),
        ('window = "5 s"', 'window = "5 s"\nband = { low = "5 Hz", high = "1 Hz" }'),
        ('"1 MW"', "1000000"),
        ('"1 MW"', '"-1 MW"'),
        ("2026-01-01", '"last year"'),
        ('"low"', '"sure"'),
        ('key = "a"', ""),
    ):
        assert old in GOOD
        path.write_text(GOOD.replace(old, new))
        with pytest.raises(ConfigError, match="mine"):
            load_variation(path)
    path.write_text(GOOD + GOOD[GOOD.index("[[limit]]") :])
    with pytest.raises(ConfigError, match="share a key"):
        load_variation(path)
    with pytest.raises(ConfigError, match="shipped are caiso, ercot"):
        load_variation("nowhere")
