"""Many short stories of one or many plants, on all cores of the machine.

Threads, not processes: the compiled model runs without the interpreter's lock, so they scale,
and they share its machine code, need nothing pickled and hand arrays back without a copy. A
scenario with a Python controller holds the lock while that computes, so such scenarios share
one core, as all do where numba is missing.
"""

from __future__ import annotations

import os
import threading
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from math import inf, isfinite, sqrt
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from hil.errors import Aborted, ConfigError

from .control_port import load_controller
from .plant import Plant
from .terminals import (
    MORE_SIGNALS,
    SIGNALS,
    AnalogInputs,
    DcTerminals,
    GridTerminals,
    PcsTerminals,
    Sensor,
    Terminals,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from .parameters import Parameters

SLICE: Final = 1.0
"""Plant time between two looks at whether to stop [s]."""


@dataclass(frozen=True, slots=True)
class Recording:
    """What a scenario leaves."""

    signals: dict[str, NDArray[np.float64]]
    """SI, by the names that were asked for."""
    step: float
    """Time between samples [s]; the first is at zero."""
    terminals: Terminals
    """As they are at the end."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """A bench that is switched on, with the PCS told to run at no power, and what happens to it."""

    parameters: Parameters
    seconds: float
    """How long it lasts [s]."""
    changes: Sequence[tuple[float, Callable[[Terminals], None]]] = ()
    """Plant time [s] and what is done to the terminals then, such as a sag or a command."""
    record: tuple[str, ...] = ()
    """Signals, out of `SIGNALS` and `MORE_SIGNALS`."""
    summary: Callable[[Recording], Any] | None = None
    """What to keep of the recording; None: all of it."""
    controller: str = ""
    """As `load_controller` reads it; none: the built-in control."""
    seed: int = 0
    name: str = field(default="scenario", kw_only=True)

    def __post_init__(self) -> None:
        times = [time for time, _ in self.changes]
        if not (isfinite(self.seconds) and self.seconds > 0.0):
            raise ConfigError(f"{self.name}: cannot last {self.seconds} s")
        if not all(0.0 <= time <= self.seconds for time in times):
            raise ConfigError(f"{self.name}: changes at {times} s; it lasts from 0 to {self.seconds} s")
        if unknown := set(self.record) - {*SIGNALS, *MORE_SIGNALS}:
            raise ConfigError(
                f"{self.name}: there is no signal {', '.join(sorted(unknown))}; there is "
                f"{', '.join(SIGNALS + MORE_SIGNALS)}"
            )


def run_scenarios(
    scenarios: Sequence[Scenario],
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Any]:
    """Run scenarios on as many threads as there are cores, or workers, and return what they leave.

    In their order: a `Recording`, what its summary made of it, or the exception with which it
    failed. Progress is told how many are done, out of how many. Interrupted, all stop.
    """
    if workers is not None and workers < 1:
        raise ConfigError(f"scenarios: {workers} workers cannot do anything")
    stop = threading.Event()
    with ThreadPoolExecutor(workers or cores()) as pool:
        try:
            futures = [pool.submit(run_scenario, scenario, stop) for scenario in scenarios]
            for done, _ in enumerate(as_completed(futures), 1):
                if progress is not None:
                    progress(done, len(futures))
        except BaseException:  # Ctrl-C, or an error in progress
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return [_outcome(future) for future in futures]


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run_scenario(scenario: Scenario, stop: threading.Event | None = None) -> Any:
    """Run one scenario and return its recording or what its summary makes of it."""
    terminals = switched_on(scenario.parameters, scenario.record)
    controller = load_controller(scenario.controller, scenario.parameters) if scenario.controller else None
    plant = Plant(scenario.parameters, terminals, seed=scenario.seed, controller=controller)
    rows = [terminals.inputs.signals.index(name) for name in scenario.record]
    blocks: list[NDArray[np.float64]] = []
    for time, change in [*sorted(scenario.changes, key=lambda each: each[0]), (scenario.seconds, None)]:
        while time - plant.time > plant.parameters.step / 2:
            if stop is not None and stop.is_set():
                raise Aborted(f"{scenario.name}: stopped at {plant.time:.3f} s")
            plant.advance(min(SLICE, time - plant.time))
            blocks += [block[rows] for block in terminals.inputs.blocks]
            terminals.inputs.blocks.clear()
        if change is not None:
            change(terminals)
    samples = np.concatenate(blocks, axis=1) if rows else np.zeros((0, 0))
    recording = Recording(dict(zip(scenario.record, samples, strict=True)), plant.parameters.step, terminals)
    return recording if scenario.summary is None else scenario.summary(recording)


def switched_on(q: Parameters, record: tuple[str, ...] = ()) -> Terminals:
    """Return the terminals of a bench whose sources are on at nominal values, the PCS told to run."""
    return Terminals(
        GridTerminals(relay=True, volts=[q.voltage / sqrt(3)] * 3, hertz=q.frequency),
        DcTerminals(True, q.dc_voltage, inf, inf, 2 * q.rated_power, 2 * q.rated_power),
        PcsTerminals(enable=True),
        AnalogInputs({name: Sensor(name, np.asarray) for name in record}, running=bool(record)),
    )


def _outcome(future: Future[Any]) -> Any:
    error = future.exception()
    return future.result() if error is None else error
