"""The operator at the terminal of this program: questions, and what is typed.

Each question says what to do and the word that confirms it. Question, answer and
time stand in the command log. A file or a pipe is no operator: there the link
does not open.
"""

from __future__ import annotations

import queue
import sys
import threading
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Final

from hil.errors import HilError, LinkLost, NoReply
from hil.transport.link import TextLink

if TYPE_CHECKING:
    from collections.abc import Callable

    from hil.clock import Clock
    from hil.errors import TransportError
    from hil.transport.link import Attempt

SLICE: Final = 2.0
"""How long one exchange waits for the operator [s]; the guard takes one of 15 s for a hang."""
WAITING: Final = "..."
"""What an exchange is answered with while the operator has not; asked again, it repeats no question."""
LOOK: Final = 0.01
"""Bench time between two looks for an answer [s]; on a simulated bench it is what the switch moves in."""


def present() -> bool:
    """Say whether this program has a terminal, and so perhaps an operator."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def ask(
    link: TextLink,
    clock: Clock,
    question: str,
    patience: float,
    *,
    writes: bool,
    between: Callable[[], None] = lambda: None,
) -> str:
    """Ask, and go on asking in slices, so that whoever watches the run sees that it lives.

    between: what must not wait for the operator. Raises `NoReply` where nobody answers in time [s].
    """
    reply = link.query(question, writes=writes)
    deadline = clock.now() + patience
    while reply == WAITING:
        if clock.now() >= deadline:
            raise NoReply(f"{link.name}: nobody answered {question!r} within {patience:g} s")
        clock.sleep(LOOK)
        between()
        reply = link.query(WAITING, writes=writes)
    return reply.strip()


class TerminalLink(TextLink):
    """The operator at the terminal of this program."""

    def _do_open(self) -> None:
        if not present():
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
        with suppress(queue.Empty):
            while True:  # typed before it was asked for
                self._next(0.0)
        attempt.gone = True
        print(f"\n{self.name}: {message}: ", end="", file=sys.stderr, flush=True)  # noqa: T201 - to the operator

    def _do_read(self, asked: str) -> str:  # noqa: ARG002 - the last question is the one that counts
        try:
            return self._next(SLICE).strip()
        except queue.Empty:
            return WAITING

    def _next(self, patience: float) -> str:
        """Return the next line that is typed within a patience [s]; raise `LinkLost` for its end."""
        lines = _keyboard()
        line = lines.get(timeout=patience)
        if not line:
            lines.put(line)  # nothing comes after it: whoever asks next must not wait
            raise LinkLost(f"{self.name}: the terminal is closed, nobody can answer")
        return line


@cache  # one for all: two readers would take each other's lines
def _keyboard() -> queue.Queue[str]:
    """Return the lines that are typed, an empty one at their end, as a thread reads them."""
    lines: queue.Queue[str] = queue.Queue()

    def read() -> None:
        try:
            for line in sys.stdin:
                lines.put(line)
        finally:  # also behind what is no text
            lines.put("")

    threading.Thread(target=read, name="keyboard", daemon=True).start()
    return lines
