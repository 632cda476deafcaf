"""Two hundred nodes in five pools, as clouds and vendors label them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tests.api.client import Object
from triton_operator.api.group import API_VERSION

POOL_LABEL = "example.com/pool"
GPU = "nvidia.com/gpu"
MIG = "nvidia.com/mig-1g.10gb"
GPU_TAINT = {"key": GPU, "value": "present", "effect": "NoSchedule"}
GPU_TOLERATION = {"key": GPU, "operator": "Exists"}


@dataclass(frozen=True)
class KindOfNode:
    """`count` equal nodes, and the ServingPool over them; no `price`: it says none."""

    pool: str
    count: int
    cpu: int
    memory_gibibytes: int
    price: str
    devices: Mapping[str, int] = field(default_factory=dict)
    product: str = ""
    instance_type: str = ""
    accelerator: Mapping[str, Any] | None = None
    taints: Sequence[Mapping[str, str]] = ()

    def nodes(self) -> Iterator[Object]:
        """Node objects with their status, as a kubelet registers them."""
        resources = {
            "cpu": str(self.cpu),
            "memory": f"{self.memory_gibibytes}Gi",
            "pods": "110",
            **{name: str(count) for name, count in self.devices.items()},
        }
        labels = {
            POOL_LABEL: self.pool,
            "kubernetes.io/arch": "amd64",
            "kubernetes.io/os": "linux",
            "node.kubernetes.io/instance-type": self.instance_type,
            **({"nvidia.com/gpu.product": self.product} if self.product else {}),
            **({"nvidia.com/gpu.present": "true"} if self.devices else {}),
        }
        for number in range(self.count):
            yield {
                "apiVersion": "v1",
                "kind": "Node",
                "metadata": {"name": f"{self.pool}-{number:03}", "labels": labels},
                "spec": {"taints": list(self.taints)},
                "status": {
                    "capacity": resources,
                    "allocatable": resources,
                    "nodeInfo": _SYSTEM,
                    "conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady"}],
                },
            }

    def serving_pool(self) -> Object:
        """The ServingPool: by product where there is one, else by label."""
        spec: dict[str, Any] = {"cost": {"perReplicaHour": self.price}} if self.price else {}
        if self.accelerator:
            spec["accelerator"] = self.accelerator
            spec["tolerations"] = [GPU_TOLERATION]
        else:
            spec["nodeSelector"] = {POOL_LABEL: self.pool}
        metadata = {"name": self.pool}
        return {
            "apiVersion": API_VERSION,
            "kind": "ServingPool",
            "metadata": metadata,
            "spec": spec,
        }


_SYSTEM = {
    **dict.fromkeys(
        (
            "bootID",
            "containerRuntimeVersion",
            "kernelVersion",
            "kubeProxyVersion",
            "kubeletVersion",
            "machineID",
            "osImage",
            "systemUUID",
        ),
        "simulated",
    ),
    "architecture": "amd64",
    "operatingSystem": "linux",
}

CPU = KindOfNode("cpu", 80, 8, 32, "0.08", instance_type="m7i.2xlarge")
HIGHMEM = KindOfNode("highmem", 30, 64, 512, "0.30", instance_type="r7i.16xlarge")
MIG_SLICES = KindOfNode(
    "mig",
    10,
    32,
    32,
    "0.35",
    devices={MIG: 7},
    product="NVIDIA-A100-SXM4-80GB-MIG",
    accelerator={"resource": MIG},
    taints=(GPU_TAINT,),
)
L4 = KindOfNode(
    "l4",
    60,
    8,
    48,
    "0.71",
    devices={GPU: 1},
    product="NVIDIA-L4",
    accelerator={"resource": GPU, "product": "NVIDIA-L4"},
    taints=(GPU_TAINT,),
)
A100 = KindOfNode(
    "a100",
    20,
    96,
    1024,
    "2.50",
    devices={GPU: 8},
    product="NVIDIA-A100-SXM4-80GB",
    accelerator={"resource": GPU, "product": "NVIDIA-A100-SXM4-80GB"},
    taints=(GPU_TAINT,),
)
KINDS = (CPU, HIGHMEM, MIG_SLICES, L4, A100)
ONE_GPU = KindOfNode(
    "one-gpu",
    1,
    8,
    48,
    "9.00",
    devices={GPU: 1},
    product="NVIDIA-H100-PCIe",
    accelerator={"resource": GPU, "product": "NVIDIA-H100-PCIe"},
    taints=(GPU_TAINT,),
)
"""One node that one replica fills; so dear that nobody comes who does not name it."""
TWO_GPUS = replace(
    ONE_GPU,
    pool="two-gpus",
    devices={GPU: 2},
    product="NVIDIA-H100-NVL",
    accelerator={"resource": GPU, "product": "NVIDIA-H100-NVL"},
)
SCARCE = replace(
    ONE_GPU,
    pool="scarce",
    count=2,
    price="",
    product="NVIDIA-B200",
    accelerator={"resource": GPU, "product": "NVIDIA-B200"},
)
"""Two nodes, of which each takes one replica. Without a price, nobody else goes here."""
SPOT = KindOfNode("spot", 10, 8, 32, "0.02", instance_type="m7i.2xlarge")
"""A pool that comes later, cheaper than all others."""
