"""The AC load: a bank in steps, or a programmable one."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from hil.errors import ConfigError, NotSupported
from hil.limits import Limit
from hil.roles.instrument import Instrument
from hil.transient import ListMemory, LoadPoint

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hil.transient import Triple


@dataclass(frozen=True, slots=True)
class ProfileMemory(ListMemory):
    """What a load's profile memory can hold, and how fast the load follows."""

    slew: float
    """[W/s]"""

    def check(self, points: Sequence[LoadPoint], name: str) -> None:
        """Raise `ConfigError` for what it cannot hold or the load cannot follow."""
        if not 1 <= len(points) <= self.points:
            raise ConfigError(f"{name}: {len(points)} profile points; its memory holds 1 to {self.points}")
        for before, point in zip((None, *points), points, strict=False):
            Limit(self.shortest, self.longest, "s").check(point.seconds, f"{name}.dwell")
            steps = point.seconds / self.resolution
            if abs(steps - round(steps)) > 1e-6:
                raise ConfigError(
                    f"{name}: a dwell of {point.seconds} s is no multiple of {self.resolution:g} s"
                )
            step = 0.0 if before is None else abs(point.watts - before.watts)
            if step > self.slew * point.seconds:
                raise ConfigError(
                    f"{name}: a step of {step:g} W does not end within its dwell of "
                    f"{point.seconds:g} s; the load follows with {self.slew:g} W/s"
                )


class Load(Instrument):
    """An AC load on three phases. Its power counts as it is drawn, inductive vars positive.

    It energises nothing, so that its silence leaves nothing live.
    """

    ROLE = "load"
    ENERGISES = False
    QUANTITIES: ClassVar[Mapping[str, str]] = {"active_power": "W", "reactive_power": "var"}
    PROFILE: ClassVar[ProfileMemory | None] = None
    """None where it plays no profile by itself."""

    def set_power(self, watts: float, var: float = 0.0) -> None:
        """Set what it draws of all three phases together, now or once it is on [W, var]."""
        self._check("active_power", watts)
        self._check("reactive_power", var)
        self._do_set_power(watts, var)

    def set_phases(self, watts: Triple, var: Triple) -> None:
        """Set what it draws of each phase [W, var; capacitive negative].

        A limit of all three phases together holds for three times each.
        """
        for each_watts, each_var in zip(watts, var, strict=True):
            self._check("active_power", 3.0 * each_watts)
            self._check("reactive_power", 3.0 * each_var)
        self._do_set_phases(watts, var)

    def switch(self, *, on: bool) -> None:
        """Connect or disconnect it, and check that it followed."""
        self._do_switch(on=on)

    def load_profile(self, points: Sequence[LoadPoint]) -> None:
        """Put a profile into its memory; what it draws does not change.

        At the end it stays at the last point. Raises `ConfigError` for what the memory
        cannot hold or the load cannot follow.
        """
        self._memory().check(points, self.name)
        for point in points:
            self._check("active_power", point.watts)
            self._check("reactive_power", point.var)
        self._do_load_profile(tuple(points))

    def fire_profile(self) -> None:
        """Start the loaded profile now."""
        self._memory()
        self._do_fire_profile()

    def profile_running(self) -> bool:
        """Say whether the profile still runs."""
        self._memory()
        return self._do_profile_running()

    @abstractmethod
    def read_on(self) -> bool:
        """Say whether it is connected."""

    def read_power(self) -> tuple[float, float]:
        """Measure what it draws of all three phases together [W, var]."""
        raise NotSupported(f"{self.name}: it measures nothing; ask the power meter")

    def read_currents(self) -> Triple:
        """Measure the RMS phase currents [A]."""
        raise NotSupported(f"{self.name}: it measures nothing; ask the power meter")

    def _memory(self) -> ProfileMemory:
        if self.PROFILE is None:
            raise NotSupported(f"{self.name}: it has no profile memory; set its power step by step")
        return self.PROFILE

    @abstractmethod
    def _do_set_power(self, watts: float, var: float) -> None: ...

    def _do_set_phases(self, watts: Triple, var: Triple) -> None:
        raise NotSupported(f"{self.name}: cannot draw {watts} W and {var} var, phase by phase")

    @abstractmethod
    def _do_switch(self, *, on: bool) -> None: ...

    def _do_load_profile(self, points: tuple[LoadPoint, ...]) -> None:
        raise NotImplementedError

    def _do_fire_profile(self) -> None:
        raise NotImplementedError

    def _do_profile_running(self) -> bool:
        raise NotImplementedError
