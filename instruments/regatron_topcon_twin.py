"""A TopCon system of ten 32 kW modules in parallel, over its simulated terminals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hil.twin.base import Scene, Twin
from hil.twin.frames import FrameServer

from .regatron_topcon import (
    ACTUALS,
    CLEAR,
    ERRORS,
    FIRMWARE,
    FULL,
    INTERFACE,
    MASTER,
    OUTPUT,
    RANGES,
    READ,
    RS232,
    SELECT,
    SERIAL,
    SETPOINTS,
    STATE,
    SYSTEM,
    WRITE,
    frame,
)

if TYPE_CHECKING:
    from hil.plant.terminals import DcTerminals

MODULES: Final = 10
RATING: Final = {
    "max_voltage": 1000,
    "max_current": 400,
    "max_power": 320,
    "min_current": -400,
    "min_power": -320,
}
"""As its registers tell them [V, A, kW]."""
OVERVOLTAGE: Final = 1100.0
"""Its protection switches off above this [V]."""
REFUSED: Final = 1
READY, RUN, ERROR = 4, 8, 12
OUTPUT_VOLTAGE: Final = 1 << 3
"""Error group 3 (output voltage) as a bit of the group word."""


class RegatronTopConTwin(Twin):
    """Speaks the frames; set-points are taken with the master selected, as on the box."""

    ROLE = "dc_source"

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self._terminals: DcTerminals = scene.terminals
        self._server = FrameServer(self, self._missing, self._answer)
        self._words = {address: 0 for address, _ in SETPOINTS.values()}
        self._words |= {SELECT: MASTER, INTERFACE: RS232, ERRORS: 0, OUTPUT: 0, CLEAR: 0}
        self._words |= dict(zip(FIRMWARE, (3, 80, 0), strict=True))
        self._words |= dict(zip(SERIAL, (1, 4711), strict=True))
        self._tripped = False

    def start(self) -> str:
        """Serve on a free port and return the address of the bridge to it."""
        return f"socket://127.0.0.1:{self._server.start()}"

    def stop(self) -> None:
        """Close every connection."""
        self._server.stop()

    def _missing(self, request: bytes) -> int:
        return (3 if len(request) < 3 else 3 + request[1]) - len(request)

    def _answer(self, request: bytes) -> bytes:
        payload = request[3:]
        if frame(payload) != request:
            return b""  # the box is silent about a damaged frame
        kind, address = payload[0], int.from_bytes(payload[1:4], "little")
        with self.world.lock:
            self._measure()
            if kind == READ and address in self._words:
                word = self._words[address]
                return frame(bytes([READ, 0]) + word.to_bytes(2, "little", signed=True))
            if kind == WRITE and self._take(address, int.from_bytes(payload[4:6], "little", signed=True)):
                return frame(bytes([WRITE, 0]))
        return frame(bytes([kind, REFUSED]))

    def _take(self, address: int, word: int) -> bool:
        setpoints = {place for place, _ in SETPOINTS.values()}
        if address in setpoints and (self._words[SELECT] != MASTER or abs(word) > FULL):
            return False
        if address not in {*setpoints, OUTPUT, CLEAR, SELECT}:
            return False
        self._words[address] = word
        if address == CLEAR:
            self._tripped = False
        unit = self._terminals
        unit.volts = self._value("voltage")
        unit.source_amps, unit.sink_amps = self._value("source_current"), -self._value("sink_current")
        unit.source_watts, unit.sink_watts = self._value("source_power"), -self._value("sink_power")
        if address == OUTPUT:  # and not else: an interlock may have switched it off at the terminals
            unit.output = word == 1 and not self._tripped
        return True

    def _value(self, name: str) -> float:
        address, scale = SETPOINTS[name]
        return self._words[address] * abs(RATING[scale]) * RANGES[scale][1] / FULL

    def _measure(self) -> None:
        unit = self._terminals
        if unit.output and unit.measured_volts > OVERVOLTAGE:
            unit.output, self._tripped = False, True
        share = 1 if self._words[SELECT] == SYSTEM else MODULES  # one module carries its part only
        for name, value in {
            "voltage": unit.measured_volts,
            "current": unit.measured_amps / share,
            "power": unit.measured_watts / share,
        }.items():
            address, scale = ACTUALS[name]
            self._words[address] = round(value * FULL / (RATING[scale] * RANGES[scale][1]))
        self._words[STATE] = ERROR if self._tripped else RUN if unit.output else READY
        self._words[ERRORS] = OUTPUT_VOLTAGE if self._tripped else 0
        for name, (address, _) in RANGES.items():
            # it has no text to lie with: another box has no such registers, and they read 0
            self._words[address] = 0 if self.faults.identity else RATING[name]
