"""`PrecisionVerified`: what runs, how far it agrees, and what became of what was asked for."""

from dataclasses import replace
from typing import Any, NamedTuple

import pytest

from tests.unit.controllers.cluster import Cluster
from tests.unit.controllers.world import (
    DEPLOYMENT,
    absorb,
    edit,
    first_sight,
    observed,
    serving,
)
from tests.unit.planning.building import (
    DIGEST,
    TOOLS,
    conversion,
    facts,
    gpu_pool,
    measurement,
    pool,
    refused,
    single_request_facts,
    spec,
)
from triton_operator.api.copy_store import CopyStore
from triton_operator.api.model_profile import Conversion, Measurement, ModelFacts
from triton_operator.controllers.inference_service import reconcile
from triton_operator.controllers.observed import Observed, Outcome
from triton_operator.controllers.precision_finding import precision_finding
from triton_operator.planning.plan import Plan, plan_service
from triton_operator.planning.pools import Pool

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
    model: ModelFacts = facts()


BATCHED = conversion("FP32", method="DynamicBatch", agreement="1", batchSize=16)
ONE_ROW = single_request_facts()
IN_BATCHES = (
    measurement({1: 900}),
    measurement({1: 900, 2: 910, 4: 920}, method="DynamicBatch"),
)
ROWS = [
    Row(
        "FP32, a batch awaited",
        "Unknown",
        "CopyNotKnown",
        "DynamicBatch: not known yet; its Job converts and verifies",
        {**ASKED, **mode("FP32")},
        model=ONE_ROW,
    ),
    Row(
        "FP32, in batches",
        "True",
        "Verified",
        "pool cpu runs DynamicBatch: agreement 1 on 300 rows in batches of 16 of samples",
        {**mode("FP32"), "objective": {"latency": {"milliseconds": 5000}}},
        (BATCHED,),
        IN_BATCHES,
        model=ONE_ROW,
    ),
    Row(
        "FP32, never in batches",
        "True",
        "AsStored",
        "DynamicBatch rejected: node 'loop' is a Loop",
        mode("FP32"),
        (refused("FP32", method="DynamicBatch"),),
        model=ONE_ROW,
    ),
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
        "False",
        "CopyRejected",
        "pool cpu: INT8 rejected: agreement 0.943 < 0.99; FP32 runs",
        {},
        (conversion(agreement="0.943"),),
        FAST,
    ),
    Row(
        "auto, rejected in batches",
        "False",
        "CopyRejected",
        "INT8 rejected: agreement 0.67 < 0.99 in batches of 16; FP32 runs",
        {},
        (conversion(agreement="0.67", batchSize=16),),
        FAST,
    ),
    Row(
        "auto, one rejected, the other one runs",
        "True",
        "Verified",
        "pool l4 runs INT8: agreement 0.995",
        {},
        (conversion(), conversion("FP16", agreement="0.943")),
        tuple(
            measurement({1: time}, precision=name, product="L4")
            for name, time in (("FP32", 30), ("INT8", 15), ("FP16", 15))
        ),
        ("l4",),
    ),
    Row(
        "auto, none can be made",
        "True",
        "AsStored",
        "pool cpu: INT8 rejected: node 'loop' is a Loop",
        {},
        (refused(),),
        FAST,
    ),
    Row(
        "auto, not faster",
        "True",
        "AsStored",
        "in which it is stored",
        {},
        (conversion(),),
        (measurement({1: 30}), measurement({1: 29}, precision="INT8")),
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
    plan = plan_service(wanted, case.model, [CPU, L4], case.in_use, case.rows, case.copies, TOOLS)
    assert isinstance(plan, Plan)

    found = precision_finding(wanted, plan)

    assert (found.status.value, found.reason) == (case.status, case.reason)
    assert case.says in found.message


HERE = {"uri": "s3://copies", "endpoint": "https://here.example.com"}


@pytest.mark.parametrize(
    ("store", "told"),
    [
        pytest.param(HERE, True, id="of that Job"),
        pytest.param({**HERE, "uri": "s3://copies/"}, True, id="the same, spelled otherwise"),
        pytest.param(None, False, id="no store"),
        pytest.param({**HERE, "uri": "s3://copies/shop"}, False, id="another prefix"),
        pytest.param({"uri": "s3://copies"}, False, id="at another endpoint"),
        pytest.param({"uri": "oci://r.example.com/copies"}, False, id="another store"),
    ],
)
def test_who_names_the_jobs_store_is_told_that_the_copy_is_not_there(
    store: dict[str, str] | None, told: bool
) -> None:
    wanted = spec(precision={"mode": "INT8", **({"store": store} if store else {})})
    source = CopyStore.model_validate(HERE).source
    copy = conversion().model_copy(
        update={"store_failure": "the bucket answers 403", "store_source": source}
    )
    plan = plan_service(wanted, facts(), [CPU], (), (), (copy,), TOOLS)
    assert isinstance(plan, Plan)

    found = precision_finding(wanted, plan)

    assert found.status.value == "True"
    words = "the Job could not put it into spec.precision.store: the bucket answers 403"
    assert (words in found.message) is told


def condition(outcome: Outcome) -> tuple[str, str, str]:
    assert outcome.status is not None
    (found,) = [one for one in outcome.status["conditions"] if one["type"] == "PrecisionVerified"]
    return found["status"], found["reason"], found["message"]


def seen(cluster: Cluster, *rows: Conversion, pools: tuple[Pool, ...] = (CPU,)) -> Observed:
    looked = replace(observed(cluster, pools=pools), tool_versions=TOOLS)
    return replace(looked, conversions={DIGEST: rows} if rows else {})


def adopting() -> Cluster:
    """INT8 is planned and written; the pod that serves has FP32."""
    cluster = serving()
    edit(precision={"mode": "INT8"})(cluster)
    absorb(cluster, reconcile(seen(cluster, conversion())))
    return cluster


def adopted() -> Cluster:
    """The copy serves, and the status says so."""
    cluster = adopting()
    cluster.roll_out(DEPLOYMENT)
    absorb(cluster, reconcile(seen(cluster, conversion())))
    return cluster


def test_a_reconcile_goes_by_the_conversions_of_the_model() -> None:
    cluster = serving()
    edit(precision={"mode": "INT8"})(cluster)

    def planned(digest: str) -> str:
        rows = {digest: (conversion(),)}
        told = reconcile(replace(seen(cluster), conversions=rows)).status
        assert told is not None
        return str(told["pools"][0]["precision"])

    assert planned(DIGEST) == "INT8"
    assert planned("sha256:" + "12" * 32) == "FP32"


@pytest.mark.parametrize("name", ["INT8", "Auto"])
def test_a_rejected_copy_is_no_harm_to_ready(name: str) -> None:
    cluster = serving()
    edit(precision={"mode": name})(cluster)
    outcome = reconcile(seen(cluster, conversion(agreement="0.943")))

    assert condition(outcome)[:2] == ("False", "CopyRejected")
    assert outcome.status is not None
    ready = next(one for one in outcome.status["conditions"] if one["type"] == "Ready")
    assert ready["status"] == "True"


def test_a_copy_runs_once_it_is_rolled_out() -> None:
    cluster = adopting()
    status, reason, message = condition(reconcile(seen(cluster, conversion())))

    assert (status, reason) == ("Unknown", "CopyRollingOut")
    assert "agreement 0.995" in message
    cluster.roll_out(DEPLOYMENT, ready=0)
    assert condition(reconcile(seen(cluster, conversion())))[0] == "Unknown", "no pod is ready"
    cluster.roll_out(DEPLOYMENT)
    assert condition(reconcile(seen(cluster, conversion())))[:2] == ("True", "Verified")


def test_a_copy_that_restarts_is_what_runs() -> None:
    cluster = adopted()
    cluster.roll_out(DEPLOYMENT, ready=0)

    assert condition(reconcile(seen(cluster, conversion())))[:2] == ("True", "Verified")


@pytest.mark.parametrize("name", ["FP32", "Auto"])
def test_it_runs_as_stored_once_no_copy_serves(name: str) -> None:
    cluster = adopted()
    edit(precision={"mode": name})(cluster)
    for _ in range(2):
        outcome = reconcile(seen(cluster, conversion()))
        absorb(cluster, outcome)
        assert condition(outcome)[:2] == ("Unknown", "CopyRollingOut")
    cluster.roll_out(DEPLOYMENT)

    assert condition(reconcile(seen(cluster, conversion())))[:2] == ("True", "AsStored")


def test_without_a_plan_what_serves_goes_on() -> None:
    cluster = adopted()
    before = condition(reconcile(seen(cluster, conversion())))

    assert condition(reconcile(seen(cluster, conversion(), pools=()))) == before
    edit(precision={"mode": "Auto"})(cluster)
    outcome = reconcile(seen(cluster, conversion(), pools=()))
    assert condition(outcome)[:2] == ("Unknown", "WaitingForPlan"), "the spec is another one"


def test_before_there_is_a_plan_nothing_is_said() -> None:
    for name in ("Auto", "FP32", "INT8"):
        outcome = reconcile(observed(first_sight(precision={"mode": name})))
        assert condition(outcome)[:2] == ("Unknown", "WaitingForPlan")


def test_what_a_job_said_is_not_kept_without_a_plan() -> None:
    cluster = serving()
    edit(precision={"mode": "INT8"})(cluster)
    outcome = reconcile(seen(cluster))
    absorb(cluster, outcome)
    assert condition(outcome)[:2] == ("Unknown", "Converting")

    assert condition(reconcile(seen(cluster, pools=())))[:2] == ("Unknown", "WaitingForPlan")
