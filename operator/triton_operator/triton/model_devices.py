"""On which devices a running Triton has its model, from what it answers about the model's config.

`instance_group` in that answer is what Triton made of the config when it loaded the model:
KIND_AUTO has become KIND_GPU or KIND_CPU by then (docs/user_guide/model_configuration.md of
triton-inference-server/server).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

CPU, GPU = "KIND_CPU", "KIND_GPU"


@dataclass(frozen=True)
class ModelDevices:
    """Kinds of all instance groups, sorted, and the GPUs that they name together.

    `problem` is why nothing is known; then the rest is empty.
    """

    kinds: tuple[str, ...] = ()
    gpus: tuple[int, ...] = ()
    problem: str = ""


def model_devices(config: Mapping[str, Any]) -> ModelDevices:
    """The devices in an answer to `GET /v2/models/MODEL/config`, which nobody vouches for."""
    groups = config.get("instance_group")
    if not isinstance(groups, list) or not all(isinstance(group, Mapping) for group in groups):
        return ModelDevices(problem="the answer has no instance_group")
    kinds = {str(group.get("kind", ""))[:32] for group in groups}
    gpus: set[int] = set()
    for group in groups:
        named = group.get("gpus")
        gpus.update(one for one in named if isinstance(one, int)) if isinstance(named, list) else ()
    return ModelDevices(tuple(sorted(kinds)), tuple(sorted(gpus)))


def deviation(devices: ModelDevices, *, gpu: bool, accelerators: int) -> str | None:
    """What differs from the plan; None: nothing, or it cannot be told (see `is_telling`)."""
    wanted = GPU if gpu else CPU
    others = [kind for kind in devices.kinds if kind in (CPU, GPU) and kind != wanted]
    if others:
        planned, found = ("a GPU", "CPU") if gpu else ("CPU", "a GPU")
        return f"runs on {found} ({', '.join(others)}), and {planned} was planned"
    if gpu and devices.gpus and len(devices.gpus) < accelerators:
        return f"runs on {len(devices.gpus)} of {accelerators} accelerators of its replica"
    return None


def is_telling(devices: ModelDevices) -> bool:
    """Whether the kinds say on which device the model runs: the backend may choose by itself."""
    return not devices.problem and any(kind in (CPU, GPU) for kind in devices.kinds)
