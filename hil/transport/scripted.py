"""A text link answered by a function: the seam at which drivers are tested."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.clock import HostClock
from hil.transport.link import Attempt, CommandLog, TextLink

if TYPE_CHECKING:
    from collections.abc import Callable

    from hil.clock import Clock
    from hil.errors import TransportError


class Scripted(TextLink):
    """Every message goes to `handler`; None means that nothing comes back."""

    def __init__(self, name: str, handler: Callable[[str], str | None], clock: Clock | None = None) -> None:
        super().__init__(name, "scripted", clock or HostClock(), CommandLog())
        self._handler = handler
        self._reply: str | None = None

    def _do_open(self) -> None:
        return

    def _do_close(self) -> None:
        return

    def _translate(self, error: Exception) -> TransportError | None:  # noqa: ARG002 - the seam raises ours
        return None

    def _do_write(self, message: str, attempt: Attempt) -> None:
        attempt.gone = True
        self._reply = self._handler(message)

    def _do_read(self, asked: str) -> str:
        if self._reply is None:
            raise self._no_reply(asked)
        return self._reply
