"""When the PCS changed, and to what: a ring of entries, which the exchange reads out between steps."""

from __future__ import annotations

from typing import Any, Final

from hil.jit import part

from . import grid
from .unit import ALARM, FORMING, LIMITED, MODE, RUNNING, TC, TIME
from .world import EVENTS

# Entries so far, what the last one says, for how long the current limit still counts as acting [s].
BASE: Final = EVENTS
COUNT, LAST, HELD = range(BASE, BASE + 3)
# The last entries: time [s], and what then was, packed into one number.
RING: Final = BASE + 3
ENTRIES: Final = 64
END: Final = RING + 2 * ENTRIES

ALARMS, FORMS, LIMITS, TIED = 8, 64, 128, 256
"""What alarm, forming, limit and breaker count in that number; the mode counts one."""
CHATTER: Final = 0.01
"""The limit must have let go for this long to count as off [s]; at its edge it comes and goes."""


@part
def note(w: Any) -> None:
    """Enter what is, where it has changed."""
    w[HELD] = CHATTER if w[LIMITED] > 0.0 else max(0.0, w[HELD] - w[TC])
    now = w[MODE] + ALARMS * w[ALARM] + FORMS * w[FORMING] + TIED * w[grid.BREAKER]
    if w[HELD] > 0.0 and w[MODE] == RUNNING:
        now += LIMITS
    if now != w[LAST] or w[COUNT] == 0.0:
        at = RING + 2 * (int(w[COUNT]) % ENTRIES)
        w[at], w[at + 1], w[LAST] = w[TIME] * w[TC], now, now
        w[COUNT] += 1.0
