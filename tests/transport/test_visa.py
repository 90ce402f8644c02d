"""The VISA link against real sockets, SCPI over it, and the grammar of simulated boxes."""

import socket
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.errors import BadReply, InstrumentError, LinkLost, NoReply, NotSafe, OutcomeUnknown
from hil.transport.link import CommandLog
from hil.transport.scripted import Scripted
from hil.transport.visa import Scpi, VisaLink
from hil.twin.base import Faults, Scene
from hil.twin.scpi import Refusal, ScpiTwin, flag, number, word


class Echo(ScpiTwin):
    """A box with one setting."""

    ROLE = "test"
    IDENTITY = "Maker,Model,1,2"
    level = 1.0

    def commands(self):
        return {
            "[SOURce:]VOLTage[:LEVel]": lambda data: setattr(self, "level", number(data[0], 0, 10)),
            "[SOURce:]VOLTage[:LEVel]?": lambda _: f"{self.level:g} V",
            "[SOURce:]VOLTage:RANGe?": lambda _: "10",
            "TRIGger:SOURce": lambda data: word(data[0], "IMMediate", "BUS") and None,
        }

    def reset(self):
        self.level = 0.0


@pytest.fixture
def scene(world):
    return Scene("box", None, world, faults=Faults())


@pytest.fixture
def box(scene):
    return Echo(scene)


@pytest.fixture
def served(box):
    yield box.start()
    box.stop()


@pytest.fixture
def connect(world):
    links = []

    def build(address, timeout=2.0, log=None):
        links.append(VisaLink("box", address, world, log or CommandLog(), timeout))
        return links[-1]

    yield build
    for link in links:
        link.close()


def test_a_question_and_its_answer(served, connect):
    log = CommandLog()
    link = connect(served, log=log)
    link.write("VOLT 2.5")
    assert link.query("VOLT?") == "2.5 V"
    assert [(entry.sent, entry.received, entry.error) for entry in log.entries] == [
        ("VOLT 2.5", None, None),
        ("VOLT?", "2.5 V", None),
    ]


def test_nagle_is_off(served, connect):
    link = connect(served)
    link.open()
    assert link._socket().getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_the_gap_between_messages_is_bench_time(served, connect, world):
    link = connect(served)
    link.gap = 0.01
    link.query("*IDN?")
    before = world.now()
    link.query("*IDN?")
    assert world.now() - before == pytest.approx(0.01)


def test_a_closed_port_is_a_lost_link_at_once(connect):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    link = connect(f"TCPIP::127.0.0.1::{port}::SOCKET")
    with pytest.raises(LinkLost, match=rf"box: cannot open TCPIP::127.0.0.1::{port}.*switched on"):
        link.open()
    with pytest.raises(LinkLost):
        link.query("*IDN?")


def test_an_address_that_is_none_says_so(connect):
    with pytest.raises(LinkLost, match="box: cannot open rubbish.*is the address right"):
        connect("rubbish").open()


@pytest.mark.timeout(20)  # pyvisa-py alone would report a timeout, after the 60 s
def test_a_connection_closed_by_the_peer_is_a_lost_link_at_once(served, connect, scene):
    link = connect(served, timeout=60.0)
    link.query("*IDN?")
    object.__setattr__(scene.faults, "drops_after", 0.0)
    with pytest.raises(LinkLost, match="closed the connection instead of answering 'VOLT\\?'"):
        link.query("VOLT?")
    with pytest.raises(LinkLost):
        link.query("VOLT?")


def test_garbage_is_a_bad_reply(served, connect, scene):
    object.__setattr__(scene.faults, "garbage_after", 0.0)
    with pytest.raises(BadReply, match=r"\\xff"):
        connect(served).query("*IDN?")


class Peer:
    """A server that plays one function per connection, in order."""

    def __init__(self, *parts):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"TCPIP::127.0.0.1::{self.listener.getsockname()[1]}::SOCKET"
        self.received = []
        self.thread = threading.Thread(target=self.play, args=(parts,), daemon=True)
        self.thread.start()

    def play(self, parts):
        with self.listener:
            for part in parts:
                connection, _ = self.listener.accept()
                with connection:
                    part(self, connection)

    def line(self, connection):
        text = b""
        while not text.endswith(b"\n"):
            text += connection.recv(1)
        self.received.append(text)


def test_a_late_reply_never_answers_the_next_question(connect):
    asked_again = threading.Event()

    def late(peer, connection):
        peer.line(connection)
        asked_again.wait(10)
        connection.sendall(b"LATE\n")

    def fresh(peer, connection):
        peer.line(connection)
        connection.sendall(b"FRESH\n")

    peer = Peer(late, fresh)
    link = connect(peer.address, timeout=0.1)
    with pytest.raises(NoReply, match="no answer to 'A\\?' within 0.1 s"):
        link.query("A?")
    asked_again.set()
    link.timeout = 10.0
    assert link.query("B?") == "FRESH"
    peer.thread.join()
    assert peer.received == [b"A?\n", b"B?\n"]


def test_a_reply_cut_short_is_no_reply(connect):
    def cut(peer, connection):
        peer.line(connection)
        connection.sendall(b"27")
        connection.recv(1)  # until the link gives up

    peer = Peer(cut)
    link = connect(peer.address, timeout=0.1)
    with pytest.raises(NoReply):
        link.query("A?")
    link.close()
    peer.thread.join()


def test_what_comes_unasked_answers_nothing(connect):
    def chatty(peer, connection):
        peer.line(connection)
        connection.sendall(b"ONE\nUNASKED\n")
        peer.line(connection)
        connection.sendall(b"TWO\n")

    peer = Peer(chatty)
    link = connect(peer.address)
    assert link.query("A?") == "ONE"
    assert link.query("B?") == "TWO"
    peer.thread.join()


def test_a_connection_closed_in_a_pause_is_opened_anew(connect):
    def once(peer, connection):
        peer.line(connection)
        connection.sendall(b"1\n")

    peer = Peer(once, once)
    link = connect(peer.address)
    assert link.query("A?") == "1"
    assert link._socket().recv(1, socket.MSG_PEEK) == b""  # waits for the peer's close
    assert link.query("SET 5;B?", writes=True) == "1"  # nothing was under way: no unknown outcome
    peer.thread.join()
    assert peer.received == [b"A?\n", b"SET 5;B?\n"]


def test_a_command_behind_which_the_link_fails_is_not_sent_again(connect):
    peer = Peer(lambda peer, connection: peer.line(connection))
    link = connect(peer.address)
    with pytest.raises(OutcomeUnknown, match="SET 5"):
        link.query("SET 5;*OPC?", writes=True)
    peer.thread.join()
    assert peer.received == [b"SET 5;*OPC?\n"]


def scpi(world, handler):
    return Scpi(Scripted("box", handler, world))


@pytest.mark.parametrize(
    ("reply", "value"), [("5", 5), ("-1.25E+3", -1250), ("800.00 V", 800), ("33.3A", 33.3), (".5", 0.5)]
)
def test_numbers_with_and_without_units(world, reply, value):
    assert scpi(world, lambda _: reply).numbers("MEAS?") == [value]


@pytest.mark.parametrize("reply", ["", "ON", "NAN", "INF", "9.91E37", "-9.9E+37", "5;6", "1,2", "--5"])
def test_what_is_no_number_is_a_bad_reply(world, reply):
    with pytest.raises(BadReply, match="box"):
        scpi(world, lambda _: reply).numbers("MEAS?")


def test_a_refused_command_names_the_command_and_all_errors(world):
    replies = ['-222,"Data out of range; VOLT 99"', '-113,"Undefined header"', '+0,"No error"']
    with pytest.raises(InstrumentError, match=r"'VOLT 99;:SYST:ERR\?': -222.*VOLT 99.*-113"):
        scpi(world, lambda _: replies.pop(0)).send("VOLT 99")
    assert replies == []


def test_an_error_queue_without_end_does_not_hang(world):
    with pytest.raises(InstrumentError):
        scpi(world, lambda _: '-350,"Queue overflow"').send("VOLT 1")


def test_every_message_of_an_attempt_is_sent(world):
    sent = []

    def refuse(message):
        sent.append(message)
        return '-200,"Execution error"' if message.startswith("A") else '0,"No error"'

    with pytest.raises(NotSafe, match="'A;:B;"):
        scpi(world, refuse).attempt(("A", "B"), ("C",))
    assert sent == ["A;:B;:SYST:ERR?", "SYST:ERR?", "C;:SYST:ERR?"]


LONG = [["SOURCE", "SOUR"], ["VOLTAGE", "VOLT"], ["LEVEL", "LEV"]]


@given(st.data())
def test_long_and_short_forms_in_any_case(data):
    nodes = [data.draw(st.sampled_from(forms)) for forms in LONG]
    nodes = nodes[data.draw(st.integers(0, 1)) : data.draw(st.integers(2, 3))]
    header = ":".join(node + data.draw(st.sampled_from(["", "1"])) for node in nodes)
    header = "".join(data.draw(st.sampled_from([letter, letter.lower()])) for letter in header)
    box = Echo(Scene("box", None, None))
    assert box.execute(f"{data.draw(st.sampled_from(['', ':']))}{header} 7.5") == ""
    assert box.errors == []
    assert box.level == 7.5


@pytest.mark.parametrize(
    ("message", "number_of_error"),
    [
        ("VOLTA 1", -113),
        ("VOL 1", -113),
        ("VOLT2 1", -114),
        ("VOLT 11", -222),
        ("VOLT one", -104),
        ("VOLT", -109),
        ("TRIG:SOUR EXT", -224),
        ("VOLT:LEV:RANG?", -113),
    ],
)
def test_what_is_wrong_goes_to_the_error_queue(box, message, number_of_error):
    assert box.execute(message) == ""
    assert box.execute("SYST:ERR?").startswith(f"{number_of_error},")
    assert box.execute("SYST:ERR:NEXT?") == '0,"No error"'
    assert box.level == 1.0


def test_a_message_keeps_its_path_until_a_colon(box):
    assert box.execute("VOLT:LEV 3;RANG?;LEV?") == "10;3 V"  # SCPI-99, 6.2.4
    assert box.execute("VOLT:LEV 4;*OPC?;RANG?;:VOLT?") == "1;10;4 V"
    assert box.execute("VOLT:RANG?;SYST:ERR?") == "10"
    assert box.execute(":SYST:ERR?").startswith("-113")


def test_common_commands(box):
    assert box.execute("*IDN?") == "Maker,Model,1,2"
    box.execute("*RST")
    assert box.level == 0.0
    box.execute("NONSENSE;*CLS")
    assert box.execute("SYST:ERR?") == '0,"No error"'


def test_the_error_queue_overflows_as_it_should(box):
    for _ in range(20):
        box.execute("NONSENSE")
    assert len(box.errors) == 16
    assert box.errors[-1].startswith("-350")


def test_parameters():
    assert number("max", 0, 5) == 5
    assert number("MINimum", 0, 5) == 0
    assert number("1.5 V", 0, 5) == 1.5
    assert [flag(text) for text in ("on", "1", "OFF", "0")] == [True, True, False, False]
    assert [word(text, "IMMediate", "BUS") for text in ("imm", "Immediate", "bus")] == ["IMM", "IMM", "BUS"]
    with pytest.raises(Refusal):
        flag("maybe")


def test_a_box_that_closes_idle_connections(world, connect):
    class Sleepy(Echo):
        IDLE_CLOSE = 5.0

    box = Sleepy(Scene("box", None, world))
    link = connect(box.start())
    link.query("*IDN?")
    world.sleep(5.5)
    with pytest.raises(LinkLost):
        link.query("*IDN?")
    link.idle_close = 5.0
    link.query("*IDN?")
    world.sleep(5.5)
    assert link.query("*IDN?") == "Maker,Model,1,2"
    box.stop()
