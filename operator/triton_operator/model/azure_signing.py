"""How Azure Storage lets a download in: signed with the account's key, or by a signed query.

https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key
"""

import base64
import binascii
import hmac
import re
from collections.abc import Callable
from datetime import datetime
from email.utils import format_datetime

import urllib3

from triton_operator.model.authorization import Headers, Refusal
from triton_operator.model.secret_files import invalid
from triton_operator.model.sent_address import sent_address

_VERSION = "2021-12-02"
"""Of the protocol; servers take every older one."""
_QUERY = re.compile(r"[A-Za-z0-9%&=._~:/+-]+")


class SharedKey:
    """Signs each request with the key of `account`.

    Raises:
        SourceRefused: `CredentialsInvalid`, the key is not base64.
    """

    wanted = ""
    present = True

    def __init__(self, account: str, key: str, now: Callable[[], datetime]) -> None:
        self._account = account
        self._now = now
        try:
            self._key = base64.b64decode(key, validate=True)
        except binascii.Error as error:
            raise invalid("AZURE_STORAGE_ACCOUNT_KEY", "is not base64") from error

    def authorized(
        self, url: str, headers: Headers, timeout: urllib3.Timeout
    ) -> tuple[str, Headers]:
        """`headers` with date, version and signature."""
        date = format_datetime(self._now(), usegmt=True)
        named = {"x-ms-date": date, "x-ms-version": _VERSION}
        lines = "".join(f"{name}:{text}\n" for name, text in named.items())
        # Eleven headers that a signature covers; of them only Range is ever sent here.
        request = f"GET{chr(10) * 11}{headers.get('Range', '')}\n"
        text = f"{request}{lines}/{self._account}{sent_address(url).path}"
        signature = base64.b64encode(hmac.digest(self._key, text.encode(), "sha256")).decode()
        return url, {
            **headers,
            **named,
            "Authorization": f"SharedKey {self._account}:{signature}",
        }

    def learns(self, refusal: Refusal, timeout: urllib3.Timeout) -> bool:
        """Never: a refused signature stays refused."""
        return False


class SharedAccessSignature:
    """Adds a shared access signature, made elsewhere for some files and some time, to the query.

    Raises:
        SourceRefused: `CredentialsInvalid`, it is no query.
    """

    wanted = ""
    present = True

    def __init__(self, signature: str) -> None:
        self._query = signature.removeprefix("?")
        if not _QUERY.fullmatch(self._query) or "sig=" not in self._query:
            raise invalid(
                "AZURE_STORAGE_SAS_TOKEN", "is no shared access signature: sv=…&sig=…, without host"
            )

    def authorized(
        self, url: str, headers: Headers, timeout: urllib3.Timeout
    ) -> tuple[str, Headers]:
        """`url` with the signature; messages never show a query."""
        joint = "&" if "?" in url else "?"
        return f"{url}{joint}{self._query}", {**headers, "x-ms-version": _VERSION}

    def learns(self, refusal: Refusal, timeout: urllib3.Timeout) -> bool:
        """Never: a refused signature stays refused."""
        return False
