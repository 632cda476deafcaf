"""Pods and Jobs of services whose copies are kept in a store."""

from dataclasses import replace
from typing import Any

import pytest

from tests.unit.manifests.building import FETCH, OWNER
from tests.unit.manifests.test_copies import COPY, MODEL, SAMPLED, named, pod, serving
from tests.unit.planning.building import DIGEST, facts, pool, spec
from triton_operator.api.copy_address import copy_uri
from triton_operator.api.enums import Precision
from triton_operator.controllers.kept_fetch_image import with_kept_fetch_image
from triton_operator.controllers.views import DeploymentView, view_of
from triton_operator.manifests.children import children_of_fetching
from triton_operator.manifests.conversion_job import conversion_job
from triton_operator.manifests.copy_store import PUT_SECONDS
from triton_operator.manifests.desired_hash import with_desired_hash
from triton_operator.manifests.fetching import FetchSettings
from triton_operator.model.__main__ import arguments as fetching
from triton_operator.model.conversion.__main__ import arguments as converting
from triton_operator.model.copies.__main__ import arguments as copying
from triton_operator.planning.plan import Plan, plan_service

STORE = {
    "uri": "s3://copies/shop",
    "secretName": "copies",
    "endpoint": "https://store.example.com",
}
STORED = {"precision": {"mode": "INT8", "store": STORE}}
REGISTRY = {"precision": {"mode": "INT8", "store": {"uri": "oci://registry.example.com/copies"}}}
CREDENTIALS = {
    "name": "store-credentials",
    "secret": {"secretName": "copies", "optional": True},
}


def job(
    settings: FetchSettings = FETCH, model: dict[str, Any] = MODEL, **parts: Any
) -> dict[str, Any]:
    """The Job of a service, with a store where `parts` name one."""
    wanted = spec(**{"model": model, **parts})
    plan = plan_service(wanted, facts(), [pool("cpu")])
    assert isinstance(plan, Plan)
    place = (OWNER, wanted, DIGEST, facts(), plan.pools[0])
    return conversion_job(*place, Precision.INT8, {"onnx": "1.23.2"}, settings)


def mounted(manifest: dict[str, Any], name: str) -> dict[str, str]:
    """Volumes by where they are in a container."""
    return {one["mountPath"]: one["name"] for one in named(manifest, name)["volumeMounts"]}


def test_the_job_puts_what_it_has_compared_there() -> None:
    made = job(**STORED)
    compares = converting().parse_args(named(made, "convert")["args"])
    puts = copying().parse_args(named(made, "put")["args"])

    assert [one["name"] for one in pod(made)["initContainers"]] == ["fetch", "convert"]
    assert [one["name"] for one in pod(made)["containers"]] == ["put"]
    assert (puts.command, puts.uri, puts.endpoint) == ("put", STORE["uri"], STORE["endpoint"])
    assert puts.folder == compares.keep_in
    place = str(puts.folder)
    assert mounted(made, "convert")[place] == mounted(made, "put")[place]
    deadlines = [one["spec"]["activeDeadlineSeconds"] for one in (made, job())]
    assert deadlines[0] - deadlines[1] == PUT_SECONDS


def test_pods_take_the_copy_from_there_and_else_make_it() -> None:
    deployment, measured = serving(COPY, **STORED)
    assert COPY.digest
    takes = copying().parse_args(named(deployment, "take")["args"])
    fetches = fetching().parse_args(named(deployment, "fetch")["args"])
    makes = converting().parse_args(named(deployment, "convert")["args"])

    order = [one["name"] for one in pod(deployment)["initContainers"]]
    assert order == ["take", "fetch", "convert"]
    assert takes.uri == copy_uri("s3://copies/shop", COPY.digest, COPY.files)
    assert (takes.endpoint, takes.digest) == (STORE["endpoint"], COPY.digest)
    assert takes.into == fetches.copy_in == makes.into
    assert takes.files == fetches.copy_files == makes.files
    bounds = (takes.max_bytes, takes.timeout_seconds)
    assert bounds == (fetches.max_bytes, fetches.timeout_seconds)
    assert named(measured, "take") == named(deployment, "take")


def test_only_who_reads_and_writes_the_store_has_its_credentials() -> None:
    """An untrusted model is read and run beside them."""
    deployment, measured = serving(COPY, **STORED)
    for made, holder in ((deployment, "take"), (measured, "take"), (job(**STORED), "put")):
        containers = [*pod(made)["initContainers"], *pod(made)["containers"]]
        holders = [
            one["name"]
            for one in containers
            if any(mount["name"] == "store-credentials" for mount in one.get("volumeMounts", ()))
        ]
        assert holders == [holder]
        assert CREDENTIALS in pod(made)["volumes"]


def test_the_models_own_credentials_stay_apart() -> None:
    model = {"uri": "s3://models/m.onnx", "secretName": "models"}
    deployment, _ = serving(COPY, model=model, **STORED)

    assert mounted(deployment, "fetch")["/credentials"] == "credentials"
    assert mounted(deployment, "take")["/credentials"] == "store-credentials"


def test_a_model_that_is_not_converted_needs_no_store() -> None:
    deployment, _ = serving(None, **STORED)

    assert [one["name"] for one in pod(deployment)["initContainers"]] == ["fetch"]
    assert CREDENTIALS not in pod(deployment)["volumes"]


def test_without_a_store_nothing_is_looked_for() -> None:
    deployment, _ = serving(COPY)

    assert [one["name"] for one in pod(deployment)["initContainers"]] == ["fetch", "convert"]
    assert "--copy-in" not in str(named(deployment, "fetch")["args"])
    assert "--keep-in" not in str(named(job(), "convert")["args"])


def test_the_cache_comes_first_and_keeps_what_was_taken() -> None:
    deployment, _ = serving(COPY, model={**MODEL, "cacheClaimName": "cache"}, **STORED)

    assert "--cache-dir=/cache" in named(deployment, "take")["args"]
    assert mounted(deployment, "take")["/cache"] == "cache"


@pytest.mark.parametrize("model", [MODEL, SAMPLED])
def test_a_store_alone_may_need_the_platforms_authorities(model: dict[str, Any]) -> None:
    settings = replace(FETCH, ca_bundle="-----BEGIN CERTIFICATE-----\n")
    wanted = spec(model=model, **REGISTRY)
    deployment, _ = serving(COPY, settings, model=model, **REGISTRY)

    assert children_of_fetching(OWNER, wanted.model, settings, wanted.precision.store)
    for made, name in ((deployment, "take"), (job(settings, model, **REGISTRY), "put")):
        assert "--ca-file=/ca/ca.crt" in named(made, name)["args"]
        assert mounted(made, name)["/ca"] == "ca"
        assert [one["name"] for one in pod(made)["volumes"]].count("ca") == 1


def test_an_upgrade_of_the_operator_restarts_no_pod_with_a_stored_copy() -> None:
    present, _ = serving(COPY, **STORED)
    present = with_desired_hash(present)
    view = view_of("Deployment", {**present, "status": {}})
    assert isinstance(view, DeploymentView)
    upgraded, _ = serving(COPY, replace(FETCH, image="registry.example/operator:2.0.0"), **STORED)

    assert with_desired_hash(with_kept_fetch_image(upgraded, {view.name: view})) == present
