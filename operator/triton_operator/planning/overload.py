"""Whether requests that can no longer be answered in time are turned away, and when."""

from dataclasses import dataclass

from triton_operator.api.enums import Overload
from triton_operator.api.inference_service import Batching


@dataclass(frozen=True)
class QueueChoice:
    """How Triton's batcher keeps its queue, both in microseconds.

    `delay` is how long a request waits for others to share its batch, `timeout` after which wait
    it is rejected; 0: it does not wait, it is never rejected.
    """

    delay: int = 0
    timeout: int = 0


def choose_queue(
    batching: Batching, objective_milliseconds: int, *, batched: bool, single_instance: bool
) -> QueueChoice:
    """The queue of a model, `batched` by Triton, with one instance or with several in a pod.

    Half of the objective is left for the batch in which a request then runs: with a quarter, two
    of five answers were late in overload. Over several instances, or with a delay, the batcher may
    lose count of the instances that are free (server#8870): then half of the throughput is gone,
    and requests wait for seconds in spite of the limit, until the server is started anew. Measured:
    docs/decisions/0074.
    """
    if not batched:
        return QueueChoice()
    if batching.overload is Overload.REJECT and single_instance:
        return QueueChoice(timeout=objective_milliseconds * 1000 // 2)
    return QueueChoice(delay=batching.max_queue_delay_microseconds)


def rejection_reason(timeout_microseconds: int) -> str:
    """What it means that requests are rejected after a wait, for people."""
    return (
        f"requests that waited for {timeout_microseconds / 1000:g} ms, half of the objective, are "
        "rejected (HTTP 503): spec.batching.overload is Reject; Triton's batcher then stalls now "
        "and again until the next request comes, 500 ms at most, so that some are rejected without "
        "any overload"
    )
