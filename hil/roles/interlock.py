"""The line that inhibits every source."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

from hil.roles.instrument import Instrument

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hil.limits import Limit


class Interlock(Instrument):
    """A line that must be closed for any source to have an output: a way to off without their links.

    Wired to the remote inhibit of the AC source, to the enable pin of the DC source, and to the
    emergency-off input of the PCS.
    """

    ROLE = "interlock"
    ENERGISES = False
    QUANTITIES: ClassVar[Mapping[str, str]] = {}
    RATING: ClassVar[Mapping[str, Limit]] = {}

    @abstractmethod
    def switch(self, *, closed: bool) -> None:
        """Close the line, which allows outputs and switches none, or open it, which forbids them."""

    @abstractmethod
    def read_closed(self) -> bool:
        """Say whether the line is closed, as read back from it."""
