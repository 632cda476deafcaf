"""Variants that are not served are measured too, in turn, or the load could not choose them."""

from dataclasses import replace

from tests.unit.controllers.cluster import Body, Cluster
from tests.unit.controllers.test_measuring import ASKED, end, numbers, refused
from tests.unit.controllers.test_variants import BIG, SMALL, its_facts, reconciled, variant
from tests.unit.controllers.world import (
    DEPLOYMENT,
    NOW,
    absorb,
    ago,
    edit,
    first_sight,
    observed,
    step,
)
from tests.unit.planning.building import TOOLS, conversion, measurement
from triton_operator.controllers.inference_service import reconcile
from triton_operator.controllers.observed import Outcome
from triton_operator.manifests import names
from triton_operator.manifests.desired_hash import with_desired_hash
from triton_operator.manifests.model_profile import profile_of_facts, profile_of_findings

TINY = "sha256:" + "71" * 32


def asked(**spec: object) -> Cluster:
    """Three known models, of which nobody knows how fast they are; the first serves."""
    cluster = first_sight(
        **{
            "model": {"uri": "pvc://models/big.onnx", "digest": BIG},
            "variants": [variant(), variant("tiny", TINY)],
            "scaling": {"mode": "Fixed", "minReplicas": 1},
            **spec,
        }
    )
    for digest in (BIG, SMALL, TINY):
        cluster.put(with_desired_hash(profile_of_facts("shop", digest, its_facts(digest))))
    step(cluster)
    cluster.roll_out(DEPLOYMENT)
    step(cluster)
    edit(measurement=ASKED)(cluster)
    return cluster


def running(cluster: Cluster) -> Body:
    """The one Job that runs."""
    (job,) = [
        job for job in cluster.of_kind("Job") if not (job.get("status") or {}).get("conditions")
    ]
    return job


def measured(cluster: Cluster) -> list[str]:
    """Digests of which the operator's own profiles have a measurement."""
    profiles = {body["metadata"]["name"]: body for body in cluster.of_kind("ModelProfile")}
    return [
        digest
        for digest in (BIG, SMALL, TINY)
        if (body := profiles.get(names.measured_profile(digest)))
        and len(body["spec"]["measurements"]) == 1
    ]


def test_each_is_measured_once_one_after_the_other() -> None:
    cluster = asked()
    seen = []
    for digest in (BIG, SMALL, TINY):
        step(cluster)
        job = running(cluster)
        assert digest in str(job["spec"])
        seen.append(job["metadata"]["name"])
        end(cluster, numbers(), at=ago(3600), name=seen[-1])
        step(cluster)
        step(cluster)
    step(cluster)

    assert measured(cluster) == [BIG, SMALL, TINY]
    assert list(cluster.of_kind("Job")) == []
    assert len(set(seen)) == 3


def test_one_that_fails_holds_up_no_other() -> None:
    cluster = asked()
    step(cluster)
    end(cluster, numbers(), at=ago(3600))
    step(cluster)
    step(cluster)
    step(cluster)
    failing = running(cluster)["metadata"]["name"]
    end(cluster, refused("RequestRefused"), at=ago(3600), failed=True, name=failing)
    step(cluster)
    step(cluster)

    assert TINY in str(running(cluster)["spec"])


def test_a_measurement_goes_on_while_another_variant_is_rolled_out() -> None:
    cluster = asked(variantPolicy={"mode": "Slo"})
    step(cluster)
    end(cluster, numbers(), at=ago(3600))
    step(cluster)
    step(cluster)
    step(cluster)
    job = running(cluster)["metadata"]["name"]
    status = {"name": "tiny", "since": ago(60), "reason": "ObjectiveMissed", "message": "x"}
    cluster.observe("InferenceService", "shop", "filetype", variant=status)

    outcome = reconciled(cluster, NOW)

    assert running(cluster)["metadata"]["name"] == job
    assert all(child.name != job for child in outcome.delete)


def test_numbers_are_added_while_another_variant_of_which_nothing_is_known_serves() -> None:
    cluster = asked(variantPolicy={"mode": "Slo"})
    step(cluster)
    job = running(cluster)
    assert BIG in str(job["spec"])
    before = measurement({1: 30.0}, source="Measured", instances=4, threads=1)
    cluster.put(with_desired_hash(profile_of_findings("shop", BIG, [before], ())))
    status = {"name": "small", "since": ago(3600), "reason": "ObjectiveMissed", "message": "x"}
    cluster.observe("InferenceService", "shop", "filetype", variant=status)
    step(cluster)
    cluster.roll_out(DEPLOYMENT)
    step(cluster)
    other = {**variant(), "model": {"uri": "pvc://models/small-2.onnx"}}
    edit(variants=[other, variant("tiny", TINY)])(cluster)

    end(cluster, numbers(), at=ago(5), name=job["metadata"]["name"])
    reconciled(cluster, NOW)

    kept = cluster.objects["ModelProfile", "shop", names.measured_profile(BIG)]["spec"]
    assert [row["instances"] for row in kept["measurements"]] == [4, 1]


def test_who_asks_for_no_measurement_gets_none() -> None:
    cluster = asked()
    edit(measurement={"mode": "Never"})(cluster)
    step(cluster)

    assert list(cluster.of_kind("Job")) == []


def test_a_copy_of_a_variant_that_stands_by_may_be_refused() -> None:
    """No pod has loaded it, though its plan would run it."""
    cluster = asked(precision={"mode": "INT8"}, variants=[variant()])
    copies = {BIG: (conversion(agreement="0.5"),), SMALL: (conversion(),)}

    def looked() -> Outcome:
        seen = replace(observed(cluster, now=NOW), conversions=copies, tool_versions=TOOLS)
        outcome = reconcile(seen)
        absorb(cluster, outcome)
        return outcome

    looked()
    looked()
    end(cluster, numbers(), at=ago(3600))
    for _ in range(3):
        looked()
    job = running(cluster)
    assert SMALL in str(job["spec"])
    words = {"exitCode": 1, "message": "E1128 failed to load 'filetype' version 1: no such node"}
    triton = {"lastState": {"terminated": words}, "restartCount": 4}
    name = job["metadata"]["name"]
    end(cluster, refused("ModelNotLoaded"), at=ago(5), failed=True, triton=triton, name=name)
    looked()

    profile = cluster.objects["ModelProfile", "shop", names.measured_profile(SMALL)]["spec"]
    (row,) = profile["measurements"]
    assert (row["precision"], "no such node" in row["refusal"]) == ("INT8", True)
