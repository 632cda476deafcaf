"""Flags of `run` that say how models are fetched: checked before anything starts."""

import ipaddress
import re
from pathlib import Path
from urllib.parse import urlsplit

import typer

from triton_operator.manifests.container_resources import ContainerResources, parse_resources
from triton_operator.manifests.proxy import Proxy

_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
_DOMAIN = re.compile(r"\*|(\*?\.)?[A-Za-z0-9_]([-A-Za-z0-9_.]*[A-Za-z0-9_])?(:[0-9]{1,5})?")


def resources_of(text: str, flag: str, default: ContainerResources) -> ContainerResources:
    """JSON of a container's resources, or the default; `BadParameter` says which field is wrong."""
    if not text:
        return default
    try:
        return parse_resources(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=flag) from error


def secret_names(given: list[str]) -> list[str]:
    """Names of Secrets."""
    for name in given:
        if len(name) > 253 or not _NAME.fullmatch(name):
            raise typer.BadParameter(f"'{name}' is no name of a Secret")
    return given


def secret_name(given: str) -> str:
    """Name of a Secret, or nothing."""
    secret_names([given] if given else [])
    return given


def proxy_address(given: str) -> str:
    """`http://HOST:PORT` or `https://HOST:PORT` of a proxy, or nothing."""
    if not given:
        return ""
    try:
        parts = urlsplit(given)
        usable = (
            parts.scheme in ("http", "https")
            and bool(parts.hostname)
            and (parts.port or 1) > 0
            and parts.path in ("", "/")
            and not (parts.query or parts.fragment)
        )
    except ValueError:
        usable = False
    if not usable:
        raise typer.BadParameter(f"'{given}' is no proxy: http://HOST:PORT or https://HOST:PORT")
    if parts.username is not None or parts.password is not None:
        raise typer.BadParameter(
            "credentials in a proxy's address could be read in every pod; put them into a Secret "
            "of each service's namespace and name it with --proxy-secret"
        )
    return given


def direct_names(given: str) -> str:
    """Comma-separated hosts, domains, addresses and ranges."""
    for name in split_names(given):
        if not (_is_range(name) or _DOMAIN.fullmatch(name)):
            raise typer.BadParameter(
                f"'{name}' is no host, domain, address or range, such as .example.com or 10.0.0.0/8"
            )
    return given


def split_names(given: str) -> tuple[str, ...]:
    """The names in a comma-separated list."""
    return tuple(name.strip() for name in given.split(",") if name.strip())


def proxy_of(https: str, http: str, direct: str, secret: str = "") -> Proxy:
    """The four flags together."""
    return Proxy(https=https, http=http, no=split_names(direct), secret=secret)


def bundle_of(file: Path | None) -> str | None:
    """The certificates in the file of `--ca-bundle-file`."""
    from triton_operator.controllers.trust_bundle import InvalidBundle, read_bundle

    if file is None:
        return None
    try:
        return read_bundle(file)
    except InvalidBundle as error:
        raise typer.BadParameter(str(error), param_hint="--ca-bundle-file") from error


def _is_range(name: str) -> bool:
    try:
        ipaddress.ip_network(name.strip("[]"), strict=False)
    except ValueError:
        return False
    return True
