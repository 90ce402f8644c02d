"""Subgroups against the amplitudes that the signal was made with (IEC 61000-4-7)."""

import numpy as np
import pytest

from hil.analysis.harmonics import ORDERS, reach, subgroups, thds, usable_orders


def signal(hertz, rate, shares, seconds=0.8):
    angle = 2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate
    return np.sqrt(2) * sum(share * np.cos(h * angle + h) for h, share in shares.items())


def windows(hertz, rate, cycles, count=3):
    cycle = rate / hertz
    return reach(cycle) + 7.3 + cycles * cycle * np.arange(count + 1)


@pytest.mark.parametrize("rate", [10e3, 25.6e3, 50e3])
@pytest.mark.parametrize(
    ("hertz", "cycles"), [(49.87, 10), (51.3, 10), (42.5, 10), (50.0, 10), (59.7, 12), (60.0, 12)]
)
def test_every_order_within_half_a_percent_of_its_reading(rate, hertz, cycles):
    shares = {1: 230.0} | dict.fromkeys(range(2, ORDERS + 1), 2.3)
    found = subgroups([signal(hertz, rate, shares)], windows(hertz, rate, cycles), cycles)
    assert found.shape == (1, 3, 51)
    assert found[0, :, 1] == pytest.approx(230.0, rel=1e-5)
    assert found[0, :, 2:] == pytest.approx(2.3, rel=5e-3)
    assert thds(found) == pytest.approx(7.0, rel=2e-3)  # sqrt(49) %


@pytest.mark.parametrize("hertz", [44.1, 49.87, 50.0, 59.93])
def test_a_pure_sine_has_no_distortion(hertz):
    found = subgroups([signal(hertz, 50e3, {1: 230.0})], windows(hertz, 50e3, 10), 10)
    assert thds(found).max() < 0.01


@pytest.mark.parametrize(("hertz", "cycles"), [(50.0, 10), (60.0, 12)])
def test_a_subgroup_takes_its_neighbours_and_no_more(hertz, cycles):
    bin_width = hertz / cycles
    x = signal(
        hertz,
        50e3,
        {1: 100.0, (5 * hertz + bin_width) / hertz: 3.0, (5 * hertz + 2 * bin_width) / hertz: 9.0},
    )
    found = subgroups([x], windows(hertz, 50e3, cycles), cycles)
    assert found[0, :, 5] == pytest.approx(3.0, rel=1e-3)
    assert found[0, :, 6] == pytest.approx(0.0, abs=1e-3)


def test_a_direct_component_is_order_zero_and_not_distortion():
    found = subgroups([signal(50.0, 50e3, {1: 230.0}) + 12.0], windows(50.0, 50e3, 10), 10)
    assert found[0, :, 0] == pytest.approx(12.0)
    assert thds(found).max() < 0.01


def test_a_slow_rate_carries_fewer_orders():
    assert usable_orders(4800 / 60) == 25
    found = subgroups([signal(60.0, 4800, {1: 100.0, 25: 4.0})], windows(60.0, 4800, 12), 12)
    assert found.shape[-1] == 26
    assert found[0, :, 25] == pytest.approx(4.0, rel=5e-3)
