"""From one GPU or node to a cluster: many copies, each with its own delay, behind filters, at a rating.

Resampling, by one copy or many, takes the mean over each step: energy is kept, no edge gets sharper, and
what the trace could not resolve stays unresolved, and its bandwidth says so.
"""

from __future__ import annotations

from math import ceil, exp, inf
from typing import TYPE_CHECKING

import numpy as np

from hil.analysis.buffering.metrics import PASSED
from hil.errors import ConfigError
from hil.profiles.generate import MOST
from hil.profiles.profile import Profile, without_idle_points
from hil.units import show

if TYPE_CHECKING:
    from collections.abc import Callable

    from hil.profiles.profile import Array


def rated(profile: Profile, rating: float, base: float | None = None) -> Profile:
    """Return the profile in watts for a rating [W].

    base: rating of what was measured [W], such as the TDP of the GPU; without it the profile's highest
    power counts as such. A profile per unit has its base.
    """
    if not (0.0 < rating < inf and (base is None or 0.0 < base < inf)):
        raise ConfigError("a rating must be positive and finite")
    if profile.unit == "pu":
        if base is not None:
            raise ConfigError("this profile is per unit of its rating already; leave the base out")
        return profile.but(
            f"scaled to a rating of {show(rating, 'W')}", power=profile.power * rating, unit="W"
        )
    whole = base or float(profile.power.max())
    if whole == 0.0:
        raise ConfigError(f"{profile.title or 'profile'}: is zero throughout, and has no size to scale")
    of = f"of {show(whole, 'W')}" if base else f"of its highest power, {show(whole, 'W')},"
    return profile.but(
        f"scaled from a base {of} to {show(rating, 'W')}", power=profile.power * (rating / whole)
    )


def cluster(
    profile: Profile,
    nodes: int,
    spread: float,
    step: float,
    seed: int,
    tell: Callable[[float], None] | None = None,
) -> Profile:
    """Return the sum of so many copies, each delayed by a time of its own up to a spread [s], at random.

    Means over steps [s], held. A profile per unit stays so: the mean of the copies. Before its start
    and after its end a copy holds its first and last power.
    """
    if nodes < 1 or not spread >= 0.0:
        raise ConfigError(f"{nodes} nodes spread over {spread:g} s: needs one or more, and no negative time")
    edges = _grid(profile, step)
    if nodes * edges.size > 1000 * MOST:
        raise ConfigError(f"{nodes} copies of {edges.size:,} steps are too much; lengthen the step")
    energy = np.zeros(edges.size)
    for number, delay in enumerate(np.random.default_rng(seed).uniform(0.0, spread, nodes)):
        energy += profile.energy_until(edges - delay)
        if tell is not None:
            tell((number + 1) / nodes)
    power = np.maximum(np.diff(energy) / step, 0.0) / (nodes if profile.unit == "pu" else 1)
    return _from_means(
        profile, edges, power, step, f"{nodes} copies, delays up to {spread:g} s at random, seed {seed}, "
        f"means over {step:g} s",
    )  # fmt: skip


def filtered(profile: Profile, lag: float) -> Profile:
    """Return the profile behind a first-order lag [s], such as of rack supplies, or of all up to the PCC.

    It starts settled. Points lie a tenth of the lag apart; at them the output is exact for the means
    over each step.
    """
    if not 0.0 < lag < inf:
        raise ConfigError(f"a lag of {lag:g} s must be positive")
    from scipy.signal import lfilter  # noqa: PLC0415 - slow to import

    parts = 10.0 * profile.duration / lag
    if parts > MOST:
        shortest = 10.0 * profile.duration / MOST
        raise ConfigError(f"a lag of {lag:g} s is too short for {profile.duration:g} s: needs {shortest:g} s")
    step = profile.duration / ceil(parts)
    edges = _grid(profile, step)
    means = np.diff(profile.energy_until(edges)) / step
    kept, first = exp(-step / lag), float(profile.power[0])
    settled = lfilter([1.0 - kept], [1.0, -kept], means, zi=[kept * first])[0]
    power = np.maximum(np.concatenate(([first], settled)), 0.0)
    return profile.but(f"first-order lag of {lag:g} s", time=edges, power=power, held=False)


def _grid(profile: Profile, step: float) -> Array:
    """Return the edges of whole steps within a profile; what is left of it is shorter than a step."""
    if not 0.0 < step <= profile.duration * (1.0 + 1e-12):
        raise ConfigError(f"a step of {step:g} s does not fit into {profile.duration:g} s")
    steps = profile.duration / step + 1e-9
    if steps >= MOST + 1:
        raise ConfigError(f"{steps:,.0f} steps of {step:g} s are more than {MOST:,}; lengthen the step")
    edges: Array = profile.time[0] + step * np.arange(int(steps) + 1)
    return edges


def _from_means(profile: Profile, edges: Array, power: Array, step: float, words: str) -> Profile:
    bandwidth = min(profile.bandwidth, PASSED / step)
    made = profile.but(words, time=edges, power=np.append(power, power[-1]), held=True, bandwidth=bandwidth)
    return without_idle_points(made)
