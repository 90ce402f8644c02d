"""What every grid source must do beyond what every instrument must, on its twin."""

import pytest

from hil.errors import ConfigError, InstrumentError, LimitError, OutcomeUnknown
from hil.plant.terminals import InterlockTerminals
from hil.transient import ListPoint

NOMINAL = (277.1, 277.1, 277.1)
SAG = (138.6, 138.6, 277.1)
SAG_LIST = (
    ListPoint(0.1, NOMINAL, 60.0),
    ListPoint(0.16, SAG, 59.5),
    ListPoint(0.3, (250.0, 260.0, 270.0), 60.2),
)

INTERLOCKED = {"remote_inhibit": "fail-safe"}
"""Tells a driver that the bench's interlock is wired to its source."""


@pytest.fixture
def energised(grid):
    """A source at its nominal voltage, output on."""
    source = grid.ready()
    source.set_frequency(60.0)
    source.set_voltages(NOMINAL)
    source.switch_output(on=True)
    grid.settle()
    return source


def test_an_unanswered_command_leaves_the_outcome_unknown(grid):
    source = grid.ready()
    grid.fail(silent_after=0.0)
    with pytest.raises(OutcomeUnknown):
        source.set_frequency(50.0)
    grid.fail()
    assert source.snapshot()["frequency_setpoint"] == 50.0  # it was taken, once, and the link works again


@pytest.mark.parametrize("seconds", [1e-5, 1e4, float("nan")])
def test_a_dwell_that_the_memory_cannot_time_sends_nothing(grid, seconds):
    source = grid.driver()
    with pytest.raises(LimitError, match=r"box\.dwell"):
        source.load_list([ListPoint(seconds, NOMINAL, 60.0)])
    assert grid.log.entries == []


def test_a_list_that_the_memory_cannot_hold_is_refused(grid):
    source = grid.driver()
    for length in (0, source.LIST.points + 1):
        with pytest.raises(ConfigError, match="memory"):
            source.load_list([ListPoint(0.1, NOMINAL, 60.0)] * length)
    with pytest.raises(ConfigError, match="multiple"):
        source.load_list([ListPoint(0.1 + source.LIST.resolution / 3, NOMINAL, 60.0)])
    assert grid.log.entries == []


def test_preparing_leaves_the_output_off(grid):
    source = grid.ready()
    grid.settle()
    assert not grid.terminals.relay
    assert source.read_voltages() == (0.0, 0.0, 0.0)


def test_set_points_reach_the_terminals_phase_by_phase(grid):
    source = grid.ready()
    source.set_voltages((277.0, 138.5, 0.0))
    source.set_frequency(59.3)
    assert grid.terminals.volts == pytest.approx([277.0, 138.5, 0.0], abs=0.05)
    assert grid.terminals.hertz == pytest.approx(59.3, abs=0.005)
    assert not grid.terminals.relay
    source.set_voltages((0.0, 100.0, 200.0))  # a phase selection left behind would show here
    assert grid.terminals.volts == pytest.approx([0.0, 100.0, 200.0], abs=0.05)


def test_the_output_follows_and_is_measured(grid, energised):
    assert grid.terminals.relay
    assert energised.read_output()
    assert energised.read_voltages() == pytest.approx(NOMINAL, abs=0.05)
    assert energised.read_currents() == (0.0, 0.0, 0.0)
    energised.switch_output(on=False)
    grid.settle()
    assert not energised.read_output()
    assert energised.read_voltages() == (0.0, 0.0, 0.0)


def test_snapshot_is_in_si_units(grid, energised):
    grid.measure(measured_watts=[33.3e3, 33.2e3, -1.5e3], measured_amps=[120.0, 119.0, 5.5])
    state = energised.snapshot()
    assert state["output"] is True
    assert state["voltage_b"] == pytest.approx(277.1)
    assert state["current_c"] == pytest.approx(5.5)
    assert state["power_a"] == pytest.approx(33.3e3)
    assert state["power_c"] == pytest.approx(-1.5e3)
    assert state["frequency_setpoint"] == 60.0


def test_a_list_runs_on_bench_time_and_stays_at_its_end(grid, world, energised):
    energised.load_list(SAG_LIST)
    assert grid.terminals.volts == list(NOMINAL)
    assert not energised.list_running()

    energised.fire_list()
    fired = world.now()
    times = [point.time - fired for point in grid.terminals.schedule]
    assert times[:3] == pytest.approx([0.0, 0.1, 0.26])
    assert [point.pulse for point in grid.terminals.schedule][:3] == [True, False, False]
    assert energised.list_running()

    world.sleep(0.11)
    assert grid.terminals.volts == list(SAG)
    assert grid.terminals.hertz == 59.5
    world.sleep(0.16)
    assert grid.terminals.volts == [250.0, 260.0, 270.0]
    assert energised.list_running()
    world.sleep(0.3)
    assert not energised.list_running()
    world.sleep(5.0)
    assert grid.terminals.volts == [250.0, 260.0, 270.0]
    assert grid.terminals.hertz == 60.2


def test_after_a_list_the_output_moves_only_where_it_is_told_to(grid, world, energised):
    energised.load_list(SAG_LIST)
    energised.fire_list()
    world.sleep(1.0)
    end = list(grid.terminals.volts)
    energised.load_list([ListPoint(0.1, tuple(end), 60.2), ListPoint(0.1, NOMINAL, 60.0)])
    assert grid.terminals.volts == end  # not back to the level before the first list
    assert grid.terminals.hertz == 60.2
    energised.fire_list()
    world.sleep(1.0)
    assert grid.terminals.volts == list(NOMINAL)
    energised.set_frequency(59.0)
    assert grid.terminals.volts == list(NOMINAL)
    assert grid.terminals.hertz == 59.0


def test_a_list_turns_phases_and_ramps_the_frequency_where_it_can(grid, world, energised):
    memory = energised.LIST
    if memory.angles:
        energised.load_list([ListPoint(0.1, NOMINAL, 60.0, (25.0, 25.0, -10.0))])
        energised.fire_list()
        world.sleep(1.0)
        assert grid.terminals.degrees == pytest.approx([25.0, 25.0, -10.0])
        energised.load_list([ListPoint(0.1, NOMINAL, 60.0)])  # a list without angles turns them back
        assert grid.terminals.degrees == pytest.approx([25.0, 25.0, -10.0])
        energised.fire_list()
        world.sleep(1.0)
        assert grid.terminals.degrees == pytest.approx([0.0, 0.0, 0.0])
    if memory.slews:
        energised.load_list([ListPoint(0.6, NOMINAL, 57.0, slew=5.0), ListPoint(0.1, NOMINAL, 57.0)])
        energised.fire_list()
        assert [point.hertz_slew for point in grid.terminals.schedule][:1] == [5.0]


@pytest.mark.parametrize(("turned", "slew"), [(181.0, None), (0.0, 0.0), (0.0, float("nan"))])
def test_angles_and_rates_that_no_list_can_have_send_nothing(grid, turned, slew):
    source = grid.driver()
    with pytest.raises(LimitError, match=r"box\.(angle|slew)"):
        source.load_list([ListPoint(0.1, NOMINAL, 60.0, (turned, 0.0, 0.0), slew)])
    assert grid.log.entries == []


def test_the_longest_list_is_taken(grid, world, energised):
    longest = energised.LIST.points
    energised.load_list(
        [ListPoint(0.01, (200.0 + index / 2, 277.1, 277.1), 60.0) for index in range(longest)]
    )
    energised.fire_list()
    world.sleep(0.01 * longest - 0.001)
    assert energised.list_running()
    assert grid.terminals.volts[0] == pytest.approx(200.0 + (longest - 1) / 2)


def test_a_running_list_is_not_overwritten(energised):
    energised.load_list(SAG_LIST)
    energised.fire_list()
    for command in (
        lambda: energised.load_list(SAG_LIST),
        lambda: energised.set_voltages(NOMINAL),
        lambda: energised.set_frequency(60.0),
        energised.fire_list,
    ):
        with pytest.raises(InstrumentError):
            command()


def test_make_safe_aborts_a_running_list(grid, world, energised):
    energised.load_list(SAG_LIST)
    energised.fire_list()
    energised.make_safe()
    assert not grid.terminals.schedule
    world.sleep(1.0)
    assert not grid.terminals.relay
    assert grid.terminals.volts == [0.0, 0.0, 0.0]
    assert all(proof.holds for proof in energised.prove_safe())


def test_a_live_terminal_is_no_proof(grid, energised):
    assert not any(proof.holds for proof in energised.prove_safe())
    grid.measure(measured_volts=[0.0, 50.1, 0.0])  # one pole of the relay is welded
    assert [proof.holds for proof in energised.prove_safe()] == [True, False, True]


def test_an_open_interlock_forbids_the_output_and_closing_it_switches_nothing(grid):
    line = grid.terminals.interlock = InterlockTerminals()
    source = grid.ready(options=INTERLOCKED)
    source.set_voltages(NOMINAL)
    with pytest.raises(InstrumentError, match="is the interlock open"):
        source.switch_output(on=True)
    assert not grid.terminals.relay
    for _ in range(2):
        line.closed = True
        assert not source.read_output()
        source.switch_output(on=True)
        assert grid.terminals.relay
        line.closed = False
        assert not source.read_output()
        assert not grid.terminals.relay
    source.make_safe()
    line.closed = True
    assert not source.read_output()


@pytest.mark.parametrize("closed", [False, True])
def test_preparing_it_for_an_interlock_never_switches_it_on(grid, closed):
    grid.terminals.interlock = InterlockTerminals(closed=closed)
    for _ in range(2):  # as delivered, and as it was left
        source = grid.ready(options=INTERLOCKED)
        assert not source.read_output()
        assert not grid.terminals.relay
