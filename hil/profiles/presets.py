"""Named load shapes: a generator and its parameters, as data."""

from __future__ import annotations

from collections.abc import Callable, Mapping  # noqa: TC003 - dataclass fields name them at run time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from hil.compliance.envelope import only_keys, read_data, shipped
from hil.errors import ConfigError
from hil.profiles import generate
from hil.profiles.inference import inference, poisson, recorded
from hil.profiles.smoothing import smoothed
from hil.units import parse

if TYPE_CHECKING:
    from hil.profiles.profile import Profile

FOLDER: Final = "profiles"


def _smoothed(
    period: float, duty: float, high: float, low: float, edge: float, duration: float, **settings: float
) -> Profile:
    """Return training behind power smoothing."""
    return smoothed(generate.square(period, duty, high, low, edge, duration), **settings)


def _inference(
    arrivals: str,
    rate: float,
    context: float,
    generated: float,
    compress: float,
    duration: float,
    seed: float,
    **model: float,
) -> Profile:
    """Return inference of recorded or random arrivals."""
    if not (seed >= 0.0 and seed % 1 == 0):
        raise ConfigError(f"seed = {seed:g} must be a whole number from 0 on")
    requests = (
        poisson(rate, context, generated, duration, int(seed))
        if arrivals == "poisson"
        else recorded(arrivals, duration, compress)
    )
    return inference(requests, duration, seed=int(seed), **model)


_SQUARE: Final = {"period": "s", "duty": "pu", "high": "pu", "low": "pu", "edge": "s", "duration": "s"}
GENERATORS: Final[dict[str, tuple[Callable[..., Profile], dict[str, str]]]] = {
    "square": (generate.square, _SQUARE),
    "smoothed": (
        _smoothed,
        {**_SQUARE, "floor": "pu", "ramp_up": "pu/s", "ramp_down": "pu/s", "hysteresis": "s"},
    ),
    "start": (generate.start, {"low": "pu", "high": "pu", "edge": "s", "before": "s", "after": "s"}),
    "checkpoint": (
        generate.checkpoint,
        {"high": "pu", "low": "pu", "dip": "s", "interval": "s", "edge": "s", "duration": "s"},
    ),
    "fault_stop": (
        generate.fault_stop,
        {"high": "pu", "low": "pu", "edge": "s", "before": "s", "stopped": "s", "restart": "s", "after": "s"},
    ),
    "sweep": (
        generate.sweep,
        {"low": "Hz", "high": "Hz", "mean": "pu", "swing": "pu", "cycles": "", "shape": "text"},
    ),
    "inference": (
        _inference,
        {
            "arrivals": "text", "rate": "", "context": "", "generated": "", "compress": "",
            "duration": "s", "nodes": "", "idle": "pu", "prefill": "pu", "decode": "pu",
            "read_rate": "", "write_rate": "", "lag": "s", "noise": "pu", "seed": "",
        },
    ),
}  # fmt: skip
"""Generator and the unit of each of its parameters; "text" for a word."""


@dataclass(frozen=True)
class Preset:
    """A generator with its parameters as text, each with its unit."""

    name: str
    title: str
    source: str
    generator: str
    parameters: Mapping[str, str]

    def make(self, changes: Mapping[str, str]) -> Profile:
        """Return the profile, with some parameters changed: {"period": "0.5 s"}."""
        call, units = GENERATORS[self.generator]
        if unknown := changes.keys() - units.keys():
            raise ConfigError(f"{self.name} has no parameter {min(unknown)}; it has {', '.join(units)}")
        settings = {**self.parameters, **changes}
        values = {name: _value(settings[name], unit, f"{self.name}.{name}") for name, unit in units.items()}
        made = call(**values)
        shown = ", ".join(f"{name} {settings[name]}" for name in units)
        source = "; ".join(filter(None, (self.source, made.source)))
        words = f"made by {self.generator}: {shown}"
        return replace(made, title=self.title, source=source).but(words)


def presets() -> tuple[str, ...]:
    """Return the names of the shipped presets."""
    return shipped(FOLDER)


def load(name: str) -> Preset:
    """Return a shipped preset, or one of a .toml file."""
    where, table = read_data(FOLDER, name)
    only_keys(table, ("title", "source", "generator", "parameters"), (), where)
    if table["generator"] not in GENERATORS:
        raise ConfigError(f"{where}: generator {table['generator']!r} is not one of {', '.join(GENERATORS)}")
    units = GENERATORS[table["generator"]][1]
    only_keys(table["parameters"], units, (), f"{where}: parameters")
    if wrong := [k for k, v in table["parameters"].items() if not isinstance(v, str)]:
        raise ConfigError(f'{where}: {wrong[0]}: write it as text with its unit, such as "1 s"')
    return Preset(where, table["title"], table["source"], table["generator"], table["parameters"])


def _value(text: str, unit: str, name: str) -> Any:
    """Return a parameter in its unit; "95 %" is 0.95 pu."""
    if unit == "text":
        return text
    if unit.startswith("pu") and text.rstrip().endswith("%" + unit[2:]):
        return parse(text.rstrip().removesuffix("%" + unit[2:]) + unit, unit, name) / 100.0
    return parse(text, unit, name)
