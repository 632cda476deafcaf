"""A service gets the platform's authorities before the first pod that needs them."""

from dataclasses import replace

from tests.unit.controllers.cluster import Cluster
from tests.unit.controllers.world import (
    DEPLOYMENT,
    FETCH,
    NOW,
    absorb,
    ago,
    first_sight,
    found,
    observed,
    written,
)
from triton_operator.controllers.inference_service import reconcile
from triton_operator.controllers.observed import Outcome

REMOTE = {"uri": "https://models.example.com/model.onnx"}


def look(cluster: Cluster, bundle: str | None) -> Outcome:
    seen = observed(cluster, now=NOW - 3600)
    return reconcile(replace(seen, fetch=replace(FETCH, ca_bundle=bundle)))


def step(cluster: Cluster, bundle: str | None) -> Outcome:
    outcome = look(cluster, bundle)
    absorb(cluster, outcome)
    return outcome


def serving(bundle: str | None) -> Cluster:
    cluster = first_sight(model=REMOTE)
    step(cluster, bundle)
    cluster.end_job(found(), at=ago(3600))
    for _ in range(2):
        step(cluster, bundle)
    cluster.roll_out(DEPLOYMENT)
    step(cluster, bundle)
    return cluster


def kinds(outcome: Outcome) -> list[str]:
    return [manifest["kind"] for manifest in outcome.apply]


def test_authorities_are_written_before_the_job_that_needs_them() -> None:
    assert kinds(look(first_sight(model=REMOTE), "PEM")) == ["ConfigMap", "Job"]


def test_a_service_with_its_model_in_a_claim_gets_none() -> None:
    assert kinds(look(first_sight(), "PEM")) == ["Job"]


def test_new_authorities_replace_a_config_map_and_no_pod() -> None:
    cluster = serving("old")

    (changed,) = written(cluster, look(cluster, "new"))

    assert (changed["kind"], changed["metadata"]["name"]) == ("ConfigMap", "filetype-ca")
    assert changed["data"] == {"ca.crt": "new"}


def test_authorities_go_when_no_pod_mounts_them_any_more() -> None:
    cluster = serving("old")

    rolling = step(cluster, None)
    assert [child.name for child in rolling.delete] == []
    cluster.roll_out(DEPLOYMENT)

    assert "filetype-ca" in [child.name for child in step(cluster, None).delete]
