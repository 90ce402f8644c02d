"""The simulated bench: terminals on one side, the EMT model on the other, one clock."""

from __future__ import annotations

import random
import threading
from math import isfinite, pi
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hil.errors import ConfigError, HilError

from .flaws import plant as plant_flaws
from .terminals import GensetTerminals

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from .control_port import Controller
    from .flaws import Flaw
    from .parameters import Parameters
    from .terminals import Terminals


class Diverged(HilError):
    """The simulation left the numbers; nothing that it says from here on is worth anything."""


class Plant:
    """One electrical model and one clock behind all simulated instruments.

    `advance` moves it: it takes what the twins have written into the terminals, steps,
    and writes back what can be measured. The same commands at the same plant times give
    the same bits, however the time between them is sliced. The seed draws the angle at
    which the AC source's voltage starts. A controller takes the place of the built-in
    control, to which alone flaws of control belong.
    """

    def __init__(
        self,
        parameters: Parameters,
        terminals: Terminals,
        flaws: Sequence[Flaw] = (),
        seed: int = 0,
        controller: Controller | None = None,
    ) -> None:
        from hil.jit import stamp  # noqa: PLC0415 - numba takes half a second to import

        from . import build, exchange  # noqa: PLC0415 - as above
        from .control_port import ControlPort  # noqa: PLC0415 - as above
        from .emt import step  # noqa: PLC0415 - as above

        parameters = plant_flaws(parameters, flaws)
        angle = random.Random(seed).uniform(0.0, 2 * pi)
        self.parameters, self.terminals = parameters, terminals
        self.lock = threading.RLock()
        self._advance = step.advance
        self._stamp = stamp(Path(step.__file__).parent)
        self._steps = 0
        self._target = 0.0
        charge = terminals.pcs.state_of_charge
        assert charge is not None  # nothing has been reported yet: it is where it begins
        world = build.world(parameters, angle, charge)
        # plain Python reads lists far faster than arrays
        self.world: Any = world if step.COMPILED else world.tolist()
        terminals.gensets[len(terminals.gensets) :] = [
            GensetTerminals() for _ in parameters.gensets[len(terminals.gensets) :]
        ]
        self._exchange = exchange.Exchange(self.world, parameters, terminals)
        self._port: ControlPort | None = None
        if controller is not None:
            self._port = ControlPort(controller, self.world, parameters, terminals.pcs)
        self._takers = (terminals.inputs, *terminals.meters.values())
        signals = tuple(dict.fromkeys(name for each in self._takers for name in each.signals))
        self._rows: list[Any] = [
            slice(None) if each.signals == signals else [signals.index(name) for name in each.signals]
            for each in self._takers
        ]
        self._taps = np.array([exchange.SLOTS[name] for name in signals])
        self._nowhere = np.zeros((len(signals), 0))
        for each in self._takers:
            each.step = parameters.step
        self._step(0, self._nowhere, -1)  # compile now, not in the first second of a paced run

    @property
    def time(self) -> float:
        """Plant time [s]."""
        return self._steps * self.parameters.step

    def now(self) -> float:
        """Return the plant time [s]; it stands still while nobody waits."""
        return self.time

    def advance(self, seconds: float) -> None:
        """Advance by a span of plant time [s], to the step nearest to where the spans so far add up.

        Raises `Diverged` where the simulation has left the numbers; what it recorded last is dropped.
        Raises `ControlFailed`, once and at the end of the span, where the controller failed in it.
        """
        if not (seconds >= 0.0 and isfinite(seconds)):
            raise ConfigError(f"plant: cannot advance by {seconds} s; time only goes forward")
        grid, step = self.terminals.grid, self.parameters.step
        with self.lock:
            self._target += seconds
            begin, end = self._steps, round(self._target / step)
            samples = self._nowhere
            if end > begin and any(each.running for each in self._takers):
                samples = np.empty((len(self._taps), end - begin))
            while self._steps < end:
                self._apply_schedule()
                self._exchange.take()
                stop = end
                if grid.schedule:
                    stop = min(end, round(grid.schedule[0].time / step))
                stop = round(min(stop, self._exchange.due(self._steps)))
                first = self._steps - begin if samples is not self._nowhere else -1
                self._run(stop - self._steps, samples, first)
                if self._steps < end:
                    self._exchange.show(self._steps)
            self._exchange.show(self._steps)
            if samples is not self._nowhere:
                for each, rows in zip(self._takers, self._rows, strict=True):
                    if each.running:
                        each.blocks.append(samples[rows])
            if self._port is not None:
                self._port.complain()

    def _run(self, steps: int, samples: NDArray[np.float64], first: int) -> None:
        if self._port is None:
            self._step(steps, samples, first)
            return
        end = self._steps + steps
        while self._steps < end:
            n = min(self._port.period(), end - self._steps)
            self._step(n, samples, first)
            first += n if first >= 0 else 0

    def _step(self, steps: int, samples: NDArray[np.float64], first: int) -> None:
        others = 1.0 if self._exchange.others else None
        done = self._advance(
            self.world, self._exchange.profile, self._taps, samples, steps, first, self._stamp, others
        )
        self._steps += done
        if done < steps:
            raise Diverged(
                f"plant: the simulation diverged at t = {self.time:.6f} s, PCS {self.terminals.pcs.mode}; no "
                f"number any more: {self._exchange.what_diverged()}. Check the set-points and the [plant] "
                "parameters."
            )

    def _apply_schedule(self) -> None:
        grid = self.terminals.grid
        while grid.schedule and round(grid.schedule[0].time / self.parameters.step) <= self._steps:
            point = grid.schedule.pop(0)
            grid.volts[:], grid.hertz, grid.hertz_slew = point.volts, point.hertz, point.hertz_slew
            if point.degrees is not None:
                grid.degrees[:] = point.degrees
            if point.pulse:
                self._exchange.pulse()
