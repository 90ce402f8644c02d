"""SunSpec information models as data, and how a device's registers are found, read and written.

Offsets count registers from the model's own ID register. Source: the SunSpec
Alliance's model definitions (Apache-2.0); of each model only the points that are
used here.

Traps that this module answers: a scale factor is read together with the points
that it scales, so none can go stale; a value or a scale factor that is "not
implemented" gives None, never zero; lengths come from the device, so unknown and
longer models are stepped over; a number that does not fit its registers is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hil.errors import InstrumentError, NotSupported, WrongInstrument

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hil.transport.modbus import ModbusLink


@dataclass(frozen=True, slots=True)
class Point:
    """Where one value stands in its model."""

    offset: int
    kind: str
    """One of `SIZE`, or "string"."""
    scale: str = ""
    """Name of the point that holds its power of ten."""
    length: int = 0
    """Registers of a string."""

    @property
    def size(self) -> int:
        """Return how many registers it takes."""
        return self.length or SIZE[self.kind]


SIZE: Final = {"int16": 1, "uint16": 1, "enum16": 1, "sunssf": 1, "int32": 2, "uint32": 2, "bitfield32": 2}
MISSING: Final = {
    "int16": 0x8000,
    "uint16": 0xFFFF,
    "enum16": 0xFFFF,
    "sunssf": 0x8000,
    "int32": 0x8000_0000,
    "uint32": 0xFFFF_FFFF,
    "bitfield32": 0xFFFF_FFFF,
}
"""What stands in the registers of a point that is not implemented."""
SIGNED: Final = ("int16", "sunssf", "int32")

BASES: Final = (40000, 50000, 0)
"""Where the marker "SunS" may stand."""
MARKER: Final = [0x5375, 0x6E53]
END: Final = 0xFFFF
MOST_MODELS: Final = 200
"""More than this many is no device, but a chain that runs in circles or through garbage."""


def _command(first: int, prefix: str, values: int) -> dict[str, Point]:
    """Return one set-point function of model 704, which come in one pattern."""
    scale = f"{prefix}Set_SF"
    return {
        f"{prefix}SetEna": Point(first, "enum16"),
        f"{prefix}SetMod": Point(first + 1, "enum16"),
        f"{prefix}Set": Point(values, "int32", scale),
        f"{prefix}SetRvrt": Point(values + 2, "int32", scale),
        f"{prefix}SetEnaRvrt": Point(values + 6, "enum16"),
        f"{prefix}SetRvrtTms": Point(values + 7, "uint32"),
        f"{prefix}SetRvrtRem": Point(values + 9, "uint32"),
    }


MODELS: Final[Mapping[int, Mapping[str, Point]]] = {
    1: {
        "Mn": Point(2, "string", length=16),
        "Md": Point(18, "string", length=16),
        "Vr": Point(42, "string", length=8),
        "SN": Point(50, "string", length=16),
    },
    701: {  # what it measures
        "InvSt": Point(4, "enum16"),
        "ConnSt": Point(5, "enum16"),
        "Alrm": Point(6, "bitfield32"),
        "DERMode": Point(8, "bitfield32"),
        "W": Point(10, "int16", "W_SF"),
        "Var": Point(12, "int16", "Var_SF"),
        "LNV": Point(16, "uint16", "V_SF"),
        "Hz": Point(17, "uint32", "Hz_SF"),
        "TmpSnk": Point(37, "int16", "Tmp_SF"),
        "AL1": Point(45, "int16", "A_SF"),
        "AL2": Point(68, "int16", "A_SF"),
        "AL3": Point(91, "int16", "A_SF"),
        "ThrotSrc": Point(111, "bitfield32"),
        "A_SF": Point(113, "sunssf"),
        "V_SF": Point(114, "sunssf"),
        "Hz_SF": Point(115, "sunssf"),
        "W_SF": Point(116, "sunssf"),
        "Var_SF": Point(119, "sunssf"),
        "Tmp_SF": Point(122, "sunssf"),
        "MnAlrmInfo": Point(123, "string", length=32),
    },
    702: {  # what it can do
        "WMaxRtg": Point(2, "uint16", "W_SF"),
        "VAMaxRtg": Point(7, "uint16", "VA_SF"),
        "VarMaxInjRtg": Point(8, "uint16", "Var_SF"),
        "VarMaxAbsRtg": Point(9, "uint16", "Var_SF"),
        "WChaRteMaxRtg": Point(10, "uint16", "W_SF"),
        "WDisChaRteMaxRtg": Point(11, "uint16", "W_SF"),
        "W_SF": Point(45, "sunssf"),
        "VA_SF": Point(47, "sunssf"),
        "Var_SF": Point(48, "sunssf"),
    },
    703: {"ES": Point(2, "enum16")},
    704: {  # what it is told
        **_command(22, "W", 24),
        **_command(35, "Var", 38),
        "VarSetMod": Point(36, "enum16"),
        "WSet_SF": Point(55, "sunssf"),
        "VarSet_SF": Point(57, "sunssf"),
    },
    713: {"SoC": Point(4, "uint16", "Pct_SF"), "Pct_SF": Point(8, "sunssf")},
    714: {"DCV_SF": Point(16, "sunssf"), "DCV": Point(31, "uint16", "DCV_SF")},  # of the first DC port
}

STATES: Final = {
    0: "off",
    1: "off",  # sleeping
    2: "starting",
    3: "running",
    4: "running",  # throttled
    5: "running",  # shutting down, still connected
    6: "fault",
    7: "off",  # standby
}
"""701.InvSt by our names."""
STANDBY, FAULT = 7, 6
ALARMS: Final = {
    0: "ground_fault",
    1: "dc_voltage",
    2: "ac_disconnect",
    3: "dc_disconnect",
    4: "grid_disconnect",
    5: "cabinet_open",
    6: "manual_shutdown",
    7: "over_temperature",
    8: "overfrequency",
    9: "underfrequency",
    10: "overvoltage",
    11: "undervoltage",
    12: "blown_string_fuse",
    13: "under_temperature",
    14: "memory_loss",
    15: "hardware_test_failure",
}
"""Bits of 701.Alrm by our names."""
FOLLOWING, FORMING = 1 << 0, 1 << 1
"""Bits of 701.DERMode."""
DERATED: Final = 1 << 14
"""The bit of 701.ThrotSrc that stands for the current limit; SunSpec has none of its own for it."""
MAKERS_ALARM: Final = 16
"""The bit that says: read the text in MnAlrmInfo."""


def decode(words: Sequence[int], kind: str) -> int | None:
    """Return the number in these registers, or None where it is not implemented."""
    raw = 0
    for word in words:
        raw = raw << 16 | word
    if raw == MISSING[kind]:
        return None
    bits = 16 * len(words)
    return raw - (1 << bits) if kind in SIGNED and raw >> (bits - 1) else raw


def encode(number: int, kind: str) -> list[int] | None:
    """Return the registers that hold a number, or None where it does not fit them."""
    size = SIZE[kind]
    low = -(1 << 16 * size - 1) if kind in SIGNED else 0
    if not low <= number < low + (1 << 16 * size) or number & ((1 << 16 * size) - 1) == MISSING[kind]:
        return None
    return [number >> 16 * place & 0xFFFF for place in reversed(range(size))]


def scaled(raw: float, exponent: int) -> float:
    """Return raw times ten to the exponent; a division keeps 599/100 what it says."""
    return raw * 10.0**exponent if exponent >= 0 else raw / 10.0**-exponent


class Device:
    """The models of one device behind a Modbus link; `tables` are those that it may have."""

    def __init__(
        self, name: str, link: ModbusLink, tables: Mapping[int, Mapping[str, Point]] = MODELS
    ) -> None:
        self.name = name
        self._link = link
        self._tables = tables
        self._models: dict[int, tuple[int, int]] = {}

    def models(self) -> dict[int, tuple[int, int]]:
        """Return address and length by model, from the device's own chain, walked once."""
        if not self._models:
            self._models = self._walk(self._base() + len(MARKER))
        return self._models

    def _base(self) -> int:
        for base in BASES:
            try:
                if self._link.read(base, 2) == MARKER:
                    return base
            except InstrumentError:
                continue  # no registers there
        raise WrongInstrument(
            f'{self.name}: no marker "SunS" at {", ".join(map(str, BASES))}. '
            "Does it speak SunSpec, is the unit right?"
        )

    def _walk(self, address: int) -> dict[int, tuple[int, int]]:
        found: dict[int, tuple[int, int]] = {}
        for _ in range(MOST_MODELS):
            try:
                model, length = self._link.read(address, 2)
            except InstrumentError as error:
                raise InstrumentError(
                    f"{self.name}: the chain of models breaks off at {address}: {error}"
                ) from error
            if model == END:
                return found
            if not length or address + 2 + length > 0xFFFF:
                break
            found.setdefault(model, (address, length + 2))
            address += 2 + length
        raise InstrumentError(f"{self.name}: the chain of models does not end; the last stands at {address}")

    def _words(self, model: int, points: Mapping[str, Point]) -> dict[str, list[int] | None]:
        """Return the registers of some points, read in one go; None for those beyond the device's model."""
        address, length = self._where(model)
        first = min(point.offset for point in points.values())
        last = min(length, max(point.offset + point.size for point in points.values()))
        words = self._link.read(address + first, last - first) if last > first else []
        return {
            name: words[point.offset - first :][: point.size] if point.offset + point.size <= length else None
            for name, point in points.items()
        }

    def _where(self, model: int) -> tuple[int, int]:
        if model not in self.models():
            raise NotSupported(f"{self.name}: it has no SunSpec model {model}, only {sorted(self.models())}")
        return self.models()[model]

    def read(self, model: int, *names: str) -> dict[str, float | None]:
        """Return values in the unit of the model; None where one is not implemented."""
        table = self._tables[model]
        points = {name: table[name] for name in names}
        points |= {point.scale: table[point.scale] for point in points.values() if point.scale}
        raw = {
            name: None if words is None else decode(words, points[name].kind)
            for name, words in self._words(model, points).items()
        }
        values: dict[str, float | None] = {}
        for name in names:
            number, exponent = raw[name], raw.get(points[name].scale, 0)
            values[name] = None if number is None or exponent is None else scaled(number, exponent)
        return values

    def text(self, model: int, name: str) -> str:
        """Return a string, without its padding."""
        words = self._words(model, {name: self._tables[model][name]})[name] or []
        raw = b"".join(word.to_bytes(2, "big") for word in words)
        return raw.split(b"\0")[0].decode("ascii", "replace").strip()

    def resolution(self, model: int, name: str) -> float:
        """Return the smallest step of a point."""
        scale = self._tables[model][name].scale
        exponent = self.read(model, scale)[scale] if scale else 0.0
        if exponent is None:
            raise NotSupported(f"{self.name}: it has no scale factor {scale} in model {model}, so no {name}")
        return scaled(1.0, int(exponent))

    def write(self, model: int, name: str, value: float) -> float:
        """Write one point, rounded to its resolution, which is returned; refuse what does not fit."""
        point = self._tables[model][name]
        step = self.resolution(model, name)
        words = encode(round(value / step), point.kind)
        if words is None:
            raise NotSupported(
                f"{self.name}: {name} = {value:g} does not fit {point.kind} in steps of {step:g}"
            )
        address, length = self._where(model)
        if point.offset + point.size > length:
            raise NotSupported(f"{self.name}: its model {model} ends before {name}")
        self._link.write(address + point.offset, words)
        return step
