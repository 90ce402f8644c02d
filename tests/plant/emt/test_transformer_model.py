"""The transformer, against its T circuit, the closed form of inrush, and an independent solution."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from hil.plant.emt import bus, grid, transformer
from hil.plant.loads import Transformer, transformer_array

HERTZ = 50.0
OMEGA = 2 * np.pi * HERTZ
VOLTS = 480.0 / np.sqrt(3)
PEAK = np.sqrt(2) * VOLTS
TAP = bus.I_TRANSFORMER


STIFF = {"ohm": 1e-5, "henry": 1e-8}
UNIT = Transformer(frequency=HERTZ)
LOSSLESS = Transformer(frequency=HERTZ, x_over_r=1e6, core_loss=1e-7, no_load_current=1e-4)
ZERO = -2 * np.pi / 3
"""Angle of phase a at which the voltage a-b passes zero, rising."""
RATED = np.sqrt(2) * 100e3 / (3 * 480.0)
"""Peak of a unit's rated current [A]."""


@pytest.fixture
def rig(rig_of):
    """Build a rig of the transformer."""

    def build(unit=UNIT, residual=(0.0, 0.0, 0.0), **options):
        step = options.get("step", 20e-6)
        control = lambda w, t: transformer.control(w)  # noqa: E731 - it is a value here
        return rig_of(transformer, transformer_array(unit, step, residual), control, **{**STIFF, **options})

    return build


def energised(bench, seconds, units=False):
    """Return the currents [A] of lines, or of units, from a closing on."""
    bench.w[transformer.BREAKER] = 1.0
    if not units:
        return bench.run(seconds)[2]
    out = []
    for _ in range(round(seconds / bench.step)):
        bench.run(bench.step)
        out.append(bench.w[transformer.CURRENT : transformer.SLOPE].copy())
    return np.array(out)


def circuit(unit, volts, watts=0.0):
    """Return the current of a unit's T circuit [A], RMS phasors."""
    z = unit.impedance
    core = 480.0**2 / (unit.core_loss * unit.rating / 3 + watts)
    series = unit.leakage * z / unit.x_over_r + 1j * unit.leakage * z
    return volts / (series + 1 / (1 / core + 1 / (1j * unit.magnetising * z)))


@pytest.mark.parametrize("watts", [(0.0, 0.0, 0.0), (30e3, 30e3, 30e3), (30e3, 0.0, 10e3)])
def test_steady_current_is_that_of_the_t_circuit(rig, phasor, watts):
    unit = Transformer(frequency=HERTZ, load=watts, x_over_r=2.0)
    bench = rig(unit)
    bench.source(0.0, 0.0, 0.0)
    bench.run(20e-6)
    bench.w[grid.SLEW] = PEAK * 20e-6 / 0.5  # a ramp of 0.5 s, so that no offset is left
    bench.source(1.0, 1.0, 1.0)
    bench.w[transformer.BREAKER] = 1.0
    bench.run(3.0)
    volts, _, amps, _ = bench.run(0.02)
    v = phasor(volts)
    i = np.array([circuit(unit, v[k] - v[(k + 1) % 3], watts[k]) for k in range(3)])
    assert phasor(amps) == pytest.approx(i - np.roll(i, 1), rel=1e-4, abs=1e-4)
    if not any(watts):
        # 1 % of the rated line current; leakage in the way takes a part in two thousand.
        assert abs(phasor(amps)) == pytest.approx([0.01 * 100e3 / (3 * VOLTS)] * 3, rel=2e-3)


@pytest.mark.parametrize("residual", [0.0, 0.6, -0.4])
def test_inrush_at_voltage_zero_is_the_closed_form_of_a_lossless_core(rig, residual):
    q = LOSSLESS
    bench = rig(q, (residual, 0.0, 0.0), angle=ZERO)
    bench.run(0.02)
    amps = energised(bench, 0.02, units=True)[:, 0]
    # Flux of winding and leakage: residual + (1 - cos), 2 Psi + Psi_r at its peak; current along the slope.
    beyond = q.air_core - q.leakage
    origin = q.knee * (1 - beyond / q.magnetising)
    assert amps.max() == pytest.approx((2.0 + residual - origin) / q.air_core * RATED, rel=2e-3)
    assert amps.min() > -1e-3 * RATED
    peak = bench.step * np.argmax(amps)
    assert peak == pytest.approx(0.01, abs=60e-6)


def solution(q, residual, angle, seconds, times):
    """Solve one unit with scipy: current and flux behind a stiff voltage."""
    z = q.impedance
    series, winding = q.leakage * z / OMEGA, q.leakage * z / q.x_over_r
    core = 480.0**2 / (q.core_loss * q.rating / 3)
    within, beyond = q.magnetising * z / OMEGA, (q.air_core - q.leakage) * z / OMEGA
    knee = q.knee * q.rated_flux

    def rate(t, y):
        i, flux = y
        excess = max(abs(flux) - knee, 0.0)
        magnetising = np.sign(flux) * (min(abs(flux), knee) / within + excess / beyond)
        volts = core * (i - magnetising)
        line = np.sqrt(2) * 480.0 * np.cos(OMEGA * t + angle + np.pi / 6)
        return [(line - winding * i - volts) / series, volts]

    found = solve_ivp(
        rate,
        (0.0, seconds),
        [0.0, residual * q.rated_flux],
        "Radau",
        times,
        rtol=1e-8,
        atol=1e-9,
        max_step=5e-5,
    )
    return found.y


@pytest.mark.parametrize(("residual", "angle"), [(0.5, ZERO), (0.0, 0.3), (-0.8, 1.0)])
def test_inrush_is_that_of_an_independent_solution(rig, residual, angle):
    bench = rig(UNIT, (residual, 0.0, 0.0), angle=angle)
    bench.w[bus.V : bus.V + 3] = bench.w[grid.E : grid.E + 3]
    amps = energised(bench, 0.05, units=True)[:, 0]
    expected = solution(UNIT, residual, angle, 0.05, np.arange(1, len(amps) + 1) * bench.step)[0]
    assert np.abs(amps - expected).max() < 3e-4 * np.abs(expected).max()


def test_smooth_excitation_converges_to_second_order(rig):
    q, found = Transformer(frequency=HERTZ, load=(30e3, 0.0, 0.0)), []
    for step in (80e-6, 40e-6, 20e-6, 10e-6):
        bench = rig(q, step=step, angle=-np.pi / 6)
        bench.source(0.9, 0.9, 0.9)
        bench.w[grid.PEAK : grid.PEAK + 3] = 0.9 * PEAK
        bench.w[grid.E : grid.E + 3] *= 0.9
        bench.w[bus.V : bus.V + 3] = bench.w[grid.E : grid.E + 3]
        found.append(energised(bench, 0.012, units=True)[-1][0])
    first, second, third = np.abs(np.diff(found))
    assert 3.5 < first / second < 4.5
    assert 3.5 < second / third < 4.5


def test_inrush_is_rich_in_second_harmonic_and_decays(rig):
    bench = rig(UNIT, (0.6, -0.3, -0.3), angle=ZERO, ohm=0.02, henry=0.2e-3, stray=2e-6)
    bench.run(0.02)
    amps = energised(bench, 1.0)
    first = np.fft.rfft(amps[:1000], axis=0)
    ratio = np.abs(first[2]) / np.abs(first[1])
    assert np.all((ratio > 0.15) & (ratio < 0.75))
    assert np.sort(ratio)[:2].max() < 0.6  # 15 to 60 %, but for a phase whose pulses have both signs
    peaks = np.abs(amps.reshape(50, 1000, 3)).max(axis=(1, 2))
    assert np.all(np.diff(peaks[:20]) < 0.0)
    assert 4 * RATED < peaks[0] < 12 * RATED
    assert peaks[-1] < 0.2 * peaks[0]


def test_a_ramp_of_the_voltage_has_no_inrush(rig):
    bench = rig(UNIT, (0.0, 0.0, 0.0))
    bench.source(0.0, 0.0, 0.0)
    bench.run(20e-6)
    bench.w[grid.SLEW] = PEAK * 20e-6 / 2.0
    bench.source(1.0, 1.0, 1.0)
    amps = energised(bench, 2.2)
    no_load = np.sqrt(2) * 0.01 * 100e3 / (3 * VOLTS)
    assert np.abs(amps).max() < 1.05 * no_load


def test_opening_waits_for_current_zero_and_keeps_the_flux(rig):
    bench = rig(UNIT)
    energised(bench, 3.0)
    slope = np.abs(np.diff(bench.run(0.02)[2], axis=0)).max()
    bench.w[transformer.BREAKER] = 0.0
    before = bench.w[transformer.CURRENT : transformer.FLUX].copy()
    opened = {}
    for n in range(600):
        bench.run(20e-6)
        for k in range(3):
            if k not in opened and not bench.w[transformer.CLOSED + k]:
                opened[k] = n
                assert abs(before[k]) <= slope
        before = bench.w[transformer.CURRENT : transformer.FLUX].copy()
    assert sorted(opened) == [0, 1, 2]
    assert len(set(opened.values())) == 3
    flux = bench.w[transformer.FLUX : transformer.FLUX + 3].copy()
    assert np.abs(flux).max() > 0.1 * UNIT.rated_flux  # core loss and magnetising current are out of phase
    assert not bench.run(0.1)[2].any()
    assert list(bench.w[transformer.FLUX : transformer.FLUX + 3]) == list(flux)


def test_currents_of_the_bus_add_up_and_deltas_have_no_zero_sequence(rig):
    bench = rig(UNIT, (0.6, -0.3, -0.3), angle=ZERO, ohm=0.02, henry=0.2e-3, stray=2e-6)
    bench.w[transformer.BREAKER] = 1.0
    for _ in range(1500):
        strays = bench.w[bus.VC : bus.VC + 3].copy()
        v, source, amps, _ = bench.run(20e-6)
        taken = amps[0] + bench.w[bus.GC] * (v[0] - strays)
        assert source[0] @ v[0] == pytest.approx(taken @ v[0], abs=1e-9 * 100e3)
        assert amps[0].sum() == pytest.approx(0.0, abs=1e-9 * RATED)


def test_matrix_changes_at_the_knee_alone(rig):
    bench = rig(UNIT, (0.6, -0.3, -0.3), angle=ZERO)
    bench.w[transformer.BREAKER] = 1.0
    made = bench.run(0.02)[3]
    assert 5 <= made <= 9  # the closing, and in and out of saturation for two or three units
    bench.run(6.0)
    assert bench.run(0.1)[3] == 0
