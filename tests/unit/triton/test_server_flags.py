"""Triton exits at a flag that it does not know: what is given depends on the release."""

from typing import NamedTuple

import pytest

from triton_operator.triton.releases import Release
from triton_operator.triton.server_flags import server_args

# `tritonserver --help` of 2.51.0 (24.10), flags that this operator might give.
KNOWN_TO_24_10 = {
    "--allow-cpu-metrics",
    "--allow-gpu-metrics",
    "--disable-auto-complete-config",
    "--exit-on-error",
    "--exit-timeout-secs",
    "--grpc-port",
    "--grpc-restricted-protocol",
    "--http-port",
    "--http-restricted-api",
    "--metrics-config",
    "--metrics-port",
    "--log-info",
    "--model-control-mode",
    "--model-repository",
    "--strict-readiness",
}

LOCK = "model-repository,shared-memory,trace,logging:triton-operator-key=secret"


def args(release: str, max_http_input_bytes: int | None = None, gpu: bool = False) -> list[str]:
    return list(
        server_args(
            Release.parse(release),
            repository="/models",
            exit_timeout_seconds=12,
            max_http_input_bytes=max_http_input_bytes,
            gpu=gpu,
            restriction_value="secret",
        )
    )


def test_flags_of_24_10_exactly() -> None:
    assert args("24.10", max_http_input_bytes=10**9) == [
        "--model-repository=/models",
        "--model-control-mode=none",
        "--exit-on-error=true",
        "--strict-readiness=true",
        "--disable-auto-complete-config",
        "--log-info=false",
        "--exit-timeout-secs=12",
        "--http-port=8000",
        "--grpc-port=8001",
        "--metrics-port=8002",
        "--allow-gpu-metrics=false",
        "--allow-cpu-metrics=false",
        "--metrics-config=summary_latencies=true",
        f"--http-restricted-api={LOCK}",
        f"--grpc-restricted-protocol={LOCK}",
    ]


def test_24_10_is_given_no_flag_it_lacks() -> None:
    assert {flag.partition("=")[0] for flag in args("24.10", 10**9)} <= KNOWN_TO_24_10


class Gate(NamedTuple):
    name: str
    flag: str
    first: str
    last_without: str


@pytest.mark.parametrize(
    "row",
    [
        Gate("summaries", "--metrics-config=summary_latencies=true", "23.04", "23.03"),
        Gate("restricted HTTP", f"--http-restricted-api={LOCK}", "23.11", "23.10"),
        Gate("restricted gRPC", f"--grpc-restricted-protocol={LOCK}", "23.11", "23.10"),
        Gate("body limit", "--http-max-input-size=100000000", "25.06", "25.05"),
        Gate("histograms", "--metrics-config=histogram_latencies=true", "26.01", "25.12"),
        Gate("client memory", "--allow-client-shm=false", "26.04", "26.03"),
    ],
    ids=lambda row: row.name,
)
def test_flag_appears_with_its_release(row: Gate) -> None:
    assert row.flag in args(row.first, 10**8)
    assert row.flag not in args(row.last_without, 10**8)


def test_body_limit_is_left_alone_where_none_is_wanted() -> None:
    assert not any("http-max-input-size" in flag for flag in args("26.09"))


def test_gpu_metrics_only_where_there_is_a_gpu() -> None:
    assert "--allow-gpu-metrics=true" in args("26.09", gpu=True)
    assert "--allow-gpu-metrics=false" in args("26.09", gpu=False)


def test_what_probes_clients_and_autoscalers_need_stays_open() -> None:
    restricted = LOCK.partition(":")[0].split(",")

    assert not {"health", "metadata", "inference", "model-config", "statistics"} & set(restricted)
