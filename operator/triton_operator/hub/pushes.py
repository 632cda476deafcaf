"""Clusters that the hub reaches itself: the agent's own routine, once for each of them.

Each is a task with connections of its own, to the cluster and to the hub's API server: one that
does not answer, or answers slowly, holds up no other, and no placement.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any, NamedTuple

from triton_operator.agent.link import Connector
from triton_operator.agent.sync import sync
from triton_operator.api.conditions import Finding
from triton_operator.api.inference_cluster import KubeConfigSource
from triton_operator.controllers.api_server import ApiServer
from triton_operator.controllers.errors import ApiError, ApiRefused
from triton_operator.controllers.member_connection import connect_to_member, tls_context
from triton_operator.fleet.agent_token import life_of
from triton_operator.fleet.mailbox import mailbox_cluster, mailbox_namespace
from triton_operator.fleet.member_kubeconfig import (
    MemberKubeconfig,
    RefusedKubeconfig,
    member_kubeconfig,
)
from triton_operator.fleet.push_credentials import PushCredentials
from triton_operator.fleet.work import is_leaving
from triton_operator.hub.kinds import SECRET
from triton_operator.hub.known import Known
from triton_operator.hub.push_notes import PushNotes
from triton_operator.hub.push_renewals import PushRenewals
from triton_operator.hub.secret_text import secret_place, secret_text

logger = logging.getLogger(__name__)
AT_ONCE = 16
"""Secrets that are read at the same time, from the hub's own API server."""
RETRY_SECONDS = 15.0
GOODBYE_SECONDS = 5.0
USUAL_INTERVAL_SECONDS = 15.0


class _Wish(NamedTuple):
    """By what a cluster is to be reached, and every how many seconds there is a heartbeat.

    `is_gone`: there is no InferenceCluster any more, and works are only taken back.
    """

    source: KubeConfigSource
    interval: float
    is_gone: bool = False


@dataclass
class _Push:
    credentials: PushCredentials
    wish: _Wish
    use: tuple[_Wish, str] | None = None
    """What its task was begun for, and by which kubeconfig."""
    task: asyncio.Task[None] | None = field(default=None, repr=False)


class Pushes:
    """`namespace` has the Secrets; `connect_hub` makes a connection to the hub's own API server."""

    def __init__(
        self,
        *,
        server: ApiServer,
        known: Known,
        namespace: str,
        connect_hub: Connector,
        renewals: PushRenewals,
        now: Callable[[], float],
    ) -> None:
        self._server = server
        self._renewals = renewals
        self._known = known
        self._namespace = namespace
        self._connect_hub = connect_hub
        self._now = now
        self._notes = PushNotes(server)
        self._pushes: dict[str, _Push] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._looks = asyncio.Semaphore(1)

    def credentials(self, cluster: str) -> Finding | None:
        """Whether its kubeconfig is of use; None: the hub does not push to it."""
        push = self._pushes.get(cluster)
        if push is not None:
            not_renewed = self._renewals.problem(cluster)
            return replace(push.credentials, not_renewed=not_renewed).finding(self._now())
        body = self._known.clusters.get("", cluster)
        spec = None if body is None else self._known.specs.get(body)
        source = None if spec is None else spec.cluster_source.kube_config
        if source is None:
            return None
        return PushCredentials(secret_place(self._namespace, source)).finding(self._now())

    async def look(self) -> None:
        """Begin what is wanted, go on with other credentials where these have changed, and end what
        is wanted no more."""
        wanted = self._wanted()
        for cluster in self._left():
            if (source := await self._remembered(cluster)) is not None:
                # Its works are to be taken back, which takes as long as it does.
                wanted[cluster] = _Wish(source, USUAL_INTERVAL_SECONDS, is_gone=True)
        for cluster in self._pushes.keys() - wanted.keys():
            self._end(self._pushes.pop(cluster))
        self._renewals.keep(set(wanted))
        await asyncio.gather(*(self._look(cluster, wish) for cluster, wish in wanted.items()))
        await self._notes.clear(self._with_agents())

    async def stop(self) -> None:
        """End all of them."""
        for push in self._pushes.values():
            self._end(push)
        self._pushes.clear()
        await self._renewals.stop()
        if self._ending:
            await asyncio.wait(self._ending, timeout=GOODBYE_SECONDS)

    def _wanted(self) -> dict[str, _Wish]:
        found = {}
        for body in self._known.clusters.objects.values():
            name = body["metadata"]["name"]
            spec = self._known.specs.get(body)
            if spec is not None and spec.cluster_source.kube_config is not None:
                interval = float(spec.heartbeat.interval_seconds)
                found[name] = _Wish(spec.cluster_source.kube_config, interval)
            elif spec is None and (push := self._pushes.get(name)) and not push.wish.is_gone:
                # A spec that this hub cannot read is left as it is.
                found[name] = push.wish
        return found

    def _with_agents(self) -> dict[str, str]:
        """UIDs of clusters that the hub does not push to, by name."""
        found = {}
        for body in self._known.clusters.objects.values():
            spec = self._known.specs.get(body)
            if spec is not None and spec.cluster_source.kube_config is None:
                found[body["metadata"]["name"]] = body["metadata"]["uid"]
        return found

    def _left(self) -> set[str]:
        """Clusters that were deleted, and have works that are to be taken back."""
        mailboxes = {
            place[0] for place, work in self._known.works.objects.items() if self._goes(work)
        }
        there = {name for _, name in self._known.clusters.objects}
        return {name for one in mailboxes if (name := mailbox_cluster(one))} - there

    def _goes(self, work: dict[str, Any]) -> bool:
        """Whether this hub wrote a work, and it is being deleted: nothing else is carried by
        credentials that only a mailbox names."""
        return self._known.is_ours(work) and is_leaving(work)

    async def _remembered(self, cluster: str) -> KubeConfigSource | None:
        """By which Secret a cluster was reached whose InferenceCluster is gone."""
        push = self._pushes.get(cluster)
        return await self._notes.read(cluster) if push is None else push.wish.source

    async def _look(self, cluster: str, wish: _Wish) -> None:
        unread = PushCredentials(secret_place(self._namespace, wish.source))
        push = self._pushes.setdefault(cluster, _Push(unread, wish))
        if push.wish.source != wish.source:
            push.credentials = unread
        push.wish = wish
        try:
            async with self._slots:
                kubeconfig = await self._kubeconfig(wish.source)
                # A Secret of another name with the same content is noted, and told, as well.
                if push.use == (wish, kubeconfig.mark):
                    self._renewals.look(cluster, wish.source, kubeconfig)
                    return
                # Now, and not at each connection: what cannot be used is told in the status.
                await asyncio.to_thread(tls_context, kubeconfig)
                if not await self._notes.write(cluster, wish.source):
                    # A cluster that is new gets its mailbox within seconds, or `Ready` says why.
                    self._end(push)
                    return
            self._begin(cluster, push, kubeconfig)
        except RefusedKubeconfig as error:
            # Whoever takes a kubeconfig back, or replaces it by a bad one, means it.
            self._refuse(cluster, push, str(error))
        except ApiError as error:
            # The hub's own API server does not answer: that says nothing of a Secret.
            logger.warning(
                "A kubeconfig cannot be looked at; what was read before is used.",
                extra={"cluster": cluster, "error": str(error)},
            )
        except Exception as error:
            # A bug, and one of this cluster alone. Its words and its traceback may quote a secret.
            self._refuse(
                cluster,
                push,
                f"the hub cannot read it, by a fault of its own ({type(error).__name__}): write "
                "another kubeconfig there",
            )

    def _begin(self, cluster: str, push: _Push, kubeconfig: MemberKubeconfig) -> None:
        self._end(push)
        life = life_of(kubeconfig.token)
        place = secret_place(self._namespace, push.wish.source)
        push.credentials = PushCredentials(place, is_read=True, life=life)
        push.use = push.wish, kubeconfig.mark
        logger.info(
            "The hub carries works to a cluster.",
            extra={"cluster": cluster, "server": kubeconfig.server},
        )
        push.task = asyncio.create_task(self._run(cluster, push, kubeconfig, push.wish))

    def _refuse(self, cluster: str, push: _Push, problem: str) -> None:
        if push.credentials.problem != problem:
            logger.warning(
                "A cluster cannot be reached by its kubeconfig.",
                extra={"cluster": cluster, "secret": push.credentials.secret, "error": problem},
            )
        place = secret_place(self._namespace, push.wish.source)
        push.credentials = PushCredentials(place, is_read=True, problem=problem)
        self._end(push)

    async def _kubeconfig(self, source: KubeConfigSource) -> MemberKubeconfig:
        try:
            secret = await self._server.get(SECRET, self._namespace, source.secret_name)
        except ApiRefused as error:
            if error.status != HTTPStatus.FORBIDDEN:
                raise
            raise RefusedKubeconfig(
                "the hub may not read it: name it in hub.pushSecrets of the chart"
            ) from error
        if secret is None:
            raise RefusedKubeconfig("it does not exist in the hub's namespace")
        return member_kubeconfig(secret_text(secret, source.key))

    async def _run(
        self, cluster: str, push: _Push, kubeconfig: MemberKubeconfig, wish: _Wish
    ) -> None:
        def reached(error: ApiError | None) -> None:
            refused = error is not None and error.status == HTTPStatus.UNAUTHORIZED
            if error is None or refused:
                # Another error says nothing of the account.
                refusal = str(error.status) if error is not None else ""
                push.credentials = replace(push.credentials, refusal=refusal)

        while True:
            try:
                await sync(
                    self._connect_hub,
                    lambda: connect_to_member(kubeconfig),
                    mailbox_namespace(cluster),
                    heartbeat_seconds=wish.interval,
                    reached=reached,
                    looks=self._looks,
                    carries=self._goes if wish.is_gone else None,
                )
            except Exception:
                # A bug: the other clusters go on.
                logger.exception("A cluster is not served any more.", extra={"cluster": cluster})
            await asyncio.sleep(RETRY_SECONDS)

    def _end(self, push: _Push) -> None:
        """Nobody waits for it: closing a connection to a cluster that hangs may take long."""
        task, push.task, push.use = push.task, None, None
        if task is not None:
            task.cancel()
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)
