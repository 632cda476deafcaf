"""The key queue under anything that may happen: no key in two workers, no wake-up lost, and none
waits for ever.
"""

import asyncio
from typing import NamedTuple

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.unit.controllers.clock import Clock, settle
from triton_operator.controllers.lines import TURN
from triton_operator.controllers.queue import KeyQueue, Priority, QueueClosed

KEYS = ("a", "b", "c", "d")
EDITED = KEYS[:2]
LONGEST_WAIT = 4 * (TURN + 2)
"""In keys taken while edits of `EDITED` keep coming: the two others may stand in one line, and each
of them may find the places for keys that are no edits taken once more."""
keys = st.sampled_from(KEYS)


class Held(NamedTuple):
    """A key in a worker's hands until `release` is set, and how urgent it was."""

    key: str
    release: asyncio.Event
    priority: Priority


class QueueMachine(RuleBasedStateMachine):
    """Workers take keys and hold them until a rule lets them go.

    `wanted` counts how often each key was asked for, `seen` the count at which it was last taken:
    a key is served when nobody asked for it after it was taken. `urgency` has the most urgent wish
    since then.
    """

    @initialize(workers=st.integers(1, 3), background=st.sampled_from((None, 1, 2)))
    def start(self, workers: int, background: int | None) -> None:
        self.loop = asyncio.new_event_loop()
        self.clock = Clock()
        self.background = background or workers
        self.queue: KeyQueue[str] = KeyQueue(
            clock=self.clock, call_later=self.clock.call_later, background=background
        )
        self.urgency: dict[str, Priority] = {}
        self.wanted = dict.fromkeys(KEYS, 0)
        self.seen = dict.fromkeys(KEYS, 0)
        self.deadlines: dict[str, tuple[float, Priority]] = {}
        self.held: dict[asyncio.Task[None], Held] = {}
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
            if key in [held.key for held in self.held.values()]:
                self.collisions.append(key)
            self.seen[key] = self.wanted[key]
            release = asyncio.Event()
            self.held[me] = Held(key, release, self.urgency.pop(key))
            try:
                await release.wait()
            finally:
                del self.held[me]
                self.queue.done(key)

    def want(self, key: str, priority: Priority) -> None:
        self.wanted[key] += 1
        self.urgency[key] = min(priority, self.urgency.get(key, priority))

    def waiting(self) -> set[str]:
        """Keys that somebody wants and no worker has."""
        in_hands = {held.key for held in self.held.values()}
        return {key for key in KEYS if self.wanted[key] > self.seen[key]} - in_hands

    @rule(key=keys, priority=st.sampled_from(Priority))
    def ask(self, key: str, priority: Priority) -> None:
        self.want(key, priority)
        self.queue.add(key, priority)
        self.settle()

    @rule(several=st.lists(st.tuples(keys, st.sampled_from(Priority)), max_size=6))
    def ask_in_a_burst(self, several: list[tuple[str, Priority]]) -> None:
        for key, priority in several:
            self.want(key, priority)
            self.queue.add(key, priority)
        self.settle()

    @rule(key=keys, seconds=st.integers(0, 9), priority=st.sampled_from(Priority))
    def ask_later(self, key: str, seconds: int, priority: Priority) -> None:
        due = self.clock.now + seconds
        if key not in self.deadlines or due < self.deadlines[key][0]:
            self.deadlines[key] = (due, priority)
        self.queue.add_after(key, seconds, priority)

    @rule(seconds=st.integers(0, 9))
    def time_passes(self, seconds: int) -> None:
        now = self.clock.now + seconds
        for key, (due, priority) in list(self.deadlines.items()):
            if due <= now:
                self.want(key, priority)
                del self.deadlines[key]
        self.clock.advance(seconds)
        self.settle()

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def a_worker_finishes(self, data: st.DataObject) -> None:
        data.draw(st.sampled_from(list(self.held.values()))).release.set()
        self.settle()

    @rule(data=st.data(), key=keys)
    def a_worker_is_cancelled_as_a_key_comes(self, data: st.DataObject, key: str) -> None:
        place = data.draw(st.integers(0, len(self.workers) - 1))
        self.want(key, Priority.USER)
        self.queue.add(key)
        self.workers[place].cancel()
        self.settle()
        self.workers[place] = self.loop.create_task(self.work())
        self.settle()

    @rule()
    def edits_keep_coming(self) -> None:
        """What waited before is taken in the end, how ever many edits go before it."""
        waited = {key: self.seen[key] for key in self.waiting()}
        for _ in range(LONGEST_WAIT):
            for key in EDITED:
                self.want(key, Priority.USER)
                self.queue.add(key)
            self.settle()
            next(iter(self.held.values())).release.set()
            self.settle()
        assert [key for key, seen in waited.items() if self.seen[key] == seen] == []

    @invariant()
    def no_key_is_in_two_workers(self) -> None:
        assert self.collisions == []
        assert self.queue.processing == len(self.held)

    @invariant()
    def an_idle_worker_means_that_nothing_waits(self) -> None:
        """Or that all that waits is no edit, and has its share of the workers."""
        if len(self.held) < len(self.workers) and (waiting := self.waiting()):
            assert all(self.urgency[key] > Priority.USER for key in waiting)
            assert self.below_user_in_hands() == self.background

    @invariant()
    def some_workers_are_kept_for_edits(self) -> None:
        assert self.below_user_in_hands() <= self.background

    def below_user_in_hands(self) -> int:
        return sum(held.priority > Priority.USER for held in self.held.values())

    @invariant()
    def what_waits_is_counted_once(self) -> None:
        waiting = [key for key in KEYS if self.wanted[key] > self.seen[key]]
        assert len(self.queue) == len(waiting)

    def teardown(self) -> None:
        if not hasattr(self, "loop"):
            return
        try:
            self.clock.advance(100)
            for key, (_, priority) in self.deadlines.items():
                self.want(key, priority)
            self.settle()
            while self.held:
                for held in list(self.held.values()):
                    held.release.set()
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
