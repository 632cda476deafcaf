"""A model becomes pods that answer, from each kind of source."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from magika import Magika

from e2e.harness.paths import REPOSITORY
from e2e.https_store import https_store
from e2e.sample_files import magika_model
from e2e.services import Services

FILES = [
    REPOSITORY / "Makefile",
    REPOSITORY / "pyproject.toml",
    REPOSITORY / "e2e" / "demo.py",
    REPOSITORY / "images" / "operator" / "Dockerfile",
]
DIGEST = f"sha256:{hashlib.sha256(magika_model().read_bytes()).hexdigest()}"


def assert_answers(services: Services, name: str) -> None:
    judge = Magika()
    served = [services.label(name, path) for path in FILES]
    assert served == [str(judge.identify_path(path).prediction.dl.label) for path in FILES]


def test_a_model_in_a_claim_is_inspected_planned_and_served(services: Services) -> None:
    services.place("models", {"magika/model.onnx": magika_model()})

    services.apply("filetype", model={"uri": "pvc://models/magika/model.onnx"})
    services.wait_for("filetype", "Ready", "True")
    services.wait_for("filetype", "DeviceAsPlanned", "True", "AsPlanned")

    status = services.get("tisvc", "filetype")["status"]
    assert status["model"]["digest"] == DIGEST
    assert status["model"]["batchable"] is True
    assert [pool["name"] for pool in status["pools"]] == ["cpu"]
    assert (status["readyReplicas"], status["desiredReplicas"]) == (1, 1)
    profile = services.get("modelprofile", DIGEST.replace(":", "-"))
    assert profile["spec"]["facts"]["parameterCount"] > 0
    assert services.every("jobs", "filetype") == []  # its answer is kept, so it is pruned
    events = services.kubectl("get", "events", "--field-selector=reason=Serving")
    assert events.count("filetype") >= 1
    assert_answers(services, "filetype")


def test_a_model_over_https_with_a_private_authority(services: Services, tmp_path: Path) -> None:
    store = tmp_path / "store"
    store.mkdir()
    (store / "magika.onnx").write_bytes(magika_model().read_bytes())
    certificates = tmp_path / "certificates"
    certificates.mkdir()
    with https_store(store, certificates, services.cluster.host_address()) as (url, authority):
        services.kubectl("create", "secret", "generic", "store", f"--from-file=ca.crt={authority}")

        services.apply(
            "remote",
            model={"uri": f"{url}/magika.onnx", "digest": DIGEST, "secretName": "store"},
        )
        services.wait_for("remote", "Ready", "True")

    assert_answers(services, "remote")


def test_a_known_digest_starts_no_job(services: Services) -> None:
    services.place("models", {"magika/model.onnx": magika_model()})
    model = {"uri": "pvc://models/magika/model.onnx", "digest": DIGEST}
    services.apply("first", model=model)
    services.wait_for("first", "ModelReady", "True")

    services.apply("second", model=model)
    services.wait_for("second", "Ready", "True")

    events = services.kubectl("get", "events", "-o", "name", "--field-selector=reason=Created")
    jobs = services.kubectl(
        *("get", "events", "--field-selector=involvedObject.kind=Job"),
        *("-o", "jsonpath={.items[*].involvedObject.name}"),
    )
    assert "second-inspect" not in jobs
    assert "first-inspect" in jobs, events


@pytest.mark.parametrize(
    ("name", "content", "digest", "reason"),
    [
        ("wrong-digest", None, "sha256:" + "0" * 64, "DigestMismatch"),
        ("no-model", b"This is a letter, not a model.\n" * 40, None, "NotAModel"),
    ],
)
def test_a_bad_model_is_named_and_nothing_is_started(
    services: Services,
    tmp_path: Path,
    name: str,
    content: bytes | None,
    digest: str | None,
    reason: str,
) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(content or magika_model().read_bytes())
    services.place("models", {"model.onnx": path})
    model = {"uri": "pvc://models/model.onnx"} | ({"digest": digest} if digest else {})

    services.apply(name, model=model)
    condition = services.wait_for(name, "ModelReady", "False", reason)

    assert condition["message"]
    ready = services.wait_for(name, "Ready", "False", reason)
    assert ready["message"] == condition["message"]
    assert services.every("deployments,services,pods", name) == [
        pod for pod in services.every("pods", name) if "-inspect-" in pod["metadata"]["name"]
    ]
    events = services.kubectl("get", "events", f"--field-selector=reason={reason}")
    assert name in events

    services.place("models", {"model.onnx": magika_model()})
    services.apply(name, model={"uri": "pvc://models/model.onnx", "digest": DIGEST})
    services.wait_for(name, "Ready", "True")
