"""Whether the token of a cluster's agent holds, as a condition of the cluster.

It is the agent's word, as of its last heartbeat: the hub knows no token. Whoever says something
else is told something else, and nothing follows from it.
"""

from __future__ import annotations

from datetime import UTC, datetime

from triton_operator.api.conditions import ConditionStatus, Finding, finding
from triton_operator.fleet import status_reasons as reasons
from triton_operator.fleet.agent_token import Life

JOIN = "`triton-operator cluster join NAME FILE` writes another one, and changes nothing else"


def credentials_valid(life: Life | None, now: float) -> Finding:
    """`life`: as its agent told it; None: it has not."""
    if life is None:
        return finding(
            reasons.CREDENTIALS_VALID,
            ConditionStatus.UNKNOWN,
            reasons.TOKEN_NOT_TOLD,
            "its agent has not told when its token ends: it is of an older version, has "
            "credentials of another kind, or was never heard of",
        )
    end = datetime.fromtimestamp(life.expires_at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if now >= life.expires_at:
        return finding(
            reasons.CREDENTIALS_VALID,
            ConditionStatus.FALSE,
            reasons.TOKEN_IS_OVER,
            f"its agent's token has ended at {end}, so it cannot reach the hub: {JOIN}",
        )
    if now >= life.near_end_at:
        return finding(
            reasons.CREDENTIALS_VALID,
            ConditionStatus.FALSE,
            reasons.TOKEN_NEAR_ITS_END,
            f"its agent's token ends at {end}, and was to be renewed at two thirds of its life: "
            f"the agent's log says why it was not; {JOIN}",
        )
    return finding(
        reasons.CREDENTIALS_VALID,
        ConditionStatus.TRUE,
        reasons.TOKEN_HOLDS,
        f"its agent's token holds until {end}",
    )
