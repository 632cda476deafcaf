"""A declared profile: what it says of a model's speed decides how the model is served."""

from typing import Any

from tests.api import model_facts
from tests.api.client import Object
from tests.api.shop import Shop
from triton_operator.triton.model_config import parse_config

PROFILE = model_facts.digest(1).replace(":", "-")
OBJECTIVE = {"latency": {"milliseconds": 150}}


def declared(milliseconds: dict[int, str]) -> Object:
    row = {
        "precision": "FP32",
        "engine": "onnxruntime",
        "hardware": {},
        "latency": [
            {"batchSize": size, "milliseconds": time} for size, time in milliseconds.items()
        ],
        "source": "Declared",
        "time": "2026-11-20T10:00:00Z",
    }
    return {"spec": {"measurements": [row]}}


STRAIGHT = declared({1: "30", 2: "40", 4: "60", 5: "70", 7: "90"})
"""20 ms and 10 ms for every request."""


def largest_batches(shop: Shop, service: str) -> set[int]:
    """Of every config that there is; an old one stays until no pod needs it."""
    configs: list[Any] = [
        parse_config(one["data"]["config.pbtxt"]) for one in shop.all("ConfigMap", service)
    ]
    return {config.max_batch_size for config in configs}


def test_a_declared_curve_changes_the_config_that_triton_gets(shop: Shop) -> None:
    shop.add_running("a", objective=OBJECTIVE)
    assert largest_batches(shop, "a") == {4}
    assert shop.condition("a", "ObjectiveFeasible") == ("Unknown", "NotMeasured")

    shop.merge("ModelProfile", PROFILE, STRAIGHT)

    shop.until("a batch of 7", lambda: 7 in largest_batches(shop, "a"))
    shop.until_condition("a", "ObjectiveFeasible", "True", "WithinReach")
    (pool,) = shop.status("a")["pools"]
    assert (pool["maxBatchSize"], pool["capacityPerReplica"]) == (7, "47.4/s")
    assert (
        "batch size 7: 47.4 requests/s within 150 ms p99, as declared in the model's profile; "
        "5 does 45.7 (-4 %); larger ones were not measured" in pool["reasons"]
    )


def test_what_no_batch_can_keep_is_said_with_the_best_that_can_be_reached(shop: Shop) -> None:
    shop.add_profile(1)
    shop.merge("ModelProfile", PROFILE, STRAIGHT)
    shop.add_service("a", 1, objective={"latency": {"milliseconds": 25}})
    shop.until_settled("a")

    assert shop.condition("a", "ObjectiveFeasible") == ("False", "TooSlow")
    message = next(
        one["message"]
        for one in shop.status("a")["conditions"]
        if one["type"] == "ObjectiveFeasible"
    )
    assert message.startswith("a request that is alone takes 30 ms, as declared in the model's")
    assert shop.find("Deployment", "a-cpu") is not None, "it serves all the same, late"
