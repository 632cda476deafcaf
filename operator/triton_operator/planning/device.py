"""Which pools a model can run on at all, whatever else is wanted."""

from collections.abc import Sequence
from dataclasses import dataclass

from triton_operator.api.enums import AcceleratorKind, ModelFormat
from triton_operator.api.inference_service import Hardware
from triton_operator.api.model_profile import ModelFacts
from triton_operator.api.repository import RepositoryDevice
from triton_operator.planning.pools import Pool
from triton_operator.planning.refusal import Refusal

MODEL_NEEDS_GPU = "ModelNeedsGPU"
MODEL_NEEDS_CPU = "ModelNeedsCPU"


@dataclass(frozen=True)
class Device:
    """A kind of hardware that a model needs, and why."""

    kind: AcceleratorKind
    reason: str


def needed_device(facts: ModelFacts) -> Device | None:
    """What the model needs; None: it runs on both."""
    if facts.format is ModelFormat.TENSORRT:
        return Device(AcceleratorKind.GPU, "a TensorRT plan is built for one kind of GPU")
    if facts.format is ModelFormat.OPENVINO:
        return Device(AcceleratorKind.CPU, "Triton's OpenVINO backend runs on CPUs only")
    for row in facts.repository.models if facts.repository else ():
        if row.device is RepositoryDevice.GPU:
            why = "is a TensorRT plan" if row.backend == "tensorrt" else "asks for KIND_GPU"
            return Device(AcceleratorKind.GPU, f"model {row.name} of the repository {why}")
    return None


def usable_pools(
    facts: ModelFacts, hardware: Hardware, pools: Sequence[Pool]
) -> Sequence[Pool] | Refusal:
    """The pools that the model can run on; a refusal where a wanted one cannot, or none can."""
    device = needed_device(facts)
    if device is None:
        return pools
    if hardware.accelerator not in (AcceleratorKind.ANY, device.kind):
        return _refused(
            device,
            f"spec.hardware.accelerator is {hardware.accelerator}, but {device.reason}; choose "
            f"{device.kind} or Any",
        )
    for pool in pools:
        if pool.name in (hardware.pools or ()) and pool.kind is not device.kind:
            return _refused(
                device,
                f"spec.hardware.pools names {pool.name}, a {pool.kind} pool, but {device.reason}; "
                "remove it from the list",
            )
    found = [pool for pool in pools if pool.kind is device.kind]
    if not found:
        names = ", ".join(f"{pool.name} ({pool.kind})" for pool in pools)
        return _refused(
            device,
            f"{device.reason}, but the cluster's pools are {names or 'none'}; add a ServingPool or "
            f"nodes with a {device.kind}",
        )
    return found


def _refused(device: Device, message: str) -> Refusal:
    if device.kind is AcceleratorKind.GPU:
        return Refusal(MODEL_NEEDS_GPU, message)
    return Refusal(MODEL_NEEDS_CPU, message)
