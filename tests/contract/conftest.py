"""Drivers on their twins. A new driver of a role is one line in a table below."""

import importlib
import threading
from dataclasses import asdict, dataclass, field

import pytest

from hil.limits import Limit
from hil.plant.terminals import DcTerminals, GridTerminals, PcsTerminals
from hil.roles import Setup
from hil.transport.link import CommandLog
from hil.twin.base import Faults, Scene


@dataclass(frozen=True)
class Part:
    driver: str
    twin: str
    terminals: type
    limits: dict[str, Limit]
    options: dict[str, float | str] = field(default_factory=dict)
    stranger: str = "Toaster 2000"
    """What the error says of another box; one that has no text to identify itself shows something else."""


GRID_LIMITS = {"voltage": Limit(0, 290, "V"), "frequency": Limit(45, 65, "Hz"), "current": Limit(0, 120, "A")}
DC_LIMITS = {
    "voltage": Limit(0, 1000, "V"),
    "current": Limit(-150, 150, "A"),
    "power": Limit(-110e3, 110e3, "W"),
}

GRID_SOURCES = {
    "ametek_mx": Part("ametek_mx:AmetekMx", "ametek_mx_twin:AmetekMxTwin", GridTerminals, GRID_LIMITS),
}
DC_SOURCES = {
    "ea_psb": Part("ea_psb:EaPsb", "ea_psb_twin:EaPsbTwin", DcTerminals, DC_LIMITS),
    "regatron_topcon": Part(
        "regatron_topcon:RegatronTopCon",
        "regatron_topcon_twin:RegatronTopConTwin",
        DcTerminals,
        DC_LIMITS,
        stranger="full-scale values",
    ),
}
PCS_LIMITS = {"active_power": Limit(-200e3, 200e3, "W"), "reactive_power": Limit(-100e3, 100e3, "var")}
PCS_UNITS = {
    "sunspec": Part(
        "sunspec_pcs:SunSpecPcs",
        "sunspec_pcs_twin:SunSpecPcsTwin",
        PcsTerminals,
        PCS_LIMITS,
        {"reversion": 10.0},
    ),
}


class Rig:
    """A twin at work, and drivers for it; what goes wrong with the box can be changed at any time."""

    def __init__(self, part, world):
        self.part, self.world = part, world
        self.log = CommandLog()
        self.terminals = world.add(part.terminals())
        self.faults = Faults()
        self.twin = load(part.twin)(Scene("box", self.terminals, world, part.options, self.faults))
        self.address = self.twin.start()
        self.drivers = []

    def driver(self, *, limits=None, timeout=2.0, **setup):
        """Return a driver for the twin, not connected."""
        limits = self.part.limits if limits is None else limits
        options = {"limits": limits, "options": self.part.options, "timeout": timeout, **setup}
        self.drivers.append(
            load(self.part.driver)(Setup("box", self.address, self.world, self.log, **options))
        )
        return self.drivers[-1]

    def ready(self, **setup):
        """Return a driver that is connected and prepared."""
        driver = self.driver(**setup)
        driver.connect()
        driver.prepare()
        return driver

    def fail(self, **faults):
        """Change what goes wrong from now on, in place, as a server may hold the faults too."""
        for name, value in asdict(Faults(**faults)).items():
            object.__setattr__(self.faults, name, value)

    def settle(self):
        """Let the bench time pass in which what is measured follows what is set."""
        self.world.sleep(0.2)

    def measure(self, **measured):
        """Say what the terminals measure; from now on they follow no more."""
        if self.terminals in self.world.terminals:
            self.world.terminals.remove(self.terminals)
        for name, value in measured.items():
            setattr(self.terminals, name, value)

    def stop(self):
        for driver in self.drivers:
            driver.close()
        self.twin.stop()


def load(name):
    module, _, attribute = name.partition(":")
    return getattr(importlib.import_module(f"hil.instruments.{module}"), attribute)


def run(part, world):
    before = set(threading.enumerate())
    rig = Rig(part, world)
    yield rig
    rig.stop()
    assert set(threading.enumerate()) == before, "a twin left a thread behind"


@pytest.fixture(params=GRID_SOURCES.values(), ids=GRID_SOURCES)
def grid(request, world):
    yield from run(request.param, world)


@pytest.fixture(params=DC_SOURCES.values(), ids=DC_SOURCES)
def dc(request, world):
    yield from run(request.param, world)


@pytest.fixture(params=PCS_UNITS.values(), ids=PCS_UNITS)
def unit(request, world):
    yield from run(request.param, world)
