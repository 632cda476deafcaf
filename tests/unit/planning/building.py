"""Specs, facts, nodes and pools for tests: each as in the happy path, changed by one argument."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from triton_operator.api.enums import AcceleratorKind, ModelFormat
from triton_operator.api.inference_service import InferenceServiceSpec, Resources
from triton_operator.api.model_profile import Conversion, Measurement, ModelFacts, ModelFile
from triton_operator.api.tensors import Tensor
from triton_operator.planning.fit import Fit, Verdict
from triton_operator.planning.nodes import NodeFacts, node_facts
from triton_operator.planning.pools import Pool, PoolDefaults
from triton_operator.planning.shapes import NodeShape

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
    devices: Mapping[str, int] | None = None,
    taints: Sequence[tuple[str, str, str]] = (),
    architecture: str = "amd64",
    operating_system: str = "linux",
    created: str = "2026-11-01T00:00:00Z",
) -> dict[str, Any]:
    """A Node as the API server shows it. `taints`: key, value, effect."""
    allocatable = {"cpu": cpu, "memory": memory, "pods": "110"}
    if gpus:
        allocatable["nvidia.com/gpu"] = str(gpus)
    allocatable |= {resource: str(count) for resource, count in (devices or {}).items()}
    rows = [{"key": key, "value": value, "effect": effect} for key, value, effect in taints]
    if cordoned:
        rows.append({"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"})
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "uid": f"uid-{name}",
            "labels": dict(labels or {}),
            "creationTimestamp": created,
        },
        "spec": {**({"unschedulable": True} if cordoned else {}), "taints": rows},
        "status": {
            "allocatable": allocatable,
            "nodeInfo": {"architecture": architecture, "operatingSystem": operating_system},
            "conditions": [
                {"type": "MemoryPressure", "status": "False"},
                {"type": "Ready", "status": "True" if ready else "Unknown"},
            ],
        },
    }


def node(name: str, **changes: Any) -> NodeFacts:
    """What planning knows of `node_object`."""
    return node_facts(node_object(name, **changes))


LARGE_NODE = NodeShape(
    architecture="amd64",
    operating_system="linux",
    cpu_millicores=1_000_000,
    memory_bytes=2**50,
    devices=(("amd.com/gpu", 64), ("nvidia.com/gpu", 64)),
)
"""A kind of node that takes any replica."""


def pool(name: str, **changes: Any) -> Pool:
    """A CPU pool that has large nodes, and nothing said about price or energy."""
    values: dict[str, Any] = {
        "kind": AcceleratorKind.CPU,
        "image": CPU_IMAGE,
        "release": None,
        "has_nodes": True,
    }
    values |= changes
    if values["has_nodes"]:
        values.setdefault("shapes", (LARGE_NODE,))
        values.setdefault("nodes_by_shape", tuple((shape, 1) for shape in values["shapes"]))
    return Pool(name=name, **values)


def gpu_pool(name: str, **changes: Any) -> Pool:
    """A pool of one GPU per replica, with nodes."""
    values: dict[str, Any] = {
        "kind": AcceleratorKind.GPU,
        "image": GPU_IMAGE,
        "accelerator_resource": "nvidia.com/gpu",
        "accelerators_per_replica": 1,
    }
    return pool(name, **{**values, **changes})


def measurement(
    milliseconds: Mapping[int, float], *, product: str | None = None, **changes: Any
) -> Measurement:
    """Declared times of batches of FP32 in ONNX Runtime, in ms by their size."""
    values: dict[str, Any] = {
        "precision": "FP32",
        "engine": "onnxruntime",
        "hardware": {"product": product} if product else {},
        "latency": [
            {"batchSize": size, "milliseconds": str(time)} for size, time in milliseconds.items()
        ],
        "source": "Declared",
        "time": "2026-11-20T10:00:00Z",
    }
    return Measurement.model_validate({**values, **changes})


TOOLS = {"onnx": "1.19.1", "onnxruntime": "1.23.2"}
COPY_BYTES = 1_048_576
COPY_DIGEST = "sha256:" + "cd" * 32


def conversion(precision: str = "INT8", **changes: Any) -> Conversion:
    """A copy made with `TOOLS`, a third as large, that agrees on 300 rows of samples."""
    digest = COPY_DIGEST
    values: dict[str, Any] = {
        "precision": precision,
        "method": {"INT8": "INT8Dynamic"}.get(precision, precision),
        "toolVersions": TOOLS,
        "digest": digest,
        "files": [{"path": "model.onnx", "digest": digest, "sizeBytes": COPY_BYTES}],
        "agreement": "0.995",
        "rows": 300,
        "samplesDigest": "sha256:" + "ef" * 32,
        "time": "2026-11-21T10:00:00Z",
    }
    values |= changes
    if values["method"] == "INT8Static":
        values.setdefault("ranges", "gD8=")
    return Conversion.model_validate(
        {name: value for name, value in values.items() if value is not None}
    )


def refused(precision: str = "INT8", **changes: Any) -> Conversion:
    """What is left of a conversion that came to nothing."""
    values = {
        "digest": None,
        "files": None,
        "agreement": None,
        "rows": None,
        "refusal": "node 'loop' is a Loop",
    }
    return conversion(precision, **{**values, **changes})


def straight(base: float, each: float, sizes: Sequence[int]) -> dict[int, float]:
    """Milliseconds of batches on a straight line: `base` and `each` for every request."""
    return {size: base + each * size for size in sizes}


def takes_anything(pool: Pool) -> Fit:
    """A fit for small replicas: any node will do, where there is one."""
    return Fit(Verdict.FITS if pool.has_nodes else Verdict.EMPTY)


def price(text: str) -> Decimal:
    """A price per replica and hour."""
    return Decimal(text)


def resources(cpu: str | None = None, memory: str | None = None) -> Resources:
    """What one replica asks for."""
    return Resources(cpu=cpu, memory=memory)
