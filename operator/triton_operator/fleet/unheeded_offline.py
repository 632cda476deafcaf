"""Where `spec.offline` has no effect, said to whoever asks for one."""

from __future__ import annotations

from collections.abc import Iterable

from triton_operator.api.enums import OfflinePolicy
from triton_operator.api.variants import Offline
from triton_operator.fleet.member import Member


def unheeded_offline(offline: Offline | None, members: Iterable[Member]) -> dict[str, str]:
    """A sentence for each cluster that the hub reaches itself: nobody in it notices a silence of
    the hub. None where nothing is to change then."""
    if offline is None or offline.policy is OfflinePolicy.LAST_KNOWN:
        return {}
    return {
        one.name: f"spec.offline, {offline.policy.value}, does nothing here: the hub reaches the "
        "cluster itself, and nobody in it notices when the hub is silent"
        for one in members
        if one.spec.cluster_source.kube_config is not None
    }
