"""What every switch must do beyond what every instrument must, on its twin."""

import pytest

from hil.errors import ConfigError, LinkLost, OutcomeUnknown, ReadbackError, WrongInstrument
from hil.plant.terminals import BreakerTerminals, GensetTerminals

PAIR = {
    "positions": "grid genset",
    "lines": "port0/line1 port0/line2",
    "contacts": "port1/line1 port1/line2",
}


class Stuck(BreakerTerminals):
    """A breaker whose contact says one thing for ever."""

    def __setattr__(self, name, value):
        if name != "closed" or "closed" not in vars(self):
            super().__setattr__(name, value)


class History(BreakerTerminals):
    """A pole that tells a diary, which both of a pair share, of every change."""

    def __init__(self, name, diary):
        self.__dict__.update(name=name, diary=diary)
        super().__init__(close=False, closed=False)

    def __setattr__(self, key, value):
        if vars(self).get(key, False) != value:
            self.diary.append((self.name, key, value))
        super().__setattr__(key, value)


@pytest.fixture
def line(make_rig):
    return make_rig("nidaqmx_switch")


@pytest.fixture
def pair(make_rig, world):
    """A transfer switch, the terminals of both of its poles, and the diary of what they did."""
    diary = []
    poles = History("grid", diary), History("genset", diary)
    sleep = world.sleep

    def sleep_too(seconds):
        sleep(seconds)
        for pole in poles:
            pole.closed = pole.close

    world.sleep = sleep_too
    rig = make_rig("nidaqmx_switch", terminals=poles, options=PAIR)
    return rig, poles, diary


def test_it_goes_where_it_is_told_and_its_contacts_say_so(switch):
    driver = switch.ready()
    for position in ("closed", "closed", "open", "closed", "open", "open"):
        driver.switch(position)
        assert driver.read_position() == position
        assert switch.terminals.closed is (position == "closed")


def test_what_goes_over_the_wire_is_one_write_and_looks_at_the_contact(line):
    driver = line.ready()
    line.log.entries.clear()
    driver.switch("closed")
    first, *looks = [(entry.sent, entry.received) for entry in line.log.entries]
    assert first == ("Dev1/port0/line1 = 1", "True")
    # high while it is open, so that a broken wire reads closed
    assert looks == [("Dev1/port1/line1?", "True"), ("Dev1/port1/line1?", "False")]
    line.log.entries.clear()
    assert driver.snapshot() == {"closed_commanded": True, "closed_contact": True}
    assert [entry.sent for entry in line.log.entries] == ["Dev1/port0/line1?", "Dev1/port1/line1?"]


def test_a_position_that_it_does_not_have_is_refused_and_nothing_is_sent(switch):
    driver = switch.driver()
    with pytest.raises(ConfigError, match="box: no position 'ajar'; there is open, closed"):
        driver.switch("ajar")
    assert switch.log.entries == []


def test_its_normal_position_is_open_unless_the_bench_file_says_otherwise(switch):
    options = switch.part.options
    assert switch.driver().normal == "open"
    assert switch.driver(options={**options, "normal": "closed"}).normal == "closed"
    with pytest.raises(ConfigError, match="box: no position 'ajar'; there is open, closed"):
        _ = switch.driver(options={**options, "normal": "ajar"}).normal
    assert switch.log.entries == []


def test_a_closed_one_is_no_proof_and_an_open_one_is(switch):
    driver = switch.at_work()
    assert [proof.holds for proof in driver.prove_safe()] == [False]
    driver.make_safe()
    assert [proof.holds for proof in driver.prove_safe()] == [True]


def test_a_genset_breaker_is_one_too(make_rig):
    rig = make_rig("nidaqmx_switch", terminals=GensetTerminals(run=True))
    driver = rig.ready()
    for position in ("closed", "open"):
        driver.switch(position)
        assert rig.terminals.close is (position == "closed")
        assert rig.terminals.run  # the engine is not its business


def test_a_welded_breaker_is_found(make_rig):
    rig = make_rig("nidaqmx_switch", terminals=Stuck(close=True, closed=True))
    driver = rig.driver()
    with pytest.raises(
        ReadbackError, match=r"0\.5 s after it was told to open, it still reads closed.*welded"
    ):
        driver.make_safe()
    assert rig.terminals.close is False
    assert not driver.prove_safe()[0].holds


def test_one_that_a_synchronism_check_holds_loses_its_command(make_rig, world):
    rig = make_rig("nidaqmx_switch", terminals=Stuck(close=False, closed=False))
    driver = rig.driver(options={"deadline": 0.8})
    begin = world.now()
    with pytest.raises(
        ReadbackError, match="told to go to 'closed', it reads open; the command is withdrawn"
    ):
        driver.switch("closed")
    assert rig.terminals.close is False  # what agrees later closes nothing
    assert world.now() - begin == pytest.approx(0.8, abs=0.02)


def test_a_transfer_goes_through_open(pair):
    rig, _, diary = pair
    driver = rig.driver(options=PAIR)
    driver.switch("grid")
    diary.clear()
    driver.switch("genset")
    assert diary == [
        ("grid", "close", False),
        ("grid", "closed", False),
        ("genset", "close", True),
        ("genset", "closed", True),
    ]
    assert driver.read_position() == "genset"
    driver.switch("genset")  # where it is already it does not move
    assert len(diary) == 4


def test_a_transfer_ends_at_the_side_that_does_not_open(pair, world):
    rig, (grid, genset), _ = pair
    driver = rig.driver(options=PAIR)
    driver.switch("grid")
    world.sleep = lambda seconds: setattr(world, "time", world.time + seconds)  # welded: it follows no more
    with pytest.raises(ReadbackError, match="still reads grid.*welded"):
        driver.switch("genset")
    assert not genset.close
    assert grid.closed


def test_a_side_that_is_only_commanded_is_withdrawn_before_the_other_is_closed(pair):
    """As where a synchronism check might let it close at any moment."""
    rig, (grid, _), diary = pair
    grid.close = True
    diary.clear()
    rig.driver(options=PAIR).switch("genset")
    assert diary[0] == ("grid", "close", False)
    assert ("grid", "closed", True) not in diary
    orders = [entry.sent.partition(" = ")[2] for entry in rig.log.entries if " = " in entry.sent]
    assert orders == ["00", "01"]  # not both lines in one write


def test_both_at_once_is_no_position(pair):
    rig, poles, _ = pair
    for pole in poles:
        pole.closed = True
    driver = rig.driver(options=PAIR)
    with pytest.raises(ReadbackError, match="closed to grid and genset at once"):
        driver.read_position()
    assert [proof.holds for proof in driver.prove_safe()] == [False, False]


def test_a_link_lost_behind_the_command_is_unknown_and_nothing_is_sent_again(line):
    driver = line.ready()
    line.written()
    line.log.sink = lambda _: line.fail(
        drops_after=0.0
    )  # the command went out, the look at the contact fails
    with pytest.raises(LinkLost):
        driver.switch("closed")
    assert line.written().count(("close", True)) == 1


def test_a_late_answer_answers_nothing(line):
    driver = line.ready()
    line.fail(silent_after=0.0)
    with pytest.raises(OutcomeUnknown):
        driver.switch("closed")
    line.fail()
    assert driver.read_position() == "open"  # asked anew on a fresh connection
    driver.switch("closed")
    assert driver.read_position() == "closed"


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"positions": "open"}, "'open' is always there"),
        ({"positions": "a b c"}, "expected one"),
        ({"positions": "grid genset"}, "2 positions, 1 lines, 1 contacts"),
        ({**PAIR, "contacts": "port0/line2 port0/line3"}, "port0/line2 cannot be a line and a contact"),
        ({**PAIR, "contacts": "port1/line1"}, "of its own"),
        ({"lines": "ao0"}, "'ao0' is no digital line"),
    ],
)
def test_wiring_that_makes_no_sense_is_refused_before_anything_is_sent(line, options, why):
    with pytest.raises(ConfigError, match=f"box: .*{why}"):
        line.driver(options=options)
    assert line.log.entries == []


def test_an_operator_who_is_not_on_the_bench_file_is_refused(make_rig):
    rig = make_rig("manual")
    with pytest.raises(WrongInstrument, match="simulated operator"):
        rig.driver(identity="by hand,.*,Jane Doe,.*").connect()
