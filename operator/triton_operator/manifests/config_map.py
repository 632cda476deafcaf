"""The ConfigMap that holds one config.pbtxt."""

import hashlib
from typing import Any

from triton_operator.api import labels
from triton_operator.manifests import names
from triton_operator.manifests.owner import Owner

CONFIG_FILE = "config.pbtxt"


def config_digest(text: str) -> str:
    """sha256 of the config, hexadecimal: it names the ConfigMap and stands in the pod template."""
    return hashlib.sha256(text.encode()).hexdigest()


def model_config_map(owner: Owner, pool: str, text: str) -> dict[str, Any]:
    """An immutable ConfigMap named by its content.

    Pods of the previous revision that restart in the middle of a rollout find their own config.
    """
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": owner.metadata(
            names.config_map(owner.name, pool, config_digest(text)), {labels.POOL: pool}
        ),
        "immutable": True,
        "data": {CONFIG_FILE: text},
    }
