"""What every PCS driver owes the bench, on its twin."""

import copy

import pytest

from hil.errors import (
    BadReply,
    ConfigError,
    LimitError,
    LinkLost,
    NoReply,
    OutcomeUnknown,
    ReadbackError,
    WrongInstrument,
)
from hil.limits import Limit


@pytest.fixture
def running(unit):
    """A PCS that was told to start, and did."""
    pcs = unit.ready()
    pcs.switch(on=True)
    unit.settle()
    return pcs


def test_building_a_driver_sends_nothing(unit):
    unit.driver()
    assert unit.log.entries == []


def test_connecting_changes_nothing(unit):
    unit.terminals.enable, unit.terminals.active_power = True, 50e3
    unit.settle()
    before = copy.deepcopy(unit.terminals)
    identity = unit.driver().connect()
    assert unit.terminals == before
    assert identity.model
    assert identity.serial


def test_preparing_leaves_it_stopped_at_zero_power(unit):
    unit.terminals.enable, unit.terminals.active_power = True, 50e3
    unit.ready()
    assert (unit.terminals.enable, unit.terminals.active_power) == (False, 0.0)


@pytest.mark.parametrize("watts", [120e3, -120e3, 0.0])
def test_active_power_is_positive_towards_the_grid_and_comes_back(unit, running, watts):
    running.set_active_power(watts)
    assert unit.terminals.active_power == watts
    unit.settle()
    assert running.read_state().active_power == watts


@pytest.mark.parametrize("var", [40e3, -40e3])
def test_reactive_power_is_positive_overexcited_and_comes_back(unit, running, var):
    running.set_reactive_power(var)
    assert unit.terminals.reactive_power == var
    unit.settle()
    assert running.read_state().reactive_power == var


@pytest.mark.parametrize("value", [200_001.0, -200_001.0, float("nan"), float("inf")])
def test_out_of_limits_sends_nothing(unit, value):
    pcs = unit.driver()
    with pytest.raises(LimitError, match=r"box\.active_power"):
        pcs.set_active_power(value)
    with pytest.raises(LimitError, match=r"box\.reactive_power"):
        pcs.set_reactive_power(value)
    assert unit.log.entries == []


def test_it_starts_and_stops_when_told(unit, running):
    state = running.read_state()
    assert (state.mode, state.connected, state.alarms) == ("running", True, ())
    assert (state.voltage, state.frequency, state.dc_voltage) == (277.0, 60.0, 850.0)
    assert state.state_of_charge == 0.5
    running.switch(on=False)
    unit.settle()
    state = running.read_state()
    assert (state.mode, state.connected) == ("off", False)


def test_the_snapshot_holds_the_measured_state(unit, running):
    running.set_active_power(-70e3)
    unit.settle()
    snapshot = running.snapshot()
    assert (snapshot["mode"], snapshot["active_power"], snapshot["frequency"]) == ("running", -70e3, 60.0)


@pytest.mark.parametrize("alarm", ["undervoltage", "overfrequency", "overcurrent", "dc_voltage"])
def test_a_trip_is_told_with_its_alarm(unit, running, alarm):
    unit.measure(mode="tripped", connected=False, alarms={alarm})
    state = running.read_state()
    assert (state.mode, state.connected, state.alarms) == ("tripped", False, (alarm,))


def test_make_safe_from_any_state_and_twice(unit, running):
    running.set_active_power(100e3)
    unit.settle()
    assert not any(proof.holds for proof in running.prove_safe())
    running.make_safe()
    running.make_safe()
    unit.settle()
    assert (unit.terminals.enable, unit.terminals.active_power) == (False, 0.0)
    assert running.prove_safe()
    assert all(proof.holds for proof in running.prove_safe())


def test_make_safe_before_anything_else(unit):
    unit.terminals.enable = True
    unit.driver().make_safe()
    assert not unit.terminals.enable


def test_make_safe_works_on_a_reopened_link(unit):
    pcs = unit.ready(timeout=0.2)
    pcs.switch(on=True)
    unit.fail(silent_after=0.0)
    with pytest.raises(OutcomeUnknown):
        pcs.make_safe()
    unit.fail()
    unit.terminals.enable = True
    pcs.make_safe()
    assert not unit.terminals.enable


@pytest.mark.parametrize("sign", [{"connected": True}, {"measured_watts": 20e3}, {"dc_volts": 850.0}])
def test_each_sign_of_life_alone_spoils_the_proof(unit, sign):
    pcs = unit.ready()
    unit.settle()
    unit.measure(**sign)
    assert [proof.holds for proof in pcs.prove_safe()].count(False) == 1


def test_another_model_is_refused(unit):
    unit.fail(identity="ACME,Toaster 2000,1,1.0")
    with pytest.raises(WrongInstrument, match=unit.part.stranger):
        unit.driver(identity="HIL,.*").connect()


def test_bench_limits_beyond_its_own_rating_are_refused(unit):
    with pytest.raises(ConfigError, match="exceeds what the PCS says"):
        unit.driver(limits={"active_power": Limit(-300e3, 300e3, "W")}).connect()


def test_without_bench_limits_its_own_rating_holds(unit):
    pcs = unit.ready(limits={})
    pcs.set_active_power(250e3)
    with pytest.raises(LimitError):
        pcs.set_active_power(250.1e3)


def test_silence_is_no_reply(unit):
    pcs = unit.ready(timeout=0.2)
    unit.fail(silent_after=0.0)
    with pytest.raises(NoReply, match="box"):
        pcs.read_state()


def test_garbage_is_a_bad_reply(unit):
    pcs = unit.ready(timeout=0.2)
    unit.fail(garbage_after=0.0)
    with pytest.raises(BadReply, match="box"):
        pcs.read_state()


def test_a_box_that_is_gone_is_a_lost_link(unit):
    pcs = unit.ready()
    unit.fail(drops_after=0.0)
    for _ in range(3):
        with pytest.raises(LinkLost, match="box"):
            pcs.read_state()


def test_a_link_lost_behind_a_command_leaves_the_outcome_unknown_and_nothing_is_sent_again(unit, running):
    unit.fail(drops_after=0.0)
    before = len(unit.log.entries)
    with pytest.raises(OutcomeUnknown, match="not sent again"):
        running.switch(on=False)
    assert len(unit.log.entries) == before + 1
    assert "unknown" in unit.log.entries[-1].error


@pytest.mark.parametrize("part", [0.0, 0.2, 0.4, 0.6, 0.8, 0.99])
def test_a_link_lost_anywhere_in_a_set_point_is_an_error(unit, running, part):
    before = len(unit.log.entries)
    running.set_active_power(50e3)
    step = int(part * (len(unit.log.entries) - before))
    first = len(unit.log.entries)

    def cut(_):
        if len(unit.log.entries) - first >= step:
            unit.fail(drops_after=0.0)

    unit.log.sink = cut
    if step == 0:
        cut(None)
    with pytest.raises((LinkLost, OutcomeUnknown)):
        running.set_active_power(100e3)
    assert len(unit.log.entries) == first + step + 1


def test_set_points_that_are_refreshed_stay(unit, running):
    running.set_active_power(100e3)
    running.set_reactive_power(30e3)
    for _ in range(60):
        unit.world.sleep(1.0)
        running.refresh()
    running.read_state()  # a twin looks at its timers whenever it is asked
    assert (unit.terminals.active_power, unit.terminals.reactive_power) == (100e3, 30e3)


def test_a_set_point_that_nobody_refreshes_reverts_to_zero_in_plant_time(unit, running):
    running.set_active_power(100e3)
    unit.world.sleep(9.9)
    running.read_state()
    assert unit.terminals.active_power == 100e3
    unit.world.sleep(0.2)
    running.read_state()
    assert unit.terminals.active_power == 0.0
    assert unit.terminals.enable
    with pytest.raises(ReadbackError, match="reads back 0"):
        running.refresh()


def test_refreshing_revives_no_pcs_that_was_switched_off_at_its_terminals(unit, running):
    running.set_active_power(100e3)
    unit.terminals.enable = False  # an interlock
    unit.world.sleep(6.0)
    running.refresh()
    assert not unit.terminals.enable
