"""`triton-operator check-installation`: what `helm test` runs in the cluster.

It serves a model of 75 bytes to the operator from its own pod, waits until the InferenceService is
ready, asks it, and cleans up. Model, store and certificate are all here, so that it needs neither
a volume nor the world outside.
"""

import asyncio
import json
import os
import time
import urllib.request
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import typer

from triton_operator.api.visible_text import visible
from triton_operator.cli.exit_codes import FAILED
from triton_operator.cli.sample_model import SAMPLE_DIGEST, is_right, sample_request
from triton_operator.cli.sample_store import PATH, sample_store
from triton_operator.manifests.names import model_profile

if TYPE_CHECKING:
    from triton_operator.controllers.api_server import ApiServer
    from triton_operator.controllers.kinds import Kind

T = TypeVar("T")
PAUSE_SECONDS = 1.0
REFUSED_SECONDS = 10.0


@dataclass(frozen=True)
class Check:
    """What is checked: the InferenceService, where its model is, and until when (monotonic)."""

    namespace: str
    name: str
    uri: str
    secret: str
    deadline: float


class CheckFailed(Exception):
    """The installation does not do what it should; the message is for people."""


def check_installation(
    namespace: str = typer.Option(..., help="Where the InferenceService is made."),
    name: str = typer.Option(..., help="What it is called."),
    store: str = typer.Option(..., help="Host name under which pods reach this one."),
    secret: str = typer.Option(..., help="Secret whose ca.crt signed the store's certificate."),
    tls_dir: Path = typer.Option(Path("/tls"), help="Folder with tls.crt and tls.key."),
    port: int = typer.Option(8443, help="Port of the store."),
    timeout_seconds: float = typer.Option(600.0, min=1, help="How long it may take."),
) -> None:
    """Serve a tiny model, ask it, and clean up.

    That is whether the operator works in this cluster.
    """
    with sample_store(tls_dir, port):
        check = Check(
            namespace=namespace,
            name=name,
            uri=f"https://{store}:{port}{PATH}",
            secret=secret,
            deadline=time.monotonic() + timeout_seconds,
        )
        try:
            asyncio.run(_checked(check))
        except CheckFailed as error:
            print(f"FAILED: {error}", flush=True)
            raise typer.Exit(FAILED) from error
    print("OK: the model was fetched, inspected, planned, served and asked", flush=True)


async def _checked(check: Check) -> None:
    from triton_operator.controllers.api_server import ApiServer
    from triton_operator.controllers.connection import connect

    connection = await connect()
    try:
        server = ApiServer(connection)
        await _clean(server, check)
        await _create(server, check)
        address = await _ready(server, check)
        await _ask(check, address)
        await _clean(server, check)
    finally:
        await connection.session.close()


async def _create(server: "ApiServer", check: Check) -> None:
    from triton_operator.controllers.kinds import INFERENCE_SERVICE

    metadata: dict[str, Any] = {"name": check.name, "namespace": check.namespace}
    if pod := os.environ.get("POD_UID"):
        # If this pod is deleted before it has cleaned up, Kubernetes does.
        owner = {"apiVersion": "v1", "kind": "Pod", "name": os.environ["POD_NAME"], "uid": pod}
        metadata["ownerReferences"] = [owner]
    spec = {
        "model": {"uri": check.uri, "digest": SAMPLE_DIGEST, "secretName": check.secret},
        "scaling": {"mode": "Fixed", "minReplicas": 1},
        # Ten milliseconds of work a day: it has to fit beside everything else.
        "hardware": {"resources": {"cpu": "100m"}},
    }
    body = {
        "apiVersion": INFERENCE_SERVICE.api_version,
        "kind": INFERENCE_SERVICE.kind,
        "metadata": metadata,
        "spec": spec,
    }
    await _answered(check, lambda: server.create(INFERENCE_SERVICE, check.namespace, body))
    print(f"InferenceService {check.namespace}/{check.name} is made", flush=True)


async def _ready(server: "ApiServer", check: Check) -> str:
    """The address of the service, once it is ready; every change of a condition is printed."""
    from triton_operator.controllers.kinds import INFERENCE_SERVICE

    shown: dict[str, str] = {}
    while True:
        body = await _answered(
            check, lambda: server.get(INFERENCE_SERVICE, check.namespace, check.name)
        )
        status = (body or {}).get("status") or {}
        for condition in status.get("conditions") or ():
            said = f"{condition['status']} {condition['reason']}: {condition.get('message', '')}"
            line = visible(said)
            if shown.get(condition["type"]) != line:
                shown[condition["type"]] = line
                print(f"{condition['type']}={line}", flush=True)
        if shown.get("Ready", "").startswith("True "):
            return str(status["address"]["http"])
        await _pause(check, f"not ready; Ready={shown.get('Ready', 'unknown: no operator?')}")


async def _ask(check: Check, address: str) -> None:
    """Send a request until it is answered: endpoints reach the nodes a little after Ready."""
    url = f"{address if '://' in address else f'http://{address}'}/v2/models/{check.name}/infer"
    while True:
        try:
            values = await asyncio.to_thread(_answer, url)
        except (OSError, ValueError, LookupError) as error:
            await _pause(check, f"{url} does not answer: {error}")
            continue
        if not is_right(values):
            raise CheckFailed(f"{url} answers {values}, which is not x + x")
        print(f"{url} answers rightly", flush=True)
        return


def _answer(url: str) -> list[float]:
    request = urllib.request.Request(  # noqa: S310  # http is what Triton speaks
        url, json.dumps(sample_request()).encode(), {"Content-Type": "application/json"}
    )
    # A service of the cluster is asked directly, whatever the environment says.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=10) as answer:
        (output,) = json.load(answer)["outputs"]
        return [float(value) for value in output["data"]]


async def _clean(server: "ApiServer", check: Check) -> None:
    """Delete the service, wait until it is gone, then what was kept of its model."""
    from triton_operator.controllers.kinds import INFERENCE_SERVICE, MODEL_PROFILE

    await _gone(server, check, INFERENCE_SERVICE, check.name)
    # With it, the next check would not inspect the model.
    await _gone(server, check, MODEL_PROFILE, model_profile(SAMPLE_DIGEST))


async def _gone(server: "ApiServer", check: Check, kind: "Kind", name: str) -> None:
    while True:
        body = await _answered(check, lambda: server.get(kind, check.namespace, name))
        if body is None:
            return
        seen = partial(server.delete, kind, check.namespace, name, body["metadata"]["uid"])
        await _answered(check, seen)
        await _pause(check, f"{kind.kind} {name} is still there")


async def _answered(check: Check, call: Callable[[], Awaitable[T]]) -> T:
    """What `call` gives back, tried again while the API server is away.

    A little also while it refuses: rights that were granted a moment ago reach it late.
    """
    from triton_operator.controllers.errors import ApiError, ApiRefused

    patient_until = time.monotonic() + REFUSED_SECONDS
    while True:
        try:
            return await call()
        except ApiError as error:
            if isinstance(error, ApiRefused) and time.monotonic() > patient_until:
                raise CheckFailed(f"the API server refuses: {error}") from error
            await _pause(check, f"the API server says: {error}")


async def _pause(check: Check, otherwise: str) -> None:
    """Wait a little, or give up with what is the matter."""
    if time.monotonic() + PAUSE_SECONDS > check.deadline:
        raise CheckFailed(f"out of time: {otherwise}")
    await asyncio.sleep(PAUSE_SECONDS)
