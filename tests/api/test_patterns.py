"""Each pattern takes one text and refuses another, at the API server and in the models alike."""

from typing import Any

import pytest
from pydantic import ValidationError

from tests.api.client import Api, Object, RefusedError
from tests.api.paths import changed, places, schema_path
from tests.objects import kind_of, written
from triton_operator.api.crd import all_crds

SHA = "sha256:" + "0123456789abcdef" * 4

# kind: path of the field: (taken, refused)
ROWS: dict[str, dict[str, tuple[Any, Any]]] = {
    "inferenceservice": {
        "spec.model.digest": (SHA, SHA.upper()),
        "spec.model.secretName": ("store.credentials", "Store"),
        "spec.model.cacheClaimName": ("models.edge-1", "Models"),
        "spec.model.entryModel": ("my_Model-1.b", "a/b"),
        "spec.model.inputs[0].name": ("a:0/x", "a b"),
        "spec.model.outputs[0].name": ("a:0__0", "a b__0"),
        "spec.variants[1].name": ("small-2", "Small"),
        "spec.variants[0].accuracy": ("0.5", "50%"),
        "spec.variantPolicy.primaryAccuracy": ("1", "1,0"),
        "spec.precision.minAgreement": ("0.5", ".5"),
        "spec.precision.store.secretName": ("copies.shop", "Copies"),
        "spec.hardware.pools[0]": ("l4", "l4.spot"),
        "spec.hardware.resources.cpu": ("500m", "2 cores"),
        "spec.hardware.resources.memory": ("1.5Gi", "4gi"),
        "spec.runtime.image": ("r.example:5000/a/b@" + SHA, "a b"),
        "spec.runtime.env[0].name": ("_a.b-C9", "A=B"),
        "spec.runtime.env[1].valueFrom.secretKeyRef.name": ("a.b", "a_b"),
        "spec.runtime.env[1].valueFrom.secretKeyRef.key": ("A_b-c.d", "a/b"),
        "spec.runtime.env[2].valueFrom.configMapKeyRef.name": ("a.b", ".b"),
        "spec.runtime.env[2].valueFrom.configMapKeyRef.key": ("A_b-c.d", "a b"),
        "spec.runtime.imagePullSecrets[0].name": ("registry.example", "Registry"),
        "spec.runtime.serviceAccountName": ("models", "models/a"),
        "spec.runtime.priorityClassName": ("online.high", "online high"),
        "spec.runtime.podLabels{team}": ("Search_1", "a b"),
        "spec.access.callers[0].namespaceSelector.matchLabels{team}": ("Search_1", "a b"),
        "spec.access.callers[0].namespaceSelector.matchExpressions[0].key": ("a_B", "/a"),
        "spec.access.callers[0].namespaceSelector.matchExpressions[0].values[0]": ("1", "a b"),
        "spec.access.callers[0].podSelector.matchLabels{tier}": ("", "a/b"),
        "spec.access.callers[0].podSelector.matchExpressions[0].key": ("a.example/app", "a.-b/app"),
        "spec.access.callers[0].podSelector.matchExpressions[0].values[0]": ("", "-"),
        "spec.ingress.gateway.parentRefs[0].name": ("gateways.public-1", "Public"),
        "spec.ingress.gateway.parentRefs[0].namespace": ("gateways-1", "gateways.public"),
        "spec.ingress.gateway.parentRefs[0].sectionName": ("https.1", "https_1"),
        "spec.ingress.gateway.hostnames[0]": ("*.a-b.example", "a.*.example"),
        "spec.ingress.gateway.grpcHostnames[0]": ("localhost", "*"),
        "spec.placement.clusterSelector.matchLabels{region}": ("EU_1", "a b"),
        "spec.placement.clusterSelector.matchExpressions[0].key": ("a.example/b", "a b"),
        "spec.placement.clusterSelector.matchExpressions[0].values[0]": ("", "-"),
        "spec.placement.clusterNames[0]": ("4-stores", "store.eu"),
        "spec.placement.residency.zones[0]": ("store-0042", "EU"),
        "spec.placement.residency.defaultLocalOnlyShare": ("0.25", "25%"),
        "spec.placement.residency.localOnly.header": ("X-Data_Class~1", "x-data: class"),
        "spec.placement.residency.localOnly.values[0]": ("~a b!", " pii"),
        "spec.placement.spillAt": ("1", ".9"),
        "spec.placement.strategy.canaryClusters[0]": ("4-stores", "store.eu"),
        "spec.placement.dns.hostname": ("a-1.example", "localhost"),
        "spec.placement.dns.weightProperty": ("webhook/some_weight", "a weight"),
        "status.conditions[0].reason": ("AsExpected", "as expected"),
        "status.placement.unplaced": ("12.5", "-1"),
        "status.placement.referenceRate": ("0.000001", "1e-6"),
        "status.placement.clusters[0].name": ("cloud-2", "cloud_2"),
        "status.placement.clusters[0].need": ("999999999.999999999", "1000000000"),
        "status.placement.clusters[0].granted": ("0", "1e3"),
        "status.endpoints[0].cluster": ("4-stores", "store.eu"),
        "status.placement.clusters[0].lastSpill": ("0.000000001", "NaN"),
        "status.placement.rollout.template": ("00000000deadbeef", "00000000DEADBEEF"),
        "status.placement.rollout.strategy": ("0123456701234567", "none"),
        "status.placement.rollout.failedCluster": ("4-stores", "Store"),
        "status.placement.rollout.clusters[0].name": ("cloud-2", "cloud_2"),
        "status.placement.rollout.clusters[0].attainmentPercentBefore": ("100", "1e2"),
        "status.drift[0].measurement": ("00000000000000ff", "fp32"),
        "status.drift[0].sizes[0].ratio": ("1.41", "+41 %"),
    },
    "servingpool": {
        "spec.nodeSelector{disk}": ("NVIDIA_L4.80", "a b"),
        "spec.tolerations[0].key": ("example.com/a_B", "/a"),
        "spec.tolerations[1].value": ("", "-"),
        "spec.accelerator.resource": ("amd.com/gpu", "nvidia.com/"),
        "spec.accelerator.product": ("Radeon-PRO_W7900.x", "NVIDIA L4"),
        "spec.image": ("r.example/triton:26.09-py3", " triton:26.09"),
        "spec.release": ("24.12", "24-12"),
        "spec.replicaResources.cpu": ("0.5", "0,5"),
        "spec.replicaResources.memory": ("512Mi", "512 Mi"),
        "spec.maxPerReplica.cpu": ("0.5", "0,5"),
        "spec.maxPerReplica.memory": ("512Mi", "512 Mi"),
        "spec.cost.currency": ("EUR", "eur"),
        "spec.cost.perReplicaHour": ("12", "12 EUR"),
        "status.allocatable{cpu}": ("1930m", "many"),
        "status.conditions[0].reason": ("NodesFound", "12"),
    },
    "modelprofile": {
        "spec.digest": (SHA, SHA[7:]),
        "spec.facts.repository.models[0].name": ("_a.B-1", ".git"),
        "spec.facts.files[0].digest": (SHA, "md5:0"),
        "spec.measurements[0].latency[0].milliseconds": ("8.5", "8.5ms"),
        "spec.measurements[0].throughput": ("118.5", "118/s"),
        "spec.measurements[0].memory": ("1Gi", "1GiB"),
        "spec.measurements[0].agreement": ("0.943", "94.3%"),
        "spec.measurements[0].samplesDigest": (SHA, "rows"),
        "spec.measurements[0].copyDigest": (SHA, "int8"),
        "spec.conversions[0].digest": (SHA, SHA[7:]),
        "spec.conversions[0].files[0].digest": (SHA, "md5:0"),
        "spec.conversions[0].agreement": ("0.943", "94.3%"),
        "spec.conversions[0].samplesDigest": (SHA, "rows"),
        "spec.conversions[0].samplesSource": (SHA, "pvc://data/rows.npz"),
        "spec.conversions[0].storeSource": (SHA, "s3://copies/shop"),
    },
    "inferencecluster": {
        "spec.clusterSource.kubeConfig.secretName": ("push.store-1", "push_store"),
        "spec.clusterSource.kubeConfig.key": ("kube_Config.1-a", "a/b"),
        "spec.targetNameSuffix": ("-l-1", "local"),
        "spec.residencyZones[0]": ("eu-west", "EU"),
        "spec.dataPlane.probePath": ("/a/b", "a"),
        "spec.cost.perReplicaHour": ("12", "12 EUR"),
        "spec.taints[0].key": ("maintenance", "in maintenance"),
        "spec.clusterProfile.namespace": ("fleet-1", "fleet.eu"),
        "spec.clusterProfile.name": ("store.eu", "Store"),
        "spec.clusterProfile.labels[0]": ("region", "a b"),
        "status.conditions[0].reason": ("Heard", "12"),
        "status.capacity[0].resource": ("amd.com/gpu", "a b"),
        "status.capacity[0].allocatable": ("1930m", "many"),
        "status.network.peers[0].cluster": ("0-cloud", "Cloud"),
        "status.takenLabels[0].key": ("region", "/region"),
        "status.takenLabels[0].value": ("EU_1", "eu west"),
    },
    "inferencework": {
        "spec.hubID": ("00000000-0000-0000-0000-00000000000f", "hub"),
        "spec.decisionID": ("Shop.filetype_1-17", "shop/filetype"),
        "spec.target.namespace": ("shop-1", "shop.eu"),
        "spec.target.name": ("filetype-2", "2-filetype"),
        "spec.routing.endpoints[0].cluster": ("0-cloud", "cloud.eu"),
        "spec.routing.localOnly.header": ("a", ""),
        "spec.routing.localOnly.values[0]": ("=", "a\tb"),
        "status.conditions[0].reason": ("AsWanted", "as wanted"),
        "status.load.needReplicas": ("999999999.9", "1000000000"),
        "status.load.arrivalsPerSecond": ("0", "-1"),
        "status.load.safeRatePerReplica": ("0.5", "Infinity"),
        "status.load.attainmentPercent": ("99.95", "99 %"),
        "status.decisions[0].time": ("2026-02-28T23:59:59Z", "2026-02-28 23:59:59Z"),
        "status.decisions[0].reason": ("3 → 5: “why”", "\x1b[2J"),
    },
}
# The model of a variant is one as any other; the object has one of each kind.
PLACES = {"inputs": 1, "outputs": 1, "entryModel": 2}
ROWS["inferenceservice"] |= {
    path.replace("spec.model", f"spec.variants[{PLACES.get(part, 0)}].model"): row
    for path, row in ROWS["inferenceservice"].items()
    if path.startswith("spec.model.")
    for part in [path.removeprefix("spec.model.").partition("[")[0]]
}
# The template of a work is the spec of a service.
ROWS["inferencework"] |= {
    path.replace("spec.", "spec.template.", 1): row
    for path, row in ROWS["inferenceservice"].items()
    if path.startswith("spec.") and not path.startswith("spec.placement.")
}
BASES = {
    "spec.model.entryModel": "inferenceservice-repository",
    "spec.model.inputs[0].name": "inferenceservice-declared",
    "spec.model.outputs[0].name": "inferenceservice-declared",
}
"""Objects that may have a field which the one with every field may not."""
CASES = [(kind, path) for kind, paths in ROWS.items() for path in paths]


@pytest.fixture(scope="module")
def live(api: Api) -> dict[str, Object]:
    """One object of each kind that has a status, for changes of the status."""
    documents = {kind: written(f"{kind}-every-field") for kind in ROWS if kind != "modelprofile"}
    for document in documents.values():
        document["metadata"]["name"] = "patterns"
        api.create(document)
        api.merge(document, {"status": document["status"]}, "status")
    return documents


def send(api: Api, live: dict[str, Object], kind: str, path: str, value: Any) -> None:
    """The object with this value, as a dry run."""
    if path.startswith("status"):
        document = changed(live[kind], {path: value})
        api.merge(document, {"status": document["status"]}, "status", dry_run=True)
    else:
        api.create(document_with(kind, path, value), dry_run=True)


def document_with(kind: str, path: str, value: Any) -> Object:
    """An object with this value."""
    document = written(f"{kind}-every-field")
    if base := BASES.get(path.replace("spec.template.", "spec.", 1)):
        spec = written(base)["spec"]
        document["spec"] = {**document["spec"], "template": spec} if "template" in path else spec
    return changed(document, {path: value})


@pytest.mark.parametrize(("kind", "path"), CASES)
def test_pattern_takes(api: Api, live: dict[str, Object], kind: str, path: str) -> None:
    taken, _ = ROWS[kind][path]

    send(api, live, kind, path, taken)
    read(kind, path, taken)


@pytest.mark.parametrize(("kind", "path"), CASES)
def test_pattern_refuses(api: Api, live: dict[str, Object], kind: str, path: str) -> None:
    _, refused = ROWS[kind][path]

    with pytest.raises(RefusedError) as refusal:
        send(api, live, kind, path, refused)
    with pytest.raises(ValidationError, match="should match pattern"):
        read(kind, path, refused)

    assert refusal.value.code == 422
    assert "should match" in refusal.value.message
    # The server writes the key of a map as it writes the name of a field.
    assert path.replace("{", ".").replace("}", "") in refusal.value.message


def read(kind: str, path: str, value: Any) -> None:
    """The object with this value, through the models."""
    document = document_with(kind, path, value)
    described = kind_of(document)
    described.spec.model_validate(document["spec"])
    if described.status is not None and "status" in document:
        described.status.model_validate(document["status"])


def test_every_pattern_has_a_row() -> None:
    patterns = {
        (definition["spec"]["names"]["singular"], path)
        for definition in all_crds()
        for path, schema in places(definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"])
        if "pattern" in schema
    }

    assert patterns == {(kind, schema_path(path)) for kind, path in CASES}
