"""What every AC load must do beyond what every instrument must, on its twin."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.errors import (
    ConfigError,
    InstrumentError,
    LimitError,
    LinkLost,
    NotSupported,
    OutcomeUnknown,
    ReadbackError,
)
from hil.instruments.nidaqmx_bank import Steps
from hil.plant.loads import Bank
from hil.roles import LoadPoint

PROFILE = (LoadPoint(0.1, 20e3), LoadPoint(0.4, 80e3), LoadPoint(0.2, 40e3))


@pytest.fixture
def bank(make_rig):
    return make_rig("nidaqmx_bank")


def test_a_set_point_waits_for_the_switch_and_acts_at_once_behind_it(load):
    driver = load.ready()
    driver.set_power(30e3, -10e3)
    load.settle()
    assert driver.read_power() == (0.0, 0.0)
    driver.switch(on=True)
    load.settle()
    assert driver.read_power() == pytest.approx((30e3, -10e3), abs=0.1)
    driver.set_power(60e3)
    load.settle()
    assert driver.read_power() == pytest.approx((60e3, 0.0), abs=0.1)
    assert driver.read_on()
    # 60 kW at 277.1 V to neutral in each phase
    assert driver.read_currents() == pytest.approx((72.2, 72.2, 72.2), abs=0.1)


def test_a_profile_runs_on_bench_time_and_stays_at_its_end(load, world):
    driver = load.at_work()
    driver.load_profile(PROFILE)
    assert load.terminals.profile is None
    assert not driver.profile_running()
    driver.fire_profile()
    profile = load.terminals.profile
    assert load.terminals.start == world.now()
    # from 50 kW on, to each value at 5 MW/s and held for the rest of its dwell, the last one for good
    assert profile.time == pytest.approx([0.0, 0.006, 0.1, 0.112, 0.5, 0.508, 0.7])
    assert profile.power == pytest.approx([50e3, 20e3, 20e3, 80e3, 80e3, 40e3, 40e3])
    assert not load.terminals.repeated
    world.sleep(0.65)
    assert driver.profile_running()
    world.sleep(0.1)
    assert not driver.profile_running()
    assert load.terminals.profile is profile  # still at its last point
    driver.set_power(10e3)
    assert (load.terminals.profile, load.terminals.active_power) == (None, 10e3)


def test_a_running_profile_is_not_overwritten_and_each_is_fired_once(load, world):
    driver = load.at_work()
    driver.load_profile(PROFILE)
    driver.fire_profile()
    for command in (lambda: driver.set_power(0.0), lambda: driver.load_profile(PROFILE), driver.fire_profile):
        with pytest.raises(InstrumentError):
            command()
    world.sleep(1.0)
    with pytest.raises(InstrumentError, match="no profile is loaded"):
        driver.fire_profile()


def test_make_safe_ends_a_running_profile(load, world):
    driver = load.at_work()
    driver.load_profile(PROFILE)
    driver.fire_profile()
    driver.make_safe()
    load.settle()
    assert not load.terminals.on
    assert load.terminals.profile is None
    assert all(proof.holds for proof in driver.prove_safe())


def test_a_profile_that_the_memory_cannot_hold_sends_nothing(load):
    driver = load.driver()
    memory = driver.PROFILE
    for length in (0, memory.points + 1):
        with pytest.raises(ConfigError, match="memory holds 1 to"):
            driver.load_profile([LoadPoint(0.1, 1e3)] * length)
    for seconds in (memory.shortest / 2, 2 * memory.longest, float("nan")):
        with pytest.raises(LimitError, match=r"box\.dwell"):
            driver.load_profile([LoadPoint(seconds, 1e3)])
    with pytest.raises(ConfigError, match="multiple"):
        driver.load_profile([LoadPoint(0.1 + memory.resolution / 3, 1e3)])
    assert load.log.entries == []


def test_a_step_faster_than_the_load_follows_is_refused(load, monkeypatch):
    driver = load.driver()
    slow = type(driver.PROFILE)(100, 0.02, 10.0, 1e-3, slew=100e3)
    monkeypatch.setattr(driver, "PROFILE", slow, raising=False)
    with pytest.raises(ConfigError, match=r"step of 60000 W does not end within its dwell of 0\.4 s"):
        driver.load_profile(PROFILE)
    assert load.log.entries == []


def test_the_longest_profile_is_taken(load):
    driver = load.at_work()
    count = driver.PROFILE.points
    driver.load_profile([LoadPoint(0.02, 1e3 + 100 * n) for n in range(count)])
    driver.fire_profile()
    ends = 0.02 * np.arange(1, count + 1)  # of the dwells
    assert load.terminals.profile.duration == pytest.approx(ends[-1])
    assert load.terminals.profile.at(ends) == pytest.approx(1e3 + 100 * np.arange(count))


def test_a_live_phase_is_no_proof(load):
    driver = load.ready()
    load.measure(measured_amps=[0.0, 1.5, 0.0])
    assert [proof.holds for proof in driver.prove_safe()] == [True, False, True]


def test_a_link_lost_behind_a_set_point_leaves_the_outcome_unknown(load):
    driver = load.at_work()
    load.fail(silent_after=0.0)
    with pytest.raises((OutcomeUnknown, LinkLost, TimeoutError)):
        driver.set_power(70e3)
    load.fail()
    assert driver.snapshot()["active_power_setpoint"] in {50e3, 70e3}


# The bank


def test_the_steps_that_add_up_are_closed_and_no_others(bank):
    driver = bank.ready()
    for watts, var, lines in ((50e3, 15e3, "101110"), (20e3, -20e3, "010001"), (0.0, 0.0, "000000")):
        driver.set_power(watts, var)
        assert "".join(str(int(on)) for on in bank.twin._steps.values()) == lines
        assert driver.snapshot()["active_power_setpoint"] == watts
        assert driver.snapshot()["reactive_power_setpoint"] == var
    assert not bank.terminals.closed


def test_steps_change_in_one_write(bank):
    driver = bank.ready()
    bank.log.entries.clear()
    driver.set_power(50e3, 15e3)
    (entry,) = bank.log.entries
    assert entry.sent == ",".join(f"Dev1/port0/line{n}" for n in range(1, 7)) + " = 101110"


def test_a_power_is_what_its_resistance_and_inductance_draw(bank):
    """At 480 V, 60 Hz: R = U^2 / P, L = U^2 / (2 pi f Q) per phase of a star with the phase's share."""
    driver = bank.ready()
    driver.set_power(60e3, 15e3)
    made = bank.terminals.bank
    assert made.resistance == pytest.approx([480**2 / 60e3] * 3)
    assert made.inductance == pytest.approx([480**2 / (15e3 * 2 * np.pi * 60)] * 3)
    assert made.capacitance == (None, None, None)


def test_a_power_that_no_steps_make_up_is_refused_with_the_nearest(bank):
    driver = bank.driver()
    with pytest.raises(
        ConfigError, match="no resistors add up to 34000 W of three phases; the nearest is 30000 W"
    ):
        driver.set_power(34e3)
    with pytest.raises(ConfigError, match="no resistors add up to 30001 W"):
        driver.set_power(30001.0)
    with pytest.raises(
        ConfigError, match="no capacitors add up to 5000 var of three phases; the nearest is 0 var"
    ):
        driver.set_power(10e3, -5e3)
    assert bank.log.entries == []


def test_a_load_step_under_load_leaves_the_main_contactor_alone(bank):
    driver = bank.at_work()
    bank.written()
    driver.set_power(60e3)
    assert bank.terminals.bank == Bank.from_power(480.0, 60.0, [20e3] * 3)
    assert "closed" not in dict(bank.written())


def test_it_plays_no_profile_and_measures_nothing(bank):
    driver = bank.driver()
    for ask in (
        lambda: driver.load_profile(PROFILE),
        driver.fire_profile,
        driver.profile_running,
        driver.read_power,
        driver.read_currents,
    ):
        with pytest.raises(NotSupported, match="box"):
            ask()
    assert bank.log.entries == []


def test_a_welded_main_contactor_is_found_when_it_should_open(bank):
    driver = bank.at_work()
    bank.twin.stuck = True
    with pytest.raises(ReadbackError, match="told to open.*still closed; it may be welded"):
        driver.make_safe()
    assert not driver.prove_safe()[0].holds
    assert not bank.terminals.closed  # the command stands, whatever the contactor does


def test_a_main_contactor_that_does_not_close_loses_its_command(bank):
    driver = bank.ready()
    bank.twin.stuck = False
    with pytest.raises(ReadbackError, match="told to close.*still open; the command is withdrawn"):
        driver.switch(on=True)
    assert not bank.terminals.closed


SINGLE = {
    "lines": "port0/line0:18",
    "resistors": "10 kW, 20 kW, 40 kW",
    "inductors": "5 kvar, 10 kvar",
    "capacitors": "20 kvar",
    "voltage": 480.0,
    "frequency": 60.0,
}


def test_phases_differ_where_each_pole_has_a_contactor(make_rig):
    """30 kW of resistors, a third of it in each phase; of one phase R = U^2 / (3 P), U line to line."""
    rig = make_rig("nidaqmx_bank", options=SINGLE)
    driver = rig.ready(options=SINGLE)
    rig.log.entries.clear()
    driver.set_phases((10e3, 0.0, 0.0), (0.0, 5e3, -20e3 / 3))
    (entry,) = rig.log.entries
    # each step's phases a, b, c: 10 and 20 kW in a, 5 and 10 kvar in b, 20 kvar capacitive in c
    assert entry.sent.endswith(" = " + "100100000" + "010010" + "001")
    made = rig.terminals.bank
    assert made.resistance == (pytest.approx(480**2 / 3 / 10e3), None, None)
    assert made.inductance == (None, pytest.approx(480**2 / 3 / (5e3 * 2 * np.pi * 60)), None)
    assert made.capacitance == (None, None, pytest.approx(20e3 / (480**2 * 2 * np.pi * 60)))
    snapshot = driver.snapshot()
    assert snapshot["active_power_setpoint"] == pytest.approx(10e3)
    assert snapshot["reactive_power_setpoint"] == pytest.approx(5e3 - 20e3 / 3)
    driver.set_power(30e3, 5e3)
    assert rig.terminals.bank == Bank.from_power(480.0, 60.0, [10e3] * 3, [5e3 / 3] * 3)


def test_phases_differ_only_where_the_load_can(bank, make_rig):
    with pytest.raises(NotSupported, match="its contactors have three poles"):
        bank.driver().set_phases((10e3, 0.0, 0.0), (0.0, 0.0, 0.0))
    other = make_rig("nhr_9430")
    with pytest.raises(NotSupported, match="box: cannot draw"):
        other.driver().set_phases((10e3, 0.0, 0.0), (0.0, 0.0, 0.0))
    assert bank.log.entries == other.log.entries == []


@pytest.mark.parametrize(
    ("watts", "var"),
    [
        ((20.1e3, 0.0, 0.0), (0.0, 0.0, 0.0)),  # a third of the limit of 60 kW
        ((0.0, 0.0, -1.0), (0.0, 0.0, 0.0)),
        ((0.0, 0.0, 0.0), (0.0, 5.1e3, 0.0)),
        ((0.0, 0.0, 0.0), (0.0, 0.0, float("nan"))),
    ],
)
def test_limits_hold_for_each_phase(bank, watts, var):
    with pytest.raises(LimitError, match=r"box\.(re)?active_power"):
        bank.driver().set_phases(watts, var)
    assert bank.log.entries == []


@given(st.lists(st.integers(1, 64), max_size=6), st.data())
def test_whatever_steps_add_up_to_is_found_again(kilowatts, data):
    """Of several choices of the same sum any will do."""
    powers = tuple(1e3 * value for value in kilowatts)
    steps = Steps(480.0, 60.0, (powers, (), ()), ("main", *("step",) * 3 * len(powers)), "")
    phases = []
    for _ in range(3):
        closed = data.draw(st.lists(st.booleans(), min_size=len(powers), max_size=len(powers)))
        phases.append(sum(power for power, on in zip(powers, closed, strict=True) if on) / 3)
    none = (0.0, 0.0, 0.0)
    assert steps.powers(steps.choose("bank", tuple(phases), none)) == (pytest.approx(phases), none, none)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"lines": "port0/line0:5"}, "6 steps need one line each"),
        ({"lines": "port0/line0:5 port0/line5"}, "one twice"),
        ({"lines": "port0/lines"}, "no digital line"),
        ({"contact": "port0/line3"}, "one contact elsewhere"),
        ({"resistors": "10 kW, 20 kvar, 40 kW"}, "not in W"),
        ({"resistors": "10 kW, 0 kW, 40 kW"}, "above zero"),
        ({"voltage": 0.0}, "rated voltage"),
    ],
)
def test_a_bank_that_makes_no_sense_is_refused_before_anything_is_sent(bank, change, why):
    with pytest.raises(ConfigError, match=f"box: .*{why}"):
        bank.driver(options={**bank.part.options, **change})
    assert bank.log.entries == []
