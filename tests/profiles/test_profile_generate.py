"""Shapes against their own definitions, and smoothing against hand-worked ramps."""

import numpy as np
import pytest

from hil.errors import ConfigError
from hil.profiles import generate, presets
from hil.profiles.measure import steepest
from hil.profiles.profile import Profile
from hil.profiles.smoothing import smoothed


def test_square_has_its_mean_and_its_duty():
    """Edges are straight, so the mean is that of ideal edges: low + duty (high - low)."""
    made = generate.square(period=1.0, duty=0.75, high=0.9, low=0.4, edge=5e-3, duration=10.0)
    assert made.duration == 10.0
    assert made.mean == pytest.approx(0.4 + 0.75 * 0.5, rel=1e-12)
    assert made.at([0.5, 0.9]).tolist() == [0.9, 0.4]
    assert steepest(made, 1e-3)[1] == pytest.approx(0.5 / 5e-3)  # one edge, 5 ms for 0.5 pu


def test_corners_of_the_shapes():
    """Edges are straight lines from where the level changes; half-way they are half-way."""
    made = generate.square(period=2.0, duty=0.75, high=0.9, low=0.4, edge=5e-3, duration=2.0)
    assert made.at([0.0, 0.0025, 0.005, 1.5, 1.5025, 1.505, 1.99]) == pytest.approx(
        [0.4, 0.65, 0.9, 0.9, 0.65, 0.4, 0.4]
    )
    made = generate.start(low=0.15, high=1.0, edge=4.25, before=1.0, after=3.0)
    assert made.at([0.5, 1.0, 3.125, 5.25, 9.0]) == pytest.approx([0.15, 0.15, 0.575, 1.0, 1.0])
    made = generate.checkpoint(high=1.0, low=0.27, dip=20.0, interval=60.0, edge=0.1, duration=60.0)
    assert made.at([0.0, 20.0, 20.05, 20.1, 40.0, 40.05, 40.1]) == pytest.approx(
        [1.0, 1.0, 0.635, 0.27, 0.27, 0.635, 1.0]
    )


def test_square_holds_whole_periods_only():
    made = generate.square(period=0.8, duty=0.5, high=0.9, low=0.5, edge=1e-3, duration=2.0)
    assert made.duration == pytest.approx(1.6)
    with pytest.raises(ConfigError, match="0 periods"):
        generate.square(period=4.0, duty=0.5, high=0.9, low=0.5, edge=1e-3, duration=2.0)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"duty": 1.0}, "duty"),
        ({"edge": 0.3}, "edge"),
        ({"low": 0.95}, "low"),
        ({"period": 1e-7, "edge": 1e-9}, "periods"),
    ],
)
def test_square_refuses_what_cannot_be(change, words):
    settings = {"period": 1.0, "duty": 0.75, "high": 0.9, "low": 0.4, "edge": 5e-3, "duration": 10.0}
    with pytest.raises(ConfigError, match=words):
        generate.square(**{**settings, **change})


def test_checkpoint_energy():
    """A trapezoid of 0.73 pu, 20 s between the half-way points of its edges, is missing in each interval."""
    made = generate.checkpoint(high=1.0, low=0.27, dip=20.0, interval=60.0, edge=0.1, duration=180.0)
    assert made.energy == pytest.approx(180.0 - 3 * 0.73 * 20.0)


def test_fault_stop_and_its_restart():
    made = generate.fault_stop(
        high=1.0, low=0.12, edge=1e-3, before=10.0, stopped=120.0, restart=4.4, after=5.0
    )
    assert steepest(made, 1e-3)[0] == pytest.approx(-0.88 / 1e-3)
    assert steepest(made, 1.0)[1] == pytest.approx(0.88 / 4.4)  # 20 %/s


def test_third_octaves_are_those_of_iec_61260():
    """10^(k/10) Hz: nominally 0.05, 0.063, ... 20 Hz are 27 bands, 20 to 100 Hz are 8."""
    found = generate.third_octaves(0.05, 20.0)
    assert len(found) == 27
    assert found[0] == pytest.approx(0.05011872)
    assert found[-1] == pytest.approx(19.952623)
    assert len(generate.third_octaves(20.0, 100.0)) == 8
    with pytest.raises(ConfigError, match="no third octave"):
        generate.third_octaves(10.5, 11.5)


@pytest.mark.parametrize("shape", ["sine", "square"])
def test_sweep_keeps_its_swing_at_every_frequency(shape):
    made = generate.sweep(low=1.0, high=4.0, mean=0.6, swing=0.2, cycles=3.0, shape=shape)
    begin = 0.0
    for frequency in generate.third_octaves(1.0, 4.0):
        end = begin + 3.0 / frequency
        power = made.at(np.linspace(begin, end, 3001))
        assert np.ptp(power) == pytest.approx(0.2, rel=1e-3)
        rising = np.count_nonzero((power[:-1] < 0.6) & (power[1:] >= 0.6))
        assert rising in {2, 3}  # each of the three cycles, the first of which may begin at the mean
        begin = end
    assert made.duration == pytest.approx(begin)
    assert made.mean == pytest.approx(0.6, abs=1e-3 if shape == "square" else 1e-9)


def test_sweep_is_a_sine_from_the_begin_of_each_frequency():
    """Lines between a hundred points of a period miss the sine by (pi / 100)^2 / 2 of its amplitude."""
    made = generate.sweep(low=0.5, high=5.0, mean=0.5, swing=0.2, cycles=4.0, shape="sine")
    begin = 0.0
    for hertz in generate.third_octaves(0.5, 5.0):
        time = np.linspace(begin, begin + 4.0 / hertz, 1111)
        expected = 0.5 + 0.1 * np.sin(2 * np.pi * hertz * (time - begin))
        assert made.at(time) == pytest.approx(expected, abs=0.1 * (np.pi / 100) ** 2 / 2)
        begin += 4.0 / hertz
    assert made.power[-1] == pytest.approx(0.5)
    assert [made.power.min(), made.power.max()] == pytest.approx([0.4, 0.6])


def test_sweep_cannot_need_negative_power():
    with pytest.raises(ConfigError, match="negative power"):
        generate.sweep(low=1.0, high=4.0, mean=0.1, swing=0.3, cycles=3.0, shape="sine")


def job(low, high, begin, end, duration):
    """Return a job from `begin` to `end` with edges of 1 ms."""
    return Profile(
        np.array([0.0, begin, begin + 1e-3, end, end + 1e-3, duration]),
        np.array([low, low, high, high, low, low]),
        unit="pu",
    )


def test_smoothing_by_hand():
    """Up from 0.2 to 1 at 0.4/s in 2 s; down to the floor of 0.8 at 0.5/s, held 1.5 s; to 0.2 in 1.2 s."""
    made = smoothed(job(0.2, 1.0, 1.0, 5.0, 12.0), floor=0.8, ramp_up=0.4, ramp_down=0.5, hysteresis=1.5)
    assert made.at(2.0) == pytest.approx(0.6, abs=1e-3)
    assert made.at([3.1, 4.9]).tolist() == pytest.approx([1.0, 1.0])
    assert made.at(5.2) == pytest.approx(0.9, abs=2e-3)
    assert made.at([5.5, 6.4]).tolist() == pytest.approx([0.8, 0.8])
    assert made.at(7.1) == pytest.approx(0.5, abs=2e-3)
    assert made.at(8.0) == pytest.approx(0.2)
    fall, rise = steepest(made, 0.1)
    assert (fall, rise) == (pytest.approx(-0.5, rel=1e-6), pytest.approx(0.4, rel=1e-6))


def test_smoothing_leaves_what_is_within_its_ramps():
    slow = Profile(np.array([0.0, 4.0, 8.0]), np.array([0.5, 0.9, 0.5]), unit="pu")
    made = smoothed(slow, floor=0.0, ramp_up=1.0, ramp_down=1.0, hysteresis=0.0)
    time = np.linspace(0.0, 8.0, 81)
    assert made.at(time) == pytest.approx(slow.at(time), abs=1e-9)


def test_smoothing_needs_a_floor_below_the_load():
    with pytest.raises(ConfigError, match="floor"):
        smoothed(job(0.2, 0.7, 1.0, 5.0, 12.0), floor=0.8, ramp_up=0.4, ramp_down=0.5, hysteresis=1.5)


@pytest.mark.parametrize("name", presets.presets())
def test_presets_are_made_as_they_are_shipped(name):
    preset = presets.load(name)
    made = preset.make({})
    assert made.unit == "pu"
    assert 0.0 <= made.power.min() < made.power.max() < 1.1  # noise on full power may lie above it
    assert made.title
    assert made.source


def test_published_figures_are_in_the_presets():
    """A UPS maker's 2 s at 90 %, 2 s at 50 %; the 27 % of a checkpoint; T4's 20 % per second at a start."""
    ups = presets.load("ups_90_50").make({})
    assert ups.at([1.0, 3.0, 5.0]).tolist() == pytest.approx([0.9, 0.5, 0.9])
    assert presets.load("checkpoint").make({}).power.min() == pytest.approx(0.27)
    assert steepest(presets.load("start_ramp").make({}), 1.0)[1] == pytest.approx(0.2)


def test_parameters_need_their_units():
    preset = presets.load("training")
    assert preset.make({"high": "80 %"}).power.max() == pytest.approx(0.8)
    assert preset.make({"high": "0.8 pu"}).power.max() == pytest.approx(0.8)
    for changes, words in (
        ({"period": "1"}, "training.period"),
        ({"high": "95"}, "training.high"),
        ({"peroid": "1 s"}, "no parameter peroid"),
    ):
        with pytest.raises(ConfigError, match=words):
            preset.make(changes)


def test_a_preset_of_a_file(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(
        'title = "Mine"\nsource = "me"\ngenerator = "start"\n[parameters]\n'
        'low = "10 %"\nhigh = "90 %"\nedge = "1 s"\nbefore = "1 s"\nafter = "1 s"\n'
    )
    assert presets.load(str(path)).make({"after": "3 s"}).duration == 5.0
    path.write_text(path.read_text().replace('"start"', '"stop"'))
    with pytest.raises(ConfigError, match="generator 'stop'"):
        presets.load(str(path))
