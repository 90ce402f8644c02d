"""What every power meter must do beyond what every instrument must, on its twin."""

from math import cos, pi, radians, sin, sqrt

import numpy as np
import pytest

from hil.errors import ConfigError, NoReply, OutcomeUnknown
from hil.limits import Limit
from hil.plant.terminals import Sensor

V1, I1, LAG, HERTZ = 277.0, 120.0, 30.0, 60.0
V5, I7 = 0.05, 0.03
"""A fundamental, with a fifth harmonic in the voltages and a seventh in the currents, per unit of it."""
VOLTS = V1 * sqrt(1 + V5**2)
AMPS = I1 * sqrt(1 + I7**2)
WATTS = V1 * I1 * cos(radians(LAG))
"""Of one phase: voltage and current share no harmonic, so only the fundamental carries power."""


def waves(time, lag=LAG, scale=1.0):
    """Return voltages and currents, shape (6, n)."""
    angle = 2 * pi * HERTZ * time
    rows = []
    for size, order, part, behind in ((V1, 5, V5, 0.0), (scale * I1, 7, I7, radians(lag))):
        for shift in (0.0, -2 * pi / 3, 2 * pi / 3):
            turn = angle + shift - behind
            rows.append(sqrt(2) * size * (np.sin(turn) + part * np.sin(order * turn)))
    return np.array(rows)


@pytest.fixture
def feed(meter, world):
    """Let waveforms flow into the meter's inputs as the bench time passes; return what shapes them."""
    inputs, sleep = meter.terminals, world.sleep
    names = [f"{kind}_{phase}" for kind in "vi" for phase in "abc"]
    keys = [f"{kind}{n}" for kind in "ui" for n in (1, 2, 3)]
    inputs.sensors = {k: Sensor(name, lambda x: x) for k, name in zip(keys, names, strict=True)}
    shape = {"lag": LAG, "scale": 1.0}

    def flow(seconds):
        begin = world.time
        sleep(seconds)
        count = round(world.time / inputs.step) - round(begin / inputs.step)
        if count:
            time = (round(begin / inputs.step) + np.arange(count)) * inputs.step
            rows = np.zeros((len(inputs.signals), count))
            rows[: len(names)] = waves(time, **shape)
            inputs.blocks.append(rows)

    world.sleep = flow
    return shape


def test_one_update_whole_in_closed_form(meter, feed):
    """Expected from the definitions of RMS, mean power and THD for sines of known size."""
    driver = meter.ready()
    driver.set_interval(0.1)
    reading = driver.read()
    assert reading.interval == 0.1
    assert 0.0 < reading.late <= 0.0101
    assert reading.missing == ()
    assert len(reading.elements) == 3
    for element in reading.elements:
        assert element.voltage == pytest.approx(VOLTS, rel=1e-5)
        assert element.current == pytest.approx(AMPS, rel=1e-5)
        assert element.active_power == pytest.approx(WATTS, rel=1e-5)
        assert element.apparent_power == pytest.approx(VOLTS * AMPS, rel=1e-4)
        assert element.reactive_power == pytest.approx(sqrt((VOLTS * AMPS) ** 2 - WATTS**2), rel=1e-4)
        assert element.power_factor == pytest.approx(WATTS / (VOLTS * AMPS), rel=1e-4)
        assert element.frequency == pytest.approx(HERTZ, rel=1e-5)
        assert element.voltage_thd == pytest.approx(V5, rel=1e-3)
        assert element.current_thd == pytest.approx(I7, rel=1e-3)
    assert reading.total.active_power == pytest.approx(3 * WATTS, rel=1e-4)
    assert reading.total.voltage == pytest.approx(VOLTS, rel=1e-4)
    assert reading.total.frequency is None


def test_signs_of_the_four_quadrants(meter, feed):
    driver = meter.ready()
    driver.set_interval(0.1)
    for lag in (30.0, -30.0, 150.0, -150.0):
        feed["lag"] = lag
        driver.read()  # the update in which it changed
        total = driver.read().total
        assert total.active_power == pytest.approx(3 * V1 * I1 * cos(radians(lag)), rel=1e-3)
        assert total.reactive_power * sin(radians(lag)) > 0.0


def test_two_wattmeters_find_the_same_power(meter, feed):
    """Blondel: three wires take two wattmeters, here R and S against T."""
    options = {**meter.part.options, "wiring": "3V3A"}
    driver = meter.ready(options=options, limits={"current": Limit(0, 400, "A")})
    driver.set_interval(0.1)
    reading = driver.read()
    assert reading.total.active_power == pytest.approx(3 * WATTS, rel=1e-4)
    # line to line the fifth keeps its size against the fundamental: neither is of zero sequence
    assert reading.elements[0].voltage == pytest.approx(sqrt(3) * VOLTS, rel=1e-4)
    assert driver.snapshot()["wiring"].startswith("V3A3")


def test_over_range_has_no_value_and_says_so(meter, feed):
    driver = meter.ready(limits={"current": Limit(0, 50, "A")})
    driver.set_interval(0.1)
    reading = driver.read()
    assert reading.elements[0].voltage == pytest.approx(VOLTS, rel=1e-4)
    for power in (*reading.elements, reading.total):
        assert power.current is power.active_power is power.reactive_power is power.power_factor is None
    assert "current of element 2: over range" in reading.missing


def test_before_the_first_samples_there_is_no_value(meter, world):
    driver = meter.ready()
    driver.set_interval(0.05)
    reading = driver.read()
    assert reading.total.active_power is None
    assert all("no data" in text for text in reading.missing)


def test_no_current_is_zero_and_has_no_power_factor(meter, feed):
    feed["scale"] = 0.0
    driver = meter.ready()
    driver.set_interval(0.1)
    reading = driver.read()
    assert reading.total.active_power == reading.elements[0].current == 0.0
    assert reading.elements[0].power_factor is None
    assert "power_factor of element 1: no data" in reading.missing


def test_a_reading_is_of_the_time_after_it_was_asked_for(meter, world, feed):
    driver = meter.ready()
    driver.set_interval(0.2)
    world.sleep(0.5)
    feed["scale"] = 2.0
    asked = world.now()
    reading = driver.read()
    assert reading.time > asked
    assert driver.read().total.current == pytest.approx(2 * AMPS, rel=1e-4)


@pytest.mark.parametrize("seconds", [0.06, 0.3, 0.999])
def test_an_interval_that_it_does_not_have_is_refused_and_nothing_is_sent(meter, seconds):
    driver = meter.driver()
    with pytest.raises(ConfigError, match="update interval"):
        driver.set_interval(seconds)
    assert meter.log.entries == []


def test_one_on_hold_is_noticed(meter, world, monkeypatch):
    driver = meter.ready()
    monkeypatch.setattr(meter.twin, "_updates", lambda: 0)
    with pytest.raises(NoReply, match=r"box at .*renewed no value.*on hold"):
        driver.read()


def test_a_bench_beyond_its_ranges_is_refused_before_anything_is_sent(meter):
    driver = meter.driver(limits={"current": Limit(0, 5000, "A")})
    with pytest.raises(ConfigError, match=r"50 behind the transformer.*largest range is 30"):
        driver.prepare()
    assert meter.log.entries == []


def test_ranges_are_the_smallest_that_hold_the_limits(meter):
    state = meter.ready().snapshot()  # 300 V, 400 A behind a transformer of 100
    assert (state["voltage_range"], state["current_range"]) == (300.0, 500.0)


def test_an_unanswered_interval_leaves_the_outcome_unknown_and_the_next_reading_asks(meter, feed):
    driver = meter.ready()
    meter.fail(silent_after=0.0)
    with pytest.raises(OutcomeUnknown):
        driver.set_interval(0.1)
    meter.fail()
    assert driver.read().interval == 0.1


def test_what_it_keeps_of_the_waveforms_is_bounded(meter, world, feed):
    driver = meter.ready()
    driver.set_interval(0.05)
    for _ in range(50):
        world.sleep(0.02)
    kept = sum(block.shape[1] for block in meter.terminals.blocks) * meter.terminals.step
    assert kept < 0.05 * 2 + 0.05
    assert driver.read().total.active_power == pytest.approx(3 * WATTS, rel=1e-3)
