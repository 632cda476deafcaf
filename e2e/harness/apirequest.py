"""The few API requests the harness makes while kubectl would be too slow or cannot know yet."""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from e2e.harness.pki import Pair

TIMEOUT_SECONDS = 5.0


def client_context(ca: Path, client: Pair) -> ssl.SSLContext:
    """TLS that trusts `ca` alone and shows the certificate of `client`."""
    context = ssl.create_default_context(cafile=str(ca))
    context.load_cert_chain(client.cert, client.key)
    return context


def get(url: str, context: ssl.SSLContext | None = None) -> tuple[int, Any]:
    """Status and decoded body (JSON when it is JSON, else text) of a GET. Raises OSError when
    nothing answers.
    """
    # No proxy: the address is this machine's own, whatever http_proxy says.
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
    )
    try:
        with opener.open(url, timeout=TIMEOUT_SECONDS) as answer:
            status, body = answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            status, body = error.code, error.read()
    try:
        return status, json.loads(body)
    except ValueError:
        return status, body.decode(errors="replace")
