"""Digital outputs and inputs of an NI device, by name, for drivers of relays and contactors."""

from __future__ import annotations

import re
from collections.abc import Mapping  # noqa: TC003 - class variables name it
from typing import TYPE_CHECKING, ClassVar, Final

from hil.errors import ConfigError, ReadbackError
from hil.roles import Identity, Instrument
from hil.transport.daqmx import DaqmxLink

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nidaqmx import Task

    from hil.roles import Setup

_LINES: Final = re.compile(r"(port\d+/line)(\d+)(?::(\d+))?")


class Lines(DaqmxLink):
    """One session with the device. Its outputs keep their level when the program ends.

    Each exchange takes a task of its own, unless it reads again what was read last, and clears
    one of the same name that a lost session or a crashed program left behind.
    """

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup.name, setup.address, setup.clock, setup.log, setup.timeout)
        self._device = str(setup.options.get("device", "Dev1"))
        self._taken: tuple[tuple[str, ...], bool] | None = None
        """Lines that the present task has read, and whether they are outputs."""

    def identify(self) -> Identity:
        """Return who the device is."""
        return Identity("National Instruments", *self.device(self._device))

    def drive(self, lines: Sequence[str], levels: Sequence[bool]) -> None:
        """Set outputs, all at once, and check what the device drives; True is high."""

        def act() -> tuple[bool, ...]:
            import numpy as np  # noqa: PLC0415 - as nidaqmx
            from nidaqmx.stream_writers import DigitalSingleChannelWriter  # noqa: PLC0415 - optional

            writer = DigitalSingleChannelWriter(self._take(lines, output=True).out_stream)
            writer.verify_array_shape = False  # it is right, and to ask costs two exchanges
            writer.write_one_sample_multi_line(np.array(levels, dtype=bool))
            return self._levels(len(lines))

        found = self.run(f"{self._list(lines)} = {_bits(levels)}", act, writes=True)
        if found != tuple(levels):
            raise ReadbackError(
                f"{self.name} at {self.address}: {self._list(lines)} was set to {_bits(levels)} and reads "
                f"back {_bits(found)}. Are these the lines that the bench file means, and does nothing else "
                "drive them?"
            )

    def driven(self, lines: Sequence[str]) -> tuple[bool, ...]:
        """Return the levels of outputs, and leave them as they are."""
        return self._read(lines, output=True)

    def sense(self, lines: Sequence[str]) -> tuple[bool, ...]:
        """Return the levels of inputs."""
        return self._read(lines, output=False)

    def _read(self, lines: Sequence[str], *, output: bool) -> tuple[bool, ...]:
        def act() -> tuple[bool, ...]:
            wanted = tuple(lines), output
            if self._task is None or self._taken != wanted:  # to take one costs more than to read
                self._take(lines, output=output)
            self._taken = None  # what is refused is taken anew
            levels = self._levels(len(lines))
            self._taken = wanted
            return levels

        return self.run(f"{self._list(lines)}?", act)

    def _take(self, lines: Sequence[str], *, output: bool) -> Task:
        task, self._taken = self.new_task(), None
        if output:
            task.do_channels.add_do_chan(self._list(lines))
        else:
            task.di_channels.add_di_chan(self._list(lines))
        return task

    def _levels(self, count: int) -> tuple[bool, ...]:
        import numpy as np  # noqa: PLC0415 - as nidaqmx
        from nidaqmx.stream_readers import DigitalSingleChannelReader  # noqa: PLC0415 - optional

        levels = np.zeros(count, dtype=bool)
        reader = DigitalSingleChannelReader(self.task.in_stream)
        reader.verify_array_shape = False
        reader.read_one_sample_multi_line(levels)
        return tuple(map(bool, levels))

    def _list(self, lines: Sequence[str]) -> str:
        return ",".join(f"{self._device}/{line}" for line in lines)


class OnLines(Instrument):
    """What hangs on lines of such a device, which it has one session with."""

    IDENTITY: ClassVar[str] = r"National Instruments,(?:USB|PCIe?|PXIe?)-6\d{3}\b.*"
    """Multifunction and digital devices, whose static lines keep their level when their task ends."""
    NEEDS: ClassVar[Mapping[str, str]] = {"nidaqmx": "daq", "grpc": "daq"}

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self._lines = Lines(setup)

    def _do_open(self) -> None:
        self._lines.open()

    def _do_identify(self) -> Identity:
        return self._lines.identify()

    def _do_close(self) -> None:
        self._lines.close()


def parse_lines(text: object, what: str) -> tuple[str, ...]:
    """Return single lines out of text such as "port0/line0:3 port1/line7"; each may be there once."""
    lines: list[str] = []
    for word in str(text).split():
        match = _LINES.fullmatch(word)
        if match is None:
            raise ConfigError(
                f'{what}: {word!r} is no digital line; expected such as "port0/line0:3 port1/line7"'
            )
        last = int(match[3] or match[2])
        lines += [f"{match[1]}{number}" for number in range(int(match[2]), last + 1)]
    if not lines or len(set(lines)) != len(lines):
        raise ConfigError(f"{what}: {str(text)!r} names no line, or one twice")
    return tuple(lines)


def lines_and_contacts(
    name: str, options: Mapping[str, float | str], lines: str, contacts: str
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return outputs and inputs out of a bench file's options, or these where it names none; none is both."""
    outputs = parse_lines(options.get("lines", lines), f"{name}: lines")
    inputs = parse_lines(options.get("contacts", contacts), f"{name}: contacts")
    if both := sorted(set(outputs) & set(inputs)):
        raise ConfigError(f"{name}: {', '.join(both)} cannot be a line and a contact; each has its own")
    return outputs, inputs


def _bits(levels: Sequence[bool]) -> str:
    return "".join(str(int(level)) for level in levels)
