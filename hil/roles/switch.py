"""The switch: contactor, breaker, or transfer switch."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar, Final

from hil.errors import ConfigError, ReadbackError
from hil.limits import Limit
from hil.roles.instrument import Instrument, Proof

if TYPE_CHECKING:
    from collections.abc import Mapping

OPEN: Final = "open"


class Switch(Instrument):
    """A contactor or breaker, "open" or "closed"; or a transfer switch, open or to one of two sides.

    What it says of its position, its auxiliary contacts say. Silent it may be closed, with
    something live behind it, so that it counts as one that energises.
    """

    ROLE = "switch"
    QUANTITIES: ClassVar[Mapping[str, str]] = {}
    OPTIONS: ClassVar[Mapping[str, str]] = {"normal": "text"}
    RATING: ClassVar[Mapping[str, Limit]] = {}
    positions: tuple[str, ...]
    """Where it can be closed to, such as ("closed",) or ("grid", "genset"); never to two at once."""

    @property
    def normal(self) -> str:
        """Position to which the bench brings it once everything is prepared, and dead; open, as a rule."""
        return self._known(str(self.setup.options.get("normal", OPEN)))

    def switch(self, position: str) -> None:
        """Bring it to a position, "open" among them, and check that it followed."""
        self._do_switch(self._known(position))

    def read_position(self) -> str:
        """Return the position that its contacts say; raises `ReadbackError` where it is two at once."""
        made = [position for position, is_made in self.read_contacts().items() if is_made]
        if len(made) > 1:
            raise ReadbackError(
                f"{self.name}: its contacts say that it is closed to {' and '.join(made)} at once. "
                "Treat both sides as live, and look at the switch"
            )
        return made[0] if made else OPEN

    @abstractmethod
    def read_contacts(self) -> dict[str, bool]:
        """Say of each position whether its poles are closed."""

    def make_safe(self) -> None:
        """Open it and check that it followed."""
        self._do_switch(OPEN)

    def prove_safe(self) -> tuple[Proof, ...]:
        """Read its contacts: 0 is open, 1 closed."""
        none = Limit(0.0, 0.0, "")
        contacts = self.read_contacts()
        return tuple(
            Proof(f"{self.name}: contact says {p}", float(made), none) for p, made in contacts.items()
        )

    def _known(self, position: str) -> str:
        if position not in (OPEN, *self.positions):
            raise ConfigError(
                f"{self.name}: no position {position!r}; there is {', '.join((OPEN, *self.positions))}"
            )
        return position

    @abstractmethod
    def _do_switch(self, position: str) -> None: ...
