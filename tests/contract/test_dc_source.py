"""What every DC source must do beyond what every instrument must, on its twin."""

import pytest

from hil.errors import InstrumentError


@pytest.fixture
def energised(dc):
    """A source at 850 V, output on."""
    source = dc.ready()
    source.set_current_limits(140.0, 120.0)
    source.set_power_limits(105e3, 100e3)
    source.set_voltage(850.0)
    source.switch_output(on=True)
    dc.settle()
    return source


def test_set_points_reach_the_terminals_with_the_output_off(dc):
    source = dc.ready()
    source.set_current_limits(140.0, 120.0)
    source.set_power_limits(105e3, 100e3)
    source.set_voltage(850.0)
    assert dc.terminals.volts == pytest.approx(850.0, abs=0.5)
    assert dc.terminals.sink_amps == pytest.approx(140.0, abs=0.1)
    assert dc.terminals.source_amps == pytest.approx(120.0, abs=0.1)
    assert dc.terminals.sink_watts == pytest.approx(105e3, abs=60)
    assert dc.terminals.source_watts == pytest.approx(100e3, abs=60)
    assert not dc.terminals.output


def test_the_output_follows_and_is_measured(dc, energised):
    assert dc.terminals.output
    assert energised.read_output()
    assert energised.read_voltage() == pytest.approx(850.0, abs=0.5)
    dc.measure(measured_amps=-42.0)  # the PCS charges the battery: into the source
    assert energised.read_current() == pytest.approx(-42.0, abs=0.1)
    energised.switch_output(on=False)
    assert not energised.read_output()
    assert not dc.terminals.output


def test_snapshot_is_in_si_units(dc, energised):
    dc.measure(measured_amps=-50.0)
    state = energised.snapshot()
    assert state["output"] is True
    assert state["voltage"] == pytest.approx(850.0, abs=0.5)
    assert state["current"] == pytest.approx(-50.0, abs=0.1)
    assert state["power"] == pytest.approx(-42.5e3, abs=60)
    assert state["voltage_setpoint"] == pytest.approx(850.0, abs=0.5)


def test_a_long_silence_does_not_lose_the_box(dc, world, energised):
    world.sleep(60.0)
    energised.set_voltage(800.0)
    assert dc.terminals.volts == pytest.approx(800.0, abs=0.5)
    assert dc.terminals.output


def test_a_charged_link_is_no_proof(dc, energised):
    energised.make_safe()
    for volts, holds in ((850.0, False), (60.5, False), (59.0, True), (-61.0, False)):
        dc.measure(measured_volts=volts)  # the link keeps its charge with the output off
        (proof,) = energised.prove_safe()
        assert proof.holds is holds


def test_a_trip_is_an_error_at_the_next_command(dc, energised):
    dc.measure(measured_volts=1400.0)  # the PCS lifts the link beyond the protection
    with pytest.raises(InstrumentError):
        energised.set_voltage(840.0)
    assert not dc.terminals.output
