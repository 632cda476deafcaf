"""Which precision is asked for and what becomes of it: never silently another one."""

from typing import Any, NamedTuple

import pytest

from tests.unit.planning.building import (
    COPY_BYTES,
    TOOLS,
    conversion,
    facts,
    gpu_pool,
    pool,
    refused,
    spec,
)
from tests.unit.planning.repositories import repository_facts, row
from triton_operator.api.enums import ModelFormat, Precision, PrecisionMode
from triton_operator.api.model_profile import Conversion, ModelFacts
from triton_operator.api.model_source import Samples
from triton_operator.planning.plan import Plan, PoolPlan, plan_service
from triton_operator.planning.pools import Pool
from triton_operator.planning.samples_source import samples_source

CPU = pool("cpu")
L4 = gpu_pool("l4", product="NVIDIA-L4")
FP16, INT8 = Precision.FP16, Precision.INT8
SAMPLES = {"model": {"uri": "pvc://m/a.onnx", "samples": {"uri": "pvc://m/a.npz"}}}
MEASURED = {"measurement": {"mode": "IfUnknown"}}
OLD = {**TOOLS, "onnxruntime": "1.22.0"}
THEIRS = "sha256:" + "12" * 32
OWN = samples_source(Samples(uri="pvc://m/a.npz"))
SMOKE = conversion(samplesDigest=None)


def mode(name: str) -> dict[str, Any]:
    return {"precision": {"mode": name}}


def planned(
    where: Pool, *copies: Conversion, known: ModelFacts | None = None, **parts: Any
) -> PoolPlan:
    plan = plan_service(spec(**parts), known or facts(), [where], (), (), copies, TOOLS)
    assert isinstance(plan, Plan), plan
    return plan.pools[0]


class Row(NamedTuple):
    name: str
    why: str
    parts: dict[str, Any]
    copies: tuple[Conversion, ...] = ()
    wanted: tuple[Precision, ...] = ()
    runs: Precision = Precision.FP32
    says: str = ""
    pool: Pool = CPU
    model: ModelFacts = facts()


ROWS = [
    Row("auto", "nobody asks", {}, says="FP32: the model as it is; no verified faster copy exists"),
    Row("auto without samples", "nothing could verify it", MEASURED),
    Row("auto without leave to measure", "nothing could tell that it is faster", SAMPLES),
    Row(
        "auto on CPUs",
        "both leave and samples are there",
        {**SAMPLES, **MEASURED},
        wanted=(INT8,),
        says="FP16: this pool's CPUs have no FP16 arithmetic",
    ),
    Row("auto on GPUs", "they have both", {**SAMPLES, **MEASURED}, (), (FP16, INT8), pool=L4),
    Row(
        "auto on what somebody says",
        "spec.precisions counts",
        {**SAMPLES, **MEASURED},
        wanted=(FP16,),
        says="INT8: not among spec.precisions of pool said",
        pool=pool("said", precisions=(Precision.FP32, FP16)),
    ),
    Row(
        "auto on an old GPU",
        "known by its product",
        {**SAMPLES, **MEASURED},
        wanted=(FP16,),
        says="INT8: Tesla-P100-PCIE-16GB has no fast INT8 arithmetic",
        pool=gpu_pool("old", product="Tesla-P100-PCIE-16GB"),
    ),
    Row(
        "auto, known",
        "not twice; and not without a measurement",
        {**SAMPLES, **MEASURED},
        (conversion(),),
        says="INT8 not used: INT8 is not measured on pool cpu",
    ),
    Row(
        "auto, made-up inputs",
        "verified anew with the samples that are there now",
        {**SAMPLES, **MEASURED},
        (SMOKE,),
        (INT8,),
        says="INT8 not used: agreement 0.995 on 300 rows, smoke test only: made-up inputs; its Job",
    ),
    Row(
        "auto, few rows",
        "more of them are the user's to give",
        {**SAMPLES, **MEASURED},
        (conversion(rows=31),),
        says="INT8 not used: agreement 0.995 on 31 rows, smoke test only: fewer than 32",
    ),
    Row(
        "auto, rejected",
        "the number is told",
        {},
        (conversion(agreement="0.943"),),
        says="INT8 rejected: agreement 0.943 < 0.99",
    ),
    Row(
        "auto, refused",
        "what stands against it is told",
        {**SAMPLES, **MEASURED},
        (refused(),),
        says="INT8 rejected: node 'loop' is a Loop",
    ),
    Row("FP32", "nothing else is wanted", {**mode("FP32"), **SAMPLES, **MEASURED}, (conversion(),)),
    Row("asked for", "at once, without leave or samples", mode("INT8"), wanted=(INT8,)),
    Row("used", "as soon as it is accepted", mode("INT8"), (conversion(),), (), INT8),
    Row(
        "used after a smoke test",
        "and said to be",
        mode("INT8"),
        (SMOKE,),
        (),
        INT8,
        "INT8: spec.precision.mode; agreement 0.995 on 300 rows, smoke test only: made-up inputs",
    ),
    Row(
        "samples come later",
        "what serves goes on, and is verified",
        {**mode("INT8"), **SAMPLES},
        (SMOKE,),
        (INT8,),
        INT8,
    ),
    Row(
        "refused for want of samples",
        "tried again with them",
        {**mode("INT8"), **SAMPLES},
        (refused(samplesDigest=None),),
        (INT8,),
    ),
    Row(
        "refused with samples",
        "not tried again",
        {**mode("INT8"), **SAMPLES},
        (refused(),),
        says="FP32, and not as spec.precision.mode says: INT8 rejected: node 'loop'",
    ),
    Row(
        "refused although it agrees",
        "an overflow, say",
        mode("INT8"),
        (conversion(refusal="4 values are not finite"),),
        says="INT8 rejected: 4 values are not finite",
    ),
    Row(
        "agrees too little",
        "FP32 stays",
        {"precision": {"mode": "INT8", "minAgreement": "0.9951"}},
        (conversion(),),
        says="INT8 rejected: agreement 0.995 < 0.9951",
    ),
    Row(
        "agrees just enough",
        "at least, not more than",
        {"precision": {"mode": "INT8", "minAgreement": "0.9950"}},
        (conversion(),),
        runs=INT8,
    ),
    Row(
        "nothing compared",
        "no number is no agreement",
        {"precision": {"mode": "INT8", "minAgreement": "0"}},
        (conversion(agreement=None),),
        (INT8,),
        says="INT8 not used: its row has no digest, files or agreement; its Job converts",
    ),
    Row(
        "made in no known way",
        "no pod could make it again",
        mode("INT8"),
        (conversion(method="Shrunk"),),
        (INT8,),
        says="INT8 not used: its row has no method that makes INT8; its Job converts",
    ),
    Row(
        "a method of another precision",
        "whatever its digest is of",
        mode("INT8"),
        (conversion(method="FP16"),),
        (INT8,),
        says="INT8 not used: its row has no method that makes INT8",
    ),
    Row(
        "no files",
        "pods would not know what to compare",
        mode("INT8"),
        (conversion(files=[]),),
        (INT8,),
        says="INT8 not used: its row has no digest, files",
    ),
    Row(
        "static without ranges",
        "pods have no samples to find them with",
        mode("INT8"),
        (conversion(method="INT8Static", ranges=None),),
        (INT8,),
        says="INT8 not used: its row has no ranges of activations",
    ),
    Row(
        "other tools",
        "its digest would not come out",
        mode("INT8"),
        (conversion(toolVersions=OLD),),
        (INT8,),
        says="made with other tools (onnxruntime 1.22.0, here 1.23.2); its Job converts",
    ),
    Row(
        "newer one is worse",
        "of one method the newest counts",
        mode("INT8"),
        (conversion(), conversion(agreement="0.9", time="2026-11-22T10:00:00Z")),
        says="INT8 rejected: agreement 0.9 <",
    ),
    Row(
        "newer one on made-up inputs",
        "real samples count more",
        mode("INT8"),
        (
            conversion(agreement="0.9"),
            conversion(samplesDigest=None, time="2026-11-22T10:00:00Z"),
        ),
        says="INT8 rejected: agreement 0.9 <",
    ),
    Row(
        "another method",
        "one of both will do",
        mode("INT8"),
        (conversion(), refused(method="INT8Static", time="2026-11-22T10:00:00Z")),
        runs=INT8,
    ),
    Row(
        "another method on real samples",
        "what made-up inputs say counts less, and nothing is wanted for ever",
        {**mode("INT8"), **SAMPLES},
        (SMOKE, conversion(method="INT8Static", agreement="0.9", time="2026-11-20T10:00:00Z")),
        says="INT8 rejected: agreement 0.9 <",
    ),
    Row(
        "compared on these samples",
        "nothing is left to find out",
        {**mode("INT8"), **SAMPLES},
        (conversion(samplesSource=OWN),),
        runs=INT8,
        says="agreement 0.995 on 300 rows of samples",
    ),
    Row(
        "compared on another service's samples",
        "as a smoke test: it was asked for, and its Job compares on the service's own",
        {**mode("INT8"), **SAMPLES},
        (conversion(samplesSource=THEIRS),),
        (INT8,),
        runs=INT8,
        says="smoke test only: compared on other samples than this service's",
    ),
    Row(
        "rejected on another service's samples",
        "they may be of another kind",
        {**mode("INT8"), **SAMPLES},
        (conversion(samplesSource=THEIRS, agreement="0.9"),),
        (INT8,),
        says="INT8 rejected: agreement 0.9 < 0.99; its Job converts and verifies",
    ),
    Row(
        "rejected on these samples, accepted on another's",
        "one's own decide, however old",
        {**mode("INT8"), **SAMPLES},
        (
            conversion(samplesSource=OWN, agreement="0.9", time="2026-11-20T10:00:00Z"),
            conversion(samplesSource=THEIRS),
        ),
        says="INT8 rejected: agreement 0.9 <",
    ),
    Row(
        "another method, on another's samples",
        "one's own decide, whatever the method",
        {**mode("INT8"), **SAMPLES},
        (
            conversion(samplesSource=OWN, agreement="0.9"),
            conversion(method="INT8Static", samplesSource=THEIRS),
        ),
        says="INT8 rejected: agreement 0.9 <",
    ),
    Row(
        "compared on another service's samples, without own ones",
        "real inputs are better than made-up ones",
        mode("INT8"),
        (conversion(samplesSource=THEIRS),),
        runs=INT8,
        says="agreement 0.995 on 300 rows of samples",
    ),
    Row(
        "Auto, compared on another service's samples",
        "nobody gets a copy unasked that was not compared on his own",
        {**SAMPLES, **MEASURED},
        (conversion(samplesSource=THEIRS),),
        (INT8,),
    ),
    Row(
        "another precision",
        "tells nothing",
        mode("INT8"),
        (conversion("FP16"),),
        (INT8,),
    ),
    Row(
        "FP16 on CPUs",
        "said, and not made",
        mode("FP16"),
        says="FP32, and not as spec.precision.mode says: FP16: this pool's CPUs",
    ),
    Row("FP16 on GPUs", "wanted", mode("FP16"), wanted=(FP16,), pool=L4),
    Row("BF16", "never made", mode("BF16"), says="BF16: no such copies are made", pool=L4),
    Row(
        "not ONNX",
        "nothing converts it",
        mode("INT8"),
        says="INT8: only single ONNX models are converted, and this is a OpenVINO model",
        model=facts(format=ModelFormat.OPENVINO),
    ),
    Row(
        "repository",
        "its files are its author's",
        mode("INT8"),
        says="this is a TritonRepository model",
        model=repository_facts(row("m", "onnxruntime")),
    ),
]


@pytest.mark.parametrize("case", ROWS, ids=lambda case: case.name)
def test_what_runs_and_what_is_wanted(case: Row) -> None:
    found = planned(case.pool, *case.copies, known=case.model, **case.parts)

    assert found.precision is case.runs, case.why
    assert (found.copy is not None) == (case.runs is not Precision.FP32)
    assert case.says in "\n".join(found.reasons)
    assert found.wanted_precisions == case.wanted, case.why


def test_every_mode_has_a_row() -> None:
    modes = {spec(**case.parts).precision.mode for case in ROWS}

    assert modes == set(PrecisionMode)


def test_memory_is_that_of_the_copy() -> None:
    large = facts(size_bytes=2**30)

    stored = planned(CPU, known=large)
    copied = planned(CPU, conversion(), known=large, **mode("INT8"))

    assert copied.memory_bytes < stored.memory_bytes - 2**30
    assert f"from {COPY_BYTES} bytes of weights" in "\n".join(copied.reasons)


def test_fp16_on_cpus_becomes_fp32_in_memory() -> None:
    said = pool("said", precisions=(FP16,))
    large = facts(size_bytes=2**30)

    copied = planned(said, conversion("FP16"), known=large, **mode("FP16"))

    assert copied.precision is FP16
    assert copied.memory_bytes == planned(CPU, known=large).memory_bytes


def test_a_plan_without_conversions_says_nothing_of_them() -> None:
    assert not [reason for reason in planned(CPU).reasons if "INT8" in reason or "FP16" in reason]


def test_no_row_makes_a_copy_larger_than_its_model() -> None:
    """Anybody in the namespace may write one, and a service must not lose its plan by it."""
    asked = spec(**mode("INT8"))
    huge = [{"path": "model.onnx", "digest": "sha256:" + "cd" * 32, "sizeBytes": 10**15}]

    plan = plan_service(
        asked, facts(), [pool("cpu")], conversions=(conversion(files=huge),), tool_versions=TOOLS
    )

    assert isinstance(plan, Plan)
    assert plan.pools[0].copy is not None
