"""Binary frames over a serial port, or over the TCP bridge that stands in for one.

An address is whatever pyserial opens: "COM3", "/dev/ttyUSB0", "socket://192.0.2.7:4001".
A frame without a sequence number cannot tell a late reply from a good one. So the
input is flushed before each request, and after a failed exchange the port is opened
anew and listened to until it has been quiet: what comes late is thrown away.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

import serial

from hil.errors import BadReply, ConfigError, HilError, LinkLost, TransportError
from hil.transport.link import Link

if TYPE_CHECKING:
    from hil.clock import Clock
    from hil.transport.link import CommandLog

Receive = Callable[[int], bytes]
"""Returns that many bytes, all within the timeout of the exchange."""
Reader = Callable[[Receive], bytes]
"""Takes one reply off the wire and returns its content; raises `BadReply` for a bad frame or checksum."""

QUIET = 0.1
"""A line without a byte for this long carries no reply any more [s]."""


class SerialLink(Link):
    """One box on one serial port, 8N1."""

    def __init__(
        self,
        name: str,
        address: str,
        clock: Clock,
        log: CommandLog,
        timeout: float = 2.0,
        *,
        baudrate: int,
    ) -> None:
        super().__init__(name, address, clock, log, timeout)
        self._baudrate = baudrate
        self._port: serial.Serial | None = None

    def exchange(self, request: bytes, reader: Reader, *, writes: bool) -> bytes:
        """Send one frame and return what the reader makes of the reply.

        `writes` says that the frame makes the instrument act: then a lost link
        leaves the outcome unknown.
        """
        asked = request.hex(" ")
        with self._exchange(asked, writes=writes) as attempt:
            port = self._port
            assert port is not None
            port.reset_input_buffer()
            deadline = time.monotonic() + self.timeout
            heard = b""

            def receive(count: int) -> bytes:
                nonlocal heard
                port.timeout = max(0.0, deadline - time.monotonic())
                chunk = bytes(port.read(count))
                heard += chunk
                if not heard:
                    raise self._no_reply(asked)
                if len(chunk) < count:
                    raise BadReply(
                        f"{self.name}: {asked!r} was answered by {heard.hex(' ')!r}, then by silence"
                    )
                return chunk

            attempt.gone = True
            port.write(request)
            try:
                return reader(receive)
            finally:
                attempt.received = heard.hex(" ") or None

    def _do_open(self) -> None:
        try:
            self._port = serial.serial_for_url(
                self.address, self._baudrate, timeout=QUIET, write_timeout=self.timeout, exclusive=True
            )
        except ValueError as error:  # pyserial's word for an address or a speed that it does not know
            raise ConfigError(f"{self.name}: cannot use the address {self.address!r}: {error}") from error
        deadline = time.monotonic() + self.timeout
        while self._stale and self._port.read(1):
            self._port.reset_input_buffer()
            if time.monotonic() > deadline:
                self._do_close()
                raise BadReply(
                    f"{self.name} at {self.address}: bytes keep coming without a question. "
                    "Is the speed right, does another program talk to the instrument?"
                )

    def _do_close(self) -> None:
        port, self._port = self._port, None
        if port is None:
            return
        # pyserial closes a socket only while its peer is there, and then sleeps for 0.3 s
        bridge = getattr(port, "_socket", None)
        with suppress(OSError):
            if bridge is None:
                port.close()
            else:
                bridge.close()
                port.is_open = False

    def _translate(self, error: Exception) -> TransportError | None:
        if isinstance(error, OSError) and not isinstance(error, HilError):  # SerialException is an OSError
            return LinkLost(
                f"{self.name} at {self.address}: {error}. Is the cable in, is the port right, does another "
                "program hold it?"
            )
        return None
