"""Frequency, ROCOF and jumps of phase against what the signals were made with."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hil.analysis.phasor import sliding_phasors
from hil.analysis.power.ieee1459 import symmetrical_three
from hil.analysis.power.phase import frequency_track, phase_jump, rocof

RATE, AT = 10e3, 1.003
LAG = np.arange(3)[:, None] * 2 * np.pi / 3


def phasors_every(samples, cycle, hop):
    """Return phasors half a cycle apart or less: sliding ones are less than that."""
    step = 2 if 2 * hop >= cycle else 1
    ends, phasors = sliding_phasors(samples, cycle, hop // step)
    return ends[::step], phasors[:, ::step]


class Grid:
    """A voltage, by the angle of phase a and the size of each phase over time."""

    def __init__(
        self, hertz=50.0, *, off=0.0, slope=0.0, jump=0.0, size=1.0, phases=3, noise=0.0, seconds=2.0
    ):
        t = np.arange(round(seconds * RATE)) / RATE
        ramp = np.maximum(t - 0.5, 0)
        angle = 2 * np.pi * ((hertz + off) * t + slope * ramp**2 / 2) + np.radians(jump) * (t >= AT)
        sizes = np.where(t >= AT, np.broadcast_to(size, 3)[:, None], 1.0)
        self.samples = (325 * sizes * np.cos(angle - LAG))[:phases]
        self.samples += noise * 230 * np.random.default_rng(4).normal(size=self.samples.shape)
        self.nominal = hertz

    def phasors(self, per_cycle=2):
        ends, phasors = phasors_every(
            self.samples, RATE / self.nominal, round(RATE / self.nominal / per_cycle)
        )
        return ends / RATE, symmetrical_three(phasors)[0] if len(phasors) == 3 else phasors[0]

    def track(self, per_cycle=2):
        return frequency_track(*self.phasors(per_cycle), self.nominal)


@pytest.mark.parametrize("slope", [0.5, -2.0, 5.0, 10.0])
@pytest.mark.parametrize("window", [0.5, 0.1])
def test_a_ramp_of_frequency(slope, window):
    found = Grid(slope=slope).track()
    inside = found.time > 0.5 + window + 0.04
    assert rocof(found, window)[inside] == pytest.approx(slope, rel=1e-3)
    true = 50 + slope * np.maximum(found.time - found.lag - 0.5, 0)
    away = np.abs(found.time - 0.52) > 0.03
    assert found.values[away] == pytest.approx(true[away], abs=1e-3)
    assert not found.jumps
    assert not found.held.any()


@pytest.mark.parametrize("slope", [0.5, 10.0])
def test_a_ramp_in_one_per_cent_of_noise(slope):
    found = Grid(slope=slope, noise=0.01).track()
    assert np.median(rocof(found)[found.time > 1.05]) == pytest.approx(slope, rel=0.01)


@pytest.mark.parametrize("hertz", [50.0, 60.0])
@pytest.mark.parametrize("phases", [1, 3])
@pytest.mark.parametrize("jump", [-120.0, -20.0, 5.0, 60.0, 90.0, 150.0])
def test_a_jump_is_a_jump_and_no_frequency(hertz, phases, jump):
    found = Grid(hertz, off=0.1, jump=jump, phases=phases).track()
    assert np.abs(found.values - hertz - 0.1).max() < 0.010  # everywhere, through the jump too
    assert np.nanmax(np.abs(rocof(found))) < 0.02
    assert np.nanmax(np.abs(rocof(found, 0.1))) < 0.1
    assert found.held.sum() <= 7  # half cycles
    (only,) = found.jumps
    assert only.angle == pytest.approx(jump, abs=max(0.1, only.uncertainty))
    assert only.time == pytest.approx(AT, abs=0.75 / hertz)
    assert not only.ambiguous


@settings(max_examples=40, deadline=None)
@given(
    st.floats(4, 170),
    st.sampled_from([-1, 1]),
    st.floats(0.2, 1.3),
    st.sampled_from([2, 16]),
    st.floats(-1, 1),
)
def test_any_jump_in_noise_lies_inside_its_uncertainty(jump, sign, size, per_cycle, off):
    found = Grid(off=off, jump=sign * jump, size=size, noise=0.01, seconds=1.5).track(per_cycle)
    assert np.abs(found.values - 50 - off).max() < 0.1 / min(size, 1)
    (only,) = found.jumps
    # Twice k = 2: forty examples may not leave it by chance.
    assert abs(only.angle - sign * jump) < 2 * only.uncertainty + 0.05
    assert only.uncertainty < 3


def test_the_stated_uncertainty_covers_nineteen_of_twenty():
    rng = np.random.default_rng(11)
    inside, widths = 0, []
    for _ in range(400):
        samples = np.cos(2 * np.pi * 50 * np.arange(4200) / RATE + 0.5 * (np.arange(4200) >= 2000))
        ends, phasors = phasors_every((samples + 0.01 * rng.normal(size=4200))[None], 200, 100)
        found = phase_jump(ends / RATE, phasors[0], 50.0, 0.2)
        inside += abs(found.angle - np.degrees(0.5)) < found.uncertainty
        widths.append(found.uncertainty)
    assert 0.92 <= inside / 400 <= 0.98
    assert np.median(widths) < 0.5


@pytest.mark.parametrize("jump", [180.0, 179.9, -179.95])
def test_half_a_turn_has_no_sign(jump):
    (only,) = Grid(jump=jump).track().jumps
    assert abs(only.angle) == pytest.approx(180, abs=0.2)
    assert only.ambiguous


@pytest.mark.parametrize("size", [(0.0, 1.0, 1.0), (0.5, 0.5, 0.5), (0.0, 0.0, 1.0), (0.9, 1.0, 1.0)])
def test_a_dip_or_a_dead_phase_is_no_jump(size):
    found = Grid(off=0.05, size=np.array(size)).track()
    assert np.abs(found.values - 50.05).max() < 0.010
    assert found.jumps == ()


def test_phases_are_weighted_by_their_power():
    grid = Grid(off=0.1, size=np.array([0.0, 1.0, 1.0]), noise=0.001)
    ends, phasors = phasors_every(grid.samples, 200, 100)
    found = frequency_track(ends / RATE, phasors, 50.0)
    assert np.abs(found.values - 50.1).max() < 0.010


def test_an_interruption_is_bridged():
    grid = Grid(off=0.1, seconds=3.0)
    grid.samples[:, int(1.0 * RATE) : int(1.3 * RATE)] = 0.0
    found = grid.track()
    assert np.abs(found.values - 50.1).max() < 0.010
    assert found.held[(found.time > 1.02) & (found.time < 1.3)].all()
    assert np.nanmax(np.abs(rocof(found))) < 0.02
    # With no voltage for most of its window, ROCOF is not known: here four half cycles of ten are.
    back = np.flatnonzero(found.held)[-1]
    assert np.isnan(rocof(found, 0.1)[back - 5 : back + 5]).all()
    assert np.isfinite(rocof(found, 0.1)[back + 7])
    assert found.jumps == ()


def test_missing_samples_are_bridged():
    grid = Grid()
    time, phasors = grid.phasors()
    spoilt = (time > 1.0) & (time < 1.05)
    phasors[spoilt] = np.nan
    found = frequency_track(time, phasors, 50.0, spoilt=spoilt)
    assert np.abs(found.values - 50).max() < 1e-6
    assert found.held.sum() < 15


def test_an_oscillation_of_the_phase_is_no_row_of_jumps():
    time, phasors = Grid(seconds=4.0).phasors()
    swing = np.radians(5) * np.sin(2 * np.pi * 3 * time)
    found = frequency_track(time, phasors * np.exp(1j * swing), 50.0)
    assert found.jumps == ()
    assert np.ptp(found.values) == pytest.approx(2 * np.radians(5) * 3, rel=0.02)  # A w / 2 pi


def test_two_jumps():
    time, phasors = Grid(seconds=4.0).phasors()
    phasors = phasors * np.exp(1j * np.radians(30 * (time > 1.5) - 70 * (time > 2.5)))
    found = frequency_track(time, phasors, 50.0)
    assert [j.angle for j in found.jumps] == pytest.approx([30, -70], abs=0.01)


def test_a_step_of_frequency_is_no_jump():
    time, phasors = Grid().phasors()
    phasors = phasors * np.exp(2j * np.pi * 0.8 * np.maximum(time - 1, 0))
    found = frequency_track(time, phasors, 50.0)
    assert found.jumps == ()
    assert found.values[[0, -1]] == pytest.approx([50, 50.8])


@given(st.floats(-180, 180), st.floats(1e-3, 1e3), st.floats(-100, 100))
@settings(max_examples=20, deadline=None)
def test_turn_scale_and_shift_in_time_change_nothing(degrees, scale, shift):
    grid = Grid(jump=45, seconds=1.5)
    time, phasors = grid.phasors()
    plain = frequency_track(time, phasors, 50.0)
    moved = frequency_track(time + shift, scale * phasors * np.exp(1j * np.radians(degrees)), 50.0)
    assert moved.values == pytest.approx(plain.values, abs=1e-6)
    assert moved.jumps[0].angle == pytest.approx(plain.jumps[0].angle, abs=1e-3)
    assert moved.jumps[0].time == pytest.approx(plain.jumps[0].time + shift)


def test_each_phase_has_its_own_jump():
    grid = Grid(seconds=2.0)
    t = np.arange(grid.samples.shape[1]) / RATE
    grid.samples[0] = 325 * np.cos(2 * np.pi * 50 * t + np.radians(-25) * (t >= AT))
    ends, phasors = phasors_every(grid.samples, 200, 100)
    found = [phase_jump(ends / RATE, row, 50.0, AT) for row in phasors]
    assert [f.angle for f in found] == pytest.approx([-25, 0, 0], abs=0.01)


def test_what_cannot_be_told_says_why():
    time, phasors = Grid(size=0.0).phasors()
    assert phase_jump(time, phasors, 50.0, AT).state == "no voltage after"
    assert phase_jump(time, phasors, 50.0, 0.05).state == "too short before"
    assert phase_jump(time, phasors, 50.0, 1.99).state == "too short after"
    assert phase_jump(time, phasors, 50.0, AT).angle is None
    assert frequency_track(time[:3], phasors[:3], 50.0) is None
    assert frequency_track(time, 0 * phasors, 50.0) is None


def test_rocof_needs_its_window():
    found = Grid(seconds=0.4).track()
    assert np.isnan(rocof(found)).all()
    first = found.time[np.isfinite(rocof(found, 0.1))][0]
    assert first - found.time[0] == pytest.approx(0.1, abs=0.011)
