"""NI X Series multifunction devices with one converter per input, over NI-DAQmx."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - class variables name it
from math import ceil
from typing import TYPE_CHECKING, ClassVar, Final

import numpy as np

from hil.errors import ConfigError
from hil.limits import Limit
from hil.roles import Identity, Recorder
from hil.transport.daqmx import DaqmxLink

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hil.roles import Input, Proof, Setup

BUFFER: Final = 5.0
"""What the host's buffer holds between two reads [s]."""


class NidaqmxRecorder(Recorder):
    """A USB-6366 or one of its relatives.

    Only the simultaneous X Series: a multiplexed converter skews the channels
    against each other, and the skew reads as phase, so as a wrong power.
    """

    IDENTITY: ClassVar[str] = (
        r"National Instruments,(?:USB|PCIe|PXIe)-63(?:46|49|56|58|66|68|74|76|78|86|96)\b.*"
    )
    NEEDS: ClassVar[Mapping[str, str]] = {"nidaqmx": "daq", "grpc": "daq"}
    OPTIONS: ClassVar[Mapping[str, str]] = {"device": "text"}
    RATING: ClassVar[Mapping[str, Limit]] = {"rate": Limit(1.0, 2e6, "Hz")}  # USB-6366 specifications, AI

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self._device = str(setup.options.get("device", "Dev1"))
        self._link = DaqmxLink(setup.name, setup.address, setup.clock, setup.log, setup.timeout)
        self._inputs: tuple[Input, ...] = ()
        self._rate: float | None = None
        self._sampling = False

    def start(self) -> None:
        """Start sampling."""
        self._link.run("start", self._start, writes=True)
        self._sampling = True

    def read(self) -> NDArray[np.float64]:
        """Return every sample that waits, shape (inputs, n), as volts at the inputs [V]."""
        self._must_sample("read")
        return self._link.run("read", self._read)

    def stop(self) -> tuple[NDArray[np.float64], int]:
        """Stop sampling; return the samples that still waited [V], and how many were acquired in all."""
        self._must_sample("stop")
        last, acquired = self._link.run("stop", self._stop, writes=True)
        self._sampling = False
        return last, acquired

    def snapshot(self) -> dict[str, float | str | bool | None]:
        """Return whether it samples, how fast [Hz], and how many samples per input it has and had."""
        acquired, waiting = self._link.run("counts", self._counts) if self._sampling else (None, None)
        return {"sampling": self._sampling, "rate": self._rate, "acquired": acquired, "waiting": waiting}

    def make_safe(self) -> None:
        """Stop and give the device free, whoever left a task of this name; it energises nothing."""
        self._sampling = False
        self._rate = None
        self._link.run("clear the task", self._link.clear_task)

    def prove_safe(self) -> tuple[Proof, ...]:
        """Return nothing: a recorder energises no terminal."""
        return ()

    def _do_open(self) -> None:
        self._link.open()

    def _do_identify(self) -> Identity:
        return Identity("National Instruments", *self._link.device(self._device))

    def _do_prepare(self) -> None:
        self.make_safe()

    def _do_close(self) -> None:
        self._sampling = False
        self._link.close()

    def _do_configure(self, inputs: tuple[Input, ...], rate: float) -> float:
        if not inputs:
            raise ConfigError(f"{self.name}: no inputs to record")
        self._sampling = False
        wanted = ", ".join(f"{i.name} = {i.terminal} ±{i.range:g} V" for i in inputs)
        self._rate = self._link.run(
            f"configure {wanted} at {rate:g} Hz", lambda: self._configure(inputs, rate)
        )
        self._inputs = inputs
        return self._rate

    def _configure(self, inputs: tuple[Input, ...], rate: float) -> float:
        from nidaqmx.constants import AcquisitionType  # noqa: PLC0415 - optional, and slow to import

        task = self._link.new_task()
        for i in inputs:
            terminal = f"{self._device}/{i.terminal}"
            task.ai_channels.add_ai_voltage_chan(terminal, i.name, min_val=-i.range, max_val=i.range)
        task.timing.cfg_samp_clk_timing(
            rate, sample_mode=AcquisitionType.CONTINUOUS, samps_per_chan=ceil(rate * BUFFER)
        )
        return float(task.timing.samp_clk_rate)  # what the clock can do, not what was asked

    def _start(self) -> None:
        self._link.task.start()

    def _read(self, count: int | None = None) -> NDArray[np.float64]:
        from nidaqmx.stream_readers import AnalogMultiChannelReader  # noqa: PLC0415 - as above

        stream = self._link.task.in_stream
        samples = np.empty((len(self._inputs), stream.avail_samp_per_chan if count is None else count))
        if samples.size:
            reader = AnalogMultiChannelReader(stream)
            reader.verify_array_shape = False  # it would ask the server each time
            reader.read_many_sample(samples, samples.shape[1], timeout=0.0)
        return samples

    def _stop(self) -> tuple[NDArray[np.float64], int]:
        task = self._link.task
        # Sampling goes on meanwhile, and a stopped task has forgotten everything: count first, then
        # read exactly up to that count. By the driver's own position, so that a lost read shows.
        acquired = int(task.in_stream.total_samp_per_chan_acquired)
        last = self._read(acquired - int(task.in_stream.curr_read_pos))
        task.stop()
        return last, acquired

    def _counts(self) -> tuple[int, int]:
        stream = self._link.task.in_stream
        return int(stream.total_samp_per_chan_acquired), int(stream.avail_samp_per_chan)

    def _must_sample(self, what: str) -> None:
        if not self._sampling:
            raise ConfigError(f"{self.name}: nothing to {what}; it does not sample, start it first")
