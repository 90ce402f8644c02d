"""A contactor, breaker or transfer switch on digital lines of an NI device, with its auxiliary contacts."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - class variables name it
from typing import TYPE_CHECKING, ClassVar, Final

from hil.errors import ConfigError, ReadbackError
from hil.roles import OPEN, Switch

from ._daqmx_lines import OnLines, lines_and_contacts

if TYPE_CHECKING:
    from hil.roles import Setup

LOOK: Final = 0.01
"""How often the contacts are looked at while it moves [s]."""


class NidaqmxSwitch(OnLines, Switch):
    """A contactor, breaker or transfer switch that a high line holds closed.

    A low line lets it open, and so does one without power. One position makes a contactor or
    breaker of it; two make a transfer switch, which goes from one side to the other through
    open: the second coil has power only once the contact of the first has opened. That is no
    substitute for the mechanical or electrical interlock that such a pair must have.

    Each position has its mirror contact (IEC 60947-4-1, annex F), of a breaker the auxiliary
    contact 52b, which cannot be closed while a pole is welded: the input is high while the poles
    are open, so that a broken wire reads closed. What does not close within the deadline loses
    its command again, so that a synchronism check that agrees later closes nothing unasked.

    The lines keep their level when the program ends: to open it is the guard's work.
    """

    OPTIONS: ClassVar[Mapping[str, str]] = {
        **Switch.OPTIONS,
        "device": "text",
        "positions": "text",
        "lines": "text",
        "contacts": "text",
        "deadline": "s",
    }

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self.positions, self._outputs, self._inputs = wiring(setup.name, setup.options)
        self._deadline = float(setup.options.get("deadline", 0.5))

    def read_contacts(self) -> dict[str, bool]:
        """Say of each position whether its poles are closed."""
        levels = self._lines.sense(self._inputs)
        return {p: not is_open for p, is_open in zip(self.positions, levels, strict=True)}

    def snapshot(self) -> dict[str, float | str | bool | None]:
        """Return what is commanded and what the contacts say, position by position."""
        state: dict[str, float | str | bool | None] = {}
        commanded = self._lines.driven(self._outputs)
        for level, (position, made) in zip(commanded, self.read_contacts().items(), strict=True):
            state[f"{position}_commanded"], state[f"{position}_contact"] = level, made
        return state

    def _do_prepare(self) -> None:
        self.make_safe()

    def _do_switch(self, position: str) -> None:
        others = [p for p in self.positions if p != position]
        if others and position != OPEN:
            state = self.snapshot()
            if any(state[f"{p}_commanded"] or state[f"{p}_contact"] for p in others):
                self._do_switch(OPEN)
        self._command(position)
        wanted = {p: p == position for p in self.positions}
        deadline = self.setup.clock.now() + self._deadline
        while (found := self.read_contacts()) != wanted:
            if self.setup.clock.now() >= deadline:
                self._did_not_follow(position, [p for p, made in found.items() if made])
            self.setup.clock.sleep(LOOK)

    def _command(self, position: str) -> None:
        self._lines.drive(self._outputs, [p == position for p in self.positions])

    def _did_not_follow(self, position: str, made: list[str]) -> None:
        where = f"{self.name} at {self.setup.address}: {self._deadline:g} s after it was told to"
        self._command(OPEN)
        if stuck := [p for p in made if p != position]:
            raise ReadbackError(
                f"{where} open, it still reads {' and '.join(stuck)}. It may be welded, or the wire of its "
                "contact broken: treat both sides as live, and open what stands before it by hand"
            )
        raise ReadbackError(
            f"{where} go to {position!r}, it reads open; the command is withdrawn. Does it have control "
            "power, does an interlock or a synchronism check hold it?"
        )


def wiring(
    name: str, options: Mapping[str, float | str]
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Return positions, outputs and inputs out of a bench file's options, one of each per position."""
    positions = tuple(str(options.get("positions", "closed")).split())
    outputs, inputs = lines_and_contacts(name, options, "port0/line1", "port1/line1")
    if len(positions) not in {1, 2} or OPEN in positions or len(set(positions)) != len(positions):
        raise ConfigError(
            f'{name}: positions = {" ".join(positions)!r}; expected one, such as "closed", or two for a '
            f'transfer switch, such as "grid genset"; {OPEN!r} is always there'
        )
    if not len(positions) == len(outputs) == len(inputs):
        raise ConfigError(
            f"{name}: {len(positions)} positions, {len(outputs)} lines, {len(inputs)} contacts; each "
            "position takes one line and one contact of its own"
        )
    return positions, outputs, inputs
