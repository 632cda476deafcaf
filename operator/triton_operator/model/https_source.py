"""`https://HOST/PATH`: a file on a web server; external data is at addresses relative to it."""

from urllib.parse import quote, urljoin

from triton_operator.model.connection import checked_address
from triton_operator.model.credentials import web_credentials
from triton_operator.model.download import Conditions, Download
from triton_operator.model.receiving import Receiver
from triton_operator.model.secret_files import SecretFiles


class HttpsSource:
    """The model at `uri`.

    Raises:
        SourceRefused: `UnsupportedSource` for a malformed address, `CredentialsInvalid`.
    """

    def __init__(self, uri: str, secret: SecretFiles, around: Conditions) -> None:
        self._url = checked_address(uri, around.network)
        self._download = Download(self._url, web_credentials(secret), around)

    def read(self, path: str | None, into: Receiver) -> None:
        """Download one file; see `Source.read`."""
        self._download.read(self._url if path is None else urljoin(self._url, quote(path)), into)
