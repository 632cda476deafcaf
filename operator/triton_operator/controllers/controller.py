"""The loop of every worker: take a key, look, decide, carry out, remember."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import ValidationError

from triton_operator.api import reasons
from triton_operator.api.model_profile import ModelProfileSpec
from triton_operator.api.serving_pool import ServingPoolSpec
from triton_operator.controllers.announcer import Announcer
from triton_operator.controllers.api_server import ApiServer
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
    INFERENCE_SERVICE,
    OPTIONAL,
    SERVING_POOL,
    Kind,
)
from triton_operator.controllers.model_resolution import candidate_digests
from triton_operator.controllers.observed import Observed, Outcome
from triton_operator.controllers.queue import KeyQueue, Priority, QueueClosed
from triton_operator.controllers.reconcile_log import reconciling
from triton_operator.controllers.serving_pool import reconcile_pool
from triton_operator.controllers.silence import to_ask
from triton_operator.controllers.store import Store
from triton_operator.controllers.times import sooner
from triton_operator.controllers.views import DeploymentView, ObjectView, ServiceView, SpecView
from triton_operator.controllers.writer import Blocked, Writer
from triton_operator.manifests.companions import NO_COMPANIONS, Companions
from triton_operator.manifests.fetching import FetchSettings
from triton_operator.planning.node_summary import NodeSummary, summarise
from triton_operator.planning.pools import Pool, PoolDefaults, label_keys, pools_on
from triton_operator.planning.surge import largest_free_block

logger = logging.getLogger(__name__)
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
        self._announcer = announcer
        self._events = events
        self._devices = devices
        self._fetch = fetch
        self._defaults = defaults
        self._wanted_companions = companions
        self._companions = replace(companions, monitors=None)
        self._now = now
        self._serves = serves
        self._pools: tuple[Pool, ...] = ()
        self._pools_version = -1
        self._nodes: NodeSummary | None = None
        self._sweeping: set[Key] = set()
        self.counts = Counts()

    def concern(self, keys: Iterable[Key], priority: Priority = Priority.USER) -> None:
        """Something about these keys changed; if the pools did, it concerns everything."""
        for key in keys:
            self._queue.add(key, priority)
        if self._store.pools_version != self._pools_version:
            # By a key, so that a thousand nodes that come at once are looked at once.
            self._queue.add(ALL_POOLS)

    @property
    def ca_bundle(self) -> str | None:
        """The certificate authorities that services get, PEM."""
        return self._fetch.ca_bundle

    def trust(self, ca_bundle: str | None) -> None:
        """Give services these authorities from now on; the next sweep brings them to all."""
        self._fetch = replace(self._fetch, ca_bundle=ca_bundle)

    def can_monitor(self, served: bool) -> None:
        """Whether the API server knows PodMonitors now; until this is called, it does not."""
        monitors = self._wanted_companions.monitors if served else None
        self._companions = replace(self._companions, monitors=monitors)

    def sweep(self) -> None:
        """Look at everything again, and verify what was only believed so far."""
        for kind in (SERVING_POOL.kind, INFERENCE_SERVICE.kind):
            for view in self._store.every(kind):
                key = Key(view.kind, view.namespace, view.name)
                self._sweeping.add(key)
                self._queue.add(key, Priority.SWEEP)

    def take_over(self) -> None:
        """Look at everything once, first at the edits that no leader has answered yet."""
        self.concern(())
        for view in self._store.every(INFERENCE_SERVICE.kind):
            answered = isinstance(view, ServiceView) and (
                view.status.get("observedGeneration") == view.generation
            )
            key = Key(view.kind, view.namespace, view.name)
            self._queue.add(key, Priority.SWEEP if answered else Priority.USER)

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
                self._refresh_pools()
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

    def _retry(self, key: Key, result: str, message: str, after: float | None = None) -> None:
        self.counts.count(result)
        after = self._queue.retry(key, at_least=after or 0.0)
        if message:
            logger.warning(
                "A reconcile is tried again.",
                extra={"result": result, "why": message, "after_seconds": round(after, 2)},
            )

    async def _inference_service(self, key: Key) -> None:
        service = self._store.service(key.namespace, key.name)
        if service is None or service.deleting or not self._serves(key.namespace):
            self._devices.ask(key, ())
            return
        verify = key in self._sweeping
        self._sweeping.discard(key)
        observed = await self._observe(service)
        outcome = reconcile(observed)
        blocked: Blocked | None = None
        try:
            if await self._carry_out(service, outcome, verify=verify):
                # The answers are in the store by now: one status tells what was begun, too.
                again = reconcile(await self._observe(service))
                due = sooner(outcome.requeue_after_seconds, again.requeue_after_seconds)
                outcome = replace(again, requeue_after_seconds=due)
        except Blocked as error:
            blocked = error
            outcome = reconcile(replace(observed, problem=error.problem))
        await self._write_status(service, outcome)
        self._devices.ask(key, outcome.device_questions)
        if blocked:
            raise blocked
        if outcome.requeue_after_seconds is not None:
            self._queue.add_after(key, outcome.requeue_after_seconds)

    async def _observe(self, service: ServiceView) -> Observed:
        observed = self._remembered(service)
        silent = to_ask(observed)
        return replace(observed, events=await self._events.about(silent)) if silent else observed

    def _remembered(self, service: ServiceView) -> Observed:
        if self._store.pools_version != self._pools_version:
            self._refresh_pools()
        children = tuple(self._store.children(service.namespace, service.uid))
        autoscalers = {
            child.name: autoscaler
            for child in children
            if isinstance(child, DeploymentView)
            and (autoscaler := self._store.autoscaler_of(service.namespace, child.name))
        }
        profiles = {}
        for digest in candidate_digests(service):
            view = self._store.profile(service.namespace, digest)
            facts = ModelProfileSpec.model_validate(view.spec).facts if view else None
            if facts is not None:
                profiles[digest] = facts
        return Observed(
            service=service,
            children=children,
            profiles=profiles,
            pools=self._pools,
            autoscalers=autoscalers,
            fetch=self._fetch,
            companions=self._companions,
            now=self._now(),
            free_accelerators=self._free_accelerators(children),
            devices=self._devices.known(Key(service.kind, service.namespace, service.name)),
        )

    def _free_accelerators(self, children: Iterable[ObjectView]) -> dict[str, int]:
        """Of the pools on which the service has Deployments and that have accelerators."""
        used = {child.pool for child in children if isinstance(child, DeploymentView)}
        return {
            pool.name: largest_free_block(pool, self._store.nodes(), self._store.devices_taken())
            for pool in self._pools
            if pool.is_gpu and pool.has_nodes and pool.name in used
        }

    async def _carry_out(self, service: ServiceView, outcome: Outcome, *, verify: bool) -> bool:
        """Write what differs; whether anything did."""
        before = self._writer.writes.total
        for manifest in outcome.apply:
            try:
                await self._writer.apply(manifest, verify=verify)
            except ApiNotFound:
                if not await self._is_forgotten(BY_NAME[manifest["kind"]]):
                    raise
        for name, replicas in outcome.replicas.items():
            await self._writer.scale(service.namespace, name, replicas)
        for child in outcome.delete:
            await self._writer.delete(child)
        return self._writer.writes.total > before

    async def _is_forgotten(self, kind: Kind) -> bool:
        """Whether the cluster does not know an optional kind any more; then nobody wants it."""
        if kind not in OPTIONAL or await self._server.serves(kind):
            return False
        self.can_monitor(False)
        return True

    async def _write_status(self, service: ServiceView, outcome: Outcome) -> None:
        if outcome.status is None or _is_written(outcome.status, service.status):
            return
        try:
            body = await self._server.apply_status(
                INFERENCE_SERVICE, service.namespace, service.name, service.uid, outcome.status
            )
        except (ApiConflict, ApiNotFound):
            if await self._is_gone(service):
                return
            raise
        self._writer.writes.count("Status", "status")
        _log_change(service, outcome.status)
        # The answer may carry an edit that came meanwhile; its own event would then be no news.
        self.concern(self._store.put(INFERENCE_SERVICE, body))
        if body["metadata"]["uid"] != service.uid:
            # Made anew meanwhile: the API server does not look at the uid of a status. The store
            # has the new one now, and its own reconcile replaces what was just written.
            return
        await self._announcer.announce(service, outcome.events)

    async def _is_gone(self, service: ServiceView) -> bool:
        """Whether a service was deleted unseen; then it is forgotten.

        Else it would be reconciled again whenever garbage collection takes one of its children.
        """
        live = await self._server.get(INFERENCE_SERVICE, service.namespace, service.name)
        if live is not None and live["metadata"]["uid"] == service.uid:
            return False
        self._store.remove(INFERENCE_SERVICE, service.namespace, service.name, service.uid)
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

    def _refresh_pools(self) -> None:
        self._pools_version = self._store.pools_version
        declared: dict[str, ServingPoolSpec] = {}
        for view in self._store.every(SERVING_POOL.kind):
            self._queue.add(Key(SERVING_POOL.kind, "", view.name))
            try:
                declared[view.name] = ServingPoolSpec.model_validate(_spec(view))
            except ValidationError as error:
                # Its own status says so; the other pools go on.
                logger.warning(
                    "A ServingPool is not valid.", extra={"pool": view.name, "error": str(error)}
                )
        now = self._now()
        self._nodes = summarise(
            self._store.nodes(), label_keys(declared.values()), now=now, before=self._nodes
        )
        if self._nodes.next_change is not None:
            self._queue.add_after(ALL_POOLS, self._nodes.next_change - now)
        before, self._pools = self._pools, pools_on(declared, self._nodes, self._defaults)
        if before != self._pools:
            for view in self._store.every(INFERENCE_SERVICE.kind):
                self._queue.add(Key(view.kind, view.namespace, view.name), Priority.SWEEP)


def _is_written(wanted: Mapping[str, Any], live: Mapping[str, Any]) -> bool:
    """Whether the status is as wanted; rows that others added to the conditions are theirs."""
    types = {condition["type"] for condition in wanted.get("conditions") or ()}
    ours = [row for row in live.get("conditions") or () if row.get("type") in types]
    return {**live, "conditions": ours} == {"conditions": [], **wanted}


def _log_change(service: ServiceView, status: Mapping[str, Any]) -> None:
    """One line when Ready turns, or has another reason."""
    before, after = (_ready(one) for one in (service.status, status))
    if (before.get("status"), before.get("reason")) != (after.get("status"), after.get("reason")):
        logger.info(
            "Ready changed.",
            extra={
                "ready": after.get("status"),
                "reason": after.get("reason"),
                "why": after.get("message"),
            },
        )


def _ready(status: Mapping[str, Any]) -> Mapping[str, Any]:
    rows = status.get("conditions") or ()
    return next((row for row in rows if row.get("type") == reasons.READY), {})


def _spec(view: ObjectView) -> Mapping[str, Any]:
    """The spec of a view that has one, else an empty one."""
    return view.spec if isinstance(view, SpecView) else {}
