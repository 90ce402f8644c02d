"""What tests by model share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hil.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hil.sequence import Model

RUNS, ARRIVES = 10.0, 20.0
"""Within these the PCS of a model runs, and has its powers to 2 % of its rating [s]."""
LOOK = 0.1
"""Between two looks at it [s]."""


def energise(model: Model) -> None:
    """Switch on battery and grid of a model that has just begun, and tell its PCS to start."""
    rated = model.nominal
    amps, most = 1.5 * rated.power / rated.dc_voltage, 1.2 * rated.power
    model.set(
        "dc",
        output=True,
        volts=rated.dc_voltage,
        source_amps=amps,
        sink_amps=amps,
        source_watts=most,
        sink_watts=most,
    )
    model.set("grid", relay=True, volts=(rated.phase_voltage,) * 3, hertz=rated.frequency)
    model.set("pcs", enable=True)


def settle(model: Model, watts: float, var: float, seconds: float) -> None:
    """Energise a model that has just begun, bring its PCS to its powers and let it settle."""
    energise(model)
    _until(model, lambda said: said["mode"] == "running", RUNS, "running")
    model.set("pcs", active_power=watts, reactive_power=var)
    _until(
        model,
        lambda said: abs((said["measured_watts"] or 0.0) - watts) <= 0.02 * model.nominal.power,
        ARRIVES,
        f"at {watts:g} W",
    )
    model.advance(seconds)


def _until(model: Model, met: Callable[[Mapping[str, Any]], bool], patience: float, what: str) -> None:
    end = model.now() + patience
    while not met(said := model.read("pcs")):
        if model.now() > end or said["mode"] in {"tripped", "fault"}:
            alarms = ", ".join(sorted(said["alarms"])) or "no alarm"
            raise ConfigError(
                f"model: the PCS is not {what} within {patience:g} s; it is {said['mode']}, with {alarms}. "
                "Correct the [plant] of the bench file"
            )
        model.advance(LOOK)
