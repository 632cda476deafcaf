"""Another token for a cluster that the hub reaches itself, before the one in use ends.

The cluster is asked for it by the account that the token is of, and it is written to the Secret
that the kubeconfig is from. The next look at that Secret reads it, as if somebody had joined the
cluster again.
"""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

from triton_operator.agent.renewal import AGAIN_SECONDS, LEAST_SECONDS
from triton_operator.api.group import FIELD_MANAGER
from triton_operator.api.inference_cluster import KubeConfigSource
from triton_operator.api.visible_text import visible
from triton_operator.controllers.api_server import ApiServer
from triton_operator.controllers.connection import Connection
from triton_operator.controllers.errors import ApiConflict, ApiError
from triton_operator.controllers.member_connection import connect_to_member
from triton_operator.fleet.agent_token import Life, account_of, life_of, with_token
from triton_operator.fleet.member_kubeconfig import (
    MemberKubeconfig,
    RefusedKubeconfig,
    member_kubeconfig,
)
from triton_operator.fleet.push_credentials import ANOTHER
from triton_operator.hub.kinds import SECRET
from triton_operator.hub.owned_objects import MOST_QUOTED
from triton_operator.hub.secret_text import secret_place, secret_text

logger = logging.getLogger(__name__)
REQUEST_SECONDS = 10.0
LEAST_PAUSE_SECONDS = 60.0
"""Between two tries for one cluster, whatever tokens it gives: each is a write at the hub."""
MOST_TOKEN = 16 * 1024
"""Characters of a token that is looked into; those of ServiceAccounts have about a thousand."""
AT_ONCE = 16
"""Clusters that are asked at the same time: many may have joined by one script."""

Connect = Callable[[MemberKubeconfig], Awaitable[Connection]]


class _NotRenewed(Exception):
    """The text says why, and quotes no secret. `pause`: seconds until it is worth another try."""

    def __init__(self, why: str, pause: float = AGAIN_SECONDS) -> None:
        super().__init__(why)
        self.pause = pause


class _Try(NamedTuple):
    """The last one, with a kubeconfig of this mark; `problem` empty: it has not failed (yet)."""

    mark: str
    at: float
    pause: float = AGAIN_SECONDS
    problem: str = ""


class _Due(NamedTuple):
    """A token that is to be replaced: `account` by namespace and name."""

    source: KubeConfigSource
    kubeconfig: MemberKubeconfig
    life: Life
    account: tuple[str, str]


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
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._slots = asyncio.Semaphore(AT_ONCE)

    def problem(self, cluster: str) -> str:
        """Why its token was not renewed at the last try, and what to do; empty: it was, or there
        was none."""
        last = self._tries.get(cluster)
        return last.problem if last else ""

    def look(self, cluster: str, source: KubeConfigSource, kubeconfig: MemberKubeconfig) -> None:
        """Begin to ask for another token where two thirds of the life of this one are over.

        Nobody waits for it. A token that tells no end, or is of no ServiceAccount, is left as it
        is; so is a client certificate.
        """
        last = self._tries.get(cluster)
        if last is not None and last.mark != kubeconfig.mark and last.problem:
            self._tries[cluster] = last = last._replace(problem="")
        life, account = life_of(kubeconfig.token), account_of(kubeconfig.token)
        if life is None or account is None:
            return
        if not life.renewed_at <= self._now() < life.expires_at or cluster in self._tasks:
            return
        if last is not None:
            pause = last.pause if last.mark == kubeconfig.mark else LEAST_PAUSE_SECONDS
            if self._clock() - last.at < pause:
                return
        problem = last.problem if last else ""
        self._tries[cluster] = _Try(kubeconfig.mark, self._clock(), problem=problem)
        task = asyncio.create_task(self._renew(cluster, _Due(source, kubeconfig, life, account)))
        self._tasks[cluster] = task
        task.add_done_callback(lambda _: self._tasks.pop(cluster))

    def keep(self, clusters: set[str]) -> None:
        """Forget all others."""
        for cluster in self._tries.keys() - clusters:
            del self._tries[cluster]

    async def stop(self) -> None:
        """End what is under way: the token in use holds for long still."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _renew(self, cluster: str, due: _Due) -> None:
        pause = AGAIN_SECONDS
        try:
            async with self._slots:
                secret = await self._secret(due)
                token = await self._token(due)
                await self._write(due, secret, token)
        except _NotRenewed as error:
            problem, pause = str(error), error.pause
        except Exception as error:
            # A bug. Its words may quote a token.
            problem = f"it is not renewed, by a fault of the hub's own ({type(error).__name__})"
        else:
            self._told(cluster, problem="", pause=pause)
            logger.info("A token that leads to a cluster is renewed.", extra={"cluster": cluster})
            return
        if problem != self.problem(cluster):
            logger.warning(
                "A token that leads to a cluster is not renewed; it is tried again.",
                extra={
                    "cluster": cluster,
                    "error": problem,
                    "left": round(due.life.expires_at - self._now()),
                    "after": round(pause),
                },
            )
        self._told(cluster, problem, pause)

    def _told(self, cluster: str, problem: str, pause: float) -> None:
        # The cluster may be gone meanwhile.
        if (last := self._tries.get(cluster)) is not None:
            self._tries[cluster] = last._replace(problem=problem, pause=pause)

    async def _secret(self, due: _Due) -> Mapping[str, Any]:
        """As it is before the cluster is asked: only while it stays so, it is written."""
        where = self._where(due.source)
        try:
            found = await self._server.get(SECRET, self._namespace, due.source.secret_name)
            if found is None:
                raise _NotRenewed(f"{where}: it does not exist")
            if member_kubeconfig(secret_text(found, due.source.key)).mark != due.kubeconfig.mark:
                raise _NotRenewed(f"{where}: it was changed just now", LEAST_PAUSE_SECONDS)
        except (ApiError, RefusedKubeconfig) as error:
            raise _NotRenewed(f"{where}: {_quoted(error, due)}") from error
        if not _is_of_join(found, due.source.key):
            raise _NotRenewed(
                f"{where}: something else than `triton-operator cluster join` writes it, and is to "
                "renew its token"
            )
        return found

    async def _token(self, due: _Due) -> str:
        """From the cluster, which is not trusted: what is no better than the one in use is none."""
        namespace, name = due.account
        seconds = max(LEAST_SECONDS, round(due.life.seconds))
        try:
            token = await self._asked(due.kubeconfig, namespace, name, seconds)
        except (ApiError, OSError, RefusedKubeconfig) as error:
            raise _NotRenewed(
                f"the cluster gives account {namespace}/{name} no other token "
                f"({_quoted(error, due)}): {ANOTHER}"
            ) from error
        except (ValueError, RecursionError) as error:
            raise _NotRenewed(f"the cluster answers no JSON: {ANOTHER}") from error
        newer = life_of(token)
        if newer is None:
            raise _NotRenewed(f"the cluster answers with no token that tells its end: {ANOTHER}")
        if newer.expires_at <= due.life.expires_at:
            # It grants less than it did: later, its tokens end later than the one in use.
            raise _NotRenewed(
                "the cluster grants no token yet that holds longer than the one in use",
                max(AGAIN_SECONDS, due.life.expires_at - newer.expires_at),
            )
        return token

    async def _asked(
        self, kubeconfig: MemberKubeconfig, namespace: str, name: str, seconds: int
    ) -> str:
        """The token in the cluster's answer; empty: there is none that could be one."""
        connection = await self._connect(kubeconfig)
        try:
            member = ApiServer(connection, timeout_seconds=REQUEST_SECONDS)
            return _token_in(await member.token(namespace, name, seconds))
        finally:
            await connection.session.close()

    async def _write(self, due: _Due, secret: Mapping[str, Any], token: str) -> None:
        """As `cluster join` writes it."""
        where, key = self._where(due.source), due.source.key
        text = with_token(secret_text(secret, key), token)
        manifest = {
            "apiVersion": SECRET.api_version,
            "kind": SECRET.kind,
            "metadata": {
                "name": due.source.secret_name,
                "namespace": self._namespace,
                "resourceVersion": secret["metadata"]["resourceVersion"],
            },
            "data": {key: base64.b64encode(text.encode()).decode()},
        }
        try:
            # What this hub would not read must not take the place of what it reads.
            member_kubeconfig(text)
            await self._server.apply(SECRET, manifest, force=False, field_manager=FIELD_MANAGER)
        except ApiConflict as error:
            raise _NotRenewed(f"{where}: it was changed just now", LEAST_PAUSE_SECONDS) from error
        except (ApiError, RefusedKubeconfig) as error:
            raise _NotRenewed(f"{where}: {_quoted(error, due)}: {ANOTHER}") from error

    def _where(self, source: KubeConfigSource) -> str:
        return f"Secret {secret_place(self._namespace, source)}"


def _is_of_join(secret: Mapping[str, Any], key: str) -> bool:
    """Whether `cluster join`, or this hub in its name, has applied the key."""
    return any(
        (row.get("manager"), row.get("operation")) == (FIELD_MANAGER, "Apply")
        and f"f:{key}" in ((row.get("fieldsV1") or {}).get("f:data") or {})
        for row in secret["metadata"].get("managedFields") or ()
    )


def _token_in(answer: Any) -> str:
    try:
        token = answer["status"]["token"]
    except (LookupError, TypeError):
        return ""
    fits = isinstance(token, str) and len(token) <= MOST_TOKEN
    return token if fits and token.isascii() and token.isprintable() else ""


def _quoted(error: Exception, due: _Due) -> str:
    """An error's words, in part those of the cluster, which may repeat what it was sent."""
    return visible(str(error).replace(due.kubeconfig.token, "…")[:MOST_QUOTED])
