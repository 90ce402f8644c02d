"""Walks a sequence without any instrument: every set-point checked, the time, the picture."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

from hil.errors import ConfigError, HilError, LimitError, NotSupported
from hil.limits import Limit
from hil.roles.pcs import HELD
from hil.sequence import Nominal, Stage
from hil.steps import (
    QUANTITIES,
    Arm,
    Await,
    ByHand,
    Disarm,
    Fire,
    FireProfile,
    FormGrid,
    Hold,
    LoadProfile,
    LoadTransient,
    MoreClients,
    MoveSwitch,
    RampGrid,
    ReadLog,
    ReadMeter,
    RunGenset,
    SetDc,
    SetGrid,
    SetLoad,
    SetLoadPhases,
    SetPower,
    SetVoltage,
    SwitchDc,
    SwitchGenset,
    SwitchGrid,
    SwitchLoad,
    SwitchPcs,
    Synchronise,
)
from hil.transient import compile_transient

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from hil.config import BenchConfig
    from hil.roles import GridSource, Load, Pcs
    from hil.sequence import Sequence
    from hil.steps import Step
    from hil.transient import LoadPoint, Transient

MOST: Final = 10_000
"""A sequence with more stages than this is taken for one that never ends."""
DAY: Final = Limit(0.0, 86400.0, "s")
"""What one step may last."""
EXPECTED_WAIT: Final = 1.0
"""What an `Await` is taken to last in a rehearsal [s]; its timeout is the worst case."""


@dataclass(frozen=True)
class Trace:
    """A set-point over time: it holds each value until the next time."""

    title: str
    unit: str
    times: tuple[float, ...]
    values: tuple[float, ...]


@dataclass(frozen=True)
class Rehearsal:
    """What a sequence will do on a bench."""

    stages: tuple[Stage, ...]
    starts: tuple[float, ...]
    """When each stage begins [s]; waits count as expected."""
    seconds: float
    """Expected length [s]."""
    longest: float
    """Length where every wait lasts until its timeout [s]."""
    traces: tuple[Trace, ...]
    captures: tuple[tuple[str, float, float], ...]
    """Name, begin and end of each capture [s]."""
    notes: tuple[str, ...]
    """Fidelity lost where an instrument cannot do exactly what the sequence asks."""


class _Walk:
    """The state of one rehearsal."""

    def __init__(self, config: BenchConfig, planned: Collection[str]) -> None:
        self.config = config
        self.planned = planned
        self.time = 0.0
        self.extra = 0.0
        self.points: dict[tuple[str, str], list[tuple[float, float]]] = {}
        self.armed: tuple[str, float] | None = None
        self.captures: list[tuple[str, float, float]] = []
        self.loaded: Transient | None = None
        self.notes: list[str] = []
        self.now: dict[str, float] = {}
        self.profiles: dict[str, tuple[LoadPoint, ...]] = {}

    def check(self, role: str, quantity: str, value: float, name: str = "") -> None:
        item = self.config.find(role, name)
        limit = item.limits.get(quantity) or self.config.driver(role, name).RATING[quantity]
        limit.check(value, f"{item.name}.{quantity}")

    def note(self, title: str, unit: str, value: float, at: float | None = None) -> None:
        self.now[title] = value
        self.points.setdefault((title, unit), []).append((self.time if at is None else at, value))

    def grid(self, volts: tuple[float, ...], at: float | None = None) -> None:
        for phase, value in zip("abc", volts, strict=True):
            self.check("grid_source", "voltage", value)
            self.note(f"grid voltage {phase}", "V", value, at)

    def step(self, step: Step) -> None:
        match step:
            case SetGrid(volts, hertz):
                self.check("grid_source", "frequency", hertz)
                self.grid(volts)
            case RampGrid(volts, seconds):
                DAY.check(seconds, "ramp")
                begin = self.now.get("grid voltage a", 0.0)
                for k in range(1, 11):
                    self.grid((begin + (volts - begin) * k / 10,) * 3, self.time + seconds * k / 10)
                self.time += seconds
            case SetDc(volts, amps, watts):
                self.check("dc_source", "voltage", volts)
                for sign in (-1, 1):
                    self.check("dc_source", "current", sign * amps)
                    self.check("dc_source", "power", sign * watts)
                self.note("DC voltage", "V", volts)
            case SetPower(watts, var):
                self.check("pcs", "active_power", watts)
                self.check("pcs", "reactive_power", var)
                self.note("active power", "W", watts)
                self.note("reactive power", "var", var)
            case SwitchGrid(on) | SwitchDc(on) | SwitchPcs(on):
                what = {SwitchGrid: "grid output", SwitchDc: "DC output", SwitchPcs: "PCS"}[type(step)]
                self.note(what, "on", float(on))
            case Await(quantity, limit, timeout):
                if QUANTITIES.get(quantity) != limit.unit:
                    raise ConfigError(f"cannot wait for {quantity!r} in {limit.unit!r}")
                DAY.check(timeout, "timeout")
                wait = min(EXPECTED_WAIT, timeout)
                self.time += wait
                self.extra += timeout - wait
            case LoadTransient(points):
                source = cast("type[GridSource]", self.config.driver("grid_source"))
                self.loaded = compile_transient(points, source.LIST, self.config.find("grid_source").name)
                self.notes.extend(self.loaded.notes)
                for point in points:
                    self.check("grid_source", "frequency", point.hertz)
                    for value in point.volts:
                        self.check("grid_source", "voltage", value)
            case Fire():
                if self.loaded is None:
                    raise ConfigError("a transient is fired before one is loaded")
                at = self.time
                for point in self.loaded.points:
                    self.grid(point.volts, at)
                    at += point.seconds
                self.loaded = None  # each is fired once
            case Arm(name, poll):
                Limit(0.005, 3600.0, "s").check(poll, "poll")
                if self.armed is not None:
                    raise ConfigError(f"capture {name} begins before {self.armed[0]} has ended")
                if name not in self.planned:
                    raise ConfigError(
                        f"capture {name!r} is none of the sequence's captures: nobody would judge it"
                    )
                if name in (done for done, _, _ in self.captures):
                    raise ConfigError(f"capture {name} is recorded twice")
                self.armed = (name, self.time)
            case Disarm():
                if self.armed is None:
                    raise ConfigError("a capture is ended that was never begun")
                self.captures.append((*self.armed, self.time))
                self.armed = None
            case Hold(seconds):
                self.time += DAY.check(seconds, "hold")
            case _:
                self.with_more(step)

    def with_more(self, step: Step) -> None:
        """Walk a step with an instrument that not every bench has."""
        config = self.config
        match step:
            case FormGrid(on) | Synchronise(on):
                self.note("PCS forms" if isinstance(step, FormGrid) else "PCS synchronises", "on", float(on))
            case SetVoltage(volts, hertz):
                HELD.check(volts, "voltage")
                HELD.check(hertz, "frequency")
            case SetLoad(watts, var, name):
                self.load(name, watts, var)
            case SetLoadPhases(watts, var, name):
                self.load(name, sum(watts), sum(var))
            case LoadProfile(points, name):
                item = config.find("load", name)
                memory = cast("type[Load]", config.driver("load", name)).PROFILE
                if memory is None:
                    raise NotSupported(f"{item.name}: {item.driver} plays no profile by itself")
                memory.check(points, item.name)
                for point in points:
                    self.check("load", "active_power", point.watts, name)
                    self.check("load", "reactive_power", point.var, name)
                self.profiles[name] = points
            case FireProfile(name):
                if name not in self.profiles:
                    raise ConfigError("a load's profile is started before one is loaded")
                at = self.time
                for point in self.profiles[name]:
                    self.note(f"load {name}".strip(), "W", point.watts, at)
                    at += point.seconds
            case SwitchLoad(on, name):
                self.note(f"load {config.find('load', name).name}", "on", float(on))
            case MoveSwitch(position, name):
                self.note(config.find("switch", name).name, "on", float(position != "open"))
            case RunGenset(on, name) | SwitchGenset(on, name):
                what = "runs" if isinstance(step, RunGenset) else "breaker"
                self.note(f"{config.find('genset', name).name} {what}", "on", float(on))
            case ByHand(what):
                self.notes.append(f"by hand: {what}")
            case ReadMeter(interval, name):
                self.needs_capture(step)
                self.check("power_meter", "interval", interval, name)
                self.time += 2 * interval
            case ReadLog():
                self.needs_capture(step)
                self.log()
            case MoreClients(count, seconds):
                self.needs_capture(step)
                Limit(1.0, 100.0, "").check(count, "further clients")
                self.time += DAY.check(seconds, "further clients")
            case _:
                raise ConfigError(f"{step!r} is no step")

    def load(self, name: str, watts: float, var: float) -> None:
        self.check("load", "active_power", watts, name)
        self.check("load", "reactive_power", var, name)
        self.note(f"load {name}".strip(), "W", watts)

    def log(self) -> None:
        """Note where the bench file does not say that the unit's event log can be read."""
        item, driver = self.config.find("pcs"), cast("type[Pcs]", self.config.driver("pcs"))
        # The bench file's own is an expression too: as text it begins with the maker, or says nothing.
        if not (driver.LOGS and re.fullmatch(driver.LOGS, item.identity)):
            whose = f"only that of units {driver.LOGS!r}" if driver.LOGS else "no unit's"
            self.notes.append(
                f"{item.name}: the bench file does not say that its event log can be read; driver "
                f"{item.driver} reads {whose}. Of another, a document has to answer"
            )

    def needs_capture(self, step: Step) -> None:
        if self.armed is None:
            raise ConfigError(f"{type(step).__name__} outside a capture: what it reads would stand nowhere")


def rehearse(
    sequence: Sequence, config: BenchConfig, progress: Callable[[str], None] | None = None
) -> Rehearsal:
    """Walk the sequence for this bench; nothing is connected.

    Raises `LimitError`, `ConfigError` or `NotSupported`, naming the stage, for what the bench may
    not or cannot do.
    """
    if config.plant is None and len(recorded(sequence)) < len(sequence.captures()):
        raise NotSupported(
            f"{config.path}: {sequence.NAME} needs a model of the unit, and a bench of hardware has none; "
            "name a simulated bench that describes the unit"
        )
    walk = _Walk(config, recorded(sequence))
    for name, role in sequence.ROLES.items():
        config.find(role, name)
    stages: list[Stage] = []
    starts: list[float] = []
    for stage in sequence.stages(nominal(config)):
        if not isinstance(stage, Stage):
            raise ConfigError(f"{sequence.NAME}: {stage!r} is no stage")
        if len(stages) == MOST:
            raise ConfigError(f"{sequence.NAME}: more than {MOST} stages; does it ever end?")
        if progress is not None:
            progress(stage.name)
        stages.append(stage)
        starts.append(walk.time)
        for step in stage.steps:
            try:
                walk.step(step)
            except LimitError as error:
                raise LimitError(
                    f"{sequence.NAME}, stage {stage.name!r}: {error}. Nothing was sent. "
                    f"Change the sequence's parameters, or the limit in {config.path}."
                ) from None
            except HilError as error:
                raise type(error)(f"{sequence.NAME}, stage {stage.name!r}: {error}") from None
    if walk.armed is not None:
        raise ConfigError(f"{sequence.NAME}: capture {walk.armed[0]} never ends")
    if missing := set(walk.planned) - {name for name, _, _ in walk.captures}:
        raise ConfigError(f"{sequence.NAME}: no stage records {', '.join(sorted(missing))}")
    traces = tuple(
        Trace(title, unit, tuple(t for t, _ in points), tuple(v for _, v in points))
        for (title, unit), points in walk.points.items()
    )
    return Rehearsal(
        stages=tuple(stages),
        starts=tuple(starts),
        seconds=walk.time,
        longest=walk.time + walk.extra,
        traces=traces,
        captures=tuple(walk.captures),
        notes=tuple(walk.notes),
    )


def recorded(sequence: Sequence) -> tuple[str, ...]:
    """Return the captures that the bench records; the others are by model."""
    return tuple(name for name, given in sequence.captures().items() if given.get("by") != "model")


def nominal(config: BenchConfig) -> Nominal:
    """Return the ratings of a bench that sequences scale themselves to."""
    return Nominal(config.voltage, config.frequency, config.power, config.dc_voltage)
