"""All children together: their order, their owner, and what a change of the plan changes."""

from dataclasses import replace
from typing import Any, NamedTuple

import pytest

from tests.unit.manifests.building import FETCH, OWNER, plan
from tests.unit.planning.building import DIGEST, facts, spec
from triton_operator.api import labels
from triton_operator.manifests.children import desired_children
from triton_operator.manifests.companions import Companions, Monitors, Policies
from triton_operator.manifests.selectors import pool_selector, selector_text, service_selector


def children(digest: str = DIGEST, **parts: Any) -> list[dict[str, Any]]:
    return desired_children(OWNER, spec(**parts), digest, facts(), plan(**parts), FETCH)


def test_what_a_pod_needs_is_written_before_it() -> None:
    assert [(child["kind"], child["metadata"]["name"][:12]) for child in children()] == [
        ("ConfigMap", "filetype-cpu"),
        ("Deployment", "filetype-cpu"),
        ("PodDisruptionBudget", "filetype-cpu"),
        ("Service", "filetype"),
    ]


def on_two_pools(**parts: Any) -> list[dict[str, Any]]:
    """Children on the pools `cpu` and `spare`."""
    one = plan()
    (row,) = one.pools
    both = replace(one, pools=(row, replace(row, pool=replace(row.pool, name="spare"))))
    return desired_children(OWNER, spec(), DIGEST, facts(), both, FETCH, **parts)


def selectors(made: list[dict[str, Any]]) -> dict[str, dict[str, str]]:
    """The selectors of Services, by name."""
    return {
        child["metadata"]["name"]: child["spec"]["selector"]
        for child in made
        if child["kind"] == "Service"
    }


OPEN_PODS = {labels.TRAFFIC: labels.OPEN}


@pytest.mark.parametrize(("by_traffic", "also"), [(True, OPEN_PODS), (False, {})])
def test_a_pool_has_a_service_of_its_own_where_several_are_in_use(
    by_traffic: bool, also: dict[str, str]
) -> None:
    assert selectors(on_two_pools(by_traffic=by_traffic)) == {
        "filetype": {**service_selector("filetype"), **also},
        "filetype-cpu": {**pool_selector("filetype", "cpu"), **also},
        "filetype-spare": {**pool_selector("filetype", "spare"), **also},
    }


def test_a_pool_that_is_alone_is_chosen_by_traffic_too() -> None:
    found = selectors(on_two_pools(alone="spare"))

    assert found["filetype"] == {**pool_selector("filetype", "spare"), **OPEN_PODS}


def test_a_pod_begins_open_and_is_its_deployments_whatever_it_becomes() -> None:
    guarded = Companions(Policies(), Monitors({}))
    for child in on_two_pools(companions=guarded):
        if child["kind"] == "Deployment":
            pod = child["spec"]["template"]
            assert pod["metadata"]["labels"][labels.TRAFFIC] == labels.OPEN
            assert "traffic" not in str(child["spec"]["selector"])
            assert "traffic" not in str(pod["spec"]), "pods that are aside spread, too"
        elif child["kind"] != "Service":
            # Budgets, policies and monitors are about all pods.
            assert "traffic" not in str(child), child["kind"]


def test_nobodys_own_labels_keep_a_pod_out_of_traffic() -> None:
    wanted = {"podLabels": {labels.TRAFFIC: labels.ASIDE}}
    (deployment,) = (child for child in children(runtime=wanted) if child["kind"] == "Deployment")

    assert deployment["spec"]["template"]["metadata"]["labels"][labels.TRAFFIC] == labels.OPEN


def test_every_child_carries_the_labels_by_which_it_is_found() -> None:
    for child in children():
        carried = child["metadata"]["labels"]
        assert carried[labels.OWNER_UID] == OWNER.uid
        assert carried[labels.SERVICE] == OWNER.name
        assert carried[labels.MANAGED_BY] == labels.MANAGER
        assert child["metadata"]["namespace"] == OWNER.namespace


class Change(NamedTuple):
    name: str
    parts: dict[str, Any]
    rolls_out: bool
    new_config: bool
    why: str


@pytest.mark.parametrize(
    "row",
    [
        Change("batch", {"batching": {"maxBatchSize": 2}}, True, True, "in config.pbtxt"),
        Change(
            "threads",
            {"hardware": {"resources": {"cpu": 2}}},
            True,
            True,
            "in config.pbtxt and in the container",
        ),
        Change(
            "memory",
            {"hardware": {"resources": {"memory": "4Gi"}}},
            True,
            False,
            "in the container only",
        ),
        Change(
            "variable",
            {"runtime": {"env": [{"name": "A", "value": "1"}]}},
            True,
            False,
            "in the container only",
        ),
        Change("replicas", {"scaling": {"minReplicas": 3}}, False, False, "no pod changes"),
        Change(
            "objective",
            {"objective": {"latency": {"milliseconds": 500}}},
            True,
            True,
            "Triton reads the buckets of its histogram when it loads the model",
        ),
        Change(
            "what the objective is for",
            {"objective": {"minAttainmentPercent": 95, "prefer": "Latency"}},
            False,
            False,
            "the operator's own business",
        ),
    ],
    ids=lambda row: row.name,
)
def test_a_pod_is_replaced_exactly_when_something_in_it_changes(row: Change) -> None:
    def parts_of(objects: list[dict[str, Any]]) -> tuple[str, Any]:
        return objects[0]["metadata"]["name"], objects[1]["spec"]["template"]

    config, template = parts_of(children())
    new_config, new_template = parts_of(children(**row.parts))

    assert (new_template != template) is row.rolls_out, row.why
    assert (new_config != config) is row.new_config, row.why


def test_other_bytes_of_the_same_shape_replace_the_pods() -> None:
    template = children()[1]["spec"]["template"]

    assert children("sha256:" + "ef" * 32)[1]["spec"]["template"] != template


def test_selectors_of_a_pool_are_within_the_services() -> None:
    assert service_selector("s").items() < pool_selector("s", "p").items()
    assert selector_text({"b": "2", "a": "1"}) == "a=1,b=2"


class Budget(NamedTuple):
    name: str
    scaling: dict[str, Any]
    scaled_by_others: tuple[str, ...]
    wanted: bool


@pytest.mark.parametrize(
    "row",
    [
        Budget("one now", {}, (), True),
        Budget("none now", {"minReplicas": 0}, (), True),
        Budget("one at most", {"maxReplicas": 1}, (), False),
        Budget("two at most", {"maxReplicas": 2}, (), True),
        Budget("two", {"minReplicas": 2}, (), True),
        Budget("one, fixed", {"mode": "Fixed"}, (), False),
        Budget("two, fixed", {"mode": "Fixed", "minReplicas": 2}, (), True),
        Budget("external", {"mode": "External"}, (), True),
        Budget("autoscaler", {"maxReplicas": 1}, ("filetype-cpu",), True),
        Budget("another's autoscaler", {"maxReplicas": 1}, ("filetype-l4",), False),
    ],
    ids=lambda row: row.name,
)
def test_where_more_than_one_replica_may_run_is_a_budget(row: Budget) -> None:
    parts = {"scaling": row.scaling}
    made = desired_children(
        OWNER, spec(**parts), DIGEST, facts(), plan(**parts), FETCH, row.scaled_by_others
    )

    budgets = [child for child in made if child["kind"] == "PodDisruptionBudget"]

    assert [one["metadata"]["name"] for one in budgets] == ["filetype-cpu"] * row.wanted
    for one in budgets:
        assert one["spec"] == {
            "maxUnavailable": 1,
            "selector": {"matchLabels": pool_selector("filetype", "cpu")},
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
        }
