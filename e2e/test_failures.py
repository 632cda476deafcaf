"""Every failure is named: in Ready's reason and message, in an Event, and by `explain`.

All scenarios run at once. What is measured is the time from the cluster's own record (an Event of
the kubelet, the scheduler or a controller; the end of a container) to the operator's Event with
the reason; it is printed as a table, and `docs/troubleshooting.md` promises ten seconds. That it is
a matter of seconds, and not of the next sweep, is asserted.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from e2e.conftest import TABLES
from e2e.failing import (
    CLAIM,
    FAILURES,
    NAME,
    TINY,
    Failure,
    Object,
    PodWatch,
    Stage,
    events_of,
    first_seen,
    operator_command,
    policies,
    recorded_at,
)
from e2e.harness.binaries import ensure
from e2e.harness.cluster import Cluster
from e2e.harness.kubectl import Kubectl
from e2e.harness.waiting import wait_until
from e2e.https_store import https_store
from e2e.sample_files import magika_model
from e2e.services import Services

END = ("sh", "-c", "kill -TERM 1")
REFUSED = {"/secret.onnx": 403, "/broken.onnx": 503}
STALLED = ("/stalled.onnx",)
PATIENCE_SECONDS = 150.0
NOT_BY_A_SWEEP_SECONDS = 30.0
"""Between two times that the cluster wrote down. However slow the machine, the operator has to have
heard of it at once: it looks at everything by itself every 600 s only."""


@pytest.fixture(scope="module")
def stages(
    cluster: Cluster, kubectl: Kubectl, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Stage]]:
    """Every scenario applied, by name."""
    folder = tmp_path_factory.mktemp("store")
    run = secrets.token_hex(2)
    kubectl.apply(policies())
    with https_store(folder, folder, cluster.host_address(), REFUSED, STALLED) as (store, _):
        watch = PodWatch(ensure("kubectl"), cluster.kubeconfig, folder / "pods.json")

        def staged(failure: Failure) -> Stage:
            namespace = f"e2e-{run}-{failure.name}"
            metadata = {"name": namespace, "labels": dict(failure.labels)}
            kubectl.apply([{"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}])
            services = Services(cluster, kubectl, namespace)
            stage = Stage(services, store, folder, kubectl, watch)
            services.apply(NAME, **failure.spec(stage))
            return stage

        with ThreadPoolExecutor(4) as pool:
            found = dict(
                zip((row.name for row in FAILURES), pool.map(staged, FAILURES), strict=True)
            )
        yield found
        watch.stop()
    for stage in found.values():
        kubectl("delete", "namespace", stage.services.namespace, "--wait=false")
    for policy in policies():
        kubectl("delete", policy["kind"], policy["metadata"]["name"])


@pytest.fixture(scope="module")
def seconds(request: pytest.FixtureRequest) -> Iterator[dict[str, float]]:
    """Seconds until each failure was named; printed when all are."""
    found: dict[str, float] = {}
    yield found
    lines = [
        f"  {name:20} {value:5.1f}" for name, value in sorted(found.items(), key=lambda row: row[1])
    ]
    request.config.stash.setdefault(TABLES, []).append(
        "\n".join(["failures, named after the cluster's own record, in seconds:", *lines])
    )


@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: failure.name)
def test_a_failure_is_named(
    failure: Failure, stages: dict[str, Stage], seconds: dict[str, float]
) -> None:
    services = stages[failure.name].services

    ready = services.wait_for(NAME, "Ready", "False", failure.reason, PATIENCE_SECONDS)

    rest = ready["message"]
    for words in failure.says:
        assert words in rest, ready["message"]
        rest = rest.partition(words)[2]
    told: list[Object] = []

    def is_told() -> bool:
        told[:] = [
            event
            for event in events_of(services)
            if event["reason"] == failure.reason and event["regarding"].get("name") == NAME
        ]
        return bool(told)

    wait_until(f"an Event {failure.reason}", is_told, timeout_seconds=10)
    assert {event["type"] for event in told} == {"Warning"}
    if failure.told_by or failure.ended:
        pods = stages[failure.name].watch.of(services.namespace)
        known = recorded_at(failure, events_of(services), pods)
        assert known is not None, "the cluster has no record of it"
        seconds[failure.name] = min(map(first_seen, told)) - known
        assert seconds[failure.name] < failure.starting_seconds + NOT_BY_A_SWEEP_SECONDS


def test_explain_lists_all_of_them(cluster: Cluster, stages: dict[str, Stage]) -> None:
    """After the tests above: everything has been named by now."""
    answer = operator_command(
        *("explain", "-A", "-o", "json", f"--kubeconfig={cluster.kubeconfig}"), check=False
    )

    assert answer.returncode == 1, answer.stderr
    listed = {row["namespace"]: row["reason"] for row in json.loads(answer.stdout)}
    for failure in FAILURES:
        assert listed[stages[failure.name].services.namespace] == failure.reason


def test_explain_says_which_where_and_what_to_do(
    cluster: Cluster, stages: dict[str, Stage]
) -> None:
    namespace = stages["no-secret"].services.namespace

    answer = operator_command(
        *("explain", NAME, "-n", namespace, f"--kubeconfig={cluster.kubeconfig}"), check=False
    )

    assert answer.returncode == 1, answer.stderr
    for words in (
        f"{namespace}/{NAME}: Ready=False SecretNotFound since ",
        'Secret "nope" not found; create it in this namespace',
        "FailedMount",
        f"kubectl -n {namespace} get secrets",
    ):
        assert words in answer.stdout


def test_ready_does_not_stay_true_behind_a_crash_loop(services: Services) -> None:
    services.place("models", {"model.onnx": magika_model()})
    services.apply(NAME, model=CLAIM, hardware={"resources": TINY})
    services.wait_for(NAME, "Ready", "True")

    def has_restarted(times: int) -> bool:
        (pod,) = (
            pod
            for pod in services.every("pods", NAME)
            if pod["metadata"]["labels"]["serving.triton-operator.io/role"] == "serve"
        )
        (row,) = pod["status"]["containerStatuses"]
        return bool(row["ready"]) and row["restartCount"] == times

    for times in (1, 2):
        # The signal to end is one that the process handles: others do not reach a first process.
        services.kubectl("exec", "deploy/filetype-cpu", "-c", "triton", "--", *END)
        wait_until(f"restart {times}", partial(has_restarted, times), timeout_seconds=90)
    services.wait_for(NAME, "Available", "True")

    ready = services.wait_for(NAME, "Ready", "False", "ContainerFailed")
    assert "crashes again and again" in ready["message"]
