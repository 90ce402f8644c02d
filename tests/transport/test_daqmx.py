"""The DAQmx link: addresses, optional packages, and what its errors become."""

import sys
import time

import numpy as np
import pytest

from hil.errors import ConfigError, InstrumentError, LinkLost, MissingExtra, OutcomeUnknown
from hil.plant.terminals import AnalogInputs, Sensor
from hil.transport.daqmx import DaqmxLink
from hil.transport.link import CommandLog
from hil.twin.base import Faults, Scene

pytest.importorskip("nidaqmx", reason="the daq extra is not installed")
pytest.importorskip("grpc", reason="the daq extra is not installed")

from nidaqmx import utils
from nidaqmx.constants import AcquisitionType
from nidaqmx.errors import DaqNotFoundError
from nidaqmx.stream_readers import AnalogMultiChannelReader
from nidaqmx.system import Device

from hil.instruments._daqmx_server import reserved
from hil.instruments.nidaqmx_twin import NidaqmxTwin


@pytest.fixture
def link_to(world):
    links = []

    def make(address, timeout=10.0):
        links.append(DaqmxLink("daq", address, world, CommandLog(), timeout))
        return links[-1]

    yield make
    for link in links:
        link.close()


@pytest.fixture
def twin(world):
    terminals = AnalogInputs({"ai0": Sensor("v_a", lambda values: values)})
    twin = NidaqmxTwin(Scene("daq", terminals, world))
    twin.address = twin.start()
    yield twin
    twin.stop()


@pytest.mark.parametrize("address", ["Dev1", "", "grpc://", "grpc://host:x1", "http://host:31763", "local"])
def test_an_address_that_cannot_be_read_says_what_is_expected(link_to, address):
    with pytest.raises(ConfigError, match=r'daq: cannot read the address .*grpc://host:31763.*"local:"'):
        link_to(address)


@pytest.mark.parametrize(
    ("address", "target"),
    [
        ("grpc://bench-pc", "bench-pc:31763"),
        ("grpc://10.0.0.7:5000/", "10.0.0.7:5000"),
        ("grpc://[fe80::1]:5000", "[fe80::1]:5000"),
        ("local:", None),
    ],
)
def test_addresses(link_to, address, target):
    assert link_to(address)._target == target


@pytest.mark.parametrize("package", ["nidaqmx", "grpc"])
def test_a_package_that_is_not_installed_is_named_on_one_line(link_to, monkeypatch, package):
    for name in [m for m in sys.modules if m.partition(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtra, match=r'^daq: .* is not installed: pip install "hil-bench\[daq\]"$'):
        link_to("grpc://127.0.0.1:9").run("anything", lambda: None)


def test_the_local_driver_that_is_not_installed(link_to, monkeypatch):
    def absent(*_):
        raise DaqNotFoundError("Could not find an installation of NI-DAQmx.")

    monkeypatch.setattr(utils, "_select_interpreter", absent)  # the machine of a tester may have it
    with pytest.raises(MissingExtra, match=r"daq at local:.*install it from NI"):
        link_to("local:").open()


def test_a_server_that_is_not_there(link_to, twin):
    twin.stop()
    link = link_to(twin.address)
    with pytest.raises(LinkLost, match=r"daq at grpc://127\.0\.0\.1.*is the address right"):
        link.open()


def test_a_command_that_is_lost_on_the_way_is_not_sent_again(link_to, twin):
    link = link_to(twin.address, timeout=0.3)
    calls = []

    def act():
        calls.append(1)
        link.task.start()

    link.run("set up", lambda: link.new_task().ai_channels.add_ai_voltage_chan("Dev1/ai0"))
    twin.faults = Faults(silent_after=0.0)
    with pytest.raises(OutcomeUnknown, match="'start' was sent"):
        link.run("start", act, writes=True)
    assert calls == [1]


def test_one_deadline_spans_all_calls_of_an_exchange(link_to, twin, monkeypatch):
    """The second call of an exchange gets what the first has left of the time, not all of it again."""
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    link = link_to(twin.address, timeout=10.0)
    link.open()
    deadlines = []
    answer = twin._property

    def slow(ask):
        now[0] += 4.0
        deadlines.append(link._deadline - now[0])
        return answer(ask)

    monkeypatch.setattr(twin, "_property", slow)

    def ask():
        device = Device("Dev1", grpc_options=link.options)
        return device.product_type, device.serial_num

    assert link.run("who", ask) == ("USB-6366", 0)
    assert deadlines == [6.0, 2.0]


def test_a_message_beyond_the_default_limit_of_grpc_arrives(link_to, twin):
    count = 600_000  # 4.8 MB; grpc takes 4 MiB unless told otherwise
    link = link_to(twin.address)

    def set_up():
        task = link.new_task()
        task.ai_channels.add_ai_voltage_chan("Dev1/ai0", min_val=-10.0, max_val=10.0)
        task.timing.cfg_samp_clk_timing(50e3, sample_mode=AcquisitionType.CONTINUOUS, samps_per_chan=count)
        task.start()

    link.run("set up", set_up)
    twin._inputs.blocks.append(np.ones((9, count)))
    samples = np.empty((1, count))

    def read():
        reader = AnalogMultiChannelReader(link.task.in_stream)
        reader.verify_array_shape = False
        reader.read_many_sample(samples, count)

    link.run("read", read)
    # 1 V is 3276.8 codes of 10 V / 32768: it reads as 3277 of them
    assert (samples == 3277 * 10.0 / 2**15).all()


def test_the_log_holds_what_was_asked_and_what_came_back(link_to, twin):
    link = link_to(twin.address)
    link.run("add", lambda: (np.zeros((9, 100)), 2 + 2))
    entry = link.log.entries[-1]
    assert (entry.sent, entry.received, entry.error) == ("add", "(9, 100), 4", None)


def test_a_refusal_is_an_answer_and_leaves_the_task_alone(link_to, twin):
    link = link_to(twin.address)
    link.run("set up", lambda: link.new_task().ai_channels.add_ai_voltage_chan("Dev1/ai0"))
    task = link.task
    with pytest.raises(InstrumentError, match=r"daq at grpc://.*'count' was refused with -200475: Specified"):
        link.run("count", lambda: link.task.in_stream.avail_samp_per_chan)
    assert link.log.entries[-1].received.startswith("-200475: Specified operation")
    assert link.run("same", lambda: link.task) is task


def test_a_task_that_the_server_has_forgotten_counts_as_cleared(link_to, twin):
    link = link_to(twin.address)
    link.run("set up", link.new_task)
    twin._tasks.clear()
    link.run("clear", link.clear_task)
    assert link.log.entries[-1].error is None
    link.run("set up", link.new_task)
    twin._tasks.clear()
    link.run("set up again", link.new_task)
    assert list(twin._tasks) == ["hil_daq"]


def test_a_task_that_the_server_does_not_clear_is_an_error(link_to, twin, monkeypatch):
    def held(_):
        raise reserved()

    link = link_to(twin.address)
    link.run("set up", link.new_task)
    monkeypatch.setattr(twin, "_release", held)
    with pytest.raises(InstrumentError, match="'clear' was refused with -50103"):
        link.run("clear", link.clear_task)
