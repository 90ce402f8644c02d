"""VISA: instruments that speak lines of text, SCPI above all, through pyvisa.

The backend is pyvisa-py unless the address ends in another, as "GPIB0::5::INSTR@ivi".
pyvisa-py 0.8.1 needs help on a raw socket, seen in experiments: opening a closed port
succeeds; Nagle's delay stays on and its attribute cannot be set; a connection that the
peer has closed is reported as a timeout, with one core spinning meanwhile. So this link
looks at the socket itself.
"""

from __future__ import annotations

import os
import re
import select
import socket
from typing import Any, Final

from hil.errors import BadReply, HilError, InstrumentError, LinkLost, NotSafe, TransportError
from hil.transport.link import Attempt, TextLink

_NUMBER: Final = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*[A-Za-z%]*")
_NOT_A_NUMBER: Final = 9.9e37
"""From here on it is infinity (9.9E37) or not a number (9.91E37) in SCPI-99, volume 1, 7.2.1.5."""


class VisaLink(TextLink):
    """One VISA session; messages and replies are lines that end in LF."""

    gap: float = 0.0
    """How long the box wants to be left alone between two messages [s]."""
    _resource: Any = None

    def _do_open(self) -> None:
        import pyvisa  # noqa: PLC0415 - slow, and needed only where there is a VISA instrument

        resource, _, backend = self.address.partition("@")
        # One resource manager serves the process (pyvisa hands out the same); closing it would
        # close every session, so only the session is closed.
        milliseconds = max(1, round(1000 * self.timeout))
        self._resource = pyvisa.ResourceManager(f"@{backend or 'py'}").open_resource(
            resource,
            open_timeout=milliseconds,
            timeout=milliseconds,
            read_termination="\n",
            write_termination="\n",
        )
        wire = self._socket()
        if wire is not None:
            if error := wire.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                self._do_close()
                raise ConnectionError(error, os.strerror(error))
            wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _do_close(self) -> None:
        resource, self._resource = self._resource, None
        try:
            resource.close()
        except Exception as error:
            if not self._from_library(error):
                raise

    def _socket(self) -> socket.socket | None:
        """Return the TCP socket below the session; None where there is another interface."""
        sessions = getattr(self._resource.visalib, "sessions", {})
        wire = getattr(sessions.get(self._resource.session), "interface", None)
        return wire if isinstance(wire, socket.socket) else None

    def _do_write(self, message: str, attempt: Attempt) -> None:
        wait = self.gap - (self.clock.now() - self._last)
        if wait > 0:
            self.clock.sleep(wait)
        self._resynchronise()
        attempt.gone = True
        self._resource.write(message)

    def _resynchronise(self) -> None:
        """Drop what came unasked; where the peer has closed meanwhile, open anew: nothing is under way."""
        from pyvisa.constants import BufferOperation  # noqa: PLC0415 - see _do_open

        wire = self._socket()
        if wire is not None:
            self._resource.flush(BufferOperation.discard_receive_buffer)
            if select.select([wire], [], [], 0)[0]:
                self.close()
                self.open()

    def _do_read(self, asked: str) -> str:
        from pyvisa import VisaIOError  # noqa: PLC0415 - see _do_open
        from pyvisa.constants import StatusCode  # noqa: PLC0415

        wire = self._socket()
        if wire is not None:
            if not select.select([wire], [], [], self.timeout)[0]:
                raise self._no_reply(asked)
            if not wire.recv(1, socket.MSG_PEEK):
                raise LinkLost(
                    f"{self.name} at {self.address} closed the connection instead of answering {asked!r}"
                )
        try:
            return str(self._resource.read()).strip()
        except VisaIOError as error:
            if error.error_code == StatusCode.error_timeout:
                raise self._no_reply(asked) from error
            raise

    @staticmethod
    def _from_library(error: Exception) -> bool:
        from pyvisa import Error  # noqa: PLC0415 - see _do_open

        return isinstance(error, OSError | Error)

    def _translate(self, error: Exception) -> TransportError | None:
        if isinstance(error, HilError):
            return None
        if isinstance(error, UnicodeDecodeError):
            return BadReply(
                f"{self.name} at {self.address}: {error.object[:40]!r} came back, which is not text. "
                "Is this the SCPI port, and nothing else connected to it?"
            )
        if not self._is_open:  # pyvisa-py raises a bare Exception for a host that does not answer
            return LinkLost(
                f"{self.name}: cannot open {self.address}: {error}. Is it switched on, is the address right, "
                "is another program connected to it?"
            )
        if self._from_library(error):
            return LinkLost(f"{self.name} at {self.address}: the connection is gone ({error})")
        return None


class Scpi:
    """SCPI over a text link; each command is confirmed by the error queue within its own message.

    A command without an answer may vanish unnoticed with the connection. So
    `SYSTem:ERRor?` travels with it: one message, one reply, and either the box took
    it, or it says why not, or the outcome is unknown and the caller is told.
    """

    def __init__(self, link: TextLink) -> None:
        self.link = link

    def send(self, *units: str) -> list[str]:
        """Send commands, and queries among them, as one message; return the queries' replies.

        Raises `InstrumentError` with all that the error queue holds.
        """
        message = _message(*units, "SYST:ERR?")
        *replies, error = self._split(self.link.query(message, writes=True), message)
        if not _is_no_error(error):
            raise InstrumentError(
                f"{self.link.name} at {self.link.address} refused {message!r}: {self._drain(error)}"
            )
        return replies

    def attempt(self, *messages: tuple[str, ...]) -> None:
        """Send each message whatever becomes of those before it; raise `NotSafe` at the end if one failed."""
        errors: list[HilError] = []
        for units in messages:
            try:
                self.send(*units)
            except HilError as error:
                errors.append(error)
        if errors:
            raise NotSafe("; ".join(map(str, errors))) from errors[0]

    def ask(self, *questions: str) -> list[str]:
        """Send queries as one message and return their replies."""
        message = _message(*questions)
        return self._split(self.link.query(message), message)

    def numbers(self, *questions: str) -> list[float]:
        """Send queries as one message and return their replies as numbers, in the box's units."""
        return [self.number(reply) for reply in self.ask(*questions)]

    def number(self, reply: str) -> float:
        """Return a reply such as "800.00 V" as a number; one that says "none" raises `BadReply`."""
        match = _NUMBER.fullmatch(reply)
        if match is None or abs(float(match[1])) >= _NOT_A_NUMBER:
            raise BadReply(
                f"{self.link.name} at {self.link.address}: {reply!r} came back where a number was asked for"
            )
        return float(match[1])

    def identify(self) -> tuple[str, str, str, str]:
        """Return maker, model, serial number and firmware, as *IDN? tells them."""
        reply = self.link.query("*IDN?")
        maker, model, serial, firmware = ([part.strip(" ,") for part in reply.split(",", 3)] + [""] * 4)[:4]
        if not firmware:
            raise BadReply(f"{self.link.name} at {self.link.address}: {reply!r} is no answer to '*IDN?'")
        return maker, model, serial, firmware

    def _split(self, reply: str, message: str) -> list[str]:
        expected = message.count("?")
        # The text of an error may hold semicolons, and comes last.
        parts = [part.strip() for part in reply.split(";", expected - 1)]
        if len(parts) != expected:
            raise BadReply(
                f"{self.link.name} at {self.link.address}: {reply!r} has {len(parts)} of the {expected} "
                f"answers to {message!r}"
            )
        return parts

    def _drain(self, error: str) -> str:
        errors = [error]
        while len(errors) < 20:  # no box keeps more; one that never ends must not hang the bench
            error = self.link.query("SYST:ERR?")
            if _is_no_error(error):
                break
            errors.append(error)
        return ", then ".join(errors)


def _message(*units: str) -> str:
    """Return units as one message, each from the root of the command tree."""
    return ";".join(unit if unit.startswith("*") else f":{unit}" for unit in units).removeprefix(":")


def _is_no_error(reply: str) -> bool:
    return re.match(r"[+-]?0\s*(,|$)", reply) is not None
