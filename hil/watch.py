"""Who looks on while a sequence runs, who may stop it, and how it ended."""

from __future__ import annotations

import signal
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from hil.errors import Aborted, HilError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType


class Watch(Protocol):
    """Who looks on: the terminal's progress, or nobody."""

    def stage(self, name: str, purpose: str) -> None:
        """Show that a stage begins."""

    def tick(self, seconds: float, reading: str) -> None:
        """Show the bench time since the start [s], and what was last measured."""


class Aside:
    """A watch that may fail: a terminal that is gone must not keep the engine from its work."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch

    def stage(self, name: str, purpose: str) -> None:
        """Show that a stage begins, if there is still where."""
        with suppress(OSError, ValueError):  # ValueError: written to a closed file
            self._watch.stage(name, purpose)

    def tick(self, seconds: float, reading: str) -> None:
        """Show the bench time [s] and what was measured, if there is still where."""
        with suppress(OSError, ValueError):
            self._watch.tick(seconds, reading)


class Stop:
    """Ctrl-C and SIGTERM as a wish: the engine stops between two exchanges, never inside one."""

    def __init__(self) -> None:
        self.reason = ""
        self.error: HilError | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Stop:
        """Take over the signals."""
        for name, text in (
            ("SIGINT", "the operator (Ctrl-C)"),
            ("SIGTERM", "SIGTERM"),
            ("SIGHUP", "hang-up"),
        ):
            number = getattr(signal, name, None)
            if number is not None:
                self._before[number] = signal.signal(number, self._handler(text))
        return self

    def __exit__(self, *_: object) -> None:
        """Give the signals back."""
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _handler(self, text: str) -> Callable[[int, FrameType | None], None]:
        def ask(_number: int, _frame: FrameType | None) -> None:
            self.reason = self.reason or f"stopped by {text}"

        return ask

    def fail(self, error: HilError) -> None:
        """Ask for a stop because of an error met where it could not be raised."""
        self.error = self.error or error

    def check(self) -> None:
        """Raise what asks for a stop, if anything does."""
        if self.error is not None:
            raise self.error
        if self.reason:
            raise Aborted(self.reason)


@dataclass
class RunEnd:
    """How a run ended, and what is known of the bench."""

    end: str = "completed"
    """"completed", "aborted" or "error"."""
    text: str = ""
    safe: bool = False
    safety: str = ""
    """How it was proven that the bench is de-energised, or why it could not be."""
    proofs: list[str] = field(default_factory=list)
    captures: dict[str, str] = field(default_factory=dict)
    """Sealed captures: name to file name."""
    seconds: float = 0.0
    """Bench time that the run took [s]."""
    notes: list[str] = field(default_factory=list)
    prepared: dict[str, dict[str, float | str | bool | None]] = field(default_factory=dict)
    """What each instrument said of itself before anything was switched on."""
    error: HilError | None = None
