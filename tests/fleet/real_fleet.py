"""A hub's mailbox, a member's namespace, and the agent between them, in a thread of its own.

The agent's accounts have its rights and no others: in the mailbox those of the hub's Role, in the
member those of AGENT.
"""

import asyncio
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from e2e.harness.controlplane import ControlPlane
from e2e.harness.waiting import wait_until
from tests.api.client import Api, Object, RefusedError
from tests.fleet.works import work
from triton_operator.agent.sync import sync
from triton_operator.api.group import API_VERSION, GROUP
from triton_operator.controllers.connection import connect
from triton_operator.controllers.stopping import ends_before
from triton_operator.fleet.absence import GRACE_SECONDS
from triton_operator.fleet.mailbox import DELETED_BY, FLEET, mailbox, mailbox_namespace

RBAC = "rbac.authorization.k8s.io/v1"
TIMEOUT_SECONDS = 60.0
Rules = list[dict[str, list[str]]]

MEMBER_RULES: Rules = [
    {
        "apiGroups": [GROUP],
        "resources": ["inferenceservices"],
        "verbs": ["get", "list", "watch", "create", "patch", "delete"],
    },
    {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["get"]},
    {"apiGroups": [""], "resources": ["nodes", "pods"], "verbs": ["list"]},
    {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["list"]},
]


@dataclass
class Side:
    """One API server, and its administrator."""

    plane: ControlPlane
    api: Api

    def make_namespace(self, name: str) -> None:
        """A new one."""
        self.api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})

    def account(self, user: str, rules: Rules, namespace: str = "") -> Path:
        """A kubeconfig of a user with rights in one namespace, or in the whole cluster."""
        kind = "Role" if namespace else "ClusterRole"
        metadata = {"name": user} | ({"namespace": namespace} if namespace else {})
        role = {"apiVersion": RBAC, "kind": kind, "metadata": metadata}
        self.api.create({**role, "rules": rules})
        group = RBAC.partition("/")[0]
        self.api.create(
            {
                **role,
                "kind": f"{kind}Binding",
                "roleRef": {"apiGroup": group, "kind": kind, "name": user},
                "subjects": [{"apiGroup": group, "kind": "User", "name": user}],
            }
        )
        return self.plane.client_kubeconfig(user, f"/CN={user}")

    def find(self, document: Object) -> Object | None:
        """The object, if it is there."""
        try:
            return self.api.get(document)
        except RefusedError as refusal:
            if refusal.code == 404:
                return None
            raise


class Agent(threading.Thread):
    """One process' worth of the agent; `offset` shifts its wall clock, in seconds; `grace_seconds`
    is how long a work has to be missing."""

    def __init__(
        self,
        hub: Path,
        member: Path,
        mailbox: str,
        offset: Callable[[], float],
        grace_seconds: float,
    ) -> None:
        super().__init__(daemon=True)
        self._arguments = (hub, member, mailbox, offset, grace_seconds)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._end_it: asyncio.Event | None = None
        self._running = threading.Event()
        self.error: BaseException | None = None

    def run(self) -> None:
        """Until `end`."""
        try:
            asyncio.run(self._main())
        except BaseException as error:
            self.error = error
            self._running.set()

    async def _main(self) -> None:
        hub, member, mailbox, offset, grace_seconds = self._arguments
        self._loop, self._end_it = asyncio.get_running_loop(), asyncio.Event()
        self._running.set()
        await ends_before(
            self._end_it,
            sync(
                lambda: connect(hub, for_kopf=False),
                lambda: connect(member, for_kopf=False),
                mailbox,
                heartbeat_seconds=1.0,
                look_seconds=1.0,
                report_seconds=5.0,
                grace_seconds=grace_seconds,
                now=lambda: time.time() + offset(),
            ),
        )
        await asyncio.sleep(0.1)

    def end(self) -> None:
        """Stop it, and see that it had not ended by itself."""
        self._running.wait(TIMEOUT_SECONDS)
        assert self.error is None, self.error
        assert self.is_alive()
        assert self._loop is not None
        assert self._end_it is not None
        self._loop.call_soon_threadsafe(self._end_it.set)
        self.join(TIMEOUT_SECONDS)
        assert not self.is_alive()
        assert self.error is None, self.error


class RealFleet:
    """See the module."""

    def __init__(self, hub: Side, member: Side, number: int) -> None:
        self.hub, self.member = hub, member
        cluster = f"store-{number}"
        self.mailbox, self.namespace = mailbox_namespace(cluster), f"shop-{number}"
        self.clock_offset = 0.0
        self.grace_seconds = GRACE_SECONDS
        hub.make_namespace(self.mailbox)
        member.make_namespace(self.namespace)
        user = f"fleet-agent-{number}"
        (role,) = [one for one in mailbox(cluster) if one["kind"] == "Role"]
        self.hub_kubeconfig = hub.account(user, role["rules"], self.mailbox)
        self.member_kubeconfig = member.account(user, MEMBER_RULES)
        self._agent: Agent | None = None

    def start(self) -> None:
        """A new process of the agent, which remembers nothing."""
        self._agent = Agent(
            self.hub_kubeconfig,
            self.member_kubeconfig,
            self.mailbox,
            lambda: self.clock_offset,
            self.grace_seconds,
        )
        self._agent.start()

    def stop(self) -> None:
        """It ends."""
        if self._agent is not None:
            self._agent.end()
            self._agent = None

    def until(self, what: str, holds: Callable[[], bool]) -> None:
        """Wait until something holds."""
        wait_until(f"waiting for {what}", holds, timeout_seconds=TIMEOUT_SECONDS)

    # The hub's part.

    def put_work(self, name: str = "shop.vision", **changes: Any) -> Object:
        """The hub writes a work."""
        wanted = work(self.mailbox, name, **{"namespace": self.namespace, **changes})
        return self.hub.api.apply(wanted, "hub", force=True)

    def work(self, name: str = "shop.vision") -> Object | None:
        """The work as it is."""
        return self.hub.find(self._reference("InferenceWork", self.mailbox, name))

    def delete_work(
        self, name: str = "shop.vision", *, finalizer: bool = True, by_hub: bool = True
    ) -> None:
        """The hub deletes it, or somebody else; without `finalizer`, it is gone at once."""
        reference = self._reference("InferenceWork", self.mailbox, name)
        if by_hub:
            self.hub.api.merge(reference, {"metadata": {"annotations": {DELETED_BY: "1-2"}}})
        if not finalizer:
            self.hub.api.merge(reference, {"metadata": {"finalizers": None}})
        self.hub.api.delete(reference)

    def status(self, name: str = "shop.vision") -> Object:
        """What the agent told."""
        found = self.work(name)
        assert found is not None
        status: Object = found.get("status") or {}
        return status

    def condition(self, kind: str = "Applied", name: str = "shop.vision") -> tuple[str, str]:
        """Status and reason."""
        for row in self.status(name).get("conditions") or ():
            if row["type"] == kind:
                return row["status"], row["reason"]
        return "", ""

    def until_condition(
        self, status: str, reason: str, kind: str = "Applied", name: str = "shop.vision"
    ) -> None:
        """Wait until a condition is so."""
        self.until(
            f"{kind}={status} ({reason}) of {name}",
            lambda: self.condition(kind, name) == (status, reason),
        )

    def lease(self) -> Object | None:
        """The heartbeat."""
        return self.hub.find(
            {
                "apiVersion": "coordination.k8s.io/v1",
                "kind": "Lease",
                "metadata": {"name": "fleet-agent", "namespace": self.mailbox},
            }
        )

    # The member's part.

    def service(self, name: str = "vision") -> Object | None:
        """The service in the member."""
        return self.member.find(self._reference("InferenceService", self.namespace, name))

    def merge_service(self, change: Object, subresource: str = "", name: str = "vision") -> Object:
        """Somebody in the member changes it."""
        reference = self._reference("InferenceService", self.namespace, name)
        return self.member.api.merge(reference, change, subresource)

    def most(self, name: str = "vision") -> int:
        """The ceiling that is in force."""
        service = self.service(name)
        assert service is not None
        found: int = service["spec"]["scaling"]["maxReplicas"]
        return found

    def note(self, name: str) -> str | None:
        """One of the agent's annotations of the service."""
        service = self.service()
        assert service is not None
        found: str | None = service["metadata"]["annotations"].get(f"{FLEET}/{name}")
        return found

    @staticmethod
    def _reference(kind: str, namespace: str, name: str) -> Object:
        return {
            "apiVersion": API_VERSION,
            "kind": kind,
            "metadata": {"name": name, "namespace": namespace},
        }
