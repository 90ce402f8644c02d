"""Names, strengths and composition of the flaws that can be planted in the simulated PCS."""

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.errors import ConfigError
from hil.plant import flaws
from hil.plant.missions import Mission, Missions
from hil.plant.parameters import Parameters
from hil.plant.terminals import CHANNELS

BUFFERS = Parameters(missions=Missions(missions=(Mission("buffering", reserve=0.05), Mission("dispatch"))))
ALL = sorted(flaws.FLAWS)


def test_flaws_are_found_by_name():
    assert flaws.parse("trips-early").strength == flaws.FLAWS["trips-early"].strength
    assert flaws.parse(" trips-early=0.5 ").strength == 0.5
    assert flaws.parse("flat-line=watts").strength == "watts"


@pytest.mark.parametrize("name", ALL)
def test_each_says_what_it_does_and_does_it(name):
    flaw = flaws.FLAWS[name]
    assert flaw.name == name
    assert flaw.about in flaw.described
    assert flaw.plant(BUFFERS) != BUFFERS


def test_the_list_tells_the_strengths():
    assert flaws.FLAWS["no-support"].described.endswith("(0)")
    assert flaws.FLAWS["flat-line"].described.endswith("(hertz)")
    assert flaws.FLAWS["no-black-start"].described == "does not start on a dead bus"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("trip-early", "there is trips-early, "),
        ("trips-early=", "not negative"),
        ("trips-early=fast", "not negative"),
        ("trips-early=-1", "not negative"),
        ("no-support=nan", "not negative"),
        ("flat-line=", "must be one of volts, "),
        ("missing-channel=colour", "must be one of volts, "),
        ("no-black-start=1", "no strength"),
    ],
)
def test_what_is_no_flaw_is_refused(text, message):
    with pytest.raises(ConfigError, match=message):
        flaws.parse(text)


def test_one_that_comes_twice_is_refused():
    texts = ("hunts", "trips-early", "hunts=0.5")
    with pytest.raises(ConfigError, match="hunts: given more than once"):
        flaws.parse_all(texts)
    with pytest.raises(ConfigError, match="hunts: given more than once"):
        flaws.plant(Parameters(), [flaws.parse(text) for text in texts])


@pytest.mark.parametrize("missions", [None, Missions()])
def test_steep_buffering_needs_buffering(missions):
    with pytest.raises(ConfigError, match="no mission"):
        flaws.plant(Parameters(missions=missions), [flaws.FLAWS["buffers-steeply"]])


def test_missions_between_first_and_last_change_their_order():
    q = Parameters(
        missions=Missions(
            missions=(
                Mission("ride-through", reserve=0.1),
                Mission("buffering", share=0.6),
                Mission("frequency"),
                Mission("dispatch", reserve=0.05),
                Mission("maintenance"),
            )
        )
    )
    turned = flaws.FLAWS["wrong-mission-order"].plant(q).missions.missions
    assert [turned[n] for n in (0, 3, 2, 1, 4)] == list(q.missions.missions)


@pytest.mark.parametrize(
    "missions", [None, Missions(missions=(Mission("ride-through"), Mission("dispatch")))]
)
def test_an_order_needs_two_missions(missions):
    with pytest.raises(ConfigError, match="no two missions"):
        flaws.plant(Parameters(missions=missions), [flaws.FLAWS["wrong-mission-order"]])


def test_reserves_are_spent():
    assert flaws.parse("spends-reserve=0.2").plant(BUFFERS).missions.missions[0].reserve == pytest.approx(
        0.01
    )
    with pytest.raises(ConfigError, match="no mission of this PCS has a reserve"):
        flaws.plant(Parameters(missions=Missions()), [flaws.FLAWS["spends-reserve"]])


@given(names=st.sets(st.sampled_from(ALL)), strengths=st.randoms(use_true_random=False), seed=st.integers(0))
def test_flaws_compose_in_any_order(names, strengths, seed):
    chosen = [
        replace(
            flaw,
            strength=flaw.strength
            if flaw.strength is None
            else strengths.choice(list(CHANNELS))
            if flaw.choices
            else strengths.uniform(0.01, 0.9),
        )
        for flaw in (flaws.FLAWS[name] for name in sorted(names))
    ]
    shuffled = random.Random(seed).sample(chosen, len(chosen))
    assert flaws.plant(BUFFERS, shuffled) == flaws.plant(BUFFERS, chosen)


@given(names=st.sets(st.sampled_from(ALL), min_size=1))
def test_none_undoes_another(names):
    """What two flaws both change keeps the mark of each."""
    whole = flaws.plant(BUFFERS, [flaws.FLAWS[name] for name in names])
    for name in names:
        assert flaws.plant(BUFFERS, [flaws.FLAWS[other] for other in names - {name}]) != whole


def test_flaw_scales_the_undervoltage_times():
    early = flaws.parse("trips-early=0.5").plant(Parameters())
    assert early.undervoltage[0] == (0.25, 0.2)
    assert early.overvoltage == Parameters().overvoltage


def test_priorities_are_exchanged():
    wrong = flaws.parse("wrong-priority").plant(Parameters(priority="P", fault_priority="Q"))
    assert (wrong.priority, wrong.fault_priority) == ("Q", "P")
