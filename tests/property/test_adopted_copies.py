"""Whatever a profile says, what runs is FP32 or a copy that may: checked, and with Auto faster."""

from decimal import Decimal
from typing import Any

from hypothesis import event, given, settings
from hypothesis import strategies as st

from tests.unit.planning.building import (
    TOOLS,
    conversion,
    facts,
    gpu_pool,
    measurement,
    pool,
    resources,
    spec,
)
from triton_operator.api.enums import Engine, Precision
from triton_operator.api.model_profile import Conversion, Measurement
from triton_operator.planning.candidate import (
    MOST_BY_ENGINE,
    MOST_MEASURED,
    most_ways,
    seconds_for_each,
    to_measure,
    ways_to_compare,
)
from triton_operator.planning.plan import Plan, plan_service
from triton_operator.planning.pools import Pool
from triton_operator.triton.backends import ENGINE_NAMES

FP32, FP16, INT8 = Precision.FP32, Precision.FP16, Precision.INT8
POOLS = [
    pool("cpu"),
    pool("of-four-cores", replica_resources=resources("4")),
    pool("said", precisions=(FP32, FP16)),
    gpu_pool("l4", product="L4"),
    gpu_pool("old", product="Tesla-P100"),
    pool("by-openvino", engines=(Engine.OPENVINO,)),
    gpu_pool("by-tensorrt", product="L4", engines=(Engine.TENSORRT,)),
]
RUNS = {
    "cpu": {INT8},
    "of-four-cores": {INT8},
    "said": {FP16},
    "l4": {FP16, INT8},
    "old": {FP16},
    "by-openvino": {INT8},
    "by-tensorrt": {FP16, INT8},
}
ENGINES = {"by-openvino": Engine.OPENVINO, "by-tensorrt": Engine.TENSORRT}
OTHER_TOOLS = {**TOOLS, "onnx": "1.18.0"}


@st.composite
def copies(draw: st.DrawFn) -> Conversion:
    """Any row: accepted, rejected, refused, on few rows, on made-up inputs, by other tools."""
    return conversion(
        draw(st.sampled_from(["FP16", "INT8"])),
        toolVersions=draw(st.sampled_from([TOOLS, TOOLS, TOOLS, OTHER_TOOLS])),
        agreement=draw(st.sampled_from([None, "0.9", "0.98", "0.99", "1", "1"])),
        rows=draw(st.sampled_from([1, 31, 32, 300, 300])),
        samplesDigest=draw(st.sampled_from([None, *["sha256:" + "ef" * 32] * 3])),
        refusal=draw(st.sampled_from([*[None] * 5, "values are infinite"])),
        time=f"2026-11-2{draw(st.integers(0, 9))}T10:00:00Z",
    )


@st.composite
def times(draw: st.DrawFn, where: Pool) -> Measurement:
    """Numbers of one precision, mostly of the pool's hardware."""
    base, each = draw(st.integers(1, 60)), draw(st.integers(1, 20))
    return measurement(
        {size: base + each * size for size in (1, 2, 4)},
        precision=draw(st.sampled_from(["FP32", "FP32", "FP16", "INT8", "BF16"])),
        product=draw(st.sampled_from([*[where.product] * 5, "H200"])),
        engine=draw(st.sampled_from(["onnxruntime"] * 2 + sorted(ENGINE_NAMES.values()))),
        source=draw(st.sampled_from(["Measured", "Declared"])),
    )


@settings(max_examples=150, deadline=None)
@given(
    data=st.data(),
    where=st.sampled_from([*POOLS, *POOLS[-2:]]),
    mode=st.sampled_from(["Auto", "Auto", "Auto", "FP32", "FP16", "BF16", "INT8"]),
    asked=st.booleans(),
    prefer=st.sampled_from(["Cost", "Latency"]),
    milliseconds=st.sampled_from([15, 60, 250]),
    known=st.lists(copies(), max_size=5),
)
def test_only_what_may_run_runs(
    data: st.DataObject,
    where: Pool,
    mode: str,
    asked: bool,
    prefer: str,
    milliseconds: int,
    known: list[Conversion],
) -> None:
    rows = data.draw(st.lists(times(where), max_size=8))
    if data.draw(st.booleans(), "sound copies, and all is measured"):
        known = [*known, conversion("FP16"), conversion("INT8")]
        stored = {1: 30.0, 2: 40.0, 4: 60.0}
        faster = data.draw(st.floats(0.85, 1.25), "times as fast")
        copied = {size: round(time / faster, 3) for size, time in stored.items()}
        rows = [*rows, measurement(stored, product=where.product)]
        rows += [
            measurement(copied, precision=precision, product=where.product)
            for precision in (FP16, INT8)
        ]

        if engine := ENGINES.get(where.name):
            again = data.draw(st.floats(0.85, 1.5), "times as fast by the other engine")
            rows += [
                measurement(
                    {size: round(time / again, 3) for size, time in found.items()},
                    precision=precision,
                    product=where.product,
                    engine=ENGINE_NAMES[engine],
                )
                for precision, found in ((FP32, stored), (FP16, copied), (INT8, copied))
            ]

    samples = {"samples": {"uri": "pvc://m/a.npz"}} if asked else {}
    wanted = spec(
        model={"uri": "pvc://m/a.onnx", **samples},
        precision={"mode": mode},
        measurement={"mode": "IfUnknown" if asked else "Never"},
        objective={"latency": {"milliseconds": milliseconds}, "prefer": prefer},
    )

    def planned(of: list[Measurement], with_copies: list[Conversion]) -> Any:
        plan = plan_service(wanted, facts(), [where], (), of, with_copies, TOOLS)
        assert isinstance(plan, Plan)
        return plan.pools[0]

    row = planned(rows, known)
    event(f"{mode} runs {row.precision} by {row.engine}")

    assert row == planned(rows, known), "a plan is a function of what it is made from"
    assert (row.copy is None) == (row.precision is FP32)
    jobs = row.wanted_precisions
    assert set(jobs) <= RUNS[where.name]
    assert mode not in ("FP32", "BF16") or not jobs
    assert asked or mode != "Auto" or not jobs
    every = ways_to_compare(wanted, facts(), row, rows)
    ways = to_measure(wanted, facts(), every, rows)
    assert set(map(id, ways)) <= set(map(id, every))
    seconds = wanted.measurement.budget_seconds
    assert 0 < len(every) * seconds_for_each(wanted, len(every)) <= seconds
    assert len([way for way in ways if way.engine is None]) <= MOST_MEASURED
    assert len([way for way in ways if way.engine]) <= MOST_BY_ENGINE
    assert len(every) <= most_ways(where)
    for way in (row, *ways):
        assert way.engine in (None, ENGINES.get(where.name))
        assert way.engine is not Engine.TENSORRT or way.precision is not INT8, "it is dynamic"
    if row.engine:
        assert row.measured is not None
        assert row.measured.row.engine == ENGINE_NAMES[row.engine]
    for copy in (row.copy, *(way.copy for way in ways)):
        if copy is None:
            continue
        assert copy in known
        assert copy.precision in RUNS[where.name]
        assert copy.tool_versions == TOOLS
        assert copy.refusal is None
        assert copy.agreement is not None
        assert Decimal(copy.agreement) >= Decimal("0.99")
        assert mode in ("Auto", copy.precision.value)
        assert mode != "Auto" or (copy.samples_digest and (copy.rows or 0) >= 32)
    if mode == "Auto" and row.copy is not None:
        beaten, runs = planned(rows, []).measured, row.measured
        assert beaten is not None, "there is something that it beats"
        assert runs is not None
        if beaten.safe_rate and prefer == "Cost":
            assert runs.safe_rate >= 1.0999 * beaten.safe_rate
        elif beaten.safe_rate or not runs.safe_rate:
            assert beaten.alone_seconds >= 1.0999 * runs.alone_seconds
