"""The definitions get ahead of the operator, or it of them: what serves is not touched by that."""

from collections.abc import Iterator
from copy import deepcopy

import pytest

from e2e.harness.waiting import wait_until
from tests.api.client import Api, Object
from tests.api.definitions import is_served
from tests.api.shop import Shop
from triton_operator.api.group import GROUP

REFERENCE = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": f"inferenceservices.{GROUP}"},
}


def schema(definition: Object, part: str) -> Object:
    """The fields of the spec or status."""
    (version,) = definition["spec"]["versions"]
    fields: Object = version["schema"]["openAPIV3Schema"]["properties"][part]["properties"]
    return fields


@pytest.fixture
def newer(stage_api: Api) -> Iterator[Object]:
    """A definition of a later version, for one test: one more field, with a default."""
    before = stage_api.get(REFERENCE)
    after = deepcopy(before)
    schema(after, "spec")["future"] = {"type": "string", "maxLength": 10, "default": "soon"}
    schema(after, "status")["future"] = {"type": "string", "maxLength": 10}
    yield after
    live = stage_api.get(REFERENCE)
    stage_api.replace({**live, "spec": before["spec"]})
    wait_until(
        "waiting for the definition to be served again",
        lambda: is_served(stage_api, before),
        timeout_seconds=60,
    )


def test_a_newer_definition_restarts_nothing(shop: Shop, stage_api: Api, newer: Object) -> None:
    """Fields that this operator does not know are neither an error nor lost, and change no pod."""
    shop.add_running("a")
    shop.serve("a")
    before = shop.children("a")

    stage_api.replace(newer)
    wait_until(
        "waiting for the new field to be served",
        lambda: shop.get("InferenceService", "a")["spec"].get("future") == "soon",
        timeout_seconds=60,
    )
    shop.merge("InferenceService", "a", {"status": {"future": "here"}}, "status")
    shop.change("a", future="now", paused=True)
    shop.until_condition("a", "Progressing", "False", "Paused")
    shop.change("a", future="then", paused=False)
    shop.until_condition("a", "Ready", "True", "Serving")

    service = shop.get("InferenceService", "a")
    assert (service["spec"]["future"], service["status"]["future"]) == ("then", "here")
    after = shop.children("a")
    assert {place: one["metadata"].get("generation") for place, one in after.items()} == {
        place: one["metadata"].get("generation") for place, one in before.items()
    }
    template = after["Deployment", "a-cpu"]["spec"]["template"]
    assert template == before["Deployment", "a-cpu"]["spec"]["template"]


def test_what_an_older_definition_does_not_know_is_dropped(
    shop: Shop, stage_api: Api, newer: Object
) -> None:
    """After a way back; the service is as if it had never had the field."""
    older = stage_api.get(REFERENCE)
    shop.add_running("a")
    shop.serve("a")
    stage_api.replace(newer)
    shop.until(
        "the new field",
        lambda: shop.get("InferenceService", "a")["spec"].get("future") == "soon",
    )
    shop.change("a", future="now")
    before = shop.children("a")

    live = stage_api.get(REFERENCE)
    stage_api.replace({**live, "spec": older["spec"]})
    shop.until("the field to go", lambda: "future" not in shop.get("InferenceService", "a")["spec"])
    shop.change("a", paused=True)
    shop.until_condition("a", "Progressing", "False", "Paused")
    shop.change("a", paused=False)
    shop.until_condition("a", "Ready", "True", "Serving")

    template = shop.children("a")["Deployment", "a-cpu"]["spec"]["template"]
    assert template == before["Deployment", "a-cpu"]["spec"]["template"]
