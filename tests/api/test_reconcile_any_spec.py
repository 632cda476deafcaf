"""Whatever a valid spec leads to, a real API server accepts: children, inspections and status."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from tests.api import model_facts as known
from tests.api.client import Api, Object, path_of
from tests.api.operator_process import CPU_IMAGE, GPU_IMAGE, OWN_IMAGE
from tests.strategies import (
    inference_service_specs,
    model_facts,
    pool_names,
    service_names,
    serving_pool_specs,
)
from triton_operator.api.group import API_VERSION, FIELD_MANAGER
from triton_operator.api.model_profile import ModelFacts
from triton_operator.api.serving_pool import ServingPoolSpec
from triton_operator.controllers.inference_service import reconcile
from triton_operator.controllers.observed import Observed, Outcome
from triton_operator.controllers.views import ServiceView
from triton_operator.manifests.fetching import FetchSettings
from triton_operator.planning.pools import Pool, PoolDefaults, known_pools
from triton_operator.triton.releases import NEWEST

DEFAULTS = PoolDefaults(CPU_IMAGE, str(NEWEST), GPU_IMAGE, str(NEWEST))
DIGEST = known.digest(1)
NOW = 1.8e9
# Each example is some five requests.
bounded = settings(max_examples=30)


@pytest.fixture(scope="module")
def owner(api: Api) -> Object:
    """An InferenceService whose status can be written and whose uid owns children."""
    document = {
        "apiVersion": API_VERSION,
        "kind": "InferenceService",
        "metadata": {"name": "owner", "namespace": "default"},
        "spec": {"model": {"uri": known.URI}},
    }
    return api.create(document)


@st.composite
def sights(draw: st.DrawFn) -> Observed:
    """What the operator may see of a service whose model is known; its uid is set later."""
    spec = draw(inference_service_specs())
    source = draw(st.sampled_from([known.URI, "pvc://models/a/model.onnx"]))
    spec["model"] |= {"uri": source, "format": "ONNX", "digest": DIGEST}
    named = spec.get("hardware", {}).get("pools") or draw(st.lists(pool_names(), max_size=2))
    declared = {
        name: ServingPoolSpec.model_validate(draw(serving_pool_specs())) for name in named
    }
    name = draw(service_names())
    return sight(name, spec, {DIGEST: draw(model_facts())}, known_pools(declared, [], DEFAULTS))


def sight(
    name: str, spec: dict[str, Any], profiles: dict[str, ModelFacts], pools: tuple[Pool, ...]
) -> Observed:
    return Observed(
        service=ServiceView("InferenceService", "default", name, "", "1", 1, spec=spec),
        children=(),
        profiles=profiles,
        pools=pools,
        autoscalers={},
        fetch=FetchSettings(OWN_IMAGE),
        now=NOW,
    )


def outcome_for(owner: Object, seen: Observed) -> Outcome:
    return reconcile(replace(seen, service=replace(seen.service, uid=owner["metadata"]["uid"])))


def assert_accepted(api: Api, owner: Object, outcome: Outcome) -> None:
    """Every object and the status pass as the operator would send them, unknown fields refused."""
    status: Object = {key: owner[key] for key in ("apiVersion", "kind")}
    status["metadata"] = {key: owner["metadata"][key] for key in ("name", "namespace", "uid")}
    status["status"] = outcome.status
    requests = [(manifest, "") for manifest in outcome.apply] + [(status, "/status")]
    for document, subresource in requests:
        api.request(
            "PATCH",
            path_of(document) + subresource,
            document,
            content_type="application/apply-patch+yaml",
            fieldManager=FIELD_MANAGER,
            force="true",
            dryRun="All",
            fieldValidation="Strict",
        )


@bounded
@given(seen=sights())
def test_children_and_status(api: Api, owner: Object, seen: Observed) -> None:
    outcome = outcome_for(owner, seen)

    assert outcome.status is not None
    planned = next(c for c in outcome.status["conditions"] if c["type"] == "Planned")
    event(planned["reason"])
    paused = seen.service.spec.get("paused", False)
    children = {manifest["kind"] for manifest in outcome.apply}
    wanted = {"ConfigMap", "Deployment", "Service"} if planned["status"] == "True" else set()
    assert children == (set() if paused else wanted)
    assert_accepted(api, owner, outcome)


@bounded
@given(name=service_names(), spec=inference_service_specs())
def test_inspections(api: Api, owner: Object, name: str, spec: dict[str, Any]) -> None:
    outcome = outcome_for(owner, sight(name, spec, {}, known_pools({}, [], DEFAULTS)))

    assert_accepted(api, owner, outcome)
