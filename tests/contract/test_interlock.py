"""What every interlock does, on its twin."""

import re
import threading

import pytest

from hil.errors import (
    BadReply,
    ConfigError,
    InstrumentError,
    LinkLost,
    NoReply,
    OutcomeUnknown,
    ReadbackError,
    WrongInstrument,
)
from hil.plant.terminals import InterlockTerminals
from hil.roles import Setup
from hil.transport.link import CommandLog
from hil.twin.base import Faults, Scene

pytest.importorskip("nidaqmx", reason="the daq extra is not installed")
pytest.importorskip("grpc", reason="the daq extra is not installed")

from nidaqmx.stream_writers import DigitalSingleChannelWriter

from hil.instruments.nidaqmx_line import NidaqmxLine
from hil.instruments.nidaqmx_line_twin import NidaqmxLineTwin


class Rig:
    """A twin, the line that it drives, and drivers on it."""

    def __init__(self, world, *, terminals=None, **scene):
        self.world = world
        self.log = CommandLog()
        self.terminals = terminals or InterlockTerminals()
        self.twin = NidaqmxLineTwin(Scene("line", self.terminals, world, **scene))
        self.address = self.twin.start()
        self.drivers = []

    def driver(self, name="line", **changes):
        changes = {"timeout": 10.0, **changes}
        self.drivers.append(NidaqmxLine(Setup(name, self.address, self.world, self.log, **changes)))
        return self.drivers[-1]

    def ready(self, *, closed=False, **changes):
        """Return a driver that is connected and prepared, and has closed the line where that is asked for."""
        driver = self.driver(**changes)
        driver.connect()
        driver.prepare()
        if closed:
            driver.switch(closed=True)
        return driver

    def stop(self):
        for driver in self.drivers:
            driver.close()
        self.twin.stop()


class Wire(InterlockTerminals):
    """A line that remembers each level it was given, and does something more then."""

    def __init__(self, then=lambda level: None):
        self.then = then
        self.levels = []

    @property
    def closed(self):
        return bool(self.levels) and self.levels[-1]

    @closed.setter
    def closed(self, level):
        self.levels.append(level)
        self.then(level)


@pytest.fixture
def make_rig(world):
    before = set(threading.enumerate())
    rigs = []

    def make(**changes):
        rigs.append(Rig(world, **changes))
        return rigs[-1]

    yield make
    for rig in rigs:
        rig.stop()
    assert set(threading.enumerate()) == before, "a twin left a thread behind"


@pytest.fixture
def rig(make_rig):
    return make_rig()


def test_building_a_driver_sends_nothing(rig):
    rig.driver()
    assert rig.log.entries == []


@pytest.mark.parametrize("line", ["port0", "port0/line0:3", "Dev1/port0/line0", "ao0", ""])
def test_what_is_not_one_line_is_refused_before_anything_is_sent(rig, line):
    with pytest.raises(ConfigError, match=rf"line: '{line}' is not one digital line.*port0/line0"):
        rig.driver(options={"line": line})


@pytest.mark.parametrize("closed", [False, True])
def test_connecting_and_reading_leave_the_line_as_it_was(make_rig, closed):
    wire = Wire()
    wire.levels.append(closed)
    driver = make_rig(terminals=wire).driver()
    identity = driver.connect()
    assert driver.read_closed() is closed
    assert driver.snapshot() == {"closed": closed}
    driver.close()
    assert wire.levels == [closed]
    assert str(identity) == "National Instruments,USB-6366,00000000,NI-DAQmx 24.5.0"


@pytest.mark.parametrize("closed", [False, True])
def test_preparing_leaves_it_open(rig, closed):
    rig.terminals.closed = closed
    driver = rig.ready()
    assert rig.terminals.closed is driver.read_closed() is False


def test_the_line_follows_and_reads_back(rig):
    driver = rig.ready()
    for closed in (True, True, False, True):
        driver.switch(closed=closed)
        assert rig.terminals.closed is driver.read_closed() is closed
    entry = rig.log.entries[-2]
    assert (entry.sent, entry.received) == ("Dev1/port0/line0 = high (closed)", "True")


def test_a_closed_line_is_proven_so_and_an_open_one_too(rig):
    driver = rig.ready(closed=True)
    (proof,) = driver.prove_safe()
    assert not proof.holds
    driver.make_safe()
    (proof,) = driver.prove_safe()
    assert proof.holds
    assert str(proof).startswith("line: Dev1/port0/line0 closed = 0")


def test_safe_before_anything_and_twice(rig):
    rig.terminals.closed = True
    driver = rig.driver()
    for _ in range(2):
        driver.make_safe()
        assert rig.terminals.closed is False


def test_the_level_outlives_the_session(rig):
    rig.ready(closed=True).close()
    assert rig.terminals.closed


def test_a_task_that_a_crashed_run_left_behind_is_cleared_by_its_name(rig):
    rig.ready(closed=True).close()
    assert "hil_line" in rig.twin._tasks
    other = rig.driver(name="other")
    with pytest.raises(InstrumentError, match=r"other at grpc.*-50103"):  # it holds the line indeed
        other.make_safe()
    assert rig.terminals.closed
    rig.driver().make_safe()
    assert rig.terminals.closed is False


def test_safe_on_a_server_that_has_forgotten_the_task(rig):
    """As after a restart of the server, which the channel rides out unseen."""
    driver = rig.ready(closed=True)
    rig.twin._tasks.clear()
    with pytest.raises(InstrumentError, match="-200088"):
        driver.read_closed()
    driver.make_safe()
    assert rig.terminals.closed is False
    driver.switch(closed=True)
    assert rig.terminals.closed


@pytest.mark.parametrize("stuck", [False, True])
def test_a_line_that_does_not_follow(make_rig, stuck):
    wire = Wire(then=lambda _: wire.levels.append(stuck))
    driver = make_rig(terminals=wire).driver()
    set_to, reads = ("low (open)", "high (closed)") if stuck else ("high (closed)", "low (open)")
    with pytest.raises(
        ReadbackError, match=re.escape(f"port0/line0 was set {set_to} and reads back {reads}")
    ):
        driver.switch(closed=not stuck)
    if stuck:
        with pytest.raises(ReadbackError):
            driver.make_safe()
        assert not driver.prove_safe()[0].holds


@pytest.mark.parametrize("product", ["USB-6343 (BNC)", "PCIe-6321", "PXIe-6363", "PCI-6251", "USB-6501"])
def test_any_multifunction_or_digital_device_will_do(make_rig, product):
    assert make_rig(faults=Faults(identity=product)).driver().connect().model == product


@pytest.mark.parametrize("product", ["NI 9205", "USB-4431", "cDAQ-9178"])
def test_a_device_without_such_a_line_is_refused_and_left_alone(make_rig, product):
    rig = make_rig(faults=Faults(identity=product), terminals=Wire())
    with pytest.raises(WrongInstrument, match=re.escape(product)):
        rig.driver().connect()
    assert rig.terminals.levels == []


def test_device_and_line_come_from_the_bench_file(make_rig):
    options = {"device": "Dev2", "line": "port1/line3"}
    rig = make_rig(options=options)
    rig.ready(closed=True, options=options)
    assert rig.terminals.closed
    with pytest.raises(InstrumentError, match=r"-200170.*port1/line4"):
        rig.driver(options={**options, "line": "port1/line4"}).switch(closed=False)
    with pytest.raises(InstrumentError, match=r"-200220.*Dev1"):
        rig.driver().connect()
    assert rig.terminals.closed


def test_a_task_without_a_line_drives_nothing(rig):
    link = rig.driver()._link

    def write():
        DigitalSingleChannelWriter(link.new_task().out_stream).write_one_sample_one_line(True)

    with pytest.raises(InstrumentError, match="-200478"):
        link.run("write", write)
    assert rig.terminals.closed is False


@pytest.mark.timeout(30)
def test_a_server_that_is_silent_from_the_start(make_rig):
    rig = make_rig(faults=Faults(silent_after=0.0))
    with pytest.raises(NoReply, match=r"line at grpc://.*within 0\.3 s"):
        rig.driver(timeout=0.3).connect()


@pytest.mark.timeout(30)
def test_silence_is_no_reply_to_a_question_and_an_unknown_outcome_of_a_command(rig):
    driver = rig.ready(closed=True, timeout=0.3)
    rig.twin.faults = Faults(silent_after=0.0)
    with pytest.raises(NoReply, match=r"'Dev1/port0/line0\?' within 0\.3 s"):
        driver.read_closed()
    rig.twin.faults = Faults()
    driver.read_closed()  # the link is open again, so that the next command goes out
    rig.twin.faults = Faults(silent_after=0.0)
    with pytest.raises(OutcomeUnknown, match=r"'Dev1/port0/line0 = low \(open\)' was sent"):
        driver.make_safe()
    rig.twin.faults = Faults()
    assert driver.read_closed()  # nothing was sent again
    driver.make_safe()
    assert rig.terminals.closed is False


def test_a_server_that_is_gone_behind_a_write_leaves_the_outcome_unknown_and_nothing_is_sent_again(make_rig):
    def die(level):
        if level:
            rig.twin.faults = Faults(drops_after=0.0)

    rig = make_rig(terminals=Wire(then=die))
    driver = rig.ready()
    with pytest.raises(OutcomeUnknown, match="Look at the instrument"):
        driver.switch(closed=True)
    for act in (driver.make_safe, driver.read_closed):
        with pytest.raises(LinkLost, match="Does the NI gRPC Device Server run"):
            act()
    assert rig.terminals.levels == [False, True]  # prepared, closed once; the server took no more


def test_garbage(rig):
    driver = rig.ready()
    rig.twin.faults = Faults(garbage_after=0.0)
    with pytest.raises(BadReply, match="was answered with"):
        driver.read_closed()
    rig.twin.faults = Faults()
    driver.read_closed()
    rig.twin.faults = Faults(garbage_after=0.0)
    with pytest.raises(OutcomeUnknown):
        driver.switch(closed=True)
