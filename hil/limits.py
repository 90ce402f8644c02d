"""Ranges that a quantity may take."""

from dataclasses import dataclass
from math import isfinite

from hil.errors import ConfigError, LimitError


@dataclass(frozen=True, slots=True)
class Limit:
    """A closed interval in one unit."""

    low: float
    high: float
    unit: str

    def __post_init__(self) -> None:
        if not self.low <= self.high:
            raise ConfigError(f"a limit from {self.low:g} to {self.high:g} {self.unit} holds nothing")

    def check(self, value: float, name: str) -> float:
        """Return value, or raise `LimitError`; nothing is ever clipped."""
        if not (isfinite(value) and self.low <= value <= self.high):
            raise LimitError(f"{name} = {value:g} {self.unit} is outside {self}")
        return value

    def contains(self, other: "Limit") -> bool:
        """Say whether every value of the other limit lies inside this one."""
        return self.unit == other.unit and self.low <= other.low and other.high <= self.high

    def __str__(self) -> str:
        """Return the interval as text: "0 .. 300 V"."""
        return f"{self.low:g} .. {self.high:g} {self.unit}"
