"""The simulated bench: terminals on one side, the kernel on the other, one clock."""

from __future__ import annotations

import random
import threading
from math import cos, isfinite, pi, sin, sqrt
from typing import TYPE_CHECKING, Any

import numpy as np

from hil.errors import ConfigError, HilError

from .parameters import STEP
from .terminals import PCS_ALARMS, PCS_MODES, SIGNALS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from .flaws import Flaw
    from .parameters import Parameters
    from .terminals import AnalogInputs, DcTerminals, GridTerminals, PcsTerminals


class Diverged(HilError):
    """The simulation left the numbers; nothing that it says from here on is worth anything."""


class Plant:
    """One electrical model and one clock behind all simulated instruments.

    `advance` moves it: it takes what the twins have written into the terminals, steps,
    and writes back what can be measured. The same commands at the same plant times give
    the same bits, however the time between them is sliced. The seed draws the angle at
    which the AC source's voltage starts.
    """

    def __init__(
        self,
        parameters: Parameters,
        grid: GridTerminals,
        dc: DcTerminals,
        pcs: PcsTerminals,
        inputs: AnalogInputs,
        flaws: Sequence[Flaw] = (),
        seed: int = 0,
    ) -> None:
        from . import circuit, kernel  # noqa: PLC0415 - numba takes half a second to import

        for flaw in flaws:
            parameters = flaw.plant(parameters)
        angle = random.Random(seed).uniform(0.0, 2 * pi)
        self.parameters = parameters
        self.grid, self.dc, self.pcs, self.inputs = grid, dc, pcs, inputs
        self.lock = threading.RLock()
        self._kernel = kernel
        self._steps = 0
        self._target = 0.0
        self._hertz = 0.0
        self._window = 0

        # plain Python reads lists far faster than arrays
        def buffer(values: NDArray[np.float64]) -> Any:
            return values if kernel.COMPILED else values.tolist()

        self._p = buffer(circuit.constants(parameters))
        self._s = buffer(circuit.initial_state(parameters, angle, pcs.state_of_charge))
        self._delay_line = buffer(np.zeros(3 * kernel.DELAY_LINE))
        self._windows = buffer(np.zeros(kernel.WINDOWS * kernel.WINDOW_SUMS))
        self._nowhere = np.zeros((len(SIGNALS), 0))
        inputs.step = STEP
        self._run(0, self._nowhere, -1)  # compile now, not in the first second of a paced run

    @property
    def time(self) -> float:
        """Plant time [s]."""
        return self._steps * STEP

    def now(self) -> float:
        """Return the plant time [s]; it stands still while nobody waits."""
        return self.time

    def advance(self, seconds: float) -> None:
        """Advance by a span of plant time [s], to the step nearest to where the spans so far add up."""
        if not (seconds >= 0.0 and isfinite(seconds)):
            raise ConfigError(f"plant: cannot advance by {seconds} s; time only goes forward")
        with self.lock:
            self._target += seconds
            begin, end = self._steps, round(self._target / STEP)
            samples = self._nowhere
            if self.inputs.running and end > begin:
                samples = np.empty((len(SIGNALS), end - begin))
                self.inputs.blocks.append(samples)
            while self._steps < end:
                self._apply_schedule()
                self._take_commands()
                stop = end
                if self.grid.schedule:
                    stop = min(end, round(self.grid.schedule[0].time / STEP))
                first = self._steps - begin if samples is not self._nowhere else -1
                self._run(stop - self._steps, samples, first)
            self._show_state()

    def _run(self, steps: int, samples: NDArray[np.float64], first: int) -> None:
        total = self._kernel.advance(self._s, self._p, self._delay_line, self._windows, samples, steps, first)
        self._steps += steps
        if not isfinite(total):
            raise self._diverged()

    def _apply_schedule(self) -> None:
        grid, kernel = self.grid, self._kernel
        while grid.schedule and round(grid.schedule[0].time / STEP) <= self._steps:
            point = grid.schedule.pop(0)
            grid.volts[:], grid.hertz = point.volts, point.hertz
            if point.pulse:
                self._s[kernel.PULSE] = float(round(grid.pulse_width / STEP))

    def _take_commands(self) -> None:
        s, kernel, grid, dc, pcs = self._s, self._kernel, self.grid, self.dc, self.pcs
        s[kernel.RELAY] = float(grid.relay)
        for phase, volts in enumerate(grid.volts):
            s[kernel.GOAL + phase] = sqrt(2) * volts
        s[kernel.SLEW] = sqrt(2) * grid.slew * STEP
        if grid.hertz != self._hertz:
            self._hertz = grid.hertz
            turn = 2 * pi * grid.hertz * STEP
            s[kernel.TURN_COS], s[kernel.TURN_SIN] = cos(turn), sin(turn)
        s[kernel.DC_ON], s[kernel.EMF] = float(dc.output), dc.volts
        s[kernel.SOURCE_A], s[kernel.SINK_A] = dc.source_amps, dc.sink_amps
        s[kernel.SOURCE_W], s[kernel.SINK_W] = dc.source_watts, dc.sink_watts
        s[kernel.ENABLE] = float(pcs.enable)
        s[kernel.P_SET] = pcs.active_power / self.parameters.rated_power
        s[kernel.Q_SET] = pcs.reactive_power / self.parameters.rated_power

    def _diverged(self) -> Diverged:
        kernel, s = self._kernel, self._s
        bad = [
            name
            for name in ("I1", "VC", "I2", "V", "PEAK", "VDC", "P_SET", "Q_SET", "THETA")
            if not isfinite(s[getattr(kernel, name)])
        ]
        mode = PCS_MODES[int(s[kernel.MODE])]
        return Diverged(
            f"plant: the simulation diverged before t = {self.time:.6f} s, PCS {mode}; not a number: "
            f"{', '.join(bad) or 'the control'}. Check the set-points and the [plant] parameters."
        )

    def _show_state(self) -> None:
        """Write what can be measured into the terminals; sums are renewed every 10 ms."""
        s, kernel, pcs = self._s, self._kernel, self.pcs
        pcs.mode = PCS_MODES[int(s[kernel.MODE])]
        pcs.connected = bool(s[kernel.CONTACTOR] > 0.0)
        alarm = int(s[kernel.ALARM])
        pcs.alarms = {PCS_ALARMS[alarm - 1]} if alarm else set()
        pcs.measured_hertz = float(s[kernel.W_PLL]) / (2 * pi) if s[kernel.VMAG] > 0.05 else 0.0
        pcs.state_of_charge = float(s[kernel.SOC])
        ticks = kernel.WINDOW_TICKS
        window = -(-self._steps // kernel.PERIOD) // ticks
        if window == self._window:
            return
        self._window = window
        windows = np.reshape(self._windows, (kernel.WINDOWS, kernel.WINDOW_SUMS))
        means = (windows.sum(axis=0) / (kernel.WINDOWS * ticks)).tolist()
        latest = int(s[kernel.WINDOW])
        link = ((windows[latest - 1] + windows[latest - 2]) / (2 * ticks)).tolist()
        self.grid.measured_volts = [sqrt(x) for x in means[0:3]]
        pcs.measured_volts = [sqrt(x) for x in means[3:6]]
        self.grid.measured_amps = [sqrt(x) for x in means[6:9]]
        pcs.measured_amps = [sqrt(x) for x in means[6:9]]
        self.grid.measured_watts = means[9:12]
        pcs.measured_watts = means[12] * self.parameters.telemetry_gain
        pcs.measured_var = means[13]
        self.dc.measured_volts = pcs.dc_volts = link[14]
        self.dc.measured_amps = pcs.dc_amps = link[15]
