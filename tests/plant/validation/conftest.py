"""What the validation of the plant shares: rows of `make accuracy`, and a bench of three-phase parts."""

import numpy as np
import pytest

from hil.plant.parameters import Parameters
from hil.plant.plant import Plant
from hil.plant.terminals import (
    MORE_SIGNALS,
    SIGNALS,
    AnalogInputs,
    DcTerminals,
    GridTerminals,
    PcsTerminals,
    Sensor,
    Terminals,
)


class Table:
    """Figures beside what they are held to; benchmarks/plant_accuracy.py prints them."""

    def __init__(self, record):
        self.record = record

    def near(self, what, ours, reference, within, unit):
        self.record("row", (what, float(ours), f"{reference:.4g} ± {within:.2g}", unit))
        assert abs(ours - reference) <= within, f"{what}: {ours:g} {unit}, not {reference:g} ± {within:g}"

    def below(self, what, ours, most, unit):
        self.record("row", (what, float(ours), f"≤ {most:.3g}", unit))
        assert ours <= most, f"{what}: {ours:g} {unit}, more than {most:g}"

    def above(self, what, ours, least, unit):
        self.record("row", (what, float(ours), f"≥ {least:.3g}", unit))
        assert ours >= least, f"{what}: {ours:g} {unit}, less than {least:g}"


class Bench:
    """A plant with ideal DC source and all signals recorded; what it is told goes to its terminals."""

    def __init__(self, source=True, breaker=True, start_delay=0.05, **parameters):
        q = self.q = Parameters(start_delay=start_delay, **parameters)
        grid = GridTerminals(relay=source, volts=[q.voltage / np.sqrt(3)] * 3, hertz=q.frequency)
        dc = DcTerminals(True, q.dc_voltage, 1e4, 1e4, 1e8, 1e8)
        inputs = AnalogInputs({name: Sensor(name, lambda x: x) for name in (*SIGNALS, *MORE_SIGNALS)})
        self.terminals = Terminals(grid, dc, PcsTerminals(), inputs)
        self.terminals.breaker.close = breaker
        self.plant = Plant(q, self.terminals)
        self.pcs = self.terminals.pcs
        self.rms = q.voltage / np.sqrt(3)

    def start(self, seconds=1.0, **commands):
        """Run the PCS, and wait [s]."""
        for name, value in ({"enable": True} | commands).items():
            setattr(self.pcs, name, value)
        self.plant.advance(seconds)
        assert self.pcs.mode == "running", self.pcs
        return self

    def record(self, seconds):
        """Return the samples of this time [s] by signal; "v", "i_load" and so on have three phases."""
        inputs = self.terminals.inputs
        inputs.running = True
        self.plant.advance(seconds)
        inputs.running = False
        samples = dict(zip(inputs.signals, np.concatenate(inputs.blocks, axis=1), strict=True))
        inputs.blocks.clear()
        for stem in {name[:-2] for name in samples if name.endswith("_a")}:
            samples[stem] = np.array([samples[f"{stem}_{x}"] for x in "abc"])
        samples["t"] = np.arange(len(samples["v_a"])) * self.q.step
        return samples


@pytest.fixture
def table(record_property):
    return Table(record_property)


@pytest.fixture
def bench():
    return Bench
