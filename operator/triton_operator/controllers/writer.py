"""Carries out an Outcome: only what differs is written, and every answer is remembered."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from triton_operator.api import labels, reasons
from triton_operator.controllers.api_server import ApiServer
from triton_operator.controllers.deletion_costs import mark_for_removal
from triton_operator.controllers.errors import ApiConflict, ApiNotFound, ApiRefused
from triton_operator.controllers.keys import Key
from triton_operator.controllers.kinds import (
    BY_NAME,
    CONFIG_MAP,
    DEPLOYMENT,
    DISRUPTION_BUDGET,
    JOB,
    MODEL_PROFILE,
    NETWORK_POLICY,
    POD_MONITOR,
    SERVICE,
    Kind,
)
from triton_operator.controllers.observed import ApplyProblem
from triton_operator.controllers.reconcile_log import note_change
from triton_operator.controllers.refusal_words import refusal
from triton_operator.controllers.store import Store
from triton_operator.controllers.traffic_labels import label_traffic
from triton_operator.controllers.views import DeploymentView, ObjectView, SpecView, view_of

ObjectId = tuple[str, str, str]
UNPROCESSABLE = 422
MERGING = (SERVICE, CONFIG_MAP, DISRUPTION_BUDGET, NETWORK_POLICY, POD_MONITOR)
"""Kinds into which an apply can merge without a conflict: a Service or a budget without a selector,
a policy of the same pods, data with other keys. Their names are looked up before the first write.
"""


class Blocked(Exception):
    """A child cannot be written; the reason belongs into the status."""

    def __init__(self, problem: ApplyProblem) -> None:
        super().__init__(problem.message)
        self.problem = problem


@dataclass
class Writes:
    """How many writes were done, were not needed and were refused, by kind."""

    done: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)

    @property
    def total(self) -> int:
        """Writes of every kind."""
        return self.done.total()

    def count(self, kind: str, what: str = "") -> None:
        """One more write of `kind`; `what` was written goes into the log."""
        self.done[kind] += 1
        note_change(what or kind)


class Writer:
    """Applies children, replicas and deletions through the API server into the store.

    An object is written when its desired hash differs from the one that it carries, or when its
    version shows that somebody else changed it since the operator wrote it. After a start nothing
    is known of what happened meanwhile: then the hash is believed until the first sweep verifies.
    """

    def __init__(
        self, server: ApiServer, store: Store, concern: Callable[[Iterable[Key]], None]
    ) -> None:
        self._server = server
        self._store = store
        self._concern = concern
        self._written: dict[ObjectId, tuple[str, str]] = {}
        self._unverified: set[ObjectId] = set()
        self.writes = Writes()

    async def apply(self, manifest: Mapping[str, Any], *, verify: bool = False) -> None:
        """Write a child unless it is as wanted; `verify` believes no hash from before the start.

        Raises:
            Blocked: the object belongs to somebody else, or the API server refuses it.
            ApiError: it may go through later.
        """
        metadata = manifest["metadata"]
        kind = BY_NAME[manifest["kind"]]
        namespace, name = metadata["namespace"], metadata["name"]
        live = self._store.get(kind.kind, namespace, name)
        place = (kind.kind, namespace, name)
        try:
            if live is not None and not _is_child(live, metadata):
                raise Blocked(_stranger(live, kind, metadata))
            if live is not None and self._is_as_wanted(place, live, manifest, verify):
                self.writes.skipped[kind.kind] += 1
                return
            try:
                body = await self._apply(kind, manifest, known=live is not None)
            except ApiRefused as error:
                raise _refused(kind, name, error) from error
        except Blocked:
            self.writes.refused[kind.kind] += 1
            raise
        self.writes.count(kind.kind, f"{kind.kind} {name}")
        concerned = self._store.put(kind, body)
        if kind.kind == MODEL_PROFILE.kind:
            # Facts found for one service may be what others wait for.
            self._concern(concerned)
        written = view_of(kind.kind, body)
        self._written[place] = (written.uid, written.version)
        self._unverified.discard(place)

    async def scale(
        self, namespace: str, name: str, replicas: int, removable: Sequence[str] = ()
    ) -> bool:
        """Write replicas where they differ; whether a write was needed.

        `removable` names ready pods in the order in which they should go. Those that are not ready
        go before them.
        """
        live = self._store.get(DEPLOYMENT.kind, namespace, name)
        if not isinstance(live, DeploymentView) or live.replicas == replicas:
            return False
        if surplus := max(0, live.ready - replicas):
            first, later = removable[:surplus], removable[surplus:]
            await mark_for_removal(self._server, self._store, namespace, first, later)
        try:
            await self._server.scale(DEPLOYMENT, namespace, name, replicas)
        except ApiNotFound:
            return False
        except ApiRefused as error:
            raise _refused(DEPLOYMENT, name, error) from error
        self.writes.count("Scale", f"{DEPLOYMENT.kind} {name} scaled to {replicas}")
        place = (DEPLOYMENT.kind, namespace, name)
        if self._written.get(place) == (live.uid, live.version):
            # Replicas are part of the spec, so the generation grows by one; any other number means
            # that somebody else wrote too.
            after = replace(live, generation=live.generation + 1)
            self._written[place] = (live.uid, after.version)
        else:
            self._written.pop(place, None)
        return True

    async def direct(self, namespace: str, traffic: Mapping[str, str]) -> None:
        """Label pods by whether they get new requests; nothing waits for what is refused."""
        done = await label_traffic(self._server, self._store, namespace, traffic, self._concern)
        for name in done:
            self.writes.count("Traffic", f"Pod {name} {traffic[name]}")

    async def delete(self, child: ObjectView) -> None:
        """Delete an orphan, exactly the one that was seen."""
        kind = BY_NAME[child.kind]
        try:
            await self._server.delete(kind, child.namespace, child.name, child.uid)
        except ApiRefused as error:
            raise _refused(kind, child.name, error) from error
        self.writes.count("Delete", f"{child.kind} {child.name} deleted")
        self.forget(child.kind, child.namespace, child.name)

    def forget(self, kind: str, namespace: str, name: str) -> None:
        """The object is gone; nothing about it is remembered."""
        self._written.pop((kind, namespace, name), None)
        self._unverified.discard((kind, namespace, name))

    def _is_as_wanted(
        self, place: ObjectId, live: ObjectView, manifest: Mapping[str, Any], verify: bool
    ) -> bool:
        if live.deleting:
            return True
        if live.desired_hash != manifest["metadata"]["annotations"][labels.DESIRED_HASH]:
            # A Job's template cannot be changed, and it ends by itself. A profile is shared:
            # whoever wrote its facts first, they are facts.
            return live.kind == JOB.kind or (_has_facts(live) and "facts" in manifest["spec"])
        written = self._written.get(place)
        if verify and (written is None or place in self._unverified):
            return False
        if written is None:
            self._written[place] = (live.uid, live.version)
            self._unverified.add(place)
            return True
        return written == (live.uid, live.version)

    async def _apply(self, kind: Kind, manifest: Mapping[str, Any], *, known: bool) -> Any:
        if known:
            return await self._apply_known(kind, manifest)
        if kind in MERGING:
            await self._refuse_stranger(kind, manifest["metadata"], cached=True)
        try:
            # Without force: a stranger's selector or template of the same name is a conflict.
            return await self._server.apply(kind, manifest, force=False)
        except ApiConflict:
            live = await self._refuse_stranger(kind, manifest["metadata"])
            if live is None:
                # Gone since: the next look sees what is there, and nothing is taken by force.
                raise
        except ApiRefused:
            await self._refuse_stranger(kind, manifest["metadata"])
            raise
        if kind.kind == MODEL_PROFILE.kind:
            return live
        return await self._server.apply(kind, manifest, force=True)

    async def _apply_known(self, kind: Kind, manifest: Mapping[str, Any]) -> Any:
        try:
            return await self._server.apply(kind, manifest, force=True)
        except ApiRefused as error:
            if error.status != UNPROCESSABLE or "spec" not in manifest:
                raise
            return await self._replace_lists(kind, manifest)

    async def _refuse_stranger(
        self, kind: Kind, wanted: Mapping[str, Any], *, cached: bool = False
    ) -> Any:
        """The object that has a child's name, if any; Blocked where it is not this service's."""
        live = await self._server.get(kind, wanted["namespace"], wanted["name"], cached=cached)
        if live is not None and wanted.get("ownerReferences") and not _is_owned(live, wanted):
            raise Blocked(_not_owned(kind, wanted["name"]))
        return live

    async def _replace_lists(self, kind: Kind, manifest: Mapping[str, Any]) -> Any:
        """Put back a list in which somebody changed a row's key.

        An apply never removes the rows of others: a port renumbered by hand stays beside the one
        that is wanted, under the same name, and the result is invalid. A merge patch replaces
        whole lists; the apply after it makes the fields the operator's again.
        """
        metadata, spec = manifest["metadata"], manifest["spec"]
        if kind == DISRUPTION_BUDGET:
            # Somebody's `minAvailable` excludes what is wanted instead of it.
            spec = {**spec, "minAvailable": None}
        await self._server.merge(kind, metadata["namespace"], metadata["name"], {"spec": spec})
        return await self._server.apply(kind, manifest, force=True)


def _stranger(live: ObjectView, kind: Kind, wanted: Mapping[str, Any]) -> ApplyProblem:
    """Why an object of another owner is in the way."""
    if live.service == wanted["labels"][labels.SERVICE]:
        return ApplyProblem(
            reasons.PREDECESSOR_LEAVING,
            f"{kind.kind} {wanted['name']} of the deleted InferenceService of this name is still "
            "being removed; if it stays, it was orphaned: delete it",
        )
    return _not_owned(kind, wanted["name"])


def _not_owned(kind: Kind, name: str) -> ApplyProblem:
    return ApplyProblem(
        reasons.NOT_OWNED,
        f"{kind.kind} {name} exists and belongs to somebody else; rename the InferenceService or "
        "delete that object",
    )


def _refused(kind: Kind, name: str, error: ApiRefused) -> Blocked:
    reason, said = refusal(error.message or error.reason, reasons.APPLY_REFUSED)
    return Blocked(ApplyProblem(reason, f"{kind.kind} {name}: {said}"))


def _has_facts(live: ObjectView) -> bool:
    return isinstance(live, SpecView) and bool(live.spec.get("facts"))


def _is_child(live: ObjectView, wanted: Mapping[str, Any]) -> bool:
    """Whether an object of ours is this service's: `a-cpu` may be another service's name too."""
    return not wanted.get("ownerReferences") or (
        live.owner_uid == wanted["labels"][labels.OWNER_UID]
    )


def _is_owned(live: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    owners = {owner["uid"] for owner in live["metadata"].get("ownerReferences") or ()}
    return any(owner["uid"] in owners for owner in wanted.get("ownerReferences") or ())
