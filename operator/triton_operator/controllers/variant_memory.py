"""What was chosen among variants, as the status keeps it for an operator that restarts. Pure."""

import contextlib
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from triton_operator.api.conditions import shortened
from triton_operator.api.variant_status import VariantServed
from triton_operator.autoscaling.variant_choice import ChoiceMemory
from triton_operator.autoscaling.variant_reasons import VariantWhy
from triton_operator.controllers.times import epoch_seconds, rfc3339


def variant_served(status: Mapping[str, Any]) -> VariantServed | None:
    """What the status says; None: nothing that can be read."""
    with contextlib.suppress(ValidationError):
        return VariantServed.model_validate(status.get("variant"))
    return None


def start_replicas(status: Mapping[str, Any]) -> int | None:
    """With how many replicas the variant begins that is being rolled out; None: as it comes."""
    served = variant_served(status)
    return served.start_replicas if served and served.serving_since is None else None


def memory_of(status: Mapping[str, Any]) -> ChoiceMemory | None:
    """The memory of the chooser; None: nothing was chosen yet."""
    served = variant_served(status)
    if served is None:
        return None
    try:
        return ChoiceMemory(
            name=served.name,
            since=epoch_seconds(served.since),
            reason=VariantWhy(served.reason),
            serving_since=_seconds(served.serving_since),
            missed=served.missed_windows or 0,
            missed_at=_seconds(served.missed_at),
        )
    except (ValueError, OverflowError):
        # Written by another version, or by hand.
        return None


def served_of(
    memory: ChoiceMemory, message: str, accuracy: str | None, replicas: int | None
) -> VariantServed:
    """The memory as the status keeps it."""
    return VariantServed(
        name=memory.name,
        accuracy=accuracy,
        since=rfc3339(memory.since),
        reason=memory.reason.value,
        message=shortened(message),
        serving_since=_time(memory.serving_since),
        missed_windows=memory.missed or None,
        missed_at=_time(memory.missed_at),
        start_replicas=replicas if memory.serving_since is None else None,
    )


def _seconds(text: str | None) -> float | None:
    return None if text is None else epoch_seconds(text)


def _time(seconds: float | None) -> str | None:
    return None if seconds is None else rfc3339(seconds)
