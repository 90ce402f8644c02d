"""Calibration certificates, one TOML file per sensor, and the correction that they give."""

from __future__ import annotations

import tomllib
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from hil.errors import ConfigError, FormatError
from hil.units import parse

from .chain import Line

if TYPE_CHECKING:
    from collections.abc import Mapping
    from importlib.resources.abc import Traversable

    from hil.waveform import Waveform

CLIPPED: Final = 0.999
"""From this share of full scale on, a sample may be clipped; the top code of 16 bit reads 0.99997."""
_TEXTS: Final = ("id", "sensor", "serial", "laboratory", "unit")
_DATES: Final = ("calibrated", "due")
_KEYS: Final = (*_TEXTS, *_DATES, "gain", "offset", "uncertainty", "k")


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a laboratory found one sensor to do."""

    id: str
    sensor: str
    serial: str
    laboratory: str
    calibrated: date
    due: date
    """Last day on which it holds."""
    unit: str
    """SI unit of what is measured."""
    gain: float
    """Output per unit measured [V/V, V/A ...]."""
    offset: float
    """Output at nothing [V]."""
    uncertainty: float
    """Expanded relative uncertainty of a corrected value, for this k."""
    k: float
    """Coverage factor."""
    noise: float | None = None
    """RMS noise of the output [V]; None where the certificate does not state it."""

    @property
    def line(self) -> Line:
        """The measuring chain that it describes."""
        return Line(self.gain, self.offset, self.unit)

    def valid_on(self, day: date) -> bool:
        """Say whether it held on this day."""
        return self.calibrated <= day <= self.due

    def to_dict(self) -> dict[str, str | float | None]:
        """Return it for a record; dates as ISO 8601 text, numbers in SI."""
        return {**asdict(self), "calibrated": self.calibrated.isoformat(), "due": self.due.isoformat()}


def load(source: str | Path) -> Certificate:
    """Return the certificate of a TOML file, or the shipped one of this name, such as "simulated_v_a"."""
    if isinstance(source, Path) or source.endswith(".toml"):
        file: Path | Traversable = Path(source)
    else:
        shipped = resources.files("hil.data") / "certificates"
        file = shipped / f"{source}.toml"
        if not file.is_file():
            known = ", ".join(
                sorted(Path(f.name).stem for f in shipped.iterdir() if f.name.endswith(".toml"))
            )
            raise ConfigError(
                f"no certificate {source!r} is shipped; give the path of a .toml file, or {known}"
            )
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"certificate {file}: cannot be read ({error.strerror})") from error
    except ValueError as error:  # not TOML, or not UTF-8
        raise ConfigError(f"certificate {file}: {error}") from error
    return _certificate(content, f"certificate {file}")


def from_dict(entry: Mapping[str, Any]) -> Certificate:
    """Return the certificate that `to_dict` has put into a record."""
    try:
        days = {key: date.fromisoformat(entry[key]) for key in _DATES}
        return Certificate(**{**entry, **days})
    except (KeyError, TypeError, ValueError) as error:
        raise FormatError(
            f"a record holds a certificate that cannot be read: {error!r} in {entry}"
        ) from error


def _certificate(content: dict[str, Any], where: str) -> Certificate:
    if unknown := [key for key in content if key not in {*_KEYS, "noise"}]:
        raise ConfigError(f"{where}: unknown key {unknown[0]!r}; it takes {', '.join(_KEYS)}, noise")
    if missing := [key for key in _KEYS if key not in content]:
        raise ConfigError(f"{where}: {missing[0]} is missing")
    for key in _TEXTS:
        if not (isinstance(content[key], str) and content[key].strip()):
            raise ConfigError(f'{where}: {key} = {content[key]!r} is not a text; write {key} = "..."')
    for key in _DATES:
        if not isinstance(content[key], date) or isinstance(content[key], datetime):
            raise ConfigError(f"{where}: {key} = {content[key]!r} is not a date; write {key} = 2026-01-15")
    k = content["k"]
    if isinstance(k, bool) or not isinstance(k, int | float) or not 1 <= k <= 4:
        raise ConfigError(f"{where}: k = {k!r} is not a coverage factor between 1 and 4")
    if content["due"] < content["calibrated"]:
        raise ConfigError(f"{where}: due {content['due']} lies before calibrated {content['calibrated']}")
    parse(f"1 {content['unit']}", content["unit"], f"{where}: unit")  # SI, without a prefix
    uncertainty = parse(content["uncertainty"], "%", f"{where}: uncertainty") / 100
    if not uncertainty > 0:
        raise ConfigError(
            f"{where}: uncertainty = {content['uncertainty']!r} is not positive; nothing is exact"
        )
    gain = parse(content["gain"], "V", f"{where}: gain")
    if not gain:
        raise ConfigError(f"{where}: gain = {content['gain']!r} measures nothing")
    noise = parse(content["noise"], "V", f"{where}: noise") if "noise" in content else None
    if noise is not None and noise < 0:
        raise ConfigError(f"{where}: noise = {content['noise']!r} is negative")
    return Certificate(
        **{key: content[key] for key in (*_TEXTS, *_DATES)},
        gain=gain,
        offset=parse(content["offset"], "V", f"{where}: offset"),
        uncertainty=uncertainty,
        k=float(k),
        noise=noise,
    )


def correct(
    waveform: Waveform, certificates: Mapping[str, Certificate], ranges: Mapping[str, float]
) -> Waveform:
    """Return the values that were there [SI], from what the inputs read [V].

    Both mappings go by channel name; `ranges` holds full scale [V]. A sample at full
    scale on any channel is marked as not valid. The uncertainty of a channel is its
    certificate's, brought to k = 2.
    """
    whose = waveform.source or "waveform"
    if any(step.startswith("corrected") for step in waveform.history):
        raise ConfigError(f"{whose} is corrected already; correct the raw samples")
    for mapping, what in ((certificates, "certificate"), (ranges, "range")):
        if missing := [c.name for c in waveform.channels if c.name not in mapping]:
            raise ConfigError(f"{whose}: no {what} for channel {missing[0]!r}")
    samples = np.empty(waveform.samples.shape)
    valid = np.ones(len(waveform), bool) if waveform.valid is None else waveform.valid.copy()
    channels = []
    for row, raw, channel in zip(samples, waveform.samples, waveform.channels, strict=True):
        certificate = certificates[channel.name]
        row[:] = certificate.line.correct(raw)
        valid &= np.abs(raw) < CLIPPED * ranges[channel.name]
        channels.append(
            replace(channel, unit=certificate.unit, uncertainty=certificate.uncertainty * 2 / certificate.k)
        )
    names = ", ".join(f"{c.name} by {certificates[c.name].id}" for c in channels)
    return replace(
        waveform,
        samples=samples,
        channels=tuple(channels),
        valid=valid if waveform.valid is not None or not valid.all() else None,
        history=(*waveform.history, f"corrected {names}"),
    )
