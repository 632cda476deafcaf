"""The loop of every worker: take a key, look, decide, carry out, remember."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

from triton_operator.api import reasons
from triton_operator.controllers.announcer import Announcer
from triton_operator.controllers.api_server import ApiServer
from triton_operator.controllers.autoscaler import Autoscaler
from triton_operator.controllers.device_reader import DeviceReader
from triton_operator.controllers.errors import (
    ApiConflict,
    ApiError,
    ApiNotFound,
    ApiUnavailable,
)
from triton_operator.controllers.event_reader import EventReader
from triton_operator.controllers.inference_service import reconcile
from triton_operator.controllers.keys import Key
from triton_operator.controllers.kinds import (
    BY_NAME,
    DEPLOYMENT,
    INFERENCE_SERVICE,
    OPTIONAL,
    POD_MONITOR,
    SERVING_POOL,
    Kind,
)
from triton_operator.controllers.leading import AGAIN_SECONDS, lead_here, may_go
from triton_operator.controllers.observed import ApplyProblem, Observed, Outcome
from triton_operator.controllers.observer import Observer
from triton_operator.controllers.pool_set import PoolSet
from triton_operator.controllers.queue import KeyQueue, Priority, QueueClosed
from triton_operator.controllers.reconcile_log import reconciling
from triton_operator.controllers.serving_pool import reconcile_pool
from triton_operator.controllers.status_writer import StatusWriter
from triton_operator.controllers.store import Store
from triton_operator.controllers.times import sooner
from triton_operator.controllers.views import DeploymentView, ServiceView, SpecView
from triton_operator.controllers.writer import Blocked, Writer
from triton_operator.manifests.companions import NO_COMPANIONS, Companions
from triton_operator.manifests.fetching import FetchSettings
from triton_operator.planning.pools import PoolDefaults

logger = logging.getLogger(__name__)
Manifest = dict[str, Any]
ALL_POOLS = Key("Pools", "", "")
"""Stands for the set of pools: declared ones and those inferred from nodes."""


@dataclass
class Counts:
    """What happened so far, for metrics."""

    reconciles: dict[str, int] = field(default_factory=dict)

    def count(self, result: str) -> None:
        """One more reconcile that ended as `result`."""
        self.reconciles[result] = self.reconciles.get(result, 0) + 1


class Controller:
    """Workers over one queue. `now` gives seconds since the epoch.

    `serves`: whether what is in a namespace is known, so that something can be decided there.
    """

    def __init__(
        self,
        *,
        store: Store,
        queue: KeyQueue[Key],
        server: ApiServer,
        writer: Writer,
        announcer: Announcer,
        events: EventReader,
        devices: DeviceReader,
        autoscaler: Autoscaler,
        fetch: FetchSettings,
        defaults: PoolDefaults,
        now: Callable[[], float],
        companions: Companions = NO_COMPANIONS,
        serves: Callable[[str], bool] = lambda _: True,
    ) -> None:
        self._store = store
        self._queue = queue
        self._server = server
        self._writer = writer
        self._devices = devices
        self._autoscaler = autoscaler
        self._wanted_companions = companions
        self._now = now
        # One: a plan is Python and numpy, and two at a time would only wait for each other.
        self._thread = ThreadPoolExecutor(1, "plans")
        self._pools = PoolSet(store, defaults, now)
        self._observer = Observer(
            store=store,
            pools=self._pools,
            events=events,
            devices=devices,
            autoscaler=autoscaler,
            fetch=fetch,
            companions=replace(companions, monitors=None),
            now=now,
        )
        self._status = StatusWriter(
            store=store,
            server=server,
            writes=writer.writes,
            announcer=announcer,
            concern=self.concern,
        )
        self._serves = serves
        self._sweeping: set[Key] = set()
        self.counts = Counts()

    def concern(self, keys: Iterable[Key], priority: Priority = Priority.USER) -> None:
        """Something about these keys changed; if the pools did, it concerns everything.

        `Priority.USER` is kept for edits that no status answers yet, whoever brings the news: the
        event of a pod is none, and an edit that only a listing shows is one.
        """
        for key in keys:
            self._queue.add(key, self._priority(key, max(priority, Priority.CLUSTER)))
        if self._pools.is_old:
            # By a key, so that a thousand nodes that come at once are looked at once.
            self._queue.add(ALL_POOLS)

    @property
    def ca_bundle(self) -> str | None:
        """The certificate authorities that services get, PEM."""
        return self._observer.fetch.ca_bundle

    def trust(self, ca_bundle: str | None) -> None:
        """Give services these authorities from now on; the next sweep brings them to all."""
        self._observer.fetch = replace(self._observer.fetch, ca_bundle=ca_bundle)

    def can_make(self, kinds: frozenset[str]) -> None:
        """Which optional kinds the API server knows now; until this is called, none."""
        monitors = self._wanted_companions.monitors if POD_MONITOR.kind in kinds else None
        self._observer.companions = replace(self._observer.companions, monitors=monitors)
        self._observer.optional_kinds = kinds

    def close(self) -> None:
        """Begin no plan any more; one that is being made holds nobody up here."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def sweep(self) -> None:
        """Look at everything again, and verify what was only believed so far."""
        for kind in (SERVING_POOL.kind, INFERENCE_SERVICE.kind):
            for view in self._store.every(kind):
                key = Key(view.kind, view.namespace, view.name)
                self._sweeping.add(key)
                self._queue.add(key, Priority.SWEEP)

    def take_over(self) -> None:
        """Look at everything once, first at the edits that no leader has answered yet."""
        services = self._store.every(INFERENCE_SERVICE.kind)
        self.concern(
            (Key(view.kind, view.namespace, view.name) for view in services), Priority.SWEEP
        )

    async def work(self) -> None:
        """Reconcile key after key until the queue is closed."""
        while True:
            try:
                key = await self._queue.get()
            except QueueClosed:
                return
            began = asyncio.get_running_loop().time()
            try:
                with reconciling(key) as this:
                    await self._one(key)
                    if this.changes:
                        seconds = asyncio.get_running_loop().time() - began
                        pairs = {"changes": this.changes, "duration_seconds": round(seconds, 3)}
                        logger.info("Reconciled.", extra=pairs)
            finally:
                self._queue.done(key)

    async def _one(self, key: Key) -> None:
        try:
            if key == ALL_POOLS:
                self._look_at_pools()
            elif key.kind == SERVING_POOL.kind:
                await self._serving_pool(key)
            else:
                await self._inference_service(key)
        except Blocked as blocked:
            self._retry(key, "blocked", blocked.problem.message)
        except ApiUnavailable as error:
            self._retry(key, "unavailable", str(error), error.retry_after)
        except (ApiConflict, ApiNotFound) as error:
            # Read stale, or deleted meanwhile: the next look sees what is there now.
            self._retry(key, "conflict", str(error))
        except ApiError as error:
            self._retry(key, "refused", str(error))
        except asyncio.CancelledError:
            raise
        except Exception:
            logger.exception("A reconcile failed with a bug.")
            self._retry(key, "bug", "")
        else:
            self._queue.forget(key)
            self.counts.count("ok")

    def _priority(self, key: Key, otherwise: Priority) -> Priority:
        view = self._store.get(key.kind, key.namespace, key.name)
        if isinstance(view, ServiceView | SpecView) and (
            view.status.get("observedGeneration") != view.generation
        ):
            return Priority.USER
        return otherwise

    def _retry(self, key: Key, result: str, message: str, after: float | None = None) -> None:
        self.counts.count(result)
        priority = self._priority(key, Priority.CLUSTER)
        after = self._queue.retry(key, at_least=after or 0.0, priority=priority)
        if message:
            logger.warning(
                "A reconcile is tried again.",
                extra={"result": result, "why": message, "after_seconds": round(after, 2)},
            )

    async def _inference_service(self, key: Key) -> None:
        service = self._store.service(key.namespace, key.name)
        ours = service is not None and service.is_ours and not service.deleting
        if service is None or not ours or not self._serves(key.namespace):
            self._devices.ask(key, ())
            self._autoscaler.forget(key)
            return
        verify = key in self._sweeping
        self._sweeping.discard(key)
        observed = await self._observe(service)
        outcome = await self._reconciled(observed)
        blocked: Blocked | None = None
        try:
            before = self._writer.writes.total
            unrouted = await self._carry_out(service, outcome, verify=verify)
            refused = await self._measure(outcome, verify=verify)
            if refused or unrouted or self._writer.writes.total > before:
                # The answers are in the store by now: one status tells what was begun, too.
                seen = await self._observe(service)
                seen = replace(seen, measuring_problem=refused, routing_problem=unrouted)
                again = await self._reconciled(seen)
                due = sooner(outcome.requeue_after_seconds, again.requeue_after_seconds)
                due = sooner(due, AGAIN_SECONDS if unrouted else None)
                outcome = replace(again, requeue_after_seconds=due)
        except Blocked as error:
            blocked = error
            outcome = await self._reconciled(replace(observed, problem=error.problem))
        await self._status.write(service, outcome)
        self._devices.ask(key, outcome.device_questions)
        if outcome.scaling_question is not None:
            # Without a plan for the new spec, what serves goes on, and its load is followed.
            self._autoscaler.follow(key, outcome.scaling_question)
        if blocked:
            raise blocked
        if outcome.requeue_after_seconds is not None:
            self._queue.add_after(key, outcome.requeue_after_seconds)

    async def _reconciled(self, observed: Observed) -> Outcome:
        """What is wanted; in a thread where measurements count, of which new ones take 0.2 s."""
        if not observed.measurements:
            return reconcile(observed)
        return await asyncio.get_running_loop().run_in_executor(self._thread, reconcile, observed)

    async def _observe(self, service: ServiceView) -> Observed:
        if self._pools.is_old:
            self._look_at_pools()
        return await self._observer.observe(service)

    async def _carry_out(
        self, service: ServiceView, outcome: Outcome, *, verify: bool
    ) -> ApplyProblem | None:
        """Write what differs, but for what measures the model; why requests do not get here as they
        should, for its condition only."""
        # First, as it is refused by nobody's mistake: pods that are aside come back at any rate.
        await self._writer.direct(service.namespace, outcome.traffic)
        try:
            await self._apply(outcome.apply, verify=verify)
        except (Blocked, ApiError):
            with contextlib.suppress(Blocked, ApiError):
                await self._raise_replicas(service, outcome)
            raise
        for name, replicas in outcome.replicas.items():
            await self._writer.scale(
                service.namespace, name, replicas, outcome.removable.get(name, ())
            )
        unrouted = await lead_here(outcome.ways, lambda one: self._apply((one,), verify=verify))
        for child in outcome.delete:
            if may_go(child, unrouted):
                await self._writer.delete(child)
        return unrouted

    async def _measure(self, outcome: Outcome, *, verify: bool) -> ApplyProblem | None:
        """Write what measures the model, after all else; why it cannot be, for its condition only.

        Nothing that serves depends on it, so that whatever is wrong with it stops nothing.
        """
        for manifest in outcome.measuring:
            try:
                await self._writer.apply(manifest, verify=verify)
            except Blocked as blocked:
                return blocked.problem
            except ApiError as error:
                name = f"{manifest['kind']} {manifest['metadata']['name']}"
                return ApplyProblem(reasons.APPLY_REFUSED, f"{name} cannot be written: {error}")
        return None

    async def _apply(self, manifests: Iterable[Manifest], *, verify: bool) -> None:
        for manifest in manifests:
            try:
                await self._writer.apply(manifest, verify=verify)
            except ApiNotFound:
                if not await self._is_forgotten(BY_NAME[manifest["kind"]]):
                    raise

    async def _raise_replicas(self, service: ServiceView, outcome: Outcome) -> None:
        """More replicas of what serves: one object that is refused does not stop scaling.

        None is removed: what should serve instead of it may be what cannot be written.
        """
        for name, replicas in outcome.replicas.items():
            live = self._store.get(DEPLOYMENT.kind, service.namespace, name)
            if isinstance(live, DeploymentView) and live.replicas < replicas:
                await self._writer.scale(service.namespace, name, replicas)

    async def _is_forgotten(self, kind: Kind) -> bool:
        """Whether the cluster does not know an optional kind any more; then nobody wants it."""
        if kind not in OPTIONAL or await self._server.serves(kind):
            return False
        self.can_make(self._observer.optional_kinds - {kind.kind})
        return True

    async def _serving_pool(self, key: Key) -> None:
        view = self._store.get(key.kind, "", key.name)
        if not isinstance(view, SpecView) or view.deleting:
            return
        status = reconcile_pool(view, self._store.nodes(), self._now())
        if status == view.status:
            return
        body = await self._server.apply_status(SERVING_POOL, "", view.name, view.uid, status)
        self.concern(self._store.put(SERVING_POOL, body))

    def _look_at_pools(self) -> None:
        look = self._pools.look()
        self.concern(Key(view.kind, "", view.name) for view in self._store.every(SERVING_POOL.kind))
        if look.again_seconds is not None:
            self._queue.add_after(ALL_POOLS, look.again_seconds)
        if look.changed:
            for view in self._store.every(INFERENCE_SERVICE.kind):
                self._queue.add(Key(view.kind, view.namespace, view.name), Priority.SWEEP)
