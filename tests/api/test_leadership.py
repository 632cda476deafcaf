"""Two operator processes at one API server: one writes, one takes over, nothing is doubled."""

import itertools
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from e2e.harness.controlplane import ControlPlane
from e2e.harness.waiting import wait_until
from tests.api.audit import Audit, Write
from tests.api.client import Api, collection_of
from tests.api.operator_process import OperatorProcess
from tests.api.reconcile_fixtures import new_shop
from tests.api.shop import Shop

SERVICES = 100
UNTIL_TAKEOVER_SECONDS = 15.0
LEASE_SECONDS = 12.0
WORKERS = 16
"""Of `triton-operator run`, unless told otherwise: so many writes may be under way."""
_numbers = itertools.count(1)


@dataclass
class Pair:
    """`first` leads when a test begins, `second` follows and knows the whole cluster."""

    first: OperatorProcess
    second: OperatorProcess

    def start(self) -> None:
        """Start both."""
        self.first.start()
        self.second.start(follows=True)

    def take_over(self, cause: Callable[[], object], capsys: pytest.CaptureFixture[str]) -> None:
        """Let `cause` happen, and wait for the second to lead; says how long it took."""
        assert not self.second.leads()
        cause()
        began = time.monotonic()
        wait_until(
            "waiting for the takeover",
            self.second.leads,
            timeout_seconds=UNTIL_TAKEOVER_SECONDS,
            needs=[self.second.running],
            poll_seconds=0.05,
        )
        with capsys.disabled():
            print(f" [takeover: {time.monotonic() - began:.1f} s]", end="")


@pytest.fixture
def pair(
    stage: ControlPlane,
    only_operator: OperatorProcess,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> Iterator[Pair]:
    """Two processes with identities of their own; the one of other tests stands back."""
    only_operator.stop()
    # A Lease of its own: that of a leader that was killed stays held for a while.
    lease = f"--lease-name=pair-{next(_numbers)}"
    options = (lease, *getattr(request, "param", ()))
    pair = Pair(
        *(
            OperatorProcess(
                stage.client_kubeconfig(name, f"/O=system:masters/CN={name}"),
                tmp_path / name,
                *options,
            )
            for name in ("first", "second")
        )
    )
    yield pair
    for one in (pair.first, pair.second):
        one.kill()


@pytest.fixture
def crowd(stage_api: Api, pair: Pair, request: pytest.FixtureRequest) -> Iterator[Shop]:
    """An empty namespace, watched by both, seen through the second."""
    pair.start()
    namespace = request.node.name.replace("_", "-").replace("[", "-").strip("]")
    shop = new_shop(stage_api, pair.second, namespace)
    yield shop
    stage_api.request("DELETE", collection_of(shop.reference("InferenceService", "any")))


class Burst:
    """A hundred services, and what was written for them since the first one."""

    def __init__(self, shop: Shop, audit: Audit) -> None:
        self._shop = shop
        self._audit = audit
        self._mark = audit.mark()

    def begin(self) -> None:
        """Create them; returns when the first of them have children."""
        self._shop.add_profile(1)
        for number in range(SERVICES):
            self._shop.add_service(f"a{number}", 1)
        self._shop.until(
            "the first Deployments", lambda: len(self._shop.all("Deployment")) > SERVICES // 10
        )

    def writes(self) -> list[Write]:
        """Every write so far."""
        return self._audit.writes(self._shop.namespace, since=self._mark)

    def settle(self) -> list[Write]:
        """Wait until all is done; every write."""
        until_all_settled(self._shop)
        return self.writes()

    def end(self) -> list[Write]:
        """Wait until all is done; every write. Fails if anything was done twice."""
        writes = self.settle()
        self.check(writes)
        return writes

    def check(self, writes: list[Write]) -> None:
        """Fails if anything among `writes` was done twice."""
        check_nothing_doubled(self._shop, writes)


@pytest.fixture
def burst(crowd: Shop, audit: Audit) -> Burst:
    """Under way, with the first in the lead."""
    burst = Burst(crowd, audit)
    burst.begin()
    return burst


def by(user: str, writes: list[Write]) -> list[Write]:
    """What this user wrote. Of a request that its sender left half sent, the server says much
    later that it gave up: that is no write.
    """
    return [write for write in writes if write.user == user and write.code < 300]


def until_all_settled(shop: Shop) -> None:
    def all_seen() -> bool:
        return all(
            one.get("status", {}).get("observedGeneration") == one["metadata"]["generation"]
            for one in shop.all("InferenceService")
        )

    shop.until("every service to be seen", all_seen)
    shop.until("every Deployment", lambda: len(shop.all("Deployment")) == SERVICES)
    shop.until("the end of the work", shop.operator.is_quiet)


def check_nothing_doubled(shop: Shop, writes: list[Write]) -> None:
    done = [write for write in writes if write.code < 300]
    created = Counter(
        (write.resource, write.name)
        for write in done
        if write.code == 201 and write.resource != "events"
    )
    assert set(created.values()) == {1}, "a child was created twice"
    # Up to as many as were under way: of a request whose sender was killed, the audit may have no
    # answer, and its object is there all the same (`until_all_settled` has counted them).
    of_deployments = [one for one in created if one[0] == "deployments"]
    assert SERVICES - WORKERS <= len(of_deployments) <= SERVICES
    told = Counter(
        (event["regarding"]["name"], event["reason"], event["note"])
        for event in shop.all("Event")
        if event["regarding"]["kind"] == "InferenceService"
    )
    assert not {key: count for key, count in told.items() if count > 1}
    # Not even unchanged: what the first applied, the second had seen.
    applied = Counter(
        (write.resource, write.name)
        for write in done
        if "/" not in write.resource and write.resource != "events"
    )
    assert not {key: count for key, count in applied.items() if count > 1}


def test_the_leader_is_killed_in_a_burst(
    burst: Burst, pair: Pair, capsys: pytest.CaptureFixture[str]
) -> None:
    pair.take_over(pair.first.kill, capsys)

    writes = burst.end()
    by_first, by_second = by("first", writes), by("second", writes)
    assert by_first, "it was killed before it began"
    assert by_second, "it had done everything"
    assert max(write.time for write in by_first) < min(write.time for write in by_second)


def test_a_paused_leader_does_not_write_when_it_resumes(
    burst: Burst, pair: Pair, capsys: pytest.CaptureFixture[str]
) -> None:
    pair.take_over(pair.first.freeze, capsys)
    paused = burst.writes()
    pair.first.thaw()

    assert pair.first.running.wait(30), "it goes on"
    assert pair.first.exit_code() == 1
    assert "Another process leads" in pair.first.log.read_text()
    writes = burst.settle()
    late = [write for write in by("first", writes) if write not in paused]
    # The pause may fall between the last look at the clock and the send that follows it: of one
    # thread that is one write, and no process can call it back. What else was begun is given up.
    assert len(late) <= 1
    burst.check([write for write in writes if write not in late])


@pytest.mark.parametrize("pair", [("--lease-seconds=300",)], indirect=True, ids=["long-lease"])
def test_a_leader_that_is_stopped_hands_over(
    burst: Burst, pair: Pair, capsys: pytest.CaptureFixture[str]
) -> None:
    """A Lease that would hold for minutes is given back."""
    codes = []

    pair.take_over(lambda: codes.append(pair.first.stop()), capsys)

    assert codes == [0]
    burst.end()


def test_the_api_server_is_away_for_longer_than_the_lease(
    crowd: Shop, pair: Pair, stage: ControlPlane
) -> None:
    """The leader stops, the follower does not take over, and both go on as they were."""
    crowd.add_profile(1)
    stage.stop_apiserver(kill=True)
    wait_until("waiting for the leader to stop", lambda: not pair.first.leads(), timeout_seconds=30)
    time.sleep(LEASE_SECONDS)  # nothing but time makes a Lease run out
    stage.start_apiserver()

    crowd.add_service("later", 1)
    pair_shop = Shop(crowd.api, pair.first, crowd.namespace)
    pair_shop.until_settled("later")
    assert pair.first.leads()
    assert not pair.second.leads()
    assert pair.second.running.alive()
