"""The ModelProfile in which an inspection's facts are kept."""

from typing import Any

from triton_operator.api import labels
from triton_operator.api.group import API_VERSION
from triton_operator.api.model_profile import ModelFacts
from triton_operator.manifests import names


def profile_of_facts(namespace: str, digest: str, facts: ModelFacts) -> dict[str, Any]:
    """A profile named by its digest.

    It has no owner: many services share one digest, and what was measured should outlive them.
    """
    return {
        "apiVersion": API_VERSION,
        "kind": "ModelProfile",
        "metadata": {
            "name": names.model_profile(digest),
            "namespace": namespace,
            "labels": {labels.MANAGED_BY: labels.MANAGER},
        },
        "spec": {"digest": digest, "facts": facts.wire()},
    }
