"""Runs a sequence on a bench: the only place where hardware is touched.

One thread, one step after the other. While it waits, in slices, it drains the
recorder into the block log, watches the limits, refreshes what would revert by
itself, and tells the guard that it lives. However it ends, the bench ends
de-energised, by the engine, or where it cannot prove that, by the guard.
"""

from __future__ import annotations

import signal
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np

from hil.capture.blocklog import BlockLog
from hil.capture.sealed import seal
from hil.errors import Aborted, ConfigError, HilError, NotSafe
from hil.rehearse import nominal
from hil.roles import Input
from hil.steps import (
    Arm,
    Await,
    Disarm,
    Fire,
    Hold,
    LoadTransient,
    RampGrid,
    SetDc,
    SetGrid,
    SetPower,
    StageEnd,
    SwitchDc,
    SwitchGrid,
    SwitchPcs,
)
from hil.table import resolve
from hil.transient import compile_transient
from hil.units import show
from hil.waveform import Channel

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import FrameType

    from numpy.typing import NDArray

    from hil.bench import Bench
    from hil.guard import Guard
    from hil.roles import PcsState
    from hil.steps import Sequence, Step

SLICE: Final = 0.1
"""Bench time between two looks at the recorder and the limits [s]."""
WATCH: Final = 1.0
"""Bench time between two looks at the PCS [s]."""
RAMP_STEP: Final = 0.1
"""Bench time between two set-points of a ramp [s]."""


class Watch(Protocol):
    """Who looks on: the terminal's progress, or nobody."""

    def stage(self, name: str, purpose: str) -> None:
        """Show that a stage begins."""

    def tick(self, seconds: float, reading: str) -> None:
        """Show the bench time since the start [s], and what was last measured."""


class Aside:
    """A watch that may fail: a terminal that is gone must not keep the engine from its work."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch

    def stage(self, name: str, purpose: str) -> None:
        """Show that a stage begins, if there is still where."""
        with suppress(OSError, ValueError):  # ValueError: written to a closed file
            self._watch.stage(name, purpose)

    def tick(self, seconds: float, reading: str) -> None:
        """Show the bench time [s] and what was measured, if there is still where."""
        with suppress(OSError, ValueError):
            self._watch.tick(seconds, reading)


class Stop:
    """Ctrl-C and SIGTERM as a wish: the engine stops between two exchanges, never inside one."""

    def __init__(self) -> None:
        self.reason = ""
        self.error: HilError | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Stop:
        """Take over the signals."""
        for name, text in (
            ("SIGINT", "the operator (Ctrl-C)"),
            ("SIGTERM", "SIGTERM"),
            ("SIGHUP", "hang-up"),
        ):
            number = getattr(signal, name, None)
            if number is not None:
                self._before[number] = signal.signal(number, self._handler(text))
        return self

    def __exit__(self, *_: object) -> None:
        """Give the signals back."""
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _handler(self, text: str) -> Callable[[int, FrameType | None], None]:
        def ask(_number: int, _frame: FrameType | None) -> None:
            self.reason = self.reason or f"stopped by {text}"

        return ask

    def fail(self, error: HilError) -> None:
        """Ask for a stop because of an error met where it could not be raised."""
        self.error = self.error or error

    def check(self) -> None:
        """Raise what asks for a stop, if anything does."""
        if self.error is not None:
            raise self.error
        if self.reason:
            raise Aborted(self.reason)


@dataclass
class RunEnd:
    """How a run ended, and what is known of the bench."""

    end: str = "completed"
    """"completed", "aborted" or "error"."""
    text: str = ""
    safe: bool = False
    safety: str = ""
    """How it was proven that the bench is de-energised, or why it could not be."""
    proofs: list[str] = field(default_factory=list)
    captures: dict[str, str] = field(default_factory=dict)
    """Sealed captures: name to file name."""
    seconds: float = 0.0
    """Bench time that the run took [s]."""
    notes: list[str] = field(default_factory=list)
    prepared: dict[str, dict[str, float | str | bool | None]] = field(default_factory=dict)
    """What each instrument said of itself before anything was switched on."""
    error: HilError | None = None


class _Run:
    """The state of one run."""

    def __init__(self, bench: Bench, folder: Path, guard: Guard, stop: Stop, watch: Watch) -> None:
        self.bench = bench
        self.clock = bench.clock
        self.folder = folder
        self.guard = guard
        self.stop = stop
        self.watch = watch
        self.result = RunEnd()
        self.began = self.clock.now()
        self.capture: tuple[str, BlockLog] | None = None
        self.ended: list[tuple[str, BlockLog, int | None]] = []
        """Captures to seal once the bench is safe, and how many samples were acquired."""
        self.volts = 0.0
        """Where a ramp begins [V]."""
        self.after_list = 0.0
        """Where the loaded list will leave the output [V]."""
        self.pcs_seen: PcsState | None = None
        self.looked = -np.inf
        self.commanded = False
        config = bench.config
        load = resolve("hil.calibration", "certificate")
        self.certificates = [load(c.certificate) for c in config.channels]

    # -- steps ---------------------------------------------------------------------------------

    def step(self, step: Step) -> None:
        self.stop.check()
        bench = self.bench
        match step:
            case SetGrid(volts, hertz):
                bench.grid.set_frequency(hertz)
                bench.grid.set_voltages(volts)
                self.volts = volts[0]
            case RampGrid(volts, seconds):
                self._ramp(volts, seconds)
            case SwitchGrid(on):
                bench.grid.switch_output(on=on)
            case SetDc(volts, amps, watts):
                bench.dc.set_voltage(volts)
                bench.dc.set_current_limits(amps, amps)
                bench.dc.set_power_limits(watts, watts)
            case SwitchDc(on):
                bench.dc.switch_output(on=on)
            case SetPower(watts, var):
                bench.pcs.set_active_power(watts)
                bench.pcs.set_reactive_power(var)
            case SwitchPcs(on):
                bench.pcs.switch(on=on)
            case Await():
                self._await(step)
            case Arm(name):
                self._arm(name)
            case LoadTransient(points):
                transient = compile_transient(points, bench.grid.LIST, bench.grid.name)
                self.result.notes.extend(transient.notes)
                bench.grid.load_list(transient.points)
                self.after_list = transient.points[-1].volts[0]
            case Fire():
                bench.grid.fire_list()
                self.volts = self.after_list
            case Hold(seconds):
                self._hold(seconds)
            case Disarm():
                self._disarm()
            case _:
                raise ConfigError(f"{step!r} is no step")

    def _ramp(self, volts: float, seconds: float) -> None:
        begin, count = self.volts, max(1, round(seconds / RAMP_STEP))
        for k in range(1, count + 1):
            value = begin + (volts - begin) * k / count
            self.bench.grid.set_voltages((value, value, value))
            self._hold(seconds / count)
        self.volts = volts

    def _await(self, step: Await) -> None:
        end = self.clock.now() + step.timeout
        while True:
            value = self._measure(step.quantity)
            self._tick(f"{step.quantity} = {show(value, step.limit.unit)}")
            if step.limit.low <= value <= step.limit.high:
                return
            if self.clock.now() >= end:
                state = ""
                if self.pcs_seen is not None and step.quantity.startswith("pcs"):
                    alarms = ", ".join(self.pcs_seen.alarms) or "no alarm"
                    state = f" The PCS says that it is {self.pcs_seen.mode}, with {alarms}."
                raise Aborted(
                    f"{step.quantity} is {show(value, step.limit.unit)} after {step.timeout:g} s, "
                    f"expected {step.limit}.{state}"
                )
            self._hold(SLICE)

    def _measure(self, quantity: str) -> float:
        match quantity:
            case "grid.voltage":
                return min(self.bench.grid.read_voltages())
            case "grid.highest_voltage":
                return max(self.bench.grid.read_voltages())
            case "dc.voltage":
                return self.bench.dc.read_voltage()
        self.pcs_seen = state = self.bench.pcs.read_state()
        match quantity:
            case "pcs.running":
                if state.mode in {"tripped", "fault"}:
                    raise Aborted(f"the PCS is {state.mode}: {', '.join(state.alarms) or 'no alarm given'}")
                return float(state.mode == "running")
            case "pcs.connected":
                return float(state.connected)
            case "pcs.active_power":
                return state.active_power
            case "pcs.reactive_power":
                return state.reactive_power
        raise ConfigError(f"cannot wait for {quantity!r}")

    # -- waiting, watched ----------------------------------------------------------------------

    def _hold(self, seconds: float) -> None:
        end = self.clock.now() + seconds
        while (left := end - self.clock.now()) > 1e-9:
            self.stop.check()
            self.clock.sleep(min(left, SLICE))
            self.guard.beat()
            self._drain()
            self._look()

    def _look(self) -> None:
        """See to the PCS about once a second: its set-points must not revert while we wait."""
        now = self.clock.now()
        if now - self.looked >= WATCH:
            self.looked = now
            self.bench.pcs.refresh()
            self._tick("")

    def _tick(self, reading: str) -> None:
        self.watch.tick(self.clock.now() - self.began, reading)

    def _drain(self) -> None:
        if self.capture is None:
            return
        samples = self.bench.recorder.read()
        self.capture[1].append(samples)
        self._supervise(samples)

    def _supervise(self, samples: NDArray[np.float64]) -> None:
        """Stop the run where a corrected sample exceeds its channel's trip limit."""
        if samples.shape[1] == 0:
            return
        for row, channel, certificate in zip(
            samples, self.bench.config.channels, self.certificates, strict=True
        ):
            if channel.trip is None:
                continue
            peak = float(np.abs(certificate.line.correct(row)).max())
            if peak > channel.trip:
                raise Aborted(
                    f"{channel.name} reached {peak:.4g} {certificate.unit}; the bench trips at "
                    f"{channel.trip:g} {certificate.unit}"
                )

    # -- captures ------------------------------------------------------------------------------

    def _arm(self, name: str) -> None:
        if self.capture is not None:
            raise ConfigError(f"capture {name} begins before {self.capture[0]} has ended")
        config = self.bench.config
        recorder = self.bench.recorder
        inputs = [Input(c.name, c.input, c.range) for c in config.channels]
        rate = recorder.configure(inputs, config.rate)
        channels = tuple(Channel(c.name, "V", c.quantity, c.phase) for c in config.channels)
        metadata = {
            "source": name,
            "corrections": {
                c.name: {"certificate": certificate.to_dict(), "range": c.range}
                for c, certificate in zip(config.channels, self.certificates, strict=True)
            },
        }
        log = BlockLog(self.folder / f"{name}.blk", channels, rate, metadata)
        self.capture = (name, log)
        recorder.start()

    def _disarm(self) -> None:
        if self.capture is None:
            raise ConfigError("a capture is ended that was never begun")
        name, log = self.capture
        last, acquired = self.bench.recorder.stop()
        log.append(last)
        log.close()
        self.capture = None
        self.ended.append((name, log, acquired))
        self._supervise(last)

    def keep(self) -> None:
        """Seal what was captured, also by a run that ended in the middle of a capture.

        It takes seconds, in which nobody watches: so it is done when the bench is safe.
        """
        result = self.result
        if self.capture is not None:
            name, log = self.capture
            self.ended.append((name, log, None))
            result.notes.append(f"capture {name} ends with the run")
        for name, log, acquired in self.ended:
            try:
                log.close()
                if log.stored == 0:
                    result.notes.append(f"capture {name} ended before its first sample")
                    continue
                path = seal(log.path, self.folder / f"{name}.h5", acquired=acquired)
            except HilError as error:
                result.notes.append(f"capture {name} stays as {log.path.name}: {error}")
                if result.error is None:
                    result.end, result.text, result.error = "error", str(error), error
            else:
                result.captures[name] = path.name


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
    current = _Run(bench, folder, guard, stop, watch)
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
    current.keep()
    return result


def _end(current: _Run, guard: Guard) -> None:
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
