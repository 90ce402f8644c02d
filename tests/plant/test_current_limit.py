"""The current limit in faults and overload: size, priority, no limit cycle, recovery."""

import numpy as np
import pytest

from hil.plant.forming import Forming
from hil.plant.loads import Bank

CYCLE = 1 / 60
LIMIT = 1.2
"""Of the PCS [pu]."""


def bank(share):
    return Bank.from_power(480.0, 60.0, [share * 100e3 / 3] * 3)


def space(w, kind):
    turn = np.exp(2j * np.pi / 3)
    return (w[f"{kind}_a"] + turn * w[f"{kind}_b"] + turn**2 * w[f"{kind}_c"]) * np.sqrt(2) / 3


def smooth(x, n=833):
    return np.convolve(x, np.full(n, 1 / n), "valid")


def largest(s, w):
    """Return the largest size of the current's space vector from a quarter cycle on [pu]."""
    return np.abs(space(w, "i"))[208:].max() / s.amps


def parts(s, w):
    """Return active and overexcited current over the last six cycles, and the voltage [pu]."""
    v, i = space(w, "v")[-5000:], space(w, "i")[-5000:]
    volts = np.abs(v).mean()
    power = (v * np.conj(i)).mean() / volts / s.amps
    return power.real, power.imag, volts / s.volts


def fault(s, kind, ohms, seconds):
    f = s.plant.terminals.fault
    f.kind, f.ohms, f.on = kind, ohms, True
    during = s.record(seconds)
    f.on = False
    return during, s.record(2.0)


def phases(s, w):
    """Return the largest instantaneous phase current from a quarter cycle on [pu]."""
    return np.abs([w[f"i_{x}"][208:] for x in "abc"]).max() / np.sqrt(2) / s.amps


def recovers(after, watts):
    """Assert that the power is back within 10 % in 1 s and overshoots by 10 % of rating at most (T3)."""
    p = smooth(after["p"])[417:]  # the fault itself opens at its current zeros, within half a cycle
    assert np.all(np.abs(p[50_000:] - watts) < 0.1 * watts)
    assert p.max() < watts + 0.1 * 100e3
    assert p[-1] == pytest.approx(watts, rel=0.02)


@pytest.mark.parametrize("priority", ["P", "Q", "mixed"])
@pytest.mark.parametrize("limiter", ["clamp", "virtual-impedance"])
@pytest.mark.parametrize("inertia", [0.0, 2.0])
def test_forming_in_a_three_phase_fault(running, priority, limiter, inertia):
    form = Forming(limiter=limiter, inertia=inertia, damping=10.0 * inertia)
    s = running(control="forming", power=0.8, scr=5.0, fault_priority=priority, forming=form)
    s.plant.advance(2.0)
    during, after = fault(s, "abcg", 0.3, 1.0)
    assert s.pcs.mode == "running"
    assert largest(s, during) < LIMIT + 0.02
    active, reactive, volts = parts(s, during)
    assert 0.5 < volts < 0.7
    late = smooth(np.abs(space(during, "i"))[25_000:], 417) / s.amps
    assert np.ptp(late) < 0.02  # no limit cycle below 100 Hz after half a second (T3)
    if limiter == "clamp":  # the other makes do with less
        assert np.hypot(active, reactive) > 0.95 * LIMIT
        if priority == "Q":
            assert reactive > 0.95 * LIMIT
        if priority == "P":  # of what it has been told to give the limit allows all, or 1.2 pu
            assert active > 0.95 * min(LIMIT, 0.8 / volts)
    recovers(after, 80e3)


@pytest.mark.parametrize("kind", ["ab", "ag", "abcg"])
@pytest.mark.parametrize("priority", ["P", "Q"])
@pytest.mark.parametrize("control", ["forming", "following"])
def test_near_faults_in_the_grid(running, kind, priority, control):
    s = running(control=control, power=0.8, scr=20.0, fault_priority=priority)
    s.plant.advance(1.0)
    during, after = fault(s, kind, 0.02, 0.25)
    assert s.pcs.mode == "running"
    assert phases(s, during) < LIMIT + (0.02 if control == "forming" else 0.03)
    recovers(after, 80e3)


@pytest.mark.parametrize("residual", [(0.25, 1.0, 1.0), (0.25, 0.25, 0.25)])
@pytest.mark.parametrize("inertia", [0.0, 2.0])
def test_sag_of_a_stiff_grid(running, residual, inertia):
    s = running(control="forming", power=0.8, scr=100.0, forming=Forming(inertia=inertia))
    s.plant.advance(2.0)
    s.sag(*residual)
    during = s.record(0.32)
    s.sag(1.0)
    after = s.record(2.0)
    assert s.pcs.mode == "running"
    assert phases(s, during) < LIMIT + 0.02
    turn = np.exp(-2j * np.pi * 60 * during["t"][-5000:])
    v, i = (np.mean(space(during, kind)[-5000:] * turn) for kind in "vi")
    assert (v * np.conj(i)).imag / abs(v) / s.amps > 0.1  # what data/criteria/voltage_sag.toml asks for
    recovers(after, 80e3)


@pytest.mark.parametrize("priority", ["P", "Q"])
@pytest.mark.parametrize("ohms", [0.01, 1.0])
@pytest.mark.parametrize("load", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("inertia", [0.0, 2.0])
def test_fault_in_the_island(running, priority, ohms, load, inertia):
    form = Forming(inertia=inertia, damping=10.0 * inertia)
    s = running(control="forming", fault_priority=priority, forming=form)
    t = s.plant.terminals
    t.load.bank, t.load.closed, t.breaker.close = bank(load), True, False
    s.plant.advance(1.5)
    during, after = fault(s, "abcg", ohms, 0.3)
    assert s.pcs.mode == "running"
    assert largest(s, during) < LIMIT + 0.02
    assert np.hypot(*parts(s, during)[:2]) > 0.95 * LIMIT
    recovers(after, load * 100e3)
    assert not s.pcs.limited
    assert parts(s, after)[2] == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize("kind", ["ab", "abg", "ag"])
@pytest.mark.parametrize("priority", ["P", "Q"])
@pytest.mark.parametrize("load", [0.05, 0.5, 0.9])
def test_unbalanced_fault_in_the_island(running, kind, priority, load):
    s = running(control="forming", fault_priority=priority)
    t = s.plant.terminals
    t.load.bank, t.load.closed, t.breaker.close = bank(load), True, False
    s.plant.advance(5.0)
    during, after = fault(s, kind, 0.05, 0.32)
    assert (s.pcs.mode, s.pcs.alarms) == ("running", set())
    assert phases(s, during) < LIMIT + 0.02
    # a sound phase to the star point, over a cycle: IEEE 2800 lets a unit trip above 1.2 pu
    volts = np.array([during[f"v_{x}"] for x in "abc"])
    rms = np.sqrt([smooth(v**2) for v in volts - volts.mean(axis=0)]) / s.volts
    assert rms.max() < 1.2
    p = smooth(after["p"])
    assert p[-1] == pytest.approx(load * 100e3, rel=0.02)


@pytest.mark.parametrize("limiter", ["clamp", "virtual-impedance"])
def test_overload_in_the_island_is_limited_and_ends(running, limiter):
    s = running(control="forming", forming=Forming(limiter=limiter))
    t = s.plant.terminals
    t.load.bank, t.load.closed, t.breaker.close = bank(0.5), True, False
    s.plant.advance(1.0)
    t.load.bank = bank(1.8)
    w = s.record(1.0)
    active, _, volts = parts(s, w)
    assert active == pytest.approx(LIMIT, rel=0.03)
    assert volts == pytest.approx(active / 1.8, rel=0.01)  # Ohm's law
    assert largest(s, w) < LIMIT + 0.02
    t.load.bank = bank(0.5)
    after = s.record(2.0)
    recovers(after, 50e3)
    assert s.pcs.mode == "running"
    assert not s.pcs.limited
