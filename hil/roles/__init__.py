"""The parts that instruments play on a bench.

A public method checks its limits and then calls the driver's `_do_` method, so
that no driver can be reached round the limits. What a box cannot do raises
`NotSupported`; nothing is clipped, and no missing value becomes zero.

Sign convention, everywhere: generator. Positive power leaves the PCS towards the
grid; positive DC power leaves the DC source towards the PCS. Only a load's power
counts as it is drawn: positive into the load, inductive vars positive.
"""

from hil.roles.dc_source import DcSource
from hil.roles.genset import Genset
from hil.roles.grid_source import GridSource
from hil.roles.instrument import Identity, Instrument, Proof, Setup
from hil.roles.interlock import Interlock
from hil.roles.load import Load, ProfileMemory
from hil.roles.pcs import LogEntry, Pcs, PcsState, Reader
from hil.roles.power_meter import Power, PowerMeter, PowerReading
from hil.roles.recorder import Input, Recorder
from hil.roles.switch import OPEN, Switch
from hil.transient import LoadPoint

__all__ = [
    "OPEN",
    "ROLES",
    "DcSource",
    "Genset",
    "GridSource",
    "Identity",
    "Input",
    "Instrument",
    "Interlock",
    "Load",
    "LoadPoint",
    "LogEntry",
    "Pcs",
    "PcsState",
    "Power",
    "PowerMeter",
    "PowerReading",
    "ProfileMemory",
    "Proof",
    "Reader",
    "Recorder",
    "Setup",
    "Switch",
]

ROLES: dict[str, type[Instrument]] = {
    role.ROLE: role
    for role in (GridSource, DcSource, Recorder, Pcs, Interlock, PowerMeter, Load, Switch, Genset)
}
"""The roles by their name in bench files."""
