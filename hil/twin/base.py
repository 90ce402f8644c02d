"""What a simulated instrument is: the box's own bytes on loopback, over the plant's terminals."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from hil.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager


class World(Protocol):
    """The simulated bench as a twin sees it."""

    @property
    def lock(self) -> AbstractContextManager[Any]:
        """Held while the plant advances, and by a twin while it touches its terminals."""
        ...

    def now(self) -> float:
        """Return the plant time [s]; it stands still while nobody waits."""
        ...


@dataclass(frozen=True, slots=True)
class Faults:
    """What goes wrong with a box, from an instant of plant time on [s]; never, by default."""

    silent_after: float = inf
    """It takes what is sent and answers nothing; whether it still acts on it differs from box to box."""
    garbage_after: float = inf
    """It answers bytes that mean nothing."""
    drops_after: float = inf
    """It closes the connection on every message, and refuses new ones."""
    identity: str = ""
    """It says that it is this; empty: the truth."""


@dataclass
class Scene:
    """What a twin is built from."""

    name: str
    terminals: Any
    """`GridTerminals`, `DcTerminals` and so on, by its role; a tuple where it is wired to several."""
    world: World
    options: Mapping[str, float | str] = field(default_factory=dict)
    """The options of the instrument in the bench file, as its driver gets them."""
    faults: Faults = field(default_factory=Faults)
    seed: int = 0
    """For its noise: the same seed, the same samples."""


class Twin(ABC):
    """A simulated box: a server on loopback that speaks its protocol and drives its terminals."""

    ROLE: ClassVar[str]
    """The role of the instrument that it stands in for."""

    def __init__(self, scene: Scene) -> None:
        self.name = scene.name
        self.world = scene.world
        self.options = scene.options
        self.faults = scene.faults

    @abstractmethod
    def start(self) -> str:
        """Serve on a free port of 127.0.0.1 and return the address, as the driver expects it."""

    @abstractmethod
    def stop(self) -> None:
        """Stop serving and close every connection; no thread stays behind."""


def poles(scene: Scene, positions: Sequence[str]) -> dict[str, Any]:
    """Return the terminals that a switch moves, by its positions."""
    given = scene.terminals if isinstance(scene.terminals, tuple) else (scene.terminals,)
    if len(given) != len(positions):
        raise ConfigError(
            f"{scene.name}: positions {' '.join(positions)}, terminals wired to it: {len(given)}; name one "
            'for each, as in terminal = "breaker genset:0"'
        )
    return dict(zip(positions, given, strict=True))
