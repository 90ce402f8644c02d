"""What a SunSpec PCS is asked, byte by byte; offsets worked out from the SunSpec model definitions.

The device: models 1 (the short form, 65 registers), 701, 702, 703, 704 from 40002 on, at
40002, 40069, 40224, 40276 and 40295; the end at 40362. Pairs are Modbus PDUs.
"""

import struct
from math import isnan
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.errors import ConfigError, InstrumentError, NotSupported, ReadbackError, WrongInstrument
from hil.instruments.sunspec import MISSING, SIZE, decode, encode
from hil.instruments.sunspec_pcs import SunSpecPcs
from hil.roles import Setup
from hil.transport.link import CommandLog
from hil.twin.base import Faults
from hil.twin.frames import FrameServer


def words(*values):
    """Return the reply to a read: function, byte count, registers."""
    return f"03{2 * len(values):02x}" + "".join(f"{value & 0xFFFF:04x}" for value in values)


def text(characters, registers):
    return words(*struct.unpack(f">{registers}H", characters.encode().ljust(2 * registers, b"\0")))


NONE = 0x8000
CHAIN = [
    ("03 9c40 0002", "03 04 5375 6e53"),
    ("03 9c42 0002", words(1, 65)),
    ("03 9c85 0002", words(701, 153)),
    ("03 9d20 0002", words(702, 50)),
    ("03 9d54 0002", words(703, 17)),
    ("03 9d67 0002", words(704, 65)),
    ("03 9daa 0002", words(0xFFFF, 0)),
]
RATINGS = [0xFFFF] * 47
RATINGS[0], RATINGS[5], RATINGS[9] = 25000, 26000, 20000  # WMaxRtg, VAMaxRtg, WDisChaRteMaxRtg
RATINGS[43], RATINGS[45], RATINGS[46] = 1, 1, 1  # W_SF, VA_SF, Var_SF
CONNECT = [
    *CHAIN,
    ("03 9c44 0010", text("ACME", 16)),
    ("03 9c54 0010", text("PCS-250", 16)),
    ("03 9c74 0010", text("0042", 16)),
    ("03 9c6c 0008", text("1.7", 8)),
    ("03 9d22 002f", words(*RATINGS)),
]


@pytest.fixture
def dialogue(world):
    """Return a function that makes a driver whose PCS expects exactly these PDUs."""
    closing, left = [], []

    def build(*pairs, connect=True, **setup):
        left.extend([*CONNECT, *pairs] if connect else pairs)

        def answer(request):
            expected, reply = left.pop(0) if left else ("", "")
            assert request[2:4] + request[6:7] == b"\0\0\x01"  # protocol, unit
            assert request[7:].hex() == expected.replace(" ", "")
            pdu = bytes.fromhex(reply)
            return request[:4] + struct.pack(">HB", len(pdu) + 1, 1) + pdu

        box = SimpleNamespace(world=world, faults=Faults())
        server = FrameServer(box, lambda got: (6 if len(got) < 6 else 6 + got[5]) - len(got), answer)
        pcs = SunSpecPcs(
            Setup("pcs", f"127.0.0.1:{server.start()}", world, CommandLog(), timeout=0.3, **setup)
        )
        closing.extend((pcs.close, server.stop))
        if connect:
            pcs.connect()
        return pcs

    yield build
    for close in closing:
        close()
    assert left == []


def test_connecting_walks_the_chain_and_reads_name_and_rating(dialogue):
    pcs = dialogue(*CONNECT, connect=False)
    assert str(pcs.connect()) == "ACME,PCS-250,0042,1.7"
    # charging and vars are not told apart, so the ratings for all of it hold
    assert (pcs.limits["active_power"].low, pcs.limits["active_power"].high) == (-250e3, 200e3)
    assert (pcs.limits["reactive_power"].low, pcs.limits["reactive_power"].high) == (-260e3, 260e3)


def test_active_power_timer_first_then_value_mode_and_enable_then_all_read_back(dialogue):
    back = [0] * 34
    back[0:4] = 1, 1, 0xFFFF, 0xEC78  # enabled, watts, -5000
    back[9:11] = 0, 30
    back[33] = 1  # WSet_SF
    dialogue(
        ("10 9d86 0002 04 0000001e", "10 9d86 0002"),  # WSetRvrtTms = 30 s
        ("03 9d9e 0001", words(1)),  # WSet_SF: steps of 10 W
        ("10 9d7f 0002 04 ffffec78", "10 9d7f 0002"),  # WSet = -5000 steps
        ("10 9d7e 0001 02 0001", "10 9d7e 0001"),  # WSetMod = watts
        ("10 9d7d 0001 02 0001", "10 9d7d 0001"),  # WSetEna
        ("03 9d7d 0022", words(*back)),
    ).set_active_power(-50e3)


def test_reactive_power_is_set_in_vars(dialogue):
    back = [0] * 23
    back[0:2] = 1, 4  # enabled, vars
    back[3:5] = 0, 4321
    back[10:12] = 0, 30
    dialogue(
        ("10 9d94 0002 04 0000001e", "10 9d94 0002"),
        ("03 9da0 0001", words(0)),
        ("10 9d8d 0002 04 000010e1", "10 9d8d 0002"),
        ("10 9d8b 0001 02 0004", "10 9d8b 0001"),
        ("10 9d8a 0001 02 0001", "10 9d8a 0001"),
        ("03 9d8a 0017", words(*back)),
    ).set_reactive_power(4321.0)


@pytest.mark.parametrize(("on", "word"), [(True, "0001"), (False, "0000")])
def test_start_and_stop_are_the_permission_to_enter_service(dialogue, on, word):
    dialogue(
        (f"10 9d56 0001 02 {word}", "10 9d56 0001"),
        ("03 9d56 0001", f"03 02 {word}"),
    ).switch(on=on)


def test_a_stop_that_is_not_taken_is_a_readback_error(dialogue):
    pcs = dialogue(("10 9d56 0001 02 0000", "10 9d56 0001"), ("03 9d56 0001", "03 02 0001"))
    with pytest.raises(ReadbackError, match="told to stop"):
        pcs.switch(on=False)


def state(**changes):
    """Return registers 4 to 122 of model 701: throttled at 123.4 kW, 5 kvar, 277.1 V, 59.97 Hz."""
    registers = [0] * 119
    registers[0:2] = 4, 1  # InvSt, ConnSt
    registers[6], registers[8], registers[12], registers[13:15] = 12340, 500, 2771, (0, 5997)
    registers[5], registers[33] = 1, 412  # DERMode: following; TmpSnk
    registers[41], registers[64], registers[87] = 1480, 1490, 1500  # AL1, AL2, AL3
    registers[107:109] = 0, 1 << 14  # ThrotSrc: derated
    registers[109:113], registers[115], registers[118] = (-1, -1, -2, 1), 1, -1  # A, V, Hz, W; Var; Tmp
    for place, value in changes.items():
        registers[int(place[1:])] = value
    return ("03 9c89 0077", words(*registers))


def test_a_state_is_read_with_its_scale_factors_in_one_request(dialogue):
    told = dialogue(state()).read_state()
    assert (told.mode, told.connected, told.alarms) == ("running", True, ())
    assert (told.active_power, told.reactive_power) == (123_400.0, 5_000.0)
    assert (told.voltage, told.frequency) == (277.1, 59.97)
    assert (told.current, told.temperature) == (149.0, 41.2)
    assert (told.limited, told.forming) == (True, False)


def test_forming_and_an_idle_limit_are_told(dialogue):
    told = dialogue(state(r5=2, r108=0)).read_state()
    assert (told.limited, told.forming) == (False, True)


def test_what_is_not_implemented_is_no_number(dialogue):
    missing = {"r4": 0xFFFF, "r5": 0xFFFF, "r33": NONE, "r64": NONE, "r107": 0xFFFF, "r108": 0xFFFF}
    told = dialogue(state(r6=NONE, r12=0xFFFF, **missing)).read_state()
    assert isnan(told.active_power)
    assert isnan(told.voltage)
    assert isnan(told.dc_voltage)  # there is no model 714
    assert told.state_of_charge is None  # nor 713
    assert told.current is told.temperature is told.limited is told.forming is None
    assert told.frequency == 59.97


def test_a_value_without_its_scale_factor_is_no_number(dialogue):
    told = dialogue(state(r112=NONE)).read_state()
    assert isnan(told.active_power)
    assert told.reactive_power == 5_000.0


def test_a_power_that_is_not_told_proves_nothing(dialogue):
    connected, power = dialogue(state(r0=0, r1=0, r6=NONE)).prove_safe()
    assert connected.holds
    assert not power.holds
    assert str(power) == "pcs.active_power is not told"


def test_a_state_of_its_contactor_that_is_not_told_counts_as_closed(dialogue):
    connected, _ = dialogue(state(r0=0, r1=0xFFFF, r6=0)).prove_safe()
    assert (connected.value, connected.witnesses) == (1.0, ())


@pytest.mark.parametrize(
    ("code", "high", "low", "mode", "alarms"),
    [
        (6, 0, 1 << 11, "tripped", ("undervoltage",)),  # fault, for a reason of the grid
        (6, 0, 1 << 7, "fault", ("over_temperature",)),
        (7, 0, 0, "off", ()),  # standby
        (7, 0, 1 << 9, "tripped", ("underfrequency",)),
        (2, 0, 0, "starting", ()),
        (99, 0, 0, "fault", ()),  # a state that the standard does not have
    ],
)
def test_states_and_alarms_by_our_names(dialogue, code, high, low, mode, alarms):
    told = dialogue(state(r0=code, r2=high, r3=low)).read_state()
    assert (told.mode, told.alarms) == (mode, alarms)


def test_the_makers_own_alarm_is_told_in_its_words(dialogue):
    pcs = dialogue(state(r0=6, r2=1), ("03 9d00 0020", text("stack 3 lost", 32)))
    assert pcs.read_state().alarms == ("stack 3 lost",)


def test_what_sunspec_does_not_have_is_not_supported(dialogue):
    pcs = dialogue()
    for ask in (
        lambda: pcs.form(on=True),
        lambda: pcs.synchronise(on=True),
        lambda: pcs.set_voltage_frequency(1.0, 1.0),
        pcs.read_log,
    ):
        with pytest.raises(
            NotSupported, match="pcs: SunSpec has no event log .*this unit, of 'ACME', has no"
        ):
            ask()


def test_a_set_point_without_scale_factor_is_not_supported(dialogue):
    pcs = dialogue(("10 9d86 0002 04 0000001e", "10 9d86 0002"), ("03 9d9e 0001", words(NONE)))
    with pytest.raises(NotSupported, match="WSet_SF"):
        pcs.set_active_power(1000.0)


def test_a_set_point_that_does_not_fit_its_registers_is_refused(dialogue):
    pcs = dialogue(("10 9d86 0002 04 0000001e", "10 9d86 0002"), ("03 9d9e 0001", words(-6)))
    with pytest.raises(NotSupported, match="does not fit int32"):
        pcs.set_active_power(2200.0)  # 2.2e9 steps of 1 uW


def test_a_refused_write_is_the_instruments_error(dialogue):
    pcs = dialogue(("10 9d86 0002 04 0000001e", "90 03"))
    with pytest.raises(InstrumentError, match="illegal data value"):
        pcs.set_active_power(1000.0)


def test_the_marker_is_looked_for_at_all_bases(dialogue):
    pcs = dialogue(
        ("03 9c40 0002", "83 02"),
        ("03 c350 0002", words(0, 0)),
        ("03 0000 0002", "03 04 5375 6e53"),
        ("03 0002 0002", words(1, 66)),
        ("03 0046 0002", words(101, 50)),
        ("03 007a 0002", words(0xFFFF, 0)),
        connect=False,
    )
    with pytest.raises(WrongInstrument, match="lacks the SunSpec models"):
        pcs.connect()


def test_without_a_marker_it_is_no_sunspec_device(dialogue):
    pcs = dialogue(*[(f"03 {base} 0002", "83 02") for base in ("9c40", "c350", "0000")], connect=False)
    with pytest.raises(WrongInstrument, match="SunS"):
        pcs.connect()


@pytest.mark.parametrize(
    ("reply", "message"),
    [(words(701, 0), "does not end"), (words(701, 60000), "does not end"), ("83 02", "breaks off")],
    ids=["length 0", "overrun", "no registers"],
)
def test_a_chain_without_an_end_is_refused(dialogue, reply, message):
    pcs = dialogue(*CHAIN[:2], ("03 9c85 0002", reply), connect=False)
    with pytest.raises(InstrumentError, match=message):
        pcs.connect()


@pytest.mark.parametrize("reversion", [0.0, 1.0, 2.5])
def test_no_bench_runs_without_a_reversion_timer(dialogue, reversion):
    with pytest.raises(ConfigError, match="reversion"):
        dialogue(connect=False, options={"reversion": reversion})


@given(st.sampled_from(sorted(SIZE)), st.integers(-(2**33), 2**33))
def test_registers_hold_a_number_exactly_or_not_at_all(kind, number):
    held = encode(number, kind)
    bits = 16 * SIZE[kind]
    signed = kind in {"int16", "int32", "sunssf"}
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    fits = low <= number <= high and number % 2**bits != MISSING[kind]
    assert (held is not None) == fits
    if held is not None:
        assert len(held) == SIZE[kind]
        assert decode(held, kind) == number
