"""The agent's token on two real API servers: renewed in the Secret that it came from, and used."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from e2e.harness.waiting import wait_until
from tests.api.client import Object
from tests.fleet.real_fleet import MEMBER_RULES, TIMEOUT_SECONDS, Side
from triton_operator.agent.sync import sync
from triton_operator.agent.token_store import TokenSecret
from triton_operator.controllers.connection import connect
from triton_operator.controllers.stopping import ends_before
from triton_operator.controllers.times import epoch_seconds
from triton_operator.fleet.agent_token import life_of, token_in
from triton_operator.fleet.mailbox import AGENT, mailbox, mailbox_namespace

CLUSTER, NAMESPACE, SECRET = "store-token", "agents-token", "way-to-the-hub"
MAILBOX = mailbox_namespace(CLUSTER)
LIFE_SECONDS = 600
SECRET_RULE = {
    "apiGroups": [""],
    "resources": ["secrets"],
    "resourceNames": [SECRET],
    "verbs": ["get", "patch"],
}


def secret() -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": SECRET, "namespace": NAMESPACE},
    }


def kubeconfig(hub: Side) -> str:
    """As `cluster join` makes it, with a token that holds ten minutes."""
    for manifest in mailbox(CLUSTER):
        hub.api.create(manifest)
    answer = hub.api.request(
        "POST",
        f"/api/v1/namespaces/{MAILBOX}/serviceaccounts/{AGENT}/token",
        {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": LIFE_SECONDS},
        },
    )
    cluster = {"server": hub.plane.url, "certificate-authority": str(hub.plane.ca)}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "hub", "cluster": cluster}],
        "users": [{"name": AGENT, "user": {"token": answer["status"]["token"]}}],
        "contexts": [{"name": "hub", "context": {"cluster": "hub", "user": AGENT}}],
        "current-context": "hub",
    }
    return yaml.safe_dump(document)


def test_a_token_is_renewed_where_it_came_from(hub: Side, member: Side, tmp_path: Path) -> None:
    first = kubeconfig(hub)
    mounted = tmp_path / "kubeconfig"
    mounted.write_text(first)
    member.make_namespace(NAMESPACE)
    member.api.create({**secret(), "data": {"config": base64.b64encode(first.encode()).decode()}})
    way = member.account("agent-token", [*MEMBER_RULES, SECRET_RULE])

    def kept() -> str:
        found = member.api.get(secret())["data"]["config"]
        return base64.b64decode(found).decode()

    def told() -> Any:
        lease = hub.find(
            {
                "apiVersion": "coordination.k8s.io/v1",
                "kind": "Lease",
                "metadata": {"name": AGENT, "namespace": MAILBOX},
            }
        )
        annotations = ((lease or {}).get("metadata") or {}).get("annotations") or {}
        return yaml.safe_load(annotations.get("fleet.serving.triton-operator.io/token", "{}"))

    async def until(what: str, holds: Callable[[], bool]) -> None:
        await asyncio.to_thread(wait_until, what, holds, timeout_seconds=TIMEOUT_SECONDS)

    async def look(stop: asyncio.Event) -> None:
        await until("waiting for another token", lambda: kept() != first)
        life = life_of(token_in(first) or "")
        assert life is not None
        await until("waiting for the heartbeat", lambda: bool(told()))
        assert epoch_seconds(told()["expiresAt"]) == life.expires_at, "until the mount follows"
        mounted.write_text(kept())
        newer = life_of(token_in(kept()) or "")
        assert newer is not None
        assert newer.seconds == life.seconds
        await until(
            "waiting for its use", lambda: epoch_seconds(told()["expiresAt"]) == newer.expires_at
        )
        stop.set()

    async def main() -> None:
        stop = asyncio.Event()

        def connect_member() -> Any:
            return connect(way, for_kopf=False)

        agent = sync(
            lambda: connect(mounted, for_kopf=False),
            connect_member,
            MAILBOX,
            heartbeat_seconds=1.0,
            # Its clock is ahead, so that two thirds of the life are over at once.
            now=lambda: time.time() + 0.7 * LIFE_SECONDS,
            hub_kubeconfig=mounted,
            store=TokenSecret(connect_member, NAMESPACE, SECRET, "config"),
            token_look_seconds=0.2,
        )
        async with asyncio.TaskGroup() as group:
            group.create_task(ends_before(stop, agent))
            group.create_task(look(stop))

    begun = life_of(token_in(first) or "")
    assert begun is not None
    # Tokens say whole seconds: another one has to be another one.
    wait_until(
        "waiting for the next second",
        lambda: time.time() >= begun.issued_at + 1,
        timeout_seconds=TIMEOUT_SECONDS,
    )
    asyncio.run(main())

    before, after = yaml.safe_load(first), yaml.safe_load(kept())
    assert before["clusters"] == after["clusters"]
    assert before["users"] != after["users"]
