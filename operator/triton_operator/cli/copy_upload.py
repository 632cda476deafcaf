"""A copy into a store from this machine, for whoever commits what is known of it."""

import os
import time
from pathlib import Path

from triton_operator.cli.output import print_error

TIMEOUT_SECONDS = 3600.0


def put(folder: Path, store: str, endpoint: str | None, credentials: Path | None) -> None:
    """Put the copy in `folder` into the store at `store`.

    `credentials` is a folder that has what the store's Secret would have, a file for each key;
    proxies are those of the environment.

    Raises:
        ModelFailure: the store does not take it.
    """
    from triton_operator.model.copies.put import PATIENCE, Putting, put_copy
    from triton_operator.model.download import Conditions
    from triton_operator.model.network import reached_network
    from triton_operator.model.receiving import Deadline
    from triton_operator.model.secret_files import SecretFiles

    secret = SecretFiles(credentials)
    network = reached_network(
        credentials_dir=credentials,
        environment=os.environ,
        secret_field="--store-credentials",  # noqa: S106  # the name of an option
    )
    put_copy(
        Putting(
            folder=folder,
            store=store,
            endpoint=endpoint,
            secret=secret,
            around=Conditions(
                network=network,
                patience=PATIENCE,
                sleep=time.sleep,
                say=print_error,
                secret_keys=secret.keys(),
            ),
            deadline=Deadline.after(TIMEOUT_SECONDS, time.monotonic),
        )
    )
