"""A source, the bus and one component, stepped in the plant's order."""

import numpy as np
import pytest

from hil.plant.emt import bus, grid

HERTZ = 50.0
OMEGA = 2 * np.pi * HERTZ
PEAK = np.sqrt(2) * 480.0 / np.sqrt(3)
TAPS = {"load": bus.I_LOAD, "fault": bus.I_FAULT, "transformer": bus.I_TRANSFORMER}


class Rig:
    """A stiff or weak source, the bus and one component, stepped in the plant's order."""

    def __init__(self, part, x, control, *, ohm=0.0, henry=0.0, step=20e-6, angle=0.0, stray=1e-9):
        self.part, self.w, self.control, self.step = part, x, control, step
        self.n = 0
        w = self.w
        w[bus.GC], w[bus.KC], w[bus.CHANGED] = 1.0 / (10.0 + step / (2 * stray)), step / stray, 1.0
        w[grid.G] = 1.0 / (2 * henry / step + ohm)
        w[grid.DECAY] = (2 * henry / step - ohm) * w[grid.G]
        w[grid.COS], w[grid.SIN] = np.cos(angle), np.sin(angle)
        w[grid.TURN_COS], w[grid.TURN_SIN] = np.cos(OMEGA * step), np.sin(OMEGA * step)
        w[grid.RELAY] = w[grid.BREAKER] = w[grid.POLE] = w[grid.POLE + 1] = w[grid.POLE + 2] = 1.0
        w[grid.SLEW] = 1e9
        for k in range(3):
            shift = -2 * np.pi * k / 3
            w[grid.SHIFT_COS + k], w[grid.SHIFT_SIN + k] = np.cos(shift), np.sin(shift)
            w[grid.E + k] = PEAK * np.cos(angle + shift)
        self.source(1.0, 1.0, 1.0)
        w[grid.PEAK : grid.PEAK + 3] = w[grid.GOAL : grid.GOAL + 3]

    def source(self, *parts):
        """Set the source's amplitudes, as parts of nominal."""
        for k, part in enumerate(parts):
            self.w[grid.GOAL + k] = PEAK * part

    def run(self, seconds, every=5):
        """Return voltages, source currents and component currents after each step, and matrices made."""
        count = round(seconds / self.step)
        v, source, into, made = np.zeros((count, 3)), np.zeros((count, 3)), np.zeros((count, 3)), 0
        w, part, tap = self.w, self.part, TAPS[self.part.__name__.rpartition(".")[2]]
        for n in range(count):
            if self.n % every == 0:
                self.control(w, self.n * self.step)
            if w[bus.CHANGED] > 0.0:
                made += 1
                bus.clear(w)
                grid.admit(w)
                part.admit(w)
                bus.invert(w)
            grid.advance(w)
            bus.history(w)
            grid.history(w)
            if hasattr(part, "history"):
                part.history(w)
            bus.solve(w)
            grid.update(w)
            part.update(w)
            self.n += 1
            v[n], source[n], into[n] = w[bus.V : bus.V + 3], w[grid.I : grid.I + 3], w[tap : tap + 3]
        return v, source, into, made


def phasor_of(signal, step=20e-6):
    """Return the RMS phasor of the fundamental over the last whole cycle."""
    n = round(1 / (HERTZ * step))
    return np.sqrt(2) / n * signal[-n:].T @ np.exp(-1j * OMEGA * step * np.arange(n))


@pytest.fixture
def rig_of():
    """Build a rig of a component, its array, its control, and the source's impedance."""
    return Rig


@pytest.fixture
def phasor():
    """Return a function that gives the RMS phasor of the fundamental over the last whole cycle."""
    return phasor_of
