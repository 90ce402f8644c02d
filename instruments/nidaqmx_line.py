"""One static digital output of an NI device as the bench's interlock, over NI-DAQmx."""

from __future__ import annotations

import re
from collections.abc import Mapping  # noqa: TC003 - class variables name it
from contextlib import suppress
from typing import TYPE_CHECKING, ClassVar, Final

from hil.errors import ConfigError, InstrumentError, ReadbackError
from hil.limits import Limit
from hil.roles import Identity, Interlock, Proof
from hil.transport.daqmx import DaqmxLink

if TYPE_CHECKING:
    from collections.abc import Callable

    from nidaqmx import Task

    from hil.roles import Setup

_ONE_LINE: Final = re.compile(r"port\d+/line\d+")
_LEVELS: Final = {False: "low (open)", True: "high (closed)"}


class NidaqmxLine(Interlock):
    """High is closed: outputs are allowed. Low is open, and so is a line that nobody drives.

    Wire it fail-safe, through a relay that a high line pulls in, so that a broken wire or an
    NI device without power opens it. Two inputs are not fail-safe as they are delivered, and
    switch the output on again when the line closes:

    - AMETEK remote inhibit: an open contact allows the output. Give the source of the bench
      file `remote_inhibit = "fail-safe"`, and switch it on while the line is open: the maker
      says that it does not start up on a closed one.
    - EA pin REM-SB: an open pin allows the output. Set its level to "inverted", and its action
      to one that only switches off.

    The line keeps its level when the program ends: to open it is the guard's work. What is
    read back is what the device drives; that the sources obey, only a trial shows.
    """

    IDENTITY: ClassVar[str] = r"National Instruments,(?:USB|PCIe?|PXIe?)-6\d{3}\b.*"
    NEEDS: ClassVar[Mapping[str, str]] = {"nidaqmx": "daq", "grpc": "daq"}
    OPTIONS: ClassVar[Mapping[str, str]] = {"device": "text", "line": "text"}

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self._device = str(setup.options.get("device", "Dev1"))
        line = str(setup.options.get("line", "port0/line0"))
        if _ONE_LINE.fullmatch(line) is None:
            raise ConfigError(
                f'{self.name}: {line!r} is not one digital line; expected such as "port0/line0"'
            )
        self._line = f"{self._device}/{line}"
        self._link = DaqmxLink(setup.name, setup.address, setup.clock, setup.log, setup.timeout)

    def switch(self, *, closed: bool) -> None:
        """Close or open the line, and check that it followed."""
        self._drive(self._held_task, closed=closed)

    def read_closed(self) -> bool:
        """Say whether the line is closed: the level that the device drives."""
        return self._link.run(f"{self._line}?", lambda: _read(self._held_task()))

    def snapshot(self) -> dict[str, float | str | bool | None]:
        """Return whether the line is closed."""
        return {"closed": self.read_closed()}

    def make_safe(self) -> None:
        """Open the line and check that it followed, whoever left a task of this name."""
        self._drive(self._fresh_task, closed=False)

    def prove_safe(self) -> tuple[Proof, ...]:
        """Read the line back: 0 is open, 1 closed."""
        return (Proof(f"{self.name}: {self._line} closed", float(self.read_closed()), Limit(0.0, 0.0, "")),)

    def _do_open(self) -> None:
        self._link.open()

    def _do_identify(self) -> Identity:
        return Identity("National Instruments", *self._link.device(self._device))

    def _do_prepare(self) -> None:
        self.make_safe()

    def _do_close(self) -> None:
        self._link.close()

    def _drive(self, take: Callable[[], Task], *, closed: bool) -> None:
        def act() -> bool:
            from nidaqmx.stream_writers import DigitalSingleChannelWriter  # noqa: PLC0415 - as above

            task = take()
            DigitalSingleChannelWriter(task.out_stream).write_one_sample_one_line(closed)
            return _read(task)

        found = self._link.run(f"{self._line} = {_LEVELS[closed]}", act, writes=True)
        if found != closed:
            raise ReadbackError(
                f"{self.name} at {self.setup.address}: {self._line} was set {_LEVELS[closed]} and reads back "
                f"{_LEVELS[found]}. Is it the line that the bench file means, and does nothing else drive it?"
            )

    def _fresh_task(self) -> Task:
        task = self._link.new_task()
        task.do_channels.add_do_chan(self._line)
        return task

    def _held_task(self) -> Task:
        """Return the task that holds the line; a new one where there is none or a lost link took it along."""
        with suppress(InstrumentError):
            return self._link.task
        return self._fresh_task()


def _read(task: Task) -> bool:
    from nidaqmx.stream_readers import DigitalSingleChannelReader  # noqa: PLC0415 - as above

    # An output that drives reads as the level that it drives (DAQmx property DO.Tristate)
    return bool(DigitalSingleChannelReader(task.in_stream).read_one_sample_one_line())
