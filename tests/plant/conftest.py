"""A simulated bench, switched on, and the plain Python twin of the kernel."""

import sys
from dataclasses import dataclass

import numpy as np
import pytest

from hil.plant import flaws
from hil.plant.parameters import Parameters
from hil.plant.plant import Plant
from hil.plant.terminals import (
    MORE_SIGNALS,
    AnalogInputs,
    DcTerminals,
    GridTerminals,
    PcsTerminals,
    Sensor,
    Terminals,
)


@dataclass
class Setting:
    plant: Plant
    grid: GridTerminals
    dc: DcTerminals
    pcs: PcsTerminals
    inputs: AnalogInputs

    @property
    def volts(self):
        """Nominal phase-to-neutral voltage [V]."""
        return self.plant.parameters.voltage / np.sqrt(3)

    @property
    def amps(self):
        """Rated phase current [A]."""
        return self.plant.parameters.rated_power / (3 * self.volts)

    def sag(self, *residual):
        """Set the source to a part of nominal, all phases or each."""
        each = residual * 3 if len(residual) == 1 else residual
        self.grid.volts = [self.volts * x for x in each]

    def command(self, watts, var=0.0):
        self.pcs.active_power, self.pcs.reactive_power = watts, var

    def record(self, seconds):
        """Advance with the recorder on and return its samples by signal, and "p", the power at the PCC."""
        self.inputs.running = True
        self.plant.advance(seconds)
        self.inputs.running = False
        samples = np.concatenate(self.inputs.blocks, axis=1)
        self.inputs.blocks.clear()
        result = dict(zip(self.inputs.signals, samples, strict=True))
        result["p"] = (samples[0:3] * samples[3:6]).sum(axis=0)
        result["t"] = np.arange(samples.shape[1]) * self.plant.parameters.step
        return result


@pytest.fixture
def setting():
    """Build a bench with grid and DC source on and the PCS told to run; it runs after start_delay."""

    def build(*flawed, seed=1, start_delay=0.1, **options):
        q = Parameters(start_delay=start_delay, **options)
        volts = q.voltage / np.sqrt(3)
        grid = GridTerminals(relay=True, volts=[volts] * 3, hertz=q.frequency)
        dc = DcTerminals(
            output=True,
            volts=q.dc_voltage,
            source_amps=300.0,
            sink_amps=300.0,
            source_watts=250e3,
            sink_watts=250e3,
        )
        pcs = PcsTerminals(enable=True)
        wired = {name: Sensor(name, lambda values: values) for name in MORE_SIGNALS}
        inputs = AnalogInputs(wired)
        terminals = Terminals(grid, dc, pcs, inputs)
        plant = Plant(q, terminals, [flaws.parse(text) for text in flawed], seed)
        return Setting(plant, grid, dc, pcs, inputs)

    return build


@pytest.fixture
def running(setting):
    """Build a bench whose PCS runs at a power [pu]."""

    def build(*flawed, power=0.0, reactive=0.0, **options):
        s = setting(*flawed, **options)
        rated = s.plant.parameters.rated_power
        s.command(power * rated, reactive * rated)
        s.plant.advance(0.5)
        assert s.pcs.mode == "running", s.pcs
        return s

    return build


@pytest.fixture
def without_numba(monkeypatch):
    """Make plants that are built from here on run in plain Python."""

    def take_away():
        monkeypatch.setitem(sys.modules, "numba", None)
        for name in [name for name in sys.modules if name.startswith("hil.plant.")]:
            monkeypatch.delitem(sys.modules, name)

    return take_away
