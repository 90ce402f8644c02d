"""The clock of a simulated bench: what its control port answers, and what becomes of an error there."""

import threading

import pytest

from hil.clock import SimulatedClock
from hil.errors import ConfigError, HilError, LinkLost
from hil.simulated import _Control


class Refusing:
    """Stands in for a simulated bench that tells the time, and whose plant has failed."""

    def answer(self, request):
        match request["op"]:
            case "now":
                return {"now": 1.5}
            case "set":
                raise ConfigError(f"set {request['terminal']}: unknown key 'state'")
        raise HilError("plant: diverged")


@pytest.fixture
def clock():
    control = _Control(Refusing())
    threading.Thread(target=control.serve, daemon=True).start()
    clock = SimulatedClock(control.port)
    yield clock
    clock.close()
    control.wait()


def test_what_cannot_be_set_by_hand_is_refused_in_its_own_words_and_the_bench_goes_on(clock):
    with pytest.raises(ConfigError) as caught:
        clock.ask(op="set", terminal="genset:0", values={"state": "running"})
    assert str(caught.value) == "set genset:0: unknown key 'state'"
    assert clock.now() == 1.5


def test_a_plant_that_fails_ends_the_bench(clock):
    with pytest.raises(LinkLost, match="the simulated bench stopped: plant: diverged"):
        clock.sleep(0.1)
