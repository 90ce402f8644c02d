"""How a dispatched power came, stayed and went: set-points as they were commanded, power as it was measured.

Times count from when the first command to a level was sent. Energy is that of the whole event,
from the first command to the end of the record, both ramps included, above the baseline.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from hil.analysis.power.track import power_track
from hil.analysis.result import Findings, Result, Series
from hil.analysis.signals import sort
from hil.analysis.step.findings import step_findings
from hil.analysis.step.response import step_response
from hil.errors import ConfigError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hil.analysis.step.response import StepResponse
    from hil.waveform import Waveform

_SECTION: Final = "Step response"
_METHOD: Final = "positive sequence over one cycle; half of it subtracted from times"


@dataclass(frozen=True, slots=True)
class Dispatch:
    """Set-points of active power that leave a baseline, reach a target, and return."""

    baseline: float
    """[W]"""
    target: float
    """[W]"""
    commands: tuple[tuple[float, float], ...]
    """When each was sent [s], and what it asked for [W]; the last asks for the baseline again."""

    def __post_init__(self) -> None:
        """Refuse what does not go there and back."""
        watts = [asked for _, asked in self.commands]
        if self.target not in watts[:-1] or watts[-1] != self.baseline:
            raise ConfigError(
                f"dispatch from {self.baseline:g} to {self.target:g} W and back: the commands are {watts} W"
            )

    @property
    def back(self) -> float:
        """When the first command after the target was sent [s]."""
        reached = [k for k, (_, asked) in enumerate(self.commands) if asked == self.target]
        return self.commands[reached[-1] + 1][0]

    def asked(self, time: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the set-point at instants [W]."""
        sent = np.array([at for at, _ in self.commands])
        watts = np.array([self.baseline, *(asked for _, asked in self.commands)])
        return watts[np.searchsorted(sent, time, side="right")]


def dispatch_findings(
    waveform: Waveform, nominal: tuple[float, float], rated: float, dispatch: Dispatch
) -> Findings:
    """Return how the power followed; nominal: phase voltage [V] and frequency [Hz]; rated [W]."""
    track = power_track(sort(waveform), nominal[1])
    if track.power is None:
        raise ConfigError(f"{waveform.source or 'waveform'}: voltages and currents are needed for a power")
    power, voltage, lag = track.power.real, np.abs(track.u1) / nominal[0], track.cycle / 2
    valid = not track.spoilt.any()
    begin, back = dispatch.commands[0][0], dispatch.back
    there, home = track.time < back, track.time >= begin
    came = step_findings(
        track.time[there],
        power[there],
        begin,
        target=dispatch.target,
        rating=rated,
        lag=lag,
        valid=valid,
    )
    step = step_response(track.time[there], power[there], begin, target=dispatch.target, lag=lag)
    late = home & (track.time >= back - 0.2 * (back - begin))
    went = step_response(track.time[late], power[late], back, target=dispatch.baseline, lag=lag)
    change = dispatch.target - dispatch.baseline

    def result(key: str, title: str, value: float | None, unit: str, **more: object) -> Result:
        state = "ok" if value is not None else "not determinable"
        about = {"state": state, "method": _METHOD, **more}
        return Result(key, title, value, unit, valid=valid, section=_SECTION, **about)  # type: ignore[arg-type]

    overshoots = [one.overshoot for one in (step, went) if one.overshoot is not None]
    results = (
        _to_90("came", "Time to 90 % of the set-point", step, change, valid=valid),
        _to_90("went", "Time to 90 % of the way back", went, -change, valid=valid),
        result("steady_error", "Steady error, of the set-point", _share(step, abs(dispatch.target)), "%"),
        result("baseline_error", "Steady error after the return, of the rating", _share(went, rated), "%"),
        result(
            "overshoot_share",
            "Overshoot, there or back, of the change",
            100 * max(overshoots) if len(overshoots) == 2 else None,
            "%",
        ),
        result(
            "energy_share",
            "Energy of the event, of what was asked for",
            _energy(track.time, power, dispatch),
            "%",
            method="both above the baseline, from the first command to the end of the record",
        ),
        result("voltage_low", "Lowest voltage of the positive sequence", float(voltage.min()), "pu"),
        result("voltage_high", "Highest voltage of the positive sequence", float(voltage.max()), "pu"),
    )
    series = (
        Series("p_asked", "Set-point", "W", track.time, dispatch.asked(track.time), group="dispatch"),
        Series("p_given", "Power of the PCS", "W", track.time, power, group="dispatch"),
    )
    return Findings((*results, *came.results), series, tables=came.tables)


def _to_90(key: str, title: str, step: StepResponse, change: float, *, valid: bool) -> Result:
    """Return the time to 90 % of a step; "no response" where the power did not go that way."""
    value, state = step.response_time, "ok" if step.response_time is not None else step.state
    if np.isfinite(step.final) and (step.final - step.initial) / change < 0.1:
        value, state = None, "no response"
    elif value is None and state == "ok":
        state = "not determinable"
    wide = step.uncertainty.get("response_time") if value is not None else None
    return Result(key, title, value, "s", wide, state, valid, method=_METHOD, section=_SECTION)


def _share(step: StepResponse, of: float) -> float | None:
    """Return the size of a steady error in percent; None where it is not known."""
    return None if step.error is None or not np.isfinite(step.error) else 100 * abs(step.error) / of


def _energy(time: NDArray[np.float64], power: NDArray[np.float64], dispatch: Dispatch) -> float | None:
    """Return the energy above the baseline, of what was asked for [%]."""
    during = time >= dispatch.commands[0][0]
    asked = dispatch.asked(time[during]) - dispatch.baseline
    given = power[during] - dispatch.baseline
    total = float(asked.sum())
    return 100 * float(given.sum()) / total if total else None
