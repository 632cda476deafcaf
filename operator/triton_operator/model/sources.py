"""Where models come from: one small protocol, and which scheme is read by what."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from triton_operator.model import reasons
from triton_operator.model.addresses import refuse_credentials
from triton_operator.model.azure_source import AzureSource
from triton_operator.model.download import Conditions
from triton_operator.model.errors import SourceRefused
from triton_operator.model.google_source import GoogleSource
from triton_operator.model.https_source import HttpsSource
from triton_operator.model.hub_source import HubSource
from triton_operator.model.oci_source import OciSource
from triton_operator.model.pvc_source import PvcSource
from triton_operator.model.receiving import Receiver
from triton_operator.model.s3_source import S3Source
from triton_operator.model.secret_files import SecretFiles

FORMS = (
    "pvc://CLAIM/PATH, https://HOST/PATH, s3://BUCKET/KEY, gs://BUCKET/OBJECT, "
    "abfs://CONTAINER@ACCOUNT.dfs.core.windows.net/PATH, hf://ORG/REPO/FILE@REVISION or "
    "oci://REGISTRY/REPOSITORY@sha256:DIGEST"
)
WITH_ENDPOINT = ("s3", "gs", "abfs", "hf")


class Source(Protocol):
    """One model at one address."""

    def read(self, path: str | None, into: Receiver) -> None:
        """Give all bytes of the model file (None), or of the file at `path` beside it, to `into`.

        `path` is relative to the model's folder and has passed `external_files.safe_path`.

        Raises:
            SourceRefused, SourceUnavailable: it cannot be had, for good or for now.
            ModelFailure: whatever `into` raises.
        """


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What a source may use of the pod that it runs in."""

    conditions: Conditions
    source_dir: Path = Path("/source")
    """Where the claim of a pvc:// address is mounted."""
    credentials_dir: Path | None = None
    """Where the Secret is mounted, if there is one."""
    endpoint: str | None = None
    """Where the store answers, if not at its usual address."""
    folder: bool = False
    """Whether the address is that of a folder, and all below it is wanted."""


def source_for(uri: str, around: Surroundings) -> Source:
    """The source that reads `uri`; nothing is asked of the store yet.

    Raises:
        SourceRefused: `UnsupportedSource`, `CredentialsInvalid`.
    """
    refuse_credentials(uri)
    scheme, separator, rest = uri.partition("://")
    if not separator or not rest:
        raise SourceRefused(
            reasons.UNSUPPORTED_SOURCE, f"'{shown(uri)}' is no address; use {FORMS}"
        )
    scheme = scheme.lower()
    secret = SecretFiles(around.credentials_dir)
    conditions = replace(around.conditions, secret_keys=secret.keys())
    folder = around.folder
    openers: dict[str, Callable[[], Source]] = {
        "pvc": lambda: PvcSource(uri, around.source_dir),
        "https": lambda: HttpsSource(uri, secret, conditions),
        "s3": lambda: S3Source(uri, around.endpoint, secret, conditions, folder=folder),
        "gs": lambda: GoogleSource(uri, around.endpoint, secret, conditions, folder=folder),
        "abfs": lambda: AzureSource(uri, around.endpoint, secret, conditions),
        "hf": lambda: HubSource(uri, around.endpoint, secret, conditions),
        "oci": lambda: OciSource(uri, secret, conditions),
    }
    if conditions.network.loopback_http:
        openers["http"] = openers["https"]
    if (opener := openers.get(scheme)) is None:
        raise SourceRefused(reasons.UNSUPPORTED_SOURCE, f"{_why_not(scheme)}; use {FORMS}")
    if around.endpoint is not None and scheme not in WITH_ENDPOINT:
        raise SourceRefused(
            reasons.UNSUPPORTED_SOURCE,
            f"spec.model.endpoint has no meaning for {scheme}://, whose addresses name the host",
        )
    return opener()


def _why_not(scheme: str) -> str:
    if scheme == "http":
        return "http:// is not encrypted and is refused"
    if scheme == "file":
        return "file: would read the node's disk and is refused"
    return f"nothing reads {scheme}://"


def shown(uri: str) -> str:
    """`uri` without its query, which may hold a signature."""
    address, mark, _ = uri.partition("?")
    return f"{address}?…" if mark else address
