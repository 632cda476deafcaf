"""Replicas follow the load, on real Triton pods; what goes wrong meanwhile removes none."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from e2e.autoscaling.fleet import Fleet
from e2e.closed_port import closed_port
from e2e.emulated_model import NAME, REPOSITORY, EmulatedModel
from e2e.harness.cluster import Cluster
from e2e.harness.kubectl import Kubectl
from e2e.harness.waiting import wait_until
from e2e.installation import CODE_NAMESPACE
from e2e.load_generator import LoadGenerator, load_generator
from e2e.operator_pod import kill_operator, operator_is_back, operator_pod
from e2e.services import Services

MODEL = EmulatedModel(load_seconds=5, base_seconds=0.040, per_request_seconds=0.020)
"""40 requests/s at most for each replica: what a busy machine with two cores serves at ease."""
OBJECTIVE_MILLISECONDS = 500
LOW, HIGH = 22.0, 75.0
LEAST, MOST = 1, 6
METRICS_PORT = 8002
LONGEST_SECONDS = 600
PATIENCE_SECONDS = 60
"""A request may wait for the replicas that its load orders; it may not be lost."""
LOOKS = 15
"""Seconds of looks, one each: enough for a wrong one to be acted on."""


@pytest.fixture
def fleet(cluster: Cluster, kubectl: Kubectl, coding: Services, tmp_path: Path) -> Iterator[Fleet]:
    """The replicas of the emulated model, the first of which is ready."""
    coding.place("models", MODEL.write(tmp_path))
    coding.apply(
        NAME,
        model={"uri": f"pvc://models/{REPOSITORY}", "format": "TritonRepository"},
        hardware={"resources": {"cpu": "50m", "memory": "384Mi"}},
        objective={"latency": {"milliseconds": OBJECTIVE_MILLISECONDS}},
        scaling={"minReplicas": LEAST, "maxReplicas": MOST},
    )
    coding.wait_for(NAME, "Ready", "True")
    with Fleet.followed(cluster.kubeconfig, CODE_NAMESPACE, NAME) as followed:
        yield followed


@contextmanager
def load(services: Services, folder: Path, rate: float) -> Iterator[LoadGenerator]:
    """So many requests per second, each of which has to be answered."""
    rates = folder / "rates"
    rates.write_text(f"{rate}\n" * LONGEST_SECONDS)
    with (
        services.address(NAME) as address,
        load_generator(
            folder,
            rates,
            NAME,
            OBJECTIVE_MILLISECONDS,
            timeout_seconds=PATIENCE_SECONDS,
            fresh_connections=True,
        ) as generator,
    ):
        generator.send_to([address])
        yield generator
        generator.stop()
        result = generator.result()
    assert result["kinds"] == {}
    assert result["requests"] > 0


def ordered(fleet: Fleet) -> int:
    return fleet.sample().ordered


def freshness(services: Services) -> str:
    status = services.get("tisvc", NAME)["status"]
    return str(status.get("autoscaling", {}).get("metrics"))


def wait_for_replicas(fleet: Fleet, what: str, least: int, most: int) -> None:
    def holds() -> bool:
        sample = fleet.sample()
        return least <= sample.ordered <= most and sample.ready == sample.ordered

    wait_until(what, holds, timeout_seconds=120, poll_seconds=0.5)


def wait_for_sent(generator: LoadGenerator, seconds: float) -> None:
    """That much of the load, and with it that many looks of the operator."""
    begin = generator.so_far.get("second", 0.0)
    wait_until(
        f"{seconds:.0f} s of load",
        lambda: generator.so_far.get("second", 0.0) >= begin + seconds,
        timeout_seconds=seconds + 60,
        poll_seconds=0.5,
    )


def kill_and_await_operator(cluster: Cluster, kubectl: Kubectl, services: Services) -> None:
    before = operator_pod(kubectl)
    kill_operator(cluster, kubectl)
    wait_until(
        "the operator to be back", lambda: operator_is_back(kubectl, before), timeout_seconds=90
    )
    wait_until("metrics again", lambda: freshness(services) == "Fresh", timeout_seconds=60)


def test_replicas_follow_the_load_and_nothing_that_fails_removes_one(
    cluster: Cluster, kubectl: Kubectl, coding: Services, fleet: Fleet, tmp_path: Path
) -> None:
    with load(coding, tmp_path, LOW) as generator:
        wait_until("metrics", lambda: freshness(coding) == "Fresh", timeout_seconds=60)
        wait_for_sent(generator, LOOKS)
        assert ordered(fleet) <= 2

    with ExitStack() as metrics:
        with load(coding, tmp_path, HIGH) as generator:
            wait_for_replicas(fleet, "replicas for three times the load", 3, MOST)

            killed = time.monotonic()
            kill_and_await_operator(cluster, kubectl, coding)
            assert fleet.removed(killed, time.monotonic()) == 0
            wait_for_sent(generator, LOOKS)
            assert ordered(fleet) >= 3

            metrics.enter_context(closed_port(cluster, METRICS_PORT))
            wait_until("metrics to go", lambda: freshness(coding) != "Fresh", timeout_seconds=60)
            blind = time.monotonic()
        with load(coding, tmp_path, LOW / 2) as generator:
            wait_for_sent(generator, 2 * LOOKS)
            assert fleet.removed(blind, time.monotonic()) == 0

    with load(coding, tmp_path, LOW / 2):
        wait_for_replicas(fleet, "replicas for little load", LEAST, LEAST)
    assert min(number for _, number in fleet.orders()) >= LEAST
