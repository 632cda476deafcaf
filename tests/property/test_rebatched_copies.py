"""Whatever a profile says of a model whose batch is fixed at 1, Triton is told of batches where the
copy that takes them runs, and only there."""

from typing import Any

from hypothesis import event, given, settings
from hypothesis import strategies as st

from tests.unit.manifests.building import OWNER
from tests.unit.planning.building import (
    TOOLS,
    conversion,
    gpu_pool,
    measurement,
    pool,
    resources,
    single_request_facts,
    spec,
)
from triton_operator.api.enums import Engine
from triton_operator.api.model_profile import Conversion, Measurement
from triton_operator.api.tensors import Tensor
from triton_operator.manifests.pool_configs import pool_configs
from triton_operator.planning.candidate import (
    MOST_BY_ENGINE,
    MOST_MEASURED,
    most_ways,
    ways_to_compare,
)
from triton_operator.planning.plan import Plan, plan_service
from triton_operator.planning.pools import Pool
from triton_operator.triton.backends import ENGINE_NAMES
from triton_operator.triton.model_config import parse_config

STORED = single_request_facts(
    inputs=[Tensor(name="image", datatype="FP32", shape=[1, 64])],
    outputs=[Tensor(name="boxes", datatype="FP32", shape=[1, 8])],
)
POOLS = [
    pool("cpu"),
    pool("four", replica_resources=resources("4")),
    gpu_pool("l4", product="L4"),
    pool("by-openvino", engines=(Engine.OPENVINO,)),
    gpu_pool("by-tensorrt", product="L4", engines=(Engine.TENSORRT,)),
]


@st.composite
def copies(draw: st.DrawFn) -> Conversion:
    precision = draw(st.sampled_from(["FP32", "FP32", "FP32", "FP16", "INT8"]))
    return conversion(
        precision,
        method={"FP32": "DynamicBatch", "INT8": "INT8Dynamic"}.get(precision, precision),
        agreement=draw(st.sampled_from([None, "0.98", "1", "1"])),
        rows=draw(st.sampled_from([2, 31, 32, 300])),
        samplesDigest=draw(st.sampled_from([None, *["sha256:" + "ef" * 32] * 3])),
        refusal=draw(st.sampled_from([*[None] * 5, "an operator mixes rows"])),
        time=f"2026-11-2{draw(st.integers(0, 9))}T10:00:00Z",
    )


@st.composite
def times(draw: st.DrawFn, where: Pool) -> Measurement:
    base, each = draw(st.integers(1, 60)), draw(st.integers(1, 20))
    method = draw(st.sampled_from([None, "DynamicBatch"]))
    sizes = draw(st.sampled_from([(1,), (1, 2, 4, 8)]))
    return measurement(
        {size: base + each * size for size in sizes},
        precision=draw(st.sampled_from(["FP32", "FP32", "FP32", "INT8"])),
        product=where.product,
        engine=draw(st.sampled_from(["onnxruntime"] * 3 + sorted(ENGINE_NAMES.values()))),
        instances=draw(st.sampled_from([1, 1, 4])),
        **({"method": method} if method else {}),
    )


@settings(max_examples=150, deadline=None)
@given(
    data=st.data(),
    where=st.sampled_from(POOLS),
    mode=st.sampled_from(["Auto", "Auto", "Auto", "FP32", "FP32", "FP32", "INT8"]),
    batching=st.sampled_from(
        [{}, {}, {}, {"maxBatchSize": 4}, {"maxBatchSize": 1}, {"mode": "Off"}]
    ),
    asked=st.booleans(),
    known=st.lists(copies(), max_size=4),
)
def test_batches_are_those_of_what_runs(
    data: st.DataObject,
    where: Pool,
    mode: str,
    batching: dict[str, Any],
    asked: bool,
    known: list[Conversion],
) -> None:
    sound = data.draw(st.booleans(), "a sound copy, and both are measured")
    rows = data.draw(st.lists(times(where), max_size=2 if sound else 8))
    if sound:
        newest = {"agreement": "1", "time": "2026-12-01T10:00:00Z"}
        known = [*known, conversion("FP32", method="DynamicBatch", **newest)]
        rows = [
            *rows,
            measurement({1: 40}, product=where.product),
            measurement({1: 40, 8: 60}, product=where.product, method="DynamicBatch"),
        ]
    samples = {"samples": {"uri": "pvc://m/a.npz"}} if asked else {}
    wanted = spec(
        model={"uri": "pvc://m/a.onnx", **samples},
        precision={"mode": mode},
        batching=batching,
        measurement={"mode": "IfUnknown" if asked else "Never"},
        objective={"latency": {"milliseconds": 250}},
    )
    plan = plan_service(wanted, STORED, [where], (), rows, known, TOOLS)
    assert isinstance(plan, Plan)
    row = plan.pools[0]
    ways = ways_to_compare(wanted, STORED, row, rows)
    runs = row.copy is not None and row.copy.rebatched
    event(f"{mode} with {batching}: {'in batches' if runs else 'one by one'}")

    assert len([way for way in ways if way.engine is None]) <= MOST_MEASURED
    assert len([way for way in ways if way.engine]) <= MOST_BY_ENGINE
    assert len(ways) <= most_ways(where)
    for one in (row, *ways):
        rebatched = one.copy is not None and one.copy.rebatched
        (text,) = pool_configs(OWNER, STORED, one).values()
        config = parse_config(text)
        assert config.max_batch_size == one.max_batch_size
        assert (one.max_batch_size > 0) == rebatched
        assert one.dynamic_batching <= rebatched
        assert list(config.input[0].dims) == ([64] if rebatched else [1, 64])
        if rebatched:
            assert mode != "INT8"
            assert batching in ({}, {"maxBatchSize": 4})
            assert one.max_batch_size <= batching.get("maxBatchSize", 64)
            assert one.copy in known
            assert one.copy.refusal is None
            assert one.copy.samples_digest
            assert (one.copy.rows or 0) >= 32
    if runs:
        assert row.measured is not None
        assert row.measured.row.rebatched
    elif row.measured is not None:
        assert not row.measured.row.rebatched
