"""The loop that looks at services: spread, in step, and not to be held up by any of them."""

import asyncio
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from tests.unit.controllers.looked_at import AtOnce, Stage, asked, key, names
from tests.unit.controllers.virtual_time import virtual_run
from tests.unit.controllers.world import NOW
from triton_operator.autoscaling.curve_memory import EVERY_SECONDS
from triton_operator.autoscaling.history import Bin
from triton_operator.autoscaling.scaling_question import ScalingQuestion
from triton_operator.controllers import autoscaler as module
from triton_operator.controllers.autoscaler import (
    AT_ONCE,
    HISTORY_AGAIN_SECONDS,
    SOON_SECONDS,
    UNSURE_SECONDS,
)
from triton_operator.controllers.pace import LONGEST_SECONDS

FOR_EVER = 1e9


@pytest.fixture(autouse=True)
def _decide_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ThreadPoolExecutor", AtOnce)


def test_each_service_is_looked_at_once_a_tick() -> None:
    stage = Stage("a")
    stage.watch(10.0, "a")

    looks = stage.pods.asked["a"]
    assert len(looks) in (10, 11)
    assert all(later - earlier == pytest.approx(1.0) for earlier, later in pairwise(looks))


def test_services_that_come_together_are_spread_over_a_tick() -> None:
    many = names(100)
    stage = Stage(*many)
    stage.watch(1.0, *many)

    firsts = sorted(stage.pods.asked[name][0] for name in many)
    assert all(0 <= first <= 1 for first in firsts)
    for quarter in range(4):
        found = [first for first in firsts if quarter / 4 <= first < (quarter + 1) / 4]
        assert 10 <= len(found) <= 40, "of a hundred"


def test_they_stay_spread() -> None:
    many = names(20)
    stage = Stage(*many)
    stage.watch(30.0, *many)

    for name in many:
        first, last = stage.pods.asked[name][0], stage.pods.asked[name][-1]
        assert (last - first) % 1.0 == pytest.approx(0.0, abs=1e-6) or (
            (last - first) % 1.0 == pytest.approx(1.0, abs=1e-6)
        )


def test_a_silent_service_delays_no_other() -> None:
    stage = Stage("silent", *names(5))
    stage.pods.takes["silent"] = FOR_EVER
    stage.watch(10.0, "silent", *names(5))

    assert len(stage.pods.asked["silent"]) == 1, "no second look before the first one has ended"
    assert {len(stage.pods.asked[name]) for name in names(5)} <= {10, 11}


def test_as_many_silent_services_as_there_are_looks_at_once_end_by_their_source() -> None:
    """Sources give up after a while, and then the others get their turn."""
    silent = [f"silent{number}" for number in range(AT_ONCE)]
    stage = Stage(*silent, "a")
    stage.pods.takes = dict.fromkeys(silent, 2.0)
    stage.watch(20.0, *silent, "a")

    assert len(stage.pods.asked["a"]) >= 6


def test_a_look_that_takes_longer_than_a_tick_leaves_room_for_others() -> None:
    stage = Stage("slow")
    stage.pods.takes["slow"] = 3.0
    stage.watch(20.0, "slow")

    looks = stage.pods.asked["slow"]
    assert looks[1] - looks[0] == pytest.approx(4.0)


def test_a_look_that_fails_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    stage = Stage("broken", "a")
    stage.pods.broken.add("broken")

    async def scenario() -> None:
        stage.follow("broken", "a")
        await asyncio.sleep(5.0)
        assert stage.autoscaler.known(key("broken")) is None
        stage.pods.broken.clear()
        await asyncio.sleep(5.0)

    stage.play(scenario)

    assert stage.autoscaler.failures == 5
    assert len(stage.pods.asked["a"]) in (10, 11)
    assert stage.autoscaler.known(key("broken")) is not None, "it is tried again"
    assert {one.message for one in caplog.records} == {"A look at the metrics of a service failed."}
    assert {getattr(one, "key", "") for one in caplog.records} == {str(key("broken"))}


def test_news_is_told_once() -> None:
    stage = Stage("a")
    stage.watch(30.0, "a")

    assert stage.concerned == [key("a")]
    assert stage.autoscaler.looks >= 29
    answer = stage.autoscaler.known(key("a"))
    assert answer is not None
    assert (answer.replicas, answer.ready, answer.early) == ({"a-cpu": 1}, 1, False)
    assert answer.removable == {"a-cpu": ("a-cpu-1",)}


class Chosen:
    """Whom every look puts aside: None, as long as nothing is known."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.aside: frozenset[str] | None = None
        judge = module.judge

        def judged(*args: Any) -> Any:
            memory, judgement = judge(*args)
            return memory, replace(judgement, aside=self.aside)

        monkeypatch.setattr(module, "judge", judged)


def test_who_is_to_be_aside_is_news(monkeypatch: pytest.MonkeyPatch) -> None:
    stage, chosen = Stage("a"), Chosen(monkeypatch)
    told = []

    async def scenario() -> None:
        stage.follow("a")
        for aside in (None, frozenset({"a-cpu-1"}), None, frozenset[str]()):
            chosen.aside = aside
            await asyncio.sleep(5.0)
            told.append((stage.autoscaler.aside(key("a")), len(stage.concerned)))

    stage.play(scenario)

    assert told == [
        (None, 1),
        (frozenset({"a-cpu-1"}), 2),
        (frozenset({"a-cpu-1"}), 2),
        (frozenset(), 3),
    ]


@pytest.mark.parametrize("fails", [True, False], ids=["looks fail", "looks say nothing"])
def test_nobody_stays_aside_for_longer_than_a_minute_without_a_word(
    monkeypatch: pytest.MonkeyPatch, fails: bool
) -> None:
    stage, chosen = Stage("a"), Chosen(monkeypatch)
    told = []

    async def scenario() -> None:
        stage.follow("a")
        chosen.aside = frozenset({"a-cpu-1"})
        # Longer than that: each look says it again, though it is no news.
        await asyncio.sleep(2 * UNSURE_SECONDS)
        told.append(stage.autoscaler.aside(key("a")))
        chosen.aside = None
        if fails:
            stage.pods.broken.add("a")
        for seconds in (UNSURE_SECONDS - 2, 4):
            await asyncio.sleep(seconds)
            told.append(stage.autoscaler.aside(key("a")))

    stage.play(scenario)

    # None: as they are. A look that has other news says it, and whoever does not look says nothing.
    assert told == [{"a-cpu-1"}, {"a-cpu-1"} if fails else None, set()]


def test_a_new_operator_knows_of_nobody_aside_and_waits_no_longer_than_a_minute() -> None:
    stage = Stage("a")
    stage.pods.broken.add("a")
    told = []

    async def scenario() -> None:
        told.append(stage.autoscaler.aside(key("a")))
        stage.follow("a")
        for seconds in (UNSURE_SECONDS - 2, 4):
            await asyncio.sleep(seconds)
            told.append(stage.autoscaler.aside(key("a")))

    stage.play(scenario)

    assert told == [None, None, frozenset()]


def test_more_load_is_news_again() -> None:
    stage = Stage("a")

    async def scenario() -> None:
        stage.follow("a")
        await asyncio.sleep(20.0)
        before = len(stage.concerned)
        stage.pods.rate = 300.0
        await asyncio.sleep(20.0)
        assert len(stage.concerned) > before

    stage.play(scenario)

    answer = stage.autoscaler.known(key("a"))
    assert answer is not None
    assert answer.replicas["a-cpu"] > 1
    assert answer.change is not None
    assert answer.change.before == 1


def test_who_is_not_followed_any_more_is_not_looked_at_and_forgotten() -> None:
    stage = Stage("a", "b")

    async def scenario() -> None:
        stage.follow("a", "b")
        await asyncio.sleep(5.0)
        assert "shop/a" in stage.log
        stage.autoscaler.forget(key("a"))
        stage.autoscaler.forget(key("a"))
        assert stage.autoscaler.known(key("a")) is None
        await asyncio.sleep(5.0)

    stage.play(scenario)

    assert "shop/a" not in stage.log
    assert "shop/b" in stage.log
    assert max(stage.pods.asked["a"]) <= 5.0
    assert max(stage.pods.asked["b"]) > 9.0
    assert stage.autoscaler.services == 1


def test_who_was_never_followed_may_be_forgotten() -> None:
    stage = Stage("a")

    async def scenario() -> None:
        stage.autoscaler.forget(key("a"))

    stage.play(scenario)

    assert stage.autoscaler.services == 0


def test_a_service_that_is_dropped_during_a_look_does_not_come_back() -> None:
    stage = Stage("a")
    stage.pods.takes["a"] = 2.0

    async def scenario() -> None:
        stage.follow("a")
        await asyncio.sleep(1.5)
        assert len(stage.pods.asked["a"]) == 1
        stage.autoscaler.forget(key("a"))
        await asyncio.sleep(10.0)

    stage.play(scenario)

    assert len(stage.pods.asked["a"]) == 1
    assert "shop/a" not in stage.log
    assert stage.concerned == []


def test_nothing_is_recorded_of_a_service_that_is_dropped_while_it_is_judged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its metrics have just been forgotten; they would stay for ever."""
    stage = Stage("a")
    judge = module.judge

    def judged(*args: Any) -> Any:
        stage.autoscaler.forget(key("a"))
        return judge(*args)

    monkeypatch.setattr(module, "judge", judged)
    stage.watch(5.0, "a")

    assert "shop/a" not in stage.log
    assert stage.concerned == []


def test_a_service_that_comes_back_begins_anew() -> None:
    stage = Stage("a")

    async def scenario() -> None:
        stage.follow("a")
        await asyncio.sleep(5.0)
        stage.autoscaler.forget(key("a"))
        stage.follow("a")
        assert stage.autoscaler.known(key("a")) is None
        await asyncio.sleep(5.0)

    stage.play(scenario)

    assert stage.concerned == [key("a"), key("a")]
    late = [look for look in stage.pods.asked["a"] if look > 5.0]
    assert len(late) in (5, 6), "one row of looks, not two"


def test_the_same_question_changes_nothing() -> None:
    stage = Stage("a")

    async def scenario() -> None:
        for _ in range(50):
            stage.follow("a")
            await asyncio.sleep(0.2)

    stage.play(scenario)

    assert len(stage.pods.asked["a"]) in (10, 11)
    assert stage.concerned == [key("a")]


def test_another_model_takes_nothing_over_but_the_load(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever moment of a look the new question comes in."""
    stage = Stage("a")
    judge = module.judge
    memories: list[Any] = []

    def judged(memory: Any, asked_now: ScalingQuestion, *args: Any) -> Any:
        memories.append((asked_now.model, memory))
        if len(memories) == 5:
            stage.autoscaler.follow(key("a"), replace(asked("a"), model="other"))
        return judge(memory, asked_now, *args)

    monkeypatch.setattr(module, "judge", judged)
    stage.watch(10.0, "a")

    (first, *_) = [memory for model, memory in memories if model == "other"]
    assert first.seen is None
    assert first.pools == {}
    assert first.state.scaling.rates, "what requests come does not depend on who answers"


def test_bounds_that_change_are_answered_by_the_next_look() -> None:
    stage = Stage("a")

    async def scenario() -> None:
        stage.follow("a")
        await asyncio.sleep(5.0)
        wider = asked("a")
        wider = replace(wider, settings=replace(wider.settings, least=4))
        stage.autoscaler.follow(key("a"), wider)
        await asyncio.sleep(2.1)

    stage.play(scenario)

    answer = stage.autoscaler.known(key("a"))
    assert answer is not None
    assert answer.replicas == {"a-cpu": 4}
    assert len(stage.concerned) == 2


def test_a_service_without_its_object_is_passed_over() -> None:
    stage = Stage("a")
    stage.watch(5.0, "a", "ghost")

    assert stage.autoscaler.failures == 0
    assert stage.autoscaler.known(key("ghost")) is None


def test_batches_are_read_soon_at_first_and_seldom_later() -> None:
    stage = Stage("a")
    stage.watch(300.0, "a")

    gaps = [later - earlier for earlier, later in pairwise(stage.pods.read)]
    assert gaps[0] == pytest.approx(SOON_SECONDS, abs=1.1)
    assert all(EVERY_SECONDS <= gap <= EVERY_SECONDS + 1.1 for gap in gaps[2:])


def test_pods_without_statistics_are_asked_again_and_looked_at_all_the_same() -> None:
    stage = Stage("a")
    stage.pods.unreadable = True
    stage.watch(21.0, "a")

    assert len(stage.pods.read) in (4, 5)
    assert stage.autoscaler.failures == 0
    assert stage.autoscaler.looks >= 20


def test_the_past_is_asked_for_once_and_remembered() -> None:
    """By the names of all Deployments: pods of earlier days had other names."""
    stage = Stage("a")
    stage.pods.past = tuple(Bin(NOW - 60 + 5 * number, 5.0, 1500.0) for number in range(12))
    memories = []

    async def scenario() -> None:
        stage.follow("a")
        await asyncio.sleep(10.0)
        memories.append(stage.autoscaler.known(key("a")))

    stage.play(scenario)

    assert [owners for _, owners in stage.pods.asked_before] == [("a-cpu",)]
    (answer,) = memories
    assert answer is not None
    assert answer.replicas["a-cpu"] > 1, "of 300/s a minute ago there may be more"


def test_a_past_that_is_not_to_be_had_yet_is_asked_for_again_and_holds_up_nothing() -> None:
    stage = Stage("a")
    stage.pods.has_no_past_yet = True
    stage.watch(3 * HISTORY_AGAIN_SECONDS, "a")

    times = [time for time, _ in stage.pods.asked_before]
    assert len(times) == 3
    assert all(
        HISTORY_AGAIN_SECONDS <= later - earlier <= HISTORY_AGAIN_SECONDS + 1.1
        for earlier, later in pairwise(times)
    )
    assert stage.autoscaler.failures == 0
    assert stage.autoscaler.known(key("a")) is not None


def test_a_busy_process_looks_more_seldom() -> None:
    stage = Stage("a", busy=lambda time: 0.95 * time)
    stage.watch(200.0, "a")

    looks = stage.pods.asked["a"]
    assert looks[-1] - looks[-2] == pytest.approx(LONGEST_SECONDS, rel=0.01)
    assert stage.autoscaler.pace.tick_seconds == LONGEST_SECONDS


def test_closing_ends_looks_and_gives_connections_back() -> None:
    stage = Stage("silent")
    stage.pods.takes["silent"] = FOR_EVER
    stage.watch(3.0, "silent")

    assert not stage.pods.open


def test_nobody_is_looked_at_before_the_loop_runs() -> None:
    """Only the leader runs it."""
    stage = Stage("a")

    async def scenario() -> None:
        stage.follow("a")
        await asyncio.sleep(60.0)
        await stage.autoscaler.close()

    virtual_run(scenario())

    assert stage.pods.asked == {}
