"""Modbus TCP against a server that is written from the specification, not from pymodbus."""

import logging
import struct
from types import SimpleNamespace

import pytest

from hil.errors import BadReply, ConfigError, InstrumentError, LinkLost, NoReply, OutcomeUnknown
from hil.transport.link import CommandLog
from hil.transport.modbus import ModbusLink
from hil.twin.base import Faults
from hil.twin.frames import FrameServer


class Registers:
    """Holding registers 0 to 299; each reads its own address. A reply may be replaced."""

    def __init__(self):
        self.requests = []
        self.written = {}
        self.spoil = None

    def missing(self, request):
        return (6 if len(request) < 6 else 6 + request[5]) - len(request)

    def answer(self, request):
        self.requests.append(request)
        head, function, address, count = request[:4], *struct.unpack_from(">BHH", request, 7)
        if address + count > 300:
            reply = bytes([function | 0x80, 2])
        elif function == 3:
            reply = struct.pack(f">BB{count}H", 3, 2 * count, *range(address, address + count))
        else:
            self.written[address] = list(struct.unpack_from(f">{count}H", request, 13))
            reply = struct.pack(">BHH", 16, address, count)
        adu = head + struct.pack(">HB", len(reply) + 1, request[6]) + reply
        return self.spoil(adu) if self.spoil else adu


@pytest.fixture
def device(world):
    opened = []

    def build(faults=None, **options):
        registers = Registers()
        box = SimpleNamespace(world=world, faults=faults or Faults())
        server = FrameServer(box, registers.missing, registers.answer)
        link = ModbusLink("pcs", f"127.0.0.1:{server.start()}", world, CommandLog(), 0.2, **options)
        opened.extend((link.close, server.stop))
        return link, registers

    yield build
    for close in opened:
        close()


def test_a_read_is_function_3_to_the_unit(device):
    link, registers = device(unit=7)
    assert link.read(40, 3) == [40, 41, 42]
    # transaction 1, protocol 0, 6 bytes, unit 7, function 3, address 40, count 3
    assert registers.requests == [bytes.fromhex("0001 0000 0006 07 03 0028 0003")]
    assert (link.log.entries[0].sent, link.log.entries[0].received) == ("read 40 x 3", "0028 0029 002a")


def test_a_write_is_function_16_also_for_one_register(device):
    link, registers = device()
    link.write(18, [0xBEEF])
    assert registers.requests == [bytes.fromhex("0001 0000 0009 01 10 0012 0001 02 beef")]
    assert registers.written == {18: [0xBEEF]}
    assert (link.log.entries[0].sent, link.log.entries[0].received) == ("write 18: beef", "ok")


def test_a_long_read_is_split_at_125_registers(device):
    link, registers = device()
    assert link.read(0, 260) == list(range(260))
    assert [struct.unpack_from(">HH", request, 8) for request in registers.requests] == [
        (0, 125),
        (125, 125),
        (250, 10),
    ]


def test_an_exception_response_is_the_instruments_error_and_the_link_stays(device):
    link, registers = device()
    with pytest.raises(InstrumentError, match="illegal data address"):
        link.read(299, 2)
    with pytest.raises(InstrumentError, match="write 300"):
        link.write(300, [1])
    assert link.read(1, 1) == [1]
    assert len(registers.requests) == 3


def test_silence_is_no_reply_and_the_next_read_gets_its_own_answer(device, world):
    link, registers = device(Faults(silent_after=0.0))
    with pytest.raises(NoReply, match="read 5 x 1"):
        link.read(5, 1)
    world.time = -1.0
    assert link.read(6, 1) == [6]
    assert len(registers.requests) == 2


def test_silence_after_a_write_is_an_unknown_outcome_and_it_is_sent_once(device):
    link, registers = device(Faults(silent_after=0.0))
    with pytest.raises(OutcomeUnknown, match="not sent again"):
        link.write(5, [1])
    assert len(registers.requests) == 1


@pytest.mark.parametrize(
    "spoil",
    [
        lambda adu: adu[:2] + b"\x12\x34" + adu[4:],  # protocol identifier
        lambda adu: b"\x03\xe7" + adu[2:],  # transaction of another question
        lambda adu: adu[:5],  # truncated
        lambda adu: adu[:7] + b"\x04" + adu[8:],  # another function
        lambda adu: adu[:5] + b"\x05" + adu[6:7] + b"\x03\x02\x00\x07",  # one register, not two
    ],
    ids=["protocol", "transaction", "truncated", "function", "count"],
)
def test_what_is_no_answer_to_the_question_is_a_bad_reply(device, spoil):
    link, registers = device()
    registers.spoil = spoil
    with pytest.raises(BadReply, match="no answer to 'read 7 x 2'"):
        link.read(7, 2)
    registers.spoil = None
    assert link.read(8, 2) == [8, 9]


def test_a_write_that_confirms_another_address_leaves_the_outcome_unknown(device):
    link, registers = device()
    registers.spoil = lambda adu: adu[:9] + b"\x99" + adu[10:]
    with pytest.raises(OutcomeUnknown, match="no answer"):
        link.write(7, [1])


def test_a_dropped_connection_is_lost_and_refused_afterwards(device):
    link, registers = device(Faults(drops_after=0.0))
    with pytest.raises(LinkLost, match="gone"):
        link.read(7, 1)
    with pytest.raises(LinkLost, match="no connection"):
        link.read(7, 1)
    with pytest.raises(LinkLost, match="no connection"):
        link.write(7, [1])  # never left this computer, so its outcome is known
    assert registers.requests == []


def test_a_failing_link_writes_nothing_to_stderr_and_leaves_logging_alone(device, capsys):
    root = logging.getLogger()
    before = (list(root.handlers), root.level)
    link, _ = device(Faults(silent_after=0.0))
    with pytest.raises(NoReply):
        link.read(5, 1)
    assert (list(root.handlers), root.level) == before
    assert any(isinstance(handler, logging.NullHandler) for handler in logging.getLogger("pymodbus").handlers)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("address", ["", ":502", "host:http"])
def test_an_address_that_means_nothing_is_refused(world, address):
    with pytest.raises(ConfigError, match="host:port"):
        ModbusLink("pcs", address, world, CommandLog())
