"""Pods that make a copy: the Job that compares it, and whatever serves or measures it."""

from dataclasses import replace
from typing import Any

import pytest

from tests.unit.manifests.building import FETCH, OWNER
from tests.unit.planning.building import (
    DIGEST,
    facts,
    gpu_pool,
    pool,
    single_request_facts,
    spec,
)
from triton_operator.api import labels
from triton_operator.api.conversion_method import LEAST_ROWS
from triton_operator.api.enums import Precision
from triton_operator.api.model_profile import Conversion, ModelFile
from triton_operator.api.tensors import Tensor
from triton_operator.controllers.kept_fetch_image import with_kept_fetch_image
from triton_operator.controllers.views import DeploymentView, view_of
from triton_operator.manifests.children import children_of_fetching
from triton_operator.manifests.conversion_job import conversion_job
from triton_operator.manifests.converting import comparison_resources, conversion_resources
from triton_operator.manifests.deployment import pool_deployment
from triton_operator.manifests.desired_hash import with_desired_hash
from triton_operator.manifests.fetching import FetchSettings
from triton_operator.manifests.measurement_job import measurement_job
from triton_operator.manifests.owner import Owner
from triton_operator.manifests.pool_configs import pool_configs
from triton_operator.model.__main__ import arguments as fetching
from triton_operator.model.conversion.__main__ import arguments as converting
from triton_operator.model.generated_rows import generated_samples
from triton_operator.model.measurement.__main__ import arguments as measuring
from triton_operator.planning.plan import Plan, plan_service
from triton_operator.planning.pools import Pool
from triton_operator.planning.quantities import size_bytes
from triton_operator.triton.model_config import parse_config

TOOLS = {"onnx": "1.23.2"}
MODEL = {"uri": "pvc://models/magika/model.onnx"}
SAMPLED = {**MODEL, "samples": {"uri": "pvc://data/rows.npz"}}
COPY = Conversion(
    precision=Precision.INT8,
    method="INT8Dynamic",
    tool_versions=TOOLS,
    digest="sha256:" + "cd" * 32,
    files=[ModelFile(path="model.onnx", digest="sha256:" + "cd" * 32, size_bytes=1_000_000)],
    agreement="0.997",
    rows=64,
    time="2026-11-20T10:00:00Z",
)


def job(
    where: Pool | None = None,
    precision: Precision = Precision.INT8,
    owner: Owner = OWNER,
    settings: FetchSettings = FETCH,
    tools: dict[str, str] = TOOLS,
    size: int = 3_145_728,
    **parts: Any,
) -> dict[str, Any]:
    wanted = spec(**{"model": MODEL, **parts})
    known = facts(files=[ModelFile(path="model.onnx", digest=DIGEST, size_bytes=size)])
    plan = plan_service(wanted, facts(), [where or pool("cpu")])
    assert isinstance(plan, Plan)
    return conversion_job(owner, wanted, DIGEST, known, plan.pools[0], precision, tools, settings)


def serving(copy: Conversion | None, settings: FetchSettings = FETCH, **parts: Any) -> Any:
    """The Deployment of a pool, and its measuring Job."""
    wanted = spec(**{"model": MODEL, **parts})
    plan = plan_service(wanted, facts(), [pool("cpu")])
    assert isinstance(plan, Plan)
    row = replace(plan.pools[0], copy=copy, precision=copy.precision if copy else Precision.FP32)
    config = pool_configs(OWNER, facts(), row)
    common = (OWNER, wanted, DIGEST, facts(), row, config)
    return pool_deployment(*common, None, settings), measurement_job(*common, settings, 60)


def pod(manifest: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = manifest["spec"]["template"]["spec"]
    return found


def named(manifest: dict[str, Any], name: str) -> dict[str, Any]:
    spec = pod(manifest)
    (found,) = [c for c in (*spec["initContainers"], *spec["containers"]) if c["name"] == name]
    return dict(found)


def test_the_job_fetches_then_converts_and_compares() -> None:
    made = job()
    given = converting().parse_args(named(made, "convert")["args"])

    assert [one["name"] for one in pod(made)["initContainers"]] == ["fetch"]
    assert named(made, "convert")["command"][-1] == "triton_operator.model.conversion"
    assert (given.command, given.precision, given.samples) == ("compare", "INT8", None)
    into = fetching().parse_args(named(made, "fetch")["args"]).into
    assert given.model == into / "model.onnx"


def test_a_copy_that_takes_any_batch() -> None:
    """Its Job asks for FP32, its pods make it again, and Triton is told of its batch axis."""
    digest = "sha256:" + "cd" * 32
    copy = Conversion.model_validate(
        {**COPY.wire(), "precision": "FP32", "method": "DynamicBatch", "agreement": "1"}
    )
    wanted = spec(model=SAMPLED)
    plan = plan_service(wanted, single_request_facts(), [pool("cpu")])
    assert isinstance(plan, Plan)
    row = replace(plan.pools[0], copy=copy, max_batch_size=8, dynamic_batching=True)
    (text,) = pool_configs(OWNER, single_request_facts(), row).values()
    config = parse_config(text)
    common = (OWNER, wanted, DIGEST, single_request_facts(), row, {"config.pbtxt": text})
    made = pool_deployment(*common, None, FETCH)
    given = converting().parse_args(named(made, "convert")["args"])
    asked = converting().parse_args(
        named(job(model=SAMPLED, precision=Precision.FP32), "convert")["args"]
    )

    assert (given.command, given.method, given.digest) == ("rebuild", "DynamicBatch", digest)
    assert (asked.command, asked.precision) == ("compare", "FP32")
    assert config.max_batch_size == 8
    assert [list(one.dims) for one in (*config.input, *config.output)] == [
        [3, 640, 640],
        [84, 8400],
    ]


def test_samples_come_from_where_they_are() -> None:
    made = job(model=SAMPLED)
    given = fetching().parse_args(named(made, "samples")["args"])
    volumes = {one["name"]: one for one in pod(made)["volumes"]}
    mounts = {one["mountPath"]: one["name"] for one in named(made, "samples")["volumeMounts"]}

    assert given.uri == "pvc://data/rows.npz"
    assert volumes[mounts["/source"]]["persistentVolumeClaim"]["claimName"] == "data"
    mounts = {one["mountPath"]: one["name"] for one in named(made, "fetch")["volumeMounts"]}
    assert volumes[mounts["/source"]]["persistentVolumeClaim"]["claimName"] == "models"
    compared = converting().parse_args(named(made, "convert")["args"])
    assert compared.samples == given.into
    assert given.max_bytes == compared.most_sample_bytes


@pytest.mark.parametrize(
    ("uri", "samples", "passed"),
    [
        ("s3://models/m.onnx", "s3://data/rows.npz", True),
        ("s3://models/m.onnx", "https://data/rows.npz", False),
        ("s3://models/m.onnx", "gs://data/rows.npz", False),
    ],
)
def test_the_models_store_is_that_of_samples_in_such_a_store(
    uri: str, samples: str, passed: bool
) -> None:
    endpoint = "https://store.example.com"
    model = {"uri": uri, "endpoint": endpoint, "secretName": "s", "samples": {"uri": samples}}
    made = job(model=model)

    assert (f"--endpoint={endpoint}" in named(made, "samples")["args"]) is passed
    assert [v for v in pod(made)["volumes"] if v["name"] == "credentials"] == [
        {"name": "credentials", "secret": {"secretName": "s"}}
    ]


def test_samples_alone_may_need_the_platforms_authorities() -> None:
    settings = replace(FETCH, ca_bundle="-----BEGIN CERTIFICATE-----\n")
    model = {**MODEL, "samples": {"uri": "https://data.example.com/rows.npz"}}
    made = job(model=model, settings=settings)

    assert [one["kind"] for one in children_of_fetching(OWNER, spec(model=model).model, settings)]
    assert "--ca-file=/ca/ca.crt" in named(made, "samples")["args"]
    assert "--ca-file=/ca/ca.crt" not in named(made, "fetch")["args"]
    assert not children_of_fetching(OWNER, spec(model=MODEL).model, settings)


def test_memory_follows_the_model() -> None:
    def limit(**parts: Any) -> str:
        return str(named(job(**parts), "convert")["resources"]["limits"]["memory"])

    plain = size_bytes(limit(size=100 * 2**20))
    assert size_bytes(limit(size=200 * 2**20)) - plain == 1000 * 2**20
    assert size_bytes(limit(size=100 * 2**20, model=SAMPLED)) - plain > 1000 * 2**20
    half = size_bytes(limit(size=200 * 2**20, precision=Precision.FP16))
    assert half - size_bytes(limit(precision=Precision.FP16)) == 6 * (200 - 3) * 2**20
    assert named(job(size=2**31), "convert")["resources"]["requests"]["memory"] == "64Mi"


@pytest.mark.parametrize("precision", [Precision.FP32, Precision.FP16, Precision.INT8])
def test_the_job_has_room_for_inputs_and_activations_too(precision: Precision) -> None:
    shapes = ([-1, 3, 640, 640], [-1, 3, -1, -1], [2, 64], [])
    inputs = [Tensor(name=f"x{i}", datatype="FP64", shape=one) for i, one in enumerate(shapes)]
    known = facts(inputs=inputs)
    made_up = generated_samples(DIGEST, inputs, LEAST_ROWS).arrays.values()

    pod, job = (
        size_bytes(one.limits["memory"])
        for one in (
            conversion_resources(known, precision),
            comparison_resources(known, precision, 0),
        )
    )
    assert job - pod >= 2 * 2**30 + sum(array.nbytes for array in made_up)


def test_it_runs_where_the_copy_would_and_holds_no_accelerator() -> None:
    made = job(gpu_pool("l4"), Precision.FP16)

    assert made["metadata"]["labels"][labels.POOL] == "l4"
    assert pod(made).get("nodeSelector") == pod_of_pool("l4").get("nodeSelector")
    assert "nvidia.com/gpu" not in str(named(made, "convert")["resources"])


def pod_of_pool(name: str) -> dict[str, Any]:
    wanted = spec(model=MODEL)
    plan = plan_service(wanted, facts(), [gpu_pool(name)])
    assert isinstance(plan, Plan)
    row = plan.pools[0]
    config = pool_configs(OWNER, facts(), row)
    return pod(pool_deployment(OWNER, wanted, DIGEST, facts(), row, config, None, FETCH))


def test_its_name_changes_with_what_is_in_it() -> None:
    names = {
        job(**parts)["metadata"]["name"]
        for parts in (
            {},
            {"precision": Precision.FP16},
            {"model": SAMPLED},
            {"settings": replace(FETCH, image="registry.example/triton-operator:2.0.0")},
        )
    }

    assert len(names) == 4
    assert job()["metadata"]["name"] == job()["metadata"]["name"]


def test_services_with_the_same_to_find_out_have_one_mark() -> None:
    def mark(**parts: Any) -> str:
        return str(job(**parts)["metadata"]["labels"][labels.MEASURES])

    other = Owner("other", "shop", "22222222-2222-3333-4444-555555555555")
    assert mark() == mark(owner=other, where=pool("other"))
    assert len({mark(), mark(precision=Precision.FP16), mark(model=SAMPLED)}) == 3
    assert mark() != mark(tools={"onnx": "1.24.0"})


def test_what_serves_a_copy_makes_it_again_and_checks_it() -> None:
    deployment, _ = serving(COPY)
    fetched = fetching().parse_args(named(deployment, "fetch")["args"])
    given = converting().parse_args(named(deployment, "convert")["args"])

    assert [one["name"] for one in pod(deployment)["initContainers"]] == ["fetch", "convert"]
    assert fetched.config is None
    assert given.model == fetched.into / "model.onnx"
    assert (given.model_digest, given.digest, given.method) == (DIGEST, COPY.digest, COPY.method)
    mounts = {one["name"] for one in named(deployment, "triton")["volumeMounts"]}
    assert "fetched" not in mounts, "what is fetched is not what is served"
    plain = named(serving(None)[0], "fetch")
    stored = fetching().parse_args(plain["args"])
    assert (given.into, given.config_into) == (stored.into, stored.config_into)


def test_a_calibrated_copy_needs_no_samples_in_the_pod() -> None:
    found = {"method": "INT8Static", "ranges": "QAA=", "samples_digest": "sha256:" + "ef" * 32}
    deployment, _ = serving(COPY.model_copy(update=found), model=SAMPLED)
    given = converting().parse_args(named(deployment, "convert")["args"])

    assert (given.method, given.ranges) == ("INT8Static", "QAA=")
    assert given.samples_digest == found["samples_digest"]
    assert [one["name"] for one in pod(deployment)["initContainers"]] == ["fetch", "convert"]


def test_the_cache_keeps_the_model_and_its_copy() -> None:
    deployment, _ = serving(COPY, model={**MODEL, "cacheClaimName": "cache"})

    for name in ("fetch", "convert"):
        container = named(deployment, name)
        assert "--cache-dir=/cache" in container["args"]
        assert {"name": "cache", "mountPath": "/cache"} in container["volumeMounts"]


def test_a_copy_is_measured_as_it_is_served() -> None:
    deployment, measured = serving(COPY, model=SAMPLED)
    given = measuring().parse_args(named(measured, "measure")["args"])

    assert named(measured, "convert") == named(deployment, "convert")
    order = [one["name"] for one in pod(measured)["initContainers"]]
    assert order == ["fetch", "convert", "samples", "triton"]
    assert given.precision == "INT8"
    assert given.samples == fetching().parse_args(named(measured, "samples")["args"]).into
    other = COPY.model_copy(update={"digest": "sha256:" + "12" * 32})
    marks = {
        serving(copy)[1]["metadata"]["labels"][labels.MEASURES] for copy in (COPY, other, None)
    }
    assert len(marks) == 3


def test_an_upgrade_of_the_operator_restarts_no_pod_with_a_copy() -> None:
    """Its converters have the same versions, or the row of the copy would not count any more."""
    present, _ = serving(COPY)
    present = with_desired_hash(present)
    view = view_of("Deployment", {**present, "status": {}})
    assert isinstance(view, DeploymentView)
    newer = replace(FETCH, image="registry.example/triton-operator:2.0.0")
    upgraded, _ = serving(COPY, newer)

    kept = with_kept_fetch_image(upgraded, {view.name: view})
    assert with_desired_hash(kept) == present
