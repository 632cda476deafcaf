"""Who takes part, and the settings that each is tried with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from bench.autoscaling.ours import Ours
from bench.autoscaling.policies import apa, hpa, keda, kpa, ray, static, wva
from bench.autoscaling.setup import Setup
from bench.autoscaling.simulation import Policy
from triton_operator.autoscaling.settings import ScalingSettings

USUAL_RATE, USUAL_OBJECTIVE = 64.2, 0.250
"""Safe requests/s per replica and seconds of the service that the grids were laid out for."""


@dataclass(frozen=True)
class Family:
    """One autoscaler, with one number to tune for the whole suite."""

    unit: str
    settings: tuple[float, ...]
    usual: float
    """A good setting, for a quick look."""
    make: Callable[[Setup, float], Policy]
    scale: Callable[[Setup], float] = lambda setup: 1.0
    """Brings the grid to another service curve or objective."""
    peaks: bool = False
    """The setting is an attainment; the fleet is the smallest one that has it on each trace."""


def _by_rate(setup: Setup) -> float:
    return setup.safe_rate / USUAL_RATE


def _by_objective(setup: Setup) -> float:
    return setup.objective / USUAL_OBJECTIVE


def _by_instances(setup: Setup) -> float:
    return float(setup.instances)


IN_FLIGHT = (0.8, 1.2, 1.7, 2.3, 3.0, 4.0)


def _ours(setup: Setup, number: float) -> Policy:
    return Ours(setup, ScalingSettings(setup.objective, least=setup.least, most=setup.most))


FAMILIES: Mapping[str, Family] = {
    "ours": Family("nothing to tune", (1.0,), 1.0, _ours),
    "kpa": Family(
        "in flight",
        (*IN_FLIGHT, 5.0),
        2.3,
        lambda setup, number: kpa.Concurrency(number),
        _by_instances,
    ),
    "hpa_queue": Family(
        "ms in the queue",
        (5.0, 10.0, 20.0, 30.0, 45.0, 60.0),
        20.0,
        lambda setup, number: hpa.QueueTime(number / 1000),
        _by_objective,
    ),
    "keda_rps": Family(
        "requests/s",
        (20.0, 26.0, 32.0, 38.0, 44.0, 50.0, 56.0),
        38.0,
        lambda setup, number: keda.RequestsPerSecond(number),
        _by_rate,
    ),
    "keda_p99": Family(
        "x objective",
        (0.4, 0.5, 0.6, 0.7, 0.85, 1.0),
        0.6,
        lambda setup, number: keda.Percentile(number * setup.objective),
    ),
    "keda_pending": Family(
        "waiting",
        (0.5, 1.0, 2.0, 3.0, 4.0, 6.0),
        1.0,
        lambda setup, number: keda.Pending(number),
        _by_instances,
    ),
    "wva": Family(
        "ms mean latency",
        (45.0, 55.0, 65.0, 75.0, 90.0, 110.0),
        65.0,
        lambda setup, number: wva.MeanLatency(wva.rate_at(setup, number / 1000)),
        _by_objective,
    ),
    "apa": Family(
        "in flight", IN_FLIGHT, 2.3, lambda setup, number: apa.Concurrency(number), _by_instances
    ),
    "ray": Family(
        "ongoing", IN_FLIGHT, 1.7, lambda setup, number: ray.Ongoing(number), _by_instances
    ),
    "static": Family(
        "attainment at its peak",
        (0.99, 0.995, 0.999),
        0.99,
        lambda setup, number: static.Static(setup.least),
        peaks=True,
    ),
}


def settings(family: Family, setup: Setup, *, usual_only: bool = False) -> tuple[float, ...]:
    """What to try with this setup, rounded to three digits."""
    numbers = (family.usual,) if usual_only else family.settings
    return tuple(float(f"{number * family.scale(setup):.3g}") for number in numbers)


def constant(setup: Setup, replicas: int) -> Setup:
    """The setup with so many replicas from the first second to the last."""
    return replace(setup, least=replicas, most=replicas)
