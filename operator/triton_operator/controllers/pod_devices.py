"""What a pod holds of its node's devices."""

from collections.abc import Mapping
from typing import Any


def extended_resources(spec: Mapping[str, Any]) -> tuple[tuple[str, int], ...]:
    """Extended resources that are asked for by containers, and by init containers that stay."""
    asked: dict[str, int] = {}
    sidecars = (one for one in spec.get("initContainers") or () if one.get("restartPolicy"))
    for container in (*(spec.get("containers") or ()), *sidecars):
        for resource, amount in ((container.get("resources") or {}).get("limits") or {}).items():
            if "/" in resource and str(amount).isdigit():
                asked[resource] = asked.get(resource, 0) + int(amount)
    return tuple(sorted(asked.items()))
