"""Any way leads to the same end: after each change of a spec, all of a service is as if that spec
had been applied to an empty place.

Acto's idea (SOSP 2023): sequences of changes, A to B and back to A, from refused to accepted, from
paused to not, through deletion; the fresh apply of the same spec is what must come out.
"""

import contextlib
import random
from collections.abc import Iterator
from typing import Any

import pytest

from e2e.harness.errors import WaitTimeoutError
from e2e.harness.waiting import wait_until
from tests.api import model_facts
from tests.api.client import Object, RefusedError
from tests.api.shop import Shop
from tests.faults.end_state import differences
from triton_operator.api import labels

SEED = 4
CHANGES = 14
SPECS: dict[str, dict[str, Any]] = {
    "smallest": {},
    "fixed batch": {"batching": {"maxBatchSize": 2}},
    "no batch": {"batching": {"mode": "Off"}},
    "delay": {"batching": {"maxQueueDelayMicroseconds": 500}},
    "resources": {"hardware": {"resources": {"cpu": "2", "memory": "2Gi"}}},
    "replicas": {"scaling": {"minReplicas": 3}},
    "fixed replicas": {"scaling": {"mode": "Fixed", "minReplicas": 2, "maxReplicas": 2}},
    "environment": {"runtime": {"env": [{"name": "A", "value": "b"}, {"name": "C", "value": "d"}]}},
    "one variable": {"runtime": {"env": [{"name": "C", "value": "e"}]}},
    "other pool": {"hardware": {"pools": ["other"]}},
    "two things": {"batching": {"maxBatchSize": 8}, "scaling": {"minReplicas": 2}},
}
UNKNOWN = "https://models.example.com/unknown.onnx"
REFUSED = {"model": {"uri": "ftp://models/a.onnx"}}
DETOURS: dict[str, dict[str, Any]] = {
    "no such pool": {"hardware": {"pools": ["missing"]}},
    "a model that nobody knows": {"model": {"uri": UNKNOWN, "digest": None}},
    "paused": {"paused": True, "batching": {"maxBatchSize": 4}},
}
"""Specs in whose wake something may go on serving that a fresh apply would not start."""
OF_EACH_OBJECT = frozenset(
    {
        *("uid", "resourceVersion", "creationTimestamp", "generation", "managedFields", "selfLink"),
        *("observedGeneration", "lastTransitionTime", "lastUpdateTime", "clusterIP", "clusterIPs"),
        *(labels.DESIRED_HASH, labels.OWNER_UID, "deployment.kubernetes.io/revision"),
    }
)


def _without(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _without(part) for k, part in value.items() if k not in OF_EACH_OBJECT}
    return [_without(part) for part in value] if isinstance(value, list) else value


def picture(shop: Shop) -> dict[str, Any]:
    """All children but what their own controllers write, and the conditions."""
    children = {
        place: _without({key: part for key, part in child.items() if key != "status"})
        for place, child in shop.children("way").items()
    }
    conditions = {
        row["type"]: f"{row['status']} {row['reason']}" for row in shop.status("way")["conditions"]
    }
    return {"children": children, "conditions": conditions}


def full(spec: dict[str, Any]) -> dict[str, Any]:
    source = {"uri": model_facts.URI, "digest": model_facts.digest(1)}
    return {"model": {**source, **spec.get("model", {})}} | {
        key: value for key, value in spec.items() if key != "model"
    }


def put(shop: Shop, name: str, spec: dict[str, Any]) -> Object:
    """The whole spec, as `kubectl replace` writes it: fields that are gone are gone."""
    while True:
        live = shop.get("InferenceService", name)
        try:
            return shop.api.replace({**live, "spec": full(spec)})
        except RefusedError as refusal:
            if refusal.code != 409:  # the operator wrote its status meanwhile
                raise


@pytest.fixture
def expected(shop: Shop) -> dict[str, dict[str, Any]]:
    """What a fresh apply of each spec leads to."""
    shop.add_profile(1)
    shop.create("ServingPool", "cpu", spec={})
    shop.create("ServingPool", "other", spec={})
    pictures = {}
    for spec, fields in SPECS.items():
        shop.create("InferenceService", "way", spec=full(fields))
        shop.until("every replica", lambda: _serves_with_all(shop))
        shop.until_settled("way")
        pictures[spec] = picture(shop)
        shop.delete("InferenceService", "way")
        _until_collected(shop)
    return pictures


def _serves_with_all(shop: Shop) -> bool:
    """Whether every replica is ready, as those that exist by now become."""
    shop.start_pods("way")
    replicas = shop.condition("way", "Available")
    return replicas == ("True", "ReplicasReady") and shop.is_seen("way")


def _until_collected(shop: Shop) -> None:
    """Garbage collection learns of a new kind within about half a minute."""
    wait_until(
        "waiting for all of it to go",
        lambda: not shop.children("way"),
        timeout_seconds=120,
        needs=[shop.operator.running],
    )


def sequence(seed: int) -> Iterator[tuple[str, str]]:
    """What is done, in order: `spec NAME`, `detour NAME` or `anew NAME`."""
    chance = random.Random(seed)
    names = sorted(SPECS)
    last = chance.choice(names)
    for _ in range(CHANGES // 2):
        here, there = last, chance.choice(names)
        if chance.random() < 0.5:
            yield "detour", chance.choice(sorted(DETOURS))
        yield "anew" if chance.random() < 0.2 else "spec", there
        # Back again: A, B, A.
        yield "spec", here
        last = chance.choice(names)


def test_every_way_leads_to_the_same_end(shop: Shop, expected: dict[str, dict[str, Any]]) -> None:
    print(f"seed {SEED}")
    shop.create("InferenceService", "way", spec=full({}))
    for step, (what, spec) in enumerate(sequence(SEED)):
        print(f"step {step}: {what} {spec}")
        if what == "detour":
            with pytest.raises(RefusedError, match="must be a pvc://"):
                put(shop, "way", REFUSED)
            put(shop, "way", DETOURS[spec])
            shop.until("the detour to be seen", lambda: shop.is_seen("way"))
            continue
        if what == "anew":
            shop.delete("InferenceService", "way")
            shop.create("InferenceService", "way", spec=full(SPECS[spec]))
        else:
            put(shop, "way", SPECS[spec])
        with contextlib.suppress(WaitTimeoutError):
            # What the last spec wanted goes once all pods of this one are ready.
            shop.until(
                f"all of {spec}, and nothing else",
                lambda spec=spec: (  # type: ignore[misc]
                    _serves_with_all(shop)
                    and shop.is_settled("way")
                    and differences(picture(shop), expected[spec]) == []
                ),
            )
        assert differences(picture(shop), expected[spec]) == []
