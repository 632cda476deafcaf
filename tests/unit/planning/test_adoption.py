"""A copy that may be used runs where it beats FP32 by a tenth, and only there."""

from typing import Any, NamedTuple

import pytest

from tests.unit.planning.building import (
    COPY_DIGEST,
    TOOLS,
    conversion,
    facts,
    gpu_pool,
    measurement,
    pool,
    spec,
    straight,
)
from triton_operator.api.enums import Precision
from triton_operator.api.model_profile import Conversion, Measurement
from triton_operator.planning.plan import Plan, PoolPlan, plan_service
from triton_operator.planning.pools import Pool

SIZES = (1, 2, 4, 8, 16, 32)
CPU = pool("cpu")
L4 = gpu_pool("l4", product="NVIDIA-L4")
FP32, FP16, INT8 = Precision.FP32, Precision.FP16, Precision.INT8


def rows(factor: float, precision: str = "INT8", **changes: Any) -> Measurement:
    """Times that are `factor` of those of FP32."""
    times = {size: round(time * factor, 4) for size, time in straight(20, 10, SIZES).items()}
    return measurement(times, precision=precision, **changes)


def tiny(precision: str, **changes: Any) -> Measurement:
    """Times of microseconds; those of INT8 are half of those of FP32."""
    factor = 1 if precision == "FP32" else 0.5
    times = {size: round(0.001 * size * factor, 5) for size in SIZES}
    return measurement(times, precision=precision, threads=1, **changes)


def timed(milliseconds: float, precision: str, **changes: Any) -> Measurement:
    """One size, as a Job measures it on samples."""
    values = {"source": "Measured", "samplesDigest": "sha256:" + "ef" * 32, **changes}
    told = {name: value for name, value in values.items() if value is not None}
    return measurement({1: milliseconds}, precision=precision, **told)


OTHER = "sha256:" + "ba" * 32
"""A copy that tools of another version made."""


def refused(**changes: Any) -> Measurement:
    """A copy that Triton does not load."""
    return measurement(
        {}, precision="INT8", refusal="no such operator", source="Measured", **changes
    )


STORED = rows(1, "FP32")
HALF = rows(0.5)


def within(milliseconds: int, **parts: Any) -> dict[str, Any]:
    return {"objective": {"latency": {"milliseconds": milliseconds}, **parts}}


def planned(
    measured: tuple[Measurement, ...],
    copies: tuple[Conversion, ...] = (conversion(),),
    where: Pool = CPU,
    **parts: Any,
) -> PoolPlan:
    plan = plan_service(spec(**parts), facts(), [where], (), measured, copies, TOOLS)
    assert isinstance(plan, Plan), plan
    return plan.pools[0]


class Row(NamedTuple):
    name: str
    why: str
    measured: tuple[Measurement, ...]
    runs: Precision
    says: str
    spec: dict[str, Any] = within(250)
    copies: tuple[Conversion, ...] = (conversion(),)
    pool: Pool = CPU


ROWS = [
    Row(
        "faster",
        "both are declared, and the same as if they were measured",
        (STORED, HALF),
        INT8,
        "INT8: 164/s against 65.8/s of FP32; agreement 0.995 on 300 rows of samples",
    ),
    Row(
        "bound by the server",
        "batches are twice as fast, and the requests as dear as before",
        (tiny("FP32"), tiny("INT8")),
        FP32,
        "INT8 not faster: 3357/s against 3357/s of FP32",
    ),
    Row(
        "FP32 under load was not measured",
        "that more was seen of INT8 does not say that FP32 does less",
        (tiny("FP32"), tiny("INT8", throughput="9000")),
        FP32,
        "INT8 not faster: 3357/s against 3357/s of FP32",
    ),
    Row(
        "both under load",
        "what was seen counts",
        (tiny("FP32", throughput="6000"), tiny("INT8", throughput="9000")),
        INT8,
        "INT8: 8100/s against 5400/s of FP32",
    ),
    Row(
        "slower",
        "INT8 on a CPU without its instructions",
        (STORED, rows(2)),
        FP32,
        "INT8 not faster: 19.5/s against 65.8/s of FP32",
    ),
    Row(
        "hardly faster",
        "nothing is changed for what measurements differ by",
        (STORED, rows(0.97)),
        FP32,
        " %: less than 10 %, FP32 stays",
    ),
    Row(
        "not measured",
        "nobody knows whether it is faster",
        (STORED,),
        FP32,
        "INT8 not used: INT8 is not measured on pool cpu",
    ),
    Row(
        "not loaded",
        "Triton refuses it, in whichever instances",
        (STORED, refused(instances=4, threads=1)),
        FP32,
        "INT8 not used: no such operator",
    ),
    Row(
        "another copy is not loaded",
        "of this one nobody knows",
        (STORED, refused(method="DynamicBatch")),
        FP32,
        "INT8 not used: INT8 is not measured on pool cpu",
    ),
    Row(
        "a copy of other tools is not loaded",
        "of this one nobody knows",
        (STORED, refused(copyDigest=OTHER)),
        FP32,
        "INT8 not used: INT8 is not measured on pool cpu",
    ),
    Row(
        "not loaded, while a copy of other tools was",
        "what that did says nothing of this one",
        (STORED, rows(0.5, copyDigest=OTHER), refused(copyDigest=COPY_DIGEST)),
        FP32,
        "INT8 not used: no such operator",
    ),
    Row(
        "not loaded by another release",
        "this one may do what that could not",
        (STORED, refused(hardware={"tritonRelease": "24.01"})),
        FP32,
        "INT8 not used: INT8 is not measured on pool cpu",
    ),
    Row(
        "loaded once",
        "what is measured runs, so that the refusal was of something else",
        (STORED, HALF, refused(instances=4, threads=1)),
        INT8,
        "INT8: 164/s against 65.8/s of FP32",
    ),
    Row(
        "alone measured",
        "there is nothing that it beats",
        (HALF,),
        FP32,
        "INT8 not used: FP32 is not measured on pool cpu",
    ),
    Row(
        "measured elsewhere",
        "another pool tells nothing",
        (STORED, rows(0.5, hardware={"product": "NVIDIA-L4"})),
        FP32,
        "INT8 not used: INT8 is not measured on pool cpu",
    ),
    Row(
        "the copy alone measured on samples",
        "texts of one word, and real ones",
        (timed(20, "FP32", samplesDigest=None), timed(400, "INT8")),
        FP32,
        "INT8 not used: FP32 was measured on made-up inputs, and INT8 on samples",
    ),
    Row(
        "FP32 alone measured on samples",
        "the copy is not as fast as it looks",
        (timed(20, "FP32"), timed(1, "INT8", samplesDigest=None)),
        FP32,
        "INT8 not used: INT8 was measured on made-up inputs, and FP32 on samples",
    ),
    Row(
        "both measured on both",
        "what real inputs say counts",
        (
            timed(1, "FP32", samplesDigest=None),
            timed(20, "FP32"),
            timed(2, "INT8", samplesDigest=None),
            timed(10, "INT8"),
        ),
        INT8,
        "as measured on samples",
    ),
    Row(
        "FP32 declared, the copy measured",
        "whoever declares says what holds, whatever the inputs",
        (timed(20, "FP32", source="Declared", samplesDigest=None), timed(10, "INT8")),
        INT8,
        "INT8: ",
    ),
    Row(
        "rejected",
        "however fast",
        (STORED, rows(0.1)),
        FP32,
        "INT8 rejected: agreement 0.943 < 0.99",
        copies=(conversion(agreement="0.943"),),
    ),
    Row(
        "smoke test",
        "nobody asked for it, so nobody may get it unchecked",
        (STORED, rows(0.1)),
        FP32,
        "INT8 not used: agreement 0.995 on 300 rows, smoke test only: made-up inputs",
        copies=(conversion(samplesDigest=None),),
    ),
    Row(
        "no copy",
        "a number alone is no copy",
        (STORED, HALF),
        FP32,
        "INT8 by onnxruntime does 164 requests/s (+150 %)",
        copies=(),
    ),
    Row(
        "only the copy keeps the objective",
        "by however little",
        (STORED, rows(0.96)),
        INT8,
        "INT8: 28.8 ms against 30 ms of FP32 for a request that is alone, and FP32 does not keep",
        within(29),
    ),
    Row(
        "only FP32 keeps the objective",
        "faster when full, and too slow alone",
        (STORED, measurement(straight(260, 0.1, SIZES), precision="INT8")),
        FP32,
        "INT8 not used: only FP32 keeps the objective",
    ),
    Row(
        "neither keeps it, one is nearer",
        "time counts then",
        (STORED, HALF),
        INT8,
        "INT8: 15 ms against 30 ms of FP32 for a request that is alone; agreement",
        within(10),
    ),
    Row(
        "latency: time alone counts",
        "a higher rate is not what was asked for",
        (STORED, measurement(straight(29, 1, SIZES), precision="INT8")),
        FP32,
        "INT8 not faster: 30 ms against 30 ms of FP32 for a request that is alone",
        within(250, prefer="Latency"),
    ),
    Row(
        "latency: faster alone",
        "and it is told so",
        (STORED, measurement(straight(10, 15, SIZES), precision="INT8")),
        INT8,
        "INT8: 25 ms against 30 ms of FP32 for a request that is alone",
        within(250, prefer="Latency"),
    ),
    Row(
        "the better of two",
        "and what became of the other",
        (
            rows(1, "FP32", product="NVIDIA-L4"),
            rows(0.8, "FP16", product="NVIDIA-L4"),
            rows(0.5, product="NVIDIA-L4"),
        ),
        INT8,
        "FP16 not used: 90.5/s against 65.8/s of FP32, and INT8 does more",
        copies=(conversion("FP16"), conversion()),
        pool=L4,
    ),
    Row(
        "asked for",
        "it runs, and what FP32 would do is told",
        (STORED, rows(2)),
        INT8,
        "FP32 by onnxruntime does 65.8 requests/s (+238 %), as declared in the model's profile: "
        "not used, spec.precision.mode is INT8",
        {**within(250), "precision": {"mode": "INT8"}},
    ),
]


@pytest.mark.parametrize("case", ROWS, ids=lambda case: case.name)
def test_what_runs(case: Row) -> None:
    found = planned(case.measured, case.copies, case.pool, **case.spec)

    assert found.precision is case.runs, case.why
    assert case.says in "\n".join(found.reasons)
    if case.runs is FP32:
        assert found.copy is None
    else:
        assert found.copy in case.copies


def test_a_copy_has_its_own_batch_and_instances() -> None:
    cores = {"hardware": {"resources": {"cpu": "2"}}}
    stored = rows(1, "FP32", instances=1, threads=2)
    copy = [
        rows(0.8, instances=1, threads=2),
        measurement(straight(8, 5, (1, 2, 4)), precision="INT8", instances=2, threads=1),
    ]

    found = planned((stored, *copy), **within(250), **cores)

    assert (found.precision, found.instances, found.threads) == (INT8, 2, 1)
    assert found.max_batch_size == 4
    assert found.measured is not None
    assert found.measured.row.precision is INT8


@pytest.mark.parametrize(("factor", "runs"), [(1 / 1.0999, FP32), (1 / 1.1001, INT8)])
def test_a_tenth_is_enough(factor: float, runs: Precision) -> None:
    """Of times alone, where the numbers can be said exactly."""
    times = {1: round(30 * factor, 5)}

    found = planned(
        (measurement({1: 30}), measurement(times, precision="INT8")),
        **within(250, prefer="Latency"),
    )

    assert found.precision is runs


def test_the_order_and_age_of_rows_decide_nothing() -> None:
    """FP32 is what is compared with, whatever runs now: noise cannot swing a plan to and fro."""
    near = rows(0.97, time="2026-11-25T10:00:00Z")
    older = STORED.model_copy(update={"time": "2026-11-26T10:00:00Z"})

    assert planned((STORED, near), **within(250)).precision is FP32
    assert planned((near, older), **within(250)).precision is FP32


def test_each_pool_has_its_own_precision() -> None:
    on_l4 = (rows(0.2, "FP32", product="NVIDIA-L4"), rows(0.3, product="NVIDIA-L4"))
    plan = plan_service(
        spec(**within(250)),
        facts(),
        [CPU, L4],
        {"cpu", "l4"},
        (STORED, HALF, *on_l4),
        (conversion(),),
        TOOLS,
    )

    assert isinstance(plan, Plan)
    assert {row.pool.name: row.precision for row in plan.pools} == {"cpu": INT8, "l4": FP32}
