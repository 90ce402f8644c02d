"""Speed of loading and writing COMTRADE beside python-comtrade, and the limit of memory, in one run.

Run: python benchmarks/formats.py

Six analog channels and 16 digital ones, of which two change; analog channel-samples are counted.
Files lie in the page cache. The limit is what has to be done in any case by all threads together:
read the bytes of the file once, and fill fresh memory for the analog samples once. Each is timed
at its best of several runs, in turn, as wall time and as processor time: on a machine that others
use as well the second, times the number of cores, tells more.
"""

import os
import tempfile
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from hil.capture.comtrade import open_comtrade, read_comtrade
from hil.capture.comtrade_write import write_comtrade
from hil.waveform import Channel, Waveform, blocks

SAMPLES, ASCII_SAMPLES, PEER_SAMPLES, RUNS = 5_000_000, 400_000, 200_000, 5
RATE = 100_000.0


def record(n: int) -> Waveform:
    rng = np.random.default_rng(1)
    t = np.arange(n) / RATE
    rows, channels = np.zeros((22, n), np.float32), []
    for k in range(6):
        rows[k] = 400 * np.sin(2 * np.pi * 50 * t - k) + rng.normal(size=n)
        name, unit = ("voltage", "V") if k < 3 else ("current", "A")
        channels.append(Channel(f"{name[0]}{'abc'[k % 3]}", unit, name, "abc"[k % 3]))
    rows[8, n // 3 : n // 2] = rows[20, n // 4 :] = 1
    return Waveform(rows, (*channels, *(Channel(f"d{k}", "", "other") for k in range(16))), RATE)


def limit(path: Path, bytes_out: int) -> None:
    """Read a file once and fill fresh memory, on as many threads as we use."""
    data = path.with_suffix(".dat")
    workers, size = min(os.cpu_count() or 1, 4), data.stat().st_size
    out = np.empty(bytes_out, np.uint8)

    def share(i: int) -> None:
        buffer = bytearray(1 << 20)
        with data.open("rb", buffering=0) as file:
            file.seek(i * size // workers)
            for _ in range(size // workers >> 20):
                file.readinto(buffer)
        out[i * bytes_out // workers : (i + 1) * bytes_out // workers] = 1

    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(share, range(workers)))


def walk(path: Path) -> None:
    for _ in blocks(open_comtrade(path), 1 << 17):
        pass


def peer(path: Path) -> None:
    import comtrade  # noqa: PLC0415 - optional

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        comtrade.Comtrade(use_numpy_arrays=True, ignore_warnings=True).load(str(path))


def best(jobs: dict[str, Callable[[], object]]) -> dict[str, tuple[float, float]]:
    """Return the least wall and processor time of each job [s]; all take turns."""
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in jobs}
    for _ in range(RUNS):
        for name, job in jobs.items():
            wall, processor = time.perf_counter(), time.process_time()
            job()
            times[name].append((time.perf_counter() - wall, time.process_time() - processor))
    return {name: (min(w for w, _ in found), min(p for _, p in found)) for name, found in times.items()}


def main() -> None:
    try:
        import comtrade  # noqa: F401, PLC0415 - optional
    except ImportError:
        print("python-comtrade is not installed (pip install hil-bench[bench]): ours alone")
        others = False
    else:
        others = True
    print("M analog channel-samples per second: wall time (processor time)")
    print(
        f"{'':9s}{'read':>15s}{'open, walk':>15s}{'write':>15s}{'python-comtrade':>17s}{'memory limit':>15s}"
    )
    with tempfile.TemporaryDirectory() as folder:
        for kind in ("BINARY", "BINARY32", "FLOAT32", "ASCII"):
            n = ASCII_SAMPLES if kind == "ASCII" else SAMPLES
            wave = record(n)
            path = write_comtrade(wave, Path(folder) / f"{kind}.cfg", kind=kind)
            few = write_comtrade(wave.part(0, PEER_SAMPLES), Path(folder) / f"{kind}_few.cfg", kind=kind)
            again = Path(folder) / "again.cff"

            def write(wave=wave, again=again, kind=kind) -> None:
                again.unlink(missing_ok=True)
                write_comtrade(wave, again, kind=kind)

            fresh = n * 6 * (4 if kind in {"BINARY", "FLOAT32"} else 8)
            jobs: dict[str, Callable[[], object]] = {
                "read": lambda path=path: read_comtrade(path),
                "walk": lambda path=path: walk(path),
                "limit": lambda path=path, fresh=fresh: limit(path, fresh),
            }
            found = best(jobs)
            begin = time.perf_counter(), time.process_time()
            write()
            found["write"] = time.perf_counter() - begin[0], time.process_time() - begin[1]
            speeds = {name: tuple(6 * n / t / 1e6 for t in pair) for name, pair in found.items()}
            if others:
                begin = time.perf_counter(), time.process_time()
                peer(few)
                pair = time.perf_counter() - begin[0], time.process_time() - begin[1]
                speeds["peer"] = tuple(6 * PEER_SAMPLES / t / 1e6 for t in pair)
            cells = [
                f"{speeds[k][0]:7.4g} ({speeds[k][1]:.4g})" if k in speeds else "-"
                for k in ("read", "walk", "write", "peer", "limit")
            ]
            print(
                f"{kind:9s}" + "".join(f"{c:>{w}s}" for c, w in zip(cells, (15, 15, 15, 17, 15), strict=True))
            )
            again.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
