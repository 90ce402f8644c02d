"""A capture that lost samples, ends early or lies dead: what it shows is a number or None, never NaN.

One capture that raises an error, or holds a NaN to be judged, would leave all others of its test without
verdicts.
"""

from dataclasses import replace
from math import isfinite

import numpy as np
import pytest

from hil.recording import Reading, Recording
from hil.waveform import Channel, Waveform

RATE, HERTZ, VOLTS, WATTS, SECONDS = 5e3, 60.0, 277.128, 100e3, 6.0
NOMINAL = {"voltage": 480.0, "phase_voltage": VOLTS, "frequency": HERTZ, "power": WATTS, "dc_voltage": 850.0}
TIME = np.arange(round(SECONDS * RATE)) / RATE - 1.0
PARAMETERS = {
    "residual": 0.5,
    "duration": 1.0,
    "count": 1.0,
    "spacing": 0.0,
    "power": 0.8,
    "reactive": 0.6,
    "limit": 1.2,
    "priority": "P",
    "baseline": 0.2,
    "out": "angle",
    "settling": 2.0,
    "way": "forming",
    "droop": 0.02,
    "profile": "start_step",
    "tones": "2",
}
CAPTURES = {
    "t01_telemetry": ("points", "events"),
    "t02_island": ("active_50_on_b10", "shared_on_b10"),
    "t03_current_limit": ("sag_050_P",),
    "t04_buffering": ("profile_start_step", "sweep_1"),
    "t05_weak_grid": ("weak_step",),
    "t06_demand_response": ("fast_20_to_80",),
    "t07_ride_through": ("lvrt_050_abc_p80", "jump_on_p80"),
    "t08_transition": ("leave_80", "attempt_angle", "return_80", "transfer"),
    "t09_generator": ("step_up_forming",),
    "t10_black_start": ("start", "inrush_1", "pick_up_1_10"),
    "t12_transparency": ("sag_abc", "step"),
}


def recording(name):
    """Return a sag to a half for a second, and the power of load and PCS in it, with all that is read."""
    inside = (TIME >= 0.0) & (TIME < 1.0)
    level = np.where(inside, 0.5, 1.0)
    sizes = {
        "": np.where(inside, 1.2, 0.8),
        "load": np.where(TIME < 0, 0.3, 0.9),
        "grid": 0.1 + 0 * TIME,
        "genset": 0.1 + 0 * TIME,
    }
    rows, channels = [], []
    for phase, turn in (("a", 0.0), ("b", -2 * np.pi / 3), ("c", 2 * np.pi / 3)):
        wave = np.sqrt(2) * np.cos(2 * np.pi * HERTZ * TIME + turn)
        for place, volts in (("", level), ("source", 1.0)):
            rows.append(volts * VOLTS * wave)
            channels.append(Channel(f"v{place}{phase}", "V", "voltage", phase, 1e-3, place=place))
        for place, size in sizes.items():
            rows.append(size * WATTS / (3 * VOLTS) * wave)
            channels.append(Channel(f"i{place}{phase}", "A", "current", phase, 1e-3, place=place))
    said = {
        "mode": "running",
        "active_power": 80e3,
        "reactive_power": 0.0,
        "voltage": VOLTS,
        "frequency": HERTZ,
    }
    told = [
        *(Reading(at, "pcs", {**said, "forming": True, "alarms": []}) for at in np.arange(-0.9, 4.9, 0.02)),
        Reading(0.0, "step", {"step": "SetLoad"}, 0.01),
        Reading(0.0, "step", {"step": "MoveSwitch", "position": "closed"}, 0.01),
        Reading(0.0, "step", {"step": "SetPower", "watts": 80e3}, 0.01),
        Reading(4.0, "step", {"step": "SetPower", "watts": 20e3}, 0.01),
        Reading(1.0, "power_meter", {"interval": 0.2, "active_power": 80e3, "reactive_power": 0.0}),
        *(Reading(at, "log", {"text": "off"}) for at in (0.0, 1.001, 2.003, 3.007)),
    ]
    waveform = Waveform(np.array(rows), tuple(channels), RATE, -1.0, triggered=True)
    return Recording(name, waveform, tuple(told), PARAMETERS, NOMINAL)


def hole(begin, end, filled=0.0):
    def make(of):
        since = TIME - begin
        lost = (since >= 0.0) & (since < end - begin)
        samples = np.where(lost, filled, of.waveform.samples)
        return replace(of, waveform=replace(of.waveform, samples=samples, valid=~lost))

    return make


def ends(at):
    def make(of):
        return replace(of, waveform=of.waveform.part(0, round((at + 1.0) * RATE)))

    return make


def dead(of):
    return replace(of, waveform=replace(of.waveform, samples=0.0 * of.waveform.samples))


DAMAGE = {
    "begin": hole(-1.0, -0.7),
    "middle": hole(0.4, 0.45),
    "event": hole(-0.01, 0.01, np.nan),
    "end": hole(4.5, 5.0, np.nan),
    "early": ends(0.5),
    "at once": ends(0.005),
    "soon": ends(0.05),
    "before": ends(-0.2),
    "dead": dead,
    "unread": lambda of: replace(of, readings=()),
}


@pytest.mark.parametrize(("test", "name"), [(t, name) for t, names in CAPTURES.items() for name in names])
@pytest.mark.parametrize("damage", DAMAGE)
def test_what_is_damaged_is_analysed_all_the_same(sequence, test, name, damage):
    found = sequence(test).analyze(DAMAGE[damage](recording(name)))
    for one in found.results:
        for number in (one.value, one.uncertainty):
            assert not isinstance(number, float) or isfinite(number), one
