"""Static digital lines of a simulated USB-6366: outputs that relays hang on, inputs from their contacts."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ._daqmx_server import DaqmxServer, Refused, reserved, unknown_channel

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ._daqmx_server import Call


@dataclass
class _Task:
    lines: tuple[str, ...] = ()
    output: bool = False
    started: bool = False
    """It holds its lines."""


class DaqmxLines(DaqmxServer[_Task]):
    """The server, on loopback. Outputs keep their level when their task ends, as static ones do."""

    outputs: tuple[str, ...]
    inputs: tuple[str, ...]

    @abstractmethod
    def _drive(self, levels: Mapping[str, bool]) -> None:
        """Let outputs act, under the world's lock."""

    @abstractmethod
    def _level(self, line: str) -> bool:
        """Return the level of an output or input, under the world's lock."""

    def _calls(self) -> Mapping[str, Call]:
        return {
            "CreateDOChan": lambda ask: self._create_channel(ask, self.outputs, output=True),
            "CreateDIChan": lambda ask: self._create_channel(ask, self.inputs, output=False),
            "WriteDigitalLines": self._write,
            "ReadDigitalLines": self._read,
        }

    def _new_task(self) -> _Task:
        return _Task()

    def _release(self, task: _Task) -> None:
        task.started = False

    def _create_channel(self, ask: Any, there: tuple[str, ...], *, output: bool) -> dict[str, Any]:
        lines = tuple(self._terminal(line.strip()) for line in ask.lines.split(","))
        for line in lines:
            if line not in there:
                raise unknown_channel(line)
        task = self._task(ask)
        task.lines, task.output = lines, output
        return {}

    def _write(self, ask: Any) -> dict[str, Any]:
        lines = self._start(ask)
        with self.world.lock:
            self._drive(dict(zip(lines, map(bool, ask.write_array), strict=True)))
        return {"samps_per_chan_written": 1}

    def _read(self, ask: Any) -> dict[str, Any]:
        lines = self._start(ask)
        with self.world.lock:
            levels = bytes(self._level(line) for line in lines)
        return {"read_array": levels, "samps_per_chan_read": 1, "num_bytes_per_samp": len(lines)}

    def _start(self, ask: Any) -> tuple[str, ...]:
        """Start the task by itself, as a write or a read of one sample does."""
        task = self._task(ask)
        if not task.lines:
            raise Refused(
                -200478, "Specified operation cannot be performed when there are no channels in the task."
            )
        others = (other for other in self._tasks.values() if other is not task and other.started)
        if task.output and any(set(task.lines) & set(other.lines) for other in others):
            raise reserved()
        task.started = True
        return task.lines
