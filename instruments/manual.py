"""What an operator switches by hand, asked for on the terminal: a breaker, a genset's control panel."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - class variables name it
from typing import TYPE_CHECKING, ClassVar, Final

from hil.errors import BadReply, ConfigError, ReadbackError
from hil.roles import OPEN, Identity, Switch
from hil.transport.terminal import TerminalLink, ask
from hil.transport.visa import VisaLink

if TYPE_CHECKING:
    from hil.roles import Setup
    from hil.transport.link import TextLink

TERMINAL: Final = "terminal"


class Manual(Switch):
    """A switch that the operator moves by hand, and whose position they confirm.

    Each question goes to the terminal of this program, and says what to do and the word
    that confirms it; whatever else is typed counts as refused. Question, answer and time
    stand in the command log, the operator's name in the identity. A file or a pipe is no
    operator: there the connection is refused. The guard has no terminal either, so that a
    run that ends by the guard ends with this switch not proven open.
    """

    IDENTITY: ClassVar[str] = "by hand,.*"
    OPTIONS: ClassVar[Mapping[str, str]] = {
        **Switch.OPTIONS,
        "what": "text",
        "positions": "text",
        "patience": "s",
    }

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self._what = str(setup.options.get("what", setup.name))
        self.positions = tuple(str(setup.options.get("positions", "closed")).lower().split())
        known = {OPEN, *self.positions}
        if not self.positions or len(known) != 1 + len(self.positions) or not self._what.isprintable():
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
        return ask(self._link, self.setup.clock, question, self._patience, writes=writes)

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
