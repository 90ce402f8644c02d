"""Relays and auxiliary contacts on a simulated USB-6366, over the plant's breakers."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from hil.twin.base import poles

from ._daqmx_lines_twin import DaqmxLines
from .nidaqmx_switch import wiring

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hil.twin.base import Scene


class NidaqmxSwitchTwin(DaqmxLines):
    """Its terminals are one breaker, or for a transfer switch a tuple of one for each position."""

    ROLE: ClassVar[str] = "switch"

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        positions, self.outputs, self.inputs = wiring(scene.name, scene.options)
        breakers = poles(scene, positions).values()
        self._coils = dict(zip(self.outputs, breakers, strict=True))
        self._contacts = dict(zip(self.inputs, breakers, strict=True))

    def _drive(self, levels: Mapping[str, bool]) -> None:
        for line, level in levels.items():
            self._coils[line].close = level

    def _level(self, line: str) -> bool:
        return self._coils[line].close if line in self._coils else not self._contacts[line].closed
