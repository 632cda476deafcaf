"""Another engine runs where the pool has it, and where it was measured to be faster by a tenth."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest

from tests.unit.planning.building import (
    TOOLS,
    conversion,
    facts,
    gpu_pool,
    measurement,
    pool,
    spec,
    straight,
)
from triton_operator.api.enums import Engine, ModelFormat
from triton_operator.api.model_profile import Conversion, Measurement
from triton_operator.api.tensors import Tensor
from triton_operator.planning.candidate import to_measure, ways_to_compare
from triton_operator.planning.plan import Plan, PoolPlan, plan_service
from triton_operator.planning.pools import Pool

SIZES = (1, 2, 4, 8, 16, 32)
NVIDIA = "nvcr.io/nvidia/tritonserver:26.09-py3"
TRT, OV = Engine.TENSORRT, Engine.OPENVINO
L4 = gpu_pool("l4", product="NVIDIA-L4", image=NVIDIA, engines=(TRT,))
UNASKED = gpu_pool("l4", product="NVIDIA-L4", image=NVIDIA)
CPU = pool("cpu", engines=(OV,))
BY_TRT, BY_OV = "onnxruntime-tensorrt", "openvino"


def took(factor: float, engine: str = "onnxruntime", **changes: Any) -> Measurement:
    """Times that are `factor` of those by ONNX Runtime."""
    times = {size: round(time * factor, 4) for size, time in straight(20, 10, SIZES).items()}
    return measurement(times, engine=engine, **changes)


def on_l4(factor: float, engine: str = "onnxruntime", **changes: Any) -> Measurement:
    return took(factor, engine, product="NVIDIA-L4", **changes)


def refusal(says: str, engine: str, **changes: Any) -> Measurement:
    values = {"latency": [], "refusal": says, "engine": engine, "source": "Measured"}
    return measurement({}, **{**values, **changes})


def within(milliseconds: int, **parts: Any) -> dict[str, Any]:
    return {"objective": {"latency": {"milliseconds": milliseconds}, **parts}}


class Row(NamedTuple):
    name: str
    why: str
    measured: tuple[Measurement, ...]
    runs: Engine | None
    says: str
    pool: Pool = L4
    facts: Mapping[str, Any] = MappingProxyType({})
    copies: tuple[Conversion, ...] = ()
    spec: dict[str, Any] = within(250)


ROWS = [
    Row(
        "TensorRT is faster",
        "what it does, and that it takes a while to start",
        (on_l4(1), on_l4(0.5, BY_TRT)),
        TRT,
        "TensorRT: 164/s against 65.8/s of onnxruntime; each pod compiles its engine",
    ),
    Row(
        "TensorRT is hardly faster",
        "for less than a tenth nobody compiles",
        (on_l4(1), on_l4(0.97, BY_TRT)),
        None,
        "less than 10 %, onnxruntime stays",
    ),
    Row(
        "TensorRT is slower",
        "as where most of the model falls back to CUDA",
        (on_l4(1), on_l4(2, BY_TRT)),
        None,
        "TensorRT not faster: 19.5/s against 65.8/s of onnxruntime",
    ),
    Row(
        "TensorRT is not measured",
        "nobody knows",
        (on_l4(1),),
        None,
        "TensorRT not used: TensorRT is not measured on pool l4",
    ),
    Row(
        "TensorRT alone is measured",
        "there is nothing that it beats",
        (on_l4(0.5, BY_TRT),),
        None,
        "TensorRT not used: onnxruntime is not measured on pool l4",
    ),
    Row(
        "TensorRT alone is measured on samples",
        "a text of one word, and real ones",
        (
            on_l4(1, source="Measured"),
            on_l4(0.5, BY_TRT, source="Measured", samplesDigest="sha256:" + "ef" * 32),
        ),
        None,
        "TensorRT not used: onnxruntime was measured on made-up inputs, and TensorRT on samples",
    ),
    Row(
        "the model does not load in TensorRT",
        "that is a result, and told",
        (on_l4(1), refusal("no such node", BY_TRT, hardware={"product": "NVIDIA-L4"})),
        None,
        "TensorRT not used: no such node",
    ),
    Row(
        "it did not load in another release",
        "that may be over",
        (
            on_l4(1),
            refusal(
                "no such node",
                BY_TRT,
                hardware={"product": "NVIDIA-L4", "tritonRelease": "25.01"},
            ),
        ),
        None,
        "TensorRT not used: TensorRT is not measured on pool l4",
    ),
    Row(
        "TensorRT, and nobody named it",
        "no pod compiles for minutes whose owner did not ask for it, whatever the image has",
        (on_l4(1), on_l4(0.5, BY_TRT)),
        None,
        "TensorRT not used: each pod would compile for minutes before it serves; name it in "
        "spec.engines of ServingPool l4 if that will do",
        UNASKED,
    ),
    Row(
        "a private image of which somebody says it",
        "whoever runs the pool knows",
        (on_l4(1), on_l4(0.5, BY_TRT)),
        TRT,
        "TensorRT: 164/s",
        gpu_pool("l4", product="NVIDIA-L4", engines=(TRT,)),
    ),
    Row(
        "the service's own image",
        "what the pool says is of the pool's image",
        (on_l4(1), on_l4(0.5, BY_TRT)),
        None,
        "TensorRT not used: nothing says that image r.example/mine:26.09 has it; make that the "
        "image of a ServingPool that names it in spec.engines",
        spec={**within(250), "runtime": {"image": "r.example/mine:26.09"}},
    ),
    Row(
        "the service's own image, of NVIDIA",
        "it has it, and the pool wants it",
        (on_l4(1), on_l4(0.5, BY_TRT)),
        TRT,
        "TensorRT: 164/s",
        gpu_pool("l4", product="NVIDIA-L4", engines=(TRT,)),
        spec={**within(250), "runtime": {"image": NVIDIA}},
    ),
    Row(
        "an image of NVIDIA where none is wanted",
        "the image does not say what the pool's owner wants",
        (on_l4(1), on_l4(0.5, BY_TRT)),
        None,
        "TensorRT not used: not among spec.engines of pool l4",
        gpu_pool("l4", product="NVIDIA-L4", engines=()),
        spec={**within(250), "runtime": {"image": NVIDIA}},
    ),
    Row(
        "no engines",
        "whoever runs the pool wants none",
        (on_l4(1), on_l4(0.5, BY_TRT)),
        None,
        "TensorRT not used: not among spec.engines of pool l4",
        gpu_pool("l4", product="NVIDIA-L4", image=NVIDIA, engines=()),
    ),
    Row(
        "an old release",
        "it would compile for every new batch size",
        (on_l4(1), on_l4(0.5, BY_TRT)),
        None,
        "TensorRT not used: Triton 24.02 cannot be told shapes; use 24.03 or later",
        gpu_pool(
            "l4",
            product="NVIDIA-L4",
            image="nvcr.io/nvidia/tritonserver:24.02-py3",
            engines=(TRT,),
        ),
    ),
    Row(
        "GPUs of somebody else",
        "TensorRT is NVIDIA's",
        (took(1, product="MI300X"),),
        None,
        "TensorRT not used: it needs a GPU of NVIDIA, and pool amd has amd.com/gpu",
        gpu_pool("amd", product="MI300X", accelerator_resource="amd.com/gpu", engines=(TRT,)),
    ),
    Row(
        "texts of any length",
        "an engine is for a range of shapes",
        (on_l4(1), on_l4(0.5, BY_TRT)),
        None,
        "TensorRT not used: input ids has an axis of any length besides the batch",
        facts={"inputs": [Tensor(name="ids", datatype="INT64", shape=[-1, -1])]},
    ),
    Row(
        "a copy in dynamic INT8",
        "it runs by ONNX Runtime",
        (on_l4(1), on_l4(0.5, precision="INT8"), on_l4(0.1, BY_TRT, precision="INT8")),
        None,
        "TensorRT not used: it does not have the operators of a copy in dynamic INT8",
        copies=(conversion(),),
    ),
    Row(
        "a copy in FP16, by TensorRT",
        "each of both is better than what it replaces",
        (
            on_l4(1),
            on_l4(0.9, BY_TRT),
            on_l4(0.8, precision="FP16"),
            on_l4(0.45, BY_TRT, precision="FP16"),
        ),
        TRT,
        "FP16: 187/s against 76.5/s of FP32",
        copies=(conversion("FP16"),),
    ),
    Row(
        "OpenVINO is faster",
        "on CPUs",
        (took(1), took(0.5, BY_OV)),
        OV,
        "OpenVINO: 164/s against 65.8/s of onnxruntime",
        CPU,
    ),
    Row(
        "OpenVINO, and nobody named it",
        "nobody gets BF16 who did not ask for it",
        (took(1), took(0.5, BY_OV)),
        None,
        "OpenVINO not used: it computes in BF16 on CPUs that have it; name it in spec.engines of "
        "ServingPool cpu if that will do",
        pool("cpu", image=NVIDIA),
    ),
    Row(
        "OpenVINO, of strings",
        "it has none",
        (took(1), took(0.5, BY_OV)),
        None,
        "OpenVINO not used: tensor text holds strings, which OpenVINO does not have",
        CPU,
        {"inputs": [Tensor(name="text", datatype="BYTES", shape=[-1, 1])]},
    ),
]


def planned(case: Row) -> PoolPlan:
    plan = plan_service(
        spec(**case.spec),
        facts(**case.facts),
        [case.pool],
        (),
        case.measured,
        case.copies,
        TOOLS,
    )
    assert isinstance(plan, Plan), plan
    return plan.pools[0]


@pytest.mark.parametrize("case", ROWS, ids=lambda case: case.name)
def test_what_runs(case: Row) -> None:
    found = planned(case)

    assert found.engine is case.runs, case.why
    assert case.says in "\n".join(found.reasons)


def test_batch_and_rate_are_those_of_the_engine() -> None:
    slow = planned(ROWS[0]._replace(measured=(on_l4(1),)))
    fast = planned(ROWS[0])

    assert slow.measured
    assert fast.measured
    assert fast.measured.row.engine == BY_TRT
    assert fast.measured.safe_rate > 2 * slow.measured.safe_rate
    assert fast.max_batch_size != slow.max_batch_size


def test_nobody_asks_and_nothing_is_said() -> None:
    """Without measurements, and the leave to take some, there is nothing to choose from."""
    found = planned(ROWS[0]._replace(measured=()))

    assert "TensorRT" not in "\n".join(found.reasons)


def test_other_formats_have_no_other_engine() -> None:
    plan = planned(
        ROWS[0]._replace(
            measured=(on_l4(1, "tensorrt"), on_l4(0.1, BY_TRT)),
            facts={"format": ModelFormat.TENSORRT},
        )
    )

    assert plan.engine is None
    assert "TensorRT not used" not in "\n".join(plan.reasons)


ASKED = {"measurement": {"mode": "IfUnknown"}}


def measured_next(case: Row, known: tuple[Measurement, ...]) -> list[tuple[str, Engine | None]]:
    row = planned(case._replace(measured=known, spec=ASKED))
    asked, model = spec(**ASKED), facts(**case.facts)
    ways = to_measure(asked, model, ways_to_compare(asked, model, row, known), known)
    return [(one.precision.value, one.engine) for one in ways]


def settled(factor: float, engine: str = "onnxruntime", **changes: Any) -> Measurement:
    return on_l4(factor, engine, source="Measured", ended="Slower", **changes)


def test_the_engine_is_measured_after_what_runs() -> None:
    assert measured_next(ROWS[0], ()) == [("FP32", None), ("FP32", TRT)]


def test_what_is_known_of_it_is_not_measured_again() -> None:
    both = (settled(1), settled(0.5, BY_TRT))

    assert measured_next(ROWS[0], both[:1]) == [("FP32", TRT)]
    assert measured_next(ROWS[0], both) == []


def test_nor_that_the_model_does_not_load() -> None:
    no = refusal("no such node", BY_TRT, hardware={"product": "NVIDIA-L4"})

    assert measured_next(ROWS[0], (settled(1), no)) == []


def test_where_it_cannot_be_had_it_is_not_measured() -> None:
    assert measured_next(ROWS[0]._replace(pool=UNASKED), ()) == [("FP32", None)]


def test_a_declared_engine_is_enough() -> None:
    """Of what runs there is nothing to compare yet, so that is measured."""
    assert measured_next(ROWS[0], (on_l4(0.5, BY_TRT),)) == [("FP32", None)]


def test_each_precision_by_the_engine_too() -> None:
    case = ROWS[0]._replace(copies=(conversion("FP16"), conversion()))

    assert measured_next(case, ()) == [
        ("FP32", None),
        ("FP16", None),
        ("INT8", None),
        ("FP32", TRT),
        ("FP16", TRT),
    ]
