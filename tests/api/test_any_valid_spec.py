"""Whatever the models allow, a real API server accepts, and the models read it back the same."""

from typing import Any

from hypothesis import given, settings

from tests.api.client import Api, Object
from tests.strategies import (
    cluster_names,
    inference_cluster_specs,
    inference_service_specs,
    inference_work_specs,
    model_profile_specs,
    pool_names,
    service_names,
    serving_pool_specs,
)
from triton_operator.api.crd.kinds import (
    INFERENCE_CLUSTER,
    INFERENCE_SERVICE,
    INFERENCE_WORK,
    MODEL_PROFILE,
    SERVING_POOL,
    Kind,
)
from triton_operator.api.group import API_VERSION

# Each example is a request.
bounded = settings(max_examples=60)


def assert_accepted(api: Api, kind: Kind, name: str, spec: dict[str, Any]) -> None:
    """The server takes the spec, and what it returns means the same."""
    document: Object = {
        "apiVersion": API_VERSION,
        "kind": kind.name,
        "metadata": {"name": name},
        "spec": spec,
    }

    returned = api.create(document, dry_run=True)["spec"]

    assert kind.spec.model_validate(returned) == kind.spec.model_validate(spec)


@bounded
@given(name=service_names(), spec=inference_service_specs())
def test_inference_service(api: Api, name: str, spec: dict[str, Any]) -> None:
    assert_accepted(api, INFERENCE_SERVICE, name, spec)


@bounded
@given(name=pool_names(), spec=serving_pool_specs())
def test_serving_pool(api: Api, name: str, spec: dict[str, Any]) -> None:
    assert_accepted(api, SERVING_POOL, name, spec)


@bounded
@given(spec=model_profile_specs())
def test_model_profile(api: Api, spec: dict[str, Any]) -> None:
    assert_accepted(api, MODEL_PROFILE, "any", spec)


@bounded
@given(name=cluster_names(), spec=inference_cluster_specs())
def test_inference_cluster(api: Api, name: str, spec: dict[str, Any]) -> None:
    assert_accepted(api, INFERENCE_CLUSTER, name, spec)


@bounded
@given(spec=inference_work_specs())
def test_inference_work(api: Api, spec: dict[str, Any]) -> None:
    assert_accepted(api, INFERENCE_WORK, "shop.any", spec)


@bounded
@given(spec=inference_service_specs())
def test_what_the_models_write_is_accepted(api: Api, spec: dict[str, Any]) -> None:
    written = INFERENCE_SERVICE.spec.model_validate(spec).wire()

    assert_accepted(api, INFERENCE_SERVICE, "any", written)
