"""Views: the few fields that decisions read, from objects as the API server shows them."""

from typing import Any

from triton_operator.api import labels
from triton_operator.controllers.views import (
    AutoscalerView,
    DeploymentView,
    JobView,
    ObjectView,
    PodView,
    ServiceView,
    SpecView,
    view_of,
)

METADATA = {
    "name": "a",
    "namespace": "shop",
    "uid": "u",
    "resourceVersion": "7",
    "generation": 3,
    "labels": {labels.OWNER_UID: "o", labels.SERVICE: "s", labels.POOL: "cpu"},
    "annotations": {labels.DESIRED_HASH: "h"},
}


def view(kind: str, **parts: Any) -> Any:
    return view_of(kind, {"kind": kind, "metadata": METADATA, **parts})


def test_identity_version_and_owner_of_anything() -> None:
    seen = view("ConfigMap")

    assert seen == ObjectView(
        "ConfigMap", "shop", "a", "u", "7", 3, "o", "s", "h", metadata_mark=seen.metadata_mark
    )
    assert not seen.deleting


def test_the_version_follows_spec_owner_and_the_operators_labels() -> None:
    def version(**metadata: Any) -> str:
        return view_of("Deployment", {"metadata": {**METADATA, **metadata}}).version

    ours = METADATA["labels"]
    assert version(generation=4) != version()
    assert version(ownerReferences=[{"uid": "o"}]) != version()
    assert version(labels={**ours, labels.POOL: "other"}) != version()
    assert version(labels={**ours, "team": "search"}) == version(), "labels of others are theirs"
    assert version(resourceVersion="8", annotations={}) == version(), "the status is no change"


def test_without_a_generation_every_change_is_a_new_version() -> None:
    def version(resource_version: str) -> str:
        metadata = {**METADATA, "generation": 0, "resourceVersion": resource_version}
        return view_of("ConfigMap", {"metadata": metadata}).version

    assert version("7") != version("8")


def test_the_barest_object_has_a_view() -> None:
    for kind in ("InferenceService", "ServingPool", "Deployment", "Job", "Pod", "Service"):
        seen = view_of(kind, {"metadata": {"name": "a", "labels": None, "annotations": None}})

        assert (seen.kind, seen.name, seen.namespace, seen.service) == (kind, "a", "", "")


def test_a_deletion_is_seen() -> None:
    metadata = {**METADATA, "deletionTimestamp": "2026-11-20T10:00:00Z"}

    assert view_of("Job", {"metadata": metadata}).deleting


def test_resources_of_this_api_keep_spec_and_status() -> None:
    assert isinstance(view("InferenceService"), ServiceView)
    for kind in ("ServingPool", "ModelProfile"):
        seen = view(kind, spec={"b": 1}, status={"c": 2})
        assert isinstance(seen, SpecView)
        assert (seen.spec, seen.status) == ({"b": 1}, {"c": 2})


def deployment(**status: Any) -> DeploymentView:
    seen = view("Deployment", spec={"replicas": 2}, status=status)
    assert isinstance(seen, DeploymentView)
    return seen


ROLLED_OUT: dict[str, Any] = {
    "observedGeneration": 3,
    "replicas": 2,
    "updatedReplicas": 2,
    "readyReplicas": 2,
    "availableReplicas": 2,
}


def test_a_deployment_that_follows_what_is_wanted() -> None:
    assert deployment(**ROLLED_OUT).follows("h")


def test_a_deployment_does_not_follow_while_anything_is_missing() -> None:
    changes = {
        "not observed": {"observedGeneration": 2},
        "not all updated": {"updatedReplicas": 1},
        "an old one left": {"replicas": 3},
        "not all available": {"availableReplicas": 1},
    }
    for name, change in changes.items():
        assert not deployment(**{**ROLLED_OUT, **change}).follows("h"), name


def test_a_deployment_that_still_has_to_be_written_does_not_follow() -> None:
    assert not deployment(**ROLLED_OUT).follows("another")


def test_a_deployment_that_is_stuck_says_why() -> None:
    stuck = deployment(
        conditions=[
            {"type": "Available", "status": "False", "message": "no"},
            {"type": "Progressing", "status": "False", "message": "timed out"},
        ]
    )

    assert stuck.stuck_message == "timed out"
    assert deployment(conditions=[{"type": "Progressing", "status": "True"}]).stuck_message == ""


def test_a_job_ends_with_complete_or_failed_and_nothing_else() -> None:
    def job(*conditions: dict[str, str]) -> JobView:
        seen = view("Job", status={"conditions": list(conditions)})
        assert isinstance(seen, JobView)
        return seen

    end = {"status": "True", "lastTransitionTime": "2026-11-20T10:00:00Z"}
    complete = job({**end, "type": "SuccessCriteriaMet"}, {**end, "type": "Complete"})
    failed = job({**end, "type": "Failed", "reason": "DeadlineExceeded", "message": "too long"})
    ending = job({**end, "type": "FailureTarget"})

    assert (complete.succeeded, complete.failed) == (True, False)
    assert complete.finished == "2026-11-20T10:00:00Z"
    assert (failed.succeeded, failed.failed) == (False, True)
    assert (failed.reason, failed.message) == ("DeadlineExceeded", "too long")
    assert (ending.succeeded, ending.failed, ending.finished) == (False, False, "")


def test_a_pod_shows_its_containers_in_the_order_in_which_they_run() -> None:
    seen = view(
        "Pod",
        status={
            "phase": "Pending",
            "conditions": [{"type": "PodScheduled", "status": "True"}],
            "initContainerStatuses": [
                {"name": "fetch", "state": {"terminated": {"exitCode": 2, "message": "m"}}}
            ],
            "containerStatuses": [
                {
                    "name": "triton",
                    "ready": False,
                    "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "w"}},
                    "lastState": {"terminated": {"exitCode": 1, "reason": "Error"}},
                }
            ],
        },
    )

    assert isinstance(seen, PodView)
    fetch, triton = seen.containers
    assert (fetch.name, fetch.exit_code, fetch.terminated_message) == ("fetch", 2, "m")
    assert (triton.waiting_reason, triton.last_exit_code, triton.ready) == (
        "CrashLoopBackOff",
        1,
        False,
    )
    assert seen.unschedulable == ""


def test_an_autoscaler_names_what_it_scales() -> None:
    seen = view(
        "HorizontalPodAutoscaler", spec={"scaleTargetRef": {"kind": "Deployment", "name": "d"}}
    )

    assert isinstance(seen, AutoscalerView)
    assert (seen.target_kind, seen.target_name) == ("Deployment", "d")


def test_a_sidecar_holds_its_devices_as_long_as_the_pod() -> None:
    """An init container that ends gives them back; one that stays (a measured Triton) does not."""
    asks = {"resources": {"limits": {"nvidia.com/gpu": "1", "cpu": "4"}}}

    def devices(**init: Any) -> tuple[tuple[str, int], ...]:
        spec = {"containers": [{"name": "measure"}], "initContainers": [{**asks, **init}]}
        found: tuple[tuple[str, int], ...] = view("Pod", spec=spec).devices
        return found

    assert devices(restartPolicy="Always") == (("nvidia.com/gpu", 1),)
    assert devices() == ()


def test_a_job_says_what_it_measures() -> None:
    marked = {**METADATA, "labels": {**METADATA["labels"], labels.MEASURES: "abc"}}

    assert view_of("Job", {"metadata": marked}).measures == "abc"  # type: ignore[attr-defined]
    assert view("Job").measures == ""
