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

    Half of the objective is left for the batch under way and one's own: with less, in overload,
    most answers were late. With several instances the batcher hands on what its queue should hold,
    and requests wait for seconds without ever being rejected; with a delay as well it loses
    throughput for good (server#8870). Measured: docs/decisions/0074.
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
