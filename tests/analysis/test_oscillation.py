"""Sustained oscillations: false alarms on seeded noise, power for known amplitudes, events."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hil.analysis.stability import lines
from hil.analysis.stability import oscillation as module
from hil.analysis.stability.decimate import decimate
from hil.analysis.stability.findings import oscillation_findings
from hil.analysis.stability.oscillation import find_oscillations
from hil.errors import ConfigError

RATE = 250.0
T = np.arange(round(60 * RATE)) / RATE


def noise(seed, colour=0.0, n=T.size):
    """Return noise of unit RMS whose power falls with frequency as f^-colour."""
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(n))
    f = np.arange(spectrum.size)
    f[0] = 1
    x = np.fft.irfft(spectrum / f ** (colour / 2), n)
    return x / x.std()


def sine(hertz, rms, phase=0.3):
    return rms * np.sqrt(2) * np.sin(2 * np.pi * hertz * T + phase)


@pytest.mark.parametrize("colour", [0.0, 1.0, 2.0])
def test_false_alarms_are_no_more_than_stated(colour):
    alarms = sum(
        bool(find_oscillations(noise(seed, colour), RATE, false_alarm=0.05).found) for seed in range(60)
    )
    assert alarms <= 7  # binomial, 60 records at 5 %: 8 or more has a chance of 1 %


def test_the_evidence_of_noise_is_exponential(monkeypatch):
    # without the tolerance: -ln p of a continuous p-value has mean 1, and exceeds 3 in 5 % of cases
    monkeypatch.setattr(lines, "TOLERANCE", 1.0)
    x, length = noise(1, n=250_000), 1000
    scan = lines.scan_windows(x, RATE, np.zeros(x.size, bool), length, (2.0, 100.0), (), 1e-3)
    assert scan.evidence.mean() == pytest.approx(1.0, abs=0.03)
    assert (scan.evidence > 3).mean() == pytest.approx(np.exp(-3), rel=0.1)


def test_the_background_of_neighbours_is_worth_fewer_than_it_counts():
    # independent: many spectra of white noise under the window, mean of 24 bins
    x = np.random.default_rng(0).standard_normal((4000, 128)) * np.hanning(129)[:-1]
    power = np.abs(np.fft.rfft(x)) ** 2
    sides = np.hstack([power[:, 16:28], power[:, 31:43]]).mean(axis=1)
    assert lines.freedom(np.array(13)) == pytest.approx(sides.mean() ** 2 / sides.var(), rel=0.1)


@pytest.mark.parametrize("hertz", [0.45, 3.31, 7.5125, 90.07])
def test_the_detection_limit_is_what_is_detected(hertz):
    every = [find_oscillations(noise(seed), RATE) for seed in range(1000, 1009)]
    rms = float(np.median([np.interp(hertz, one.frequency, one.limits) for one in every]))
    assert rms < 0.12
    hits = {1.0: 0, 0.5: 0}
    for seed in range(20):
        for share in hits:
            found = find_oscillations(noise(seed) + sine(hertz, share * rms, seed), RATE).found
            hits[share] += any(abs(o.frequency - hertz) < 0.05 for o in found)
    assert hits[1.0] >= 16  # stated 95 %: 15 or fewer of 20 has a chance of 0.3 %
    assert hits[0.5] <= 10  # and it is not a limit far above what is detected


def test_frequency_amplitude_and_growth():
    (found,) = find_oscillations(noise(2) + sine(7.3217, 0.4), RATE).found
    assert found.kind == "sustained"
    assert found.frequency == pytest.approx(7.3217, abs=0.001)
    assert abs(found.frequency - 7.3217) < 2 * found.frequency_uncertainty
    assert found.amplitude == pytest.approx(0.4, abs=3 * np.sqrt(1 / T.size))  # 3 sigma of white noise
    assert abs(found.growth) < found.growth_uncertainty < 0.01
    assert found.end - found.begin == pytest.approx(60, abs=0.5)
    assert found.p_value < 1e-3


@pytest.mark.parametrize("rate", [-0.05, -0.02, 0.03])
def test_growth_has_its_sign_and_size(rate):
    (found,) = find_oscillations(0.1 * noise(3) + np.exp(rate * T) * sine(4.0, 0.3), RATE).found
    assert found.kind == ("growing" if rate > 0 else "decaying")
    assert abs(found.growth - rate) < 1.5 * found.growth_uncertainty
    assert found.growth_uncertainty < 0.01


def test_a_limit_cycle_has_harmonics():
    x = 0.3 * noise(4) + sine(6.0, 0.5) + sine(12.0, 0.05) + sine(18.0, 0.1)
    (found,) = find_oscillations(x, RATE).found
    assert found.kind == "limit cycle"
    assert found.frequency == pytest.approx(6.0, abs=0.001)
    assert [order for order, _ in found.harmonics] == [2, 3]
    assert [rms for _, rms in found.harmonics] == pytest.approx([0.05, 0.1], rel=0.15)


def test_a_part_of_the_record_is_found_with_its_duration():
    (found,) = find_oscillations(
        0.1 * noise(5) + np.where((T > 20) & (T < 40), sine(7.3, 0.3), 0), RATE
    ).found
    assert found.kind == "sustained"
    assert (found.begin, found.end) == pytest.approx((20, 40), abs=3)
    assert found.amplitude == pytest.approx(0.3, rel=0.2)


def test_a_wandering_frequency_is_one_oscillation():
    phase = 2 * np.pi * np.cumsum(9 + 0.15 * np.sin(2 * np.pi * T / 40)) / RATE
    (found,) = find_oscillations(0.3 * noise(6) + 0.5 * np.sin(phase), RATE).found
    assert found.frequency == pytest.approx(9.0, abs=0.1)


def test_two_oscillations_are_two():
    found = find_oscillations(0.1 * noise(7) + sine(3.0, 0.3) + sine(3.9, 0.2), RATE).found
    assert [o.frequency for o in found] == pytest.approx([3.0, 3.9], abs=0.005)


def test_lines_of_the_network_are_left_out():
    x = 0.1 * noise(8) + sine(50.05, 1.0) + sine(100.0, 5.0)
    assert {round(o.frequency) for o in find_oscillations(x, RATE).found} >= {50}
    found = find_oscillations(x, RATE, exclude=(50.0, 100.0))
    assert found.state == "none"
    assert found.limit < 0.02
    assert np.isnan(np.interp(50.0, found.frequency, found.limits))
    (found,) = find_oscillations(x + sine(44.0, 0.05), RATE, exclude=(50.0, 100.0)).found
    assert found.frequency == pytest.approx(44.0, abs=0.01)


@pytest.mark.parametrize(
    "event",
    [
        np.where(T > 20.3, 10.0, 0.0),
        np.where(T > 20.3, 10.0, 0.0) - np.where(T > 41.7, 6.0, 0.0) + np.where(T > 50.2, 3.0, 0.0),
        0.5 * T,
        np.where(T > 30, 10 * (1 - np.exp(-(T - 30).clip(0) / 0.5)), 0.0),
        np.where((T > 30) & (T < 30.2), 20.0, 0.0),
    ],
    ids=["step", "steps", "ramp", "exponential", "dip"],
)
def test_events_are_no_oscillation(event):
    for seed in range(4):
        assert find_oscillations(0.1 * noise(seed) + event, RATE).state == "none"


def test_a_ring_down_is_not_sustained():
    t = (T - 20.3).clip(0)
    x = 0.02 * noise(9) + np.where(T > 20.3, np.exp(-t / 0.6) * np.sin(2 * np.pi * 5 * t), 0)
    assert all(o.kind == "decaying" for o in find_oscillations(x, RATE).found)


def test_spoilt_samples_are_evidence_of_nothing():
    x = 0.1 * noise(10)
    x[5000:6000] = np.nan
    assert find_oscillations(x, RATE).state == "none"
    (found,) = find_oscillations(x + sine(8.0, 0.2), RATE).found
    assert found.frequency == pytest.approx(8.0, abs=0.01)
    assert find_oscillations(np.full(T.size, np.nan), RATE).limit is None


@settings(max_examples=8, deadline=None)
@given(scale=st.floats(1e-6, 1e6), shift=st.floats(-10, 10))
def test_scale_and_level_change_nothing_but_the_amplitude(scale, shift):
    x = 0.3 * noise(11) + sine(6.0, 0.3)
    plain, other = find_oscillations(x, RATE), find_oscillations(scale * (x + shift), RATE)
    assert [o.kind for o in other.found] == [o.kind for o in plain.found]
    assert other.found[0].frequency == pytest.approx(plain.found[0].frequency, abs=1e-6)
    assert other.found[0].amplitude == pytest.approx(scale * plain.found[0].amplitude, rel=1e-5)
    assert other.limit == pytest.approx(scale * plain.limit, rel=1e-4)


def test_what_cannot_be_judged_is_refused_or_said():
    assert find_oscillations(noise(0)[:100], RATE).state == "record too short"
    assert find_oscillations(np.full(T.size, 5.0), RATE).limit is None
    for band in ((0.0, 10.0), (1.0, 200.0)):
        with pytest.raises(ConfigError, match="band"):
            find_oscillations(T, RATE, band=band)
    with pytest.raises(ConfigError, match="false-alarm"):
        find_oscillations(T, RATE, false_alarm=0.0)


def test_findings_carry_the_limit_where_nothing_is_found():
    names = {"key": "p", "title": "Active power", "unit": "W"}
    findings = oscillation_findings(find_oscillations(noise(12), RATE), **names)
    results = {r.key: r for r in findings.results}
    assert (results["oscillation_p"].value, results["oscillation_p"].state) == (None, "none")
    assert 0.03 < results["oscillation_limit_p"].value < 0.2
    assert not findings.tables
    findings = oscillation_findings(find_oscillations(noise(12) + sine(6.0, 0.5), RATE), **names)
    assert findings.results[0].value == pytest.approx(0.5, rel=0.03)
    (table,) = findings.tables
    assert all(len(row) == len(table.columns) == len(table.units) for row in table.rows)
    short = oscillation_findings(find_oscillations(noise(0)[:100], RATE), **names)
    assert {r.state for r in short.results} == {"not determinable"}


def test_a_ramp_hides_nothing():
    (found,) = find_oscillations(0.1 * noise(13) + 50 * T + sine(0.4, 0.05), RATE).found
    assert found.frequency == pytest.approx(0.4, abs=0.01)


def test_a_kept_sample_is_spoilt_where_its_filter_saw_a_bad_one(monkeypatch):
    """10 kS/s are thinned to 312 S/s: the filter reaches as far ahead as back."""
    x = np.random.default_rng(1).normal(size=100_000)
    thin = decimate(x[None], 10e3, 125.0, 2.5)
    x[50_000] = np.nan
    seen = []
    plain = module.scan_windows
    monkeypatch.setattr(module, "scan_windows", lambda *a: seen.append(a[2]) or plain(*a))
    find_oscillations(x, 10e3, band=(1.0, 100.0))
    away = thin.first + np.arange(thin.samples.shape[1]) / thin.rate - 5.0  # [s]
    assert thin.step > 1
    assert (seen[0] == (np.abs(away) <= thin.taps.size / 2 / 10e3)).all()
