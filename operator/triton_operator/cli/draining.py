"""Marks a cluster of a fleet at its hub, and looks at what is still served there."""

from __future__ import annotations

import asyncio
import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from triton_operator.api.enums import TaintEffect
from triton_operator.cli.live import CannotAsk
from triton_operator.controllers.api_server import ApiServer
from triton_operator.controllers.connection import Connection
from triton_operator.controllers.errors import ApiError, ApiNotFound
from triton_operator.controllers.kinds import INFERENCE_SERVICE, INFERENCE_WORK
from triton_operator.fleet.mailbox import mailbox_namespace
from triton_operator.fleet.work import is_leaving
from triton_operator.hub.kinds import INFERENCE_CLUSTER
from triton_operator.hub.known import service_key

FIELD_MANAGER = "triton-operator-drain"
"""Its own: whoever applies the cluster's other fields, or other taints, takes nothing of it away,
and `undrain` takes away nothing of theirs."""
KEY = "drain"
"""Of the taint."""
POLL_SECONDS = 2.0
TRIES = 3
"""Answers in a row that may fail while it waits: an API server that restarts is no end."""
Body = dict[str, Any]


class NoSuchCluster(Exception):
    """The hub has no InferenceCluster of that name; the text says which there are."""


@dataclass(frozen=True)
class Served:
    """A service that has a work there. `ready`: replicas, None: not told."""

    service: str
    ready: int | None
    is_leaving: bool
    why: str

    def row(self) -> tuple[str, ...]:
        """For the table."""
        ready = "-" if self.ready is None else str(self.ready)
        return (self.service, ready, "leaving" if self.is_leaving else "serving", self.why)

    def document(self) -> Body:
        """For programs."""
        return {
            "service": self.service,
            "readyReplicas": self.ready,
            "leaving": self.is_leaving,
            "why": self.why,
        }


@dataclass(frozen=True)
class Drained:
    """How far it is. `state`: of the connection, or that it is paused."""

    cluster: str
    state: str
    is_marked: bool
    services: tuple[Served, ...]

    @property
    def is_empty(self) -> bool:
        """Whether nothing is served there, and its agent has confirmed that."""
        return not self.services

    def document(self) -> Body:
        """For programs."""
        return {
            "cluster": self.cluster,
            "state": self.state,
            "marked": self.is_marked,
            "empty": self.is_empty,
            "services": [one.document() for one in self.services],
        }

    def progress(self) -> str:
        """One line."""
        if self.is_empty:
            return f"{self.cluster}: nothing is served any more"
        words = ", ".join(
            f"{one.service} ({'leaving' if one.is_leaving else f'{one.ready or 0} ready'})"
            for one in self.services
        )
        silent = f"; it is {self.state}, and nothing moves as long as it is"
        return f"{self.cluster} still has {words}{silent if self.state != 'Connected' else ''}"


async def drained(
    connection: Connection, name: str, seconds: float, tell: Callable[[str], None]
) -> Drained:
    """Mark it, and wait up to `seconds` until nothing is served there; `tell` hears of progress.

    Raises:
        NoSuchCluster: there is none of that name.
        CannotAsk: the hub does not answer, or refuses.
    """
    server = ApiServer(connection, field_manager=FIELD_MANAGER)
    taint = {"key": KEY, "effect": TaintEffect.NO_SELECT.value}
    await _mark(server, name, {"taints": [taint]})
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    found, told, failures = await _look(server, name), "", 0
    while not found.is_empty and loop.time() < deadline:
        if found.progress() != told:
            told = found.progress()
            tell(told)
        await asyncio.sleep(min(POLL_SECONDS, max(0.0, deadline - loop.time())))
        try:
            found, failures = await _look(server, name), 0
        except CannotAsk:
            failures += 1
            if failures >= TRIES:
                raise
    return found


async def undrained(connection: Connection, name: str) -> tuple[Drained, list[str]]:
    """Take the mark away; with the keys of other taints that drain it.

    Raises:
        NoSuchCluster: there is none of that name.
        CannotAsk: the hub does not answer, or refuses.
    """
    server = ApiServer(connection, field_manager=FIELD_MANAGER)
    body = await _mark(server, name, {})
    return await _look(server, name), _draining_taints(body)


async def _mark(server: ApiServer, name: str, spec: Body) -> Body:
    """Apply what this command says of a cluster; nothing takes back what it had said before."""
    manifest = {
        "apiVersion": INFERENCE_CLUSTER.api_version,
        "kind": INFERENCE_CLUSTER.kind,
        "metadata": {"name": name},
        **({"spec": spec} if spec else {}),
    }
    try:
        # Applying would make one that is not there.
        if await server.get(INFERENCE_CLUSTER, "", name) is None:
            raise NoSuchCluster(await _no_such(server, name))
        return await server.apply(INFERENCE_CLUSTER, manifest, force=True)
    except ApiNotFound as error:
        raise CannotAsk(
            "the cluster does not know InferenceClusters: is it the hub? Install the definitions: "
            "`kubectl apply --server-side -f crds`, or the chart"
        ) from error
    except ApiError as error:
        raise CannotAsk(f"{name} cannot be marked: {error.message}") from error


async def _look(server: ApiServer, name: str) -> Drained:
    try:
        cluster = await server.get(INFERENCE_CLUSTER, "", name)
        if cluster is None:
            raise NoSuchCluster(f"InferenceCluster {name} was deleted meanwhile")
        works = await server.find(INFERENCE_WORK, mailbox_namespace(name))
        services = [await _served(server, name, work) for work in works]
    except ApiError as error:
        raise CannotAsk(f"the hub cannot be asked: {error.message}") from error
    return Drained(
        cluster=name,
        state=_state(cluster),
        is_marked=bool(_draining_taints(cluster)),
        services=tuple(sorted(services, key=lambda one: one.service)),
    )


async def _served(server: ApiServer, cluster: str, work: Body) -> Served:
    key = service_key(work)
    service = None if key is None else await server.get(INFERENCE_SERVICE, key.namespace, key.name)
    told = ((work.get("status") or {}).get("load") or {}).get("readyReplicas")
    return Served(
        service=work["metadata"]["name"] if key is None else f"{key.namespace}/{key.name}",
        ready=told,
        is_leaving=is_leaving(work),
        why=_why(service, cluster, work),
    )


def _why(service: Mapping[str, Any] | None, cluster: str, work: Body) -> str:
    """Why it still serves, in the hub's words of the last decision."""
    if is_leaving(work):
        return "its agent has not confirmed yet that it is gone"
    rows = (((service or {}).get("status") or {}).get("placement") or {}).get("clusters") or ()
    reasons = [row.get("reason", "") for row in rows if row["name"] == cluster]
    return next(iter(reasons), "") or "the hub has not decided on it yet"


def _state(cluster: Mapping[str, Any]) -> str:
    if cluster["spec"].get("paused"):
        return "paused"
    return str((cluster.get("status") or {}).get("connectionState", "not looked at yet"))


def _draining_taints(cluster: Mapping[str, Any]) -> list[str]:
    taints = cluster["spec"].get("taints") or ()
    return [one["key"] for one in taints if one["effect"] == TaintEffect.NO_SELECT.value]


async def _no_such(server: ApiServer, name: str) -> str:
    names = sorted(body["metadata"]["name"] for body in await server.find(INFERENCE_CLUSTER, None))
    message = f"no InferenceCluster {name}"
    if close := difflib.get_close_matches(name, names, n=3):
        return f"{message}; did you mean {' or '.join(close)}?"
    if names:
        return f"{message}; there {'is' if len(names) == 1 else 'are'} {', '.join(names[:10])}"
    return f"{message}, and no other either: is this the hub?"
