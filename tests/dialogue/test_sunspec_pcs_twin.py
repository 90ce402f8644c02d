"""What the simulated SunSpec PCS shows besides what its driver reads: mode, limits, temperature, event log.

Offsets and bits from the SunSpec model definitions: 701 has DERMode at 8 (bit 0 following, 1 forming), TmpSnk
at 37 in steps of 10^Tmp_SF, ThrotSrc at 111 (bit 14 DERATED), InvSt 4 THROTTLED.
"""

import threading

import pytest

from hil.errors import InstrumentError
from hil.instruments._sunspec_hil import FORM, MODELS
from hil.instruments.sunspec import Device
from hil.instruments.sunspec_pcs_twin import SunSpecPcsTwin
from hil.plant.terminals import PCS_EVENTS, PcsTerminals
from hil.transport.link import CommandLog
from hil.transport.modbus import ModbusLink
from hil.twin.base import Scene

LOG = 64900


@pytest.fixture
def pcs():
    return PcsTerminals(mode="running", connected=True, measured_hertz=60.0, measured_volts=[277.0] * 3)


@pytest.fixture
def client(world, pcs):
    """Return a function that opens one more connection to the twin."""
    twin, links = SunSpecPcsTwin(Scene("pcs", pcs, world)), []
    address = twin.start()

    def build():
        link = ModbusLink("pcs", address, world, CommandLog())
        link.open()
        links.append(link)
        return link, Device("pcs", link)

    yield build
    for link in links:
        link.close()
    twin.stop()


def read_log(link, device):
    """Return how many entries there have been, and the last ones, oldest first, from one request."""
    address, length = device.models()[LOG]
    words = link.read(address, length)
    entries = []
    for at in range(4, length, 3):
        high, low, code = words[at : at + 3]
        if code != 0xFFFF:
            entries.append((high << 16 | low, PCS_EVENTS[code - 1]))
    return words[2] << 16 | words[3], entries[::-1]


def test_following_or_forming_is_told(client, pcs):
    _, device = client()
    assert device.read(701, "DERMode") == {"DERMode": 1}
    pcs.forming = True
    assert device.read(701, "DERMode") == {"DERMode": 2}


def test_the_current_limit_is_told(client, pcs):
    _, device = client()
    assert device.read(701, "InvSt", "ThrotSrc") == {"InvSt": 3, "ThrotSrc": 0}
    pcs.limited = True
    assert device.read(701, "InvSt", "ThrotSrc") == {"InvSt": 4, "ThrotSrc": 1 << 14}


def test_temperature_and_charge_are_told(client, pcs):
    _, device = client()
    pcs.celsius, pcs.state_of_charge = -12.34, 0.4567
    assert device.read(701, "TmpSnk") == {"TmpSnk": -12.3}
    assert device.read(713, "SoC") == {"SoC": 45.7}
    pcs.state_of_charge = -0.01  # the register holds no less than nothing
    assert device.read(713, "SoC") == {"SoC": 0.0}


@pytest.mark.parametrize(
    ("terminal", "model", "point"),
    [
        ("measured_watts", 701, "W"),
        ("measured_var", 701, "Var"),
        ("measured_volts", 701, "LNV"),
        ("measured_hertz", 701, "Hz"),
        ("celsius", 701, "TmpSnk"),
        ("state_of_charge", 713, "SoC"),
        ("dc_volts", 714, "DCV"),
    ],
)
def test_a_reading_that_is_missing_is_not_implemented_and_not_zero(client, pcs, terminal, model, point):
    _, device = client()
    assert device.read(model, point)[point] is not None
    setattr(pcs, terminal, None)
    assert device.read(model, point) == {point: None}


def test_the_event_log_is_read_in_one_request(client, pcs):
    link, device = client()
    assert device.models()[LOG][1] <= 125  # registers in one reply
    assert read_log(link, device) == (0, [])
    pcs.events += [(0.0, "starting"), (0.1433, "running")]
    assert read_log(link, device) == (2, [(0, "starting"), (143, "running")])
    pcs.events.append((86_400.0005, "tripped: undervoltage"))
    assert read_log(link, device)[1][-1] == (86_400_000, "tripped: undervoltage")


def test_the_event_log_keeps_the_last_forty(client, pcs):
    link, device = client()
    pcs.events += [(float(n), PCS_EVENTS[n % len(PCS_EVENTS)]) for n in range(100)]
    count, entries = read_log(link, device)
    assert count == 100
    assert entries == [(1000 * n, PCS_EVENTS[n % len(PCS_EVENTS)]) for n in range(60, 100)]


def test_three_clients_at_once_each_get_their_own_answers(client, pcs):
    """Each asks for something else, so that an answer to another's question shows."""
    pcs.measured_watts, pcs.state_of_charge, pcs.dc_volts = 123_400.0, 0.5, 850.0
    asked = {(701, "W"): 123_400.0, (713, "SoC"): 50.0, (714, "DCV"): 850.0}
    devices = [client()[1] for _ in asked]
    together, heard = threading.Barrier(len(asked)), {question: [] for question in asked}

    def ask(device, question):
        model, point = question
        together.wait()
        for _ in range(50):
            heard[question].append(device.read(model, point)[point])

    threads = [threading.Thread(target=ask, args=pair) for pair in zip(devices, asked, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert heard == {question: [value] * 50 for question, value in asked.items()}


def test_what_one_client_writes_the_others_read(client, pcs):
    (_, one), (_, two), (_, three) = client(), client(), client()
    one.write(704, "WSetMod", 1)
    two.write(704, "WSet", 50e3)
    three.write(704, "WSetEna", 1)
    assert pcs.active_power == 50e3
    assert [device.read(704, "WSet")["WSet"] for device in (one, two, three)] == [50e3] * 3


@pytest.mark.parametrize(
    ("point", "value"), [("Form", 3), ("Sync", 2), ("V", 0.49), ("V", 1.51), ("Hz", 2.0)]
)
def test_what_no_grid_has_is_refused_by_the_box(client, pcs, point, value):
    link, _ = client()
    device = Device("pcs", link, MODELS)
    with pytest.raises(InstrumentError, match="illegal data value"):
        device.write(FORM, point, value)
    assert (pcs.form, pcs.synchronise, pcs.volts, pcs.hertz) == (None, False, 1.0, 1.0)
    assert device.read(FORM, "Form", "Sync", "V", "Hz") == {"Form": 2, "Sync": 0, "V": 1.0, "Hz": 1.0}


def test_what_is_commanded_at_the_unit_itself_is_shown(client, pcs):
    link, _ = client()
    pcs.form, pcs.synchronise, pcs.volts, pcs.hertz = True, True, 1.02, 0.995
    told = Device("pcs", link, MODELS).read(FORM, "Form", "Sync", "V", "Hz")
    assert told == {"Form": 1, "Sync": 1, "V": 1.02, "Hz": 0.995}
