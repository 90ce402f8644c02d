"""What goes over a TopCon's serial line, byte by byte; the frames are worked out by hand.

Frame: A5, length, sum of the payload modulo 256, payload. Read: 10 and the address, low byte
first; write: 11, address, word. Full scale here: 1000 V, 400 A, 320 kW is 4000.
"""

from types import SimpleNamespace

import pytest

from hil.errors import BadReply, ConfigError, InstrumentError, ReadbackError, WrongInstrument
from hil.instruments.regatron_topcon import RegatronTopCon
from hil.limits import Limit
from hil.roles import Setup
from hil.transport.link import CommandLog
from hil.twin.base import Faults
from hil.twin.frames import FrameServer

TAKEN = "a5 02 11 11 00"
MASTER = ("a5 06 31 11 d0 50 00 00 00", TAKEN)
SYSTEM = ("a5 06 71 11 d0 50 00 40 00", TAKEN)
READY = [SYSTEM, ("a5 04 ec 10 8c 50 00", "a5 04 14 10 00 04 00")]
CONNECT = [
    ("a5 04 6c 10 0b 51 00", "a5 04 fb 10 00 e8 03"),  # 1000 V
    ("a5 04 6d 10 0c 51 00", "a5 04 a1 10 00 90 01"),  # 400 A
    ("a5 04 6e 10 0d 51 00", "a5 04 51 10 00 40 01"),  # 320 kW
    ("a5 04 74 10 13 51 00", "a5 04 7e 10 00 70 fe"),  # -400 A
    ("a5 04 75 10 14 51 00", "a5 04 ce 10 00 c0 fe"),  # -320 kW
    ("a5 04 89 10 28 51 00", "a5 04 11 10 00 01 00"),  # serial number, high word
    ("a5 04 8a 10 29 51 00", "a5 04 89 10 00 67 12"),  # ... and low word: 65536 + 4711
    ("a5 04 8f 10 01 7e 00", "a5 04 13 10 00 03 00"),  # firmware 3
    ("a5 04 90 10 02 7e 00", "a5 04 60 10 00 50 00"),  # .80
    ("a5 04 91 10 03 7e 00", "a5 04 10 10 00 00 00"),  # .0
]


@pytest.fixture
def dialogue(world):
    """Return a function that makes a driver whose box expects exactly these frames."""
    closing, left = [], []

    def build(*pairs, connect=True, limits=None):
        left.extend([*CONNECT, *pairs] if connect else pairs)

        def answer(request):
            expected, reply = left.pop(0) if left else ("nothing more", "")
            assert request.hex(" ") == expected
            return bytes.fromhex(reply)

        box = SimpleNamespace(world=world, faults=Faults())
        server = FrameServer(box, lambda got: (3 if len(got) < 3 else 3 + got[1]) - len(got), answer)
        address = f"socket://127.0.0.1:{server.start()}"
        source = RegatronTopCon(Setup("battery", address, world, CommandLog(), limits or {}, timeout=0.3))
        closing.extend((source.close, server.stop))
        if connect:
            source.connect()
        return source

    yield build
    for close in closing:
        close()
    assert left == []


def test_connecting_reads_full_scale_serial_number_and_firmware(dialogue):
    source = dialogue(*CONNECT, connect=False)
    assert str(source.connect()) == "Regatron,TopCon 1000 V 400 A 320 kW,70247,3.80.0"


def test_a_measurement_is_taken_from_the_system(dialogue):
    source = dialogue(SYSTEM, ("a5 04 e4 10 84 50 00", "a5 04 65 10 00 48 0d"))
    assert source.read_voltage() == 850.0  # 0x0d48 = 3400 of 4000


def test_a_current_into_the_source_is_negative(dialogue):
    source = dialogue(SYSTEM, ("a5 04 e5 10 85 50 00", "a5 04 24 10 00 18 fc"))
    assert source.read_current() == -100.0  # 0xfc18 = -1000 of 4000, of 400 A


def test_a_rising_voltage_goes_to_the_master_and_takes_the_sink_limit_after_it(dialogue):
    dialogue(
        MASTER,
        ("a5 04 e0 10 80 50 00", "a5 04 10 10 00 00 00"),  # was 0 V
        ("a5 06 36 11 80 50 00 48 0d", TAKEN),
        ("a5 04 e0 10 80 50 00", "a5 04 65 10 00 48 0d"),
        ("a5 06 da 11 1f 25 30 48 0d", TAKEN),
        ("a5 04 84 10 1f 25 30", "a5 04 65 10 00 48 0d"),
        *READY,
    ).set_voltage(850.0)


def test_a_falling_voltage_moves_the_sink_limit_first(dialogue):
    dialogue(
        MASTER,
        ("a5 04 e0 10 80 50 00", "a5 04 65 10 00 48 0d"),  # was 850 V
        ("a5 06 11 11 1f 25 30 80 0c", TAKEN),  # 800 V is 3200 = 0x0c80
        ("a5 04 84 10 1f 25 30", "a5 04 9c 10 00 80 0c"),
        ("a5 06 6d 11 80 50 00 80 0c", TAKEN),
        ("a5 04 e0 10 80 50 00", "a5 04 9c 10 00 80 0c"),
        *READY,
    ).set_voltage(800.0)


def test_sink_limits_are_negative_words_of_the_minimum(dialogue):
    dialogue(
        MASTER,
        ("a5 06 97 11 1d 25 30 18 fc", TAKEN),  # -1000: 100 A into the source
        ("a5 04 82 10 1d 25 30", "a5 04 24 10 00 18 fc"),
        ("a5 06 d7 11 81 50 00 f4 01", TAKEN),  # 500: 50 A out of it
        ("a5 04 e1 10 81 50 00", "a5 04 05 10 00 f4 01"),
        *READY,
    ).set_current_limits(sink=100.0, source=50.0)


def test_make_safe_switches_off_then_sets_zero_volts(dialogue):
    dialogue(
        MASTER,
        ("a5 06 ea 11 89 50 00 00 00", TAKEN),
        *READY,
        MASTER,
        ("a5 06 85 11 1f 25 30 00 00", TAKEN),
        ("a5 06 e1 11 80 50 00 00 00", TAKEN),
    ).make_safe()


def test_a_refused_register_is_the_instruments_error(dialogue):
    source = dialogue(MASTER, ("a5 04 e0 10 80 50 00", "a5 02 17 10 07"))
    with pytest.raises(InstrumentError, match=r"read register 0x5080, status 7"):
        source.set_voltage(10.0)


def test_a_set_point_that_was_not_taken_is_a_readback_error(dialogue):
    source = dialogue(
        MASTER,
        ("a5 04 e0 10 80 50 00", "a5 04 10 10 00 00 00"),
        ("a5 06 36 11 80 50 00 48 0d", TAKEN),
        ("a5 04 e0 10 80 50 00", "a5 04 9c 10 00 80 0c"),
    )
    with pytest.raises(ReadbackError, match="850 and reads back 800"):
        source.set_voltage(850.0)


@pytest.mark.parametrize(
    "reply",
    ["a5 04 66 10 00 48 0d", "a5 04 66 11 00 48 0d", "a5 07 65 10 00 48 0d"],
    ids=["checksum", "identifier", "length"],
)
def test_a_damaged_frame_is_a_bad_reply(dialogue, reply):
    source = dialogue(SYSTEM, ("a5 04 e4 10 84 50 00", reply))
    with pytest.raises(BadReply, match="battery"):
        source.read_voltage()


def test_it_is_not_prepared_while_another_interface_is_active(dialogue):
    source = dialogue(("a5 04 e7 10 87 50 00", "a5 04 11 10 00 01 00"))
    with pytest.raises(InstrumentError, match="not RS-232"):
        source.prepare()


def test_without_full_scale_values_it_is_another_box(dialogue):
    zero = "a5 04 10 10 00 00 00"
    source = dialogue(*[(request, zero) for request, _ in CONNECT[:5]], connect=False)
    with pytest.raises(WrongInstrument, match="full-scale"):
        source.connect()


def test_nothing_is_scaled_before_the_full_scale_values_are_known(dialogue):
    source = dialogue(MASTER, ("a5 04 e0 10 80 50 00", "a5 04 10 10 00 00 00"), connect=False)
    with pytest.raises(InstrumentError, match="connect first"):
        source.set_voltage(10.0)


def test_bench_limits_beyond_this_system_are_refused(dialogue):
    with pytest.raises(ConfigError, match="0 .. 1200 V"):
        dialogue(limits={"voltage": Limit(0.0, 1200.0, "V")})
