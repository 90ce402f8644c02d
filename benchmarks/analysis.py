"""Speed of the analysis beside pqopen-lib, on the same samples, in one run.

Run: python benchmarks/analysis.py

Six channels (three voltages, three currents) at 50 kS/s. Both compute Urms(1/2), RMS over
10 cycles, frequency, power, the fundamental of each cycle, unbalance and 50 harmonics with
THD over the whole record, RMS by the trapezoidal rule; "lean" is pqopen-lib without the
fundamental of each cycle and that rule. It streams blocks of 10 cycles, as it is meant
to be driven. Each is timed at its best of several runs.
"""

import time
import warnings

import numpy as np

from hil.analysis.analyze import analyze
from hil.waveform import Channel, Waveform

RATE, HERTZ, SECONDS, RUNS = 50_000.0, 49.97, 20.0, 8


def record() -> Waveform:
    rng = np.random.default_rng(1)
    t = np.arange(round(RATE * SECONDS)) / RATE
    rows, channels = [], []
    for k, phase in enumerate("abc"):
        for name, unit, size, lag in (("voltage", "V", 325.0, 0.0), ("current", "A", 100.0, 0.3)):
            angle = 2 * np.pi * HERTZ * t - k * 2 * np.pi / 3 - lag
            wave = np.cos(angle) + 0.03 * np.cos(5 * angle) + 0.02 * np.cos(7 * angle)
            rows.append(size * (wave + 1e-4 * rng.normal(size=t.size)))
            channels.append(Channel(f"{name[0]}{phase}", unit, name, phase))
    return Waveform(np.array(rows, dtype=np.float32), tuple(channels), RATE)


def ours(waveform: Waveform) -> float:
    begin = time.perf_counter()
    analyze(waveform)
    return time.perf_counter() - begin


def theirs(waveform: Waveform, *, lean: bool) -> float | None:
    try:
        from daqopen.channelbuffer import AcqBuffer  # noqa: PLC0415 - optional
        from pqopen.powersystem import PowerSystem  # noqa: PLC0415 - optional
    except ImportError:
        return None
    buffers = {c.name: AcqBuffer(dtype=np.float32) for c in waveform.channels}
    system = PowerSystem(zcd_channel=buffers["va"], input_samplerate=RATE, zcd_threshold=1.0)
    for phase in "abc":
        system.add_phase(u_channel=buffers[f"v{phase}"], i_channel=buffers[f"c{phase}"])
    system.enable_harmonic_calculation(50)
    if not lean:
        system.enable_one_period_fundamental()
        system.enable_rms_trapz_rule()
    step = round(0.2 * RATE)
    begin = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its first cycle has no frequency to average
        for first in range(0, len(waveform), step):
            for name, buffer in buffers.items():
                buffer.put_data(waveform[name][first : first + step])
            system.process()
    return time.perf_counter() - begin


def main() -> None:
    waveform = record()
    runs = {
        "hil.analysis": lambda: ours(waveform),
        "pqopen-lib": lambda: theirs(waveform, lean=False),
        "pqopen-lib, lean": lambda: theirs(waveform, lean=True),
    }
    times: dict[str, list[float | None]] = {name: [] for name in runs}
    for _ in range(RUNS):  # in turn, so that all meet the same neighbours
        for name, run in runs.items():
            times[name].append(run())
    for name, seconds in times.items():
        if None in seconds:
            print(f"{name}: not installed (pip install hil-bench[bench])")
            continue
        best, speed = min(seconds), len(waveform) / min(seconds) / 1e6
        print(f"{name:17s} {best:6.3f} s {speed:6.2f} MS/s per channel {SECONDS / best:5.0f} x real time")
        print(f"{'':17s} time over ours: {best / min(times['hil.analysis']):.2f}")


if __name__ == "__main__":
    main()
