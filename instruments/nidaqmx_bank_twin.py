"""The contactors of a bank on a simulated USB-6366, over the plant's passive load."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from hil.plant.loads import Bank

from ._daqmx_lines_twin import DaqmxLines
from .nidaqmx_bank import Steps

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hil.plant.terminals import LoadTerminals
    from hil.twin.base import Scene

PULL_IN: Final = 0.03
"""From a write until the contact of the main contactor has followed [s]."""


class NidaqmxBankTwin(DaqmxLines):
    """Its contactors act at once, and its contact follows a little later, or not where it is stuck."""

    ROLE: ClassVar[str] = "load"

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self.terminals: LoadTerminals = scene.terminals
        self.bank = Steps.from_options(scene.name, scene.options)
        self.outputs, self.inputs = self.bank.lines, (self.bank.contact,)
        self.stuck: bool | None = None
        """Whether the contact says closed for ever; None: the truth. It is high while open."""
        self._steps = dict.fromkeys(self.bank.lines[1:], False)
        self._moved = -PULL_IN

    def _drive(self, levels: Mapping[str, bool]) -> None:
        closed = levels.get(self.bank.lines[0], self.terminals.closed)
        self._steps |= {line: level for line, level in levels.items() if line in self._steps}
        self.terminals.bank = self._made()
        if closed != self.terminals.closed:
            self.terminals.closed = closed
            self._moved = self.world.now()

    def _made(self) -> Bank | None:
        powers = self.bank.powers(tuple(self._steps.values()))
        if not any(map(any, powers)):
            return None
        return Bank.from_power(self.bank.voltage, self.bank.frequency, *powers)

    def _level(self, line: str) -> bool:
        if line in self._steps:
            return self._steps[line]
        if line == self.bank.lines[0]:
            return self.terminals.closed
        if self.stuck is not None:
            return not self.stuck
        return self.terminals.closed is (self.world.now() - self._moved < PULL_IN)
