"""Where each component stands in the one flat array of floats that the model steps.

One array, so that compiled code reaches everything at a fixed distance from one address,
and a call hands over one thing. Component files number their slots from here; a test
holds that none reaches into the next.
"""

from __future__ import annotations

BUS, GRID, UNIT, METERS, STORAGE, MISSIONS, LOAD, FAULT, NEUTRAL, TRANSFORMER, EVENTS, GENSETS = (
    *(0, 64, 224, 704, 976, 1040, 1128, 1200, 1220, 1224, 1288, 1424),
)
