"""The simulated bench: a plant and the twins of a bench file, in a process of their own.

`python -m hil.simulated BENCH` serves every twin on loopback, prints one JSON line
with their addresses and a control port, and ends when the last client has left the
control port. It outlives an engine that is killed, as a real bench would, so that
the guard finds the terminals as they were left. The control port takes one JSON
object a line: now, sleep, terminals, and set, for what an operator does by hand:
{"op": "set", "terminal": "genset:0", "values": {"run": true}}.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Final

from hil.config import load
from hil.errors import ConfigError, HilError
from hil.plant import by_hand
from hil.plant.flaws import parse as parse_flaw
from hil.plant.options import PlantOptions
from hil.plant.plant import Plant
from hil.plant.terminals import (
    MEASURING_POINTS,
    AnalogInputs,
    GridTerminals,
    InterlockTerminals,
    PcsTerminals,
    Sensor,
    Terminals,
    metered,
)
from hil.table import resolve
from hil.twin.base import Scene
from hil.wiring import wire

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from hil.config import BenchConfig
    from hil.plant.control_port import Controller
    from hil.twin.base import Twin

PATIENCE: Final = 60.0
"""The process ends when the last has left the control port, or when nobody came for this long [s]."""
SLICE: Final = 0.02
"""The plant is solved in slices of this, between which others may reach the terminals [s]."""


class SimulatedBench:
    """Plant, terminals and twins of one bench file."""

    def __init__(
        self, config: BenchConfig, flaws: Sequence[str] = (), *, seed: int = 0, realtime: bool = False
    ) -> None:
        certificate = resolve("hil.calibration", "certificate")
        options = config.plant or PlantOptions()
        self.folder = config.path.parent
        self.interlock = InterlockTerminals()
        self.interlocked = any(item.role == "interlock" for item in config.instruments.values())
        sensors = {
            channel.input: Sensor(channel.signal, sensor.line.distort, sensor.noise or 0.0)
            for channel, sensor in (
                (channel, certificate(channel.certificate)) for channel in config.channels
            )
        }
        wired = wire(config)
        named = {each for names in wired.values() for each in names}
        self.bus = Terminals(
            grid=GridTerminals(interlock=self.interlock if self.interlocked else None),
            pcs=PcsTerminals(state_of_charge=options.state_of_charge),
            inputs=AnalogInputs(sensors=sensors),
            meters={point: metered(point) for point in MEASURING_POINTS if f"meter:{point}" in named},
        )
        self.plant = Plant(
            options.parameters,
            self.bus,
            flaws=tuple(parse_flaw(text) for text in flaws),
            seed=seed,
            controller=controller(options, self.folder),
        )
        by_hand.check_bank(options.load, options.parameters, f"{config.path}: plant.load")
        self._begin = dict(options.load)
        self._pace = time.monotonic() if realtime else None
        single = {each.name: getattr(self.bus, each.name) for each in fields(Terminals)}
        gensets, meters = single.pop("gensets"), single.pop("meters")
        self.terminals: dict[str, Any] = {
            **single,
            **{f"genset:{n}": each for n, each in enumerate(gensets)},
            **{f"meter:{point}": each for point, each in meters.items()},
            "interlock": self.interlock,
        }
        self.twins: dict[str, Twin] = {}
        for number, (name, item) in enumerate(config.instruments.items()):
            terminals = tuple(self.terminals[each] for each in wired[name])
            scene = Scene(
                name=name,
                terminals=terminals[0] if len(terminals) == 1 else terminals,
                world=self.plant,
                options=item.options,
                faults=item.faults,
                seed=seed + number,
            )
            self.twins[name] = resolve("hil.twins", item.driver)(scene)

    def sleep(self, seconds: float) -> None:
        """Let the plant run [s], no faster than the clock on the wall where that is asked for."""
        end = self.plant.now() + seconds
        while (left := end - self.plant.now()) > 1e-9:
            self._inhibit()
            self.plant.advance(min(left, SLICE))
            if self._pace is not None:
                time.sleep(max(0.0, self._pace + self.plant.now() - time.monotonic()))

    def _inhibit(self) -> None:
        """Let an open interlock act: it is wired to everything that can feed or load the bus.

        What starts with the bench waits for it to be closed. The breaker stays: both its sides are dead.
        """
        t = self.bus
        with self.plant.lock:
            if not self.interlocked or self.interlock.closed:
                self._set(t.load, self._begin)
                self._begin = {}
                return
            t.grid.relay = False
            t.grid.schedule.clear()
            t.dc.output = t.pcs.enable = t.load.closed = t.load.on = False
            for genset in t.gensets:
                if genset.run:
                    genset.run, genset.close, genset.trip = False, False, True

    def _set(self, terminals: Any, values: Mapping[str, Any]) -> None:
        for key, value in values.items():
            setattr(terminals, key, value)
        if "profile" in values:
            terminals.start = self.plant.now()

    def _set_by_hand(self, name: str, values: dict[str, Any]) -> None:
        given = by_hand.commands(name, self.terminals, values, self.plant.parameters, self.folder)
        held = self.interlocked and not self.interlock.closed and name.startswith(("load", "genset"))
        if held and any(given.get(key) for key in ("closed", "on", "run", "close")):
            raise ConfigError(f"set {name}: the interlock is open and holds it off; close that first")
        with self.plant.lock:
            self._set(self.terminals[name], given)

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Answer one request of the control port."""
        match request:
            case {"op": "now"}:
                return {"now": self.plant.now()}
            case {"op": "sleep", "seconds": float() | int() as seconds}:
                self.sleep(float(seconds))
                return {"now": self.plant.now()}
            case {"op": "terminals"}:
                with self.plant.lock:
                    shown = {
                        name: by_hand.shown(each)
                        for name, each in self.terminals.items()
                        if not isinstance(each, AnalogInputs)
                    }
                    return {"now": self.plant.now(), **shown}
            case {"op": "set", "terminal": str() as name, "values": dict() as values}:
                self._set_by_hand(name, values)
                return {"now": self.plant.now()}
            case _:
                return {"error": f"cannot do {request}"}


def controller(options: PlantOptions, folder: Path) -> Controller | None:
    """Return the user's control; an FMU's path is relative to the bench file."""
    from hil.plant.control_port import load_controller  # noqa: PLC0415 - numba is slow to import

    text = options.controller
    if not text:
        return None
    return load_controller(str(folder / text) if text.endswith(".fmu") else text, options.parameters)


class _Control:
    """Serves the control port; the last who leaves it turns off the light."""

    def __init__(self, bench: SimulatedBench) -> None:
        self.bench = bench
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.server.getsockname()[1]
        self.clients = 0
        self.lock = threading.Lock()
        self.came = threading.Event()
        self.empty = threading.Event()

    def serve(self) -> None:
        while True:
            try:
                connection, _ = self.server.accept()
            except OSError:
                return
            with self.lock:
                self.clients += 1
            self.came.set()
            threading.Thread(target=self._client, args=(connection,), daemon=True).start()

    def _client(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            with suppress(OSError), connection, connection.makefile("rb") as lines:
                for line in lines:
                    try:
                        reply = self.bench.answer(json.loads(line))
                    except (HilError, TypeError, ValueError) as error:  # also: what asks is no client of ours
                        reply = {"error": str(error)}
                    connection.sendall(json.dumps(reply).encode() + b"\n")
        finally:
            with self.lock:
                self.clients -= 1
                if self.clients == 0:
                    self.empty.set()

    def wait(self) -> None:
        """Return when everybody has left, or when nobody came."""
        if self.came.wait(PATIENCE):
            self.empty.wait()
        self.server.close()


_OUTLIVED: Final[list[subprocess.Popen[str]]] = []


class Launched:
    """A simulated bench in a process of its own, and where to reach it once it is `ready`."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.control = 0
        self.addresses: dict[str, str] = {}

    def ready(self) -> Launched:
        """Wait until every twin serves; raises `HilError` with the reason where the bench cannot start."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        self.process.stdout.close()
        ports: dict[str, Any] = json.loads(line) if line else {"error": "it ended without a word"}
        if "error" in ports:
            self.process.wait()
            raise HilError(f"the simulated bench did not start: {ports['error']}")
        self.control, self.addresses = ports["control"], ports["addresses"]
        return self

    def leave(self) -> None:
        """Give the process a moment to end; it stays while others hold its control port."""
        try:
            self.process.wait(0.2)
        except subprocess.TimeoutExpired:
            _OUTLIVED.append(self.process)  # others hold it; it is not ours to wait for, nor to warn of


def launch(path: Path, flaws: Sequence[str] = (), *, seed: int = 0, realtime: bool = False) -> Launched:
    """Start the simulated bench of a bench file."""
    command = [sys.executable, "-m", "hil.simulated", str(path), "--seed", str(seed)]
    for flaw in flaws:
        command += ["--flaw", flaw]
    if realtime:
        command.append("--realtime")
    # A group of its own: Ctrl-C at the terminal stops the engine, not the bench under it.
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, **own_group()
    )
    return Launched(process)


def own_group() -> dict[str, Any]:
    """Return what makes a child process deaf to the Ctrl-C of this terminal."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}


def main() -> int:
    """Serve one simulated bench until everybody has left."""
    parser = argparse.ArgumentParser(prog="python -m hil.simulated", description=__doc__)
    parser.add_argument("bench", help="bench file")
    parser.add_argument("--flaw", action="append", default=[], help="flaw to plant in the PCS")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--realtime", action="store_true", help="no faster than the clock on the wall")
    arguments = parser.parse_args()
    try:
        bench = SimulatedBench(
            load(arguments.bench), arguments.flaw, seed=arguments.seed, realtime=arguments.realtime
        )
        addresses = {name: twin.start() for name, twin in bench.twins.items()}
    except HilError as error:
        print(json.dumps({"error": str(error)}), flush=True)  # noqa: T201 - the line that `ready` reads
        return 1
    control = _Control(bench)
    threading.Thread(target=control.serve, daemon=True).start()
    print(json.dumps({"control": control.port, "addresses": addresses}), flush=True)  # noqa: T201 - as above
    control.wait()
    os._exit(0)  # nobody is left to serve; the system closes sockets and threads faster than we could


if __name__ == "__main__":
    sys.exit(main())
