"""The ConfigMap that holds what the plan says in config.pbtxt."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from triton_operator.api import labels
from triton_operator.manifests import names
from triton_operator.manifests.owner import Owner

CONFIG_FILE = "config.pbtxt"


def config_digest(texts: Mapping[str, str]) -> str:
    """sha256 of the configs, hexadecimal: it names the ConfigMap and stands in the pod template.

    Of one config.pbtxt it is the sha256 of the text.
    """
    if list(texts) == [CONFIG_FILE]:
        return hashlib.sha256(texts[CONFIG_FILE].encode()).hexdigest()
    listing = json.dumps(texts, sort_keys=True)
    return hashlib.sha256(listing.encode()).hexdigest()


def model_config_map(owner: Owner, pool: str, texts: Mapping[str, str]) -> dict[str, Any]:
    """An immutable ConfigMap named by its content.

    Pods of the previous revision that restart in the middle of a rollout find their own config. A
    repository's configs are not in it, only what is added to them: a few hundred bytes for each of
    at most 64 models, however large its author's configs are.
    """
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": owner.metadata(
            names.config_map(owner.name, pool, config_digest(texts)), {labels.POOL: pool}
        ),
        "immutable": True,
        "data": dict(texts),
    }
