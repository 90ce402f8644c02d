"""Text such as "230 V" becomes an SI float here, at the edge, and nowhere else."""

import math
import re
from typing import Final

from hil.errors import ConfigError

_PREFIX: Final = {"": 1.0, "u": 1e-6, "µ": 1e-6, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9}
_UNITS: Final = {
    "V": "V",
    "A": "A",
    "W": "W",
    "var": "var",
    "VA": "VA",
    "Wh": "Wh",
    "Hz": "Hz",
    "S/s": "Hz",
    "s": "s",
    "ohm": "ohm",
    "H": "H",
    "F": "F",
    "V/s": "V/s",
    "W/s": "W/s",
    "Hz/s": "Hz/s",
    "deg": "deg",
    "dB": "dB",
    "pu": "pu",
    "pu/s": "pu/s",
    "1/s": "1/s",
    "1/h": "1/h",
    "%": "%",
    "": "",
}
_TEXT: Final = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(\S*)\s*")


def parse(text: object, unit: str, name: str) -> float:
    """Return text, such as "480 V", in the SI unit asked for.

    Raises `ConfigError`, naming the quantity, where the number has no unit or
    the wrong one: a bare 480 may be volts or kilovolts, so it is refused.
    """
    if not isinstance(text, str):
        raise ConfigError(f'{name}: write the unit with the number, such as "{text} {unit}"')
    match = _TEXT.fullmatch(text)
    if match is None:
        raise ConfigError(f'{name}: cannot read {text!r}; expected a number and a unit, such as "1 {unit}"')
    number, found = float(match[1]), match[2]
    for prefix, factor in _PREFIX.items():
        if found.startswith(prefix) and found[len(prefix) :] in _UNITS:
            base = _UNITS[found[len(prefix) :]]
            if base == unit and (base or not prefix):
                if not math.isfinite(number * factor):
                    raise ConfigError(
                        f"{name}: {text!r} is beyond what a number can hold; check the exponent"
                    )
                return number * factor
    raise ConfigError(f"{name}: {text!r} is not in {unit}")


def show(value: float, unit: str) -> str:
    """Return value in unit for a person, with a prefix and four digits: 49 820 W is "49.82 kW"."""
    if unit in {"V", "A", "W", "var", "VA", "Wh", "Hz", "s", "V/s", "W/s", "Hz/s"} and value:
        size = abs(value)
        for prefix, factor in (("M", 1e6), ("k", 1e3), ("", 1.0), ("m", 1e-3), ("u", 1e-6)):
            if size >= factor * 0.99995 or prefix == "u":
                if unit in {"s", "Hz"} and prefix in {"k", "M"}:
                    continue
                return f"{value / factor:.4g} {prefix}{unit}"
    return f"{value:.4g} {unit}".rstrip()
