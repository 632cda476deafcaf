"""Where models come from: one small protocol, and which scheme is read by what."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from triton_operator.model import reasons
from triton_operator.model.credentials import read_credentials
from triton_operator.model.errors import SourceRefused
from triton_operator.model.https_source import HttpsSource, Patience
from triton_operator.model.progress import Say
from triton_operator.model.pvc_source import PvcSource
from triton_operator.model.receiving import Receiver, Sleep

LATER = ("s3", "gs", "abfs", "hf", "oci")
"""Schemes that the API accepts and that cannot be fetched yet."""

WORKS_TODAY = "pvc://CLAIM/PATH and https://HOST/PATH work today"


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

    source_dir: Path = Path("/source")
    """Where the claim of a pvc:// address is mounted."""
    credentials_dir: Path | None = None
    """Where the Secret is mounted, if there is one."""
    ca_file: Path | None = None
    """The platform's certificate authorities, in PEM, beside the system's."""
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)
    """Where HTTPS_PROXY and its like are looked up."""
    patience: Patience = field(default_factory=Patience)
    sleep: Sleep
    say: Say


def source_for(uri: str, around: Surroundings) -> Source:
    """The source that reads `uri`.

    Raises:
        SourceRefused: `UnsupportedSource`, `CredentialsInvalid`.
    """
    scheme, separator, rest = uri.partition("://")
    if not separator or not rest:
        raise SourceRefused(
            reasons.UNSUPPORTED_SOURCE, f"'{shown(uri)}' is no address; {WORKS_TODAY}"
        )
    openers: dict[str, Callable[[], Source]] = {
        "pvc": lambda: PvcSource(uri, around.source_dir),
        "https": lambda: HttpsSource(
            uri,
            read_credentials(around.credentials_dir),
            patience=around.patience,
            sleep=around.sleep,
            say=around.say,
            ca_file=around.ca_file,
            environment=around.environment,
        ),
    }
    if (opener := openers.get(scheme.lower())) is not None:
        return opener()
    if scheme in LATER:
        why = f"{scheme}:// arrives later"
    elif scheme == "http":
        why = "http:// is not encrypted and is refused"
    elif scheme == "file":
        why = "file: would read the node's disk and is refused"
    else:
        why = f"nothing reads {scheme}://"
    raise SourceRefused(reasons.UNSUPPORTED_SOURCE, f"{why}; {WORKS_TODAY}")


def shown(uri: str) -> str:
    """`uri` without its query, which may hold a signature."""
    address, mark, _ = uri.partition("?")
    return f"{address}?…" if mark else address
