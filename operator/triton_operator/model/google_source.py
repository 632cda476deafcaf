"""`gs://BUCKET/OBJECT`: Google Cloud Storage.

The Secret's `service-account.json` is a key of a service account that may read the object; without
it the object has to be public.
"""

from urllib.parse import quote

from triton_operator.model.addresses import UNRESERVED, endpoint_url, quoted, stored_object
from triton_operator.model.authorization import Authorization, FixedHeader
from triton_operator.model.download import Conditions, Download
from triton_operator.model.google_listing import google_page, google_page_query
from triton_operator.model.google_token import KEY, ServiceAccount
from triton_operator.model.listed_keys import (
    PAGE_BYTES,
    ListedKeys,
    ListingBounds,
    Page,
    listing_rights,
)
from triton_operator.model.receiving import Receiver
from triton_operator.model.secret_files import SecretFiles
from triton_operator.model.small_answers import small_answer

FORM = "gs://BUCKET/OBJECT"
STORAGE = "https://storage.googleapis.com"


class GoogleSource:
    """The model at `uri`, at Google or at an `endpoint` that answers `/BUCKET/OBJECT` as it does.

    `folder`: everything below `uri`, which needs the right to list the bucket.

    Raises:
        SourceRefused: `UnsupportedSource`, `CredentialsInvalid`.
    """

    def __init__(
        self,
        uri: str,
        endpoint: str | None,
        secret: SecretFiles,
        around: Conditions,
        *,
        folder: bool = False,
    ) -> None:
        self._object = stored_object(uri, FORM, folder=folder)
        root = endpoint_url(endpoint, STORAGE, around.network)
        self._bucket = f"{root}/{quoted(self._object.place)}"
        self._list = f"{root}/storage/v1/b/{quote(self._object.place, safe=UNRESERVED)}/o"
        key = secret.text(KEY)
        authorization: Authorization = (
            FixedHeader(wanted=f"`{KEY}`") if key is None else ServiceAccount(key, around)
        )
        self._download = Download(root, authorization, around)

    def read(self, path: str | None, into: Receiver) -> None:
        """Download one object; see `Source.read`."""
        self._download.read(f"{self._bucket}/{quoted(self._object.key_of(path))}", into)

    def files(self, bounds: ListingBounds) -> list[str]:
        """All objects below the folder; see `ListingSource.files`."""
        prefix = f"{self._object.key}/"
        keys = ListedKeys(prefix, f"gs://{self._object.place}/{prefix}", bounds)

        def page(token: str | None) -> Page:
            return google_page(
                small_answer(
                    self._download,
                    f"{self._list}?{google_page_query(prefix, token)}",
                    f"the list of {keys.name}",
                    most_bytes=PAGE_BYTES,
                    deadline=bounds.deadline,
                )
            )

        with listing_rights("storage.objects.list"):
            return keys.read(page)
