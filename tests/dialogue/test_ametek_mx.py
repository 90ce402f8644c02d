"""What the MX driver says, word for word, and what it makes of the answers."""

import pytest

from hil.errors import BadReply, ConfigError, InstrumentError, NotSafe, ReadbackError
from hil.instruments.ametek_mx import AmetekMx
from hil.limits import Limit
from hil.roles import Setup
from hil.transient import ListPoint
from hil.transport.link import CommandLog
from hil.transport.scripted import Scripted

OK = '0,"No error"'
POINTS = (ListPoint(0.1, (277.0, 277.0, 277.0), 60.0), ListPoint(0.16, (138.5, 277.0, 0.0), 59.5))


@pytest.fixture
def answered(world):
    """Return a function that builds a driver whose messages are answered by a function."""

    def build(handler, **limits):
        setup = Setup("grid", "scripted", world, CommandLog(), limits)
        return AmetekMx(setup, Scripted("grid", handler, world))

    return build


@pytest.fixture
def talk(answered):
    """Return a function that builds a driver on a dialogue; what is left of it at the end fails."""
    script = []

    def handler(message):
        assert script, f"nothing more was expected, and {message!r} came"
        expected, reply = script.pop(0)
        assert message == expected
        return reply

    def build(*pairs, **limits):
        script.extend(pairs)
        return answered(handler, **limits)

    yield build
    assert not script, f"never said: {script}"


def test_identity(talk):
    source = talk(("*IDN?", "California Instruments,MX45-3Pi, 54321 ,4.11"))
    assert str(source.connect()) == "California Instruments,MX45-3Pi,54321,4.11"


def test_prepare_sets_the_range_that_the_limits_need(talk):
    source = talk(
        ("*CLS;:ABOR;:OUTP OFF;:INST:COUP ALL;:VOLT:MODE FIX;:FREQ:MODE FIX;:VOLT 0;:SYST:ERR?", OK),
        ("MODE AC;:FUNC SIN;:VOLT:SLEW MAX;:FREQ:SLEW MAX;:SYST:ERR?", OK),
        ("TRIG:TRAN:SOUR IMM;:TRIG:SYNC:SOUR IMM;:OUTP:TTLT:STAT ON;:OUTP:TTLT:SOUR BOT;:SYST:ERR?", OK),
        ("VOLT:RANG 150;:VOLT:RANG?;:SYST:ERR?", f"150.0;{OK}"),
        ("CURR? MAX", "100"),
        ("CURR 80.00;:CURR?;:SYST:ERR?", f"80.00;{OK}"),
        voltage=Limit(0, 140, "V"),
        current=Limit(0, 80, "A"),
    )
    source.prepare()


def test_prepare_refuses_a_bench_that_wants_more_than_the_box_has(answered):
    replies = {"CURR? MAX": "50", "VOLT:RANG 300;:VOLT:RANG?;:SYST:ERR?": f"300;{OK}"}
    source = answered(lambda message: replies.get(message, OK), current=Limit(0, 80, "A"))
    with pytest.raises(ConfigError, match="limit 80 A exceeds the 50 A"):
        source.prepare()


def test_each_phase_is_named_and_the_phases_are_coupled_again(talk):
    message = (
        "INST:COUP NONE;:INST:NSEL 1;:VOLT 277.000;:VOLT?;:INST:NSEL 2;:VOLT 138.500;:VOLT?;"
        ":INST:NSEL 3;:VOLT 0.000;:VOLT?;:INST:COUP ALL;:SYST:ERR?"
    )
    talk((message, f"277.0;138.5;0.0;{OK}")).set_voltages((277.0, 138.5, 0.0))


def test_a_phase_that_is_not_taken_is_named(answered):
    source = answered(lambda _: f"277.0;277.0;277.0;{OK}")
    with pytest.raises(ReadbackError, match=r"grid: voltage b was set to 138\.5 and reads back 277"):
        source.set_voltages((277.0, 138.5, 277.0))


def test_every_entry_of_the_error_queue_is_reported(talk):
    source = talk(
        ("FREQ 60.000;:FREQ?;:SYST:ERR?", '50.0;-222,"Data out of range;FREQ"'),
        ("SYST:ERR?", '-300,"Device specific error"'),
        ("SYST:ERR?", "0,No error"),
    )
    with pytest.raises(InstrumentError, match="-222.*FREQ.*-300"):
        source.set_frequency(60.0)


@pytest.mark.parametrize("reply", ["277.0;277.0", "277.0;;277.0", "277.0;9.91E37;277.0", "on;off;on", ""])
def test_an_answer_that_is_none_is_not_zero(answered, reply):
    source = answered(lambda _: reply)
    with pytest.raises(BadReply):
        source.read_voltages()


def test_power_is_read_in_kilowatts(answered):
    replies = {"OUTP?": "1", "FREQ?;:VOLT:RANG?": "60.00;300", "TRIG:STAT?": "IDLE"}
    measured = "277.1;277.0;120.5;33.38;277.1;276.9;120.4;33.30;277.1;277.1;120.3;-1.25"
    source = answered(lambda message: replies.get(message, measured))
    state = source.snapshot()
    assert state["power_a"] == pytest.approx(33380.0)
    assert state["power_c"] == pytest.approx(-1250.0)
    assert state["transient"] == "IDLE"


def test_a_list_gets_one_more_point_that_holds_its_end(talk):
    times = (
        "INST:COUP ALL;:LIST:DWEL 0.100,0.160,0.001;:LIST:FREQ 60.000,59.500,59.500;:LIST:FREQ:SLEW MAX;"
        ":LIST:REP 0;:LIST:STEP AUTO;:LIST:COUN 1;:LIST:DWEL:POIN?;:LIST:FREQ:POIN?;:SYST:ERR?"
    )
    one = (
        "INST:COUP NONE;:INST:NSEL {};:LIST:VOLT {};:LIST:VOLT:SLEW MAX;:LIST:VOLT:POIN?;"
        ":INST:COUP ALL;:SYST:ERR?"
    )
    source = talk(
        (times, f"3;3;{OK}"),
        (one.format(1, "277.000,138.500,138.500"), f"3;{OK}"),
        (one.format(2, "277.000,277.000,277.000"), f"3;{OK}"),
        (one.format(3, "277.000,0.000,0.000"), f"3;{OK}"),
        ("VOLT:MODE LIST;:VOLT:SLEW:MODE LIST;:FREQ:MODE LIST;:FREQ:SLEW:MODE LIST;:SYST:ERR?", OK),
        ("INIT;:SYST:ERR?", OK),
        ("TRIG:STAT?", "BUSY"),
        ("TRIG:STAT?", "ARM"),  # firmware up to 0.31 says so at the end
    )
    source.load_list(POINTS)
    source.fire_list()
    assert source.list_running()
    assert not source.list_running()


def test_a_list_that_arrives_short_is_noticed(answered):
    source = answered(lambda message: f"3;3;{OK}" if "DWEL" in message else f"2;{OK}")
    with pytest.raises(ReadbackError, match="length of a list was set to 3 and reads back 2"):
        source.load_list(POINTS)


def test_lists_of_unequal_length_are_refused_at_the_trigger(answered):
    refusals = ['-226,"Lists not same length"', OK]
    source = answered(
        lambda message: (
            refusals.pop(0)
            if message in {"INIT;:SYST:ERR?", "SYST:ERR?"}
            else "3;" * message.count("POIN?") + OK
        )
    )
    source.load_list(POINTS)
    with pytest.raises(InstrumentError, match="-226"):
        source.fire_list()


def test_make_safe_tries_everything_whatever_fails(talk):
    source = talk(
        ("*CLS;:ABOR;:SYST:ERR?", None),
        ("OUTP OFF;:SYST:ERR?", '-200,"Execution error"'),
        ("SYST:ERR?", OK),
        ("INST:COUP ALL;:VOLT:MODE FIX;:FREQ:MODE FIX;:VOLT 0;:SYST:ERR?", OK),
    )
    with pytest.raises(NotSafe, match="(?s)ABOR.*unknown.*OUTP OFF.*-200"):
        source.make_safe()


def test_a_relay_that_stays_closed_is_not_safe(answered):
    source = answered(lambda message: "1" if message == "OUTP?" else OK)
    with pytest.raises(ReadbackError, match="stays closed"):
        source.make_safe()
