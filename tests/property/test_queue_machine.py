"""The key queue under anything that may happen: no key in two workers, no wake-up lost."""

import asyncio

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.unit.controllers.clock import Clock, settle
from triton_operator.controllers.queue import KeyQueue, Priority, QueueClosed

KEYS = ("a", "b", "c", "d")
keys = st.sampled_from(KEYS)


class QueueMachine(RuleBasedStateMachine):
    """Workers take keys and hold them until a rule lets them go.

    `wanted` counts how often each key was asked for, `seen` the count at which it was last taken:
    a key is served when nobody asked for it after it was taken.
    """

    @initialize(workers=st.integers(1, 3))
    def start(self, workers: int) -> None:
        self.loop = asyncio.new_event_loop()
        self.clock = Clock()
        self.queue: KeyQueue[str] = KeyQueue(clock=self.clock, call_later=self.clock.call_later)
        self.wanted = dict.fromkeys(KEYS, 0)
        self.seen = dict.fromkeys(KEYS, 0)
        self.deadlines: dict[str, float] = {}
        self.held: dict[asyncio.Task[None], tuple[str, asyncio.Event]] = {}
        self.collisions: list[str] = []
        self.workers = [self.loop.create_task(self.work()) for _ in range(workers)]
        self.settle()

    def settle(self) -> None:
        self.loop.run_until_complete(settle())

    async def work(self) -> None:
        me = asyncio.current_task()
        assert me is not None
        while True:
            try:
                key = await self.queue.get()
            except QueueClosed:
                return
            if key in [held for held, _ in self.held.values()]:
                self.collisions.append(key)
            self.seen[key] = self.wanted[key]
            release = asyncio.Event()
            self.held[me] = (key, release)
            try:
                await release.wait()
            finally:
                del self.held[me]
                self.queue.done(key)

    @rule(key=keys, priority=st.sampled_from(Priority))
    def ask(self, key: str, priority: Priority) -> None:
        self.wanted[key] += 1
        self.queue.add(key, priority)
        self.settle()

    @rule(several=st.lists(st.tuples(keys, st.sampled_from(Priority)), max_size=6))
    def ask_in_a_burst(self, several: list[tuple[str, Priority]]) -> None:
        for key, priority in several:
            self.wanted[key] += 1
            self.queue.add(key, priority)
        self.settle()

    @rule(key=keys, seconds=st.integers(0, 9))
    def ask_later(self, key: str, seconds: int) -> None:
        due = self.clock.now + seconds
        self.deadlines[key] = min(due, self.deadlines.get(key, due))
        self.queue.add_after(key, seconds)

    @rule(seconds=st.integers(0, 9))
    def time_passes(self, seconds: int) -> None:
        now = self.clock.now + seconds
        for key, due in list(self.deadlines.items()):
            if due <= now:
                self.wanted[key] += 1
                del self.deadlines[key]
        self.clock.advance(seconds)
        self.settle()

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def a_worker_finishes(self, data: st.DataObject) -> None:
        _, release = data.draw(st.sampled_from(list(self.held.values())))
        release.set()
        self.settle()

    @rule(data=st.data(), key=keys)
    def a_worker_is_cancelled_as_a_key_comes(self, data: st.DataObject, key: str) -> None:
        place = data.draw(st.integers(0, len(self.workers) - 1))
        self.wanted[key] += 1
        self.queue.add(key)
        self.workers[place].cancel()
        self.settle()
        self.workers[place] = self.loop.create_task(self.work())
        self.settle()

    @invariant()
    def no_key_is_in_two_workers(self) -> None:
        assert self.collisions == []
        assert self.queue.processing == len(self.held)

    @invariant()
    def an_idle_worker_means_that_nothing_waits(self) -> None:
        if len(self.held) < len(self.workers):
            in_hands = {key for key, _ in self.held.values()}
            waiting = {key for key in KEYS if self.wanted[key] > self.seen[key]}
            assert waiting <= in_hands

    @invariant()
    def what_waits_is_counted_once(self) -> None:
        waiting = [key for key in KEYS if self.wanted[key] > self.seen[key]]
        assert len(self.queue) == len(waiting)

    def teardown(self) -> None:
        if not hasattr(self, "loop"):
            return
        try:
            self.clock.advance(100)
            for key in self.deadlines:
                self.wanted[key] += 1
            self.settle()
            while self.held:
                for _, release in list(self.held.values()):
                    release.set()
                self.settle()
            assert self.seen == self.wanted, "everything that was asked for has been served"
            assert self.queue.idle
        finally:
            self.queue.close()
            for worker in self.workers:
                worker.cancel()
            self.loop.run_until_complete(asyncio.gather(*self.workers, return_exceptions=True))
            self.loop.close()


QueueMachine.TestCase.settings = settings(max_examples=50, stateful_step_count=40)
TestQueueMachine = QueueMachine.TestCase
