"""What the simulated plant of a bench consists of, in a few lines, and what a bench file may say of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from hil.units import show

if TYPE_CHECKING:
    from hil.plant.options import PlantOptions
    from hil.plant.parameters import Parameters


MEANINGS: Final = {
    "controller": "your own control, package.module:Class or an FMU; empty: the built-in one",
    "state_of_charge": "when the bench starts",
    "watts": "active power of the bank's phases a, b, c at nominal voltage",
    "inductive": "reactive power of its reactors likewise",
    "capacitive": "reactive power of its capacitors likewise",
    "resistance": "of the bank's phases a, b, c; instead of powers",
    "inductance": "of its reactors",
    "capacitance": "of its capacitors",
    "active_power": "of the electronic load, while there is no profile",
    "reactive_power": "of the electronic load beside that, inductive positive",
    "closed": "whether the bank's breaker is closed",
    "on": "whether the electronic load is on",
    "repeated": "whether the profile begins again at its end; square and sweep do unless told otherwise",
    "tangent": "reactive over active power of the profile",
    "profile": "preset or recorded excerpt of `hil profile list`; none ends one",
    "file": "profile, preset or trace that is played instead",
    "peak": "what the highest power of a trace in watts becomes",
    "preset": "diesel or gas; the other keys say what differs from it",
    "period": "of compute and communication together",
    "duty": "part of the period at the high level",
    "high": "higher level",
    "low": "lower level",
    "edge": "how long a change from one level to the other takes",
    "duration": "length of the profile",
    "floor": "lowest power while there is work",
    "ramp_up": "steepest rise",
    "ramp_down": "steepest fall",
    "hysteresis": "how long the work must be below the floor until the power follows",
    "before": "at the first level",
    "after": "at the last level",
    "dip": "how long state is written",
    "interval": "in which one dip comes, at its middle",
    "stopped": "at the lower level",
    "restart": "length of the ramp back",
    "plant.load, sweep, low": "lowest frequency",
    "plant.load, sweep, high": "highest frequency",
    "mean": "about which the power swings",
    "swing": "peak to peak",
    "cycles": "at each frequency",
    "shape": "sine or square",
    "arrivals": "azure_code, poisson, or a file of recorded requests",
    "rate": "requests per second of poisson",
    "context": "mean tokens of a request of poisson",
    "generated": "mean tokens of its answer",
    "compress": "how many times faster recorded requests come",
    "nodes": "that serve the requests",
    "idle": "power of a node without work",
    "prefill": "power of a node that reads",
    "decode": "power of a node that only answers",
    "read_rate": "tokens that a node reads per second",
    "write_rate": "tokens per second of each answer",
    "lag": "time constant of the power behind the work",
    "noise": "between 1 and 2 Hz, RMS per power above idle",
    "seed": "of arrivals and noise",
}
"""Of what is no field of a part of the plant: what it is told, and what makes its load profiles."""


def describe(plant: PlantOptions) -> dict[str, str]:
    """Return the parts of the plant by name, each on one line; what is not there has none."""
    q = plant.parameters
    lines = {
        "rating": f"{show(q.rated_power, 'W')}, {show(q.voltage, 'V')}, {show(q.frequency, 'Hz')}",
        "grid": f"SCR {q.scr:g}, X/R {q.x_over_r:g}",
        "control": plant.controller or _control(q),
        "battery": f"{show(q.battery_capacity, 'Wh')}, {show(q.dc_voltage, 'V')}, "
        + ("ideal source" if q.chemistry == "none" else q.chemistry.upper())
        + f", charged to {100 * plant.state_of_charge:g} %",
    }
    if load := _load(plant):
        lines["load"] = load
    if q.grounding is not None:
        z = abs(complex(q.grounding.resistance, q.grounding.reactance))
        lines["neutral"] = f"in the island, {100 * z:.3g} % to zero sequence"
    if q.gensets:
        lines["gensets"] = "; ".join(
            f"{show(each.rated_power, 'W')}, "
            + (f"droop {100 * each.droop:g} %" if each.droop else "isochronous")
            for each in q.gensets
        )
    if q.missions is not None:
        lines["missions"] = ", ".join(each.name for each in q.missions.missions)
    return lines


def _control(q: Parameters) -> str:
    limit = f"limit {q.current_limit:g} pu, priority {q.priority}"
    if q.control != "forming":
        return f"grid-following, PLL {show(q.pll_bandwidth, 'Hz')}, {limit}"
    inertia = f", H {show(q.forming.inertia, 's')}" if q.forming.inertia else ""
    return f"grid-forming, droop {100 * q.forming.droop:g} %{inertia}, {limit}"


def _load(plant: PlantOptions) -> str:
    """Return what starts with the bench."""
    told, parts = plant.load, []
    if told.get("closed") and "bank" in told:
        parts.append("R, L, C bank")
    if told.get("on"):
        profile = told.get("profile")
        watts = told.get("active_power", 0.0) if profile is None else profile.power.max()
        what = "up to" if profile is not None else "at"
        parts.append(
            f"electronic load of {show(plant.parameters.electronic.rating, 'VA')}, {what} {show(watts, 'W')}"
        )
    return " and ".join(parts)


def keys() -> list[dict[str, Any]]:
    """Return what the [plant] tables of a bench file may hold, key by key."""
    from hil.plant import load_options, options  # noqa: PLC0415 - the plant is needed here only
    from hil.plant.grounding import Grounding  # noqa: PLC0415 - as above
    from hil.plant.missions import Mission, Missions  # noqa: PLC0415 - as above
    from hil.plant.parameters import Parameters  # noqa: PLC0415 - as above
    from hil.plant.stated import brief, meanings  # noqa: PLC0415 - as above
    from hil.plant.tables import written  # noqa: PLC0415 - as above

    q = Parameters()
    chosen = {"controller": "", "state_of_charge": 0.5, "preset": "diesel"}
    tables: list[tuple[str, dict[str, Any], Any]] = [
        ("plant", {**options.PLANT, "controller": str}, q),
        ("plant.forming", options.FORMING, q.forming),
        ("plant.synchro", options.SYNCHRO, q.synchro),
        ("plant.battery", options.BATTERY, q),
        ("plant.load", options.BANK, q.bank),
        ("plant.load", options.ELECTRONIC, q.electronic),
        ("plant.load", load_options.COMMANDS, None),
        ("plant.load, trace", load_options.TRACE, None),
        *((f"plant.load, {name}", known, None) for name, known in load_options.GENERATORS.items()),
        ("plant.transformer", options.TRANSFORMER, q.transformer),
        ("plant.grounding", options.GROUNDING, Grounding()),
        ("plant.gensets", {"preset": str, **options.GENSET}, options.PRESETS["diesel"]),
        ("plant.missions", options.MISSIONS, Missions()),
        ("plant.missions, each", options.MISSION, Mission("dispatch")),
    ]
    rows = []
    for table, known, owner in tables:
        said = {} if owner is None else meanings(type(owner))
        for key, unit in known.items():
            told = MEANINGS.get(f"{table}, {key}") or brief(said.get(key, "")) or MEANINGS[key]
            default = _default(chosen[key] if key in chosen else getattr(owner, key, None))
            rows.append(
                {"table": table, "key": key, "value": written(unit), "default": default, "meaning": told}
            )
    return rows


def _default(value: Any) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(_default, value))}]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}"
    return "" if value is None else str(getattr(value, "name", value))
