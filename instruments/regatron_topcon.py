"""Regatron TopCon TC.GSS (bidirectional) and TC.P (source only) over their RS-232 service port.

The maker publishes a library, not the protocol. From two public serial drivers that
run on such boxes: the frames, the registers below and their scaling (4000 is the full
scale of the whole system; sink limits are negative and refer to the minimum), the
states, that set-points go to the master (module 0) and actual values come from the
system (module 64), and which interface is active. Assumed here, so verify it on your box
at low voltage first: that state WARN still energises; that a status other than 0 is a
refusal; that sinking obeys the "Q4" voltage limit, which is therefore kept at the set
voltage, and never above it on the way.

The full-scale values are read anew on every connect, and nothing is scaled before:
a set-point scaled for another system can destroy the load.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from hil.errors import BadReply, InstrumentError, ReadbackError, WrongInstrument
from hil.limits import Limit
from hil.roles import DcSource, Identity, Proof, Setup
from hil.transport.serial import SerialLink

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hil.transport.serial import Receive

START, READ, WRITE = 0xA5, 0x10, 0x11
FULL: Final = 4000
SPEED: Final = 38400
"""Of the serial port [Bd]; 8N1."""

RANGES: Final = {
    "max_voltage": (0x510B, 1.0),
    "max_current": (0x510C, 1.0),
    "max_power": (0x510D, 1e3),
    "min_current": (0x5113, 1.0),
    "min_power": (0x5114, 1e3),
}
"""Register and unit [V, A, W] of what 4000 stands for; the minima are negative, 0 on a source-only box."""
SETPOINTS: Final = {
    "voltage": (0x5080, "max_voltage"),
    "sink_voltage": (0x30251F, "max_voltage"),
    "source_current": (0x5081, "max_current"),
    "sink_current": (0x30251D, "min_current"),
    "source_power": (0x5082, "max_power"),
    "sink_power": (0x30251E, "min_power"),
}
ACTUALS: Final = {
    "voltage": (0x5084, "max_voltage"),
    "current": (0x5085, "max_current"),
    "power": (0x5086, "max_power"),
}
INTERFACE, RS232 = 0x5087, 2
OUTPUT, CLEAR, STATE, ERRORS = 0x5089, 0x508B, 0x508C, 0x508D
SELECT, MASTER, SYSTEM = 0x50D0, 0, 64
SERIAL: Final = (0x5128, 0x5129)
FIRMWARE: Final = (0x7E01, 0x7E02, 0x7E03)
STATES: Final = {2: "power-up", 4: "ready", 8: "run", 10: "warning", 12: "error", 14: "stop"}
ENERGISED: Final = (8, 10)
SETTLE: Final = 5.0
"""Longest wait for the state to follow the output command [s]."""


class RegatronTopCon(DcSource):
    """One TopCon system: a master with any number of modules."""

    RATING: ClassVar[Mapping[str, Limit]] = {
        "voltage": Limit(0.0, 1500.0, "V"),
        "current": Limit(-8000.0, 8000.0, "A"),
        "power": Limit(-2e6, 2e6, "W"),
    }
    IDENTITY = r"Regatron,TopCon .*"

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self._link = SerialLink(
            self.name, setup.address, setup.clock, setup.log, setup.timeout, baudrate=SPEED
        )
        self._full: dict[str, float] = {}

    def connect(self) -> Identity:
        """Open the port, read the full-scale values, and hold the bench limits against them."""
        identity = super().connect()
        full = self._full
        self._fit(
            {
                "voltage": Limit(0.0, full["max_voltage"], "V"),
                "current": Limit(full["min_current"], full["max_current"], "A"),
                "power": Limit(full["min_power"], full["max_power"], "W"),
            }
        )
        return identity

    def snapshot(self) -> dict[str, float | str | bool | None]:
        """Return set-points, measurements and state."""
        self._write(SELECT, MASTER, acts=False)
        setpoints = {f"{name}_setpoint": self._value(*place) for name, place in SETPOINTS.items()}
        state = self._read_state()
        return {
            **setpoints,
            **{name: self._value(*place) for name, place in ACTUALS.items()},
            "output": state in ENERGISED,
            "state": STATES.get(state, str(state)),
            "errors": self._read(ERRORS),
            "remote": self._read(INTERFACE) == RS232,
        }

    def make_safe(self) -> None:
        """Switch the output off, then set 0 V."""
        self._do_switch_output(on=False)
        self._write(SELECT, MASTER)
        for name in ("sink_voltage", "voltage"):
            self._write(SETPOINTS[name][0], 0)  # 0 is 0 on every scale, also before it is known

    def prove_safe(self) -> tuple[Proof, ...]:
        """Measure the terminals; 60 V DC counts as de-energised."""
        return (Proof(f"{self.name}.voltage", self.read_voltage(), Limit(-60.0, 60.0, "V")),)

    def read_voltage(self) -> float:
        """Measure the voltage at the terminals [V]."""
        return self._measure("voltage")

    def read_current(self) -> float:
        """Measure the current, positive out of the source [A]."""
        return self._measure("current")

    def read_output(self) -> bool:
        """Say whether the output is on."""
        return self._read_state() in ENERGISED

    def _read_state(self) -> int:
        self._write(SELECT, SYSTEM, acts=False)
        return self._read(STATE)

    def _do_open(self) -> None:
        self._link.open()

    def _do_identify(self) -> Identity:
        full = {name: self._read(address) * unit for name, (address, unit) in RANGES.items()}
        sound = all((value > 0) if name.startswith("max") else (value <= 0) for name, value in full.items())
        if not sound:
            raise WrongInstrument(
                f"{self.name} at {self.setup.address}: no TopCon has the full-scale values "
                f"{full}. Is the address right, has the master finished its power-up?"
            )
        self._full = full
        high, low = (self._read(address) & 0xFFFF for address in SERIAL)
        volts, amps, watts = full["max_voltage"], full["max_current"], full["max_power"]
        return Identity(
            "Regatron",
            f"TopCon {volts:g} V {amps:g} A {watts / 1e3:g} kW",
            str(high << 16 | low),
            ".".join(str(self._read(address)) for address in FIRMWARE),
        )

    def _do_prepare(self) -> None:
        active = self._read(INTERFACE)
        if active != RS232:
            raise InstrumentError(
                f"{self.name}: its active interface is {active}, not RS-232 ({RS232}), so it obeys another "
                "master. Set the remote control input to RS-232 in TopControl or at the panel"
            )
        self._do_switch_output(on=False)
        self._write(SELECT, MASTER)
        self._write(CLEAR, 1)
        self._check_state()

    def _do_close(self) -> None:
        self._link.close()

    def _do_set_voltage(self, volts: float) -> None:
        self._write(SELECT, MASTER)
        falling = volts < self._value(*SETPOINTS["voltage"])
        for name in ("sink_voltage", "voltage") if falling else ("voltage", "sink_voltage"):
            self._set(name, volts)
        self._check_state()

    def _do_set_current_limits(self, sink: float, source: float) -> None:
        self._write(SELECT, MASTER)
        self._set("sink_current", -sink)
        self._set("source_current", source)
        self._check_state()

    def _do_set_power_limits(self, sink: float, source: float) -> None:
        self._write(SELECT, MASTER)
        self._set("sink_power", -sink)
        self._set("source_power", source)
        self._check_state()

    def _do_switch_output(self, *, on: bool) -> None:
        self._write(SELECT, MASTER)
        self._write(OUTPUT, int(on))
        clock = self.setup.clock
        deadline = clock.now() + SETTLE
        while self.read_output() != on:
            if clock.now() >= deadline:
                raise ReadbackError(
                    f"{self.name}: its output was switched {'on' if on else 'off'} and did not follow "
                    f"within {SETTLE:g} s. Look at its panel: is it inhibited?"
                )
            self._check_state()
            clock.sleep(0.05)

    def _check_state(self) -> None:
        if STATES.get(self._read_state()) == "error":
            raise InstrumentError(
                f"{self.name}: it is in error and its output is off, error groups "
                f"{self._read(ERRORS) & 0xFFFF:#06x}. Find the cause; preparing it again clears the error"
            )

    def _measure(self, name: str) -> float:
        self._write(SELECT, SYSTEM, acts=False)
        return self._value(*ACTUALS[name])

    def _value(self, address: int, scale: str) -> float:
        return self._read(address) * self._step(scale)

    def _set(self, name: str, value: float) -> None:
        address, scale = SETPOINTS[name]
        step = self._step(scale)
        if not step and not value:
            return  # a source-only box has no sink to limit
        self._write(address, round(value / step))
        self._took(name.replace("_", " "), value, self._value(address, scale), 0.51 * step)

    def _step(self, scale: str) -> float:
        if not self._full:
            raise InstrumentError(f"{self.name}: connect first; its full-scale values are not known")
        return abs(self._full[scale]) / FULL

    def _read(self, address: int) -> int:
        reply = self._talk(bytes([READ]) + address.to_bytes(3, "little"), 2, writes=False)
        return int.from_bytes(reply, "little", signed=True)

    def _write(self, address: int, word: int, *, acts: bool = True) -> None:
        """Write one register; `acts` unless it only chooses what is read next."""
        payload = bytes([WRITE]) + address.to_bytes(3, "little") + word.to_bytes(2, "little", signed=True)
        self._talk(payload, 0, writes=acts)

    def _talk(self, payload: bytes, count: int, *, writes: bool) -> bytes:
        """Send one frame, and return the data of the reply: so many bytes after identifier and status."""

        def reader(receive: Receive) -> bytes:
            start, length, checksum = receive(3)
            if (start, length) not in {(START, 2 + count), (START, 2)}:
                raise BadReply(f"{self.name}: {start:02x} {length:02x} does not begin a TopCon frame")
            reply = receive(length)
            if sum(reply) & 0xFF != checksum or reply[0] != payload[0]:
                raise BadReply(f"{self.name}: {reply.hex(' ')!r} with checksum {checksum:02x} is damaged")
            return reply

        reply = self._link.exchange(frame(payload), reader, writes=writes)
        if reply[1] or len(reply) != 2 + count:
            address = int.from_bytes(payload[1:4], "little")
            raise InstrumentError(
                f"{self.name}: it refuses to {'read' if payload[0] == READ else 'write'} register "
                f"{address:#x}, status {reply[1]}. Is it in remote control, is it this family?"
            )
        return reply[2:]


def frame(payload: bytes) -> bytes:
    """Return a payload framed: A5, length, sum of the payload modulo 256, payload."""
    return bytes([START, len(payload), sum(payload) & 0xFF]) + payload
