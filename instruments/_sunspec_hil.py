"""Models of one maker's own, the simulated PCS's, for what SunSpec has none: event log, and forming the grid.

64900 is the log: how many entries there have been, and the last 40, newest first: time [ms], and which of
`EVENTS`, from 1 on; one request reads all of it, so that nobody reads while it moves. 64901 commands:
whether it forms the grid (0 no, 1 yes, 2 as delivered), whether it comes into step with the source beyond
the open breaker, and voltage and frequency that it holds at no load, in steps of 1e-6 pu.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hil.plant.terminals import PCS_EVENTS as EVENTS

from .sunspec import MODELS as STANDARD
from .sunspec import Point

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["AS_DELIVERED", "ENTRIES", "EVENTS", "FOLLOWS", "FORM", "FORMS", "LOG", "MAKER", "MODELS"]

MAKER: Final = "HIL"
LOG: Final = 64900
ENTRIES: Final = 40
FORM: Final = 64901
FOLLOWS, FORMS, AS_DELIVERED = 0, 1, 2
MODELS: Final[Mapping[int, Mapping[str, Point]]] = {
    **STANDARD,
    LOG: {
        "Count": Point(2, "uint32"),
        **{f"Tms{n}": Point(4 + 3 * n, "uint32") for n in range(ENTRIES)},
        **{f"Evt{n}": Point(6 + 3 * n, "enum16") for n in range(ENTRIES)},
    },
    FORM: {
        "Form": Point(2, "enum16"),
        "Sync": Point(3, "enum16"),
        "V": Point(4, "uint32", "Ref_SF"),
        "Hz": Point(6, "uint32", "Ref_SF"),
        "Ref_SF": Point(8, "sunssf"),
    },
}
