"""Answers of the autoscaler, as far as a test says what is in them."""

from typing import Any

from tests.unit.controllers.world import DEPLOYMENT, NOW
from triton_operator.api.enums import MetricsFreshness
from triton_operator.autoscaling.failures import Ended
from triton_operator.autoscaling.look import LatencySource
from triton_operator.controllers.scaling_answer import Change, Figures, ScalingAnswer

FIGURES = Figures(
    rate=212.0,
    safe_rate=118.0,
    waiting=4.0,
    attainment=0.996,
    ended=Ended(994.0, 6.0),
    lead_seconds=19.0,
    fastest_seconds=0.0125,
)


def answer(replicas: int = 1, **parts: Any) -> ScalingAnswer:
    """Fresh metrics of one ready replica, and that so many are needed."""
    return ScalingAnswer(
        **{
            "time": NOW,
            "replicas": {DEPLOYMENT: replicas},
            "freshness": MetricsFreshness.FRESH,
            "latency_source": LatencySource.HISTOGRAM,
            "ready": 1,
            "reasons": (f"{replicas} replicas are right for 212 requests/s",),
            "limits": {},
            "safe_rates": {"cpu": 118.0},
            "figures": FIGURES,
            **parts,
        }
    )


def changed(before: int, after: int, why: str = "demand jumped to 212 requests/s") -> ScalingAnswer:
    """The same, as it is when the number has just been decided anew."""
    return answer(after, change=Change(NOW, before, after, why))
