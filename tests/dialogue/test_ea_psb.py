"""What the PSB driver says, word for word, and what it makes of the answers."""

import pytest

from hil.errors import ConfigError, InstrumentError, NotSafe, ReadbackError
from hil.instruments.ea_psb import EaPsb
from hil.instruments.ea_psb_twin import EaPsbTwin
from hil.limits import Limit
from hil.plant.terminals import DcTerminals
from hil.roles import Setup
from hil.transport.link import CommandLog
from hil.transport.scripted import Scripted
from hil.twin.base import Scene

OK = '0,"No error"'
REMOTE = 1 << 10


@pytest.fixture
def answered(world):
    """Return a function that builds a driver whose messages are answered by a function."""

    def build(handler, **limits):
        setup = Setup("dc", "scripted", world, CommandLog(), limits)
        return EaPsb(setup, Scripted("dc", handler, world))

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


@pytest.fixture
def box(world):
    """A twin without its socket."""
    return EaPsbTwin(Scene("dc", world.add(DcTerminals()), world))


@pytest.fixture
def on_box(box, answered):
    """A function that builds a driver that talks to `box` directly."""
    return lambda **limits: answered(lambda message: box.execute(message) or None, **limits)


def test_identity_with_the_user_text_that_the_box_adds(talk):
    source = talk(("*IDN?", "EA Elektro-Automatik GmbH,PSB 11000-80, 2820200001, V3.02 V2.11,Bench 3"))
    identity = source.connect()
    assert (identity.model, identity.serial) == ("PSB 11000-80", "2820200001")


def test_prepare_takes_control_and_sets_protections_from_the_limits(talk):
    status = f"{REMOTE};{OK}"
    source = talk(
        ("STAT:QUES:COND?;*CLS;:SYST:LOCK ON;:OUTP OFF;:SYST:ERR?", f"0;{OK}"),
        ("POW:STAG:AFT:REM OFF;:POW:STAG:AFT:REM?;:STAT:QUES:COND?;:SYST:ERR?", f"OFF;{status}"),
        ("SYST:CONF:OUTP:REST OFF;:SYST:CONF:OUTP:REST?;:STAT:QUES:COND?;:SYST:ERR?", f"OFF;{status}"),
        ("SYST:ALAR:ACT:PFA OFF;:SYST:ALAR:ACT:PFA?;:STAT:QUES:COND?;:SYST:ERR?", f"OFF;{status}"),
        ("SYST:NOM:VOLT?;:SYST:NOM:CURR?;:SYST:NOM:POW?", "1000.0 V;80.0 A;30000 W"),
        ("VOLT:PROT 945.000;:VOLT:PROT?;:STAT:QUES:COND?;:SYST:ERR?", f"945.0 V;{status}"),
        ("CURR:PROT 52.500;:CURR:PROT?;:STAT:QUES:COND?;:SYST:ERR?", f"52.50 A;{status}"),
        ("SINK:CURR:PROT 42.000;:SINK:CURR:PROT?;:STAT:QUES:COND?;:SYST:ERR?", f"42.00 A;{status}"),
        ("POW:PROT 31500.000;:POW:PROT?;:STAT:QUES:COND?;:SYST:ERR?", f"31500 W;{status}"),
        ("SINK:POW:PROT 31500.000;:SINK:POW:PROT?;:STAT:QUES:COND?;:SYST:ERR?", f"31500 W;{status}"),
        voltage=Limit(0, 900, "V"),
        current=Limit(-40, 50, "A"),
    )
    source.prepare()
    assert source.limits["power"] == Limit(-30e3, 30e3, "W")  # the box's own, as the bench says nothing


def test_a_bench_that_wants_more_than_the_box_has_is_refused(on_box):
    with pytest.raises(ConfigError, match="-350 .. 350 A of the current exceeds"):
        on_box(current=Limit(-350, 350, "A")).prepare()


def test_a_restore_setting_that_stays_on_is_refused(box, answered):
    source = answered(lambda message: box.execute(message).replace("OFF;", "AUTO;") or None)
    with pytest.raises(ReadbackError, match="POW:STAG:AFT:REM was set to OFF and reads back 'AUTO'"):
        source.prepare()


def test_a_silent_refusal_is_found_in_the_error_queue(on_box, box):
    source = on_box()
    source.prepare()
    source.limits["voltage"] = Limit(0, 2000, "V")  # as if the box were smaller than it said
    with pytest.raises(InstrumentError, match="-222"):
        source.set_voltage(1600.0)
    assert box.terminals.volts == 0.0
    assert box.errors == []


def test_a_set_point_that_is_not_taken_is_noticed(talk):
    source = talk(("VOLT 800.000;:VOLT?;:STAT:QUES:COND?;:SYST:ERR?", f"700.0 V;{REMOTE};{OK}"))
    with pytest.raises(ReadbackError, match="VOLT was set to 800 and reads back 700"):
        source.set_voltage(800.0)


def test_lost_remote_control_is_named(on_box, box):
    source = on_box()
    source.prepare()
    box.owner = "LOCAL"
    with pytest.raises(InstrumentError, match=r"-221.*Remote control is lost \(LOCAL\)"):
        source.set_voltage(100.0)
    with pytest.raises(NotSafe, match="-221"):
        source.make_safe()


def test_an_alarm_is_read_before_the_error_queue_acknowledges_it(on_box, box):
    source = on_box(voltage=Limit(0, 900, "V"))
    source.prepare()
    source.set_voltage(800.0)
    source.switch_output(on=True)
    box.terminals.measured_volts = 946.0  # 1.05 * 900 V = 945 V
    assert source.snapshot()["alarms"] == "overvoltage"
    assert source.snapshot()["alarms"] == "overvoltage"  # a snapshot acknowledges nothing
    with pytest.raises(InstrumentError, match="overvoltage"):
        source.set_voltage(700.0)
    assert not box.terminals.output
    assert source.snapshot()["alarms"] == ""


def test_an_output_that_does_not_follow_is_noticed(talk):
    source = talk(("OUTP ON;:OUTP?;:STAT:QUES:COND?;:SYST:ERR?", f"OFF;{REMOTE};{OK}"))
    with pytest.raises(ReadbackError, match="output"):
        source.switch_output(on=True)


def test_no_message_is_longer_than_the_box_takes(on_box, box):
    source = on_box()
    source.prepare()
    source.set_current_limits(300.0, 300.0)
    source.set_power_limits(150e3, 150e3)
    source.set_voltage(1234.5)
    source.switch_output(on=True)
    source.snapshot()
    source.make_safe()
    sent = [exchange.sent for exchange in source.link.log.entries]
    assert len(sent) > 15
    assert max(len(message) + 1 for message in sent) <= 256
    assert max(message.count(";") + 1 for message in sent) <= 5
    assert not [exchange for exchange in source.link.log.entries if exchange.error]


def test_the_box_takes_five_commands_and_no_more(box):
    assert box.execute("OUTP?;OUTP?;OUTP?;OUTP?;OUTP?") == "OFF;OFF;OFF;OFF;OFF"
    assert box.execute("OUTP?;" * 5 + "OUTP?") == ""
    assert box.execute("SYST:ERR?") == '-225,"Out of memory"'
