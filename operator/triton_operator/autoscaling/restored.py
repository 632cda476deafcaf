"""What a new process would have remembered, from the arrivals that a Prometheus has kept."""

from __future__ import annotations

from collections.abc import Iterable

from triton_operator.autoscaling.demand import with_traffic
from triton_operator.autoscaling.history import Bin
from triton_operator.autoscaling.observation import Traffic
from triton_operator.autoscaling.state import ScalingState


def restored(bins: Iterable[Bin], ahead_seconds: float = 0.0) -> ScalingState:
    """The state after these looks, the oldest first; unknown ones leave gaps.

    `ahead_seconds`: how much later the clock of the bins is than that of the decisions. Nothing is
    remembered of replicas: whether some can go is watched anew.
    """
    state = ScalingState()
    for one in bins:
        if one.arrivals is not None:
            end = one.end - ahead_seconds
            state = with_traffic(state, end, Traffic(one.seconds, one.arrivals))
    return state
