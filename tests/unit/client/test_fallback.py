"""One request, asked of one after the other."""

import pytest

from tests.unit.client.asking import (
    FINE,
    HANGS,
    OVERLOADED,
    REFUSES_CONNECTIONS,
    Behaviour,
    World,
    cloud,
    edge,
)
from triton_operator.client.breaker import BreakerState
from triton_operator.client.errors import (
    NotServed,
    NotServedLocally,
    RequestRefused,
    SequenceLost,
)
from triton_operator.client.outcome import Outcome

STORE, CLOUD = edge(), cloud()
DEAD = [
    HANGS,
    REFUSES_CONNECTIONS,
    OVERLOADED,
    *map(Behaviour, (Outcome.FAILED, Outcome.MISBEHAVED, Outcome.NOT_THERE)),
]


def test_the_first_one_serves() -> None:
    world = World({"store": FINE, "cloud": FINE})
    served = world.serve(STORE, CLOUD)

    assert served.endpoint is STORE
    assert world.clusters == ["store"]


@pytest.mark.parametrize("trouble", DEAD, ids=lambda one: str(one.outcome))
def test_the_next_one_serves_within_the_deadline(trouble: Behaviour) -> None:
    world = World({"store": trouble, "cloud": FINE})
    began = world.now
    served = world.serve(STORE, CLOUD, deadline=0.5)

    assert served.endpoint is CLOUD
    assert world.now <= began + 0.5
    assert [one.outcome for one in served.attempts] == [trouble.outcome, Outcome.SERVED]
    assert world.counters.snapshot().attempts == {
        "cloud": {Outcome.SERVED: 1},
        "store": {trouble.outcome: 1},
    }


def test_what_the_next_one_needs_is_learned() -> None:
    """40 ms of the way and 60 ms there are kept, and a tenth of what neither needs."""
    world = World({"store": FINE, "cloud": Behaviour(seconds=0.1)})
    world.learn(STORE, CLOUD)
    world.behaviours = {"store": HANGS, "cloud": Behaviour(seconds=0.1)}
    world.serve(STORE, CLOUD, deadline=1.0)

    (_, _, first), (_, _, second) = world.asked
    assert first == pytest.approx(0.812, abs=0.001)
    assert second == pytest.approx(0.188, abs=0.001)


def test_who_hangs_does_not_get_more_time_for_it() -> None:
    world = World({"store": FINE, "cloud": FINE})
    world.learn(STORE, CLOUD)
    world.behaviours = {"store": HANGS, "cloud": FINE}
    before = world.memory.need(STORE, "vision")
    world.serve(STORE, CLOUD)

    assert world.memory.need(STORE, "vision") == before


@pytest.mark.parametrize("local_only", [False, True])
def test_a_request_that_is_wrong_is_wrong_everywhere(local_only: bool) -> None:
    world = World({"store": Behaviour(Outcome.REFUSED), "cloud": FINE})
    with pytest.raises(RequestRefused, match="store refuses the request: 400: in its own words"):
        world.serve(STORE, CLOUD, local_only=local_only)

    assert world.clusters == ["store"]


@pytest.mark.parametrize("trouble", DEAD, ids=lambda one: str(one.outcome))
def test_what_must_stay_stays(trouble: Behaviour) -> None:
    world = World({"store": trouble, "cloud": FINE})
    for _ in range(8):
        with pytest.raises(NotServedLocally, match="must be served here") as caught:
            world.serve(STORE, CLOUD, local_only=True)
        assert [one.cluster for one in caught.value.attempts] == ["store"]

    assert set(world.clusters) == {"store"}
    assert world.counters.snapshot().not_served_locally == 8


def test_what_must_stay_and_finds_no_local_endpoint_is_not_sent() -> None:
    world = World({"cloud": FINE})
    with pytest.raises(NotServedLocally, match="no endpoint is local: nobody was asked"):
        world.serve(CLOUD, local_only=True)

    assert world.asked == []


def test_nobody_answers() -> None:
    world = World({"store": REFUSES_CONNECTIONS, "cloud": HANGS})
    with pytest.raises(NotServed, match=r"store .*Unreachable.* cloud .*TimedOut") as caught:
        world.serve(STORE, CLOUD)

    assert not isinstance(caught.value, NotServedLocally)
    assert world.counters.snapshot().not_served == 1


def test_who_did_not_answer_is_asked_last_until_one_request_finds_out() -> None:
    world = World({"store": HANGS, "cloud": FINE})
    for _ in range(3):
        world.serve(STORE, CLOUD)
    assert world.memory.state(STORE, world.now) is BreakerState.OPEN
    world.asked.clear()
    world.serve(STORE, CLOUD)
    assert world.clusters == ["cloud"]

    world.now += 2.5
    world.behaviours = {"store": FINE, "cloud": FINE}
    assert world.serve(STORE, CLOUD).endpoint is STORE
    assert world.memory.state(STORE, world.now) is BreakerState.CLOSED


def test_who_did_not_answer_is_asked_when_nobody_else_does() -> None:
    world = World({"store": REFUSES_CONNECTIONS, "cloud": FINE})
    for _ in range(3):
        world.serve(STORE, CLOUD)
    world.behaviours = {"store": FINE, "cloud": REFUSES_CONNECTIONS}
    world.asked.clear()

    assert world.serve(STORE, CLOUD).endpoint is STORE
    (_, _, first), _ = world.asked
    assert first == pytest.approx(1.0), "nothing is kept for somebody who is not expected to answer"


def test_an_edge_that_rejects_what_is_too_much_still_gets_its_share() -> None:
    world = World({"store": OVERLOADED, "cloud": FINE})
    for _ in range(20):
        world.serve(STORE, CLOUD)

    assert world.clusters == ["store", "cloud"] * 20


def test_callers_in_a_hurry_do_not_shut_out_the_others() -> None:
    world = World({"store": FINE})
    world.learn(STORE)
    for _ in range(5):
        with pytest.raises(NotServed):
            world.serve(STORE, deadline=0.005)
    assert world.memory.state(STORE, world.now) is BreakerState.CLOSED

    world.behaviours = {"store": HANGS}
    for _ in range(3):
        with pytest.raises(NotServed):
            world.serve(STORE, deadline=0.5)
    assert world.memory.state(STORE, world.now) is BreakerState.OPEN


def go_on(world: World, local_only: bool = False, endpoint: object = STORE) -> None:
    assert endpoint in (STORE, CLOUD)
    chosen = STORE if endpoint is STORE else CLOUD
    world.fallback.go_on(
        chosen, "vision", world.send, until=world.now + 1, local_only=local_only, sequence=7
    )


@pytest.mark.parametrize("trouble", DEAD, ids=lambda one: str(one.outcome))
def test_the_rest_of_a_sequence_is_not_repeated(trouble: Behaviour) -> None:
    world = World({"store": trouble, "cloud": FINE})
    with pytest.raises(SequenceLost, match="sequence 7 is lost, begin it anew: store"):
        go_on(world)

    assert world.clusters == ["store"]
    assert world.counters.snapshot().lost_sequences == 1


def test_the_rest_of_a_sequence_must_stay_too() -> None:
    """The list may say meanwhile that where it began is not local."""
    world = World({"cloud": FINE})
    with pytest.raises(NotServedLocally, match="not local any more"):
        go_on(world, local_only=True, endpoint=CLOUD)

    assert world.asked == []


def test_what_is_not_in_the_list_any_more_is_forgotten() -> None:
    world = World({"store": HANGS, "cloud": FINE})
    for _ in range(3):
        world.serve(STORE, CLOUD)
    world.memory.keep([CLOUD])

    assert world.memory.state(STORE, world.now) is BreakerState.CLOSED
    assert world.memory.need(CLOUD, "vision").service is not None
