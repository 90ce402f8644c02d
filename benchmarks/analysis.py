"""Speed of the power-quality engine beside pqopen-lib and the machine's limits, in one run.

Run: python benchmarks/analysis.py            (60 s of 3U+3I at 50 kS/s, in memory)
     python benchmarks/analysis.py --long     (five times as much as well: the cost per second must not rise)
     python benchmarks/analysis.py --numpy    (without numba: an import of it fails)
     python benchmarks/analysis.py --hour     (60 min x 8 channels at 100 kS/s, made while they are read)

Both compute RMS, frequency, power, Urms(1/2), harmonic subgroups and interharmonics to
order 50, flicker and deviation over intervals of 10 cycles; pqopen-lib (its class-A set)
also follows one mains signal, ours has groups, bands to 9 kHz and one-cycle phasors each
half cycle. pqopen-lib streams blocks of 0.2 s, as it is meant to be driven. Each is timed
at its best of several runs, in turn, so that all meet the same neighbours: by the clock,
and by the processor time of all threads, which neighbours hardly change.
"""

import resource
import subprocess
import sys
import time
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np

if "--numpy" in sys.argv:
    sys.modules["numba"] = None  # what an import of it finds where it is not installed

from hil.analysis.quality import engine
from hil.analysis.quality.engine import quality
from hil.waveform import Channel, Waveform

RATE, HERTZ, SECONDS, RUNS = 50_000.0, 49.97, 60.0, 8


def record(seconds: float = SECONDS, rate: float = RATE, *, extra: int = 0) -> Waveform:
    rng = np.random.default_rng(1)
    t = np.arange(round(rate * seconds)) / rate
    rows, channels = [], []
    for name, unit, size, lag in (("voltage", "V", 325.0, 0.0), ("current", "A", 100.0, 0.3)):
        for k, phase in enumerate("abc"):
            angle = 2 * np.pi * HERTZ * t - k * 2 * np.pi / 3 - lag
            wave = np.cos(angle) + 0.03 * np.cos(5 * angle) + 0.02 * np.cos(7 * angle)
            rows.append((size * (wave + 1e-4 * rng.normal(size=t.size))).astype(np.float32))
            channels.append(Channel(f"{name[0]}{phase}", unit, name, phase))
    for k in range(extra):
        rows.append(np.full(t.size, 850.0 + k, np.float32))
        channels.append(Channel(f"dc{k}", "V", "voltage", "dc"))
    return Waveform(np.array(rows), tuple(channels), rate)


class Tiled:
    """A long capture that repeats a short one of whole cycles: its parts are views."""

    def __init__(self, tile: Waveform, count: int) -> None:
        self.twice, self.length, self.count = np.tile(tile.samples, 2), len(tile), count
        self.channels, self.rate, self.start, self.triggered = tile.channels, tile.rate, 0.0, False
        self.history, self.source, self.stated_frequency = (), "tiled", None

    def __len__(self) -> int:
        return self.count * self.length

    def part(self, first: int, last: int) -> Waveform:
        """Return a part not longer than the tile."""
        begin, count = first % self.length, min(last, len(self)) - first
        part = self.twice[:, begin : begin + count]
        return Waveform(part, self.channels, self.rate, self.start + first / self.rate)


def pqopen(waveform: Waveform) -> None:
    from daqopen.channelbuffer import AcqBuffer  # noqa: PLC0415 - optional
    from pqopen.powersystem import PowerSystem  # noqa: PLC0415 - optional

    buffers = {c.name: AcqBuffer(dtype=np.float32) for c in waveform.channels}
    stamps = AcqBuffer(dtype=np.int64)
    system = PowerSystem(zcd_channel=buffers["va"], input_samplerate=RATE, zcd_threshold=1.0)
    for phase in "abc":
        system.add_phase(u_channel=buffers[f"v{phase}"], i_channel=buffers[f"c{phase}"])
    system.enable_harmonic_calculation(50)
    system.enable_nper_abs_time_sync(stamps)
    system.enable_fluctuation_calculation(230)
    system.enable_mains_signaling_calculation(1042.0)
    system.enable_under_over_deviation_calculation(230)
    step = round(0.2 * RATE)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its first cycle has no frequency to average
        for first in range(0, len(waveform), step):
            for name, buffer in buffers.items():
                buffer.put_data(waveform[name][first : first + step])
            stamps.put_data((np.arange(first, first + step) / RATE * 1e6).astype(np.int64))
            system.process()


def transforms(waveform: Waveform) -> None:
    """Run the float32 transforms of all intervals, on two threads: no analysis can be faster."""
    from scipy.fft import rfft  # noqa: PLC0415

    windows = np.empty((12, 10_125), np.float32)
    windows[:] = waveform.samples[:1, :10_125]
    count = round(waveform.samples.size / windows.size / 2)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: [rfft(windows, axis=1) for _ in range(count)], range(2)))


def urms(waveform: Waveform) -> None:
    """Run Urms(1/2) alone, of windows that are known, on two threads."""
    half, squares = RATE / HERTZ / 2, engine._kernels().squares  # noqa: SLF001
    begins = 3.3 + half * np.arange(int(len(waveform) / half) - 3)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda row: squares(row, begins, begins + 2 * half), waveform.samples))


def timed(runs: dict, count: int = RUNS) -> dict:
    """Return the best time by the clock and of the processors for each run."""
    best = dict.fromkeys(runs, (np.inf, np.inf))
    for _ in range(count):
        for name, run in runs.items():
            clock, processor = time.perf_counter(), time.process_time()
            run()
            took = time.perf_counter() - clock, time.process_time() - processor
            best[name] = tuple(map(min, best[name], took))
    return best


def line(name: str, waveform: Waveform, took: tuple[float, float]) -> None:
    clock, processor = took
    speed, duration = len(waveform) / 1e6, len(waveform) / waveform.rate
    per = 1e9 * processor / waveform.samples.size
    print(
        f"{name:27s} {clock:7.3f} s {speed / clock:7.1f} MS/s per channel {duration / clock:6.0f} x real time"
    )
    print(f"{'':27s} processor {processor:7.3f} s {per:6.2f} ns per sample and channel;", end=" ")
    print(f"shared by two cores {2 * speed / processor:.1f} MS/s per channel")


def main() -> None:
    waveform = record()
    kind = "numpy" if "--numpy" in sys.argv else "numba"
    if engine._kernels().__name__.endswith("kernels"):  # noqa: SLF001
        kind = "numpy"
    quality(record(2.0))  # compile
    runs = {f"hil quality, {kind}": lambda: quality(waveform)}
    if "--numpy" in sys.argv:
        line(*next((name, waveform, took) for name, took in timed(runs, 4).items()))
        return
    try:
        pqopen(record(1.0))
        runs["pqopen-lib, class A set"] = lambda: pqopen(waveform)
    except ImportError:
        print("pqopen-lib: not installed (pip install hil-bench[bench])")
    runs |= {
        "Urms(1/2) alone": lambda: urms(waveform),
        "limit: transforms": lambda: transforms(waveform),
        "limit: memory read": waveform.samples.sum,
    }
    found = timed(runs)
    for name, took in found.items():
        line(name, waveform, took)
    ours = found[f"hil quality, {kind}"]
    print("times over ours, by the clock and by the processors:")
    for name, took in found.items():
        print(f"  {name:27s} {took[0] / ours[0]:7.3f} {took[1] / ours[1]:7.3f}")
    if "--long" in sys.argv:
        long = record(5 * SECONDS)
        line("hil quality, five times", long, timed({"": lambda: quality(long)}, 4)[""])
    print("without numba, in a process of its own:", flush=True)
    subprocess.run([sys.executable, __file__, "--numpy"], check=True)


def hour() -> None:
    tile = record(200 / HERTZ, 100_000.0, extra=2)  # 200 cycles, to a fifth of a sample
    capture = Tiled(tile, round(3600 / tile.duration))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    clock, processor = time.perf_counter(), time.process_time()
    found = quality(capture)
    clock, processor = time.perf_counter() - clock, time.process_time() - processor
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{len(capture) / capture.rate:.0f} s x {len(capture.channels)} channels at {capture.rate:g} S/s:")
    print(f"{clock:.1f} s by the clock, {processor:.1f} s of the processors, {3600 / clock:.0f} x real time")
    print(f"{found.intervals.begin.size} intervals; peak {peak:.0f} MB in all, {before:.0f} MB of it before")


if __name__ == "__main__":
    hour() if "--hour" in sys.argv else main()
