"""`triton-operator plan`: what the operator would do with a file, without a cluster."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from triton_operator.api import labels
from triton_operator.api.conditions import ConditionStatus, Finding
from triton_operator.api.model_profile import ModelFacts, ModelProfileSpec
from triton_operator.cli.documents import Documents, InvalidDocument, Service, read_documents
from triton_operator.cli.exit_codes import INVALID, REFUSED
from triton_operator.cli.local_model import LocalModel, UnusableModel, local_model
from triton_operator.cli.output import (
    OUTPUT,
    Output,
    print_documents,
    print_error,
    print_lines,
    print_table,
)
from triton_operator.controllers.feasible_finding import feasible_finding
from triton_operator.controllers.precision_finding import precision_finding
from triton_operator.controllers.scaling_status import per_second
from triton_operator.manifests.children import desired_children
from triton_operator.manifests.fetching import FetchSettings
from triton_operator.manifests.owner import Owner
from triton_operator.manifests.pool_configs import pool_configs
from triton_operator.planning.chosen_model import chosen_model
from triton_operator.planning.copies import NO_TOOLS
from triton_operator.planning.plan import Plan, PoolPlan, plan_service
from triton_operator.planning.pools import PoolDefaults, known_pools
from triton_operator.planning.quantities import cpu_quantity, memory_quantity
from triton_operator.planning.refusal import Refusal
from triton_operator.planning.support import unsupported
from triton_operator.planning.unhonored import unhonored_fields
from triton_operator.triton.backends import ENGINE_NAMES
from triton_operator.triton.releases import (
    DEFAULT_IMAGE,
    NEWEST,
    Release,
    UnknownRelease,
)

UID = ""
"""The API server gives it to an object when it is created; a plan without a cluster has none."""
OPERATOR_IMAGE = "triton-operator"
"""Stands for the image of the operator that will apply the objects."""


@dataclass(frozen=True)
class Planned:
    """A service of the file, its model, and its plan or why there is none."""

    service: Service
    digest: str
    facts: ModelFacts | None
    plan: Plan | Refusal


def plan(
    file: Path = typer.Option(
        ..., "--file", "-f", help="YAML with InferenceServices and pools; - is standard input."
    ),
    model: Path | None = typer.Option(
        None, help="The model file; otherwise facts come from a ModelProfile in the file."
    ),
    profile: Path | None = typer.Option(
        None, help="YAML with a ModelProfile, for what was measured of the model."
    ),
    output: Output = OUTPUT,
    image: str = typer.Option(DEFAULT_IMAGE, help="Triton image of pools that name none."),
    release: str = typer.Option(str(NEWEST), help="Triton release in that image, YY.MM."),
    operator_image: str = typer.Option(
        OPERATOR_IMAGE, help="The operator's image, in which pods fetch the model."
    ),
) -> None:
    """Print the plan for the services of a file.

    That is pools, batch, threads, and every reason.
    yaml prints the objects for reading and comparing, json the plan and the objects: as the
    operator applies them, but without their owner, which only a cluster knows. Exit codes: 0 a plan
    for every service, 2 wrong input, 3 no plan for some service.
    """
    try:
        Release.parse(release)
        documents = read_documents(file)
        if not documents.services:
            raise InvalidDocument(f"{file}: no InferenceService in it")
        found = local_model(model) if model else None
        told = _told_profile(profile, documents, found) if profile else None
    except (InvalidDocument, UnknownRelease, UnusableModel) as error:
        print_error(str(error))
        raise typer.Exit(INVALID) from error
    defaults = PoolDefaults(
        cpu_image=image, cpu_release=release, gpu_image=image, gpu_release=release
    )
    results = [
        _planned(service, documents, found, told, defaults) for service in documents.services
    ]
    if output is Output.TABLE:
        for result in results:
            _print_plan(result)
    elif output is Output.YAML:
        print_documents(
            [row for result in results for row in _objects(result, operator_image)], output
        )
    else:
        print_documents([_as_json(result, operator_image) for result in results], output)
    refused = [result for result in results if isinstance(result.plan, Refusal)]
    for result in refused:
        if isinstance(result.plan, Refusal):
            print_error(
                f"{result.service.name}: no plan: {result.plan.reason}: {result.plan.message}"
            )
    if refused:
        raise typer.Exit(REFUSED)


def _told_profile(
    file: Path, documents: Documents, found: LocalModel | None
) -> ModelProfileSpec | None:
    """The one profile of a file of its own, or None if there are several; joins all to `documents`.

    Raises:
        InvalidDocument: there is none in it, or none of the model file.
    """
    profiles = list(read_documents(file).profiles.values())
    if not profiles:
        raise InvalidDocument(f"{file}: no ModelProfile in it")
    digests = [one.digest for one in profiles]
    if found is not None and found.digest not in digests:
        raise InvalidDocument(
            f"{file}: describes the model {', '.join(digests)}, but the model file has "
            f"{found.digest}"
        )
    for one in profiles:
        documents.add_profile(one)
    return profiles[0] if len(profiles) == 1 else None


def _planned(
    service: Service,
    documents: Documents,
    found: LocalModel | None,
    told: ModelProfileSpec | None,
    defaults: PoolDefaults,
) -> Planned:
    """`told`: the profile of services that pin no digest."""
    pinned = service.spec.model.digest
    known = pinned or (found.digest if found else told.digest if told else "")
    profile = documents.profiles.get(known)
    if found is not None:
        if pinned and pinned != found.digest:
            refusal = Refusal(
                "DigestMismatch", f"spec.model.digest is {pinned}, the file has {found.digest}"
            )
            return Planned(service, found.digest, found.facts, refusal)
        digest, facts = found.digest, found.facts
    elif profile is not None and profile.facts is not None:
        digest, facts = profile.digest, profile.facts
    else:
        why = (
            "say which file with --model, or which ModelProfile with --profile, or put that of "
            "spec.model.digest in the file"
        )
        if profile is not None:
            why = f"the profile of {known} has no facts: add one that has, or --model with the file"
        return Planned(service, "", None, Refusal("ModelUnknown", why))
    if unusable := unsupported(service.spec.model):
        return Planned(service, digest, facts, unusable)
    chosen = chosen_model(service.spec.model, facts, allow_code=True)
    if isinstance(chosen, Refusal):
        return Planned(service, digest, facts, chosen)
    pools = known_pools(documents.pools, None, defaults)
    planned = plan_service(
        service.spec,
        chosen,
        pools,
        (),
        profile.measurements if profile else (),
        profile.conversions if profile else (),
        _tool_versions(profile),
    )
    return Planned(service, digest, chosen, planned)


def _tool_versions(profile: ModelProfileSpec | None) -> Mapping[str, str]:
    """Those of the newest copy: which ones the operator has that will apply the plan, nobody can
    tell here, and it is the one that makes copies as a rule."""
    rows = profile.conversions if profile else []
    return max(rows, key=lambda row: row.time).tool_versions if rows else NO_TOOLS


def _owner(service: Service) -> Owner:
    return Owner(service.name, service.namespace, UID)


def _objects(result: Planned, operator_image: str) -> list[dict[str, Any]]:
    if isinstance(result.plan, Refusal) or result.facts is None:
        return []
    children = desired_children(
        _owner(result.service),
        result.service.spec,
        result.digest,
        result.facts,
        result.plan,
        FetchSettings(image=operator_image),
    )
    return [_without_owner(child) for child in children]


def _without_owner(value: Any) -> Any:
    """Without what names the owner by its uid: the garbage collector would delete such objects."""
    if isinstance(value, list):
        return [_without_owner(item) for item in value]
    if not isinstance(value, dict):
        return value
    hidden = ("ownerReferences", labels.OWNER_UID)
    return {key: _without_owner(item) for key, item in value.items() if key not in hidden}


def _pool_json(row: PoolPlan) -> Mapping[str, Any]:
    return {
        "pool": row.pool.name,
        "image": row.image,
        "precision": str(row.precision),
        "copy": row.copy.digest if row.copy else None,
        "engine": ENGINE_NAMES[row.engine] if row.engine else None,
        "maxBatchSize": row.max_batch_size,
        "dynamicBatching": row.dynamic_batching,
        "instances": row.instances,
        "threads": row.threads,
        "cpu": cpu_quantity(row.cpu_request_millicores),
        "memory": memory_quantity(row.memory_bytes),
        "capacityPerReplica": per_second(row.measured.safe_rate) if row.measured else None,
        "reasons": list(row.reasons),
    }


def _as_json(result: Planned, operator_image: str) -> dict[str, Any]:
    answer: dict[str, Any] = {"name": result.service.name, "namespace": result.service.namespace}
    if isinstance(result.plan, Refusal):
        return answer | {"refusal": {"reason": result.plan.reason, "message": result.plan.message}}
    return answer | {
        "digest": result.digest,
        "minReplicas": result.plan.replicas.minimum,
        "maxReplicas": result.plan.replicas.maximum,
        "pools": [_pool_json(row) for row in result.plan.pools],
        "standby": list(result.plan.standby),
        "objectiveFeasible": _shown(feasible_finding(None, result.service.spec, result.plan)),
        "precisionVerified": _shown(precision_finding(result.service.spec, result.plan)),
        "withoutEffect": unhonored_fields(result.service.spec, result.plan),
        "objects": _objects(result, operator_image),
    }


def _shown(found: Finding) -> Mapping[str, str]:
    """A condition as the status will have it before anything serves."""
    return {"status": found.status.value, "reason": found.reason, "message": found.message}


def _print_plan(result: Planned) -> None:
    if isinstance(result.plan, Refusal) or result.facts is None:
        return
    columns = (
        "pool",
        "precision",
        "maxBatchSize",
        "instances",
        "threads",
        "cpu",
        "memory",
        "capacityPerReplica",
    )
    rows = [
        [str(shown[key] if shown[key] is not None else "-") for key in columns]
        + [str(result.plan.replicas.minimum)]
        for shown in map(_pool_json, result.plan.pools)
    ]
    print_table(
        f"{result.service.name}: model {result.digest}",
        [
            "POOL",
            "PRECISION",
            "BATCH",
            "INSTANCES",
            "THREADS",
            "CPU",
            "MEMORY",
            "SAFE RATE",
            "REPLICAS",
        ],
        rows,
    )
    feasible = feasible_finding(None, result.service.spec, result.plan)
    if feasible.status is ConditionStatus.FALSE:
        print_lines(["", f"objective not kept: {feasible.message}"])
    verified = precision_finding(result.service.spec, result.plan)
    if verified.status is not ConditionStatus.TRUE:
        print_lines(["", f"precision not verified: {verified.message}"])
    for row in result.plan.pools:
        print_lines(["", f"pool {row.pool.name}: {row.image}"])
        print_lines(f"  {reason}" for reason in row.reasons)
        configs = pool_configs(_owner(result.service), result.facts, row)
        for name, text in configs.items():
            print_lines(["", name, *(f"  {line}" for line in text.splitlines())])
    without_effect = unhonored_fields(result.service.spec, result.plan)
    print_lines(["", *(f"without effect: {line}" for line in without_effect)])
