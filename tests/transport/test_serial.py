"""Frames over a loopback bridge, and over a pseudo terminal where the system has them."""

import os
import threading
from types import SimpleNamespace

import pytest

from hil.errors import BadReply, ConfigError, LinkLost, NoReply, OutcomeUnknown
from hil.transport.link import CommandLog
from hil.transport.serial import SerialLink
from hil.twin.base import Faults
from hil.twin.frames import FrameServer

ASK = b"ask?"
REPLIES = {ASK: b"\x03yes", b"long": b"\x09yes", b"set!": b"\x02ok"}
"""A toy protocol: requests of four bytes, replies that begin with the length of what follows."""


def reader(receive):
    length = receive(1)[0]
    if length > 9:
        raise BadReply(f"a reply of {length} bytes")
    return receive(length)


@pytest.fixture
def toy(world):
    opened = []

    def build(faults=None, timeout=0.2):
        requests = []

        def answer(request):
            requests.append(request)
            return REPLIES[request]

        box = SimpleNamespace(world=world, faults=faults or Faults())
        server = FrameServer(box, lambda got: 4 - len(got), answer)
        link = SerialLink(
            "toy", f"socket://127.0.0.1:{server.start()}", world, CommandLog(), timeout, baudrate=9600
        )
        opened.extend((link.close, server.stop))
        return link, requests

    yield build
    for close in opened:
        close()


def test_an_exchange_returns_what_the_reader_makes_of_it_and_is_logged_in_hex(toy):
    link, _ = toy()
    assert link.exchange(ASK, reader, writes=False) == b"yes"
    (line,) = link.log.entries
    assert (line.instrument, line.sent, line.received) == ("toy", "61 73 6b 3f", "03 79 65 73")


def test_silence_after_a_question_is_no_reply_and_the_next_one_is_answered(toy, world):
    link, _ = toy(Faults(silent_after=0.0))
    with pytest.raises(NoReply, match="61 73 6b 3f"):
        link.exchange(ASK, reader, writes=False)
    world.time = -1.0
    assert link.exchange(ASK, reader, writes=False) == b"yes"


def test_silence_after_a_command_is_an_unknown_outcome_and_it_is_sent_once(toy):
    link, requests = toy(Faults(silent_after=0.0))
    with pytest.raises(OutcomeUnknown, match="not sent again"):
        link.exchange(b"set!", reader, writes=True)
    assert requests == [b"set!"]


def test_a_reply_that_breaks_off_is_a_bad_reply_with_what_came(toy):
    link, _ = toy()
    with pytest.raises(BadReply, match="09 79 65 73"):
        link.exchange(b"long", reader, writes=False)
    assert link.log.entries[-1].received == "09 79 65 73"
    assert link.exchange(ASK, reader, writes=False) == b"yes"


def test_what_the_reader_refuses_is_a_bad_reply(toy):
    link, _ = toy(Faults(garbage_after=0.0))
    with pytest.raises(BadReply, match="222 bytes"):
        link.exchange(ASK, reader, writes=False)


def test_a_dropped_connection_is_lost_behind_a_question_and_refused_afterwards(toy):
    link, requests = toy(Faults(drops_after=0.0))
    for _ in range(2):
        with pytest.raises(LinkLost, match="toy at socket"):
            link.exchange(ASK, reader, writes=False)
    assert requests == []


def test_a_dropped_connection_behind_a_command_leaves_the_outcome_unknown(toy):
    link, _ = toy(Faults(drops_after=0.0))
    with pytest.raises(OutcomeUnknown):
        link.exchange(b"set!", reader, writes=True)


@pytest.mark.parametrize(
    ("address", "error"),
    [("/nowhere/ttyS99", LinkLost), ("socket://127.0.0.1:1", LinkLost), ("nonsense://x", ConfigError)],
)
def test_an_address_that_cannot_be_opened_says_so(world, address, error):
    link = SerialLink("toy", address, world, CommandLog(), 0.2, baudrate=9600)
    with pytest.raises(error, match="toy"):
        link.open()


def test_closing_twice_is_harmless(toy):
    link, _ = toy()
    link.open()
    link.close()
    link.close()


@pytest.fixture
def line():
    """Return both ends of a serial line: the box's file, and the port's name."""
    tty = pytest.importorskip("tty", reason="pseudo terminals are POSIX only")
    box, port = os.openpty()
    tty.setraw(box)
    tty.setraw(port)
    yield box, os.ttyname(port)
    os.close(port)
    os.close(box)


@pytest.fixture
def answered(line):
    """Return a function that lets the box answer one question."""
    threads = []

    def answer():
        threads.append(
            threading.Thread(target=lambda: os.read(line[0], 4) == ASK and os.write(line[0], REPLIES[ASK]))
        )
        threads[-1].start()

    yield answer
    for thread in threads:
        thread.join()


def test_a_late_reply_on_a_serial_line_does_not_answer_the_next_question(line, answered, world):
    box, port = line
    link = SerialLink("toy", port, world, CommandLog(), 0.2, baudrate=9600)
    with pytest.raises(NoReply):
        link.exchange(ASK, reader, writes=False)
    assert os.read(box, 4) == ASK
    os.write(box, b"\x04late")
    answered()
    assert link.exchange(ASK, reader, writes=False) == b"yes"
    link.close()


def test_what_came_without_a_question_does_not_answer_the_next_one(line, answered, world):
    box, port = line
    link = SerialLink("toy", port, world, CommandLog(), 0.2, baudrate=9600)
    link.open()
    os.write(box, b"\x05stray")
    answered()
    assert link.exchange(ASK, reader, writes=False) == b"yes"
    link.close()


def test_a_line_that_is_never_quiet_is_refused_after_a_failure(line, world):
    box, port = line
    link = SerialLink("toy", port, world, CommandLog(), 0.2, baudrate=9600)
    with pytest.raises(NoReply):
        link.exchange(ASK, reader, writes=False)
    done = threading.Event()

    def babble():
        while not done.wait(0.005):
            os.write(box, b"x")

    babbling = threading.Thread(target=babble)
    babbling.start()
    try:
        with pytest.raises(BadReply, match="without a question"):
            link.exchange(ASK, reader, writes=False)
    finally:
        done.set()
        babbling.join()
        link.close()
