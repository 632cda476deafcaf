"""The store: versions decide, keys name who is concerned, and nothing is remembered of the gone."""

from typing import Any

from tests.unit.controllers.cluster import Body, service_object
from tests.unit.planning.building import DIGEST, node_object
from triton_operator.api import labels
from triton_operator.controllers.keys import Key
from triton_operator.controllers.kinds import (
    AUTOSCALER,
    CONFIG_MAP,
    DEPLOYMENT,
    DISRUPTION_BUDGET,
    INFERENCE_SERVICE,
    MODEL_PROFILE,
    NODE,
    POD,
    SERVING_POOL,
    Kind,
)
from triton_operator.controllers.store import Store
from triton_operator.fleet.origin import ROUTING

FILETYPE = Key("InferenceService", "shop", "filetype")


def stored(kind: Kind, name: str, version: int, uid: str = "u", **parts: Any) -> Body:
    body = {
        "kind": kind.kind,
        "metadata": {
            "name": name,
            "namespace": "shop",
            "uid": uid,
            "resourceVersion": str(version),
        },
        **parts,
    }
    if not kind.namespaced:
        del body["metadata"]["namespace"]
    return body


def child(
    kind: Kind,
    name: str,
    version: int,
    *,
    owner: str = "owner",
    service: str = "filetype",
    **kw: Any,
) -> Body:
    body = stored(kind, name, version, **kw)
    body["metadata"]["labels"] = {
        labels.MANAGED_BY: labels.MANAGER,
        labels.SERVICE: service,
        labels.OWNER_UID: owner,
    }
    return body


def service(version: int, uid: str = "owner", **parts: Any) -> Body:
    body = service_object()
    body["metadata"] |= {"uid": uid, "resourceVersion": str(version)}
    return {**body, **parts}


def profile(name: str, version: int, digest: str = DIGEST, facts: Any = None) -> Body:
    spec = {"digest": digest} | ({"facts": facts} if facts else {})
    return stored(MODEL_PROFILE, name, version, uid=f"u-{name}", spec=spec)


def autoscaler(name: str, version: int, target: str, kind: str = "Deployment") -> Body:
    spec = {"scaleTargetRef": {"kind": kind, "name": target}}
    return stored(AUTOSCALER, name, version, uid=f"u-{name}", spec=spec)


def test_a_new_object_concerns_its_service() -> None:
    store = Store()

    assert store.put(INFERENCE_SERVICE, service(1)) == [FILETYPE]
    assert store.put(DEPLOYMENT, child(DEPLOYMENT, "d", 2)) == [FILETYPE]
    assert store.put(POD, child(POD, "p", 3)) == [FILETYPE]
    assert store.put(SERVING_POOL, stored(SERVING_POOL, "l4", 4, spec={})) == [
        Key("ServingPool", "", "l4")
    ]


def test_a_stranger_concerns_nobody() -> None:
    assert Store().put(CONFIG_MAP, stored(CONFIG_MAP, "theirs", 1)) == []


def test_a_new_status_of_a_service_concerns_nobody_and_a_new_spec_does() -> None:
    """Its status is the operator's own: otherwise each write would cause the next look."""
    store = Store()
    body = service(1)
    body["metadata"]["generation"] = 1
    store.put(INFERENCE_SERVICE, body)

    told = {**body, "metadata": {**body["metadata"], "resourceVersion": "2"}, "status": {"a": 1}}
    assert store.put(INFERENCE_SERVICE, told) == []
    kept = store.service("shop", "filetype")
    assert kept is not None
    assert kept.status == {"a": 1}

    edited = {**told, "metadata": {**told["metadata"], "resourceVersion": "3", "generation": 2}}
    assert store.put(INFERENCE_SERVICE, edited) == [FILETYPE]
    leaving = {**edited["metadata"], "resourceVersion": "4", "deletionTimestamp": "now"}
    assert store.put(INFERENCE_SERVICE, {**edited, "metadata": leaving}) == [FILETYPE]


def test_what_others_note_on_a_service_concerns_nobody() -> None:
    """A fleet's agent notes each decision: that must not be the beginning of the next one."""
    store = Store()
    body = service(1)
    body["metadata"]["generation"] = 1
    store.put(INFERENCE_SERVICE, body)
    noted = {**body["metadata"], "resourceVersion": "2", "annotations": {"decisions": "[]"}}

    assert store.put(INFERENCE_SERVICE, {**body, "metadata": noted}) == []


def test_another_routing_of_a_fleet_concerns_its_service_and_other_annotations_do_not() -> None:
    """It is an annotation, of which no generation tells."""
    store = Store()

    def noted(version: int, **annotations: str) -> Body:
        body = service(version)
        body["metadata"] |= {"generation": 1, "annotations": annotations}
        return body

    store.put(INFERENCE_SERVICE, noted(1))
    assert store.put(INFERENCE_SERVICE, noted(2, note="a")) == []
    assert store.put(INFERENCE_SERVICE, noted(3, **{ROUTING: "{}"})) == [FILETYPE]
    assert store.put(INFERENCE_SERVICE, noted(4)) == [FILETYPE]


def test_a_status_that_says_nothing_to_decide_concerns_nobody() -> None:
    """The budget's controller counts every pod that comes or goes; the operator need not."""
    store = Store()
    body = child(DISRUPTION_BUDGET, "b", 1)
    body["metadata"]["generation"] = 1
    store.put(DISRUPTION_BUDGET, body)

    def changed(version: str, **metadata: Any) -> Body:
        return {**body, "metadata": {**body["metadata"], "resourceVersion": version, **metadata}}

    assert store.put(DISRUPTION_BUDGET, {**changed("2"), "status": {"currentHealthy": 2}}) == []
    assert store.put(DISRUPTION_BUDGET, changed("3", generation=2)) == [FILETYPE]
    assert store.put(DISRUPTION_BUDGET, changed("4", ownerReferences=[{"uid": "o"}])) == [FILETYPE]


def test_an_older_or_equal_version_changes_nothing() -> None:
    store = Store()
    store.put(DEPLOYMENT, child(DEPLOYMENT, "d", 10, spec={"replicas": 3}))

    for version in (9, 10):
        assert store.put(DEPLOYMENT, child(DEPLOYMENT, "d", version, spec={"replicas": 1})) == []
    seen = store.get("Deployment", "shop", "d")
    assert seen is not None
    assert seen.replicas == 3  # type: ignore[attr-defined]


def test_versions_compare_as_numbers() -> None:
    store = Store()
    store.put(CONFIG_MAP, child(CONFIG_MAP, "c", 9))

    assert store.put(CONFIG_MAP, child(CONFIG_MAP, "c", 10)) == [FILETYPE]


def test_versions_that_are_no_numbers_are_taken_in_when_they_differ() -> None:
    store = Store()
    body = child(CONFIG_MAP, "c", 1)
    body["metadata"]["resourceVersion"] = "b"
    store.put(CONFIG_MAP, body)

    assert store.put(CONFIG_MAP, body) == []
    assert store.put(CONFIG_MAP, child(CONFIG_MAP, "c", 1)) == [FILETYPE]


def test_a_recreated_object_takes_the_place_of_its_predecessor() -> None:
    store = Store()
    store.put(DEPLOYMENT, child(DEPLOYMENT, "d", 10, uid="old", owner="first"))

    assert store.put(DEPLOYMENT, child(DEPLOYMENT, "d", 20, uid="new", owner="second"))

    assert store.children("shop", "first") == []
    assert [view.uid for view in store.children("shop", "second")] == ["new"]


def test_a_late_answer_about_the_predecessor_does_not_bring_it_back() -> None:
    """Resource versions are the whole cluster's: the predecessor's are smaller."""
    store = Store()
    store.put(DEPLOYMENT, child(DEPLOYMENT, "d", 20, uid="new"))

    assert store.put(DEPLOYMENT, child(DEPLOYMENT, "d", 12, uid="old")) == []

    assert store.known(DEPLOYMENT) == {("shop", "d"): "new"}


def test_a_late_deletion_of_the_predecessor_leaves_the_successor() -> None:
    store = Store()
    store.put(DEPLOYMENT, child(DEPLOYMENT, "d", 20, uid="new"))

    assert store.remove(DEPLOYMENT, "shop", "d", "old") == []
    assert store.get("Deployment", "shop", "d") is not None
    assert store.remove(DEPLOYMENT, "shop", "d", "new") == [FILETYPE]
    assert store.get("Deployment", "shop", "d") is None


def test_removing_what_is_not_there_concerns_nobody() -> None:
    assert Store().remove(DEPLOYMENT, "shop", "d") == []
    assert Store().remove(NODE, "", "n") == []


def test_children_are_found_by_owner_and_namespace_and_follow_every_change() -> None:
    store = Store()
    store.put(DEPLOYMENT, child(DEPLOYMENT, "d", 1))
    store.put(CONFIG_MAP, child(CONFIG_MAP, "c", 2))
    store.put(POD, child(POD, "p", 3, owner="another"))
    assert {view.name for view in store.children("shop", "owner")} == {"d", "c"}
    assert store.children("elsewhere", "owner") == []

    store.put(DEPLOYMENT, child(DEPLOYMENT, "d", 4, spec={"replicas": 7}))
    store.remove(CONFIG_MAP, "shop", "c")

    (only,) = store.children("shop", "owner")
    assert only.replicas == 7  # type: ignore[attr-defined]


def test_a_child_whose_label_is_taken_away_still_concerns_its_service() -> None:
    store = Store()
    store.put(DEPLOYMENT, child(DEPLOYMENT, "d", 1))
    bare = stored(DEPLOYMENT, "d", 2)
    bare["metadata"]["labels"] = {labels.MANAGED_BY: labels.MANAGER}

    assert store.put(DEPLOYMENT, bare) == [FILETYPE]


def test_profiles_are_found_by_their_digest_in_the_order_of_their_names() -> None:
    store = Store()
    for version, name in enumerate(("b", "a", "c"), start=1):
        store.put(MODEL_PROFILE, profile(name, version))

    assert [view.name for view in store.profiles("shop", DIGEST)] == ["a", "b", "c"]
    assert store.profiles("elsewhere", DIGEST) == []

    for name in ("b", "a", "c"):
        store.remove(MODEL_PROFILE, "shop", name)
    assert store.profiles("shop", DIGEST) == []


def test_a_profile_that_gets_another_digest_concerns_who_had_the_old_one_too() -> None:
    other = "sha256:" + "ef" * 32
    store = Store()
    for version, (name, digest) in enumerate({"old": DIGEST, "new": other}.items(), start=1):
        body = service(version, spec={"model": {"uri": "pvc://m/a", "digest": digest}})
        body["metadata"] |= {"name": name, "uid": name}
        store.put(INFERENCE_SERVICE, body)
    store.put(MODEL_PROFILE, profile("a", 3))

    concerned = store.put(MODEL_PROFILE, profile("a", 4, digest=other))

    assert {key.name for key in concerned} == {"old", "new"}
    assert store.profiles("shop", DIGEST) == []


def test_objects_that_break_every_rule_do_not_stop_the_watch() -> None:
    store = Store()
    for version, model in enumerate(("text", ["list"], {"digest": {"a": 1}}), start=1):
        body = service(version, spec={"model": model}, status={"model": model})
        body["metadata"] |= {"name": f"s{version}", "uid": f"u{version}"}
        store.put(INFERENCE_SERVICE, body)

    assert store.put(MODEL_PROFILE, profile("a", 4, digest=["no", "text"])) == []  # type: ignore[arg-type]


def test_a_profile_concerns_the_services_that_name_its_digest() -> None:
    store = Store()
    other = "sha256:" + "ef" * 32
    pins = service(1, spec={"model": {"uri": "pvc://m/a", "digest": DIGEST}})
    saw = service(2, status={"model": {"digest": DIGEST}})
    saw["metadata"] |= {"name": "saw", "uid": "u2"}
    neither = service(3)
    neither["metadata"] |= {"name": "neither", "uid": "u3"}
    for body in (pins, saw, neither):
        store.put(INFERENCE_SERVICE, body)

    concerned = store.put(MODEL_PROFILE, profile("a", 4))

    assert {key.name for key in concerned} == {"filetype", "saw"}
    assert store.put(MODEL_PROFILE, profile("b", 5, digest=other)) == []


def test_an_autoscaler_concerns_the_service_whose_deployment_it_scales() -> None:
    store = Store()
    store.put(DEPLOYMENT, child(DEPLOYMENT, "d", 1))

    assert store.put(AUTOSCALER, autoscaler("theirs", 2, "d")) == [FILETYPE]
    assert store.autoscaler_of("shop", "d") == "theirs"
    assert store.put(AUTOSCALER, autoscaler("other", 3, "unrelated")) == []


def test_an_autoscaler_of_something_else_is_none_of_ours() -> None:
    store = Store()
    store.put(DEPLOYMENT, child(DEPLOYMENT, "d", 1))
    store.put(AUTOSCALER, autoscaler("theirs", 2, "d", kind="StatefulSet"))

    assert store.autoscaler_of("shop", "d") is None


def test_an_autoscaler_that_turns_to_another_deployment_frees_the_first() -> None:
    store = Store()
    store.put(DEPLOYMENT, child(DEPLOYMENT, "d", 1))
    store.put(AUTOSCALER, autoscaler("theirs", 2, "d"))

    assert store.put(AUTOSCALER, autoscaler("theirs", 3, "unrelated")) == [FILETYPE]
    assert store.autoscaler_of("shop", "d") is None


def test_of_two_autoscalers_one_is_left_when_the_other_goes() -> None:
    store = Store()
    store.put(DEPLOYMENT, child(DEPLOYMENT, "d", 1))
    store.put(AUTOSCALER, autoscaler("first", 2, "d"))
    store.put(AUTOSCALER, autoscaler("second", 3, "d"))

    assert store.remove(AUTOSCALER, "shop", "second") == [FILETYPE]

    assert store.autoscaler_of("shop", "d") == "first"


def test_a_heartbeat_of_a_node_is_no_change_of_the_pools() -> None:
    store = Store()
    store.put(NODE, node_object("a"))
    version = store.pools_version
    beat = node_object("a")
    beat["metadata"]["resourceVersion"] = "2"
    beat["status"]["conditions"].append({"type": "PIDPressure", "status": "False"})

    store.put(NODE, beat)
    assert store.pools_version == version

    store.put(NODE, node_object("a", cordoned=True))
    assert store.pools_version > version


def test_pools_change_with_nodes_and_with_the_spec_of_a_pool() -> None:
    store = Store()
    seen = [store.pools_version]

    def changed() -> bool:
        seen.append(store.pools_version)
        return seen[-1] > seen[-2]

    store.put(NODE, node_object("a"))
    assert changed()
    store.put(SERVING_POOL, stored(SERVING_POOL, "l4", 1, spec={"startSeconds": 1}))
    assert changed()
    status = {"nodes": 1}
    store.put(SERVING_POOL, stored(SERVING_POOL, "l4", 2, spec={"startSeconds": 1}, status=status))
    assert not changed(), "its status is the operator's own"
    store.put(SERVING_POOL, stored(SERVING_POOL, "l4", 3, spec={"startSeconds": 2}))
    assert changed()
    store.remove(SERVING_POOL, "", "l4")
    assert changed()
    store.remove(NODE, "", "a")
    assert changed()
    assert store.nodes() == []


def test_what_is_known_is_told_by_uid() -> None:
    store = Store()
    store.put(NODE, node_object("a"))
    store.put(CONFIG_MAP, child(CONFIG_MAP, "c", 1, uid="x"))

    assert store.known(NODE) == {("", "a"): "uid-a"}
    assert store.known(CONFIG_MAP) == {("shop", "c"): "x"}
    assert store.known(POD) == {}
