"""`ObjectiveFeasible`: whether the objective can be kept at all, by a request that is alone. Pure.

What replicas that serve have shown counts before what the model's profile says of them, and a
profile is all that there is of pools that do not serve.
"""

from collections.abc import Mapping, Sequence

from triton_operator.api import reasons
from triton_operator.api.conditions import ConditionStatus, Finding, finding
from triton_operator.api.inference_service import InferenceServiceSpec
from triton_operator.controllers.scaling_answer import ScalingAnswer
from triton_operator.planning.figures import figure
from triton_operator.planning.measured_reasons import source_words
from triton_operator.planning.measured_replica import Measured
from triton_operator.planning.objective import latency_bound_milliseconds
from triton_operator.planning.placement import POOLS_IN_A_MESSAGE
from triton_operator.planning.plan import Plan
from triton_operator.planning.refusal import Refusal


def feasible_finding(
    answer: ScalingAnswer | None, spec: InferenceServiceSpec, plan: Plan | Refusal | None
) -> Finding:
    """Whether the pool that serves first can keep it; if not, how fast each of the pools is."""
    measured = plan.measured if isinstance(plan, Plan) else {}
    first = plan.pools[0].pool.name if isinstance(plan, Plan) else ""
    seconds, source = _alone(answer, measured.get(first))
    if seconds is None:
        return finding(
            reasons.OBJECTIVE_FEASIBLE,
            ConditionStatus.UNKNOWN,
            reasons.NOT_MEASURED,
            "how long requests take on this hardware has not been seen yet",
        )
    bound = latency_bound_milliseconds(spec)
    took = f"a request that is alone takes {figure(1000 * seconds)} ms{source}"
    if 1000 * seconds <= bound:
        return finding(
            reasons.OBJECTIVE_FEASIBLE,
            ConditionStatus.TRUE,
            reasons.WITHIN_REACH,
            f"{took}{',' if source else ''} of {bound} ms",
        )
    able = plan.preference if isinstance(plan, Plan) else ()
    elsewhere = _elsewhere([name for name in able if name != first], measured)
    return finding(
        reasons.OBJECTIVE_FEASIBLE,
        ConditionStatus.FALSE,
        reasons.TOO_SLOW,
        f"{took}, the objective is {bound} ms: no number of replicas keeps it; raise "
        f"spec.objective.latency, or choose a faster pool{elsewhere}",
    )


def _alone(answer: ScalingAnswer | None, planned: Measured | None) -> tuple[float | None, str]:
    """What a request takes that is alone, in seconds, and who says so if nobody has seen it."""
    seen = answer.figures.fastest_seconds if answer else None
    if seen is not None or planned is None:
        return seen, ""
    return planned.alone_seconds, f", {source_words(planned.row)}"


def _elsewhere(others: Sequence[str], measured: Mapping[str, Measured]) -> str:
    known = {name: measured[name].alone_seconds for name in others if name in measured}
    fastest = sorted(known.items(), key=lambda one: one[1])
    times = ", ".join(f"{figure(1000 * seconds)} ms on {name}" for name, seconds in fastest)
    unknown = [name for name in others if name not in known]
    if len(unknown) > POOLS_IN_A_MESSAGE:
        more = len(unknown) - POOLS_IN_A_MESSAGE
        unknown[POOLS_IN_A_MESSAGE:] = [f"and {more} pools more"]
    parts = [times, f"not measured on {', '.join(unknown)}" if unknown else ""]
    told = "; ".join(filter(None, parts))
    return f" ({told})" if told else ""
