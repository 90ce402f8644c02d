"""The rules that all transports share."""

import threading

import pytest

from hil.errors import BadReply, LinkLost, NoReply, OutcomeUnknown
from hil.transport.link import CommandLog, TextLink


class Wire(TextLink):
    """A wire whose faults a test plants."""

    def __init__(self, clock):
        super().__init__("box", "wire", clock, CommandLog(), timeout=0.1)
        self.opened = 0
        self.closed = 0
        self.seen = []
        self.fail = None
        self.reply = "yes"

    def _do_open(self):
        self.opened += 1

    def _do_close(self):
        self.closed += 1

    def _translate(self, error):
        return LinkLost(str(error)) if isinstance(error, ConnectionResetError) else None

    def _do_write(self, message, attempt):
        if self.fail == "before":
            raise ConnectionResetError("cut before")
        attempt.gone = True
        self.seen.append(message)
        if self.fail == "after":
            raise ConnectionResetError("cut after")

    def _do_read(self, asked):
        if self.fail == "silent":
            raise self._no_reply(asked)
        if self.fail == "bug":
            raise ZeroDivisionError
        if self.fail == "stop":
            raise KeyboardInterrupt
        return self.reply


@pytest.fixture
def wire(world):
    return Wire(world)


def test_a_link_lost_behind_a_write_is_unknown_and_never_replayed(wire):
    wire.fail = "after"
    with pytest.raises(OutcomeUnknown, match="not sent again"):
        wire.write("OUTP ON")
    assert wire.seen == ["OUTP ON"]


def test_a_link_lost_before_the_first_byte_is_only_lost(wire):
    wire.fail = "before"
    with pytest.raises(LinkLost):
        wire.write("OUTP ON")


def test_a_question_that_changes_nothing_is_only_lost(wire):
    wire.fail = "after"
    with pytest.raises(LinkLost):
        wire.query("MEAS:VOLT?")


def test_no_answer_to_a_command_with_reply_is_unknown(wire):
    wire.fail = "silent"
    with pytest.raises(OutcomeUnknown):
        wire.query("OUTP ON;*OPC?", writes=True)


def test_after_no_reply_the_next_exchange_has_a_fresh_connection(wire):
    wire.fail = "silent"
    with pytest.raises(NoReply, match="switched on"):
        wire.query("*IDN?")
    wire.fail = None
    assert wire.query("*IDN?") == "yes"
    assert (wire.opened, wire.closed) == (2, 1)


@pytest.mark.parametrize(("fault", "error"), [("bug", ZeroDivisionError), ("stop", KeyboardInterrupt)])
def test_an_exchange_that_is_broken_off_leaves_no_half_reply_behind(wire, fault, error):
    wire.fail = fault
    with pytest.raises(error):
        wire.query("*IDN?")
    wire.fail = None
    wire.query("*IDN?")
    assert wire.opened == 2


def test_before_the_box_closes_for_idleness_the_link_is_opened_anew(wire, world):
    wire.idle_close = 5.0
    wire.query("*IDN?")
    world.sleep(3.0)
    wire.query("*IDN?")
    assert wire.opened == 1
    world.sleep(4.5)
    wire.query("*IDN?")
    assert wire.opened == 2


def test_every_exchange_is_logged_between_two_times(wire, world):
    world.sleep(2.0)
    wire.query("*IDN?")
    wire.fail = "silent"
    with pytest.raises(NoReply):
        wire.query("VOLT?")
    first, second = wire.log.entries
    assert (first.sent, first.received, first.error) == ("*IDN?", "yes", None)
    assert first.before == first.after == 2.0
    assert second.received is None
    assert "no answer" in second.error


def test_two_threads_never_mix_their_replies(wire):
    inside = 0
    most = 0
    write, read = wire._do_write, wire._do_read

    def count_in(message, attempt):
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        write(message, attempt)

    def count_out(asked):
        nonlocal inside
        reply = read(asked)
        inside -= 1
        return reply

    wire._do_write, wire._do_read = count_in, count_out
    threads = [threading.Thread(target=lambda: [wire.query("*IDN?") for _ in range(200)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1
    assert len(wire.seen) == 800


def test_a_bad_reply_to_a_question_is_said_as_such(wire, monkeypatch):
    def garbage(asked):
        raise BadReply(f"{asked}: not text")

    monkeypatch.setattr(wire, "_do_read", garbage)
    with pytest.raises(BadReply):
        wire.query("*IDN?")
