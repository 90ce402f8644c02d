"""How much faster than the bench a dry run is: the default sequence on the shipped simulated bench.

Prints the bench time of the run, the time of the engine's part (connect to proven
safe), and that of the whole command `hil run` with start-up, evaluation and report.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from hil.config import load
from hil.engine import Stop
from hil.sequence import build
from hil.session import Options, conduct
from hil.table import resolve

RUNS = 3


class Laps:
    """Notes when each stage began."""

    def __init__(self):
        self.times = {}

    def stage(self, name, purpose):  # noqa: ARG002 - what a watch is told
        self.times[name] = time.perf_counter()

    def tick(self, seconds, reading):
        pass


def command(records):
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "hil", "run", "voltage_sag", "--records", records, "--json"],
        capture_output=True,
        check=True,
    )
    return time.perf_counter() - started, json.loads(done.stdout)["bench_seconds"]


def engine(records):
    laps = Laps()
    sequence = build(resolve("hil.sequences", "voltage_sag"), {})
    conduct(sequence, load("simulated"), Options(records=Path(records)), Stop(), laps)
    return laps.times["evaluate"] - laps.times["connect"]


def main():
    with tempfile.TemporaryDirectory() as records:
        engine(records)  # fills the kernel's cache
        part = min(engine(records) for _ in range(RUNS))
        whole, bench = min(command(records) for _ in range(RUNS))
    print("dry run of voltage_sag, best of", RUNS)
    print(f"  bench time              {bench:6.2f} s")
    print(f"  connect to proven safe  {part:6.2f} s   {bench / part:5.1f} x faster")
    print(f"  whole command           {whole:6.2f} s   {bench / whole:5.1f} x faster   (target 10 x)")


if __name__ == "__main__":
    main()
