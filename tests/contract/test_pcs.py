"""What every PCS driver owes the bench beyond what every instrument does, on its twin."""

import pytest

from hil.errors import LimitError, NoReply, ReadbackError
from hil.plant.terminals import CHANNELS
from hil.roles import LogEntry


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


def test_a_further_client_reads_beside_it(unit, running):
    other = running.reader()
    assert other.read_state() == running.read_state()
    other.close()
    running.set_active_power(30e3)
    unit.settle()
    assert running.read_state().active_power == 30e3


def test_a_further_client_that_gets_no_answer_leaves_again(unit, monkeypatch):
    unit.fail(silent_after=0.0)
    driver, left = unit.driver(timeout=0.05), []
    close = unit.kind.close
    monkeypatch.setattr(unit.kind, "close", lambda self: left.append(self is not driver) or close(self))
    with pytest.raises(NoReply):
        driver.reader()
    assert left == [True]


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


@pytest.mark.parametrize(
    ("channel", "witnesses"),
    [
        ("measured_watts", (("current", "a"), ("current", "b"), ("current", "c"))),
        ("dc_volts", (("voltage", "dc"),)),
    ],
)
def test_what_it_does_not_tell_names_what_proves_as_much(unit, channel, witnesses):
    pcs = unit.ready()
    unit.settle()
    unit.measure(**{channel: None})
    (untold,) = (proof for proof in pcs.prove_safe() if not proof.holds)
    assert (untold.told, untold.witnesses) == (False, witnesses)


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


FIELDS = {
    "volts": "voltage",
    "amps": "current",
    "watts": "active_power",
    "var": "reactive_power",
    "hertz": "frequency",
    "dc_volts": "dc_voltage",
    "state_of_charge": "state_of_charge",
    "celsius": "temperature",
}
"""Fields of the state by what a PCS reports; its DC current is not asked for."""


def test_all_that_a_qualification_asks_for_is_told(unit, running):
    unit.measure(measured_amps=[100.0, 101.0, 102.0], celsius=43.2, limited=True, forming=True)
    state = running.read_state()
    assert (state.current, state.temperature) == (101.0, 43.2)
    assert (state.limited, state.forming) == (True, True)
    unit.measure(limited=False, forming=False)
    state = running.read_state()
    assert (state.limited, state.forming) == (False, False)


@pytest.mark.parametrize("channel", FIELDS)
def test_a_channel_that_is_missing_is_no_number(unit, running, channel):
    assert set(FIELDS) == set(CHANNELS) - {"dc_amps"}
    told = getattr(running.read_state(), FIELDS[channel])
    assert told == told  # a number
    unit.measure(**{CHANNELS[channel]: None})
    told = getattr(running.read_state(), FIELDS[channel])
    assert told is None or told != told  # None or NaN


def test_it_is_told_to_form_or_to_follow(unit, running):
    assert unit.terminals.form is None  # as it was delivered
    for on in (True, False):
        running.form(on=on)
        assert unit.terminals.form is on
    for on in (True, False):
        running.synchronise(on=on)
        assert unit.terminals.synchronise is on
    running.set_voltage_frequency(1.025, 0.999)
    assert (unit.terminals.volts, unit.terminals.hertz) == pytest.approx((1.025, 0.999), abs=1e-6)
    assert unit.terminals.form is False


@pytest.mark.parametrize("pair", [(0.4, 1.0), (1.6, 1.0), (1.0, 0.4), (1.0, 1.6), (float("nan"), 1.0)])
def test_what_no_grid_has_is_not_held(unit, pair):
    pcs = unit.driver()
    with pytest.raises(LimitError, match=r"box\.(voltage|frequency) = "):
        pcs.set_voltage_frequency(*pair)
    assert unit.log.entries == []


def test_preparing_makes_it_what_it_was_delivered_as(unit):
    unit.terminals.form, unit.terminals.synchronise = True, True
    unit.terminals.volts, unit.terminals.hertz = 1.05, 0.99
    unit.ready()
    assert (unit.terminals.form, unit.terminals.synchronise) == (None, False)
    assert (unit.terminals.volts, unit.terminals.hertz) == (1.0, 1.0)


def test_its_log_is_read_oldest_first_to_the_millisecond(unit, running):
    assert running.read_log() == ()
    unit.terminals.events += [(0.1433, "starting"), (12.0, "running")]
    assert running.read_log() == (LogEntry(0.143, "starting"), LogEntry(12.0, "running"))


def test_of_a_long_log_the_last_entries_are_left(unit, running):
    unit.terminals.events += [(float(n), "running") for n in range(100)]
    assert [entry.time for entry in running.read_log()] == [float(n) for n in range(60, 100)]
