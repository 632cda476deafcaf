"""Pods and samples of them, for tables of looks."""

from typing import Any

from triton_operator.autoscaling.exposition import ModelMetrics
from triton_operator.autoscaling.samples import PodSample, PodTarget, Samples


def pod(name: str = "a", restarts: int = 0, started: float | None = -3600.0) -> PodTarget:
    return PodTarget("shop", name, restarts, "10.0.0.1", "filetype", started=started)


def told(time: float, success: float = 0, **more: Any) -> PodSample:
    """A sample of a pod that tells all that arrivals need; `more` changes or adds fields."""
    known: dict[str, Any] = {"success": success, "failures": {"OTHER": 0.0}, "pending": 0.0}
    return PodSample(time, ModelMetrics(**{**known, **more}))


def samples(taken: float, source: str = "pods", /, **pods: PodSample) -> Samples:
    """Samples by the pod's name; `a_1` is the pod `a` after one restart."""
    by_instance = {
        f"shop/{name.partition('_')[0]}/{name.partition('_')[2] or 0}": one
        for name, one in pods.items()
    }
    return Samples(source, taken, by_instance)
