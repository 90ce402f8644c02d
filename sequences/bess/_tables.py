"""The table with which a test sums up its captures."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hil.analysis.result import Analysis, Cell, Table


def overview(
    found: Mapping[str, Analysis],
    title: str,
    shown: Mapping[str, tuple[str, str]],
    kind: str = "Step",
    section: str = "Step response",
) -> Table:
    """Return a row for each capture; what has no value says why.

    shown: by key of a result the heading of its column and its unit. kind: what a capture is called.
    """
    from hil.analysis.result import Table  # noqa: PLC0415 - numpy, which no preview needs

    def cell(one: Analysis, key: str) -> Cell:
        if key not in one:
            return None  # not asked of this kind of capture
        return one[key].state if one[key].value is None else one[key].value

    rows = tuple((name, *(cell(one, key) for key in shown)) for name, one in found.items())
    columns, units = zip((kind, ""), *shown.values(), strict=True)
    return Table("overview", title, columns, units, rows, section)
