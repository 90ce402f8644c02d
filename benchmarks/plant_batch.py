"""A batch of scenarios on one core and on all: python benchmarks/plant_batch.py [TRIALS].

The best of the trials counts: on a machine that does other things too, the others say nothing.
"""

import sys
import time

from hil.plant.parameters import Parameters
from hil.plant.scenarios import Scenario, cores, run_scenarios

COUNT, SECONDS = 8, 10.0


def power(terminals):
    terminals.pcs.active_power = 80e3


def sag(terminals):
    terminals.grid.volts = [0.6 * volts for volts in terminals.grid.volts]


def swell(terminals):
    terminals.grid.volts = [volts / 0.6 for volts in terminals.grid.volts]


def peak(recording):
    return max(abs(recording.signals[f"i_{phase}"]).max() for phase in "abc")


def seconds(workers, record):
    """Return how long the batch takes [s]."""
    scenarios = [
        Scenario(
            Parameters(scr=2.0 + n),
            SECONDS,
            [(0.8, power), (1.5, sag), (2.0, swell)],
            record=("i_a", "i_b", "i_c") if record else (),
            summary=peak if record else None,
        )
        for n in range(COUNT)
    ]
    begin = time.perf_counter()
    outcomes = run_scenarios(scenarios, workers)
    took = time.perf_counter() - begin
    assert not any(isinstance(outcome, Exception) for outcome in outcomes), outcomes
    return took


def main():
    trials = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    seconds(1, record=False)  # compiles the kernel
    for record in (False, True):
        taken = [(seconds(1, record), seconds(cores(), record)) for _ in range(trials)]
        one, all_ = map(min, zip(*taken, strict=True))
        print(
            f"{COUNT} scenarios of {SECONDS:g} s{', recording and summing up' if record else '':28s}"
            f" one core {one:6.3f} s, {cores()} cores {all_:6.3f} s, ratio {one / all_:.2f}"
        )


if __name__ == "__main__":
    main()
