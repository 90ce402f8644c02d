"""The voltage inputs of a simulated USB-6366: what a continuous acquisition calls."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Final

from nidaqmx._stubs import nidaqmx_pb2 as pb

from ._adc import Adc
from ._daqmx_server import DaqmxServer, Refused, known, reserved, unknown_channel

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hil.plant.terminals import AnalogInputs
    from hil.twin.base import Scene

    from ._daqmx_server import Call

# Attributes by their number in NIDAQmx.h
_RATE, _WAITING, _ACQUIRED, _POSITION = 0x1344, 0x1223, 0x192A, 0x1221
_RANGE: Final = 10.0  # the device's widest [V]
_SMALLEST_BUFFER: Final = ((100, 1000), (10e3, 10_000), (1e6, 100_000), (float("inf"), 1_000_000))
"""Rate up to [Hz], and the samples per channel that DAQmx then allocates at least."""


@dataclass
class _Task:
    channels: list[tuple[str, float]] = field(default_factory=list)
    """Physical input without its device, and full scale [V]."""
    divisor: int = 1
    rate: float = 1000.0
    buffer: int = 0
    adc: Adc | None = None


class NidaqmxTwin(DaqmxServer[_Task]):
    """The server, on loopback."""

    ROLE: ClassVar[str] = "recorder"

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self._inputs: AnalogInputs = scene.terminals
        self._seed = scene.seed
        self._starts = 0

    def _calls(self) -> Mapping[str, Call]:
        return {
            "CreateAIVoltageChan": self._create_channel,
            "CfgSampClkTiming": self._configure_clock,
            "GetTimingAttributeDouble": lambda ask: {"value": known({_RATE: self._task(ask).rate}, ask)},
            "StartTask": self._start_task,
            "GetReadAttributeUInt32": lambda ask: {"value": self._count(ask)},
            "GetReadAttributeUInt64": lambda ask: {"value": self._count(ask)},
            "ReadAnalogF64": self._read,
            "StopTask": self._stop_task,
        }

    def _new_task(self) -> _Task:
        return _Task()

    def _create_channel(self, ask: Any) -> dict[str, Any]:
        terminal = self._terminal(ask.physical_channel)
        if terminal not in self._inputs.sensors:
            raise unknown_channel(terminal)
        if not 0 < ask.max_val <= _RANGE or ask.min_val != -ask.max_val:
            raise Refused(
                -200077,
                f"Requested value is not a supported value for this property. Property: AI.Max. "
                f"Requested Value: {ask.max_val:g}. Maximum Value: {_RANGE:g}",
            )
        self._task(ask).channels.append((terminal, ask.max_val))
        return {}

    def _configure_clock(self, ask: Any) -> dict[str, Any]:
        task = self._task(ask)
        base = round(1.0 / self._inputs.step, 6)  # or 20 us would make 49999.99999999999 Hz
        if not 0 < ask.rate <= base * (1 + 1e-9):
            raise Refused(
                -200077,
                f"Requested value is not a supported value for this property. Property: SampClk.Rate. "
                f"Requested Value: {ask.rate:g}. Maximum Value: {base:g}",
            )
        task.divisor = int(
            base / ask.rate + 1e-9
        )  # the clock is divided by an integer, to the next rate above
        task.rate = base / task.divisor
        least = next(samples for rate, samples in _SMALLEST_BUFFER if ask.rate <= rate)
        task.buffer = max(ask.samps_per_chan, least)
        return {}

    def _start_task(self, ask: Any) -> dict[str, Any]:
        task = self._task(ask)
        if any(other.adc is not None for other in self._tasks.values()):
            raise reserved()
        self._starts += 1
        task.adc = Adc(self._inputs, task.channels, task.divisor, task.buffer, (self._seed, self._starts))
        self._switch(on=True)
        return {}

    def _switch(self, *, on: bool) -> None:
        with self.world.lock:
            self._inputs.blocks.clear()
            self._inputs.running = on

    def _fill(self, ask: Any) -> Adc:
        adc = self._task(ask).adc
        if adc is None:
            raise Refused(-200475, "Specified operation cannot be performed while the task is not running.")
        adc.take(self.world.lock)
        if adc.overflowed:
            raise Refused(
                -200279,
                "The application is not able to keep up with the hardware acquisition. Increasing the buffer "
                "size, reading the data more frequently, or specifying a fixed number of samples to read "
                "instead of reading all available samples might correct the problem.",
            )
        return adc

    def _count(self, ask: Any) -> Any:
        adc = self._fill(ask)
        position = adc.acquired - adc.waiting
        return known({_WAITING: adc.waiting, _ACQUIRED: adc.acquired, _POSITION: position}, ask)

    def _read(self, ask: Any) -> bytes:
        adc = self._fill(ask)
        count = adc.waiting if ask.num_samps_per_chan < 0 else ask.num_samps_per_chan
        if count > adc.waiting:  # plant time stands still while the caller waits: waiting would not help
            raise Refused(-200284, "Some or all of the samples requested have not yet been acquired.")
        samples = adc.read(count)
        if samples.size > ask.array_size_in_samps:
            raise Refused(-200229, "Buffer is too small to fit read data.")
        # protobuf would build a list of floats: packed doubles are the array's own bytes
        number = pb.ReadAnalogF64Response.DESCRIPTOR.fields_by_name["read_array"].number
        head = pb.ReadAnalogF64Response(samps_per_chan_read=count).SerializeToString()
        return b"".join((head, _varint(number << 3 | 2), _varint(samples.nbytes), samples.data.cast("B")))

    def _stop_task(self, ask: Any) -> dict[str, Any]:
        self._release(self._task(ask))
        return {}

    def _release(self, task: _Task) -> None:
        if task.adc is not None:
            task.adc = None
            self._switch(on=False)


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
