"""Whole runs of the tests of a PCS on a simulated bench, and recordings made from formulas."""

from importlib.resources import files

import numpy as np
import pytest

from hil.config import load
from hil.recording import Reading, Recording
from hil.sequence import build
from hil.session import Options, conduct
from hil.table import resolve
from hil.watch import Stop
from hil.waveform import Channel, Waveform

RATE, HERTZ, VOLTS, WATTS = 20e3, 60.0, 277.128, 100e3
PLACES = {"a": 0.0, "b": -2 * np.pi / 3, "c": 2 * np.pi / 3}
NOMINAL = {"voltage": 480.0, "phase_voltage": VOLTS, "frequency": HERTZ, "power": WATTS, "dc_voltage": 850.0}


@pytest.fixture
def formula():
    """Return a function that makes a recording from voltage and current phasors over time [pu].

    Both are functions of time [s] that return complex values per unit of the rated voltage and current,
    against the rated frequency; angle is added to both [rad]. Per phase where u is a mapping.
    """

    def make(u, i, *, begin=-0.5, end=2.0, angle=lambda t: 0.0 * t, parameters=None, mode="running"):
        t = np.arange(round((end - begin) * RATE)) / RATE + begin
        turn = 2 * np.pi * HERTZ * t + angle(t)
        amps = WATTS / (3 * VOLTS)
        rows, channels = [], []
        for kind, of, size in (("voltage", u, VOLTS), ("current", i, amps)):
            for phase, place in PLACES.items():
                values = of[phase](t) if isinstance(of, dict) else of(t)
                rows.append(np.sqrt(2) * size * np.real(values * np.exp(1j * (turn + place))))
                channels.append(Channel(f"{kind[0]}{phase}", "V" if kind == "voltage" else "A", kind, phase))
        waveform = Waveform(np.array(rows), tuple(channels), RATE, begin, triggered=True)
        told = (Reading(end - 0.1, "pcs", {"mode": mode}),)
        return Recording("formula", waveform, told, parameters or {}, NOMINAL)

    return make


@pytest.fixture
def bench_file(tmp_path):
    """Return the shipped bench with a source that reaches the highest swell."""
    text = (files("hil.data") / "benches" / "simulated.toml").read_text()
    path = tmp_path / "bench.toml"
    path.write_text(text.replace('max = "300 V" }', 'max = "340 V" }'))
    return path


@pytest.fixture
def bench(bench_file):
    return load(bench_file)


class Silent:
    """Looks on and says nothing."""

    def stage(self, name, purpose):
        pass

    def tick(self, seconds, reading):
        pass


@pytest.fixture
def run(tmp_path, bench):
    """Return a function that runs a sequence; of each capture and the summary it returns what was not met."""

    def go(name, settings, *flaws):
        options = Options(records=tmp_path / "records", flaws=flaws, report=False)
        done = conduct(build(resolve("hil.sequences", name), settings), bench, options, Stop(), Silent())
        assert done.error is None
        return {
            event.name: {v.key: v.outcome.value for v in event.verdicts if v.required and v.outcome != "PASS"}
            for event in done.events
        }

    return go


@pytest.fixture
def sequence():
    """Return a function that builds a sequence from parameters as text."""
    return lambda name, **given: build(resolve("hil.sequences", name), given)
