"""STAND-IN for the planner's own rule on converted copies, and the only place that has it.

`planning/` does not choose between precisions yet; once it does, this file goes and its caller
asks `plan_service` with the conversions. The rule is the one that is specified: a copy that keeps
the agreement is adopted if it beats FP32, the incumbent, by 10 % on what is preferred (here the
rate within the objective); what keeps the objective beats what does not.
"""

from __future__ import annotations

from triton_operator.planning.plan import PoolPlan

ADVANTAGE = 1.10


def adopts(incumbent: PoolPlan, copy: PoolPlan) -> bool:
    """Whether the plan with the copy takes the place of the one with FP32.

    Both are what `plan_service` chose for one precision, from measurements of that precision.
    """
    if copy.measured is None:
        return False
    if incumbent.measured is None:
        return copy.measured.safe_rate > 0
    own, other = incumbent.measured.safe_rate, copy.measured.safe_rate
    return other > 0 if own == 0 else other >= ADVANTAGE * own
