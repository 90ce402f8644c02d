"""The generator set, behind its own controller."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, Final

from hil.limits import Limit
from hil.roles.instrument import Instrument, Proof

if TYPE_CHECKING:
    from collections.abc import Mapping

Meanwhile = Callable[[], None]
"""What must not wait while something slow is waited for, such as to empty the recorder."""
NOTHING: Final[Meanwhile] = lambda: None  # noqa: E731 - a value of that type


class Genset(Instrument):
    """A set whose own controller starts, synchronises and protects it; the bench gives orders.

    Where there is none, a second AC source stands in for it, in the role of a grid source.
    Safe is its breaker open and its start withdrawn: the engine may cool down for minutes.
    """

    ROLE = "genset"
    QUANTITIES: ClassVar[Mapping[str, str]] = {}
    RATING: ClassVar[Mapping[str, Limit]] = {}

    def run(self, *, on: bool, meanwhile: Meanwhile = NOTHING) -> None:
        """Start it and wait until it runs; or let it cool down and stop, which is not waited for.

        meanwhile: called again and again while it is waited for.
        """
        self._do_run(on=on, meanwhile=meanwhile)

    def switch(self, *, closed: bool, meanwhile: Meanwhile = NOTHING) -> None:
        """Close or open its breaker, and check that it followed; to synchronise may take half a minute."""
        self._do_switch(closed=closed, meanwhile=meanwhile)

    @abstractmethod
    def read_running(self) -> bool:
        """Say whether the engine runs."""

    @abstractmethod
    def read_closed(self) -> bool:
        """Say whether its breaker is closed."""

    def snapshot(self) -> dict[str, float | str | bool | None]:
        """Return whether it runs, and whether its breaker is closed."""
        return {"running": self.read_running(), "closed": self.read_closed()}

    def prove_safe(self) -> tuple[Proof, ...]:
        """Read its breaker: 0 is open, 1 closed."""
        return (Proof(f"{self.name}: breaker closed", float(self.read_closed()), Limit(0.0, 0.0, "")),)

    @abstractmethod
    def _do_run(self, *, on: bool, meanwhile: Meanwhile) -> None: ...

    @abstractmethod
    def _do_switch(self, *, closed: bool, meanwhile: Meanwhile) -> None: ...
