"""What every instrument on the bench must do, whatever part it plays: each driver on its twin."""

from copy import deepcopy
from functools import partial
from itertools import chain, count
from math import inf, isfinite, nan

import pytest

from hil.errors import (
    BadReply,
    ConfigError,
    LimitError,
    LinkLost,
    NoReply,
    NotSafe,
    OutcomeUnknown,
    TransportError,
    WrongInstrument,
)
from hil.limits import Limit
from hil.table import TABLE


def go_live(box, driver):
    box.play.lead_up(driver)
    box.play.go(driver)
    assert box.look() == box.play.live


def test_every_driver_is_put_through_these_tests(parts):
    assert set(parts) == set(TABLE["hil.drivers"]) == set(TABLE["hil.twins"])


def test_a_limit_that_makes_no_sense_is_refused_and_nothing_is_sent(box):
    kind = box.kind
    assert set(kind.RATING) == set(kind.QUANTITIES)
    beyond = {
        quantity: (
            Limit(rating.low, rating.high + 0.1, rating.unit),
            Limit(rating.low - 0.1, rating.high, rating.unit),
            Limit(rating.low, rating.high, "furlong"),
        )
        for quantity, rating in kind.RATING.items()
    }
    for quantity, limits in beyond.items():
        for limit in limits:
            with pytest.raises(ConfigError, match=rf"box.*{quantity} exceeds the rating"):
                box.driver(limits={quantity: limit})
    with pytest.raises(ConfigError, match="box: no quantity 'charm'"):
        box.driver(limits={"charm": Limit(0, 1, "")})
    assert box.log.entries == []


def test_a_limit_beyond_what_this_very_box_can_do_is_refused_before_it_is_live(limited):
    driver = limited.driver(limits=limited.kind.RATING)  # the family's, which its largest box has
    with pytest.raises(ConfigError, match="box: the bench limit .* exceeds"):
        driver.connect()
        driver.prepare()
    assert limited.look() == limited.safe


def test_building_sends_nothing_and_connecting_changes_nothing(live_box):
    driver = live_box.driver()
    assert live_box.log.entries == []
    before = deepcopy(live_box.terminals)
    identity = driver.connect()
    assert live_box.written() == []  # not even what it was before
    assert live_box.terminals == before
    assert all((identity.maker, identity.model, identity.serial, identity.firmware))


def test_another_instrument_is_refused_by_both_names_and_left_alone(live_box):
    live_box.fail(identity=live_box.part.stranger)
    with pytest.raises(WrongInstrument, match="box") as caught:
        live_box.driver().connect()
    assert live_box.part.seen in str(caught.value)
    assert live_box.part.expects in str(caught.value)
    assert live_box.written() == []


def test_one_that_the_bench_file_does_not_name_is_refused_too(box):
    identity = box.driver().connect()
    with pytest.raises(WrongInstrument) as caught:
        box.driver(identity=".*serial-of-another.*").connect()
    assert str(identity) in str(caught.value)
    assert ".*serial-of-another.*" in str(caught.value)


def test_preparing_leaves_it_off_and_going_live_takes_one_command(live_box):
    driver = live_box.ready()
    assert not live_box.is_on()
    live_box.play.lead_up(driver)
    assert not live_box.is_on()
    live_box.written()
    live_box.play.go(driver)
    assert live_box.look() == live_box.play.live
    assert live_box.written().count((live_box.play.switch, True)) == bool(live_box.play.switch)


def test_a_value_out_of_limits_is_refused_and_nothing_is_sent(box):
    driver = box.driver()
    assert set(box.play.setters) == set(driver.QUANTITIES)  # none goes unchecked
    for quantity, setters in box.play.setters.items():
        limit = box.play.limits[quantity]
        for value in (limit.low - 0.1, limit.high + 0.1, nan, inf, -inf):
            for set_to in setters:
                with pytest.raises(LimitError, match=rf"box\.{quantity} = "):
                    set_to(driver, value)
    assert box.log.entries == []


@pytest.mark.timeout(30)
def test_one_that_is_silent_from_the_start_is_no_reply(box):
    box.fail(silent_after=0.0)
    with pytest.raises(NoReply, match=r"box at .* within 0\.05 s"):
        box.driver(timeout=0.05).connect()
    assert len(box.log.entries) <= 1  # it gave up on the first question


@pytest.mark.timeout(30)
@pytest.mark.parametrize("fault", ["silent_after", "garbage_after", "drops_after"])
def test_a_command_that_is_not_confirmed_has_an_unknown_outcome_and_is_never_sent_again(box, fault):
    driver = box.ready()
    box.play.lead_up(driver)
    box.written(), box.log.entries.clear()
    box.fail(**{fault: 0.0})
    with pytest.raises(OutcomeUnknown, match="box.*not sent again"):
        box.play.go(driver)
    (entry,) = box.log.entries
    assert "unknown" in entry.error
    if fault == "drops_after":  # it does not come back
        with pytest.raises(LinkLost):
            driver.connect()
        assert box.written() == []
    else:
        box.fail()
        driver.connect()  # the link works again, and brings no command with it
        assert box.written().count((box.play.switch, True)) <= 1
        box.by_hand()
        driver.make_safe()
        assert box.look() == box.safe


def test_a_link_lost_anywhere_on_the_way_to_live_ends_the_way_there(box, make_rig):
    driver = box.ready()
    box.log.entries.clear()
    go_live(box, driver)
    for step in range(len(box.log.entries)):
        rig = make_rig(box.name)
        driver = rig.ready()
        rig.log.entries.clear()

        def cut(_, rig=rig, step=step):
            if len(rig.log.entries) == step:
                rig.fail(drops_after=0.0)

        rig.log.sink = cut
        cut(None)
        with pytest.raises((LinkLost, OutcomeUnknown), match="box") as caught:
            go_live(rig, driver)
        assert len(rig.log.entries) == step + 1
        assert str(caught.value) == rig.log.entries[-1].error  # of this exchange, of none after it


@pytest.mark.timeout(30)
def test_garbage_is_a_bad_reply(box):
    driver = box.at_work()
    box.fail(garbage_after=0.0)
    with pytest.raises(BadReply, match="box"):
        box.play.ask(driver)
    assert box.log.entries[-1].error


def test_one_that_is_gone_is_a_lost_link_and_not_taken_for_safe(box):
    driver = box.at_work()
    box.fail(drops_after=0.0)
    for _ in range(3):
        with pytest.raises(LinkLost, match="box"):
            box.play.ask(driver)
    with pytest.raises((NotSafe, LinkLost), match="box"):
        driver.make_safe()


def test_make_safe_before_anything_else_and_twice(live_box):
    driver = live_box.driver()
    for _ in range(2):
        driver.make_safe()
        assert live_box.look() == live_box.safe


def test_make_safe_in_any_state_and_live_again_after_it(box):
    driver = box.driver()
    work = partial(go_live, box, driver)
    for reach in (driver.connect, driver.prepare, work, work, driver.close):
        reach()
        box.by_hand()
        for _ in range(2):
            driver.make_safe()
            assert box.look() == box.safe


@pytest.mark.timeout(30)
def test_make_safe_that_failed_works_on_a_fresh_connection(box):
    driver = box.at_work()
    box.fail(garbage_after=0.0)  # to the link as bad as silence, and sooner over
    with pytest.raises((NotSafe, TransportError), match="box"):
        driver.make_safe()
    box.fail()
    box.by_hand()  # whatever became of the command
    assert box.look() == box.play.live
    driver.make_safe()
    assert box.look() == box.safe


def test_what_has_to_be_off_proves_that_it_is_safe_and_only_then(source):
    driver = source.at_work()
    assert not all(proof.holds for proof in driver.prove_safe())
    driver.make_safe()
    source.settle()
    assert driver.prove_safe()
    assert all(proof.holds for proof in driver.prove_safe())


@pytest.mark.parametrize("state", ["ready", "at_work"])
def test_a_snapshot_holds_plain_values_and_changes_nothing(box, state):
    driver = getattr(box, state)()
    before = deepcopy(box.look())
    snapshot = driver.snapshot()
    assert snapshot
    for name, value in snapshot.items():
        assert type(value) in {float, int, str, bool, type(None)}, name
        assert not isinstance(value, float) or isfinite(value), name  # what is missing is None
    assert box.look() == before


def test_every_exchange_is_in_the_log_between_two_times(box):
    ticks = count(1)
    # time passes whenever somebody looks at the clock
    box.world.now = lambda: box.world.time + 1e-6 * next(ticks)
    driver = box.driver()
    for act in (
        driver.connect,
        driver.prepare,
        partial(go_live, box, driver),
        partial(box.play.ask, driver),
        driver.snapshot,
        driver.make_safe,
    ):
        box.log.entries.clear()
        start = box.world.now()
        act()
        times = [(entry.before, entry.after) for entry in box.log.entries]
        assert times
        between = [start, *chain.from_iterable(times), box.world.now()]
        assert between == sorted(set(between))  # each took its time, and one came after the other
        for entry in box.log.entries:
            assert entry.instrument == "box"
            assert entry.sent
            assert entry.received
            assert entry.error is None


def test_closing_changes_nothing_and_may_be_repeated(box):
    fresh = box.driver()
    fresh.close()
    assert box.log.entries == []
    driver = box.at_work()
    box.written()
    for _ in range(2):
        driver.close()
    assert box.written() == []
    assert box.look() == box.play.live
