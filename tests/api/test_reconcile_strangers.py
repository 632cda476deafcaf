"""An object with a child's name that is not ours is left alone, and the user is told."""

from typing import Any

import pytest

from tests.api import model_facts
from tests.api.client import Object
from tests.api.shop import Shop
from triton_operator.api import labels
from triton_operator.api.inference_service import InferenceServiceSpec
from triton_operator.manifests import names
from triton_operator.manifests.inspection_job import source_hash

LABEL = {"app": "theirs"}
POD = {"metadata": {"labels": LABEL}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
STRANGERS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "a Deployment": (
        "Deployment",
        "a-cpu",
        {"spec": {"replicas": 0, "selector": {"matchLabels": LABEL}, "template": POD}},
    ),
    "a Service with a selector": (
        "Service",
        "a",
        {"spec": {"selector": LABEL, "ports": [{"port": 80}]}},
    ),
    "a Service without selector": (
        "Service",
        "a",
        {"spec": {"ports": [{"name": "database", "port": 5432}]}},
    ),
    "a Service of another name in DNS": (
        "Service",
        "a",
        {"spec": {"type": "ExternalName", "externalName": "database.example.com"}},
    ),
}


def version(one: Object) -> str:
    return str(one["metadata"]["resourceVersion"])


def wish(one: Object) -> Object:
    """All of an object but what its own controller writes into it."""
    metadata = {
        key: one["metadata"].get(key)
        for key in ("uid", "generation", "labels", "ownerReferences", "finalizers")
    }
    return {**one, "metadata": metadata, "status": None}


@pytest.mark.parametrize("what", STRANGERS)
def test_a_stranger_is_left_alone(shop: Shop, what: str) -> None:
    """It stays as it is, the user learns its name, and when it goes, we go on."""
    kind, name, fields = STRANGERS[what]
    shop.add_profile(1)
    stranger = shop.create(kind, name, **fields)

    shop.add_service("a", 1)

    shop.until_condition("a", "Available", "False", "NotOwned")
    assert wish(shop.get(kind, name)) == wish(stranger)
    (available,) = (c for c in shop.status("a")["conditions"] if c["type"] == "Available")
    assert f"{kind} {name}" in available["message"]
    shop.delete(kind, name)
    shop.until_settled("a")
    assert shop.condition("a", "Available")[1] != "NotOwned"


def test_a_stranger_s_config_map_is_left_alone(shop: Shop) -> None:
    """Its name has a hash in it, so it is found out from a first service of the same name."""
    shop.add_running("a")
    (name,) = shop.names("ConfigMap", "a")
    shop.delete("InferenceService", "a")
    shop.until("all of it to go", lambda: not shop.children("a"))
    stranger = shop.create("ConfigMap", name, data={"theirs": "yes"})

    shop.add_service("a", 1)

    shop.until_condition("a", "Available", "False", "NotOwned")
    assert version(shop.get("ConfigMap", name)) == version(stranger)
    shop.delete("ConfigMap", name)
    shop.until_settled("a")


def test_a_stranger_s_job_is_left_alone(shop: Shop) -> None:
    """Its name has a hash of the model's address in it."""
    spec = InferenceServiceSpec.model_validate({"model": {"uri": model_facts.URI}})
    name = names.inspection_job("a", source_hash(spec.model, spec.runtime, allow_code=False))
    pod = {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]}
    stranger = shop.create("Job", name, spec={"template": {"spec": pod}})

    shop.add_service("a")

    shop.until_condition("a", "Ready", "False", "NotOwned")
    assert wish(shop.get("Job", name))["spec"] == wish(stranger)["spec"]
    assert labels.SERVICE not in shop.get("Job", name)["metadata"]["labels"]
    shop.delete("Job", name)
    shop.until_inspection("a")


def test_our_label_alone_makes_no_child(shop: Shop) -> None:
    """Somebody copied a manifest with our labels into this namespace: it is still not ours."""
    shop.add_profile(1)
    copied = shop.reference("ConfigMap", "copied")
    copied["metadata"]["labels"] = {
        labels.MANAGED_BY: labels.MANAGER,
        labels.SERVICE: "a",
        labels.OWNER_UID: "of-another-cluster",
    }
    copied = shop.api.create(copied)

    shop.add_service("a", 1)

    shop.until_settled("a")
    assert version(shop.get("ConfigMap", "copied")) == version(copied)


def test_two_services_whose_children_have_one_name(shop: Shop) -> None:
    """`a` on pool `b-cpu` and `a-b` on `cpu` both want a Deployment `a-b-cpu`: the first has it."""
    for pool in ("cpu", "b-cpu"):
        shop.create("ServingPool", pool, spec={})
    shop.add_running("a", hardware={"pools": ["b-cpu"]})
    before = {place: version(child) for place, child in shop.children("a").items()}

    shop.add_service("a-b", 1, hardware={"pools": ["cpu"]})

    shop.until_condition("a-b", "Available", "False", "NotOwned")
    assert {place: version(child) for place, child in shop.children("a").items()} == before
    shop.delete("InferenceService", "a")
    shop.until_settled("a-b")
    assert shop.get("Deployment", "a-b-cpu")["metadata"]["labels"][labels.SERVICE] == "a-b"


def test_a_service_that_is_made_anew_waits_for_its_predecessor_s_children(shop: Shop) -> None:
    """Same names, another uid: garbage collection still has to remove what the first one had."""
    shop.add_running("a")
    first = shop.get("InferenceService", "a")["metadata"]["uid"]

    shop.delete("InferenceService", "a")
    shop.add_service("a", 1)
    second = shop.get("InferenceService", "a")["metadata"]["uid"]

    shop.until(
        "children of the second alone",
        lambda: (
            shop.is_settled("a")
            and {
                child["metadata"]["labels"][labels.OWNER_UID]
                for child in shop.children("a").values()
            }
            == {second}
        ),
    )
    assert first != second
    assert model_facts.digest(1) == shop.status("a")["model"]["digest"]
