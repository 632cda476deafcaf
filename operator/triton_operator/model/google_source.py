"""`gs://BUCKET/OBJECT`: Google Cloud Storage.

The Secret's `service-account.json` is a key of a service account that may read the object; without
it the object has to be public.
"""

from triton_operator.model.addresses import endpoint_url, quoted, stored_object
from triton_operator.model.authorization import Authorization, FixedHeader
from triton_operator.model.download import Conditions, Download
from triton_operator.model.google_token import KEY, ServiceAccount
from triton_operator.model.receiving import Receiver
from triton_operator.model.secret_files import SecretFiles

FORM = "gs://BUCKET/OBJECT"
STORAGE = "https://storage.googleapis.com"


class GoogleSource:
    """The model at `uri`, at Google or at an `endpoint` that answers `/BUCKET/OBJECT` as it does.

    Raises:
        SourceRefused: `UnsupportedSource`, `CredentialsInvalid`.
    """

    def __init__(
        self, uri: str, endpoint: str | None, secret: SecretFiles, around: Conditions
    ) -> None:
        self._object = stored_object(uri, FORM)
        root = endpoint_url(endpoint, STORAGE, around.network)
        self._bucket = f"{root}/{quoted(self._object.place)}"
        key = secret.text(KEY)
        authorization: Authorization = (
            FixedHeader(wanted=f"`{KEY}`") if key is None else ServiceAccount(key, around)
        )
        self._download = Download(root, authorization, around)

    def read(self, path: str | None, into: Receiver) -> None:
        """Download one object; see `Source.read`."""
        self._download.read(f"{self._bucket}/{quoted(self._object.key_of(path))}", into)
