"""Faults, against E / (Z + Rf) and the sequence components of each type."""

import numpy as np
import pytest

from hil.errors import ConfigError
from hil.plant.emt import bus, fault
from hil.plant.loads import BOLTED, fault_array

HERTZ = 50.0
OMEGA = 2 * np.pi * HERTZ
VOLTS = 480.0 / np.sqrt(3)
PEAK = np.sqrt(2) * VOLTS
TAP = bus.I_FAULT
OHM, HENRY = 0.01, 0.3e-3
Z = OHM + 1j * OMEGA * HENRY
A = np.exp(2j * np.pi / 3)
E = VOLTS * np.array([1.0, A**2, A])


@pytest.fixture
def rig(rig_of):
    """Build a rig of the fault."""

    def build(kind, ohm, stray=1e-9):
        control = lambda w, t: fault.control(w)  # noqa: E731 - it is a value here
        return rig_of(fault, fault_array(kind, ohm), control, ohm=OHM, henry=HENRY, stray=stray)

    return build


def faulted(rig, phasor, kind, ohm, stray=1e-9):
    """Return bench and phasors of the fault current [A], steady: the offset decays with L / R = 30 ms."""
    bench = rig(kind, ohm, stray)
    bench.run(0.02)
    bench.w[fault.COMMAND] = 1.0
    amps = phasor(bench.run(0.5)[2])
    reference = phasor(np.cos(OMEGA * 20e-6 * np.arange(1, 1001))[:, None])[0] * np.sqrt(2)
    return bench, amps / reference


def sequences(amps):
    """Return zero, positive and negative sequence of phase a."""
    a, b, c = amps
    return np.array([a + b + c, a + A * b + A**2 * c, a + A**2 * b + A * c]) / 3


@pytest.mark.parametrize("ohm", [1e-3, 0.05, 0.5])
@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("a", lambda r: [E[0] / (Z + r), 0, 0]),
        ("bg", lambda r: [0, E[1] / (Z + r), 0]),
        ("ab", lambda r: (E[0] - E[1]) / (2 * Z + r) * np.array([1, -1, 0])),
        ("bc", lambda r: (E[1] - E[2]) / (2 * Z + r) * np.array([0, 1, -1])),
        ("ca", lambda r: (E[2] - E[0]) / (2 * Z + r) * np.array([-1, 0, 1])),
        ("abg", lambda r: [E[0] / (Z + r), E[1] / (Z + r), 0]),  # no mutual impedance: phases by themselves
        ("abc", lambda r: E / (Z + r)),
        ("abcg", lambda r: E / (Z + r)),
    ],
)
def test_fault_current_is_that_of_its_circuit(rig, phasor, kind, expected, ohm):
    assert faulted(rig, phasor, kind, ohm)[1] == pytest.approx(np.array(expected(ohm)), rel=1e-4, abs=0.1)


def test_sequence_components_are_those_of_the_textbook(rig, phasor):
    e = VOLTS
    zero, positive, negative = sequences(
        faulted(rig, phasor, "a", 0.1)[1]
    )  # in series: I0 = I1 = I2 = E / (3 Z + 3 Rf)
    assert [zero, positive, negative] == pytest.approx([e / (3 * Z + 0.3)] * 3, rel=1e-4)
    zero, positive, negative = sequences(
        faulted(rig, phasor, "bc", 0.1)[1]
    )  # I2 = -I1 = -E / (2 Z + Rf), no zero sequence
    assert abs(zero) < 1e-6 * e
    assert positive == pytest.approx(e / (2 * Z + 0.1), rel=1e-4)
    assert negative == pytest.approx(-positive, rel=1e-6)
    zero, positive, negative = sequences(faulted(rig, phasor, "abc", 0.1)[1])
    assert positive == pytest.approx(e / (Z + 0.1), rel=1e-4)
    assert abs(zero) + abs(negative) < 1e-4 * abs(positive)


@pytest.mark.parametrize(("kind", "legs"), [("abcg", [0, 1, 2]), ("abc", [3, 4, 5]), ("bc", [4]), ("c", [2])])
def test_legs_clear_each_at_its_own_zero(rig, phasor, kind, legs):
    bench = faulted(rig, phasor, kind, 0.05, stray=2e-6)[0]
    assert [n for n in range(6) if bench.w[fault.CLOSED + n]] == legs
    slope = np.abs(np.diff(bench.run(0.02)[2], axis=0)).max()
    bench.run(0.0013)
    bench.w[fault.COMMAND] = 0.0
    cleared, before = {}, bench.w[fault.CURRENT : fault.CURRENT + 6].copy()
    for n in range(600):
        bench.run(20e-6)
        for leg in legs:
            if leg not in cleared and not bench.w[fault.CLOSED + leg]:
                cleared[leg] = n
                assert abs(before[leg]) <= slope
        before = bench.w[fault.CURRENT : fault.CURRENT + 6].copy()
    assert sorted(cleared) == legs
    assert max(cleared.values()) < 505  # half a cycle
    if kind == "abcg":
        assert len(set(cleared.values())) == 3
    volts, _, amps, _ = bench.run(0.02)
    assert not amps.any()
    assert abs(phasor(volts)) == pytest.approx([VOLTS] * 3, rel=1e-3)


def test_fault_waits_for_its_command_and_comes_back(rig):
    bench = rig("ab", 0.05)
    assert not bench.run(0.02)[2].any()
    for _ in range(2):
        bench.w[fault.COMMAND] = 1.0
        assert np.abs(bench.run(0.02)[2]).max() > 1000.0
        bench.w[fault.COMMAND] = 0.0
        bench.run(0.02)
        assert not bench.run(0.02)[2].any()


def test_currents_of_the_bus_add_up_on_a_bolted_fault(rig):
    bench = rig("abc", BOLTED)
    bench.w[fault.COMMAND] = 1.0
    for _ in range(200):
        strays = bench.w[bus.VC : bus.VC + 3].copy()
        volts, source, amps, _ = bench.run(20e-6)
        taken = amps[0] + bench.w[bus.GC] * (volts[0] - strays)
        assert source[0] == pytest.approx(taken, abs=1e-9 * 5e3)


@pytest.mark.parametrize("kind", ["", "g", "d", "abd", "aa", "abca"])
def test_unknown_type_is_refused(kind):
    with pytest.raises(ConfigError, match="phases a, b, c"):
        fault_array(kind, 0.1)


@pytest.mark.parametrize("ohm", [0.0, -1.0, 1e-5, float("nan"), float("inf")])
def test_impossible_resistance_is_refused(ohm):
    with pytest.raises(ConfigError, match="bolted"):
        fault_array("ab", ohm)
