"""Nothing is watched before it can be listed, and one namespace need not wait for another."""

import asyncio

import pytest

from tests.unit.controllers.clock import settle
from tests.unit.controllers.cluster import Cluster
from triton_operator.controllers import readable
from triton_operator.controllers.errors import ApiError, ApiNotFound, ApiUnavailable
from triton_operator.controllers.kinds import CLUSTER_SCOPED, NAMESPACED, WATCHED
from triton_operator.controllers.readable import wait_until_readable

ABSENT = ApiNotFound(404, "NotFound", "the server could not find the requested resource")
DOWN = ApiUnavailable(503, "", "down")


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Polls without waiting: what is awaited comes from the test itself."""
    monkeypatch.setattr(readable, "POLL_SECONDS", 0)


def readable_of(cluster: Cluster, *names: str) -> list[str]:
    return asyncio.run(wait_until_readable(cluster, names))  # type: ignore[arg-type]


def test_the_watches_wait_for_kinds_that_are_not_served_yet(
    caplog: pytest.LogCaptureFixture,
) -> None:
    cluster = Cluster()
    cluster.failures["may list", "ModelProfile"] = [ABSENT, ABSENT]

    assert readable_of(cluster) == []

    assert cluster.requests.count("may list ModelProfile") == 3
    assert {line.split()[2] for line in cluster.requests} == {kind.kind for kind in WATCHED}
    assert [" ".join(message.split()[:6]) for message in caplog.messages] == [
        "A kind cannot be listed yet;",
        "A kind cannot be listed yet;",
    ]


def test_a_namespace_without_rights_holds_nothing_up() -> None:
    cluster = Cluster(denied={"lab"})

    assert readable_of(cluster, "shop", "lab") == ["shop"]

    asked = cluster.requests
    assert [line for line in asked if "lab" in line] == [f"may list {NAMESPACED[0].kind}/lab"]
    for kind in CLUSTER_SCOPED:
        assert f"may list {kind.kind}" in asked, "as a whole"


def test_with_no_rights_in_any_it_waits(caplog: pytest.LogCaptureFixture) -> None:
    cluster = Cluster(denied={"lab", "shop"})

    async def scenario() -> list[str]:
        waiting = asyncio.ensure_future(
            wait_until_readable(cluster, ("shop", "lab"))  # type: ignore[arg-type]
        )
        await settle()
        assert not waiting.done()
        cluster.denied.remove("lab")
        return await waiting

    assert asyncio.run(scenario()) == ["lab"]
    assert "Role" in caplog.messages[0]


@pytest.mark.parametrize("error", [ABSENT, DOWN])
def test_a_namespace_of_which_nothing_is_known_yet_is_waited_for(error: ApiError) -> None:
    """Neither a kind that is not served nor a server that is down says anything about rights."""
    cluster = Cluster()
    cluster.failures["may list", "InferenceService"] = [error]

    assert readable_of(cluster, "shop", "lab") == ["shop", "lab"]
    asked = cluster.requests.count(f"may list {NAMESPACED[-1].kind}/shop")
    assert asked == 1, "what was answered is not asked again"
