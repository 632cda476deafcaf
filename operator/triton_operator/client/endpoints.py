"""Which endpoints there are: what the file `<service>-endpoints` says, with bounds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, StrictBool, ValidationError, model_validator

from triton_operator.api.enums import Protocol
from triton_operator.api.fields import ApiModel
from triton_operator.api.routing import (
    LONGEST_WAY_MILLISECONDS,
    MOST_ENDPOINTS,
    RoutedEndpoint,
)
from triton_operator.client.errors import BadEndpoints

_MOST_TOLD = 5


def _address(url: str) -> str:
    parts = urlsplit(url)
    if not parts.hostname or (parts.port is not None and parts.port < 1):
        raise ValueError("must have a host, and a port from 1 to 65535 if it has one")
    return url


Url = Annotated[
    str,
    Field(pattern=r"^https?://[^/?#@\s\\]+(/[^?#\s\\]*)?$", max_length=512),
    AfterValidator(_address),
]
"""http://HOST[:PORT][/PATH] or https://, without credentials, query or fragment."""


class Endpoint(RoutedEndpoint):
    """One place to ask. What is not said to be local is not.

    A list that somebody writes by hand may be finer than one of a hub: hence the other number.
    """

    url: Url
    """Of gRPC too; https means TLS there."""
    round_trip_milliseconds: float = Field(  # type: ignore[assignment]
        0.0, ge=0, le=LONGEST_WAY_MILLISECONDS, allow_inf_nan=False
    )
    local: StrictBool = False

    @model_validator(mode="after")
    def _grpc_has_no_path(self) -> Endpoint:
        if self.protocol is Protocol.GRPC and urlsplit(self.url).path not in ("", "/"):
            raise ValueError("url has a path, and gRPC has none")
        return self

    @property
    def key(self) -> tuple[str, str, str]:
        """What is learned of an endpoint is kept under this when the list changes."""
        return self.cluster, self.protocol, self.url


class EndpointList(ApiModel):
    """The file's content."""

    endpoints: list[Endpoint] = Field(min_length=1, max_length=MOST_ENDPOINTS)

    @model_validator(mode="after")
    def _each_is_there_once(self) -> EndpointList:
        seen: set[tuple[str, str]] = set()
        for place, one in enumerate(self.endpoints):
            if (one.cluster, one.protocol) in seen:
                raise ValueError(
                    f"endpoints[{place}]: {one.cluster} has another one that speaks {one.protocol}"
                )
            seen.add((one.cluster, one.protocol))
        return self


def endpoints_in(text: bytes | str) -> tuple[Endpoint, ...]:
    """Of JSON such as `{"endpoints": [{"cluster": "store-1", ...}]}`; keys not known are ignored.

    Raises:
        BadEndpoints: with the path of each field that is wrong.
    """
    try:
        return tuple(EndpointList.model_validate_json(text).endpoints)
    except ValidationError as error:
        raise BadEndpoints(_told(error)) from None


def endpoints_of(values: Iterable[Endpoint | Mapping[str, Any]]) -> tuple[Endpoint, ...]:
    """The same of Python values.

    Raises:
        BadEndpoints: as in `endpoints_in`.
    """
    try:
        return tuple(EndpointList.model_validate({"endpoints": list(values)}).endpoints)
    except ValidationError as error:
        raise BadEndpoints(_told(error)) from None


def _told(error: ValidationError) -> str:
    rows = error.errors(include_url=False, include_input=False)
    told = [": ".join(filter(None, (_path(row["loc"]), row["msg"]))) for row in rows[:_MOST_TOLD]]
    if len(rows) > _MOST_TOLD:
        told.append(f"and {len(rows) - _MOST_TOLD} more")
    return "; ".join(told)


def _path(steps: tuple[int | str, ...]) -> str:
    path = ""
    for step in steps:
        path += f"[{step}]" if isinstance(step, int) else f".{step}" if path else step
    return path
