"""Whether a pod was ever ready, from what its status keeps of that."""

from collections.abc import Mapping
from typing import Any

from triton_operator.controllers.times import epoch_seconds

_SAME_WRITE_SECONDS = 2.0
"""The kubelet reads its clock for each of both times, and writes whole seconds."""


def was_ready(status: Mapping[str, Any]) -> bool:
    """Whether the pod is ready, or was before.

    A condition keeps the time at which it became what it is, and the kubelet's first write of a pod
    has both `startTime` and that it is not ready: what became so later was ready in between. Where
    the times are missing nobody knows, and it is taken to have been.
    """
    conditions = status.get("conditions") or ()
    ready = next((one for one in conditions if one.get("type") == "Ready"), None)
    if ready is None:
        return False
    started, since = status.get("startTime"), ready.get("lastTransitionTime")
    if ready.get("status") == "True" or not (started and since):
        return True
    return epoch_seconds(since) > epoch_seconds(started) + _SAME_WRITE_SECONDS
