"""Refusing a parameter set: which, what it was, why not."""

from __future__ import annotations

from dataclasses import fields
from math import isfinite
from typing import TYPE_CHECKING, Any

from hil.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Collection


def check(parameters: Any, where: str, *, above_zero: Collection[str] = ()) -> None:
    """Refuse numbers of a dataclass that are negative or no numbers, or zero where they must not be."""
    for field in fields(parameters):
        value = getattr(parameters, field.name)
        if not isinstance(value, float):
            continue
        if not (isfinite(value) and value >= 0.0):
            raise ConfigError(f"[{where}] {field.name} = {value:g}: must be a number that is not negative")
        if value == 0.0 and field.name in above_zero:
            raise ConfigError(f"[{where}] {field.name} = 0: must be above zero")
