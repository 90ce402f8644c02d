"""The AC source: harmonics, phase, frequency ramps, impedance, by closed forms."""

import numpy as np
import pytest

from hil.errors import ConfigError


def source(w, phase="a"):
    return w[f"v_source_{phase}"]


def phasor(x, t, hertz):
    """Return the amplitude phasor over whole cycles."""
    return 2 * np.mean(x * np.exp(-2j * np.pi * hertz * t))


def quiet(setting, **options):
    """Return a source that is on, with the PCS off."""
    s = setting(**options)
    s.pcs.enable = False
    s.plant.advance(0.1)
    return s


def test_harmonics_have_their_amplitude_angle_and_sequence(setting):
    s = quiet(setting)
    s.grid.harmonics = [(5, 0.05, 30.0), (7, 0.03, -90.0)]
    s.plant.advance(0.01)
    w = s.record(0.2)
    a, b, c = (source(w, x) for x in "abc")
    first = phasor(a, w["t"], 60)
    for order, part, degrees in s.grid.harmonics:
        found = phasor(a, w["t"], 60 * order)
        # at the fundamental's positive peak the harmonic has its angle
        expected = part * abs(first) * np.exp(1j * (order * np.angle(first) + np.radians(degrees)))
        assert found == pytest.approx(expected, rel=1e-6)
        turn = phasor(b, w["t"], 60 * order) / found
        # a fifth is a negative sequence: phase b leads by 120 degrees; a seventh a positive one
        assert turn == pytest.approx(np.exp((2j if order == 5 else -2j) * np.pi / 3), abs=1e-6)
    assert np.abs(a + b + c).max() < 1e-6 * s.volts


def test_harmonics_follow_frequency_and_phase(setting):
    s = quiet(setting)
    s.grid.harmonics, s.grid.hertz, s.grid.degrees = [(5, 0.1, 0.0)], 50.0, [0.0, 25.0, 0.0]
    s.plant.advance(0.01)
    w = s.record(0.2)
    for phase in "ab":
        first = phasor(source(w, phase), w["t"], 50)
        assert phasor(source(w, phase), w["t"], 250) == pytest.approx(
            0.1 * abs(first) * np.exp(5j * np.angle(first)), rel=1e-6
        )


def test_too_many_harmonics_are_refused(setting):
    s = quiet(setting)
    s.grid.harmonics = [(n, 0.01, 0.0) for n in range(2, 11)]
    with pytest.raises(ConfigError, match="9 harmonics; the plant has 8 at most"):
        s.plant.advance(0.1)


def test_phase_jumps_at_its_instant(setting):
    s = quiet(setting)
    before = s.record(0.1)
    s.grid.degrees = [25.0, 25.0, 25.0]
    s.plant.advance(0.05)  # three cycles
    after = s.record(0.1)
    turn = phasor(source(after), after["t"], 60) / phasor(source(before), before["t"], 60)
    assert np.degrees(np.angle(turn)) == pytest.approx(25.0, abs=1e-6)  # 0.1 s is six whole cycles


def test_frequency_ramps_as_a_chirp(setting):
    s = quiet(setting)
    s.grid.hertz, s.grid.hertz_slew = 57.0, 5.0
    w = s.record(0.6)
    z = source(w) + 1j * (source(w, "b") - source(w, "c")) / -np.sqrt(3)
    angle = np.unwrap(np.angle(np.conj(z)))
    t = w["t"]
    # phase of 60 Hz that falls by 5 Hz/s
    expected = angle[0] + 2 * np.pi * (60 * t - 2.5 * t**2)
    assert (
        np.abs(angle - expected).max() < 5e-3
    )  # the rate is held within a step: 0.6 s x 2 pi x 5 Hz/s x 20 us
    s.plant.advance(0.3)
    w = s.record(0.1)
    hertz = np.diff(np.unwrap(np.angle(source(w) - 1j * (source(w, "b") - source(w, "c")) / np.sqrt(3))))
    assert abs(np.mean(hertz)) / (2 * np.pi * 20e-6) == pytest.approx(57.0, abs=1e-3)


def test_impedance_changes_while_current_flows(running):
    s = running(power=0.8, scr=20.0)
    q = s.plant.parameters
    s.grid.ohms = (0.05 * q.impedance, 0.5 * q.impedance)  # SCR 2
    s.plant.advance(0.5)
    w = s.record(0.1)
    drop = phasor(source(w), w["t"], 60) - phasor(w["v_a"], w["t"], 60)
    amps = phasor(w["i_grid_a"], w["t"], 60)
    assert drop / amps == pytest.approx((0.05 + 0.5j) * q.impedance, rel=1e-4)
    for ohms in ((0.1, 0.0), (0.1, -1.0), (-0.1, 1.0)):
        s.grid.ohms = ohms
        with pytest.raises(ConfigError, match="a grid has some inductance"):
            s.plant.advance(0.01)
