"""A bench time that tests move by hand, with terminals that follow at once."""

import os

# Matrices here are small: the threads of OpenBLAS, which reads this as numpy is imported, would take
# several times longer to meet than the work does, and more still beside the other workers of a test run.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import threading

import pytest

from hil.plant.terminals import AnalogInputs, DcTerminals, GridTerminals, PcsTerminals


class World:
    """Stands in for the simulated bench: both the `World` of twins and the `Clock` of drivers.

    No physics: what is measured follows what is set, at once.
    """

    def __init__(self):
        self.lock = threading.RLock()
        self.time = 0.0
        self.terminals = []

    def now(self):
        return self.time

    def sleep(self, seconds):
        with self.lock:
            self.time += max(0.0, seconds)
            for terminals in self.terminals:
                follow(terminals, self.time)

    def add(self, terminals):
        self.terminals.append(terminals)
        return terminals


def follow(terminals, now):
    match terminals:
        case GridTerminals():
            while terminals.schedule and terminals.schedule[0].time <= now + 1e-9:
                point = terminals.schedule.pop(0)
                terminals.volts, terminals.hertz = list(point.volts), point.hertz
                terminals.degrees = list(point.degrees or terminals.degrees)
            terminals.measured_volts = list(terminals.volts) if terminals.relay else [0.0, 0.0, 0.0]
            terminals.measured_amps = [0.0, 0.0, 0.0]
        case DcTerminals():
            terminals.measured_volts = terminals.volts if terminals.output else 0.0
            terminals.measured_amps = 0.0
        case PcsTerminals():
            if not terminals.enable:
                terminals.mode, terminals.connected, terminals.alarms = "off", False, set()
            elif not terminals.alarms:
                terminals.mode, terminals.connected = "running", True
            terminals.measured_watts = terminals.active_power if terminals.connected else 0.0
            terminals.measured_var = terminals.reactive_power if terminals.connected else 0.0
            terminals.measured_volts = [277.0] * 3 if terminals.connected else [0.0, 0.0, 0.0]
            terminals.measured_hertz = 60.0 if terminals.connected else 0.0
            terminals.dc_volts = 850.0 if terminals.connected else 0.0
        case AnalogInputs():
            pass  # a test appends the blocks that it wants


@pytest.fixture
def world():
    return World()
