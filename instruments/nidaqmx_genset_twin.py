"""The controller's inputs and contacts of a simulated generator set, on a simulated USB-6366."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from ._daqmx_lines_twin import DaqmxLines
from .nidaqmx_genset import wiring

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hil.plant.terminals import GensetTerminals
    from hil.twin.base import Scene


class NidaqmxGensetTwin(DaqmxLines):
    """Its lines are the set's orders; the running contact is made while the engine runs or cools down."""

    ROLE: ClassVar[str] = "genset"

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self.terminals: GensetTerminals = scene.terminals
        self.outputs, self.inputs = wiring(scene.name, scene.options)

    def _drive(self, levels: Mapping[str, bool]) -> None:
        start, close = self.outputs
        self.terminals.run = levels.get(start, self.terminals.run)
        self.terminals.close = levels.get(close, self.terminals.close)

    def _level(self, line: str) -> bool:
        start, close = self.outputs
        running, _ = self.inputs
        if line in self.outputs:
            return {start: self.terminals.run, close: self.terminals.close}[line]
        if line == running:
            return self.terminals.state in {"running", "cooling"}
        return not self.terminals.closed
