"""Half cycles, Urms(1/2) and intervals of a stream of samples, where `tracking` says that they end.

Most is made of sums over half cycles of the fundamental, taken once: two of them give a
one-cycle phasor, 20 or 24 the RMS, the mean and the power of an interval. Only
Urms(1/2), which begins at each channel's own zero crossing, and the transform of the
intervals go back to the samples.
"""

from __future__ import annotations

from itertools import pairwise
from math import ceil, pi, sqrt
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor, Future

    from numpy.typing import NDArray

    from hil.analysis.quality.stream import Plan, Samples
    from hil.analysis.quality.tracking import Tracker

LANES: Final = 4
"""Parts that the intervals of a block are shared out to: it must not depend on the processors."""
_BANDS: Final = np.arange(2000, 9001, 200)
"""Edges of the bands, IEC 61000-4-7, Annex B [Hz]."""


class Lane:
    """Memory for transforms, used again and again, and the powers of undisturbed intervals so far."""

    def __init__(self, plan: Plan) -> None:
        self.values = np.empty((plan.together * plan.channels, 0), np.float32)
        self.power = np.zeros((plan.channels, plan.bins))
        self.scrap = np.zeros_like(self.power)
        self.count = 0


class Reduction:
    """Fed with the edges of half cycles, fills arrays that last for the whole capture.

    They are as long as the fastest fundamental needs; what is not used takes no memory.
    """

    def __init__(self, plan: Plan, kernels: Any, workers: Executor) -> None:
        self.plan, self._kernels, self._workers = plan, kernels, workers
        cycles = 1.25 * plan.hertz * plan.length / plan.rate
        channels, halves, count = plan.channels, int(2 * cycles) + 4, int(cycles / plan.cycles) + 2
        self.halves = self.intervals = 0
        """How many there are so far."""
        self.ends, self.lengths = np.empty((2, halves))
        self.phasors = np.empty((channels, halves), np.complex64)
        self.spoilt = np.empty(halves, bool)
        self.bounds = np.empty((2, count))
        self.held, self.marred = np.empty((2, count), bool)
        self.rms, self.mean = np.empty((2, channels, count))
        self.fundamentals = np.empty((channels, count), complex)
        self.power = np.empty((len(plan.pairs), count))
        self.levels = tuple(np.empty((channels, count, plan.top + 1), np.float32) for _ in range(4))
        self.bands = np.empty((channels, count, plan.bands), np.float32)
        self.urms = np.empty((2, channels, halves))
        """Ends and values."""
        self.cycles = np.zeros(channels, int)
        """How many values of `urms` there are."""
        self.lanes = [Lane(plan) for _ in range(LANES)]
        self.edges = np.empty(0)
        """Of half cycles that are still to come."""
        self._jobs: list[Future[None]] = []
        self._last = np.empty((channels, 0), complex), np.empty(0)  # the half cycle before them
        self._peaks = np.zeros(plan.voltages)
        self._angles = np.full(plan.voltages, np.nan)  # twice the angle that zero crossings are reckoned from
        self._begun = np.full(plan.voltages, -np.inf)

    def advance(self, samples: Samples, edges: NDArray[np.float64], tracker: Tracker, *, final: bool) -> None:
        """Take the next edges, and start what can be made of them; `finish` first what was started before."""
        first_of_all = not self.edges.size
        self.edges = np.concatenate([self.edges, edges])
        if self.edges.size < 2:
            return
        plan, halves = self.plan, 2 * self.plan.cycles
        reach = plan.half(float(np.diff(self.edges).min()) * 2)
        lead = int(np.searchsorted(self.edges, reach)) if first_of_all else 0
        bounds = self.edges[lead::halves]
        bounds = bounds[bounds <= samples.last - 2 - reach]
        count = max(0, bounds.size - 1)
        if not final:  # the transform takes some at a time
            count -= count % plan.together
        used = self.edges.size - 1 if final else (lead + count * halves if count else 0)
        if not used:
            return
        inside = self.edges[: used + 1] - samples.first
        sums = np.empty((2, plan.channels, used))
        turned, powers = np.empty((plan.channels, used), complex), np.empty((len(plan.pairs), used))
        bounds = bounds[: count + 1]
        parts = np.linspace(0, used, LANES + 1).astype(int)
        jobs = [
            self._workers.submit(
                self._kernels.halves, samples.rows, plan.pairs, inside, a, b, sums, turned, powers
            )
            for a, b in pairwise(parts)
        ]
        later = self._intervals(samples, bounds, reach, tracker) if count else []
        for job in jobs:
            job.result()
        if count:
            part = slice(self.intervals, self.intervals + count)
            span = slice(lead, lead + count * halves)
            length = np.diff(bounds)
            total, square = sums[..., span].reshape(2, plan.channels, count, halves).sum(axis=-1)
            self.mean[:, part] = total / length
            self.rms[:, part] = np.sqrt(np.maximum(square, 0.0) / length)
            self.power[:, part] = powers[:, span].reshape(-1, count, halves).sum(axis=-1) / length
            self.intervals += count
        begins, lengths, phasors = self._cycles(samples, self.edges[: used + 1], turned)
        later += self._urms(samples, begins, lengths, phasors)
        self._jobs += later
        self.edges = self.edges[used:]

    def start(self, function: Callable[..., None], *arguments: Any) -> None:
        """Start something else that `finish` waits for."""
        self._jobs.append(self._workers.submit(function, *arguments))

    def finish(self) -> None:
        """Wait until all that was started is done."""
        for job in self._jobs:
            job.result()
        self._jobs = []

    def needed(self) -> int:
        """Return the index of the first sample that is still needed."""
        if not self.edges.size:
            return 0
        return max(0, int(self.edges[0] - 2 * self.plan.rate / self.plan.hertz) - 16)

    def _cycles(
        self, samples: Samples, edges: NDArray[np.float64], turned: NDArray[np.complex128]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.complex128]]:
        """Store the one-cycle phasors of pairs of half cycles; return begins, lengths and phasors."""
        turned = np.concatenate([self._last[0], turned], axis=1)
        edges = np.concatenate([self._last[1], edges])
        self._last = turned[:, -1:].copy(), edges[-2:-1]
        begins, ends = edges[:-2], edges[2:]
        lengths = ends - begins
        # The second half begins half a turn later. The angle is that at the begin.
        phasors = sqrt(2) * (turned[:, :-1] - turned[:, 1:]) / lengths
        part = slice(self.halves, self.halves + begins.size)
        self.ends[part], self.lengths[part], self.phasors[:, part] = ends, lengths, phasors
        self.spoilt[part] = samples.touched(slice(None), begins, ends)
        self.halves += begins.size
        return begins, lengths, phasors

    def _crossings(self, phasors: NDArray[np.complex128]) -> NDArray[np.float64]:
        """Return how far after the begin of a window each voltage crosses zero [rad].

        A voltage that is dead or about to change goes on as before; one that was dead all
        along crosses with the strongest.
        """
        size = np.abs(phasors)
        self._peaks = np.maximum(self._peaks, size.max(axis=1))
        strongest = int(self._peaks.argmax())
        step = np.abs(np.diff(size, axis=1)) > 0.02 * self._peaks[:, None]
        steady = np.ones(size.shape, bool)
        steady[:, 1:] &= ~step
        steady[:, :-1] &= ~step
        steady &= size > np.maximum(0.1 * self._peaks, 0.01 * self._peaks[strongest])[:, None]
        delays = np.full(size.shape, np.nan)
        for k, (row, alive) in enumerate(zip(phasors, steady, strict=True)):
            angles = np.append(self._angles[k], 2 * np.angle(row))
            known = np.flatnonzero(np.append(not np.isnan(self._angles[k]), alive))
            if not known.size:
                continue
            held = np.zeros(angles.size, int)
            held[known] = np.arange(known.size)
            held = np.maximum.accumulate(held)
            angles = np.unwrap(angles[known])
            if np.isnan(self._angles[k]) or abs(angles[0]) > 2 * pi:  # the crossing next to the begin
                angles += 2 * pi * np.floor((pi - angles[0]) / (2 * pi))
            angles = angles[held]
            self._angles[k] = angles[-1]
            delays[k] = (pi - angles[1:]) / 2
        dead = np.isnan(delays[:, 0])
        delays[dead] = delays[strongest]
        delays[np.isnan(delays)] = 0.0
        return delays

    def _urms(
        self,
        samples: Samples,
        begins: NDArray[np.float64],
        lengths: NDArray[np.float64],
        phasors: NDArray[np.complex128],
    ) -> list[Future[None]]:
        """Start Urms(1/2) of each channel."""
        if not begins.size:
            return []
        delays = self._crossings(phasors[: self.plan.voltages])
        strongest, middles, windows = int(self._peaks.argmax()), begins + lengths / 2, []
        for k, delay in enumerate(delays):
            first = begins + delay / (2 * pi) * lengths
            cycle = np.interp(first + lengths / 2, middles, lengths)
            before = np.maximum.accumulate(np.append(self._begun[k], first))[:-1]
            kept = (first - before > cycle / 8) & (first >= 0) & (first + cycle <= samples.last - 1)
            first, cycle = first[kept], cycle[kept]
            self._begun[k] = first[-1] if first.size else self._begun[k]
            windows.append((first, first + cycle))
        jobs = []
        for k, partner in enumerate(self.plan.partners):
            begins, ends = windows[strongest if partner is None else partner]
            part = slice(self.cycles[k], self.cycles[k] + ends.size)
            self.cycles[k] += ends.size
            self.urms[0, k, part] = ends
            spoilt = samples.touched(slice(k, k + 1), begins, ends)
            inside = begins - samples.first, ends - samples.first
            jobs.append(
                self._workers.submit(self._urms_of, samples.rows[k], *inside, spoilt, self.urms[1, k, part])
            )
        return jobs

    def _urms_of(
        self,
        row: NDArray[np.float32],
        begins: NDArray[np.float64],
        ends: NDArray[np.float64],
        spoilt: NDArray[np.bool_],
        out: NDArray[np.float64],
    ) -> None:
        """Write the RMS of each window, NaN where a sample is bad."""
        square = self._kernels.squares(row, begins, ends)
        np.sqrt(np.maximum(square, 0.0) / (ends - begins), out=out)
        out[spoilt] = np.nan

    def _intervals(
        self, samples: Samples, bounds: NDArray[np.float64], reach: int, tracker: Tracker
    ) -> list[Future[None]]:
        """Start the transforms of intervals."""
        from scipy.fft import next_fast_len  # noqa: PLC0415 - keeps `hil --help` quick

        count, plan = bounds.size - 1, self.plan
        part = slice(self.intervals, self.intervals + count)
        begins, lengths = bounds[:-1], np.diff(bounds)
        self.bounds[:, part] = begins, bounds[1:]
        self.held[part] = tracker.disturbed(begins, bounds[1:])
        self.marred[part] = samples.touched(slice(None), begins - reach, bounds[1:] + reach)
        size = next_fast_len(max(ceil(lengths.max()), 2 * plan.bins), real=True)
        together = plan.together
        parts = np.minimum(np.linspace(0, ceil(count / together), LANES + 1).astype(int) * together, count)
        inside = bounds - samples.first
        return [
            self._workers.submit(
                self._transform, lane, samples.rows, inside[a : b + 1], self.intervals + a, reach, size
            )
            for lane, a, b in zip(self.lanes, parts[:-1], parts[1:], strict=True)
        ]

    def _transform(
        self,
        lane: Lane,
        samples: NDArray[np.float32],
        bounds: NDArray[np.float64],
        first: int,
        reach: int,
        size: int,
    ) -> None:
        """Evaluate the transforms of consecutive intervals, the first of which is number `first`."""
        from scipy.fft import rfft  # noqa: PLC0415 - keeps `hil --help` quick

        plan, lengths = self.plan, np.diff(bounds).tolist()
        if lane.values.shape[1] != size:
            lane.values = np.empty((lane.values.shape[0], size), np.float32)
        rows = [lane.values[k * plan.channels : (k + 1) * plan.channels] for k in range(plan.together)]
        for low in range(0, len(lengths), plan.together):
            group = range(low, min(low + plan.together, len(lengths)))
            for k in group:
                self._kernels.resample(samples, float(bounds[k]), lengths[k], reach, rows[k - low])
            spectra = rfft(lane.values[: len(group) * plan.channels], axis=1)
            for k, spectrum in zip(group, np.split(spectra, len(group)), strict=True):
                self._group(lane, spectrum, first + k, size, plan.rate / lengths[k])

    def _group(
        self, lane: Lane, spectrum: NDArray[np.complex64], window: int, size: int, bin_width: float
    ) -> None:
        """Store what the transform of one interval tells."""
        plan = self.plan
        self.fundamentals[:, window] = sqrt(2) / size * spectrum[:, plan.cycles]
        calm = not (self.held[window] or self.marred[window])
        lane.count += calm
        power = lane.power if calm else lane.scrap
        edges = (np.floor(_BANDS[: plan.bands + 1] / bin_width + 1e-6) + 1).astype(np.intp)
        self._kernels.grouped(spectrum, size, plan.cycles, edges, self.levels, self.bands, window, power)
