"""What analyze makes of good, poor and odd records."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hil.analysis.analyze import analyze
from hil.capture.read import read
from hil.errors import ConfigError
from hil.waveform import Channel, Waveform

CAPTURES = Path(__file__).parents[2] / "data" / "captures"
FEW = settings(  # the fixture only makes waveforms, it keeps nothing
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def test_a_real_record_whose_file_states_the_wrong_frequency():
    """IEEE 123-bus feeder, fault on phase B (SOURCE.txt): 2380.9 -> 932.7 V RMS, least squares 59.9955 Hz."""
    found = analyze(read(CAPTURES / "oedi_transients" / "f1_1b274run.cfg"))
    assert found["frequency"].value == pytest.approx(60.0, abs=0.01)
    assert any("50 Hz" in warning for warning in found.warnings)
    assert found["faulted_phases"].value == "b"
    assert found["inception"].value == pytest.approx(0.1525, abs=0.5 / 60)
    assert found["voltage_b"].value == pytest.approx(2380.9, rel=0.02)
    assert found["residual_voltage"].value == pytest.approx(932.7, rel=0.02)
    assert found["event_voltage"].value == pytest.approx(932.7, rel=1e-3)
    assert found["event_duration"].state == "unfinished"
    assert found["thd_voltage"].state == "not determinable"  # nine cycles, twelve wanted


def test_series_for_plots_and_envelopes(sag):
    found = analyze(sag())
    series = {s.key: s for s in found.series}
    assert {"urms_a", "urms_b", "urms_c", "u1", "irms_a", "p", "q", "uevent_min", "frequency"} <= set(series)
    low = series["uevent_min"]
    assert low.values.min() == pytest.approx(92.0, rel=1e-4)
    assert low.values[low.time < 0.4] == pytest.approx(230.0, rel=1e-4)
    assert series["u1"].values[-1] == pytest.approx(230.0, rel=1e-6)
    assert all((np.diff(s.time) > 0).all() and s.time.shape == s.values.shape for s in found.series)


def test_spectra_and_distortion(mains):
    found = analyze(mains(hertz=49.9, harmonics=((5, 0.03), (7, 0.04))))
    assert found["thd_voltage"].value == pytest.approx(5.0, rel=1e-4)
    spectrum = {s.key: s for s in found.spectra}["harmonics_v_b"]
    assert spectrum.time[4] == pytest.approx(5 * 49.9, rel=1e-5)
    assert spectrum.values[[0, 4, 6]] == pytest.approx([100.0, 3.0, 4.0], rel=1e-3)


def test_unbalance_in_closed_form(mains):
    ua, ub, uc = 230.0, 220.0, 240.0
    a = np.exp(2j * np.pi / 3)
    phases = ua, ub * a**2, uc * a
    u1, u2 = phases[0] + a * phases[1] + a**2 * phases[2], phases[0] + a**2 * phases[1] + a * phases[2]
    found = analyze(mains(volts=(ua, ub, uc)))
    assert found["unbalance"].value == pytest.approx(100 * abs(u2) / abs(u1), rel=1e-5)
    assert found["voltage_b"].value == pytest.approx(220.0, rel=1e-6)


def test_voltages_between_lines_give_the_same_power(sag):
    neutral = sag(phi=0.4, depth=(1, 1, 1))
    a, b, c = (neutral[f"v_{p}"] for p in "abc")
    rows = np.array([a - b, b - c, c - a, *(neutral[f"i_{p}"] for p in "abc")])
    channels = [Channel(f"v_{p}", "V", "voltage", p) for p in ("ab", "bc", "ca")]
    channels += [Channel(f"i_{p}", "A", "current", p) for p in "abc"]
    found = analyze(Waveform(rows, tuple(channels), neutral.rate))
    assert found["voltage_ab"].value == pytest.approx(np.sqrt(3) * 230, rel=1e-6)
    assert found["prefault_power"].value == pytest.approx(69e3 * np.cos(0.4), rel=1e-5)
    assert found["prefault_reactive_power"].value == pytest.approx(69e3 * np.sin(0.4), rel=1e-5)


def test_a_single_phase(sag):
    whole = sag(phi=0.3)
    kept = [c for c in whole.channels if c.phase == "a"]
    found = analyze(Waveform(whole.select(kept), tuple(kept), whole.rate))
    assert found["faulted_phases"].value == "a"
    assert found["prefault_power"].value == pytest.approx(23e3 * np.cos(0.3), rel=1e-5)
    assert found["reactive_current"].value == pytest.approx(np.sin(0.3), rel=1e-3)
    assert "unbalance" not in found


def test_a_phase_that_was_dead_all_along(mains):
    found = analyze(mains(volts=(230.0, 0.0, 230.0)))
    assert found["voltage_b"].value == pytest.approx(0.0, abs=1e-6)
    assert found["faulted_phases"].value == "b"
    assert found["event_duration"].state == "unfinished"
    assert (found["inception"].value, found["inception"].state) == (None, "not determinable")
    assert found["thd_voltage"].state == "not determinable"


def test_direct_voltage_alone():
    x = np.full((1, 1000), 850.0)
    found = analyze(Waveform(x, (Channel("vdc", "V", "voltage", "dc"),), 10e3))
    assert found["dc_voltage_max"].value == 850.0
    assert (found["frequency"].value, found["frequency"].state) == (None, "not determinable")


def test_a_dead_bus(mains):
    found = analyze(mains(volts=(0.0, 0.0, 0.0)))
    assert found["frequency"].state == "not determinable"


def test_no_voltage_is_refused_by_name():
    wave = Waveform(np.zeros((1, 1000)), (Channel("load", "A", "current", "a"),), 10e3, source="x.csv")
    with pytest.raises(
        ConfigError, match=r"x\.csv: no channel is an AC or DC voltage \(it has load \(current\)\)"
    ):
        analyze(wave)


def test_a_nominal_voltage_that_is_none(mains):
    with pytest.raises(ConfigError, match="positive"):
        analyze(mains(), nominal_voltage=0.0)


def test_a_channel_without_a_number_is_refused_by_name(mains):
    wave = mains()
    with pytest.raises(ConfigError, match="'v_b' holds not one number"):
        analyze(replace(wave, samples=np.where([[False], [True], [False]], np.nan, wave.samples)))


@pytest.mark.parametrize("seconds", [0.002, 0.02, 0.045, 0.07, 0.11])
def test_short_records_say_what_they_cannot(mains, seconds):
    found = analyze(mains(duration=seconds))
    for result in found.results:
        assert (result.value is None) == (result.state not in {"ok", "none"}), result
    if found["frequency"].value is not None:
        assert found["thd_voltage"].state == "not determinable"
        assert found["voltage_a"].value == pytest.approx(230.0, rel=1e-4)


def test_missing_samples_spoil_what_they_touch_and_nothing_else(sag):
    whole = sag()
    samples = whole.samples.copy()
    samples[0, 10_000:10_010] = np.nan  # v_a at 0.2 s
    found = analyze(replace(whole, samples=samples))
    plain = analyze(whole)
    assert found["valid_share"].value == pytest.approx(100 * (1 - 10 / 60_000))
    assert not found["voltage_a"].valid
    assert found["residual_voltage"].valid
    assert found["residual_voltage"].value == pytest.approx(plain["residual_voltage"].value, rel=1e-6)
    assert found["current_b"].valid
    urms = {s.key: s for s in found.series}["urms_a"]
    touched = (urms.time > 0.2) & (urms.time - 0.02 < 0.2)
    assert np.isnan(urms.values).tolist() == touched.tolist()


def test_clipped_samples_spoil_every_channel(sag):
    whole = sag()
    valid = np.ones(len(whole), bool)
    valid[25_000:25_020] = False  # in the sag
    found = analyze(replace(whole, valid=valid))
    assert not found["residual_voltage"].valid
    assert not found["peak_current"].valid
    assert found["voltage_a"].valid


def test_phases_that_turn_the_other_way(sag):
    found = analyze(sag(order="acb", phi=0.3))
    assert any("a-c-b" in warning for warning in found.warnings)
    assert found["prefault_power"].value == pytest.approx(69e3 * np.cos(0.3), rel=1e-5)
    assert found["prefault_reactive_power"].value == pytest.approx(69e3 * np.sin(0.3), rel=1e-5)


def test_the_same_record_gives_the_same_results(sag):
    one, two = (json.dumps([asdict(r) for r in analyze(sag(noise=0.01)).results]) for _ in range(2))
    assert one == two


def values(analysis):
    return {r.key: r.value for r in analysis.results}


@given(st.floats(1e-3, 1e3))
@FEW
def test_scaling_the_record_scales_the_results(sag, scale):
    wave = sag(rate=10e3)
    plain, other = analyze(wave), analyze(replace(wave, samples=wave.samples * scale))
    assert other["residual_voltage"].value == pytest.approx(scale * plain["residual_voltage"].value, rel=1e-6)
    assert other["prefault_power"].value == pytest.approx(scale**2 * plain["prefault_power"].value, rel=1e-9)
    assert other["inception"].value == plain["inception"].value
    assert other["event_duration"].value == pytest.approx(plain["event_duration"].value, abs=1e-9)


@given(st.floats(-1e3, 1e3))
@FEW
def test_shifting_time_shifts_instants_only(sag, shift):
    wave = sag(rate=10e3)
    plain, other = analyze(wave), analyze(replace(wave, start=shift))
    assert other["inception"].value == pytest.approx(plain["inception"].value + shift, abs=1e-9)
    assert other["event_duration"].value == pytest.approx(plain["event_duration"].value, abs=1e-6)
    assert other["recovery_time"].value == pytest.approx(plain["recovery_time"].value, abs=1e-6)
    assert other["prefault_power"].value == pytest.approx(plain["prefault_power"].value, rel=1e-6)


@given(st.permutations(range(8)))
@FEW
def test_the_order_of_the_channels_does_not_matter(sag, order):
    wave = sag(rate=10e3, depth=(1.0, 0.3, 0.8))
    mixed = replace(wave, samples=wave.samples[order], channels=tuple(wave.channels[k] for k in order))
    plain, other = values(analyze(wave)), values(analyze(mixed))
    assert plain == other


@pytest.mark.parametrize(
    "given_wrong",
    [
        {"nominal_voltage": np.inf},
        {"nominal_frequency": 400.0},
        {"nominal_frequency": -50.0},
        {"event": np.nan},
    ],
)
def test_what_cannot_be_is_refused(mains, given_wrong):
    with pytest.raises(ConfigError, match="give"):
        analyze(mains(), **given_wrong)


def test_the_steady_state_before_a_second_event_does_not_reach_into_the_first(sag):
    """Two dips 0.1 s apart, 230 V and 69 kW (3 x 230 V x 100 A) between them."""
    wave = sag(begin=0.4, end=0.5, duration=1.5)
    t = wave.time
    samples = wave.samples.copy()
    samples[[0, 2, 4]] *= np.where((t >= 0.6) & (t < 0.8), 0.5, 1.0)
    found = analyze(replace(wave, samples=samples), event=0.61)
    assert found["event_count"].value == 2
    assert found["inception"].value == pytest.approx(0.6, abs=1e-3)
    assert found["voltage_a"].value == pytest.approx(230.0, rel=1e-5)
    assert found["prefault_power"].value == pytest.approx(69_000.0, rel=1e-4)
    assert found["residual_voltage_pu"].value == pytest.approx(0.5, rel=1e-3)


def test_powers_are_not_averaged_across_a_jump_of_phase(sag):
    """Voltage and current turn round together at 0.7 s: Urms(1/2) shows no event, the power is 69 kW."""
    wave = sag(depth=(1, 1, 1), duration=1.2)
    samples = wave.samples.copy()
    samples[:6] *= np.where(wave.time < 0.7, 1.0, -1.0)
    found = analyze(replace(wave, samples=samples))
    assert found["event_count"].value == 0
    assert found["prefault_power"].value == pytest.approx(69_000.0, rel=1e-5)
    assert found["voltage_a"].value == pytest.approx(230.0, rel=1e-6)


def test_the_voltage_before_a_jump_of_phase_is_not_touched_by_it(mains):
    """The windows of the fundamental beside a jump move its zero crossings: half a cycle is too late."""
    wave = mains(duration=1.0)
    t = wave.time
    jump = np.where(t < 0.5, 0.0, np.pi / 3)
    rows = [np.sqrt(2) * 230 * np.cos(2 * np.pi * (50 * t - k / 3) + 0.3 + jump) for k in range(3)]
    found = analyze(replace(wave, samples=np.array(rows)))
    assert found["voltage_a"].value == pytest.approx(230.0, rel=1e-6)


def test_long_captures_have_events_against_the_sliding_reference(mains):
    """The voltage sinks by 0.2 % a second: below 90 % of 230 V from 50 s on, but of the reference that
    follows only where it falls to 40 % at 65 s."""
    wave = mains(rate=2000.0, duration=70.0)
    t = wave.time
    course = np.where((t > 65) & (t < 65.3), 0.4, 1.0) * (1 - 0.002 * t)
    found = analyze(replace(wave, samples=wave.samples * course), nominal_voltage=230.0)
    table = next(table for table in found.tables if table.key == "sliding_reference_events")
    ((kind, begin, *_, residual),) = table.rows
    assert kind == "dip"
    assert begin == pytest.approx(65.0, abs=0.02)
    assert 0.4 * 0.87 / 1.0 < residual < 0.4  # of a reference that lags behind the sinking voltage
    assert found["event_duration"].state == "unfinished"  # against the declared voltage
    assert found["residual_voltage_pu"].value == pytest.approx(0.4 * 0.87, abs=0.002)
