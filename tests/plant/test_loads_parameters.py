"""Loads and transformer in engineering terms: conversions, refusals, and AI load profiles."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import expm

from hil.errors import ConfigError
from hil.plant.emt import load, transformer
from hil.plant.loads import (
    Bank,
    ElectronicLoad,
    Profile,
    Transformer,
    checkpoint,
    command_bank,
    fault_stop,
    from_trace,
    inference,
    load_array,
    play,
    square,
    start,
    sweep,
    transformer_array,
)

OMEGA = 2 * np.pi * 60.0
NAN, INF = float("nan"), float("inf")


def at(profile, seconds):
    """Return the power at these times, as the load plays it."""
    return np.interp(seconds, np.arange(profile.watts.size) * profile.spacing, profile.watts)


def test_bank_from_power_takes_that_power():
    bank = Bank.from_power(480.0, 60.0, (10e3, 0.0, 5e3), (3e3, 2e3, 0.0), (0.0, 1e3, 4e3))
    square_of_phase = 480.0**2 / 3
    assert bank.resistance == (
        pytest.approx(square_of_phase / 10e3),
        None,
        pytest.approx(square_of_phase / 5e3),
    )
    assert bank.inductance[0] * OMEGA == pytest.approx(square_of_phase / 3e3)
    assert bank.inductance[2] is bank.capacitance[0] is None
    assert 1 / (bank.capacitance[2] * OMEGA) == pytest.approx(square_of_phase / 4e3)


def test_resonant_bank_has_its_quality_and_frequency():
    bank = Bank.resonant(60e3, 2.5, 480.0, 60.0)
    ohm, henry, farad = bank.resistance[1], bank.inductance[1], bank.capacitance[1]
    assert ohm * np.sqrt(farad / henry) == pytest.approx(2.5)  # IEEE 1547.1: Q_f = R sqrt(C / L)
    assert 1 / np.sqrt(henry * farad) == pytest.approx(OMEGA)
    assert 480.0**2 / ohm == pytest.approx(60e3)


def test_bank_is_commanded_and_taken_away_again():
    x = load_array(Bank((5.0, None, 2.0)), ElectronicLoad(), 20e-6, 100e-6)
    assert list(x[load.G : load.G + 3]) == [0.2, 0.0, 0.5]
    command_bank(x, Bank(inductance=(1e-3, None, None), capacitance=(None, 1e-4, None)))
    assert list(x[load.WANT_G : load.WANT_G + 3]) == [0.0, 0.0, 0.0]
    assert list(x[load.WANT_INV_L : load.WANT_INV_L + 3]) == [1000.0, 0.0, 0.0]
    assert list(x[load.WANT_CAP : load.WANT_CAP + 3]) == [0.0, 1e-4, 0.0]
    assert list(x[load.G : load.G + 3]) == [0.2, 0.0, 0.5]  # until the control period


@pytest.mark.parametrize("name", ["resistance", "inductance", "capacitance"])
@pytest.mark.parametrize("value", [0.0, -1e-3, NAN, INF])
def test_part_that_is_not_one_is_refused(name, value):
    with pytest.raises(ConfigError, match=f"Bank {name}"):
        Bank(**{name: (None, value, 1.0)})


def test_bank_that_the_step_cannot_follow_is_refused():
    fast = Bank(inductance=(1e-4,) * 3, capacitance=(1e-5,) * 3)  # 5.0 kHz
    with pytest.raises(ConfigError, match=r"5033 Hz.* 2500 Hz"):
        load_array(fast, ElectronicLoad(), 20e-6, 100e-6)
    load_array(fast, ElectronicLoad(), 5e-6, 100e-6)
    with pytest.raises(ConfigError, match="damping_time"):
        load_array(Bank(damping_time=9e-6), ElectronicLoad(), 20e-6, 100e-6)
    with pytest.raises(ConfigError, match="capacitive var"):
        Bank.from_power(480.0, 60.0, inductive=(-1.0, 0.0, 0.0))
    with pytest.raises(ConfigError, match="three phases"):
        Bank(resistance=(1.0, 1.0))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("rating", 0.0),
        ("voltage", -480.0),
        ("input_lag", 0.0),
        ("voltage_lag", NAN),
        ("current_limit", 0.99),
        ("transfer_voltage", 1.0),
        ("transfer_time", INF),
        ("return_ramp", 0.0),
    ],
)
def test_electronic_load_that_cannot_be_is_refused(name, value):
    with pytest.raises(ConfigError, match=f"ElectronicLoad {name}"):
        ElectronicLoad(**{name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("rating", 0.0),
        ("leakage", -0.05),
        ("leakage", 0.3),  # as much as the air core's
        ("x_over_r", 0.0),
        ("core_loss", 0.01),
        ("no_load_current", 0.0),
        ("knee", 1.0),
        ("air_core", 200.0),
        ("load", (1e3, -1.0, 0.0)),
        ("load", (1e3,)),
    ],
)
def test_transformer_that_cannot_be_is_refused(name, value):
    with pytest.raises(ConfigError, match="Transformer"):
        Transformer(**{name: value})


def test_residual_flux_lies_within_the_knee():
    x = transformer_array(Transformer(), 20e-6, (0.8, -0.4, -0.4))
    peak = np.sqrt(2) * 480.0 / OMEGA
    assert x[transformer.FLUX : transformer.FLUX + 3] == pytest.approx(np.array([0.8, -0.4, -0.4]) * peak)
    with pytest.raises(ConfigError, match="within the knee"):
        transformer_array(Transformer(), 20e-6, (0.0, 1.2, 0.0))


def test_coefficients_are_the_exponential_of_the_unit_for_a_linear_voltage():
    q, step = Transformer(load=(5e3, 0.0, 0.0)), 20e-6
    x = transformer_array(q, step)
    z = q.impedance
    series, within, core = 0.05 * z / OMEGA, q.magnetising * z / OMEGA, 480.0**2 / (100.0 + 5e3)
    # Current, flux, voltage and its slope; the voltage in steps of a volt within the step.
    a = np.zeros((4, 4))
    a[0] = [-(0.01 * z + core) / series, core / (within * series), 1 / series, 0]
    a[1, :2] = [core, -core / within]
    a[2, 3] = 1.0
    whole = expm(a * step)
    table = x[transformer.TABLE : transformer.TABLE + 8].reshape(2, 4)
    assert table[:, :2] == pytest.approx(whole[:2, :2], rel=1e-9)
    assert table[:, 2] + table[:, 3] == pytest.approx(whole[:2, 2], rel=1e-9)  # a voltage that stays
    assert table[:, 3] == pytest.approx(whole[:2, 3] / step, rel=1e-9)


def test_square_is_one_period_of_training():
    profile = square(90e3, 40e3, 2.0, duty=0.75, edge=5e-3)
    assert profile.watts.size * profile.spacing == pytest.approx(2.0)
    assert not profile.held
    assert at(profile, [0.0, 0.0025, 0.005, 1.5, 1.5025, 1.505, 1.99]) == pytest.approx(
        [40e3, 65e3, 90e3, 90e3, 65e3, 40e3, 40e3]
    )
    assert profile.watts.mean() == pytest.approx(0.75 * 90e3 + 0.25 * 40e3, rel=1e-9)


def test_start_stop_and_checkpoint_are_lines_between_their_powers():
    assert at(start(15e3, 100e3, 4.25), [0.0, 2.125, 4.25, 9.0]) == pytest.approx(
        [15e3, 57.5e3, 100e3, 100e3]
    )
    assert at(fault_stop(100e3, 12e3, 1e-3), [0.0, 1e-3, 5.0]) == pytest.approx([100e3, 12e3, 12e3])
    dip = checkpoint(100e3, 27e3, duration=20.0, edge=0.1)
    assert at(dip, [0.0, 0.05, 0.1, 20.0, 20.1]) == pytest.approx([100e3, 63.5e3, 27e3, 27e3, 100e3])


@pytest.mark.parametrize(
    "make",
    [
        lambda: square(1.0, 0.0, 1.0, duty=1.0),
        lambda: square(1.0, 0.0, 1.0, duty=0.9, edge=0.2),
        lambda: start(1.0, 2.0, 0.0),
        lambda: start(-1.0, 2.0, 1.0),
        lambda: checkpoint(1.0, 0.5, duration=0.05),
        lambda: sweep(1.0, 0.5, [1.0, 0.0]),
        lambda: sweep(1.0, 2.5, [1.0]),
        lambda: inference(1.0, 2.0, 0.0, seed=1),
        lambda: from_trace([0.0, 0.0], [1.0, 1.0], 0.1),
        lambda: from_trace([0.0, 1.0], [1.0], 0.1),
        lambda: from_trace([0.0, 1.0], [1.0, NAN], 0.1),
        lambda: from_trace([0.0, 1.0], [1.0, -1.0], 0.1),
        lambda: from_trace([0.0, 1.0], [1.0, 1.0], 0.0),
        lambda: from_trace([0.0, 0.5], [1.0, 1.0], 1.0),
        lambda: play(np.zeros(load.END), Profile(1.0, np.array([])), 0.0),
        lambda: play(np.zeros(load.END), Profile(1.0, np.array([1.0, INF])), 0.0),
    ],
)
def test_profile_that_cannot_be_is_refused(make):
    with pytest.raises(ConfigError, match=r"square|profile|sweep|inference|trace"):
        make()


def test_sweep_has_whole_cycles_of_each_frequency_and_the_swing():
    profile = sweep(50e3, 20e3, [0.5, 2.0, 5.0], cycles=4)
    begins = [0.0, 8.0, 10.0, 10.8]
    for hertz, begin, end in zip([0.5, 2.0, 5.0], begins, begins[1:], strict=False):
        time = np.arange(begin, end - 1e-9, profile.spacing)
        expected = 50e3 + 10e3 * np.sin(2 * np.pi * hertz * (time - begin))
        assert at(profile, time) == pytest.approx(expected, abs=1.0)
    assert profile.watts[-1] == pytest.approx(50e3)
    assert [profile.watts.min(), profile.watts.max()] == pytest.approx([40e3, 60e3])


def test_inference_has_the_mean_of_its_queue_and_is_the_same_again():
    # M/G/infinity: rate times service are busy in the mean, with that same variance (Little; Poisson).
    profile = inference(0.0, 1000.0, 4000.0, rate=5.0, service=4.0, slots=1000, seed=3)
    assert profile.watts.mean() == pytest.approx(20.0, rel=0.05)
    assert profile.watts.var() == pytest.approx(20.0, rel=0.15)
    assert np.array_equal(
        profile.watts, inference(0.0, 1000.0, 4000.0, rate=5.0, service=4.0, slots=1000, seed=3).watts
    )
    assert not np.array_equal(
        profile.watts[:9000],
        inference(0.0, 1e3, 90.0, rate=5.0, service=4.0, slots=1000, seed=4).watts[:9000],
    )
    crowded = inference(10.0, 20.0, 100.0, rate=50.0, service=4.0, slots=50, seed=3)
    assert crowded.watts.max() == 20.0


def test_trace_is_held_and_its_mean_keeps_the_energy():
    held = from_trace([0.0, 0.1, 0.3], [10.0, 20.0, 5.0], 0.05)
    assert held.held
    assert list(held.watts) == [10.0, 10.0, 20.0, 20.0, 20.0, 20.0, 5.0]
    mean = from_trace([0.0, 0.1, 0.3], [10.0, 20.0, 5.0], 0.15, mean=True)
    assert mean.held
    assert mean.watts == pytest.approx([(1.0 + 1.0) / 0.15, 20.0])


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0.01, 2.0), st.floats(0.0, 1e5)), min_size=3, max_size=20),
    st.floats(0.01, 1.0),
)
def test_no_resampling_invents_a_power_or_energy(trace, spacing):
    times = np.cumsum([seconds for seconds, _ in trace])
    watts = [power for _, power in trace]
    if times[-1] - times[0] < spacing:
        spacing = float(times[-1] - times[0]) / 2
    held = from_trace(times, watts, spacing)
    assert set(held.watts) <= set(watts)
    mean = from_trace(times, watts, spacing, mean=True)
    end = times[0] + spacing * mean.watts.size
    energy = sum(
        p * (min(b, end) - min(a, end)) for a, b, p in zip(times[:-1], times[1:], watts[:-1], strict=True)
    )
    assert mean.watts.sum() * spacing == pytest.approx(energy, rel=1e-9, abs=1e-6)


def test_defaults_keep_their_sources_ranges():
    # pcs-models: knee 1.1 to 1.25 pu, air core 0.2 to 0.35 pu, no-load current 0.5 to 2 %.
    q = Transformer()
    assert 1.1 <= q.knee <= 1.25
    assert 0.2 <= q.air_core <= 0.35
    assert 0.005 <= q.no_load_current <= 0.02
    assert replace(q, core_loss=0.006, no_load_current=0.01).magnetising == pytest.approx(1 / 0.008)
