"""Names of drivers, twins, sequences and corrections, and where each lives.

The core names the leaf folders as strings here and nowhere else; a plug-in adds
names through entry points of the same groups.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any, Final

from hil.errors import ConfigError

TABLE: Final[dict[str, dict[str, str]]] = {
    "hil.drivers": {
        "ametek_mx": "hil.instruments.ametek_mx:AmetekMx",
        "ea_psb": "hil.instruments.ea_psb:EaPsb",
        "manual": "hil.instruments.manual:Manual",
        "nhr_9430": "hil.instruments.nhr_9430:Nhr9430",
        "nidaqmx": "hil.instruments.nidaqmx_recorder:NidaqmxRecorder",
        "nidaqmx_bank": "hil.instruments.nidaqmx_bank:NidaqmxBank",
        "nidaqmx_genset": "hil.instruments.nidaqmx_genset:NidaqmxGenset",
        "nidaqmx_line": "hil.instruments.nidaqmx_line:NidaqmxLine",
        "nidaqmx_switch": "hil.instruments.nidaqmx_switch:NidaqmxSwitch",
        "regatron_topcon": "hil.instruments.regatron_topcon:RegatronTopCon",
        "sunspec": "hil.instruments.sunspec_pcs:SunSpecPcs",
        "yokogawa_wt": "hil.instruments.yokogawa_wt:YokogawaWt",
    },
    "hil.twins": {
        "ametek_mx": "hil.instruments.ametek_mx_twin:AmetekMxTwin",
        "ea_psb": "hil.instruments.ea_psb_twin:EaPsbTwin",
        "manual": "hil.instruments.manual_twin:ManualTwin",
        "nhr_9430": "hil.instruments.nhr_9430_twin:Nhr9430Twin",
        "nidaqmx": "hil.instruments.nidaqmx_twin:NidaqmxTwin",
        "nidaqmx_bank": "hil.instruments.nidaqmx_bank_twin:NidaqmxBankTwin",
        "nidaqmx_genset": "hil.instruments.nidaqmx_genset_twin:NidaqmxGensetTwin",
        "nidaqmx_line": "hil.instruments.nidaqmx_line_twin:NidaqmxLineTwin",
        "nidaqmx_switch": "hil.instruments.nidaqmx_switch_twin:NidaqmxSwitchTwin",
        "regatron_topcon": "hil.instruments.regatron_topcon_twin:RegatronTopConTwin",
        "sunspec": "hil.instruments.sunspec_pcs_twin:SunSpecPcsTwin",
        "yokogawa_wt": "hil.instruments.yokogawa_wt_twin:YokogawaWtTwin",
    },
    "hil.sequences": {
        "t01_telemetry": "hil.sequences.bess.t01_telemetry:Telemetry",
        "t02_island": "hil.sequences.bess.t02_island:Island",
        "t03_current_limit": "hil.sequences.bess.t03_current_limit:CurrentLimit",
        "t04_buffering": "hil.sequences.bess.t04_buffering:Buffering",
        "t05_weak_grid": "hil.sequences.bess.t05_weak_grid:WeakGrid",
        "t06_demand_response": "hil.sequences.bess.t06_demand_response:DemandResponse",
        "t07_ride_through": "hil.sequences.bess.t07_ride_through:RideThrough",
        "t08_transition": "hil.sequences.bess.t08_transition:Transition",
        "t09_generator": "hil.sequences.bess.t09_generator:Generator",
        "t10_black_start": "hil.sequences.bess.t10_black_start:BlackStart",
        "t11_energy": "hil.sequences.bess.t11_energy:EnergyManagement",
        "t12_transparency": "hil.sequences.bess.t12_transparency:Transparency",
        "voltage_sag": "hil.sequences.voltage_sag:VoltageSag",
    },
    "hil.calibration": {
        "certificate": "hil.calibration.certificates:load",
        "from_dict": "hil.calibration.certificates:from_dict",
        "correct": "hil.calibration.certificates:correct",
    },
}


@cache  # looking through every installed package takes milliseconds
def names(group: str) -> dict[str, str]:
    """Return name -> "module:object" of one group, plug-ins included."""
    return {**TABLE[group], **{point.name: point.value for point in entry_points(group=group)}}


def resolve(group: str, name: str) -> Any:
    """Return the object of this name; raises `ConfigError` with the known names where there is none."""
    known = names(group)
    if name not in known:
        what = group.removeprefix("hil.").removesuffix("s")
        raise ConfigError(f"there is no {what} {name!r}; known are {', '.join(sorted(known))}")
    module, _, attribute = known[name].partition(":")
    return getattr(import_module(module), attribute)
