"""A fleet in a test: clusters with members that say what the test wants, services, and the hub."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any, Self

from e2e.harness.waiting import wait_until
from tests.api.client import Api, Object, RefusedError
from tests.fleet_hub.clock import Clock
from tests.fleet_hub.hub_thread import TIMEOUT_SECONDS, HubThread
from tests.fleet_hub.member import Member
from triton_operator.api.enums import ConnectionState, ManagedBy
from triton_operator.api.group import API_VERSION
from triton_operator.fleet.mailbox import AGENT, mailbox_namespace
from triton_operator.fleet.works import work_name

MODEL = {"uri": "https://models.example/m.onnx"}
BEAT_SECONDS = 10
"""Between two heartbeats of a test: sooner than `intervalSeconds`, so no contact breaks."""


class Fleet:
    """`prefix` begins the names of everything in it."""

    def __init__(self, api: Api, ca: Path, kubeconfig: Path, clock: Clock, prefix: str) -> None:
        self.api = api
        self.clock = clock
        self.namespace = prefix
        self._ca = ca
        self._prefix = prefix
        self._kubeconfig = kubeconfig
        self._members: dict[str, Member] = {}
        self._connected: list[Member] = []
        self.hub = HubThread(kubeconfig, clock)

    def __enter__(self) -> Self:
        self.api.create(_object("v1", "Namespace", self.namespace))
        self.hub.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.hub.__exit__(kind, value, traceback)
        for member in self._members.values():
            member.close()
        for name in self._members:
            self.api.delete(_object(API_VERSION, "InferenceCluster", name))

    def remove(self, member: Member) -> None:
        """Its InferenceCluster is deleted; it does not know."""
        self._connected.remove(member)
        del self._members[member.cluster]
        self.api.delete(_object(API_VERSION, "InferenceCluster", member.cluster))

    def restart_hub(self) -> None:
        """Stop it, and start another one that knows nothing."""
        self.hub.stop()
        self.hub.start()

    def cluster(self, name: str, tier: str = "Edge", **spec: Any) -> Member:
        """A cluster, with its mailbox made; its member has said nothing yet."""
        name = f"{self._prefix}-{name}"
        self.api.create(
            {
                **_object(API_VERSION, "InferenceCluster", name),
                "spec": {"tier": tier, **spec},
            }
        )
        self.await_("the mailbox", lambda: self._has_account(name))
        self.hub.settle()
        member = Member(self.api, self._ca, name)
        self._members[name] = member
        return member

    def connected(self, name: str, tier: str = "Edge", **spec: Any) -> Member:
        """A cluster that is Connected; those that were connected before stay so meanwhile."""
        member = self.cluster(name, tier, **spec)
        self._connected.append(member)
        self.go(140, *self._connected)
        assert self.state(member) is ConnectionState.CONNECTED
        return member

    def go(self, seconds: int, *beating: Member) -> None:
        """Let time pass, in which some members are heard of, and the hub looks all the time."""
        for _ in range(0, seconds, BEAT_SECONDS):
            self.clock.now += BEAT_SECONDS
            for member in beating:
                self.beat(member)
            self.hub.settle()

    def beat(self, member: Member, **annotations: str) -> None:
        """One heartbeat, which the hub has heard."""
        member.beat(**annotations)
        self.await_(
            "the heartbeat", lambda: self.hub.connection(member.cluster).heard_at == self.clock.now
        )

    def state(self, member: Member) -> ConnectionState:
        """As its status says."""
        return ConnectionState(self.cluster_status(member)["connectionState"])

    def cluster_status(self, member: Member) -> Object:
        """Of its InferenceCluster."""
        found: Object = self.api.get(_object(API_VERSION, "InferenceCluster", member.cluster))
        return found["status"]  # type: ignore[no-any-return]

    def service(self, name: str = "vision", **spec: Any) -> Object:
        """A service that the fleet serves, on the clusters of this test."""
        placement = {"clusterNames": sorted(self._members), **spec.pop("placement", {})}
        return self.api.create(
            {
                "apiVersion": API_VERSION,
                "kind": "InferenceService",
                "metadata": {"name": name, "namespace": self.namespace},
                "spec": {
                    "managedBy": ManagedBy.FLEET.value,
                    "model": MODEL,
                    "placement": placement,
                    **spec,
                },
            }
        )

    def service_status(self, name: str = "vision") -> Object:
        """As it is now; empty before the first placement."""
        found = self.api.get(
            {
                "apiVersion": API_VERSION,
                "kind": "InferenceService",
                "metadata": {"name": name, "namespace": self.namespace},
            }
        )
        status: Object = found.get("status") or {}
        return status

    def condition(self, type_: str, status: Object) -> Object:
        """One condition of a status; empty: it has none of that type."""
        rows = status.get("conditions") or ()
        return next((row for row in rows if row["type"] == type_), {})

    def work(self, member: Member, service: str = "vision") -> Object | None:
        """The work of a service in a cluster's mailbox."""
        metadata = {
            "name": work_name(self.namespace, service),
            "namespace": mailbox_namespace(member.cluster),
        }
        return self._found(
            {"apiVersion": API_VERSION, "kind": "InferenceWork", "metadata": metadata}
        )

    def beside(self, version: str, kind: str, name: str) -> Object | None:
        """An object in the services' namespace."""
        metadata = {"name": name, "namespace": self.namespace}
        return self._found({"apiVersion": version, "kind": kind, "metadata": metadata})

    def endpoint_map(self, service: str = "vision") -> Object | None:
        """The ConfigMap with a service's endpoints."""
        return self.beside("v1", "ConfigMap", f"{service}-endpoints")

    def await_work(self, member: Member, service: str = "vision") -> Object:
        """Once there is one."""
        self.await_("the work", lambda: self.work(member, service) is not None)
        found = self.work(member, service)
        assert found
        return found

    def report(self, member: Member, service: str = "vision", **load: Any) -> None:
        """The member says what it does of a service, and the hub knows it."""
        work = self.work(member, service)
        assert work
        member.report(work, **load)
        self.await_("the report", lambda: self._is_seen(member, service))
        self.hub.settle()

    def await_(self, what: str, probe: Any) -> None:
        """Wait until it is so."""
        wait_until(f"waiting for {what}", probe, timeout_seconds=TIMEOUT_SECONDS, poll_seconds=0.02)

    def _found(self, one: Object) -> Object | None:
        try:
            return self.api.get(one)
        except RefusedError as refusal:
            if refusal.code != 404:
                raise
            return None

    def _is_seen(self, member: Member, service: str) -> bool:
        """Whether the hub has seen the newest version of a work."""
        seen = self.hub.hub.known.works.get(member.namespace, work_name(self.namespace, service))
        now = self.work(member, service)
        if seen is None or now is None:
            return seen is now
        return bool(seen["metadata"]["resourceVersion"] == now["metadata"]["resourceVersion"])

    def _has_account(self, cluster: str) -> bool:
        try:
            self.api.get(
                {
                    "apiVersion": "rbac.authorization.k8s.io/v1",
                    "kind": "RoleBinding",
                    "metadata": {"name": AGENT, "namespace": mailbox_namespace(cluster)},
                }
            )
        except RefusedError as refusal:
            if refusal.code != 404:
                raise
            return False
        return True


def _object(version: str, kind: str, name: str) -> Object:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}}
