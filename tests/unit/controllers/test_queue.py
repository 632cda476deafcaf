"""The key queue: client-go's rules, one test each, and all of them together at random."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from tests.unit.controllers.clock import Clock, settle
from triton_operator.controllers.lines import TURN
from triton_operator.controllers.queue import KeyQueue, Priority, QueueClosed


def run(scenario: Callable[[KeyQueue[str], Clock], Awaitable[None]]) -> None:
    """Run a scenario in an event loop of its own."""
    clock = Clock()
    asyncio.run(_awaited(scenario(KeyQueue(clock=clock, call_later=clock.call_later), clock)))


async def _awaited(scenario: Awaitable[None]) -> None:
    await scenario


async def taken(queue: KeyQueue[str]) -> list[str]:
    """Everything that can be had now, each taken and done."""
    keys = []
    while len(queue) > 0:
        key = await queue.get()
        keys.append(key)
        assert len(keys) < 1000, "the same keys come again and again"
        queue.done(key)
    return keys


def test_keys_come_in_their_order() -> None:
    async def scenario(queue: KeyQueue[str], _: Clock) -> None:
        for key in ("a", "b", "c"):
            queue.add(key)

        assert await taken(queue) == ["a", "b", "c"]

    run(scenario)


def test_a_burst_collapses() -> None:
    async def scenario(queue: KeyQueue[str], _: Clock) -> None:
        for _ in range(100):
            queue.add("a")

        assert len(queue) == 1
        assert queue.adds == 1
        assert await taken(queue) == ["a"]

    run(scenario)


def test_a_key_added_while_it_is_worked_on_comes_once_more_and_not_before() -> None:
    async def scenario(queue: KeyQueue[str], _: Clock) -> None:
        queue.add("a")
        key = await queue.get()
        queue.add("a")
        queue.add("a")
        other = asyncio.ensure_future(queue.get())
        await settle()
        assert not other.done(), "no key in two workers"

        queue.done(key)
        await settle()

        assert other.result() == "a"
        queue.done("a")
        assert queue.idle

    run(scenario)


def test_an_edit_goes_before_what_the_cluster_does_and_that_before_a_sweep() -> None:
    async def scenario(queue: KeyQueue[str], _: Clock) -> None:
        queue.add("sweep", Priority.SWEEP)
        queue.add("pod", Priority.CLUSTER)
        queue.add("edit", Priority.USER)

        assert await taken(queue) == ["edit", "pod", "sweep"]

    run(scenario)


def test_each_line_below_gets_its_turn_while_edits_keep_coming() -> None:
    async def scenario(queue: KeyQueue[str], _: Clock) -> None:
        for number in range(2):
            queue.add(f"sweep {number}", Priority.SWEEP)
            queue.add(f"pod {number}", Priority.CLUSTER)
        for number in range(3 * TURN):
            queue.add(f"edit {number}", Priority.USER)

        words = [key.split()[0] for key in await taken(queue)]

        edits = TURN * ["edit"]
        assert words == 2 * [*edits, "pod", "sweep"] + edits

    run(scenario)


def test_workers_beyond_the_share_of_the_cluster_are_free_for_edits() -> None:
    clock = Clock()

    async def scenario() -> None:
        queue: KeyQueue[str] = KeyQueue(clock=clock, call_later=clock.call_later, background=2)
        for key in ("pod", "sweep", "pod too"):
            queue.add(key, Priority.SWEEP if key == "sweep" else Priority.CLUSTER)
        assert [await queue.get(), await queue.get()] == ["pod", "pod too"]
        free = asyncio.ensure_future(queue.get())
        await settle()
        assert not free.done()

        queue.add("edit", Priority.USER)
        await settle()
        assert free.result() == "edit"

        free = asyncio.ensure_future(queue.get())
        await settle()
        queue.done("edit")
        await settle()
        assert not free.done(), "an edit that is done makes no room for others"
        queue.done("pod")
        await settle()
        assert free.result() == "sweep"

    asyncio.run(scenario())


def test_a_failed_edit_is_still_an_edit_and_other_delayed_keys_are_none() -> None:
    async def scenario(queue: KeyQueue[str], clock: Clock) -> None:
        queue.retry("edit", priority=Priority.USER)
        queue.add_after("pod", 0.5)
        clock.advance(0.5)
        queue.add("other", Priority.CLUSTER)
        queue.add("last edit", Priority.USER)

        assert await taken(queue) == ["edit", "last edit", "pod", "other"]

    run(scenario)


def test_a_live_edit_overtakes_its_own_key_of_a_sweep_and_it_comes_once() -> None:
    async def scenario(queue: KeyQueue[str], _: Clock) -> None:
        queue.add("a", Priority.SWEEP)
        queue.add("b", Priority.SWEEP)
        queue.add("b", Priority.USER)
        queue.add("a", Priority.SWEEP)

        assert await taken(queue) == ["b", "a"]

    run(scenario)


def test_a_sweep_does_not_hold_back_a_live_edit() -> None:
    async def scenario(queue: KeyQueue[str], _: Clock) -> None:
        queue.add("a", Priority.USER)
        queue.add("b", Priority.USER)
        queue.add("a", Priority.SWEEP)

        assert await taken(queue) == ["a", "b"]

    run(scenario)


def test_an_overtaken_entry_does_not_come_back_later() -> None:
    """What an overtaking add leaves in the sweep's line is stale, also for a later sweep."""

    async def scenario(queue: KeyQueue[str], _: Clock) -> None:
        queue.add("a", Priority.SWEEP)
        queue.add("a", Priority.USER)
        first = await queue.get()
        queue.add("a", Priority.SWEEP)
        queue.done(first)

        assert await taken(queue) == ["a"]
        assert queue.idle

    run(scenario)


def test_a_priority_given_while_working_counts_afterwards() -> None:
    async def scenario(queue: KeyQueue[str], _: Clock) -> None:
        queue.add("a")
        await queue.get()
        queue.add("a", Priority.SWEEP)
        queue.add("b", Priority.SWEEP)
        queue.add("a", Priority.USER)
        queue.done("a")

        assert await taken(queue) == ["a", "b"]

    run(scenario)


def test_a_delayed_key_comes_when_it_is_due() -> None:
    async def scenario(queue: KeyQueue[str], clock: Clock) -> None:
        queue.add_after("a", 10)
        clock.advance(9.9)
        assert queue.idle, "delayed keys do not count"

        clock.advance(0.1)

        assert await taken(queue) == ["a"]

    run(scenario)


@pytest.mark.parametrize("delays", [(10, 3), (3, 10), (3, 3)])
def test_of_several_deadlines_the_earliest_counts(delays: tuple[float, float]) -> None:
    async def scenario(queue: KeyQueue[str], clock: Clock) -> None:
        for delay in delays:
            queue.add_after("a", delay)
        clock.advance(3)
        assert await taken(queue) == ["a"]

        clock.advance(100)

        assert queue.idle, "the later deadline is gone with the earlier one"

    run(scenario)


def test_a_new_deadline_after_one_has_passed_counts() -> None:
    async def scenario(queue: KeyQueue[str], clock: Clock) -> None:
        queue.add_after("a", 3)
        clock.advance(3)
        await taken(queue)
        queue.add_after("a", 5)
        clock.advance(5)

        assert await taken(queue) == ["a"]

    run(scenario)


def test_the_timer_of_a_deadline_that_was_overtaken_does_not_ring_for_a_later_one() -> None:
    async def scenario(queue: KeyQueue[str], clock: Clock) -> None:
        queue.add_after("a", 10)
        queue.add_after("a", 3)
        clock.advance(3)
        await taken(queue)
        queue.add_after("a", 20)

        clock.advance(10)
        assert queue.idle
        clock.advance(10)
        assert await taken(queue) == ["a"]

    run(scenario)


def test_a_deadline_in_the_past_is_now() -> None:
    async def scenario(queue: KeyQueue[str], clock: Clock) -> None:
        queue.add_after("a", -5)
        clock.advance(0)

        assert await taken(queue) == ["a"]

    run(scenario)


def test_backoff_doubles_per_key_up_to_its_cap_and_ends_with_a_success() -> None:
    async def scenario(queue: KeyQueue[str], _: Clock) -> None:
        assert [queue.retry("a") for _ in range(10)] == [0.5, 1, 2, 4, 8, 16, 32, 64, 120, 120]
        assert queue.retry("b") == 0.5, "each key has its own"

        queue.forget("a")

        assert queue.retry("a") == 0.5

    run(scenario)


def test_backoff_survives_a_day_of_failures() -> None:
    async def scenario(queue: KeyQueue[str], _: Clock) -> None:
        assert [queue.retry("a") for _ in range(2000)][-1] == 120

    run(scenario)


def test_jitter_spreads_retries() -> None:
    async def scenario() -> None:
        clock = Clock()
        queue: KeyQueue[str] = KeyQueue(
            clock=clock, call_later=clock.call_later, jitter=lambda seconds: seconds * 1.2
        )

        assert queue.retry("a") == pytest.approx(0.6)
        assert clock.waits() == [pytest.approx(0.6)]

    asyncio.run(scenario())


@pytest.mark.parametrize(("factor", "expected"), [(0.8, 10.0), (1.2, 12.0)])
def test_what_the_server_asked_for_is_never_undercut_and_spread_like_the_backoff(
    factor: float, expected: float
) -> None:
    async def scenario() -> None:
        clock = Clock()
        queue: KeyQueue[str] = KeyQueue(
            clock=clock, call_later=clock.call_later, jitter=lambda seconds: seconds * factor
        )

        assert queue.retry("a", at_least=10) == pytest.approx(expected)

    asyncio.run(scenario())


def test_one_key_wakes_one_worker() -> None:
    async def scenario(queue: KeyQueue[str], _: Clock) -> None:
        workers = [asyncio.ensure_future(queue.get()) for _ in range(3)]
        await settle()
        queue.add("a")
        queue.add("b")
        await settle()

        assert [worker.done() for worker in workers] == [True, True, False]
        assert queue.processing == 2
        workers[2].cancel()

    run(scenario)


def test_a_cancelled_worker_passes_its_wake_up_on() -> None:
    async def scenario(queue: KeyQueue[str], _: Clock) -> None:
        first, second = (asyncio.ensure_future(queue.get()) for _ in range(2))
        await settle()

        queue.add("a")
        first.cancel()
        await settle()

        assert first.cancelled()
        assert second.result() == "a"

    run(scenario)


def test_a_worker_cancelled_while_it_waits_takes_nothing_with_it() -> None:
    async def scenario(queue: KeyQueue[str], _: Clock) -> None:
        first, second = (asyncio.ensure_future(queue.get()) for _ in range(2))
        await settle()
        first.cancel()
        await settle()

        queue.add("a")
        await settle()

        assert second.result() == "a"

    run(scenario)


def test_closing_ends_every_worker_and_accepts_nothing_more() -> None:
    async def scenario(queue: KeyQueue[str], clock: Clock) -> None:
        waiting = [asyncio.ensure_future(queue.get()) for _ in range(3)]
        await settle()
        queue.add_after("later", 1)
        queue.close()
        await settle()

        assert all(isinstance(worker.exception(), QueueClosed) for worker in waiting)
        queue.add("a")
        queue.add_after("b", 1)
        clock.advance(10)
        assert len(queue) == 0
        with pytest.raises(QueueClosed):
            await queue.get()

    run(scenario)


def test_what_is_being_worked_on_may_finish_after_closing() -> None:
    async def scenario(queue: KeyQueue[str], _: Clock) -> None:
        queue.add("a")
        key = await queue.get()
        queue.add("a")
        queue.close()

        queue.done(key)

        assert queue.idle

    run(scenario)


class Heard:
    """What a queue tells of its times."""

    def __init__(self) -> None:
        self.waits: list[tuple[str, float]] = []
        self.works: list[tuple[str, float]] = []

    def waited(self, key: str, seconds: float) -> None:
        self.waits.append((key, seconds))

    def worked(self, key: str, seconds: float) -> None:
        self.works.append((key, seconds))


def test_times_of_waiting_and_of_work_are_told() -> None:
    """A delay is no waiting; a key asked for again waits from then on, not from the first time."""
    clock, heard = Clock(), Heard()

    async def scenario() -> None:
        queue: KeyQueue[str] = KeyQueue(clock=clock, call_later=clock.call_later, timings=heard)
        assert queue.longest_running() == 0
        queue.add_after("a", 10)
        clock.advance(10)
        clock.advance(2)
        queue.add("a")
        clock.advance(1)
        await queue.get()
        clock.advance(4)
        assert queue.longest_running() == 4
        queue.add("a")
        clock.advance(1)
        queue.done("a")
        assert queue.longest_running() == 0
        clock.advance(1)
        await queue.get()
        queue.done("a")

    asyncio.run(scenario())
    assert heard.waits == [("a", 3), ("a", 2)]
    assert heard.works == [("a", 5), ("a", 0)]


def test_retries_are_counted() -> None:
    async def scenario(queue: KeyQueue[str], _: Clock) -> None:
        queue.retry("a")
        queue.retry("b")
        assert queue.retries == 2

    run(scenario)
