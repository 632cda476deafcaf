"""A hundred services: ten kinds of wish, ten services each, and the pool where each has to land."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.api import model_facts
from tests.api.client import Object
from triton_operator.api.group import API_VERSION

SERVICES_PER_WISH = 10
MODEL = 1


@dataclass(frozen=True)
class Wish:
    """`lands` is the pool's name, and `why` what decides."""

    name: str
    lands: str
    why: str
    hardware: dict[str, Any] = field(default_factory=dict)
    prefer: str = "Cost"

    def services(self, namespace: str) -> Iterator[Object]:
        """The services that have this wish."""
        for number in range(SERVICES_PER_WISH):
            service = self.service(namespace, f"{self.name}-{number}")
            # No pod here tells of a load; without one, replicas that may move stay where they are.
            service["spec"]["scaling"] = {"mode": "Fixed"}
            yield service

    def service(self, namespace: str, name: str) -> Object:
        """One of them; its model is known, so that nothing has to be inspected."""
        return {
            "apiVersion": API_VERSION,
            "kind": "InferenceService",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {
                "model": {"uri": model_facts.URI, "digest": model_facts.digest(MODEL)},
                "objective": {"prefer": self.prefer},
                "hardware": self.hardware,
            },
        }


WISHES = (
    Wish("anything", "cpu", "the cheapest pool"),
    Wish("any-gpu", "mig", "the cheapest with an accelerator", {"accelerator": "GPU"}),
    Wish(
        "gpu-40-gib",
        "l4",
        "nodes with slices have 32Gi",
        {"accelerator": "GPU", "resources": {"memory": "40Gi"}},
    ),
    Wish(
        "gpu-100-gib",
        "a100",
        "only these have as much beside a GPU",
        {"accelerator": "GPU", "resources": {"memory": "100Gi"}},
    ),
    Wish(
        "four-gpus",
        "a100",
        "the only nodes with several; a process can use one slice",
        {"accelerator": "GPU", "acceleratorsPerReplica": 4},
    ),
    Wish("named-l4", "l4", "the user's order beats price", {"pools": ["l4", "cpu"]}),
    Wish("large-memory", "highmem", "cheaper than a100", {"resources": {"memory": "200Gi"}}),
    Wish(
        "named-but-small",
        "highmem",
        "the first of the named pools that takes it",
        {"pools": ["l4", "highmem"], "resources": {"memory": "100Gi"}},
    ),
    Wish("many-cores", "highmem", "cpu nodes have 8", {"resources": {"cpu": "12"}}),
    Wish("low-latency", "mig", "a GPU pool, the cheapest", prefer="Latency"),
)
