"""What all transports share: one lock, a log with time bounds, and the rule about lost links.

A subclass supplies `_do_open`, `_do_close` and its exchanges, and runs each
exchange inside `_exchange`, which

- holds the session's lock, so that two threads never mix their replies;
- opens the connection when there is none, anew after a timeout (so that a late
  reply dies with the old connection and never answers the next question) and
  before the box would close it for idleness;
- turns the library's errors into ours, and a link lost behind a write into
  `OutcomeUnknown`: nothing is ever sent twice;
- logs what was sent and what came back, between two readings of the bench clock.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hil.errors import NoReply, OutcomeUnknown, TransportError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hil.clock import Clock


@dataclass(frozen=True, slots=True)
class Exchange:
    """One line of the command log."""

    instrument: str
    before: float
    """Bench time before the first byte went out [s]."""
    after: float
    """Bench time after the last byte came back [s]."""
    sent: str
    received: str | None
    error: str | None = None


@dataclass
class CommandLog:
    """Every exchange with every instrument, in order; `sink` sees each as it happens."""

    sink: Callable[[Exchange], None] | None = None
    entries: list[Exchange] = field(default_factory=list)

    def add(self, exchange: Exchange) -> None:
        """Append one exchange."""
        self.entries.append(exchange)
        if self.sink is not None:
            self.sink(exchange)


@dataclass
class Attempt:
    """One exchange under way: the transport notes in it what was sent and what came back."""

    sent: str
    writes: bool
    """True where the box acts on it, so that a lost link leaves the outcome unknown."""
    received: str | None = None
    gone: bool = False
    """True once a byte may have reached the instrument."""


class Link(ABC):
    """One session with one instrument."""

    idle_close: float | None = None
    """The box closes the connection after this long without traffic [s]; None: never."""

    def __init__(self, name: str, address: str, clock: Clock, log: CommandLog, timeout: float = 2.0) -> None:
        self.name = name
        self.address = address
        self.clock = clock
        self.log = log
        self.timeout = timeout
        self._lock = threading.RLock()
        self._is_open = False
        self._stale = False
        self._last = clock.now()

    @abstractmethod
    def _do_open(self) -> None:
        """Open the connection; no byte that the instrument acts on is sent."""

    @abstractmethod
    def _do_close(self) -> None:
        """Close the connection; must not raise for one that is already gone."""

    @abstractmethod
    def _translate(self, error: Exception) -> TransportError | None:
        """Return our error for the library's, or None where it is not one of the wire."""

    def open(self) -> None:
        """Open the connection if it is not open; never changes the state of the instrument."""
        with self._lock:
            if self._is_open:
                return
            try:
                self._do_open()
            except Exception as error:
                ours = self._translate(error)
                if ours is None:
                    raise
                raise ours from error
            self._is_open = True
            self._stale = False
            self._last = self.clock.now()

    def close(self) -> None:
        """Close the connection; harmless when it is closed."""
        with self._lock:
            if self._is_open:
                self._is_open = False
                self._do_close()

    def _fresh(self) -> None:
        idle = self.clock.now() - self._last
        if self._is_open and (self._stale or (self.idle_close is not None and idle > 0.8 * self.idle_close)):
            self.close()
        self.open()

    @contextmanager
    def _exchange(self, sent: str, *, writes: bool) -> Iterator[Attempt]:
        """Run one exchange by the rules above; the body does the I/O and fills in the attempt."""
        with self._lock:
            self._fresh()
            attempt = Attempt(sent, writes)
            before = self.clock.now()
            failure: Exception | None = None
            try:
                yield attempt
            except Exception as error:
                self._stale = True
                failure = error if isinstance(error, TransportError) else self._translate(error)
                if failure is None:
                    failure = error
                    raise
                if attempt.gone and writes:
                    failure = OutcomeUnknown(
                        f"{self.name}: the link failed after {sent!r} was sent ({failure}); whether the "
                        "instrument acted on it is unknown, and it is not sent again. Look at the instrument."
                    )
                raise failure from error
            except BaseException:
                self._stale = True  # interrupted half-way: the reply may still come
                raise
            finally:
                self._last = self.clock.now()
                text = None if failure is None else str(failure)
                self.log.add(Exchange(self.name, before, self._last, sent, attempt.received, text))

    def _no_reply(self, asked: str) -> NoReply:
        return NoReply(
            f"{self.name} at {self.address}: no answer to {asked!r} within {self.timeout:g} s. "
            "Is it switched on, and is the address right?"
        )


class TextLink(Link):
    """A line-oriented exchange: SCPI and its relatives."""

    def write(self, message: str) -> None:
        """Send one message that has no reply."""
        with self._exchange(message, writes=True) as attempt:
            self._do_write(message, attempt)

    def query(self, message: str, *, writes: bool = False) -> str:
        """Send one message and return its one reply, without the line end.

        `writes` says that the message also makes the instrument act, such as
        "OUTP ON;*OPC?": then a lost link leaves the outcome unknown.
        """
        with self._exchange(message, writes=writes) as attempt:
            self._do_write(message, attempt)
            attempt.received = self._do_read(message)
            return attempt.received

    @abstractmethod
    def _do_write(self, message: str, attempt: Attempt) -> None:
        """Send one line; set `attempt.gone` just before the first byte goes out."""

    @abstractmethod
    def _do_read(self, asked: str) -> str:
        """Return one line; raise `NoReply` when none came within the timeout."""
