"""Where each component stands in the one flat array of floats that the model steps.

One array, so that compiled code reaches everything at a fixed distance from one address,
and a call hands over one thing. Component files number their slots from here; a test
holds that none reaches into the next.
"""

from __future__ import annotations

BUS, GRID, UNIT, METERS, STORAGE, MISSIONS, LOAD, FAULT, TRANSFORMER, GENSETS = (
    *(0, 64, 160, 640, 912, 976, 1064, 1136, 1160, 1224),
)
