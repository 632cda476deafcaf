"""Who may write what: spec, status and scale apart, and two managers side by side."""

import pytest

from tests.api.client import Api, Object, RefusedError
from tests.objects import written
from triton_operator.api.group import FIELD_MANAGER

OTHER = "someone-else"


@pytest.fixture
def service(api: Api, namespace: str) -> Object:
    """A live InferenceService with a spec and no status."""
    document = written("inferenceservice-smallest")
    document["metadata"]["namespace"] = namespace
    api.create(document)
    return document


def identity(document: Object, **parts: object) -> Object:
    """An apply of nothing but these parts of the object."""
    metadata = {key: document["metadata"][key] for key in ("name", "namespace")}
    return {
        "apiVersion": document["apiVersion"],
        "kind": document["kind"],
        "metadata": metadata,
        **parts,
    }


def condition(type_: str, status: str = "True") -> Object:
    """One condition."""
    return {
        "type": type_,
        "status": status,
        "lastTransitionTime": "2026-11-20T10:00:00Z",
        "reason": "AsExpected",
        "message": "",
    }


def test_a_status_in_a_new_object_is_dropped(api: Api, namespace: str) -> None:
    document = written("inferenceservice-every-field")
    document["metadata"]["namespace"] = namespace

    assert "status" not in api.create(document)


def test_a_write_of_the_spec_leaves_the_status(api: Api, service: Object) -> None:
    api.merge(service, {"status": {"observedGeneration": 1, "replicas": 3}}, "status")

    after = api.merge(service, {"spec": {"paused": True}, "status": {"replicas": 9}})

    assert after["spec"]["paused"] is True
    assert after["status"]["replicas"] == 3
    assert after["metadata"]["generation"] == 2


def test_a_write_of_the_status_leaves_the_spec(api: Api, service: Object) -> None:
    change = {"spec": {"paused": True}, "status": {"observedGeneration": 1, "replicas": 3}}

    after = api.merge(service, change, "status")

    assert after["spec"]["paused"] is False
    assert after["status"]["replicas"] == 3
    assert after["metadata"]["generation"] == 1


def test_a_status_says_nothing_that_nobody_wrote(api: Api, service: Object) -> None:
    after = api.merge(service, {"status": {"observedGeneration": 1}}, "status")

    assert after["status"] == {"observedGeneration": 1}


def test_a_pool_has_a_status_of_its_own(api: Api) -> None:
    document = written("servingpool-smallest")
    document["metadata"]["name"] = "status-apart"
    api.create(document)

    after = api.merge(
        document, {"spec": {"startSeconds": 9}, "status": {"observedGeneration": 1}}, "status"
    )
    api.delete(document)

    assert after["spec"] == {}
    assert after["status"] == {"observedGeneration": 1}


def test_scale_shows_the_three_values(api: Api, service: Object) -> None:
    status = {"observedGeneration": 1, "replicas": 3, "selector": "app=a"}
    api.merge(service, {"status": status}, "status")

    scale = api.get(service, "scale")

    assert scale["spec"] == {"replicas": 1}
    assert scale["status"] == {"replicas": 3, "selector": "app=a"}


def test_scaling_sets_the_least_number_of_replicas(api: Api, service: Object) -> None:
    api.merge(service, {"spec": {"replicas": 4}}, "scale")

    after = api.get(service)
    assert after["spec"]["scaling"] == {"mode": "Auto", "minReplicas": 4}
    assert after["metadata"]["generation"] == 2


def test_scaling_to_zero(api: Api, service: Object) -> None:
    api.merge(service, {"spec": {"replicas": 0}}, "scale")

    assert api.get(service, "scale")["spec"].get("replicas", 0) == 0


# target: what the server says
OUT_OF_BOUNDS = {
    6: "minReplicas must not be greater than maxReplicas",
    1001: "should be less than or equal to 1000",
}


@pytest.mark.parametrize("replicas", OUT_OF_BOUNDS)
def test_scaling_out_of_bounds_is_refused(api: Api, service: Object, replicas: int) -> None:
    api.merge(service, {"spec": {"scaling": {"maxReplicas": 5}}})

    with pytest.raises(RefusedError) as refusal:
        api.merge(service, {"spec": {"replicas": replicas}}, "scale")

    assert OUT_OF_BOUNDS[replicas] in refusal.value.message
    assert api.get(service)["spec"]["scaling"]["minReplicas"] == 1


def test_another_managers_condition_survives_our_status(api: Api, service: Object) -> None:
    def ours(*conditions: Object) -> Object:
        status = {"observedGeneration": 1, "conditions": list(conditions)}
        return api.apply(identity(service, status=status), FIELD_MANAGER, "status", force=True)

    ours(condition("Ready"), condition("Planned"))
    theirs = identity(service, status={"conditions": [condition("Audited")]})
    api.apply(theirs, OTHER, "status")

    after = ours(condition("Ready", "False"))

    assert {c["type"]: c["status"] for c in after["status"]["conditions"]} == {
        "Ready": "False",
        "Audited": "True",
    }


def test_our_status_leaves_labels_and_spec_of_others(api: Api, service: Object) -> None:
    theirs = identity(service, spec={"scaling": {"maxReplicas": 7}})
    theirs["metadata"] = {**theirs["metadata"], "labels": {"team": "shop"}}
    api.apply(theirs, OTHER)

    after = api.apply(
        identity(service, status={"observedGeneration": 2, "conditions": [condition("Ready")]}),
        FIELD_MANAGER,
        "status",
        force=True,
    )

    assert after["metadata"]["labels"] == {"team": "shop"}
    assert after["spec"]["scaling"]["maxReplicas"] == 7
    managers = {
        (entry["manager"], entry.get("subresource", ""))
        for entry in after["metadata"]["managedFields"]
    }
    assert {(OTHER, ""), (FIELD_MANAGER, "status")} <= managers


def test_two_managers_own_rows_of_the_environment(api: Api, service: Object) -> None:
    def apply(manager: str, *names: str) -> Object:
        env = [{"name": name, "value": manager} for name in names]
        return api.apply(identity(service, spec={"runtime": {"env": env}}), manager)

    apply("first", "A", "B")
    apply("second", "C")
    after = apply("first", "A")

    assert [(row["name"], row["value"]) for row in after["spec"]["runtime"]["env"]] == [
        ("A", "first"),
        ("C", "second"),
    ]


def test_the_same_field_twice_is_a_conflict(api: Api, service: Object) -> None:
    api.apply(identity(service, spec={"scaling": {"maxReplicas": 3}}), "first")

    with pytest.raises(RefusedError) as refusal:
        api.apply(identity(service, spec={"scaling": {"maxReplicas": 4}}), "second")

    assert refusal.value.code == 409
    assert 'conflict with "first": .spec.scaling.maxReplicas' in refusal.value.message
