"""Synthetic captures with known answers."""

import numpy as np
import pytest

from hil.waveform import Channel, Waveform


class Sag:
    """A three-phase sag seen by a PCS, in closed form.

    Voltages v_k = sqrt(2) U d_k(t) cos(2 pi f t - k 2 pi / 3), currents in phase with the
    undisturbed voltage, scaled by current(t) and shifted by -phi (lagging: Q > 0).
    """

    def __init__(self, **changes):
        self.rate, self.hertz, self.duration = 50e3, 50.0, 1.2
        self.volts, self.amps, self.phi = 230.0, 100.0, 0.0
        self.begin, self.end = 0.4, 0.7
        self.depth = (0.4, 0.4, 0.4)
        self.current = np.ones_like
        self.noise, self.seed, self.start = 0.0, 0, 0.0
        self.vdc, self.trigger, self.order = True, True, "abc"
        self.__dict__.update(changes)

    def waveform(self):
        t = np.arange(round(self.rate * self.duration)) / self.rate
        inside = (t >= self.begin) & (t < self.end)
        rng = np.random.default_rng(self.seed)
        rows, channels = [], []
        for k, phase in enumerate("abc"):
            angle = 2 * np.pi * self.hertz * t - {"a": 0, "b": 1, "c": 2}[self.order[k]] * 2 * np.pi / 3
            rows.append(np.sqrt(2) * self.volts * np.where(inside, self.depth[k], 1.0) * np.cos(angle))
            channels.append(Channel(f"v_{phase}", "V", "voltage", phase, 0.002))
            rows.append(np.sqrt(2) * self.amps * self.current(t) * np.cos(angle - self.phi))
            channels.append(Channel(f"i_{phase}", "A", "current", phase, 0.005))
        if self.vdc:
            rows.append(np.where(inside, 870.0, 850.0))
            channels.append(Channel("v_dc", "V", "voltage", "dc"))
        if self.trigger:
            rows.append(np.where((t >= self.begin) & (t < self.begin + 4e-4), 5.0, 0.0))
            channels.append(Channel("trigger", "V", "trigger"))
        samples = np.array(rows)
        samples[:6] += self.noise * self.volts * rng.normal(size=(6, t.size))
        return Waveform(samples, tuple(channels), self.rate, start=self.start, source="synthetic")


@pytest.fixture
def sag():
    """Return a maker of sags: sag(hertz=60.0) is the waveform."""
    return lambda **changes: Sag(**changes).waveform()


@pytest.fixture
def mains():
    """Return a maker of voltages: mains(volts per phase, hertz, ...) is a waveform."""

    def make(
        volts=(230.0, 230.0, 230.0), hertz=50.0, rate=50e3, duration=1.0, harmonics=(), phases="abc", dc=0.0
    ):
        t = np.arange(round(rate * duration)) / rate
        rows = []
        for k, u in enumerate(volts):
            angle = 2 * np.pi * hertz * t - k * 2 * np.pi / 3 + 0.3
            row = np.cos(angle) + sum(share * np.cos(h * angle + h) for h, share in harmonics)
            rows.append(np.sqrt(2) * u * row + dc)
        channels = tuple(Channel(f"v_{p}", "V", "voltage", p) for p in phases)
        return Waveform(np.array(rows), channels, rate)

    return make
