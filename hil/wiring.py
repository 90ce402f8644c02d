"""What each instrument of a simulated bench is wired to: the terminals of the plant, by their names."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - the table's type names it
from dataclasses import fields
from typing import TYPE_CHECKING, Final

from hil.errors import ConfigError
from hil.plant.terminals import MEASURING_POINTS, Terminals

if TYPE_CHECKING:
    from hil.config import BenchConfig

WIRED: Final[Mapping[str, tuple[str, ...]]] = {
    "grid_source": ("grid",),
    "dc_source": ("dc",),
    "pcs": ("pcs",),
    "recorder": ("inputs",),
    "interlock": ("interlock",),
    "load": ("load",),
    "switch": ("breaker", "transformer", "genset"),
    "genset": ("genset",),
    "power_meter": ("meter",),
}
"""Kinds of terminals that a role may be wired to; the first where the bench file does not say."""


def wire(config: BenchConfig) -> dict[str, tuple[str, ...]]:
    """Return the terminals of each instrument by its name; a transfer switch has one for each position.

    Where the file does not say which, gensets and measuring points are taken in their order. Raises
    `ConfigError` for what does not go together, and for two of one driver on the same terminals.
    """
    gensets = config.plant.parameters.gensets if config.plant else ()
    there = [each.name for each in fields(Terminals)] + ["interlock"]
    there += [f"genset:{n}" for n, _ in enumerate(gensets)] + [f"meter:{point}" for point in MEASURING_POINTS]
    wired: dict[str, tuple[str, ...]] = {}
    taken: set[tuple[str, str]] = set()
    for name, item in config.instruments.items():
        where = f"{config.path}: instruments.{name}"
        kinds = WIRED.get(item.role, ())
        fit = [each for each in there if each.partition(":")[0] in kinds]
        free = [each for each in fit if (item.driver, each) not in taken]
        names = item.terminal.split() or [each for each in free if each.partition(":")[0] == kinds[0]][:1]
        if not names:
            raise ConfigError(f"{where}: the plant has no {item.role} left that it could be wired to")
        for each in names:
            if each not in fit:
                raise ConfigError(
                    f"{where}: terminal {each!r} is none for a {item.role}; there is {', '.join(fit)}"
                )
            if (item.driver, each) in taken:
                raise ConfigError(f"{where}: terminal {each!r}: another {item.driver} is wired to it")
            taken.add((item.driver, each))
        wired[name] = tuple(names)
    return wired
