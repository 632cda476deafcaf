"""The ModelProfiles in which the operator keeps what its Jobs found out."""

from collections.abc import Sequence
from typing import Any

from triton_operator.api import labels
from triton_operator.api.group import API_VERSION
from triton_operator.api.model_profile import Measurement, ModelFacts
from triton_operator.manifests import names


def profile_of_facts(namespace: str, digest: str, facts: ModelFacts) -> dict[str, Any]:
    """A profile named by its digest.

    It has no owner: many services share one digest, and what was measured should outlive them.
    """
    return _profile(
        namespace, names.model_profile(digest), {"digest": digest, "facts": facts.wire()}
    )


def profile_of_measurements(
    namespace: str, digest: str, rows: Sequence[Measurement]
) -> dict[str, Any]:
    """The profile with what the operator's Jobs measured, and nothing that a person writes.

    The one with the facts may be somebody's own, kept in a repository that is compared with the
    cluster: a row added there would be taken out again.
    """
    spec = {"digest": digest, "measurements": [row.wire() for row in rows]}
    return _profile(namespace, names.measured_profile(digest), spec)


def _profile(namespace: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": API_VERSION,
        "kind": "ModelProfile",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {labels.MANAGED_BY: labels.MANAGER},
        },
        "spec": spec,
    }
