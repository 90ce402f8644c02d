"""A controller that is a Functional Mock-up Unit: FMI 2 or 3, co-simulation, run by fmpy.

One communication step is one control period: inputs are set, the FMU steps, and what its
outputs then say is its answer. It knows its own ratings; the plant sets inputs alone.
"""

from __future__ import annotations

import shutil
import weakref
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from hil.errors import ConfigError, FormatError, HilError, MissingExtra

from .control_port import Bridge, Command, Measured
from .terminals import PCS_ALARMS, PCS_MODES

if TYPE_CHECKING:
    from pathlib import Path

    from .parameters import Parameters

INPUTS: Final = (
    *("v_a", "v_b", "v_c", "i1_a", "i1_b", "i1_c", "v_dc"),
    *("enable_in", "p_in", "q_in"),
)
"""What an FMU must take: bus voltages [V], converter currents [A], DC link [V]; run, powers [W, var]."""
MORE_INPUTS: Final = (
    *("i2_a", "i2_b", "i2_c", "v_source_a", "v_source_b", "v_source_c", "breaker"),
    *("form_in", "volts_in", "hertz_in", "synchronise_in"),
)
"""What it may take: currents into the bus [A], source beyond the breaker [V], breaker closed; form,
RMS line to line [V], frequency [Hz], synchronise."""
OUTPUTS: Final = ("e_a", "e_b", "e_c", "gates", "contactor", "mode")
"""What it must give: bridge voltages [V], gates, contactor, mode as a place in `PCS_MODES`."""
MORE_OUTPUTS: Final = ("alarm", "forming", "limited")
"""What it may give: 0 or the alarm's place in `PCS_ALARMS`, counted from 1; forms, limits."""
TYPES: Final = ("Real", "Integer", "Boolean", "Float64", "Int32")
"""The types that are understood; fmpy's functions bear their names."""


class Fmu:
    """An FMU as a `Controller`."""

    def __init__(self, path: Path, parameters: Parameters) -> None:
        if find_spec("fmpy") is None:
            raise MissingExtra(f'{path}: an FMU needs fmpy; install it with: pip install "hil-bench[fmu]"')
        if not path.is_file():
            raise ConfigError(f"{path}: there is no such FMU")
        import fmpy  # noqa: PLC0415 - an extra, and takes long
        from fmpy.simulation import instantiate_fmu  # noqa: PLC0415 - as above

        self._path, self._period, self._said = path, parameters.control_period, ""
        try:
            about = fmpy.read_model_description(str(path))
        except Exception as error:  # fmpy and what it calls raise anything
            raise FormatError(
                f"{path}: this is no FMU that fmpy {fmpy.__version__} reads: {error}"
            ) from error
        if about.coSimulation is None or about.fmiMajorVersion not in {2, 3}:
            raise ConfigError(
                f"{path}: an FMU of FMI {about.fmiVersion} without co-simulation of FMI 2 or 3; export it so"
            )
        self._wire(about.modelVariables)
        folder = fmpy.extract(str(path))
        try:
            self._fmu = instantiate_fmu(folder, about, "CoSimulation", logger=self._log)
            weakref.finalize(self, self._fmu.freeInstance)
            if about.fmiMajorVersion == 2:
                self._fmu.setupExperiment(startTime=0.0)
            self._fmu.enterInitializationMode()
            self._fmu.exitInitializationMode()
        except Exception as error:  # as above
            raise ConfigError(f"{path}: the FMU did not start: {error}{self._said}") from error
        finally:
            weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)

    def step(self, measured: Measured, command: Command) -> Bridge:
        """Let the FMU do one communication step."""
        given = (
            *(*measured.volts, *measured.converter_amps, measured.dc_volts),
            *(command.enable, command.watts, command.var),
            *(*measured.amps, *measured.source_volts, measured.breaker),
            *(command.form, command.volts, command.hertz, command.synchronise),
        )
        values = dict(zip(INPUTS + MORE_INPUTS, given, strict=True))
        got: dict[str, Any] = {}
        try:
            for kind, wired in self._inputs.items():
                getattr(self._fmu, f"set{kind}")(list(wired.values()), [values[name] for name in wired])
            self._fmu.doStep(measured.time, self._period)
            for kind, wired in self._outputs.items():
                answers = getattr(self._fmu, f"get{kind}")(list(wired.values()))
                got.update(zip(wired, answers, strict=True))
        except Exception as error:  # fmpy raises anything
            raise HilError(f"{self._path}: {error}{self._said}") from error
        mode, alarm = got["mode"], got.get("alarm", 0)
        if mode not in range(len(PCS_MODES)) or alarm not in range(len(PCS_ALARMS) + 1):
            raise HilError(
                f"{self._path}: mode = {mode}, alarm = {alarm}; mode is 0 to {len(PCS_MODES) - 1}, "
                f"alarm 0 to {len(PCS_ALARMS)}"
            )
        return Bridge(
            (got["e_a"], got["e_b"], got["e_c"]),
            bool(got["gates"]),
            bool(got["contactor"]),
            PCS_MODES[int(mode)],
            ("", *PCS_ALARMS)[int(alarm)],
            bool(got.get("forming", False)),
            bool(got.get("limited", False)),
        )

    def _wire(self, variables: list[Any]) -> None:
        """Find inputs and outputs by name; what is missing, and inputs that nobody would set, are refused."""
        inputs = {v.name: v for v in variables if v.causality == "input"}
        outputs = {v.name: v for v in variables if v.causality == "output"}
        for what, found, needed in (("input", inputs, INPUTS), ("output", outputs, OUTPUTS)):
            if missing := [name for name in needed if name not in found]:
                raise ConfigError(f"{self._path}: the FMU has no {what} {', '.join(missing)}")
        if strange := [name for name in inputs if name not in INPUTS + MORE_INPUTS]:
            raise ConfigError(
                f"{self._path}: nothing sets the input {', '.join(strange)}; the plant knows "
                f"{', '.join(INPUTS + MORE_INPUTS)}"
            )
        self._inputs, self._outputs = (
            self._by_type(inputs, INPUTS + MORE_INPUTS),
            self._by_type(outputs, OUTPUTS + MORE_OUTPUTS),
        )

    def _by_type(self, found: dict[str, Any], names: tuple[str, ...]) -> dict[str, dict[str, int]]:
        """Return value references by type and name."""
        wired: dict[str, dict[str, int]] = {}
        for name in names:
            if name not in found:
                continue
            if found[name].type not in TYPES or found[name].dimensions:
                raise ConfigError(
                    f"{self._path}: {name} is of type {found[name].type}; it must be a scalar of one of "
                    f"{', '.join(TYPES)}"
                )
            wired.setdefault(found[name].type, {})[name] = found[name].valueReference
        return wired

    def _log(self, *message: Any) -> None:
        """Keep what the FMU logged last, for the error that follows."""
        text = message[-1].decode(errors="replace").strip() if message[-1] else ""
        self._said = f" (it says: {text})" if text else ""
