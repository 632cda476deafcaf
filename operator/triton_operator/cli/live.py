"""Reads live objects with the user's own rights, and says clearly what cannot be read."""

import difflib
import os
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from kubernetes.aio import config

from triton_operator.api import labels
from triton_operator.cli.explanation import Read
from triton_operator.controllers.api_server import ApiServer
from triton_operator.controllers.cluster_events import EventView, event_view
from triton_operator.controllers.connection import Connection, connect
from triton_operator.controllers.errors import ApiError, ApiNotFound, ApiRefused
from triton_operator.controllers.kinds import (
    DEPLOYMENT,
    EVENT,
    INFERENCE_SERVICE,
    JOB,
    POD,
    Kind,
)
from triton_operator.controllers.views import PodView, ServiceView, view_of

MOST_ASKED = 12
"""Objects whose Events are read: the newest pods tell the same as all the others."""


class CannotAsk(Exception):
    """The cluster cannot be asked; the text says why and what to do."""


class NoSuchService(Exception):
    """There is no InferenceService of that name; the text says which there are."""


def namespace_of_context(kubeconfig: Path | None) -> str:
    """The namespace of the kubeconfig's current context, as kubectl takes it."""
    try:
        _, active = config.list_kube_config_contexts(str(kubeconfig) if kubeconfig else None)
    except config.ConfigException:
        return "default"
    return str(active["context"].get("namespace") or "default")


@asynccontextmanager
async def cluster(kubeconfig: Path | None) -> AsyncIterator[ApiServer]:
    """The API server, with the user's rights.

    Raises:
        CannotAsk: there is no usable kubeconfig.
    """
    async with connected(kubeconfig) as connection:
        yield ApiServer(connection)


@asynccontextmanager
async def connected(kubeconfig: Path | None) -> AsyncIterator[Connection]:
    """A connection with the user's rights, for requests that are no objects.

    Raises:
        CannotAsk: there is no usable kubeconfig.
    """
    try:
        connection = await connect(kubeconfig)
    except (config.ConfigException, OSError) as error:
        raise CannotAsk(_no_cluster(kubeconfig, error)) from error
    try:
        yield connection
    finally:
        await connection.session.close()


def _no_cluster(kubeconfig: Path | None, error: Exception) -> str:
    files = str(kubeconfig or os.environ.get("KUBECONFIG") or Path.home() / ".kube" / "config")
    # The client takes a file that is not there for one without a context.
    is_there = any(Path(one).expanduser().is_file() for one in files.split(os.pathsep))
    why = str(error) if is_there else "no such file"
    return f"no cluster: {files}: {why}; set KUBECONFIG, or name a file with --kubeconfig"


async def services(server: ApiServer, namespace: str | None) -> list[ServiceView]:
    """Every InferenceService of a namespace, or of all.

    Raises:
        CannotAsk: no answer, no right, or no such kind.
    """
    where = f"in namespace {namespace}" if namespace else "in all namespaces"
    try:
        bodies = await server.find(INFERENCE_SERVICE, namespace)
    except ApiNotFound as error:
        raise CannotAsk(
            "the cluster does not know InferenceServices; install the definitions: "
            "`kubectl apply --server-side -f crds`, or the chart"
        ) from error
    except ApiRefused as error:
        raise CannotAsk(f"may not list InferenceServices {where}: {error.message}") from error
    except ApiError as error:
        raise CannotAsk(f"the cluster does not answer: {error.message}") from error
    views = (view_of(INFERENCE_SERVICE.kind, body) for body in bodies)
    return [view for view in views if isinstance(view, ServiceView)]


async def read_service(server: ApiServer, namespace: str, name: str) -> Read:
    """A service, its pods, and the Events about it and its children.

    Raises:
        NoSuchService: with the names that are close.
        CannotAsk: not even the services can be listed.
    """
    found = await services(server, namespace)
    service = next((view for view in found if view.name == name), None)
    if service is None:
        raise NoSuchService(_no_such(name, namespace, [view.name for view in found]))
    unread: list[str] = []
    selector = f"{labels.SERVICE}={name}"
    children: list[tuple[Kind, dict[str, Any]]] = []
    for kind in (POD, JOB, DEPLOYMENT):
        try:
            bodies = await server.find(kind, namespace, label_selector=selector)
        except ApiError as error:
            unread.append(f"{kind.plural}: {error.message}")
        else:
            children += [(kind, body) for body in bodies]
    children.sort(key=lambda row: row[1]["metadata"].get("creationTimestamp", ""), reverse=True)
    uids = [service.uid, *(body["metadata"]["uid"] for _, body in children[:MOST_ASKED])]
    events: dict[str, list[EventView]] = {}
    for uid in uids:
        try:
            bodies = await server.find(EVENT, namespace, field_selector=f"regarding.uid={uid}")
        except ApiError as error:
            unread.append(f"events: {error.message}")
            break
        events[uid] = [event_view(body) for body in bodies]
    views = [view_of(kind.kind, body) for kind, body in children if kind is POD]
    return Read(
        service=service,
        pods=[view for view in views if isinstance(view, PodView)],
        events=events,
        unread=unread,
        now=time.time(),
    )


def _no_such(name: str, namespace: str, names: Sequence[str]) -> str:
    message = f"no InferenceService {name} in namespace {namespace}"
    if close := difflib.get_close_matches(name, names, n=3):
        return f"{message}; did you mean {' or '.join(close)}?"
    if names:
        return f"{message}; there {'is' if len(names) == 1 else 'are'} {', '.join(names[:10])}"
    return f"{message}, and no other either; `triton-operator explain -A` looks everywhere"
