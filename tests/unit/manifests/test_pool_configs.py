"""The config of each model of a plan, as Triton reads it."""

from dataclasses import replace
from typing import Any

from tests.unit.manifests.building import OWNER
from tests.unit.planning.building import facts, pool, spec
from tests.unit.planning.repositories import CLASSIFIER, PIPELINE, PREPARE, repository_facts
from triton_operator.api.model_profile import ModelFacts
from triton_operator.manifests.pool_configs import pool_configs
from triton_operator.planning.plan import Plan, plan_service
from triton_operator.triton.model_config import parse_config

OBJECTIVE = {"objective": {"latency": {"milliseconds": 250}}}


def configs(release: str, model: ModelFacts, **parts: Any) -> dict[str, Any]:
    """Messages by file name."""
    plan = plan_service(spec(**parts), model, [replace(pool("cpu"), release=release)])
    assert isinstance(plan, Plan), plan
    texts = pool_configs(OWNER, model, plan.pools[0])
    return {name: parse_config(text) for name, text in texts.items()}


def buckets(config: Any) -> list[float]:
    return [
        edge
        for control in config.model_metrics.metric_control
        for edge in control.histogram_options.buckets
    ]


def test_the_histogram_follows_the_objective() -> None:
    (config,) = configs("26.01", facts(), **OBJECTIVE).values()
    assert buckets(config) == [62, 125, 187, 249, 375, 500, 1000]

    (config,) = configs("26.01", facts()).values()
    assert 999 in buckets(config), "the default objective"


def test_a_release_without_the_histogram_gets_no_field_that_it_may_not_know() -> None:
    """Triton ends at an unknown field."""
    for model in (facts(), repository_facts()):
        for config in configs("25.12", model, **OBJECTIVE).values():
            assert not config.HasField("model_metrics")


def test_in_a_repository_the_model_that_clients_call_has_the_histogram() -> None:
    found = configs("26.09", repository_facts(PIPELINE, CLASSIFIER, PREPARE), **OBJECTIVE)

    assert {name: 249 in buckets(config) for name, config in found.items()} == {
        "classifier.pbtxt": False,
        "pipeline.pbtxt": True,
        "prepare.pbtxt": False,
    }
