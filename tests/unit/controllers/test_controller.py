"""The controller: decisions carried out, each kind of error tried again in its own way."""

import asyncio
import json
from typing import Any, NamedTuple

import pytest

from tests.unit.controllers.clock import settle
from tests.unit.controllers.cluster import Cluster, service_object
from tests.unit.controllers.shell import FILETYPE, Shell, kinds, serving_shell
from tests.unit.controllers.world import DEPLOYMENT, edit, first_sight, found, pinned
from tests.unit.planning.building import DIGEST, facts, node_object
from triton_operator.api.group import API_VERSION
from triton_operator.controllers.announcer import Announcer
from triton_operator.controllers.errors import (
    ApiConflict,
    ApiError,
    ApiNotFound,
    ApiRefused,
    ApiUnavailable,
    api_error,
)
from triton_operator.controllers.kinds import BY_NAME
from triton_operator.controllers.logs import JsonFormatter
from triton_operator.controllers.observed import EventDraft
from triton_operator.controllers.views import ServiceView, view_of
from triton_operator.manifests.desired_hash import with_desired_hash
from triton_operator.manifests.model_profile import profile_of_facts

CHILDREN = ["ConfigMap", "Deployment", "PodDisruptionBudget", "Service"]


def test_from_first_sight_to_serving() -> None:
    shell = Shell(first_sight())

    async def scenario() -> None:
        first = await shell.run()
        assert kinds(first) == ["Job"]
        shell.cluster.end_job(found(), at="2026-11-20T11:59:59Z")
        second = await shell.run()
        assert kinds(second) == ["ModelProfile", *CHILDREN]
        shell.cluster.roll_out(DEPLOYMENT)
        await shell.run()

    asyncio.run(scenario())

    assert shell.condition("Ready") == "True Serving"
    assert shell.events() == ["Normal Serving"]
    assert not list(shell.cluster.of_kind("Job"))


def test_a_known_digest_starts_no_job() -> None:
    shell = Shell(pinned())

    requests = asyncio.run(shell.run())

    assert kinds(requests) == CHILDREN


def test_one_status_tells_what_was_found_and_what_was_begun() -> None:
    shell = Shell(pinned())

    requests = asyncio.run(shell.run())

    assert [line for line in requests if line.startswith("status")] == [
        "status InferenceService/filetype"
    ]
    assert shell.status()["desiredReplicas"] == 1
    assert shell.condition("Available") == "False ReplicasNotReady"


def test_a_service_of_a_fleet_is_left_to_its_hub() -> None:
    """No child, no status, no Event, nobody's load is looked at: not at first sight, not when the
    cluster changes, not when everything is verified."""
    cluster = pinned()
    edit(managedBy="serving.triton-operator.io/fleet")(cluster)
    shell = Shell(cluster)

    async def scenario() -> list[str]:
        requests = await shell.run()
        shell.cluster.put(node_object("cpu-2"))
        shell.controller.sweep()
        shell.controller.take_over()
        return [*requests, *await shell.run()]

    assert asyncio.run(scenario()) == []
    assert shell.status() == {}
    assert shell.events() == []
    assert shell.autoscaler.services == 0


def test_a_status_that_a_hub_wrote_stays() -> None:
    cluster = pinned()
    edit(managedBy="serving.triton-operator.io/fleet")(cluster)
    status = {"observedGeneration": 1, "conditions": []}
    cluster.objects["InferenceService", "shop", "filetype"]["status"] = status
    shell = Shell(cluster)

    assert asyncio.run(shell.run()) == []
    assert shell.status() == status


def test_at_rest_there_are_no_requests() -> None:
    shell = serving_shell()

    async def scenario() -> list[str]:
        shell.queue.add(FILETYPE)
        shell.controller.sweep()
        return await shell.run()

    assert asyncio.run(scenario()) == []


def test_a_restart_at_rest_makes_no_requests_and_a_sweep_verifies_once() -> None:
    cluster = serving_shell().cluster
    shell = Shell(cluster)

    async def scenario() -> None:
        assert await shell.run() == []
        shell.controller.sweep()
        assert kinds(await shell.run()) == CHILDREN
        shell.controller.sweep()
        assert await shell.run() == []

    asyncio.run(scenario())


def test_a_node_that_joins_writes_nothing() -> None:
    shell = serving_shell()
    shell.cluster.put(node_object("cpu-2"))

    assert asyncio.run(shell.run()) == []


def test_drift_is_repaired() -> None:
    shell = serving_shell()
    shell.cluster.edit("Deployment", "shop", DEPLOYMENT, paused=True)

    assert kinds(asyncio.run(shell.run())) == ["Deployment"]


def test_replicas_beyond_a_bound_are_put_back_through_the_scale_subresource() -> None:
    shell = serving_shell()
    edit(scaling={"mode": "Fixed", "minReplicas": 1})(shell.cluster)
    shell.cluster.edit("Deployment", "shop", DEPLOYMENT, replicas=5)

    requests = asyncio.run(shell.run())

    assert f"scale Deployment/{DEPLOYMENT}" in requests
    assert shell.cluster.one("Deployment")["spec"]["replicas"] == 1


def test_replicas_of_an_autoscaler_are_left_alone() -> None:
    shell = serving_shell()
    shell.cluster.put_autoscaler("theirs", DEPLOYMENT)
    shell.cluster.edit("Deployment", "shop", DEPLOYMENT, replicas=5)

    asyncio.run(shell.run())

    assert shell.cluster.one("Deployment")["spec"]["replicas"] == 5
    assert shell.condition("AutoscalerConflict") == "True ScaledByOthers"


def test_a_service_that_is_being_deleted_is_left_to_garbage_collection() -> None:
    shell = serving_shell()
    body = shell.cluster.one("InferenceService")
    metadata = {**body["metadata"], "deletionTimestamp": "2026-11-20T12:00:00Z"}
    shell.cluster.put({**body, "metadata": metadata})
    shell.cluster.remove("Service", "shop", "filetype")

    assert asyncio.run(shell.run()) == []


def test_a_deleted_service_is_forgotten() -> None:
    shell = serving_shell()
    for kind in ("InferenceService", "Deployment"):
        shell.cluster.remove(kind, "shop", shell.cluster.one(kind)["metadata"]["name"])

    assert asyncio.run(shell.run()) == []
    assert shell.controller.counts.reconciles.keys() == {"ok"}


@pytest.mark.parametrize("recreated", [False, True], ids=["gone", "recreated"])
def test_a_service_that_was_deleted_unseen_is_forgotten_at_the_first_look(recreated: bool) -> None:
    """Else it would be looked at whenever garbage collection takes one of its children."""
    shell = Shell(pinned())
    shell.watch()
    shell.cluster.remove("InferenceService", "shop", "filetype")
    if recreated:
        shell.cluster.put(service_object())

    async def scenario() -> None:
        async with shell.workers():
            await settle()

    asyncio.run(scenario())

    assert shell.store.service("shop", "filetype") is None
    assert shell.clock.waits() == [], "and there is nothing to try again"
    assert shell.controller.counts.reconciles.keys() == {"ok"}


def test_a_recreated_service_waits_for_its_predecessors_children_to_go() -> None:
    shell = serving_shell()
    old = shell.cluster.remove("InferenceService", "shop", "filetype")
    shell.cluster.put({**service_object(), "spec": old["spec"]})

    async def scenario() -> None:
        requests = await shell.run()
        assert "Deployment" not in kinds(requests)
        for kind in ("Deployment", "Service", "ConfigMap"):
            for body in list(shell.cluster.of_kind(kind)):
                shell.cluster.remove(kind, "shop", body["metadata"]["name"])
        shell.clock.advance(120)
        await shell.run()

    asyncio.run(scenario())

    new_uid = shell.cluster.one("InferenceService")["metadata"]["uid"]
    (owner,) = shell.cluster.one("Deployment")["metadata"]["ownerReferences"]
    assert owner["uid"] == new_uid


def test_a_profile_found_for_one_service_serves_another_that_waits() -> None:
    """The other's own Job has failed; it is not due before five minutes have passed."""
    shell = Shell(pinned())
    shell.cluster.remove("ModelProfile", "shop", f"sha256-{DIGEST[7:]}")

    async def scenario() -> None:
        await shell.run()
        assert shell.condition("ModelReady") == "Unknown Inspecting"
        other = service_object("other")
        shell.cluster.put(other)
        await shell.run()
        job = shell.cluster.one("Job", "other")
        shell.cluster.put(
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {
                    "name": "other-x",
                    "namespace": "shop",
                    "labels": {
                        **job["metadata"]["labels"],
                        "batch.kubernetes.io/job-name": job["metadata"]["name"],
                    },
                },
                "status": {
                    "containerStatuses": [
                        {"name": "inspect", "state": {"terminated": {"message": found()}}}
                    ]
                },
            }
        )
        end = {"type": "Complete", "status": "True", "lastTransitionTime": "2026-11-20T12:00:00Z"}
        shell.cluster.observe("Job", "shop", job["metadata"]["name"], conditions=[end])
        await shell.run()

    asyncio.run(scenario())

    assert shell.condition("ModelReady", "other") == "True Inspected"
    assert shell.condition("ModelReady") == "True Inspected"


class Failure(NamedTuple):
    name: str
    verb: str
    kind: str
    error: ApiError
    result: str
    delay: float
    why: str


BUSY = ApiUnavailable(503, "ServiceUnavailable", "busy")
FAILURES = [
    Failure("apply, unavailable", "apply", "Deployment", BUSY, "unavailable", 0.5, "later"),
    Failure(
        "apply, told when",
        "apply",
        "Service",
        ApiUnavailable(429, "TooManyRequests", "busy", retry_after=7.0),
        "unavailable",
        7.0,
        "the server knows best",
    ),
    Failure(
        "apply, namespace gone",
        "apply",
        "ConfigMap",
        ApiNotFound(404, "NotFound", "namespaces shop not found"),
        "conflict",
        0.5,
        "the next look sees what is there",
    ),
    Failure(
        "scale, conflict",
        "scale",
        "Deployment",
        ApiConflict(409, "Conflict", "changed"),
        "conflict",
        0.5,
        "read stale",
    ),
    Failure("status, unavailable", "status", "InferenceService", BUSY, "unavailable", 0.5, "later"),
    Failure(
        "status, conflict",
        "status",
        "InferenceService",
        ApiConflict(409, "Conflict", "recreated"),
        "conflict",
        0.5,
        "another object has this name now",
    ),
    Failure(
        "status, refused",
        "status",
        "InferenceService",
        ApiRefused(403, "Forbidden", "no rights"),
        "refused",
        0.5,
        "rights may be given later",
    ),
]


@pytest.mark.parametrize("row", FAILURES, ids=lambda row: row.name)
def test_a_write_that_fails_is_tried_again_and_then_all_is_well(
    row: Failure, caplog: pytest.LogCaptureFixture
) -> None:
    cluster = pinned()
    edit(scaling={"minReplicas": 2})(cluster)
    cluster.failures[row.verb, row.kind] = [row.error]
    shell = Shell(cluster)

    async def scenario() -> None:
        await shell.run()
        assert shell.controller.counts.reconciles[row.result] == 1, row.why
        assert row.delay in [pytest.approx(delay) for delay in shell.clock.waits()]
        shell.clock.advance(row.delay)
        await shell.run()

    asyncio.run(scenario())

    assert shell.cluster.one("Deployment")["spec"]["replicas"] == 2
    assert shell.condition("Planned") == "True PlanMade"
    assert "A reconcile is tried again." in caplog.messages


class Blockage(NamedTuple):
    name: str
    verb: str
    kind: str


@pytest.mark.parametrize(
    "row",
    [
        Blockage("child", "apply", "Deployment"),
        Blockage("replicas", "scale", "Deployment"),
    ],
    ids=lambda row: row.name,
)
def test_a_refusal_stands_in_the_status_until_it_is_over(row: Blockage) -> None:
    cluster = pinned()
    edit(scaling={"minReplicas": 2})(cluster)
    refusal = ApiRefused(403, "Forbidden", "exceeded quota: team")
    cluster.failures[row.verb, row.kind] = [refusal, refusal]
    shell = Shell(cluster)

    async def scenario() -> None:
        await shell.run()
        assert shell.condition("Available") == "False QuotaExceeded"
        assert shell.condition("Ready") == "False QuotaExceeded"
        assert shell.events() == ["Warning QuotaExceeded"]
        for _ in range(3):
            shell.clock.advance(2)
            await shell.run()

    asyncio.run(scenario())

    assert shell.condition("Available") == "False ReplicasNotReady"
    assert shell.events() == ["Warning QuotaExceeded"], "one event for one reason"
    assert shell.controller.counts.reconciles["blocked"] == 2


def test_a_refused_deletion_stands_in_the_status() -> None:
    shell = serving_shell()
    edit(batching={"maxBatchSize": 2})(shell.cluster)
    shell.cluster.failures["delete", "ConfigMap"] = [ApiRefused(403, "Forbidden", "a policy")]

    async def scenario() -> None:
        await shell.run()
        shell.cluster.roll_out(DEPLOYMENT)
        await shell.run()
        assert shell.condition("Progressing") == "False ApplyRefused"
        assert shell.condition("Available") == "True ReplicasReady"
        shell.clock.advance(1)
        await shell.run()

    asyncio.run(scenario())

    assert shell.condition("Ready") == "True Serving"
    assert len(list(shell.cluster.of_kind("ConfigMap"))) == 1


def test_somebody_elses_object_stops_the_service_with_its_name() -> None:
    cluster = pinned()
    theirs = cluster.put(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "filetype", "namespace": "shop"},
            "spec": {"selector": {"app": "theirs"}},
        }
    )
    shell = Shell(cluster)

    asyncio.run(shell.run())

    assert shell.condition("Ready") == "False NotOwned"
    assert shell.cluster.objects["Service", "shop", "filetype"] == theirs


def test_two_services_whose_children_would_share_a_name_do_not_fight() -> None:
    cluster = pinned()
    for pool in ("cpu", "other-cpu"):
        metadata = {"name": pool}
        cluster.put(
            {"apiVersion": API_VERSION, "kind": "ServingPool", "metadata": metadata, "spec": {}}
        )
    model = cluster.one("InferenceService")["spec"]["model"]
    cluster.edit("InferenceService", "shop", "filetype", hardware={"pools": ["other-cpu"]})
    other = service_object("filetype-other", model=model, hardware={"pools": ["cpu"]})
    shell = Shell(cluster)

    async def scenario() -> None:
        await shell.run()
        shell.cluster.put(other)
        await shell.run()
        shell.clock.advance(600)
        requests = await shell.run()
        assert [line for line in requests if line.startswith("apply")] == []

    asyncio.run(scenario())

    assert shell.condition("Ready", "filetype-other") == "False NotOwned"
    (owner,) = shell.cluster.objects["Deployment", "shop", "filetype-other-cpu"]["metadata"][
        "ownerReferences"
    ]
    assert owner["name"] == "filetype"


def test_a_bug_in_one_service_does_not_stop_the_others(caplog: pytest.LogCaptureFixture) -> None:
    caplog.handler.setFormatter(JsonFormatter())
    cluster = pinned()
    cluster.put(service_object("broken"))
    cluster.failures["apply", "Job"] = [RuntimeError("nobody thought of this")]
    shell = Shell(cluster)

    asyncio.run(shell.run())

    assert shell.condition("Planned") == "True PlanMade"
    assert shell.condition("Planned", "broken") == "absent"
    assert shell.controller.counts.reconciles["bug"] == 1
    (line,) = [line for line in caplog.text.splitlines() if "traceback" in line]
    assert json.loads(line)["name"] == "broken"
    assert shell.clock.waits() == [pytest.approx(0.5)], "and it is tried again"


def test_failures_in_a_row_wait_longer_and_a_success_forgets_them() -> None:
    cluster = pinned()
    cluster.failures["apply", "ConfigMap"] = [BUSY, BUSY, BUSY]
    shell = Shell(cluster)

    async def scenario() -> None:
        for delay in (0.5, 1.0, 2.0):
            await shell.run()
            assert shell.clock.waits() == [pytest.approx(delay)]
            shell.clock.advance(delay)
        await shell.run()
        assert shell.clock.waits() == []
        shell.cluster.failures["apply", "Service"] = [BUSY]
        shell.cluster.remove("Service", "shop", "filetype")
        await shell.run()
        assert shell.clock.waits() == [pytest.approx(0.5)]

    asyncio.run(scenario())


def test_an_inspection_that_failed_is_started_again_by_time_alone() -> None:
    shell = Shell(first_sight())

    async def scenario() -> None:
        await shell.run()
        shell.cluster.end_job("not a report", at="2026-11-20T12:00:00Z", failed=True)
        await shell.run()
        assert shell.condition("ModelReady") == "False InspectionFailed"
        first = shell.cluster.one("Job")["metadata"]["uid"]
        shell.clock.advance(59)
        assert await shell.run() == []
        shell.clock.advance(1)
        await shell.run()
        assert shell.cluster.one("Job")["metadata"]["uid"] != first
        assert shell.condition("ModelReady") == "False InspectionFailed"

    asyncio.run(scenario())


def test_an_event_that_cannot_be_posted_holds_nothing_up(
    caplog: pytest.LogCaptureFixture,
) -> None:
    cluster = first_sight(model={"uri": "ftp://models/a"})
    cluster.failures["create", "Event"] = [ApiRefused(403, "Forbidden", "no rights")]
    shell = Shell(cluster)

    asyncio.run(shell.run())

    assert shell.condition("ModelReady") == "False SourceNotSupported"
    assert shell.controller.counts.reconciles.keys() == {"ok"}
    assert "An event could not be posted." in caplog.messages


def test_an_event_says_what_it_is_about() -> None:
    shell = Shell(first_sight(model={"uri": "ftp://models/a"}))

    asyncio.run(shell.run())

    (event,) = shell.cluster.events
    service = shell.cluster.one("InferenceService")["metadata"]
    assert event["regarding"]["uid"] == service["uid"]
    assert event["metadata"] == {"name": "filetype.suffix", "namespace": "shop"}
    assert event["eventTime"] == "2026-11-20T12:00:00.000000Z"
    assert event["reportingInstance"] == "operator-0"
    assert event["type"] == "Warning"
    assert "ftp://" in event["note"]


def test_a_note_counts_bytes_and_keeps_both_ends() -> None:
    """A model's names may be in any script; the API server counts bytes."""
    cluster = first_sight()
    announcer = Announcer(
        cluster,  # type: ignore[arg-type]  # has the method that is used
        "operator-0",
        clock=lambda: 0.0,
        suffix=lambda: "suffix",
    )
    service = view_of("InferenceService", cluster.one("InferenceService"))
    assert isinstance(service, ServiceView)
    draft = EventDraft("Warning", "NotAModel", "SetModelReady", "first" + "名" * 2000 + "last")

    asyncio.run(announcer.announce(service, [draft]))

    (event,) = cluster.events
    assert len(event["note"].encode()) <= 1024
    assert event["note"].startswith("first")
    assert event["note"].endswith("last")


def test_a_condition_that_somebody_else_added_is_theirs() -> None:
    shell = serving_shell()
    service = shell.cluster.one("InferenceService")
    theirs = {**service["status"]["conditions"][0], "type": "example.org/Reviewed"}
    conditions = [theirs, *service["status"]["conditions"]]
    shell.cluster.put({**service, "status": {**service["status"], "conditions": conditions}})
    shell.watch()
    shell.queue.add(FILETYPE)

    assert asyncio.run(shell.run()) == []


def test_a_service_that_comes_before_its_pools_are_looked_at_waits_for_them() -> None:
    """Its key may be taken first: an unseen change of the pools must not look like no pool."""
    shell = Shell(pinned())
    for (kind, _, _), body in shell.cluster.objects.items():
        shell.store.put(BY_NAME[kind], body)
    shell.queue.add(FILETYPE)

    async def scenario() -> None:
        async with shell.workers(1):
            await settle()

    asyncio.run(scenario())

    assert shell.events() == []
    assert shell.condition("Planned") == "True PlanMade"


def test_a_pool_that_is_described_concerns_every_service() -> None:
    shell = serving_shell()
    pool = {
        "apiVersion": API_VERSION,
        "kind": "ServingPool",
        "metadata": {"name": "big"},
        "spec": {"replicaResources": {"cpu": "4"}},
    }
    shell.cluster.put(pool)

    asyncio.run(shell.run())

    assert shell.status()["poolNames"] == "big"
    pool_status = shell.cluster.one("ServingPool")["status"]
    assert pool_status["nodes"] == 1
    assert pool_status["conditions"][0]["reason"] == "NodesFound"


def test_nodes_that_come_at_once_are_looked_at_once() -> None:
    shell = serving_shell()
    for number in range(50):
        shell.cluster.put(node_object(f"new-{number}"))

    shell.watch()

    assert len(shell.queue) == 1


def test_a_pools_status_is_not_written_twice() -> None:
    shell = Shell()
    shell.cluster.put(
        {"apiVersion": API_VERSION, "kind": "ServingPool", "metadata": {"name": "p"}, "spec": {}}
    )

    async def scenario() -> None:
        assert await shell.run() == ["status ServingPool/p"]
        shell.controller.sweep()
        assert await shell.run() == []

    asyncio.run(scenario())


def test_one_pool_that_is_not_valid_does_not_take_the_others_away() -> None:
    shell = Shell(pinned())
    for name, spec in {"good": {}, "bad": {"startSeconds": -1}}.items():
        shell.cluster.put(
            {
                "apiVersion": API_VERSION,
                "kind": "ServingPool",
                "metadata": {"name": name},
                "spec": spec,
            }
        )

    asyncio.run(shell.run())

    assert shell.status()["poolNames"] == "good"
    bad = shell.cluster.objects["ServingPool", "", "bad"]["status"]
    assert bad["conditions"][0]["reason"] == "InvalidSpec"


def test_workers_finish_what_they_do_when_the_queue_is_closed() -> None:
    cluster = pinned()
    shell = Shell(cluster)

    async def scenario() -> None:
        shell.watch()
        workers = [asyncio.ensure_future(shell.controller.work()) for _ in range(3)]
        await asyncio.sleep(0)
        shell.queue.close()
        await asyncio.gather(*workers)

    asyncio.run(scenario())

    assert shell.condition("Planned") == "True PlanMade", "the one that had begun is complete"


def test_a_cancelled_worker_gives_its_key_back() -> None:
    class Stuck(Cluster):
        async def apply(self, *_: Any, **__: Any) -> Any:
            await asyncio.Event().wait()

    cluster = Stuck(objects=pinned().objects)
    shell = Shell(cluster)

    async def scenario() -> None:
        shell.watch()
        worker = asyncio.ensure_future(shell.controller.work())
        await settle()
        assert shell.queue.processing == 1
        worker.cancel()
        await asyncio.gather(worker, return_exceptions=True)

    asyncio.run(scenario())

    assert shell.queue.processing == 0


class Answer(NamedTuple):
    status: int
    expected: type[ApiError]


@pytest.mark.parametrize(
    "row",
    [
        Answer(0, ApiUnavailable),
        Answer(400, ApiRefused),
        Answer(401, ApiRefused),
        Answer(403, ApiRefused),
        Answer(404, ApiNotFound),
        Answer(409, ApiConflict),
        Answer(410, ApiRefused),
        Answer(422, ApiRefused),
        Answer(429, ApiUnavailable),
        Answer(500, ApiUnavailable),
        Answer(504, ApiUnavailable),
    ],
    ids=lambda row: str(row.status),
)
def test_what_an_answer_means(row: Answer) -> None:
    error = api_error(row.status, "Reason", "message", retry_after=3.0)

    assert type(error) is row.expected
    assert (error.status, error.reason, error.message) == (row.status, "Reason", "message")
    assert str(error) == f"{row.status} Reason: message"
    assert error.retry_after == (3.0 if row.expected is ApiUnavailable else None)


def test_facts_that_cannot_be_served_are_a_condition_and_no_bug() -> None:
    scalar = facts(
        batchable=False,
        reason="input 'sr' is a scalar",
        inputs=[{"name": "sr", "datatype": "INT64", "shape": []}],
        outputs=[{"name": "y", "datatype": "FP32", "shape": [1]}],
    )
    cluster = pinned()
    cluster.put(with_desired_hash(profile_of_facts("shop", DIGEST, scalar)))
    shell = Shell(cluster)

    asyncio.run(shell.run())

    assert shell.condition("Planned") == "False ModelNotServable"
    assert shell.controller.counts.reconciles.keys() == {"ok"}
