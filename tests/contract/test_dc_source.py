"""What every DC source must do, on its twin."""

import copy

import pytest

from hil.errors import (
    BadReply,
    ConfigError,
    HilError,
    InstrumentError,
    LimitError,
    LinkLost,
    NoReply,
    OutcomeUnknown,
    WrongInstrument,
)
from hil.limits import Limit


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


def test_connecting_changes_nothing(dc):
    dc.terminals.output, dc.terminals.volts, dc.terminals.sink_amps = True, 700.0, 33.0
    dc.settle()
    before = copy.deepcopy(dc.terminals)
    source = dc.driver()
    identity = source.connect()
    source.close()
    assert dc.terminals == before
    assert identity.model
    assert identity.serial


def test_another_model_is_refused(dc):
    dc.fail(identity="ACME,Toaster 2000,1,1.0")
    with pytest.raises(WrongInstrument, match=dc.part.stranger):
        dc.driver().connect()


def test_silence_is_no_reply(dc):
    dc.fail(silent_after=0.0)
    with pytest.raises(NoReply, match="box"):
        dc.driver(timeout=0.2).connect()


def test_garbage_is_a_bad_reply(dc):
    source = dc.ready()
    dc.fail(garbage_after=0.0)
    with pytest.raises(BadReply, match="box"):
        source.read_voltage()


def test_a_box_that_is_gone_is_a_lost_link(dc):
    source = dc.ready()
    dc.fail(drops_after=0.0)
    for _ in range(3):
        with pytest.raises(LinkLost, match="box"):
            source.read_voltage()


def test_a_link_lost_behind_a_command_leaves_the_outcome_unknown_and_nothing_is_sent_again(dc):
    source = dc.ready()
    dc.fail(drops_after=0.0)
    before = len(dc.log.entries)
    with pytest.raises(OutcomeUnknown):
        source.switch_output(on=True)
    assert len(dc.log.entries) == before + 1
    assert "unknown" in dc.log.entries[-1].error


@pytest.mark.parametrize(
    "command",
    [
        lambda source: source.set_voltage(1000.5),
        lambda source: source.set_voltage(-1.0),
        lambda source: source.set_voltage(float("nan")),
        lambda source: source.set_current_limits(150.5, 0.0),
        lambda source: source.set_current_limits(0.0, 150.5),
        lambda source: source.set_power_limits(111e3, 0.0),
        lambda source: source.set_power_limits(0.0, 111e3),
    ],
)
def test_out_of_limits_sends_nothing(dc, command):
    source = dc.driver()
    with pytest.raises(LimitError, match="box"):
        command(source)
    assert dc.log.entries == []


def test_a_limit_beyond_the_rating_is_refused(dc):
    with pytest.raises(ConfigError, match="rating"):
        dc.driver(limits={"voltage": Limit(0, 1e6, "V")})


def test_preparing_leaves_the_output_off(dc):
    dc.ready()
    assert not dc.terminals.output


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


def test_make_safe_from_any_state_and_twice(dc, energised):
    energised.make_safe()
    energised.make_safe()
    assert not dc.terminals.output
    assert dc.terminals.volts == 0.0
    dc.settle()
    (proof,) = energised.prove_safe()
    assert proof.holds


def test_make_safe_before_anything_else(dc):
    dc.terminals.output, dc.terminals.volts = True, 700.0
    source = dc.driver()
    source.make_safe()
    assert not dc.terminals.output


def test_make_safe_works_on_a_reopened_link(dc):
    source = dc.ready(timeout=0.2)
    source.set_voltage(500.0)
    source.switch_output(on=True)
    dc.fail(silent_after=0.0)
    with pytest.raises(HilError):
        source.make_safe()
    dc.fail()
    dc.terminals.output = True
    source.make_safe()
    assert not dc.terminals.output


def test_a_charged_link_is_no_proof(dc, energised):
    energised.make_safe()
    for volts, holds in ((850.0, False), (60.5, False), (59.0, True), (-61.0, False)):
        dc.measure(measured_volts=volts)  # the link keeps its charge with the output off
        (proof,) = energised.prove_safe()
        assert proof.holds is holds


def test_after_make_safe_it_works_again(dc, energised):
    energised.make_safe()
    energised.set_current_limits(10.0, 10.0)
    energised.set_voltage(400.0)
    energised.switch_output(on=True)
    dc.settle()
    assert energised.read_voltage() == pytest.approx(400.0, abs=0.5)


def test_a_trip_is_an_error_at_the_next_command(dc, energised):
    dc.measure(measured_volts=1400.0)  # the PCS lifts the link beyond the protection
    with pytest.raises(InstrumentError):
        energised.set_voltage(840.0)
    assert not dc.terminals.output
