"""What a generator set may be made of, and what is refused."""

import math
from dataclasses import replace

import numpy as np
import pytest

from hil.errors import ConfigError
from hil.plant.emt import genset as g
from hil.plant.genset import DIESEL, GAS, genset_array


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("inertia", 0.0, "above zero"),
        ("inertia", -1.0, "not negative"),
        ("field_time", math.nan, "not negative"),
        ("frequency", 400.0, "between 40 and 70 Hz"),
        ("power_factor", 1.2, "above 1"),
        ("synchronous_reactance", 0.1, "above transient_reactance"),
        ("sharing", 0.05, "droop = 0"),
        ("overspeed", (1.15, -1.0), "level and a time"),
        ("overspeed", (1.15, math.inf), "level and a time"),
    ],
)
def test_what_cannot_be_is_refused_by_name(name, value, words):
    with pytest.raises(ConfigError, match=words) as error:
        replace(DIESEL, **{name: value})
    assert f"[genset] {name} =" in str(error.value)


@pytest.mark.parametrize(("period", "name"), [(0.1, "dead_time"), (20e-6, "dead_time")])
def test_a_dead_time_that_the_ring_cannot_hold_is_refused(period, name):
    with pytest.raises(ConfigError, match=name):
        genset_array([DIESEL], 20e-6, period)


def test_a_swing_too_fast_for_the_control_period_is_refused():
    genset_array([DIESEL], 1e-3, 0.015)
    with pytest.raises(ConfigError, match="inertia = 0.1: swings at up to 15.5 Hz"):
        genset_array([replace(DIESEL, inertia=0.1)], 1e-3, 0.015)


def test_per_unit_is_on_the_rating():
    x = genset_array([DIESEL, GAS], 20e-6, 100e-6, running=True)
    assert len(x) == 2 * g.SIZE
    base = 480.0**2 / 625e3
    assert 1 / x[g.G] == pytest.approx(0.01 * base + 2 * 0.2 * base / (2 * np.pi * 60) / 20e-6)
    assert x[g.INERTIA] == pytest.approx(3.0)
    assert x[g.PEAK] == pytest.approx(391.918, abs=1e-3)
    assert (x[g.DEAD], x[g.SIZE + g.DEAD]) == (300, 500)
    # Full fuel gives the rated power, and no fuel takes the drag.
    assert 1.08 * 1.0 - x[g.DRAG] == pytest.approx(1.0)
    assert 1.08 * x[g.MOST] - x[g.DRAG] == pytest.approx(1.1)
    assert 1.08 * x[g.IDLE] - x[g.DRAG] == pytest.approx(0.0)


def test_presets_lie_within_what_is_published():
    for q, accepted in ((DIESEL, (0.6, 0.7)), (GAS, (0.25, 0.4))):
        assert 0.7 <= q.inertia <= 1.5
        assert 0.03 <= q.droop <= 0.05
        assert 0.05 <= q.actuator_time <= 0.2
        assert 0.02 <= q.dead_time <= 0.05
        assert accepted[0] <= q.acceptance <= accepted[1]
        assert 20 <= q.avr_gain <= 100
    assert 1.0 <= GAS.turbo_time <= 3.0
