"""Expected numbers: the sums of IEC 61000-4-7 written out by hand, Parseval, and closed forms."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.analysis.quality import groups as g
from hil.errors import ConfigError

CYCLES = [10, 12]


def bins(cycles, **tones):
    """Return powers of 1024 bins; b105=3 puts an RMS value of 3 into bin 105."""
    power = np.zeros(1024)
    for name, level in tones.items():
        power[int(name[1:])] = level**2
    return power


def transform(cycles, tones, size=4096):
    """Return the powers of the bins of a window that holds {bin: RMS}, by FFT."""
    t = np.arange(size) / size
    x = sum(rms * np.sqrt(2) * np.cos(2 * np.pi * k * t + k) for k, rms in tones.items() if k)
    spectrum = np.fft.rfft(x + tones.get(0, 0.0)) / size
    power = 2 * np.abs(spectrum) ** 2
    power[0] /= 2
    return power


@pytest.mark.parametrize("cycles", CYCLES)
def test_an_interharmonic_in_every_bin_reads_in_its_place_and_nowhere_else(cycles):
    """2 % in each bin between harmonics (100 to 200 Hz at 50 Hz): peers drop bins 9 and 10 of 12."""
    for i in range(1, cycles):
        power = transform(cycles, {cycles: 230.0, 3 * cycles + i: 4.6})
        whole = g.interharmonic_groups(power, cycles)
        centred, harmonic = g.interharmonic_subgroups(power, cycles), g.subgroups(power, cycles)
        assert whole[3] == pytest.approx(4.6, rel=1e-9)
        assert np.delete(whole, 3) == pytest.approx(0.0, abs=1e-6)
        beside = {1: 3, cycles - 1: 4}.get(i)  # the neighbour of a harmonic belongs to its subgroup
        assert centred[3] == pytest.approx(0.0 if beside else 4.6, abs=1e-6)
        for order in (2, 3, 4, 5):
            assert harmonic[order] == pytest.approx(4.6 if order == beside else 0.0, abs=1e-6)


@pytest.mark.parametrize("cycles", CYCLES)
def test_the_bin_half_way_is_shared_between_two_groups(cycles):
    half = g.groups(bins(cycles, **{f"b{5 * cycles + cycles // 2}": 2.0}), cycles)
    assert half[[5, 6]] == pytest.approx([np.sqrt(2), np.sqrt(2)])
    below = g.groups(bins(cycles, **{f"b{5 * cycles - cycles // 2 + 1}": 2.0}), cycles)
    assert below[[4, 5]] == pytest.approx([0.0, 2.0])


@pytest.mark.parametrize("cycles", CYCLES)
def test_order_50_and_the_direct_component(cycles):
    """10 % at order 50 counts (a peer stops at 49); DC stays DC, and nothing else wraps round to it."""
    power = bins(cycles, **{"b0": 3.0, f"b{cycles}": 100.0, f"b{50 * cycles}": 10.0})
    for levels in (g.harmonics(power, cycles), g.subgroups(power, cycles), g.groups(power, cycles)):
        assert levels[[0, 1, 50]] == pytest.approx([3.0, 100.0, 10.0])
        assert g.thd(levels, 50) == pytest.approx(10.0)
        assert g.thd(levels) == pytest.approx(0.0)
    top = g.subgroups(bins(cycles, **{f"b{50 * cycles + 1}": 7.0}), cycles)
    assert top[50] == pytest.approx(7.0)
    near = bins(cycles, b1=4.0)
    assert g.subgroups(near, cycles)[0] == 0.0
    assert g.interharmonic_groups(near, cycles)[0] == pytest.approx(4.0)


@given(
    seed=st.integers(0, 2**32 - 1),
    cycles=st.sampled_from(CYCLES),
    scale=st.floats(1e-3, 1e3),
)
def test_groups_and_subgroups_each_share_out_the_bins_once(seed, cycles, scale):
    """Parseval: what the definitions leave out is only what lies beside DC and beyond the last order."""
    power = np.random.default_rng(seed).exponential(size=(2, 52 * cycles))
    whole = power[:, : 51 * cycles]
    top = 51 * cycles - cycles // 2
    by_groups = (g.groups(power, cycles) ** 2).sum(axis=-1)
    expected = whole[:, 0] + whole[:, cycles // 2 : top + 1].sum(axis=-1)
    expected -= (whole[:, cycles // 2] + whole[:, top]) / 2
    assert by_groups == pytest.approx(expected)
    by_subgroups = (g.subgroups(power, cycles) ** 2).sum(axis=-1)
    by_subgroups += (g.interharmonic_subgroups(power, cycles) ** 2).sum(axis=-1)
    assert by_subgroups == pytest.approx(whole.sum(axis=-1) - whole[:, 1] - whole[:, -1])
    by_bins = (g.harmonics(power, cycles) ** 2).sum(axis=-1)
    by_bins += (g.interharmonic_groups(power, cycles) ** 2).sum(axis=-1)
    assert by_bins == pytest.approx(whole.sum(axis=-1))
    assert g.groups(scale**2 * power, cycles) == pytest.approx(scale * g.groups(power, cycles))
    assert g.thd(g.groups(scale**2 * power, cycles)) == pytest.approx(g.thd(g.groups(power, cycles)))


def test_bands_of_200_hertz():
    """2 kHz itself belongs to what is below; 2200 Hz to the first band, 2205 Hz to the second."""
    for hertz, band in ((2000, None), (2005, 0), (2200, 0), (2205, 1), (9000, 34), (9005, None)):
        power = np.zeros(2000)
        power[hertz // 5] = 4.0
        level = g.bands(power, 5.0)
        assert level.shape == (35,)
        assert level.sum() == pytest.approx(0.0 if band is None else 2.0)
        assert band is None or level[band] == pytest.approx(2.0)
    assert g.bands(np.ones((3, 461)), 5.0).shape == (3, 1)  # up to 2300 Hz: one band is complete
    assert g.bands(np.ones((3, 400)), 5.0).shape == (3, 0)
    assert g.bands(np.ones(2000), 5.0) == pytest.approx(np.sqrt(40))
    assert (g.bands(np.ones(2200), 4.987) ** 2).sum() == pytest.approx(9000 // 4.987 - 2000 // 4.987)


def test_distortion_figures_in_closed_form():
    levels = np.zeros(51)
    levels[[1, 5, 7, 14, 40, 45]] = [100.0, 3.0, 4.0, 1.0, 2.0, 6.0]
    assert g.thd(levels) == pytest.approx(np.sqrt(9 + 16 + 1 + 4))
    assert g.thd(levels, 50) == pytest.approx(np.sqrt(9 + 16 + 1 + 4 + 36))
    assert g.pwhd(levels) == pytest.approx(np.sqrt(14 * 1 + 40 * 4))
    assert g.tdd(levels, 200.0) == pytest.approx(np.sqrt(66) / 2)
    assert g.trd(np.hypot(100.0, 5.0), np.array(100j), 200.0) == pytest.approx(2.5)
    assert g.trd(np.array([99.999999]), np.array([100.0]), 200.0) == [0.0]
    found = g.trd(np.array(100.0 * (1 + g.RMS_ERROR)), np.array(100.0), 200.0)
    assert g.trd_uncertainty(0.0, 100.0, 200.0) == pytest.approx(float(found), rel=1e-4)
    assert g.trd_uncertainty(5.0, 100.0, 200.0) < 0.01


def test_without_a_fundamental_there_is_no_share_of_it():
    assert np.isnan(g.thd(np.array([0.0, 0.0, *[1.0] * 39])))
    assert np.isnan(g.pwhd(np.zeros(41)))


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: g.groups(np.zeros(500), 10), "need 510 bins, not 500"),
        (lambda: g.thd(np.zeros(40)), "the highest is 39"),
        (lambda: g.tdd(np.zeros(51), 0.0), "positive"),
        (lambda: g.trd(np.zeros(1), np.zeros(1), -1.0), "positive"),
    ],
)
def test_what_cannot_be_computed_is_refused(call, text):
    with pytest.raises(ConfigError, match=text):
        call()


def state(number, cycles, udin=230.0):
    """Return (bin powers per phase, RMS of each phase): testing states of IEC 61000-4-30, class A."""
    tones = {
        1: {},
        2: {3: 0.10, 5: 0.05, 29: 0.05, 7.5: 0.01},
        3: {7: 0.10, 13: 0.05, 25: 0.05, 3.5: 0.01},
    }[number]
    phases = {1: (1.0, 1.0, 1.0), 2: (0.73, 0.80, 0.87), 3: (1.52, 1.40, 1.28)}[number]
    rows = []
    for share in phases:
        levels = {cycles: share * udin} | {round(cycles * h): s * udin for h, s in tones.items()}
        rows.append(transform(cycles, levels))
    return np.array(rows), udin * np.sqrt(np.square(phases) + sum(s * s for s in tones.values()))


@pytest.mark.parametrize("cycles", CYCLES)
@pytest.mark.parametrize("number", [1, 2, 3])
def test_the_testing_states_of_class_a(number, cycles):
    """All influences at once, each quantity by itself: shares of Udin as the states command them."""
    power, rms = state(number, cycles)
    assert np.sqrt(power.sum(axis=-1)) == pytest.approx(rms, rel=1e-12)
    levels, between = g.subgroups(power, cycles) / 230.0, g.interharmonic_subgroups(power, cycles) / 230.0
    commanded = {2: {3: 0.1, 5: 0.05, 29: 0.05}, 3: {7: 0.1, 13: 0.05, 25: 0.05}}.get(number, {})
    for order in range(2, 51):
        assert levels[:, order] == pytest.approx(commanded.get(order, 0.0), abs=1e-9)
    for order in range(51):
        expected = 0.01 if order == {2: 7, 3: 3}.get(number) else 0.0
        assert between[:, order] == pytest.approx(expected, abs=1e-9)
    thds = 100 * np.sqrt(sum(x * x for x in commanded.values())) / levels[:, 1]
    assert g.thd(levels) == pytest.approx(thds, abs=1e-9)
