"""A simulated SCPI box on a loopback socket: grammar, error queue, faults.

SCPI-99, volume 1: mnemonics in short or long form and any case (6.2.1), optional
nodes in brackets, a numeric suffix of 1 may be said or left out (6.2.5.2), messages
of several units in which a header without a leading colon continues the path of the
one before (6.2.4). A unit that is refused leaves its number in the error queue and the
rest of the message is executed, as most boxes do.
"""

from __future__ import annotations

import re
import socket
import threading
from abc import abstractmethod
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, ClassVar, Final

from hil.twin.base import Scene, Twin

if TYPE_CHECKING:
    from collections.abc import Mapping

Handler = Callable[[list[str]], str | None]
"""Takes the parameters of one unit and returns the reply of a query."""

_TEXTS: Final = {
    -104: "Data type error",
    -108: "Parameter not allowed",
    -109: "Missing parameter",
    -113: "Undefined header",
    -114: "Header suffix out of range",
    -221: "Settings conflict",
    -222: "Data out of range",
    -223: "Too much data",
    -224: "Illegal parameter value",
    -225: "Out of memory",
    -226: "Lists not same length",
    -350: "Queue overflow",
}
"""SCPI-99, volume 2, 21.8."""
_QUEUE: Final = 16
_GARBAGE: Final = b"\xff\x00\xfe\x9c\n"
_NUMBER: Final = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:E[+-]?\d+)?)\s*[A-Z%/]*")


class Refusal(Exception):
    """What a handler raises; its number goes to the error queue."""

    def __init__(self, number: int) -> None:
        super().__init__(f'{number},"{_TEXTS[number]}"')


class ScpiTwin(Twin):
    """Serves the commands of a subclass; handlers run one at a time, under the world's lock."""

    IDENTITY: ClassVar[str]
    """What *IDN? answers."""
    IDLE_CLOSE: ClassVar[float | None] = None
    """The box closes a connection on which nothing came for this long [s]."""

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self.errors: list[str] = []
        self._stopping = False
        self._threads: list[threading.Thread] = []
        self._connections: list[socket.socket] = []
        common: dict[str, Handler] = {
            "*IDN?": lambda _: self.faults.identity or self.IDENTITY,
            "*CLS": lambda _: self.errors.clear(),
            "*OPC?": lambda _: "1",
            "*RST": lambda _: self.reset(),
            "SYSTem:ERRor[:NEXT]?": lambda _: self.next_error(),
        }
        self._table = [
            (_regex(pattern), handler) for pattern, handler in (common | dict(self.commands())).items()
        ]

    @abstractmethod
    def commands(self) -> Mapping[str, Handler]:
        """Return the box's dialect: header, as in "[SOURce:]VOLTage[:LEVel]?", to handler."""

    @abstractmethod
    def reset(self) -> None:
        """Do what *RST does."""

    def next_error(self) -> str:
        """Take the oldest entry of the error queue."""
        return self.errors.pop(0) if self.errors else '0,"No error"'

    def execute(self, message: str) -> str:
        """Execute one message and return its reply, empty where there is none."""
        replies = []
        path = ""
        for unit in filter(None, (part.strip() for part in message.split(";"))):
            header, *data = unit.split(None, 1)
            if not header.startswith(("*", ":")):
                header = path + header
            header = header.removeprefix(":")
            if not header.startswith("*"):
                path = header[: header.rfind(":") + 1]
            try:
                reply = self._find(header)([part.strip() for part in data[0].split(",")] if data else [])
            except Refusal as refusal:
                self._enqueue(str(refusal))
            except IndexError:  # a handler took a parameter that is not there
                self._enqueue(str(Refusal(-109)))
            else:
                if reply is not None:
                    replies.append(reply)
        return ";".join(replies)

    def _find(self, header: str) -> Handler:
        for regex, handler in self._table:
            if match := regex.fullmatch(header):
                if set(match.groups("")) <= {"", "1"}:
                    return handler
                raise Refusal(-114)
        raise Refusal(-113)

    def _enqueue(self, error: str) -> None:
        if len(self.errors) < _QUEUE:
            self.errors.append(error)
        else:
            self.errors[-1] = str(Refusal(-350))

    def start(self) -> str:
        """Serve on a free port of 127.0.0.1 and return its VISA address."""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._port: int = self._listener.getsockname()[1]
        self._spawn(self._accept)
        return f"TCPIP::127.0.0.1::{self._port}::SOCKET"

    def stop(self) -> None:
        """Stop serving and close every connection; no thread stays behind."""
        self._stopping = True
        self._knock()
        self._threads[0].join()  # from here on no connection is added
        for connection in self._connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()

    def _spawn(self, target: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, name=f"twin {self.name}", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with self._listener:
            while True:
                connection, _ = self._listener.accept()
                if self._stopping or self._drops():
                    connection.close()
                    return
                self._connections.append(connection)
                self._spawn(self._serve, connection)

    def _knock(self) -> None:
        """Wake the thread that accepts, so that it sees that it is over."""
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", self._port)).close()

    def _drops(self) -> bool:
        return self.world.now() >= self.faults.drops_after

    def _serve(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        last = self.world.now()
        with connection, suppress(ConnectionError), connection.makefile("rb") as lines:
            for line in lines:
                now = self.world.now()
                if self._drops():
                    self._knock()
                    return
                if self.IDLE_CLOSE is not None and now - last > self.IDLE_CLOSE:
                    return
                last = now
                with self.world.lock:
                    reply = self.execute(line.decode("ascii", "replace"))
                if reply and now < self.faults.silent_after:
                    connection.sendall(
                        _GARBAGE if now >= self.faults.garbage_after else reply.encode("ascii") + b"\n"
                    )


def _regex(pattern: str) -> re.Pattern[str]:
    """Return the regular expression of a header; each mnemonic's suffix is a group."""

    def mnemonic(match: re.Match[str]) -> str:
        long = match[0]
        short = "".join(letter for letter in long if not letter.islower())
        return rf"(?:{long}|{short})(\d*)"

    text = re.sub("[A-Za-z]+", mnemonic, pattern.removesuffix("?").replace("*", r"\*"))
    text = text.replace("[", "(?:").replace("]", ")?")
    return re.compile(text + (r"\?" if pattern.endswith("?") else ""), re.IGNORECASE)


def number(text: str, low: float, high: float) -> float:
    """Read a numeric parameter, MIN and MAX included."""
    word = text.upper()
    if word in {"MIN", "MINIMUM", "MAX", "MAXIMUM"}:
        return low if word.startswith("MIN") else high
    match = _NUMBER.fullmatch(word)
    if match is None:
        raise Refusal(-104)
    if not low <= float(match[1]) <= high:
        raise Refusal(-222)
    return float(match[1])


def flag(text: str) -> bool:
    """Read a boolean parameter."""
    if text.upper() not in {"ON", "1", "OFF", "0"}:
        raise Refusal(-224)
    return text.upper() in {"ON", "1"}


def word(text: str, *allowed: str) -> str:
    """Read a parameter that is one of some mnemonics, given as "IMMediate"; return its short form."""
    for long in allowed:
        short = "".join(letter for letter in long if not letter.islower())
        if text.upper() in {short, long.upper()}:
            return short
    raise Refusal(-224)
