"""Looks after each cluster: its mailbox, whether it is heard of, what its agent tells."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from triton_operator.api import reasons as conditions
from triton_operator.api.conditions import ConditionStatus, Finding, finding
from triton_operator.api.enums import ConnectionState
from triton_operator.api.inference_cluster import InferenceClusterSpec
from triton_operator.controllers.api_server import ApiServer
from triton_operator.controllers.errors import ApiConflict, ApiNotFound, ApiRefused
from triton_operator.controllers.kinds import LEASE, NAMESPACE
from triton_operator.fleet import status_reasons as reasons
from triton_operator.fleet.cluster_labels import unread_labels
from triton_operator.fleet.connection import Connection, Heartbeat
from triton_operator.fleet.mailbox import (
    AGENT,
    is_mailbox_of,
    mailbox_cluster,
    mailbox_namespace,
)
from triton_operator.fleet.member_facts import MemberFacts, member_facts
from triton_operator.hub.cluster_status import (
    ClusterLook,
    cluster_status,
    persisted_connection,
)
from triton_operator.hub.contacts import Contacts
from triton_operator.hub.kinds import INFERENCE_CLUSTER
from triton_operator.hub.known import Known
from triton_operator.hub.mailboxes import Mailboxes, MailboxTaken
from triton_operator.hub.probes import Probes
from triton_operator.hub.profiles import Profiles

logger = logging.getLogger(__name__)
Body = dict[str, Any]
NOTHING_TOLD = MemberFacts()
MOST_QUOTED = 300
"""Characters of an API server's words."""


class Clusters:
    """`now` gives seconds since the epoch, `moved(cluster)` hears of every change of state.
    `credentials(cluster)` are of one that the hub pushes to; None: it has an agent."""

    def __init__(
        self,
        *,
        server: ApiServer,
        known: Known,
        contacts: Contacts,
        mailboxes: Mailboxes,
        probes: Probes,
        profiles: Profiles,
        credentials: Callable[[str], Finding | None],
        now: Callable[[], float],
        moved: Callable[[str], None],
    ) -> None:
        self._server = server
        self._known = known
        self._contacts = contacts
        self._mailboxes = mailboxes
        self._probes = probes
        self._profiles = profiles
        self._credentials = credentials
        self._now = now
        self._moved = moved
        self._problems: dict[str, Finding | None] = {}
        self._unwritable: dict[str, tuple[MemberFacts, MemberFacts]] = {}
        """What an agent told and no status can have, and what is taken of it."""

    def state(self, cluster: str) -> ConnectionState:
        """Of its connection, as it was adopted last."""
        found = self._contacts.get(cluster)
        return ConnectionState.LOST if found is None else found.state

    def answers(self, cluster: str) -> bool | None:
        """Whether its endpoint does; None: not known."""
        return self._probes.get(cluster).answers

    def facts(self, cluster: str) -> MemberFacts:
        """What its agent tells."""
        namespace = mailbox_namespace(cluster)
        lease = self._known.leases.get(namespace, AGENT)
        told = NOTHING_TOLD if lease is None else member_facts(lease)
        unwritable, rest = self._unwritable.get(cluster, (None, told))
        return rest if told == unwritable else told

    def unread(self, body: Body) -> frozenset[str]:
        """Labels of an InferenceCluster that nobody has read in its ClusterProfile yet."""
        return unread_labels(body, self._profiles.refused(body))

    def take_over(self) -> None:
        """This hub leads from now on: what was written down counts."""
        self._contacts.forget_all()
        for body in self._known.clusters.objects.values():
            self._restore(body)
        self._contacts.listen()

    def beat(self, before: Body | None, after: Body | None) -> None:
        """A Lease in a mailbox has changed: its agent is there, whatever its clock says.

        Only a change counts: a Lease that was there before says nothing about now.
        """
        if after is None or _renewal(before) == _renewal(after):
            return
        cluster = mailbox_cluster(after["metadata"]["namespace"])
        body = None if cluster is None else self._known.clusters.get("", cluster)
        if cluster is None or body is None:
            return
        if before is None and not self._known.leases.synced.is_set():
            return
        if spec := self._known.specs.get(body):
            self._contacts.heard(cluster, _heartbeat(spec))

    def is_due(self, cluster: str) -> bool:
        """Whether time has changed what is known of it, so that it has to be reconciled."""
        body = self._known.clusters.get("", cluster)
        spec = None if body is None else self._known.specs.get(body)
        if body is None or spec is None:
            return False
        if self._contacts.get(cluster) is None or self._mailboxes.is_due(cluster):
            return True
        return self._status(body, spec)[1] != (body.get("status") or {})

    async def reconcile(self, cluster: str) -> None:
        """Have its mailbox and its status as they should be.

        Raises:
            ApiError: something was not written.
        """
        body = self._known.clusters.get("", cluster)
        if body is None:
            await self._depart(cluster)
            return
        spec = self._known.specs.get(body)
        if spec is None or body["metadata"].get("deletionTimestamp"):
            return
        self._restore(body)
        if self._mailboxes.is_due(cluster):
            self._problems[cluster] = await self._mailbox_problem(cluster)
        await self._profiles.read(cluster)
        status = body.get("status") or {}
        before = self._contacts.get(cluster)
        connection, wanted = self._status(body, spec)
        if before is not None and connection.state is not before.state:
            # A watch may be dead and not know it: what was not heard is asked for.
            await self._ask(cluster)
            before = self._contacts.get(cluster)
            connection, wanted = self._status(body, spec)
        if wanted != status:
            try:
                before, connection = await self._write(body, spec, connection, wanted)
            except (ApiConflict, ApiNotFound):
                return  # gone, or made anew: the watch tells
        if before is not None and self._contacts.adopt(cluster, before, connection):
            told = (
                ConnectionState(status["connectionState"]) if "connectionState" in status else None
            )
            if connection.state is not told:
                logger.info(
                    "A cluster's connection has changed.",
                    extra={
                        "cluster": cluster,
                        "state": connection.state.value,
                        "reason": connection.reason.value,
                        "before": told and told.value,
                    },
                )
                self._moved(cluster)

    async def _write(
        self, body: Body, spec: InferenceClusterSpec, connection: Connection, wanted: Body
    ) -> tuple[Connection | None, Connection]:
        """Write the status; the connections that were adopted and written then.

        What an agent tells must not keep a connection from being written: it would stay as it is.
        """
        metadata = body["metadata"]
        cluster, uid = metadata["name"], metadata["uid"]
        before, told = self._contacts.get(cluster), self.facts(cluster)

        async def write(status: Body) -> None:
            answer = await self._server.apply_status(INFERENCE_CLUSTER, "", cluster, uid, status)
            self._known.clusters.put(answer)

        try:
            await write(wanted)
        except ApiRefused as error:
            if not told.shown():
                raise
            said = f"the API server refuses it: {error.message}"[:MOST_QUOTED]
            rest = MemberFacts(refused=(*told.refused, said))
            before = self._contacts.get(cluster)
            connection, wanted = self._status(body, spec, rest)
            await write(wanted)
            self._unwritable[cluster] = told, rest
        return before, connection

    async def _ask(self, cluster: str) -> None:
        """Look at its Lease itself. Where that was renewed and nobody told, this hub was deaf, and
        no silence of any cluster means anything."""
        namespace = mailbox_namespace(cluster)
        lease = await self._server.get(LEASE, namespace, AGENT)
        if lease is None or _renewal(lease) == _renewal(self._known.leases.get(namespace, AGENT)):
            return
        self._contacts.listen()
        self._known.leases.put(lease)

    def _status(
        self, body: Body, spec: InferenceClusterSpec, facts: MemberFacts | None = None
    ) -> tuple[Connection, Body]:
        """The connection of now, and the status that says so."""
        cluster = body["metadata"]["name"]
        connection = self._contacts.observed(cluster, _heartbeat(spec))
        look = ClusterLook(
            connection=connection,
            facts=self.facts(cluster) if facts is None else facts,
            generation=body["metadata"]["generation"],
            paused=spec.paused,
            mailbox_problem=self._problems.get(cluster),
            data_plane=self._probes.get(cluster),
            profile=spec.cluster_profile,
            profile_look=self._profiles.look_of(cluster, spec.cluster_profile),
            pushed=self._credentials(cluster),
        )
        return connection, cluster_status(look, body.get("status") or {}, self._now())

    def _restore(self, body: Body) -> None:
        self._contacts.restore(
            body["metadata"]["name"], persisted_connection(body.get("status") or {})
        )

    async def _mailbox_problem(self, cluster: str) -> Finding | None:
        """Why the mailbox is not as it should be; None: it is."""
        try:
            await self._mailboxes.ensure(cluster)
        except MailboxTaken as taken:
            return _not_ready(reasons.MAILBOX_TAKEN, str(taken))
        except ApiRefused as error:
            return _not_ready(
                reasons.MAILBOX_REFUSED, f"the API server refuses its mailbox: {error.message}"
            )
        return None

    async def _depart(self, cluster: str) -> None:
        """The mailbox goes once the cluster is gone and every work in it was let go."""
        self._contacts.forget(cluster)
        self._mailboxes.forget(cluster)
        self._problems.pop(cluster, None)
        self._unwritable.pop(cluster, None)
        self._known.specs.forget(cluster)
        name = mailbox_namespace(cluster)
        if self._known.works_in(name):
            return
        if await self._server.get(INFERENCE_CLUSTER, "", cluster) is not None:
            return
        namespace = await self._server.get(NAMESPACE, "", name)
        if namespace is None or not is_mailbox_of(cluster, namespace):
            return
        await self._server.delete(NAMESPACE, "", name, namespace["metadata"]["uid"])
        logger.info("The mailbox of a cluster that is gone is deleted.", extra={"cluster": cluster})


def _heartbeat(spec: InferenceClusterSpec) -> Heartbeat:
    told = spec.heartbeat
    return Heartbeat(
        interval_seconds=float(told.interval_seconds),
        suspect_after_seconds=float(told.suspect_after_seconds),
        lost_after_seconds=float(told.lost_after_seconds),
        recover_for_seconds=float(told.recover_for_seconds),
    )


def _renewal(lease: Body | None) -> tuple[str, str]:
    """What a heartbeat changes; the member's clock is only compared with itself."""
    if lease is None:
        return "", ""
    return lease["metadata"]["uid"], (lease.get("spec") or {}).get("renewTime") or ""


def _not_ready(reason: str, message: str) -> Finding:
    return finding(conditions.READY, ConditionStatus.FALSE, reason, message)
