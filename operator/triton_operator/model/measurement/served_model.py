"""What the config of a loaded model says that a measurement has to know."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from triton_operator.api.enums import Engine
from triton_operator.api.tensors import Tensor
from triton_operator.model import reasons
from triton_operator.model.errors import WorkFailed
from triton_operator.triton.backends import BACKENDS, ENGINE_NAMES
from triton_operator.triton.datatypes import v2_name
from triton_operator.triton.loaded_model import instance_count
from triton_operator.triton.releases import CONTENTS

GPU = "KIND_GPU"


@dataclass(frozen=True)
class ServedModel:
    """The model as it is loaded.

    `max_batch_size` is Triton's; 0: no batch axis. `instances` are over all `devices`.
    `threads`: of one execution on CPUs; None: not said. `inputs` have the batch axis, if there is
    one.
    """

    engine: str
    max_batch_size: int
    instances: int
    threads: int | None
    gpu: bool
    inputs: tuple[Tensor, ...]
    devices: int = 1

    @property
    def instances_on_each(self) -> int:
        """Instances on one device, as a ModelProfile counts them."""
        return max(1, self.instances // self.devices)

    @property
    def batched(self) -> bool:
        """Whether axis 0 of every input is the batch."""
        return self.max_batch_size > 0


def served_model(config: Mapping[str, Any]) -> ServedModel:
    """From the answer of `GET /v2/models/MODEL/config`.

    Raises:
        WorkFailed: it is something else.
    """
    try:
        largest = int(config.get("max_batch_size", 0))
        groups = config.get("instance_group") or ()
        return ServedModel(
            engine=_engine(config),
            max_batch_size=largest,
            instances=instance_count(config),
            threads=_threads(config.get("parameters") or {}),
            gpu=any(group.get("kind") == GPU for group in groups),
            inputs=tuple(_tensor(row, largest > 0) for row in config["input"]),
            devices=max(1, len({one for group in groups for one in group.get("gpus") or ()})),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise WorkFailed(
            reasons.TRITON_MISBEHAVES, f"the config of the model cannot be read: {error!r}"
        ) from error


def release_name(version: str) -> str | None:
    """The monthly release of Triton's own version; None: not known."""
    return next((str(one) for one, inside in CONTENTS.items() if inside.triton == version), None)


def _engine(config: Mapping[str, Any]) -> str:
    accelerators = config.get("optimization", {}).get("execution_accelerators", {})
    providers = accelerators.get("gpu_execution_accelerator") or ()
    if any(one.get("name") == "tensorrt" for one in providers):
        return ENGINE_NAMES[Engine.TENSORRT]
    return str(config.get("backend") or config.get("platform") or "unknown")


def _threads(parameters: Mapping[str, Any]) -> int | None:
    for key in filter(None, (one.threads_parameter for one in BACKENDS.values())):
        said = parameters.get(key, {}).get("string_value", "")
        if said.isdecimal():
            return int(said) or None
    return None


def _tensor(row: Mapping[str, Any], batched: bool) -> Tensor:
    dims = [int(axis) for axis in row["dims"]]
    return Tensor(
        name=row["name"],
        datatype=v2_name(row["data_type"]),
        shape=[-1, *dims] if batched else dims,
    )
