"""What a genset must do beyond what every instrument must, on its twin."""

import pytest

from hil.errors import ConfigError, InstrumentError, OutcomeUnknown, ReadbackError


@pytest.fixture
def rig(make_rig):
    return make_rig("nidaqmx_genset")


def test_it_starts_closes_opens_and_stops(rig):
    driver = rig.ready()
    driver.run(on=True)
    assert driver.snapshot() == {"running": True, "closed": False}
    driver.switch(closed=True)
    assert driver.snapshot() == {"running": True, "closed": True}
    driver.switch(closed=False)
    driver.run(on=False)
    rig.settle()
    assert driver.snapshot() == {"running": False, "closed": False}
    assert not rig.terminals.trip


@pytest.mark.parametrize(
    ("state", "running"),
    [("standstill", False), ("starting", False), ("running", True), ("cooling", True), ("stopping", False)],
)
def test_its_contact_says_whether_the_engine_runs(rig, state, running):
    rig.terminals.state = state
    assert rig.driver().read_running() is running


def test_one_that_does_not_start_loses_its_start(rig, world):
    driver = rig.ready(options={"start_deadline": 1.2})
    rig.measure()  # it follows no more
    begin = world.now()
    with pytest.raises(InstrumentError, match="does not run 1.2 s after its start, which is withdrawn"):
        driver.run(on=True)
    assert not rig.terminals.run
    assert world.now() - begin == pytest.approx(1.2, abs=0.11)


def test_one_that_does_not_synchronise_loses_its_permission(rig):
    driver = rig.ready(options={"deadline": 0.5})
    driver.run(on=True)
    rig.measure()
    with pytest.raises(ReadbackError, match="not closed within 0.5 s; the permission is withdrawn"):
        driver.switch(closed=True)
    assert not rig.terminals.close
    assert rig.terminals.run


def test_a_welded_breaker_is_found(rig):
    driver = rig.at_work(options={"deadline": 0.5})
    rig.measure(closed=True)
    with pytest.raises(ReadbackError, match="still reads closed 0.5 s after it was told to open.*welded"):
        driver.switch(closed=False)
    with pytest.raises(ReadbackError, match="welded"):
        driver.prepare()
    assert not driver.prove_safe()[0].holds


def test_a_breaker_that_does_not_open_keeps_nothing_else_live_for_long(rig, world):
    driver = rig.at_work()
    rig.measure(closed=True)
    begin = world.now()
    driver.make_safe()
    assert world.now() - begin == pytest.approx(1.0, abs=0.11)  # not the 30 s that synchronising may take
    assert (rig.terminals.run, rig.terminals.close) == (False, False)
    assert not driver.prove_safe()[0].holds


def test_a_silent_device_leaves_the_start_unknown(rig):
    driver = rig.ready()
    rig.fail(silent_after=0.0)
    with pytest.raises(OutcomeUnknown):
        driver.run(on=True)
    rig.fail()
    driver.make_safe()
    assert not rig.terminals.run


@pytest.mark.parametrize(("lead", "slip"), [(60.0, 0.0), (-120.0, 0.05), (170.0, -0.5), (5.0, 0.3)])
def test_it_closes_in_step_and_no_sooner(rig, world, lead, slip):
    """A set that follows its speed at once; the bus turns at 60 Hz, the set's angle with the difference."""
    driver = rig.ready()
    driver.run(on=True)
    rig.measure(lead=lead, state="running", measured_hertz=60.0 + slip)
    rig.terminals.speed, sleep, closed = 1.0 + slip / 60.0, world.sleep, []
    before = rig.terminals.speed

    def turn(seconds):
        sleep(seconds)
        genset = rig.terminals
        if genset.close and not genset.closed:
            closed.append((genset.lead, genset.measured_hertz))
        genset.closed = genset.close
        genset.measured_hertz = 60.0 * genset.speed
        genset.lead = (genset.lead + 360.0 * (genset.measured_hertz - 60.0) * seconds + 180.0) % 360.0 - 180.0

    world.sleep = turn
    driver.switch(closed=True)
    ((angle, hertz),) = closed
    assert abs(angle) <= 10.0
    assert hertz == pytest.approx(60.0, abs=0.1)
    assert rig.terminals.speed == before  # as it was, so that its droop shares the load


def test_something_else_is_seen_to_while_it_is_waited_for(rig):
    """Every 0.1 s until the 0.45 s are over that it is waited for in vain."""
    driver, seen = rig.ready(options={"deadline": 0.45, "start_deadline": 0.45}), []
    rig.measure()  # it follows no more
    with pytest.raises(InstrumentError):
        driver.run(on=True, meanwhile=lambda: seen.append("run"))
    with pytest.raises(ReadbackError):
        driver.switch(closed=True, meanwhile=lambda: seen.append("switch"))
    rig.measure(closed=True)
    with pytest.raises(ReadbackError):
        driver.switch(closed=False, meanwhile=lambda: seen.append("open"))
    assert seen == ["run"] * 5 + ["switch"] * 5 + ["open"] * 5


def test_a_withdrawn_permission_leaves_the_speed_as_it_was(rig):
    driver = rig.ready(options={"deadline": 0.5})
    driver.run(on=True)
    rig.measure(lead=90.0, measured_hertz=60.0)
    with pytest.raises(ReadbackError, match="not closed"):
        driver.switch(closed=True)
    assert (rig.terminals.close, rig.terminals.speed) == (False, 1.0)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"lines": "port0/line5"}, "the lines of start and close"),
        ({"contacts": "port1/line1:3"}, "the lines of start and close"),
        ({"contacts": "port0/line5:6"}, "port0/line5, port0/line6 cannot be a line and a contact"),
    ],
)
def test_wiring_that_makes_no_sense_is_refused(rig, options, says):
    with pytest.raises(ConfigError, match=f"box: .*{says}"):
        rig.driver(options=options)
    assert rig.log.entries == []
