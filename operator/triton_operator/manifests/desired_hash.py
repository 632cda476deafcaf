"""A hash of an object as it is wanted; an object that carries it need not be written again."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from triton_operator.api import labels


def content_hash(value: Any) -> str:
    """Sixteen hexadecimal digits over the canonical JSON of `value`."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def with_desired_hash(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """`manifest` with the annotation that holds the hash of everything else in it."""
    metadata = dict(manifest["metadata"])
    annotations = dict(metadata.get("annotations") or {})
    annotations[labels.DESIRED_HASH] = content_hash(manifest)
    metadata["annotations"] = annotations
    return {**manifest, "metadata": metadata}
