"""T11, energy management: a day of missions that compete for the power and the energy of the battery.

By model, in phasors. The load trains and stops, the frequency leaves its band three times, and the
dispatcher asks for more than there is: more energy at both ends of the window, and all of the
power while the load is stepping. What remains at the end is what maintenance brings back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

from hil.errors import ConfigError
from hil.limits import Limit
from hil.sequence import Sequence

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from hil.analysis.result import Analysis
    from hil.recording import Recording
    from hil.sequence import Model, Nominal

DAY: Final = 86400
"""[s]"""
START: Final = 0.5
"""State of charge at the begin, to which maintenance returns [pu]."""
MISSIONS: Final = ("buffering", "frequency", "dispatch")
"""What competes; ride-through comes before them, and maintenance after them."""
CHARGE: Final = ((0.0, 0.0), (2.0, -0.15), (6.0, 0.0), (17.0, 0.2), (21.0, -0.15), (22.0, 0.0))
"""Dispatch: from which hour on, at which rate [pu of the battery's energy per hour]."""
CALL: Final = (10.0, 10.25)
"""Hours in which the dispatcher asks for the rated power."""
FREQUENCY: Final = ((8.0, -0.5), (10.1, -0.5), (14.0, 0.4), (19.5, -0.5))
"""Hours at which the frequency leaves its band for five minutes, and by how much [Hz]."""
WANDER: Final = 0.015
"""Amplitude of what the frequency does all day, inside any deadband [Hz]."""
MINUTE: Final = 60
"""What dispatch and frequency take from one level to the next [s]."""


@dataclass(frozen=True)
class EnergyManagement(Sequence):
    """T11: state of charge over 24 h with competing missions."""

    order: str = "buffering frequency dispatch"
    ride_reserve: float = 0.1
    buffer_reserve: float = 0.05
    frequency_reserve: float = 0.03
    energy: float = 7200.0
    lowest: float = 0.2
    droop: float = 0.05
    deadband: float = 0.036
    load: float = 0.7
    idle: float = 0.2

    NAME: ClassVar[str] = "t11_energy"
    CRITERIA: ClassVar[str] = "t11_energy"
    BENCH: ClassVar[bool] = False
    OBJECTIVE: ClassVar[str] = (
        "Over a day of dispatch, load buffering and frequency response the state of charge stays in its "
        "window, returns to where it began, and leaves the energy for ride-through untouched. Missions "
        "that compete for power or energy are served in their order, and the telemetry tells the truth of it."
    )
    PARAMETERS: ClassVar[Mapping[str, tuple[str, str]]] = {
        "order": ("text", "missions as the PCS is set to serve them, between ride-through and maintenance"),
        "ride_reserve": ("pu", "energy that is kept for ride-through, of the battery's"),
        "buffer_reserve": ("pu", "energy that missions after buffering leave to it"),
        "frequency_reserve": ("pu", "energy that missions after frequency response leave to it"),
        "energy": ("s", "energy of the battery over the rated power of the PCS"),
        "lowest": ("pu", "bottom of the window of the state of charge that the PCS is set to"),
        "droop": ("pu", "of the frequency response: frequency change over power change"),
        "deadband": ("Hz", "of the frequency response"),
        "load": ("pu", "power of the IT load while it trains, of the PCS's rating"),
        "idle": ("pu", "power of the IT load while it does not"),
    }

    def __post_init__(self) -> None:
        """Refuse what is no such day."""
        if sorted(self.order.split()) != sorted(MISSIONS):
            raise ConfigError(
                f"t11_energy: order = {self.order!r}; expected {', '.join(MISSIONS)} in the order that is set"
            )
        for name, low, high in (
            *(("ride_reserve", 0.0, 0.2), ("buffer_reserve", 0.0, 0.1), ("frequency_reserve", 0.0, 0.1)),
            *(
                ("energy", 1800.0, 5 * 3600.0),
                ("lowest", 0.0, 0.3),
                ("droop", 0.01, 0.1),
                ("deadband", WANDER, 0.2),
            ),
            *(("load", 0.5, 0.9), ("idle", 0.0, 0.3)),
        ):
            Limit(low, high, self.PARAMETERS[name][0]).check(getattr(self, name), f"t11_energy: {name}")

    def captures(self) -> Mapping[str, Mapping[str, float | str]]:
        """Return the one capture, which is by model."""
        return {"day": {"by": "model", "order": self.order, "ride_reserve": self.ride_reserve}}

    def simulate(self, model: Model) -> None:
        """Record the day."""
        reserves = {
            "ride-through": self.ride_reserve,
            "buffering": self.buffer_reserve,
            "frequency": self.frequency_reserve,
        }
        order = ("ride-through", *self.order.split(), "maintenance")
        missions = {name: reserves.get(name, 0.0) for name in order}
        model.hours("day", missions, self.schedule(model.nominal), START)

    def schedule(self, nominal: Nominal) -> Mapping[str, NDArray[np.float64]]:
        """Return dispatch [W], load [W] and frequency [Hz] in each second."""
        import numpy as np  # noqa: PLC0415 - no preview needs it

        second = np.arange(DAY, dtype=float)

        def levels(points: list[tuple[float, float]]) -> NDArray[np.float64]:
            """Return levels that hold from an hour on, each reached within a minute."""
            at = [edge for hour, _ in points for edge in (3600 * hour, 3600 * hour + MINUTE)]
            before = [0.0, *(value for _, value in points)]
            to = [value for k, (_, value) in enumerate(points) for value in (before[k], value)]
            held: NDArray[np.float64] = np.interp(second, at, to)
            return held

        hours = self.energy / 3600.0
        asked = [(hour, rate * hours) for hour, rate in CHARGE]
        asked = sorted([*asked, (CALL[0], 1.0), (CALL[1], 0.0)])
        away = [step for hour, hertz in FREQUENCY for step in ((hour, hertz), (hour + 1 / 12, 0.0))]
        wander = WANDER * np.sin(2 * np.pi * second / 700.0) * np.cos(2 * np.pi * second / 90.0)
        # It trains 40 minutes of each hour: an iteration a minute, every five minutes a checkpoint of 20 s
        training = (second % 3600 < 2400) & (second % 60 > 0) & (second % 300 >= 20)
        return {
            "power": nominal.power * levels(asked),
            "load_power": nominal.power * np.where(training, self.load, self.idle),
            "grid_frequency": nominal.frequency + levels(away) + wander,
        }

    def analyze(self, recording: Recording) -> Analysis:
        """Return what the day shows."""
        from hil.analysis.analyze import joined  # noqa: PLC0415 - scipy, which no preview needs
        from hil.analysis.survey import survey  # noqa: PLC0415 - as above

        from ._energy_findings import Declared, energy_findings  # noqa: PLC0415 - numpy, as above

        declared = Declared(
            order=tuple(self.order.split()),
            rated=recording.nominal["power"],
            hertz=recording.nominal["frequency"],
            droop=self.droop,
            deadband=self.deadband,
            floor=self.lowest + self.ride_reserve,
        )
        return joined([survey(recording.waveform), energy_findings(recording.waveform, declared)])
