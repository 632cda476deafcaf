"""How the pods of a service run, as far as the user decides it: `spec.runtime`."""

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from triton_operator.api import labels
from triton_operator.api.fields import (
    Annotations,
    ApiModel,
    ImageName,
    Labels,
    ObjectName,
    cel,
    list_map,
)
from triton_operator.api.group import GROUP

RESERVED_ENV_PREFIX = "TRITON_OPERATOR_"
RESERVED_LABELS = (
    labels.NAME,
    labels.INSTANCE,
    labels.MANAGED_BY,
    labels.PART_OF,
    "controller-uid",
    "job-name",
    "pod-template-hash",
)
"""Keys by which the operator and Kubernetes itself find pods."""


def _reserved(condition: str, what: str) -> JsonDict:
    return {
        "x-kubernetes-validations": [
            cel(f"self.all(key, {condition})", f"{what}; choose another key")
        ]
    }


class KeyReference(ApiModel):
    """One key of a Secret or a ConfigMap in the service's namespace."""

    name: ObjectName = Field(description="Name of the Secret or ConfigMap.")
    key: str = Field(
        pattern=r"^[-._a-zA-Z0-9]+$", max_length=253, description="Key whose value is taken."
    )
    optional: bool | None = Field(
        None, description="Whether the pod starts without it; omitted: it does not."
    )


class EnvVarSource(ApiModel):
    """Where the value of a variable comes from."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel(
                    "has(self.secretKeyRef) != has(self.configMapKeyRef)",
                    "needs either secretKeyRef or configMapKeyRef",
                )
            ]
        }
    )

    secret_key_ref: KeyReference | None = Field(None, description="One key of a Secret.")
    config_map_key_ref: KeyReference | None = Field(None, description="One key of a ConfigMap.")


class EnvVar(ApiModel):
    """An environment variable of the Triton container."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel(
                    f"!self.name.startsWith('{RESERVED_ENV_PREFIX}')",
                    f"names that begin with {RESERVED_ENV_PREFIX} are the operator's own",
                ),
                cel(
                    "!has(self.value) || !has(self.valueFrom)",
                    "a variable has either value or valueFrom",
                ),
            ]
        }
    )

    name: str = Field(
        pattern=r"^[-._a-zA-Z][-._a-zA-Z0-9]*$",
        max_length=253,
        description="Name of the variable.",
    )
    value: str | None = Field(None, max_length=32768, description="Its value, as it stands.")
    value_from: EnvVarSource | None = Field(
        None, description="Where its value comes from instead; read when the pod starts."
    )


class PullSecret(ApiModel):
    """A Secret with which nodes pull images."""

    name: ObjectName = Field(description="Name of the Secret, in the service's namespace.")


class Runtime(ApiModel):
    """Rarely needed: the pool's image is the default."""

    image: ImageName | None = Field(None, description="A Triton image instead of the pool's.")
    env: list[EnvVar] | None = Field(
        None,
        max_length=64,
        description="Environment variables of the Triton container.",
        json_schema_extra=list_map("name"),
    )
    image_pull_secrets: list[PullSecret] | None = Field(
        None,
        max_length=16,
        description="Secrets with which nodes pull the images of all pods of the service.",
        json_schema_extra=list_map("name"),
    )
    service_account_name: ObjectName | None = Field(
        None,
        description="ServiceAccount of all pods of the service, for its pull secrets. Its token "
        "is not mounted. Omitted: default.",
    )
    priority_class_name: ObjectName | None = Field(
        None, description="PriorityClass of the pods that serve."
    )
    pod_labels: Labels | None = Field(
        None,
        description="Labels added to all pods of the service.",
        json_schema_extra=_reserved(
            f"!key.startsWith('{GROUP}/') && !key.startsWith('batch.kubernetes.io/') && "
            f"!(key in {list(RESERVED_LABELS)})",
            "labels by which pods are found are the operator's own or Kubernetes'",
        ),
    )
    pod_annotations: Annotations | None = Field(
        None,
        description="Annotations added to all pods of the service; those of prometheus.io win "
        "over the operator's.",
        json_schema_extra=_reserved(
            f"!key.startsWith('{GROUP}/')", f"annotations of {GROUP} are the operator's own"
        ),
    )
