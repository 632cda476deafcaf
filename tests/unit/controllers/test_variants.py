"""Variants of a service: inspected, chosen, and rolled out as an edit of the spec is."""

from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest

from tests.unit.controllers.answers import answer
from tests.unit.controllers.cluster import Body, Cluster
from tests.unit.controllers.world import (
    DEPLOYMENT,
    NOW,
    absorb,
    ago,
    edit,
    failed,
    first_sight,
    found,
    observed,
    step,
)
from tests.unit.planning.building import facts, measurement, single_request_facts, straight
from triton_operator.api import reasons
from triton_operator.api.model_profile import ModelFacts
from triton_operator.autoscaling.variant_choice import WINDOW_SECONDS
from triton_operator.controllers.candidate_digests import candidate_digests
from triton_operator.controllers.inference_service import reconcile
from triton_operator.controllers.kinds import INFERENCE_SERVICE
from triton_operator.controllers.observed import Outcome
from triton_operator.controllers.scaling_answer import Figures, ScalingAnswer
from triton_operator.controllers.store import Store
from triton_operator.controllers.times import rfc3339
from triton_operator.controllers.views import ServiceView, view_of
from triton_operator.fleet.link_state import LINK_SINCE, LINK_STATE
from triton_operator.manifests.desired_hash import with_desired_hash
from triton_operator.manifests.model_profile import profile_of_facts

BIG = "sha256:" + "b1" * 32
SMALL = "sha256:" + "5a" * 32
BIG_MS, SMALL_MS = 20.0, 2.0
"""What a batch takes beside 1 ms for every request."""
SLO = {"mode": "Slo", "dwellSeconds": 600}
OBJECTIVE = {"latency": {"percentile": "P99", "milliseconds": 100}}
FALLBACK = {"policy": "FallbackVariant", "fallbackVariant": "small"}


def its_facts(digest: str, **changes: Any) -> ModelFacts:
    rows = [{"path": "model.onnx", "digest": digest, "sizeBytes": 3_145_728}]
    return facts(files=rows, **changes)


def profile(digest: str, base: float) -> Body:
    """Facts, and a declared speed."""
    body = profile_of_facts("shop", digest, its_facts(digest))
    times = straight(base, 1.0, (1, 2, 4, 8))
    body["spec"]["measurements"] = [measurement(times).wire()]
    return with_desired_hash(body)


def variant(name: str = "small", digest: str | None = SMALL, **parts: Any) -> Body:
    model = {"uri": f"pvc://models/{name}.onnx", **({"digest": digest} if digest else {})}
    return {"name": name, "accuracy": "0.7", "model": model, **parts}


def with_variants(**spec: Any) -> Cluster:
    """A service of two known and measured models, whose primary serves."""
    cluster = first_sight(
        **{
            "model": {"uri": "pvc://models/big.onnx", "digest": BIG},
            "variants": [variant()],
            "objective": OBJECTIVE,
            "scaling": {"maxReplicas": 2},
            **spec,
        }
    )
    cluster.put(profile(BIG, BIG_MS))
    cluster.put(profile(SMALL, SMALL_MS))
    step(cluster)
    # As many as the autoscaler orders in these tests.
    most = cluster.one("InferenceService")["spec"]["scaling"].get("maxReplicas", 1)
    absorb(cluster, reconcile(observed(cluster, now=NOW - 3600, scaling=answer(min(2, most)))))
    cluster.roll_out(DEPLOYMENT)
    step(cluster)
    return cluster


def loaded(rate: float, **parts: Any) -> ScalingAnswer:
    """As many replicas as there may be, with so many requests/s."""
    figures = {"rate": rate, "safe_rate": 50.0, "attainment": None}
    return answer(2, figures=Figures(**figures), **parts)


def reconciled(cluster: Cluster, now: float, said: ScalingAnswer | None = None) -> Outcome:
    outcome = reconcile(observed(cluster, now=now, scaling=said))
    absorb(cluster, outcome)
    return outcome


def served(cluster: Cluster) -> Body:
    status: Body = cluster.one("InferenceService")["status"]
    return dict(status["variant"])


def rows(cluster: Cluster) -> dict[str, Body]:
    return {row["name"]: row for row in cluster.one("InferenceService")["status"]["variants"]}


def digest_that_runs(cluster: Cluster) -> str:
    """Of the model that the Deployment's pods fetch."""
    text = str(cluster.one("Deployment")["spec"]["template"])
    (digest,) = [one for one in (BIG, SMALL) if one in text]
    return digest


def linked(cluster: Cluster, state: str, since: str) -> None:
    """The agent writes what it knows of the way to the hub."""
    body = deepcopy(cluster.one("InferenceService"))
    body["metadata"].setdefault("annotations", {}).update({LINK_STATE: state, LINK_SINCE: since})
    cluster.put(body)


def condition(cluster: Cluster, type_: str) -> Body | None:
    conditions = cluster.one("InferenceService")["status"]["conditions"]
    return next((row for row in conditions if row["type"] == type_), None)


def overloaded(cluster: Cluster, windows: int, start: float = NOW) -> list[Outcome]:
    """Looks a minute apart at a load that the big model cannot do, and the small one can."""
    return [
        reconciled(cluster, start + WINDOW_SECONDS * window, loaded(560.0))
        for window in range(windows)
    ]


def test_without_variants_the_status_has_nothing_of_them() -> None:
    cluster = first_sight()
    step(cluster)

    status = cluster.one("InferenceService")["status"]
    assert not {"variant", "variants"} & status.keys()
    assert condition(cluster, reasons.VARIANT_CHOSEN) is None


def test_models_are_inspected_one_after_the_other_and_remembered() -> None:
    cluster = first_sight(
        model={"uri": "pvc://models/big.onnx"},
        variants=[variant("small", None), variant("tiny", None)],
    )
    for digest in (BIG, SMALL, "sha256:" + "71" * 32):
        step(cluster)
        assert len(list(cluster.of_kind("Job"))) == 1
        cluster.end_job(found(digest, its_facts(digest)), at=ago(3600))
        step(cluster)
        step(cluster)
    step(cluster)

    assert list(cluster.of_kind("Job")) == []
    assert [row["digest"] for row in rows(cluster).values()] == [BIG, SMALL, "sha256:" + "71" * 32]
    assert all("problem" not in row for row in rows(cluster).values())
    assert served(cluster)["name"] == "primary"


def test_one_that_is_no_model_holds_up_no_other() -> None:
    """Its Job is kept until the next try, for its report."""
    cluster = first_sight(model={"uri": "pvc://models/big.onnx"}, variants=[variant("small", None)])
    step(cluster)
    said = failed("NotAModel", "model.onnx: not an ONNX model", retryable=False)
    cluster.end_job(said, at=ago(3601), failed=True, exit_code=2)

    step(cluster)

    jobs = [str(job["spec"]) for job in cluster.of_kind("Job")]
    assert [("big.onnx" in one, "small.onnx" in one) for one in jobs] == [
        (True, False),
        (False, True),
    ]


def test_an_unknown_variant_says_why_it_cannot_be_served() -> None:
    cluster = with_variants(variants=[variant("small", None)])

    assert rows(cluster)["small"]["problem"].startswith("Inspecting: ")
    assert digest_that_runs(cluster) == BIG


def test_clients_must_not_notice_the_change() -> None:
    cluster = with_variants(offline=FALLBACK)
    other = profile_of_facts("shop", SMALL, single_request_facts())
    cluster.put(with_desired_hash(other))
    linked(cluster, "Lost", ago(400))

    reconciled(cluster, NOW)

    assert rows(cluster)["small"]["problem"].startswith("DiffersFromPrimary: its inputs are ")
    assert served(cluster)["name"] == "primary"
    told = condition(cluster, reasons.VARIANT_CHOSEN)
    assert told is not None
    assert (told["status"], told["reason"]) == ("False", "CannotBeServed")


def test_three_minutes_that_miss_the_objective_change_the_variant() -> None:
    cluster = with_variants(variantPolicy=SLO)

    first, second, third = overloaded(cluster, 3)

    assert [one.reason for one in (*first.events, *second.events)] == []
    assert [(one.type, one.reason) for one in third.events] == [("Normal", "ObjectiveMissed")]
    assert third.requeue_after_seconds == 0.0
    assert served(cluster)["name"] == "small"
    assert "servingSince" not in served(cluster)
    assert digest_that_runs(cluster) == BIG, "it is rolled out by the next reconcile"

    reconciled(cluster, NOW + 121, loaded(560.0))

    assert digest_that_runs(cluster) == SMALL
    assert cluster.one("InferenceService")["status"]["model"]["digest"] == SMALL


def test_predictions_stand_in_the_status() -> None:
    cluster = with_variants(variantPolicy=SLO)

    reconciled(cluster, NOW, loaded(20.0))

    big, small = (rows(cluster)[name]["predictedMilliseconds"] for name in ("primary", "small"))
    assert BIG_MS < big < 100
    assert SMALL_MS < small < big


def test_two_minutes_change_nothing() -> None:
    cluster = with_variants(variantPolicy=SLO)

    overloaded(cluster, 2)

    assert served(cluster)["name"] == "primary"
    assert served(cluster)["missedWindows"] == 2


def test_a_new_operator_goes_on_where_the_last_one_was() -> None:
    """All that the choice knows is in the status: nothing else is handed over here."""
    cluster = with_variants(variantPolicy=SLO)
    overloaded(cluster, 2)

    again = Cluster(objects=deepcopy(cluster.objects), version=cluster.version)
    reconciled(again, NOW + 120, loaded(560.0))

    assert served(again)["name"] == "small"


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (None, "nobody has looked at the load yet"),
        (loaded(560.0, freshness="Lost"), "old numbers say nothing of now"),
        (loaded(20.0), "the load is what the big one does"),
    ],
)
def test_no_window_is_missed_where_nothing_says_so(said: ScalingAnswer | None, why: str) -> None:
    cluster = with_variants(variantPolicy=SLO)

    for window in range(4):
        reconciled(cluster, NOW + WINDOW_SECONDS * window, said)

    assert "missedWindows" not in served(cluster), why


def test_latencies_that_were_measured_count_once_no_replica_can_come() -> None:
    cluster = with_variants(variantPolicy=SLO, scaling={"mode": "Fixed", "minReplicas": 1})
    figures = {"rate": 5.0, "attainment": 0.5}
    late = answer(1, figures=Figures(**figures))

    for window in range(3):
        reconciled(cluster, NOW + WINDOW_SECONDS * window, late)

    assert served(cluster)["name"] == "small"


def test_latencies_of_the_variant_before_are_not_those_of_this_one() -> None:
    cluster = with_variants(
        variantPolicy=SLO,
        scaling={"mode": "Fixed", "minReplicas": 1},
        variants=[variant(), variant("tiny", SMALL, accuracy="0.6")],
    )
    late = answer(1, figures=Figures(rate=5.0, attainment=0.5))
    for window in range(3):
        reconciled(cluster, NOW + WINDOW_SECONDS * window, late)
    reconciled(cluster, NOW + 121, late)
    cluster.roll_out(DEPLOYMENT)

    for window in range(3, 8):
        reconciled(cluster, NOW + WINDOW_SECONDS * window, late)

    assert served(cluster)["name"] == "small"
    assert "missedWindows" not in served(cluster)


def test_replicas_that_are_still_to_come_are_waited_for() -> None:
    cluster = with_variants(variantPolicy=SLO, scaling={"maxReplicas": 20})
    late = answer(2, figures=Figures(rate=100.0, attainment=0.5))

    for window in range(4):
        reconciled(cluster, NOW + WINDOW_SECONDS * window, late)

    assert served(cluster)["name"] == "primary"


def test_nothing_changes_while_pods_of_two_variants_serve() -> None:
    cluster = with_variants(variantPolicy=SLO)
    overloaded(cluster, 3)
    reconciled(cluster, NOW + 121, loaded(560.0))

    for minute in range(3, 30):
        reconciled(cluster, NOW + 60 * minute, loaded(1.0))

    assert served(cluster)["name"] == "small"
    assert "servingSince" not in served(cluster)


def test_the_more_accurate_one_comes_back_after_the_dwell() -> None:
    cluster = with_variants(variantPolicy=SLO)
    overloaded(cluster, 3)
    reconciled(cluster, NOW + 121, loaded(560.0))
    cluster.roll_out(DEPLOYMENT)
    since = NOW + 120

    reconciled(cluster, since + 599, loaded(20.0))
    assert served(cluster)["name"] == "small"
    reconciled(cluster, since + 600, loaded(20.0))

    assert served(cluster)["name"] == "primary"
    assert served(cluster)["reason"] == "RoomForBetter"


def test_it_begins_with_the_replicas_that_the_load_needs_of_it() -> None:
    cluster = with_variants(variantPolicy=SLO, scaling={"maxReplicas": 8})
    cluster.observe(
        "InferenceService",
        "shop",
        "filetype",
        variant={"name": "small", "since": ago(3600), "reason": "AsSpecified", "message": "x"},
    )
    step(cluster)
    cluster.roll_out(DEPLOYMENT)
    said = replace(loaded(600.0), replicas={DEPLOYMENT: 1})
    reconciled(cluster, NOW - 1, said)
    cluster.roll_out(DEPLOYMENT)

    reconciled(cluster, NOW, said)
    outcome = reconciled(cluster, NOW + 1, said)

    needed = served(cluster)["startReplicas"]
    assert needed == 3, "one of the big model does 250 requests/s"
    assert outcome.replicas == {DEPLOYMENT: needed}

    cluster.roll_out(DEPLOYMENT)
    reconciled(cluster, NOW + 60, said)
    after = reconciled(cluster, NOW + 61, said)
    assert "startReplicas" not in served(cluster)
    assert after.replicas == {DEPLOYMENT: 1}


def test_it_is_scaled_though_it_begins_with_all_that_it_may_have() -> None:
    cluster = with_variants(variantPolicy=SLO)
    begins = {"name": "primary", "since": ago(60), "reason": "RoomForBetter", "message": "x"}
    cluster.observe("InferenceService", "shop", "filetype", variant={**begins, "startReplicas": 2})

    question = reconciled(cluster, NOW, loaded(20.0)).scaling_question

    assert question is not None
    assert question.scales
    assert question.settings.most == 2


def test_a_paused_service_keeps_its_variant() -> None:
    cluster = with_variants(variantPolicy=SLO)
    overloaded(cluster, 2)
    edit(paused=True)(cluster)

    reconciled(cluster, NOW + 120, loaded(560.0))

    assert served(cluster)["name"] == "primary"


def test_a_variant_that_is_taken_out_of_the_spec_is_left_at_once() -> None:
    cluster = with_variants(variantPolicy=SLO, variants=[variant(), variant("tiny", BIG)])
    overloaded(cluster, 3)
    reconciled(cluster, NOW + 121, loaded(560.0))
    edit(variants=[variant("tiny", BIG)])(cluster)

    reconciled(cluster, NOW + 122, loaded(560.0))

    assert served(cluster)["reason"] == "VariantRemoved"
    assert digest_that_runs(cluster) == BIG


def test_a_cut_link_brings_the_fallback_and_its_end_takes_it_away() -> None:
    cluster = with_variants(offline=FALLBACK)
    linked(cluster, "Lost", rfc3339(NOW - 312))

    reconciled(cluster, NOW)
    reconciled(cluster, NOW + 1)

    assert served(cluster)["name"] == "small"
    assert served(cluster)["message"].startswith("the hub has not answered for 312 s")
    assert digest_that_runs(cluster) == SMALL
    told = condition(cluster, reasons.HUB_REACHABLE)
    assert told is not None
    assert (told["status"], told["reason"]) == ("False", "HubSilent")

    linked(cluster, "Recovering", rfc3339(NOW - 312))
    cluster.roll_out(DEPLOYMENT)
    reconciled(cluster, NOW + 60)
    assert served(cluster)["name"] == "small"

    linked(cluster, "Connected", rfc3339(NOW + 180))
    reconciled(cluster, NOW + 180)
    reconciled(cluster, NOW + 181)

    assert served(cluster)["reason"] == "LinkBack"
    assert digest_that_runs(cluster) == BIG


@pytest.mark.parametrize("policy", [None, {"policy": "LastKnown"}, {"policy": "LocalMax"}])
def test_a_cut_link_changes_nothing_that_is_not_asked_for(policy: Body | None) -> None:
    cluster = with_variants(**({"offline": policy} if policy else {}))
    linked(cluster, "Lost", ago(400))

    outcome = reconciled(cluster, NOW, loaded(1.0))

    assert served(cluster)["name"] == "primary"
    assert digest_that_runs(cluster) == BIG
    assert outcome.replicas == {DEPLOYMENT: 2}


@pytest.mark.parametrize(
    ("state", "most", "replicas"),
    [
        ("Lost", 6, 6),
        ("Recovering", 6, 6),
        ("Connected", 6, 2),
        (None, 6, 2),
        ("Lost", 1, 2),
    ],
)
def test_a_cut_link_lifts_the_ceiling_where_the_spec_says_so(
    state: str | None, most: int, replicas: int
) -> None:
    cluster = with_variants(offline={"policy": "LocalMax", "maxReplicas": most})
    if state:
        linked(cluster, state, ago(400))

    outcome = reconciled(cluster, NOW, answer(9))

    assert outcome.replicas == {DEPLOYMENT: replicas}
    question = outcome.scaling_question
    assert question is not None
    assert question.settings.most == replicas


def test_the_words_of_the_agent_wake_the_operator() -> None:
    cluster, store = with_variants(offline=FALLBACK), Store()
    store.put(INFERENCE_SERVICE, cluster.one("InferenceService"))

    linked(cluster, "Lost", ago(400))
    woken = store.put(INFERENCE_SERVICE, cluster.one("InferenceService"))
    cluster.observe("InferenceService", "shop", "filetype", readyReplicas=7)
    by_status = store.put(INFERENCE_SERVICE, cluster.one("InferenceService"))

    assert [key.name for key in woken] == ["filetype"]
    assert by_status == []


def test_profiles_of_what_is_served_come_first() -> None:
    cluster = with_variants(variantPolicy=SLO)

    def digests() -> list[str]:
        view = view_of("InferenceService", cluster.one("InferenceService"))
        assert isinstance(view, ServiceView)
        return candidate_digests(view)

    assert digests() == [BIG, SMALL]
    overloaded(cluster, 3)
    assert digests() == [SMALL, BIG]
