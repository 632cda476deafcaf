"""Finds the operator's pods in a cluster, and reads what they answer, through the API server."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import aiohttp

from triton_operator.cli.live import CannotAsk
from triton_operator.controllers.api_server import ApiServer
from triton_operator.controllers.connection import Connection
from triton_operator.controllers.errors import ApiError, ApiRefused
from triton_operator.controllers.kinds import LEASE, POD

SELECTOR = "app.kubernetes.io/part-of=triton-operator,app.kubernetes.io/component=operator"
"""As the chart labels them."""
PORT_NAME, USUAL_PORT = "http", 8080
TIMEOUT_SECONDS = 60.0
MOST_BYTES = 64 * 2**20
"""An operator keeps no more for all services, and much less for one."""


@dataclass(frozen=True)
class OperatorPod:
    """A running pod of the operator, and the port of its HTTP endpoints."""

    namespace: str
    name: str
    port: int

    @property
    def proxy_path(self) -> str:
        """Where the API server passes requests on to it."""
        return f"/api/v1/namespaces/{self.namespace}/pods/{self.name}:{self.port}/proxy"


class NotThere(Exception):
    """A pod answers that it has not what was asked for; the text is its own."""


async def leading_pods(server: ApiServer, namespace: str | None) -> list[OperatorPod]:
    """The pods that decide: those that hold a Lease, or all where none does, as without election.

    There may be several: installations that watch different namespaces.

    Raises:
        CannotAsk: there is none, or they may not be looked for.
    """
    where = f"in namespace {namespace}" if namespace else "in all namespaces"
    try:
        bodies = await server.find(POD, namespace, label_selector=SELECTOR)
        running = [body for body in bodies if (body.get("status") or {}).get("phase") == "Running"]
        pods = [_pod(body) for body in running]
        holders = [
            (place, str((lease.get("spec") or {}).get("holderIdentity") or ""))
            for place in sorted({pod.namespace for pod in pods})
            for lease in await server.find(LEASE, place)
        ]
    except ApiRefused as error:
        advice = "" if namespace else "; say where it runs with --operator-namespace"
        raise CannotAsk(
            f"may not look for the operator {where}: {error.message}{advice}"
        ) from error
    except ApiError as error:
        raise CannotAsk(f"the cluster does not answer: {error.message}") from error
    if not pods:
        raise CannotAsk(
            f"no operator runs {where}: no running pod has the labels {SELECTOR}; of one outside "
            "of the cluster, ask http://HOST:8080/decisions/NAMESPACE/NAME"
        )
    # A process' identity is its pod's name and some digits.
    leading = [
        pod
        for pod in pods
        if any(
            place == pod.namespace and holder.rpartition("_")[0] == pod.name
            for place, holder in holders
        )
    ]
    led = {pod.namespace for pod in leading}
    return leading + [pod for pod in pods if pod.namespace not in led]


async def decisions_of(
    connection: Connection, pods: Sequence[OperatorPod], namespace: str, name: str
) -> bytes:
    """The decision log of a service, from the first pod that has one.

    Raises:
        NotThere: none has; the text says what they answer.
        CannotAsk: no right, or no answer.
    """
    answers = []
    for pod in pods:
        try:
            return await read_through(
                connection, pod, f"/decisions/{quote(namespace, safe='')}/{quote(name, safe='')}"
            )
        except NotThere as error:
            answers.append(f"{pod.namespace}/{pod.name}: {error}")
    raise NotThere("\n".join(answers))


async def read_through(connection: Connection, pod: OperatorPod, path: str) -> bytes:
    """What a pod answers, whole.

    Raises:
        NotThere: it does not know the path, or not what is named in it.
        CannotAsk: no right, no answer, or one that breaks off.
    """
    who = f"the operator's pod {pod.namespace}/{pod.name}"
    try:
        async with connection.session.get(
            connection.server + pod.proxy_path + path,
            timeout=aiohttp.ClientTimeout(total=TIMEOUT_SECONDS),
        ) as response:
            content = bytearray()
            async for piece in response.content.iter_any():
                content += piece
                if len(content) > MOST_BYTES:
                    raise CannotAsk(f"{who} answers with more than {MOST_BYTES:,} bytes")
    except (TimeoutError, aiohttp.ClientError) as error:
        raise CannotAsk(f"{who} does not answer: {error or 'timed out'}") from error
    if response.status < 400:
        return bytes(content)
    status = _status(bytes(content))
    words = str(status.get("message") or bytes(content[:500]).decode(errors="replace").strip())
    if response.status in (401, 403):
        raise CannotAsk(
            f"may not read through the API server from {who}: {words}; `get` of pods/proxy in "
            f"namespace {pod.namespace} is needed"
        )
    if response.status == 404 and not status:
        if words.startswith("404"):
            words = "an operator of a version that keeps no decisions"
        raise NotThere(words)
    raise CannotAsk(f"{who} does not answer: {response.status} {words}")


def _pod(body: Mapping[str, Any]) -> OperatorPod:
    containers = (body.get("spec") or {}).get("containers") or ()
    ports = (port for container in containers for port in container.get("ports") or ())
    named = (port["containerPort"] for port in ports if port.get("name") == PORT_NAME)
    metadata = body["metadata"]
    return OperatorPod(metadata["namespace"], metadata["name"], next(named, USUAL_PORT))


def _status(content: bytes) -> Mapping[str, Any]:
    """The API server's own word; empty where the answer is the pod's."""
    try:
        found = json.loads(content)
    except ValueError:
        return {}
    return found if isinstance(found, dict) and found.get("kind") == "Status" else {}
