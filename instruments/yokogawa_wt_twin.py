"""A simulated Yokogawa WT5000, elements 1 to 3: it samples the plant's waveforms and reckons as the box does.

Each update averages over the whole periods of voltage 1 within its interval (IM WT5000-01EN calls it
synchronisation), or over the interval where there are none. Q is the root of S and P squared, with
the sign of the fundamental's; sums of 3V3A are of the first two elements (method of two wattmeters).
Over range is 140 % of the range, or its peak at a crest factor of 3 (both assumed). Not simulated: line
filters, auto range, integration, the digits that it does not show, elements 4 to 7, waiting by `COMM:WAIT`.
"""

from __future__ import annotations

from functools import partial
from math import ceil, floor, inf, nan, sqrt
from typing import TYPE_CHECKING, ClassVar, Final

import numpy as np

from hil.twin.scpi import Handler, Refusal, ScpiTwin, flag, number, word

from ._yokogawa import ITEMS
from .yokogawa_wt import AMPS, VOLTS, YokogawaWt

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from hil.plant.terminals import AnalogInputs
    from hil.twin.base import Scene

    Array = NDArray[np.float64]

ORDERS: Final = 40
"""Harmonics that THD takes in."""


class _Tape(list["Array"]):
    """The blocks that the plant appends, of which it keeps what the next update may need."""

    keep = 0
    """Samples."""

    def append(self, block: Array) -> None:
        """Append a block, and forget those before the last `keep` samples."""
        super().append(block)
        while sum(other.shape[1] for other in self[1:]) > self.keep:
            del self[0]


class YokogawaWtTwin(ScpiTwin):
    """The box's state. Its terminals are inputs named u1 to u3 and i1 to i3 with their signals."""

    ROLE: ClassVar[str] = "power_meter"
    IDENTITY: ClassVar[str] = "YOKOGAWA,WT5000,C3TK01234,F3.11"

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self.terminals: AnalogInputs = scene.terminals
        self.tape = _Tape()
        self.terminals.blocks, self.terminals.running = self.tape, True
        self.installed = [float(scene.options.get(f"{name}_ratio", 1.0)) for name in ("voltage", "current")]
        """Ratios of the instrument transformers before it."""
        self._power_on()

    def _power_on(self) -> None:
        self.header = True
        self.wiring = "P1W2"
        self.scaled, self.ratios = False, [1.0, 1.0]
        self.ranges = [[1000.0] * 3, [30.0] * 3]
        self.items: dict[int, tuple[str, str]] = {}
        self.count = 0
        self.falls = False
        """The transition filter of bit 0."""
        self._set_rate(["0.5"])

    def reset(self) -> None:
        """Do what *RST does."""
        self._power_on()

    def commands(self) -> Mapping[str, Handler]:
        """Return the dialect, as far as it is simulated."""
        table: dict[str, Handler] = {
            "COMMunicate:HEADer": lambda data: setattr(self, "header", flag(data[0])),
            "COMMunicate:VERBose": lambda data: _only(data, "0", "OFF"),
            "COMMunicate:REMote": lambda data: _only(data, "0", "1", "ON", "OFF"),
            "HOLD": lambda data: _only(data, "0", "OFF"),
            "HARMonics1:THD": lambda data: _only(data, "FUNDamental"),
            "INPut:WIRing": lambda data: setattr(
                self, "wiring", word(data[0], "P1W2", "P3W3", "P3W4", "V3A3")
            ),
            "INPut:WIRing?": lambda _: f"{self.wiring},P1W2",
            "INPut:SCALing:STATe:ALL": lambda data: setattr(self, "scaled", flag(data[0])),
            "RATE": self._set_rate,
            "RATE?": lambda _: f"{1e3 * self.interval:.1f}E-03",
            "NUMeric:FORMat": lambda data: _only(data, "ASCii"),
            "NUMeric:NORMal:NUMBer": lambda data: setattr(self, "count", round(number(data[0], 1, 255))),
            "NUMeric:NORMal:VALue?": lambda _: ",".join(self._values()),
            "STATus:FILTer1": lambda data: setattr(self, "falls", word(data[0], "RISE", "FALL") == "FALL"),
            "STATus:EESR?": lambda _: str(int(self._ended())),
        }
        for kind, ranges in enumerate((VOLTS, AMPS)):
            name = ("VOLTage", "CURRent")[kind]
            table[f"INPut:SCALing:{('VT', 'CT')[kind]}:ALL"] = partial(self._set_ratio, kind)
            table[f"INPut:{name}:AUTO:ALL"] = lambda data: _only(data, "0", "OFF")
            for element in range(3):
                header = f"INPut:{name}:RANGe:ELEMent{element + 1}"
                table[header] = partial(self._set_range, kind, element, ranges)
                table[f"{header}?"] = partial(self._get_range, kind, element)
        for n in range(33, 0, -1):  # the grammar takes ITEM11 for an ITEM1 with a suffix of 1
            table[f"NUMeric:NORMal:ITEM{n}"] = partial(self._set_item, n)
            table[f"NUMeric:NORMal:ITEM{n}?"] = partial(self._get_item, n)
        named = {
            header: partial(self._with_header, header, handler) if header.endswith("?") else handler
            for header, handler in table.items()
        }
        return named | {"STATus:ERRor?": lambda _: self.next_error().removeprefix("-")}

    def _with_header(self, header: str, handler: Handler, data: list[str]) -> str | None:
        reply = handler(data)
        return f":{header.removesuffix('?').upper()} {reply}" if self.header else reply

    def _set_rate(self, data: list[str]) -> None:
        seconds = number(data[0], 0.01, 20.0)
        if seconds not in YokogawaWt.INTERVALS:
            raise Refusal(-222)
        self.interval, self.since, self.seen = seconds, self.world.now(), 0
        self.tape.keep = ceil(2.0 * seconds / self.terminals.step) + 1

    def _set_ratio(self, kind: int, data: list[str]) -> None:
        self.ratios[kind] = number(data[0], 1e-4, 99999.9999)

    def _set_range(self, kind: int, element: int, ranges: tuple[float, ...], data: list[str]) -> None:
        value = number(data[0], ranges[0], ranges[-1])
        if value not in ranges:
            raise Refusal(-222)
        self.ranges[kind][element] = value

    def _get_range(self, kind: int, element: int, _: list[str]) -> str:
        return f"{self.ranges[kind][element]:.4E}"

    def _set_item(self, n: int, data: list[str]) -> None:
        function = word(data[0], *ITEMS.values())
        self.items[n] = (function, word(data[1], "1", "2", "3", "SIGMa"))

    def _get_item(self, n: int, _: list[str]) -> str:
        return ",".join(self.items.get(n, ("NONE",)))

    def _updates(self) -> int:
        """Return how many updates have ended since the interval was set."""
        return floor((self.world.now() - self.since) / self.interval + 1e-9)

    def _ended(self) -> bool:
        """Say whether an update has ended since it was last asked."""
        before, self.seen = self.seen, self._updates()
        return self.falls and self.seen > before

    def _values(self) -> list[str]:
        measured = self._measure()
        chosen = [self.items.get(n, ("NONE", "")) for n in range(1, self.count + 1)]
        return [_text(measured.get(item, nan)) for item in chosen]

    def _measure(self) -> dict[tuple[str, str], float]:
        """Return every value of the last update by function and element, infinite where it is over range."""
        inputs = self._last_interval()
        if inputs is None:
            return {}
        volts, amps = inputs
        if self.wiring == "V3A3":  # R to T, S to T, R to S
            volts = np.array([volts[0] - volts[2], volts[1] - volts[2], volts[0] - volts[1]])
        if self.scaled:
            volts, amps = (
                volts * self.ratios[0] / self.installed[0],
                amps * self.ratios[1] / self.installed[1],
            )
        else:
            volts, amps = volts / self.installed[0], amps / self.installed[1]
        weights, hertz = _synchronise(volts[0], self.terminals.step)
        values: dict[tuple[str, str], float] = {}
        for n, element in enumerate("123"):
            u, i = volts[n], amps[n]
            own = _element(u, i, weights, hertz * self.terminals.step)
            scales = self.ratios if self.scaled else [1.0, 1.0]
            over = [
                max(abs(wave).max() / 3.0, rms / 1.4) > self.ranges[kind][n] * scales[kind]
                for kind, (wave, rms) in enumerate(((u, own["URMS"]), (i, own["IRMS"])))
            ]
            for function in own:
                needs = {"U": over[:1], "I": over[1:]}.get(function[0], over)
                values[function, element] = inf if any(needs) else own[function]
            values["FU", element] = hertz or nan
        self._sum(values)
        return values

    def _sum(self, values: dict[tuple[str, str], float]) -> None:
        count = 2 if self.wiring == "V3A3" else 3
        for function in ("URMS", "IRMS"):
            values[function, "SIGM"] = sum(values[function, e] for e in "123") / 3.0
        for function in ("P", "Q"):
            values[function, "SIGM"] = sum(values[function, e] for e in "123"[:count])
        apparent = sum(values["S", e] for e in "123") / (sqrt(3.0) if count == 2 else 1.0)
        values["S", "SIGM"] = apparent
        values["LAMBDA", "SIGM"] = values["P", "SIGM"] / apparent if 0.0 < apparent < inf else apparent or nan

    def _last_interval(self) -> tuple[Array, Array] | None:
        """Return the samples at the inputs within the last update; None where they are not all there."""
        step, updates = self.terminals.step, self._updates()
        if updates < 1 or not self.tape:
            return None
        samples = np.concatenate(self.tape, axis=1)
        late = round((self.world.now() - self.since - updates * self.interval) / step)
        end, length = samples.shape[1] - late, round(self.interval / step)
        if end < length:
            return None
        rows = self.terminals.signals
        both = [
            np.array(
                [
                    sensor.distort(samples[rows.index(sensor.signal), end - length : end])
                    for sensor in (self.terminals.sensors[f"{kind}{n}"] for n in (1, 2, 3))
                ]
            )
            for kind in "ui"
        ]
        return both[0], both[1]


def _synchronise(wave: Array, step: float) -> tuple[Array, float]:
    """Return what each sample weighs in a mean over whole periods, and their frequency or 0 [Hz]."""
    swing = 0.2 * abs(wave).max()
    side = np.where(wave > swing, 1, np.where(wave < -swing, -1, 0))
    firm = np.flatnonzero(side)
    turns = np.flatnonzero((side[firm][1:] > 0) & (side[firm][:-1] < 0))
    crossings = []
    for turn in turns:
        low, high = firm[turn], firm[turn + 1]
        rising = low + np.flatnonzero((wave[low:high] <= 0.0) & (wave[low + 1 : high + 1] > 0.0))[-1]
        crossings.append(rising + wave[rising] / (wave[rising] - wave[rising + 1]))
    if len(crossings) < 2:
        return np.full(wave.size, 1.0 / wave.size), 0.0
    first, last = crossings[0], crossings[-1]
    # The trapezoidal rule between two instants that lie between samples, joined by lines
    begin, end = ceil(first), floor(last)
    before, after = begin - first, last - end
    weights = np.zeros(wave.size + 1)
    weights[begin : end + 1] = 1.0
    weights[begin] += before - before**2 / 2.0 - 0.5
    weights[begin - 1] += before**2 / 2.0
    weights[end] += after - after**2 / 2.0 - 0.5
    weights[end + 1] += after**2 / 2.0
    return weights[:-1] / (last - first), (len(crossings) - 1) / ((last - first) * step)


def _element(u: Array, i: Array, weights: Array, turn: float) -> dict[str, float]:
    """Return what one element reckons from its two inputs; `turn` is the fundamental's periods per sample."""
    volts, amps, watts = sqrt(weights @ u**2), sqrt(weights @ i**2), float(weights @ (u * i))
    apparent = volts * amps
    base = [0j, 0j]
    thd = [nan, nan]
    if turn:
        wheel = np.exp(-2j * np.pi * turn * np.arange(u.size))
        weighed, turned = weights * np.array([u, i]), np.ones_like(wheel)
        lines = []
        for _ in range(ORDERS):
            turned = (
                turned * wheel
            )  # a power would take some thirty times longer, and the box answers in time
            lines.append(weighed @ turned)
        for kind in range(2):
            base[kind], *others = (complex(line[kind]) for line in lines)
            size = sqrt(sum(abs(line) ** 2 for line in others))
            thd[kind] = 100.0 * size / abs(base[kind]) if base[kind] else nan
    reactive = sqrt(max(0.0, apparent**2 - watts**2))
    if (base[0] * base[1].conjugate()).imag < 0.0:
        reactive = -reactive
    return {
        "URMS": volts,
        "IRMS": amps,
        "P": watts,
        "Q": reactive,
        "S": apparent,
        "LAMBDA": watts / apparent if apparent else nan,
        "UTHD": thd[0],
        "ITHD": thd[1],
    }


def _text(value: float) -> str:
    return "NAN" if value != value else "INF" if abs(value) == inf else f"{value:.5E}"  # noqa: PLR0124 - only NaN


def _only(data: list[str], *allowed: str) -> None:
    """Refuse what the box may know but this twin does not simulate."""
    word(data[0], *allowed)
