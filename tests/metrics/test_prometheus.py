"""Samples and history from a real Prometheus that scrapes pods every second."""

import asyncio
import json
import time
import urllib.request
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import pytest

from e2e.harness.pki import Authority
from e2e.harness.ports import free_ports
from e2e.harness.prometheus_server import prometheus_server
from e2e.harness.waiting import wait_until
from tests.metrics.scraped_pods import CountingPod, listening
from triton_operator.autoscaling.look import look
from triton_operator.autoscaling.samples import PodTarget, Samples, Seen, with_samples
from triton_operator.autoscaling.sources.prometheus import Prometheus
from triton_operator.autoscaling.sources.prometheus_connection import PrometheusAddress

A = PodTarget("shop", "filetype-cpu-5d4f-aaaaa", 0, "127.0.0.2", "filetype")
B = PodTarget("shop", "filetype-cpu-5d4f-bbbbb", 0, "127.0.0.3", "filetype")
NAMESAKE = PodTarget("shop", A.pod, 0, "127.0.0.9", "filetype")
"""A pod of that name in another cluster, scraped by the same Prometheus."""
WAIT_SECONDS = 60.0
T = TypeVar("T")


class Stage(NamedTuple):
    url: str
    pods: dict[str, CountingPod]

    def ask(self, question: Callable[[Prometheus], Awaitable[T]], **address: Any) -> T:
        async def run() -> T:
            source = Prometheus(PrometheusAddress(self.url, **address), time.time)
            try:
                return await question(source)
            finally:
                await source.close()

        return asyncio.run(run())

    def samples(self, *targets: PodTarget, **address: Any) -> Samples:
        return self.ask(lambda source: source.samples(targets), **address)

    def once(self, what: str, true: Callable[[Samples], bool], *targets: PodTarget) -> Samples:
        """The samples as soon as that is true of them."""
        found: list[Samples] = []

        def probe() -> bool:
            found.append(self.samples(*targets))
            return true(found[-1])

        wait_until(what, probe, timeout_seconds=WAIT_SECONDS)
        return found[-1]

    def has(self, target: PodTarget, success: float) -> Callable[[Samples], bool]:
        def is_so(samples: Samples) -> bool:
            sample = samples.pods.get(target.instance)
            return sample is not None and sample.metrics.success == success

        return is_so


def successes(url: str, pod: str) -> dict[str, float]:
    """Successes of a pod by time, of the last minute."""
    query = f"nv_inference_request_success%7Bpod%3D%22{pod}%22%7D%5B60s%5D"
    with urllib.request.urlopen(f"{url}/api/v1/query?query={query}", timeout=10) as response:
        result = json.load(response)["data"]["result"]
    return {float(at): float(value) for one in result for at, value in one["values"]}


@pytest.fixture(scope="module")
def scraping(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Two pods and a namesake, scraped by one Prometheus."""
    pods = {target.address: CountingPod() for target in (A, B, NAMESAKE)}
    pods[NAMESAKE.address].success = 1_000_000
    with ExitStack() as stack:
        (port,) = free_ports(1, "0.0.0.0")
        for address, pod in pods.items():
            stack.enter_context(listening(pod, address, port))
        folder = tmp_path_factory.mktemp("prometheus")
        targets = {
            f"{one.address}:{port}": {"namespace": one.namespace, "pod": one.pod}
            for one in (A, B, NAMESAKE)
        }
        url, _ = stack.enter_context(prometheus_server(folder, targets))
        yield Stage(url, pods)


@pytest.fixture
def stage(scraping: Stage) -> Stage:
    """The same, with pods that have counted nothing yet."""
    for target in (A, B):
        scraping.pods[target.address].__dict__.update(CountingPod().__dict__)
    scraping.once("A is new", scraping.has(A, 0), A)
    scraping.once("B is new", scraping.has(B, 0), B)
    return scraping


def test_two_looks_at_two_pods_are_their_traffic_and_nobody_elses(stage: Stage) -> None:
    a, b = stage.pods[A.address], stage.pods[B.address]
    a.success, b.success = 100, 50
    stage.once("B has its first", stage.has(B, 50), B)
    before = stage.once("A has its first", stage.has(A, 100), A, B)
    # The successes last: whoever sees them sees the rest.
    a.failures, a.pending = {"REJECTED": 4}, 6
    a.success, b.success = 130, 60
    stage.once("B has more", stage.has(B, 60), B)
    after = stage.once("A has more", stage.has(A, 130), A, B)

    assert after.problems == {}
    for target, came in ((A, 40), (B, 10)):
        seen = with_samples(with_samples(None, before, [target]), after, [target])
        result = look(seen, [target], 250)
        history = seen.pods[target.instance]
        assert history.earlier is not None
        assert result.traffic is not None
        seconds = history.latest.time - history.earlier.time
        rate = result.traffic.arrivals / result.traffic.interval_seconds
        assert rate == pytest.approx(came / seconds)
    assert after.pods[A.instance].metrics.p99_us == 90_000
    assert after.pods[A.instance].metrics.pending == 6


def test_a_pod_that_answers_no_more_grows_old_while_the_other_stays_fresh(stage: Stage) -> None:
    stage.pods[B.address].silent = True
    targets = (A, B)
    seen: Seen | None = None

    def one_is_old() -> bool:
        nonlocal seen
        seen = with_samples(seen, stage.samples(*targets), targets)
        result = look(seen, targets, 250, fresh_seconds=4.0)
        return (result.reporting, result.expected) == (1, 2)

    wait_until("B is old", one_is_old, timeout_seconds=WAIT_SECONDS)

    assert seen is not None
    assert look(seen, targets, 250, fresh_seconds=4.0).age_seconds <= 4.0


def test_a_process_that_began_anew_counts_from_zero(stage: Stage) -> None:
    a = stage.pods[A.address]
    a.success = 1000
    before = stage.once("many", stage.has(A, 1000), A)
    a.success = 20
    after = stage.once("few", stage.has(A, 20), A)

    seen = with_samples(with_samples(None, before, [A]), after, [A])
    result = look(seen, [A], 250)

    history = seen.pods[A.instance]
    assert history.earlier is not None
    assert result.traffic is not None
    rate = result.traffic.arrivals / result.traffic.interval_seconds
    assert rate == pytest.approx(20 / (history.latest.time - history.earlier.time))


def test_a_gauge_without_a_number_is_no_sample(stage: Stage) -> None:
    stage.pods[A.address].pending = "NaN"

    result = stage.once("no number", lambda samples: not samples.pods, A)

    assert "nothing of the arrivals" in result.problems[A.instance]


def test_a_pod_that_it_does_not_scrape_has_no_sample_and_a_reason(stage: Stage) -> None:
    stranger = PodTarget("shop", "filetype-cpu-5d4f-zzzzz", 0, "127.0.0.4", "filetype")

    result = stage.samples(A, stranger)

    assert set(result.pods) == {A.instance}
    assert "no samples" in result.problems[stranger.instance]


def test_history_is_what_came_while_it_scraped(stage: Stage) -> None:
    stage.pods[A.address].each_time = 10
    begun = max(successes(stage.url, A.pod))

    def long_enough() -> bool:
        return max(successes(stage.url, A.pod)) >= begun + 21

    wait_until("twenty seconds are scraped", long_enough, timeout_seconds=WAIT_SECONDS)
    # No more than that: the tests before this one have counted, too.
    bins = stage.ask(lambda source: source.history([A], ["filetype-cpu"], 20))

    known = [one for one in bins if one.arrivals is not None]
    total = sum(one.arrivals or 0.0 for one in known)
    assert total <= stage.pods[A.address].success, "no more than came"
    inside = [one for one in known if one.end - one.seconds > begun + 1]
    assert len(inside) >= 2
    # A scrape may be late or left out on a busy machine; a namesake's million is far away.
    assert all(10 <= (one.arrivals or 0.0) <= 150 for one in inside[:-1])


def test_over_tls_only_the_given_authority_is_trusted(tmp_path: Path) -> None:
    authority = Authority.create(tmp_path / "pki")
    pair = authority.issue("prometheus", "/CN=prometheus", ["IP:127.0.0.1"])
    with prometheus_server(tmp_path, {}, pair) as (url, _):
        stage = Stage(url, {})

        trusted = stage.samples(A, ca_file=authority.pair.cert)
        strange = stage.samples(A)

    assert "no samples" in trusted.problems[A.instance], "an answer: nothing is scraped"
    assert "cannot be asked" in strange.problems[A.instance]
    assert "CERTIFICATE_VERIFY_FAILED" in strange.problems[A.instance]


def test_a_prometheus_that_was_stopped_is_a_reason(tmp_path: Path) -> None:
    with prometheus_server(tmp_path, {}) as (url, running):
        stage = Stage(url, {})
        there = stage.samples(A)
        running.stop()
        away = stage.samples(A)

    assert "no samples" in there.problems[A.instance]
    assert "cannot be asked" in away.problems[A.instance]
