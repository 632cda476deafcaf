"""A claim that keeps fetched files by digest, in the pods of model servers.

An inspection has none of it: it reads the whole model anyway, and on another node it could not
mount a claim that is for one node.
"""

from typing import Any

from triton_operator.api.model_source import Model

CACHE_DIR = "/cache"
VOLUME = "cache"


def cache_volumes(model: Model) -> list[dict[str, Any]]:
    """The volume."""
    claim = model.cache_claim_name
    return [{"name": VOLUME, "persistentVolumeClaim": {"claimName": claim}}] if claim else []


def cache_mounts(model: Model) -> list[dict[str, Any]]:
    """Where that volume appears, writable."""
    return [{"name": VOLUME, "mountPath": CACHE_DIR}] if model.cache_claim_name else []


def cache_arguments(model: Model) -> list[str]:
    """What tells the container about it."""
    return [f"--cache-dir={CACHE_DIR}"] if model.cache_claim_name else []
