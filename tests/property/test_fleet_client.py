"""Whatever endpoints do: data that must stay stays, deadlines hold, and breakers do what they say.

`make fuzz` draws other inputs.
"""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.client.asking import Behaviour, World, made
from triton_operator.client.breaker import DEFAULT, Breaker, BreakerState
from triton_operator.client.budget import Need, budget_seconds
from triton_operator.client.endpoints import Endpoint
from triton_operator.client.errors import FleetError, NotServedLocally
from triton_operator.client.outcome import Outcome
from triton_operator.client.usual_time import learned

NAMES = ["a", "b", "c", "d"]
SECONDS = st.floats(0.0, 3.0)
BEHAVIOURS = st.builds(Behaviour, st.sampled_from(list(Outcome)), st.one_of(st.none(), SECONDS))


@dataclass(frozen=True)
class Asked:
    """One request: what everybody does meanwhile, and how long ago the last one was."""

    behaviours: dict[str, Behaviour]
    deadline: float
    local_only: bool
    chance: float
    pause: float


@st.composite
def endpoints(draw: st.DrawFn) -> list[Endpoint]:
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, unique=True))
    return [
        made(
            name,
            local=draw(st.booleans()),
            priority=draw(st.integers(0, 2)),
            weightPercent=draw(st.sampled_from([0, 0, 1, 50, 100])),
            roundTripMilliseconds=draw(st.floats(0, 500)),
        )
        for name in names
    ]


ASKED = st.builds(
    Asked,
    st.fixed_dictionaries(dict.fromkeys(NAMES, BEHAVIOURS)),
    st.floats(0.001, 5.0),
    st.booleans(),
    st.floats(0.0, 1.0, exclude_max=True),
    st.floats(0.0, 30.0),
)
STORIES = st.lists(ASKED, min_size=1, max_size=8)


def served(world: World, listed: list[Endpoint], asked: Asked) -> FleetError | None:
    """Ask once; the error, if there is one."""
    world.now += asked.pause
    world.behaviours, world.chance = asked.behaviours, asked.chance
    world.asked.clear()
    try:
        world.serve(*listed, deadline=asked.deadline, local_only=asked.local_only)
    except FleetError as error:
        return error
    return None


@settings(max_examples=100)
@given(endpoints(), STORIES)
def test_what_must_stay_stays_whatever_fails(listed: list[Endpoint], story: list[Asked]) -> None:
    local = {one.cluster for one in listed if one.local}
    world = World({})
    for asked in story:
        error = served(world, listed, asked)
        if asked.local_only:
            assert set(world.clusters) <= local
            assert world.clusters or isinstance(error, NotServedLocally)


@settings(max_examples=100)
@given(endpoints(), STORIES)
def test_attempts_end_by_the_deadline(listed: list[Endpoint], story: list[Asked]) -> None:
    world = World({})
    for asked in story:
        began = world.now + asked.pause
        served(world, listed, asked)
        for _, at, budget in world.asked:
            assert budget > 0
            assert at + budget <= began + asked.deadline + 1e-9
        assert world.now <= began + asked.deadline + 1e-9
        # Each one that uses up its time leaves the next one its own.
        if all(asked.behaviours[name].seconds is None for name in world.clusters):
            assert sum(budget for _, _, budget in world.asked) <= asked.deadline + 1e-9


@settings(max_examples=100)
@given(endpoints(), STORIES)
def test_nobody_is_asked_twice_and_a_last_word_is_the_last(
    listed: list[Endpoint], story: list[Asked]
) -> None:
    world = World({})
    for asked in story:
        served(world, listed, asked)
        assert len(set(world.clusters)) == len(world.clusters)
        for name, _, budget in world.asked[:-1]:
            behaviour = asked.behaviours[name]
            in_time = behaviour.seconds is not None and behaviour.seconds <= budget
            assert not (in_time and behaviour.outcome in (Outcome.SERVED, Outcome.REFUSED))


@settings(max_examples=100)
@given(endpoints(), STORIES)
def test_an_open_one_is_asked_after_all_others(listed: list[Endpoint], story: list[Asked]) -> None:
    world = World({})
    by_name = {one.cluster: one for one in listed}
    for asked in story:
        now = world.now + asked.pause
        is_open = {
            name: world.memory.state(one, now) is BreakerState.OPEN for name, one in by_name.items()
        }
        served(world, listed, asked)
        shut = [is_open[name] for name in world.clusters]
        assert shut == sorted(shut)


@given(
    st.floats(0.001, 100),
    *([st.floats(0, 100)] * 2),
    *([st.one_of(st.none(), st.floats(0, 100))] * 2),
)
def test_a_budget_is_of_what_remains(
    remaining: float, way: float, way_there: float, own: float | None, there: float | None
) -> None:
    following = Need(way_there, there)
    budget = budget_seconds(remaining, Need(way, own), following)

    assert 0 <= budget <= remaining
    if own is not None and there is not None and budget < remaining:
        assert budget >= way + own - 1e-9
        assert remaining - budget >= way_there + there - 1e-9


@given(st.lists(st.floats(0, 1000), min_size=1, max_size=50))
def test_the_usual_time_is_within_what_was_seen(took: list[float]) -> None:
    known = None
    for seconds in took:
        known = learned(known, seconds)

    assert known is not None
    assert min(took) - 1e-9 <= known.mean <= max(took) + 1e-9
    assert 0 <= known.deviation <= max(took)


EVENTS = st.tuples(
    st.sampled_from(["silent", "silent", "silent", "begun", "begun", "answered"]),
    st.sampled_from([0.0, 0.1, 1.0, 3.0, 6.0, 30.0, 90.0]),
)


@given(st.lists(EVENTS, max_size=60))
def test_a_breaker_opens_after_silences_only_and_lets_one_in_at_a_time(
    events: list[tuple[str, float]],
) -> None:
    breaker, now, silences, probe_ends = Breaker(), 0.0, 0, 0.0
    for kind, pause in events:
        now += pause
        state = breaker.state(now)
        assert state is BreakerState.CLOSED or silences >= DEFAULT.silences_to_open
        assert not (breaker.admits(now) and state is BreakerState.OPEN)
        assert not (breaker.admits(now) and state is BreakerState.HALF_OPEN and now < probe_ends)
        if kind == "begun" and breaker.admits(now):
            breaker = breaker.begun(now, 5.0)
            if state is BreakerState.HALF_OPEN:
                probe_ends = now + 5.0
        elif kind == "silent":
            breaker, silences, probe_ends = breaker.silent(now, 0.5), silences + 1, 0.0
            pause_left = breaker.open_until - now
            assert pause_left <= DEFAULT.longest_open_seconds * (1 + DEFAULT.jitter)
            if silences >= DEFAULT.silences_to_open:
                assert breaker.state(now) is BreakerState.OPEN
        elif kind == "answered":
            breaker, silences, probe_ends = breaker.answered(), 0, 0.0
            assert breaker.state(now) is BreakerState.CLOSED


@given(st.floats(0.01, 100), st.floats(0, 0.4), st.floats(0, 0.4))
def test_of_what_nobody_knows_both_get_the_same(
    remaining: float, way: float, way_there: float
) -> None:
    """`way` and `way_there` as parts of what remains."""
    own, following = Need(way * remaining), Need(way_there * remaining)
    budget = budget_seconds(remaining, own, following)

    assert abs((budget - own.round_trip) - (remaining - budget - following.round_trip)) < 1e-6
