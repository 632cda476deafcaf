"""Looks at the metrics of every service again and again, and says how many replicas it needs."""

import asyncio
import contextlib
import heapq
import itertools
import logging
import random
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from triton_operator.autoscaling.capacity import without_part
from triton_operator.autoscaling.curve_memory import ENOUGH_EXECUTIONS, EVERY_SECONDS, BatchReading
from triton_operator.autoscaling.decision_log import DecisionLog
from triton_operator.autoscaling.fleet import Fleet
from triton_operator.autoscaling.judgement import ServiceMemory, Told, judge
from triton_operator.autoscaling.restored import restored
from triton_operator.autoscaling.samples import PodTarget
from triton_operator.autoscaling.scaling_question import ScalingQuestion
from triton_operator.autoscaling.sources.batch_reader import BatchReader
from triton_operator.autoscaling.sources.metric_source import MetricSource
from triton_operator.autoscaling.sources.prometheus_connection import PrometheusSilent
from triton_operator.autoscaling.spill_state import SpillState
from triton_operator.controllers.fleets import fleets
from triton_operator.controllers.followed import Followed
from triton_operator.controllers.keys import Key
from triton_operator.controllers.pace import Pace
from triton_operator.controllers.removal_order import removal_order
from triton_operator.controllers.scaling_answer import (
    ScalingAnswer,
    answer_of,
    is_news,
    with_prediction,
)
from triton_operator.controllers.scaling_status import alone_pool
from triton_operator.controllers.store import Store

logger = logging.getLogger(__name__)
AT_ONCE = 64
"""Services that are looked at together: one whose pods are silent holds up no other."""
BUSY_SECONDS = 5.0
"""How often the process is asked what it needs."""
HISTORY_AGAIN_SECONDS = 30.0
IDLE_SECONDS = 15.0
"""Between looks at a service of which no pod is ready: a reconcile tells when one is."""
EARLY_SECONDS = 0.001
"""A loop's timers end this much early: what is due so soon is due."""
GRACE_SECONDS = 0.05
"""What is due is taken within this time even when nothing else is to do."""
SOON_SECONDS = 5.0
"""Between readings of batch statistics until there are enough for a curve."""
UNSURE_SECONDS = 60.0
"""As long as nothing is known, pods that are aside stay so; then all get requests again."""


class Autoscaler:
    """Answers by service; `concern` hears whose answer is new.

    `now` gives seconds since the epoch, `busy` the CPU seconds of the process. `log` keeps what was
    decided. Nobody is looked at before `run`.
    """

    def __init__(
        self,
        *,
        store: Store,
        source: MetricSource,
        batches: BatchReader,
        concern: Callable[[Iterable[Key]], None],
        now: Callable[[], float],
        randomness: random.Random,
        every_seconds: float,
        log: DecisionLog,
        busy: Callable[[], float] = time.process_time,
    ) -> None:
        self._store = store
        self._source = source
        self._batches = batches
        self._concern = concern
        self._now = now
        self._randomness = randomness
        self._log = log
        self._busy = busy
        self._services: dict[Key, Followed] = {}
        self._due: list[tuple[float, int, Key, Followed]] = []
        self._order = itertools.count()
        self._more = asyncio.Event()
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._looking: set[asyncio.Task[None]] = set()
        # One: a decision is Python and numpy, and two at a time would only wait for each other.
        self._thread = ThreadPoolExecutor(1, "decisions")
        self.pace = Pace.of(every_seconds)
        self.looks = 0
        self.failures = 0

    def known(self, key: Key) -> ScalingAnswer | None:
        """What was last said of a service."""
        followed = self._services.get(key)
        return followed.told if followed else None

    def aside(self, key: Key) -> frozenset[str] | None:
        """The pods of a service that are to get no new requests; None: as they are, for now."""
        followed = self._services.get(key)
        if followed is not None and self._now() - followed.sure > UNSURE_SECONDS:
            return frozenset()
        told = self.known(key)
        return told.aside if told else None

    def forget(self, key: Key) -> None:
        """A service is gone."""
        followed = self._services.pop(key, None)
        if followed is not None:
            followed.dropped = True
            self._log.forget(_name(key))

    def follow(self, key: Key, question: ScalingQuestion) -> None:
        """Look at a service from now on, with this question."""
        followed = self._services.get(key)
        if followed is None:
            self._services[key] = followed = Followed(question, self._now())
            followed.revised(question)
            # Spread, so that services that came together are not looked at together for ever.
            self._plan(key, followed, self._randomness.uniform(0, self.pace.tick_seconds))
            return
        if followed.idle:
            followed.idle = False
            self._plan(key, followed, 0.0)
        if followed.question != question:
            if followed.question.model != question.model:
                followed.memory = ServiceMemory(followed.memory.state)
            if revised := followed.revised(question):
                followed.memory = _without(followed.memory, revised)
            followed.question = question

    def answers(self) -> dict[Key, ScalingAnswer]:
        """The newest answers, told or not, for metrics."""
        return {key: followed.latest for key, followed in self._services.items() if followed.latest}

    @property
    def services(self) -> int:
        """How many are looked at."""
        return len(self._services)

    async def run(self) -> None:
        """Look at whatever is due, for ever."""
        loop = asyncio.get_running_loop()
        minding = asyncio.create_task(self._mind_pace())
        try:
            while True:
                self._more.clear()
                wait = self._due[0][0] - loop.time() if self._due else None
                if wait is None or wait > EARLY_SECONDS:
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self._more.wait(), wait)
                    continue
                _, turn, key, followed = heapq.heappop(self._due)
                if followed.dropped or turn != followed.turn:
                    continue
                await self._slots.acquire()
                task = asyncio.create_task(self._look_at(key, followed))
                self._looking.add(task)
                task.add_done_callback(self._looking.discard)
        finally:
            minding.cancel()

    async def close(self) -> None:
        """End looks under way, and give back connections."""
        looking = list(self._looking)
        for task in looking:
            task.cancel()
        await asyncio.gather(*looking, return_exceptions=True)
        self._thread.shutdown(wait=False, cancel_futures=True)
        await self._source.close()

    def _plan(self, key: Key, followed: Followed, seconds: float) -> None:
        due = asyncio.get_running_loop().time() + seconds
        followed.turn = next(self._order)
        heapq.heappush(self._due, (due, followed.turn, key, followed))
        self._more.set()

    async def _mind_pace(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            began, used = loop.time(), self._busy()
            await asyncio.sleep(BUSY_SECONDS)
            busy = (self._busy() - used) / (loop.time() - began)
            late = loop.time() - self._due[0][0] if self._due else 0.0
            self.pace = self.pace.after(busy, max(0.0, late - GRACE_SECONDS))

    async def _look_at(self, key: Key, followed: Followed) -> None:
        began = asyncio.get_running_loop().time()
        try:
            await self._look(key, followed)
        except asyncio.CancelledError:
            raise
        except Exception:
            self.failures += 1
            logger.exception("A look at the metrics of a service failed.", extra={"key": str(key)})
        finally:
            self._slots.release()
            if not followed.dropped:
                passed = asyncio.get_running_loop().time() - began
                # Whoever takes longer than a tick, as silent pods do, leaves room for others.
                tick = IDLE_SECONDS if followed.idle else self.pace.tick_seconds
                self._plan(key, followed, tick - passed if passed < tick else tick)

    async def _look(self, key: Key, followed: Followed) -> None:
        service = self._store.service(key.namespace, key.name)
        if service is None:
            return
        question = followed.question
        if followed.latest is None and (alone := alone_pool(None, service.status)):
            spill = SpillState(arrangement=(alone,), alone=alone, alone_since=self._now())
            state = replace(followed.memory.state, spill=spill)
            followed.memory = replace(followed.memory, state=state)
        seen = fleets(question, self._store.children(key.namespace, service.uid), self._now())
        targets = [target for fleet in seen.values() for target in fleet.targets]
        followed.idle = not targets
        if not targets and not any(fleet.ordered for fleet in seen.values()):
            # Nothing was made yet, or none is wanted.
            return
        if not followed.restored and targets:
            await self._restore(followed, targets)
        samples = await self._source.samples(targets)
        readings = await self._readings(followed, seen)
        if followed.dropped or followed.question is not question:
            return
        now = self._now()
        # A look that came late is one of a slower pace.
        tick = max(self.pace.tick_seconds, now - (followed.latest.time if followed.latest else now))
        memory, judgement = await asyncio.get_running_loop().run_in_executor(
            self._thread,
            judge,
            followed.memory,
            question,
            seen,
            Told(samples, readings, frozenset(followed.unreadable)),
            now,
            tick,
        )
        self.looks += 1
        # Meanwhile it may have been forgotten, or become another model: then nothing of this stays.
        if followed.dropped or followed.question.model != question.model:
            return
        followed.memory = memory
        if judgement.aside is not None:
            followed.sure = now
        self._log.append(_name(key), judgement.record)
        answer = answer_of(question, followed.memory, judgement, followed.told)
        followed.latest = answer
        if is_news(followed.told, answer):
            answer = replace(
                answer, removable=removal_order(question, seen, followed.memory, judgement)
            )
            followed.told = await asyncio.get_running_loop().run_in_executor(
                self._thread, with_prediction, answer, judgement
            )
            if not followed.dropped:
                self._concern([key])

    async def _restore(self, followed: Followed, targets: Sequence[PodTarget]) -> None:
        """Remember what came before this process, if the source has kept it."""
        if self._now() < followed.ask_history_at:
            return
        owners = [one.deployment for one in followed.question.pools]
        try:
            bins = await self._source.history(targets, owners)
        except PrometheusSilent as silent:
            followed.ask_history_at = self._now() + HISTORY_AGAIN_SECONDS
            logger.info("The past is not known yet.", extra={"why": str(silent)})
            return
        followed.restored = True
        if not bins:
            return
        # Both end now, each by its own clock.
        ahead = bins[-1].end - self._now()
        state = await asyncio.get_running_loop().run_in_executor(
            self._thread, restored, bins, ahead
        )
        if not followed.memory.state.scaling.rates:
            known = replace(followed.memory.state, scaling=state)
            followed.memory = replace(followed.memory, state=known)

    async def _readings(
        self, followed: Followed, seen: Mapping[str, Fleet]
    ) -> dict[str, BatchReading]:
        """The batch statistics that are due, by pool."""
        readings = {}
        for pool, fleet in seen.items():
            if not fleet.targets:
                continue
            memory = followed.memory.pools.get(pool)
            enough = memory is not None and memory.curve.executions >= ENOUGH_EXECUTIONS
            last = followed.read_at.get(pool)
            if last is not None and self._now() - last < (
                EVERY_SECONDS if enough else SOON_SECONDS
            ):
                continue
            before = memory.curve.reading if memory else None
            target = _to_read(fleet.targets, before, followed.memory)
            reading = await self._batches.reading(target, before)
            followed.read_at[pool] = self._now()
            if isinstance(reading, BatchReading):
                readings[pool] = reading
                followed.unreadable.discard(pool)
            else:
                followed.unreadable.add(pool)
        return readings


def _without(memory: ServiceMemory, pools: Collection[str]) -> ServiceMemory:
    """The memory without what was measured of pods that ran something else, or otherwise."""
    kept = {pool: known for pool, known in memory.pools.items() if pool not in pools}
    state = replace(memory.state, scaling=without_part(memory.state.scaling))
    return replace(memory, pools=kept, state=state)


def _name(key: Key) -> str:
    """As the log of decisions calls a service."""
    return f"{key.namespace}/{key.name}"


def _to_read(
    targets: tuple[PodTarget, ...], before: BatchReading | None, memory: ServiceMemory
) -> PodTarget:
    """The pod that was read before, as long as it has its part of the work; else the busiest."""
    done = {
        instance: pod.latest.metrics.success or 0.0
        for instance, pod in (memory.seen.pods.items() if memory.seen else ())
    }
    busiest = max(targets, key=lambda target: done.get(target.instance, 0.0))
    for target in targets:
        enough = done.get(target.instance, 0.0) >= 0.5 * done.get(busiest.instance, 0.0)
        if before is not None and target.instance == before.instance and enough:
            return target
    return busiest
