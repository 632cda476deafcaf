"""Hypothesis strategies for valid specs, as plain dictionaries, and for model facts.

    from tests.strategies import inference_service_specs, model_facts

The shapes come from the same structural schemas that the API server gets, so a new field is
covered on the day it is written. What a schema cannot say alone (a CEL rule) has a strategy of its
own below; a rule without one is an error, not a spec that is invalid now and then.
"""

import re
from collections.abc import Callable
from functools import cache
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from triton_operator.api.crd.schema import INT_OR_STRING, VALIDATIONS, Schema, structural
from triton_operator.api.enums import ManagedBy
from triton_operator.api.inference_cluster import InferenceClusterSpec
from triton_operator.api.inference_service import InferenceServiceSpec
from triton_operator.api.inference_work import InferenceWorkSpec
from triton_operator.api.model_profile import ModelFacts, ModelProfileSpec
from triton_operator.api.serving_pool import ServingPoolSpec

INT64_MAX = 2**63 - 1
LONGEST_TEXT = 40
"""Characters. Long texts are no more interesting, and 32 KiB of them are slow."""
LONGEST_LIST = 4
TRITON_DATATYPES = (
    "BOOL",
    "UINT8",
    "UINT16",
    "UINT32",
    "UINT64",
    "INT8",
    "INT16",
    "INT32",
    "INT64",
    "FP16",
    "FP32",
    "FP64",
    "BF16",
    "BYTES",
)


def inference_service_specs(*, rich: bool = False) -> SearchStrategy[dict[str, Any]]:
    """Valid `spec`s of an InferenceService; optional fields come and go.

    `rich`: of the optional fields of each object, at most one is left out, and no list is empty.
    """
    return _of_schema(_schema(InferenceServiceSpec), "InferenceService.spec", rich=rich)


def serving_pool_specs() -> SearchStrategy[dict[str, Any]]:
    """Valid `spec`s of a ServingPool."""
    return _of_schema(_schema(ServingPoolSpec), "ServingPool.spec")


def model_profile_specs() -> SearchStrategy[dict[str, Any]]:
    """Valid `spec`s of a ModelProfile; facts as by `model_facts`, when present."""
    return _of_schema(_schema(ModelProfileSpec), "ModelProfile.spec")


def inference_cluster_specs() -> SearchStrategy[dict[str, Any]]:
    """Valid `spec`s of an InferenceCluster."""
    return _of_schema(_schema(InferenceClusterSpec), "InferenceCluster.spec")


def inference_work_specs() -> SearchStrategy[dict[str, Any]]:
    """Valid `spec`s of an InferenceWork."""
    return _of_schema(_schema(InferenceWorkSpec), "InferenceWork.spec")


def service_names() -> SearchStrategy[str]:
    """Names that an InferenceService may have."""
    return st.from_regex(r"[a-z]([-a-z0-9]{0,48}[a-z0-9])?", fullmatch=True)


def pool_names() -> SearchStrategy[str]:
    """Names that a ServingPool may have."""
    return st.from_regex(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", fullmatch=True)


def cluster_names() -> SearchStrategy[str]:
    """Names that an InferenceCluster may have."""
    return st.from_regex(r"[a-z0-9]([-a-z0-9]{0,55}[a-z0-9])?", fullmatch=True)


def digests() -> SearchStrategy[str]:
    """sha256 digests as this API writes them."""
    return st.from_regex(r"sha256:[0-9a-f]{64}", fullmatch=True)


def model_uris() -> SearchStrategy[str]:
    """Valid addresses of every scheme."""
    name = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,20}[a-z0-9])?", fullmatch=True)
    path = st.lists(
        st.from_regex(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,20}", fullmatch=True), min_size=1, max_size=3
    ).map("/".join)
    place = st.tuples(name, path).map("/".join)
    return st.one_of(
        st.builds("pvc://{}".format, place),
        st.builds("https://{}/{}".format, name, path),
        st.builds("https://{}/{}?version={}".format, name, path, st.integers(0, 99)),
        st.builds("{}://{}".format, st.sampled_from(["s3", "gs", "abfs"]), place),
        st.builds("hf://{}/{}/{}@{}".format, name, name, path, name),
        st.builds("oci://{}/{}@{}".format, name, path, digests()),
    )


def store_uris() -> SearchStrategy[str]:
    """Valid addresses of stores of copies."""
    name = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,20}[a-z0-9])?", fullmatch=True)
    place = st.lists(name, min_size=2, max_size=3).map("/".join)
    return st.builds("{}://{}".format, st.sampled_from(["s3", "oci"]), place)


@st.composite
def model_facts(draw: st.DrawFn) -> ModelFacts:
    """Facts that agree with themselves: batchable exactly if every tensor has a batch axis."""
    batchable = draw(st.booleans())
    names = draw(st.lists(_texts(1), min_size=2, max_size=6, unique=True))
    axes = st.one_of(st.just(-1), st.integers(1, 4096))

    def tensor(name: str) -> dict[str, Any]:
        shape = draw(st.lists(axes, min_size=0 if batchable else 1, max_size=4))
        datatype = draw(st.sampled_from(TRITON_DATATYPES))
        return {"name": name, "datatype": datatype, "shape": [-1, *shape] if batchable else shape}

    inputs = draw(st.integers(1, len(names) - 1))
    paths = draw(st.lists(_texts(1), min_size=1, max_size=3, unique=True))
    files = [
        {"path": path, "digest": draw(digests()), "sizeBytes": draw(st.integers(1, 10**10))}
        for path in paths
    ]
    return ModelFacts.model_validate(
        {
            "format": "ONNX",
            "inputs": [tensor(name) for name in names[:inputs]],
            "outputs": [tensor(name) for name in names[inputs:]],
            "batchable": batchable,
            "reason": draw(_texts(1)),
            "opset": draw(st.none() | st.integers(1, 25)),
            "irVersion": draw(st.none() | st.integers(1, 13)),
            "parameterCount": draw(st.none() | st.integers(0, 10**12)),
            "sizeBytes": sum(file["sizeBytes"] for file in files),
            "files": files,
            "toolVersions": draw(st.dictionaries(_texts(1), _texts(0), max_size=2)),
        }
    )


@cache
def _schema(model: type) -> Schema:
    return structural(model)


def _texts(shortest: int, longest: int = LONGEST_TEXT) -> SearchStrategy[str]:
    return st.text(min_size=shortest, max_size=min(longest, LONGEST_TEXT))


# Values that a rule of CEL restricts, or that should look like the real ones, by the end of their
# path.
_AGREEMENTS = st.integers(0, 1000).map(lambda thousandths: f"{thousandths / 1000:.3f}")
_IMAGES = st.builds(
    "registry.example/{}:{:02}.{:02}-py3".format,
    st.sampled_from(["triton", "team/triton"]),
    st.integers(24, 27),
    st.integers(1, 12),
)
_WRITTEN: dict[str, SearchStrategy[Any]] = {
    ".store.uri": store_uris(),
    ".uri": model_uris(),
    ".endpoint": st.from_regex(
        r"https://[a-z0-9]{1,20}(:[1-9][0-9]{1,3})?(/[!-~]{0,20})?", fullmatch=True
    ).filter(lambda address: not {"?", "#"} & set(address)),
    ".shape[]": st.just(-1) | st.integers(1, 4096),
    ".url": st.from_regex(
        r"https?://[a-z0-9]{1,20}(:[1-9][0-9]{1,3})?(/[!-~]{0,20})?", fullmatch=True
    ).filter(lambda address: not {"?", "#"} & set(address)),
    ".grpcUrl": st.from_regex(r"https?://[a-z0-9]{1,20}(:[1-9][0-9]{1,3})?/?", fullmatch=True),
    ".spillAt": st.integers(10, 100).map(lambda hundredths: f"{hundredths / 100:.2f}"),
    ".defaultLocalOnlyShare": _AGREEMENTS,
    # Of one object nothing can have changed.
    ".managedBy": st.sampled_from(list(ManagedBy)).map(str),
    ".minAgreement": _AGREEMENTS,
    ".agreement": _AGREEMENTS,
    ".accuracy": _AGREEMENTS,
    ".primaryAccuracy": _AGREEMENTS,
    # What spec.model is called is no name of another.
    ".variants[].name": pool_names().filter(lambda name: name != "primary"),
    ".hardware.pools": st.lists(pool_names(), min_size=1, max_size=LONGEST_LIST, unique=True),
    ".image": _IMAGES,
    ".datatype": st.sampled_from(TRITON_DATATYPES),
    ".time": st.datetimes().map(lambda moment: f"{moment.isoformat(timespec='seconds')}Z"),
    "ModelProfile.spec.facts": model_facts().map(ModelFacts.wire),
    "{}": st.from_regex(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,20}[A-Za-z0-9])?)?", fullmatch=True),
}


def _model(value: dict[str, Any]) -> dict[str, Any]:
    """Tensors where the format wants them, in shapes that agree with the batch size; an endpoint
    where the address wants one."""
    if not value["uri"].startswith(("s3://", "gs://", "abfs://", "hf://")):
        value = _lacking(value, "endpoint")
    chosen = value.get("format", "ONNX")
    if chosen != "TritonRepository":
        value = _lacking(value, "entryModel")
    if chosen in ("ONNX", "TritonRepository"):
        return _lacking(_lacking(_lacking(value, "inputs"), "outputs"), "maxBatchSize")
    tensor = {"name": "a__0", "datatype": "FP32", "shape": [-1, 3]}
    value = {"inputs": [tensor], "outputs": [tensor], **value}
    for direction in ("inputs", "outputs"):
        rows = value[direction]
        if value.get("maxBatchSize"):
            rows = [{**row, "shape": [-1, *row["shape"][1:]]} for row in rows]
        if chosen == "TorchScript" and direction == "outputs":
            rows = [{**row, "name": f"o__{place}"} for place, row in enumerate(rows)]
        value = {**value, direction: rows}
    return value


def _service(value: dict[str, Any]) -> dict[str, Any]:
    hardware = value.get("hardware", {})
    if value["model"].get("format") == "TensorRT" and hardware.get("accelerator") == "CPU":
        value = {**value, "hardware": {**hardware, "accelerator": "GPU"}}
    return _with_variants(value)


def _with_variants(value: dict[str, Any]) -> dict[str, Any]:
    """A policy and a fallback only where there are variants to choose from."""
    rows = value.get("variants") or []
    if value.get("hardware", {}).get("accelerator") == "CPU":
        rows = [row for row in rows if row["model"].get("format") != "TensorRT"]
    value = {**value, "variants": rows} if rows else _lacking(value, "variants")
    if not rows:
        value = _lacking(value, "variantPolicy")
    offline = value.get("offline")
    if offline is None:
        return value
    if "fallbackVariant" in offline or offline.get("policy") == "FallbackVariant":
        offline = {**offline, "fallbackVariant": rows[0]["name"]} if rows else {}
    return {**value, "offline": offline}


def _copy_store(value: dict[str, Any]) -> dict[str, Any]:
    return value if value["uri"].startswith("s3://") else _lacking(value, "endpoint")


def _managed(value: dict[str, Any]) -> dict[str, Any]:
    value = _service(value)
    if value.get("managedBy") != ManagedBy.FLEET:
        value = _lacking(value, "placement")
    return value


def _heartbeat(value: dict[str, Any]) -> dict[str, Any]:
    interval = value.get("intervalSeconds", 15)
    suspect = max(value.get("suspectAfterSeconds", 60), 2 * interval)
    return {
        **value,
        "suspectAfterSeconds": suspect,
        "lostAfterSeconds": max(value.get("lostAfterSeconds", 300), suspect),
        "recoverForSeconds": max(value.get("recoverForSeconds", 120), 2 * interval),
    }


def _batching(value: dict[str, Any]) -> dict[str, Any]:
    if value.get("mode") == "Fixed":
        return {"maxBatchSize": 8, **value}
    return {**value, "maxBatchSize": 1} if value.get("mode") == "Off" else value


def _scaling(value: dict[str, Any]) -> dict[str, Any]:
    least = value.get("minReplicas", 1)
    if "maxReplicas" not in value:
        return value
    if value.get("mode") == "Fixed":
        return {**value, "minReplicas": max(1, least), "maxReplicas": max(1, least)}
    return {**value, "maxReplicas": max(least, value["maxReplicas"])}


def _gateway(value: dict[str, Any]) -> dict[str, Any]:
    names = value.get("hostnames", ())
    if "grpcHostnames" not in value:
        return value
    return {**value, "grpcHostnames": [one for one in value["grpcHostnames"] if one not in names]}


def _env_var(value: dict[str, Any]) -> dict[str, Any]:
    return _lacking(value, "value") if "valueFrom" in value else value


def _env_var_source(value: dict[str, Any]) -> dict[str, Any]:
    if "secretKeyRef" in value:
        return _lacking(value, "configMapKeyRef")
    return {"configMapKeyRef": {"name": "settings", "key": "level"}, **value}


def _toleration(value: dict[str, Any]) -> dict[str, Any]:
    if "key" not in value:
        value = {**value, "operator": "Exists"}
    if value.get("operator") == "Exists":
        value = _lacking(value, "value")
    if value.get("effect") != "NoExecute":
        value = _lacking(value, "tolerationSeconds")
    return value


def _resources(value: dict[str, Any]) -> dict[str, Any]:
    """None of nothing: a limit of 0 would be no limit."""
    return {name: amount for name, amount in value.items() if re.search("[1-9]", str(amount))}


def _accelerator(value: dict[str, Any]) -> dict[str, Any]:
    resource = value.get("resource", "nvidia.com/gpu")
    if resource.startswith("nvidia.com/mig-"):
        value = _lacking(value, "countPerReplica")
    if not resource.startswith(("nvidia.com/", "amd.com/", "gpu.intel.com/")):
        value = _lacking(value, "product")
    return value


def _pool(value: dict[str, Any]) -> dict[str, Any]:
    """Its image is always one whose tag says the release."""
    missing = "OpenVINO" if "accelerator" in value else "TensorRT"
    if "engines" not in value:
        return value
    return {**value, "engines": [one for one in value["engines"] if one != missing]}


def _lacking(value: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: kept for key, kept in value.items() if key != name}


def _cluster_source(value: dict[str, Any]) -> dict[str, Any]:
    return _lacking(value, "pull") if "kubeConfig" in value else value


def _requirement(value: dict[str, Any]) -> dict[str, Any]:
    if value["operator"] in ("In", "NotIn"):
        return {**value, "values": value.get("values") or ["x"]}
    return _lacking(value, "values")


_MENDED: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "InferenceService.spec": _managed,
    "InferenceWork.spec.template": _service,
    "InferenceWork.spec.target": lambda value: value,
    ".clusterSource": _cluster_source,
    ".heartbeat": _heartbeat,
    ".model": _model,
    # Mended with the variants that it may name.
    ".offline": lambda value: value,
    ".batching": _batching,
    ".precision.store": _copy_store,
    ".scaling": _scaling,
    ".env[]": _env_var,
    ".valueFrom": _env_var_source,
    ".gateway": _gateway,
    ".callers[]": lambda value: value or {"namespaceSelector": {}},
    ".matchExpressions[]": _requirement,
    # Drawn keys are none of the reserved ones.
    ".podLabels": lambda value: value,
    ".podAnnotations": lambda value: value,
    "esources": _resources,
    ".tolerations[]": _toleration,
    "ServingPool.spec.accelerator": _accelerator,
    ".maxPerReplica": _resources,
    "ServingPool.spec": _pool,
}
"""Objects with rules across fields: drawn freely, then mended, which is faster than filtering."""


def _of_schema(schema: Schema, path: str, *, rich: bool = False) -> SearchStrategy[Any]:
    for suffix, strategy in _WRITTEN.items():
        if path.endswith(suffix):
            return strategy
    drawn = _drawn(schema, path, rich)
    for suffix, mend in _MENDED.items():
        if path.endswith(suffix):
            return drawn.map(mend)
    if VALIDATIONS in schema:
        raise NotImplementedError(f"{path} has a CEL rule: teach tests/strategies.py to keep it")
    return drawn


def _drawn(schema: Schema, path: str, rich: bool) -> SearchStrategy[Any]:
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if INT_OR_STRING in schema:
        suffixes = st.sampled_from(["", "m", "k", "M", "G", "Ki", "Mi", "Gi"])
        return st.integers(0, 1000) | st.builds("{}{}".format, st.integers(0, 1000), suffixes)
    match schema["type"]:
        case "boolean":
            return st.booleans()
        case "integer":
            return st.integers(schema.get("minimum", -INT64_MAX), schema.get("maximum", INT64_MAX))
        case "string":
            return _string(schema)
        case "array":
            return _list(schema, path, rich)
        case _ if "properties" in schema:
            return _object(schema, path, rich)
        case _ if schema["maxProperties"] == 0:
            return st.just({})
    keys = st.from_regex(r"([a-z]{1,10}\.example/)?[A-Za-z0-9]{1,20}", fullmatch=True)
    values = _of_schema(schema["additionalProperties"], f"{path}{{}}")
    return st.dictionaries(keys, values, min_size=int(rich), max_size=LONGEST_LIST)


def _string(schema: Schema) -> SearchStrategy[str]:
    longest = schema["maxLength"]
    if "pattern" not in schema:
        return _texts(schema.get("minLength", 0), longest)
    ascii_only = st.characters(codec="ascii")
    texts = st.from_regex(schema["pattern"], fullmatch=True, alphabet=ascii_only)
    return texts.filter(lambda text: len(text) <= longest and not text.endswith("\n"))


def _list(schema: Schema, path: str, rich: bool) -> SearchStrategy[list[Any]]:
    keys = schema.get("x-kubernetes-list-map-keys")
    unique_by: Callable[[Any], Any] | None = None
    if keys:
        unique_by = lambda row: tuple(row[key] for key in keys)  # noqa: E731
    elif schema.get("x-kubernetes-list-type") == "set":
        unique_by = lambda row: row  # noqa: E731
    return st.lists(
        _of_schema(schema["items"], f"{path}[]", rich=rich),
        min_size=max(schema.get("minItems", 0), int(rich)),
        max_size=min(schema["maxItems"], LONGEST_LIST),
        unique_by=unique_by,
    )


def _object(schema: Schema, path: str, rich: bool) -> SearchStrategy[dict[str, Any]]:
    fields = {
        name: _of_schema(field, f"{path}.{name}", rich=rich)
        for name, field in schema["properties"].items()
    }
    required = {name: fields.pop(name) for name in schema.get("required", ())}
    if rich:
        left_out = st.sampled_from([*fields, ""])
        return st.builds(_lacking, st.fixed_dictionaries({**required, **fields}), left_out)
    return st.fixed_dictionaries(required, optional=fields)
