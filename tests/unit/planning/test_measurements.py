"""Which measurements are about a replica on a pool, and which of several counts."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.unit.planning.building import facts, gpu_pool, measurement, pool
from tests.unit.planning.repositories import repository_facts, row
from triton_operator.api.enums import ModelFormat, Precision
from triton_operator.api.model_profile import Measurement
from triton_operator.planning.measurements import (
    Candidates,
    ReplicaShape,
    engine_of,
    on_hardware_of,
)
from triton_operator.planning.pools import Pool

TIMES = {1: 30.0, 8: 100.0}
L4 = gpu_pool("l4", product="NVIDIA-L4")
CPU = pool("cpu")


def of(times: dict[int, float] = TIMES, **changes: Any) -> Measurement:
    return measurement(times, **changes)


def hardware(**parts: str) -> dict[str, Any]:
    return {"hardware": parts}


@pytest.mark.parametrize(
    ("where", "row", "fits", "why"),
    [
        (CPU, of(), True, "nothing said is a CPU"),
        (CPU, of(**hardware(cpu="AMD EPYC 7B12")), True, "no pool says which CPU it has"),
        (CPU, of(**hardware(product="NVIDIA-L4")), False, "a GPU's"),
        (L4, of(**hardware(product="NVIDIA-L4")), True, "the pool's product"),
        (L4, of(**hardware(product="NVIDIA-L4", cpu="any")), True, "the CPU beside a GPU"),
        (L4, of(**hardware(product="NVIDIA-T4")), False, "another product"),
        (L4, of(), False, "nothing said is no GPU"),
        (gpu_pool("gpu"), of(), True, "a pool without a product, and nothing said"),
        (gpu_pool("gpu"), of(**hardware(cpu="any")), False, "a CPU's"),
        (gpu_pool("gpu"), of(**hardware(product="NVIDIA-L4")), False, "it may be another"),
        (CPU, of({}), False, "no times"),
    ],
)
def test_hardware(where: Pool, row: Measurement, fits: bool, why: str) -> None:
    assert on_hardware_of(where, [row]) == ([row] if fits else []), why


@pytest.mark.parametrize(
    ("shape", "instances", "threads", "fits", "why"),
    [
        (ReplicaShape(4), None, None, True, "one instance with what there is"),
        (ReplicaShape(4), 1, 4, True, "every thread"),
        (ReplicaShape(4), 1, 2, False, "half of the threads tell nothing of all"),
        (ReplicaShape(4), 2, 2, True, "as many in all"),
        (ReplicaShape(4), 2, None, True, "its share"),
        (ReplicaShape(3), 2, 1, True, "rounded down: the rest is idle"),
        (ReplicaShape(1), 2, 1, False, "more threads than cores"),
        (ReplicaShape(None), 2, 7, True, "threads do not matter on a GPU"),
        (ReplicaShape(4, instances_free=False), 2, 2, False, "the author's config says how many"),
        (ReplicaShape(4, instances_free=False), None, None, True, "one, as it may be"),
    ],
)
def test_shapes(
    shape: ReplicaShape, instances: int | None, threads: int | None, fits: bool, why: str
) -> None:
    assert shape.takes(of(instances=instances, threads=threads)) is fits, why


@dataclass(frozen=True)
class Several:
    name: str
    rows: Sequence[Measurement]
    counts: int
    why: str
    extra: dict[str, Any] = field(default_factory=dict)


ROWS = "sha256:" + "ef" * 32
OLD, NEW = "2026-01-01T00:00:00Z", "2026-06-01T00:00:00Z"
SEVERAL = [
    Several(
        "release",
        [of(**hardware(tritonRelease="26.06")), of(), of(**hardware(tritonRelease="26.09"))],
        2,
        "that of the pool's release is the closest",
    ),
    Several(
        "another release",
        [of(**hardware(tritonRelease="26.06"), source="Measured"), of()],
        1,
        "one that names none may be of this release",
    ),
    Several(
        "source",
        [of(time=NEW), of(time=OLD, source="Measured")],
        1,
        "what was measured before what was said",
    ),
    Several(
        "samples",
        [of(time=OLD, source="Measured", samplesDigest=ROWS), of(time=NEW, source="Measured")],
        0,
        "real inputs before made-up ones, however new",
    ),
    Several(
        "samples, on another release",
        [
            of(source="Measured", samplesDigest=ROWS, **hardware(tritonRelease="26.06")),
            of(source="Measured", **hardware(tritonRelease="26.09")),
        ],
        0,
        "a release changes less than inputs do",
    ),
    Several("time", [of(time=OLD), of(time=NEW)], 1, "the newest"),
    Several(
        "CPUs",
        [of({1: 30, 8: 200}, time=OLD, **hardware(cpu="slow")), of(time=NEW, **hardware(cpu="b"))],
        0,
        "nobody knows which CPU a pod will get",
    ),
    Several("precision", [of(precision="INT8"), of()], 1, "the one that runs"),
    Several("engine", [of(engine="openvino"), of()], 1, "the one that runs"),
]


@pytest.mark.parametrize("case", SEVERAL, ids=lambda case: case.name)
def test_which_of_several_counts(case: Several) -> None:
    found = Candidates(case.rows, "onnxruntime", Precision.FP32, ReplicaShape(1), "26.09").fitting()

    assert found == [case.rows[case.counts]], case.why


def test_every_number_of_instances_has_one_that_counts() -> None:
    rows = [of(time=NEW), of(instances=2, threads=1), of(instances=1, threads=2, time=OLD)]

    found = Candidates(rows, "onnxruntime", Precision.FP32, ReplicaShape(2), None).fitting()

    assert found == [rows[0], rows[1]]


def test_ways_measured_on_samples_and_on_made_up_inputs_do_not_compete() -> None:
    rows = [
        of(instances=1, threads=2, source="Measured", samplesDigest=ROWS),
        of({1: 1.0}, instances=2, threads=1, source="Measured"),
    ]

    found = Candidates(rows, "onnxruntime", Precision.FP32, ReplicaShape(2), None).fitting()

    assert found == [rows[0]]


def test_the_engine_is_the_backend_of_the_model_that_clients_call() -> None:
    assert engine_of(facts()) == "onnxruntime"
    assert engine_of(facts(format=ModelFormat.TENSORRT)) == "tensorrt"
    assert engine_of(repository_facts(row("m", "python"))) == "python"
