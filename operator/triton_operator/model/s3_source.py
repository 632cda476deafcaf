"""`s3://BUCKET/KEY`: Amazon S3, and everything that speaks its protocol behind an endpoint."""

from triton_operator.model.addresses import (
    StoredObject,
    endpoint_url,
    malformed,
    quoted,
    stored_object,
)
from triton_operator.model.download import Conditions, Download
from triton_operator.model.listed_keys import (
    PAGE_BYTES,
    ListedKeys,
    ListingBounds,
    Page,
    listing_rights,
)
from triton_operator.model.network import Network
from triton_operator.model.receiving import Receiver
from triton_operator.model.s3_listing import s3_page, s3_page_query
from triton_operator.model.s3_signing import KEYS, S3Authorization, S3Keys
from triton_operator.model.secret_files import SecretFiles
from triton_operator.model.small_answers import small_answer

FORM = "s3://BUCKET/KEY"


class S3Source:
    """The model at `uri`; with an `endpoint`, the bucket is the first part of the path there.

    `folder`: everything below `uri`, which needs the right to list the bucket.

    The Secret may name the bucket's region as `AWS_REGION`; else S3 says which one it is.

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
        region = secret.word("AWS_REGION")
        self.root = bucket_root(self._object, uri, endpoint, region, around.network)
        authorization = S3Authorization(s3_keys(secret), region, around.now)
        self._download = Download(self.root, authorization, around)

    def read(self, path: str | None, into: Receiver) -> None:
        """Download one object; see `Source.read`."""
        self._download.read(f"{self.root}/{quoted(self._object.key_of(path))}", into)

    def files(self, bounds: ListingBounds) -> list[str]:
        """All objects below the folder; see `ListingSource.files`."""
        prefix = f"{self._object.key}/"
        keys = ListedKeys(prefix, f"s3://{self._object.place}/{prefix}", bounds)

        def page(token: str | None) -> Page:
            url = f"{self.root}/?{s3_page_query(prefix, token)}"
            return s3_page(
                small_answer(
                    self._download,
                    url,
                    f"the list of {keys.name}",
                    most_bytes=PAGE_BYTES,
                    deadline=bounds.deadline,
                )
            )

        with listing_rights("s3:ListBucket"):
            return keys.read(page)


def bucket_root(
    stored: StoredObject, uri: str, endpoint: str | None, region: str | None, network: Network
) -> str:
    """The web address below which the bucket of `uri` has its keys.

    Raises:
        SourceRefused: `UnsupportedSource`.
    """
    if endpoint is None:
        return _amazon(stored, uri, region)
    return f"{endpoint_url(endpoint, '', network)}/{quoted(stored.place)}"


def s3_keys(secret: SecretFiles) -> S3Keys | None:
    """The access key in `secret`; None is nobody, for a public bucket.

    Raises:
        SourceRefused: `CredentialsInvalid`.
    """
    pair = secret.pair(*KEYS)
    return None if pair is None else S3Keys(*pair, secret.word("AWS_SESSION_TOKEN"))


def _amazon(stored: StoredObject, uri: str, region: str | None) -> str:
    bucket = stored.place
    if not bucket.replace("-", "").replace(".", "").replace("_", "").isalnum():
        raise malformed(uri, FORM)
    domain = "amazonaws.com.cn" if (region or "").startswith("cn-") else "amazonaws.com"
    host = f"s3.{region}.{domain}" if region else f"s3.{domain}"
    # A name with dots does not fit the wildcard of Amazon's certificate, and capital letters, which
    # very old buckets have, get lost in the name of a host.
    in_path = "." in bucket or bucket != bucket.lower()
    return f"https://{host}/{bucket}" if in_path else f"https://{bucket}.{host}"
