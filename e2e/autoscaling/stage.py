"""The emulated model behind real Triton pods, scaled as a policy says."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from e2e.autoscaling.fleet import Fleet
from e2e.autoscaling.keda import keda, scaled_object
from e2e.autoscaling.policies import (
    LEAST,
    OBJECTIVE_MILLISECONDS,
    Policy,
    Trigger,
    policy,
)
from e2e.autoscaling.prometheus import SCRAPE_SECONDS, Prometheus
from e2e.emulated_model import NAME, REPOSITORY, EmulatedModel
from e2e.harness import cgroups
from e2e.harness.cluster import Cluster
from e2e.harness.errors import HarnessError
from e2e.harness.kubectl import Kubectl
from e2e.harness.native import NativeCluster
from e2e.harness.progress import step
from e2e.harness.waiting import wait_until
from e2e.installation import CODE_NAMESPACE, install_operator
from e2e.services import Services

SMALL = {"cpu": "50m", "memory": "384Mi"}
"""Sixteen replicas, and one more during a rollout, on a machine with two cores."""
SMALL_FETCH = "fetch.resources.requests.cpu=10m"
"""A value of the chart: else the fetching of sixteen models would not fit on two cores."""
READY_SECONDS = 180
PROBE_SECONDS = 2.0
"""From loaded to ready, in the mean: probes come every two seconds."""


@dataclass
class Stage:
    """What stands ready for a run; `prometheus` only where the policy asks for one."""

    cluster: Cluster
    services: Services
    policy: Policy
    fleet: Fleet
    folder: Path
    prometheus: Prometheus | None = None

    def decisions(self) -> list[str]:
        """What the operator said of its scaling, with the times, as far as events are kept."""
        columns = "T:.metadata.creationTimestamp,M:.message"
        chosen = "--field-selector=reason=Scaled"
        lines = self.services.kubectl("get", "events", chosen, "-o", f"custom-columns={columns}")
        return sorted(lines.splitlines()[1:])


@contextmanager
def staged(
    cluster: Cluster, name: str, cold_start_seconds: float, *, by_prometheus: bool = False
) -> Iterator[Stage]:
    """The service of that policy, with its first replicas ready; it is removed afterwards.

    `by_prometheus`: the operator has its metrics from one, instead of the pods.
    """
    if not isinstance(cluster, NativeCluster):
        raise HarnessError("load goes to pods, which this machine reaches in the native cluster")
    chosen = policy(name, CODE_NAMESPACE)
    kubectl = Kubectl(cluster.kubeconfig)
    services = Services(cluster, kubectl, CODE_NAMESPACE)
    with ExitStack() as cleaning:
        # Each pod stands for a machine of its own, which nothing else on this one takes time from.
        cleaning.enter_context(cgroups.favoured(cluster.topology.cgroup))
        folder = Path(cleaning.enter_context(tempfile.TemporaryDirectory()))
        _fresh_namespace(kubectl)
        cleaning.callback(kubectl, "delete", "namespace", CODE_NAMESPACE, timeout_seconds=120)
        fleet = cleaning.enter_context(Fleet.followed(cluster.kubeconfig, CODE_NAMESPACE, NAME))
        stage = Stage(cluster, services, chosen, fleet, folder)
        with step(f"{name}: the first replicas"):
            _apply(stage, cold_start_seconds)
        if by_prometheus or chosen.trigger is not None:
            stage.prometheus = Prometheus(folder, cluster.host_address(), CODE_NAMESPACE)
            stage.prometheus.start()
            cleaning.callback(stage.prometheus.stop)
            if chosen.trigger is not None:
                _give_to_keda(stage, stage.prometheus, chosen.trigger, cleaning)
            else:
                _give_to_operator(cluster, stage.prometheus, cleaning)
        yield stage


def _fresh_namespace(kubectl: Kubectl) -> None:
    kubectl("delete", "namespace", CODE_NAMESPACE, "--ignore-not-found", timeout_seconds=120)
    kubectl("create", "namespace", CODE_NAMESPACE)


def _apply(stage: Stage, cold_start_seconds: float) -> None:
    chosen, services = stage.policy, stage.services
    model = EmulatedModel(load_seconds=max(0.0, cold_start_seconds - PROBE_SECONDS))
    services.place("models", model.write(stage.folder / "model"))
    services.apply(
        NAME,
        model={"uri": f"pvc://models/{REPOSITORY}", "format": "TritonRepository"},
        hardware={"resources": SMALL},
        objective={"latency": {"percentile": "P99", "milliseconds": OBJECTIVE_MILLISECONDS}},
        batching={"overload": "Reject" if chosen.rejects else "Queue"},
        scaling=chosen.scaling,
    )
    services.wait_for(NAME, "Ready", "True", timeout_seconds=READY_SECONDS)
    least = chosen.scaling.get("minReplicas", LEAST)
    if chosen.trigger is not None:
        services.kubectl("scale", "deployment", deployment_name(services), f"--replicas={least}")
    wait_until(
        f"{least} replicas that get requests",
        lambda: len(stage.fleet.receiving()) >= least,
        timeout_seconds=READY_SECONDS,
        poll_seconds=0.5,
    )


def _give_to_keda(
    stage: Stage, prometheus: Prometheus, trigger: Trigger, cleaning: ExitStack
) -> None:
    cleaning.enter_context(keda(stage.cluster, stage.folder))
    name = deployment_name(stage.services)
    kubectl = Kubectl(stage.cluster.kubeconfig)
    kubectl.apply([scaled_object(CODE_NAMESPACE, name, trigger, prometheus.url)])
    # Its finalizer has to be taken off while KEDA runs, else the namespace never goes.
    cleaning.callback(stage.services.kubectl, "delete", "scaledobject", name)


def _give_to_operator(cluster: Cluster, prometheus: Prometheus, cleaning: ExitStack) -> None:
    cleaning.callback(install_operator, cluster, SMALL_FETCH)
    install_operator(
        cluster,
        SMALL_FETCH,
        f"autoscaling.prometheus.url={prometheus.url}",
        f"autoscaling.scrapeSeconds={SCRAPE_SECONDS / 2}",
    )


def deployment_name(services: Services) -> str:
    """Of the only pool."""
    (deployment,) = services.every("deployments", NAME)
    name: str = deployment["metadata"]["name"]
    return name
