"""The plain credentials of web servers: a bearer token, or a user with a password."""

from triton_operator.model.authorization import FixedHeader, basic
from triton_operator.model.secret_files import SecretFiles, invalid


def web_credentials(secret: SecretFiles) -> FixedHeader:
    """`token`, else `username` with `password`, else nobody: a public store needs none.

    Raises:
        SourceRefused: `CredentialsInvalid`.
    """
    if (token := bearer_token(secret, "token")) is not None:
        return FixedHeader(f"Bearer {token}")
    if (pair := user(secret)) is not None:
        return FixedHeader(basic(*pair))
    return FixedHeader()


def bearer_token(secret: SecretFiles, key: str) -> str | None:
    """The value of `key`, which can stand in a header.

    Raises:
        SourceRefused: `CredentialsInvalid`.
    """
    token = secret.word(key)
    if token is not None and (not token.isascii() or " " in token):
        raise invalid(key, "is no bearer token: one word of ASCII characters")
    return token


def user(secret: SecretFiles) -> tuple[str, str] | None:
    """`username` and `password`.

    Raises:
        SourceRefused: `CredentialsInvalid`.
    """
    pair = secret.pair("username", "password")
    if pair is not None and ":" in pair[0]:
        raise invalid("username", "has a ':' in it, which basic authentication cannot carry")
    return pair
