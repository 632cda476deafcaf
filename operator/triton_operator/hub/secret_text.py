"""The text under a key of a Secret, and what people call the place."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from triton_operator.api.inference_cluster import KubeConfigSource
from triton_operator.fleet.member_kubeconfig import RefusedKubeconfig


def secret_text(secret: Mapping[str, Any], key: str) -> str:
    """Decoded.

    Raises:
        RefusedKubeconfig: there is none.
    """
    data = (secret.get("data") or {}).get(key)
    if data is None:
        raise RefusedKubeconfig("the Secret has no such key")
    try:
        return base64.b64decode(data).decode("utf-8")
    except (binascii.Error, ValueError):
        raise RefusedKubeconfig("it is no text") from None


def secret_place(namespace: str, source: KubeConfigSource) -> str:
    """Where a kubeconfig is, in words."""
    return f"{namespace}/{source.secret_name}, key {source.key}"
