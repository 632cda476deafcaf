"""A model whose batch is fixed at 1 runs as the copy that takes any, if proven and faster."""

from typing import Any, NamedTuple

import pytest

from tests.unit.planning.building import (
    TOOLS,
    conversion,
    facts,
    gpu_pool,
    measurement,
    pool,
    refused,
    resources,
    single_request_facts,
    spec,
    straight,
)
from triton_operator.api.enums import Engine, ModelFormat, Precision
from triton_operator.api.model_profile import Conversion, Measurement, ModelFacts
from triton_operator.api.tensors import Tensor
from triton_operator.planning.candidate import is_measured, seconds_for_each, ways_to_compare
from triton_operator.planning.copies import Standing
from triton_operator.planning.plan import Plan, PoolPlan, plan_service
from triton_operator.planning.pools import Pool
from triton_operator.planning.rebatching import as_served, is_fixed_at_one
from triton_operator.planning.unhonored import unhonored_fields

CPU = pool("cpu")
FP32, FP16, INT8 = Precision.FP32, Precision.FP16, Precision.INT8
SAMPLES = {"uri": "pvc://models/magika/model.onnx", "samples": {"uri": "pvc://data/rows.npz"}}
SOUGHT: dict[str, Any] = {"model": SAMPLES, "measurement": {"mode": "IfUnknown"}}
WITHIN: dict[str, Any] = {"objective": {"latency": {"milliseconds": 250}}}
SIZES = (1, 2, 4, 8, 16)
STORED = single_request_facts(
    inputs=[Tensor(name="image", datatype="FP32", shape=[1, 64])],
    outputs=[Tensor(name="boxes", datatype="FP32", shape=[1, 8])],
)
"""Rows so small that their batches are what takes the time."""
ALONE = measurement({1: 30})
"""Of the model as it is stored, which takes one row."""


def copy(**changes: Any) -> Conversion:
    """The copy, as its Job tells of it."""
    return conversion("FP32", method="DynamicBatch", agreement="1", batchSize=16, **changes)


def batched(base: float, each: float, **changes: Any) -> Measurement:
    return measurement(straight(base, each, SIZES), method="DynamicBatch", **changes)


def planned(
    measured: tuple[Measurement, ...] = (),
    copies: tuple[Conversion, ...] = (),
    where: Pool = CPU,
    stored: ModelFacts = STORED,
    **parts: Any,
) -> PoolPlan:
    plan = plan_service(spec(**parts), stored, [where], (), measured, copies, TOOLS)
    assert isinstance(plan, Plan), plan
    return plan.pools[0]


class Row(NamedTuple):
    name: str
    why: str
    measured: tuple[Measurement, ...]
    batch: int
    says: str
    spec: dict[str, Any] = WITHIN
    copies: tuple[Conversion, ...] = (copy(),)
    pool: Pool = CPU


ROWS = [
    Row(
        "batches gain",
        "a batch of 16 takes four times as long as a request that is alone",
        (ALONE, batched(24, 6)),
        16,
        "DynamicBatch: 113/s against 24.3/s of a batch of 1; agreement 1 on 300 rows in batches of "
        "16 of samples",
    ),
    Row(
        "batches gain nothing",
        "on a CPU the time often grows with the batch",
        (ALONE, batched(0, 30)),
        0,
        "DynamicBatch not faster: 24.3/s against 24.3/s of a batch of 1",
    ),
    Row(
        "batches gain too little",
        "measurements differ by as much",
        (ALONE, batched(4, 26)),
        0,
        "DynamicBatch faster by 6.41 %: less than 10 %, a batch of 1 stays",
    ),
    Row(
        "batches gain nothing for a request that is alone",
        "which is what the service prefers",
        (ALONE, batched(24, 6)),
        0,
        "DynamicBatch not faster: 30 ms against 30 ms of a batch of 1 for a request that is alone",
        {**WITHIN, "objective": {**WITHIN["objective"], "prefer": "Latency"}},
    ),
    Row(
        "only the copy is measured",
        "there is nothing to beat",
        (batched(24, 6),),
        0,
        "DynamicBatch not used: a batch of 1 is not measured on pool cpu",
    ),
    Row(
        "only the model is measured",
        "times of one row say nothing of more",
        (ALONE,),
        0,
        "DynamicBatch not used: DynamicBatch is not measured on pool cpu",
    ),
    Row(
        "declared for batches",
        "a row without the method is of the model as it is stored, whatever it says of batches",
        (measurement(straight(24, 6, SIZES)),),
        0,
        "DynamicBatch not used: DynamicBatch is not measured on pool cpu",
    ),
    Row(
        "mode FP32",
        "it is FP32",
        (ALONE, batched(24, 6)),
        16,
        "DynamicBatch: 113/s against 24.3/s of a batch of 1",
        {**WITHIN, "precision": {"mode": "FP32"}},
    ),
    Row(
        "a bound of the spec",
        "as for any other model",
        (ALONE, batched(24, 6)),
        4,
        "DynamicBatch: ",
        {**WITHIN, "batching": {"maxBatchSize": 4}},
    ),
    Row(
        "batching Off",
        "the model stays as it is",
        (ALONE, batched(24, 6)),
        0,
        "no batching: axis 0 of input 'image' has the fixed length 1\n",
        {**WITHIN, "batching": {"mode": "Off"}},
    ),
    Row(
        "at most 1",
        "the same in other words",
        (ALONE, batched(24, 6)),
        0,
        "no batching: axis 0 of input 'image' has the fixed length 1\n",
        {**WITHIN, "batching": {"maxBatchSize": 1}},
    ),
    Row(
        "refused",
        "the reason names the operator",
        (ALONE, batched(24, 6)),
        0,
        "DynamicBatch rejected: the batch stays fixed at 1: node 'it' (Flatten) does not keep it",
        copies=(
            refused(
                "FP32",
                method="DynamicBatch",
                refusal="the batch stays fixed at 1: node 'it' (Flatten) does not keep it",
            ),
        ),
    ),
    Row(
        "too few rows",
        "nobody asked for it by name",
        (ALONE, batched(24, 6)),
        0,
        "DynamicBatch not used: agreement 1 on 31 rows in batches of 16, smoke test only: fewer",
        copies=(copy(rows=31),),
    ),
    Row(
        "made-up inputs",
        "they show that it runs",
        (ALONE, batched(24, 6)),
        0,
        "smoke test only: made-up inputs",
        copies=(copy(samplesDigest=None),),
    ),
    Row(
        "other tools",
        "pods would make another copy",
        (ALONE, batched(24, 6)),
        0,
        "DynamicBatch not used: its copy was made with other tools (onnx 1.0, here 1.19.1",
        copies=(copy(toolVersions={"onnx": "1.0"}),),
    ),
    Row(
        "a copy of no method",
        "nobody could make it again",
        (ALONE, batched(24, 6)),
        0,
        "DynamicBatch not used: its row has no method that makes DynamicBatch",
        copies=(conversion("FP32", method="FP32"),),
    ),
    Row(
        "INT8 does more",
        "it still takes one row at a time, and is that much faster",
        (ALONE, batched(20, 10), measurement({1: 2}, precision="INT8")),
        0,
        "DynamicBatch not used: ",
        copies=(copy(), conversion()),
    ),
    Row(
        "INT8 does less",
        "both are fast enough, and batches more so",
        (ALONE, batched(24, 6), measurement({1: 25}, precision="INT8")),
        16,
        "and DynamicBatch does more",
        copies=(copy(), conversion()),
    ),
    Row(
        "a pool without FP32 in its list",
        "what runs anyway has no need to be there",
        (ALONE, batched(24, 6)),
        16,
        "DynamicBatch: ",
        pool=pool("cpu", precisions=()),
    ),
    Row(
        "on a GPU",
        "in the same way",
        (
            measurement({1: 30}, product="NVIDIA-L4"),
            batched(24, 6, product="NVIDIA-L4"),
        ),
        16,
        "DynamicBatch: ",
        pool=gpu_pool("l4", product="NVIDIA-L4"),
    ),
]


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
def test_what_runs(row: Row) -> None:
    found = planned(row.measured, row.copies, row.pool, **row.spec)

    assert found.max_batch_size == row.batch, (row.why, found.reasons)
    assert found.dynamic_batching == (row.batch > 1)
    assert (found.copy is not None and found.copy.rebatched) == (row.batch > 1)
    assert row.says in "\n".join((*found.reasons, "")), row.why


def test_times_of_one_are_none_of_the_other() -> None:
    """Rows of a profile that differ in nothing but the method."""
    both = (ALONE, batched(24, 6))

    alone, whole = planned(both, **WITHIN), planned(both, (copy(),), **WITHIN)

    assert alone.measured
    assert whole.measured
    assert [size for size, _ in alone.measured.curve.points] == [1]
    assert [size for size, _ in whole.measured.curve.points] == list(SIZES)
    assert planned((batched(24, 6),), **WITHIN).measured is None


class Asked(NamedTuple):
    name: str
    wanted: bool
    says: str
    spec: dict[str, Any] = SOUGHT
    stored: ModelFacts = STORED


_NO_SAMPLES = {**SOUGHT, "model": {"uri": SAMPLES["uri"]}}
ASKED = [
    Asked("measured, with samples", True, "DynamicBatch: not known yet; its Job converts"),
    Asked(
        "in FP32",
        True,
        "DynamicBatch: not known yet; its Job converts",
        {**SOUGHT, "precision": {"mode": "FP32"}},
    ),
    Asked(
        "not measured",
        False,
        "fixed length 1; the operator looks for a copy that takes any batch with "
        "spec.measurement.mode IfUnknown",
        {"model": SAMPLES},
    ),
    Asked("without samples", False, "takes any batch with spec.model.samples", _NO_SAMPLES),
    Asked(
        "in INT8",
        False,
        "takes any batch with spec.precision.mode Auto or FP32",
        {**SOUGHT, "precision": {"mode": "INT8"}},
    ),
    Asked("without batches", False, "fixed length 1\n", {**SOUGHT, "batching": {"mode": "Off"}}),
    Asked("batchable", False, "batch size 4", stored=facts()),
    Asked(
        "another axis",
        False,
        "fixed length 1\n",
        stored=single_request_facts(
            outputs=[Tensor(name="boxes", datatype="FP32", shape=[84, 8400])]
        ),
    ),
    Asked(
        "another format",
        False,
        "fixed length 1\n",
        stored=single_request_facts(format=ModelFormat.OPENVINO),
    ),
]


@pytest.mark.parametrize("row", ASKED, ids=[row.name for row in ASKED])
def test_when_a_job_looks_for_one(row: Asked) -> None:
    found = planned(stored=row.stored, **row.spec)
    wanted = [one.name for one in found.prospects if one.wanted]

    assert ("DynamicBatch" in wanted) is row.wanted
    assert row.says in "\n".join((*found.reasons, ""))


def test_what_is_known_is_not_asked_for_again() -> None:
    for row in (copy(), refused("FP32", method="DynamicBatch")):
        found = planned(copies=(row,), **SOUGHT)
        (one,) = [one for one in found.prospects if one.name == "DynamicBatch"]
        assert not one.wanted
        assert one.standing is (Standing.USABLE if row.digest else Standing.REJECTED)


@pytest.mark.parametrize(("cores", "numbers"), [("2", [1, 2]), ("4", [1, 4, 2])])
def test_both_are_measured_the_model_first(cores: str, numbers: list[int]) -> None:
    parts = {**SOUGHT, "precision": {"mode": "FP32"}}
    on = pool("cpu", replica_resources=resources(cores))
    row = planned(copies=(copy(),), where=on, **parts)
    ways = ways_to_compare(spec(**parts), STORED, row, ())

    assert [(way.copy is not None, way.instances, way.max_batch_size) for way in ways] == [
        *((False, number, 0) for number in numbers),
        *((True, number, 16) for number in numbers),
    ]
    assert all(way.dynamic_batching is (way.copy is not None) for way in ways)
    assert ways[len(numbers)].memory_bytes > ways[0].memory_bytes


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        (
            pool("cpu", replica_resources=resources("4"), precisions=(FP16, INT8)),
            [
                (None, FP32, 1),
                (None, FP32, 4),
                (None, FP32, 2),
                (None, "DynamicBatch", 1),
                (None, FP16, 1),
                (None, INT8, 1),
            ],
        ),
        (
            gpu_pool("l4", product="L4", engines=(Engine.TENSORRT,)),
            [
                (engine, name, 1)
                for engine in (None, Engine.TENSORRT)
                for name in (FP32, "DynamicBatch", FP16, INT8)
            ],
        ),
    ],
    ids=["cpu", "gpu"],
)
def test_every_copy_is_measured_in_some_way(
    where: Pool, expected: list[tuple[Engine | None, str, int]]
) -> None:
    """By each engine: with three copies none is left out."""
    static = {"method": "INT8Static", "ranges": "gD8="}
    known = (copy(), conversion("FP16"), conversion("INT8", **static))
    row = planned(copies=known, where=where, **SOUGHT)
    ways = ways_to_compare(spec(**SOUGHT), STORED, row, ())

    assert [
        (
            way.engine,
            "DynamicBatch" if way.copy and way.copy.rebatched else way.precision,
            way.instances,
        )
        for way in ways
    ] == expected
    assert seconds_for_each(spec(**SOUGHT), len(ways)) == 180 // len(ways)


def test_what_runs_as_the_copy_is_measured_as_it_is_stored_too() -> None:
    """Numbers may be lost, or be of another release."""
    both = (ALONE, batched(24, 6))
    row = planned(both, (copy(),), **{**SOUGHT, **WITHIN})
    assert row.copy
    ways = ways_to_compare(spec(**SOUGHT), STORED, row, ())

    assert [(way.copy is not None, way.max_batch_size, way.dynamic_batching) for way in ways] == [
        (False, 0, False),
        (True, 16, True),
    ]
    assert [is_measured(way, STORED, ALONE) for way in ways] == [True, False]
    assert [is_measured(way, STORED, both[1]) for way in ways] == [False, True]


def test_the_copy_has_a_batch_axis_and_nothing_else_changes() -> None:
    served = as_served(STORED, copy())

    assert is_fixed_at_one(STORED)
    assert served.batchable
    assert [one.shape for one in (*served.inputs, *served.outputs)] == [
        [-1, 64],
        [-1, 8],
    ]
    assert as_served(STORED, None) is STORED
    assert as_served(STORED, conversion()) is STORED


def test_samples_are_not_called_unread_where_they_find_a_copy() -> None:
    parts = {**SOUGHT, "precision": {"mode": "FP32", "minAgreement": "0.9"}}
    wanted = spec(**parts)
    plan = plan_service(wanted, STORED, [CPU], (), (), (), TOOLS)
    assert isinstance(plan, Plan)

    assert unhonored_fields(wanted, plan) == []
