"""The writer: only what differs is written, nobody else's object is, and refusals have a reason."""

import asyncio
from typing import Any

import pytest

from tests.unit.controllers.cluster import Body, Cluster
from tests.unit.planning.building import DIGEST, facts, measurement
from triton_operator.api import labels
from triton_operator.controllers.errors import (
    ApiConflict,
    ApiError,
    ApiNotFound,
    ApiRefused,
    ApiUnavailable,
)
from triton_operator.controllers.keys import Key
from triton_operator.controllers.kinds import BY_NAME
from triton_operator.controllers.store import Store
from triton_operator.controllers.writer import Blocked, Writer
from triton_operator.manifests import names
from triton_operator.manifests.config_map import model_config_map
from triton_operator.manifests.desired_hash import with_desired_hash
from triton_operator.manifests.model_profile import profile_of_facts, profile_of_findings
from triton_operator.manifests.owner import Owner
from triton_operator.manifests.service import service_over_all

OWNER = Owner("filetype", "shop", "uid-filetype")
SERVICE = with_desired_hash(service_over_all(OWNER))
CONFIG = with_desired_hash(model_config_map(OWNER, "cpu", {"config.pbtxt": "name: 'filetype'"}))
PROFILE = with_desired_hash(profile_of_facts("shop", DIGEST, facts()))


def deployment(memory: str = "1Gi") -> Body:
    """A Deployment, as far as the writer looks at it."""
    return with_desired_hash(
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": OWNER.metadata("filetype-cpu"),
            "spec": {"template": {"memory": memory}},
        }
    )


class Desk:
    """A writer, what it writes to, and what it knows."""

    def __init__(self) -> None:
        self.cluster = Cluster()
        self.store = Store()
        self.concerned: list[Key] = []
        self.writer = self.restarted()

    def restarted(self) -> Writer:
        """A writer without a memory, as after a restart."""
        self.writer = Writer(
            self.cluster,  # type: ignore[arg-type]  # has the methods that are used
            self.store,
            concern=lambda keys: self.concerned.extend(keys),
        )
        return self.writer

    def watch(self) -> None:
        """Every object in the cluster is seen, in its newest version."""
        for (kind, _, _), body in self.cluster.objects.items():
            self.store.put(BY_NAME[kind], body)

    def apply(self, manifest: Body, *, verify: bool = False) -> list[str]:
        """Write; the requests that changed something."""
        requests = self._requests(self.writer.apply(manifest, verify=verify))
        return [line for line in requests if not line.startswith("get ")]

    def scale(self, replicas: int) -> list[str]:
        return self._requests(self.writer.scale("shop", "filetype-cpu", replicas))

    def delete(self, kind: str, name: str) -> list[str]:
        view = self.store.get(kind, "shop", name)
        assert view is not None
        return self._requests(self.writer.delete(view))

    def _requests(self, work: Any) -> list[str]:
        self.cluster.requests.clear()
        asyncio.run(_done(work))
        return list(self.cluster.requests)


async def _done(work: Any) -> None:
    await work


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_a_new_child_is_written_once(desk: Desk) -> None:
    assert desk.apply(SERVICE) == ["apply Service/filetype"]
    assert desk.apply(SERVICE) == []

    assert desk.writer.writes.done == {"Service": 1}
    assert desk.writer.writes.skipped.total() == 1


def test_the_answer_is_in_the_store_before_any_watch_tells(desk: Desk) -> None:
    desk.apply(deployment())

    assert desk.store.known(BY_NAME["Deployment"]) == {
        ("shop", "filetype-cpu"): desk.cluster.one("Deployment")["metadata"]["uid"]
    }


def test_the_watchs_echo_of_an_own_write_is_no_drift(desk: Desk) -> None:
    desk.apply(deployment())
    desk.watch()

    assert desk.apply(deployment()) == []


def test_another_wish_is_written(desk: Desk) -> None:
    desk.apply(deployment())

    assert desk.apply(deployment("2Gi")) == ["apply Deployment/filetype-cpu"]
    assert desk.cluster.one("Deployment")["spec"]["template"] == {"memory": "2Gi"}


@pytest.mark.parametrize("manifest", [SERVICE, deployment()], ids=lambda one: one["kind"])
def test_drift_is_written_over(desk: Desk, manifest: Body) -> None:
    """A Service has no generation: its version tells. Both keep the hash of the operator."""
    desk.apply(manifest)
    name = manifest["metadata"]["name"]
    desk.cluster.edit(manifest["kind"], "shop", name, selector={"app": "theirs"})
    desk.watch()

    assert desk.apply(manifest) == [f"apply {manifest['kind']}/{name}"]
    assert desk.apply(manifest) == []


def test_a_status_is_no_drift(desk: Desk) -> None:
    desk.apply(deployment())
    desk.cluster.observe("Deployment", "shop", "filetype-cpu", readyReplicas=1)
    desk.watch()

    assert desk.apply(deployment()) == []


def test_after_a_restart_the_hash_is_believed_until_a_sweep_verifies(desk: Desk) -> None:
    desk.apply(deployment())
    desk.cluster.edit("Deployment", "shop", "filetype-cpu", template={"memory": "9Gi"})
    desk.watch()
    desk.restarted()

    assert desk.apply(deployment()) == [], "a start must not write everything anew"
    assert desk.apply(deployment(), verify=True) == ["apply Deployment/filetype-cpu"]
    assert desk.cluster.one("Deployment")["spec"]["template"] == {"memory": "1Gi"}
    assert desk.apply(deployment(), verify=True) == [], "verified once is enough"


def test_what_this_process_wrote_itself_needs_no_verification(desk: Desk) -> None:
    desk.apply(deployment())

    assert desk.apply(deployment(), verify=True) == []


def test_a_child_that_is_going_away_is_left_alone(desk: Desk) -> None:
    desk.apply(deployment())
    body = desk.cluster.one("Deployment")
    body["metadata"]["deletionTimestamp"] = "2026-11-20T10:00:00Z"
    body["metadata"]["resourceVersion"] = "999"
    desk.watch()

    assert desk.apply(deployment("2Gi")) == []


def test_replicas_of_somebody_else_survive_a_write(desk: Desk) -> None:
    desk.apply(deployment())
    desk.cluster.edit("Deployment", "shop", "filetype-cpu", replicas=7)
    desk.watch()

    desk.apply(deployment("2Gi"))

    assert desk.cluster.one("Deployment")["spec"]["replicas"] == 7


def foreign(name: str, kind: str = "Service") -> Body:
    """An object of a stranger, without the operator's labels."""
    return {
        "apiVersion": "v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {"selector": {"app": "theirs"}},
    }


def test_a_strangers_object_is_left_alone(desk: Desk) -> None:
    theirs = desk.cluster.put(foreign("filetype"))

    with pytest.raises(Blocked) as blocked:
        desk.apply(SERVICE)

    assert blocked.value.problem.reason == "NotOwned"
    assert "Service filetype exists and belongs to somebody else" in blocked.value.problem.message
    assert desk.cluster.one("Service") == theirs
    assert desk.cluster.requests == ["get Service/filetype"]


def test_a_strangers_deployment_is_found_by_its_conflict(desk: Desk) -> None:
    """Its selector and template differ; no look is needed before every first write."""
    theirs = desk.cluster.put({**foreign("filetype-cpu", "Deployment"), "apiVersion": "apps/v1"})

    with pytest.raises(Blocked, match="Deployment filetype-cpu exists and belongs to somebody"):
        desk.apply(deployment())

    assert desk.cluster.one("Deployment") == theirs


def test_a_strangers_object_of_another_shape_is_found_by_its_refusal(desk: Desk) -> None:
    desk.cluster.put(foreign("filetype-cpu", "Deployment"))
    desk.cluster.failures["apply", "Deployment"] = [ApiRefused(422, "Invalid", "selector")]

    with pytest.raises(Blocked) as blocked:
        desk.apply(deployment())

    assert blocked.value.problem.reason == "NotOwned"


def test_another_services_child_of_the_same_name_is_left_alone(desk: Desk) -> None:
    """Service `a-cpu` and the child `a-cpu` of service `a`: both ours, one owner each."""
    other = Owner("filetype-cpu", "shop", "uid-other")
    child = with_desired_hash(
        {**SERVICE, "metadata": OWNER.metadata("filetype-cpu")},
    )
    desk.apply(child)

    with pytest.raises(Blocked) as blocked:
        desk.apply(with_desired_hash(service_over_all(other)))

    assert blocked.value.problem.reason == "NotOwned"
    assert desk.cluster.requests == [], "nothing is even tried"


def test_children_of_a_deleted_namesake_are_waited_for_without_advice_to_rename(
    desk: Desk,
) -> None:
    desk.apply(SERVICE)
    successor = Owner("filetype", "shop", "uid-successor")

    with pytest.raises(Blocked) as blocked:
        desk.apply(with_desired_hash(service_over_all(successor)))

    assert desk.cluster.requests == []
    assert "rename" not in blocked.value.problem.message


def test_an_own_child_that_was_never_seen_is_taken_up_again(desk: Desk) -> None:
    """Its watch is late, or its label was taken away: the owner reference tells."""
    desk.cluster.put({**SERVICE, "metadata": {**SERVICE["metadata"], "labels": {}}})

    desk.apply(SERVICE)

    assert desk.cluster.one("Service")["metadata"]["labels"][labels.SERVICE] == "filetype"


def test_a_conflict_on_a_known_child_is_tried_again_later(desk: Desk) -> None:
    desk.apply(deployment())
    desk.cluster.failures["apply", "Deployment"] = [ApiConflict(409, "Conflict", "busy")]

    with pytest.raises(ApiConflict):
        desk.apply(deployment("2Gi"))


def test_a_list_that_somebody_changed_row_by_row_is_replaced_whole(desk: Desk) -> None:
    """An apply leaves the rows of others: two ports of one name, which no Service may have."""
    desk.apply(SERVICE)
    ports = [{**port, "port": port["port"] + 1} for port in SERVICE["spec"]["ports"]]
    desk.cluster.edit("Service", "shop", "filetype", ports=ports)
    desk.watch()
    desk.cluster.failures["apply", "Service"] = [ApiRefused(422, "Invalid", "duplicate name")]

    assert desk.apply(SERVICE) == [
        "apply Service/filetype",
        "merge Service/filetype",
        "apply Service/filetype",
    ]
    assert desk.cluster.one("Service")["spec"]["ports"] == SERVICE["spec"]["ports"]
    assert desk.apply(SERVICE) == []


def test_a_refusal_of_the_whole_list_too_is_a_reason_for_the_status(desk: Desk) -> None:
    desk.apply(deployment())
    refusal = ApiRefused(422, "Invalid", "no")
    desk.cluster.failures["apply", "Deployment"] = [refusal]
    desk.cluster.failures["merge", "Deployment"] = [refusal]

    with pytest.raises(Blocked, match="Deployment filetype-cpu: no"):
        desk.apply(deployment("2Gi"))


def test_only_an_invalid_result_is_tried_as_a_whole_list(desk: Desk) -> None:
    desk.apply(deployment())
    desk.cluster.failures["apply", "Deployment"] = [ApiRefused(403, "Forbidden", "quota")]

    with pytest.raises(Blocked, match="Deployment filetype-cpu: quota"):
        desk.apply(deployment("2Gi"))

    assert desk.cluster.requests == ["apply Deployment/filetype-cpu"]


def test_a_stranger_that_goes_in_the_moment_of_the_conflict_is_looked_for_again(
    desk: Desk,
) -> None:
    desk.cluster.failures["apply", "Deployment"] = [ApiConflict(409, "Conflict", "theirs")]

    with pytest.raises(ApiConflict):
        desk.apply(deployment())

    assert not list(desk.cluster.of_kind("Deployment")), "nothing is taken by force"


def test_a_refusal_is_a_reason_for_the_status(desk: Desk) -> None:
    desk.cluster.failures["apply", "Service"] = [ApiRefused(403, "Forbidden", "no ports left")]

    with pytest.raises(Blocked) as blocked:
        desk.apply(SERVICE)

    assert blocked.value.problem.reason == "ApplyRefused"
    assert blocked.value.problem.message == "Service filetype: no ports left"


@pytest.mark.parametrize(
    "error",
    [ApiUnavailable(503, "ServiceUnavailable", "no"), ApiNotFound(404, "NotFound", "namespace")],
    ids=lambda error: error.reason,
)
def test_what_may_go_through_later_is_passed_on_and_nothing_is_remembered(
    desk: Desk, error: ApiError
) -> None:
    desk.cluster.failures["apply", "Service"] = [error]

    with pytest.raises(type(error)):
        desk.apply(SERVICE)

    assert desk.apply(SERVICE) == ["apply Service/filetype"]


def test_a_profile_of_somebody_else_is_taken_as_it_is(desk: Desk) -> None:
    theirs = with_desired_hash(profile_of_facts("shop", DIGEST, facts(reason="they say so")))
    desk.cluster.put(theirs)
    desk.watch()

    assert desk.apply(PROFILE) == [], "whoever wrote the facts first: they are facts"


def test_a_profile_without_facts_gets_them(desk: Desk) -> None:
    bare = {**PROFILE, "metadata": {"name": PROFILE["metadata"]["name"], "namespace": "shop"}}
    desk.cluster.put({**bare, "spec": {"digest": DIGEST}})
    desk.watch()

    assert desk.apply(PROFILE) == [f"apply ModelProfile/{PROFILE['metadata']['name']}"]
    assert desk.cluster.one("ModelProfile")["spec"]["facts"]


def test_measurements_are_written_into_a_profile_that_has_facts(desk: Desk) -> None:
    """Somebody added facts to the operator's own: only facts are taken as they are."""
    name = names.measured_profile(DIGEST)
    wanted = with_desired_hash(profile_of_findings("shop", DIGEST, [measurement({1: 8.5})], []))
    spec = {**PROFILE["spec"], "measurements": []}
    desk.cluster.put({**wanted, "metadata": {"name": name, "namespace": "shop"}, "spec": spec})
    desk.watch()

    assert desk.apply(wanted) == [f"apply ModelProfile/{name}"]
    assert desk.cluster.one("ModelProfile", name)["spec"]["measurements"]


def test_a_profile_that_somebody_wrote_a_moment_ago_is_no_strangers_object(desk: Desk) -> None:
    desk.cluster.put({**PROFILE, "metadata": {**PROFILE["metadata"], "labels": {}}})

    desk.apply(PROFILE)

    assert desk.store.profiles("shop", DIGEST)
    assert desk.apply(PROFILE) == []


def test_a_new_profile_wakes_the_services_that_wait_for_it(desk: Desk) -> None:
    waiting = {
        "kind": "InferenceService",
        "metadata": {"name": "waits", "namespace": "shop", "uid": "w", "resourceVersion": "1"},
        "spec": {"model": {"uri": "pvc://m/a", "digest": DIGEST}},
    }
    desk.store.put(BY_NAME["InferenceService"], waiting)

    desk.apply(PROFILE)

    assert desk.concerned == [Key("InferenceService", "shop", "waits")]


def job(image: str) -> Body:
    return with_desired_hash(
        {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": OWNER.metadata("filetype-inspect-0"),
            "spec": {"template": {"image": image}},
        }
    )


def test_a_job_that_another_version_of_the_operator_started_runs_to_its_end(desk: Desk) -> None:
    """Its template cannot be changed: the write would be refused until it ends."""
    desk.apply(job("operator:1"))

    assert desk.apply(job("operator:2")) == []


def test_a_changed_template_of_an_immutable_config_map_is_refused_with_its_name(
    desk: Desk,
) -> None:
    desk.apply(CONFIG)
    changed = {**CONFIG, "data": {"config.pbtxt": "name: 'other'"}}

    with pytest.raises(Blocked, match=f"ConfigMap {CONFIG['metadata']['name']}"):
        desk.apply(with_desired_hash({**changed, "metadata": {**CONFIG["metadata"]}}))


def test_replicas_are_written_where_they_differ(desk: Desk) -> None:
    desk.apply(deployment())

    assert desk.scale(3) == ["scale Deployment/filetype-cpu"]
    desk.watch()
    assert desk.scale(3) == []
    assert desk.writer.writes.done["Scale"] == 1


def test_an_own_change_of_replicas_is_no_drift(desk: Desk) -> None:
    desk.apply(deployment())
    desk.scale(3)
    desk.watch()

    assert desk.apply(deployment()) == []


def test_what_somebody_else_changed_besides_replicas_is_drift(desk: Desk) -> None:
    desk.apply(deployment())
    desk.scale(3)
    desk.cluster.edit("Deployment", "shop", "filetype-cpu", template={"memory": "9Gi"})
    desk.watch()

    assert desk.apply(deployment()) == ["apply Deployment/filetype-cpu"]


def test_replicas_written_before_drift_was_seen_leave_it_to_a_sweep(desk: Desk) -> None:
    """Which of two changes the next version holds cannot be told: the sweep verifies it."""
    desk.apply(deployment())
    desk.cluster.edit("Deployment", "shop", "filetype-cpu", template={"memory": "9Gi"})
    desk.watch()
    desk.scale(3)
    desk.watch()

    desk.apply(deployment(), verify=True)

    assert desk.cluster.one("Deployment")["spec"]["template"] == {"memory": "1Gi"}


def test_replicas_of_a_deployment_that_is_not_there_are_left(desk: Desk) -> None:
    assert desk.scale(3) == []
    desk.apply(deployment())
    desk.cluster.remove("Deployment", "shop", "filetype-cpu")

    assert desk.scale(3) == ["scale Deployment/filetype-cpu"], "and it has just gone: no error"
    assert "Scale" not in desk.writer.writes.done


def test_refused_replicas_are_a_reason_for_the_status(desk: Desk) -> None:
    desk.apply(deployment())
    desk.cluster.failures["scale", "Deployment"] = [ApiRefused(403, "Forbidden", "no rights")]

    with pytest.raises(Blocked, match="Deployment filetype-cpu: no rights"):
        desk.scale(3)


def test_a_deleted_child_is_written_anew_when_it_is_wanted_again(desk: Desk) -> None:
    desk.apply(SERVICE)

    assert desk.delete("Service", "filetype") == ["delete Service/filetype"]
    desk.store.remove(BY_NAME["Service"], "shop", "filetype")

    assert desk.apply(SERVICE) == ["apply Service/filetype"]


def test_only_the_child_that_was_seen_is_deleted(desk: Desk) -> None:
    desk.apply(SERVICE)
    desk.cluster.remove("Service", "shop", "filetype")
    successor = desk.cluster.put(foreign("filetype"))

    with pytest.raises(ApiConflict):
        desk.delete("Service", "filetype")

    assert desk.cluster.one("Service") == successor


def test_a_refused_deletion_is_a_reason_for_the_status(desk: Desk) -> None:
    desk.apply(SERVICE)
    desk.cluster.failures["delete", "Service"] = [ApiRefused(403, "Forbidden", "a policy")]

    with pytest.raises(Blocked, match="Service filetype: a policy"):
        desk.delete("Service", "filetype")


def test_an_owner_taken_away_is_put_back(desk: Desk) -> None:
    """No generation tells of it: metadata is not the spec."""
    desk.apply(deployment())
    live = desk.cluster.one("Deployment")
    metadata = {key: value for key, value in live["metadata"].items() if key != "ownerReferences"}
    desk.cluster.put({**live, "metadata": metadata})
    desk.watch()

    assert desk.apply(deployment()) == ["apply Deployment/filetype-cpu"]
    assert desk.cluster.one("Deployment")["metadata"]["ownerReferences"] == [OWNER.reference()]
    assert desk.apply(deployment()) == []


def test_a_label_of_somebody_else_costs_no_write(desk: Desk) -> None:
    desk.apply(deployment())
    live = desk.cluster.one("Deployment")
    others = {**live["metadata"]["labels"], "team": "search"}
    desk.cluster.put({**live, "metadata": {**live["metadata"], "labels": others}})
    desk.watch()

    assert desk.apply(deployment()) == []
