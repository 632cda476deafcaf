"""Field types that resources share: how this API spells quantities, decimals, digests, names."""

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel
from pydantic.config import JsonDict


class ApiModel(BaseModel):
    """A part of a resource: immutable, camelCase on the wire.

    Fields of a newer version of the API are ignored when an object is read; the command line reads
    strictly instead, so that a typing mistake is an error with the field's path.
    """

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        frozen=True,
        extra="ignore",
    )

    def wire(self) -> dict[str, Any]:
        """The object as it goes to the API server: aliases, absent instead of null."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


def list_map(*keys: str) -> dict[str, Any]:
    """Schema extras of a list that merges by `keys`: several managers can own rows of it."""
    return {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": list(keys)}


def cel(rule: str, message: str) -> JsonDict:
    """One validation rule in Kubernetes' CEL; `message` tells the user what to write instead."""
    return {"rule": rule, "message": message}


DIGEST_PATTERN = r"^sha256:[0-9a-f]{64}$"
QUANTITY_PATTERN = r"^[0-9]+(\.[0-9]+)?(m|k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?$"
DECIMAL_PATTERN = r"^[0-9]+(\.[0-9]+)?$"
_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
DNS_LABEL_PATTERN = f"^{_LABEL}$"
DOMAIN_PATTERN = rf"{_LABEL}(\.{_LABEL})*"
DNS_SUBDOMAIN_PATTERN = f"^{DOMAIN_PATTERN}$"


def _as_string(value: Any) -> Any:
    """YAML's `cpu: 2` is an integer; Kubernetes means the quantity "2"."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Quantity = Annotated[
    str,
    # The bound is for the integers that the API server admits; the pattern is for the strings.
    Field(
        pattern=QUANTITY_PATTERN,
        max_length=32,
        json_schema_extra={"x-kubernetes-int-or-string": True, "minimum": 0},
    ),
    # Last in the list, first to run: before it, pydantic would lose the pattern in the schema.
    BeforeValidator(_as_string),
]
"""A Kubernetes quantity such as `2`, `500m` or `4Gi`."""

Decimal = Annotated[str, Field(pattern=DECIMAL_PATTERN, max_length=32)]
"""A number that is not an integer, as a string: floats do not survive every client."""

Digest = Annotated[str, Field(pattern=DIGEST_PATTERN, max_length=71)]
"""`sha256:` and 64 hexadecimal digits."""

DnsLabel = Annotated[str, Field(pattern=DNS_LABEL_PATTERN, max_length=63)]
"""A name that can be part of a DNS name (RFC 1123)."""

ObjectName = Annotated[str, Field(pattern=DNS_SUBDOMAIN_PATTERN, max_length=253)]
"""The name of a Secret or a ConfigMap: DNS labels, joined by dots."""

ImageName = Annotated[str, Field(pattern=r"^[^\s]+$", max_length=512)]
"""A container image, with its tag or digest."""

_NAME = "[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?"
QUALIFIED_NAME_PATTERN = _NAME
LABEL_KEY_PATTERN = f"^({DOMAIN_PATTERN}/)?{_NAME}$"

LABEL_VALUE_PATTERN = f"^({_NAME})?$"
MOST_LABEL_VALUE = 63
LabelValue = Annotated[str, Field(pattern=LABEL_VALUE_PATTERN, max_length=MOST_LABEL_VALUE)]
"""The value of a label."""


def _with_keys(value: dict[str, str]) -> dict[str, str]:
    """A structural schema says nothing of a map's keys, and a CEL rule on them costs too much."""
    for key in value:
        if not re.fullmatch(LABEL_KEY_PATTERN, key) or len(key.rpartition("/")[2]) > 63:
            raise ValueError(f"{key!r} is no key of a label: letters, digits, '-', '_' and '.'")
    return value


Labels = Annotated[
    dict[str, LabelValue],
    AfterValidator(_with_keys),
    Field(json_schema_extra={"maxProperties": 32}),
]
"""Labels of an object."""

Annotations = Annotated[
    dict[str, Annotated[str, Field(max_length=8192)]],
    AfterValidator(_with_keys),
    Field(json_schema_extra={"maxProperties": 32}),
]
"""Annotations of an object; their keys are as those of labels."""


def _address(expression: str, form: str) -> Any:
    """What an address has to match; a pattern could not say in words what is wrong with it."""
    rule = cel(f"self.matches(r'{expression}')", f"must be {form}")
    return Field(max_length=512, json_schema_extra={"x-kubernetes-validations": [rule]})


Endpoint = Annotated[
    str,
    _address(
        r"^https://[^/?#@\s]+(/[^?#\s]*)?$",
        "https://HOST, with a port and a path if need be, and without credentials, query or "
        "fragment",
    ),
]
"""An https address of a server, without credentials, query or fragment."""

GrpcUrl = Annotated[
    str,
    _address(
        r"^https?://[^/?#@\s]+/?$",
        "http://HOST or https://HOST, with a port if need be, and without a path, credentials, "
        "query or fragment",
    ),
]
"""An address of a gRPC server; https means TLS."""

ServerUrl = Annotated[
    str,
    _address(
        r"^https?://[^/?#@\s]+(/[^?#\s]*)?$",
        "http://HOST or https://HOST, with a port and a path if need be, and without credentials, "
        "query or fragment",
    ),
]
"""Address of a server that answers inference requests. Of gRPC, https means TLS, and http none."""

AMOUNT_PATTERN = r"^[0-9]{1,9}(\.[0-9]{1,9})?$"
Amount = Annotated[str, Field(pattern=AMOUNT_PATTERN, max_length=19)]
"""A decimal below 10^9: what other clusters tell is bounded before anybody calculates with it."""

Timestamp = Annotated[str, Field(max_length=32, json_schema_extra={"format": "date-time"})]
"""A time as in RFC 3339."""

MOST_CLUSTERS = 1000
"""Clusters of a fleet that one service may be placed on."""
CLUSTER_NAME_LIMIT = 57
"""Leaves room for the namespace `fleet-<name>` within 63 characters."""

ClusterName = Annotated[str, Field(pattern=DNS_LABEL_PATTERN, max_length=CLUSTER_NAME_LIMIT)]
"""The name of an InferenceCluster."""

MOST_SEQUENCE = 2**53 - 1
"""The largest integer that every client of JSON keeps."""
MOST_REPLICAS = 100_000
"""Of one service in one cluster: no number above this is believed."""
Replicas = Annotated[int, Field(ge=0, le=MOST_REPLICAS)]
"""Replicas of one service in one cluster."""
MOST_REQUESTS = 1_000_000_000
"""Of one service in one cluster, in a few minutes."""
RequestCount = Annotated[int, Field(ge=0, le=MOST_REQUESTS)]
"""Requests of one service in one cluster."""

SERVICE_NAME_LIMIT = 50
"""Leaves room for `-<pool>` within the 63 characters of a Service's name."""
