"""The simulated plant in this process: what a test by model runs on, without instruments or links."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import asdict, fields, is_dataclass, replace
from datetime import UTC, datetime, timedelta
from math import inf, nan
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from hil.capture.blocklog import BlockLog
from hil.capture.sealed import seal
from hil.capturing import as_told
from hil.errors import ConfigError, StorageError
from hil.plant import by_hand
from hil.plant.flaws import parse_all
from hil.plant.missions import Mission, Missions
from hil.plant.phasor import Profile
from hil.plant.phasor_lab import observe, scenario
from hil.plant.plant import Plant
from hil.plant.stated import stated
from hil.plant.tables import near
from hil.plant.terminals import (
    MORE_SIGNALS,
    SIGNALS,
    AnalogInputs,
    GridPoint,
    PcsTerminals,
    Sensor,
    Terminals,
)
from hil.recording import SUFFIX, Reading, to_line
from hil.rehearse import nominal
from hil.roles import PcsState
from hil.simulated import controller
from hil.waveform import Channel

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from hil.config import BenchConfig
    from hil.recording import Value
    from hil.transient import ListPoint
    from hil.watch import Watch

SLICE: Final = 0.1
"""Plant time between two looks [s]."""
EVERY: Final = 1.0
"""Plant time between two words to whoever looks on [s]."""
ASKED: Final = {"power": "W", "load_power": "W", "grid_frequency": "Hz"}
"""What a schedule of hours may ask for, and its unit."""
PHASOR_STEP: Final = 0.05
"""Of hours in phasors [s]."""


class PlantModel:
    """The plant of a bench file, with everything in its terminals; see `hil.sequence.Model`."""

    def __init__(
        self, config: BenchConfig, folder: Path, flaws: Sequence[str], seed: int, watch: Watch
    ) -> None:
        if config.plant is None:
            raise ConfigError(
                f"{config.path}: this test runs by model, and a bench of hardware has none; "
                "name a simulated bench that describes the unit"
            )
        self.nominal = nominal(config)
        self.captures: dict[str, str] = {}
        self.total = 0.0
        """Plant time that all runs took [s]."""
        self._options = config.plant
        self._bench = config.path
        self._folder = folder
        self._flaws = parse_all(flaws)
        self._seed = seed
        self._watch = watch
        self._told = 0.0
        self._day = datetime.now(UTC)
        """Time of day at `total` zero; it goes on in plant time."""
        self._log: BlockLog | None = None
        self._name = ""
        """Of the capture under way."""
        by_hand.check_bank(config.plant.load, config.plant.parameters, f"{config.path}: plant.load")
        self.start()

    def start(self, *, flawed: bool = True, **changes: Any) -> None:
        """Begin anew at time zero, with parameters of the plant changed, such as scr=2.0.

        flawed: False for the unit as its maker states it, whatever flaws the one on the bench has.
        """
        if self._log is not None:
            raise ConfigError(f"model: it begins anew inside capture {self._name}; end that first")
        options, parameters = self._options, self._options.parameters
        for name in changes:
            if name not in (known := [each.name for each in fields(parameters)]):
                raise ConfigError(f"model: the plant has no parameter {name!r}; {near(name, known)}")
        self._stated = replace(options, parameters=replace(parameters, **changes))
        signals = (*SIGNALS, *MORE_SIGNALS)
        inputs = AnalogInputs({name: Sensor(name, np.asarray) for name in signals})
        self.terminals = Terminals(pcs=PcsTerminals(state_of_charge=options.state_of_charge), inputs=inputs)
        self.plant = Plant(
            self._stated.parameters,
            self.terminals,
            self._flaws if flawed else (),
            self._seed,
            controller(self._stated, self._bench.parent),
        )
        self.set("load", **options.load)

    def now(self) -> float:
        """Return the plant's time [s]."""
        return self.plant.now()

    def set(self, terminal: str, **values: Any) -> None:
        """Set fields of a terminal; a load's profile begins now."""
        there = self._terminal(terminal)
        known = [each.name for each in fields(there)]
        for key, value in values.items():
            if key not in known:
                raise ConfigError(f"model: {terminal} has no {key!r}; it has {', '.join(known)}")
            held = isinstance(getattr(there, key), list)  # the plant writes into it
            setattr(there, key, list(value) if held else value)
        if terminal == "load" and "profile" in values:
            there.start = self.now()

    def read(self, terminal: str) -> Mapping[str, Any]:
        """Return what a terminal shows."""
        there = self._terminal(terminal)
        return {each.name: getattr(there, each.name) for each in fields(there)}

    def advance(self, seconds: float) -> None:
        """Let the plant run [s]; what it records goes to the disk meanwhile."""
        end = self.now() + seconds
        while (left := end - self.now()) > 1e-9:
            step = min(left, SLICE)
            if self._log is not None:
                step = min(step, max(self._due - self.now(), self.plant.parameters.step))
            self.plant.advance(step)
            self.total += step
            self._drain()
            if self.total - self._told >= EVERY - 1e-9:
                self._told = self.total
                self._watch.tick(self.total, f"plant time {self.now():.1f} s")

    @contextmanager
    def record(self, name: str, poll: float = 0.1) -> Iterator[None]:
        """Record waveforms, and about every `poll` [s] what the PCS says, until the context is left.

        What the model is made of stands beside them, as a reading of "model" at the begin.
        """
        if self._log is not None:
            raise ConfigError(f"model: capture {name} begins before {self._name} has ended")
        if name in self.captures:
            raise ConfigError(f"model: capture {name} is recorded twice")
        inputs = self.terminals.inputs
        log = self._begun(name, _channels(inputs.signals), round(1.0 / self.plant.parameters.step, 6))
        self._log, self._name, self._poll = log, name, poll
        self._began = self._due = self.now()
        inputs.blocks.clear()
        inputs.running = True
        self._write("model", stated(self._stated))
        try:
            yield
        finally:
            inputs.running = False
            self._log = None
            log.close()
        if not log.stored:
            raise ConfigError(f"model: capture {name} holds no sample; let the model advance in it")
        self._seal(name, log)

    def hours(
        self,
        name: str,
        missions: Mapping[str, float],
        schedule: Mapping[str, NDArray[np.float64]],
        state_of_charge: float,
    ) -> None:
        """Record hours of the plant in phasors; see `hil.sequence.Model`."""
        if unknown := set(schedule) - set(ASKED):
            raise ConfigError(f"model: hours have no {', '.join(unknown)!r}; they have {', '.join(ASKED)}")
        q = self._options.parameters
        order = tuple(Mission(mission, reserve=reserve) for mission, reserve in missions.items())
        set_up = q.missions or Missions(
            rated_power=q.rated_power, load_power=q.electronic.rating, frequency=q.frequency
        )
        managed = replace(set_up, missions=order)
        options = replace(self._options, parameters=replace(q, missions=managed))

        def tell(now: float) -> None:
            self._watch.tick(self.total + now, f"plant time {now / 3600.0:.1f} h")

        asked = {key: Profile(1.0, values, held=True) for key, values in schedule.items()}
        day = scenario(options, self._flaws, state_of_charge=state_of_charge, **asked)
        seconds = float(len(next(iter(schedule.values()))))
        table = observe(day, seconds, PHASOR_STEP, progress=tell)
        channels = (*table.channels, *(Channel(f"asked_{key}", ASKED[key], "other") for key in schedule))
        with self._begun(name, channels, table.rate) as log:
            log.append(np.vstack((table.samples, *schedule.values())))
        self._name, self._began = name, self.now()
        self._write("model", stated(options))
        self._seal(name, log)
        self.total += seconds

    def _begun(self, name: str, channels: Sequence[Channel], rate: float) -> BlockLog:
        """Return the block log of a capture that begins now."""
        started = (self._day + timedelta(seconds=self.total)).isoformat(timespec="microseconds")
        metadata = {"source": name, "started": started, "model": True, "corrections": {}}
        return BlockLog(self._folder / f"{name}.blk", channels, rate, metadata)

    def _seal(self, name: str, log: BlockLog) -> None:
        self.captures[name] = seal(log.path, self._folder / f"{name}.h5", acquired=log.stored).name

    def play(self, points: tuple[ListPoint, ...]) -> None:
        """Play a transient on the AC source from now on; the trigger line marks its begin."""
        at, schedule = self.now(), []
        for number, point in enumerate(points):
            schedule.append(
                GridPoint(at, point.volts, point.hertz, number == 0, point.degrees, point.slew or inf)
            )
            at += point.seconds
        self.terminals.grid.schedule[:] = schedule

    def _drain(self) -> None:
        if self._log is None:
            return
        blocks = self.terminals.inputs.blocks
        while blocks:
            self._log.append(blocks.pop(0))
        if self.now() >= self._due - 1e-9:
            self._due += self._poll
            self._write("pcs", self._telemetry())

    def _write(self, source: str, values: Mapping[str, Value]) -> None:
        """Put a reading beside the capture."""
        path = self._folder / f"{self._name}{SUFFIX}"
        try:
            with path.open("a", encoding="utf-8") as file:
                file.write(to_line(Reading(self.now() - self._began, source, values)))
        except OSError as error:
            raise StorageError(f"cannot write {path}: {error.strerror}; free some space") from error

    def _telemetry(self) -> dict[str, Value]:
        """Return what the PCS says, under the names of `PcsState`; None is what it does not report."""
        pcs = self.terminals.pcs
        volts, amps = pcs.measured_volts, pcs.measured_amps
        said = PcsState(
            mode=pcs.mode,
            connected=pcs.connected,
            active_power=_number(pcs.measured_watts),
            reactive_power=_number(pcs.measured_var),
            voltage=nan if volts is None else sum(volts) / 3,
            frequency=_number(pcs.measured_hertz),
            dc_voltage=_number(pcs.dc_volts),
            alarms=tuple(sorted(pcs.alarms)),
            state_of_charge=pcs.state_of_charge,
            current=None if amps is None else sum(amps) / 3,
            temperature=pcs.celsius,
            limited=pcs.limited,
            forming=pcs.forming,
        )
        return {key: as_told(value) for key, value in asdict(said).items()}

    def _terminal(self, name: str) -> Any:
        kind, _, number = name.partition(":")
        there = getattr(self.terminals, "gensets" if kind == "genset" else kind, None)
        if kind == "genset" and there is not None:
            with suppress(ValueError, IndexError):
                return there[int(number)]
            there = None
        if not is_dataclass(there):
            raise ConfigError(f"model: there is no terminal {name!r}")
        return there


def _number(value: float | None) -> float:
    return nan if value is None else value


def _channels(signals: Sequence[str]) -> tuple[Channel, ...]:
    """Return the channels of the plant's signals, in SI units."""
    found = []
    for name in signals:
        kind, _, rest = name.partition("_")
        place, _, phase = rest.rpartition("_")
        if name == "trigger":
            found.append(Channel(name, "V", "trigger"))
        elif kind == "v":
            found.append(Channel(name, "V", "voltage", phase, place=place))
        else:
            found.append(Channel(name, "A", "current", phase, place=place))
    return tuple(found)
