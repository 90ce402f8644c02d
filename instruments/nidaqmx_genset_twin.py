"""The controller of a simulated generator set: its inputs and contacts, on a simulated USB-6366.

It synchronises: with the permission to close it steers the set's speed so that its angle to the bus fades,
and closes once that is small and stands almost still, onto a dead bus at once. It acts whenever a line is
looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from ._daqmx_lines_twin import DaqmxLines
from .nidaqmx_genset import wiring

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hil.plant.terminals import GensetTerminals
    from hil.twin.base import Scene


ANGLE: Final = 10.0
"""Within which it closes [deg] (IEEE 1547-2018, table 5, above 1.5 MVA)."""
SLIP: Final = 0.1
"""[Hz]"""
FADING: Final = 3.0
"""Time constant with which it brings the angle to nothing [s]."""
TRIMMING: Final = 1.0
"""Time constant with which it trims the speed towards that [s]."""


class NidaqmxGensetTwin(DaqmxLines):
    """Its lines are the set's orders; the running contact is made while the engine runs or cools down."""

    ROLE: ClassVar[str] = "genset"

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self.terminals: GensetTerminals = scene.terminals
        self.outputs, self.inputs = wiring(scene.name, scene.options)
        self._permitted = False
        self._base = self.terminals.speed
        """No-load speed when it does not synchronise [pu]."""
        self._seen = (0.0, 0.0)
        """When it was looked at last, and the angle to the bus then [s, deg]."""

    def _drive(self, levels: Mapping[str, bool]) -> None:
        start, close = self.outputs
        genset, before = self.terminals, self._permitted
        genset.run = levels.get(start, genset.run)
        self._permitted = levels.get(close, before)
        if self._permitted and not before:
            self._base, self._seen = genset.speed, (self.world.now(), genset.lead)
        if not self._permitted:
            genset.close = False
            genset.speed = self._base if before else genset.speed

    def _synchronise(self) -> None:
        genset, (before, lead), now = self.terminals, self._seen, self.world.now()
        if not self._permitted or genset.close or genset.state != "running" or now <= before:
            return
        self._seen = (now, genset.lead)
        slip = ((genset.lead - lead + 180.0) % 360.0 - 180.0) / 360.0 / (now - before)
        if abs(genset.lead) <= ANGLE and abs(slip) <= SLIP:
            genset.close, genset.speed = True, self._base
            return
        wanted = genset.measured_hertz - slip - genset.lead / 360.0 / FADING
        genset.speed *= 1.0 + (now - before) / TRIMMING * (wanted / genset.measured_hertz - 1.0)

    def _level(self, line: str) -> bool:
        self._synchronise()
        start, close = self.outputs
        running, _ = self.inputs
        if line in self.outputs:
            return {start: self.terminals.run, close: self._permitted}[line]
        if line == running:
            return self.terminals.state in {"running", "cooling"}
        return not self.terminals.closed
