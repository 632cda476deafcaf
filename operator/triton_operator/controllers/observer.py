"""Collects what a reconcile of one InferenceService may look at."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from triton_operator.api.tool_versions import tool_versions
from triton_operator.controllers.autoscaler import Autoscaler
from triton_operator.controllers.candidate_digests import candidate_digests
from triton_operator.controllers.converting import asks_for_a_copy, own_conversions
from triton_operator.controllers.device_reader import DeviceReader
from triton_operator.controllers.event_reader import EventReader
from triton_operator.controllers.keys import Key
from triton_operator.controllers.kinds import JOB, MODEL_PROFILE
from triton_operator.controllers.measuring import is_to_be_measured, own_rows
from triton_operator.controllers.observed import FoundOut, Observed
from triton_operator.controllers.pool_set import PoolSet
from triton_operator.controllers.profiles import conversions, measurements, read_profiles
from triton_operator.controllers.silence import to_ask
from triton_operator.controllers.store import Store
from triton_operator.controllers.views import DeploymentView, JobView, ServiceView, SpecView
from triton_operator.manifests import names
from triton_operator.manifests.companions import Companions
from triton_operator.manifests.fetching import FetchSettings

Row = TypeVar("Row")


class Observer:
    """Looks into the store, and asks for Events only about what is silent.

    `fetch` and `companions` are the operator's settings, which may change while it runs, as may the
    `optional_kinds` that the API server knows. `now` gives seconds since the epoch.
    """

    def __init__(
        self,
        *,
        store: Store,
        pools: PoolSet,
        events: EventReader,
        devices: DeviceReader,
        autoscaler: Autoscaler,
        fetch: FetchSettings,
        companions: Companions,
        now: Callable[[], float],
    ) -> None:
        self._store = store
        self._pools = pools
        self._events = events
        self._devices = devices
        self._autoscaler = autoscaler
        self._now = now
        self._tool_versions = tool_versions()
        self.fetch = fetch
        self.companions = companions
        self.optional_kinds: frozenset[str] = frozenset()

    async def observe(self, service: ServiceView) -> Observed:
        """Everything about a service.

        Raises:
            ApiError: the Events of a silent object cannot be read.
        """
        observed = self._remembered(service)
        silent = to_ask(observed)
        return replace(observed, events=await self._events.about(silent)) if silent else observed

    def _remembered(self, service: ServiceView) -> Observed:
        children = tuple(self._store.children(service.namespace, service.uid))
        autoscalers = {
            child.name: autoscaler
            for child in children
            if isinstance(child, DeploymentView)
            and (autoscaler := self._store.autoscaler_of(service.namespace, child.name))
        }
        profiles = {
            digest: found
            for digest in candidate_digests(service)
            if (found := read_profiles(digest, self._store.profiles(service.namespace, digest)))
        }
        key = Key(service.kind, service.namespace, service.name)
        rows = dict(self._rows(service, conversions))
        own = self._own_profile(service, converted=bool(rows))
        return Observed(
            service=service,
            children=children,
            profiles=profiles,
            pools=self._pools.pools,
            autoscalers=autoscalers,
            fetch=self.fetch,
            companions=self.companions,
            optional_kinds=self.optional_kinds,
            now=self._now(),
            free_accelerators=self._pools.free_accelerators(children),
            devices=self._devices.known(key),
            measurements=dict(self._rows(service, measurements)),
            measured=tuple(own_rows(own)),
            conversions=rows,
            tool_versions=self._tool_versions,
            converted=tuple(own_conversions(own)),
            found_out=self._found_out(service),
            jobs_elsewhere=self._jobs_elsewhere(service),
            scaling=self._autoscaler.known(key),
            aside=self._autoscaler.aside(key),
        )

    def _rows(
        self, service: ServiceView, read: Callable[[str, Iterable[SpecView]], list[Row]]
    ) -> Iterator[tuple[str, tuple[Row, ...]]]:
        for digest in candidate_digests(service):
            if found := read(digest, self._store.profiles(service.namespace, digest)):
                yield digest, tuple(found)

    def _own_profile(self, service: ServiceView, *, converted: bool) -> Mapping[str, Any]:
        """What was found out here, from the profile that only the operator writes.

        Of a model that anybody has `converted`, pods may be what finds something out.
        """
        if converted or _finds_out(service):
            for digest in candidate_digests(service)[:1]:
                return self._own_spec(service, digest)
        return {}

    def _found_out(self, service: ServiceView) -> dict[str, FoundOut]:
        if not service.spec.get("variants") or not is_to_be_measured(service):
            return {}
        specs = {digest: self._own_spec(service, digest) for digest in candidate_digests(service)}
        return {
            digest: FoundOut(tuple(own_rows(spec)), tuple(own_conversions(spec)))
            for digest, spec in specs.items()
        }

    def _own_spec(self, service: ServiceView, digest: str) -> Mapping[str, Any]:
        name = names.measured_profile(digest)
        found = self._store.get(MODEL_PROFILE.kind, service.namespace, name)
        return found.spec if isinstance(found, SpecView) else {}

    def _jobs_elsewhere(self, service: ServiceView) -> tuple[JobView, ...]:
        if not _finds_out(service):
            return ()
        return tuple(
            job
            for job in self._store.every(JOB.kind)
            if isinstance(job, JobView)
            and job.measures
            and job.namespace == service.namespace
            and job.owner_uid != service.uid
            and not job.deleting
        )


def _finds_out(service: ServiceView) -> bool:
    """Whether Jobs may be started to find something out about its model.

    Both parts of the profile are read for either: who writes it writes both.
    """
    return is_to_be_measured(service) or asks_for_a_copy(service)
