"""Specs, facts, nodes and pools for tests: each as in the happy path, changed by one argument."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from triton_operator.api.enums import AcceleratorKind, ModelFormat
from triton_operator.api.inference_service import InferenceServiceSpec, Resources
from triton_operator.api.model_profile import ModelFacts, ModelFile
from triton_operator.api.tensors import Tensor
from triton_operator.planning.nodes import NodeFacts, node_facts
from triton_operator.planning.pools import Pool, PoolDefaults

DIGEST = "sha256:" + "ab" * 32
CPU_IMAGE = "registry.example/triton-cpu:26.09-py3"
GPU_IMAGE = "registry.example/triton:26.09-py3"
DEFAULTS = PoolDefaults(
    cpu_image=CPU_IMAGE, cpu_release=None, gpu_image=GPU_IMAGE, gpu_release=None
)


def spec(**parts: Any) -> InferenceServiceSpec:
    """The smallest useful spec, and `parts` as they are on the wire."""
    return InferenceServiceSpec.model_validate(
        {"model": {"uri": "pvc://models/magika/model.onnx"}, **parts}
    )


def facts(**changes: Any) -> ModelFacts:
    """A classifier of 3 MB with a batch axis, as magika's."""
    values: dict[str, Any] = {
        "format": ModelFormat.ONNX,
        "inputs": [Tensor(name="bytes", datatype="INT32", shape=[-1, 2048])],
        "outputs": [Tensor(name="target_label", datatype="FP32", shape=[-1, 214])],
        "batchable": True,
        "reason": "axis 0 of every input and output is the batch",
        "opset": 17,
        "ir_version": 8,
        "parameter_count": 3_100_000,
        "size_bytes": 3_145_728,
        "files": [ModelFile(path="model.onnx", digest=DIGEST, size_bytes=3_145_728)],
    }
    return ModelFacts(**{**values, **changes})


def single_request_facts(**changes: Any) -> ModelFacts:
    """A detector that takes exactly one picture."""
    return facts(
        **{
            "inputs": [Tensor(name="image", datatype="FP32", shape=[1, 3, 640, 640])],
            "outputs": [Tensor(name="boxes", datatype="FP32", shape=[1, 84, 8400])],
            "batchable": False,
            "reason": "axis 0 of input 'image' has the fixed length 1",
            **changes,
        }
    )


def node_object(
    name: str,
    *,
    gpus: int = 0,
    labels: Mapping[str, str] | None = None,
    ready: bool = True,
    cordoned: bool = False,
    cpu: str = "8",
    memory: str = "32Gi",
) -> dict[str, Any]:
    """A Node as the API server shows it."""
    allocatable = {"cpu": cpu, "memory": memory, "pods": "110"}
    if gpus:
        allocatable["nvidia.com/gpu"] = str(gpus)
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "uid": f"uid-{name}", "labels": dict(labels or {})},
        "spec": {"unschedulable": True} if cordoned else {},
        "status": {
            "allocatable": allocatable,
            "conditions": [
                {"type": "MemoryPressure", "status": "False"},
                {"type": "Ready", "status": "True" if ready else "Unknown"},
            ],
        },
    }


def node(name: str, **changes: Any) -> NodeFacts:
    """What planning knows of `node_object`."""
    return node_facts(node_object(name, **changes))


def pool(name: str, **changes: Any) -> Pool:
    """A CPU pool that has nodes, and nothing said about price or energy."""
    values: dict[str, Any] = {
        "kind": AcceleratorKind.CPU,
        "image": CPU_IMAGE,
        "release": None,
        "has_nodes": True,
    }
    return Pool(name=name, **{**values, **changes})


def gpu_pool(name: str, **changes: Any) -> Pool:
    """A pool of one GPU per replica, with nodes."""
    values: dict[str, Any] = {
        "kind": AcceleratorKind.GPU,
        "image": GPU_IMAGE,
        "accelerator_resource": "nvidia.com/gpu",
    }
    return pool(name, **{**values, **changes})


def price(text: str) -> Decimal:
    """A price per replica and hour."""
    return Decimal(text)


def resources(cpu: str | None = None, memory: str | None = None) -> Resources:
    """What one replica asks for."""
    return Resources(cpu=cpu, memory=memory)
