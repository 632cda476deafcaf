"""`hf://ORG/REPO/FILE@REVISION`: a file of a model repository on the Hugging Face Hub.

The hub answers `/ORG/REPO/resolve/REVISION/FILE` with the file, or with where its storage has it.
A private or gated repository needs `HF_TOKEN` in the Secret.
"""

from pathlib import PurePosixPath
from urllib.parse import quote

from triton_operator.model.addresses import (
    UNRESERVED,
    endpoint_url,
    malformed,
    quoted,
    stored_object,
)
from triton_operator.model.authorization import FixedHeader
from triton_operator.model.credentials import bearer_token
from triton_operator.model.download import Conditions, Download
from triton_operator.model.receiving import Receiver
from triton_operator.model.secret_files import SecretFiles

FORM = "hf://ORG/REPO/FILE@REVISION"
HUB = "https://huggingface.co"
KEY = "HF_TOKEN"


class HubSource:
    """The model at `uri`, on the hub or on a mirror of it at `endpoint`.

    A branch may move between two files; a commit as the revision cannot, and every file's digest
    is checked in any case.

    Raises:
        SourceRefused: `UnsupportedSource`, `CredentialsInvalid`.
    """

    def __init__(
        self, uri: str, endpoint: str | None, secret: SecretFiles, around: Conditions
    ) -> None:
        address, at, revision = uri.rpartition("@")
        if not at or not revision or "/" in revision:
            raise malformed(uri, FORM)
        stored = stored_object(address, FORM)
        repository, _, file = stored.key.partition("/")
        if not file or stored.folder:
            raise malformed(uri, FORM)
        self._file = PurePosixPath(file)
        root = endpoint_url(endpoint, HUB, around.network)
        name = f"{quoted(stored.place)}/{quoted(repository)}"
        self._folder = f"{root}/{name}/resolve/{quote(revision, safe=UNRESERVED)}"
        token = bearer_token(secret, KEY)
        authorization = FixedHeader(None if token is None else f"Bearer {token}", f"`{KEY}`")
        self._download = Download(root, authorization, around)

    def read(self, path: str | None, into: Receiver) -> None:
        """Download one file of the repository; see `Source.read`."""
        file = self._file if path is None else self._file.parent / path
        self._download.read(f"{self._folder}/{quoted(str(file))}", into)
