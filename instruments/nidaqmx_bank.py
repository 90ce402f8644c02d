"""A bank of resistors, reactors and capacitors, switched in steps by contactors on lines of an NI device."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - class variables name it
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, ClassVar, Final

from hil.errors import ConfigError, NotSupported, ReadbackError
from hil.limits import Limit
from hil.roles import Load, Proof
from hil.units import parse

from ._daqmx_lines import OnLines, parse_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.roles import Setup
    from hil.transient import Triple

LOOK: Final = 0.01
"""How often the main contactor's contact is looked at while it moves [s]."""
KINDS: Final = {"resistors": "W", "inductors": "var", "capacitors": "var"}
"""The three kinds of steps, in the order of their lines, and the unit of their power."""


class NidaqmxBank(OnLines, Load):
    """Steps of R, L and C behind a main contactor; a high line closes each.

    The bench file lists the three-phase power of each step at the bank's rated voltage, and the
    lines: the main contactor's first, then of resistors, inductors, capacitors in the order of
    their steps, one for each step, or three, of phases a, b and c, where each pole has a contactor
    of its own and the phases may differ. A power that no steps make up is refused, never rounded.
    What the bank draws goes with the square of the voltage that is really there: it measures
    nothing.

    With the main contactor closed new steps act at once, all in one write. Off is what the main
    contactor's mirror contact says (IEC 60947-4-1, annex F), which cannot be closed while a pole
    is welded. Its input is high while the contactor is open, so that a broken wire reads closed.
    """

    RATING: ClassVar[Mapping[str, Limit]] = {
        "active_power": Limit(0.0, 10e6, "W"),  # what its steps add up to, the bench file says
        "reactive_power": Limit(-10e6, 10e6, "var"),
    }
    OPTIONS: ClassVar[Mapping[str, str]] = {
        "device": "text",
        "lines": "text",
        "contact": "text",
        "deadline": "s",
        "voltage": "V",
        "frequency": "Hz",
        **dict.fromkeys(KINDS, "text"),
    }

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self._bank = Steps.from_options(setup.name, setup.options)
        self._deadline = float(setup.options.get("deadline", 0.5))

    def read_on(self) -> bool:
        """Say whether the main contactor is closed, by its contact."""
        return self._lines.sense((self._bank.contact,)) == (False,)

    def snapshot(self) -> dict[str, float | str | bool | None]:
        """Return its set-points at rated voltage, and whether it is on."""
        levels = self._lines.driven(self._bank.lines)
        watts, inductive, capacitive = map(sum, self._bank.powers(levels[1:]))
        return {
            "on": self.read_on(),
            "on_commanded": levels[0],
            "active_power_setpoint": watts,
            "reactive_power_setpoint": inductive - capacitive,
        }

    def make_safe(self) -> None:
        """Open the main contactor and every step, and check that it followed."""
        self._move([False] * len(self._bank.lines))

    def prove_safe(self) -> tuple[Proof, ...]:
        """Read the main contactor's contact: 0 is open, 1 closed."""
        return (Proof(f"{self.name}: main contactor closed", float(self.read_on()), Limit(0.0, 0.0, "")),)

    def _do_prepare(self) -> None:
        watts, inductive, capacitive = map(sum, self._bank.steps)
        self._fit(
            {
                "active_power": Limit(0.0, watts, "W"),
                "reactive_power": Limit(-capacitive, inductive, "var"),
            }
        )
        self.make_safe()

    def _do_set_power(self, watts: float, var: float) -> None:
        self._do_set_phases((watts / 3.0,) * 3, (var / 3.0,) * 3)

    def _do_set_phases(self, watts: Triple, var: Triple) -> None:
        self._lines.drive(self._bank.lines[1:], self._bank.choose(self.name, watts, var))

    def _do_switch(self, *, on: bool) -> None:
        self._move([on], self._bank.lines[:1])

    def _move(self, levels: list[bool], lines: tuple[str, ...] = ()) -> None:
        """Drive lines from the main contactor's on, and wait for its contact."""
        self._lines.drive(lines or self._bank.lines, levels)
        deadline = self.setup.clock.now() + self._deadline
        while self.read_on() != levels[0]:
            if self.setup.clock.now() >= deadline:
                self._lines.drive(self._bank.lines[:1], [False])
                found = "open; the command is withdrawn" if levels[0] else "closed; it may be welded"
                raise ReadbackError(
                    f"{self.name} at {self.setup.address}: {self._deadline:g} s after it was told to "
                    f"{'close' if levels[0] else 'open'}, its main contactor is still {found}. Look at it, "
                    "and at its supply and contact"
                )
            self.setup.clock.sleep(LOOK)


@dataclass(frozen=True)
class Steps:
    """What a bank is made of."""

    voltage: float
    """Line to line, at which the steps have their power [V]."""
    frequency: float
    """[Hz]"""
    steps: tuple[tuple[float, ...], ...]
    """Three-phase power of each step, by kind in the order of `KINDS` [W, var]."""
    lines: tuple[str, ...]
    """The main contactor's, then one for each step, or one for each of its phases."""
    contact: str

    @classmethod
    def from_options(cls, name: str, options: Mapping[str, float | str]) -> Steps:
        """Read it out of a bench file's options."""
        steps = tuple(
            tuple(
                parse(text, unit, f"{name}: {kind}")
                for text in str(options.get(kind, "")).split(",")
                if text.strip()
            )
            for kind, unit in KINDS.items()
        )
        lines = parse_lines(options.get("lines", ""), f"{name}: lines")
        (contact, *more) = parse_lines(options.get("contact", "port1/line0"), f"{name}: contact")
        count = sum(map(len, steps))
        if more or contact in lines or len(lines) - 1 not in {count, 3 * count}:
            raise ConfigError(
                f"{name}: {count} steps need one line each, or three for single phases, one for the main "
                f"contactor before them, and one contact elsewhere; there are {len(lines)} lines"
            )
        if not all(power > 0.0 for kind in steps for power in kind):
            raise ConfigError(f"{name}: the power of every step must be above zero")
        for key in ("voltage", "frequency"):
            if not float(options.get(key, 0.0)) > 0.0:
                raise ConfigError(f"{name}: the bank needs its rated {key}")
        return cls(float(options["voltage"]), float(options["frequency"]), steps, lines, contact)

    @property
    def single(self) -> bool:
        """Whether each phase of a step has a contactor of its own."""
        return len(self.lines) - 1 > sum(map(len, self.steps))

    def powers(self, levels: Sequence[bool]) -> tuple[Triple, Triple, Triple]:
        """Return what each phase of the closed steps adds up to, by kind [W, var, var]."""
        left = iter(levels)
        sums = []
        for kind in self.steps:
            phases = [0.0, 0.0, 0.0]
            for power in kind:
                closed = [next(left) for _ in range(3)] if self.single else [next(left)] * 3
                phases = [had + power / 3.0 * on for had, on in zip(phases, closed, strict=True)]
            sums.append((phases[0], phases[1], phases[2]))
        return sums[0], sums[1], sums[2]

    def choose(self, name: str, watts: Triple, var: Triple) -> list[bool]:
        """Return the steps that make up the power of each phase; raises `ConfigError` where none do."""
        if not self.single and not len(set(watts)) == len(set(var)) == 1:
            raise NotSupported(
                f"{name}: {watts} W, {var} var: its contactors have three poles, so that no phase can differ"
            )
        chosen: list[bool] = []
        inductive, capacitive = ([max(sign * each, 0.0) for each in var] for sign in (1.0, -1.0))
        for kind, phases, powers in zip(KINDS, (watts, inductive, capacitive), self.steps, strict=True):
            each = [_closed(f"{name}: no {kind}", 3.0 * phase, powers, KINDS[kind]) for phase in phases]
            chosen += [on for step in zip(*each, strict=True) for on in (step if self.single else step[:1])]
        return chosen


def _closed(what: str, wanted: float, powers: Sequence[float], unit: str) -> tuple[bool, ...]:
    """Return which of some steps to close for a three-phase power."""
    sums = {
        sum(p for p, on in zip(powers, closed, strict=True) if on): closed
        for closed in product((False, True), repeat=len(powers))
    }
    nearest = min(sums, key=lambda total: abs(total - wanted))
    if abs(nearest - wanted) > 1e-6 * max(powers, default=1.0):
        raise ConfigError(
            f"{what} add up to {wanted:g} {unit} of three phases; the nearest is {nearest:g} {unit}"
        )
    return sums[nearest]
