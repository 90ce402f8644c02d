"""Bench time: the host's on hardware, the plant's in a dry run."""

from __future__ import annotations

import json
import socket
import threading
import time
from typing import Any, Protocol

from hil.errors import ConfigError, LinkLost


class Clock(Protocol):
    """Tells the time of the bench, and waits in it."""

    def now(self) -> float:
        """Return the bench time [s]; only differences mean anything."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait for a span of bench time [s]."""
        ...


class HostClock:
    """The time of this computer, monotonic."""

    def now(self) -> float:
        """Return the monotonic time [s]."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait [s]."""
        time.sleep(max(0.0, seconds))

    def close(self) -> None:
        """Nothing to close."""


class SimulatedClock:
    """The plant's time, over the control socket of a simulated bench: it moves while somebody waits.

    Everything happens in the order in which the one who drives asks for it, so a
    dry run gives the same samples each time, as fast as the plant can be solved.
    """

    def __init__(self, port: int) -> None:
        try:
            self._socket = socket.create_connection(("127.0.0.1", port), timeout=120.0)
        except OSError as error:
            raise LinkLost(f"the simulated bench does not answer on port {port}: {error}") from error
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._file = self._socket.makefile("rb")
        self._lock = threading.Lock()

    def ask(self, **request: Any) -> dict[str, Any]:
        """Send one request to the simulated bench and return its answer.

        Raises `ConfigError` where it refuses to set something by hand, and goes on.
        """
        with self._lock:
            try:
                self._socket.sendall(json.dumps(request).encode() + b"\n")
                line = self._file.readline()
            except OSError as error:
                raise LinkLost(f"the simulated bench is gone: {error}") from error
        if not line:
            raise LinkLost("the simulated bench is gone: it closed its control connection")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            if request["op"] == "set":
                raise ConfigError(answer["error"])
            raise LinkLost(f"the simulated bench stopped: {answer['error']}")
        return answer

    def now(self) -> float:
        """Return the plant time [s]."""
        return float(self.ask(op="now")["now"])

    def sleep(self, seconds: float) -> None:
        """Let the plant run for a span of its time [s]."""
        self.ask(op="sleep", seconds=max(0.0, seconds))

    def close(self) -> None:
        """Leave the simulated bench; it ends when the last has left."""
        self._file.close()
        self._socket.close()
