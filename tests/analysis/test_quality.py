"""The power-quality engine against closed forms: what the signal was made with."""

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hil.analysis
from hil.analysis.quality import engine, groups, kernels
from hil.analysis.quality.engine import quality
from hil.errors import ConfigError
from hil.waveform import Channel, Waveform

TURN = np.exp(2j * np.pi / 3)


@pytest.fixture(autouse=True)
def short_blocks(monkeypatch):
    """Take two seconds at a time, so that most captures here are more than one block."""
    monkeypatch.setattr(engine, "_BLOCK", 1)


def capture(rows, rate, *, currents=(), phases="abc", **more):
    channels = [Channel(f"v{p}", "V", "voltage", p) for p in phases[: len(rows)]]
    channels += [Channel(f"i{p}", "A", "current", p) for p in phases[: len(currents)]]
    return Waveform(np.array([*rows, *currents]), tuple(channels), rate, **more)


def angle(hertz, rate=20e3, seconds=1.5):
    return 2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate + 0.4


def three(turned, volts=(230.0, 230.0, 230.0)):
    return [np.sqrt(2) * u * np.cos(turned - k * 2 * np.pi / 3) for k, u in enumerate(volts)]


@pytest.mark.parametrize("rate", [20e3, 50e3])
@pytest.mark.parametrize(
    ("hertz", "nominal"),
    [(42.6, 50), (49.87, 50), (50.0, 50), (57.4, 50), (51.3, 60), (60.0, 60), (68.9, 60)],
)
def test_harmonics_to_a_tenth_of_a_percent(rate, hertz, nominal):
    """1 % of each order 2 .. 50: amplitude and RMS follow from how it is made."""
    turned = angle(hertz, rate)
    row = np.cos(turned) + 0.01 * sum(np.cos(h * turned + h * h) for h in range(2, 51))
    found = quality(capture([np.sqrt(2) * 230 * row], rate), nominal_frequency=nominal)
    assert found.intervals.cycles == nominal / 5
    assert found.intervals.subgroups[0, :, 2:] == pytest.approx(2.3, rel=1e-3)
    assert found.intervals.subgroups[0, :, 1] == pytest.approx(230.0, rel=1e-5)
    rms = 230 * np.sqrt(1 + 49e-4)
    assert found.intervals.rms == pytest.approx(rms, rel=1e-5)
    assert found.urms[0].values == pytest.approx(rms, rel=1e-5)
    assert found.frequency == pytest.approx(hertz, abs=1e-3)
    assert found.intervals.frequency == pytest.approx(hertz, abs=1e-3)


@pytest.mark.parametrize(
    ("hertz", "nominal", "rate"), [(42.6, 50, 20e3), (49.87, 50, 25.6e3), (60.1, 60, 20e3), (68.9, 60, 50e3)]
)
def test_a_pure_sine(hertz, nominal, rate):
    """No distortion, exact RMS, exact unbalance (Fortescue of the amplitudes)."""
    volts = np.array([230.0, 220.0, 235.0])
    found = quality(capture(three(angle(hertz, rate), volts), rate), nominal_frequency=nominal)
    distortion = groups.thd(found.intervals.subgroups, 50)
    assert distortion.max() < 1e-3  # [%]
    assert found.intervals.rms == pytest.approx(
        np.repeat(volts[:, None], found.intervals.begin.size, 1), rel=1e-5
    )
    for volt, urms in zip(volts, found.urms, strict=True):
        assert urms.values == pytest.approx(volt, rel=1e-5)
        assert np.diff(urms.end) == pytest.approx(0.5 / hertz, rel=1e-3)
    a, b, c = found.intervals.phasors
    unbalance = np.abs((a + TURN**2 * b + TURN * c) / (a + TURN * b + TURN**2 * c))
    exact = abs(volts @ [1, TURN, TURN**2]) / volts.sum()
    assert unbalance == pytest.approx(exact, abs=1e-5)


def test_the_angles():
    """A steady cosine keeps its angle; that of an interval counts from its begin."""
    rate, hertz = 20e3, 50.02
    found = quality(capture(three(angle(hertz, rate)), rate, start=-0.3))
    at_zero = 0.4 + 2 * np.pi * hertz * 0.3
    expected = 230 * np.exp(1j * at_zero) * TURN ** -np.arange(3)[:, None]
    assert np.abs(found.half_cycles.phasors - expected).max() < 0.02
    begin = 0.4 + 2 * np.pi * hertz * (found.intervals.begin + 0.3)
    assert np.abs(found.intervals.phasors[0] - 230 * np.exp(1j * begin)).max() < 0.01
    assert found.half_cycles.frequency == pytest.approx(hertz, abs=1e-3)


def test_intervals_are_gapless_and_whole_cycles():
    found = quality(capture(three(angle(49.9, seconds=10.0)), 20e3)).intervals
    assert found.begin.size == 49
    assert np.array_equal(found.begin[1:], found.end[:-1])
    assert found.end - found.begin == pytest.approx(10 / 49.9, rel=1e-7)
    assert not found.held.any()
    assert not found.spoilt.any()


@pytest.mark.parametrize("nominal", [50, 60])
@pytest.mark.parametrize("place", range(1, 24))
def test_an_interharmonic_of_two_percent_in_every_bin(nominal, place):
    """It reads its value in its bin and nothing elsewhere.

    In the first and last half second the frequency leans on one side: 1 % of the value
    there, where the interharmonic is a bin beside the fundamental; a thousandth else.
    """
    cycles = nominal // 5
    if place % cycles == 0:
        place = 2 * cycles + 1
    rate, order = 10e3, place // cycles
    turned = angle(nominal, rate, 1.6)
    row = np.cos(turned) + 0.02 * np.cos(place / cycles * turned + 1.0)
    found = quality(capture([100 * np.sqrt(2) * row], rate)).intervals
    between, inner = found.interharmonics[0], found.interharmonic_groups[0]
    tolerance = 0.02 if abs(place - cycles) == 1 else 2e-3
    assert inner[:, order] == pytest.approx(2.0, rel=tolerance)
    inside = 2 <= place % cycles <= cycles - 2
    assert between[3:-3, order] == pytest.approx(2.0 if inside else 0.0, rel=1e-4, abs=2e-3)
    middle = found.subgroups[0, 3:-3]
    elsewhere = np.delete(inner[3:-3], order, axis=1)
    assert elsewhere.max() < 2e-3
    beside = (place + 1) // cycles if (place + 1) % cycles == 0 else (place - 1) // cycles
    if inside:
        assert np.delete(middle, 1, axis=1).max() < 2e-3
    elif beside > 1:
        assert middle[:, beside] == pytest.approx(2.0, rel=1e-3)


def test_the_spectrum_and_the_bands():
    """A tone at 2.42 kHz: RMS in its bin of 5 Hz and in the band 2300 .. 2500 Hz."""
    turned = angle(50.0, 50e3)
    row = np.sqrt(2) * (100 * np.cos(turned) + 3 * np.cos(2420 / 50 * turned)) + 7.0
    found = quality(capture([row], 50e3))
    assert found.bin_width == pytest.approx(5.0, rel=1e-6)
    assert found.spectrum[0, [0, 10, 484]] == pytest.approx([7.0, 100.0, 3.0], rel=1e-4)
    assert np.delete(found.spectrum[0], [0, 10, 484]).max() < 1e-3
    assert found.intervals.bands.shape == (1, found.intervals.begin.size, 35)
    assert found.intervals.bands[0, :, 2] == pytest.approx(3.0, rel=1e-2)
    assert np.delete(found.intervals.bands[0], 2, axis=1).max() < 1e-3
    assert found.intervals.mean == pytest.approx(7.0, rel=1e-5)
    assert found.intervals.groups[0, :, 0] == pytest.approx(7.0, rel=1e-5)


def test_power_with_harmonics():
    """P is the sum of U_h I_h cos phi_h over the orders."""
    turned = angle(50.03)
    rows = three(turned)
    amps = [
        np.sqrt(2) * (10 * np.cos(turned - k * 2 * np.pi / 3 - 0.5) + 2 * np.cos(3 * turned))
        for k in range(3)
    ]
    rows[0] = rows[0] + np.sqrt(2) * 5 * np.cos(3 * turned - 1.0)
    found = quality(capture(rows, 20e3, currents=amps))
    assert found.pairs == ((0, 0), (1, 1), (2, 2))
    plain = 230 * 10 * np.cos(0.5)
    assert found.intervals.power[0] == pytest.approx(plain + 5 * 2 * np.cos(1.0), rel=1e-5)
    assert found.intervals.power[1:] == pytest.approx(plain, rel=1e-5)


@pytest.mark.parametrize("phases", [1, 3])
def test_a_frequency_that_drifts(phases):
    """1 Hz/s from 48 Hz: the frequency of an interval is that in its middle; its length is ten cycles."""
    rate = 20e3
    t = np.arange(round(4 * rate)) / rate
    turned = 2 * np.pi * (48 * t + t**2 / 2)
    found = quality(capture(three(turned)[:phases], rate))
    intervals = found.intervals
    assert intervals.frequency == pytest.approx(48 + (intervals.begin + intervals.end) / 2, abs=1e-3)
    assert intervals.rms == pytest.approx(230.0, rel=1e-4)
    assert found.urms[0].values == pytest.approx(230.0, rel=1e-4)
    assert not intervals.held.any()


def test_a_jump_of_phase():
    """The frequency is carried on; the half cycles before and after are what they were."""
    turned = angle(50.04, seconds=3.0)
    turned[30_000:] += np.pi / 3
    found = quality(capture(three(turned), 20e3))
    intervals = found.intervals
    assert intervals.frequency == pytest.approx(50.04, abs=1e-3)
    assert found.frequency == pytest.approx(50.04, abs=1e-3)
    touched = (intervals.begin < 1.5) & (intervals.end > 1.5)
    assert intervals.held[touched].all()
    assert not intervals.held[(intervals.end < 1.4) | (intervals.begin > 1.6)].any()
    turned_by = found.half_cycles.phasors[:, -5] / found.half_cycles.phasors[:, 5]
    assert np.angle(turned_by) == pytest.approx(np.pi / 3, abs=1e-3)
    for urms in found.urms:
        away = (urms.end < 1.5) | (urms.end > 1.54)
        assert urms.values[away] == pytest.approx(230.0, rel=1e-5)
        assert (np.diff(urms.end) > 0).all()
    assert found.spectrum[:, 20:].max() < 1e-2  # the jump is left out of the mean spectrum


@pytest.mark.parametrize("dead", [0, 1])
def test_a_dead_phase_counts_nothing(dead):
    rows = three(angle(60.2))
    rows[dead] = 0.0 * rows[dead]
    found = quality(capture(rows, 20e3))
    assert found.frequency == pytest.approx(60.2, abs=1e-3)
    assert found.urms[dead].values == pytest.approx(0.0, abs=1e-9)
    assert any(np.array_equal(found.urms[dead].end, other.end) for other in found.urms[1 - dead :: 2])
    assert found.urms[2].values == pytest.approx(230.0, rel=1e-5)


def test_a_sag_of_one_phase():
    """Urms(1/2) of it goes on in the rhythm that it had; the others do not notice."""
    rows = three(angle(50.0, seconds=2.0))
    rows[0][20_000:30_000] *= 0.4
    found = quality(capture(rows, 20e3))
    urms = found.urms[0]
    inside = (urms.end - 0.02 > 1.0) & (urms.end < 1.5)
    assert urms.values[inside] == pytest.approx(0.4 * 230, rel=1e-5)
    assert inside.sum() in (47, 48, 49)
    assert urms.values.min() >= 0.4 * 230 * (1 - 1e-5)
    assert np.diff(urms.end) == pytest.approx(0.01, rel=1e-3)
    assert found.urms[1].values == pytest.approx(230.0, rel=1e-5)


def test_a_sag_without_a_jump_of_phase_is_no_steady_state():
    """By 10 % for good: only the interval that it falls into is disturbed."""
    rows = np.array(three(angle(50.0, seconds=3.0)))
    rows[:, 30_300:] *= 0.9
    intervals = quality(capture(rows, 20e3)).intervals
    touched = (intervals.begin < 1.515) & (intervals.end > 1.515)
    assert np.array_equal(intervals.held, touched)


@pytest.mark.parametrize("at", [0.0, 1.0])
def test_all_phases_dead_and_back(at):
    """For 0.3 s there is nothing: the frequency is carried on, and the grid of windows."""
    rows = np.array(three(angle(49.93, seconds=3.0)))
    rows[:, round(at * 20e3) : round((at + 0.3) * 20e3)] = 0.0
    found = quality(capture(rows, 20e3))
    assert found.frequency == pytest.approx(49.93, abs=1e-3)
    assert found.intervals.frequency == pytest.approx(49.93, abs=2e-3)
    dead = (found.intervals.begin > at) & (found.intervals.end < at + 0.3)
    assert dead.any()
    assert found.intervals.held[dead].all()
    urms = found.urms[0]
    inside = (urms.end - 0.021 > at) & (urms.end < at + 0.3)
    assert inside.sum() > 25
    assert urms.values[inside] == pytest.approx(0.0, abs=1e-9)
    away = (urms.end < at) | (urms.end > at + 0.35)
    assert urms.values[away] == pytest.approx(230.0, rel=1e-4)


def test_missing_samples_spoil_what_they_touch_and_no_more():
    rows = np.array(three(angle(50.0, seconds=2.0)))
    rows[1, 20_000:20_040] = np.nan
    found = quality(capture(rows, 20e3))
    touched = (found.intervals.begin < 1.002) & (found.intervals.end > 1.0)
    assert np.array_equal(found.intervals.spoilt, touched)
    nan = np.isnan(found.urms[1].values)
    begin = found.urms[1].end - 0.02
    assert np.array_equal(nan, (begin < 1.00195) & (found.urms[1].end > 1.0 - 5e-5))
    assert not np.isnan(found.urms[0].values).any()
    assert found.half_cycles.spoilt.sum() in (2, 3)
    assert found.frequency == pytest.approx(50.0, abs=1e-3)
    assert found.intervals.rms[0] == pytest.approx(230.0, rel=1e-5)


def test_the_mask_spoils_too_and_a_block_boundary_hides_nothing():
    """The last samples of a block of 2 s are judged with the next one; a straight line bridges them."""
    rows = np.array(three(angle(50.0, 10e3, 10.0)))
    valid = np.ones(rows.shape[1], bool)
    valid[39_990:39_998] = False
    rows[0, 79_990:79_998] = np.nan
    found = quality(capture(rows, 10e3, valid=valid)).intervals
    touched = [(found.begin < t) & (found.end > t) for t in (3.9994, 7.9994)]
    assert np.array_equal(found.spoilt, touched[0] | touched[1])
    assert found.rms == pytest.approx(230.0, rel=2e-4)


def test_what_the_mask_spoils_is_left_out_of_the_spectrum():
    rows = np.array(three(angle(50.0, seconds=2.0)))
    valid = np.ones(rows.shape[1], bool)
    rows[0, 20_000], valid[20_000] = 200.0, False
    assert quality(capture(rows, 20e3)).spectrum[0, 20:].max() > 1e-2
    assert quality(capture(rows, 20e3, valid=valid)).spectrum[0, 20:].max() < 1e-3


def test_a_channel_without_a_number_is_named():
    rows = np.array(three(angle(50.0)))
    rows[2] = np.nan
    with pytest.raises(ConfigError, match="'vc' holds not one number"):
        quality(capture(rows, 20e3))


@pytest.mark.parametrize(
    "rows",
    [np.zeros((3, 30_000)), np.full((1, 30_000), 800.0), np.zeros((3, 0))],
    ids=["nothing", "direct voltage", "no samples"],
)
def test_no_alternating_voltage(rows):
    found = quality(capture(rows, 20e3))
    assert found.frequency is None
    assert found.frequency_uncertainty is None
    assert found.intervals.rms.shape == (len(rows), 0)
    assert found.half_cycles.end.size == found.spectrum.shape[1] == 0
    assert [urms.end.size for urms in found.urms] == [0] * len(rows)


def test_a_capture_shorter_than_an_interval():
    found = quality(capture(three(angle(50.0, seconds=0.15)), 20e3))
    assert found.frequency == pytest.approx(50.0, abs=1e-3)
    assert found.intervals.begin.size == 0
    assert found.urms[0].values == pytest.approx(230.0, rel=1e-5)
    assert found.urms[0].end.size in (12, 13)
    assert found.half_cycles.end.size == 13  # 14 whole half cycles in 0.15 s less a sample


def test_two_intervals_fit_into_two_intervals():
    """20 cycles and the few samples that the interpolation needs beyond them."""
    found = quality(capture(three(angle(50.0, 50e3, 0.4 + 8 / 50e3)), 50e3)).intervals
    assert found.begin == pytest.approx([0.0, 0.2], abs=1e-4)


def test_a_slow_rate_has_fewer_orders():
    """4.8 kS/s at 60 Hz: 80 samples per cycle, orders to 64 % of half of them; RMS to 30 ppm."""
    turned = angle(60.0, 4800.0)
    found = quality(capture([np.sqrt(2) * (100 * np.cos(turned) + 4 * np.cos(25 * turned))], 4800.0))
    assert found.intervals.subgroups.shape[-1] == 26
    assert found.intervals.subgroups[0, :, 25] == pytest.approx(4.0, rel=1e-3)
    assert found.intervals.bands.shape[-1] == 0
    assert found.intervals.rms == pytest.approx(np.sqrt(100**2 + 4**2), rel=1e-5)
    pure = quality(capture(three(angle(59.7, 4800.0)), 4800.0))
    assert pure.urms[1].values == pytest.approx(230.0, rel=1e-5)


def test_noise_widens_the_uncertainty_that_covers_the_frequency():
    rng = np.random.default_rng(3)
    rows = np.array(three(angle(50.02, seconds=2.0)))
    found = quality(capture(rows + 3.0 * rng.normal(size=rows.shape), 20e3))
    assert abs(found.frequency - 50.02) < 2 * found.frequency_uncertainty < 2e-3


def test_a_lone_voltage_and_current_make_a_pair():
    turned = angle(50.0)
    rows = np.array([325 * np.cos(turned), 10 * np.cos(turned)])
    channels = (Channel("u", "V", "voltage"), Channel("i", "A", "current"))
    found = quality(Waveform(rows, channels, 20e3))
    assert found.pairs == ((0, 0),)
    assert found.intervals.power == pytest.approx(325 * 10 / 2, rel=1e-5)


def test_flicker_is_fed_with_the_voltages():
    """8.8 Hz, dU/U 0.25 %: Pinst 1 at 230 V, IEC 61000-4-15, Table 1b."""
    rate = 10e3
    t = np.arange(round(12 * rate)) / rate
    row = 325 * np.cos(2 * np.pi * 50 * t) * (1 + 0.25e-2 / 2 * np.sin(2 * np.pi * 8.8 * t))
    found = quality(capture([row], rate, start=100.0)).flicker
    assert found.lamp == 230
    assert found.pinst[0, -3:] == pytest.approx(1.0, rel=0.05)
    assert found.time[0] == pytest.approx(101.0, abs=0.1)
    assert found.pst.shape == (1, 0)


def test_progress_is_told():
    told = []
    quality(capture(three(angle(50.0, 2e3, 10.0)), 2e3), progress=told.append)
    assert told == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])


def everything(found):
    intervals, halves = found.intervals, found.half_cycles
    parts = [
        *(intervals.begin, intervals.rms, intervals.mean, intervals.phasors, intervals.power),
        *(intervals.groups, intervals.subgroups, intervals.interharmonics, intervals.interharmonic_groups),
        *(intervals.bands, halves.end, halves.phasors, found.spectrum),
        *(x for urms in found.urms for x in (urms.end, urms.values)),
    ]
    return [np.array(part) for part in parts]


def busy(seconds=9.0, rate=10e3):
    """Return a capture with all sorts of things in it."""
    turned = angle(50.03, rate, seconds)
    rng = np.random.default_rng(5)
    rows = np.array(three(turned)) + 9 * np.cos(5 * turned) + rng.normal(size=(3, turned.size))
    rows[0, 30_000:36_000] *= 0.3
    rows[1, 50_000:50_010] = np.nan
    amps = np.array(three(turned - 0.4, (10.0, 11.0, 12.0))) + 1.0
    return capture(rows, rate, currents=amps)


def test_results_do_not_depend_on_the_number_of_threads(monkeypatch):
    several = everything(quality(busy()))
    monkeypatch.setattr(engine, "_workers", lambda: 1)
    for a, b in zip(several, everything(quality(busy())), strict=True):
        assert np.array_equal(a, b, equal_nan=True)


def test_results_hardly_depend_on_the_length_of_blocks(monkeypatch):
    short = everything(quality(busy()))
    monkeypatch.setattr(engine, "_BLOCK", 1 << 18)
    for a, b in zip(short, everything(quality(busy())), strict=True):
        assert a == pytest.approx(b, rel=1e-5, abs=1e-4, nan_ok=True)


def test_numpy_and_numba_agree(monkeypatch):
    pytest.importorskip("numba")
    fast = everything(quality(busy()))
    monkeypatch.setattr(engine, "_kernels", lambda: kernels)
    slow = everything(quality(busy()))
    for a, b in zip(fast, slow, strict=True):
        assert a.shape == b.shape
        scale = max(np.nanmax(np.abs(b), initial=0.0), 100.0)  # bands hold but the noise of 230 V
        assert np.array_equal(np.isnan(a), np.isnan(b))
        assert np.nanmax(np.abs(a - b), initial=0.0) < 1e-6 * scale


def test_without_numba_there_is_numpy(monkeypatch):
    monkeypatch.delitem(sys.modules, "hil.analysis.quality.compiled", raising=False)
    monkeypatch.delattr(hil.analysis.quality, "compiled", raising=False)
    monkeypatch.setitem(sys.modules, "numba", None)
    assert engine._kernels() is kernels


@given(st.floats(1e-3, 1e6), st.integers(0, 2), st.floats(-3.0, 3.0))
@settings(max_examples=8, deadline=None)
def test_scaling_order_of_phases_and_rotation(scale, shift, phase):
    """Levels scale; phases may be recorded in any order; a common angle changes no level."""
    turned = angle(50.07, 10e3, 0.8)
    rows = np.array(three(turned, (230.0, 200.0, 240.0)))
    other = np.roll(three(turned + phase, (230.0, 200.0, 240.0)), shift, axis=0) * scale
    plain, changed = (quality(capture(x, 10e3)) for x in (rows, other))
    assert changed.frequency == pytest.approx(plain.frequency, abs=1e-5)
    levels = np.roll(plain.intervals.rms, shift, axis=0) * scale
    assert changed.intervals.rms == pytest.approx(levels, rel=2e-6)
    sizes = np.abs(np.roll(plain.intervals.phasors, shift, axis=0)) * scale
    assert np.abs(changed.intervals.phasors) == pytest.approx(sizes, rel=2e-6)
