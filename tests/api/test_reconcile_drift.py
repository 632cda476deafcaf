"""What somebody deletes comes back, by the watch event alone: this operator never sweeps."""

import pytest

from tests.api.audit import Audit
from tests.api.shop import Shop

RECREATED = ("Deployment", "Service", "ConfigMap", "PodDisruptionBudget")


@pytest.mark.parametrize("kind", RECREATED)
def test_a_deleted_child_comes_back(shop: Shop, audit: Audit, kind: str) -> None:
    """As it was, and it alone: the others are not even written."""
    shop.add_running("a", scaling={"minReplicas": 2})
    before = shop.children("a")
    doomed = [place for place in before if place[0] == kind]
    mark = audit.mark()

    for _, name in doomed:
        shop.delete(kind, name)

    shop.until(
        f"new {kind}s",
        lambda: (
            (now := shop.children("a")).keys() == before.keys()
            and all(uid(now[place]) != uid(before[place]) for place in doomed)
            and shop.is_settled("a")
        ),
    )
    now = shop.children("a")
    for place in doomed:
        assert wish(now[place]) == wish(before[place])
    written = {write.resource for write in audit.writes(shop.namespace, since=mark)}
    # A look that falls between the deletion and the return tells that too, as it should.
    told = {"inferenceservices/status", "events"}
    assert written <= {f"{kind.lower()}s", "deployments/scale", *told}


def test_a_deleted_inspection_is_started_again(shop: Shop) -> None:
    """Somebody who tidies Jobs away must not leave a service that waits for ever."""
    shop.add_service("a")
    job = shop.until_inspection("a")

    shop.api.request(
        "DELETE",
        f"/apis/batch/v1/namespaces/{shop.namespace}/jobs/{job['metadata']['name']}",
        {"propagationPolicy": "Background"},
    )

    shop.until(
        "a new Job", lambda: [uid(one) for one in shop.all("Job", "a")] not in ([], [uid(job)])
    )


def test_a_deployment_that_lost_its_labels_is_ours_again(shop: Shop) -> None:
    """Without the label the operator does not even see it; the sight of it going must do."""
    shop.add_running("a")
    before = shop.get("Deployment", "a-cpu")["metadata"]["labels"]

    shop.merge("Deployment", "a-cpu", {"metadata": {"labels": dict.fromkeys(before)}})

    shop.until(
        "its labels", lambda: shop.get("Deployment", "a-cpu")["metadata"].get("labels") == before
    )


def test_an_owner_that_was_taken_away_is_put_back(shop: Shop) -> None:
    """Else garbage collection would forget the child: no generation tells of it."""
    shop.add_running("a", scaling={"minReplicas": 2})
    for kind in ("Deployment", "PodDisruptionBudget"):
        before = shop.get(kind, "a-cpu")["metadata"]["ownerReferences"]

        shop.merge(kind, "a-cpu", {"metadata": {"ownerReferences": None}})

        shop.until(
            f"the owner of {kind}",
            lambda kind=kind, before=before: (  # type: ignore[misc]
                shop.get(kind, "a-cpu")["metadata"].get("ownerReferences") == before
            ),
        )


def uid(one: dict) -> str:  # type: ignore[type-arg]
    return str(one["metadata"]["uid"])


def wish(one: dict) -> object:  # type: ignore[type-arg]
    """What the operator wants of it, by the operator's own mark."""
    return one["metadata"]["annotations"]["serving.triton-operator.io/desired-hash"]
