"""Holding registers over Modbus TCP: function 3 to read, function 16 to write.

A write always uses function 16, also for one register: some boxes have no function 6.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from hil.errors import BadReply, ConfigError, HilError, InstrumentError, LinkLost, TransportError
from hil.transport.link import Link

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pymodbus.client import ModbusTcpClient
    from pymodbus.pdu import ModbusPDU

    from hil.clock import Clock
    from hil.transport.link import CommandLog

LONGEST: Final = 125
"""Registers in one reply (Modbus Application Protocol V1.1b3, 6.3)."""
EXCEPTIONS: Final = {
    1: "illegal function",
    2: "illegal data address",
    3: "illegal data value",
    4: "device failure",
    5: "acknowledged, still working",
    6: "device busy",
    10: "gateway path unavailable",
    11: "the device behind the gateway does not respond",
}
"""Exception codes (Modbus Application Protocol V1.1b3, 7)."""


def _hex(words: Sequence[int]) -> str:
    return " ".join(f"{word:04x}" for word in words)


class ModbusLink(Link):
    """One unit behind one TCP connection; the address is "host:port", or "host" for port 502."""

    def __init__(
        self,
        name: str,
        address: str,
        clock: Clock,
        log: CommandLog,
        timeout: float = 2.0,
        *,
        unit: int = 1,
    ) -> None:
        super().__init__(name, address, clock, log, timeout)
        host, _, port = address.partition(":")
        if not host or not (port or "502").isdecimal():
            raise ConfigError(f'{name}: cannot read the address {address!r}; write "host:port"')
        self._host, self._port, self._unit = host, int(port or 502), unit
        self._client: ModbusTcpClient | None = None
        self._asked, self._heard = "", b""

    def read(self, address: int, count: int) -> list[int]:
        """Return holding registers, in as many requests as the protocol needs."""
        words: list[int] = []
        while len(words) < count:
            words += self._read(address + len(words), min(LONGEST, count - len(words)))
        return words

    def _read(self, address: int, count: int) -> list[int]:
        asked = self._asked = f"read {address} x {count}"
        with self._exchange(asked, writes=False) as attempt:
            assert self._client is not None
            reply = self._client.read_holding_registers(address, count=count, device_id=self._unit)
            self._check(asked, reply)
            attempt.received = _hex(reply.registers)
            if (reply.function_code, len(reply.registers)) != (3, count):
                raise self._no_answer(asked)
            return list(reply.registers)

    def write(self, address: int, values: Sequence[int]) -> None:
        """Write holding registers, all in one request."""
        asked = self._asked = f"write {address}: {_hex(values)}"
        with self._exchange(asked, writes=True) as attempt:
            assert self._client is not None
            attempt.gone = True
            reply = self._client.write_registers(address, list(values), device_id=self._unit)
            self._check(asked, reply)
            if (reply.function_code, reply.address, reply.count) != (16, address, len(values)):
                raise self._no_answer(asked)
            attempt.received = "ok"

    def _check(self, asked: str, reply: ModbusPDU) -> None:
        """Raise `InstrumentError` for an exception response."""
        if reply.isError():
            text = EXCEPTIONS.get(reply.exception_code, "unknown")
            raise InstrumentError(
                f"{self.name} at {self.address} refuses {asked!r}: Modbus exception {reply.exception_code}, "
                f"{text}. Is the unit ({self._unit}) right, does the device have these registers?"
            )

    def _no_answer(self, asked: str) -> BadReply:
        return BadReply(f"{self.name} at {self.address}: no answer to {asked!r}: {self._heard.hex(' ')}")

    def _listen(self, sending: bool, data: bytes) -> bytes:
        self._heard = b"" if sending else data
        return data

    def _do_open(self) -> None:
        from pymodbus.client import ModbusTcpClient  # noqa: PLC0415 - heavy, and asyncio with it

        logger = logging.getLogger("pymodbus")
        if not logger.handlers:  # or it writes to stderr what is raised here anyway
            logger.addHandler(logging.NullHandler())
        self._client = ModbusTcpClient(
            self._host, port=self._port, timeout=self.timeout, retries=0, trace_packet=self._listen
        )
        if not self._client.connect():  # type: ignore[no-untyped-call] # pymodbus leaves it untyped
            raise LinkLost(
                f"{self.name} at {self.address}: no connection. Is it switched on, is the address right, "
                "does another client hold its only connection?"
            )

    def _do_close(self) -> None:
        if self._client is not None:
            self._client.close()  # type: ignore[no-untyped-call] # pymodbus leaves it untyped
            self._client = None

    def _translate(self, error: Exception) -> TransportError | None:
        from pymodbus.exceptions import ConnectionException, ModbusException  # noqa: PLC0415 - see above

        if isinstance(error, HilError):
            return None
        if isinstance(error, ConnectionException | OSError):
            return LinkLost(f"{self.name} at {self.address}: the connection is gone ({error})")
        if isinstance(error, ModbusException):
            if self._heard:  # pymodbus waits on past a frame that it cannot read, and says "no response"
                return self._no_answer(self._asked)
            return self._no_reply(self._asked)
        return None
