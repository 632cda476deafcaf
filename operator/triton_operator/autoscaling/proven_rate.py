"""What each replica of a pool was seen to answer: proof that it can, whatever was believed before.

The plan bounds what a replica does by a cautious guess (`planning.throughput`), or by one
measurement. Where replicas have answered more for a while, the bound was too low.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from triton_operator.autoscaling.samples import PodTarget, Seen

WATCHED_SECONDS = 10.0
"""Answers of so long are what a replica can do; in single seconds it may work off what waited."""
LEAST_SHARE = 0.5
"""Of these seconds, that a replica has to have told of."""


@dataclass(frozen=True)
class ProvenRate:
    """`rate` is the most that every replica answered in some `WATCHED_SECONDS`, in requests/s.

    `since` has (time, successes until then) of each instance where the present seconds began.
    """

    rate: float = 0.0
    since: Mapping[str, tuple[float, float]] = field(default_factory=dict)


def with_answers(memory: ProvenRate, targets: Iterable[PodTarget], seen: Seen) -> ProvenRate:
    """The memory after one more look at the pods that get requests.

    Of several, the one that answered least counts, as each is given the same. Who was not there all
    the time, or began to count anew, has not been watched.
    """
    now = {
        target.instance: (pod.latest.time, count)
        for target in targets
        if (pod := seen.pods.get(target.instance)) is not None
        and (count := pod.latest.metrics.success) is not None
    }
    watched = [(memory.since[one], now[one]) for one in memory.since.keys() & now.keys()]
    seconds = max((end - begin for (begin, _), (end, _) in watched), default=WATCHED_SECONDS)
    if memory.since and seconds < WATCHED_SECONDS:
        return memory
    rates = [
        (after - before) / (end - begin)
        for (begin, before), (end, after) in watched
        # Pods are asked one after the other; who has been silent since then tells nothing.
        if end - begin >= LEAST_SHARE * seconds
    ]
    # A counter that fell makes a negative rate, which proves nothing.
    return ProvenRate(max(memory.rate, min(rates, default=0.0)), now)
