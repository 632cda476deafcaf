"""Worlds for the reconcile of one service: its life from first sight to serving, step by step."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import deepcopy
from functools import cache
from typing import Any

from tests.unit.controllers.cluster import Body, Cluster, service_object
from tests.unit.planning.building import DIGEST, facts, gpu_pool, pool
from triton_operator.api import labels
from triton_operator.api.inspection import Failure, Report, encode_report
from triton_operator.api.model_profile import ModelFacts
from triton_operator.controllers.candidate_digests import candidate_digests
from triton_operator.controllers.cluster_events import EventView, event_view
from triton_operator.controllers.converting import own_conversions
from triton_operator.controllers.inference_service import reconcile
from triton_operator.controllers.kinds import BY_NAME
from triton_operator.controllers.measuring import own_rows
from triton_operator.controllers.observed import ApplyProblem, FoundOut, Observed, Outcome
from triton_operator.controllers.profiles import (
    conversions,
    digests_of,
    measurements,
    read_profiles,
)
from triton_operator.controllers.scaling_answer import ScalingAnswer
from triton_operator.controllers.times import epoch_seconds, rfc3339
from triton_operator.controllers.views import (
    AutoscalerView,
    JobView,
    ObjectView,
    ServiceView,
    SpecView,
    view_of,
)
from triton_operator.manifests import names
from triton_operator.manifests.companions import NO_COMPANIONS, Companions
from triton_operator.manifests.desired_hash import with_desired_hash
from triton_operator.manifests.fetching import FetchSettings
from triton_operator.manifests.model_profile import profile_of_facts
from triton_operator.planning.pools import Pool

NOW = epoch_seconds("2026-11-20T12:00:00Z")
FETCH = FetchSettings(image="registry.example/triton-operator:1.0.0")
CPU, L4 = pool("cpu"), gpu_pool("l4")
DEPLOYMENT = "filetype-cpu"
TOOLS = {"onnx": "1.23.2", "onnxruntime": "1.32.0"}
"""Those of the operator, and of the image that its Jobs run."""


def ago(seconds: float) -> str:
    """A time before NOW, as Kubernetes writes it."""
    return rfc3339(NOW - seconds)


def found(digest: str = DIGEST, model: ModelFacts | None = None) -> str:
    """The termination message of an inspection that found a model."""
    return encode_report(Report(digest=digest, facts=model or facts()))


def failed(reason: str, message: str, *, retryable: bool) -> str:
    """The termination message of an inspection or a fetch that failed."""
    failure = Failure(reason=reason, message=message, retryable=retryable)
    return encode_report(Report(failure=failure))


def observed(
    cluster: Cluster,
    *,
    name: str = "filetype",
    pools: Sequence[Pool] = (CPU,),
    now: float = NOW,
    problem: ApplyProblem | None = None,
    companions: Companions = NO_COMPANIONS,
    optional_kinds: Iterable[str] = (),
    scaling: ScalingAnswer | None = None,
    aside: frozenset[str] | None = None,
    tools: Mapping[str, str] = TOOLS,
) -> Observed:
    """What a reconcile of the service sees, from the objects themselves."""
    service = view_of("InferenceService", cluster.objects["InferenceService", "shop", name])
    assert isinstance(service, ServiceView)
    views = [view_of(kind, body) for (kind, _, _), body in cluster.objects.items()]
    about = [view for view in views if isinstance(view, SpecView) and view.kind == "ModelProfile"]
    profiles = {
        digest: found
        for digest in candidate_digests(service)
        if (found := read_profiles(digest, [view for view in about if digest in digests_of(view)]))
    }
    return Observed(
        service=service,
        children=tuple(view for view in views if view.owner_uid == service.uid),
        profiles=profiles,
        pools=tuple(pools),
        autoscalers={
            view.target_name: view.name for view in views if isinstance(view, AutoscalerView)
        },
        fetch=FETCH,
        now=now,
        problem=problem,
        companions=companions,
        optional_kinds=frozenset(optional_kinds),
        events=_told(cluster),
        scaling=scaling,
        aside=aside,
        measurements={
            digest: tuple(found)
            for digest in candidate_digests(service)
            if (
                found := measurements(
                    digest, [view for view in about if digest in digests_of(view)]
                )
            )
        },
        measured=tuple(
            row
            for digest in candidate_digests(service)[:1]
            for view in about
            if view.name == names.measured_profile(digest)
            for row in own_rows(view.spec)
        ),
        conversions={
            digest: tuple(found)
            for digest in candidate_digests(service)
            if (
                found := conversions(digest, [view for view in about if digest in digests_of(view)])
            )
        },
        converted=tuple(
            row
            for digest in candidate_digests(service)[:1]
            for view in about
            if view.name == names.measured_profile(digest)
            for row in own_conversions(view.spec)
        ),
        found_out={
            digest: FoundOut(tuple(own_rows(view.spec)), tuple(own_conversions(view.spec)))
            for digest in candidate_digests(service)
            for view in about
            if view.name == names.measured_profile(digest)
        },
        tool_versions=tools,
        jobs_elsewhere=tuple(
            view
            for view in views
            if isinstance(view, JobView) and view.measures and view.owner_uid != service.uid
        ),
    )


def _told(cluster: Cluster) -> dict[str, list[EventView]]:
    found: dict[str, list[EventView]] = {}
    for event in cluster.told:
        found.setdefault(event["regarding"]["uid"], []).append(event_view(event))
    return found


def written(cluster: Cluster, outcome: Outcome) -> list[Body]:
    """The objects of an outcome that are not in the cluster as they are wanted."""
    return [
        manifest
        for manifest in (*outcome.apply, *outcome.ways, *outcome.measuring)
        if _hash(cluster.objects.get(_place(manifest))) != _hash(manifest)
    ]


def absorb(cluster: Cluster, outcome: Outcome) -> None:
    """Carry an outcome out, as the operator would."""
    asyncio.run(_absorb(cluster, outcome))
    cluster.requests.clear()


async def _absorb(cluster: Cluster, outcome: Outcome) -> None:
    for manifest in written(cluster, outcome):
        await cluster.apply(BY_NAME[manifest["kind"]], manifest, force=True)
    for name, replicas in outcome.replicas.items():
        await cluster.scale(BY_NAME["Deployment"], "shop", name, replicas)
    for child in outcome.delete:
        await _delete(cluster, child)
    if outcome.status is not None:
        service = cluster.one("InferenceService")["metadata"]
        await cluster.apply_status(
            BY_NAME["InferenceService"], "shop", service["name"], service["uid"], outcome.status
        )


async def _delete(cluster: Cluster, child: ObjectView) -> None:
    await cluster.delete(BY_NAME[child.kind], child.namespace, child.name, child.uid)


def step(
    cluster: Cluster,
    *,
    pools: Sequence[Pool] = (CPU,),
    now: float = NOW - 3600,
    optional_kinds: Iterable[str] = (),
) -> Outcome:
    """One reconcile, carried out; an hour ago unless told otherwise."""
    outcome = reconcile(observed(cluster, pools=pools, now=now, optional_kinds=optional_kinds))
    absorb(cluster, outcome)
    return outcome


def first_sight(**spec: Any) -> Cluster:
    """Somebody has just applied a service."""
    cluster = Cluster()
    cluster.put(service_object(**spec))
    return cluster


def pinned() -> Cluster:
    """A service that pins a digest whose facts are known."""
    cluster = first_sight(model={"uri": "pvc://models/magika/model.onnx", "digest": DIGEST})
    cluster.put(with_desired_hash(profile_of_facts("shop", DIGEST, facts())))
    return cluster


def inspecting() -> Cluster:
    """The Job runs."""
    cluster = first_sight()
    step(cluster)
    return cluster


def inspected() -> Cluster:
    """The Job has answered."""
    cluster = inspecting()
    cluster.end_job(found(), at=ago(3600))
    return cluster


def planned() -> Cluster:
    """The facts are in a profile, the children are written, no pod has started."""
    cluster = inspected()
    step(cluster)
    return cluster


def serving() -> Cluster:
    """The happy path's end: one replica of one pool answers requests."""
    return deepcopy(_serving())


@cache
def _serving() -> Cluster:
    cluster = planned()
    step(cluster)
    cluster.roll_out(DEPLOYMENT)
    cluster.put_pod("filetype-cpu-1", containers=[{"name": "triton", "state": {"running": {}}}])
    step(cluster)
    return cluster


def rolling() -> Cluster:
    """A new batch size has been applied; the pods still follow the old one."""
    cluster = serving()
    edit(batching={"maxBatchSize": 2})(cluster)
    step(cluster)
    return cluster


def moving() -> Cluster:
    """The service was moved from pool `cpu` to `l4`, whose Deployment has just been created."""
    cluster = serving()
    edit(hardware={"pools": ["l4"]})(cluster)
    step(cluster, pools=(CPU, L4))
    return cluster


def inspection_failed() -> Cluster:
    """The Job found no model ten seconds ago."""
    cluster = inspecting()
    message = failed("NotAModel", "model.onnx: not an ONNX model", retryable=False)
    cluster.end_job(message, at=ago(10), failed=True, exit_code=2)
    return cluster


def edit(**spec: Any) -> Callable[[Cluster], object]:
    """Somebody changes fields of the service's spec."""
    return lambda cluster: cluster.edit("InferenceService", "shop", "filetype", **spec)


def _place(manifest: Body) -> tuple[str, str, str]:
    metadata = manifest["metadata"]
    return manifest["kind"], metadata["namespace"], metadata["name"]


def _hash(body: Body | None) -> str:
    return body["metadata"].get("annotations", {}).get(labels.DESIRED_HASH, "") if body else ""
