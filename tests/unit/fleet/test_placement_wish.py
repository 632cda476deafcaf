"""`spec.placement` as a placement takes it, and which clusters it selects."""

from typing import Any

import pytest

from triton_operator.api.enums import Failover
from triton_operator.api.inference_service import InferenceServiceSpec
from triton_operator.api.placement import Placement
from triton_operator.fleet.placement_settings import PlacementSettings
from triton_operator.fleet.placement_wish import settings_of
from triton_operator.fleet.selection import selects

MODEL = {"uri": "https://models.example/m.onnx"}


def spec(**more: Any) -> InferenceServiceSpec:
    return InferenceServiceSpec.model_validate(
        {"model": MODEL, "managedBy": "serving.triton-operator.io/fleet", **more}
    )


def test_defaults_are_those_of_the_core() -> None:
    assert settings_of(spec()) == PlacementSettings(percentile=0.99)
    assert settings_of(spec(placement={})) == PlacementSettings(percentile=0.99)


def test_everything_that_can_be_asked_for() -> None:
    found = settings_of(
        spec(
            objective={"latency": {"percentile": "P95", "milliseconds": 80}},
            placement={
                "residency": {"zones": ["eu"], "defaultLocalOnlyShare": "0.3"},
                "latencyBudgetMilliseconds": 120,
                "replicas": {"max": 30},
                "tiers": [{"name": "Cloud", "maxReplicas": 20}],
                "spillAt": "0.8",
                "returnWindowSeconds": 600,
                "weights": {"latency": 10, "cost": 20, "energy": 30},
                "failover": {
                    "edge": "Replace",
                    "onPrem": "Release",
                    "cloud": "Freeze",
                    "maxSurge": 3,
                },
            },
        )
    )

    assert found == PlacementSettings(
        zones=("eu",),
        local_only_share=0.3,
        budget_seconds=0.12,
        percentile=0.95,
        most=30,
        tier_most={"Cloud": 20},
        spill_at=0.8,
        window_seconds=600.0,
        latency_weight=10.0,
        cost_weight=20.0,
        energy_weight=30.0,
        edge=Failover.REPLACE,
        on_prem=Failover.RELEASE,
        cloud=Failover.FREEZE,
        max_surge=3,
    )


def test_the_objective_is_the_budget_where_none_is_named() -> None:
    found = settings_of(spec(objective={"latency": {"percentile": "P90", "milliseconds": 80}}))

    assert (found.budget_seconds, found.percentile) == (0.08, 0.9)


def expression(operator: str, *values: str) -> dict[str, Any]:
    return {"key": "region", "operator": operator} | ({"values": list(values)} if values else {})


@pytest.mark.parametrize(
    ("placement", "selected"),
    [
        pytest.param({}, "eu us bare", id="all"),
        pytest.param({"clusterNames": ["us", "gone"]}, "us", id="names"),
        pytest.param({"clusterSelector": {}}, "eu us bare", id="an empty selector"),
        pytest.param({"clusterSelector": {"matchLabels": {"region": "eu"}}}, "eu", id="labels"),
        pytest.param(
            {"clusterSelector": {"matchLabels": {"region": "eu"}}, "clusterNames": ["us"]},
            "",
            id="both",
        ),
        pytest.param(
            {"clusterSelector": {"matchExpressions": [expression("In", "eu", "us")]}},
            "eu us",
            id="In",
        ),
        pytest.param(
            {"clusterSelector": {"matchExpressions": [expression("NotIn", "eu")]}},
            "us bare",
            id="NotIn has those without the label",
        ),
        pytest.param(
            {"clusterSelector": {"matchExpressions": [expression("Exists")]}}, "eu us", id="Exists"
        ),
        pytest.param(
            {"clusterSelector": {"matchExpressions": [expression("DoesNotExist")]}},
            "bare",
            id="DoesNotExist",
        ),
    ],
)
def test_who_is_selected(placement: dict[str, Any], selected: str) -> None:
    clusters = {"eu": {"region": "eu"}, "us": {"region": "us"}, "bare": {}}
    asked = Placement.model_validate(placement)

    found = [name for name, labels in clusters.items() if selects(asked, name, labels)]

    assert found == selected.split()


@pytest.mark.parametrize("operator", ["In", "NotIn", "Exists", "DoesNotExist"])
def test_a_label_that_nobody_has_read_may_be_what_is_asked_for(operator: str) -> None:
    values = {"values": ["eu"]} if operator in ("In", "NotIn") else {}
    asked = {"key": "region", "operator": operator, **values}
    placement = Placement.model_validate({"clusterSelector": {"matchExpressions": [asked]}})
    exact = Placement.model_validate({"clusterSelector": {"matchLabels": {"region": "eu"}}})

    for one in (placement, exact):
        assert selects(one, "a", {}, {"region"})
        named = one.model_copy(update={"cluster_names": ["b"]})
        assert not selects(named, "a", {}, {"region"}), "its name is known"
    assert not selects(exact, "a", {"team": "x"}, {"team"})
