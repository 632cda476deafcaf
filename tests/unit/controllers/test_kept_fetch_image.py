"""An upgrade of the operator changes the image of its fetch containers, and nothing that runs."""

from dataclasses import replace
from typing import Any

from tests.unit.controllers.cluster import Cluster
from tests.unit.controllers.world import FETCH, edit, observed, serving, written
from triton_operator.controllers.inference_service import reconcile
from triton_operator.controllers.observed import Outcome
from triton_operator.manifests.fetching import FetchSettings

NEWER = FetchSettings(image="registry.example/triton-operator:2.0.0")


def _reconcile(cluster: Cluster, fetch: FetchSettings) -> Outcome:
    return reconcile(replace(observed(cluster), fetch=fetch))


def _fetch_image(manifest: dict[str, Any]) -> str:
    return str(manifest["spec"]["template"]["spec"]["initContainers"][0]["image"])


def _deployment(outcome: Outcome) -> dict[str, Any]:
    return next(manifest for manifest in outcome.apply if manifest["kind"] == "Deployment")


def test_an_upgrade_alone_writes_nothing() -> None:
    cluster = serving()
    outcome = _reconcile(cluster, NEWER)
    assert written(cluster, outcome) == []
    assert _fetch_image(_deployment(outcome)) == FETCH.image
    assert outcome.events == ()


def test_the_next_change_brings_the_new_image() -> None:
    cluster = serving()
    edit(batching={"maxBatchSize": 2})(cluster)
    assert _fetch_image(_deployment(_reconcile(cluster, NEWER))) == NEWER.image


def test_an_upgrade_that_shapes_pods_differently_brings_it_too() -> None:
    cluster = serving()
    other_bounds = replace(NEWER, timeout_seconds=60)
    assert _fetch_image(_deployment(_reconcile(cluster, other_bounds))) == NEWER.image


def test_an_image_that_somebody_set_by_hand_is_not_kept() -> None:
    cluster = serving()
    for body in cluster.of_kind("Deployment"):
        body["spec"]["template"]["spec"]["initContainers"][0]["image"] = "mine:1"
    assert _fetch_image(_deployment(_reconcile(cluster, NEWER))) == NEWER.image


def test_a_new_service_gets_the_new_image() -> None:
    cluster = serving()
    for body in cluster.of_kind("Deployment"):
        cluster.objects.pop(("Deployment", "shop", body["metadata"]["name"]))
    assert _fetch_image(_deployment(_reconcile(cluster, NEWER))) == NEWER.image
