"""Each CEL rule accepts one object and refuses another, in the words that the user will read."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.api.client import Api, RefusedError
from tests.api.paths import ABSENT, changed, places, schema_path
from tests.objects import written
from triton_operator.api.crd import all_crds
from triton_operator.api.crd.schema import VALIDATIONS

SHA = "0123456789abcdef" * 4


@dataclass(frozen=True)
class Row:
    """`refused` and `accepted` change the object with every field at some paths.

    `at` is the path of the value that the rule is about; the error names it.
    """

    kind: str
    at: str
    message: str
    refused: dict[str, Any]
    accepted: dict[str, Any] = field(default_factory=dict)


def uri_rows(at: str) -> dict[str, Row]:
    """The rules of an address, for the field at `at`."""

    # An endpoint is only for some of these addresses, which is a rule of its own.
    others = {"spec.model.endpoint": ABSENT}

    def row(message: str, refused: str, accepted: str) -> Row:
        changes = [{at: uri, **others} for uri in (refused, accepted)]
        return Row("inferenceservice", at, message, *changes)

    scheme = (
        "must be a pvc://, https://, s3://, gs://, abfs://, hf:// or oci:// address; "
        "for a file on disk use a PersistentVolumeClaim: pvc://CLAIM/PATH"
    )
    claim = "pvc:// needs a claim and a path inside it: pvc://CLAIM/PATH"
    dots = "must not contain '..'"
    credentials = (
        "must have no credentials in it, everybody may read it: put them into a Secret, and name "
        "that in spec.model.secretName"
    )
    key = "s3://, gs:// and abfs:// need a path after the bucket: s3://BUCKET/KEY"
    revision = "hf:// needs a file and a revision: hf://ORG/REPO/FILE@REVISION"
    digest = "oci:// needs a digest: oci://REPOSITORY@sha256:DIGEST"
    return {
        f"{at}: file": row(scheme, "file:///models/m.onnx", "https://host/m.onnx"),
        f"{at}: unknown scheme": row(scheme, "ftp://host/m.onnx", "gs://bucket/m.onnx"),
        f"{at}: plain path": row(scheme, "/models/m.onnx", "abfs://box/m.onnx"),
        f"{at}: no host": row(scheme, "https:///m.onnx", "https://host/m.onnx?sig=a/b"),
        f"{at}: fragment": row(scheme, "https://host/m.onnx#x", "https://host:8443/m.onnx"),
        f"{at}: claim alone": row(claim, "pvc://models", "pvc://models/m.onnx"),
        f"{at}: claim and nothing": row(claim, "pvc://models/", "pvc://models/a/b"),
        f"{at}: parent": row(dots, "pvc://models/../m.onnx", "pvc://models/..m.onnx"),
        f"{at}: parent at the end": row(dots, "s3://bucket/a/..", "s3://bucket/a/b.."),
        f"{at}: password": row(credentials, "s3://u:p4ss@b/m.onnx", "s3://b/u:p4ss@m.onnx"),
        f"{at}: password with a slash": row(
            credentials, "gs://u:p4/ss@b/m.onnx", "https://host:8443/a:b@m.onnx"
        ),
        f"{at}: password before an account": row(
            credentials, "abfs://c:p4ss@a/m.onnx", "abfs://c@a:8443/m.onnx"
        ),
        f"{at}: password of a registry": row(
            credentials, f"oci://u:p4ss@r/m@sha256:{SHA}", f"oci://r:5000/m@sha256:{SHA}"
        ),
        f"{at}: user who is an address": row(
            credentials, "https://me@corp.example:p4ss@host/m.onnx", "https://[::1]/m.onnx"
        ),
        f"{at}: token": row(credentials, "https://p4ss@host/m.onnx", "https://host/p4ss@m.onnx"),
        f"{at}: token of a registry": row(
            credentials, f"oci://p4ss@r/m@sha256:{SHA}", f"oci://m@sha256:{SHA}"
        ),
        f"{at}: bucket alone": row(key, "s3://bucket", "s3://bucket/m"),
        f"{at}: bucket and nothing": row(key, "gs://bucket/", "gs://bucket/folder/"),
        f"{at}: container alone": row(key, "abfs://c@a", "abfs://c@a/m"),
        f"{at}: no revision": row(revision, "hf://org/repo/m.onnx", "hf://org/repo/m.onnx@main"),
        f"{at}: no file": row(revision, "hf://org/repo@main", "hf://org/repo/a/m.onnx@0f3c"),
        f"{at}: tag": row(digest, "oci://reg/repo:1.0", f"oci://reg/repo@sha256:{SHA}"),
        f"{at}: short digest": row(digest, "oci://r/m@sha256:0", f"oci://r:5000/m@sha256:{SHA}"),
    }


def endpoint_row(refused: str, accepted: str) -> Row:
    """The rule of an endpoint."""
    at = "spec.model.endpoint"
    uri = {"spec.model.uri": "s3://a/m.onnx"}
    message = (
        "must be https://HOST, with a port and a path if need be, and without credentials, query "
        "or fragment"
    )
    return Row("inferenceservice", at, message, {at: refused, **uri}, {at: accepted, **uri})


def store_rows() -> dict[str, Row]:
    """The rules of a store of copies."""
    at = "spec.precision.store.uri"
    # An endpoint is only for one of these addresses, which is a rule of its own.
    others = {"spec.precision.store.endpoint": ABSENT}

    def row(message: str, refused: str, accepted: str) -> Row:
        changes = [{at: uri, **others} for uri in (refused, accepted)]
        return Row("inferenceservice", at, message, *changes)

    scheme = (
        "must be s3://BUCKET/PREFIX or oci://REGISTRY/REPOSITORY; to keep copies in a claim, use "
        "spec.model.cacheClaimName"
    )
    credentials = (
        "must have no credentials in it, everybody may read it: put them into a Secret, and name "
        "that in spec.precision.store.secretName"
    )
    bucket = "s3:// needs a bucket, and after it a prefix without empty parts: s3://BUCKET/PREFIX"
    repository = (
        "oci:// needs a registry and a repository in small letters, without tag or digest: "
        "oci://REGISTRY/REPOSITORY"
    )
    minio = "https://minio:9000"
    return {
        "copies in a claim": row(scheme, "pvc://copies/a", "s3://copies/a"),
        "copies in another store": row(scheme, "gs://copies/a", "s3://copies"),
        "copies at a query": row(scheme, "s3://copies/a?b", "s3://copies/a/"),
        "copies above": row("must not contain '..'", "s3://a/../b", "s3://a/..b"),
        "copies with a password": row(credentials, "s3://u:p4ss@b/a", "s3://b/u:p4ss@a"),
        "copies nowhere in a bucket": row(bucket, "s3://copies//a", "s3://copies/a/b"),
        "copies under a tag": row(repository, "oci://r/copies:1", "oci://r:5000/team/copies"),
        "copies under a digest": row(
            repository, f"oci://r/copies@sha256:{SHA}", "oci://r.example/a_b/c--d.e"
        ),
        "copies in capitals": row(repository, "oci://r/Copies", "oci://R/copies"),
        "copies in a registry alone": row(repository, "oci://r", "oci://r/copies"),
        "endpoint of copies without encryption": Row(
            "inferenceservice",
            "spec.precision.store.endpoint",
            "must be https://HOST, with a port and a path if need be, and without credentials, "
            "query or fragment",
            {"spec.precision.store.endpoint": "http://minio:9000"},
            {"spec.precision.store.endpoint": minio},
        ),
        "endpoint of copies in a registry": Row(
            "inferenceservice",
            "spec.precision.store",
            "endpoint is for s3://; oci:// names the registry itself: omit endpoint",
            {at: "oci://r/copies", "spec.precision.store.endpoint": minio},
            {at: "s3://copies", "spec.precision.store.endpoint": minio},
        ),
    }


NAME = (
    "metadata.name becomes the name of a Service: lower-case letters, digits and '-', "
    "first a letter, last no '-', at most 50 characters, so that <name>-<pool> fits too"
)
POOL_NAME = (
    "metadata.name becomes a label and a part of names: lower-case letters, digits and '-', "
    "first and last no '-', at most 63 characters"
)
BATCH_OFF = "mode Off means single requests: omit maxBatchSize, or choose Auto or Fixed"
REPLICAS_FIXED = "mode Fixed runs minReplicas: omit maxReplicas, or make it equal"
EITHER_SOURCE = "needs either secretKeyRef or configMapKeyRef"
EXISTS = "operator Exists takes no value: omit it, or choose operator Equal"
EVERY_TAINT = "a toleration without key tolerates every taint: it needs operator Exists"
MIG = "a process can use only one MIG device: countPerReplica must be 1"
PRODUCT = (
    "the label that tells this vendor's products is not known: say it in spec.nodeSelector instead"
)
RELEASE = 'say the Triton release beside a private image: release: "26.09"'
AGREEMENT = "must be between 0 and 1, such as '0.99'"

OWN_VARIABLE = "names that begin with TRITON_OPERATOR_ are the operator's own"
OWN_LABEL = (
    "labels by which pods are found are the operator's own or Kubernetes'; choose another key"
)
OWN_ANNOTATION = (
    "annotations of serving.triton-operator.io are the operator's own; choose another key"
)


TENSOR = {"name": "t__0", "datatype": "FP32", "shape": [-1, 3]}
TENSORS = {"spec.model.inputs": [TENSOR], "spec.model.outputs": [TENSOR]}


def axis_row(at: str) -> Row:
    """The rule of an axis, for the tensors at `at`."""
    declared = {"spec.model.format": "TensorRT", **TENSORS}
    return Row(
        "inferenceservice",
        f"{at}[0].shape[0]",
        "an axis has a length, or -1 for any",
        {**declared, at: [{**TENSOR, "shape": [0, 3]}]},
        declared,
    )


def label_row(key: str) -> Row:
    """A label that finds pods, and one beside it that does not."""
    at = "spec.runtime.podLabels"
    return Row("inferenceservice", at, OWN_LABEL, {at: {key: "x"}}, {at: {f"my.{key}": "x"}})


ANY_CALLER = (
    "needs a namespaceSelector, a podSelector or both; "
    "for pods of every namespace: namespaceSelector: {}"
)
VALUES = "In and NotIn need values, Exists and DoesNotExist take none"


def selector_rows(selector: str) -> dict[str, Row]:
    """The rule of a requirement, in a selector."""
    at = f"{selector}.matchExpressions[0]"

    def row(refused: dict[str, Any], accepted: dict[str, Any]) -> Row:
        requirement = {"key": "a"}
        return Row(
            "inferenceservice",
            at,
            VALUES,
            {at: {**requirement, **refused}},
            {at: {**requirement, **accepted}},
        )

    return {
        f"{selector}: one of no values": row(
            {"operator": "In", "values": []}, {"operator": "In", "values": ["a"]}
        ),
        f"{selector}: none of no values": row(
            {"operator": "NotIn"}, {"operator": "NotIn", "values": ["a"]}
        ),
        f"{selector}: values of what only exists": row(
            {"operator": "Exists", "values": ["a"]}, {"operator": "DoesNotExist"}
        ),
    }


OPERATOR = "serving.triton-operator.io/operator"
CLUSTER_NAME = (
    "metadata.name becomes a part of the namespace fleet-<name>: lower-case letters, digits and "
    "'-', first and last no '-', at most 57 characters"
)
SERVER_URL = (
    "must be http://HOST or https://HOST, with a port and a path if need be, and without "
    "credentials, query or fragment"
)

GRPC_URL = (
    "must be http://HOST or https://HOST, with a port if need be, and without a path, credentials, "
    "query or fragment"
)


def spill_row(refused: str, accepted: str) -> Row:
    """The rule of where spilling begins."""
    at = "spec.placement.spillAt"
    message = "must be between 0.1 and 1, such as '0.9'"
    return Row("inferenceservice", at, message, {at: refused}, {at: accepted})


def url_row(kind: str, at: str, refused: str) -> Row:
    """The rule of a server's address."""
    return Row(kind, at, SERVER_URL, {at: refused}, {at: "http://[::1]:8000/a@b/"})


def grpc_url_row(kind: str, at: str, refused: str) -> Row:
    """The rule of a gRPC server's address."""
    return Row(kind, at, GRPC_URL, {at: refused}, {at: "http://[::1]:8001/"})


def accuracy_row(at: str) -> Row:
    """The rule of an accuracy."""
    message = "must be between 0 and 1, such as '0.78'"
    return Row("inferenceservice", at, message, {at: "1.01"}, {at: "1.0"})


def heartbeat_row(message: str, refused: dict[str, int], accepted: dict[str, int]) -> Row:
    """A rule of what silence means."""
    at = "spec.heartbeat"
    return Row("inferencecluster", at, message, {at: refused}, {at: accepted})


ROWS: dict[str, Row] = {
    "the operator's variable": Row(
        "inferenceservice",
        "spec.runtime.env[0]",
        OWN_VARIABLE,
        {"spec.runtime.env[0].name": "TRITON_OPERATOR_POD_UID"},
        {"spec.runtime.env[0].name": "TRITON_LOG"},
    ),
    "the operator's label": label_row("serving.triton-operator.io/role"),
    "the manager's label": label_row("app.kubernetes.io/managed-by"),
    "a Deployment's label": label_row("pod-template-hash"),
    "a Job's label": label_row("batch.kubernetes.io/job-name"),
    "a caller like none": Row(
        "inferenceservice",
        "spec.access.callers[1]",
        ANY_CALLER,
        {"spec.access.callers[1]": {}},
        {"spec.access.callers[1]": {"namespaceSelector": {}}},
    ),
    **selector_rows("spec.access.callers[0].namespaceSelector"),
    **selector_rows("spec.access.callers[0].podSelector"),
    **selector_rows("spec.placement.clusterSelector"),
    "one name for HTTP and gRPC": Row(
        "inferenceservice",
        "spec.ingress.gateway",
        "hostnames and grpcHostnames must have no name in common: a Gateway takes either an "
        "HTTPRoute or a GRPCRoute for a name",
        {"spec.ingress.gateway.grpcHostnames": ["a.example", "filetype.example.com"]},
        {"spec.ingress.gateway.grpcHostnames": ["a.example", "grpc.filetype.example.com"]},
    ),
    "placement without a fleet": Row(
        "inferenceservice",
        "spec",
        "placement is for a fleet's hub: it needs managedBy serving.triton-operator.io/fleet",
        {"spec.managedBy": OPERATOR},
        {"spec.managedBy": OPERATOR, "spec.placement": ABSENT},
    ),
    "more than all of the demand that must not leave": Row(
        "inferenceservice",
        "spec.placement.residency.defaultLocalOnlyShare",
        "must be between 0 and 1, such as '0.2'",
        {"spec.placement.residency.defaultLocalOnlyShare": "1.01"},
        {"spec.placement.residency.defaultLocalOnlyShare": "1.0"},
    ),
    "spilling above the capacity": spill_row("1.01", "1"),
    "spilling of nearly all": spill_row("0.09", "0.1"),
    "cluster's name with a dot": Row(
        "inferencecluster", "", CLUSTER_NAME, {"metadata.name": "a.b"}, {"metadata.name": "0-b"}
    ),
    "cluster's name of 58 characters": Row(
        "inferencecluster",
        "",
        CLUSTER_NAME,
        {"metadata.name": "a" * 58},
        {"metadata.name": "a" * 57},
    ),
    "cluster that fetches, and is pushed to": Row(
        "inferencecluster",
        "spec.clusterSource",
        "pull and kubeConfig exclude each other: an agent in the cluster fetches its works, or the "
        "hub carries them there",
        {"spec.clusterSource.pull": {}},
        {"spec.clusterSource": {"pull": {}}},
    ),
    "data plane of gRPC": url_row("inferencecluster", "spec.dataPlane.url", "grpc://host:8001"),
    "data plane with a password": url_row(
        "inferencecluster", "spec.dataPlane.url", "https://me:p4ss@host"
    ),
    "data plane with a query": url_row("inferencecluster", "spec.dataPlane.url", "http://host?a=b"),
    "data plane of gRPC with a path": grpc_url_row(
        "inferencecluster", "spec.dataPlane.grpcUrl", "https://host/triton"
    ),
    "data plane of gRPC without a scheme": grpc_url_row(
        "inferencecluster", "spec.dataPlane.grpcUrl", "host:8001"
    ),
    "endpoint of a route for gRPC with a password": grpc_url_row(
        "inferencework", "spec.routing.endpoints[0].grpcUrl", "https://me:p4ss@host"
    ),
    "endpoint of a route without a scheme": url_row(
        "inferencework", "spec.routing.endpoints[0].url", "host:8001"
    ),
    "silence of one heartbeat": heartbeat_row(
        "suspectAfterSeconds must be at least twice intervalSeconds: one heartbeat may be lost",
        {"intervalSeconds": 15, "suspectAfterSeconds": 29},
        {"intervalSeconds": 15, "suspectAfterSeconds": 30},
    ),
    "lost before it is suspect": heartbeat_row(
        "lostAfterSeconds must not be less than suspectAfterSeconds",
        {"suspectAfterSeconds": 60, "lostAfterSeconds": 59},
        {"suspectAfterSeconds": 60, "lostAfterSeconds": 60},
    ),
    "recovery within one heartbeat": heartbeat_row(
        "recoverForSeconds must be at least twice intervalSeconds: "
        "one heartbeat is no unbroken contact",
        {"intervalSeconds": 15, "recoverForSeconds": 29},
        {"intervalSeconds": 15, "recoverForSeconds": 30},
    ),
    "the operator's annotation": Row(
        "inferenceservice",
        "spec.runtime.podAnnotations",
        OWN_ANNOTATION,
        {"spec.runtime.podAnnotations": {"serving.triton-operator.io/config-hash": "x"}},
        {"spec.runtime.podAnnotations": {"prometheus.io/scrape": "false"}},
    ),
    "name with a digit first": Row(
        "inferenceservice", "", NAME, {"metadata.name": "2fast"}, {"metadata.name": "fast2"}
    ),
    "name with a dot": Row(
        "inferenceservice", "", NAME, {"metadata.name": "a.b"}, {"metadata.name": "a-b"}
    ),
    "name of 51 characters": Row(
        "inferenceservice", "", NAME, {"metadata.name": "a" * 51}, {"metadata.name": "a" * 50}
    ),
    "spec.hardware.resources with no cpu": Row(
        "inferenceservice",
        "spec.hardware.resources",
        "cpu must be greater than 0",
        {"spec.hardware.resources": {"cpu": "0"}},
        {"spec.hardware.resources": {"cpu": "1m"}},
    ),
    "spec.hardware.resources with no memory": Row(
        "inferenceservice",
        "spec.hardware.resources",
        "memory must be greater than 0",
        {"spec.hardware.resources": {"memory": "0Gi"}},
        {"spec.hardware.resources": {"memory": "64Mi"}},
    ),
    "spec.replicaResources with no cpu": Row(
        "servingpool",
        "spec.replicaResources",
        "cpu must be greater than 0",
        {"spec.replicaResources": {"cpu": "0"}},
        {"spec.replicaResources": {"cpu": "1m"}},
    ),
    "spec.replicaResources with no memory": Row(
        "servingpool",
        "spec.replicaResources",
        "memory must be greater than 0",
        {"spec.replicaResources": {"memory": "0Gi"}},
        {"spec.replicaResources": {"memory": "64Mi"}},
    ),
    **uri_rows("spec.model.uri"),
    **uri_rows("spec.model.samples.uri"),
    "endpoint without encryption": endpoint_row("http://minio:9000", "https://minio:9000"),
    "endpoint with a password": endpoint_row("https://me:p4ss@host", "https://[::1]:9000/a@b"),
    "endpoint with a query": endpoint_row("https://host?a=b", "https://host/a/"),
    "endpoint with a space": endpoint_row("https://host/a b", "https://host"),
    "endpoint of an address that names its host": Row(
        "inferenceservice",
        "spec.model",
        "endpoint is for s3://, gs://, abfs:// and hf://; "
        "other addresses name their host themselves: omit endpoint",
        {"spec.model.uri": "https://a/m.onnx", "spec.model.endpoint": "https://minio"},
        {"spec.model.uri": "s3://a/m.onnx", "spec.model.endpoint": "https://minio"},
    ),
    **store_rows(),
    "fixed batch without size": Row(
        "inferenceservice",
        "spec.batching",
        "mode Fixed needs maxBatchSize",
        {"spec.batching": {"mode": "Fixed"}},
        {"spec.batching": {"mode": "Fixed", "maxBatchSize": 8}},
    ),
    "no batches of 8": Row(
        "inferenceservice",
        "spec.batching",
        BATCH_OFF,
        {"spec.batching": {"mode": "Off", "maxBatchSize": 8}},
        {"spec.batching": {"mode": "Off", "maxBatchSize": 1}},
    ),
    "agreement above 1": Row(
        "inferenceservice",
        "spec.precision.minAgreement",
        AGREEMENT,
        {"spec.precision.minAgreement": "1.01"},
        {"spec.precision.minAgreement": "1.0"},
    ),
    "pool named twice": Row(
        "inferenceservice",
        "spec.hardware.pools",
        "a pool may be named only once",
        {"spec.hardware.pools": ["l4", "cpu", "l4"]},
        {"spec.hardware.pools": ["l4", "cpu", "l40"]},
    ),
    "more replicas at least than at most": Row(
        "inferenceservice",
        "spec.scaling",
        "minReplicas must not be greater than maxReplicas",
        {"spec.scaling": {"minReplicas": 3, "maxReplicas": 2}},
        {"spec.scaling": {"minReplicas": 3, "maxReplicas": 3}},
    ),
    "fixed within a range": Row(
        "inferenceservice",
        "spec.scaling",
        REPLICAS_FIXED,
        {"spec.scaling": {"mode": "Fixed", "minReplicas": 1, "maxReplicas": 2}},
        {"spec.scaling": {"mode": "Fixed", "minReplicas": 2}},
    ),
    "variable with two values": Row(
        "inferenceservice",
        "spec.runtime.env[1]",
        "a variable has either value or valueFrom",
        {"spec.runtime.env[1].value": "plain"},
        {"spec.runtime.env[1].value": "plain", "spec.runtime.env[1].valueFrom": ABSENT},
    ),
    "variable from two sources": Row(
        "inferenceservice",
        "spec.runtime.env[1].valueFrom",
        EITHER_SOURCE,
        {"spec.runtime.env[1].valueFrom.configMapKeyRef": {"name": "a", "key": "b"}},
    ),
    "variable from no source": Row(
        "inferenceservice",
        "spec.runtime.env[1].valueFrom",
        EITHER_SOURCE,
        {"spec.runtime.env[1].valueFrom": {}},
        {"spec.runtime.env[1].valueFrom": {"configMapKeyRef": {"name": "a", "key": "b"}}},
    ),
    "pool's name with a dot": Row(
        "servingpool", "", POOL_NAME, {"metadata.name": "l4.spot"}, {"metadata.name": "4-l4"}
    ),
    "pool's name of 64 characters": Row(
        "servingpool", "", POOL_NAME, {"metadata.name": "a" * 64}, {"metadata.name": "a" * 63}
    ),
    "private image without release": Row(
        "servingpool",
        "spec",
        RELEASE,
        {"spec.release": ABSENT},
        {"spec.release": ABSENT, "spec.image": "registry.example/triton:26.09-py3"},
    ),
    "TensorRT on a pool of CPUs": Row(
        "servingpool",
        "spec",
        "TensorRT runs on accelerators only: set spec.accelerator, or leave it out",
        {"spec.accelerator": ABSENT},
        {"spec.accelerator": ABSENT, "spec.engines": []},
    ),
    "OpenVINO on a pool of accelerators": Row(
        "servingpool",
        "spec",
        "Triton's OpenVINO backend runs on CPUs only: leave it out",
        {"spec.engines": ["TensorRT", "OpenVINO"]},
        {"spec.accelerator": ABSENT, "spec.engines": ["OpenVINO"]},
    ),
    "toleration of everything": Row(
        "servingpool",
        "spec.tolerations[0]",
        EVERY_TAINT,
        {"spec.tolerations[0]": {"effect": "NoSchedule"}},
        {"spec.tolerations[0]": {"operator": "Exists"}},
    ),
    "value of what only exists": Row(
        "servingpool",
        "spec.tolerations[0]",
        EXISTS,
        {"spec.tolerations[0].value": "present"},
        {"spec.tolerations[0].value": "present", "spec.tolerations[0].operator": "Equal"},
    ),
    "seconds without eviction": Row(
        "servingpool",
        "spec.tolerations[1]",
        "tolerationSeconds needs effect NoExecute",
        {"spec.tolerations[1].effect": "NoSchedule"},
        {"spec.tolerations[1].tolerationSeconds": ABSENT},
    ),
    "several MIG devices": Row(
        "servingpool",
        "spec.accelerator",
        MIG,
        {"spec.accelerator": {"resource": "nvidia.com/mig-1g.10gb", "countPerReplica": 2}},
        {"spec.accelerator": {"resource": "nvidia.com/mig-1g.10gb", "countPerReplica": 1}},
    ),
    "product of an unknown vendor": Row(
        "servingpool",
        "spec.accelerator",
        PRODUCT,
        {"spec.accelerator.resource": "example.com/npu"},
        {"spec.accelerator.resource": "example.com/npu", "spec.accelerator.product": ABSENT},
    ),
    "spec.maxPerReplica with no cpu": Row(
        "servingpool",
        "spec.maxPerReplica",
        "cpu must be greater than 0",
        {"spec.maxPerReplica": {"cpu": "0"}},
        {"spec.maxPerReplica": {"cpu": "1m"}},
    ),
    "spec.maxPerReplica with no memory": Row(
        "servingpool",
        "spec.maxPerReplica",
        "memory must be greater than 0",
        {"spec.maxPerReplica": {"memory": "0Gi"}},
        {"spec.maxPerReplica": {"memory": "64Mi"}},
    ),
    "declared format without tensors": Row(
        "inferenceservice",
        "spec.model",
        "a TensorRT, OpenVINO or TorchScript model needs its inputs and outputs",
        {"spec.model.format": "OpenVINO", "spec.model.inputs": [TENSOR]},
        {"spec.model.format": "OpenVINO", **TENSORS},
    ),
    "tensors of ONNX": Row(
        "inferenceservice",
        "spec.model",
        "inputs, outputs and maxBatchSize are read from the model itself: omit them",
        TENSORS,
        {"spec.model.format": "TensorRT", **TENSORS},
    ),
    "batch size without a batch axis": Row(
        "inferenceservice",
        "spec.model",
        "maxBatchSize needs a batch axis: every shape of inputs and outputs has to begin with -1",
        {
            "spec.model.format": "TensorRT",
            "spec.model.maxBatchSize": 4,
            **TENSORS,
            "spec.model.outputs": [{**TENSOR, "shape": [4, 3]}],
        },
        {
            "spec.model.format": "TensorRT",
            "spec.model.maxBatchSize": 0,
            **TENSORS,
            "spec.model.outputs": [{**TENSOR, "shape": [4, 3]}],
        },
    ),
    "named outputs of TorchScript": Row(
        "inferenceservice",
        "spec.model",
        "outputs of TorchScript have no names: call them NAME__0, NAME__1 … in the order in which "
        "forward() returns them",
        {
            "spec.model.format": "TorchScript",
            **TENSORS,
            "spec.model.outputs": [{**TENSOR, "name": "mask"}],
        },
        {"spec.model.format": "TorchScript", **TENSORS},
    ),
    "entry model of one file": Row(
        "inferenceservice",
        "spec.model",
        "entryModel belongs to format TritonRepository",
        {"spec.model.entryModel": "pipeline"},
        {"spec.model.entryModel": "pipeline", "spec.model.format": "TritonRepository"},
    ),
    "input's axis of length 0": axis_row("spec.model.inputs"),
    "output's axis of length 0": axis_row("spec.model.outputs"),
    "TensorRT on CPUs": Row(
        "inferenceservice",
        "spec",
        "a TensorRT plan runs on GPUs only: choose hardware.accelerator GPU or Any",
        {"spec.model.format": "TensorRT", **TENSORS, "spec.hardware.accelerator": "CPU"},
        {"spec.model.format": "TensorRT", **TENSORS, "spec.hardware.accelerator": "Any"},
    ),
    "a variant of TensorRT on CPUs": Row(
        "inferenceservice",
        "spec",
        "a TensorRT plan runs on GPUs only, and so does a variant: choose hardware.accelerator "
        "GPU or Any",
        {
            "spec.variants[1].model.format": "TensorRT",
            "spec.hardware.accelerator": "CPU",
        },
        {
            "spec.variants[1].model.format": "TensorRT",
            "spec.hardware.accelerator": "Any",
        },
    ),
    "a variant called as spec.model": Row(
        "inferenceservice",
        "spec.variants[1].name",
        "primary is what spec.model is called: choose another name",
        {"spec.variants[1].name": "primary"},
        {"spec.variants[1].name": "primary-2"},
    ),
    "a variant's accuracy above 1": accuracy_row("spec.variants[0].accuracy"),
    "accuracy of spec.model above 1": accuracy_row("spec.variantPolicy.primaryAccuracy"),
    "a policy without variants": Row(
        "inferenceservice",
        "spec",
        "variantPolicy chooses among variants: name at least one, or omit it",
        {"spec.variants": ABSENT, "spec.offline": ABSENT},
        {"spec.variants": ABSENT, "spec.offline": ABSENT, "spec.variantPolicy": ABSENT},
    ),
    "a fallback that nobody has named": Row(
        "inferenceservice",
        "spec.offline",
        "policy FallbackVariant needs fallbackVariant, the name of one of spec.variants",
        {"spec.offline": {"policy": "FallbackVariant"}},
        {"spec.offline": {"policy": "LocalMax"}},
    ),
    "a fallback that is no variant": Row(
        "inferenceservice",
        "spec",
        "offline.fallbackVariant is no name of spec.variants: name one of them",
        {"spec.offline.fallbackVariant": "primary"},
        {"spec.offline.fallbackVariant": "pipeline"},
    ),
    "measured agreement above 1": Row(
        "modelprofile",
        "spec.measurements[0].agreement",
        AGREEMENT,
        {"spec.measurements[0].agreement": "2"},
        {"spec.measurements[0].agreement": "0"},
    ),
    "a copy's agreement above 1": Row(
        "modelprofile",
        "spec.conversions[0].agreement",
        AGREEMENT,
        {"spec.conversions[0].agreement": "2"},
        {"spec.conversions[0].agreement": "0"},
    ),
}


def of_variant(changes: dict[str, Any]) -> dict[str, Any]:
    """The changes of a model, as those of the first variant's."""
    return {
        path.replace("spec.model", "spec.variants[0].model"): value
        for path, value in changes.items()
    }


# The model of a variant follows the rules of any model.
ROWS |= {
    f"variant: {name}": Row(
        row.kind,
        row.at.replace("spec.model", "spec.variants[0].model"),
        row.message,
        of_variant(row.refused),
        of_variant(row.accepted),
    )
    for name, row in ROWS.items()
    if row.at.startswith("spec.model")
}

# The template of a work is the spec of a service: it has the same rules, but of placement.
ROWS |= {
    f"template: {name}": Row(
        "inferencework",
        row.at.replace("spec", "spec.template", 1),
        row.message,
        *(
            {path.replace("spec", "spec.template", 1): value for path, value in changes.items()}
            for changes in (row.refused, row.accepted)
        ),
    )
    for name, row in ROWS.items()
    if row.kind == "inferenceservice"
    and row.at.startswith("spec")
    and "placement" not in row.message
    and "placement" not in row.at
}

# Rules about changes, and of a status: what a new object has is not judged by them.
CHANGES: dict[str, Row] = {
    "another manager": Row(
        "inferenceservice",
        "spec.managedBy",
        "managedBy cannot change: delete the object and create it anew",
        {"spec.managedBy": OPERATOR, "spec.placement": ABSENT},
    ),
    "another target": Row(
        "inferencework",
        "spec.target",
        "the target of a work cannot change: delete the work and make another one",
        {"spec.target.name": "other"},
        {"spec.revision": 18},
    ),
    "an endpoint of a service without a scheme": url_row(
        "inferenceservice", "status.endpoints[0].url", "store-0042:8001"
    ),
    "an endpoint of a service for gRPC with a query": grpc_url_row(
        "inferenceservice", "status.endpoints[0].grpcUrl", "http://host?a=b"
    ),
    "a member's endpoint without a scheme": url_row(
        "inferencework", "status.endpoints[0].url", "store-0042:8001"
    ),
}


@pytest.fixture(scope="module")
def live(api: Api) -> dict[str, Any]:
    """One object of each kind for changes of it, by kind."""
    documents = {}
    for kind in {row.kind for row in CHANGES.values()}:
        document = written(f"{kind}-every-field")
        document["metadata"]["name"] = "changes"
        documents[kind] = {**document, "metadata": api.create(document)["metadata"]}
    return documents


def put(api: Api, document: dict[str, Any], at: str) -> None:
    """The whole object, or its status, in place of what is there; as a dry run."""
    subresource = "status" if at.startswith("status") else ""
    api.replace(document, subresource, dry_run=True)


@pytest.mark.parametrize("name", CHANGES)
def test_rule_refuses_a_change(api: Api, live: dict[str, Any], name: str) -> None:
    row = CHANGES[name]

    with pytest.raises(RefusedError) as refusal:
        put(api, changed(live[row.kind], row.refused), row.at)

    ((at, message),) = refusal.value.causes
    assert refusal.value.code == 422
    assert at == row.at
    assert message.endswith(row.message)


@pytest.mark.parametrize("name", CHANGES)
def test_rule_accepts_another_change(api: Api, live: dict[str, Any], name: str) -> None:
    row = CHANGES[name]

    put(api, changed(live[row.kind], row.accepted), row.at)


@pytest.mark.parametrize("name", ROWS)
def test_rule_refuses_and_says_what_to_write(api: Api, name: str) -> None:
    row = ROWS[name]
    document = changed(written(f"{row.kind}-every-field"), row.refused)

    with pytest.raises(RefusedError) as refusal:
        api.create(document, dry_run=True)

    ((at, message),) = refusal.value.causes
    assert refusal.value.code == 422
    assert at == (row.at or "<nil>")
    assert message.startswith("Invalid value: ")
    assert message.endswith(row.message)


@pytest.mark.parametrize("name", ROWS)
def test_rule_accepts_what_it_asks_for(api: Api, name: str) -> None:
    row = ROWS[name]

    api.create(changed(written(f"{row.kind}-every-field"), row.accepted), dry_run=True)


def test_every_rule_has_a_row() -> None:
    rules = {
        (definition["spec"]["names"]["singular"], path, rule["message"])
        for definition in all_crds()
        for path, schema in places(definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"])
        for rule in schema.get(VALIDATIONS, ())
    }

    rows = [*ROWS.values(), *CHANGES.values()]
    assert rules == {(row.kind, schema_path(row.at), row.message) for row in rows}
