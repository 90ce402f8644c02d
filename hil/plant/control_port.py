"""Bring your own control: the port where a model of a PCS's control meets the simulated power stage.

Filter, network and DC side stay in the compiled model. Once per control period the port
hands the controller what the PCS measures and what it is told, and takes the bridge's
voltages back. As in firmware, gates, contactor and mode act at once, and voltages from the
next control period on: they are computed while the present ones stand.

What the built-in control does is the controller's to do: it starts, limits, protects and
trips, or nobody does. Only the breaker's synchro-check and the PLL behind the telemetry go on.
"""

from __future__ import annotations

import importlib
import traceback
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from hil.errors import ConfigError, HilError

from .emt import bus, grid, missions, storage
from .emt import unit as k
from .terminals import PCS_ALARMS, PCS_MODES

if TYPE_CHECKING:
    from .parameters import Parameters
    from .terminals import PcsTerminals

Three = tuple[float, float, float]


class Measured(NamedTuple):
    """What the PCS's sensors say at the beginning of a control period."""

    time: float
    """Plant time [s]."""
    volts: Three
    """Phase-to-ground voltages of the bus, the PCS's side of its contactor open or closed [V]."""
    converter_amps: Three
    """Currents out of the bridge [A]."""
    amps: Three
    """Currents into the bus [A]."""
    dc_volts: float
    """DC link [V]."""
    source_volts: Three
    """Voltages of the AC source, beyond the breaker [V]."""
    breaker: bool
    """Whether that breaker is closed."""


class Command(NamedTuple):
    """What the PCS is told."""

    enable: bool
    watts: float
    """Towards the grid; with missions, what they make of it [W]."""
    var: float
    """Overexcited [var]."""
    form: bool
    """Form the grid, or follow it."""
    volts: float
    """To form: RMS, line to line [V]."""
    hertz: float
    """To form, at no load."""
    synchronise: bool
    """To form: bring the bus into step with the source beyond the open breaker."""


class Bridge(NamedTuple):
    """What the controller answers."""

    volts: Three
    """Mean of each leg in the next control period [V]. What is common to all drives nothing, and a leg
    saturates at the DC link's poles."""
    gates: bool = False
    contactor: bool = False
    mode: str = "off"
    """One of `PCS_MODES`."""
    alarm: str = ""
    """One of `PCS_ALARMS`, or none."""
    forming: bool = False
    limited: bool = False


class Controller(Protocol):
    """A model of a PCS's control."""

    def step(self, measured: Measured, command: Command) -> Bridge:
        """Return what the bridge is to do, once per control period."""


class ControlFailed(HilError):
    """The controller raised an error or answered nonsense; the plant has blocked the gates."""


def load_controller(text: str, parameters: Parameters) -> Controller:
    """Return the controller that text names: "package.module:Class", or an FMU such as "control.fmu".

    The class is called with the plant's parameters.
    """
    where = f'[plant] controller = "{text}"'
    if text.lower().endswith(".fmu"):
        from .fmu import Fmu  # noqa: PLC0415 - fmpy is an extra, and takes long to import

        return Fmu(Path(text), parameters)
    name, colon, attribute = text.partition(":")
    if not (name and colon and attribute.isidentifier()):
        raise ConfigError(f'{where}: write "package.module:Class", or the path of an FMU, "control.fmu"')
    try:
        found = getattr(importlib.import_module(name), attribute)
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"{where}: there is no module {error.name!r}; install it, or put its folder on PYTHONPATH"
        ) from error
    except AttributeError:
        raise ConfigError(f"{where}: module {name} has no {attribute}") from None
    except Exception as error:  # whatever the user's module raises
        raise ConfigError(f"{where}: importing {name} failed: {told(error)}") from error
    if not callable(getattr(found, "step", None)):
        raise ConfigError(f"{where}: {attribute} has no method step(measured, command) -> Bridge")
    try:
        controller: Controller = found(parameters)
    except Exception as error:  # as above
        raise ConfigError(f"{where}: {attribute}(parameters) failed: {told(error)}") from error
    return controller


def told(error: Exception) -> str:
    """Return what a user's code raised, and the file and line where."""
    if isinstance(error, HilError):
        return str(error)
    between = (str(Path(__file__).parent), importlib.__file__, "<frozen")
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not f.filename.startswith(between)]
    theirs = [f for f in frames if f.filename == frames[0].filename]  # not what their code calls
    place = f", {theirs[-1].filename}, line {theirs[-1].lineno}" if theirs else ""
    return f"{type(error).__name__}: {error}{place}"


class ControlPort:
    """Carries values between a world and a controller, and blocks the gates for good when it fails."""

    def __init__(self, controller: Controller, world: Any, parameters: Parameters, pcs: PcsTerminals) -> None:
        if not callable(getattr(controller, "step", None)):
            raise ConfigError(
                f"plant: {type(controller).__name__} has no method step(measured, command) -> Bridge"
            )
        self._controller, self._w, self._q, self._pcs = controller, world, parameters, pcs
        self._next: Three = (0.0, 0.0, 0.0)
        self._error: ControlFailed | None = None
        self._told = False
        world[k.EXTERNAL] = 1.0
        world[k.ISLAND] = world[k.LEAVE] = 0.0  # whether to leave the grid is the controller's to say

    def period(self) -> int:
        """Return the steps until the controller's next turn; where it is its turn, take it first."""
        if self._w[k.TICK] == 0.0:
            answer = Bridge((0.0, 0.0, 0.0), mode="fault")
            if self._error is None:
                try:
                    answer = checked(self._controller.step(self._measured(), self._command()))
                except Exception as error:  # noqa: BLE001 - whatever the user's code raises
                    self._error = ControlFailed(
                        f"plant: the controller {type(self._controller).__name__} failed at t = "
                        f"{self._time:.4f} s: {told(error)}. Its gates are blocked and its contactor is open"
                    )
                    self._error.__cause__ = error
            self._act(answer)
        return int(self._w[k.PERIOD] - self._w[k.TICK])

    def complain(self) -> None:
        """Raise what went wrong, once."""
        if self._error is not None and not self._told:
            self._told = True
            raise self._error

    @property
    def _time(self) -> float:
        return float(self._w[k.TIME] * self._q.control_period)

    def _three(self, at: int) -> Three:
        a, b, c = self._w[at : at + 3]
        return float(a), float(b), float(c)

    def _measured(self) -> Measured:
        w, three = self._w, self._three
        return Measured(
            self._time,
            three(bus.V),
            three(k.I1),
            three(k.I2),
            float(w[storage.V_DC]),
            three(bus.V_SOURCE),
            bool(w[grid.BREAKER] > 0.0),
        )

    def _command(self) -> Command:
        w, q, pcs = self._w, self._q, self._pcs
        watts, var = pcs.active_power, pcs.reactive_power
        if w[k.MANAGED] > 0.0:  # they answer only while it runs
            on = w[missions.STARTED]
            watts, var = (
                float(on * w[missions.P_REF] * q.rated_power),
                float(on * w[missions.Q_REF] * q.rated_power),
            )
        form = q.control == "forming" if pcs.form is None else pcs.form
        volts, hertz = pcs.volts * q.voltage, pcs.hertz * q.frequency
        return Command(pcs.enable, watts, var, form, volts, hertz, pcs.synchronise)

    def _act(self, answer: Bridge) -> None:
        w = self._w
        volts = saturated(self._next, float(w[storage.V_DC]))
        for phase in range(3):
            w[k.NEXT + phase] = volts[phase]
        self._next = answer.volts if answer.gates else (0.0, 0.0, 0.0)
        w[k.GATES], w[k.CONTACTOR] = float(answer.gates), float(answer.contactor)
        w[k.MODE] = float(PCS_MODES.index(answer.mode))
        w[k.ALARM] = float(PCS_ALARMS.index(answer.alarm) + 1 if answer.alarm else 0)
        # both alike, so that the model's own change of control has nothing to do
        w[k.KIND] = w[k.FORMING] = float(answer.forming)
        w[k.LIMITED] = float(answer.limited)


def saturated(volts: Three, dc_volts: float) -> Three:
    """Return what a three-wire bridge makes of its legs' voltages [V], its modulation centred."""
    middle = 0.5 * (max(volts) + min(volts))
    a, b, c = (max(-0.5 * dc_volts, min(0.5 * dc_volts, x - middle)) for x in volts)
    mean = (a + b + c) / 3.0
    return a - mean, b - mean, c - mean


def checked(answer: Any) -> Bridge:
    """Return a controller's answer; raises `ConfigError` where it is none."""
    if not isinstance(answer, Bridge):
        raise ConfigError(f"step returned {answer!r}; it must return a Bridge")
    volts: Any = answer.volts  # whatever the user put there
    try:
        whole = len(volts) == 3 and all(map(isfinite, volts))
    except TypeError:
        whole = False
    if not whole:
        raise ConfigError(f"step returned volts={volts!r}; three finite numbers [V] are needed")
    if answer.mode not in PCS_MODES:
        raise ConfigError(f"step returned mode={answer.mode!r}; it must be one of {', '.join(PCS_MODES)}")
    if answer.alarm and answer.alarm not in PCS_ALARMS:
        raise ConfigError(f"step returned alarm={answer.alarm!r}; it must be one of {', '.join(PCS_ALARMS)}")
    return answer
