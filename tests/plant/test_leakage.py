"""What hangs between the bus and ground: an island without a neutral must not keep a charge."""

import numpy as np
import pytest

from hil.plant.loads import Bank


def island_that_loses_its_load(running, leakage):
    s = running(control="forming", leakage=leakage)
    t = s.plant.terminals
    t.breaker.close = False
    t.load.bank, t.load.closed = Bank.from_power(480.0, 60.0, [15e3] * 3), True
    s.plant.advance(0.5)
    t.load.closed = False  # phase by phase at its current zero: the last to open leaves the bus displaced
    s.plant.advance(0.5)
    return s


def test_charge_of_the_bus_leaks_away(running):
    s = island_that_loses_its_load(running, 1e-4)
    assert s.pcs.mode == "running"
    w = s.record(0.1)
    # R C of leakage and strays is 0.002 / (377 x 1e-4) = 53 ms; half a second is nine of them
    assert np.abs(w["v_a"] + w["v_b"] + w["v_c"]).max() / 3 < np.exp(-9) * np.sqrt(2) * s.volts
    assert s.pcs.measured_volts == pytest.approx([s.volts] * 3, rel=0.01)


def test_without_leakage_the_bus_stays_displaced_and_the_pcs_runs_on(running):
    s = island_that_loses_its_load(running, 1e-9)
    w = s.record(0.1)
    assert np.abs(w["v_a"] + w["v_b"] + w["v_c"]).min() / 3 > 0.2 * s.volts
    assert (s.pcs.mode, s.pcs.alarms) == ("running", set())  # three wires: its own voltages are as they were
