"""The plant in phasors at the current limit, beside the EMT plant after slow ramps, and closed forms."""

import numpy as np
import pytest

from hil.plant.forming import Forming
from hil.plant.parameters import Parameters
from hil.plant.phasor import FLAGS, NoSolution, Profile, Scenario, simulate

RATED, VOLTS = 100e3, 480.0
WITHIN = 0.03
"""How near the forming PCS's settled powers and voltage are to the EMT plant's [pu]."""
BEYOND = Forming(
    power_limits=(-3.0, 3.0), reactive_limit=3.0
)  # else the frequency gives way before the limit


def beside_emt(running, watts, var, source, **options):
    """Return P, Q and V [pu] of both plants, the last half second after a second's ramp of the source."""
    s = running(power_ramp=1.0, **options)
    s.command(watts * RATED, var * RATED)
    s.plant.advance(2.0)
    s.grid.slew = s.volts * max(abs(source - 1.0), 1e-3)
    s.sag(source)
    s.plant.advance(1.5)
    w = s.record(0.5)
    across = np.array([w["v_b"] - w["v_c"], w["v_c"] - w["v_a"], w["v_a"] - w["v_b"]])
    q = (across * [w[f"i_{x}"] for x in "abc"]).sum(axis=0).mean() / np.sqrt(3)
    v = np.sqrt((across**2).sum(axis=0).mean() / 3)
    assert s.pcs.mode == "running"
    ramp = Profile(1.0, (1.0, 1.0, 1.0, source))
    scenario = Scenario(
        Parameters(power_ramp=1.0, **options), power=watts * RATED, reactive=var * RATED, grid_voltage=ramp
    )
    r = simulate(scenario, 5.0, 0.01, 0.5)
    ours = [r[name][-1] for name in ("pcs_power", "pcs_reactive", "voltage")]
    limited = (bool(int(r["flags"][-1]) & 1 << FLAGS.index("current limit")), s.pcs.limited)
    base = np.array([RATED, RATED, VOLTS])
    return np.array(ours) / base, np.array([w["p"].mean(), q, v]) / base, limited


@pytest.mark.parametrize("priority", ["P", "Q", "mixed"])
@pytest.mark.parametrize("case", [(1.1, 0.8, 1.0), (-1.1, -0.8, 1.0), (1.4, 0.3, 1.0)])
def test_following_at_its_limit(running, priority, case):
    ours, emt, limited = beside_emt(running, *case, priority=priority, fault_priority=priority)
    assert ours == pytest.approx(emt, abs=0.0025)
    assert limited == (True, True)


@pytest.mark.parametrize("priority", ["P", "Q", "mixed"])
def test_following_in_a_sag(running, priority):
    """Rated power at half the voltage: the active current has room only where it comes first."""
    ours, emt, limited = beside_emt(running, 1.0, 0.0, 0.5, scr=20.0, fault_priority=priority)
    assert ours == pytest.approx(emt, abs=0.005)
    assert limited == (priority == "P",) * 2


@pytest.mark.parametrize("priority", ["P", "Q", "mixed"])
@pytest.mark.parametrize(
    ("case", "options"),
    [
        ((1.4, 0.3, 1.0), {"scr": 3.0, "forming": BEYOND}),
        ((0.8, 0.4, 0.7), {"scr": 20.0}),
        ((-0.6, 0.3, 0.7), {"scr": 20.0}),
        ((0.5, 0.0, 0.6), {"scr": 20.0}),
    ],
)
def test_forming_at_its_limit(running, priority, case, options):
    ours, emt, limited = beside_emt(
        running, *case, control="forming", priority=priority, fault_priority=priority, **options
    )
    assert ours == pytest.approx(emt, abs=WITHIN)
    assert limited == (True, True)


@pytest.mark.parametrize("priority", ["P", "Q", "mixed"])
def test_forming_with_a_growing_virtual_impedance(running, priority):
    options = {"control": "forming", "forming": Forming(limiter="virtual-impedance"), "scr": 20.0}
    ours, emt, limited = beside_emt(running, 0.8, 0.4, 0.6, fault_priority=priority, **options)
    assert ours == pytest.approx(emt, abs=WITHIN)
    assert limited == (True, True)


@pytest.mark.parametrize(
    ("case", "scr", "priority", "within"),
    [
        ((0.8, 0.4, 0.7), 3.0, "mixed", 0.025),
        ((1.4, 0.3, 1.0), 20.0, "Q", 0.04),
        ((1.4, 0.3, 1.0), 20.0, "P", 0.05),
    ],
)
def test_forming_at_the_edge_of_its_limit(running, case, scr, priority, within):
    form = {"forming": BEYOND} if case[2] == 1.0 else {}
    ours, emt, _ = beside_emt(
        running, *case, control="forming", scr=scr, priority=priority, fault_priority=priority, **form
    )
    assert ours == pytest.approx(emt, abs=within)


def test_what_the_first_component_leaves_is_less_sure(running):
    # of 1.2 pu reactive current takes 1.06: P is sqrt(1.2^2 - i_q^2) v, where 0.02 pu of i_q make 0.03 of P
    ours, emt, _ = beside_emt(running, 0.8, 0.0, 0.8, control="forming", fault_priority="Q")
    assert ours == pytest.approx(emt, abs=0.07)


@pytest.mark.parametrize("dt", [0.002, 0.1])
def test_overload_in_the_island(dt):
    # into an impedance of 1.8 pu of power the current makes V = I / 1.8, and P = I^2 / 1.8; it aims at 98 %
    r = simulate(
        Scenario(Parameters(control="forming"), grid_on=0.0, impedance_power=1.8 * RATED), 2.0, dt, 0.1
    )
    assert r["voltage"][-1] / VOLTS == pytest.approx(0.98 * 1.2 / 1.8, rel=1e-6)
    assert r["pcs_power"][-1] / RATED == pytest.approx((0.98 * 1.2) ** 2 / 1.8, rel=1e-6)


def test_it_comes_back_from_its_limit():
    dip = Profile(1.0, (1.0, 0.6, 1.0), held=True)
    for limiter in ("clamp", "virtual-impedance"):
        q = Parameters(control="forming", forming=Forming(limiter=limiter), scr=20.0)
        r = simulate(Scenario(q, grid_voltage=dip, power=50e3), 4.0, 0.002, 0.002)
        limited = r["flags"].astype(int) & 1 << FLAGS.index("current limit")
        assert limited[550:990].any()
        assert not limited[1500:].any()
        assert r["pcs_power"][-1] == pytest.approx(50e3, abs=500.0)


def test_power_follows_its_ramp_when_it_forms_too():
    # 0.1 pu/s on a droop that settles within 0.1 s: the lag is that time, and the ramp's slope the same
    r = simulate(Scenario(Parameters(control="forming", power_ramp=0.1), power=50e3), 4.0, 0.002, 0.1)
    np.testing.assert_allclose(np.diff(r["pcs_power"])[10:30], 1e3, rtol=0.01)


def test_a_limited_current_alone_cannot_hold_a_constant_power():
    q = Parameters(control="forming")
    with pytest.raises(NoSolution, match="collapses"):
        simulate(Scenario(q, grid_on=0.0, load_power=Profile(1.0, (50e3, 150e3))), 2.0, 0.01, 1.0)
