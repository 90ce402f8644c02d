"""What the WT driver says, word for word, and what it makes of the answers."""

import pytest

from hil.errors import BadReply, ConfigError, InstrumentError, ReadbackError
from hil.instruments.yokogawa_wt import YokogawaWt
from hil.instruments.yokogawa_wt_twin import YokogawaWtTwin
from hil.limits import Limit
from hil.plant.terminals import AnalogInputs
from hil.roles import Setup
from hil.transport.link import CommandLog
from hil.transport.scripted import Scripted
from hil.twin.base import Scene

OK = '0,"No error"'
LIMITS = {"voltage": Limit(0, 290, "V"), "current": Limit(0, 450, "A")}
FUNCTIONS = ("URMS", "IRMS", "P", "Q", "S", "LAMBDA", "FU", "UTHD", "ITHD")
ELEMENT = "277.1E+00,120.0E+00,28.80E+03,16.60E+03,33.24E+03,0.8664E+00,60.000E+00,4.990E+00,3.010E+00"
SUM = "277.0E+00,120.1E+00,86.40E+03,49.80E+03,99.72E+03,0.8664E+00"


@pytest.fixture
def talk(world):
    """Return a function that builds a driver on a dialogue; what is left of it at the end fails."""
    script = []

    def handler(message):
        assert script, f"nothing more was expected, and {message!r} came"
        expected, reply = script.pop(0)
        assert message == expected
        return reply

    def build(*pairs, options=None, limits=LIMITS):
        script.extend(pairs)
        setup = Setup("meter", "scripted", world, CommandLog(), limits, options or {"current_ratio": 100.0})
        return YokogawaWt(setup, Scripted("meter", handler, world))

    yield build
    assert not script, f"never said: {script}"


def items(first, element, functions=FUNCTIONS, taken=None):
    """Return the exchange that chooses the items of one element."""
    units, replies = [], []
    for number, function in enumerate(functions, first):
        units += [f":NUM:NORM:ITEM{number} {function},{element}", f":NUM:NORM:ITEM{number}?"]
        replies.append(taken or f"{'LAMB' if function == 'LAMBDA' else function},{element[:4]}")
    return ";".join([*units, ":STAT:ERR?"]), ";".join([*replies, OK])


PREPARE = [
    ("*CLS;:COMM:HEAD OFF;:COMM:VERB OFF;:COMM:REM ON;:STAT:FILT1 FALL;:HOLD OFF;:STAT:ERR?", OK),
    (":INP:WIR P3W4;:STAT:ERR?", OK),
    ("INP:WIR?", "P3W4,P1W2"),
    (":INP:SCAL:STAT:ALL ON;:INP:SCAL:VT:ALL 1;:INP:SCAL:CT:ALL 100;:STAT:ERR?", OK),
    (":INP:VOLT:AUTO:ALL OFF;:INP:CURR:AUTO:ALL OFF;:STAT:ERR?", OK),
    *(
        (f":INP:{kind}:RANG:ELEM{n} {value};:INP:{kind}:RANG:ELEM{n}?;:STAT:ERR?", f"{float(value):.3E};{OK}")
        for n in (1, 2, 3)
        for kind, value in (("VOLT", "300"), ("CURR", "5"))
    ),
]
"""450 A behind a transformer of 100 are 4.5 A: the range of 5 A."""


def test_identity(talk):
    meter = talk(("*IDN?", "YOKOGAWA,WT1806E-5A0,91T926873,F1.21"))
    assert str(meter.connect()) == "YOKOGAWA,WT1806E-5A0,91T926873,F1.21"


def test_prepare_turns_headers_off_first_then_wiring_ratios_ranges_items(talk):
    meter = talk(
        *PREPARE,
        (":HARM1:THD FUND;:STAT:ERR?", OK),
        (":NUM:FORM ASC;:NUM:NORM:NUMB 33;:STAT:ERR?", OK),
        items(1, "1"),
        items(10, "2"),
        items(19, "3"),
        items(28, "SIGMA", FUNCTIONS[:6]),
    )
    meter.prepare()


def test_a_box_without_the_harmonics_option_is_not_asked_for_thd(talk):
    functions = FUNCTIONS[:7]
    per_message = [(e, f) for e in "123" for f in functions] + [("SIGMA", f) for f in FUNCTIONS[:6]]
    messages = []
    for first in range(0, len(per_message), 9):
        units, replies = [], []
        for number, (element, function) in enumerate(per_message[first : first + 9], first + 1):
            units += [f":NUM:NORM:ITEM{number} {function},{element}", f":NUM:NORM:ITEM{number}?"]
            replies.append(f"{function},{element}")
        messages.append((";".join([*units, ":STAT:ERR?"]), ";".join([*replies, OK])))
    meter = talk(
        *PREPARE,
        (":HARM1:THD FUND;:STAT:ERR?", '113,"Undefined header"'),
        (":STAT:ERR?", OK),
        (":NUM:FORM ASC;:NUM:NORM:NUMB 27;:STAT:ERR?", OK),
        *messages,
        ("STAT:EESR?", "0"),
        ("STAT:EESR?", "1"),
        (":NUM:NORM:VAL?", ",".join(["1.0E+00"] * 27)),
    )
    meter.prepare()
    meter._interval = lambda: 0.1
    assert meter.read().elements[2].voltage_thd is None


def test_a_wiring_that_the_elements_refuse_is_noticed(talk):
    meter = talk(*PREPARE[:2], ("INP:WIR?", "P1W2,P1W2,P1W2"))
    with pytest.raises(ReadbackError, match="wiring was set to P3W4.*Are elements 1 to 3 of one kind"):
        meter.prepare()


def test_an_item_that_is_not_taken_is_noticed(talk):
    meter = talk(
        *PREPARE,
        (":HARM1:THD FUND;:STAT:ERR?", OK),
        (":NUM:FORM ASC;:NUM:NORM:NUMB 33;:STAT:ERR?", OK),
        items(1, "1", taken="UMN,1"),
    )
    with pytest.raises(ReadbackError, match="ITEM1 URMS,1' was sent and 'UMN,1' reads back"):
        meter.prepare()


def test_a_reading_waits_for_the_falling_edge_of_updating(talk, world):
    """Bit 0 of the extended event register; the others are about ranges and no concern."""
    meter = talk(
        ("RATE?", "100.0E-03"),
        ("STAT:EESR?", "1"),  # an update that ended before it was asked
        ("STAT:EESR?", "0"),
        ("STAT:EESR?", "256"),
        ("STAT:EESR?", "257"),
        (":NUM:NORM:VAL?", ",".join([ELEMENT] * 3 + [SUM])),
    )
    reading = meter.read()
    assert world.now() == reading.time == pytest.approx(0.03)
    assert reading.late == pytest.approx(0.01)
    assert reading.interval == pytest.approx(0.1)
    element = reading.elements[1]
    assert (element.voltage, element.active_power, element.frequency) == (277.1, 28800.0, 60.0)
    assert element.voltage_thd == pytest.approx(0.0499)  # told in percent
    assert reading.total.active_power == 86400.0
    assert reading.missing == ()


def reading_of(talk, values):
    pairs = ("RATE?", "0.1"), ("STAT:EESR?", "0"), ("STAT:EESR?", "1"), (":NUM:NORM:VAL?", values)
    return talk(*pairs).read()


def test_what_has_no_value_is_none_and_says_why(talk):
    broken = ELEMENT.replace("120.0E+00", "INF").replace("60.000E+00", "NAN")
    reading = reading_of(talk, f"{ELEMENT},{broken},{ELEMENT},{SUM}")
    assert reading.elements[1].current is None
    assert reading.elements[1].frequency is None
    assert reading.elements[1].voltage == 277.1
    assert reading.missing == ("current of element 2: over range", "frequency of element 2: no data")


@pytest.mark.parametrize(
    ("values", "why"),
    [
        (",".join([ELEMENT] * 3), "27 values came where 33 were asked for"),
        (",".join([ELEMENT] * 3 + [SUM]).replace("277.0E+00", ""), "'' came back"),
        (",".join([ELEMENT] * 3 + [SUM]).replace("277.0E+00", "-OL-"), "'-OL-' came back"),
        (":NUM:NORM:VAL " + ",".join([ELEMENT] * 3 + [SUM]), "came back where a number"),
    ],
)
def test_an_answer_that_is_none_is_not_zero(talk, values, why):
    with pytest.raises(BadReply, match=why):
        reading_of(talk, values)


def test_every_entry_of_the_error_queue_is_reported(talk):
    meter = talk(
        (":RATE 0.1;:RATE?;:STAT:ERR?", '0.5;222,"Data out of range"'),
        (":STAT:ERR?", '113,"Undefined header"'),
        (":STAT:ERR?", OK),
    )
    with pytest.raises(InstrumentError, match="222.*113"):
        meter.set_interval(0.1)


def test_an_interval_that_is_not_taken_is_noticed(talk):
    meter = talk((":RATE 0.1;:RATE?;:STAT:ERR?", f"500.0E-03;{OK}"))
    with pytest.raises(ReadbackError, match=r"update interval was set to 0\.1 and reads back 0\.5"):
        meter.set_interval(0.1)


@pytest.mark.parametrize(
    ("options", "why"), [({"wiring": "delta"}, "3P4W or 3V3A"), ({"current_ratio": 0.0}, "above zero")]
)
def test_options_that_make_no_sense_are_refused(talk, options, why):
    with pytest.raises(ConfigError, match=f"meter: .*{why}"):
        talk(options=options)


@pytest.fixture
def twin(world):
    return YokogawaWtTwin(Scene("meter", AnalogInputs(), world))


def test_twin_answers_with_headers_until_they_are_off(twin):
    assert twin.execute("RATE?") == ":RATE 500.0E-03"
    assert twin.execute("COMM:HEAD OFF;:RATE?") == "500.0E-03"
    assert (
        twin.execute(":INPut:VOLTage:RANGe:ELEMent2 150;:INP:VOLT:RANG:ELEM2?;ELEM1?")
        == "1.5000E+02;1.0000E+03"
    )


def test_twin_counts_items_beyond_ten_apart(twin):
    twin.execute("COMM:HEAD OFF;:NUM:NORM:ITEM1 URMS,1;:NUM:NORM:ITEM11 P,2;:NUM:NORM:ITEM21 Q,SIGMA")
    assert twin.execute("NUM:NORM:ITEM1?;ITEM11?;ITEM21?;ITEM12?") == "URMS,1;P,2;Q,SIGM;NONE"


def test_twin_refuses_what_the_box_does_not_have(twin):
    assert twin.execute("RATE 0.3;:STAT:ERR?") == '222,"Data out of range"'
    assert twin.execute("INP:CURR:RANG:ELEM1 7;:STAT:ERR?") == '222,"Data out of range"'
    assert twin.execute("MEAS:VOLT?;:STAT:ERR?") == '113,"Undefined header"'


def test_twin_says_once_that_an_update_has_ended_and_only_with_the_filter(twin, world):
    twin.execute("COMM:HEAD OFF;:RATE 0.1")
    world.sleep(0.11)
    assert twin.execute("STAT:EESR?") == "0"
    twin.execute("STAT:FILT1 FALL")
    world.sleep(0.1)
    assert twin.execute("STAT:EESR?;EESR?") == "1;0"
