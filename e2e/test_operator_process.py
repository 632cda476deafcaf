"""The operator may die or leave: what serves goes on, and what was begun is finished."""

from __future__ import annotations

from e2e.conftest import IMPATIENT
from e2e.harness.cluster import Cluster
from e2e.harness.kubectl import Kubectl
from e2e.harness.paths import REPOSITORY
from e2e.harness.waiting import wait_until
from e2e.installation import install_operator, uninstall_operator
from e2e.operator_pod import kill_operator, operator_is_back, operator_pod
from e2e.sample_files import magika_model
from e2e.services import Services
from e2e.test_changes import MODEL, pod_names, start


def test_a_killed_operator_finishes_what_it_began(
    cluster: Cluster, kubectl: Kubectl, services: Services
) -> None:
    services.place("models", {"magika/model.onnx": magika_model()})
    before = operator_pod(kubectl)
    services.apply("filetype", model=MODEL)
    wait_until(
        "the inspection to have begun",
        lambda: services.every("jobs", "filetype") != [],
        timeout_seconds=30,
    )

    kill_operator(cluster, kubectl)

    wait_until(
        "the operator to be back", lambda: operator_is_back(kubectl, before), timeout_seconds=90
    )
    services.wait_for("filetype", "Ready", "True")
    assert services.label("filetype", REPOSITORY / "Makefile") == "makefile"
    serving = pod_names(services, "filetype")

    kill_operator(cluster, kubectl)
    services.patch("filetype", {"scaling": {"minReplicas": 2}})
    services.wait_for("filetype", "Ready", "True")

    assert serving < pod_names(services, "filetype")  # the first pod was left alone


def test_without_the_operator_the_pods_go_on_serving(
    cluster: Cluster, kubectl: Kubectl, services: Services
) -> None:
    start(services, "filetype")
    serving = pod_names(services, "filetype")

    uninstall_operator(cluster)

    assert services.label("filetype", REPOSITORY / "Makefile") == "makefile"
    assert pod_names(services, "filetype") == serving

    install_operator(cluster, IMPATIENT)
    services.patch("filetype", {"objective": {"prefer": "Latency"}})
    services.wait_for("filetype", "Ready", "True")
    assert pod_names(services, "filetype") == serving
