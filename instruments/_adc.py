"""What a simultaneous-sampling converter makes of the true values at its inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager
    from typing import Any

    from numpy.typing import NDArray

    from hil.plant.terminals import AnalogInputs, Sensor

CODES: Final = 2**15
"""Codes on each side of zero: 16 bit."""


def convert(volts: NDArray[np.float64], full_scale: float) -> NDArray[np.float64]:
    """Return what a 16 bit converter reads [V]; beyond full scale it saturates, as a real one does."""
    step = full_scale / CODES
    codes = np.rint(volts / step)
    np.clip(codes, -CODES, CODES - 1, out=codes)
    codes *= step
    return codes


class Adc:
    """One acquisition: sensors, noise, decimation and codes, into a buffer that can overflow."""

    def __init__(
        self,
        inputs: AnalogInputs,
        channels: Sequence[tuple[str, float]],
        divisor: int,
        buffer: int,
        seed: Sequence[int],
    ) -> None:
        self._inputs = inputs
        self._channels = [(inputs.sensors[terminal], full_scale) for terminal, full_scale in channels]
        self._divisor = divisor
        self._buffer = buffer
        # a stream of its own for each channel: the same noise however the samples are sliced
        self._noise = [np.random.default_rng([*seed, i]) for i in range(len(channels))]
        self._seen = 0
        self._waiting = np.empty((len(channels), 0))
        self.acquired = 0
        self.overflowed = False

    @property
    def waiting(self) -> int:
        """Samples per channel that nobody has read."""
        return self._waiting.shape[1]

    def take(self, lock: AbstractContextManager[Any]) -> None:
        """Sample what the plant has made since the last time."""
        with lock:
            blocks = self._inputs.blocks[:]
            self._inputs.blocks.clear()
        if self.overflowed or not blocks:
            return
        first = -self._seen % self._divisor
        self._seen += sum(block.shape[1] for block in blocks)
        new = [self._sample(i, blocks, first) for i in range(len(self._channels))]
        self.acquired += len(new[0])
        if self.waiting + len(new[0]) > self._buffer:
            self.overflowed = True
            self._waiting = self._waiting[:, :0]
        elif self.waiting:
            self._waiting = np.concatenate([self._waiting, np.stack(new)], axis=1)
        else:
            self._waiting = np.stack(new)

    def read(self, count: int) -> NDArray[np.float64]:
        """Return the oldest samples [V], shape (channels, count), and forget them."""
        samples, self._waiting = self._waiting[:, :count], self._waiting[:, count:]
        return np.ascontiguousarray(samples)

    def _sample(self, channel: int, blocks: list[NDArray[np.float64]], first: int) -> NDArray[np.float64]:
        sensor: Sensor
        sensor, full_scale = self._channels[channel]
        row = self._inputs.signals.index(sensor.signal)
        true = np.concatenate([block[row] for block in blocks])[first :: self._divisor]
        volts = sensor.distort(true)
        if sensor.noise:
            noise = self._noise[channel].standard_normal(len(volts), dtype=np.float32)
            volts = volts + np.float32(sensor.noise) * noise
        return convert(volts, full_scale)
