"""The definitions install, and the API server shows the kinds as documented."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.api.client import Api, Object, path_of
from tests.objects import all_written, title, written
from triton_operator.api.group import API_VERSION

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
CHART = Path(__file__).parents[2] / "charts/triton-operator/crds"


def test_definitions_are_established_and_structural(definitions: list[Object]) -> None:
    for definition in definitions:
        conditions = {c["type"]: c["status"] for c in definition["status"]["conditions"]}
        assert conditions == {"NamesAccepted": "True", "Established": "True"}


def test_the_server_keeps_what_the_files_say(definitions: list[Object]) -> None:
    """Nothing that the generator writes is dropped, and nothing of it is filled in otherwise."""
    files = {
        document["metadata"]["name"]: document
        for document in map(yaml.safe_load, (path.read_text() for path in CHART.glob("*.yaml")))
    }
    for definition in definitions:
        (kept,) = definition["spec"]["versions"]
        (written_,) = files[definition["metadata"]["name"]]["spec"]["versions"]
        assert kept == written_


def test_discovery_tells_names_category_and_subresources(api: Api) -> None:
    resources = api.request("GET", f"/apis/{API_VERSION}")["resources"]
    found = {
        resource["name"]: (
            resource["namespaced"],
            resource.get("shortNames"),
            resource.get("categories"),
        )
        for resource in resources
    }

    assert found == {
        "inferenceservices": (True, ["tisvc"], ["inference"]),
        "inferenceservices/status": (True, None, None),
        "inferenceservices/scale": (True, None, None),
        "servingpools": (False, ["tpool"], ["inference"]),
        "servingpools/status": (False, None, None),
        "modelprofiles": (True, ["mprof"], ["inference"]),
        "inferenceclusters": (False, ["icl"], ["inference"]),
        "inferenceclusters/status": (False, None, None),
        "inferenceworks": (True, ["iwork"], ["inference"]),
        "inferenceworks/status": (True, None, None),
    }


@pytest.mark.parametrize("document", all_written(), ids=title)
def test_written_objects_are_accepted(api: Api, document: Object) -> None:
    namespaced = {**document, "metadata": {**document["metadata"], "namespace": "default"}}

    api.create(namespaced, dry_run=True)


TEMPLATE = {
    "model": {"uri": "pvc://models/magika", "format": "ONNX"},
    "objective": {"minAttainmentPercent": 99, "prefer": "Cost"},
    "batching": {"mode": "Auto", "maxQueueDelayMicroseconds": 0, "overload": "Queue"},
    "precision": {"mode": "Auto", "minAgreement": "0.99"},
    "measurement": {"mode": "Never", "budgetSeconds": 180},
    "hardware": {"accelerator": "Any"},
    "scaling": {"mode": "Auto", "minReplicas": 1},
    "paused": False,
}
# object: its spec once the server has filled in the defaults
DEFAULTED: dict[str, dict[str, Any]] = {
    "inferenceservice-smallest": {
        **TEMPLATE,
        "managedBy": "serving.triton-operator.io/operator",
    },
    "inferencecluster-smallest": {
        "tier": "Cloud",
        "targetNameSuffix": "",
        "heartbeat": {
            "intervalSeconds": 15,
            "suspectAfterSeconds": 60,
            "lostAfterSeconds": 300,
            "recoverForSeconds": 120,
        },
        "paused": False,
    },
    "inferencework-smallest": {
        "revision": 1,
        "hubID": "7c2f5a54-7d0b-4f0e-9a59-6f3f1c1b7a10",
        "decisionID": "d-1",
        "target": {"namespace": "shop", "name": "filetype"},
        "template": TEMPLATE,
        "deletionPolicy": "Delete",
    },
    "servingpool-smallest": {},
    "modelprofile-smallest": {
        "digest": "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
    },
}


@pytest.mark.parametrize("name", DEFAULTED)
def test_the_smallest_object_gets_the_documented_defaults(api: Api, name: str) -> None:
    assert api.create(written(name), dry_run=True)["spec"] == DEFAULTED[name]


def test_defaults_appear_inside_what_the_user_wrote_in_part(api: Api) -> None:
    document = written("inferenceservice-smallest")
    document["spec"] |= {
        "objective": {"latency": {"milliseconds": 50}},
        "batching": {"maxBatchSize": 4},
        "scaling": {"maxReplicas": 3},
    }

    spec = api.create(document, dry_run=True)["spec"]

    assert spec["objective"]["latency"] == {"percentile": "P99", "milliseconds": 50}
    assert spec["objective"]["prefer"] == "Cost"
    assert spec["batching"]["mode"] == "Auto"
    assert spec["scaling"] == {"mode": "Auto", "minReplicas": 1, "maxReplicas": 3}


def test_a_pool_with_an_accelerator_gets_its_resource(api: Api) -> None:
    document = written("servingpool-smallest")
    document["spec"] = {"accelerator": {}, "cost": {"perReplicaHour": "1"}}

    assert api.create(document, dry_run=True)["spec"] == {
        "accelerator": {"resource": "nvidia.com/gpu", "countPerReplica": 1},
        "cost": {"currency": "USD", "perReplicaHour": "1"},
    }


def cells(api: Api, document: Object) -> dict[str, tuple[Any, int]]:
    """Column to value and priority, as `kubectl get` receives them."""
    table = api.request("GET", path_of(document), accept=TABLE)
    (row,) = table["rows"]
    return {
        column["name"]: (cell, column["priority"])
        for column, cell in zip(table["columnDefinitions"], row["cells"], strict=True)
    }


def created(api: Api, name: str, namespace: str) -> Object:
    """The written object with its status, in the namespace."""
    document = written(name)
    document["metadata"]["namespace"] = namespace
    api.create(document)
    if "status" in document:
        api.merge(document, {"status": document["status"]}, "status")
    return document


def test_columns_of_an_inference_service(api: Api, namespace: str) -> None:
    document = created(api, "inferenceservice-every-field", namespace)

    shown = cells(api, document)

    columns = "Name Ready Precision Batch Replicas Desired P99 URL Age Pools Model Variant Reason"
    assert " ".join(shown) == columns
    age, priority = shown.pop("Age")
    assert age
    assert priority == 0
    assert shown == {
        "Name": ("filetype", 0),
        "Ready": ("False", 0),
        "Precision": ("FP16", 0),
        "Batch": (16, 0),
        "Replicas": (2, 0),
        "Desired": (3, 0),
        "P99": (71, 0),
        "URL": ("http://filetype.shop.svc:8000", 0),
        "Pools": ("l4", 1),
        "Model": ("s3://models/magika/model.onnx", 1),
        "Variant": ("small", 1),
        "Reason": ("ModelNotReady", 1),
    }


def test_columns_of_a_serving_pool(api: Api, namespace: str) -> None:
    document = created(api, "servingpool-every-field", namespace)

    shown = cells(api, document)
    api.delete(document)

    assert shown.pop("Age")[0]
    assert shown == {
        "Name": ("l4", 0),
        "Ready": ("True", 0),
        "Nodes": (12, 0),
        "Accelerator": ("nvidia.com/gpu", 0),
        "Product": ("NVIDIA-L4", 0),
        "Cost": ("0.71", 0),
        "Image": ("registry.example/private/triton:ours", 1),
        "Release": ("26.09", 1),
        "Reason": ("NodesFound", 1),
    }


def test_columns_of_an_inference_cluster(api: Api, namespace: str) -> None:
    document = created(api, "inferencecluster-every-field", namespace)

    shown = cells(api, document)
    api.delete(document)

    assert shown.pop("Age")[0]
    heard, priority = shown.pop("Heard")
    assert heard.endswith(("d", "h", "m", "s")), "as an age"
    assert priority == 0
    assert shown == {
        "Name": ("store-0042", 0),
        "Tier": ("Edge", 0),
        "State": ("Suspect", 0),
        "Version": ("0.1.0", 0),
        "Zones": ('["eu","store-0042"]', 1),
        "RTT": (38, 1),
        "Flaps": (3, 1),
        "Paused": (True, 1),
        "Reason": ("Silent", 1),
    }


def test_columns_of_an_inference_work(api: Api, namespace: str) -> None:
    document = created(api, "inferencework-every-field", namespace)

    shown = cells(api, document)

    assert shown.pop("Age")[0]
    assert shown.pop("Observed")[1] == 1
    # The first column is the work's own name, and what it is about has other headings.
    assert shown == {
        "Name": ("shop.filetype", 0),
        "Target": ("filetype-local", 0),
        "Target-Namespace": ("shop", 0),
        "Revision": (17, 0),
        "Applied": (17, 0),
        "Ready": (4, 0),
        "Need": ("5.4", 0),
        "Min": (2, 1),
        "Max": (20, 1),
    }


def test_columns_of_a_model_profile(api: Api, namespace: str) -> None:
    document = created(api, "modelprofile-every-field", namespace)

    shown = cells(api, document)

    assert shown.pop("Age")[0]
    assert shown == {
        "Name": ("magika", 0),
        "Format": ("ONNX", 0),
        "Batchable": (True, 0),
        "Parameters": (3100000, 0),
        "Bytes": (3149824, 0),
        "Digest": (document["spec"]["digest"], 1),
        "Reason": ("axis 0 of every input and output is the batch", 1),
    }
