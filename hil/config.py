"""The bench file: TOML read once, strictly, into frozen values in SI units."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field, fields
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from hil.errors import ConfigError, MissingExtra, NotSupported
from hil.limits import Limit
from hil.roles import ROLES
from hil.table import resolve
from hil.twin.base import Faults
from hil.units import parse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hil.plant.options import PlantOptions
    from hil.roles import Instrument

SLOW_HOST: Final = 6.0
"""What a twin may take to answer, where its table says nothing: its computer may be busy [s]."""
NEEDED: Final = ("grid_source", "dc_source", "pcs", "recorder")
"""Roles that a bench must fill, each once."""


@dataclass(frozen=True)
class InstrumentConfig:
    """One `[instruments.NAME]` table."""

    name: str
    role: str
    driver: str
    address: str = ""
    identity: str = ""
    timeout: float = 2.0
    limits: Mapping[str, Limit] = field(default_factory=dict)
    options: Mapping[str, float | str] = field(default_factory=dict)
    terminal: str = ""
    """What it is wired to at the simulated plant; empty: what its role says."""
    faults: Faults = field(default_factory=Faults)


@dataclass(frozen=True)
class ChannelConfig:
    """One `[channels.NAME]` table: what hangs on an input of the recorder."""

    name: str
    input: str
    quantity: str
    phase: str
    range: float
    """Full scale of the input, both polarities [V]."""
    certificate: str
    """Path of a certificate, or the name of a shipped one."""
    trip: float | None = None
    """The run is stopped where the corrected magnitude exceeds this, in the channel's SI unit."""
    signal: str = ""
    """What the simulated plant puts there; only on a simulated bench."""
    place: str = ""
    """Measuring point: "grid", "load" or another; none for the terminals of the PCS."""


@dataclass(frozen=True)
class BenchConfig:
    """A bench file."""

    path: Path
    text: str
    """The file as it was read, for the record."""
    name: str
    description: str
    simulated: bool
    voltage: float
    """Nominal line-to-line RMS voltage [V]."""
    frequency: float
    """Nominal [Hz]."""
    power: float
    """Rated power of the PCS [W]."""
    dc_voltage: float
    """Nominal [V]."""
    safe_voltage: float
    """AC terminals below this count as de-energised [V]."""
    safe_order: tuple[str, ...]
    """Instruments in the order in which they are made safe."""
    rate: float
    """Sampling rate of the recorder [Hz]."""
    instruments: Mapping[str, InstrumentConfig]
    channels: tuple[ChannelConfig, ...]
    plant: PlantOptions | None
    """None on a bench of hardware."""

    def named(self, role: str, name: str = "") -> tuple[InstrumentConfig, ...]:
        """Return the instruments that play this part under this name: none, one, or several without a name.

        Where only one plays the part, it may have any name.
        """
        found = [i for i in self.instruments.values() if i.role == role]
        return tuple(found if len(found) == 1 or not name else [i for i in found if i.name == name])

    def find(self, role: str, name: str = "") -> InstrumentConfig:
        """Return the instrument that plays this part.

        Raises `NotSupported` where the bench has none, `ConfigError` where more than one could be meant.
        """
        found = self.named(role, name)
        if len(found) != 1:
            there = ", ".join(i.name for i in self.instruments.values() if i.role == role) or "none"
            called = f" called {name}" if name else ""
            kind = ConfigError if found else NotSupported
            raise kind(f"{self.path}: one {role}{called} is needed; there is {there}")
        return found[0]

    def driver(self, role: str, name: str = "") -> type[Instrument]:
        """Return the driver class of the instrument that plays this part."""
        return resolve("hil.drivers", self.find(role, name).driver)  # type: ignore[no-any-return]

    def need_packages(self) -> None:
        """Raise `MissingExtra` where a driver needs what is not installed, before anything starts."""
        for item in self.instruments.values():
            for package, extra in resolve("hil.drivers", item.driver).NEEDS.items():
                if find_spec(package) is None:
                    raise MissingExtra(
                        f"{self.path}: {item.name} is driven by {item.driver}, which needs {package}; "
                        f'install it with: pip install "hil-bench[{extra}]"'
                    )


class _Table:
    """One table of the file: every key is taken once, and what is left over is an error."""

    def __init__(self, where: str, content: object) -> None:
        if not isinstance(content, dict):
            raise ConfigError(f"{where}: expected a table, found {content!r}")
        self.where = where
        self.left: dict[str, Any] = dict(content)

    def take(self, key: str, default: object = ...) -> Any:
        if key in self.left:
            return self.left.pop(key)
        if default is ...:
            raise ConfigError(f"{self.where}: {key} is missing")
        return default

    def text(self, key: str, default: object = ...) -> str:
        value = self.take(key, default)
        if not isinstance(value, str):
            raise ConfigError(f"{self.where}: {key} must be text, found {value!r}")
        return value

    def value(self, key: str, unit: str, default: Any = ...) -> Any:
        value = self.take(key, default)
        return value if value is default else parse(value, unit, f"{self.where}: {key}")

    def option(self, key: str, unit: str) -> float | str:
        return self.text(key) if unit == "text" else float(self.value(key, unit))

    def table(self, key: str, default: object = ...) -> _Table:
        return _Table(f"{self.where}.{key}", self.take(key, default))

    def done(self, known: str) -> None:
        if self.left:
            raise ConfigError(f"{self.where}: unknown key {next(iter(self.left))!r}; known are {known}")


def find(name: str | Path) -> Path:
    """Return the path of a bench file: a path, or the name of one that is shipped."""
    path = Path(name)
    if path.suffix == ".toml" or path.is_file():
        if not path.is_file():
            raise ConfigError(f"there is no bench file {path}")
        return path
    shipped = shipped_benches()
    if str(name) not in shipped:
        raise ConfigError(
            f"there is no bench {str(name)!r}; shipped are {', '.join(shipped)}, or give a .toml file"
        )
    return shipped[str(name)]


def shipped_benches() -> dict[str, Path]:
    """Return the shipped bench files by name."""
    folder = Path(str(files("hil.data"))) / "benches"
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}


def load(name: str | Path) -> BenchConfig:
    """Read a bench file; every mistake is one `ConfigError` that names file, table and key."""
    path = find(name)
    try:
        text = path.read_text(encoding="utf-8")
        content = tomllib.loads(text)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read as TOML: {error}") from None
    return _config(path, text, content)


def _config(path: Path, text: str, content: dict[str, Any]) -> BenchConfig:
    top = _Table(str(path), content)
    bench = top.table("bench")
    simulated = bench.take("simulated", False)
    if not isinstance(simulated, bool):
        raise ConfigError(f"{bench.where}: simulated must be true or false, found {simulated!r}")
    instruments = {
        key: _instrument(key, _Table(f"{path}: instruments.{key}", table), simulated=simulated)
        for key, table in top.table("instruments").left.items()
    }
    channels = tuple(
        _channel(key, _Table(f"{path}: channels.{key}", table), path.parent, simulated=simulated)
        for key, table in top.table("channels").left.items()
    )
    voltage, frequency = bench.value("voltage", "V"), bench.value("frequency", "Hz")
    power, dc_voltage = bench.value("power", "W"), bench.value("dc_voltage", "V")
    nominal = {"voltage": voltage, "frequency": frequency, "rated_power": power, "dc_voltage": dc_voltage}
    plant = top.take("plant", {})
    config = BenchConfig(
        path=path,
        text=text,
        name=bench.text("name", path.stem),
        description=bench.text("description", ""),
        simulated=simulated,
        voltage=voltage,
        frequency=frequency,
        power=power,
        dc_voltage=dc_voltage,
        safe_voltage=bench.value("safe_voltage", "V", 50.0),
        safe_order=tuple(bench.take("safe_order", ())),
        rate=bench.value("rate", "Hz", 50e3),
        instruments=instruments,
        channels=channels,
        plant=_plant(_Table(f"{path}: plant", plant), path.parent, nominal, simulated=simulated),
    )
    bench.done(
        "name, description, simulated, voltage, frequency, power, dc_voltage, safe_voltage, safe_order, rate"
    )
    top.done("bench, instruments, channels, plant")
    _check_whole(config)
    return config


def _instrument(name: str, table: _Table, *, simulated: bool) -> InstrumentConfig:
    role = table.text("role")
    if role not in ROLES:
        raise ConfigError(f"{table.where}: no role {role!r}; known are {', '.join(ROLES)}")
    driver_name = table.text("driver")
    try:
        driver = resolve("hil.drivers", driver_name)
    except ConfigError as error:
        raise ConfigError(f"{table.where}: {error}") from None
    if role != driver.ROLE:
        raise ConfigError(f"{table.where}: {driver_name} is a {driver.ROLE}, not a {role}")
    limits_table = table.table("limits", {})
    limits = {key: _limit(limits_table, key, driver) for key in tuple(limits_table.left)}
    faults_table = table.table("faults", {})
    if faults_table.left and not simulated:
        raise ConfigError(f"{faults_table.where}: faults can be planted on a simulated bench only")
    faults: dict[str, Any] = {}
    for fault in fields(Faults):
        if fault.name in faults_table.left:
            unit = "text" if fault.name == "identity" else "s"
            faults[fault.name] = faults_table.option(fault.name, unit)
    faults_table.done(", ".join(f.name for f in fields(Faults)))
    config = InstrumentConfig(
        name=name,
        role=role,
        driver=driver_name,
        address=table.text("address", "" if simulated else ...),
        identity=table.text("identity", ""),
        timeout=table.value("timeout", "s", SLOW_HOST if simulated else 2.0),
        limits=limits,
        options={key: table.option(key, unit) for key, unit in driver.OPTIONS.items() if key in table.left},
        terminal=table.text("terminal", "") if simulated else "",
        faults=Faults(**faults),
    )
    keys = ["role", "driver", "address", "identity", "timeout", "limits", *driver.OPTIONS]
    table.done(", ".join([*keys, "terminal", "faults"] if simulated else keys))
    return config


def _limit(table: _Table, quantity: str, driver: type[Instrument]) -> Limit:
    if quantity not in driver.QUANTITIES:
        raise ConfigError(
            f"{table.where}: unknown quantity {quantity!r}; known are {', '.join(driver.QUANTITIES)}"
        )
    pair = table.table(quantity)
    unit = driver.QUANTITIES[quantity]
    try:
        limit = Limit(pair.value("min", unit), pair.value("max", unit), unit)
    except ConfigError as error:
        text = str(error)
        raise ConfigError(text if text.startswith(pair.where) else f"{pair.where}: {text}") from None
    pair.done("min, max")
    rating = driver.RATING[quantity]
    if not rating.contains(limit):
        raise ConfigError(f"{pair.where}: {limit} exceeds the instrument's rating {rating}")
    return limit


_QUANTITY_UNITS: Final = {"voltage": "V", "current": "A", "trigger": "V"}


def _channel(name: str, table: _Table, folder: Path, *, simulated: bool) -> ChannelConfig:
    quantity = table.text("quantity")
    if quantity not in _QUANTITY_UNITS:
        raise ConfigError(f"{table.where}: no quantity {quantity!r}; known are {', '.join(_QUANTITY_UNITS)}")
    certificate = table.text("certificate")
    if certificate.endswith(".toml"):  # a path is relative to the bench file
        certificate = str(folder / certificate)
    channel = ChannelConfig(
        name=name,
        input=table.text("input"),
        quantity=quantity,
        phase=table.text("phase", ""),
        range=table.value("range", "V"),
        certificate=certificate,
        trip=table.value("trip", _QUANTITY_UNITS[quantity], None),
        signal=table.text("signal", ... if simulated else ""),
        place=table.text("place", ""),
    )
    table.done("input, quantity, phase, range, certificate, trip, signal, place")
    return channel


def _plant(
    table: _Table, folder: Path, nominal: Mapping[str, float], *, simulated: bool
) -> PlantOptions | None:
    if not simulated:
        table.done("none: only a simulated bench has a plant")
        return None
    from hil.plant.options import read_plant  # noqa: PLC0415 - a bench of hardware needs no plant

    return read_plant(table.left, table.where, nominal, folder)


def _check_whole(config: BenchConfig) -> None:
    for role in NEEDED:
        found = [i.name for i in config.instruments.values() if i.role == role]
        if len(found) != 1:
            text = f"{', '.join(found)} play" if found else "nothing plays"
            raise ConfigError(f"{config.path}: {text} the part of {role}; a bench needs exactly one")
    if sorted(config.safe_order) != sorted(config.instruments):
        raise ConfigError(
            f"{config.path}: bench.safe_order must name every instrument once, in the order in which they "
            f"are made safe; it names {list(config.safe_order)}, there are {list(config.instruments)}"
        )
    inputs = [channel.input for channel in config.channels]
    if len(set(inputs)) != len(inputs):
        raise ConfigError(f"{config.path}: two channels hang on one input of the recorder: {inputs}")
    for quantity in ("voltage", "current"):
        phases = {c.phase for c in config.channels if c.quantity == quantity and not c.place}
        if not {"a", "b", "c"} <= phases:
            raise ConfigError(f"{config.path}: the recorder needs {quantity} channels of phases a, b and c")
    if config.simulated:
        from hil.wiring import wire  # noqa: PLC0415 - a bench of hardware needs no plant

        wire(config)
    for channel in config.channels:
        try:
            resolve("hil.calibration", "certificate")(channel.certificate)
        except ConfigError as error:
            raise ConfigError(f"{config.path}: channels.{channel.name}: {error}") from None
