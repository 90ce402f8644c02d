"""What every interlock must do beyond what every instrument must, on its twin."""

import re

import pytest

from hil.errors import ConfigError, InstrumentError, LinkLost, OutcomeUnknown, ReadbackError, WrongInstrument
from hil.plant.terminals import InterlockTerminals
from hil.twin.base import Faults

NAME = "nidaqmx_line"


class Wire(InterlockTerminals):
    """A line that remembers each level it was given, and does something more then."""

    def __init__(self, then):
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
def rig(make_rig):
    return make_rig(NAME)


@pytest.mark.parametrize("line", ["port0", "port0/line0:3", "Dev1/port0/line0", "ao0", ""])
def test_what_is_not_one_line_is_refused_before_anything_is_sent(rig, line):
    with pytest.raises(ConfigError, match=rf"box: '{line}' is not one digital line.*port0/line0"):
        rig.driver(options={"line": line})


@pytest.mark.parametrize("closed", [False, True])
def test_reading_leaves_the_line_as_it_was(rig, closed):
    rig.terminals.closed = closed
    rig.written()
    driver = rig.driver()
    assert driver.read_closed() is closed
    assert driver.snapshot() == {"closed": closed}
    driver.close()
    assert rig.written() == []


def test_identity_names_the_device_and_the_driver(rig):
    assert str(rig.driver().connect()) == "National Instruments,USB-6366,00000000,NI-DAQmx 24.5.0"


def test_the_line_follows_and_reads_back(rig):
    driver = rig.ready()
    for closed in (True, True, False, True):
        driver.switch(closed=closed)
        assert rig.terminals.closed is driver.read_closed() is closed
    entry = rig.log.entries[-2]
    assert (entry.sent, entry.received) == ("Dev1/port0/line0 = high (closed)", "True")


def test_a_closed_line_is_proven_so_and_an_open_one_too(rig):
    driver = rig.at_work()
    (proof,) = driver.prove_safe()
    assert not proof.holds
    driver.make_safe()
    (proof,) = driver.prove_safe()
    assert proof.holds
    assert str(proof).startswith("box: Dev1/port0/line0 closed = 0")


def test_a_task_that_a_crashed_run_left_behind_is_cleared_by_its_name(rig):
    rig.at_work().close()
    assert "hil_box" in rig.twin._tasks
    other = rig.driver(name="other")
    with pytest.raises(InstrumentError, match=r"other at grpc.*-50103"):  # it holds the line indeed
        other.make_safe()
    assert rig.terminals.closed
    rig.driver().make_safe()
    assert rig.terminals.closed is False


def test_safe_on_a_server_that_has_forgotten_the_task(rig):
    """As after a restart of the server, which the channel rides out unseen."""
    driver = rig.at_work()
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
    driver = make_rig(NAME, terminals=wire).driver()
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
    assert make_rig(NAME, faults=Faults(identity=product)).driver().connect().model == product


@pytest.mark.parametrize("product", ["NI 9205", "USB-4431", "cDAQ-9178"])
def test_a_device_without_such_a_line_is_refused_and_left_alone(make_rig, product):
    rig = make_rig(NAME, faults=Faults(identity=product))
    with pytest.raises(WrongInstrument, match=re.escape(product)):
        rig.driver().connect()
    assert rig.written() == []


def test_device_and_line_come_from_the_bench_file(make_rig):
    options = {"device": "Dev2", "line": "port1/line3"}
    rig = make_rig(NAME, options=options)
    rig.at_work(options=options)
    assert rig.terminals.closed
    with pytest.raises(InstrumentError, match=r"-200170.*port1/line4"):
        rig.driver(options={**options, "line": "port1/line4"}).switch(closed=False)
    with pytest.raises(InstrumentError, match=r"-200220.*Dev1"):
        rig.driver().connect()
    assert rig.terminals.closed


def test_a_task_without_a_line_drives_nothing(rig):
    link = rig.driver()._link

    def write():
        from nidaqmx.stream_writers import DigitalSingleChannelWriter

        DigitalSingleChannelWriter(link.new_task().out_stream).write_one_sample_one_line(True)

    with pytest.raises(InstrumentError, match="-200478"):
        link.run("write", write)
    assert rig.terminals.closed is False


def test_a_server_that_is_gone_behind_a_write_leaves_the_outcome_unknown_and_nothing_is_sent_again(make_rig):
    def die(level):
        if level:
            rig.fail(drops_after=0.0)

    rig = make_rig(NAME, terminals=Wire(then=die))
    driver = rig.ready()
    with pytest.raises(OutcomeUnknown, match="Look at the instrument"):
        driver.switch(closed=True)
    for act in (driver.make_safe, driver.read_closed):
        with pytest.raises(LinkLost, match="Does the NI gRPC Device Server run"):
            act()
    assert rig.terminals.levels == [False, True]  # prepared, closed once; the server took no more
