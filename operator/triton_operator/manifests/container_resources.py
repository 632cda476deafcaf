"""What inspection Jobs and fetch containers ask for, and what they may use."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from triton_operator.planning.quantities import parse_quantity

NAMES = ("cpu", "memory", "ephemeral-storage")
PARTS = ("requests", "limits")


@dataclass(frozen=True)
class ContainerResources:
    """Quantities by resource, as Kubernetes writes them."""

    requests: Mapping[str, str] = field(default_factory=dict)
    limits: Mapping[str, str] = field(default_factory=dict)

    def manifest(self) -> dict[str, Any]:
        """The `resources` of a container."""
        parts = {"requests": dict(self.requests), "limits": dict(self.limits)}
        return {name: part for name, part in parts.items() if part}


def parse_resources(text: str) -> ContainerResources:
    """Resources written as JSON, `{"requests": {"cpu": "100m"}, "limits": {"memory": "1Gi"}}`.

    Raises:
        ValueError: with the path of what is wrong.
    """
    try:
        given = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"is no JSON: {error}") from error
    if not isinstance(given, dict) or (set(given) - set(PARTS)):
        raise ValueError('has to be an object with "requests" and "limits", and nothing else')
    parts = {part: _quantities(part, given.get(part) or {}) for part in PARTS}
    for name, limit in parts["limits"].items():
        request = parts["requests"].get(name)
        if request is not None and parse_quantity(request) > parse_quantity(limit):
            raise ValueError(f"requests.{name}: {request} is more than limits.{name}, {limit}")
    return ContainerResources(parts["requests"], parts["limits"])


def _quantities(part: str, given: object) -> dict[str, str]:
    if not isinstance(given, dict):
        raise ValueError(f"{part}: has to be an object of quantities")
    found = {}
    for name, value in given.items():
        if name not in NAMES:
            raise ValueError(f"{part}.{name}: is none of {', '.join(NAMES)}")
        quantity = str(value)
        try:
            positive = parse_quantity(quantity) > 0
        except ValueError as error:
            raise ValueError(f"{part}.{name}: {error}") from error
        if not positive:
            raise ValueError(f"{part}.{name}: has to be more than 0")
        found[name] = quantity
    return found
