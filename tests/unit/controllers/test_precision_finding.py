"""`PrecisionVerified`: what runs, how far it agrees, and what became of what was asked for."""

from dataclasses import replace
from typing import Any, NamedTuple

import pytest

from tests.unit.controllers.world import edit, observed, serving
from tests.unit.planning.building import (
    DIGEST,
    TOOLS,
    conversion,
    facts,
    gpu_pool,
    measurement,
    pool,
    refused,
    spec,
)
from triton_operator.api.model_profile import Conversion, Measurement
from triton_operator.controllers.inference_service import reconcile
from triton_operator.controllers.precision_finding import precision_finding
from triton_operator.planning.plan import plan_service
from triton_operator.planning.refusal import Refusal

CPU = pool("cpu")
L4 = gpu_pool("l4", product="L4")
NOTHING: dict[str, Any] = {}
ASKED = {
    "model": {"uri": "pvc://m/a.onnx", "digest": DIGEST, "samples": {"uri": "pvc://m/a.npz"}},
    "measurement": {"mode": "IfUnknown"},
}
FAST = (measurement({1: 30}), measurement({1: 15}, precision="INT8"))


def mode(name: str, **more: Any) -> dict[str, Any]:
    return {"precision": {"mode": name}, **more}


class Row(NamedTuple):
    name: str
    status: str
    reason: str
    says: str
    spec: dict[str, Any] = NOTHING
    copies: tuple[Conversion, ...] = ()
    rows: tuple[Measurement, ...] = ()
    in_use: tuple[str, ...] = ("cpu",)


ROWS = [
    Row("auto", "True", "AsStored", "the model runs in the precision in which it is stored"),
    Row("FP32", "True", "AsStored", "in which it is stored", mode("FP32"), (conversion(),)),
    Row("auto, awaited", "Unknown", "CopyNotKnown", "its Job converts and verifies", ASKED),
    Row(
        "auto, awaits its measurement",
        "True",
        "AsStored",
        "which it is stored; pool cpu: FP16: this pool's CPUs have no FP16 arithmetic that ONNX "
        "Runtime uses; pool cpu: INT8: agreement 0.995 on 300 rows of samples",
        ASKED,
        (conversion(),),
    ),
    Row(
        "auto, adopted",
        "True",
        "Verified",
        "pool cpu runs INT8: agreement 0.995 on 300 rows of samples",
        {},
        (conversion(),),
        FAST,
    ),
    Row(
        "auto, rejected",
        "True",
        "AsStored",
        "pool cpu: INT8 rejected: agreement 0.943 < 0.99",
        {},
        (conversion(agreement="0.943"),),
        FAST,
    ),
    Row(
        "asked for, awaited",
        "Unknown",
        "CopyNotKnown",
        "pool cpu: INT8: not known yet; its Job converts and verifies",
        mode("INT8"),
    ),
    Row(
        "asked for, runs",
        "True",
        "Verified",
        "pool cpu runs INT8: agreement 0.995 on 300 rows of samples",
        mode("INT8"),
        (conversion(),),
    ),
    Row(
        "asked for, made-up inputs",
        "True",
        "SmokeTestOnly",
        "smoke test only: made-up inputs",
        mode("INT8"),
        (conversion(samplesDigest=None),),
    ),
    Row(
        "asked for, few rows",
        "True",
        "SmokeTestOnly",
        "agreement 0.995 on 1 row, smoke test only: fewer than 32",
        mode("INT8"),
        (conversion(rows=1),),
    ),
    Row(
        "asked for, rejected",
        "False",
        "CopyRejected",
        "pool cpu: INT8 rejected: agreement 0.943 < 0.99; FP32 runs",
        mode("INT8"),
        (conversion(agreement="0.943"),),
    ),
    Row(
        "asked for, refused",
        "False",
        "CopyRejected",
        "INT8 rejected: node 'loop' is a Loop; FP32 runs",
        mode("INT8"),
        (refused(),),
    ),
    Row(
        "asked for where CPUs cannot",
        "False",
        "ConversionNotSupported",
        "FP16: this pool's CPUs have no FP16",
        mode("FP16"),
    ),
    Row("never made", "False", "ConversionNotSupported", "BF16: no such copies", mode("BF16")),
    Row(
        "one pool can, the other cannot",
        "False",
        "ConversionNotSupported",
        "pool cpu: FP16: this",
        mode("FP16"),
        (conversion("FP16"),),
        (),
        ("cpu", "l4"),
    ),
]


@pytest.mark.parametrize("case", ROWS, ids=lambda case: case.name)
def test_condition(case: Row) -> None:
    wanted = spec(**case.spec)
    plan = plan_service(wanted, facts(), [CPU, L4], case.in_use, case.rows, case.copies, TOOLS)

    found = precision_finding(wanted, plan)

    assert (found.status.value, found.reason) == (case.status, case.reason)
    assert case.says in found.message


@pytest.mark.parametrize("plan", [None, Refusal("NoPoolFits", "no")])
def test_without_a_plan_only_what_is_stored_is_known(plan: Refusal | None) -> None:
    assert precision_finding(spec(), plan).reason == "AsStored"
    found = precision_finding(spec(**mode("INT8")), plan)
    assert (found.status.value, found.reason) == ("Unknown", "WaitingForPlan")


def test_a_reconcile_goes_by_the_conversions_of_the_model() -> None:
    cluster = serving()
    edit(precision={"mode": "INT8"})(cluster)
    seen = replace(observed(cluster), tool_versions=TOOLS)

    def status(digest: str) -> tuple[str, str]:
        told = reconcile(replace(seen, conversions={digest: (conversion(),)})).status
        assert told is not None
        (found,) = [one for one in told["conditions"] if one["type"] == "PrecisionVerified"]
        return told["pools"][0]["precision"], found["status"]

    assert status(DIGEST) == ("INT8", "True")
    assert status("sha256:" + "12" * 32) == ("FP32", "Unknown")
