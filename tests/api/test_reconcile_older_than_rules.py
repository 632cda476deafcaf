"""Objects that are older than a rule of the definition: named, never tried in a loop, healed."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest

from e2e.harness.waiting import wait_until
from tests.api import model_facts
from tests.api.client import Api, Object, RefusedError
from tests.api.definitions import is_served
from tests.api.shop import Shop
from triton_operator.api.group import GROUP
from triton_operator.manifests.model_profile import profile_of_facts

RULES = {
    "modelprofiles": ("facts", "opset"),
    "inferenceservices": ("batching", "maxBatchSize"),
    "servingpools": ("startSeconds",),
}
"""Which field's `minimum` the earlier definition did not have."""
PROFILE = model_facts.digest(2).replace(":", "-")


def reference(plural: str) -> Object:
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{GROUP}"},
    }


def without_minimum(definition: Object, path: tuple[str, ...]) -> Object:
    """A definition as it was before the field had a lower bound."""
    earlier = deepcopy(definition)
    (version,) = earlier["spec"]["versions"]
    field = version["schema"]["openAPIV3Schema"]["properties"]["spec"]
    for part in path:
        field = field["properties"][part]
    del field["minimum"]
    return earlier


def replace(api: Api, definition: Object) -> None:
    live = api.get(definition)
    api.replace({**live, "spec": definition["spec"]})
    wait_until(
        "waiting for a definition to be served again",
        lambda: is_served(api, live),
        timeout_seconds=60,
    )


class Past:
    """Writes objects as if they were older than today's definitions."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.definitions = {plural: api.get(reference(plural)) for plural in RULES}

    def create(self, plural: str, body: Object) -> None:
        """Create an object under the earlier definition, and put the one of today back."""
        replace(self.api, without_minimum(self.definitions[plural], RULES[plural]))
        wait_until(
            "waiting for the earlier rules",
            lambda: self._is_created(body),
            timeout_seconds=60,
        )
        self.restore(plural)

    def restore(self, plural: str) -> None:
        """Today's definition."""
        replace(self.api, self.definitions[plural])

    def _is_created(self, body: Object) -> bool:
        try:
            self.api.create(body)
        except RefusedError as refusal:
            if refusal.code != 422:  # the rules of today still hold for a moment
                raise
            return False
        return True


@pytest.fixture
def past(stage_api: Api) -> Iterator[Past]:
    past = Past(stage_api)
    yield past
    for plural in RULES:
        past.restore(plural)


def message(status: Object, kind: str) -> str:
    (found,) = [row["message"] for row in status["conditions"] if row["type"] == kind]
    return str(found)


def test_a_profile_older_than_a_rule_is_named_and_heals(shop: Shop, past: Past) -> None:
    facts: dict[str, Any] = model_facts.facts(2).wire()
    body = profile_of_facts(shop.namespace, model_facts.digest(2), model_facts.facts(2))
    body["spec"]["facts"] = {**facts, "opset": 0}
    past.create("modelprofiles", body)

    shop.add_service("a", 2)
    shop.until_condition("a", "ModelReady", "False", "InvalidProfile")
    shop.until("the end of the work", shop.operator.is_quiet)

    told = message(shop.status("a"), "ModelReady")
    assert told.startswith(f"ModelProfile {PROFILE}: spec.facts.opset: ")
    assert shop.children("a") == {}, "nothing is inspected whose facts could not be kept"
    shop.add_running("other")
    shop.serve("other")

    shop.merge("ModelProfile", PROFILE, {"spec": {"facts": {"opset": 17}}})
    shop.until_settled("a")
    assert shop.condition("a", "ModelReady") == ("True", "Inspected")


def test_a_service_older_than_a_rule_is_named_and_heals(shop: Shop, past: Past) -> None:
    shop.add_profile(1)
    model = {"uri": model_facts.URI, "digest": model_facts.digest(1)}
    spec = {"model": model, "batching": {"maxBatchSize": 0}}
    past.create("inferenceservices", {**shop.reference("InferenceService", "a"), "spec": spec})

    shop.until_condition("a", "Ready", "False", "InvalidSpec")
    shop.until("the end of the work", shop.operator.is_quiet)

    assert message(shop.status("a"), "Ready").startswith("spec.batching.maxBatchSize: ")
    assert shop.children("a") == {}
    shop.change("a", batching={"maxBatchSize": 2})
    shop.until_settled("a")


def test_a_pool_older_than_a_rule_is_named_and_takes_no_other_away(shop: Shop, past: Past) -> None:
    shop.create("ServingPool", "good", spec={})
    body = {**shop.reference("ServingPool", "bad"), "spec": {"startSeconds": -1}}
    past.create("servingpools", body)

    def told() -> str:
        status = shop.get("ServingPool", "bad").get("status", {})
        return message(status, "Ready") if status else ""

    shop.until("a word on the field", lambda: told().startswith("spec.startSeconds: "))
    shop.add_running("a")

    assert shop.status("a")["poolNames"] == "good"
