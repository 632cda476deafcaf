"""Changes of a running service: nothing that serves is lost on the way."""

from __future__ import annotations

import json

from e2e.harness.paths import REPOSITORY
from e2e.harness.waiting import wait_until
from e2e.load import load
from e2e.sample_files import magika_model
from e2e.services import Services

MODEL = {"uri": "pvc://models/magika/model.onnx"}


def start(services: Services, name: str) -> None:
    services.place("models", {"magika/model.onnx": magika_model()})
    services.apply(name, model=MODEL)
    services.wait_for(name, "Ready", "True")


def pod_names(services: Services, name: str) -> set[str]:
    return {
        pod["metadata"]["name"]
        for pod in services.every("pods", name)
        if pod["metadata"]["labels"]["serving.triton-operator.io/role"] == "serve"
    }


def test_an_update_under_load_fails_no_request(services: Services) -> None:
    start(services, "filetype")
    before = pod_names(services, "filetype")

    with (
        services.address("filetype") as address,
        load(address, "filetype", REPOSITORY / "Makefile") as seen,
    ):
        wait_until("first answers", lambda: seen.answered > 20, timeout_seconds=30)
        services.patch("filetype", {"batching": {"mode": "Fixed", "maxBatchSize": 2}})
        services.wait_for("filetype", "Ready", "True")
        wait_until(
            "the old pod to be gone",
            lambda: not (before & pod_names(services, "filetype")),
            timeout_seconds=90,
        )
        answered = seen.answered
        wait_until("answers after it", lambda: seen.answered > answered + 20, timeout_seconds=30)

    assert seen.failures == []
    assert len(seen.labels) == 1
    assert services.get("tisvc", "filetype")["status"]["pools"][0]["maxBatchSize"] == 2
    wait_until(
        "the old config to be pruned",
        lambda: len(services.every("configmaps", "filetype")) == 1,
        timeout_seconds=30,
    )


def test_a_bad_update_leaves_the_old_model_serving(services: Services) -> None:
    start(services, "filetype")
    before = pod_names(services, "filetype")

    services.patch("filetype", {"model": {"uri": "pvc://models/absent.onnx"}})
    services.wait_for("filetype", "ModelReady", "False", "SourceNotFound")

    assert pod_names(services, "filetype") == before
    assert services.label("filetype", REPOSITORY / "Makefile") == "makefile"


def test_replicas_follow_the_scale_subresource_of_the_service(services: Services) -> None:
    start(services, "filetype")

    services.kubectl("scale", "tisvc", "filetype", "--replicas=2")
    services.wait_for("filetype", "Ready", "True")

    assert services.get("deployment", "filetype-cpu")["status"]["readyReplicas"] == 2
    deployment = json.loads(
        services.kubectl("get", "deployment", "filetype-cpu", "--show-managed-fields", "-o", "json")
    )
    applied = [
        row["fieldsV1"]["f:spec"]
        for row in deployment["metadata"]["managedFields"]
        if row["operation"] == "Apply"
    ]
    assert len(applied) == 1
    assert "f:template" in applied[0]
    assert "f:replicas" not in applied[0]


def test_a_deleted_service_leaves_nothing_but_what_is_known(services: Services) -> None:
    start(services, "filetype")

    services.kubectl("delete", "tisvc", "filetype", timeout_seconds=90)

    wait_until(
        "every child to be gone",
        lambda: services.every("deployments,services,configmaps,jobs,pods", "filetype") == [],
        timeout_seconds=90,
    )
    assert services.kubectl("get", "modelprofiles", "-o", "name").startswith("modelprofile")
