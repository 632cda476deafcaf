"""The command line of tritonserver for one model per pod, by release."""

from triton_operator.triton.features import Feature
from triton_operator.triton.releases import Release

HTTP_PORT = 8000
GRPC_PORT = 8001
METRICS_PORT = 8002
RESTRICTED_APIS = ("model-repository", "shared-memory", "trace", "logging")
"""What changes a server, or shows it to whoever can reach it. Left open: health for the probes,
inference, and what tells clients and autoscalers of models (metadata, model-config, statistics)."""
RESTRICTION_KEY = "triton-operator-key"
"""The HTTP header that opens them; over gRPC `triton-grpc-protocol-` stands before it."""

AS_CONFIGURED = "--disable-auto-complete-config"
"""Where config.pbtxt says all: completing it would open (TensorRT: build) the model twice."""


def server_args(
    release: Release,
    *,
    repository: str,
    exit_timeout_seconds: int,
    max_http_input_bytes: int | None,
    gpu: bool,
    restriction_value: str,
    complete_configs: bool = True,
) -> tuple[str, ...]:
    """Arguments after `tritonserver`.

    `complete_configs`: every config.pbtxt names its inputs and outputs.
    `max_http_input_bytes` None keeps Triton's own limit (64 MB); releases that cannot change it
    keep it too. `restriction_value` is what the header `RESTRICTION_KEY` must say for an endpoint
    of `RESTRICTED_APIS` to answer. The endpoints for SageMaker and Vertex AI are off unless asked
    for, and builds without them refuse the flags that would say so again: no flag is given.
    """
    args = [
        f"--model-repository={repository}",
        # One model per pod: readiness of the server is readiness of the model, nobody can load
        # another one, and a failed load ends the process with the reason in its log.
        "--model-control-mode=none",
        "--exit-on-error=true",
        "--strict-readiness=true",
        *([AS_CONFIGURED] if complete_configs else []),
        # Kubernetes keeps the last 2,048 bytes of a failed container's log. With the tables that
        # Triton prints at the level of information (options: 4 KB), why it refuses a model would
        # not be among them.
        "--log-info=false",
        f"--exit-timeout-secs={exit_timeout_seconds}",
        f"--http-port={HTTP_PORT}",
        f"--grpc-port={GRPC_PORT}",
        f"--metrics-port={METRICS_PORT}",
        f"--allow-gpu-metrics={_boolean(gpu)}",
        # Figures of the whole node, which say nothing about this pod.
        "--allow-cpu-metrics=false",
    ]
    if Feature.SUMMARY_METRICS.in_release(release):
        args.append("--metrics-config=summary_latencies=true")
    if Feature.LATENCY_HISTOGRAMS.in_release(release):
        args.append("--metrics-config=histogram_latencies=true")
    if max_http_input_bytes is not None and Feature.HTTP_MAX_INPUT_SIZE.in_release(release):
        args.append(f"--http-max-input-size={max_http_input_bytes}")
    if Feature.CLIENT_SHARED_MEMORY_FLAG.in_release(release):
        # Clients are in other pods: a shared memory region of theirs cannot be here.
        args.append("--allow-client-shm=false")
    if Feature.RESTRICTED_APIS.in_release(release):
        # Both, or the one that is not named stays open.
        lock = f"{','.join(RESTRICTED_APIS)}:{RESTRICTION_KEY}={restriction_value}"
        args += [f"--http-restricted-api={lock}", f"--grpc-restricted-protocol={lock}"]
    return tuple(args)


def _boolean(value: bool) -> str:
    return "true" if value else "false"
