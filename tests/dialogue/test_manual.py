"""What an operator is asked, word for word, and what becomes of what is typed."""

import io
import queue
import threading
from dataclasses import replace
from types import SimpleNamespace

import pytest

from hil.bench import Bench
from hil.config import load
from hil.errors import BadReply, ConfigError, LinkLost, NoReply, OutcomeUnknown, ReadbackError
from hil.instruments.manual import TERMINAL, Manual
from hil.roles import Setup
from hil.transport import terminal
from hil.transport.link import CommandLog
from hil.transport.terminal import WAITING


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def desk(world, monkeypatch):
    """A terminal, and an operator who types what stands in a list, line by line, when asked."""
    lines, screen = queue.Queue(), Terminal()
    typed = []
    monkeypatch.setattr(terminal, "sys", SimpleNamespace(stdin=Terminal(), stderr=screen))
    monkeypatch.setattr(terminal, "_keyboard", lambda: lines)
    monkeypatch.setattr(terminal, "SLICE", 0.001)
    write = screen.write

    def type_after(text):
        if text.endswith(": ") and typed:
            answer = typed.pop(0)
            if answer is not None:
                lines.put(answer + "\n")
        return write(text)

    screen.write = type_after
    screen.typed, screen.lines = typed, lines
    return screen


@pytest.fixture
def breaker(world, desk):
    log = CommandLog()
    options = {"what": "genset G1 breaker", "patience": 5.0}
    return Manual(Setup("g1", TERMINAL, world, log, options=options))


def test_the_operator_says_who_they_are(breaker, desk):
    desk.typed[:] = ["Jane Doe"]
    assert str(breaker.connect()) == "by hand,genset G1 breaker,Jane Doe,-"
    assert desk.getvalue() == "\ng1: genset G1 breaker: who operates it? Type your name: "


def test_an_order_is_confirmed_by_its_word_and_stands_in_the_log(breaker, desk):
    desk.typed[:] = ["CLOSED "]
    breaker.switch("closed")
    (entry,) = breaker.setup.log.entries
    assert entry.sent == "genset G1 breaker: bring it to closed, then type closed"
    assert entry.received == "CLOSED"
    assert (entry.instrument, entry.error) == ("g1", None)


@pytest.mark.parametrize("answer", ["no", "open", "", "y"])
def test_anything_else_is_a_refusal(breaker, desk, answer):
    desk.typed[:] = [answer]
    with pytest.raises(
        ReadbackError, match=f"asked to bring genset G1 breaker to 'closed' and typed '{answer}'"
    ):
        breaker.switch("closed")


def test_a_position_is_looked_at(breaker, desk):
    desk.typed[:] = ["open", "closed", "ajar"]
    assert breaker.read_position() == "open"
    assert breaker.snapshot() == {"position": "closed"}
    with pytest.raises(BadReply, match="'ajar' was typed where open or closed was asked for"):
        breaker.read_position()


def test_what_was_typed_before_the_question_answers_nothing(breaker, desk):
    desk.lines.put("closed\n")
    desk.typed[:] = ["open"]
    assert breaker.read_position() == "open"


def test_waiting_asks_once_and_shows_that_the_run_lives(breaker, desk):
    desk.typed[:] = [None]
    link = breaker._link
    waits = []
    query = link.query

    def count(message, **how):
        if message == WAITING:
            waits.append(message)
            if len(waits) == 3:
                desk.lines.put("closed\n")
        return query(message, **how)

    link.query = count
    breaker.switch("closed")
    assert len(breaker.setup.log.entries) == 4  # each beats for the guard
    assert desk.getvalue().count("bring it to closed") == 1


def test_an_operator_who_has_gone_home(breaker, desk):
    with pytest.raises(NoReply, match=r"nobody answered 'genset G1 breaker: bring it to open.* within 5 s"):
        breaker.make_safe()


def test_a_terminal_that_closes_behind_an_order_leaves_the_outcome_unknown(breaker, desk):
    screen_write = desk.write

    def close(text):
        if text.endswith(": "):
            desk.lines.put("")
        return screen_write(text)

    desk.write = close
    with pytest.raises(OutcomeUnknown, match="terminal is closed.*not sent again"):
        breaker.switch("closed")


def test_nobody_is_waited_for_once_the_terminal_is_closed(breaker, desk, world):
    desk.lines.put("closed\n")
    desk.lines.put("")
    begin = world.now()
    for _ in range(2):
        with pytest.raises(LinkLost, match="g1: the terminal is closed, nobody can answer"):
            breaker.make_safe()
    assert (world.now(), desk.getvalue()) == (begin, "")


def test_what_is_no_text_closes_the_keyboard(monkeypatch):
    def typed():
        yield "open\n"
        raise ValueError

    monkeypatch.setattr(terminal, "sys", SimpleNamespace(stdin=typed()))
    monkeypatch.setattr(threading, "excepthook", lambda _: None)  # the thread ends with it
    terminal._keyboard.cache_clear()
    try:
        lines = terminal._keyboard()
        assert [lines.get(timeout=5) for _ in range(2)] == ["open\n", ""]
    finally:
        terminal._keyboard.cache_clear()


@pytest.mark.parametrize("stream", ["stdin", "stderr"])
def test_without_a_terminal_nobody_is_asked(breaker, monkeypatch, stream):
    both = {"stdin": Terminal(), "stderr": Terminal(), stream: io.StringIO("closed\n")}
    monkeypatch.setattr(terminal, "sys", SimpleNamespace(**both))
    with pytest.raises(LinkLost, match="g1: it needs an operator, and this program has no terminal"):
        breaker.switch("closed")


def test_a_transfer_is_asked_for_through_open(world, desk):
    options = {"what": "transfer switch", "positions": "grid genset"}
    switch = Manual(Setup("ts", TERMINAL, world, CommandLog(), options=options))
    desk.typed[:] = ["open", "genset"]
    switch.switch("genset")
    assert [entry.sent.rpartition("type ")[2] for entry in switch.setup.log.entries] == ["open", "genset"]


@pytest.mark.parametrize(
    "options",
    [{"positions": "open closed"}, {"positions": "grid GRID"}, {"positions": ""}, {"what": "two\nlines"}],
)
def test_options_that_make_no_sense_are_refused(world, options):
    with pytest.raises(ConfigError, match="g1: expected positions"):
        Manual(Setup("g1", TERMINAL, world, CommandLog(), options=options))


@pytest.fixture
def bench(world):
    """Its clock is none of a simulated bench's, so that the operator is asked."""
    return Bench(replace(load("simulated"), instruments={}), world, CommandLog())


def test_what_is_done_by_hand_is_confirmed(bench, desk):
    desk.typed[:] = [None, "Done"]
    seen = []

    def between():
        seen.append(1)
        desk.lines.put("done\n")

    bench.by_hand("set the grid to 0.1 ohm", "grid", {"ohms": [0.0, 0.1]}, between)
    assert seen == [1]
    bench.by_hand("close the fault", "fault", {"on": True}, between)
    assert seen == [1]
    assert "operator: close the fault. Type done when it is: " in desk.getvalue()
    assert {entry.instrument for entry in bench.log.entries} == {"operator"}


def test_what_is_not_confirmed_stops_the_run(bench, desk):
    desk.typed[:] = ["no"]
    with pytest.raises(ReadbackError, match="asked to do by hand: close the fault; typed 'no'"):
        bench.by_hand("close the fault", "fault", {"on": True}, lambda: None)


def test_the_keyboard_is_read_once_for_all(monkeypatch):
    monkeypatch.setattr(terminal, "sys", SimpleNamespace(stdin=io.StringIO("open\nclosed\n")))
    terminal._keyboard.cache_clear()
    try:
        lines = terminal._keyboard()
        assert terminal._keyboard() is lines
        assert [lines.get(timeout=5) for _ in range(3)] == ["open\n", "closed\n", ""]
    finally:
        terminal._keyboard.cache_clear()
