"""Bring your own control: ports, refusals, and the same behaviour as the control that is built in."""

import importlib.util
import math
import sys
from pathlib import Path

import numpy as np
import pytest

from hil.errors import ConfigError
from hil.plant.control_port import Bridge, ControlFailed, load_controller, saturated
from hil.plant.emt import storage, unit
from hil.plant.parameters import Parameters
from hil.plant.plant import Plant
from hil.plant.scenarios import switched_on

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"


class Blocked:
    """Keeps the gates blocked, and what it was given."""

    def __init__(self, parameters=None):
        self.seen = []

    def step(self, measured, command):
        self.seen.append((measured, command))
        return Bridge((0.0, 0.0, 0.0))


class Answers:
    """Answers what it is given, or calls it."""

    def __init__(self, answer):
        self.answer = answer

    def step(self, measured, command):
        return self.answer(measured) if callable(self.answer) else self.answer


class OpenLoop:
    """Gives a balanced voltage behind the filter, as an ideal source would."""

    def __init__(self, volts, degrees):
        self.peak, self.angle = math.sqrt(2) * volts, math.radians(degrees)

    def step(self, measured, command):
        # acts in the next period, on average one and a half periods from now
        angle = 2 * math.pi * 60 * (measured.time + 150e-6) + self.angle
        volts = tuple(self.peak * math.cos(angle - n * 2 * math.pi / 3) for n in range(3))
        return Bridge(volts, gates=True, contactor=True, mode="running")


@pytest.fixture
def plant():
    """Build a plant with a controller, its sources on."""

    def build(controller, seed=1, **options):
        q = Parameters(**options)
        return Plant(q, switched_on(q, ("v_a", "i_a")), seed=seed, controller=controller)

    return build


def record(plant):
    return np.concatenate(plant.terminals.inputs.blocks, axis=1)


def example():
    path = EXAMPLES / "current_control.py"
    spec = importlib.util.spec_from_file_location("current_control", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.CurrentControl


def test_called_once_per_control_period_however_time_is_sliced(plant):
    whole, sliced = Blocked(), Blocked()
    one, many = plant(whole), plant(sliced)
    one.advance(0.05)
    for _ in range(1000):
        many.advance(50e-6)  # two and a half steps: not in step with the control period
    assert len(whole.seen) == 500
    assert whole.seen == sliced.seen
    assert np.array_equal(one.world, many.world)
    assert [m.time for m, _ in whole.seen[:3]] == pytest.approx([0.0, 100e-6, 200e-6], abs=1e-12)


def test_measures_what_the_recorder_records(plant):
    control = Blocked()
    p = plant(control)
    p.advance(0.1)
    volts = record(p)[p.terminals.inputs.signals.index("v_a")]
    # the controller samples at the beginning of a period of five steps, the recorder at each step
    assert [m.volts[0] for m, _ in control.seen] == pytest.approx(volts[::5], abs=1e-9)
    measured = control.seen[-1][0]
    assert measured.dc_volts == pytest.approx(850.0, rel=0.01)
    assert measured.breaker
    assert measured.converter_amps == measured.amps == (0.0, 0.0, 0.0)
    peak = max(max(map(abs, m.source_volts)) for m, _ in control.seen)
    assert peak == pytest.approx(480 * math.sqrt(2 / 3), rel=1e-3)


def test_commands_arrive_in_si(plant):
    control = Blocked()
    p = plant(control)
    pcs = p.terminals.pcs
    pcs.active_power, pcs.reactive_power, pcs.form, pcs.volts, pcs.hertz = 50e3, -10e3, True, 1.05, 0.99
    pcs.synchronise = True
    p.advance(1e-3)
    assert control.seen[-1][1] == (True, 50e3, -10e3, True, pytest.approx(504.0), pytest.approx(59.4), True)


def test_voltage_behind_the_filter_makes_the_bus_voltage_of_the_circuit(plant):
    p = plant(OpenLoop(200.0, 30.0))
    p.terminals.grid.relay = False
    p.advance(0.5)
    v = record(p)[0, -5000:]  # six cycles of 60 Hz
    bus = np.sqrt(2) * np.mean(v * np.exp(-2j * np.pi * 60 * (0.4 + np.arange(5000) * 20e-6)))
    q = p.parameters
    series = [q.filter_resistance + 1j * x for x in (q.filter_inductance, q.grid_side_inductance)]
    shunt = [
        q.damping_resistance - 1j / q.filter_capacitance,
        q.stray_resistance - 1j / q.stray_capacitance,
    ]
    beyond = series[1] + shunt[1]
    middle = beyond * shunt[0] / (beyond + shunt[0])
    divided = 200.0 * middle / (series[0] + middle) * shunt[1] / beyond
    # 0.2 % is 5 us of angle: the voltage acts when it should
    assert bus == pytest.approx(divided * np.exp(1j * np.pi / 6), rel=0.002)


def test_gates_and_contactor_act_at_once_and_voltages_a_period_later(plant):
    p = plant(Answers(Bridge((90.0, -40.0, -50.0), gates=True, contactor=True, mode="running")))
    p.advance(20e-6)
    assert p.world[unit.GATES] == p.world[unit.CONTACTOR] == 1.0
    assert list(p.world[unit.E : unit.E + 3]) == [0.0, 0.0, 0.0]
    p.world[storage.V_DC] = 850.0
    p.advance(100e-6)
    assert list(p.world[unit.E : unit.E + 3]) == pytest.approx([90.0, -40.0, -50.0])


@pytest.mark.parametrize(
    ("volts", "link", "expected"),
    [
        ((100.0, -50.0, -50.0), 850.0, (100.0, -50.0, -50.0)),
        ((100.0, 100.0, 100.0), 850.0, (0.0, 0.0, 0.0)),  # what is common drives nothing
        ((400.0, -50.0, -350.0), 850.0, (400.0, -50.0, -350.0)),  # 750 V from line to line: it fits
        ((1000.0, 0.0, -1000.0), 850.0, (425.0, 0.0, -425.0)),
        ((900.0, -450.0, -450.0), 600.0, (400.0, -200.0, -200.0)),  # two thirds of the link, a six-step peak
    ],
)
def test_bridge_saturates_at_its_link(volts, link, expected):
    assert saturated(volts, link) == pytest.approx(expected, abs=1e-9)


def test_says_what_its_card_says(plant):
    p = plant(Answers(Bridge((0.0,) * 3, mode="tripped", alarm="undervoltage")))
    p.advance(1e-3)
    pcs = p.terminals.pcs
    assert (pcs.mode, pcs.alarms, pcs.connected) == ("tripped", {"undervoltage"}, False)
    assert not pcs.forming
    assert not pcs.limited
    p = plant(Answers(Bridge((0.0,) * 3, contactor=True, mode="running", forming=True, limited=True)))
    p.advance(1e-3)
    pcs = p.terminals.pcs
    assert (pcs.mode, pcs.alarms, pcs.connected) == ("running", set(), True)
    assert pcs.forming
    assert pcs.limited


def fails(measured):
    if measured.time > 0.01995:
        raise ZeroDivisionError("no sag depth")
    return Bridge((0.0,) * 3, gates=True, contactor=True, mode="running")


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (fails, r"t = 0\.0200 s: ZeroDivisionError: no sag depth, .*test_control_port\.py, line \d+"),
        (None, "step returned None; it must return a Bridge"),
        ((0.0, 0.0, 0.0), "must return a Bridge"),
        (Bridge((math.nan, 0.0, 0.0)), "three finite numbers"),
        (Bridge((1.0, 2.0)), "three finite numbers"),
        (Bridge(None), "three finite numbers"),
        (Bridge((0.0,) * 3, mode="runing"), "mode='runing'; it must be one of off, starting, running"),
        (Bridge((0.0,) * 3, alarm="smoke"), "alarm='smoke'; it must be one of undervoltage"),
    ],
)
def test_failure_blocks_the_gates_and_is_told_once(plant, answer, message):
    p = plant(Answers(answer))
    with pytest.raises(ControlFailed, match=message) as caught:
        p.advance(0.1)
    assert "\n" not in str(caught.value)
    assert p.time == pytest.approx(0.1)  # nothing that was recorded is lost
    assert record(p).shape[1] == 5000
    p.advance(0.1)
    pcs = p.terminals.pcs
    assert (pcs.mode, pcs.connected) == ("fault", False)
    assert np.abs(record(p)[p.terminals.inputs.signals.index("i_a")][-1000:]).max() == 0.0


def test_loads_a_class_by_name(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "my_control.py").write_text(
        "class Mine:\n"
        "    def __init__(self, parameters):\n"
        "        self.watts = parameters.rated_power\n"
        "    def step(self, measured, command):\n"
        "        raise NotImplementedError\n"
        "class Stepless:\n    pass\n"
        "class Broken(Mine):\n"
        "    def __init__(self, parameters):\n"
        "        self.x = parameters.no_such\n"
    )
    (tmp_path / "my_broken.py").write_text("\n\nx = 1 / 0\n")
    (tmp_path / "my_needs.py").write_text("import no_such_package_of_theirs\n")
    q = Parameters(rated_power=50e3)
    assert load_controller("my_control:Mine", q).watts == 50e3
    for text, message in {
        "my_control": 'write "package.module:Class"',
        "my_control:": 'write "package.module:Class"',
        "my_controll:Mine": "no module 'my_controll'; install it, or put its folder on PYTHONPATH",
        "my_needs:Mine": "no module 'no_such_package_of_theirs'",
        "my_control:Yours": "module my_control has no Yours",
        "my_control:Stepless": r"Stepless has no method step\(measured, command\) -> Bridge",
        "my_control:Broken": r"AttributeError: .*no_such.*my_control\.py, line 10",
        "my_broken:Mine": r"ZeroDivisionError: .*my_broken\.py, line 3",
    }.items():
        with pytest.raises(ConfigError, match=message) as caught:
            load_controller(text, q)
        assert f'[plant] controller = "{text}"' in str(caught.value)
    for name in ("my_control", "my_broken", "my_needs"):
        sys.modules.pop(name, None)


def test_refuses_what_cannot_step(plant):
    with pytest.raises(ConfigError, match="object has no method step"):
        plant(object())


class BuiltIn:
    """The control that is built in, behind the port: its own functions over a world of its own."""

    def __init__(self, parameters):
        from hil.plant import build  # anew, as the test takes numba away

        self.w = build.world(parameters, 0.0, 0.5).tolist()
        self.rated = parameters.rated_power

    def step(self, measured, command):
        from hil.plant.control_port import Bridge
        from hil.plant.emt import bus, following, modulation, sensing, storage, supervision, unit
        from hil.plant.terminals import PCS_ALARMS, PCS_MODES

        w = self.w
        w[bus.V : bus.V + 3] = measured.volts
        w[unit.I1 : unit.I1 + 3], w[unit.I2 : unit.I2 + 3] = measured.converter_amps, measured.amps
        w[storage.V_DC] = measured.dc_volts
        w[unit.ENABLE] = float(command.enable)
        w[unit.P_SET], w[unit.Q_SET] = command.watts / self.rated, command.var / self.rated
        sensing.instantaneous(w)
        sensing.positive_sequence(w)
        supervision.supervise(w, measured.dc_volts)
        supervision.transfer(w)
        following.powers(w, w[unit.P_SET], w[unit.Q_SET], 0.5)
        modulation.modulate(w, measured.dc_volts)
        alarm = int(w[unit.ALARM])
        return Bridge(
            tuple(w[unit.NEXT : unit.NEXT + 3]),
            w[unit.GATES] > 0.0,
            w[unit.CONTACTOR] > 0.0,
            PCS_MODES[int(w[unit.MODE])],
            PCS_ALARMS[alarm - 1] if alarm else "",
            limited=w[unit.LIMITED] > 0.0,
        )


def test_built_in_control_behind_the_port_is_the_built_in_control(without_numba):
    without_numba()  # its functions then run on lists, each by itself
    from hil.plant.parameters import Parameters
    from hil.plant.plant import Plant
    from hil.plant.scenarios import switched_on

    traces = []
    for controller in (None, BuiltIn):
        q = Parameters(start_delay=0.05, undervoltage=((0.5, 0.03), (0.6, 0.5), (0.7, 0.5), (0.9, 0.5)))
        terminals = switched_on(q, ("v_a", "i_a"))
        p = Plant(q, terminals, controller=controller and controller(q))
        terminals.pcs.active_power, terminals.pcs.reactive_power = 80e3, 10e3
        p.advance(0.12)
        assert terminals.pcs.mode == "running"
        terminals.grid.volts = [0.4 * volts for volts in terminals.grid.volts]
        p.advance(0.08)
        assert (terminals.pcs.mode, terminals.pcs.alarms) == ("tripped", {"undervoltage"})
        traces.append(np.concatenate(terminals.inputs.blocks, axis=1))
    assert np.abs(traces[0][3]).max() > 100.0
    # but for rounding: the port takes out what the three bridge voltages have in common
    assert np.allclose(traces[0], traces[1], rtol=0.0, atol=1e-6)


@pytest.mark.source
@pytest.mark.parametrize(("watts", "var"), [(80e3, 20e3), (-60e3, -30e3)])
def test_example_delivers_what_it_is_told(plant, watts, var):
    p = plant(example()(Parameters()))
    pcs = p.terminals.pcs
    pcs.active_power, pcs.reactive_power = watts, var
    p.advance(0.6)
    assert (pcs.mode, pcs.connected, pcs.alarms) == ("running", True, set())
    assert pcs.measured_watts == pytest.approx(watts, abs=1e3)
    assert pcs.measured_var == pytest.approx(var, abs=1e3)
    assert pcs.measured_hertz == pytest.approx(60.0, abs=0.01)
    pcs.enable = False
    p.advance(0.2)
    assert (pcs.mode, pcs.connected) == ("off", False)
