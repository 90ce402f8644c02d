"""The operator of a simulated bench, who reads what is asked, does it, and types the word."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar, Final

from hil.roles import OPEN
from hil.transport.terminal import WAITING
from hil.twin.base import poles
from hil.twin.scpi import ScpiTwin

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hil.twin.base import Scene
    from hil.twin.scpi import Handler

_ORDER: Final = re.compile(r".*: bring it to (\S+), then type \1")


class ManualTwin(ScpiTwin):
    """Its terminals are one breaker, or a tuple of one for each position."""

    ROLE: ClassVar[str] = "switch"
    IDENTITY: ClassVar[str] = "simulated operator"

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        positions = str(scene.options.get("positions", "closed")).lower().split()
        self._poles = poles(scene, positions)
        self._task = ""
        """Where the switch is to go; the operator answers once it is there."""

    def commands(self) -> Mapping[str, Handler]:
        """Return nothing: an operator is asked in words."""
        return {}

    def reset(self) -> None:
        """Nothing to reset."""

    def execute(self, message: str) -> str:
        """Do what one line asks for, and return what is typed then."""
        message = message.strip()
        if message.endswith("Type your name"):
            return self.faults.identity or self.IDENTITY
        if order := _ORDER.fullmatch(message):
            self._task = order[1]
            for position, pole in self._poles.items():
                pole.close = position == self._task
        elif message != WAITING:
            return self._position()
        return self._task if self._position() == self._task else WAITING

    def _position(self) -> str:
        return " and ".join(p for p, pole in self._poles.items() if pole.closed) or OPEN
