"""What the operator would apply for each case, from fixed facts, nodes and images.

A case is a file that a user could write: every example of this repository, and those in `cases/`.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from tests.unit.planning.building import DIGEST, facts, node
from triton_operator.api.access import LabelSelector, Peer
from triton_operator.api.enums import ManagedBy, MeasurementMode
from triton_operator.api.group import API_VERSION
from triton_operator.api.model_profile import Conversion, ModelFacts
from triton_operator.cli.documents import Documents, Service, read_documents
from triton_operator.manifests.children import children_of_fetching, desired_children
from triton_operator.manifests.companions import NO_COMPANIONS, Companions, Monitors, Policies
from triton_operator.manifests.config_map import model_config_map
from triton_operator.manifests.container_resources import ContainerResources
from triton_operator.manifests.conversion_job import conversion_job
from triton_operator.manifests.desired_hash import with_desired_hash
from triton_operator.manifests.fetching import FetchSettings
from triton_operator.manifests.inspection_job import inspection_job
from triton_operator.manifests.measurement_job import measurement_job
from triton_operator.manifests.model_profile import profile_of_facts
from triton_operator.manifests.owner import Owner
from triton_operator.manifests.pool_configs import pool_configs
from triton_operator.manifests.proxy import Proxy
from triton_operator.planning.candidate import seconds_for_each, ways_to_compare
from triton_operator.planning.chosen_model import chosen_model
from triton_operator.planning.plan import Plan, plan_service
from triton_operator.planning.pools import PoolDefaults, known_pools

HERE = Path(__file__).parent
EXAMPLES = HERE.parents[1] / "examples"
UID = "11111111-2222-3333-4444-555555555555"
NODES = [node("cpu-1"), node("cpu-2"), node("gpu-1", gpus=1)]
DEFAULTS = PoolDefaults(
    cpu_image="registry.example/triton:26.09-py3",
    cpu_release=None,
    gpu_image="registry.example/triton:26.09-py3",
    gpu_release=None,
)
FETCH = FetchSettings(image="registry.example/triton-operator:1.0.0")
PLATFORM = replace(
    FETCH,
    pull_secrets=("registry",),
    ca_bundle="-----BEGIN CERTIFICATE-----\nMII…\n-----END CERTIFICATE-----\n",
    proxy=Proxy(
        https="http://proxy.example.com:3128",
        no=("10.0.0.0/8", ".example.org"),
        secret="proxy-user",
    ),
    inspection_resources=ContainerResources(
        requests={"cpu": "200m", "memory": "1Gi"}, limits={"cpu": "2", "memory": "8Gi"}
    ),
    fetch_resources=ContainerResources(
        requests={"cpu": "50m", "memory": "128Mi"}, limits={"cpu": "2", "memory": "512Mi"}
    ),
)
SETTINGS = {"platform-settings": PLATFORM, "stored-copy": PLATFORM}
"""Settings of the operator by case; FETCH for the others."""
OPERATOR = Peer(
    namespace_selector=LabelSelector(match_labels={"kubernetes.io/metadata.name": "triton-system"}),
    pod_selector=LabelSelector(match_labels={"app.kubernetes.io/component": "operator"}),
)
COMPANIONS = {
    "guarded": Companions(Policies(operator=OPERATOR), Monitors({"release": "prometheus"}))
}
"""Objects that not every cluster wants, by case; none for the others."""
COMMAND = "python -m tests.golden --write"
TOOLS = {"numpy": "2.4.6", "onnx": "1.23.2", "onnxruntime": "1.32.0", "triton-operator": "0.1.0"}
"""Those of an operator, whatever this one has."""
COPY = Conversion.model_validate(
    {
        "precision": "INT8",
        "method": "INT8Dynamic",
        "toolVersions": TOOLS,
        "digest": "sha256:" + "cd" * 32,
        "files": [{"path": "model.onnx", "digest": "sha256:" + "cd" * 32, "sizeBytes": 1_000_000}],
        "agreement": "0.997",
        "rows": 64,
        "samplesDigest": "sha256:" + "ef" * 32,
        "time": "2026-11-20T10:00:00Z",
    }
)
REBATCHED = Conversion.model_validate(
    {**COPY.wire(), "precision": "FP32", "method": "DynamicBatch", "agreement": "1"}
)
COPIES = {"converted": (COPY,), "stored-copy": (COPY,), "rebatched": (REBATCHED,)}
"""Copies of a case whose agreement is known; none in the others."""


def cases() -> dict[str, Path]:
    """Every case by name."""
    found = {path.stem: path for path in sorted(EXAMPLES.rglob("*.yaml")) if _has_a_service(path)}
    for path in sorted((HERE / "cases").glob("*.yaml")):
        assert path.stem not in found, f"{path.stem} is an example's name already"
        found[path.stem] = path
    return found


def golden_path(name: str) -> Path:
    """The file that holds a case's objects."""
    return HERE / f"{name}.yaml"


def objects(path: Path) -> list[dict[str, Any]]:
    """The objects for every service of a case, in the order in which they are written."""
    documents = read_documents(path)
    fetch = SETTINGS.get(path.stem, FETCH)
    companions = COMPANIONS.get(path.stem, NO_COMPANIONS)
    return [
        row
        for service in documents.services
        for row in _of_service(path.stem, service, documents, fetch, companions)
    ]


def golden_text(name: str, path: Path) -> str:
    """The text of a golden file."""
    header = f"# What is applied for {name}; written by: {COMMAND}\n"
    return header + yaml.dump_all(
        objects(path), Dumper=_Readable, sort_keys=False, width=100, explicit_start=True
    )


def _of_service(
    case: str,
    service: Service,
    documents: Documents,
    fetch: FetchSettings,
    companions: Companions,
) -> list[dict[str, Any]]:
    owner = Owner(service.name, service.namespace, UID)
    digest = service.spec.model.digest or DIGEST
    profile = documents.profiles.get(digest)
    found = profile.facts if profile and profile.facts else facts()
    known = chosen_model(service.spec.model, found, allow_code=True)
    assert isinstance(known, ModelFacts), known
    pools = known_pools(documents.pools, NODES, DEFAULTS)
    measured = profile.measurements if profile else ()
    copies = COPIES.get(case, ())
    plan = plan_service(service.spec, known, pools, (), measured, copies, TOOLS)
    assert isinstance(plan, Plan), plan
    asked = service.spec.measurement.mode is not MeasurementMode.NEVER
    return [
        with_desired_hash(manifest)
        for manifest in (
            *children_of_fetching(owner, service.spec.model, fetch, service.spec.precision.store),
            inspection_job(owner, service.spec.model, service.spec.runtime, fetch),
            profile_of_facts(owner.namespace, digest, found),
            *desired_children(
                owner, service.spec, digest, known, plan, fetch, companions=companions
            ),
            *_converted(owner, service, digest, known, plan, fetch),
            *(_measured(owner, service, digest, known, plan, fetch) if asked else ()),
        )
    ]


def _converted(
    owner: Owner,
    service: Service,
    digest: str,
    facts: ModelFacts,
    plan: Plan,
    fetch: FetchSettings,
) -> list[dict[str, Any]]:
    """What is applied for copies, once the service serves."""
    return [
        conversion_job(owner, service.spec, digest, facts, row, precision, TOOLS, fetch)
        for row in plan.pools
        for precision in row.wanted_precisions
    ]


def _measured(
    owner: Owner,
    service: Service,
    digest: str,
    facts: ModelFacts,
    plan: Plan,
    fetch: FetchSettings,
) -> list[dict[str, Any]]:
    """What is applied for a measurement, once the service serves."""
    made = []
    for row in plan.pools:
        ways = ways_to_compare(service.spec, facts, row, ())
        seconds = seconds_for_each(service.spec, len(ways))
        config = pool_configs(owner, facts, ways[0])
        made.append(model_config_map(owner, row.pool.name, config))
        made.append(
            measurement_job(owner, service.spec, digest, facts, ways[0], config, fetch, seconds)
        )
    return made


def _has_a_service(path: Path) -> bool:
    """Whether an operator makes something of it: what is a fleet's, its hub does."""
    documents = yaml.safe_load_all(path.read_text(encoding="utf-8"))
    return any(
        isinstance(document, Mapping)
        and document.get("apiVersion") == API_VERSION
        and document.get("kind") == "InferenceService"
        and document["spec"].get("managedBy") != ManagedBy.FLEET
        for document in documents
    )


class _Readable(yaml.SafeDumper):
    """Texts of several lines as blocks, repeated values written out."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.Node:
    style = "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Readable.add_representer(str, _text)
