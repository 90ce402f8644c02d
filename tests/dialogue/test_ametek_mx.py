"""What the MX driver says, word for word, and what it makes of the answers."""

import pytest

from hil.errors import BadReply, ConfigError, InstrumentError, NotSafe, ReadbackError
from hil.instruments.ametek_mx import AmetekMx
from hil.instruments.ametek_mx_twin import AmetekMxTwin
from hil.limits import Limit
from hil.plant.terminals import GridTerminals, InterlockTerminals
from hil.roles import Setup
from hil.transient import ListPoint
from hil.transport.link import CommandLog
from hil.transport.scripted import Scripted
from hil.twin.base import Scene

OK = '0,"No error"'
FAIL_SAFE = {"remote_inhibit": "fail-safe"}
POINTS = (ListPoint(0.1, (277.0, 277.0, 277.0), 60.0), ListPoint(0.16, (138.5, 277.0, 0.0), 59.5))
DEAD = "*CLS;:ABOR;:OUTP OFF;:INST:COUP ALL;:VOLT:MODE FIX;:FREQ:MODE FIX;:PHAS:MODE FIX;:VOLT 0;:SYST:ERR?"
ANGLES = (
    "INST:COUP NONE;:INST:NSEL 1;:PHAS 0.0;:PHAS?;:INST:NSEL 2;:PHAS 240.0;:PHAS?;"
    ":INST:NSEL 3;:PHAS 120.0;:PHAS?;:INST:COUP ALL;:SYST:ERR?"
)


@pytest.fixture
def answered(world):
    """Return a function that builds a driver whose messages are answered by a function."""

    def build(handler, options=None, **limits):
        setup = Setup("grid", "scripted", world, CommandLog(), limits, options or {})
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

    def build(*pairs, **setup):
        script.extend(pairs)
        return answered(handler, **setup)

    yield build
    assert not script, f"never said: {script}"


def test_identity(talk):
    source = talk(("*IDN?", "California Instruments,MX45-3Pi, 54321 ,4.11"))
    assert str(source.connect()) == "California Instruments,MX45-3Pi,54321,4.11"


def test_prepare_sets_the_range_that_the_limits_need(talk):
    source = talk(
        (DEAD, OK),
        ("MODE AC;:FUNC SIN;:VOLT:SLEW MAX;:FREQ:SLEW MAX;:SYST:ERR?", OK),
        (ANGLES, f"0.0;240.0;120.0;{OK}"),
        ("TRIG:TRAN:SOUR IMM;:TRIG:SYNC:SOUR IMM;:OUTP:TTLT:STAT ON;:OUTP:TTLT:SOUR BOT;:SYST:ERR?", OK),
        ("VOLT:RANG 150;:VOLT:RANG?;:SYST:ERR?", f"150.0;{OK}"),
        ("CURR? MAX", "100"),
        ("CURR 80.00;:CURR?;:SYST:ERR?", f"80.00;{OK}"),
        voltage=Limit(0, 140, "V"),
        current=Limit(0, 80, "A"),
    )
    source.prepare()


def test_only_a_bench_that_needs_it_asks_for_the_highest_range(answered):
    replies = {ANGLES: f"0.0;240.0;120.0;{OK}", "VOLT:RANG 400;:VOLT:RANG?;:SYST:ERR?": '300;-222,"Data"'}
    source = answered(lambda message: replies.get(message, OK), voltage=Limit(0, 340, "V"))
    with pytest.raises(InstrumentError, match="-222"):
        source.prepare()


def test_prepare_refuses_a_bench_that_wants_more_than_the_box_has(answered):
    angles = {ANGLES: f"0.0;240.0;120.0;{OK}"}
    replies = angles | {"CURR? MAX": "50", "VOLT:RANG 300;:VOLT:RANG?;:SYST:ERR?": f"300;{OK}"}
    source = answered(lambda message: replies.get(message, OK), current=Limit(0, 80, "A"))
    with pytest.raises(ConfigError, match="limit 80 A exceeds the 50 A"):
        source.prepare()


@pytest.mark.parametrize("value", ["fail safe", "", 1.0])
def test_a_remote_inhibit_that_is_neither_is_refused(answered, value):
    with pytest.raises(ConfigError, match=r'grid: remote_inhibit = .*expected "fail-safe".* or "unused"'):
        answered(None, {"remote_inhibit": value})


def test_prepare_makes_the_remote_inhibit_fail_safe_the_mode_first(talk):
    source = talk(
        (DEAD, OK),
        ("MODE AC;:FUNC SIN;:VOLT:SLEW MAX;:FREQ:SLEW MAX;:SYST:ERR?", OK),
        (ANGLES, f"0.0;240.0;120.0;{OK}"),
        ("TRIG:TRAN:SOUR IMM;:TRIG:SYNC:SOUR IMM;:OUTP:TTLT:STAT ON;:OUTP:TTLT:SOUR BOT;:SYST:ERR?", OK),
        ("OUTP:RI:MODE LATC;:OUTP:RI:MODE?;:SYST:ERR?", f"LATCHING;{OK}"),
        ("OUTP:RI:LEV HIGH;:OUTP:RI:LEV?;:SYST:ERR?", f"HIGH;{OK}"),
        ("VOLT:RANG 300;:VOLT:RANG?;:SYST:ERR?", f"300.0;{OK}"),
        ("CURR? MAX", "100"),
        options=FAIL_SAFE,
    )
    source.prepare()


@pytest.mark.parametrize(("setting", "stays"), [("OUTP:RI:MODE", "LIVE"), ("OUTP:RI:LEV", "LOW")])
def test_a_remote_inhibit_that_stays_as_delivered_is_noticed(answered, setting, stays):
    replies = {"OUTP:RI:MODE": "LATC", "OUTP:RI:LEV": "HIGH", setting: stays}
    angles = {ANGLES: f"0.0;240.0;120.0;{OK}"}
    source = answered(
        lambda message: (
            f"{replies[message.split()[0]]};{OK}" if "OUTP:RI" in message else angles.get(message, OK)
        ),
        FAIL_SAFE,
    )
    with pytest.raises(ReadbackError, match=f"{setting} was set to .* reads back '{stays}'.*not fail-safe"):
        source.prepare()


def test_the_latch_is_cleared_with_the_output_off_before_it_goes_on(talk):
    source = talk(
        ("OUTP?", "0"),
        ("OUTP OFF;:OUTP:PROT:CLE;:SYST:ERR?", OK),
        ("OUTP ON;:OUTP?;:SYST:ERR?", f"1;{OK}"),
        ("OUTP?", "1"),  # on already: nothing to clear, and no blink
        ("OUTP ON;:OUTP?;:SYST:ERR?", f"1;{OK}"),
        ("OUTP OFF;:OUTP?;:SYST:ERR?", f"0;{OK}"),
        options=FAIL_SAFE,
    )
    for on in (True, True, False):
        source.switch_output(on=on)


def test_an_output_that_stays_off_asks_for_the_interlock(answered):
    source = answered(
        lambda message: {"OUTP?": "0"}.get(message, f"0;{OK}" if "OUTP?" in message else OK), FAIL_SAFE
    )
    with pytest.raises(ReadbackError, match="output was set to 1 and reads back 0.*is the interlock open"):
        source.switch_output(on=True)


@pytest.fixture
def twin(world):
    """A box on whose remote inhibit an open line hangs; tests talk to it without a socket."""
    twin = AmetekMxTwin(Scene("grid", GridTerminals(interlock=InterlockTerminals()), world))
    twin.line = twin.terminals.interlock
    return twin


def test_twin_as_delivered_a_closed_contact_inhibits_and_its_release_switches_on(twin):
    assert twin.execute("OUTP:RI:LEV?;MODE?") == "LOW;LIVE"
    assert twin.execute("OUTP ON;OUTP?") == "1"  # an open contact, or a broken wire, allows it
    twin.line.closed = True
    assert twin.execute("OUTP?") == "0"
    assert not twin.terminals.relay
    assert twin.execute("OUTP OFF;OUTP ON;SYST:ERR?") == '-221,"Settings conflict"'
    twin.execute("OUTP OFF")
    twin.line.closed = False
    assert twin.execute("OUTP?") == "1"
    assert twin.terminals.relay


def test_twin_level_high_turned_over_in_live_switches_on(twin):
    """Why the driver sets the mode first."""
    twin.line.closed = True
    assert twin.execute("OUTP?;OUTP:RI:LEV HIGH;:OUTP?") == "0;1"


def test_twin_latches_until_it_is_cleared_with_the_line_closed(twin):
    twin.line.closed = True
    twin.execute("OUTP:RI:MODE LATC;LEV HIGH;:OUTP:PROT:CLE;:OUTP ON")
    assert twin.terminals.relay
    twin.line.closed = False
    assert twin.execute("OUTP?;OUTP:PROT:CLE;:OUTP?") == "0;0"
    twin.line.closed = True
    assert twin.execute("OUTP?;OUTP ON;OUTP?;:SYST:ERR?") == '0;0;-221,"Settings conflict"'
    assert twin.execute("OUTP:PROT:CLE;:OUTP?") == "1"  # it restores what was on
    assert twin.terminals.relay


def test_twin_notices_an_interruption_between_two_messages(twin):
    twin.line.closed = True
    twin.execute("OUTP:RI:MODE LATC;LEV HIGH;:OUTP:PROT:CLE;:OUTP ON")
    twin.terminals.relay = False  # by the simulated bench, while the line was open for a moment
    assert twin.execute("OUTP ON;OUTP?;:SYST:ERR?") == '0;-221,"Settings conflict"'
    assert not twin.terminals.relay


def test_twin_off_ignores_the_input(twin):
    twin.execute("OUTP:RI:MODE OFF")
    for closed in (True, False, True):
        twin.line.closed = closed
        assert twin.execute("OUTP ON;OUTP?") == "1"


def test_twin_keeps_the_settings_of_the_input_over_a_reset(twin):
    assert twin.execute("OUTP:RI:MODE LATC;LEV HIGH;*RST;:OUTP:RI:MODE?;LEV?") == "LATC;HIGH"


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


def test_a_list_turns_the_phases_and_ramps_the_frequency(talk):
    """Angles are absolute, 0 to 360 degrees; what has no rate moves with the fastest."""
    times = (
        "INST:COUP ALL;:LIST:DWEL 0.100,0.600,0.001;:LIST:FREQ 60.000,57.000,57.000;"
        ":LIST:FREQ:SLEW 1000.000,5.000,1000.000;"
        ":LIST:REP 0;:LIST:STEP AUTO;:LIST:COUN 1;:LIST:DWEL:POIN?;:LIST:FREQ:POIN?;:SYST:ERR?"
    )
    head, tail = "INST:COUP NONE;:INST:NSEL {};:LIST:", ":INST:COUP ALL;:SYST:ERR?"
    volts = head + "VOLT 277.000,277.000,277.000;:LIST:VOLT:SLEW MAX;:LIST:VOLT:POIN?;" + tail
    angles = head + "PHAS {};:LIST:PHAS:POIN?;" + tail
    source = talk(
        (times, f"3;3;{OK}"),
        (volts.format(1), f"3;{OK}"),
        (angles.format(1, "0.000,335.000,335.000"), f"3;{OK}"),
        (volts.format(2), f"3;{OK}"),
        (angles.format(2, "240.000,215.000,215.000"), f"3;{OK}"),
        (volts.format(3), f"3;{OK}"),
        (angles.format(3, "120.000,95.000,95.000"), f"3;{OK}"),
        ("VOLT:MODE LIST;:VOLT:SLEW:MODE LIST;:FREQ:MODE LIST;:FREQ:SLEW:MODE LIST;:SYST:ERR?", OK),
        ("PHAS:MODE LIST;:SYST:ERR?", OK),
    )
    source.load_list(
        (
            ListPoint(0.1, (277.0,) * 3, 60.0),
            ListPoint(0.6, (277.0,) * 3, 57.0, (-25.0, -25.0, -25.0), 5.0),
        )
    )


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
        ("INST:COUP ALL;:VOLT:MODE FIX;:FREQ:MODE FIX;:PHAS:MODE FIX;:VOLT 0;:SYST:ERR?", OK),
    )
    with pytest.raises(NotSafe, match="(?s)ABOR.*unknown.*OUTP OFF.*-200"):
        source.make_safe()


def test_a_relay_that_stays_closed_is_not_safe(answered):
    source = answered(lambda message: "1" if message == "OUTP?" else OK)
    with pytest.raises(ReadbackError, match="stays closed"):
        source.make_safe()
