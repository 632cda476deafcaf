"""Resync: ghosts go, what is newer than the listing stays, and nothing starts half-blind."""

import asyncio
from collections.abc import AsyncIterator, Iterable

import pytest

from tests.unit.controllers.clock import settle
from tests.unit.controllers.cluster import Body, Cluster, service_object
from tests.unit.controllers.world import serving
from tests.unit.planning.building import node_object
from triton_operator.api import labels
from triton_operator.controllers import resync
from triton_operator.controllers.api_server import Identity
from triton_operator.controllers.errors import ApiError, ApiRefused, ApiUnavailable
from triton_operator.controllers.keys import Key
from triton_operator.controllers.kinds import (
    BY_NAME,
    DEPLOYMENT,
    INFERENCE_SERVICE,
    NODE,
    Kind,
)
from triton_operator.controllers.resync import (
    Scopes,
    drop_ghosts,
    listing,
    wait_until_complete,
)
from triton_operator.controllers.store import Store

FILETYPE = Key("InferenceService", "shop", "filetype")


def seen(cluster: Cluster) -> Store:
    """A store that knows everything in the cluster."""
    store = Store()
    for (kind, _, _), body in cluster.objects.items():
        store.put(BY_NAME[kind], body)
    return store


def ghosts_of(cluster: Cluster, store: Store, scopes: Scopes = (None,)) -> tuple[int, set[Key]]:
    """How many ghosts were dropped, and whom that concerned."""
    concerned: set[Key] = set()

    async def scenario() -> int:
        return await drop_ghosts(
            cluster,  # type: ignore[arg-type]  # has the method that is used
            store,
            scopes,
            lambda keys: concerned.update(keys),
        )

    return asyncio.run(scenario()), concerned


def test_a_store_that_is_right_stays_as_it_is() -> None:
    cluster = serving()

    assert ghosts_of(cluster, seen(cluster)) == (0, set())


def test_what_vanished_unseen_goes_and_its_service_is_looked_at() -> None:
    cluster = serving()
    store = seen(cluster)
    cluster.remove("Deployment", "shop", "filetype-cpu")

    assert ghosts_of(cluster, store) == (1, {FILETYPE})
    assert store.get("Deployment", "shop", "filetype-cpu") is None


def test_a_service_that_vanished_unseen_goes() -> None:
    cluster = serving()
    store = seen(cluster)
    cluster.remove("InferenceService", "shop", "filetype")

    assert ghosts_of(cluster, store) == (1, {FILETYPE})
    assert store.service("shop", "filetype") is None


def test_a_node_that_vanished_unseen_goes() -> None:
    cluster = Cluster()
    cluster.put(node_object("a"))
    store = seen(cluster)
    cluster.remove("Node", "", "a")

    assert ghosts_of(cluster, store)[0] == 1
    assert store.nodes() == []


def test_a_successor_that_no_watch_has_shown_yet_makes_a_ghost_of_its_predecessor() -> None:
    cluster = serving()
    store = seen(cluster)
    body = cluster.remove("Deployment", "shop", "filetype-cpu")
    del body["metadata"]["uid"]
    cluster.put(body)

    assert ghosts_of(cluster, store) == (1, {FILETYPE})


class SlowCluster(Cluster):
    """A cluster in which something happens while it is being listed."""

    def __init__(self, happens: "object") -> None:
        super().__init__()
        self.happens = happens

    async def identities(
        self, kind: Kind, namespace: str | None, label_selector: str
    ) -> AsyncIterator[Identity]:
        async for identity in super().identities(kind, namespace, label_selector):
            yield identity
        if kind == INFERENCE_SERVICE and callable(self.happens):
            self.happens(self)


def test_what_is_newer_than_the_listing_stays() -> None:
    """It had not been there when the API server answered; a watch has shown it meanwhile."""
    store = Store()

    def created(cluster: Cluster) -> None:
        store.put(INFERENCE_SERVICE, cluster.put(service_object("newer")))

    assert ghosts_of(SlowCluster(created), store) == (0, set())
    assert store.service("shop", "newer") is not None


def test_what_was_recreated_during_the_listing_stays() -> None:
    cluster = SlowCluster(None)
    cluster.put(service_object())
    store = seen(cluster)
    cluster.remove("InferenceService", "shop", "filetype")

    def recreated(cluster: Cluster) -> None:
        store.put(INFERENCE_SERVICE, cluster.put(service_object()))

    cluster.happens = recreated
    ghosts_of(cluster, store)

    assert store.service("shop", "filetype") is not None


def test_only_objects_with_the_operators_label_are_listed_of_common_kinds() -> None:
    cluster = serving()
    theirs: Body = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "theirs", "namespace": "shop"},
        "spec": {},
    }
    cluster.put(theirs)

    async def scenario() -> list[str]:
        found = await listing(cluster, DEPLOYMENT, (None,))  # type: ignore[arg-type]
        return [name for _, name in found]

    assert asyncio.run(scenario()) == ["filetype-cpu"]


def test_only_the_watched_namespaces_are_listed_and_nodes_as_a_whole() -> None:
    cluster = Cluster()
    cluster.put(node_object("a"))
    for namespace in ("shop", "lab", "home"):
        body = service_object()
        body["metadata"]["namespace"] = namespace
        cluster.put(body)

    async def scenario() -> tuple[set[str], int]:
        services = await listing(
            cluster,  # type: ignore[arg-type]
            INFERENCE_SERVICE,
            ("shop", "lab"),
        )
        nodes = await listing(cluster, NODE, ("shop", "lab"))  # type: ignore[arg-type]
        return {namespace for namespace, _ in services}, len(nodes)

    assert asyncio.run(scenario()) == ({"shop", "lab"}, 1)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Polls without waiting: what is awaited comes from the test itself."""
    monkeypatch.setattr(resync, "SYNC_POLL_SECONDS", 0)


def waits_for(
    cluster: Cluster, store: Store, moves: Iterable[tuple[Kind, Body]], *, gone: bool = False
) -> list[bool]:
    """Whether it is still waiting before each move, and after the last."""

    async def scenario() -> list[bool]:
        waiting = asyncio.ensure_future(
            wait_until_complete(cluster, store, (None,))  # type: ignore[arg-type]
        )
        answers = []
        for kind, body in moves:
            await settle()
            answers.append(not waiting.done())
            if gone:
                cluster.remove(kind.kind, body["metadata"].get("namespace", ""), "late")
            else:
                store.put(kind, body)
        for _ in range(10):
            await settle()
        answers.append(not waiting.done())
        waiting.cancel()
        return answers

    return asyncio.run(scenario())


@pytest.mark.usefixtures("impatient")
def test_workers_wait_until_everything_listed_has_been_seen() -> None:
    cluster = serving()
    bodies = [(BY_NAME[kind], body) for (kind, _, _), body in cluster.objects.items()]

    *before, after = waits_for(cluster, Store(), bodies)

    assert all(before), "with anything missing, it would be taken for absent"
    assert not after


@pytest.mark.usefixtures("impatient")
def test_an_empty_cluster_is_complete_at_once() -> None:
    assert waits_for(Cluster(), Store(), []) == [False]


@pytest.mark.usefixtures("impatient")
def test_a_predecessor_in_the_store_is_not_the_object_that_is_listed() -> None:
    cluster = Cluster()
    cluster.put(service_object())
    store = seen(cluster)
    cluster.remove("InferenceService", "shop", "filetype")
    new = cluster.put(service_object())

    assert waits_for(cluster, store, [(INFERENCE_SERVICE, new)]) == [True, False]


@pytest.mark.usefixtures("impatient")
def test_what_is_deleted_while_this_waits_is_not_waited_for() -> None:
    cluster = Cluster()
    body = cluster.put(service_object("late"))

    assert waits_for(cluster, Store(), [(INFERENCE_SERVICE, body)], gone=True) == [True, False]


def test_in_a_namespace_that_may_not_be_listed_nothing_is_a_ghost() -> None:
    """403 does not say that anything is gone; in the other namespace a ghost goes."""
    cluster = Cluster()
    for namespace in ("lab", "shop"):
        body = service_object()
        body["metadata"]["namespace"] = namespace
        cluster.put(body)
    store = seen(cluster)
    for namespace in ("lab", "shop"):
        cluster.remove("InferenceService", namespace, "filetype")
    cluster.failures["list", "InferenceService"] = [ApiRefused(403, "Forbidden", "lab")]

    assert ghosts_of(cluster, store, ("lab", "shop")) == (1, {FILETYPE})
    assert store.service("lab", "filetype") is not None


@pytest.mark.parametrize(
    ("scopes", "error"),
    [
        ((None,), ApiRefused(403, "Forbidden", "the cluster cannot be listed: told as a failure")),
        (("shop",), ApiRefused(401, "Unauthorized", "says nothing about a namespace")),
        (("shop",), ApiUnavailable(503, "", "down")),
    ],
)
def test_what_else_goes_wrong_is_told(scopes: Scopes, error: ApiError) -> None:
    cluster = serving()
    cluster.failures["list", "InferenceService"] = [error]

    with pytest.raises(type(error)):
        ghosts_of(cluster, seen(cluster), scopes)


def test_other_namespaces_than_those_listed_have_no_ghosts() -> None:
    cluster = serving()
    store = seen(cluster)
    cluster.remove("InferenceService", "shop", "filetype")

    assert ghosts_of(cluster, store, ("lab",)) == (0, set())
    assert ghosts_of(cluster, store, ()) == (0, set()), "all are lost: nothing is listed"


def test_the_label_by_which_children_are_listed_is_the_one_they_carry() -> None:
    cluster = serving()

    for kind in ("Deployment", "Service", "ConfigMap"):
        for body in cluster.of_kind(kind):
            carried = body["metadata"]["labels"]
            assert f"{labels.MANAGED_BY}={carried[labels.MANAGED_BY]}" == resync.OWNED_SELECTOR
