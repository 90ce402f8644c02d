"""Power smoothing inside the GPU: a floor, ramps up and down, and a wait before the floor is left.

The four first-order settings of NVIDIA's power smoothing (NVML, nvmlPowerSmoothing): floor in % of
the module's maximum, ramp-up and ramp-down in W/s, ramp-down hysteresis in ms. How the hardware
arrives at them is not public: this is a model with those settings, not the maker's code.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hil.errors import ConfigError
from hil.profiles.generate import MOST
from hil.profiles.profile import Profile, without_idle_points

STEP = 1e-3
"""Grid on which ramps meet the profile [s]; the profile's own points are kept beside it."""


def smoothed(profile: Profile, floor: float, ramp_up: float, ramp_down: float, hysteresis: float) -> Profile:
    """Return a profile as smoothing lets it out.

    floor: lowest power while there is work, and until the work has been below it for as long as the
    hysteresis [s]; ramps: steepest rise and fall [unit/s].
    """
    if not (ramp_up > 0.0 and ramp_down > 0.0 and hysteresis >= 0.0 and floor >= 0.0):
        raise ConfigError(
            f"smoothing with floor = {floor:g}, ramps of {ramp_up:g} and {ramp_down:g} per second and "
            f"{hysteresis:g} s: ramps must be positive, the others not negative"
        )
    if floor > profile.power.max():
        raise ConfigError(f"floor = {floor:g} lies above the highest power, {profile.power.max():g}")
    count = int(profile.duration / STEP)
    if count > MOST:
        raise ConfigError(f"{profile.duration:g} s is too long to smooth in steps of {STEP:g} s")
    grid = profile.time[0] + STEP * np.arange(count + 1)
    time = np.union1d(grid, profile.time)
    time = time[np.concatenate(([True], np.diff(time) > 1e-9))]
    out = np.empty(time.size)
    level, worked = float(profile.at(time[0])), -np.inf
    for k, (now, wanted) in enumerate(zip(time.tolist(), profile.at(time).tolist(), strict=True)):
        if wanted >= floor:
            worked = now
        target = max(wanted, floor) if now - worked <= hysteresis else wanted
        span = now - time[k - 1] if k else 0.0
        level = (
            min(target, level + ramp_up * span) if target > level else max(target, level - ramp_down * span)
        )
        out[k] = level
    made = replace(profile, time=time, power=out, held=False)
    words = f"smoothed: floor {floor:g}, up {ramp_up:g}/s, down {ramp_down:g}/s, hysteresis {hysteresis:g} s"
    return without_idle_points(made).but(words)
