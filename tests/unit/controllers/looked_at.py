"""Services that are looked at in made time: pods of which a test says what they tell."""

import asyncio
import random
from collections import defaultdict
from collections.abc import Callable, Collection, Coroutine, Iterable
from concurrent.futures import Executor, Future
from dataclasses import replace
from typing import Any

from tests.unit.autoscaling.pods import told
from tests.unit.controllers.cluster import Body, service_object
from tests.unit.controllers.questions import POOL, question
from tests.unit.controllers.virtual_time import virtual_run
from tests.unit.controllers.world import NOW, ago
from triton_operator.api import labels
from triton_operator.autoscaling.curve_memory import BatchReading
from triton_operator.autoscaling.decision_log import DecisionLog
from triton_operator.autoscaling.history import Bin
from triton_operator.autoscaling.samples import PodTarget, Samples
from triton_operator.autoscaling.scaling_question import ScalingQuestion
from triton_operator.autoscaling.sources.prometheus_connection import PrometheusSilent
from triton_operator.autoscaling.steps import Step
from triton_operator.controllers.autoscaler import (
    Autoscaler,
)
from triton_operator.controllers.keys import Key
from triton_operator.controllers.kinds import BY_NAME
from triton_operator.controllers.store import Store


class AtOnce(Executor):
    """In made time nothing may take real time: what is handed over is done at once."""

    def __init__(self, *_: object) -> None:
        pass

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        done: Future[Any] = Future()
        try:
            done.set_result(fn(*args, **kwargs))
        except Exception as error:
            done.set_exception(error)
        return done


class Pods:
    """A metric source and a reader of batches in one: each pod answers `rate` requests/s.

    `takes` are seconds until the pods of a service answer, `broken` services raise.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self.rate = 10.0
        self.takes: dict[str, float] = {}
        self.broken: set[str] = set()
        self.unreadable = False
        self.asked: dict[str, list[float]] = defaultdict(list)
        self.read: list[float] = []
        self.past: tuple[Bin, ...] = ()
        self.has_no_past_yet = False
        self.asked_before: list[tuple[float, tuple[str, ...]]] = []
        self.open = True

    async def samples(self, targets: Collection[PodTarget]) -> Samples:
        names = {target.model for target in targets}
        for name in names:
            self.asked[name].append(self._now() - NOW)
            if name in self.broken:
                raise RuntimeError(f"{name} is broken")
            await asyncio.sleep(self.takes.get(name, 0.0))
        now = self._now()
        counted = told(now, self.rate * (now - NOW))
        return Samples("pods", now, {target.instance: counted for target in targets})

    async def reading(self, target: PodTarget, before: BatchReading | None) -> BatchReading | str:
        self.read.append(self._now() - NOW)
        if self.unreadable:
            return "404"
        many = round(100 * (self._now() - NOW))
        totals = {target.model: {1: (many, 0.03 * many)}}
        return BatchReading(target.instance, self._now(), totals, (Step(target.model),))

    async def history(
        self, targets: Collection[PodTarget], owners: Collection[str]
    ) -> tuple[Bin, ...]:
        self.asked_before.append((self._now() - NOW, tuple(owners)))
        if self.has_no_past_yet:
            raise PrometheusSilent("it starts")
        return self.past

    async def close(self) -> None:
        self.open = False


class Stage:
    """An autoscaler over services of one pod each, in made time."""

    def __init__(self, *names: str, busy: Callable[[float], float] = lambda _: 0.0) -> None:
        self.store = Store()
        self.pods = Pods(self.now)
        self.concerned: list[Key] = []
        self.log = DecisionLog()
        for name in names:
            self.put(name)
        self.autoscaler = Autoscaler(
            store=self.store,
            source=self.pods,
            batches=self.pods,  # type: ignore[arg-type]  # has the method that is used
            concern=self._concern,
            now=self.now,
            randomness=random.Random(7),
            every_seconds=1.0,
            log=self.log,
            busy=lambda: busy(asyncio.get_running_loop().time()),
        )

    @staticmethod
    def now() -> float:
        return NOW + asyncio.get_running_loop().time()

    def _concern(self, keys: Iterable[Key]) -> None:
        self.concerned += keys

    def put(self, name: str) -> None:
        """A service with one ready replica."""
        service = service_object(name)
        _put(self.store, {**service, "metadata": {**service["metadata"], **ids(name)}})
        metadata = {"namespace": "shop", "labels": carried(name)}
        _put(
            self.store,
            {
                "kind": "Deployment",
                "metadata": {**metadata, **ids(f"{name}-cpu"), "name": f"{name}-cpu"},
                "spec": {"replicas": 1},
            },
        )
        ready = {"type": "Ready", "status": "True", "lastTransitionTime": ago(3600)}
        running = {"startedAt": ago(3610)}
        _put(
            self.store,
            {
                "kind": "Pod",
                "metadata": {
                    **metadata,
                    **ids(f"{name}-cpu-1"),
                    "name": f"{name}-cpu-1",
                    "creationTimestamp": ago(3620),
                },
                "status": {
                    "phase": "Running",
                    "podIP": "10.0.0.1",
                    "conditions": [ready],
                    "containerStatuses": [{"name": "triton", "state": {"running": running}}],
                },
            },
        )

    def follow(self, *names: str) -> None:
        for name in names:
            self.autoscaler.follow(key(name), asked(name))

    def play(self, scenario: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run the loop beside a scenario, which ends it."""

        async def all_of_it() -> None:
            running = asyncio.create_task(self.autoscaler.run())
            try:
                await scenario()
                assert not running.done(), "the loop has ended"
            finally:
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)
                await self.autoscaler.close()

        virtual_run(all_of_it())

    def watch(self, seconds: float, *names: str) -> None:
        """Follow these services for a while."""

        async def scenario() -> None:
            self.follow(*names)
            await asyncio.sleep(seconds)

        self.play(scenario)


def ids(name: str) -> dict[str, str]:
    return {"uid": f"uid-{name}", "resourceVersion": "1"}


def carried(name: str) -> dict[str, str]:
    return {
        labels.MANAGED_BY: labels.MANAGER,
        labels.SERVICE: name,
        labels.OWNER_UID: f"uid-{name}",
        labels.ROLE: labels.SERVE,
        labels.POOL: "cpu",
    }


def _put(store: Store, body: Body) -> None:
    store.put(BY_NAME[body["kind"]], body)


def key(name: str) -> Key:
    return Key("InferenceService", "shop", name)


def asked(name: str, **parts: Any) -> ScalingQuestion:
    """The question of a service; its model has its name."""
    return question(replace(POOL, deployment=f"{name}-cpu"), model=name, **parts)


def names(count: int) -> list[str]:
    return [f"s{number}" for number in range(count)]
