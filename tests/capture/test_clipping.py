"""Clipping told from samples alone: found where a wave was cut off, and nowhere else."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.capture.clipping import PIECE, at_rails, rails
from hil.waveform import Channel

VOLTAGE = Channel("v", "V", "voltage", "a")
RNG = np.random.default_rng(3)
CYCLES = 30


def angle(per_cycle):
    return 2 * np.pi * np.arange(CYCLES * per_cycle) / per_cycle + 0.3


def marked(samples, channel=VOLTAGE):
    row = np.asarray(samples, float)[None]
    return at_rails(row, rails([row], [channel]))


@pytest.mark.parametrize("per_cycle", [64, 200, 1000, 5000])
@pytest.mark.parametrize("level", [0.3, 0.6, 0.9])
@pytest.mark.parametrize("codes", [127, 2**15, None])
def test_a_sine_that_is_cut_off(per_cycle, level, codes):
    wave = np.clip(np.sin(angle(per_cycle)), -level, level)
    wave = wave if codes is None else np.round(codes * wave)
    found = marked(wave)
    assert np.array_equal(found, np.abs(wave) == np.abs(wave).max())
    assert found.mean() == pytest.approx(2 / np.pi * np.arccos(level), rel=0.1)  # the part of a cycle beyond


def test_a_noisy_sine_that_is_cut_off():
    wave = np.clip(np.sin(angle(1000)) + RNG.normal(scale=0.003, size=30_000), -0.9, 0.9)
    assert np.array_equal(marked(wave), np.abs(wave) == 0.9)


def test_cut_off_on_one_side_only():
    wave = np.minimum(np.sin(angle(200)), 0.7)
    assert np.array_equal(marked(wave), wave == 0.7)


@pytest.mark.parametrize("per_cycle", [20, 200, 1000, 20_000])
@pytest.mark.parametrize("codes", [2, 5, 20, 127, 2**15])
@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_a_quantised_sine_repeats_its_highest_code(per_cycle, codes, noise):
    """At 20 000 samples per cycle and 5 codes that is for thousands of samples."""
    wave = codes * np.sin(angle(per_cycle)) + noise * RNG.normal(size=CYCLES * per_cycle)
    assert not marked(np.round(wave)).any()


@pytest.mark.parametrize("codes", [20, 127, 2**15])
def test_mains_as_flat_as_they_come(codes):
    """With 4 % of fifth harmonic in phase the curvature of the crest vanishes: 1 - 25 x 0.04 = 0."""
    phi = angle(1000)
    assert not marked(np.round(codes * (np.sin(phi) + 0.04 * np.sin(5 * phi)))).any()


STAIRS = np.round(1.2 * np.sin(angle(1000)) + 0.6 * (np.arange(30_000) % 20 / 20 - 0.5))


@pytest.mark.parametrize(
    "wave",
    [
        np.sign(np.sin(angle(200))),
        np.zeros(5000),
        np.full(5000, 7.0),
        np.repeat([0.0, 1.0], 2500),
        STAIRS,
        np.round(10 * np.sin(angle(1000))),
        np.full(5000, np.nan),
        np.where(np.arange(6000) < 200, np.clip(np.sin(angle(200)), -0.8, 0.8) * 1.25, np.sin(angle(200))),
    ],
    ids=["square", "dead", "dc", "step", "three levels", "stairs", "missing", "flat once"],
)
def test_flat_by_nature(wave):
    assert not marked(wave).any()


@pytest.mark.parametrize(
    "channel",
    [
        Channel("t", "V", "trigger"),
        Channel("d", "", "other"),
        Channel("p", "W", "power"),
        Channel("v", "V", "voltage", "dc"),
    ],
)
def test_channels_whose_flat_tops_have_a_meaning(channel):
    wave = np.clip(np.sin(angle(200)), -0.5, 0.5)
    assert marked(wave).any()
    assert not marked(wave, channel).any()


@given(
    level=st.floats(0.3, 0.9),
    scale=st.floats(1e-3, 1e6),
    shift=st.integers(0, 199),
    sign=st.sampled_from([1, -1]),
)
def test_scale_sign_and_start_do_not_matter(level, scale, shift, sign):
    wave = np.clip(np.sin(angle(200)), -1, level)
    found = marked(sign * scale * wave[shift:])
    assert np.array_equal(found, wave[shift:] == level)


def test_channels_are_told_apart_and_pieces_make_no_difference():
    phi = 2 * np.pi * np.arange(3 * PIECE) / 1000
    samples = np.array([np.sin(phi), np.minimum(np.sin(phi), 0.8)])
    channels = [VOLTAGE, Channel("i", "A", "current", "a")]
    pieces = [samples[:, first : first + PIECE] for first in range(0, samples.shape[1], PIECE)]
    low, high = rails(pieces, channels)
    assert np.isnan(low).all()
    assert np.isnan(high[0])
    assert high[1] == 0.8
    assert np.array_equal(at_rails(samples, (low, high)), samples[1] == 0.8)


def test_a_higher_value_later_takes_the_suspicion_off():
    """Saturation is at the one extreme; a wave that goes beyond was not held there."""
    low, high = np.clip(np.sin(angle(200)), -0.5, 0.5), np.sin(angle(200))
    assert not marked(np.concatenate([low, high])).any()
    low, high = rails([low[None], high[None]], [VOLTAGE])  # the same where it comes in a later piece
    assert np.isnan([low, high]).all()


@pytest.mark.parametrize(("crests", "found"), [(2, False), (3, True)])
def test_three_half_waves_tell(crests, found):
    """Crests 5, 6 and perhaps 7 of a smaller sine are cut off at 0.8."""
    t = np.arange(CYCLES * 200) / 200
    x = np.where((t > 5) & (t < 5 + crests), 1.0, 0.5) * np.sin(2 * np.pi * t)
    wave = np.minimum(x, 0.8)
    assert np.array_equal(marked(wave), (wave == 0.8) & found)
