"""Which ready pods should go first when replicas become fewer. Pure."""

from collections.abc import Mapping

from triton_operator.autoscaling.fleet import Fleet
from triton_operator.autoscaling.judgement import Judgement, ServiceMemory
from triton_operator.autoscaling.scaling_question import ScalingQuestion


def removal_order(
    question: ScalingQuestion,
    seen: Mapping[str, Fleet],
    memory: ServiceMemory,
    judgement: Judgement,
) -> dict[str, tuple[str, ...]]:
    """Ready pods by Deployment, those where least waits first.

    Those that are aside are the last: they have most to finish.
    """
    pods = memory.seen.pods if memory.seen else {}
    waiting = {one: pod.latest.metrics.pending or 0.0 for one, pod in pods.items()}
    aside = judgement.aside
    if aside is None:
        aside = frozenset().union(*(fleet.aside for fleet in seen.values()))
    return {
        one.deployment: tuple(
            target.pod
            for target in sorted(
                seen[one.pool].targets,
                key=lambda target: (target.pod in aside, waiting.get(target.instance, 0.0)),
            )
        )
        for one in question.pools
    }
