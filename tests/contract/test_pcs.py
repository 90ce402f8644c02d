"""What every PCS driver owes the bench beyond what every instrument does, on its twin."""

import pytest

from hil.errors import LimitError, ReadbackError


@pytest.fixture
def running(unit):
    """A PCS that was told to start, and did."""
    pcs = unit.ready()
    pcs.switch(on=True)
    unit.settle()
    return pcs


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


def test_one_at_work_proves_nothing(unit, running):
    running.set_active_power(100e3)
    unit.settle()
    assert not any(proof.holds for proof in running.prove_safe())


@pytest.mark.parametrize("sign", [{"connected": True}, {"measured_watts": 20e3}, {"dc_volts": 850.0}])
def test_each_sign_of_life_alone_spoils_the_proof(unit, sign):
    pcs = unit.ready()
    unit.settle()
    unit.measure(**sign)
    assert [proof.holds for proof in pcs.prove_safe()].count(False) == 1


def test_without_bench_limits_its_own_rating_holds(unit):
    pcs = unit.ready(limits={})
    pcs.set_active_power(250e3)
    with pytest.raises(LimitError):
        pcs.set_active_power(250.1e3)


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
