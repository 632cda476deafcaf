"""Options of a command by which it reaches a store: the same wherever one is reached."""

import argparse
import os
from pathlib import Path

from triton_operator.model.network import Network, reached_network


def add_store_arguments(parser: argparse.ArgumentParser) -> None:
    """Where the store is, what it is shown, and whom to trust on the way."""
    parser.add_argument("--endpoint", metavar="URL", help="where the store answers, if elsewhere")
    parser.add_argument("--credentials-dir", type=Path, default=Path("/credentials"), metavar="DIR")
    parser.add_argument(
        "--ca-file",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="more certificate authorities to trust, in PEM; may be repeated",
    )
    parser.add_argument(
        "--allow-loopback-http",
        action="store_true",
        help="take http:// addresses of this machine itself: for tests",
    )


def network_of(given: argparse.Namespace, secret_field: str = Network.secret_field) -> Network:
    """The network by these options. `secret_field`: of the spec, that names the Secret.

    Raises:
        SourceRefused: `CredentialsInvalid`, one of the files has no certificates.
    """
    return reached_network(
        credentials_dir=given.credentials_dir,
        ca_files=given.ca_file,
        environment=os.environ,
        loopback_http=given.allow_loopback_http,
        secret_field=secret_field,
    )
