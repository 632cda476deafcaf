"""The objects of a run: CRDs, the profile of a real model, and the services that name it."""

from pathlib import Path
from typing import Any

import magika
import yaml

from bench.reconcile.cluster import Cluster
from triton_operator.api.group import API_VERSION, GROUP, VERSION
from triton_operator.manifests.model_profile import profile_of_facts
from triton_operator.model.digest import model_digest
from triton_operator.model.inspection import inspect_model

NAMESPACE = "default"
CRDS = Path(__file__).parents[2] / "crds"
MODEL = Path(magika.__file__).parent / "models" / "standard_v3_3" / "model.onnx"
SERVICES = f"/apis/{GROUP}/{VERSION}/namespaces/{NAMESPACE}/inferenceservices"
PROFILES = f"/apis/{GROUP}/{VERSION}/namespaces/{NAMESPACE}/modelprofiles"
CRD_PATH = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


async def apply_crds(cluster: Cluster) -> list[str]:
    """Apply all CRDs; their names."""
    crds = [yaml.safe_load(path.read_text()) for path in sorted(CRDS.glob("*.yaml"))]
    for crd in crds:
        await cluster.patch(f"{CRD_PATH}/{crd['metadata']['name']}", crd, how="apply")
    return [crd["metadata"]["name"] for crd in crds]


async def is_established(cluster: Cluster, crd: str) -> bool:
    """Whether the API server serves the kind by now."""
    conditions = (await cluster.get(f"{CRD_PATH}/{crd}"))["status"].get("conditions") or ()
    return any(
        condition["type"] == "Established" and condition["status"] == "True"
        for condition in conditions
    )


def model_profile() -> dict[str, Any]:
    """The profile of magika's file-type model, inspected here from the file in its wheel."""
    facts = inspect_model(MODEL)
    return profile_of_facts(NAMESPACE, model_digest(facts.files), facts)


def service_name(number: int) -> str:
    """Names sort as numbers do."""
    return f"bench-{number:05d}"


def inference_service(name: str, digest: str) -> dict[str, Any]:
    """A service as a person would write it who pins the model's digest."""
    return {
        "apiVersion": API_VERSION,
        "kind": "InferenceService",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "model": {"uri": "pvc://models/magika/model.onnx", "digest": digest},
            "objective": {"latency": {"percentile": "P99", "milliseconds": 100}},
        },
    }


def edit(round_number: int) -> dict[str, Any]:
    """A merge patch that changes the plan: a bound on the batch below the default of four."""
    return {"spec": {"batching": {"maxBatchSize": 1 + round_number % 2}}}
