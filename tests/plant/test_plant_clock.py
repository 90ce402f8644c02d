"""Time, slices, repeatability, the recorder's samples, the trigger line."""

import math

import numpy as np
import pytest

from hil.errors import ConfigError
from hil.plant.emt import unit
from hil.plant.loads import Bank
from hil.plant.parameters import STEP, Parameters
from hil.plant.plant import Diverged, Plant
from hil.plant.terminals import SIGNALS, GridPoint, GridTerminals, Terminals, metered


def scenario(s, slices):
    """Start, power, a sag with a trigger pulse that trips, opening; all recorded."""
    s.command(80e3, 10e3)
    s.grid.schedule = [
        GridPoint(0.12003, (60.0, 277.0, 277.0), 59.5, pulse=True),
        GridPoint(0.15, (277.0, 277.0, 277.0), 60.0),
    ]
    s.inputs.running = True
    for _ in range(slices):
        s.plant.advance(0.18 / slices)
    return np.concatenate(s.inputs.blocks, axis=1), list(s.plant.world)


def test_slices_do_not_matter(setting):
    whole, end = scenario(setting("trips-early=0.01", start_delay=0.05), 1)
    sliced, sliced_end = scenario(setting("trips-early=0.01", start_delay=0.05), 1800)
    assert np.array_equal(whole, sliced)
    assert end == sliced_end


def test_meters_and_recorder_sample_side_by_side():
    """10 ohm per phase: the current at the meter is a tenth of the voltage, at every sample."""
    meters = {point: metered(point) for point in ("load", "grid")}
    terminals = Terminals(grid=GridTerminals(relay=True, volts=[277.0] * 3), meters=meters)
    plant = Plant(Parameters(), terminals)
    terminals.load.bank, terminals.load.closed = Bank(resistance=(10.0, 10.0, 10.0)), True
    meter, inputs = meters["load"], terminals.inputs
    meter.running = True
    plant.advance(0.02)
    inputs.running = True
    plant.advance(0.04)
    assert [block.shape[1] for block in meter.blocks] == [1000, 2000]
    assert [block.shape for block in inputs.blocks] == [(len(SIGNALS), 2000)]
    assert meters["grid"].blocks == []
    rows = {signal: meter.blocks[1][k] for k, signal in enumerate(meter.signals)}
    assert np.array_equal(rows["v_a"], inputs.blocks[0][SIGNALS.index("v_a")])
    for phase in "abc":
        assert np.abs(rows[f"v_{phase}"]).max() > 300.0
        assert rows[f"i_load_{phase}"] == pytest.approx(rows[f"v_{phase}"] / 10.0, rel=1e-9, abs=1e-9)
    assert {meter.sensors[f"{kind}1"].signal for kind in "ui"} == {"v_a", "i_load_a"}


def test_a_second_is_ten_thousand_slices(setting):
    one, many = setting(), setting()
    one.plant.advance(1.0)
    for _ in range(10_000):
        many.plant.advance(100e-6)
    assert one.plant.time == many.plant.time == 1.0
    assert list(one.plant.world) == list(many.plant.world)
    assert (one.grid, one.dc, one.pcs) == (many.grid, many.dc, many.pcs)


def test_plain_python_gives_the_same_bits(setting, without_numba):
    compiled = setting("trips-early=0.01", start_delay=0.05)
    if not isinstance(compiled.plant.world, np.ndarray):
        pytest.skip("numba is not installed: there is only plain Python")
    expected, end = scenario(compiled, 3)
    assert compiled.pcs.mode == "tripped"
    assert expected[3:6].any()
    without_numba()
    plain = setting("trips-early=0.01", start_delay=0.05)
    assert isinstance(plain.plant.world, list)
    samples, plain_end = scenario(plain, 3)
    assert np.array_equal(samples, expected)
    assert plain_end == end
    assert (plain.grid, plain.dc, plain.pcs) == (compiled.grid, compiled.dc, compiled.pcs)


def test_same_seed_same_bits(setting):
    first, again, other = (setting(seed=seed).record(0.15)["v_a"] for seed in (3, 3, 4))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_time_does_not_drift(setting):
    s = setting()
    for _ in range(1000):
        s.plant.advance(33e-6)  # 1.65 steps
    assert s.plant.now() == pytest.approx(0.033, abs=STEP / 2)


def test_time_goes_forward_only(setting):
    s = setting()
    for seconds in (-1e-3, math.nan, math.inf):
        with pytest.raises(ConfigError, match="only goes forward"):
            s.plant.advance(seconds)
    assert s.plant.time == 0.0


def test_point_and_pulse_fall_on_the_step_nearest_their_time(setting):
    s = setting()
    s.pcs.enable = False
    s.plant.advance(0.1)
    s.grid.slew = 1e9
    s.grid.schedule = [GridPoint(0.150011, (100.0, 200.0, 0.0), 50.0, pulse=True)]
    w = s.record(0.2)
    (first, last) = np.flatnonzero(np.diff(w["trigger"]))
    assert first + 1 == 2501  # 50.011 ms after the record's start
    assert last - first == 20  # 400 us
    assert set(w["trigger"]) == {0.0, 5.0}
    assert (s.grid.volts, s.grid.hertz, s.grid.schedule) == ([100.0, 200.0, 0.0], 50.0, [])
    nominal = s.volts * np.sqrt(2)
    source = [w[f"v_source_{x}"] for x in "abc"]
    phase = np.arctan2(np.sqrt(1 / 3) * (source[1] - source[2])[0], source[0][0])
    before = nominal * np.cos(phase + 2 * np.pi * 60 * w["t"])  # closed form, to the very step
    assert source[0][:2502] == pytest.approx(before[:2502], abs=1e-6)
    after = np.cos(phase + 2 * np.pi * (60 * w["t"][2501] + 50 * (w["t"] - w["t"][2501])))
    assert source[0][2502:] == pytest.approx(100 * np.sqrt(2) * after[2502:], abs=1e-6)


def test_a_point_turns_the_phases_and_ramps_the_frequency(setting):
    s = setting()
    s.pcs.enable = False
    s.plant.advance(0.1)
    point = GridPoint(0.15, (s.volts,) * 3, 59.0, degrees=(25.0, 25.0, 25.0), hertz_slew=5.0)
    s.grid.schedule = [point]
    w = s.record(0.3)
    source = [w[f"v_source_{x}"] for x in "abc"]
    phase = np.unwrap(np.arctan2(np.sqrt(1 / 3) * (source[1] - source[2]), source[0]))
    t = w["t"] - 0.05
    ramp = np.clip(t, 0.0, 0.2)  # 1 Hz at 5 Hz/s, closed form; after that at 59 Hz
    turned = 2 * np.pi * (60 * t - 2.5 * ramp**2 - np.maximum(t - 0.2, 0.0)) + np.radians(25.0) * (t > 1e-9)
    assert phase - phase[0] == pytest.approx(turned - turned[0], abs=1e-3)


def test_voltage_moves_with_the_slew_rate(setting):
    s = setting()
    s.pcs.enable = False
    s.plant.advance(0.2)
    s.grid.slew = 10e3
    s.sag(0.5)
    w = s.record(0.03)
    # constant-power sum of squares is 1.5 peak^2 for balanced phases
    peak = np.sqrt(sum(w[f"v_source_{x}"] ** 2 for x in "abc") / 1.5)
    expected = np.maximum(s.volts - 10e3 * w["t"], 0.5 * s.volts) * np.sqrt(2)
    assert peak == pytest.approx(expected, abs=1e-6)


def test_recorder_gets_samples_only_while_it_runs(setting):
    s = setting()
    s.plant.advance(0.01)
    assert s.inputs.blocks == []
    s.inputs.running = True
    s.plant.advance(0.003)
    s.plant.advance(0.0)
    assert [block.shape for block in s.inputs.blocks] == [(27, 150)]
    assert s.inputs.blocks[0].dtype == np.float64


def test_nonsense_is_refused_not_simulated(setting):
    s = setting()
    s.grid.volts[1] = math.nan
    with pytest.raises(ConfigError, match="AC source's voltage is set to .*nan.*no number"):
        s.plant.advance(0.1)
    assert s.plant.time == 0.0


def test_divergence_names_time_and_state_and_leaves_no_sample(setting):
    s = setting()
    s.plant.advance(0.05)
    s.plant.world[unit.VC + 1] = math.nan
    s.inputs.running = True
    with pytest.raises(Diverged, match=r"diverged at t = 0\.050\d+ s, PCS starting; .*capacitor"):
        s.plant.advance(0.1)
    assert s.inputs.blocks == []
