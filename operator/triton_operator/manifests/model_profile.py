"""The ModelProfiles in which the operator keeps what its Jobs found out."""

from collections.abc import Sequence
from typing import Any

from triton_operator.api import labels
from triton_operator.api.group import API_VERSION
from triton_operator.api.model_profile import Conversion, Measurement, ModelFacts
from triton_operator.manifests import names


def profile_of_facts(namespace: str, digest: str, facts: ModelFacts) -> dict[str, Any]:
    """A profile named by its digest.

    It has no owner: many services share one digest, and what was measured should outlive them.
    """
    return _profile(
        namespace, names.model_profile(digest), {"digest": digest, "facts": facts.wire()}
    )


def profile_of_findings(
    namespace: str,
    digest: str,
    measurements: Sequence[Measurement],
    conversions: Sequence[Conversion],
) -> dict[str, Any]:
    """The profile with what the operator's Jobs found out, and nothing that a person writes.

    The one with the facts may be somebody's own, kept in a repository that is compared with the
    cluster: a row added there would be taken out again. Both lists are written whole, by whichever
    Job has ended.
    """
    rows = {"measurements": measurements, "conversions": conversions}
    spec = {name: [row.wire() for row in found] for name, found in rows.items() if found}
    return _profile(namespace, names.measured_profile(digest), {"digest": digest, **spec})


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
