"""The bench: the instruments by role, and the promise to leave them de-energised."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final, TypeVar, cast

from hil.clock import SimulatedClock
from hil.errors import HilError, NotSafe, ReadbackError
from hil.limits import Limit
from hil.roles import (
    OPEN,
    DcSource,
    Genset,
    GridSource,
    Identity,
    Input,
    Instrument,
    Interlock,
    Load,
    Pcs,
    PowerMeter,
    Proof,
    Recorder,
    Setup,
    Switch,
)
from hil.table import resolve
from hil.transport.terminal import TerminalLink, ask

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping

    from hil.clock import Clock
    from hil.config import BenchConfig
    from hil.transport.link import CommandLog

Role = TypeVar("Role", bound=Instrument)
SETTLE: Final = 0.1
"""Bench time given to a box to follow before it is asked again [s]."""
LOOK: Final = 0.1
"""How long the recorder looks at the terminals to prove them dead [s]."""
HOUR: Final = 3600.0
"""How long the operator may take for what is done by hand [s]."""
SAFE_DC: Final = 60.0
"""A DC terminal below this counts as de-energised [V] (IEC 62368-1, ES1)."""
SAFE_CURRENT: Final = 0.02
"""A PCS that gives less than this counts as off [pu of rated current], as by the power that it tells."""


class Bench:
    """The instruments of a bench file. Building one opens nothing; connecting never energises.

    However a run ends, `make_safe` is its last word.
    """

    def __init__(
        self, config: BenchConfig, clock: Clock, log: CommandLog, addresses: Mapping[str, str] | None = None
    ) -> None:
        self.config = config
        self.clock = clock
        self.log = log
        self.instruments: dict[str, Instrument] = {}
        self.identities: dict[str, Identity] = {}
        self._operator: TerminalLink | None = None
        self.blind = ""
        """Why the recorder could not measure the terminals, if it could not."""
        for name, item in config.instruments.items():
            driver = resolve("hil.drivers", item.driver)
            setup = Setup(
                name=name,
                address=(addresses or {}).get(name, item.address),
                clock=clock,
                log=log,
                limits=item.limits,
                options=item.options,
                identity=item.identity,
                timeout=item.timeout,
                safe_voltage=config.safe_voltage,
            )
            self.instruments[name] = driver(setup)
        self._normal = {s: s.normal for s in self.instruments.values() if isinstance(s, Switch)}

    def find(self, role: type[Role], name: str = "") -> Role:
        """Return the instrument that plays this part; raises `ConfigError` where it is not exactly one."""
        return cast("Role", self.instruments[self.config.find(role.ROLE, name).name])

    @property
    def grid(self) -> GridSource:
        """The AC source."""
        return self.find(GridSource)  # type: ignore[type-abstract]

    @property
    def dc(self) -> DcSource:
        """The DC source."""
        return self.find(DcSource)  # type: ignore[type-abstract]

    @property
    def pcs(self) -> Pcs:
        """The unit under test."""
        return self.find(Pcs)  # type: ignore[type-abstract]

    @property
    def recorder(self) -> Recorder:
        """The sampler of waveforms."""
        return self.find(Recorder)  # type: ignore[type-abstract]

    def load(self, name: str = "") -> Load:
        """Return the AC load of this name, or the only one."""
        return self.find(Load, name)  # type: ignore[type-abstract]

    def switch(self, name: str = "") -> Switch:
        """Return the switch of this name, or the only one."""
        return self.find(Switch, name)  # type: ignore[type-abstract]

    def genset(self, name: str = "") -> Genset:
        """Return the genset of this name, or the only one."""
        return self.find(Genset, name)  # type: ignore[type-abstract]

    def meter(self, name: str = "") -> PowerMeter:
        """Return the power meter of this name, or the only one."""
        return self.find(PowerMeter, name)  # type: ignore[type-abstract]

    @property
    def interlock(self) -> Interlock | None:
        """The line that inhibits every output, where the bench has one."""
        found = [i for i in self.instruments.values() if isinstance(i, Interlock)]
        return found[0] if found else None

    def connect(self) -> dict[str, Identity]:
        """Open every link and check who answers; the state of no instrument changes."""
        for name, instrument in self.instruments.items():
            self.identities[name] = instrument.connect()
        return self.identities

    def prepare(self) -> None:
        """Take control of every instrument, set ranges and protections; outputs stay off.

        Then switches go to their normal positions, with nothing live on either side. Last the
        interlock is closed, which allows outputs and switches none.
        """
        for instrument in self.instruments.values():
            instrument.prepare()
        for switch, position in self._normal.items():
            if position != OPEN:
                switch.switch(position)
        if self.interlock is not None:
            self.interlock.switch(closed=True)

    def by_hand(
        self, what: str, terminal: str, values: Mapping[str, object], between: Callable[[], None]
    ) -> None:
        """Have something done by hand: by the operator, or on a simulated bench at its terminals.

        between: what must not wait meanwhile. Raises `ReadbackError` where it is not confirmed.
        """
        if isinstance(self.clock, SimulatedClock):
            self.clock.ask(op="set", terminal=terminal, values=dict(values))
            return
        if self._operator is None:
            link = TerminalLink("operator", "terminal", self.clock, self.log, HOUR)
            link.open()
            self._operator = link
        question = f"{what}. Type done when it is"
        answer = ask(self._operator, self.clock, question, HOUR, writes=True, between=between)
        if answer.lower() != "done":
            raise ReadbackError(
                f"operator: was asked to do by hand: {what}; typed {answer!r}. "
                "Whether it was done is not known"
            )

    def make_safe(self, timeout: float = 20.0, *, reached_only: bool = False) -> tuple[Proof, ...]:
        """De-energise in the bench's order, and prove it by measurement within a timeout [s].

        An instrument that fails does not spare the others, and is tried once more at
        the end on a fresh connection: off is the one command that may be repeated. One
        that never said who it is gets no command, for it may be somebody else's; with
        `reached_only` it is left out, for a run that ends before its first command.
        Raises `NotSafe`, saying what could not be proven.
        """
        order = [
            self.instruments[name]
            for name in self.config.safe_order
            if name in self.identities or not reached_only
        ]
        failed: dict[str, HilError] = {}
        for instrument in order:
            self._try_safe(instrument, failed)
            self.clock.sleep(SETTLE)
        for instrument in order:
            if instrument.name in failed:
                self._try_safe(instrument, failed)
        deadline = self.clock.now() + timeout
        while True:
            proofs, unproven = self._prove(order, failed)
            if not unproven:
                return proofs
            # What cannot be reached stays unproven however long we wait: the operator must know at once.
            if self.clock.now() >= deadline or set(unproven) <= set(failed):
                raise NotSafe(
                    "the bench could not be proven de-energised: "
                    + "; ".join(f"{name}: {reason}" for name, reason in unproven.items())
                    + ". Treat it as live: use the emergency stop, then measure."
                )
            self.clock.sleep(SETTLE)

    def _try_safe(self, instrument: Instrument, failed: dict[str, HilError]) -> None:
        try:
            if instrument.name not in self.identities:
                self.identities[instrument.name] = instrument.connect()
            instrument.make_safe()
            failed.pop(instrument.name, None)
        except Exception as error:  # noqa: BLE001 - a defect of one driver must not spare the others
            failed[instrument.name] = _ours(instrument.name, error)

    def _prove(
        self, order: list[Instrument], failed: Mapping[str, HilError]
    ) -> tuple[tuple[Proof, ...], dict[str, str]]:
        """Ask every instrument, and the recorder, which measures the terminals by itself.

        A source that cannot be reached counts as dead only where the interlock is open,
        read back, and the recorder finds the terminals dead: one of the two could lie.
        What a PCS does not tell is proven where the recorder measures it instead.
        """
        proofs: list[Proof] = []
        unproven: dict[str, str] = {}
        untold: dict[str, str] = {}
        wanted: set[tuple[str, str]] = set()
        at_pcs = {(c.quantity, c.phase) for c in self.config.channels if not c.place}
        for instrument in order:
            if instrument.name in failed:
                continue
            try:
                measured = instrument.prove_safe()
            except Exception as error:  # noqa: BLE001 - as above
                unproven[instrument.name] = str(_ours(instrument.name, error))
                continue
            missing = [p for p in measured if not p.told and p.witnesses and at_pcs.issuperset(p.witnesses)]
            told = [proof for proof in measured if proof not in missing]
            proofs.extend(told)
            live = [str(proof) for proof in told if not proof.holds]
            if live:
                unproven[instrument.name] = ", ".join(live)
            elif missing:
                untold[instrument.name] = f"{', '.join(map(str, missing))}, nor did the recorder measure it"
                wanted.update(each for proof in missing for each in proof.witnesses)
        recorder = self.recorder
        silent = {name: str(error) for name, error in failed.items() if self.instruments[name].ENERGISES}
        if not unproven and recorder in order and recorder.name not in failed:
            try:
                measured = self._record_terminals(wanted)
            except Exception as error:  # noqa: BLE001 - then every source has to prove it by itself
                self.blind = str(_ours(recorder.name, error))
            else:
                proofs.extend(measured)
                live = [str(proof) for proof in measured if not proof.holds]
                if live:
                    unproven[recorder.name] = ", ".join(live)
                else:
                    untold = {}
                    if any(i is self.interlock and i.name not in failed for i in order):
                        silent = {}
        unproven.update(untold | silent)
        return tuple(proofs), unproven

    def _record_terminals(self, wanted: Container[tuple[str, str]]) -> tuple[Proof, ...]:
        """Measure every voltage with the recorder, over `LOOK`, and what else is wanted at the PCS.

        wanted: quantity and phase.
        """
        config, recorder = self.config, self.recorder
        channels = [
            c
            for c in config.channels
            if c.quantity == "voltage" or (not c.place and (c.quantity, c.phase) in wanted)
        ]
        little = Limit(0.0, SAFE_CURRENT * config.power / (3**0.5 * config.voltage), "A")
        recorder.configure([Input(c.name, c.input, c.range) for c in channels], config.rate)
        recorder.start()
        self.clock.sleep(LOOK)
        samples = recorder.read()
        recorder.stop()
        load = resolve("hil.calibration", "certificate")
        proofs = []
        for row, channel in zip(samples, channels, strict=True):
            rms = float((load(channel.certificate).line.correct(row) ** 2).mean() ** 0.5)
            volts = Limit(0.0, SAFE_DC if channel.phase == "dc" else config.safe_voltage, "V")
            limit = little if channel.quantity == "current" else volts
            proofs.append(Proof(f"{recorder.name}: RMS of {channel.name}", rms, limit))
        return tuple(proofs)

    def close(self) -> None:
        """Close every link; the state of no instrument changes."""
        for instrument in self.instruments.values():
            with suppress(Exception):  # what cannot be closed ends with this process
                instrument.close()


def _ours(name: str, error: Exception) -> HilError:
    if isinstance(error, HilError):
        return error
    return HilError(f"{name}: internal error: {type(error).__name__}: {error}")
