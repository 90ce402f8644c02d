"""NH Research 9430: a programmable AC load of three phases that feeds back to the mains.

Chosen over the Chroma 63800, whose commands are public in part but which draws 4.5 kW per unit
and has no profile memory in them: a PCS of 100 kW needs this size, and three labs have put the
dialect of its sister 9410 in public. Little else of it is public, so:

- from those labs: TCP port 5025, `SYST:RWL` and `SYST:LOC`, `INST:NSEL`, `OUTP`, `SYST:ERR?`, and
  macros, which learn set commands between `MACR:LEAR 1` and `MACR:LEAR 0` and play them at
  `MACR:RUN`; 25 to 55 ms for each command that is streamed, which is why a profile is a macro;
- from its sister 9300: `MEAS:` begins an aperture and `FETC:` reads on in it, `SLEW:POW`;
- assumed: `LOAD:` for what it draws, `MACR:OPER:DWEL`, `MACR:COUN?`, `MACR:STAT?`, `MACR:ABOR`, and
  what a macro can hold.

So `prepare` tries every command that is assumed, with zero power and the output off, and reads back
what can be: a box that speaks otherwise refuses there, by its own error queue.
"""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - class variables name it
from typing import TYPE_CHECKING, ClassVar

from hil.errors import InstrumentError, ReadbackError
from hil.limits import Limit
from hil.roles import Identity, Load, LoadPoint, ProfileMemory, Proof
from hil.transport.visa import Scpi, VisaLink

if TYPE_CHECKING:
    from hil.roles import Setup
    from hil.transient import Triple
    from hil.transport.link import TextLink

OFF_AMPS = 1.0
"""A phase that carries less counts as off [A]; assumed: its filter is behind the output relay."""


class Nhr9430(Load):
    """A 9430 in its three-phase load mode, at constant power."""

    RATING: ClassVar[Mapping[str, Limit]] = {
        "active_power": Limit(0.0, 1e6, "W"),  # of cabinets in parallel; `prepare` asks the box
        "reactive_power": Limit(-1e6, 1e6, "var"),
    }
    IDENTITY: ClassVar[str] = r"(?i)nh ?research.*,.*94[23]0.*"
    PROFILE: ClassVar[ProfileMemory | None] = ProfileMemory(
        points=100, shortest=0.02, longest=3600.0, resolution=1e-3, slew=5e6
    )
    """Assumed: a macro steps on with the cycle (`MACR:OPER:SYNC`), so no dwell is shorter than one."""

    def __init__(self, setup: Setup, link: TextLink | None = None) -> None:
        super().__init__(setup)
        self.link = link or VisaLink(setup.name, setup.address, setup.clock, setup.log, setup.timeout)
        self.scpi = Scpi(self.link)
        self._loaded = False

    def read_on(self) -> bool:
        """Say whether its output is on."""
        return self.scpi.numbers("OUTP?") == [1]

    def read_power(self) -> tuple[float, float]:
        """Measure what it draws of all three phases together, in one aperture [W, var]."""
        values = self._by_phase("FETC:POW?", "FETC:REAC?")
        return sum(values[::2]), sum(values[1::2])

    def read_currents(self) -> Triple:
        """Measure the RMS phase currents, in one aperture [A]."""
        a, b, c = self._by_phase("FETC:CURR?")
        return a, b, c

    def snapshot(self) -> dict[str, float | str | bool | None]:
        """Return set-points, measurements and state."""
        watts, var = self.read_power()
        set_watts, set_var = self.scpi.numbers("LOAD:POW?", "LOAD:REAC?")
        return {
            "on": self.read_on(),
            "active_power_setpoint": set_watts,
            "reactive_power_setpoint": set_var,
            "active_power": watts,
            "reactive_power": var,
            "profile_running": self._do_profile_running(),
        }

    def make_safe(self) -> None:
        """End a profile, switch the output off, set zero power."""
        self._loaded = False
        self.scpi.attempt(("*CLS", "MACR:LEAR 0", "MACR:ABOR"), ("OUTP OFF",), ("LOAD:POW 0", "LOAD:REAC 0"))
        if self.read_on():
            raise ReadbackError(f"{self.name}: the output stays on. Cut its supply")

    def prove_safe(self) -> tuple[Proof, ...]:
        """Measure the three phase currents [A]."""
        limit = Limit(0.0, OFF_AMPS, "A")
        amps = zip("abc", self.read_currents(), strict=True)
        return tuple(Proof(f"{self.name}.current_{phase}", value, limit) for phase, value in amps)

    def _do_open(self) -> None:
        self.link.open()

    def _do_close(self) -> None:
        self.link.close()

    def _do_identify(self) -> Identity:
        return Identity(*self.scpi.identify())

    def _do_prepare(self) -> None:
        self.scpi.send("*CLS", "SYST:RWL")
        self.make_safe()
        (mode,) = self.scpi.send("LOAD:MODE POW", "LOAD:MODE?")
        if not mode.upper().startswith("POW"):
            raise ReadbackError(f"{self.name}: it was set to constant power and says {mode!r}")
        watts, var = self.scpi.numbers("LOAD:POW? MAX", "LOAD:REAC? MAX")
        self._fit({"active_power": Limit(0.0, watts, "W"), "reactive_power": Limit(-var, var, "var")})
        memory = self._memory()
        (slew,) = self.scpi.send(f"SLEW:POW {memory.slew:g}", "SLEW:POW?")
        self._took("slew of the power", memory.slew, self.scpi.number(slew), 1e-3 * memory.slew)
        self._learn((LoadPoint(memory.shortest, 0.0),))
        if self._do_profile_running():
            raise ReadbackError(
                f"{self.name}: a macro was ended and says that it runs. Look at the front panel"
            )

    def _do_set_power(self, watts: float, var: float) -> None:
        if self._do_profile_running():
            raise InstrumentError(f"{self.name}: a profile still runs; wait for its end, or make it safe")
        replies = self.scpi.send(f"LOAD:POW {watts:.1f}", f"LOAD:REAC {var:.1f}", "LOAD:POW?", "LOAD:REAC?")
        for what, sent, reply in zip(("active power", "reactive power"), (watts, var), replies, strict=True):
            self._took(what, sent, self.scpi.number(reply), 0.5)

    def _do_switch(self, *, on: bool) -> None:
        (reply,) = self.scpi.send(f"OUTP {'ON' if on else 'OFF'}", "OUTP?")
        self._took("output", on, self.scpi.number(reply), 0)

    def _do_load_profile(self, points: tuple[LoadPoint, ...]) -> None:
        if self._do_profile_running():
            raise InstrumentError(f"{self.name}: a profile still runs; wait for its end, or make it safe")
        self._learn(points)
        self._loaded = True

    def _do_fire_profile(self) -> None:
        if not self._loaded:
            raise InstrumentError(f"{self.name}: no profile is loaded; each is fired once")
        self._loaded = False
        self.scpi.send("MACR:RUN")

    def _do_profile_running(self) -> bool:
        return self.scpi.numbers("MACR:STAT?") == [1]

    def _learn(self, points: tuple[LoadPoint, ...]) -> None:
        self._loaded = False
        self.scpi.send("MACR:LEAR 1")
        for point in points:
            self.scpi.send(
                f"LOAD:POW {point.watts:.1f}",
                f"LOAD:REAC {point.var:.1f}",
                f"MACR:OPER:DWEL {point.seconds:.3f}",
            )
        (count,) = self.scpi.send("MACR:LEAR 0", "MACR:COUN?")
        self._took("length of the macro", len(points), self.scpi.number(count), 0)

    def _by_phase(self, *questions: str) -> list[float]:
        """Measure once, and return the answers of phase 1, then 2, then 3."""
        each = (unit for phase in (1, 2, 3) for unit in (f"INST:NSEL {phase}", *questions))
        return self.scpi.numbers("MEAS:CURR?", *each, "INST:NSEL 1")[1:]
