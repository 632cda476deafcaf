"""The models that one request passes through, and how fast a replica is by the times of each.

A request to an ensemble passes through several, which share the replica's cores or its device: a
batch takes the sum of what each of them takes. The ensemble itself never batches, whatever comes
together in its steps: its own statistics have each request alone, with its whole batches' times.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from triton_operator.api.repository import MOST_MODELS
from triton_operator.planning.service_curve import BatchSums, ServiceCurve, fitted
from triton_operator.triton.loaded_model import LoadedModel, NotConfig

MOST_USES = 1000
ROUNDING = 1e-9


@dataclass(frozen=True)
class Step:
    """A model, and `uses` times that a request passes through it; the rest as in `LoadedModel`."""

    model: str
    uses: int = 1
    largest_batch: int | None = None
    instances: int = 1


def missing(model: str, loaded: Mapping[str, LoadedModel]) -> str | None:
    """A model that a request to `model` passes through and that is not among `loaded`.

    Raises:
        NotConfig: there are more than a repository can have.
    """
    if len(loaded) > MOST_MODELS:
        raise NotConfig(f"its ensemble joins more than {MOST_MODELS} models")
    named = [model, *(name for one in loaded.values() for name in one.steps)]
    return next((name for name in named if name not in loaded), None)


def steps_of(model: str, loaded: Mapping[str, LoadedModel]) -> tuple[Step, ...]:
    """Of an ensemble all models that do its work, of another model itself.

    Raises:
        NotConfig: an ensemble contains itself, or passes a request on without end.
    """
    uses = Counter({model: 1})
    for _ in range(len(loaded) + 1):
        ensembles = [name for name in uses if loaded[name].steps]
        if not ensembles:
            return tuple(
                Step(name, many, loaded[name].largest_batch, loaded[name].instances)
                for name, many in sorted(uses.items())
            )
        for name in ensembles:
            many = uses.pop(name)
            for step in loaded[name].steps:
                uses[step] += many
        if uses.total() > MOST_USES:
            break
    raise NotConfig("its ensemble passes a request on without end")


def curve_of_steps(
    steps: Sequence[Step], sums: Mapping[str, BatchSums], prior: ServiceCurve | None
) -> ServiceCurve | None:
    """The curve of what passes through all of them; None: of one nothing was measured yet.

    A batch is as large as that of the step that needs most of the time, where the others wait.
    Where some have more instances than others, as many batches run beside each other as the time
    spent in each step allows.
    """
    lines = []
    for step in steps:
        seen = sums.get(step.model, BatchSums())
        line = fitted(seen, prior, step.largest_batch or 1, step.instances)
        if line is None:
            return None
        # Requests that are not put together run as they come.
        lines.append((step, line, step.largest_batch or max(1.0, seen.size / seen.weight)))
    busiest, _, _ = max(lines, key=lambda row: row[0].uses * row[1].seconds(row[2]) / row[2])
    largest = busiest.largest_batch or 1
    # The line through a single row, and through a full batch.
    far = max(2, largest)
    first = full = share = 0.0
    for step, line, limit in lines:
        first += step.uses * line.seconds(1)
        seconds = step.uses * line.seconds(min(far, limit)) * max(1.0, far / limit)
        full += seconds
        share += seconds / step.instances
    slope = (full - first) / (far - 1)
    instances = max(1, math.floor(full / share + ROUNDING))
    return ServiceCurve(max(0.0, first - slope), slope, largest, instances)
