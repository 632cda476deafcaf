"""A model that nobody knows: one Job finds out about it, and what it finds is kept by digest."""

from tests.api import model_facts
from tests.api.shop import Shop
from triton_operator.model import reasons as fetch_reasons

OTHER_URI = "https://models.example.com/other.onnx"


def test_a_report_becomes_a_profile_and_children(shop: Shop) -> None:
    """The whole way of a first service, with nothing prepared."""
    shop.add_service("first")

    shop.until_inspection("first")
    assert shop.condition("first", "ModelReady") == ("Unknown", "Inspecting")
    assert not shop.all("Deployment", "first"), "nothing can be served before the facts are known"
    shop.answer_inspection("first", model_facts.found(7))

    shop.until_condition("first", "ModelReady", "True", "Inspected")
    shop.until("the children", lambda: shop.is_settled("first"))
    assert {kind: len(shop.all(kind, "first")) for kind in ("ConfigMap", "Deployment", "Service")} == {
        "ConfigMap": 1,
        "Deployment": 1,
        "Service": 2,
    }
    (profile,) = shop.all("ModelProfile")
    assert profile["spec"]["digest"] == model_facts.digest(7)
    assert profile["spec"]["facts"] == model_facts.facts(7).wire()
    model = shop.status("first")["model"]
    assert (model["digest"], model["batchable"]) == (model_facts.digest(7), True)
    assert [row["name"] for row in model["inputs"]] == ["x"]


def test_the_job_is_pruned_once_its_answer_is_kept(shop: Shop) -> None:
    """A finished Job and its pod are of no use, and a thousand of them are a burden."""
    shop.add_service("first")
    shop.answer_inspection("first", model_facts.found(7))

    shop.until("no Job and no pod of it", lambda: not (shop.all("Job") or shop.all("Pod", "first")) or (
        not shop.all("Job") and not [p for p in shop.all("Pod") if "job-name" in str(p["metadata"]["labels"])]
    ))
