"""A store of converted copies: `spec.precision.store`."""

import hashlib
from typing import Annotated

from pydantic import ConfigDict, Field

from triton_operator.api.credentials import CREDENTIALS
from triton_operator.api.fields import ApiModel, Endpoint, ObjectName, cel

FIELD = "spec.precision.store"
_REPOSITORY = "[a-z0-9]+([._-]+[a-z0-9]+)*(/[a-z0-9]+([._-]+[a-z0-9]+)*)*"

StoreUri = Annotated[
    str,
    Field(
        min_length=1,
        max_length=1024,
        description="Where converted copies are kept: s3://BUCKET/PREFIX or "
        "oci://REGISTRY/REPOSITORY.",
        json_schema_extra={
            "x-kubernetes-validations": [
                cel(
                    "self.matches('^(s3|oci)://[^/?#]+[^?#]*$')",
                    "must be s3://BUCKET/PREFIX or oci://REGISTRY/REPOSITORY; to keep copies in a "
                    "claim, use spec.model.cacheClaimName",
                ),
                cel(
                    "!self.contains('/../') && !self.endsWith('/..')",
                    "must not contain '..'",
                ),
                cel(
                    f"!self.matches('^({CREDENTIALS})')",
                    "must have no credentials in it, everybody may read it: put them into a "
                    "Secret, and name that in spec.precision.store.secretName",
                ),
                cel(
                    "!self.startsWith('s3://') || self.matches('^s3://[^/]+(/[^/]+)*/?$')",
                    "s3:// needs a bucket, and after it a prefix without empty parts: "
                    "s3://BUCKET/PREFIX",
                ),
                cel(
                    "!self.startsWith('oci://') || "
                    rf"self.matches('^oci://[A-Za-z0-9.-]+(:[0-9]+)?/{_REPOSITORY}$')",
                    "oci:// needs a registry and a repository in small letters, without tag or "
                    "digest: oci://REGISTRY/REPOSITORY",
                ),
            ]
        },
    ),
]


class CopyStore(ApiModel):
    """Where converted copies are kept, so that pods fetch them instead of converting."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel(
                    "!has(self.endpoint) || self.uri.startsWith('s3://')",
                    "endpoint is for s3://; oci:// names the registry itself: omit endpoint",
                )
            ]
        }
    )

    uri: StoreUri
    secret_name: ObjectName | None = Field(
        None,
        description="Secret with the store's credentials, in the form that spec.model.secretName "
        "has. Pods read with it, and the Job that converts writes with it.",
    )
    endpoint: Endpoint | None = Field(
        None, description="Where the store of an s3:// address answers, if not at Amazon's."
    )

    @property
    def source(self) -> str:
        """The address as a row of a profile has it: hashed, as whoever reads profiles need not
        read addresses. One address at two endpoints is two stores."""
        named = f"{self.uri.rstrip('/')}\n{self.endpoint or ''}"
        return f"sha256:{hashlib.sha256(named.encode()).hexdigest()}"
