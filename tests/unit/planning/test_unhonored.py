"""Nothing in a spec is silently ignored: a wish that is not carried out gives a sentence."""

from typing import Any, NamedTuple

import pytest

from tests.unit.planning.building import (
    TOOLS,
    conversion,
    facts,
    gpu_pool,
    pool,
    single_request_facts,
    spec,
)
from tests.unit.planning.repositories import repository_facts, row
from triton_operator.api.enums import ModelFormat
from triton_operator.api.model_profile import ModelFacts
from triton_operator.api.repository import SilentField
from triton_operator.planning.plan import Plan, plan_service
from triton_operator.planning.unhonored import unhonored_fields


class Row(NamedTuple):
    name: str
    parts: dict[str, Any]
    says: tuple[str, ...]
    why: str
    facts: ModelFacts = facts()


REJECT: dict[str, Any] = {"batching": {"overload": "Reject"}}
AUTHORS_BATCHER = repository_facts(
    row("a", "python", silent=[SilentField.INSTANCE_GROUP]), batchable=True, max_batch_size=8
)
ASKED: dict[str, Any] = {
    "model": {"uri": "pvc://m/a.onnx", "samples": {"uri": "pvc://m/a.npz"}},
    "measurement": {"mode": "IfUnknown"},
}

VARIANTS: dict[str, Any] = {
    "variants": [{"name": "small", "accuracy": "0.7", "model": {"uri": "pvc://m/s.onnx"}}]
}
LOCAL_MAX = {"policy": "LocalMax", "maxReplicas": 20}
FALLBACK = {"policy": "FallbackVariant", "fallbackVariant": "small"}

SAID = [
    Row("variants", VARIANTS, ("spec.variants: only spec.model is served",), "nobody chooses"),
    Row(
        "local maximum of a fixed number",
        {"offline": LOCAL_MAX, "scaling": {"mode": "Fixed", "minReplicas": 2}},
        ("spec.offline.policy LocalMax: only replicas that the operator moves",),
        "there is no ceiling to lift",
    ),
    Row(
        "local maximum without a number",
        {"offline": {"policy": "LocalMax"}},
        ("spec.offline.policy LocalMax: nothing says how many",),
        "only a hub knows what was asked of it",
    ),
    Row(
        "parts of other policies",
        {**VARIANTS, "variantPolicy": {"mode": "Slo"}, "offline": {**FALLBACK, **LOCAL_MAX}},
        ("spec.offline.fallbackVariant: not read with policy LocalMax",),
        "one policy is in force",
    ),
    Row(
        "the number of another policy",
        {**VARIANTS, "offline": {**FALLBACK, "maxReplicas": 3}},
        ("spec.offline.maxReplicas: not read with policy FallbackVariant",),
        "one policy is in force",
    ),
    Row(
        "samples",
        {"model": {"uri": "pvc://m/a.onnx", "samples": {"uri": "pvc://m/a.npz"}}},
        ("spec.model.samples: not read: nothing is converted, as spec.measurement.mode is Never",),
        "a copy that nobody measures is never adopted",
    ),
    Row(
        "samples with FP32",
        {**ASKED, "precision": {"mode": "FP32"}, "measurement": {"mode": "Never"}},
        ("spec.model.samples: not read: nothing is converted, as spec.precision.mode is FP32",),
        "there is nothing to verify, and nothing to measure with",
    ),
    Row(
        "agreement without samples",
        {"precision": {"minAgreement": "0.9"}, "measurement": {"mode": "IfUnknown"}},
        ("spec.precision.minAgreement: nothing is compared, as with spec.precision.mode Auto it",),
        "Auto takes real samples",
    ),
    Row(
        "a store without copies",
        {"precision": {"mode": "FP32", "store": {"uri": "s3://copies"}}},
        ("spec.precision.store: no copy is kept there, as spec.precision.mode is FP32",),
        "nothing is converted",
    ),
    Row(
        "INT8 of something else than ONNX",
        {"precision": {"mode": "INT8"}},
        ("spec.precision.mode INT8: the model runs in FP32",),
        "nothing converts it",
        facts(format=ModelFormat.OPENVINO),
    ),
    Row(
        "BF16",
        {**ASKED, "precision": {"mode": "BF16"}},
        ("spec.precision.mode BF16: the model runs in FP32",),
        "no such copies are made; the samples are measured with",
    ),
    Row(
        "prefer",
        {"objective": {"prefer": "Energy"}},
        ("spec.objective.prefer Energy: orders the pools",),
        "half honored: which half is said",
    ),
    Row(
        "reject without batches",
        {"batching": {"mode": "Off", "overload": "Reject"}},
        ("spec.batching.overload Reject: requests are queued, as only a batcher",),
        "nothing keeps a limit of the queue",
    ),
    Row(
        "reject of a model that cannot be batched",
        {"batching": {"overload": "Reject"}},
        ("spec.batching.overload Reject: requests are queued, as only a batcher",),
        "the model decides that it has no effect",
        single_request_facts(),
    ),
    Row(
        "reject where the author has a batcher",
        {"model": {"uri": "pvc://m/r", "format": "TritonRepository"}, **REJECT},
        ("the model's config.pbtxt decides how they wait",),
        "what the author wrote stays",
        AUTHORS_BATCHER,
    ),
    Row(
        "reject and wait for others",
        {"batching": {"overload": "Reject", "maxQueueDelayMicroseconds": 500}},
        ("spec.batching.maxQueueDelayMicroseconds 500: no request waits for others",),
        "both together lose throughput",
    ),
    Row(
        "precision",
        {"precision": {"mode": "FP16", "minAgreement": "0.9"}},
        ("spec.precision.mode FP16: the model runs in FP32", "spec.precision.minAgreement"),
        "CPUs gain nothing from it",
    ),
    Row(
        "most replicas of none",
        {"scaling": {"minReplicas": 0, "maxReplicas": 5}},
        ("spec.scaling.maxReplicas 5: with minReplicas 0 no replica runs",),
        "nothing tells that a request came",
    ),
    Row(
        "second pool",
        {"hardware": {"pools": ["a", "b"]}, "scaling": {"mode": "Fixed"}},
        ("spec.hardware.pools: only a is used; replicas spill over to b in",),
        "one pool serves",
    ),
    Row(
        "second pool of a fixed number",
        {"hardware": {"pools": ["a", "b"]}, "scaling": {"minReplicas": 3, "maxReplicas": 3}},
        ("spec.hardware.pools: only a is used; replicas spill over to b in",),
        "nobody decides on replicas",
    ),
    Row(
        "delay without batches",
        {"batching": {"mode": "Off", "maxQueueDelayMicroseconds": 500}},
        ("spec.batching.maxQueueDelayMicroseconds",),
        "single requests wait for nobody",
    ),
    Row(
        "delay of a model that cannot be batched",
        {"batching": {"maxQueueDelayMicroseconds": 500}},
        ("spec.batching.maxQueueDelayMicroseconds",),
        "the model decides that it has no effect",
        single_request_facts(),
    ),
    Row(
        "least replicas of somebody else's",
        {"scaling": {"mode": "External", "minReplicas": 3}},
        ("spec.scaling.minReplicas",),
        "External never writes replicas",
    ),
]

HONORED = [
    Row("smallest", {}, (), "nothing is asked for"),
    Row("fp32", {"precision": {"mode": "FP32"}}, (), "it runs in FP32"),
    Row(
        "int8",
        {"precision": {"mode": "INT8", "minAgreement": "0.9"}, "model": ASKED["model"]},
        (),
        "a Job converts and verifies",
    ),
    Row(
        "auto with samples",
        {**ASKED, "precision": {"minAgreement": "0.9"}},
        (),
        "a Job converts and verifies",
    ),
    Row(
        "a store of copies",
        {"precision": {"mode": "INT8", "store": {"uri": "s3://copies"}}, "model": ASKED["model"]},
        (),
        "the Job puts its copy there",
    ),
    Row("one pool", {"hardware": {"pools": ["b"]}}, (), "it is used"),
    Row(
        "objective",
        {"objective": {"latency": {"milliseconds": 100}, "minAttainmentPercent": 95}},
        (),
        "replicas follow it",
    ),
    Row("latency first", {"objective": {"prefer": "Latency"}}, (), "pools and replicas follow it"),
    Row(
        "bounds",
        {"scaling": {"minReplicas": 2, "maxReplicas": 5}},
        (),
        "replicas move between them",
    ),
    Row("variants by load", {**VARIANTS, "variantPolicy": {"mode": "Slo"}}, (), "one is chosen"),
    Row("a fallback", {**VARIANTS, "offline": FALLBACK}, (), "served while the link is cut"),
    Row("a local maximum", {"offline": LOCAL_MAX}, (), "in force while the link is cut"),
    Row("none", {"scaling": {"minReplicas": 0}}, (), "none runs"),
    Row("two pools", {"hardware": {"pools": ["a", "b"]}}, (), "replicas spill over to the second"),
    Row("inferred order", {}, (), "a standby pool that nobody named is no wish"),
    Row(
        "bounds that meet",
        {"scaling": {"minReplicas": 3, "maxReplicas": 3}},
        (),
        "three replicas run",
    ),
    Row("fixed", {"scaling": {"mode": "Fixed", "minReplicas": 2}}, (), "two replicas run"),
    Row("external", {"scaling": {"mode": "External"}}, (), "nothing is written"),
    Row(
        "delay with batches",
        {"batching": {"maxQueueDelayMicroseconds": 500}},
        (),
        "it stands in config.pbtxt",
    ),
    Row("reject", REJECT, (), "it stands in config.pbtxt"),
    Row("off", {"batching": {"mode": "Off"}}, (), "single requests"),
    Row(
        "image and variables",
        {"runtime": {"image": "r.example/t:26.09-py3", "env": [{"name": "A", "value": "b"}]}},
        (),
        "both stand in the pod",
    ),
]


def sentences(row: Row) -> list[str]:
    wanted = spec(**row.parts)
    plan = plan_service(wanted, row.facts, [pool("a"), pool("b")])
    assert isinstance(plan, Plan)
    return unhonored_fields(wanted, plan)


@pytest.mark.parametrize("row", SAID, ids=lambda row: row.name)
def test_a_field_without_effect_is_named(row: Row) -> None:
    found = sentences(row)

    assert len(found) == len(row.says), row.why
    for sentence, expected in zip(found, row.says, strict=True):
        assert expected in sentence


@pytest.mark.parametrize("row", HONORED, ids=lambda row: row.name)
def test_a_field_with_its_effect_is_not(row: Row) -> None:
    assert sentences(row) == [], row.why


def test_without_a_plan_pools_are_not_judged() -> None:
    assert unhonored_fields(spec(hardware={"pools": ["a", "b"]}), None) == []


def test_callers_count_where_policies_are_made() -> None:
    wanted = spec(access={"callers": [{"podSelector": {}}]})

    assert unhonored_fields(wanted, None, network_policies=True) == []
    (sentence,) = unhonored_fields(wanted, None, network_policies=False)
    assert "spec.access.callers: every pod may call" in sentence
    assert "networkPolicy.enabled" in sentence
    assert unhonored_fields(spec(), None, network_policies=False) == []


def test_over_several_accelerators_nothing_is_rejected() -> None:
    wanted = spec(**REJECT, hardware={"accelerator": "GPU", "acceleratorsPerReplica": 2})
    plan = plan_service(wanted, facts(), [gpu_pool("l4")])
    assert isinstance(plan, Plan)

    (sentence,) = unhonored_fields(wanted, plan)
    assert "Reject: requests are queued" in sentence
    assert "the 2 instances" in sentence


def test_a_pool_that_cannot_reject_is_named_beside_one_that_can() -> None:
    """Replicas have spilled over: what the first pool does says nothing of the second."""
    wanted = spec(**REJECT, hardware={"pools": ["a", "l4"]})
    pools = [pool("a"), gpu_pool("l4", accelerators_per_replica=2)]
    plan = plan_service(wanted, facts(), pools, in_use=("a", "l4"))
    assert isinstance(plan, Plan)
    assert [row.pool.name for row in plan.pools] == ["a", "l4"]

    (sentence,) = unhonored_fields(wanted, plan)
    assert "Reject: requests are queued on l4, as Triton's batcher" in sentence


def test_what_holds_for_all_pools_is_said_once() -> None:
    wanted = spec(batching={"mode": "Off", "overload": "Reject"})
    plan = plan_service(wanted, facts(), [pool("a"), pool("b")], in_use=("a", "b"))
    assert isinstance(plan, Plan)
    assert len(plan.pools) == 2

    (sentence,) = unhonored_fields(wanted, plan)
    assert "Reject: requests are queued, as only a batcher" in sentence


def test_a_committed_copy_is_compared_without_leave_to_convert() -> None:
    wanted = spec(precision={"minAgreement": "0.9"})
    plan = plan_service(wanted, facts(), [pool("a")], (), (), (conversion(),), TOOLS)
    assert isinstance(plan, Plan)

    assert unhonored_fields(wanted, plan) == []
