"""How this pod reaches stores: whom it trusts, through which proxy, and over what."""

import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from triton_operator.model import reasons
from triton_operator.model.errors import SourceRefused

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, kw_only=True)
class Network:
    """What all connections of one transfer have in common."""

    trust: ssl.SSLContext = field(default_factory=ssl.create_default_context)
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Where HTTPS_PROXY and its like are looked up; it may have a proxy's password."""
    loopback_http: bool = False
    """Whether http:// to this machine itself is taken: for tests against real servers."""
    secret_field: str = "spec.model.secretName"  # noqa: S105  # the name of a field
    """Which field of the service names the Secret, for messages."""

    def encrypted(self, url: str) -> bool:
        """Whether nobody on the way can read or change what goes to `url`."""
        try:
            parts = urlsplit(url)
        except ValueError:
            return False
        if parts.scheme == "http":
            return self.loopback_http and parts.hostname in LOOPBACK
        return parts.scheme == "https"


def reached_network(
    *,
    credentials_dir: Path | None,
    ca_files: Sequence[Path] = (),
    environment: Mapping[str, str],
    loopback_http: bool = False,
    secret_field: str = Network.secret_field,
) -> Network:
    """The network as a pod has it: the system's authorities, those of the platform, the Secret's.

    Raises:
        SourceRefused: `CredentialsInvalid`, one of the files has no certificates.
    """
    trust = ssl.create_default_context()
    for file in ca_files:
        _trust(trust, file, "the chart's trustBundle")
    secret = None if credentials_dir is None else credentials_dir / "ca.crt"
    if secret is not None and secret.is_file():
        _trust(trust, secret, "the key 'ca.crt' of the Secret with credentials")
    return Network(
        trust=trust,
        environment=environment,
        loopback_http=loopback_http,
        secret_field=secret_field,
    )


def _trust(context: ssl.SSLContext, file: Path, name: str) -> None:
    try:
        context.load_verify_locations(cafile=file)
    except OSError as error:
        raise SourceRefused(
            reasons.CREDENTIALS_INVALID, f"{name} has no PEM certificates"
        ) from error
