"""What a bus and an open breaker show, against waves that are made from formulas."""

from dataclasses import replace

import numpy as np
import pytest

from hil.analysis.breaker import across, flows, step_at
from hil.analysis.bus import bus
from hil.analysis.excursion import excursion, excursion_findings
from hil.analysis.stability.residual import residual
from hil.errors import ConfigError
from hil.waveform import Channel, Waveform

RATE, HERTZ, VOLTS = 10e3, 60.0, 230.0
TURNS = {"a": 0.0, "b": -2 * np.pi / 3, "c": 2 * np.pi / 3}


def waveform(*parts, seconds=2.0):
    """Return three phases for each (quantity, place, RMS over time, angle over time [rad])."""
    t = np.arange(round(seconds * RATE)) / RATE
    rows, channels = [], []
    for quantity, place, size, angle in parts:
        for phase, turn in TURNS.items():
            rows.append(np.sqrt(2) * size(t) * np.cos(2 * np.pi * HERTZ * t + angle(t) + turn))
            unit = "V" if quantity == "voltage" else "A"
            channels.append(Channel(f"{quantity}{place}{phase}", unit, quantity, phase, 0.001, place))
    return Waveform(np.array(rows), tuple(channels), RATE)


def level(value):
    return lambda t: value + 0.0 * t


def test_urms_and_frequency_of_a_steady_bus():
    found = bus(waveform(("voltage", "", level(VOLTS), lambda t: -2 * np.pi * 0.4 * t)), HERTZ)
    inner = found.urms[:, 12:-12]  # the first and last crossings are carried on at nominal frequency
    assert inner == pytest.approx(np.full(inner.shape, VOLTS), rel=1e-4)
    assert found.hertz == pytest.approx(np.full(found.hertz.shape, 59.6), abs=1e-3)
    assert found.seconds[0] == pytest.approx(0.1 + 1.5 / HERTZ, abs=0.25 / HERTZ)  # what it takes at least
    assert found.jumps == ()


def test_a_jump_of_the_phase_is_no_frequency():
    jump = lambda t: np.radians(15.0) * (t >= 1.0)  # noqa: E731 - a formula
    found = bus(waveform(("voltage", "", level(VOLTS), jump)), HERTZ)
    assert np.abs(found.hertz - HERTZ).max() < 0.02
    assert [j.angle for j in found.jumps] == pytest.approx([15.0], abs=0.5)


def test_a_dead_bus_has_no_frequency():
    found = bus(waveform(("voltage", "", level(0.0), level(0.0))), HERTZ)
    assert (found.hertz.size, float(np.nanmax(found.urms))) == (0, 0.0)


def test_a_phase_that_is_not_recorded_is_asked_for():
    whole = waveform(("voltage", "", level(VOLTS), level(0.0)))
    two = Waveform(whole.samples[:2], whole.channels[:2], RATE)
    with pytest.raises(ConfigError, match=r"2 of the three voltages at the terminals are recorded"):
        bus(two, HERTZ)


@pytest.mark.parametrize(("slip", "angle"), [(0.1, 14.0), (1.0, 140.0)])
def test_angle_slip_and_voltage_across_a_breaker(slip, angle):
    """40 deg ahead at first: at 1.5 s and 0.1 Hz slower 40 - 54 = -14 deg, at 1 Hz 40 - 540 = -500."""
    there = ("voltage", "source", level(220.0), level(0.0))
    here = ("voltage", "", level(VOLTS), lambda t: np.radians(40.0 - 360.0 * slip * t))
    apart = across(waveform(here, there), HERTZ, VOLTS)
    at = step_at(apart, 1.5, HERTZ)
    assert at.angle[0] == pytest.approx(angle, abs=0.05)
    assert at.slip[0] == pytest.approx(slip, abs=1e-3)
    assert np.nanmedian(apart.slip) == pytest.approx(-slip, abs=1e-3)
    assert at.voltage[0] == pytest.approx(10.0, abs=0.15)
    # six certificates of 0.1 % each: the mean of three on either side, 0.1 % x sqrt(6) / 3 of 230 V, and
    # rated for the other side alike; below that is nothing
    assert at.voltage[1] == pytest.approx(VOLTS * 0.001 * 2**0.5, rel=0.01)
    assert step_at(apart, 0.01, HERTZ) is None


def test_the_interval_of_angle_and_slip_holds_in_noise():
    """Windows of a cycle that overlap share their noise: independent they would promise more."""
    rng, errors, stated = np.random.default_rng(3), [], []
    clean = waveform(
        ("voltage", "", level(VOLTS), lambda t: np.radians(90.0) - 2 * np.pi * 0.5 * t),
        ("voltage", "source", level(VOLTS), level(0.0)),
        seconds=0.4,
    )
    for _ in range(100):
        noise = 0.05 * VOLTS * rng.standard_normal(clean.samples.shape)
        at = step_at(across(replace(clean, samples=clean.samples + noise), HERTZ, VOLTS), 0.3, HERTZ)
        errors.append((at.angle[0] - 36.0, at.slip[0] - 0.5))
        stated.append((at.angle[1], at.slip[1]))
    ratio = 2 * np.sqrt(np.mean(np.square(errors), axis=0) / np.mean(np.square(stated), axis=0))
    assert ratio == pytest.approx(np.ones(2), abs=0.2)


def test_a_dead_source_has_no_angle():
    here = ("voltage", "", level(VOLTS), level(0.0))
    apart = across(waveform(here, ("voltage", "source", level(0.0), level(0.0))), HERTZ, VOLTS)
    assert np.isnan(apart.angle).all()
    assert step_at(apart, 1.5, HERTZ) is None


def test_when_a_current_flows():
    on = lambda t: 50.0 * ((t >= 0.7) & (t < 1.2))  # noqa: E731 - a formula
    first, last = flows(waveform(("current", "grid", on, level(0.0))), "grid", 5.0)
    assert (first, last) == pytest.approx((0.7, 1.2), abs=1e-3)
    assert flows(waveform(("current", "grid", level(1.0), level(0.0))), "grid", 5.0) == (None, None)


def swing(t, depth, seconds):
    """Fall by `depth` at 2 s, and come back along a straight line."""
    return 1.0 - depth * np.clip(1 - (t - 2.0) / seconds, 0.0, 1.0) * (t >= 2.0)


def test_recovery_is_from_leaving_the_band_to_staying_in_it():
    """8 % back in 4 s: within 1 % after 3.5 s, 2.5 % after 2.75 s. What was long before does not count."""
    t = np.arange(0.0, 10.0, 0.01)
    y = swing(t, 0.08, 4.0) + 0.05 * (t < 0.5)
    found = excursion(t, y, y, 2.0, {"narrow": 0.01, "wide": 0.025})
    assert (found.down, found.up) == pytest.approx((0.08, 0.0), abs=1e-6)
    assert found.recovery == pytest.approx({"narrow": 3.5, "wide": 2.75}, abs=0.02)


def test_the_band_that_is_left_is_about_before_and_the_one_that_is_reached_about_after():
    """3 % down in 3 s, and there it stays: 1 % left after 1 s, within 1 % of the end after 2 s."""
    t = np.arange(0.0, 10.0, 0.01)
    y = 1.0 - 0.01 * np.clip(t - 2.0, 0.0, 3.0)
    assert excursion(t, y, y, 2.0, {"one": 0.01}).recovery == pytest.approx({"one": 1.0}, abs=0.02)
    up = np.where(t < 2.0, 1.0, np.where(t < 3.0, 1.005, 0.992))  # never out of the band it came from
    assert excursion(t, up, up, 2.0, {"one": 0.01}).recovery == {"one": 0.0}


def test_what_does_not_come_back_has_no_recovery_time():
    t = np.arange(0.0, 10.0, 0.01)
    y = 1.0 + 0.05 * np.sin(2 * np.pi * t) * (t > 2.0)
    assert excursion(t, y, y, 2.0, {"narrow": 0.01}).recovery == {"narrow": None}


def test_too_little_before_or_after_tells_nothing():
    t = np.arange(0.0, 3.0, 0.01)
    assert excursion(t, t, t, 0.0, {}) is None
    assert excursion(t, t, t, 2.5, {}) is None


@pytest.mark.parametrize(
    ("depth", "seconds", "reached"),
    [(0.06, 2.0, "G3"), (0.06, 5.0, "G2"), (0.09, 2.0, "G2"), (0.13, 2.0, "G1"), (0.2, 2.0, "none")],
)
def test_the_class_is_the_best_that_all_keep_to(depth, seconds, reached):
    """6 % back in 5 s stays beyond 1 % for 4.2 s: G3 allows 3 s, G2 5 s."""
    falling = lambda t: 2 * np.pi * HERTZ * np.cumsum(swing(t, depth, seconds) - 1.0) / RATE  # noqa: E731
    of = bus(waveform(("voltage", "", level(VOLTS), falling), seconds=9.0), HERTZ)
    found = excursion_findings(of, 2.0, HERTZ, VOLTS)
    values = {result.key: result.value for result in found.results}
    assert values["iso_class"] == reached
    assert values["frequency_dip"] == pytest.approx(
        100 * depth, rel=0.04
    )  # a mean over 0.1 s of a fall that fades in 2 s


def test_the_largest_line_has_its_size_and_drift_is_none():
    t = np.arange(3000) / 1000.0
    x = 5.0 + 3.0 * t - t * t + 0.2 * np.cos(2 * np.pi * 7.3 * t) + 0.5 * np.cos(2 * np.pi * 45.0 * t)
    found = residual(x, 1000.0, (1.0, 30.0))
    assert found.amplitude == pytest.approx(0.2, rel=0.03)
    assert found.frequency == pytest.approx(7.3, abs=0.1)
    assert residual(5.0 + 3.0 * t - t * t, 1000.0, (1.0, 30.0)).amplitude < 1e-9
    assert residual(x[:1500], 1000.0, (1.0, 30.0)) is None
    assert residual(np.append(x, np.nan), 1000.0, (1.0, 30.0)) is None
