"""Speed of the simulated plant, compiled and in plain Python: python benchmarks/plant.py."""

import sys
import time

import hil.plant
from hil.plant.parameters import STEP, Parameters
from hil.plant.plant import Plant
from hil.plant.terminals import AnalogInputs, DcTerminals, GridTerminals, PcsTerminals, Terminals


def running_plant(*, recording):
    """Return a plant whose PCS runs at 80 % of its power."""
    q = Parameters(start_delay=0.05)
    grid = GridTerminals(relay=True, volts=[q.voltage / 3**0.5] * 3)
    dc = DcTerminals(True, q.dc_voltage, 300.0, 300.0, 250e3, 250e3)
    pcs = PcsTerminals(enable=True, active_power=0.8 * q.rated_power)
    plant = Plant(q, Terminals(grid, dc, pcs, AnalogInputs(running=recording)))
    plant.advance(0.2)
    assert pcs.mode == "running"
    return plant


def speed(*, recording, span, slice_):
    """Return steps per second, the best of five, of a span of plant time [s] in slices [s]."""
    plant = running_plant(recording=recording)
    best = float("inf")
    for _ in range(5):
        plant.terminals.inputs.blocks.clear()
        begin = time.perf_counter()
        for _ in range(round(span / slice_)):
            plant.advance(slice_)
        best = min(best, time.perf_counter() - begin)
    return span / STEP / best


def report(title, span):
    for recording in (False, True):
        for slice_ in (span, 1e-3):
            rate = speed(recording=recording, span=span, slice_=slice_)
            how = "recording 9 signals" if recording else "not recording"
            print(
                f"{title:13s} {how:20s} slices of {slice_ * 1e3:5.0f} ms"
                f" {rate / 1e6:8.3f} M steps/s {rate * STEP:7.1f} x real time"
            )


def main():
    begin = time.perf_counter()
    running_plant(recording=False)  # imports the kernel, and numba with it
    kernel = sys.modules["hil.plant.kernel"]

    if kernel.COMPILED:
        print(
            f"first plant, numba imported, kernel compiled or taken from the cache: "
            f"{time.perf_counter() - begin:.2f} s"
        )
        report("numba", 2.0)
        sys.modules["numba"] = None
        for name in ("kernel", "circuit"):
            del sys.modules[f"hil.plant.{name}"]
            delattr(hil.plant, name)
    report("plain Python", 0.1)


if __name__ == "__main__":
    main()
