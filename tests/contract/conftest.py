"""Every driver on its twin: a new driver of a role is one line in the table `PARTS`."""

import threading
from collections.abc import Callable
from copy import deepcopy
from dataclasses import asdict, dataclass, field
from functools import cache
from typing import Any

import pytest

from hil.limits import Limit
from hil.plant.loads import Bank
from hil.plant.terminals import (
    SIGNALS,
    AnalogInputs,
    BreakerTerminals,
    DcTerminals,
    GensetTerminals,
    GridTerminals,
    InterlockTerminals,
    LoadTerminals,
    PcsTerminals,
    Sensor,
)
from hil.roles import Input, LoadPoint, Setup
from hil.table import resolve
from hil.transient import ListPoint
from hil.transport.link import CommandLog, Link
from hil.transport.modbus import ModbusLink
from hil.twin.base import Faults, Scene


@dataclass(frozen=True)
class Play:
    """One role: how a driver brings its box to life, and what that looks like at the terminals."""

    terminals: Callable[[], Any]
    switch: str
    """The one of the terminals that says that the box is on; empty where nothing can be switched."""
    live: dict[str, Any]
    """What the terminals are at work; safe is what they are when new."""
    lead_up: Callable[[Any], object]
    """What comes before the switch: sets values, energises nothing."""
    go: Callable[[Any], object]
    """The one command that switches it on."""
    ask: Callable[[Any], object]
    """A question to a box at work."""
    limits: dict[str, Limit]
    setters: dict[str, tuple[Callable[[Any, float], object], ...]]
    """What sets each quantity that a bench may limit; empty where the role only passes the limit on."""
    panel: bool = True
    """Somebody can switch it on by hand; a recorder nobody can."""


GRID = Play(
    terminals=GridTerminals,
    switch="relay",
    live={"relay": True, "volts": [277.1, 276.9, 277.0]},
    lead_up=lambda source: source.set_voltages((277.1, 276.9, 277.0)),
    go=lambda source: source.switch_output(on=True),
    ask=lambda source: source.read_voltages(),
    limits={"voltage": Limit(0, 290, "V"), "frequency": Limit(45, 65, "Hz"), "current": Limit(0, 120, "A")},
    setters={
        "voltage": (
            lambda source, volts: source.set_voltages((volts, 0.0, 0.0)),
            lambda source, volts: source.set_voltages((277.0, 277.0, volts)),
            lambda source, volts: source.load_list([ListPoint(0.1, (0.0, volts, 0.0), 60.0)]),
        ),
        "frequency": (
            lambda source, hertz: source.set_frequency(hertz),
            lambda source, hertz: source.load_list([ListPoint(0.1, (277.0, 277.0, 277.0), hertz)]),
        ),
        "current": (),
    },
)


def _lead_up_dc(source):
    source.set_current_limits(140.0, 120.0)
    source.set_power_limits(105e3, 100e3)
    source.set_voltage(850.0)


DC = Play(
    terminals=DcTerminals,
    switch="output",
    live={"output": True, "volts": 850.0},
    lead_up=_lead_up_dc,
    go=lambda source: source.switch_output(on=True),
    ask=lambda source: source.read_voltage(),
    limits={
        "voltage": Limit(0, 1000, "V"),
        "current": Limit(-150, 150, "A"),
        "power": Limit(-110e3, 110e3, "W"),
    },
    setters={
        "voltage": (lambda source, volts: source.set_voltage(volts),),
        "current": (
            lambda source, amps: source.set_current_limits(0.0, amps),
            lambda source, amps: source.set_current_limits(-amps, 0.0),
        ),
        "power": (
            lambda source, watts: source.set_power_limits(0.0, watts),
            lambda source, watts: source.set_power_limits(-watts, 0.0),
        ),
    },
)
PCS = Play(
    terminals=PcsTerminals,
    switch="enable",
    live={"enable": True, "active_power": 100e3},
    lead_up=lambda pcs: pcs.set_active_power(100e3),
    go=lambda pcs: pcs.switch(on=True),
    ask=lambda pcs: pcs.read_state(),
    limits={"active_power": Limit(-200e3, 200e3, "W"), "reactive_power": Limit(-100e3, 100e3, "var")},
    setters={
        "active_power": (lambda pcs, watts: pcs.set_active_power(watts),),
        "reactive_power": (lambda pcs, var: pcs.set_reactive_power(var),),
    },
)


def _inputs():
    return AnalogInputs({f"ai{i}": Sensor(s, lambda values: values) for i, s in enumerate(SIGNALS)})


def _configure(recorder, rate=50e3):
    recorder.configure([Input(signal, f"ai{i}", 10.0) for i, signal in enumerate(SIGNALS)], rate)


RECORDER = Play(
    terminals=_inputs,
    switch="running",
    live={"running": True},
    lead_up=_configure,
    go=lambda recorder: recorder.start(),
    ask=lambda recorder: recorder.read(),
    limits={"rate": Limit(1e3, 100e3, "Hz")},
    setters={"rate": (_configure,)},
    panel=False,
)
INTERLOCK = Play(
    terminals=InterlockTerminals,
    switch="closed",
    live={"closed": True},
    lead_up=lambda _: None,
    go=lambda line: line.switch(closed=True),
    ask=lambda line: line.read_closed(),
    limits={},
    setters={},
)
SWITCH = Play(
    terminals=lambda: BreakerTerminals(close=False, closed=False),
    switch="close",
    live={"close": True, "closed": True},
    lead_up=lambda _: None,
    go=lambda switch: switch.switch("closed"),
    ask=lambda switch: switch.read_position(),
    limits={},
    setters={},
)
GENSET = Play(
    terminals=GensetTerminals,
    switch="close",
    live={"run": True, "close": True, "closed": True, "state": "running"},
    lead_up=lambda genset: genset.run(on=True),
    go=lambda genset: genset.switch(closed=True),
    ask=lambda genset: genset.read_running(),
    limits={},
    setters={},
)
POWERS = (lambda load, watts: load.set_power(watts),)
VARS = (lambda load, var: load.set_power(0.0, var),)
BANK = Play(
    terminals=LoadTerminals,
    switch="closed",
    live={"closed": True, "bank": Bank.from_power(480.0, 60.0, [10e3] * 3, [5e3] * 3)},
    lead_up=lambda load: load.set_power(30e3, 15e3),
    go=lambda load: load.switch(on=True),
    ask=lambda load: load.read_on(),
    limits={"active_power": Limit(0, 60e3, "W"), "reactive_power": Limit(-20e3, 15e3, "var")},
    setters={"active_power": POWERS, "reactive_power": VARS},
)
LOAD = Play(
    terminals=LoadTerminals,
    switch="on",
    live={"on": True, "active_power": 50e3, "reactive_power": 10e3},
    lead_up=lambda load: load.set_power(50e3, 10e3),
    go=lambda load: load.switch(on=True),
    ask=lambda load: load.read_power(),
    limits={"active_power": Limit(0, 90e3, "W"), "reactive_power": Limit(-40e3, 40e3, "var")},
    setters={
        "active_power": (*POWERS, lambda load, watts: load.load_profile([LoadPoint(1.0, watts)])),
        "reactive_power": (*VARS, lambda load, var: load.load_profile([LoadPoint(1.0, 0.0, var)])),
    },
)


def _measured():
    names = [f"{quantity}_{phase}" for quantity in "vi" for phase in "abc"]
    return AnalogInputs({name: Sensor(name, lambda values: values) for name in names})


METER = Play(
    terminals=_measured,
    switch="",
    live={},
    lead_up=lambda _: None,
    go=lambda meter: meter.set_interval(0.1),
    ask=lambda meter: meter.read(),
    limits={
        "voltage": Limit(0, 300, "V"),
        "current": Limit(0, 400, "A"),
        "interval": Limit(0.05, 1, "s"),
    },
    setters={
        "voltage": (),
        "current": (),
        "interval": (lambda meter, seconds: meter.set_interval(seconds),),
    },
    panel=False,
)


@dataclass(frozen=True)
class Part:
    """One driver, by its name in bench files."""

    play: Play
    expects: str
    """What the error about another box says of the one that the bench wants."""
    stranger: str = "ACME,Toaster 2000,1,1.0"
    """What another box answers."""
    seen: str = "Toaster 2000"
    """What the error says of that one."""
    options: dict[str, float | str] = field(default_factory=dict)
    identity: str = ""
    """The bench file's expression, where any maker's box may answer the driver."""


PARTS = {
    "ametek_mx": Part(GRID, "california instruments"),
    "ea_psb": Part(DC, "elektro-automatik"),
    "regatron_topcon": Part(DC, "TopCon", seen="'max_voltage': 0.0"),  # it has no text to identify itself
    "sunspec": Part(PCS, "HIL,.*", options={"reversion": 10.0}, identity="HIL,.*"),
    # a multiplexed X Series device: its channels are not sampled together
    "nidaqmx": Part(RECORDER, "(?:USB|PCIe|PXIe)-63(?:46|", "USB-6343", "USB-6343"),
    "nidaqmx_line": Part(INTERLOCK, "(?:USB|PCIe?|PXIe?)-6", "NI 9205", "NI 9205"),
    "nidaqmx_switch": Part(SWITCH, "(?:USB|PCIe?|PXIe?)-6", "NI 9205", "NI 9205"),
    "manual": Part(SWITCH, "by hand", "somebody else", "somebody else", identity="by hand,.*operator.*"),
    "nidaqmx_bank": Part(
        BANK,
        "(?:USB|PCIe?|PXIe?)-6",
        "NI 9205",
        "NI 9205",
        {
            "lines": "port0/line0:6",
            "resistors": "10 kW, 20 kW, 40 kW",
            "inductors": "5 kvar, 10 kvar",
            "capacitors": "20 kvar",
            "voltage": 480.0,
            "frequency": 60.0,
        },
    ),
    "nidaqmx_genset": Part(GENSET, "(?:USB|PCIe?|PXIe?)-6", "NI 9205", "NI 9205"),
    "nhr_9430": Part(LOAD, "nh ?research"),
    "yokogawa_wt": Part(METER, "yokogawa", options={"current_ratio": 100.0}),
}
WAYS = [
    (name, way)
    for name, part in PARTS.items()
    for way in (("session", "panel") if part.play.panel else ("session",))
]


PATIENCE, SILENCE = 10.0, 0.05
"""How long a driver waits for a healthy box, and for one that is silent [s]."""
found = cache(resolve)  # which looks through every installed package for plug-ins each time


class Rig:
    """A twin at work, and drivers for it; what goes wrong with the box can be changed at any time."""

    def __init__(self, name, world, *, terminals=None, faults=None, **scene):
        self.name, self.world = name, world
        self.part, self.play = PARTS[name], PARTS[name].play
        self.kind = found("hil.drivers", name)
        for package in self.kind.NEEDS:
            pytest.importorskip(package, reason=f"{name} needs it")
        self.log = CommandLog()
        self.terminals = world.add(terminals or _watched(self.play.terminals()))
        self.faults = faults or Faults()
        scene = {"options": self.part.options, "faults": self.faults, **scene}
        self.twin = found("hil.twins", name)(Scene("box", self.terminals, world, **scene))
        self.address = self.twin.start()
        self.drivers = []

    def driver(self, name="box", **setup):
        """Return a driver for the twin, not connected."""
        part = self.part
        mine = {"limits": self.play.limits, "options": part.options, "identity": part.identity}
        setup = {**mine, "timeout": PATIENCE, **setup}
        self.drivers.append(self.kind(Setup(name, self.address, self.world, self.log, **setup)))
        return self.drivers[-1]

    def ready(self, **setup):
        """Return a driver that is connected and prepared."""
        driver = self.driver(**setup)
        driver.connect()
        driver.prepare()
        return driver

    def at_work(self, **setup):
        """Return a driver that has brought its box to life."""
        driver = self.ready(**setup)
        self.play.lead_up(driver)
        self.play.go(driver)
        self.settle()
        return driver

    def by_hand(self):
        """Bring the box to life behind the drivers' back, where it has a front panel."""
        if self.play.panel:
            for name, value in self.play.live.items():
                setattr(self.terminals, name, deepcopy(value))
            self.settle()

    def is_on(self):
        """Say whether the terminals say that the box is on."""
        return bool(self.play.switch) and getattr(self.terminals, self.play.switch)

    def look(self):
        """Return of the terminals what tells a live box from a safe one."""
        return {name: getattr(self.terminals, name) for name in self.play.live}

    @property
    def safe(self):
        """What `look` shows of a new box."""
        new = self.play.terminals()
        return {name: getattr(new, name) for name in self.play.live}

    def written(self):
        """Return what the twin wrote to the terminals since the last call; what is measured aside."""
        writes, self.terminals.writes = self.terminals.writes, []
        return [(name, value) for name, value in writes if not name.startswith("measured_")]

    def fail(self, **faults):
        """Change what goes wrong from now on, in place, as a server may hold the faults too.

        Drivers wait only briefly for what does not come; a healthy box has the time that it
        takes on a busy computer.
        """
        for name, value in asdict(Faults(**faults)).items():
            object.__setattr__(self.faults, name, value)
        for driver in self.drivers:
            link = next(part for part in vars(driver).values() if isinstance(part, Link))
            link.timeout = SILENCE if "silent_after" in faults else PATIENCE
            if isinstance(link, ModbusLink) and link._client:  # pymodbus waits for an end of garbage too
                link._client.comm_params.timeout_connect = 0.3 if "garbage_after" in faults else link.timeout

    def settle(self):
        """Let the bench time pass in which what is measured follows what is set."""
        self.world.sleep(0.2)

    def measure(self, **measured):
        """Say what the terminals measure; from now on they follow no more."""
        self.world.terminals = [other for other in self.world.terminals if other is not self.terminals]
        for name, value in measured.items():
            setattr(self.terminals, name, value)

    def stop(self):
        for driver in self.drivers:
            driver.close()
        self.twin.stop()


def _watched(terminals):
    """Return the same terminals, which also remember in `writes` every value that they are given."""

    def remember(self, name, value):
        if name != "writes":
            self.writes.append((name, value))
        object.__setattr__(self, name, value)

    terminals.writes = []
    terminals.__class__ = type("Watched", (type(terminals),), {"__setattr__": remember})
    return terminals


@pytest.fixture
def world(world):
    """A bench time in which switches and loads follow too."""
    sleep = world.sleep

    def sleep_too(seconds):
        sleep(seconds)
        for terminals in world.terminals:
            match terminals:
                case BreakerTerminals():
                    terminals.closed = terminals.close
                case GensetTerminals():
                    terminals.closed = terminals.close and terminals.run
                    terminals.state = "running" if terminals.run else "standstill"
                case LoadTerminals():
                    watts, var = (
                        (terminals.active_power, terminals.reactive_power) if terminals.on else (0.0, 0.0)
                    )
                    terminals.measured_watts, terminals.measured_var = watts, var
                    terminals.measured_amps = [(watts**2 + var**2) ** 0.5 / 831.4] * 3

    world.sleep = sleep_too
    return world


@pytest.fixture
def make_rig(world):
    """Return what makes a rig for the driver of this name; in the end no thread is left behind."""
    before = set(threading.enumerate())
    rigs = []

    def make(name, **changes):
        rigs.append(Rig(name, world, **changes))
        return rigs[-1]

    yield make
    for rig in rigs:
        rig.stop()
    assert set(threading.enumerate()) == before, "a driver or a twin left a thread behind"


@pytest.fixture
def parts():
    return PARTS


def _on(*plays):
    """Return a fixture: a rig for each driver that plays one of these, or for every driver."""

    @pytest.fixture(params=[name for name, part in PARTS.items() if not plays or part.play in plays])
    def rig(request, make_rig):
        return make_rig(request.param)

    return rig


box = _on()
limited = _on(GRID, DC, PCS, LOAD, BANK)  # what has limits of its own
source = _on(GRID, DC, PCS, LOAD, BANK, SWITCH, GENSET)  # what has to be off
grid, dc, unit = _on(GRID), _on(DC), _on(PCS)
switch, load, meter = _on(SWITCH), _on(LOAD), _on(METER)


@pytest.fixture(params=WAYS, ids="-".join)
def live_box(request, make_rig):
    """Any instrument, live when its driver comes: by a session before, or by hand."""
    name, way = request.param
    rig = make_rig(name)
    if way == "session":
        rig.at_work().close()
    else:
        rig.by_hand()
    assert rig.look() == rig.play.live
    rig.written(), rig.log.entries.clear()
    return rig
