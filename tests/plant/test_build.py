"""The filter's discretisation against closed forms and scipy's matrix exponential."""

from math import cos, exp, pi, sin, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import expm

from hil.plant.build import filter_matrices, first_order_hold
from hil.plant.emt import (
    bus,
    events,
    fault,
    genset,
    grid,
    load,
    metering,
    missions,
    neutral,
    storage,
    transformer,
    unit,
    world,
)
from hil.plant.parameters import STEP, Parameters


def test_rl_branch_follows_its_exponential():
    r, henry, h = 0.05, 0.4e-3, 20e-6
    one = np.array([[1 / henry]])
    discrete = first_order_hold(np.array([[-r / henry]]), one, -one, h)
    # i(h) = i0 e^{-x} + (u/R)(1 - e^{-x}), x = h R / L; a ramp from 0 to v gives (v/R)(1 - (1 - e^{-x})/x)
    x = h * r / henry
    ramp = (1 - (1 - exp(-x)) / x) / r
    expected = [exp(-x), (1 - exp(-x)) / r, ramp - (1 - exp(-x)) / r, -ramp]
    assert discrete[0] == pytest.approx(expected, rel=1e-9)


def test_lc_loop_turns_at_its_resonance():
    henry, c, h = 0.4e-3, 50e-6, 20e-6
    w, z = 1 / sqrt(henry * c), sqrt(henry / c)
    a, b = np.array([[0, -1 / henry], [1 / c, 0]]), np.array([[1 / henry], [0]])
    discrete = first_order_hold(a, b, np.zeros((2, 1)), h)[:, :3]
    expected = [[cos(w * h), -sin(w * h) / z, sin(w * h) / z], [z * sin(w * h), cos(w * h), 1 - cos(w * h)]]
    assert discrete == pytest.approx(np.array(expected), rel=1e-12, abs=1e-14)


@given(st.lists(st.floats(-1e5, 1e5), min_size=9, max_size=9), st.floats(1e-6, 1e-4))
def test_series_agrees_with_scipy(entries, step):
    a, b = np.array(entries).reshape(3, 3), np.array([[1e3, 0], [0, 0], [0, -2e3]])
    whole = np.zeros((5, 5))
    whole[:3, :3], whole[:3, 3:] = a, b
    expected = expm(whole * step)[:3]
    found = first_order_hold(a, b[:, :1], b[:, 1:], step)
    both = np.column_stack((found[:, :4], found[:, 4] + found[:, 5]))  # a ramp from v to v is v held
    assert both == pytest.approx(expected, rel=1e-9, abs=1e-9 * np.abs(expected).max())


def test_filter_resonates_where_the_formula_says():
    q = Parameters(filter_resistance=1e-9, damping_resistance=1e-9, scr=1000.0)
    turns = np.linalg.eigvals(filter_matrices(q)[3][:, :3])
    hertz = np.abs(np.angle(turns)).max() / (2 * pi * STEP)
    # motulator's filter on a stiff bus: 60 Hz sqrt((Lf + Lg) / (Lf Lg Cf))
    assert hertz == pytest.approx(60 * sqrt(0.146 / (0.073 * 0.073 * 0.043)), rel=1e-4)
    assert q.resonance == pytest.approx(60 * sqrt(0.147 / (0.073 * 0.074 * 0.043)), rel=1e-3)


def test_l_filter_is_one_branch():
    q = Parameters(filter_capacitance=0.0, grid_side_inductance=0.0)
    *others, closed = filter_matrices(q)
    assert not np.any(others)
    henry = q.filter_inductance * q.impedance / (2 * pi * 60)
    assert closed[0, 3] == pytest.approx(STEP / henry, rel=1e-3)
    assert closed[0, 0] == closed[2, 2]
    assert closed[0, 3:].tolist() == closed[2, 3:].tolist()


def test_open_branches_carry_nothing():
    blocked_open, blocked_closed, leg_open, _ = filter_matrices(Parameters())
    for matrix, state in ((blocked_open, 0), (blocked_open, 2), (blocked_closed, 0), (leg_open, 2)):
        assert not matrix[state].any()


def test_no_component_reaches_into_the_next():
    components = (bus, grid, unit, metering, storage, missions, load, fault, neutral, transformer, events)
    begins = (*(getattr(c, "BASE", 0) for c in components), world.GENSETS)
    assert begins == (
        *(world.BUS, world.GRID, world.UNIT, world.METERS, world.STORAGE, world.MISSIONS),
        *(world.LOAD, world.FAULT, world.NEUTRAL, world.TRANSFORMER, world.EVENTS, world.GENSETS),
    )
    for component, following in zip(components, begins[1:], strict=True):
        assert following >= component.END, component
    assert genset.RING + genset.LONGEST == genset.SIZE
