"""What `cluster join` applies: of a cluster that is there, nothing that no option names.

A server-side apply removes what its manager applied before and leaves out now, so that a command
for another token would take back the zones of the first one, and its services with them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from triton_operator.api.group import FIELD_MANAGER
from triton_operator.cli.live import CannotAsk
from triton_operator.controllers.api_server import ApiServer
from triton_operator.controllers.errors import ApiError
from triton_operator.hub.kinds import INFERENCE_CLUSTER

SOURCE = "clusterSource"
"""Said by every call: with `--push` the hub reaches the cluster, with a file for an agent it does
not."""
ADDRESSES = "dataPlane"
"""Its fields change one by one, as those of the spec do."""


class NoUrl(Exception):
    """An address for gRPC alone, of a cluster that has no url to join it with."""


async def refuse_grpc_alone(server: ApiServer, manifest: Mapping[str, Any]) -> None:
    """Nothing, unless the manifest has an address for gRPC without a url, which is kept then.

    Raises:
        NoUrl: there is no such cluster, or it has none.
        CannotAsk: the hub does not say.
    """
    told = manifest["spec"].get(ADDRESSES)
    if not told or "url" in told:
        return
    name = manifest["metadata"]["name"]
    try:
        found = await server.get(INFERENCE_CLUSTER, "", name)
    except ApiError as error:
        raise CannotAsk(f"the hub cannot be asked: {error.message}") from error
    if found is None or "url" not in (found["spec"].get(ADDRESSES) or {}):
        raise NoUrl(f"--grpc-url needs --url: {name} has none yet")


async def apply_cluster(server: ApiServer, manifest: Mapping[str, Any], tier: str) -> None:
    """Make the cluster, of this tier if the manifest names none; or change what it names of one
    that is there, and keep the rest as it is.

    Raises:
        ApiError: it is not applied; a field that somebody else has written is a conflict.
    """
    found = await server.get(INFERENCE_CLUSTER, "", manifest["metadata"]["name"])
    before: dict[str, Any] = {"tier": tier} if found is None else _applied_before(found)
    spec = {**before, **manifest["spec"]}
    if ADDRESSES in spec:
        spec[ADDRESSES] = {**before.get(ADDRESSES, {}), **spec[ADDRESSES]}
    await server.apply(INFERENCE_CLUSTER, {**manifest, "spec": spec}, force=False)


def _applied_before(body: Mapping[str, Any]) -> dict[str, Any]:
    """What this command has applied and nobody has changed since, without the source: it is
    applied again, as it would be removed otherwise."""
    for row in body["metadata"].get("managedFields") or ():
        if (row.get("manager"), row.get("operation")) == (FIELD_MANAGER, "Apply") and not row.get(
            "subresource"
        ):
            owned = (row.get("fieldsV1") or {}).get("f:spec") or {}
            return {
                name: _owned(value, owned[f"f:{name}"])
                for name, value in body["spec"].items()
                if name != SOURCE and f"f:{name}" in owned
            }
    return {}


def _owned(value: Any, fields: Mapping[str, Any]) -> Any:
    """Of a set, its own members; of an object, its own fields."""
    if isinstance(value, list):
        return [one for one in value if f"v:{json.dumps(one)}" in fields]
    if isinstance(value, dict):
        return {
            name: _owned(inner, fields[f"f:{name}"])
            for name, inner in value.items()
            if f"f:{name}" in fields
        }
    return value
