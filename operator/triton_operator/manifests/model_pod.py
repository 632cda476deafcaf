"""What pods with a Triton in them have in common, whether they serve or measure."""

from collections.abc import Mapping, Sequence
from typing import Any

from triton_operator.api.enums import Engine
from triton_operator.api.inference_service import InferenceServiceSpec
from triton_operator.api.model_profile import Conversion, ModelFacts
from triton_operator.manifests import names
from triton_operator.manifests.config_map import CONFIG_FILE, config_digest
from triton_operator.manifests.converting import (
    FETCHED_DIR,
    FETCHED_VOLUME,
    conversion_resources,
    converting_container,
)
from triton_operator.manifests.copy_store import store_volumes, take_containers
from triton_operator.manifests.digest_cache import (
    cache_arguments,
    cache_mounts,
    cache_volumes,
)
from triton_operator.manifests.fetching import (
    FETCH_CONTAINER,
    FetchSettings,
    fetch_container,
    format_arguments,
    listed,
    source_arguments,
    source_volumes,
)
from triton_operator.manifests.owner import Owner
from triton_operator.manifests.samples_fetch import distinct
from triton_operator.manifests.scratch_space import engines_limit, models_limit, tmp_limit
from triton_operator.manifests.triton_container import (
    ENGINES_VOLUME,
    REPOSITORY,
    SHM_MEBIBYTES,
)
from triton_operator.planning.plan import PoolPlan

CONFIG_DIR = "/config"
_MODELS = {"name": "models", "mountPath": REPOSITORY}
_MOUNTS: tuple[dict[str, Any], ...] = (
    _MODELS,
    {"name": "config", "mountPath": CONFIG_DIR, "readOnly": True},
)
"""Of whatever puts the model and its config where Triton looks."""


def model_containers(
    owner: Owner,
    spec: InferenceServiceSpec,
    digest: str,
    facts: ModelFacts,
    plan: PoolPlan,
    settings: FetchSettings,
) -> list[dict[str, Any]]:
    """What brings the model to Triton, checked: as it is stored, or the copy that is planned."""
    if plan.copy is None:
        into = _destination(owner, facts)
        return [_fetch(owner, spec, digest, facts, settings, into, _MOUNTS)]
    place = f"{_folder(owner, facts)}/1"
    taking = take_containers(spec, plan.copy, settings, into=place, mounts=[_MODELS])
    # Where the copy has come, what it would be made of is not fetched.
    unless = [f"--copy-in={place}", f"--copy-files={listed(plan.copy.files)}"] if taking else ()
    looking = [{**_MODELS, "readOnly": True}] if taking else ()
    return [
        *taking,
        source_fetch(owner, spec, digest, facts, settings, unless, looking),
        _convert(owner, spec, digest, facts, plan.copy, settings),
    ]


def source_fetch(
    owner: Owner,
    spec: InferenceServiceSpec,
    digest: str,
    facts: ModelFacts,
    settings: FetchSettings,
    unless: Sequence[str] = (),
    mounts: Sequence[dict[str, Any]] = (),
) -> dict[str, Any]:
    """The container that brings the model to where it is converted.

    `unless` are the arguments that say when it is not needed, and `mounts` are needed to see that.
    """
    into = [f"--into={FETCHED_DIR}", *unless]
    fetched = {"name": FETCHED_VOLUME, "mountPath": FETCHED_DIR}
    return _fetch(owner, spec, digest, facts, settings, into, [fetched, *mounts])


def _fetch(
    owner: Owner,
    spec: InferenceServiceSpec,
    digest: str,
    facts: ModelFacts,
    settings: FetchSettings,
    into: Sequence[str],
    mounts: Sequence[dict[str, Any]],
) -> dict[str, Any]:
    return fetch_container(
        FETCH_CONTAINER,
        [
            "fetch",
            *source_arguments(spec.model),
            f"--digest={digest}",
            f"--files={listed(facts.files)}",
            *into,
            f"--max-bytes={settings.max_bytes}",
            f"--timeout-seconds={settings.timeout_seconds}",
            *format_arguments(spec.model, owner.namespace, settings),
            *cache_arguments(spec.model),
        ],
        spec.model,
        settings,
        mounts=[
            *mounts,
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108  # a path in the pod
            *cache_mounts(spec.model),
        ],
        resources=settings.fetch_resources,
    )


def _convert(
    owner: Owner,
    spec: InferenceServiceSpec,
    digest: str,
    facts: ModelFacts,
    copy: Conversion,
    settings: FetchSettings,
) -> dict[str, Any]:
    """The container that makes the copy again, and ends with an error if it is another one."""
    return converting_container(
        [
            "rebuild",
            f"--model-digest={digest}",
            f"--method={copy.method}",
            *_calibration(copy),
            f"--digest={copy.digest}",
            f"--files={listed(copy.files)}",
            *_destination(owner, facts),
            *cache_arguments(spec.model),
        ],
        settings,
        mounts=[*_MOUNTS, *cache_mounts(spec.model)],
        resources=conversion_resources(facts, copy.precision),
    )


def _calibration(copy: Conversion) -> list[str]:
    if copy.ranges is None:
        return []
    return [f"--ranges={copy.ranges}", f"--samples-digest={copy.samples_digest}"]


def serving_volumes(
    owner: Owner,
    spec: InferenceServiceSpec,
    facts: ModelFacts,
    plan: PoolPlan,
    config: Mapping[str, str],
    settings: FetchSettings,
) -> list[dict[str, Any]]:
    """Where the model, its config, and what comes up meanwhile are."""
    fetched = {"name": FETCHED_VOLUME, "emptyDir": {"sizeLimit": models_limit(facts)}}
    compiled = {"name": ENGINES_VOLUME, "emptyDir": {"sizeLimit": engines_limit(facts)}}
    config_map = names.config_map(owner.name, plan.pool.name, config_digest(config))
    store = spec.precision.store if plan.copy else None
    volumes: list[dict[str, Any]] = [
        {"name": "models", "emptyDir": {"sizeLimit": models_limit(facts)}},
        *([fetched] if plan.copy else []),
        *([compiled] if plan.engine is Engine.TENSORRT else []),
        {"name": "tmp", "emptyDir": {"sizeLimit": tmp_limit(facts.files)}},
        {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": f"{SHM_MEBIBYTES}Mi"}},
        {"name": "config", "configMap": {"name": config_map}},
        *source_volumes(owner.name, spec.model, settings),
        *cache_volumes(spec.model),
        *store_volumes(owner.name, store, settings),
    ]
    return distinct(volumes)


def priority(spec: InferenceServiceSpec) -> dict[str, Any]:
    """The class that the service names; else the cluster's default."""
    name = spec.runtime.priority_class_name
    return {"priorityClassName": name} if name else {}


def placement(plan: PoolPlan) -> dict[str, Any]:
    """On which nodes: those of the pool."""
    pool = plan.pool
    where: dict[str, Any] = {}
    if pool.node_selector:
        where["nodeSelector"] = dict(pool.node_selector)
    if pool.tolerations:
        where["tolerations"] = [toleration.wire() for toleration in pool.tolerations]
    if pool.avoid_labels:
        where["affinity"] = {
            "nodeAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": {
                    "nodeSelectorTerms": [
                        {
                            "matchExpressions": [
                                {"key": key, "operator": "DoesNotExist"}
                                for key in pool.avoid_labels
                            ]
                        }
                    ]
                }
            }
        }
    return where


def _destination(owner: Owner, facts: ModelFacts) -> list[str]:
    if facts.repository is not None:
        return [f"--into={REPOSITORY}", f"--completions={CONFIG_DIR}"]
    folder = _folder(owner, facts)
    return [
        f"--into={folder}/1",
        f"--config={CONFIG_DIR}/{CONFIG_FILE}",
        f"--config-into={folder}/{CONFIG_FILE}",
    ]


def _folder(owner: Owner, facts: ModelFacts) -> str:
    return f"{REPOSITORY}/{names.triton_model(owner.name, facts)}"
