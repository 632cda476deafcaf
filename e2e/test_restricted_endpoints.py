"""Real Triton: what changes a server answers nobody, over HTTP and gRPC; the rest answers all."""

from __future__ import annotations

from pathlib import Path

import pytest
import tritonclient.grpc as triton_grpc
import tritonclient.http as triton_http
from tritonclient.utils import InferenceServerException

from e2e.harness.paths import REPOSITORY
from e2e.reach import reach
from e2e.sample_files import magika_model
from e2e.services import Services

SAMPLE: Path = REPOSITORY / "Makefile"


@pytest.fixture
def filetype(services: Services) -> Services:
    services.place("models", {"magika/model.onnx": magika_model()})
    services.apply("filetype", model={"uri": "pvc://models/magika/model.onnx"})
    services.wait_for("filetype", "Ready", "True")
    return services


def test_nobody_changes_a_server_and_everybody_is_served(filetype: Services) -> None:
    calls = {
        "get_model_repository_index": (),
        "load_model": ("filetype",),
        "unload_model": ("filetype",),
        "get_system_shared_memory_status": (),
        "register_system_shared_memory": ("mine", "/mine", 64),
        "get_trace_settings": (),
        "update_trace_settings": (),
        "get_log_settings": (),
        "update_log_settings": ({"log_verbose_level": 1},),
    }
    with (
        reach(filetype.cluster, filetype.namespace, "filetype", 8000) as http,
        reach(filetype.cluster, filetype.namespace, "filetype", 8001) as grpc,
        triton_http.InferenceServerClient(http) as over_http,
        triton_grpc.InferenceServerClient(grpc) as over_grpc,
    ):
        for client in (over_http, over_grpc):
            for call, arguments in calls.items():
                with pytest.raises(InferenceServerException, match=r"(?i)restrict"):
                    getattr(client, call)(*arguments)
            assert client.is_server_live()
            assert client.is_server_ready()
            assert client.is_model_ready("filetype")
            assert client.get_model_metadata("filetype")
            assert client.get_model_config("filetype")
            assert client.get_inference_statistics("filetype")
    assert filetype.label("filetype", SAMPLE) == "makefile"


def test_the_key_is_the_uid_of_the_pod_and_of_no_other(filetype: Services) -> None:
    """Whoever may read the pod can look at its settings, for a diagnosis."""
    (pod,) = filetype.every("pods", "filetype")
    with (
        reach(filetype.cluster, filetype.namespace, "filetype", 8000) as http,
        triton_http.InferenceServerClient(http) as client,
    ):
        key = {"triton-operator-key": pod["metadata"]["uid"]}
        assert client.get_log_settings(headers=key)

        stale = {"triton-operator-key": pod["metadata"]["ownerReferences"][0]["uid"]}
        with pytest.raises(InferenceServerException, match=r"(?i)restrict"):
            client.get_log_settings(headers=stale)
