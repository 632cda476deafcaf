"""Field types shared by the resources: how this API spells quantities, decimals, digests and names."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel


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
    """Schema extras of a list that merges by `keys`, so that several managers can own rows of it."""
    return {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": list(keys)}


def cel(rule: str, message: str) -> dict[str, str]:
    """One validation rule in Kubernetes' CEL; `message` tells the user what to write instead."""
    return {"rule": rule, "message": message}


DIGEST_PATTERN = r"^sha256:[0-9a-f]{64}$"
QUANTITY_PATTERN = r"^[0-9]+(\.[0-9]+)?(m|k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?$"
DECIMAL_PATTERN = r"^[0-9]+(\.[0-9]+)?$"
DNS_LABEL_PATTERN = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"


def _as_string(value: Any) -> Any:
    """YAML's `cpu: 2` is an integer; Kubernetes means the quantity "2"."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Quantity = Annotated[
    str,
    BeforeValidator(_as_string),
    Field(
        pattern=QUANTITY_PATTERN,
        max_length=32,
        json_schema_extra={"x-kubernetes-int-or-string": True},
    ),
]
"""A Kubernetes quantity such as `2`, `500m` or `4Gi`."""

Decimal = Annotated[str, Field(pattern=DECIMAL_PATTERN, max_length=32)]
"""A number that is not an integer, as a string: floats do not survive every client."""

Digest = Annotated[str, Field(pattern=DIGEST_PATTERN, max_length=71)]
"""`sha256:` and 64 hexadecimal digits."""

DnsLabel = Annotated[str, Field(pattern=DNS_LABEL_PATTERN, max_length=63)]
"""A name that can be part of a DNS name (RFC 1123)."""
