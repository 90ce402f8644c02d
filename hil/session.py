"""One run from the bench file to the sealed record: the way that `hil run` goes."""

from __future__ import annotations

import json
import platform
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from importlib import import_module
from importlib.metadata import version
from importlib.resources import files
from math import isfinite
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from hil import engine
from hil.bench import Bench
from hil.clock import HostClock, SimulatedClock
from hil.compliance.verdict import Outcome, overall
from hil.errors import Aborted, ConfigError, HilError, StorageError
from hil.evaluate import CRITERIA, ENVELOPE, corrected, evaluate
from hil.guard import PATIENCE, Guard
from hil.lock import hold
from hil.record import Event, RecordWriter, open_record
from hil.rehearse import nominal, recorded, rehearse
from hil.sequence import parameters
from hil.simulated import launch
from hil.steps import ByHand
from hil.table import resolve
from hil.transport.link import CommandLog, Exchange
from hil.transport.terminal import present
from hil.watch import RunEnd

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hil.compliance.envelope import Envelope
    from hil.config import BenchConfig
    from hil.record import Record
    from hil.rehearse import Rehearsal
    from hil.sequence import Sequence as TestSequence
    from hil.watch import Stop, Watch
    from hil.waveform import Waveform

SLOW: Final = ("scipy.fft", "h5py", "pyvisa_py", "pymodbus.client", "nidaqmx", "plotly.offline")
"""Imports that a run needs later, made while its simulated bench starts on another core."""
PACKAGES: Final = (
    "hil-bench",
    "numpy",
    "scipy",
    "pandas",
    "h5py",
    "pyvisa",
    "pyvisa-py",
    "pymodbus",
    "pyserial",
)


@dataclass(frozen=True)
class Options:
    """How a run is to be done."""

    records: Path = Path("records")
    flaws: tuple[str, ...] = ()
    seed: int = 0
    realtime: bool = False
    patience: float = PATIENCE
    """How long the engine may be silent before the guard takes over [s]."""
    folder: str = ""
    """Name of the record's folder, where it is part of a campaign; else it is named by time and sequence."""
    report: bool = True
    """False where the campaign has one for all."""
    criteria: Path | None = None
    """Criteria other than the shipped ones of the sequence."""


@dataclass(frozen=True)
class Conducted:
    """What came of a run."""

    folder: Path
    end: RunEnd
    events: tuple[Event, ...]
    outcome: Outcome
    report: Path | None
    """None where the report could not be written; the error says why."""
    error: HilError | None
    """What went wrong on the bench or the disk; None for a run that was completed, whatever its verdict."""


class _CommandFile:
    """The command log on disk, as it happens.

    It never raises, for it would do so in the middle of making safe.
    """

    def __init__(self, path: Path, stop: Stop) -> None:
        self._path = path
        self._stop = stop
        self.guard: Guard | None = None

    def add(self, exchange: Exchange) -> None:
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(exchange)) + "\n")
        except OSError as error:
            self._stop.fail(
                StorageError(f"cannot write {self._path}: {error.strerror or error}; free some space")
            )
        if self.guard is not None:
            try:
                self.guard.beat()
            except Aborted as error:
                self._stop.fail(error)


def check(sequence: TestSequence, rehearsal: Rehearsal, config: BenchConfig, options: Options) -> None:
    """Raise `ConfigError` where the run could not go well here, however good the bench is."""
    slowest = max(instrument.timeout for instrument in config.instruments.values())
    if options.patience < 2 * slowest:  # to connect anew, and to ask
        raise ConfigError(
            f"the guard's patience of {options.patience:g} s is too short: an instrument of {config.path} "
            f"may be silent for {slowest:g} s twice, and the guard would take the engine for dead"
        )
    by_hand = [step for stage in rehearsal.stages for step in stage.steps if isinstance(step, ByHand)]
    if by_hand and not config.simulated and not present():
        raise ConfigError(
            f"{sequence.NAME} has things done by hand, such as: {by_hand[0].what}. There is no terminal to "
            "ask an operator at: run it in one, without a pipe"
        )


def conduct(
    sequence: TestSequence, config: BenchConfig, options: Options, stop: Stop, watch: Watch
) -> Conducted:
    """Rehearse, run, evaluate and record a sequence.

    Raises `HilError` for what is found before anything is connected. What goes wrong
    later is in the result: the bench is de-energised and what was captured is kept.
    """
    watch = engine.Aside(watch)
    rehearsal = rehearse(sequence, config)
    check(sequence, rehearsal, config, options)
    with ExitStack() as leave:
        held = None if config.simulated else leave.enter_context(hold(config.path))
        writer = RecordWriter(options.records, sequence.NAME, options.folder)
        _copy_inputs(writer, sequence, config, options)
        writer.write_json("sequence.json", [stage.to_dict() for stage in rehearsal.stages])
        try:
            if sequence.BENCH:
                end, identities = _run(sequence, config, options, writer, stop, watch, held)
            else:
                end, identities = RunEnd(safe=True, safety="nothing was connected: by model"), {}
        except HilError as failure:  # the simulated bench or the guard did not start: nothing was energised
            about = open_record(writer.folder).run
            with suppress(StorageError):
                writer.write_json("run.json", {**about, "end": f"error: {failure}"})
            raise
    error = end.error
    events: tuple[Event, ...] = ()
    report: Path | None = None
    try:
        _simulate(sequence, config, options, writer, end, watch)
        run = _about(sequence, config, options, rehearsal, end, identities, writer)
        writer.write_json("run.json", run)
        watch.stage("evaluate", "correct, analyse, judge")
        told = partial(watch.tick, end.seconds)
        events = evaluate(writer.folder, run, told)
        writer.write_events(events)
        if options.report:
            watch.stage("report", "")
            writer.write_text("report.html", render_record(writer.folder, told))
            report = writer.folder / "report.html"
        writer.seal()
    except HilError as failure:
        error = error or failure
    except OSError as failure:
        error = error or StorageError(f"{writer.folder}: {failure.strerror or failure}")
    except Exception as failure:  # noqa: BLE001 - a defect of ours; the captures are there to evaluate again
        text = f"{writer.folder}: internal error: {type(failure).__name__}: {failure}; the captures are kept"
        error = error or HilError(text)
    outcome = overall([v for event in events for v in event.verdicts])
    return Conducted(writer.folder, end, events, outcome, report, error)


def _run(
    sequence: TestSequence,
    config: BenchConfig,
    options: Options,
    writer: RecordWriter,
    stop: Stop,
    watch: Watch,
    held: IO[str] | None,
) -> tuple[RunEnd, Mapping[str, str]]:
    with ExitStack() as leave:
        guard = Guard(config.path, writer.path("guard.jsonl"), options.patience, held)
        leave.callback(guard.close)
        clock: HostClock | SimulatedClock = HostClock()
        addresses, control = None, None
        if config.simulated:
            watch.stage("simulated bench", "starts in a process of its own")
            launched = launch(config.path, options.flaws, seed=options.seed, realtime=options.realtime)
            for name in SLOW:  # meanwhile
                with suppress(ImportError):
                    import_module(name)
            launched.ready()
            addresses, control = launched.addresses, launched.control
            # While it runs, others may look at the terminals: `SimulatedClock(control).ask(op="terminals")`.
            running = {**open_record(writer.folder).run, "simulated_bench": {"control": control, **addresses}}
            writer.write_json("run.json", running)
            leave.callback(launched.leave)
            clock = SimulatedClock(launched.control)
        leave.callback(clock.close)
        file = _CommandFile(writer.path("commands.jsonl"), stop)
        guard.arm(addresses, control)
        file.guard = guard
        bench = Bench(config, clock, CommandLog(file.add), addresses)
        captures = writer.path("captures/x").parent
        end = engine.run(sequence, bench, captures, guard, stop, watch)
        return end, {name: str(identity) for name, identity in bench.identities.items()}


def _simulate(
    sequence: TestSequence,
    config: BenchConfig,
    options: Options,
    writer: RecordWriter,
    end: RunEnd,
    watch: Watch,
) -> None:
    """Record by model what is asked for by model; a run that was broken off gets none."""
    if recorded(sequence) == tuple(sequence.captures()) or end.end != "completed":
        return
    from hil.model import PlantModel  # noqa: PLC0415 - numba, which few tests need in this process

    watch.stage("model", "the simulated plant, in this process")
    model = PlantModel(config, writer.path("captures/x").parent, options.flaws, options.seed, watch)
    began = model.total
    try:
        sequence.simulate(model)
    except HilError as error:
        end.end, end.text, end.error = "error", str(error), error
    end.seconds += model.total - began
    end.captures.update(model.captures)


def _copy_inputs(writer: RecordWriter, sequence: TestSequence, config: BenchConfig, options: Options) -> None:
    """Put into the record what a later evaluation needs, as it was."""
    writer.write_text("bench.toml", config.text)
    load = resolve("hil.calibration", "certificate")
    writer.write_json("certificates.json", {c.name: load(c.certificate).to_dict() for c in config.channels})
    data = files("hil.data")
    criteria = options.criteria or data / "criteria" / f"{sequence.CRITERIA}.toml"
    envelope = data / "envelopes" / f"{sequence.ENVELOPE}.toml"
    writer.write_text(CRITERIA, criteria.read_text(encoding="utf-8"))
    writer.write_text(ENVELOPE, envelope.read_text(encoding="utf-8"))


def _about(
    sequence: TestSequence,
    config: BenchConfig,
    options: Options,
    rehearsal: Rehearsal,
    end: RunEnd,
    identities: Mapping[str, str],
    writer: RecordWriter,
) -> dict[str, Any]:
    """Return run.json."""
    started = open_record(writer.folder).run["started"]
    planned = sequence.captures()
    ratings = nominal(config)
    return {
        "sequence": sequence.NAME,
        "title": (sequence.__doc__ or sequence.NAME).strip().partition("\n")[0],
        "parameters": parameters(sequence),
        "units": {**{name: unit for name, (unit, _) in sequence.PARAMETERS.items()}, "rated_current": "A"},
        "bench": config.name,
        "objective": sequence.OBJECTIVE,
        "simulated": config.simulated,
        "by_model": not sequence.BENCH,
        "flaws": list(options.flaws),
        "seed": options.seed,
        "nominal": {**asdict(ratings), "phase_voltage": ratings.phase_voltage},
        "started": started,
        "ended": datetime.now(UTC).isoformat(timespec="seconds"),
        "end": end.end if not end.text else f"{end.end}: {end.text}",
        "bench_seconds": round(end.seconds, 6),
        "safe": end.safe,
        "safety": end.safety,
        "proofs": end.proofs,
        "notes": end.notes,
        "instruments": dict(identities),
        "prepared": {
            name: {key: _finite(value) for key, value in said.items()} for name, said in end.prepared.items()
        },
        "captures": {
            name: {
                "file": f"captures/{end.captures[name]}" if name in end.captures else None,
                "parameters": {**given, "rated_current": ratings.current},
            }
            for name, given in planned.items()
        },
        "stages": [f"{stage.name}: {stage.purpose}" for stage in rehearsal.stages],
        **about_this_machine(),
    }


def about_this_machine() -> dict[str, Any]:
    """Return what a result may depend on: versions, and the platform."""
    return {
        "versions": {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}},
        "platform": f"{platform.system()} {platform.machine()}",
    }


def _finite(value: float | str | bool | None) -> float | str | bool | None:
    """Return None for what an instrument has no number for: JSON knows no NaN."""
    return None if isinstance(value, float) and not isfinite(value) else value


def render_record(folder: Path, progress: Callable[[str], None] | None = None) -> str:
    """Return the report of a record, or of a campaign's record, as HTML; `progress` is told each capture."""
    from hil.report.campaign import render_campaign  # noqa: PLC0415 - slow to import
    from hil.report.html import from_record, render  # noqa: PLC0415 - loads plotly

    def waveform_of(record: Record, name: str) -> Waveform | None:
        if progress is not None:
            progress(name)
        return _waveform(record, name)

    record = open_record(folder)
    if "tests" in record.run:
        return render_campaign(record, waveform_of, _envelope)
    waveforms = {
        name: found
        for name in record.run.get("captures", {})
        if (found := waveform_of(record, name)) is not None
    }
    return render(from_record(record, waveforms, _envelope(record)))


def _waveform(record: Record, name: str) -> Waveform | None:
    """Return the corrected samples of a capture, None where the run did not reach it."""
    file = record.run["captures"][name]["file"]
    return None if file is None else corrected(record.folder / file)[0]


def _envelope(record: Record) -> Envelope | None:
    """Return the ride-through envelope of a record, where it has one."""
    from hil.compliance.envelope import load_envelope  # noqa: PLC0415 - with the report, which is slow to import

    path = record.folder / ENVELOPE
    return load_envelope(path) if path.is_file() else None
