"""What an operator switches by hand, asked for on the terminal: a breaker, a genset's control panel."""

from __future__ import annotations

import queue
import sys
import threading
from collections.abc import Mapping  # noqa: TC003 - class variables name it
from functools import cache
from typing import TYPE_CHECKING, ClassVar, Final

from hil.errors import BadReply, ConfigError, HilError, LinkLost, NoReply, ReadbackError
from hil.roles import OPEN, Identity, Switch
from hil.transport.link import TextLink
from hil.transport.visa import VisaLink

if TYPE_CHECKING:
    from hil.errors import TransportError
    from hil.roles import Setup
    from hil.transport.link import Attempt

TERMINAL: Final = "terminal"
SLICE: Final = 2.0
"""How long one exchange waits for the operator [s]; the guard takes one of 15 s for a hang."""
WAITING: Final = "..."
"""What an exchange is answered with while the operator has not; asked again, it repeats no question."""
LOOK: Final = 0.01
"""Bench time between two looks for an answer [s]; on a simulated bench it is what the switch moves in."""


class Manual(Switch):
    """A switch that the operator moves by hand, and whose position they confirm.

    Each question goes to the terminal of this program, and says what to do and the word
    that confirms it; whatever else is typed counts as refused. Question, answer and time
    stand in the command log, the operator's name in the identity. A file or a pipe is no
    operator: there the connection is refused. The guard has no terminal either, so that a
    run that ends by the guard ends with this switch not proven open.
    """

    IDENTITY: ClassVar[str] = "by hand,.*"
    OPTIONS: ClassVar[Mapping[str, str]] = {"what": "text", "positions": "text", "patience": "s"}

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self._what = str(setup.options.get("what", setup.name))
        self.positions = tuple(str(setup.options.get("positions", "closed")).lower().split())
        if not self.positions or OPEN in self.positions or not self._what.isprintable():
            raise ConfigError(
                f'{self.name}: expected positions such as "closed" or "grid genset", and "what" in one line'
            )
        self._patience = float(setup.options.get("patience", 300.0))
        given = (setup.name, setup.address, setup.clock, setup.log, setup.timeout)
        self._link: TextLink = TerminalLink(*given) if setup.address == TERMINAL else VisaLink(*given)

    def read_contacts(self) -> dict[str, bool]:
        """Ask the operator for the position."""
        position = self._ask(f"{self._what}: look at it. Type {self._words()}", writes=False).lower()
        if position not in (OPEN, *self.positions):
            raise BadReply(f"{self.name}: {position!r} was typed where {self._words()} was asked for")
        return {p: p == position for p in self.positions}

    def snapshot(self) -> dict[str, float | str | bool | None]:
        """Ask the operator for the position."""
        return {"position": self.read_position()}

    def _words(self) -> str:
        return " or ".join((OPEN, *self.positions))

    def _ask(self, question: str, *, writes: bool) -> str:
        """Ask, and go on asking in slices, so that whoever watches the run sees that it lives."""
        reply = self._link.query(question, writes=writes)
        deadline = self.setup.clock.now() + self._patience
        while reply == WAITING:
            if self.setup.clock.now() >= deadline:
                raise NoReply(f"{self.name}: nobody answered {question!r} within {self._patience:g} s")
            self.setup.clock.sleep(LOOK)
            reply = self._link.query(WAITING, writes=writes)
        return reply.strip()

    def _do_open(self) -> None:
        self._link.open()

    def _do_identify(self) -> Identity:
        who = self._ask(f"{self._what}: who operates it? Type your name", writes=False)
        if not who.isprintable() or not who:
            raise BadReply(f"{self.name}: {who!r} is no name")
        return Identity("by hand", self._what, who, "-")

    def _do_prepare(self) -> None:
        self.make_safe()

    def _do_close(self) -> None:
        self._link.close()

    def _do_switch(self, position: str) -> None:
        if len(self.positions) > 1 and position != OPEN:
            self._do_switch(OPEN)
        reply = self._ask(f"{self._what}: bring it to {position}, then type {position}", writes=True)
        if reply.lower() != position:
            raise ReadbackError(
                f"{self.name}: the operator was asked to bring {self._what} to {position!r} and typed "
                f"{reply!r}; whether it was moved is not known. Look at it"
            )


class TerminalLink(TextLink):
    """The operator at the terminal of this program."""

    def _do_open(self) -> None:
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            raise LinkLost(
                f"{self.name}: it needs an operator, and this program has no terminal to ask one. Run it in "
                "a terminal, without a pipe; or give the switch to a driver that moves it"
            )

    def _do_close(self) -> None:
        return

    def _translate(self, error: Exception) -> TransportError | None:
        if isinstance(error, OSError) and not isinstance(error, HilError):
            return LinkLost(f"{self.name}: the terminal is gone ({error})")
        return None

    def _do_write(self, message: str, attempt: Attempt) -> None:
        if message == WAITING:
            return
        lines = _keyboard()
        while not lines.empty():  # typed before it was asked for
            lines.get_nowait()
        attempt.gone = True
        print(f"\n{self.name}: {message}: ", end="", file=sys.stderr, flush=True)  # noqa: T201 - to the operator

    def _do_read(self, asked: str) -> str:  # noqa: ARG002 - the last question is the one that counts
        try:
            line = _keyboard().get(timeout=SLICE)
        except queue.Empty:
            return WAITING
        if not line:
            raise LinkLost(f"{self.name}: the terminal is closed, nobody can answer")
        return line.strip()


@cache  # one for all: two readers would take each other's lines
def _keyboard() -> queue.Queue[str]:
    """Return the lines that are typed, an empty one at their end, as a thread reads them."""
    lines: queue.Queue[str] = queue.Queue()

    def read() -> None:
        for line in sys.stdin:
            lines.put(line)
        lines.put("")

    threading.Thread(target=read, name="keyboard", daemon=True).start()
    return lines
