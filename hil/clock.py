"""Bench time: the host's on hardware, the plant's in a dry run."""

import time
from typing import Protocol


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
