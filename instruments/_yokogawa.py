"""What Yokogawa's WT analysers share on the wire: the error queue's name, and numeric values by item."""

from __future__ import annotations

from typing import Final

from hil.errors import BadReply, InstrumentError, ReadbackError
from hil.roles import Power
from hil.transport.visa import Scpi

ITEMS: Final = {
    "voltage": "URMS",
    "current": "IRMS",
    "active_power": "P",
    "reactive_power": "Q",
    "apparent_power": "S",
    "power_factor": "LAMBDA",
    "frequency": "FU",
    "voltage_thd": "UTHD",
    "current_thd": "ITHD",
}
"""Fields of `Power` by their name on the wire; THD in percent there."""
OF_ALL: Final = 6
"""So many of them the sum has too."""
WITHOUT: Final = {"NAN": "no data", "INF": "over range", "+INF": "over range", "-INF": "over range"}
"""What stands where there is no value, and why."""


class Dialect(Scpi):
    """SCPI whose error queue has another name."""

    def send(self, *units: str) -> list[str]:
        """Send commands, and queries among them, as one message; return the queries' replies."""
        message = ";".join(unit if unit.startswith("*") else f":{unit}" for unit in (*units, "STAT:ERR?"))
        *replies, error = self._split(self.link.query(message, writes=True), message)
        errors: list[str] = []
        while not error.startswith("0,") and len(errors) < 20:
            errors.append(error)
            error = self.link.query(":STAT:ERR?")
        if errors:
            raise InstrumentError(
                f"{self.link.name} at {self.link.address} refused {message!r}: {', then '.join(errors)}"
            )
        return replies


class Items:
    """The list of what one update holds: all of each element, and of the sum what it has."""

    def __init__(self, elements: int) -> None:
        self._elements = (*map(str, range(1, elements + 1)), "SIGMA")
        self._names = list(ITEMS)

    def choose(self, scpi: Scpi) -> None:
        """Tell the box the list, and read it back."""
        self._names = list(ITEMS)
        try:
            scpi.send("HARM1:THD FUND")
        except InstrumentError:  # a box without the harmonics option
            self._names = [name for name in ITEMS if not name.endswith("thd")]
        items = self._list
        scpi.send("NUM:FORM ASC", f"NUM:NORM:NUMB {len(items)}")
        for first in range(0, len(items), 9):  # no more in one message than its input buffer holds
            units = [
                unit
                for number, (element, name) in enumerate(items[first : first + 9], first + 1)
                for unit in (f"NUM:NORM:ITEM{number} {ITEMS[name]},{element}", f"NUM:NORM:ITEM{number}?")
            ]
            for wanted, taken in zip(units[::2], scpi.send(*units), strict=True):
                words = taken.upper().split(",")[:2]  # it may abbreviate, and adds the order
                both = zip(wanted.split()[1].split(","), words, strict=False)
                if len(words) < 2 or not all(word and long.startswith(word) for long, word in both):
                    raise ReadbackError(f"{scpi.link.name}: {wanted!r} was sent and {taken!r} reads back")

    def parse(self, scpi: Scpi, reply: str) -> tuple[tuple[Power, ...], tuple[str, ...]]:
        """Return each element's values and last the sum's, and what has none, with the reason."""
        items, words = self._list, reply.strip().upper().split(",")
        if len(words) != len(items):
            raise BadReply(
                f"{scpi.link.name} at {scpi.link.address}: {len(words)} values came where {len(items)} were "
                "asked for. Has somebody changed its list of items?"
            )
        values: dict[tuple[str, str], float] = {}
        missing = []
        for (element, name), word in zip(items, words, strict=True):
            if word in WITHOUT:
                missing.append(f"{name} of element {element}: {WITHOUT[word]}")
            else:
                values[element, name] = scpi.number(word) * (0.01 if name.endswith("thd") else 1.0)
        powers = (
            Power(**{name: values.get((element, name)) for name in ITEMS}) for element in self._elements
        )
        return tuple(powers), tuple(missing)

    @property
    def _list(self) -> list[tuple[str, str]]:
        """Element and name of each value, in the order in which they come."""
        of_all = self._names[:OF_ALL]
        return [(e, name) for e in self._elements for name in (of_all if e == "SIGMA" else self._names)]
