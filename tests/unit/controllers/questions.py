"""What the autoscaler is asked about the service of `world`."""

from dataclasses import replace
from typing import Any

from tests.unit.controllers.world import DEPLOYMENT
from triton_operator.autoscaling.scaling_question import PoolQuestion, ScalingQuestion
from triton_operator.autoscaling.settings import ScalingSettings
from triton_operator.planning.service_curve import ServiceCurve

PRIOR = ServiceCurve(0.020, 0.010, 8)
POOL = PoolQuestion("cpu", DEPLOYMENT, largest_batch=8, instances=1, prior=PRIOR)


def question(pool: PoolQuestion = POOL, **parts: Any) -> ScalingQuestion:
    """One pool, an objective of 250 ms, one to ten replicas."""
    return replace(
        ScalingQuestion(
            namespace="shop",
            model="filetype",
            objective_milliseconds=250,
            settings=ScalingSettings(objective_seconds=0.25),
            pools=(pool,),
        ),
        **parts,
    )
