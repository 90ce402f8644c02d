"""Power of serving language models: requests arrive, are read (prefill), and are answered (decode).

A node reads one prompt at a time at its full power; while it only answers, it takes less; else it idles.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hil.analysis.buffering.metrics import PASSED
from hil.errors import ConfigError, FormatError
from hil.profiles.generate import MOST
from hil.profiles.profile import Profile, without_idle_points

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from hil.profiles.profile import Array

STEP = 0.01
"""Spacing of the points [s]."""
TONES = 32
"""Sines that the noise between 1 and 2 Hz is made of."""
COLUMNS = ("time_s", "context_tokens", "generated_tokens")


@dataclass(frozen=True, eq=False)
class Requests:
    """When requests arrive, and how long they are."""

    time: Array
    """Not decreasing [s]."""
    context: Array
    """Tokens to be read."""
    generated: Array
    """Tokens to be written."""
    source: str
    license: str = ""


def poisson(rate: float, context: float, generated: float, duration: float, seed: int) -> Requests:
    """Return arrivals at random at a mean rate [1/s], with exponential lengths of these means [tokens]."""
    if not (rate > 0.0 and duration > 0.0 and context >= 1.0 and generated >= 1.0):
        raise ConfigError("requests need a positive rate and duration, and at least one token each way")
    if rate * duration > MOST:
        raise ConfigError(f"{rate:g} requests per second for {duration:g} s are more than {MOST:,} requests")
    random = np.random.default_rng(seed)
    count = int(random.poisson(rate * duration))
    time = np.sort(random.uniform(0.0, duration, count))  # given their number, arrivals are uniform
    reads, writes = (np.ceil(random.exponential(mean, count)) for mean in (context, generated))
    return Requests(time, reads, writes, f"Poisson arrivals, {rate:g} per second, seed {seed}")


def recorded(name: str, duration: float, compress: float) -> Requests:
    """Return recorded arrivals of a duration [s]: a shipped excerpt, or a file, with time `compress`ed.

    Compressed by 2, the same requests come twice as fast.
    """
    shipped = files("hil.data") / "profiles" / f"{name}_arrivals.csv"
    path: Traversable = shipped if shipped.is_file() else Path(name)
    try:
        text = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"arrivals: {name!r} is neither a shipped excerpt (azure_code), nor poisson, nor a readable file "
            f"({type(error).__name__})"
        ) from None
    head = [line for line in text if line.startswith("#")]
    about = dict(line.lstrip("# ").split(": ", 1) for line in head if ": " in line)
    rows = list(csv.reader(text[len(head) :]))
    if not rows or tuple(rows[0]) != COLUMNS:
        raise FormatError(f"{name}, line {len(head) + 1}: expected the columns {','.join(COLUMNS)}")
    found: list[tuple[float, float, float]] = []
    for number, row in enumerate(rows[1:], start=len(head) + 2):
        try:
            time, context, generated = map(float, row)
        except ValueError:
            raise FormatError(f"{name}, line {number}: {','.join(row)!r} is not three numbers") from None
        if (found and time < found[-1][0]) or not 0.0 <= min(context, generated) < np.inf:
            raise FormatError(f"{name}, line {number}: time must not decrease, tokens not be negative")
        found.append((time, context, generated))
    times, contexts, generateds = np.array(found).reshape(-1, 3).T
    if not compress > 0.0:
        raise ConfigError(f"compress = {compress:g} must be positive")
    if not times.size or times[-1] / compress < 0.9 * duration:
        raise ConfigError(
            f"arrivals: {name} lasts {times[-1] / compress if times.size else 0.0:.0f} s, "
            f"{duration:g} s are asked for; shorten the duration"
        )
    kept = times / compress < duration
    return Requests(
        times[kept] / compress,
        contexts[kept],
        generateds[kept],
        about.get("source", name),
        about.get("license", ""),
    )


def inference(
    requests: Requests,
    duration: float,
    nodes: float,
    idle: float,
    prefill: float,
    decode: float,
    read_rate: float,
    write_rate: float,
    lag: float,
    noise: float,
    seed: int,
) -> Profile:
    """Return the power of nodes that serve these requests for a duration [s], per unit of all of them.

    idle, prefill, decode: power of a node [pu]; read_rate: tokens a node reads per second, one prompt
    after the other; write_rate: tokens per second of each answer; lag: of the power behind the work,
    first order [s]; noise: between 1 and 2 Hz, RMS per power above idle.
    """
    if not 0.0 <= idle <= decode <= prefill:
        raise ConfigError("powers must be ordered: 0 <= idle <= decode <= prefill")
    count = requests.time.size
    most = 1000 * MOST // max(1, count)  # each request looks at every node
    if not (nodes % 1 == 0 and 1 <= nodes <= most):
        raise ConfigError(
            f"nodes = {nodes:g} must be a whole number, from 1 to {most:,} for {count:,} requests"
        )
    if not (read_rate > 0.0 and write_rate > 0.0 and lag > 0.0 and 0.0 <= noise < 0.2):
        raise ConfigError("needs positive rates and lag, and noise from 0 to 0.2")
    if not STEP < duration <= MOST * STEP:
        raise ConfigError(f"duration = {duration:g} s: from {STEP:g} to {MOST * STEP:g} s are possible")
    time = STEP * np.arange(int(duration / STEP + 1e-9) + 1, dtype=float)
    reading, writing = _served(requests, int(nodes), read_rate, write_rate, time)
    work = (reading * (prefill - idle) + writing * (decode - idle)) / nodes
    gain = 1.0 - np.exp(-STEP / lag)
    power, level = np.empty(time.size), work[0]
    for k, target in enumerate(work.tolist()):
        level += gain * (target - level)
        power[k] = level
    power = idle + power * (1.0 + noise * _between_1_and_2_hz(time, seed))
    return without_idle_points(
        Profile(time, power, "pu", bandwidth=PASSED / STEP, source=requests.source, license=requests.license)
    )


def _served(requests: Requests, nodes: int, read_rate: float, write_rate: float, time: Array) -> Any:
    """Return how many nodes read, and how many only write, at each time.

    A request goes to the node that is soonest free to read it.
    """
    free = np.zeros(nodes)
    spans: list[list[tuple[float, float, float]]] = [[] for _ in range(nodes)]
    arrivals = zip(requests.time, requests.context / read_rate, requests.generated / write_rate, strict=True)
    for arrival, read, written in arrivals:
        node = int(np.argmin(np.maximum(free, arrival)))
        begin = max(float(free[node]), arrival)
        free[node] = begin + read
        spans[node].append((begin, begin + read, begin + read + written))
    reading, writing = np.zeros(time.size), np.zeros(time.size)
    for of in spans:
        if not of:
            continue
        begin, read, end = np.array(of).T
        reads = _open(begin, read, time) > 0
        reading += reads
        writing += (_open(read, end, time) > 0) & ~reads
    return reading, writing


def _open(begins: Array, ends: Array, time: Array) -> Any:
    """Return how many spans are open at each time."""
    return np.searchsorted(np.sort(begins), time, side="right") - np.searchsorted(
        np.sort(ends), time, side="right"
    )


def _between_1_and_2_hz(time: Array, seed: int) -> Array:
    """Return noise of unit RMS between 1 and 2 Hz: sines at random frequencies and phases."""
    random = np.random.default_rng([seed, 1])  # apart from the arrivals of the same seed
    total: Array = np.zeros(time.size)
    for f, phase in zip(random.uniform(1.0, 2.0, TONES), random.uniform(0.0, 2 * np.pi, TONES), strict=True):
        total += np.sin(2 * np.pi * f * time + phase)
    total /= np.sqrt(0.5 * TONES)
    return total
