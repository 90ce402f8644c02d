"""Load buffering against closed forms: square training profiles, first-order filters, sines."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hil.analysis.buffering.findings import buffering_findings
from hil.analysis.buffering.metrics import (
    BANDS,
    band_pass,
    band_powers,
    ramps,
    ranges,
    samples_in,
    transfer,
)
from hil.analysis.result import SECTIONS
from hil.errors import ConfigError

RATE = 500.0
T = np.arange(60_000) / RATE  # 120 s
RATING = 100e3


def slew_limited(power, slope):
    """An ideal buffer: a grid power that follows the load at no more than a slope [W/s]."""
    found = [float(power[0])]
    for goal in power[1:]:
        found.append(found[-1] + float(np.clip(goal - found[-1], -slope / RATE, slope / RATE)))
    return np.array(found)


def square(period=2.0, duty=0.7, high=95e3, low=40e3, t=T):
    """A training job: compute near the rating, communication near idle."""
    return np.where((t + 1e-9) % period < duty * period - 2e-9, high, low)


def harmonic_power(period, duty, swing, low, high):
    """Return the mean square of the lines of a square wave in low <= f < high, by its Fourier series."""
    n = np.arange(1, round(RATE * period / 2))
    # sampled, so the lines are those of the discrete pulse: sin(pi n d) / (N sin(pi n / N))
    size = round(RATE * period)
    lines = 2 * swing * np.abs(np.sin(np.pi * n * duty) / (size * np.sin(np.pi * n / size)))
    inside = (n / period >= low) & (n / period < high)
    return float((lines[inside] ** 2).sum() / 2)


@pytest.mark.parametrize(("period", "duty"), [(2.0, 0.7), (0.4, 0.5), (5.0, 0.9)])
def test_bands_of_a_square_profile(period, duty):
    found = band_powers(square(period, duty), RATE, 1 / RATE)
    variance = 55e3**2 * duty * (1 - duty)
    assert found.total == pytest.approx(np.sqrt(variance), rel=2e-3)  # the trend of whole periods is small
    for k, (low, high) in enumerate(BANDS):
        # a line that falls on an edge leaks a sixth of its power into the bin below it (Hann)
        edge = any(abs(e * period - round(e * period)) < 1e-9 for e in (low, high))
        if not edge:
            power = harmonic_power(period, duty, 55e3, low, high)
            assert found.rms[k] ** 2 == pytest.approx(power, rel=0.01, abs=1e-5 * variance)
            assert found.share[k] == pytest.approx(power / variance, rel=0.01, abs=1e-5)
    assert np.sum(found.share) + found.below + found.above == pytest.approx(1, abs=1e-12)
    assert (found.rms**2).sum() + (found.below + found.above) * found.total**2 == pytest.approx(
        found.total**2
    )


def test_bands_of_sines():
    tones = {0.5: 10.0, 1.7: 7.0, 4.0: 5.0, 12.0: 3.0, 30.0: 2.0, 70.0: 1.0}
    power = 500 + 3 * T + sum(a * np.sin(2 * np.pi * f * T + f) for f, a in tones.items())
    found = band_powers(power, RATE, 1 / RATE)
    amplitudes = np.array(list(tones.values()))
    assert found.rms == pytest.approx(amplitudes / np.sqrt(2), rel=0.01)
    assert found.peak == pytest.approx(amplitudes, rel=0.01)
    assert found.below == pytest.approx(0, abs=1e-3)


def test_edges_and_leakage_of_bands():
    bin_width = RATE / T.size
    # Hann: the line is three bins wide, from 1 Hz on
    edge = band_powers(np.sin(2 * np.pi * (1 + bin_width) * T), RATE, 1 / RATE)
    assert edge.share == pytest.approx([0, 1, 0, 0, 0, 0], abs=1e-4)
    between = band_powers(np.sin(2 * np.pi * (4 + bin_width / 2) * T), RATE, 1 / RATE)
    assert between.share == pytest.approx([0, 0, 1, 0, 0, 0], abs=1e-5)
    fastest = np.sqrt(2) * np.sin(2 * np.pi * 10 * T) + np.where(np.arange(T.size) % 2, 1.0, -1.0)
    half = band_powers(fastest, RATE, 1 / RATE)  # as much at the Nyquist frequency
    assert (half.share[3], half.above) == (pytest.approx(0.5, abs=1e-4), pytest.approx(0.5, abs=1e-4))


def test_what_a_band_needs():
    short = band_powers(square()[: int(30 * RATE)], RATE, 1 / RATE)  # 3 periods of 0.1 Hz
    assert np.isnan([short.rms[0], short.peak[0], short.share[0]]).all()
    assert np.isfinite(short.rms[1:]).all()
    coarse = band_powers(square(), RATE, 1 / 50)  # resolves 25 Hz
    assert np.isnan(coarse.rms).tolist() == [False] * 4 + [True] * 2
    slow = band_powers(square()[::25], RATE / 25, 25 / RATE)  # 20 S/s
    assert np.isnan(slow.rms).tolist() == [False] * 3 + [True] * 3
    still = band_powers(np.full(T.size, 5.0), RATE, 1 / RATE)
    assert still.rms == pytest.approx(np.zeros(6))


def test_a_step_passes_the_band_with_its_own_size():
    step = np.where(T > 60, 8e6, 0.0)
    inside = band_pass(step, RATE, 0.1, 55.0)
    assert np.ptp(inside) == pytest.approx(8e6, rel=0.08)
    for edge in (0.1, 55.0):
        inside = band_pass(np.sin(2 * np.pi * edge * T), RATE, 0.1, 55.0)[10_000:-10_000]
        assert np.abs(inside).max() == pytest.approx(np.sqrt(0.5), abs=0.03)  # -3 dB
    tone = np.sin(2 * np.pi * 3 * T)
    assert band_pass(tone, RATE, 0.1, 55.0)[5000:-5000] == pytest.approx(tone[5000:-5000], abs=0.01)
    assert np.abs(band_pass(np.sin(2 * np.pi * 0.01 * T), RATE, 0.1, 55.0)[5000:-5000]).max() < 1e-3


def test_ramps_over_a_window():
    power = np.interp(T, [0, 10, 10.5, 20, 24, 120], [0, 0, 10e3, 10e3, 2e3, 2e3])
    assert ramps(power, RATE, 50) == pytest.approx((-2e3, 20e3))  # 100 ms
    assert ramps(power, RATE, 500) == pytest.approx((-2e3, 10e3))  # 1 s sees half of the rise
    assert ramps(-power, RATE, 500) == pytest.approx((-10e3, 2e3))


def test_ranges_by_looking():
    power = np.random.default_rng(2).normal(size=400).cumsum()
    for samples in (1, 4, 7, 50):
        slow = [np.ptp(power[k : k + samples + 1]) for k in range(power.size - samples)]
        assert ranges(power, samples) == pytest.approx(slow)


def test_a_window_that_the_source_does_not_resolve():
    assert samples_in(0.1, 500.0, 60_000, 0.002) == 50
    assert samples_in(0.001, 500.0, 60_000, 0.002) is None
    assert samples_in(0.1, 500.0, 60_000, 1.0) is None  # telemetry of 1 s, interpolated
    assert samples_in(1.0, 500.0, 400, 0.002) is None
    assert samples_in(0.01, 250.0, 60_000, 0.004) is None  # 2.5 samples are neither two nor three


def buffered(load, tau, rate=RATE):
    """Return what a first-order low-pass, exactly discretised, lets through to the grid."""
    a, found = np.exp(-1 / (rate * tau)), np.empty_like(load)
    state = load[0]
    for k, value in enumerate(load):
        state = a * state + (1 - a) * value
        found[k] = state
    return found


def test_transfer_of_a_first_order_buffer():
    rng = np.random.default_rng(4)
    load = 5e4 + 1e4 * rng.normal(size=T.size)
    grid = buffered(load, 0.5)
    found = transfer(load, grid, RATE, 100.0)
    a = np.exp(-1 / (RATE * 0.5))
    truth = (1 - a) / np.abs(1 - a * np.exp(-2j * np.pi * found.frequency / RATE))
    assert np.isfinite(found.gain).mean() > 0.99
    seen = np.isfinite(found.gain) & (found.frequency > 0.5)
    assert found.gain[seen] == pytest.approx(truth[seen], rel=0.1)


def test_uncertainty_of_a_gain_in_noise():
    """k = 2 covers 95 %; a quarter of it covers 38 %, or more as overlapping segments are not counted."""
    rng = np.random.default_rng(6)
    load, noise = rng.normal(size=(2, T.size))
    found = transfer(load, 0.5 * load + 0.1 * noise, RATE, 100.0)
    error = np.abs(found.gain / 0.5 - 1)
    assert np.mean(error <= found.uncertainty) > 0.93
    assert np.mean(error <= found.uncertainty / 4) < 0.6


def test_transfer_only_where_it_can_be_believed():
    rng = np.random.default_rng(4)
    load, other = rng.normal(size=(2, T.size))
    strange = transfer(load, other, RATE, 100.0)
    assert np.isfinite(strange.gain).mean() < 0.01
    assert np.nanmedian(strange.coherence) < 0.35
    tone = transfer(np.sin(2 * np.pi * 3 * T), 0.1 * np.sin(2 * np.pi * 3 * T), RATE, 100.0)
    near = np.abs(tone.frequency - 3) < 0.2
    assert np.nanmin(tone.gain[near]) == pytest.approx(0.1)
    assert np.isnan(tone.gain[np.abs(tone.frequency - 3) > 0.5]).all()
    assert tone.load.max() == pytest.approx(np.sqrt(0.5), rel=0.1)  # RMS of a line; scalloping below 1 dB
    assert transfer(load[:60], other[:60], RATE, 100.0) is None


def results(findings):
    return {result.key: result for result in findings.results}


def table(findings, key):
    return next(t for t in findings.tables if t.key == key)


def test_findings():
    load = square()
    grid = slew_limited(load, 0.2 * RATING)
    findings = buffering_findings(
        load, grid, RATE, rating=RATING, source_resolution=1 / RATE, target=grid + 500
    )
    found = results(findings)
    assert {r.section for r in findings.results} == {"Load buffering"} <= set(SECTIONS)
    assert found["grid_ramp_100ms"].value == pytest.approx(0.2)
    assert found["grid_ramp_1000ms"].value == pytest.approx(0.12)  # 0.6 s down of each 2 s
    assert found["load_ramp_100ms"].value == pytest.approx(5.5)
    assert (found["grid_ramp_1ms"].value, found["grid_ramp_1ms"].state) == (None, "not determinable")
    assert found["tracking_error_rms"].value == pytest.approx(0.005)
    assert found["tracking_error_max"].value == pytest.approx(0.005)
    assert 0 < found["band_energy_ratio"].value < 5
    for one in findings.tables:
        assert {len(row) for row in one.rows} == {len(one.columns)} == {len(one.units)}
    spans = table(findings, "power_ranges").rows
    assert [row[0] for row in spans] == [0.1, 1.0, 5.0, 60.0, 120.0]
    last = spans[-1]
    assert last[:2] == (120.0, 55e3)
    assert last[3] == pytest.approx(0.55)
    assert {series.group for series in findings.spectra} == {"power_spectrum", "transfer", "coherence"}
    assert findings.warnings == ()


@pytest.mark.parametrize(("seconds", "windows"), [(60.0, [0.1, 1.0, 5.0, 60.0]), (3.0, [0.1, 1.0, 3.0])])
def test_the_whole_record_is_no_window_twice(seconds, windows):
    load = square()[: round(seconds * RATE)]
    findings = buffering_findings(load, load, RATE, rating=RATING, source_resolution=1 / RATE)
    rows = table(findings, "power_ranges").rows
    assert [row[0] for row in rows] == windows
    assert {row[-1] for row in rows} == {"ok"}


def test_a_fall_counts_as_a_ramp():
    load = np.interp(T, [0, 50, 70, 75, 120], [0, 0, 100e3, 0, 0])
    findings = buffering_findings(load, -load, RATE, rating=RATING, source_resolution=1 / RATE)
    for key in ("load_ramp_1000ms", "grid_ramp_1000ms"):
        assert results(findings)[key].value == pytest.approx(0.2)


def test_findings_of_cycle_powers_show_no_edges():
    rate = 100.0  # half cycles at 50 Hz, windows of 20 ms
    t = np.arange(12_000) / rate
    load = square(t=t)
    findings = buffering_findings(load, load, rate, rating=RATING, source_resolution=0.02)
    assert results(findings)["load_ramp_1ms"].value is None
    assert results(findings)["load_ramp_100ms"].value == pytest.approx(5.5)
    assert results(findings)["tracking_error_rms"].state == "no target"
    assert [row[-1] for row in table(findings, "power_bands").rows] == ["ok"] * 4 + ["not determinable"] * 2
    assert results(findings)["band_energy_ratio"].value == pytest.approx(100)
    assert max(series.time.max() for series in findings.spectra) <= 25


def test_findings_of_spoilt_or_short_records():
    load = square()
    load[1000:1010] = np.nan
    findings = buffering_findings(load, square(), RATE, rating=RATING, source_resolution=0.002)
    assert not any(result.valid for result in findings.results if result.value is not None)
    assert findings.warnings
    short = buffering_findings(square()[:60], square()[:60], RATE, rating=RATING, source_resolution=0.002)
    assert results(short)["band_energy_ratio"].value is None
    assert short.spectra == ()
    for wrong in (
        {"grid": square()[:-1]},
        {"rating": 0.0},
        {"rate": 0.0},
        {"load": np.full(T.size, np.nan)},
    ):
        given = {
            "load": square(),
            "grid": square(),
            "rate": RATE,
            "rating": RATING,
            "source_resolution": 0.002,
        }
        with pytest.raises(ConfigError):
            buffering_findings(**{**given, **wrong})


@settings(deadline=None, max_examples=20)
@given(st.floats(1e-3, 1e6), st.floats(-1e3, 1e3))
def test_bands_and_ramps_scale(scale, offset):
    load = square()[:20_000] / 1e5
    plain, other = (band_powers(x, RATE, 1 / RATE) for x in (load, scale * (load + offset)))
    assert other.rms == pytest.approx(scale * plain.rms, rel=1e-6)
    assert other.peak == pytest.approx(scale * plain.peak, rel=1e-6)
    assert ramps(scale * (load + offset), RATE, 50) == pytest.approx(
        [scale * x for x in ramps(load, RATE, 50)], rel=1e-6
    )


def test_bands_adjoin():
    assert all(a[1] == b[0] for a, b in pairwise(BANDS))
