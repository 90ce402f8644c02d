"""Findings from a `Quality` made in closed form: what was put in comes out, and nothing else."""

from dataclasses import replace

import numpy as np
import pytest

from hil.analysis.quality.findings import findings, sliding_findings
from hil.analysis.quality.flicker import Flicker
from hil.analysis.quality.values import HalfCycles, Intervals, Quality, Urms
from hil.analysis.result import SECTIONS
from hil.waveform import Channel

TURN = np.exp(-2j * np.pi / 3)


def make(
    seconds=30.0,
    hertz=50.0,
    volts=(230.0, 230.0, 230.0),
    amps=(100.0, 100.0, 100.0),
    v_harmonics=None,
    i_harmonics=None,
    interharmonic=0.0,
    depth=np.ones_like,
    orders=50,
):
    """Return the power quality of steady waves; harmonics {order: pu}, interharmonic between 7 and 8 [pu]."""
    cycles = 10 if hertz < 55 else 12
    length, k = cycles / hertz, int(seconds * hertz / cycles)
    begin = length * np.arange(k)
    end = begin + length
    size = np.array([*volts, *amps], float)
    m = size.size
    share = np.zeros((m, orders + 1))
    share[:, 1] = 1.0
    for rows, given in ((slice(0, len(volts)), v_harmonics), (slice(len(volts), None), i_harmonics)):
        for order, level in (given or {}).items():
            share[rows, order] = level
    levels = np.ones((1, k, 1)) * depth(end)[None, :, None] * size[:, None, None] * share[:, None, :]
    between = np.zeros_like(levels)
    between[:, :, 7] = interharmonic * size[:, None]
    rms = np.sqrt((levels**2).sum(axis=2) + (between**2).sum(axis=2))
    angles = TURN ** np.concatenate([np.arange(len(volts)), np.arange(len(amps))])
    half = np.arange(1, int(seconds * 2 * hertz)) / (2 * hertz)
    bins = np.zeros((m, (orders + 2) * cycles))
    bins[:, : (orders + 1) * cycles : cycles] = size[:, None] * share
    bins[:, 7 * cycles + 4] = interharmonic * size
    bands = np.zeros((m, k, 35))
    bands[len(volts) :, :, 3] = 0.5
    names = [("v", "V", "voltage")] * len(volts) + [("i", "A", "current")] * len(amps)
    phases = [*"abc"[: len(volts)], *"abc"[: len(amps)]]
    channels = tuple(Channel(f"{n}_{p}", u, q, p) for (n, u, q), p in zip(names, phases, strict=True))
    intervals = Intervals(
        cycles=cycles,
        begin=begin,
        end=end,
        frequency=np.full(k, hertz),
        held=np.zeros(k, bool),
        spoilt=np.zeros(k, bool),
        rms=rms,
        mean=np.zeros((m, k)),
        phasors=angles[:, None] * levels[:, :, 1],
        power=np.zeros((0, k)),
        groups=levels.astype(np.float32),
        subgroups=levels.astype(np.float32),
        interharmonics=between.astype(np.float32),
        interharmonic_groups=between.astype(np.float32),
        bands=bands.astype(np.float32),
    )
    return Quality(
        voltages=channels[: len(volts)],
        currents=channels[len(volts) :],
        pairs=(),
        frequency=hertz,
        frequency_uncertainty=1e-4,
        intervals=intervals,
        half_cycles=HalfCycles(
            half, np.full(half.size, hertz), np.ones((m, half.size), np.complex64), np.zeros(half.size, bool)
        ),
        urms=tuple(Urms(half, depth(half) * u) for u in size),
        spectrum=bins,
        bin_width=hertz / cycles,
        flicker=None,
    )


def by_key(items):
    return {item.key: item for item in items}


@pytest.mark.parametrize("hertz", [50.0, 60.0])
def test_what_was_put_in_comes_out(hertz):
    quality = make(
        hertz=hertz, v_harmonics={5: 0.03, 7: 0.04}, i_harmonics={5: 0.04, 50: 0.03}, interharmonic=0.01
    )
    found = findings(quality, nominal_voltage=230.0, nominal_frequency=hertz)
    result = by_key(found.results)
    expected = {
        "thd_voltage": 5.0,
        "thdg_voltage": 5.0,
        "thd_current": 5.0,
        "pwhd_voltage": 0.0,
        "interharmonic_voltage": 1.0,
        "unbalance": 0.0,
        "unbalance_zero": 0.0,
        "frequency": hertz,
        "frequency_10s_min": hertz,
        "frequency_10s_max": hertz,
        "frequency_deviation": 0.0,
        "rvc_count": 0.0,
        "flagged_share": 0.0,
        "under_deviation": 0.0,
        "over_deviation": 100 * (np.sqrt(1.0026) - 1),
    }
    assert {k: result[k].value for k in expected} == pytest.approx(expected, rel=1e-6, abs=1e-5)
    assert "between orders 7 and 8" in result["interharmonic_voltage"].note
    assert all(r.section in SECTIONS for r in found.results)
    assert all(t.section in SECTIONS and len(t.columns) == len(t.units) for t in found.tables)
    assert all(len(row) == len(t.columns) for t in found.tables for row in t.rows)
    keys = [s.key for s in (*found.series, *found.spectra)]
    assert len(set(keys)) == len(keys)
    assert all(s.group and s.time.shape == s.values.shape for s in (*found.series, *found.spectra))


def test_single_bins_and_bands_stand_in_tables():
    found = findings(make(v_harmonics={3: 0.06, 29: 0.08}))
    table = by_key(found.tables)["distortion"]
    row = dict(zip(table.columns, table.rows[1], strict=True))
    assert row["Channel"] == "v_b"
    assert (row["THD"], row["THDS"], row["THDG"]) == pytest.approx((10.0, 10.0, 10.0))
    assert row["PWHD"] == pytest.approx(8 * np.sqrt(29), rel=1e-6)
    bands = by_key(found.tables)["bands"]
    assert bands.rows[3] == (2700.0, 0.0, 0.0, 0.0, 0.5, 0.5, 0.5)
    assert len(bands.rows) == 35
    assert bands.detail


def test_the_worst_phase_counts():
    quality = make(v_harmonics={5: 0.03}, i_harmonics={5: 0.02})
    levels = quality.intervals.subgroups.copy()
    levels[1, :, 7] = 0.04 * 230
    levels[5, :, 7] = 2.0 * 100
    result = by_key(
        findings(replace(quality, intervals=replace(quality.intervals, subgroups=levels))).results
    )
    assert result["thd_voltage"].value == pytest.approx(5.0, rel=1e-6)
    assert (result["thd_current"].value, result["thd_current"].state) == (None, "not determinable")  # 200 %


def test_spectra_in_percent_of_the_fundamental():
    spectra = by_key(findings(make(hertz=49.9, v_harmonics={5: 0.03})).spectra)
    harmonics = spectra["harmonics_v_b"]
    assert harmonics.group == "harmonics_v"
    assert harmonics.time[4] == pytest.approx(5 * 49.9)
    assert harmonics.values[[0, 1, 4]] == pytest.approx([100.0, 0.0, 3.0], rel=1e-6)
    whole = spectra["spectrum_v_a"]
    assert whole.time[50] == pytest.approx(249.5)
    assert whole.values[[10, 50]] == pytest.approx([100.0, 3.0])


def test_unbalance_of_the_second_testing_state():
    """73/80/87 %: 5.0518 % of both; swapped wires are said and not taken for unbalance."""
    volts = (0.73 * 230, 0.80 * 230, 0.87 * 230)
    quality = make(volts=volts)
    result = by_key(findings(quality).results)
    assert result["unbalance"].value == pytest.approx(5.05181, abs=1e-5)
    assert result["unbalance_zero"].value == pytest.approx(5.05181, abs=1e-5)
    phasors = np.conj(quality.intervals.phasors)
    found = findings(replace(quality, intervals=replace(quality.intervals, phasors=phasors)))
    assert by_key(found.results)["unbalance"].value == pytest.approx(5.05181, abs=1e-5)
    assert any("a-c-b" in w for w in found.warnings)


def test_an_event_is_left_out_and_flags_what_holds_it():
    def dip(t):
        return np.where((t > 10.0) & (t <= 10.5), 0.5, 1.0)

    quality = make(depth=dip, v_harmonics={5: 0.03})
    distorted = quality.intervals.subgroups.copy()
    distorted[:, 50:53, 7] = 100.0
    distorted[:, 100:, 5] *= 2
    quality = replace(quality, intervals=replace(quality.intervals, subgroups=distorted))
    found = findings(quality, nominal_voltage=230.0)
    result = by_key(found.results)
    marks = [row[-1] for row in by_key(found.tables)["aggregates_3s"].rows]
    assert marks == ["", "", "", "flagged", "", "", "", "", "", ""]
    assert result["flagged_share"].value == pytest.approx(100 * 4 / 150)  # from one cycle before 10.01 s
    assert result["rvc_count"].value == 0.0
    before = by_key(findings(quality, nominal_voltage=230.0, intervals_before=10.0).results)["thd_voltage"]
    assert before.value == pytest.approx(3.0, rel=1e-6)
    assert before.window == (0.0, pytest.approx(9.8))
    expected = 3 * np.sqrt((49 + 47 + 50 * 4) / 146)  # doubled from 20 s on
    assert result["thd_voltage"].value == pytest.approx(expected, rel=1e-3)
    assert "4 left out" in result["thd_voltage"].note


def test_a_rapid_change_and_its_row():
    found = findings(make(depth=lambda t: np.where(t > 15.0, 0.95, 1.0)), nominal_voltage=230.0)
    assert by_key(found.results)["rvc_count"].value == 1.0
    ((begin, duration, largest, steady, channel),) = by_key(found.tables)["rapid_voltage_changes"].rows
    assert (begin, duration) == (pytest.approx(15.01), pytest.approx(0.0, abs=0.01))
    assert (largest, steady, channel) == (pytest.approx(11.5), pytest.approx(11.5), "v_a")


def test_rated_and_demand_distortion():
    """TRD takes in the interharmonic, TDD does not; both are of a base, not of the fundamental."""
    quality = make(amps=(50.0, 50.0, 50.0), i_harmonics={5: 0.06}, interharmonic=0.08)
    result = by_key(findings(quality, rated_current=100.0, demand_current=25.0).results)
    assert result["trd"].value == pytest.approx(5.0, rel=1e-6)
    assert result["tdd"].value == pytest.approx(12.0, rel=1e-6)
    floor = 100 * np.sqrt(2e-5) / 2  # of an RMS wrong by 10 ppm at half the rated current
    assert result["trd"].uncertainty == pytest.approx(np.hypot(5.0, floor) - 5.0, rel=1e-2)
    assert "trd" not in by_key(findings(quality).results)


def test_spoilt_intervals_are_left_out_and_said():
    quality = make(v_harmonics={5: 0.03})
    spoilt = quality.intervals.spoilt.copy()
    spoilt[20] = True
    broken = quality.intervals.subgroups.copy()
    broken[:, 20] = np.nan
    quality = replace(quality, intervals=replace(quality.intervals, spoilt=spoilt, subgroups=broken))
    found = findings(quality, nominal_voltage=230.0)
    thd = by_key(found.results)["thd_voltage"]
    assert (thd.value, thd.valid) == (pytest.approx(3.0, rel=1e-6), False)
    assert not by_key(found.results)["over_deviation"].valid
    assert by_key(found.tables)["aggregates_3s"].rows[1][-1] == "samples missing"
    assert np.isnan(by_key(found.series)["thds_v_a"].values[20])
    before = by_key(findings(quality, intervals_before=4.0).results)["thd_voltage"]
    assert before.valid  # the missing sample comes later


def test_held_frequency_is_not_shown_as_measured():
    quality = make()
    held = quality.intervals.held.copy()
    held[5] = True
    found = findings(replace(quality, intervals=replace(quality.intervals, held=held)))
    assert np.isnan(by_key(found.series)["frequency_intervals"].values[5])
    assert "1 left out" in by_key(found.results)["thd_voltage"].note


@pytest.mark.parametrize("seconds", [0.0, 0.1, 0.9, 1.1, 5.0])
def test_a_short_capture_says_what_it_cannot(seconds):
    found = findings(make(seconds=seconds), nominal_voltage=230.0, rated_current=1.0, demand_current=1.0)
    result = by_key(found.results)
    for r in found.results:
        assert (r.value is None) == (r.state != "ok"), r
        assert r.value is None or np.isfinite(r.value)
    assert result["frequency_10s_min"].value is None
    assert result["pst"].state == "not determinable"
    assert (result["thd_voltage"].value is None) == (seconds < 0.2)
    assert (result["rvc_count"].value is None) == (seconds < 1.0)
    assert ("aggregates_3s" in by_key(found.tables)) == (seconds == 5.0)


def test_a_dead_phase_and_an_idle_current():
    found = findings(make(volts=(230.0, 0.0, 230.0), amps=(0.0, 0.0, 0.0)))
    result = by_key(found.results)
    for key in ("thd_voltage", "thd_current", "interharmonic_current", "unbalance_current"):
        assert (result[key].value, result[key].state) == (None, "not determinable")
    assert "harmonics_v_b" not in by_key(found.spectra)
    assert "harmonics_v_a" in by_key(found.spectra)


def test_voltage_that_was_low_from_end_to_end_is_still_analysed():
    result = by_key(findings(make(v_harmonics={5: 0.03}), nominal_voltage=400.0).results)
    assert result["thd_voltage"].value == pytest.approx(3.0, rel=1e-6)
    assert result["flagged_share"].value == 100.0
    assert result["under_deviation"].value == pytest.approx(100 * (1 - 230 * np.sqrt(1.0009) / 400), rel=1e-6)


def test_few_orders_of_a_slow_recorder():
    result = by_key(findings(make(orders=12, v_harmonics={5: 0.03})).results)
    assert result["thd_voltage"].value == pytest.approx(3.0, rel=1e-6)
    assert "orders 2 to 12" in result["thd_voltage"].note
    assert result["pwhd_voltage"].value is None
    assert "order 12 only" in result["pwhd_voltage"].note


def test_a_single_voltage_alone():
    found = findings(make(volts=(230.0,), amps=()))
    result = by_key(found.results)
    assert "unbalance" not in result
    assert "thd_current" not in result
    assert result["thd_voltage"].value == pytest.approx(0.0, abs=1e-6)


def test_an_hour_shows_percentiles_and_ten_minutes():
    def depth(t):
        return np.where((t > 3000.5) & (t < 3001), 0.5, 1 + 0.05 * t / 3600)

    found = findings(make(seconds=3600.0, volts=(230.0,), amps=(), depth=depth), nominal_voltage=230.0)
    tables = by_key(found.tables)
    assert len(tables["aggregates_10min"].rows) == 6
    assert tables["aggregates_10min"].rows[2][1] == pytest.approx(230 * (1 + 0.05 * 1500 / 3600), rel=1e-4)
    short = tables["aggregates_3s"]
    assert short.title.endswith("percentiles")
    levels = {row[0]: row[1] for row in short.rows}
    assert levels["95 %"] == pytest.approx(230 * (1 + 0.05 * 0.95), rel=1e-4)
    assert levels["lowest"] == pytest.approx(230.0, rel=1e-4)  # the dip is flagged
    assert "1200 values; of the 1199" in short.note


def test_flicker_of_a_capture():
    quality = make(seconds=60.0)
    pst = np.array([[0.5, 0.7], [0.6, np.nan], [0.4, 0.4]])
    begin = np.array([0.0, 30.0])
    flicker = Flicker(230, begin, begin + 30, pst, np.arange(1.0, 61.0), np.ones((3, 60)))
    found = findings(replace(quality, flicker=flicker))
    result = by_key(found.results)
    assert (result["pst"].value, result["pst"].valid) == (0.7, False)
    assert result["plt"].state == "not determinable"
    assert by_key(found.tables)["flicker"].rows[1] == (30.0, 0.7, None, 0.4, "")
    twelve = Flicker(
        230, np.arange(12.0), np.arange(12.0) + 1, np.full((1, 12), 0.8), np.ones(1), np.ones((1, 1))
    )
    one = findings(replace(make(volts=(230.0,), amps=()), flicker=twelve))
    assert by_key(one.results)["plt"].value == pytest.approx(0.8)


def test_the_sliding_reference_on_request():
    quality = make(depth=lambda t: np.where((t > 10.0) & (t <= 10.5), 0.85, 1.0), volts=(230.0,) * 3)
    (table,) = sliding_findings(quality, nominal_voltage=230.0).tables
    ((kind, begin, duration, residual),) = table.rows
    assert kind == "dip"
    assert (begin, duration) == (pytest.approx(10.01), pytest.approx(0.5))
    assert residual == pytest.approx(0.85, abs=1e-6)
