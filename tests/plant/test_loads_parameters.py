"""Loads and transformer in engineering terms: conversions and refusals."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.linalg import expm

from hil.errors import ConfigError
from hil.plant.emt import load, transformer
from hil.plant.loads import (
    Bank,
    ElectronicLoad,
    Transformer,
    command_bank,
    load_array,
    play,
    transformer_array,
)
from hil.profiles.profile import Profile

OMEGA = 2 * np.pi * 60.0
NAN, INF = float("nan"), float("inf")


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


def test_profile_without_a_rating_is_refused():
    with pytest.raises(ConfigError, match="per unit"):
        play(np.zeros(load.END), Profile(np.array([0.0, 1.0]), np.ones(2), unit="pu"), 0.0)


def test_defaults_keep_their_sources_ranges():
    # pcs-models: knee 1.1 to 1.25 pu, air core 0.2 to 0.35 pu, no-load current 0.5 to 2 %.
    q = Transformer()
    assert 1.1 <= q.knee <= 1.25
    assert 0.2 <= q.air_core <= 0.35
    assert 0.005 <= q.no_load_current <= 0.02
    assert replace(q, core_loss=0.006, no_load_current=0.01).magnetising == pytest.approx(1 / 0.008)
