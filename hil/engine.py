"""Runs a sequence on a bench: the only place where hardware is touched.

One thread, one step after the other. While it waits, in slices, it drains the
recorder into the block log, watches the limits, refreshes what would revert by
itself, and tells the guard that it lives. However it ends, the bench ends
de-energised, by the engine, or where it cannot prove that, by the guard.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from hil.errors import Aborted, HilError, NotSafe
from hil.rehearse import nominal
from hil.sequence import StageEnd
from hil.stepper import Stepper
from hil.watch import Aside, RunEnd, Stop, Watch

if TYPE_CHECKING:
    from pathlib import Path

    from hil.bench import Bench
    from hil.guard import Guard
    from hil.sequence import Sequence

__all__ = ["Aside", "RunEnd", "Stop", "Watch", "run"]


def run(
    sequence: Sequence,
    bench: Bench,
    folder: Path,
    guard: Guard,
    stop: Stop,
    watch: Watch,
) -> RunEnd:
    """Run a rehearsed sequence; captures go into the folder.

    Returns how it ended; what went wrong on the bench is in the result and not raised,
    for the captures and the proof of safety count all the same.
    """
    watch = Aside(watch)
    current = Stepper(bench, folder, guard, stop, watch)
    result = current.result
    try:
        watch.stage("connect", "who is there; nothing changes")
        bench.connect()
        stop.check()
        watch.stage("preflight", "everything off and measured, then ranges and protections")
        current.commanded = True
        bench.make_safe()
        bench.prepare()
        result.prepared = {name: item.snapshot() for name, item in bench.instruments.items()}
        stages = sequence.stages(nominal(bench.config))
        answer: StageEnd | None = None
        while True:
            try:
                stage = stages.send(answer)
            except StopIteration:
                break
            watch.stage(stage.name, stage.purpose)
            for step in stage.steps:
                current.step(step)
            answer = StageEnd(pcs_running=bench.pcs.read_state().mode == "running")
    except Aborted as error:
        result.end, result.text, result.error = "aborted", str(error), error
    except HilError as error:
        result.end, result.text, result.error = "error", str(error), error
    except Exception as error:  # noqa: BLE001 - a defect of ours must not leave the bench live either
        result.end, result.text = "error", f"internal error: {type(error).__name__}: {error}"
        result.error = HilError(result.text)
        result.error.__cause__ = error
    watch.stage("safe state", "everything off, proven by measurement")
    _end(current, guard)
    current.capturing.keep(result)
    return result


def _end(current: Stepper, guard: Guard) -> None:
    """De-energise the bench, or have it done by the guard."""
    result, bench = current.result, current.bench
    try:
        proofs = bench.make_safe(reached_only=not current.commanded)
        result.safe, result.safety = True, "de-energised by the engine, measured"
        silent = [name for name in bench.instruments if name not in bench.identities]
        if silent:
            result.safety += f"; nothing was sent to {', '.join(silent)}, whose state is not known"
        if bench.blind:
            result.safety += f" by the sources alone, for the recorder could not: {bench.blind}"
        result.proofs = [str(proof) for proof in proofs]
    except Exception as error:  # noqa: BLE001 - whatever it is, the guard takes over
        result.safety = str(error)
        result.notes.append(f"handed over to the guard: {error}")
    with suppress(HilError):  # a simulated bench that is gone has no time any more
        result.seconds = bench.clock.now() - current.began
    bench.close()
    if result.safe:
        guard.done()
        return
    report = guard.act()
    result.safe = report.safe
    result.safety = report.text
    if not report.safe:
        both = f"{result.text}; {report.text}" if result.text else report.text
        result.end, result.text, result.error = "error", both, NotSafe(both)
