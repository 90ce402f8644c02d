"""Ride-through quantities of synthetic sags (0.4 pu from 0.4 to 0.7 s) against what they were made with."""

import numpy as np
import pytest

from hil.analysis.analyze import analyze

CYCLE = 0.02


def test_a_clean_ride_through(sag):
    found = analyze(sag())
    assert found["inception"].value == pytest.approx(0.4, abs=1e-4)
    assert found["faulted_phases"].value == "abc"
    assert found["residual_voltage"].value == pytest.approx(92.0, rel=1e-4)
    assert found["event_depth"].value == pytest.approx(60.0, abs=0.01)
    assert found["event_duration"].value == pytest.approx(0.3, abs=1.1 * CYCLE)
    assert found["residual_voltage"].uncertainty == pytest.approx(0.002 * 92.0)
    assert found["prefault_power"].value == pytest.approx(3 * 230 * 100, rel=1e-6)
    assert found["prefault_reactive_power"].value == pytest.approx(0, abs=1)
    assert found["postfault_power"].value == pytest.approx(69e3, rel=1e-6)
    assert (found["trip"].value, found["trip"].state) == (None, "no trip")
    assert (found["cessation"].value, found["cessation"].state) == (0.0, "none")
    assert 0 <= found["recovery_time"].value <= CYCLE / 2
    assert found["trigger"].value == pytest.approx(0.4)
    assert (found["dc_voltage_min"].value, found["dc_voltage_max"].value) == (850.0, 870.0)
    assert found["peak_current"].value == pytest.approx(100 * np.sqrt(2))
    assert found["peak_current_pu"].value == pytest.approx(1.0)
    assert all(r.valid for r in found.results)


@pytest.mark.parametrize("at", [0.405, 0.5, 0.693, 0.95])
def test_a_trip_is_dated_to_the_sample(sag, at):
    found = analyze(sag(current=lambda t: np.where(t < at, 1.0, 0.0), noise=1e-4))
    assert found["trip"].state == "tripped"
    assert found["trip"].value == pytest.approx(at, abs=1e-3)
    assert found["trip_delay"].value == pytest.approx(at - 0.4, abs=1e-3)
    assert found["recovery_time"].value is None
    assert found["recovery_time"].state == "not recovered"
    assert found["cessation"].value is None or at > 0.7


def test_momentary_cessation_is_not_a_trip(sag):
    found = analyze(sag(current=lambda t: np.where((t > 0.45) & (t < 0.75), 0.0, 1.0)))
    assert found["trip"].state == "no trip"
    assert found["cessation"].value == pytest.approx(0.3, abs=0.002)
    assert found["recovery_time"].value == pytest.approx(0.05, abs=CYCLE / 2)


@pytest.mark.parametrize("seconds", [0.1, 0.2, 0.35])
def test_a_ramp_back_to_full_power(sag, seconds):
    def current(t):
        return np.where(t < 0.4, 1.0, np.clip(0.2 + (t - 0.7) / seconds, 0.2, 1.0))

    found = analyze(sag(current=current))
    assert found["recovery_time"].value == pytest.approx(0.7 * seconds, abs=CYCLE / 2)  # 0.2 to 0.9


def test_power_that_does_not_come_back(sag):
    found = analyze(sag(current=lambda t: np.where(t < 0.4, 1.0, 0.8), duration=1.9))
    assert (found["recovery_time"].value, found["recovery_time"].state) == (None, "not recovered")
    assert found["postfault_power"].value == pytest.approx(0.8 * 69e3, rel=1e-3)


def test_the_record_ends_inside_the_event(sag):
    found = analyze(sag(end=9.0, current=lambda t: np.where(t < 0.5, 1.0, 0.0)))
    for key in ("event_duration", "recovery_time", "postfault_power", "trip", "cessation"):
        assert (found[key].value, found[key].state) == (None, "unfinished"), key
    assert found["residual_voltage"].value == pytest.approx(92.0, rel=1e-4)


def test_reactive_current_supports_the_voltage(sag):
    lagging = analyze(sag(phi=np.pi / 6))
    assert lagging["prefault_reactive_power"].value == pytest.approx(69e3 * 0.5, rel=1e-5)
    assert lagging["reactive_current"].value == pytest.approx(0.5, abs=1e-4)
    assert lagging["reactive_response_time"].state == "no change"


def test_reactive_current_is_per_unit_of_the_rated_current(sag):
    """69 kVA at 3 x 230 V are 100 A; half of it is reactive, whatever the current before was."""
    untold = analyze(sag(phi=np.pi / 6))["reactive_current"]
    assert "of the current before the event" in untold.note
    told = analyze(sag(phi=np.pi / 6), rated_current=250.0)["reactive_current"]
    assert told.value == pytest.approx(0.5 * 100.0 / 250.0, abs=1e-4)
    assert told.note == ""


def test_a_step_of_reactive_current_is_timed(sag):
    tau = 0.03
    found = analyze(
        sag(
            current=lambda t: np.where(t < 0.4, 0.2, 1 - 0.8 * np.exp(-(t - 0.4) / tau)),
            phi=np.pi / 2,
            end=0.9,
        )
    )
    assert found["reactive_response_time"].value == pytest.approx(tau * np.log(10), abs=CYCLE / 2)


def test_unequal_depths(sag):
    found = analyze(sag(depth=(1.0, 0.2, 0.95), hertz=60.0))
    assert found["faulted_phases"].value == "b"
    assert found["residual_voltage_pu"].value == pytest.approx(0.2, rel=1e-3)
    assert found["unbalance"].value == pytest.approx(0.0, abs=1e-3)  # before the event


def test_a_swell(sag):
    found = analyze(sag(depth=(1.2, 1.2, 1.2)))
    assert found["event_kind"].value == "swell"
    assert found["residual_voltage_pu"].value == pytest.approx(1.2, rel=1e-4)
    assert found["event_depth"].value == pytest.approx(-20.0, abs=0.01)
    assert found["recovery_time"].value == 0.0


def test_a_bolted_fault(sag):
    found = analyze(sag(depth=(0, 0, 0), noise=1e-3))
    assert found["event_kind"].value == "interruption"
    assert found["residual_voltage_pu"].value < 0.002
    assert (found["reactive_current"].value, found["reactive_current"].state) == (None, "not determinable")


def test_no_current_to_lose(sag):
    found = analyze(sag(amps=0.0, noise=1e-4))
    assert (found["trip"].value, found["trip"].state) == (None, "no current from the start")
    assert found["recovery_time"].state == "not determinable"


def test_no_event(sag):
    found = analyze(sag(depth=(1, 1, 1), trigger=False))
    for key in (
        "inception",
        "residual_voltage",
        "event_duration",
        "recovery_time",
        "cessation",
        "reactive_current",
    ):
        assert (found[key].value, found[key].state) == (None, "no event"), key
    assert found["trip"].state == "no trip"
    assert found["trigger"].state == "no trigger"


def test_a_power_step(sag):
    tau = 0.03
    current = lambda t: np.where(t < 0.4, 0.2, 1 - 0.8 * np.exp(-(t - 0.4) / tau))  # noqa: E731
    found = analyze(sag(depth=(1, 1, 1), current=current), event=0.4)
    assert found["rise_time"].value == pytest.approx(tau * np.log(9), abs=CYCLE / 2)
    assert found["response_time"].value == pytest.approx(tau * np.log(10), abs=CYCLE / 2)
    assert found["settling_time"].value == pytest.approx(tau * np.log(50), abs=CYCLE / 2)
    assert found["prefault_power"].value is not None


def test_the_event_asked_for(sag):
    found = analyze(sag(begin=0.8, end=1.0), event=0.8, nominal_voltage=230.0)
    assert found["inception"].value == pytest.approx(0.8, abs=1e-4)
    assert found["reference_voltage"].method == "declared"
