"""When a Triton pod counts as started, ready and alive, and how long it takes to stop."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Probe:
    """An HTTP GET; anything but 2xx and 3xx is a failure. Times in seconds."""

    path: str
    period_seconds: int
    timeout_seconds: int
    failure_threshold: int


STARTUP = Probe("/v2/health/ready", period_seconds=2, timeout_seconds=5, failure_threshold=900)
"""Triton opens its ports only after the model is loaded and warmed up, so nothing else may be
probed before. Half an hour covers engines that TensorRT builds at start; a model that fails to
load does not wait for it, since the process exits at once. Short period: a pod that is loaded
after three seconds should serve after five."""

LIVENESS = Probe("/v2/health/live", period_seconds=10, timeout_seconds=5, failure_threshold=6)
"""A server that does not answer for a minute hangs. A shorter bound would kill servers that are
merely busy, and a restart under load makes load worse."""


def readiness(model_name: str) -> Probe:
    """The model's own readiness.

    The server's turns false while any model version loads or unloads, whatever the others do.
    """
    return Probe(
        f"/v2/models/{model_name}/ready", period_seconds=2, timeout_seconds=5, failure_threshold=3
    )


@dataclass(frozen=True)
class ShutdownTimes:
    """In seconds: preStop's sleep, Triton's `--exit-timeout-secs`, the pod's grace period."""

    pre_stop_seconds: int
    exit_timeout_seconds: int
    grace_period_seconds: int


PRE_STOP_SECONDS = 5
"""Time for every node to learn that the endpoint is gone: Triton stays ready until it stops."""
EXIT_MARGIN_SECONDS = 5
"""On top of the longest request, so that its answer is still sent."""
UNLOAD_SECONDS = 10
"""For unloading after the exit timeout, before the kubelet kills."""


def shutdown_times(longest_request_seconds: int) -> ShutdownTimes:
    """Times that let a request of that length finish.

    Triton waits until its exit timeout while any connection is open, idle ones included, so an
    exit at the timeout (with code 1) is what usually happens.
    """
    exit_timeout = longest_request_seconds + EXIT_MARGIN_SECONDS
    return ShutdownTimes(
        PRE_STOP_SECONDS, exit_timeout, PRE_STOP_SECONDS + exit_timeout + UNLOAD_SECONDS
    )
