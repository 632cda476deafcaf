"""The platform's certificate authorities, read from a file that may change while we run."""

import logging
import re
import ssl
from pathlib import Path

logger = logging.getLogger(__name__)

MOST_BYTES = 256 * 1024
"""A copy is kept for each service that fetches its model over a network. The public list has 220 kB
and is in the image already; a platform's own authorities have some kilobytes."""

_CERTIFICATE = re.compile(
    r"-----BEGIN (?:TRUSTED )?CERTIFICATE-----.+?-----END (?:TRUSTED )?CERTIFICATE-----", re.DOTALL
)


class InvalidBundle(ValueError):
    """The file has no usable certificates; the message says why and what to do."""


def read_bundle(file: Path) -> str:
    """The certificates in `file` as PEM, without the comments between them.

    Raises:
        InvalidBundle: it cannot be read, is too large, has no certificate, or has a key in it.
    """
    try:
        text = file.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise InvalidBundle(f"{file} cannot be read: {error.strerror}") from error
    if "PRIVATE KEY-----" in text:
        raise InvalidBundle(
            f"{file} has a private key in it, and would be copied beside every service; "
            "put only certificates there"
        )
    found = _CERTIFICATE.findall(text)
    if not found:
        raise InvalidBundle(f"{file} has no certificate in it (-----BEGIN CERTIFICATE-----)")
    bundle = "\n".join(found) + "\n"
    if len(bundle) > MOST_BYTES:
        raise InvalidBundle(
            f"{file} has {len(bundle)} bytes of certificates, and {MOST_BYTES} are allowed; only "
            "those that the public list lacks are needed"
        )
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=bundle)
    except (ssl.SSLError, ValueError) as error:
        raise InvalidBundle(f"{file} has a certificate that cannot be read: {error}") from error
    return bundle


def newest_bundle(file: Path, known: str | None) -> str | None:
    """What `file` has now; what is `known` if that is not usable, which is logged."""
    try:
        found = read_bundle(file)
    except InvalidBundle as error:
        logger.warning(
            "The new trust bundle is not usable; the one before stays.", extra={"error": str(error)}
        )
        return known
    if found != known:
        logger.info("The trust bundle changed; services get it now.")
    return found
