"""Speed of the simulated plant, compiled and in plain Python: python benchmarks/plant.py."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from hil.plant.genset import DIESEL, GAS
from hil.plant.loads import Bank
from hil.plant.missions import Mission, Missions
from hil.plant.parameters import Parameters
from hil.plant.plant import Plant
from hil.plant.terminals import (
    AnalogInputs,
    DcTerminals,
    GensetTerminals,
    GridTerminals,
    LoadTerminals,
    PcsTerminals,
    Terminals,
)
from hil.profiles.generate import square
from hil.profiles.scale import rated


def simple(recording, **options):
    """Return a grid and one following PCS that runs at 80 % of its power."""
    q = Parameters(start_delay=0.05, **options)
    grid = GridTerminals(relay=True, volts=[q.voltage / 3**0.5] * 3)
    dc = DcTerminals(True, q.dc_voltage, 300.0, 300.0, 250e3, 250e3)
    pcs = PcsTerminals(enable=True, active_power=0.8 * q.rated_power)
    plant = Plant(q, Terminals(grid, dc, pcs, AnalogInputs(running=recording)))
    plant.advance(0.2)
    assert pcs.mode == "running"
    return plant


def richest(recording, **options):
    """Return all that there is: a forming PCS with missions beside the grid, two sets, loads, transformer."""
    missions = Missions((Mission("ride-through", reserve=0.1), Mission("buffering"), Mission("dispatch")))
    q = Parameters(
        start_delay=0.05,
        control="forming",
        gensets=(DIESEL, GAS),
        missions=missions,
        chemistry="lfp",
        **options,
    )
    grid = GridTerminals(
        relay=True, volts=[q.voltage / 3**0.5] * 3, harmonics=[(5, 0.02, 0.0), (7, 0.01, 0.0)]
    )
    dc = DcTerminals(True, q.dc_voltage, 300.0, 300.0, 250e3, 250e3)
    pcs = PcsTerminals(enable=True, active_power=0.1 * q.rated_power)
    bank = Bank.from_power(q.voltage, q.frequency, [10e3] * 3, [3e3] * 3, [3e3] * 3)
    training = rated(square(period=1.0, duty=0.7, high=0.6, low=0.2, edge=5e-3, duration=1.0), 100e3)
    load = LoadTerminals(closed=True, bank=bank, on=True, profile=training, repeated=True)
    sets = [GensetTerminals(run=True, close=True), GensetTerminals(run=True, close=True)]
    terminals = Terminals(grid, dc, pcs, AnalogInputs(running=recording), load=load, gensets=sets)
    terminals.transformer.close = True
    plant = Plant(q, terminals)
    plant.advance(0.5)
    assert pcs.mode == "running", pcs
    return plant


def speed(build, *, recording, span, slice_, **options):
    """Return steps per second, the best of five, of a span of plant time [s] in slices [s]."""
    plant = build(recording, **options)
    step, best = plant.parameters.step, float("inf")
    for _ in range(5):
        plant.terminals.inputs.blocks.clear()
        begin = time.perf_counter()
        for _ in range(round(span / slice_)):
            plant.advance(slice_)
        best = min(best, time.perf_counter() - begin)
    return span / step / best, span / best


def report(title, build, span, **options):
    for recording in (False, True):
        for slice_ in (span, 1e-3):
            rate, times = speed(build, recording=recording, span=span, slice_=slice_, **options)
            how = "recording 9 signals" if recording else "not recording"
            print(
                f"{title:38s} {how:20s} slices of {slice_ * 1e3:5.0f} ms"
                f" {rate / 1e6:8.3f} M steps/s {times:7.2f} x real time"
            )


FIRST_USE = """
import sys, time
sys.path.insert(0, {folder!r})
import plant
begin = time.perf_counter()
plant.{build}(False)
print(f"{{time.perf_counter() - begin:.1f}}")
"""


def first_use(build):
    """Return how long the first plant takes [s], compiler and all, and the next process's first."""
    with tempfile.TemporaryDirectory() as cache:
        code = FIRST_USE.format(folder=str(Path(__file__).resolve().parent), build=build)
        environment = {**os.environ, "NUMBA_CACHE_DIR": cache}
        command = [sys.executable, "-c", code]
        return [subprocess.check_output(command, env=environment, text=True).strip() for _ in range(2)]


def main():
    if "numba" in sys.argv[1:] or len(sys.argv) == 1:
        for build in ("simple", "richest"):
            new, again = first_use(build)
            print(f"{build}: first use, compiled: {new} s; from the cache: {again} s")
        report("numba, grid and following PCS", simple, 2.0)
        report("numba, richest network", richest, 2.0)
        subprocess.run([sys.executable, __file__, "plain"], check=True)
        return
    sys.modules["numba"] = None
    report("plain Python, grid and following PCS", simple, 0.1)
    report("plain Python, the same at 50 us", simple, 0.1, step=50e-6)
    report("plain Python, richest network at 50 us", richest, 0.1, step=50e-6)


if __name__ == "__main__":
    main()
