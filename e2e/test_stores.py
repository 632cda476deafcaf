"""A model from a store, and a site that loses its network."""

from __future__ import annotations

from pathlib import Path

from e2e.s3_store import s3_store
from e2e.sample_files import magika_model
from e2e.services import Services
from e2e.test_serving import DIGEST, assert_answers


def test_a_model_from_s3_outlives_its_store(services: Services, tmp_path: Path) -> None:
    services.place("cache", {})
    with s3_store(tmp_path, services.cluster.host_address(), magika_model()) as store:
        store.admit(services)
        services.apply("edge", model={**store.model, "cacheClaimName": "cache", "digest": DIGEST})
        services.wait_for("edge", "Ready", "True")
        (first,) = services.every("pods", "edge")

    # The store is gone; so is the pod, with its own copy of the model.
    services.kubectl("delete", "pod", first["metadata"]["name"], timeout_seconds=120)
    services.wait_for("edge", "Ready", "True")

    (second,) = services.every("pods", "edge")
    assert second["metadata"]["uid"] != first["metadata"]["uid"]
    log = services.kubectl("logs", second["metadata"]["name"], "-c", "fetch")
    assert "cache: 'model.onnx' is there, nothing is fetched" in log
    assert_answers(services, "edge")
