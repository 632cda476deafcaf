"""Which serving pods get new requests, by the label that Services select. Pure.

One place decides, from what is there at the moment: so no pod stays aside because of something that
was true once, whoever decided it.
"""

from collections.abc import Iterable

from triton_operator.api import labels
from triton_operator.controllers.observed import Observed
from triton_operator.controllers.views import ObjectView, PodView

AGAIN_SECONDS = 10.0
"""Until a refused change is tried again."""
LONGEST_SECONDS = 60.0
"""Between two looks at a service of which pods are aside: an autoscaler that has nothing more to
say brings no news."""


def is_labelled(children: Iterable[ObjectView]) -> bool:
    """Whether every serving pod says if it gets new requests, so that Services can go by it.

    Pods from before that label have none. They are replaced by a rolling update, and a Service that
    asked for the label meanwhile would have no pods.
    """
    return all(pod.traffic for pod in _serving(children))


def pods_aside(children: Iterable[ObjectView]) -> list[PodView]:
    """The serving pods that get no new requests now."""
    return [pod for pod in _serving(children) if pod.traffic == labels.ASIDE]


def traffic_changes(observed: Observed, *, scaled: bool) -> dict[str, str]:
    """Label by pod, for those whose label is another one.

    `scaled`: the operator looks at the load and sets the replicas. Where it does not, nobody is
    aside.
    """
    pods = _serving(observed.children)
    aside = _aside(observed, pods, scaled=scaled)
    wanted = {pod.name: labels.ASIDE if pod.name in aside else labels.OPEN for pod in pods}
    return {pod.name: wanted[pod.name] for pod in pods if pod.traffic != wanted[pod.name]}


def next_traffic_seconds(observed: Observed, changes: dict[str, str]) -> float | None:
    """When to look again although nothing has changed; None: never."""
    if changes:
        return AGAIN_SECONDS
    return LONGEST_SECONDS if pods_aside(observed.children) else None


def _aside(observed: Observed, pods: list[PodView], *, scaled: bool) -> frozenset[str]:
    if not scaled or observed.autoscalers or not is_labelled(pods):
        return frozenset()
    aside = observed.aside
    if aside is None:
        aside = frozenset(pod.name for pod in pods_aside(pods))
    # Crowded pods are better than none, of the service and of each pool, which has a Service too.
    answering = {pod.pool for pod in pods if pod.ready_since and pod.name not in aside}
    return frozenset(pod.name for pod in pods if pod.name in aside and pod.pool in answering)


def _serving(children: Iterable[ObjectView]) -> list[PodView]:
    return [
        child
        for child in children
        if isinstance(child, PodView)
        and child.role == labels.SERVE
        and not child.deleting
        and child.phase not in ("Succeeded", "Failed")
    ]
