"""What analyze says of awkward captures: a value that holds, None with a reason, or one error.

Expected numbers are those of the sines that the captures are made of. Warnings are errors here,
so a division by zero on the way fails a test too.
"""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hil.analysis.analyze import analyze
from hil.analysis.excerpt import SHORT
from hil.errors import ConfigError
from hil.waveform import Channel, Waveform

FEW = settings(  # the fixture only makes waveforms, it keeps nothing
    max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def examined(capture, **known):
    """Return the analysis, after a look at what holds of every result."""
    found = analyze(capture, **known)
    for one in found.results:
        if one.value is None:
            assert one.state != "ok", one
        else:
            assert isinstance(one.value, str) or np.isfinite(one.value), one
    for table in found.tables:
        for row in table.rows:
            assert not any(isinstance(cell, float) and np.isnan(cell) for cell in row), table.key
    return found


def untold(found, *keys):
    """Say that none of these has a value."""
    for key in keys:
        assert key not in found or (found[key].value, found[key].state) == (None, "not determinable"), key


def lost(wave, rows, begin=-np.inf, end=np.inf, value=0.0):
    """Return a capture with some channels at one value for a time [s]."""
    samples = wave.samples.copy()
    inside = (wave.time >= begin) & (wave.time < end)
    for row in rows:
        samples[row, inside] = value
    return replace(wave, samples=samples)


@pytest.fixture
def quick(sag):
    """Return a maker of short three-phase sags at 10 kS/s, 230 V, 100 A, without DC and trigger."""

    def make(**changes):
        return sag(**{"rate": 10e3, "vdc": False, "trigger": False, **changes})

    return make


# frequency


@pytest.mark.parametrize("hertz", [16.7, 30.0, 42.4, 69.1, 80.0, 400.0])
def test_a_frequency_outside_the_range_is_none(mains, hertz):
    """The range is 42.5 to 69 Hz: neither a number at its edge nor an alias may stand for it."""
    found = examined(mains(hertz=hertz, rate=10e3))
    untold(found, "frequency", "voltage_a", "thd_voltage", "unbalance", "residual_voltage")
    assert found["frequency"].note


@pytest.mark.parametrize("hertz", [42.5, 45.0, 57.5, 69.0])
def test_a_frequency_within_the_range(mains, hertz):
    found = examined(mains(hertz=hertz, rate=10e3))
    assert found["frequency"].value == pytest.approx(hertz, abs=1e-4)
    assert found["voltage_a"].value == pytest.approx(230.0, rel=1e-5)
    assert found["event_count"].value == 0


@pytest.mark.parametrize("rate", [60.0, 100.0, 200.0, 400.0, 499.0])
def test_too_few_samples_per_cycle_tell_nothing(quick, rate):
    """At 100 S/s every sample of v_a may be a zero; below ten per cycle no RMS is reckoned."""
    untold(examined(quick(rate=rate, duration=12.0)), "frequency", "voltage_a", "prefault_power")


def test_a_little_more_than_ten_do(quick):
    found = examined(quick(rate=520.0, duration=3.0))
    assert found["voltage_a"].value == pytest.approx(230.0, rel=1e-3)
    assert found["residual_voltage"].value == pytest.approx(92.0, rel=2e-3)
    assert "orders 2 to 3;" in found["thd_voltage"].note  # 64 % of Nyquist: 3.3


@pytest.mark.parametrize("rate", [1e3, 12345.678, 1e6])
def test_rates_far_apart_agree(quick, rate):
    found = examined(quick(rate=rate, duration=0.5, begin=0.25, end=0.4, phi=0.3))
    assert found["residual_voltage"].value == pytest.approx(92.0, rel=1e-3)
    assert found["inception"].value == pytest.approx(0.25, abs=max(5 / rate, 5e-4))
    assert found["prefault_power"].value == pytest.approx(69e3 * np.cos(0.3), rel=1e-3)


# phases


@pytest.mark.parametrize("seconds", [0.0001, 0.005, 0.02, 0.028])
def test_less_than_two_cycles(quick, seconds):
    untold(
        examined(quick(duration=seconds)),
        *("frequency", "voltage_a", "current_a", "prefault_power", "residual_voltage", "thd_voltage"),
    )


def test_no_samples(mains):
    with pytest.raises(ConfigError, match="holds no samples"):
        analyze(mains().part(0, 0))


def test_the_reference_phase_dead_from_the_start(quick):
    """There was nothing before: what is told per unit of the current before the event is not told."""
    found = examined(lost(quick(depth=(1.0, 1.0, 1.0)), [0]))
    assert found["frequency"].value == pytest.approx(50.0, abs=1e-3)
    assert (found["voltage_a"].value, found["voltage_b"].value) == (0.0, pytest.approx(230.0, rel=1e-6))
    assert found["reference_voltage"].value == pytest.approx(230.0, rel=1e-6)
    assert found["event_u1"].value == pytest.approx(2 / 3, rel=1e-6)
    assert found["event_duration"].state == "unfinished"
    untold(found, "inception", "reactive_current", "event_current_min", "event_current_mean", "event_i2")
    untold(found, "trip", "cessation", "thd_voltage")


def test_the_reference_phase_dies_and_the_others_carry_on(quick):
    found = examined(lost(quick(depth=(1.0, 1.0, 1.0)), [0], 0.5))
    assert found["faulted_phases"].value == "a"
    assert found["inception"].value == pytest.approx(0.5, abs=5e-4)
    assert found["residual_voltage"].value == pytest.approx(0.0, abs=1e-6)
    assert found["voltage_a"].value == pytest.approx(230.0, rel=1e-5)
    assert found["prefault_power"].value == pytest.approx(69e3, rel=1e-5)
    untold(found, "phase_jump_a")


@pytest.mark.parametrize("begin", [0.0, 0.4])
def test_all_phases_dead(quick, begin):
    found = examined(lost(quick(depth=(1.0, 1.0, 1.0)), [0, 2, 4], begin))
    if begin == 0:
        untold(found, "frequency", "voltage_a", "residual_voltage", "prefault_power")
        return
    assert found["event_kind"].value == "interruption"
    assert found["frequency"].value == pytest.approx(50.0, abs=1e-3)
    assert found["reference_voltage"].value == pytest.approx(230.0, rel=1e-6)


@pytest.mark.parametrize("kept", ["a", "b", "ab", "bc"])
def test_fewer_phases(quick, kept):
    """Each carries 230 V x 100 A x cos 0.3; of one or two phases no sequence is told."""
    whole = quick(phi=0.3, depth=(0.4, 0.4, 0.4))
    channels = [c for c in whole.channels if c.phase in kept]
    found = examined(Waveform(whole.select(channels), tuple(channels), whole.rate))
    assert found["prefault_power"].value == pytest.approx(len(kept) * 23e3 * np.cos(0.3), rel=1e-5)
    assert found["residual_voltage"].value == pytest.approx(92.0, rel=1e-5)
    assert found["faulted_phases"].value == kept
    assert not {"unbalance", "event_u2", "voltage_u2"} & {one.key for one in found.results}


def test_two_voltages_between_lines_alone(quick):
    whole = quick(depth=(0.4, 0.4, 0.4))
    a, b, c = (whole[f"v_{p}"] for p in "abc")
    channels = tuple(Channel(f"v_{p}", "V", "voltage", p) for p in ("ab", "bc"))
    found = examined(Waveform(np.array([a - b, b - c]), channels, whole.rate))
    assert found["voltage_ab"].value == pytest.approx(np.sqrt(3) * 230, rel=1e-5)
    assert found["residual_voltage"].value == pytest.approx(np.sqrt(3) * 92, rel=1e-5)
    assert "prefault_power" not in found


def test_voltages_of_several_places_are_not_mixed(quick):
    """v_a stands at the grid: the unit has b and c, whose powers alone are no power of three currents."""
    whole = quick()
    channels = tuple(replace(c, place="grid") if c.name == "v_a" else c for c in whole.channels)
    found = examined(replace(whole, channels=channels))
    assert "voltage_a" not in found
    assert found["faulted_phases"].value == "bc"
    assert "prefault_power" not in found


def test_nothing_at_the_terminals_names_the_places(quick):
    whole = quick()
    channels = tuple(replace(c, place="grid") for c in whole.channels)
    with pytest.raises(ConfigError, match=r"v_a \(grid voltage\)"):
        analyze(replace(whole, channels=channels))


# samples


@pytest.mark.parametrize("scale", [1e-12, 1e12])
def test_very_small_and_very_large(quick, scale):
    whole = quick(depth=(0.4, 0.4, 0.4), phi=0.3)
    found = examined(replace(whole, samples=scale * whole.samples))
    assert found["voltage_a"].value == pytest.approx(230 * scale, rel=1e-6)
    assert found["residual_voltage"].value == pytest.approx(92 * scale, rel=1e-5)
    assert found["prefault_power"].value == pytest.approx(69e3 * scale**2 * np.cos(0.3), rel=1e-6)
    assert found["reactive_current"].value == pytest.approx(np.sin(0.3), rel=1e-3)


@pytest.mark.parametrize("kind", [np.int16, np.float32, np.float64])
def test_whole_numbers_in_any_type_give_the_same(quick, kind):
    whole = quick()
    rounded = np.round(whole.samples)
    plain = examined(replace(whole, samples=rounded))
    other = examined(replace(whole, samples=rounded.astype(kind)))
    for key in ("voltage_a", "residual_voltage", "prefault_power", "thd_voltage", "event_duration"):
        assert other[key].value == pytest.approx(plain[key].value, rel=1e-5), key
    assert plain["voltage_a"].value == pytest.approx(230.0, abs=0.05)  # a step of 1 V, 2400 samples


def test_a_constant_current_carries_no_power(quick):
    found = examined(lost(quick(depth=(0.4, 0.4, 0.4)), [3], value=3.0))
    assert found["current_b"].value == pytest.approx(3.0, rel=1e-9)
    assert found["prefault_power"].value == pytest.approx(2 * 23e3, rel=1e-5)


def test_currents_that_are_all_zero(quick):
    found = examined(lost(quick(depth=(0.4, 0.4, 0.4)), [1, 3, 5]))
    assert found["prefault_power"].value == pytest.approx(0.0, abs=1e-9)
    untold(found, "recovery_time", "restore_time", "reactive_current", "event_current_min")
    assert (found["trip"].value, found["trip"].state) == (None, "no current from the start")


def test_a_constant_voltage_beside_sound_ones(quick):
    found = examined(lost(quick(depth=(0.4, 0.4, 0.4)), [2], value=230.0))
    assert found["faulted_phases"].value == "ac"
    untold(found, "thd_voltage")


def test_noise_alone_has_no_frequency():
    noise = np.random.default_rng(3).normal(size=(3, 10_000))
    channels = tuple(Channel(f"v_{p}", "V", "voltage", p) for p in "abc")
    untold(examined(Waveform(noise, channels, 10e3)), "frequency", "voltage_a", "residual_voltage")


def test_noise_as_large_as_the_settling_band_is_not_timed(quick):
    """The reactive current's band is -2.5 %: noise of 40 % leaves about 5 % in a one-cycle phasor."""
    found = examined(quick(noise=0.4, seed=1, phi=0.3, duration=1.5))
    assert found["frequency"].value == pytest.approx(50.0, abs=0.05)
    assert found["reactive_settling_time"].value is None
    assert found["prefault_power"].value == pytest.approx(69e3 * np.cos(0.3), rel=0.05)


def test_one_infinite_sample_is_a_missing_one(quick):
    whole = quick()
    found = examined(lost(whole, [0], 0.2, 0.2 + 0.5 / whole.rate, np.inf))
    assert found["valid_share"].value == pytest.approx(100 * (1 - 1 / len(whole)))
    assert not found["voltage_a"].valid
    assert found["residual_voltage"].value == pytest.approx(92.0, rel=1e-5)


def test_every_sample_marked_bad(quick):
    whole = quick()
    found = examined(replace(whole, valid=np.zeros(len(whole), bool)))
    for key in ("frequency", "voltage_a", "current_a", "prefault_power"):
        assert not found[key].valid, key
    untold(found, "event_count", "residual_voltage", "inception", "thd_voltage", "reference_voltage")


def test_an_offset_of_ten_percent_is_part_of_the_rms_and_no_distortion(mains):
    found = examined(mains(rate=10e3, dc=23.0))
    assert found["voltage_a"].value == pytest.approx(np.hypot(230, 23), rel=1e-5)
    assert found["frequency"].value == pytest.approx(50.0, abs=1e-4)
    assert found["thd_voltage"].value == pytest.approx(0.0, abs=1e-3)
    assert found["event_count"].value == 0


def test_orders_that_the_rate_does_not_carry_are_not_claimed(mains):
    """5 % of order 49 at 6 kS/s lies at 98 % of Nyquist: in the RMS, and the THD says where it ends."""
    found = examined(mains(hertz=60.0, rate=6e3, harmonics=((49, 0.05),)))
    assert found["voltage_a"].value == pytest.approx(230 * np.hypot(1, 0.05), rel=1e-4)
    assert "orders 2 to 31;" in found["thd_voltage"].note
    assert found["pwhd_voltage"].value is None


def test_the_lowest_rate_that_carries_order_50(mains):
    """Order 50 and its neighbours end at 50.2 cycles; 64 % of Nyquist take 156.9 samples per cycle."""
    for samples, top in ((157, 50), (156, 49)):
        found = examined(mains(rate=50.0 * samples, harmonics=((49, 0.03), (50, 0.04))))
        assert f"orders 2 to {top};" in found["thd_voltage"].note
        expected = 5.0 if top == 50 else 3.0
        assert found["thd_voltage"].value == pytest.approx(expected, rel=2e-3)


def test_an_interharmonic_in_the_last_bins_at_60_hz(mains):
    """10 % at 49.5 times 60 Hz is the interharmonic between orders 49 and 50, and no harmonic."""
    found = examined(mains(hertz=60.0, rate=20e3, harmonics=((49.5, 0.1),)))
    assert found["interharmonic_voltage"].value == pytest.approx(10.0, rel=1e-3)
    assert "49 and 50" in found["interharmonic_voltage"].note
    assert found["thd_voltage"].value == pytest.approx(0.0, abs=0.02)


# events


def jumped(wave, angle, at=0.5):
    """Return a capture whose phases jump at an instant: both values of the sine are known."""
    t, w = wave.time, 2 * np.pi * 50
    rows = [
        size * np.sqrt(2) * np.cos(w * t - k * 2 * np.pi / 3 + np.where(t >= at, np.radians(angle), 0.0))
        for k in range(3)
        for size in (230.0, 100.0)
    ]
    return replace(wave, samples=np.array(rows))


@pytest.mark.parametrize("angle", [60.0, -60.0, 180.0])
def test_a_jump_of_phase_is_no_frequency(quick, angle):
    found = examined(jumped(quick(), angle))
    assert found["frequency"].value == pytest.approx(50.0, abs=1e-3)
    assert found["reference_voltage"].value == pytest.approx(230.0, rel=1e-5)
    told = found["phase_jump"].value
    assert abs((told - angle + 180) % 360 - 180) < 0.01
    for key in ("rocof_max", "rocof_100ms_max"):
        assert found[key].value == pytest.approx(0.0, abs=0.05), key


def test_an_event_from_the_first_sample_on(quick):
    """What was before is not recorded; the end, and the voltage in it, are."""
    found = examined(quick(begin=-1.0, end=0.3))
    assert found["residual_voltage"].value == pytest.approx(92.0, rel=1e-4)
    assert found["reference_voltage"].value == pytest.approx(230.0, rel=1e-4)
    assert found["event_end"].value == pytest.approx(0.3, abs=5e-3)
    untold(found, "inception", "voltage_a", "prefault_power", "recovery_time", "trip", "event_current_min")


def test_an_event_that_outlasts_the_record(quick):
    found = examined(quick(begin=1.1, end=9.0))
    assert found["inception"].value == pytest.approx(1.1, abs=5e-4)
    assert found["residual_voltage"].value == pytest.approx(92.0, rel=1e-4)
    for key in ("event_duration", "recovery_time", "postfault_power"):
        assert (found[key].value, found[key].state) == (None, "unfinished")


def test_a_step_to_zero(quick):
    found = examined(
        quick(depth=(0.0, 0.0, 0.0), current=lambda t: np.where((t > 0.4) & (t < 0.8), 0.0, 1.0))
    )
    assert found["event_kind"].value == "interruption"
    assert found["residual_voltage"].value == pytest.approx(0.0, abs=1e-6)
    assert found["event_duration"].value == pytest.approx(0.3, abs=0.021)  # half a cycle at either end
    assert found["recovery_time"].value == pytest.approx(0.1, abs=0.011)
    untold(found, "reactive_current")


@pytest.mark.parametrize("event", [-0.1, 1.5, 77.0, np.nan, np.inf])
def test_an_event_outside_the_record_is_refused(quick, event):
    with pytest.raises(ConfigError, match="runs from 0 to 1.4 s; give an instant of it"):
        analyze(quick(duration=1.4), event=event)


def test_two_events_and_the_one_that_is_asked_for(quick):
    whole = quick(begin=0.3, end=0.4, duration=1.4)
    whole = replace(
        whole, samples=whole.samples * np.where((whole.time >= 0.9) & (whole.time < 1.1), 0.7, 1.0)
    )
    for near, at, residual in ((None, 0.3, 92.0), (0.95, 0.9, 161.0), (1.39, 0.9, 161.0)):
        found = examined(whole, event=near)
        assert found["event_count"].value == 2
        assert found["inception"].value == pytest.approx(at, abs=5e-4)
        assert found["residual_voltage"].value == pytest.approx(residual, rel=1e-4)
        assert found["voltage_a"].value == pytest.approx(230.0, rel=1e-5)


@pytest.mark.parametrize("size", [0.6, 1.3])
def test_an_instant_deep_inside_an_event_does_not_make_it_the_reference(quick, size):
    """0.4 s into a dip (or swell) of 0.6 s, the last 20 half cycles are all of the event's own voltage."""
    found = examined(quick(depth=(size, size, size), begin=0.4, end=1.0, duration=1.4), event=0.8)
    assert found["reference_voltage"].value == pytest.approx(230.0, rel=1e-5)
    assert found["residual_voltage"].value == pytest.approx(size * 230, rel=1e-4)
    assert found["inception"].value == pytest.approx(0.4, abs=5e-4)


@dataclass(frozen=True)
class Endless:
    """A capture that is only ever reckoned in parts: 230 V at 50 Hz, half of it from `at` for 0.2 s."""

    count: int
    at: float
    rate: float = 2000.0
    start: float = 0.0
    triggered: bool = False
    history: tuple = ()
    source: str = "endless"
    stated_frequency: float | None = None
    channels: tuple = tuple(Channel(f"v_{p}", "V", "voltage", p) for p in "abc")

    def __len__(self):
        return self.count

    def part(self, first, last):
        first, last = max(first, 0), min(last, self.count)
        t = np.arange(first, max(first, last)) / self.rate
        size = 230 * np.sqrt(2) * np.where((t >= self.at) & (t < self.at + 0.2), 0.5, 1.0)
        rows = np.array([size * np.sin(2 * np.pi * (50 * t - k / 3)) for k in range(3)])
        return Waveform(rows, self.channels, self.rate, self.start + first / self.rate)


@pytest.mark.parametrize("at", [170.0, 179.9])
def test_a_late_event_of_a_long_capture(at):
    """Of 180 s only those around the event are looked at sample by sample."""
    capture = Endless(360_000, at)
    assert len(capture) > SHORT * capture.rate
    found = examined(capture)
    assert found["event_count"].value == 1
    assert found["inception"].value == pytest.approx(at, abs=2e-3)
    assert found["residual_voltage"].value == pytest.approx(115.0, rel=1e-4)
    assert found["voltage_a"].value == pytest.approx(230.0, rel=1e-5)
    assert found["event_duration"].state == ("ok" if at < 179 else "unfinished")


# the same capture, told otherwise


def plain(found):
    return {one.key: (one.value, one.state, one.valid) for one in found.results}


@given(st.permutations(range(6)))
@FEW
def test_names_and_order_of_channels_do_not_matter(quick, order):
    """Roles are what counts: here the names are changed as well as the order."""
    whole = quick(depth=(1.0, 0.3, 0.8), phi=0.3, duration=0.9)
    renamed = tuple(replace(whole.channels[k], name=f"CH {place}") for place, k in enumerate(order))
    mixed = replace(whole, samples=whole.samples[order], channels=renamed)
    skipped = {"peak_current"}  # its note names the channel, its value is checked
    one, two = plain(examined(whole)), plain(examined(mixed))
    assert {k: v for k, v in one.items() if k not in skipped} == {
        k: v for k, v in two.items() if k not in skipped
    }
    assert one["peak_current"][0] == two["peak_current"][0]


@given(st.floats(-1e5, 1e5))
@FEW
def test_a_shift_in_time_moves_instants_only(quick, shift):
    whole = quick(depth=(0.4, 0.4, 0.4), phi=0.3, duration=0.9)
    one, two = examined(whole), examined(replace(whole, start=shift))
    assert [r.key for r in one.results] == [r.key for r in two.results]
    for before, after in zip(one.results, two.results, strict=True):
        assert (before.state, before.valid) == (after.state, after.valid), before.key
        if isinstance(before.value, float):
            moved = shift if before.key in {"inception", "event_end"} else 0.0
            # what is nought but for rounding, such as a ROCOF, is so within 1e-4 of its unit
            assert after.value - moved == pytest.approx(before.value, rel=1e-5, abs=1e-4), before.key
        else:
            assert before.value == after.value, before.key


@pytest.mark.parametrize("turn", [1, 2])
def test_the_names_of_the_phases_turned_round(quick, turn):
    """b, c, a for a, b, c: everything of all three phases stays; phase b's values are now phase a's."""
    whole = quick(depth=(1.0, 0.3, 0.8), phi=0.3)
    phases = {p: "abc"[("abc".index(p) - turn) % 3] for p in "abc"}
    turned = replace(whole, channels=tuple(replace(c, phase=phases[c.phase]) for c in whole.channels))
    one, two = examined(whole), examined(turned)
    for key in ("frequency", "residual_voltage", "prefault_power", "event_u1", "event_u2", "unbalance"):
        assert two[key].value == pytest.approx(one[key].value, rel=1e-6, abs=1e-4), key
    assert set(two["faulted_phases"].value) == {phases[p] for p in one["faulted_phases"].value}
    assert not two.warnings


def test_two_phases_exchanged(quick):
    """Read a-c-b, with b and c exchanged, power and sequences are what they were; a warning says so."""
    whole = quick(order="acb", phi=0.3, depth=(1.0, 0.3, 0.8))
    straight = examined(quick(phi=0.3, depth=(1.0, 0.8, 0.3)))
    found = examined(whole)
    assert any("a-c-b" in warning for warning in found.warnings)
    for key in ("prefault_power", "prefault_reactive_power", "event_u1", "event_u2", "residual_voltage"):
        assert found[key].value == pytest.approx(straight[key].value, rel=1e-5), key
