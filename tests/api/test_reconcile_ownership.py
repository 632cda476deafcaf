"""Fields of others survive, fields of ours come back: server-side apply with one field manager."""

from typing import Any

from tests.api.client import Object
from tests.api.shop import Shop
from triton_operator.api.group import FIELD_MANAGER

SOMEBODY = "somebody-else"


def deployment_of(shop: Shop, **spec: Any) -> Object:
    return {**shop.reference("Deployment", "a-cpu"), **({"spec": spec} if spec else {})}


def triton(shop: Shop) -> Object:
    """The serving container as it is now."""
    (container,) = shop.get("Deployment", "a-cpu")["spec"]["template"]["spec"]["containers"]
    return container  # type: ignore[no-any-return]


def containers(**fields: Any) -> Object:
    return {"template": {"spec": {"containers": [{"name": "triton", **fields}]}}}


def variables(shop: Shop) -> dict[str, Any]:
    """Triton's environment, without what the operator puts there on its own account."""
    return {
        one["name"]: one["value"]
        for one in triton(shop)["env"]
        if not one["name"].startswith("TRITON_OPERATOR_")
    }


def test_what_others_add_survives_our_changes(shop: Shop) -> None:
    """A mesh's annotation, a team's label, an injected variable: all live on our Deployment."""
    shop.add_running("a")
    added = deployment_of(shop, **containers(env=[{"name": "TRACE", "value": "on"}]))
    added["metadata"]["annotations"] = {"mesh.example/inject": "true"}
    added["metadata"]["labels"] = {"team.example/cost-centre": "vision"}
    shop.api.apply(added, SOMEBODY)
    before = triton(shop)["resources"]

    shop.change("a", hardware={"resources": {"cpu": "3"}})

    shop.until("the new CPU limit", lambda: triton(shop)["resources"] != before)
    after = shop.get("Deployment", "a-cpu")
    assert variables(shop) == {"TRACE": "on"}
    assert after["metadata"]["annotations"]["mesh.example/inject"] == "true"
    assert after["metadata"]["labels"]["team.example/cost-centre"] == "vision"


def test_a_variable_of_ours_goes_and_a_stranger_s_stays(shop: Shop) -> None:
    """A field that we no longer want is removed, because nobody else owns it."""
    shop.add_running("a", runtime={"env": [{"name": "OURS", "value": "1"}]})
    shop.api.apply(
        deployment_of(shop, **containers(env=[{"name": "THEIRS", "value": "2"}])), SOMEBODY
    )

    shop.change("a", runtime={"env": None})

    shop.until(
        "only the stranger's variable",
        lambda: variables(shop) == {"THEIRS": "2"},
    )


def test_an_image_that_somebody_changed_is_put_back(shop: Shop) -> None:
    """Also when it is taken by force; what serves is what the service's status says."""
    shop.add_running("a")
    image = triton(shop)["image"]

    shop.api.apply(
        deployment_of(shop, **containers(image="registry.example/other:1")), SOMEBODY, force=True
    )

    shop.until("our image", lambda: triton(shop)["image"] == image)


def test_arguments_that_somebody_edited_are_put_back(shop: Shop) -> None:
    """`kubectl edit` writes without server-side apply."""
    shop.add_running("a")
    arguments = triton(shop)["args"]
    template = shop.get("Deployment", "a-cpu")["spec"]["template"]
    template["spec"]["containers"][0]["args"] = ["tritonserver", "--exit-on-error=false"]

    shop.merge("Deployment", "a-cpu", {"spec": {"template": template}})

    shop.until("our arguments", lambda: triton(shop)["args"] == arguments)


def test_an_edited_service_is_put_back(shop: Shop) -> None:
    """A Service has no generation: the edit shows in its version alone."""
    shop.add_running("a")
    before = shop.get("Service", "a")["spec"]
    ports = [{**port, "targetPort": 1} for port in before["ports"]]
    selector = {"app": "other"}

    shop.merge("Service", "a", {"spec": {"selector": selector, "ports": ports}})

    shop.until("our ports", lambda: shop.get("Service", "a")["spec"]["ports"] == before["ports"])
    assert shop.get("Service", "a")["spec"]["selector"] == before["selector"]


def test_a_renumbered_port_is_put_back(shop: Shop) -> None:
    """Ports are told apart by number, so for the API server the edit added a stranger's port, and
    with ours beside it the name would be there twice.
    """
    shop.add_running("a")
    before = shop.get("Service", "a")["spec"]["ports"]
    first, *others = before

    shop.merge("Service", "a", {"spec": {"ports": [{**first, "port": 80}, *others]}})

    shop.until("our ports", lambda: shop.get("Service", "a")["spec"]["ports"] == before)


def test_a_repair_makes_no_second_owner(shop: Shop) -> None:
    """Whatever way an edit was put back, a field that we drop later goes."""
    shop.add_running("a", runtime={"env": [{"name": "OURS", "value": "1"}]})
    ports = triton(shop)["ports"]
    template = shop.get("Deployment", "a-cpu")["spec"]["template"]
    template["spec"]["containers"][0]["ports"][0]["containerPort"] = 9000
    shop.merge("Deployment", "a-cpu", {"spec": {"template": template}})
    shop.until("our ports", lambda: triton(shop)["ports"] == ports)

    shop.change("a", runtime={"env": None})

    shop.until("no variable", lambda: not variables(shop))


def test_we_own_no_replicas(shop: Shop) -> None:
    """Applied replicas would be set back under whoever scales; ours go through /scale."""
    shop.add_running("a", scaling={"mode": "External"})

    (applied,) = (
        one
        for one in shop.get("Deployment", "a-cpu")["metadata"]["managedFields"]
        if (one["manager"], one["operation"]) == (FIELD_MANAGER, "Apply")
    )
    assert "f:template" in applied["fieldsV1"]["f:spec"]
    assert "f:replicas" not in applied["fieldsV1"]["f:spec"]


def test_the_custom_resource_gets_only_a_status(shop: Shop) -> None:
    """No finalizer, no annotation, no label: the user's object stays the user's."""
    shop.add_running("a")
    shop.serve("a")

    metadata = shop.get("InferenceService", "a")["metadata"]
    assert not {"finalizers", "annotations", "labels"} & set(metadata)
    ours = [one for one in metadata["managedFields"] if one["manager"] == FIELD_MANAGER]
    assert [(one["operation"], one["subresource"]) for one in ours] == [("Apply", "status")]
