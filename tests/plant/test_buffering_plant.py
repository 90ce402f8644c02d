"""Buffering of an AI load in the electromagnetic-transient model: what the grid sees, strong and weak."""

import numpy as np
import pytest

from hil.plant.forming import Synchro
from hil.plant.missions import Mission, Missions
from hil.profiles.generate import square
from hil.profiles.scale import rated

RATING = 80e3
"""Of the load [W]."""


def power(w, kind):
    """Return the power of a branch of the bus [pu of the load], averaged over 0.1 s."""
    p = sum(w[f"v_{x}"] * w[f"{kind}_{x}"] for x in "abc")
    return np.convolve(p / RATING, np.full(5000, 1 / 5000), "valid")


def expected(load, now):
    """Return the load, its ramps limited to 0.2 pu/s from a power [pu] on: what the grid is to see."""
    grid = np.empty_like(load)
    for n, p in enumerate(load):
        now += max(-0.2 * 0.02, min(0.2 * 0.02, p - now))
        grid[n] = now
    return grid


@pytest.mark.parametrize(
    ("scr", "reactive", "error"),
    # in a weak grid each edge moves the voltage by 10 %, and so the power that is being limited
    [(20.0, 0.0, 0.02), (5.0, 0.0, 0.02), (2.0, 0.15, 0.04)],
)
def test_square_profile_is_buffered(running, scr, reactive, error):
    s = running(reactive=reactive, scr=scr, missions=Missions((Mission("buffering"),), load_power=RATING))
    load = s.plant.terminals.load
    training = square(period=1.0, duty=0.7, high=0.9, low=0.3, edge=0.02, duration=1.0)
    load.profile, load.start, load.repeated = rated(training, RATING), 1.0, True
    load.on = True
    s.plant.advance(7.5)
    w = s.record(6.0)
    grid, drawn = power(w, "i_grid"), power(w, "i_load")
    assert s.pcs.mode == "running"
    assert drawn.min() < 0.31
    assert drawn.max() > 0.89
    # T4: at most 20 % of the load's rating per second in windows of 100 ms, the measurement's tenth in hand
    assert np.abs(grid[5000:] - grid[:-5000]).max() / 0.1 < 0.2 * 1.1
    # T4: RMS error against what a limiter of the ramp would make of the load
    off = grid[::1000] - expected(drawn[::1000], grid[0])
    assert np.sqrt(np.mean(off**2)) < error
    # T4: part of the energy in 0.1 to 20 Hz that reaches the grid
    share = []
    for p in (grid, drawn):
        spectrum = np.abs(np.fft.rfft(p - p.mean())) ** 2
        hertz = np.fft.rfftfreq(len(p), 20e-6)
        share.append(spectrum[(hertz >= 0.1) & (hertz <= 20.0)].sum())
    assert share[0] < 0.2 * share[1]


def test_rides_through_on_its_own(running):
    missions = Missions((Mission("ride-through", reserve=0.1), Mission("buffering")), load_power=RATING)
    s = running(missions=missions, synchro=Synchro(leave=0.7))
    load, breaker = s.plant.terminals.load, s.plant.terminals.breaker
    load.on, load.active_power = True, 0.5 * RATING
    s.plant.advance(6.0)
    s.sag(0.0)
    w = s.record(2.0)
    assert (breaker.closed, s.pcs.forming, s.pcs.mode) == (False, True, "running")
    # the load stays on the bus, fed by the PCS alone
    assert power(w, "i_load")[-1] == pytest.approx(0.5, rel=0.01)
    assert power(w, "i")[-1] == pytest.approx(0.5, rel=0.01)
    assert np.abs(power(w, "i_grid")[-5000:]).max() < 1e-6
    rms = np.sqrt(np.convolve(w["v_a"] ** 2, np.full(833, 1 / 833), "valid")) / s.volts
    assert np.abs(rms[-5000:] - 1.0).max() < 0.02
