"""A generator set ordered about by contacts: remote start and breaker on lines of an NI device."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - class variables name it
from typing import TYPE_CHECKING, ClassVar, Final

from hil.errors import ConfigError, InstrumentError, ReadbackError
from hil.roles.genset import NOTHING, Genset

from ._daqmx_lines import OnLines, lines_and_contacts

if TYPE_CHECKING:
    from collections.abc import Callable

    from hil.roles import Setup
    from hil.roles.genset import Meanwhile

LOOK: Final = 0.1
"""How often a contact is looked at while it is waited for [s]."""
OPENING: Final = 1.0
"""How long the rest of the bench waits for its breaker to open when all is made safe [s]."""


class NidaqmxGenset(OnLines, Genset):
    """A set behind its controller's remote start, breaker permission and two contacts.

    Lines: remote start, and permission to close the breaker; high orders it, a low line or one
    without power withdraws it. The controller synchronises: what has not closed within the deadline
    loses its permission again. Contacts: "running", high while the engine runs; and the breaker's
    52b, high while it is open, so that a broken wire reads closed. Emergency stop hangs on the
    bench's interlock.
    """

    OPTIONS: ClassVar[Mapping[str, str]] = {
        "device": "text",
        "lines": "text",
        "contacts": "text",
        "start_deadline": "s",
        "deadline": "s",
    }

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        (self._start, self._close), (self._running, self._open) = wiring(setup.name, setup.options)
        self._start_deadline = float(setup.options.get("start_deadline", 60.0))
        self._deadline = float(setup.options.get("deadline", 30.0))

    def read_running(self) -> bool:
        """Say whether the engine runs, by its controller's contact."""
        return self._lines.sense((self._running,)) == (True,)

    def read_closed(self) -> bool:
        """Say whether its breaker is closed, by the breaker's contact."""
        return self._lines.sense((self._open,)) == (False,)

    def make_safe(self) -> None:
        """Withdraw the permission and the start; whether the breaker followed in the end, `prove_safe` says.

        One that is unloaded first, or welded, keeps the other sources live no longer than `OPENING`.
        """
        self._lines.drive((self._start, self._close), (False, False))
        self._within(OPENING, self._is_open, NOTHING)

    def _do_prepare(self) -> None:
        self.make_safe()
        self._opened(NOTHING)

    def _do_run(self, *, on: bool, meanwhile: Meanwhile) -> None:
        self._lines.drive((self._start,), (on,))
        if on and not self._within(self._start_deadline, self.read_running, meanwhile):
            self._lines.drive((self._start,), (False,))
            raise InstrumentError(
                f"{self.name}: it does not run {self._start_deadline:g} s after its start, which is "
                "withdrawn. Is its controller in automatic mode, has it a fault, is there fuel?"
            )

    def _do_switch(self, *, closed: bool, meanwhile: Meanwhile) -> None:
        self._lines.drive((self._close,), (closed,))
        if not closed:
            self._opened(meanwhile)
        elif not self._within(self._deadline, self.read_closed, meanwhile):
            self._lines.drive((self._close,), (False,))
            raise ReadbackError(
                f"{self.name}: its breaker has not closed within {self._deadline:g} s; the permission is "
                "withdrawn. Does it run, and does it find the other side's voltage in step?"
            )

    def _opened(self, meanwhile: Meanwhile) -> None:
        if not self._within(self._deadline, self._is_open, meanwhile):
            raise ReadbackError(
                f"{self.name}: its breaker still reads closed {self._deadline:g} s after it was told to "
                "open. It may be welded, or the wire of its contact broken: stop the engine by hand"
            )

    def _is_open(self) -> bool:
        return not self.read_closed()

    def _within(self, seconds: float, there: Callable[[], bool], meanwhile: Meanwhile) -> bool:
        clock = self.setup.clock
        deadline = clock.now() + seconds
        while not (reached := there()) and clock.now() < deadline:
            clock.sleep(LOOK)
            meanwhile()
        return reached


def wiring(name: str, options: Mapping[str, float | str]) -> tuple[tuple[str, str], tuple[str, str]]:
    """Return the lines of start and close, and the contacts of running and open, out of the options."""
    lines, contacts = lines_and_contacts(name, options, "port0/line5:6", "port1/line5:6")
    if len(lines) != 2 or len(contacts) != 2:
        raise ConfigError(
            f"{name}: {len(lines)} lines and {len(contacts)} contacts; expected the lines of start and "
            "close, and the contacts of running and open"
        )
    return (lines[0], lines[1]), (contacts[0], contacts[1])
