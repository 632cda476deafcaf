"""A shop has more to do than it can: the cloud helps. The link is cut: the shop helps itself."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from e2e.emulated_model import NAME
from e2e.fleet.captured import captured
from e2e.fleet.clients import INPUTS, MAY_LEAVE, STAYS, staying, write
from e2e.fleet.conftest import CLOUD, CLOUD_PORT, SHOP, SHOP_PORT, SHOP_ZONE, Fleet
from e2e.fleet.gateway import door
from e2e.fleet.overflow import (
    AWAY_SECONDS,
    CUT_SECONDS,
    SERVED,
    SHOP_REPLICAS,
    apply,
    bounds,
    endpoints,
    load,
    open_doors,
    ordered,
    placed,
    set_bounds,
    tell,
    work,
)
from e2e.harness.errors import HarnessError
from e2e.harness.waiting import wait_until
from e2e.installation import NAMESPACE
from e2e.load_generator import LoadGenerator
from e2e.services import Services
from triton_operator.client import Answer, FleetClient, NotServedLocally

LONGEST_SECONDS = 180
WATCHED_SECONDS = 10
CALM, BUSY, RISEN = 30.0, 200.0, 180.0
"""Requests/s: what one replica does with ease, what two cannot, and what three or four can."""
LEAST_SPILT = 0.5
"""Of the replicas that the shop would need more; how many these are is seen under load."""


@pytest.fixture(scope="module")
def served(both: Fleet, tmp_path_factory: pytest.TempPathFactory) -> Fleet:
    """The service is served in both clusters, and both doors are open."""
    apply(both, tmp_path_factory.mktemp("model"))
    both.at_the_hub.wait_for(NAME, "Placed", "True")
    until("the service in the cloud", lambda: exists(both, CLOUD))
    both.at_the_hub.wait_for(SERVED, "Ready", "True", timeout_seconds=LONGEST_SECONDS)
    with both.edge.inside():
        until("the service at the shop", lambda: exists(both, SHOP))
        both.at_the_edge.wait_for(SERVED, "Ready", "True", timeout_seconds=LONGEST_SECONDS)
    open_doors(both)
    for name in (SHOP, CLOUD):
        until(f"{name} to answer", partial(answers, both, name))
    return both


def until(what: str, probe: Callable[[], bool], seconds: float = LONGEST_SECONDS) -> None:
    wait_until(what, probe, timeout_seconds=seconds, poll_seconds=1.0)


def spilling(fleet: Fleet, what: str, probe: Callable[[], bool]) -> None:
    """As `until`; what the hub and the clusters say is told where it does not come to that."""
    try:
        until(what, probe)
    except HarnessError as error:
        status = fleet.at_the_hub.get("tisvc", NAME)["status"]
        loads = {name: work(fleet, name).get("status", {}).get("load") for name in (SHOP, CLOUD)}
        raise AssertionError(f"{error}\n{json.dumps([status, loads], indent=1)}") from error


def exists(fleet: Fleet, cluster: str) -> bool:
    services = fleet.at_the_edge if cluster == SHOP else fleet.at_the_hub
    return SERVED in services.kubectl("get", "tisvc", "-o", "name").replace("/", "\n").split()


def answers(fleet: Fleet, cluster: str) -> bool:
    found = fleet.at_the_hub.get("inferencecluster", cluster).get("status", {})
    rows = {one["type"]: one["status"] for one in found.get("conditions", [])}
    return rows.get("DataPlaneHealthy") == "True" and found.get("connectionState") == "Connected"


def test_an_overloaded_shop_spills_to_the_cloud_and_takes_it_back(
    served: Fleet, tmp_path: Path
) -> None:
    shop, cloud = (
        door(served.edge.cluster.topology, SHOP_PORT),
        door(served.edge.link.here, CLOUD_PORT),
    )
    with (
        captured(served.edge) as link,
        load(served, tmp_path, [(20, CALM), (400, BUSY)]) as busy,
        staying(served, tmp_path) as stays,
    ):
        spilling(served, "a part for the cloud", lambda: granted(served) >= LEAST_SPILT)
        spilling(
            served, "requests to be sent there", lambda: busy.router.shares.get(cloud, 0) >= 20
        )
        tell(served, "spilling")
        with served.edge.inside():
            assert ordered(served, SHOP) == 2, "as many as it may have"
        until("what had queued to be worked off", partial(in_time, busy.generator))
        assert busy.router.shares[shop] + busy.router.shares[cloud] == 100
        failed = busy.generator.so_far["failed"]
        assert in_time(busy.generator), "and it stays so"
        assert busy.generator.so_far["failed"] == failed
        busy.generator.stop()
    assert link.requests[cloud, f"/v2/models/{NAME}/infer"] > 0
    assert not link.ids, "requests that must stay"
    assert stays.served > 0
    assert not stays.stopped
    with load(served, tmp_path, [(600, CALM)]) as calm:
        until("that part to be taken back", lambda: granted(served) == 0)
        until("all requests to stay", lambda: calm.router.shares == {shop: 100})
        tell(served, "back")
        calm.generator.stop()


def test_the_shop_alone_scales_heals_and_fails_no_request(served: Fleet, tmp_path: Path) -> None:
    set_bounds(served, 6)
    until("the new bound at the shop", lambda: most_at_the_shop(served) == 6)
    seconds = CUT_SECONDS
    until("all to be in force", lambda: in_force(served))
    with (
        captured(served.edge) as link,
        load(served, tmp_path, [(40, CALM), (seconds, RISEN), (60, CALM)]) as offered,
        staying(served, tmp_path) as stays,
    ):
        offered.rest(20)
        before = bounds(served)
        with served.edge.link.severed():
            offered.rest(40 + seconds / 4)
            with served.edge.inside():
                until("more replicas at the shop", lambda: ordered(served, SHOP) >= 3)
                least = ordered(served, SHOP)
                assert kill(served.at_the_edge, "triton-operator")
                assert kill(served.at_the_edge, "triton-operator-agent")
                pod = served.at_the_edge.every("pods", SERVED)[0]["metadata"]["name"]
                served.at_the_edge.kubectl("delete", "pod", pod, "--wait=true")
            until("the shop to be Lost", lambda: state(served) == "Lost")
            offered.rest(20 + seconds)
            assert bounds(served) == before, (
                "the hub moves nothing of a cluster that it cannot hear"
            )
            with served.edge.inside():
                assert ordered(served, SHOP) >= 3
                assert ready(served) == ordered(served, SHOP)
            tell(served, "alone")
        until("the shop to be heard of", lambda: state(served) == "Connected")
        until("what it decided alone to be told", lambda: 3 <= most_decided(served) <= 6)
        with served.edge.inside():
            assert ordered(served, SHOP) >= 3, "no replica is lost on return"
            (one,) = json.loads(served.at_the_edge.kubectl("get", "tisvc", "-o", "json"))["items"]
            assert len(served.at_the_edge.every("deployments", SERVED)) == 1, one
        offered.rest(40 + seconds + 60)
        until("the end of the load", lambda: not offered.generator.running())
        figures = offered.generator.result()
    assert least >= 3
    assert link.packets, "before and after the cut the shop tells how it is"
    assert not link.ids, "requests that must stay"
    assert stays.served > 0
    assert not stays.failed
    assert not stays.stopped
    assert figures["failed"] == 0, figures["kinds"]


def test_nothing_moves_while_the_hub_is_away(served: Fleet, tmp_path: Path) -> None:
    with load(served, tmp_path, [(AWAY_SECONDS + 60, 60.0)]) as offered:
        offered.rest(20)
        before = bounds(served)
        scale_hub(served, 0)
        try:
            offered.rest(20 + AWAY_SECONDS)
        finally:
            scale_hub(served, 1)
        offered.rest(40 + AWAY_SECONDS)
        assert state(served) == "Connected"
        assert bounds(served) == before, "what it could not hear is no silence"
        until("the end of the load", lambda: not offered.generator.running())
        figures = offered.generator.result()
    assert figures["failed"] == 0, figures["kinds"]


def test_requests_that_must_stay_never_take_the_link(served: Fleet, tmp_path: Path) -> None:
    """The shop's own endpoint does not answer: others' requests go to the cloud, these nowhere."""
    file, cloud = tmp_path / "endpoints.json", door(served.edge.link.here, CLOUD_PORT)
    # Nobody listens there.
    write(file, endpoints(served), door(served.edge.cluster.topology, 9))

    def ask(request_id: str, *, local_only: bool) -> Answer:
        return client.infer(
            NAME, INPUTS, deadline_seconds=2.0, local_only=local_only, request_id=request_id
        )

    with captured(served.edge) as link, served.edge.inside(), FleetClient(file) as client:
        for number in range(20):
            with pytest.raises(NotServedLocally):
                ask(f"{STAYS}{number}", local_only=True)
        assert ask(f"{MAY_LEAVE}1", local_only=False).cluster == CLOUD
    assert link.ids == {f"{MAY_LEAVE}1"}
    assert link.requests == {(cloud, f"/v2/models/{NAME}/infer"): 1}


def test_a_service_that_must_stay_sends_nobody_away(served: Fleet, tmp_path: Path) -> None:
    """As busy as where the cloud helps, and the cloud is not where its data may be processed."""
    set_bounds(served, SHOP_REPLICAS, zones=[SHOP_ZONE])
    own = door(served.edge.cluster.topology, SHOP_PORT)
    until("the cloud to have none of it", lambda: not exists(served, CLOUD))
    until(
        "the cloud to be on no list",
        lambda: {row["cluster"] for row in endpoints(served)} == {SHOP},
    )
    with load(served, tmp_path, [(20, CALM), (400, BUSY)]) as busy:
        with captured(served.edge) as link:
            until("it to be told", lambda: is_told(served, "ResidencyConstrained"))
            busy.rest(time.monotonic() - busy.began + WATCHED_SECONDS)
            tell(served, "staying")
            assert busy.router.shares == {own: 100}
        busy.generator.stop()
    assert busy.generator.so_far["sent"] > 0
    assert not link.requests
    assert link.packets, "the shop tells how it is: the log sees what passes"


def is_told(fleet: Fleet, condition: str) -> bool:
    rows = fleet.at_the_hub.get("tisvc", NAME).get("status", {}).get("conditions", [])
    return any(row["type"] == condition and row["status"] == "True" for row in rows)


def granted(fleet: Fleet) -> float:
    """Replicas' worth of the shop's demand that the cloud is to take."""
    return float(placed(fleet, CLOUD).get("granted", 0))


def state(fleet: Fleet) -> str:
    found = fleet.at_the_hub.get("inferencecluster", SHOP)
    return str(found.get("status", {}).get("connectionState", ""))


def most_decided(fleet: Fleet) -> int:
    """The highest number of replicas that the shop's autoscaler has ordered, as the hub knows."""
    rows = work(fleet, SHOP).get("status", {}).get("decisions", [])
    return max((row["to"] for row in rows), default=0)


def in_time(generator: LoadGenerator) -> bool:
    """Whether of the requests of some seconds nearly all are answered within the objective."""
    before = dict(generator.so_far)
    time.sleep(WATCHED_SECONDS)
    sent, within = (generator.so_far[key] - before[key] for key in ("sent", "within"))
    return sent > 0 and within >= 0.95 * sent


def most_at_the_shop(fleet: Fleet) -> int:
    return int(bounds(fleet)[SHOP]["template"]["scaling"]["maxReplicas"])


def in_force(fleet: Fleet) -> bool:
    with fleet.edge.inside():
        spec = fleet.at_the_edge.get("tisvc", SERVED)["spec"]
    return bool(spec["scaling"]["maxReplicas"] == most_at_the_shop(fleet))


def ready(fleet: Fleet) -> int:
    return sum(
        one.get("status", {}).get("readyReplicas", 0)
        for one in fleet.at_the_edge.every("deployments", SERVED)
    )


def kill(services: Services, name: str) -> str:
    """Pods of the operator's release go without a word; their names, empty: there were none."""
    chosen = ("-n", NAMESPACE, "-l", f"app.kubernetes.io/name={name}")
    return services.kubectl("delete", "pods", *chosen, "--grace-period=0", "--force")


def scale_hub(fleet: Fleet, replicas: int) -> None:
    name = "deployment/triton-operator-hub"
    fleet.at_the_hub.kubectl("-n", NAMESPACE, "scale", name, f"--replicas={replicas}")
    if not replicas:
        kill(fleet.at_the_hub, "triton-operator-hub")
