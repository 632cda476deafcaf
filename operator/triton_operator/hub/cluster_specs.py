"""Specs of clusters, read once for each version of them."""

from __future__ import annotations

import logging
from typing import Any

from pydantic import ValidationError

from triton_operator.api.inference_cluster import InferenceClusterSpec

logger = logging.getLogger(__name__)
Body = dict[str, Any]


class ClusterSpecs:
    """A spec that this version of the hub cannot read concerns one cluster: it is left as it is."""

    def __init__(self) -> None:
        self._read: dict[str, tuple[tuple[str, int], InferenceClusterSpec | None]] = {}

    def get(self, body: Body) -> InferenceClusterSpec | None:
        """The spec; None: it cannot be read, which the log says once."""
        metadata = body["metadata"]
        version = (metadata["uid"], metadata["generation"])
        known = self._read.get(metadata["name"])
        if known is not None and known[0] == version:
            return known[1]
        spec = _spec(body)
        self._read[metadata["name"]] = version, spec
        return spec

    def forget(self, cluster: str) -> None:
        """It is gone."""
        self._read.pop(cluster, None)


def _spec(body: Body) -> InferenceClusterSpec | None:
    try:
        return InferenceClusterSpec.model_validate(body["spec"])
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        logger.warning(
            "A cluster's spec cannot be read: are its definition and the hub of one version? It is "
            "left as it is.",
            extra={
                "cluster": body["metadata"]["name"],
                "field": ".".join(map(str, first["loc"])),
                "why": first["msg"],
            },
        )
        return None
