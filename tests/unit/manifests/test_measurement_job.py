"""The measuring Job: Triton as it serves, for itself alone, and a pod that ends by itself."""

from typing import Any

import pytest

from tests.unit.manifests.building import FETCH, OWNER
from tests.unit.planning.building import DIGEST, facts, gpu_pool, pool, spec
from triton_operator.api import labels
from triton_operator.manifests.deployment import pool_deployment
from triton_operator.manifests.measurement_job import measurement_job
from triton_operator.manifests.owner import Owner
from triton_operator.manifests.pool_configs import pool_configs
from triton_operator.model.measurement.__main__ import arguments
from triton_operator.planning.plan import Plan, plan_service
from triton_operator.planning.pools import Pool


def both(
    pool: Pool, owner: Owner = OWNER, digest: str = DIGEST, **parts: Any
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The Deployment and the Job of one plan."""
    wanted = spec(**parts)
    plan = plan_service(wanted, facts(), [pool])
    assert isinstance(plan, Plan)
    row = plan.pools[0]
    config = pool_configs(owner, facts(), row)
    common = (owner, wanted, digest, facts(), row, config)
    return (
        pool_deployment(*common, None, FETCH),
        measurement_job(*common, FETCH, wanted.measurement.budget_seconds),
    )


def job(**parts: Any) -> dict[str, Any]:
    return both(pool("cpu"), **parts)[1]


def pod_of(manifest: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = manifest["spec"]["template"]["spec"]
    return found


@pytest.mark.parametrize("where", [pool("cpu"), gpu_pool("l4")], ids=["cpu", "gpu"])
def test_triton_is_as_in_a_pod_that_serves(where: Pool) -> None:
    deployment, made = both(where)
    serving, measured = pod_of(deployment), pod_of(made)
    (triton,) = serving["containers"]
    fetch, sidecar = measured["initContainers"]

    assert fetch == serving["initContainers"][0]
    assert sidecar["args"][: len(triton["args"])] == triton["args"]
    for name in ("image", "resources", "env", "volumeMounts", "securityContext"):
        assert sidecar[name] == triton[name], name
    same = ("volumes", "nodeSelector", "tolerations", "affinity")
    assert {key: measured.get(key) for key in same} == {key: serving.get(key) for key in same}


def test_it_pushes_nothing_aside() -> None:
    """With the priority of what serves, it could end pods of others for a number."""
    deployment, made = both(pool("cpu"), runtime={"priorityClassName": "high"})

    assert pod_of(deployment)["priorityClassName"] == "high"
    assert "priorityClassName" not in pod_of(made)


def test_the_pod_ends_when_the_measuring_container_does() -> None:
    """Kubernetes ends a sidecar when all other containers have ended."""
    pod = pod_of(job())

    assert pod["initContainers"][1]["restartPolicy"] == "Always"
    assert [one["name"] for one in pod["containers"]] == ["measure"]
    assert "startupProbe" not in pod["initContainers"][1], "it would hold back what reports"
    assert pod["restartPolicy"] == "Never"


def test_nobody_else_reaches_that_triton() -> None:
    sidecar = pod_of(job())["initContainers"][1]

    assert "--http-address=127.0.0.1" in sidecar["args"]
    assert "--allow-grpc=false" in sidecar["args"]
    assert "ports" not in sidecar
    role = job()["spec"]["template"]["metadata"]["labels"][labels.ROLE]
    assert role == labels.MEASURE


def test_what_measures_sees_the_processes_of_triton_and_has_the_rights_of_it() -> None:
    """Their memory is told by the kernel to whoever has the same user."""
    pod = pod_of(job())

    assert pod["shareProcessNamespace"] is True
    assert pod["securityContext"]["runAsUser"] == 1000
    users = [
        one["securityContext"].get("runAsUser")
        for one in (*pod["initContainers"], *pod["containers"])
    ]
    assert set(users) == {None}
    assert "shareProcessNamespace" not in pod_of(both(pool("cpu"))[0]), "nobody looks there"


def test_it_has_no_token_and_a_deadline_past_its_budget() -> None:
    made = job(measurement={"mode": "IfUnknown", "budgetSeconds": 300})

    assert pod_of(made)["automountServiceAccountToken"] is False
    assert made["spec"]["activeDeadlineSeconds"] > 300 + 900
    assert made["spec"]["backoffLimit"] == 0


def test_the_program_understands_its_arguments() -> None:
    container = pod_of(both(gpu_pool("l4", product="NVIDIA-L4"))[1])["containers"][0]
    given = arguments().parse_args(container["args"])

    assert container["command"][-1] == "triton_operator.model.measurement"
    assert (given.model, given.seed, given.product) == ("filetype", DIGEST, "NVIDIA-L4")
    assert (given.budget_seconds, given.objective_milliseconds) == (180, 1000)


def test_its_name_changes_with_what_is_in_it() -> None:
    names = {
        job(**parts)["metadata"]["name"]
        for parts in (
            {},
            {"objective": {"latency": {"milliseconds": 20}}},
            {"measurement": {"budgetSeconds": 60}},
            {"hardware": {"resources": {"cpu": "4"}}},
            {"digest": "sha256:" + "cd" * 32},
        )
    }

    assert len(names) == 5
    assert job()["metadata"]["name"] == job()["metadata"]["name"]


def test_services_with_the_same_to_find_out_have_one_mark() -> None:
    def mark(**parts: Any) -> str:
        return str(job(**parts)["metadata"]["labels"][labels.MEASURES])

    other = Owner("other", "shop", "22222222-2222-3333-4444-555555555555")
    assert mark() == mark(owner=other, objective={"latency": {"milliseconds": 20}})
    assert mark() != mark(digest="sha256:" + "cd" * 32)
    assert mark() != mark(hardware={"resources": {"cpu": "4"}})
    assert mark() != both(pool("other"))[1]["metadata"]["labels"][labels.MEASURES]


def test_names_fit_whatever_the_service_is_called() -> None:
    made = both(pool("p" * 60), owner=Owner("s" * 50, "shop", "uid"))[1]

    assert len(made["metadata"]["name"]) <= 63
