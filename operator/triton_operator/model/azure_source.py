"""`abfs://CONTAINER@ACCOUNT.dfs.core.windows.net/PATH`: Azure Blob Storage and Data Lake Storage.

Both have the same files; they are read at the blob address, which every kind of account has.
`abfs://CONTAINER/PATH` leaves the account to the Secret's `AZURE_STORAGE_ACCOUNT_NAME`.
"""

import re

from triton_operator.model.addresses import endpoint_url, malformed, quoted, stored_object
from triton_operator.model.authorization import Authorization, FixedHeader
from triton_operator.model.azure_signing import SharedAccessSignature, SharedKey
from triton_operator.model.connection import checked_address
from triton_operator.model.download import Conditions, Download
from triton_operator.model.receiving import Receiver
from triton_operator.model.secret_files import SecretFiles, invalid

FORM = "abfs://CONTAINER@ACCOUNT.dfs.core.windows.net/PATH"
NAME, KEY, SAS = (
    "AZURE_STORAGE_ACCOUNT_NAME",
    "AZURE_STORAGE_ACCOUNT_KEY",
    "AZURE_STORAGE_SAS_TOKEN",
)
_ACCOUNT = re.compile(r"[a-z0-9]{3,24}")


class AzureSource:
    """The model at `uri`; an `endpoint` stands for the account's own blob address.

    Raises:
        SourceRefused: `UnsupportedSource`, `CredentialsInvalid`.
    """

    def __init__(
        self, uri: str, endpoint: str | None, secret: SecretFiles, around: Conditions
    ) -> None:
        self._object = stored_object(uri, FORM)
        container, _, host = self._object.place.partition("@")
        account = host.partition(".")[0] or secret.word(NAME)
        if account is None:
            raise invalid(NAME, f"is missing, and the address names no account: {FORM}")
        if not container or not _ACCOUNT.fullmatch(account):
            raise malformed(uri, FORM)
        host = host.lower().replace(".dfs.", ".blob.", 1) or f"{account}.blob.core.windows.net"
        own = checked_address(f"https://{host}", around.network)
        root = endpoint_url(endpoint, own, around.network)
        self._folder = f"{root}/{quoted(container)}"
        authorization = azure_authorization(secret, account, around)
        self._download = Download(root, authorization, around)

    def read(self, path: str | None, into: Receiver) -> None:
        """Download one blob; see `Source.read`."""
        self._download.read(f"{self._folder}/{quoted(self._object.key_of(path))}", into)


def azure_authorization(secret: SecretFiles, account: str, around: Conditions) -> Authorization:
    """With the account's key, else with a shared access signature, else as nobody.

    Raises:
        SourceRefused: `CredentialsInvalid`.
    """
    if (key := secret.word(KEY)) is not None:
        return SharedKey(account, key, around.now)
    if (signature := secret.word(SAS)) is not None:
        return SharedAccessSignature(signature)
    return FixedHeader(wanted=f"`{KEY}` or `{SAS}`")
