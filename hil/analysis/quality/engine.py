"""Power quality of a whole capture, in one pass and bounded memory.

IEC 61000-4-30:2015 class A and IEC 61000-4-7: gapless intervals of 10 cycles (50 Hz) or
12 (60 Hz) of the measured fundamental, Urms(1/2) of each channel, and one-cycle phasors
each half cycle, from which events, aggregates and powers are made.
"""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from math import pi
from typing import TYPE_CHECKING, Any

import numpy as np

from hil.analysis.frequency import line_frequency
from hil.analysis.quality.flicker import Flickermeter
from hil.analysis.quality.stream import Plan, Samples, plan_for
from hil.analysis.quality.tracking import Tracker
from hil.analysis.quality.values import HalfCycles, Intervals, Quality, Urms
from hil.analysis.quality.windows import Reduction
from hil.analysis.signals import ac_voltages
from hil.errors import ConfigError
from hil.waveform import blocks, find

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future

    from numpy.typing import NDArray

    from hil.analysis.frequency import LineFrequency
    from hil.analysis.quality.flicker import Flicker
    from hil.waveform import Capture, Channel

_BLOCK = 1 << 19
"""Samples per channel taken in one go, or two seconds: the more, the less a block's own work counts."""
_SWITCH = 5e-4
"""How long a thread may keep the others from Python during the pass: tasks take a millisecond [s]."""


def quality(
    capture: Capture,
    *,
    nominal_frequency: float | None = None,
    lamp: int | None = None,
    progress: Callable[[float], None] | None = None,
) -> Quality:
    """Return the power quality of a capture, in one pass over its samples.

    Voltages are those between phase and neutral where recorded, else between lines, else
    one without a phase; all channels are those at the terminals (no `place`).
    nominal_frequency: below 55 takes intervals of 10 cycles, else 12; without it the
    measured one decides [Hz]. lamp: 120 or 230 for flicker; without it 230 at 50 Hz, 120 at
    60 Hz [V]. progress is called with the share that is done.

    The fundamental may move by a fifth from where it is first found. Where there is no
    alternating voltage, or fewer than ten samples per cycle, the frequency is None and
    arrays are empty. Raises `ConfigError` where a channel holds not one number.
    """
    voltages = ac_voltages(capture.channels)
    currents = find(capture.channels, "current") or find(capture.channels, "current", ("",))
    line = first_frequency(capture, voltages) if voltages else None
    hertz = 50.0 if line is None else line.value
    plan = plan_for(capture, voltages, currents, hertz, 10 if (nominal_frequency or hertz) < 55 else 12)
    found, flicker = None, None
    with _quick_turns(), ThreadPoolExecutor(_workers()) as workers:
        reduction = Reduction(plan, _kernels(), workers)
        if line is not None:
            meter = workers.submit(_meter, plan, lamp)
            begin = plan.half(0.8 * plan.rate / hertz)  # room for the interpolation
            tracker = Tracker(plan.rate, hertz, len(voltages), plan.length, begin)
            _go_through(capture, (*voltages, *currents), tracker, reduction, workers, meter, progress)
            found = tracker.frequency() or (line.value, line.uncertainty)
            flicker = _flicker(meter.result(), capture.start)
    return _assemble(capture, plan, reduction, found, flicker, voltages, currents)


def _go_through(
    capture: Capture,
    channels: tuple[Channel, ...],
    tracker: Tracker,
    reduction: Reduction,
    workers: ThreadPoolExecutor,
    meter: Future[Flickermeter],
    progress: Callable[[float], None] | None,
) -> None:
    """Take a capture block by block; what is started for one runs while the next is taken."""
    plan = reduction.plan
    names = [channel.name for channel in capture.channels]
    rows = [names.index(channel.name) for channel in channels]
    length = max(_BLOCK, round(2 * plan.rate))
    samples = Samples(plan.channels, length + plan.kept)
    for block in blocks(capture, length):
        samples.take(block, rows, workers)
        voltages, bad = samples.rows[: plan.voltages], samples.bad[: plan.voltages]
        tracker.feed(voltages[:, tracker.hops * tracker.hop - samples.first :], samples.last)
        final = samples.last == plan.length
        edges = tracker.edges(final=final)
        reduction.finish()
        last = samples.last - samples.first
        new = slice(last - len(block), last)
        reduction.start(_feed, meter, voltages[:, new], bad[:, new].any(axis=0) if samples.spoilt else None)
        reduction.advance(samples, edges, tracker, final=final)
        samples.keep(reduction.needed())
        if progress is not None:
            progress(samples.last / plan.length)
    reduction.finish()
    for channel, seen in zip(channels, samples.seen, strict=True):
        if not seen:
            raise ConfigError(
                f"{capture.source or 'capture'}: channel {channel.name!r} holds not one number; "
                "leave it out of the record"
            )


@contextmanager
def _quick_turns() -> Iterator[None]:
    """Let threads take turns quickly: by default one waits 5 ms for the one that starts the next."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(min(before, _SWITCH))
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def _workers() -> int:
    """Return how many threads share the work: results do not depend on it."""
    return min(4, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


def _kernels() -> Any:
    """Return the compiled functions where numba is installed, else those in numpy."""
    try:
        from hil.analysis.quality import compiled  # noqa: PLC0415 - numba is optional and slow to import
    except ImportError:
        from hil.analysis.quality import kernels  # noqa: PLC0415

        return kernels
    return compiled


def first_frequency(capture: Capture, voltages: tuple[Channel, ...]) -> LineFrequency | None:
    """Return the line frequency of the first stretch that has one."""
    for block in blocks(capture, max(1, round(capture.rate / 2))):
        samples = np.array(block.select(voltages), float)
        finite = np.isfinite(samples)
        index = np.arange(samples.shape[1])
        for row, known in zip(samples, finite, strict=True):
            row[~known] = np.interp(index[~known], index[known], row[known]) if known.any() else 0.0
        found = line_frequency(samples, capture.rate) if samples.any() else None
        if found is not None:
            return found
    return None


def _meter(plan: Plan, lamp: int | None) -> Flickermeter:
    """Return a flickermeter for the voltages."""
    hertz = 50 if plan.cycles == 10 else 60
    return Flickermeter(plan.rate, plan.voltages, hertz=hertz, lamp=lamp or (230 if hertz == 50 else 120))


def _feed(
    meter: Future[Flickermeter], voltages: NDArray[np.float32], spoilt: NDArray[np.bool_] | None
) -> None:
    meter.result().feed(voltages, spoilt)


def _flicker(meter: Flickermeter, start: float) -> Flicker | None:
    """Return what the flickermeter found, on the time axis of the capture."""
    found = meter.result()
    if not found.time.size:
        return None
    return replace(found, begin=found.begin + start, end=found.end + start, time=found.time + start)


def _assemble(
    capture: Capture,
    plan: Plan,
    done: Reduction,
    found: tuple[float, float] | None,
    flicker: Flicker | None,
    voltages: tuple[Channel, ...],
    currents: tuple[Channel, ...],
) -> Quality:
    """Return the filled parts of the arrays, on the time axis of the capture."""
    rate, start = plan.rate, capture.start
    hertz, uncertainty = found if found is not None else (plan.hertz, None)
    k, m = slice(done.intervals), slice(done.halves)
    begin, end = done.bounds[:, k]
    calm = sum(lane.count for lane in done.lanes)
    power = np.sum([lane.power for lane in done.lanes], axis=0) / (calm or np.nan)
    bin_width = hertz / plan.cycles
    groups, subgroups, between, inner = (level[:, k] for level in done.levels)
    middle = start + (done.ends[m] - done.lengths[m] / 2) / rate
    phasors = done.phasors[:, m]
    # So far the angle was that at the begin of each window, half a turn before its middle.
    phasors *= -np.exp(-2j * pi * np.remainder(hertz * middle, 1.0)).astype(np.complex64)
    return Quality(
        voltages=voltages,
        currents=currents,
        pairs=tuple((int(u), int(i) - plan.voltages) for u, i in plan.pairs),
        frequency=None if found is None else hertz,
        frequency_uncertainty=uncertainty,
        intervals=Intervals(
            cycles=plan.cycles,
            begin=start + begin / rate,
            end=start + end / rate,
            frequency=plan.cycles * rate / (end - begin),
            held=done.held[k],
            spoilt=done.marred[k],
            rms=done.rms[:, k],
            mean=done.mean[:, k],
            phasors=done.fundamentals[:, k],
            power=done.power[:, k],
            groups=groups,
            subgroups=subgroups,
            interharmonics=between,
            interharmonic_groups=inner,
            bands=done.bands[:, k],
        ),
        half_cycles=HalfCycles(
            end=start + done.ends[m] / rate,
            frequency=rate / done.lengths[m],
            phasors=phasors,
            spoilt=done.spoilt[m],
        ),
        urms=tuple(
            Urms(start + done.urms[0, c, :n] / rate, done.urms[1, c, :n]) for c, n in enumerate(done.cycles)
        ),
        spectrum=np.sqrt(power[:, : int(plan.highest / bin_width) + 1] if done.intervals else power[:, :0]),
        bin_width=bin_width,
        flicker=flicker,
    )
