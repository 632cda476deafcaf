"""PodMonitors: made where the cluster knows them, missed by nobody where it does not."""

import asyncio

import pytest

from tests.unit.controllers.cluster import Cluster
from tests.unit.controllers.shell import FILETYPE, Shell
from tests.unit.controllers.world import pinned
from triton_operator.controllers.errors import ApiNotFound, ApiRefused, ApiUnavailable
from triton_operator.controllers.keys import Key
from triton_operator.controllers.kinds import POD_MONITOR
from triton_operator.controllers.optional_kinds import look_for
from triton_operator.controllers.resync import Scopes
from triton_operator.controllers.store import Store
from triton_operator.manifests.companions import Companions, Monitors
from triton_operator.manifests.owner import Owner
from triton_operator.manifests.pod_monitor import pod_monitor

OWNER = Owner("filetype", "shop", "uid-filetype")


class Look:
    """A store, and what looks at a cluster told."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.store = Store()
        self.scopes: Scopes = (None,)
        self.concerned: list[Key] = []

    def __call__(self) -> bool:
        self.concerned.clear()
        return asyncio.run(
            look_for(
                POD_MONITOR,
                self.cluster,  # type: ignore[arg-type]  # has the methods that are used
                self.store,
                self.scopes,
                lambda keys: self.concerned.extend(keys),
            )
        )


@pytest.fixture
def look() -> Look:
    cluster = Cluster(served={"PodMonitor"})
    cluster.put(pod_monitor(OWNER, Monitors()))
    return Look(cluster)


def test_those_that_exist_are_known_with_their_owner(look: Look) -> None:
    assert look()

    assert look.concerned == [FILETYPE]
    assert [view.kind for view in look.store.children("shop", OWNER.uid)] == ["PodMonitor"]
    assert look(), "and again"
    assert look.concerned == []


def test_one_that_is_gone_or_changed_concerns_its_service(look: Look) -> None:
    look()
    look.cluster.edit("PodMonitor", "shop", "filetype", selector={})
    assert look()
    assert look.concerned == [FILETYPE]

    look.cluster.remove("PodMonitor", "shop", "filetype")
    assert look()
    assert look.concerned == [FILETYPE]
    assert look.store.known(POD_MONITOR) == {}


def test_where_the_kind_is_unknown_nothing_is_listed(look: Look) -> None:
    look()
    look.cluster.served.clear()
    look.cluster.requests.clear()

    assert not look()
    assert look.cluster.requests == ["serves PodMonitor"]
    assert look.store.known(POD_MONITOR) == {}


def test_what_is_known_of_a_namespace_that_is_not_listed_stays(look: Look) -> None:
    look()
    look.cluster.remove("PodMonitor", "shop", "filetype")

    look.scopes = ("lab",)
    assert look()
    assert set(look.store.known(POD_MONITOR)) == {("shop", "filetype")}
    assert look.concerned == []


def test_a_namespace_that_is_being_lost_says_nothing_about_the_kind(look: Look) -> None:
    """The others go on having PodMonitors, and what is known of this one stays."""
    look()
    look.scopes = ("lab", "shop")
    look.cluster.denied.add("lab")
    look.cluster.failures["list", "PodMonitor"] = [ApiRefused(403, "Forbidden", "in lab")]

    assert look()
    assert set(look.store.known(POD_MONITOR)) == {("shop", "filetype")}

    look.scopes = ("shop",)
    look.cluster.denied.add("shop")
    look.cluster.failures["list", "PodMonitor"] = [ApiRefused(403, "Forbidden", "in shop")]
    assert look()
    assert set(look.store.known(POD_MONITOR)) == {("shop", "filetype")}


def test_one_served_namespace_without_the_right_is_as_good_as_none(look: Look) -> None:
    look.scopes = ("lab", "shop")
    look.cluster.failures["list", "PodMonitor"] = [ApiRefused(403, "Forbidden", "in lab")]

    assert not look()


@pytest.mark.parametrize(
    "error", [ApiNotFound(404, "NotFound", "gone"), ApiRefused(403, "Forbidden", "may not")]
)
def test_a_kind_that_cannot_be_listed_is_as_good_as_none(
    look: Look, error: ApiNotFound | ApiRefused
) -> None:
    look.cluster.failures["list", "PodMonitor"] = [error]

    assert not look()


def test_an_api_server_without_an_answer_says_nothing_about_kinds(look: Look) -> None:
    look()
    look.cluster.failures["list", "PodMonitor"] = [ApiUnavailable(503, "", "down")]

    with pytest.raises(ApiUnavailable):
        look()
    assert look.store.known(POD_MONITOR) != {}


def test_a_kind_that_is_forgotten_in_between_stops_nothing() -> None:
    """The rest is written, and the status tells of no problem."""
    shell = Shell(pinned(), companions=Companions(monitors=Monitors()))
    shell.controller.can_make(frozenset({"PodMonitor"}))
    shell.cluster.failures["apply", "PodMonitor"] = [ApiNotFound(404, "NotFound", "no such kind")]

    requests = asyncio.run(shell.run())

    assert "apply PodMonitor/filetype" in requests
    assert "apply Deployment/filetype-cpu" in requests
    assert shell.condition("Progressing") == "True RollingOut"
    assert set(shell.controller.counts.reconciles) == {"ok"}


def test_a_namespace_that_is_gone_is_no_forgotten_kind() -> None:
    shell = Shell(pinned(), companions=Companions(monitors=Monitors()))
    shell.cluster.served.add("PodMonitor")
    shell.controller.can_make(frozenset({"PodMonitor"}))
    shell.cluster.failures["apply", "PodMonitor"] = [ApiNotFound(404, "NotFound", "namespace")]

    asyncio.run(shell.run())

    assert shell.controller.counts.reconciles["conflict"] == 1
    shell.clock.advance(60)
    requests = asyncio.run(shell.run())
    assert "apply PodMonitor/filetype" in requests
