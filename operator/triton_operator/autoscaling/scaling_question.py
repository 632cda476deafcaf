"""What the autoscaler has to know of a service, as its spec and plan say it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from triton_operator.autoscaling.settings import ScalingSettings
from triton_operator.planning.measured_curve import MeasuredCurve
from triton_operator.planning.service_curve import ServiceCurve


@dataclass(frozen=True)
class PoolQuestion:
    """One pool that may serve, by the Deployment that runs the service there.

    `largest_batch` is in rows, and 1 where requests are not put together; `instances` of a replica
    run beside each other. `prior` is the line through the times that a profile has, `profile`
    the times themselves. `throughput` are requests/s that a replica does at most, whatever its
    batches take (see `planning.throughput`). `start_seconds` is what the pool says of a cold start,
    `price` what a replica costs there per hour. `revision` names what its pods run and with what
    means; it is empty while they do not all run the same. `standing_by`: nothing is planned there,
    so that `largest_batch`, `instances` and `throughput` say nothing.
    """

    pool: str
    deployment: str
    largest_batch: int
    instances: int
    prior: ServiceCurve | None = None
    profile: MeasuredCurve | None = None
    throughput: float = math.inf
    start_seconds: float | None = None
    price: float | None = None
    revision: str = ""
    standing_by: bool = False


@dataclass(frozen=True)
class ScalingQuestion:
    """How many replicas does it need, and where? `pools` are in order of preference.

    `scales` is False where nobody follows the answer.

    `model` is asked for its metrics, in an ensemble `composing` for what waits.
    """

    namespace: str
    model: str
    objective_milliseconds: int
    settings: ScalingSettings
    pools: tuple[PoolQuestion, ...]
    scales: bool = True
    composing: tuple[str, ...] = ()
