"""How a loaded model works on requests, as the server's own config of it says.

`GET /v2/models/MODEL/config` answers with what Triton made of config.pbtxt when it loaded it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MOST_INSTANCES = 4096


class NotConfig(ValueError):
    """An answer is not the config of a model; it says why."""


@dataclass(frozen=True)
class LoadedModel:
    """A model as it is loaded.

    `largest_batch` is in rows; None: requests are not put together. `instances` are over all
    devices. `steps` are the models that an ensemble joins, each as often as it does.
    """

    largest_batch: int | None = None
    instances: int = 1
    steps: tuple[str, ...] = ()


def loaded_model(config: Any) -> LoadedModel:
    """From the answer of `GET /v2/models/MODEL/config`, which nobody vouches for.

    Raises:
        NotConfig: it is something else.
    """
    try:
        rows = (config.get("ensemble_scheduling") or {}).get("step") or ()
        steps = tuple(str(row["model_name"]) for row in rows)
        if not steps and not config["instance_group"]:
            raise ValueError("neither instance_group nor steps")
        largest = int(config.get("max_batch_size", 0))
        batches = largest > 0 and ("dynamic_batching" in config or "sequence_batching" in config)
        instances = instance_count(config)
        if instances > MOST_INSTANCES:
            raise ValueError(f"{instances} instances")
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as error:
        raise NotConfig(f"it does not answer with a model's config: {error!r}"[:200]) from error
    return LoadedModel(largest if batches else None, instances, steps)


def instance_count(config: Mapping[str, Any]) -> int:
    """The instances of all groups on all devices, at least 1."""
    return max(1, sum(_instances(group) for group in config.get("instance_group") or ()))


def _instances(group: Mapping[str, Any]) -> int:
    """`count` is per device that is listed."""
    devices: Sequence[int] = group.get("gpus") or ()
    return int(group.get("count", 1)) * max(1, len(devices))
