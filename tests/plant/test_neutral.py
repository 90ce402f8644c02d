"""The grounding transformer of an island: zero-sequence current, neutral displacement, when it is there."""

import numpy as np
import pytest

from hil.errors import ConfigError
from hil.plant.emt import neutral
from hil.plant.forming import Forming, Synchro
from hil.plant.grounding import Grounding
from hil.plant.loads import Bank

TURN = np.exp(2j * np.pi / 3)
SEQUENCES = np.array([[1, 1, 1], [1, TURN, TURN**2], [1, TURN**2, TURN]]) / 3
"""Zero, positive and negative sequence of the phasors of a, b, c."""
HALF, STEP = 50e3 / 3, 10e3
"""Per phase half of the rating, and 30 % of one phase's rating on top [W]."""


def island(running, grounding, **options):
    s = running(control="forming", grounding=grounding, leakage=1e-9, stray_capacitance=1e-6, **options)
    t = s.plant.terminals
    t.load.bank, t.load.closed, t.breaker.close = bank(HALF), True, False
    s.plant.advance(1.0)
    return s


def bank(first, var=0.0):
    return Bank.from_power(480.0, 60.0, [first, HALF, HALF], [var, 0.0, 0.0])


def sequences(s, w, name):
    """Return the sequence components at the island's frequency over the last ten cycles [pu]."""
    hertz = s.plant.parameters.frequency * (1 - 0.02 * s.pcs.measured_watts / 100e3)
    n = round(10 / hertz / 20e-6)
    t = w["t"][-n:]
    samples = np.array([w[f"{name}_{x}"][-n:] for x in "abc"])
    base = s.volts if name == "v" else s.amps
    return SEQUENCES @ (samples @ np.exp(-2j * np.pi * hertz * t)) * np.sqrt(2) / n / base


@pytest.mark.parametrize("z", [0.015 + 0.05j, 0.1 + 0.02j, 0.02 + 0.3j])
def test_neutral_displacement_is_that_of_the_sequence_network(running, z):
    # I0 = (Y V0 + Y' (V0 + V1 + V2) / 3), V0 = -Z0 I0, Y of the balanced bank, Y' of what phase a has on top
    s = island(running, Grounding(z.real, z.imag))
    s.plant.terminals.load.bank = bank(HALF + STEP, var=5e3)
    s.plant.advance(1.0)
    w = s.record(0.5)
    v, i = sequences(s, w, "v"), sequences(s, w, "i_load")
    hertz = s.pcs.measured_hertz / 60.0
    z = complex(z.real, z.imag * hertz)
    y, more = 0.5, 0.3 - 0.15j / hertz * (1 + 1j / (377 * 0.25))  # reactors of the bank: L / R is 0.25 s
    zero = -z * more / 3 * (v[1] + v[2]) / (1 + z * (y + more / 3))
    assert abs(v[0] - zero) < 2e-3 * abs(zero)
    assert abs(v[0] + z * i[0]) < 2e-3 * abs(zero)  # all of the load's zero sequence goes into the neutral
    assert 3e-3 < abs(v[0]) < 0.04


def test_bank_of_one_phase_runs_with_a_neutral_and_trips_without(running):
    for grounding, mode in ((Grounding(), "running"), (None, "tripped")):
        s = island(running, grounding)
        s.plant.terminals.load.bank = bank(HALF + 3 * STEP)  # 30 % of the whole rating in one phase
        s.plant.advance(5.0)
        assert s.pcs.mode == mode
    assert s.pcs.alarms == {"undervoltage"}  # of the phase that carries more: 0.62 pu, which it bears for 2 s


@pytest.mark.parametrize(("balancing", "low", "high"), [(15.0, 0.0, 0.05), (0.0, 0.9 * 0.146, 0.5)])
def test_unbalance_is_what_control_and_impedance_make_of_it(running, balancing, low, high):
    # without the control of negative sequence u2 = |Z2 I2|, of which the reactors alone have 0.146 pu
    s = island(running, Grounding(), forming=Forming(negative_sequence=balancing))
    s.plant.terminals.load.bank = bank(HALF + STEP)
    s.plant.advance(1.0)
    w = s.record(0.5)
    v, i = sequences(s, w, "v"), sequences(s, w, "i_load")
    assert 0.08 < abs(i[2]) < 0.11
    assert low * abs(i[2]) <= abs(v[2] / v[1]) <= high * abs(i[2])


def test_it_opens_with_its_current_where_the_source_comes_back(running):
    s = island(running, Grounding(), synchro=Synchro(angle=30.0, slip=0.5))
    t = s.plant.terminals
    t.load.bank = bank(HALF + STEP)
    s.plant.advance(0.2)
    assert s.plant.world[neutral.CLOSED] == 1.0
    assert abs(s.plant.world[neutral.CURRENT]) > 0.0
    s.pcs.synchronise = t.breaker.close = True
    s.plant.advance(8.0)
    assert t.breaker.closed
    assert (s.plant.world[neutral.CLOSED], s.plant.world[neutral.CURRENT]) == (0.0, 0.0)
    assert s.pcs.mode == "running"


def test_beside_the_source_it_changes_nothing(running):
    waves = []
    for grounding in (None, Grounding(1e-3, 1e-3)):
        s = running(power=0.5, grounding=grounding)
        s.plant.terminals.load.bank, s.plant.terminals.load.closed = bank(HALF + STEP), True
        s.sag(0.5, 1.0, 1.0)
        w = s.record(0.2)
        waves.append([w[f"{name}_{x}"] for name in ("v", "i", "i_grid") for x in "abc"])
    assert np.abs(np.sum(waves[0][:3], axis=0)).max() > 100.0  # there is zero sequence
    np.testing.assert_array_equal(*waves)


def test_a_dead_bus_leaves_no_current_in_it(running):
    s = island(running, Grounding())
    s.plant.terminals.load.bank = bank(HALF + STEP)
    s.plant.advance(0.2)
    s.pcs.enable, s.plant.terminals.load.closed = False, False
    s.plant.advance(1.0)
    assert np.abs([s.record(0.02)[f"v_{x}"] for x in "abc"]).max() == 0.0
    # L / R = 3.33 / 377 s = 8.8 ms: a second is more than a hundred of them
    assert abs(s.plant.world[neutral.CURRENT]) < 1e-30


@pytest.mark.parametrize("values", [(0.0, 0.05), (0.01, 0.0), (-0.1, 0.05), (0.01, float("nan"))])
def test_an_impedance_that_no_transformer_has_is_refused(values):
    with pytest.raises(ConfigError, match=r"\[plant.grounding\] (resistance|reactance) = "):
        Grounding(*values)
