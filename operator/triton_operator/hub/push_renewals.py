"""Another token for a cluster that the hub reaches itself, before the one in use ends.

The cluster is asked for it by the account that the token is of, and it is written to the Secret
that the kubeconfig is from. The next look at that Secret reads it, as if somebody had joined the
cluster again.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import logging
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from triton_operator.agent.renewal import AGAIN_SECONDS, LEAST_SECONDS
from triton_operator.api.group import FIELD_MANAGER
from triton_operator.api.inference_cluster import KubeConfigSource
from triton_operator.controllers.api_server import ApiServer
from triton_operator.controllers.connection import Connection
from triton_operator.controllers.errors import ApiConflict, ApiError
from triton_operator.controllers.member_connection import connect_to_member
from triton_operator.fleet.agent_token import Life, account_of, life_of, renewed
from triton_operator.fleet.member_kubeconfig import (
    MemberKubeconfig,
    RefusedKubeconfig,
    member_kubeconfig,
)
from triton_operator.hub.kinds import SECRET

logger = logging.getLogger(__name__)
REQUEST_SECONDS = 10.0
LEAST_PAUSE_SECONDS = 60.0
"""Between two tries for one cluster, whatever tokens it gives: each is a write at the hub."""

Connect = Callable[[MemberKubeconfig], Awaitable[Connection]]


class _NotRenewed(Exception):
    """The text says why, and quotes no secret."""


class _Try(NamedTuple):
    mark: str
    at: float


class PushRenewals:
    """`server` is the hub's own, with the Secrets in `namespace`; `now` gives seconds since the
    epoch, `clock` seconds that never go back."""

    def __init__(
        self,
        server: ApiServer,
        namespace: str,
        *,
        now: Callable[[], float],
        clock: Callable[[], float],
        connect: Connect = connect_to_member,
    ) -> None:
        self._server = server
        self._namespace = namespace
        self._now = now
        self._clock = clock
        self._connect = connect
        self._tries: dict[str, _Try] = {}
        self._problems: dict[str, str] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def problem(self, cluster: str) -> str:
        """Why its token was not renewed at the last try; empty: it was, or there was none."""
        return self._problems.get(cluster, "")

    def look(self, cluster: str, source: KubeConfigSource, kubeconfig: MemberKubeconfig) -> None:
        """Begin to ask for another token where two thirds of the life of this one are over.

        Nobody waits for it. A token that tells no end, or is of no ServiceAccount, is left as it
        is; so is a client certificate.
        """
        life, account = life_of(kubeconfig.token), account_of(kubeconfig.token)
        if life is None or account is None or self._now() < life.renewed_at:
            return
        if cluster in self._tasks or not self._may_try(cluster, kubeconfig.mark):
            return
        self._tries[cluster] = _Try(kubeconfig.mark, self._clock())
        task = asyncio.create_task(self._renew(cluster, source, kubeconfig, life, account))
        self._tasks[cluster] = task
        task.add_done_callback(lambda _: self._tasks.pop(cluster))

    def keep(self, clusters: set[str]) -> None:
        """Forget all others."""
        for known in (self._tries, self._problems):
            for cluster in known.keys() - clusters:
                del known[cluster]

    async def stop(self) -> None:
        """End what is under way: the token in use holds for long still."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _may_try(self, cluster: str, mark: str) -> bool:
        last = self._tries.get(cluster)
        if last is None:
            return True
        pause = AGAIN_SECONDS if last.mark == mark else LEAST_PAUSE_SECONDS
        return self._clock() - last.at >= pause

    async def _renew(
        self,
        cluster: str,
        source: KubeConfigSource,
        kubeconfig: MemberKubeconfig,
        life: Life,
        account: tuple[str, str],
    ) -> None:
        try:
            token = await self._token(kubeconfig, life, account)
            await self._write(source, kubeconfig.token, token)
        except _NotRenewed as error:
            problem = str(error)
        except Exception as error:
            # A bug, or what no answer should be. Its words may quote a token.
            problem = f"by a fault of the hub's own ({type(error).__name__})"
        else:
            self._problems.pop(cluster, None)
            logger.info("A token that leads to a cluster is renewed.", extra={"cluster": cluster})
            return
        self._problems[cluster] = problem
        logger.warning(
            "A token that leads to a cluster is not renewed; it is tried again.",
            extra={
                "cluster": cluster,
                "error": problem,
                "left": round(life.expires_at - self._now()),
                "after": AGAIN_SECONDS,
            },
        )

    async def _token(
        self, kubeconfig: MemberKubeconfig, life: Life, account: tuple[str, str]
    ) -> str:
        """From the cluster, which is not trusted: what is no better than the one in use is none."""
        namespace, name = account
        try:
            answer = await self._asked(
                kubeconfig, namespace, name, max(LEAST_SECONDS, round(life.seconds))
            )
        except (ApiError, OSError, RefusedKubeconfig) as error:
            raise _NotRenewed(
                f"the cluster gives account {namespace}/{name} no other token: {error}"
            ) from error
        try:
            token = answer["status"]["token"]
        except (LookupError, TypeError):
            token = None
        newer = life_of(token) if isinstance(token, str) else None
        if newer is None or newer.expires_at <= life.expires_at:
            raise _NotRenewed("the cluster answers with no token that holds longer")
        assert isinstance(token, str)
        return token

    async def _asked(
        self, kubeconfig: MemberKubeconfig, namespace: str, name: str, seconds: int
    ) -> Any:
        connection = await self._connect(kubeconfig)
        try:
            member = ApiServer(connection, timeout_seconds=REQUEST_SECONDS)
            return await member.token(namespace, name, seconds)
        finally:
            await connection.session.close()

    async def _write(self, source: KubeConfigSource, used: str, token: str) -> None:
        """As `cluster join` writes it: a Secret that somebody else keeps is left as it is."""
        where = f"Secret {self._namespace}/{source.secret_name}, key {source.key}"
        try:
            found = await self._server.get(SECRET, self._namespace, source.secret_name)
            if found is None or source.key not in (found.get("data") or {}):
                raise _NotRenewed(f"{where}: it does not exist")
            text = renewed(base64.b64decode(found["data"][source.key]).decode(), used, token)
            # What this hub would not read must not take the place of what it reads.
            member_kubeconfig(text)
            manifest = {
                "apiVersion": SECRET.api_version,
                "kind": SECRET.kind,
                "metadata": {
                    "name": source.secret_name,
                    "namespace": self._namespace,
                    "resourceVersion": found["metadata"]["resourceVersion"],
                },
                "data": {source.key: base64.b64encode(text.encode()).decode()},
            }
            await self._server.apply(SECRET, manifest, force=False, field_manager=FIELD_MANAGER)
        except ApiConflict as error:
            raise _NotRenewed(
                f"{where}: somebody else writes it, and renews it then: {error}"
            ) from error
        except (ApiError, RefusedKubeconfig) as error:
            raise _NotRenewed(f"{where}: {error}") from error
        except (binascii.Error, ValueError) as error:
            raise _NotRenewed(f"{where}: it has no token to replace, or a newer one") from error
