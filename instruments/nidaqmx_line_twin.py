"""One static digital output of a simulated USB-6366, wired to the bench's interlock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from ._daqmx_server import DaqmxServer, Refused, reserved, unknown_channel

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hil.plant.terminals import InterlockTerminals
    from hil.twin.base import Scene

    from ._daqmx_server import Call


@dataclass
class _Task:
    line: str = ""
    started: bool = False
    """It holds its line."""


class NidaqmxLineTwin(DaqmxServer[_Task]):
    """The server, on loopback. The line keeps its level when its task ends, as static outputs do."""

    ROLE: ClassVar[str] = "interlock"

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self._terminals: InterlockTerminals = scene.terminals
        self._line = str(scene.options.get("line", "port0/line0"))

    def _calls(self) -> Mapping[str, Call]:
        return {
            "CreateDOChan": self._create_channel,
            "WriteDigitalLines": self._write,
            "ReadDigitalLines": self._read,
        }

    def _new_task(self) -> _Task:
        return _Task()

    def _release(self, task: _Task) -> None:
        task.started = False

    def _create_channel(self, ask: Any) -> dict[str, Any]:
        line = self._terminal(ask.lines)
        if line != self._line:
            raise unknown_channel(line)
        self._task(ask).line = line
        return {}

    def _write(self, ask: Any) -> dict[str, Any]:
        self._start(ask)
        with self.world.lock:
            self._terminals.closed = ask.write_array != b"\0"
        return {"samps_per_chan_written": 1}

    def _read(self, ask: Any) -> dict[str, Any]:
        self._start(ask)
        with self.world.lock:
            level = self._terminals.closed
        return {"read_array": bytes([level]), "samps_per_chan_read": 1, "num_bytes_per_samp": 1}

    def _start(self, ask: Any) -> None:
        """Start the task by itself, as a write or a read of one sample does."""
        task = self._task(ask)
        if not task.line:
            raise Refused(
                -200478, "Specified operation cannot be performed when there are no channels in the task."
            )
        if any(other.started for other in self._tasks.values() if other is not task):
            raise reserved()
        task.started = True
