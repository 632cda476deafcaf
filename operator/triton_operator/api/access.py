"""Who may call a service: `spec.access`."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from triton_operator.api.fields import (
    LABEL_KEY_PATTERN,
    ApiModel,
    Labels,
    LabelValue,
    cel,
)


class LabelRequirement(ApiModel):
    """What a label must be like; fields as everywhere in Kubernetes."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel(
                    "(self.operator in ['In', 'NotIn']) == "
                    "(has(self.values) && size(self.values) > 0)",
                    "In and NotIn need values, Exists and DoesNotExist take none",
                )
            ]
        }
    )

    key: Annotated[str, Field(pattern=LABEL_KEY_PATTERN, max_length=317)] = Field(
        description="Key of the label."
    )
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist"] = Field(
        description="How the label and the values relate."
    )
    values: list[LabelValue] | None = Field(
        None,
        max_length=16,
        description="Values of the label.",
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )


class LabelSelector(ApiModel):
    """Objects by their labels; an empty one selects all."""

    match_labels: Labels | None = Field(None, description="Labels that must all be there.")
    match_expressions: list[LabelRequirement] | None = Field(
        None,
        max_length=16,
        description="Requirements that must all be met.",
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )


class Peer(ApiModel):
    """Pods that may connect; fields as in a NetworkPolicy."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel(
                    "has(self.namespaceSelector) || has(self.podSelector)",
                    "needs a namespaceSelector, a podSelector or both; "
                    "for pods of every namespace: namespaceSelector: {}",
                )
            ]
        }
    )

    namespace_selector: LabelSelector | None = Field(
        None, description="Namespaces of the pods; omitted: the service's own."
    )
    pod_selector: LabelSelector | None = Field(
        None, description="Pods in these namespaces; omitted: all of them."
    )


class Access(ApiModel):
    """Who may call the service, where the operator makes NetworkPolicies."""

    callers: list[Peer] | None = Field(
        None,
        min_length=1,
        max_length=16,
        description="Pods that may send requests; omitted: every pod of the service's namespace.",
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )
