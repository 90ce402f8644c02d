"""What the 9430 driver says, word for word, and what it makes of the answers."""

import pytest

from hil.errors import ConfigError, InstrumentError, NotSafe, ReadbackError
from hil.instruments.nhr_9430 import Nhr9430
from hil.instruments.nhr_9430_twin import Nhr9430Twin
from hil.limits import Limit
from hil.plant.terminals import LoadTerminals
from hil.roles import LoadPoint, Setup
from hil.transport.link import CommandLog
from hil.transport.scripted import Scripted
from hil.twin.base import Scene

OK = '0,"No error"'
SAFE = [
    ("*CLS;:MACR:LEAR 0;:MACR:ABOR;:SYST:ERR?", OK),
    ("OUTP OFF;:SYST:ERR?", OK),
    ("LOAD:POW 0;:LOAD:REAC 0;:SYST:ERR?", OK),
    ("OUTP?", "0"),
]


def learnt(*points):
    """Return the exchanges that teach a macro, each point in one message."""
    return [
        ("MACR:LEAR 1;:SYST:ERR?", OK),
        *((f"LOAD:POW {p};:LOAD:REAC {q};:MACR:OPER:DWEL {s};:SYST:ERR?", OK) for p, q, s in points),
        ("MACR:LEAR 0;:MACR:COUN?;:SYST:ERR?", f"{len(points)};{OK}"),
    ]


PREPARE = [
    ("*CLS;:SYST:RWL;:SYST:ERR?", OK),
    *SAFE,
    ("LOAD:MODE POW;:LOAD:MODE?;:SYST:ERR?", f"POWER;{OK}"),
    ("LOAD:POW? MAX;:LOAD:REAC? MAX", "96000;96000"),
    ("SLEW:POW 5e+06;:SLEW:POW?;:SYST:ERR?", f"5000000;{OK}"),
    *learnt(("0.0", "0.0", "0.020")),
    ("MACR:STAT?", "0"),
]


@pytest.fixture
def talk(world):
    """Return a function that builds a driver on a dialogue; what is left of it at the end fails."""
    script = []

    def handler(message):
        assert script, f"nothing more was expected, and {message!r} came"
        expected, reply = script.pop(0)
        assert message == expected
        return reply

    def build(*pairs, **limits):
        script.extend(pairs)
        return Nhr9430(
            Setup("load", "scripted", world, CommandLog(), limits), Scripted("load", handler, world)
        )

    yield build
    assert not script, f"never said: {script}"


def test_prepare_tries_every_assumed_command_with_the_output_off(talk):
    load = talk(*PREPARE, active_power=Limit(0, 90e3, "W"))
    load.prepare()
    assert load.limits["reactive_power"] == Limit(-96e3, 96e3, "var")


@pytest.mark.parametrize("step", [n for n, (message, _) in enumerate(PREPARE) if "SYST:ERR?" in message])
def test_a_box_that_speaks_otherwise_is_refused_before_it_is_on(talk, step):
    """Each assumed command in turn is unknown to the box."""
    message, _ = PREPARE[step]
    refused = ";".join(["0"] * (message.count("?") - 1) + ['-113,"Undefined header"'])
    rest = PREPARE[step + 1 : 4] if 0 < step < 4 else []  # make_safe tries all of its own
    load = talk(*PREPARE[:step], (message, refused), ("SYST:ERR?", OK), *rest)
    with pytest.raises((InstrumentError, NotSafe), match="-113"):
        load.prepare()


def test_a_macro_that_does_not_end_is_refused(talk):
    load = talk(*PREPARE[:-1], ("MACR:STAT?", "1"))
    with pytest.raises(ReadbackError, match="load: a macro was ended and says that it runs"):
        load.prepare()


def test_a_bench_beyond_the_box_is_refused(talk):
    load = talk(*PREPARE[:7], active_power=Limit(0, 120e3, "W"))
    with pytest.raises(ConfigError, match="0 .. 120000 W of the active_power exceeds what the box says"):
        load.prepare()


def test_a_set_point_is_read_back(talk):
    ask = "LOAD:POW 50000.0;:LOAD:REAC -10000.0;:LOAD:POW?;:LOAD:REAC?;:SYST:ERR?"
    load = talk(
        ("MACR:STAT?", "0"), (ask, f"50000.0;-10000.0;{OK}"), ("MACR:STAT?", "0"), (ask, f"50000.0;0.0;{OK}")
    )
    load.set_power(50e3, -10e3)
    with pytest.raises(ReadbackError, match="load: reactive power was set to -10000 and reads back 0"):
        load.set_power(50e3, -10e3)


def test_power_is_the_sum_of_the_phases_in_one_aperture(talk):
    ask = (
        "MEAS:CURR?;" + "".join(f":INST:NSEL {n};:FETC:POW?;:FETC:REAC?;" for n in (1, 2, 3)) + ":INST:NSEL 1"
    )
    load = talk((ask, "60.1;10000;1000;10100;1100;9900;900"))
    assert load.read_power() == (30000.0, 3000.0)


def test_a_profile_is_a_macro_and_is_fired_with_one_command(talk):
    load = talk(
        ("MACR:STAT?", "0"),
        *learnt(("20000.0", "0.0", "0.100"), ("80000.0", "0.0", "0.400")),
        ("MACR:RUN;:SYST:ERR?", OK),
        ("MACR:STAT?", "1"),
        ("MACR:STAT?", "0"),
    )
    load.load_profile((LoadPoint(0.1, 20e3), LoadPoint(0.4, 80e3)))
    load.fire_profile()
    assert load.profile_running()
    assert not load.profile_running()


def test_a_macro_that_arrives_short_is_noticed_and_cannot_be_fired(talk):
    *most, (last, _) = learnt(("20000.0", "0.0", "0.100"), ("80000.0", "0.0", "0.400"))
    load = talk(("MACR:STAT?", "0"), *most, (last, f"1;{OK}"))
    with pytest.raises(ReadbackError, match="length of the macro was set to 2 and reads back 1"):
        load.load_profile((LoadPoint(0.1, 20e3), LoadPoint(0.4, 80e3)))
    with pytest.raises(InstrumentError, match="no profile is loaded"):
        load.fire_profile()


def test_make_safe_tries_everything_whatever_fails(talk):
    load = talk(
        (SAFE[0][0], None),
        (SAFE[1][0], '-200,"Execution error"'),
        ("SYST:ERR?", OK),
        SAFE[2],
    )
    with pytest.raises(NotSafe, match=r"(?s)MACR:ABOR.*unknown.*OUTP OFF.*-200"):
        load.make_safe()


def test_an_output_that_stays_on_is_not_safe(talk):
    load = talk(*SAFE[:3], ("OUTP?", "1"))
    with pytest.raises(ReadbackError, match="stays on"):
        load.make_safe()


@pytest.fixture
def twin(world):
    return Nhr9430Twin(Scene("load", LoadTerminals(), world))


def test_twin_a_macro_learns_and_does_not_act(twin):
    twin.execute("LOAD:POW 1000;:MACR:LEAR 1;:LOAD:POW 5000;:MACR:OPER:DWEL 1;:MACR:LEAR 0")
    assert twin.execute("LOAD:POW?;:MACR:COUN?;:MACR:STAT?") == "1000.0;1;0"


def test_twin_plays_no_macro_with_the_output_off(twin):
    twin.execute("MACR:LEAR 1;:LOAD:POW 5000;:MACR:OPER:DWEL 1;:MACR:LEAR 0;:MACR:RUN")
    assert twin.execute("SYST:ERR?") == '-221,"Settings conflict"'
    assert twin.terminals.profile is None


def test_twin_plays_one_power_factor_per_macro(twin):
    points = "LOAD:POW {};:LOAD:REAC {};:MACR:OPER:DWEL 1;:"
    twin.execute(
        "OUTP ON;:MACR:LEAR 1;:" + points.format(8e3, 2e3) + points.format(4e3, 1e3) + "MACR:LEAR 0;RUN"
    )
    assert twin.execute("SYST:ERR?") == OK
    assert twin.terminals.tangent == 0.25
    twin.execute(
        "MACR:ABOR;:MACR:LEAR 1;:" + points.format(8e3, 2e3) + points.format(4e3, 3e3) + "MACR:LEAR 0;RUN"
    )
    assert twin.execute("SYST:ERR?") == '-221,"Settings conflict"'


@pytest.mark.parametrize("seconds", [0.01, 4000])
def test_twin_refuses_a_dwell_beyond_its_limits(twin, seconds):
    assert twin.execute(f"MACR:LEAR 1;:MACR:OPER:DWEL {seconds};:SYST:ERR?") == '-222,"Data out of range"'
