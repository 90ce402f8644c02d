"""Active power at each measuring point, against closed forms."""

import numpy as np
import pytest

from hil.analysis.power.series import power_series
from hil.errors import ConfigError
from hil.waveform import Channel, Waveform

RATE = 10e3


def three(places, seconds=1.0, swing=0.0):
    """A balanced 230 V system; currents by place: amplitude [A] and lag [rad], swinging at 3 Hz."""
    t = np.arange(round(RATE * seconds)) / RATE
    rows, channels = [], []
    for k, phase in enumerate("abc"):
        angle = 2 * np.pi * (50 * t - k / 3)
        rows.append(np.sqrt(2) * 230 * np.cos(angle))
        channels.append(Channel(f"v_{phase}", "V", "voltage", phase))
        for place, (amps, lag) in places.items():
            size = amps * (1 + swing * np.cos(2 * np.pi * 3 * t))
            rows.append(np.sqrt(2) * size * np.cos(angle - lag))
            channels.append(Channel(f"i_{phase} {place}", "A", "current", phase, place=place))
    return Waveform(np.array(rows), tuple(channels), RATE, start=-0.5)


def test_instantaneous_power_of_three_phases():
    """P = 3 U I cos phi; the share of the double line frequency cancels between balanced phases."""
    found = power_series(three({"": (100, 0.0), "load": (50, np.pi / 3)}, swing=0.2))
    assert found.rate == pytest.approx(1000)
    assert found.time[0] == pytest.approx(-0.5 + 0.45e-3)
    swing = 1 + 0.2 * np.cos(2 * np.pi * 3 * (found.time + 0.5))
    assert found.at[""] == pytest.approx(3 * 230 * 100 * swing, rel=1e-5)
    assert found.at["load"] == pytest.approx(3 * 230 * 50 * 0.5 * swing, rel=1e-5)
    assert "grid" not in found.at


def test_a_recorded_power_comes_first_and_gaps_stay_gaps():
    wave = three({"": (100, 0.0)})
    row = np.linspace(0, 1e3, len(wave))
    channels = (*wave.channels, Channel("P", "W", "power", "", place="grid"))
    valid = np.ones(len(wave), bool)
    valid[5005] = False
    both = Waveform(np.vstack([wave.samples, row]), channels, RATE, valid=valid)
    found = power_series(both)
    assert found.at["grid"][[0, -1]] == pytest.approx([row[:10].mean(), row[-10:].mean()])
    assert np.flatnonzero(np.isnan(found.at["grid"])).tolist() == [500]
    assert np.flatnonzero(np.isnan(found.at[""])).tolist() == [500]


def test_a_power_that_is_needed_and_not_recorded_is_named():
    wave = three({"load": (100, 0.0)})
    assert set(power_series(wave, ("load",)).at) == {"load"}
    with pytest.raises(ConfigError, match="no power of the terminals and of the grid; give the recorder"):
        power_series(wave, ("", "load", "grid"))


def test_two_phases_are_not_three():
    """Their instantaneous power swings at the double line frequency: none is better than that."""
    wave = three({"": (100, 0.0)})
    kept = [k for k, c in enumerate(wave.channels) if c.phase != "c"]
    part = Waveform(wave.samples[kept], tuple(wave.channels[k] for k in kept), RATE)
    assert power_series(part).at == {}
    assert power_series(part).time.size == 0
